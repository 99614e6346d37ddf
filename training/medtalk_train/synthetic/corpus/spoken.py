"""When the words of a corpus are spoken: its phones have times, its words have none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medtalk.features.alignment import Alignment, align
from medtalk.features.phones import N_PHONES
from medtalk.rates import FPS

if TYPE_CHECKING:
    from medtalk_train.synthetic.corpus.read import Utterance

ENOUGH = 0.7
"""Share of the words that must be found in the phones; else the times of none count as known."""


def spoken(utterance: Utterance) -> Alignment | None:
    """An utterance's text aligned to its own phones; None for other languages and texts that do not fit.

    Takes about 10 ms of CPU time a second of sound.
    """
    if not utterance.language.startswith("en"):
        return None
    ends = np.array([end for _, end, _ in utterance.phones])
    classes = np.array([phone for _, _, phone in utterance.phones], np.int64)
    middles = (np.arange(utterance.frames) + 0.5) / FPS
    labels = classes[np.minimum(np.searchsorted(ends, middles, "right"), len(ends) - 1)]
    found = align(np.eye(N_PHONES, dtype=np.float32)[labels], utterance.text)
    fitting = sum(word.fits for word in found.words)
    return found if fitting and fitting >= ENOUGH * len(found.words) else None
