"""Takes of one sentence, aligned by their sound: what stands in for frame-aligned faces where nobody has rendered any.

The paper names dynamic time warping as the way that it does not need (Sec. 3.2), and its price: a face that is slowed
or hastened is not quite one that was captured. It is an option here, `warp` of a data set.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.fft import dct

from medtalk.errors import MissingExtraError
from medtalk.features.mel import decibels
from medtalk.rates import FPS
from medtalk_train.captured.cache import Cache

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk_train.captured.takes import LazyArray

LONGEST = 30.0
"""Seconds of a take that is warped: the table of costs grows with the square, to some 30 MB here."""
_COEFFICIENTS = 13
_DEEPEST_DB = 60.0
"""Below the loudest band of a clip all is silence: two rooms need not be silent alike."""
_PART = "warp-1"
"""Where the cache keeps the alignments: another number where they are made in another way."""


class Spoken(NamedTuple):
    """A take to be warped: its name, who says what in which emotion, whether it is held back, its sound and frames."""

    name: str
    speaker: str
    label: int
    said: str
    held: bool
    sound: LazyArray
    frames: int


def align(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.int32]:
    """(T,) for each frame of the first sound (16 kHz; 60 frames a second) the frame of the second in which the same is
    said; it never goes back.

    Raises MissingExtraError without librosa.
    """
    try:
        from librosa.sequence import dtw  # which compiles itself, slowly
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"Aligning takes by their sound needs {error.name}, which is not installed.",
            "Run pip install 'medtalk[full]', or leave out warp.",
        ) from error

    _, path = dtw(_spectra(one), _spectra(other), metric="euclidean")
    ours, theirs = path[::-1].T
    frames = np.arange(len(one) * FPS // 16000)
    # several frames of the second may meet one of the first: the middle of them
    total, count = np.bincount(ours, theirs, len(frames)), np.bincount(ours, minlength=len(frames))
    return np.maximum.accumulate(np.rint(total / count)).astype(np.int32)


def warped(takes: Sequence[Spoken], cache: Cache) -> list[dict[str, Any]]:
    """The takes of `sentences`, each sentence as {"frames": T, "takes": {name: file}}: on the time of one of its takes,
    the file "", and of the others where the cache keeps `align` of that one and them. The take whose length is in the
    middle keeps its own time.
    """
    return [_group(group, cache) for group in sentences(takes)]


def sentences(takes: Sequence[Spoken]) -> list[list[Spoken]]:
    """The takes of each sentence that was said in several emotions, as far as they are not too long.

    A sentence is taken from one speaker who said it in two emotions or more, else from several. Takes without a
    speaker count as those of different people.
    """
    said: dict[tuple[bool, str], dict[tuple[str, str], list[Spoken]]] = defaultdict(lambda: defaultdict(list))
    for take in takes:
        if (words := plain(take.said)) and take.frames <= LONGEST * FPS:
            said[take.held, words][take.speaker, "" if take.speaker else take.name].append(take)
    out = []
    for speakers in said.values():
        groups, rest = [], []
        for group in speakers.values():
            (groups.append if len({take.label for take in group}) > 1 else rest.extend)(group)  # type: ignore[arg-type]
        out += [group for group in [*groups, rest] if len({take.label for take in group}) > 1]
    return out


def plain(sentence: str) -> str:
    """A sentence by its words alone, so that two transcripts of it are equal."""
    return " ".join(re.findall(r"\w+", sentence.casefold()))


def _group(takes: Sequence[Spoken], cache: Cache) -> dict[str, Any]:
    by_label: dict[int, Spoken] = {}
    for take in takes:
        by_label.setdefault(take.label, take)
    chosen = sorted(by_label.values(), key=lambda take: (take.frames, take.name))
    middle = chosen[len(chosen) // 2]
    files = {take.name: "" if take is middle else _kept(middle, take, cache) for take in chosen}
    return {"frames": middle.frames, "takes": files}


def _kept(middle: Spoken, take: Spoken, cache: Cache) -> str:
    key = hashlib.sha256(f"{middle.sound.key()} {take.sound.key()}".encode()).hexdigest()
    return cache.file(_PART, key, lambda: align(middle.sound.read(), take.sound.read()))


def _spectra(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """(26, T) cepstra and their slopes, without what is the clip's own: another voice, another distance and another
    loudness of feeling fall out. The lower coefficients keep their greater weight: the higher ones tell the pitch.
    """
    bands = decibels(sound)[::2]
    bands = np.maximum(bands, bands.max(initial=-120.0) - _DEEPEST_DB)
    cepstra = np.asarray(dct(bands, axis=1, norm="ortho"))[:, :_COEFFICIENTS]
    slopes = np.gradient(cepstra, axis=0) if len(cepstra) > 1 else np.zeros_like(cepstra)
    return np.concatenate([_even(cepstra), _even(slopes)], axis=1).T.astype(np.float32)


def _even(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(T, n) about 0, as large as another clip's."""
    values = values - values.mean(axis=0)
    return values / max(float(np.sqrt(np.square(values).sum(axis=1).mean())), 1e-3)
