"""The intensity of a long sound: window by window, each with the words that are spoken in it (numpy only).

CMF learns from sentences. A clip of minutes in one piece is nothing that it has met, its attention grows with frames
times words, and later words than the 512th would be lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from medtalk.features.words import MAX_WORDS, NO_WORDS
from medtalk.rates import FPS

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST = 900
"""Frames that are heard in one piece."""
_STEP, _OVERLAP = 600, 120
_AROUND = 30  # frames beside a window whose words still count

Intensity = Callable[["NDArray", "NDArray", "NDArray"], "NDArray"]
"""(T, E) emotion features, (N, 8) tokens, (N, 2) times in s, -1 where not known -> (T,)."""


def by_windows(
    intensity: Intensity, features: NDArray[np.float32], tokens: NDArray[np.int64], times: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The intensity (T,) of a sound of any length, by `intensity` of at most 15 s at a time.

    Args:
        intensity: the network.
        features: (T, E) emotion features.
        tokens: (N, 8) of `tokenise`, any number of words.
        times: (N, 2) of `medtalk.features.alignment.token_times`. Words without times are taken to be spread evenly.
    """
    frames = len(features)
    if frames <= LONGEST:
        return intensity(features, tokens[:MAX_WORDS], times[:MAX_WORDS])
    known = times[:, 0] >= 0
    even = (np.arange(len(tokens)) + 0.5) / len(tokens) * frames
    middles = np.where(known, times.mean(1) * FPS, even)
    out, weights = np.zeros(frames), np.zeros(frames)
    for first in range(0, frames - _OVERLAP, _STEP):
        end = min(first + _STEP + _OVERLAP, frames)
        if frames - end < _OVERLAP:  # no window of a few frames at the end
            end = frames
        rows = np.flatnonzero((middles >= first - _AROUND) & (middles < end + _AROUND))[:MAX_WORDS]
        there = np.where(known[rows, None], np.maximum(times[rows] - first / FPS, 0.0), -1.0).astype(np.float32)
        if not len(rows):
            words, there = NO_WORDS, np.full((1, 2), -1.0, np.float32)
        else:
            words = tokens[rows]
        ramp = np.minimum(np.arange(1, end - first + 1), np.arange(end - first, 0, -1))
        weight = np.minimum(ramp / (_OVERLAP + 1), 1.0)
        out[first:end] += weight * intensity(features[first:end], words, there)
        weights[first:end] += weight
        if end == frames:
            break
    return (out / weights).astype(np.float32)
