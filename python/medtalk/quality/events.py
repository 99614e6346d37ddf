"""Lip events: the closures, bites and rounding that a viewer sees, found and false, against phone times.

An event of the speech is a run of frames of p b m (f v; the rounded sounds). It is found where the curve passes the
threshold within 2 frames of it. An event of the rig is a run of at least 2 frames over the threshold. It is true where
one of the phones lies within 3 frames, else false. All of it at 60 frames a second.

A curve that never falls below the threshold is one long event, and a true one: read `open_vowels_shut` beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medtalk.rates import FPS

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOUND_WITHIN = 2
TRUE_WITHIN = 3
SHORTEST = 2
PEAK_WITHIN = 6
"""Frames on either side of a phone in which the curve's peak is looked for, for the lag."""
THRESHOLDS = np.arange(0.05, 1.0, 0.05)

Phone = tuple[float, float, str]
"""Start and end in seconds, name in ARPAbet or of `medtalk.features.phones.PHONES`."""
SILENCE = "sil"
PAUSES = frozenset({SILENCE, "sp", "spn", ""})


@dataclass(frozen=True)
class Events:
    """Events of one kind over all clips, at one threshold.

    Attributes:
        threshold: of the curve.
        spoken, found: events of the speech, and those of them that the rig shows.
        shown, true: events of the rig, and those of them that the speech has.
        lag: median of how many frames the curve's peak comes after the middle of the phone; 0 where nothing is found.
    """

    threshold: float
    spoken: int
    found: int
    shown: int
    true: int
    lag: float

    @property
    def recall(self) -> float:
        return self.found / max(self.spoken, 1)

    @property
    def precision(self) -> float:
        return self.true / max(self.shown, 1)

    @property
    def false(self) -> int:
        return self.shown - self.true

    @property
    def f1(self) -> float:
        return 2.0 * self.recall * self.precision / max(self.recall + self.precision, 1e-9)


def count(clips: Iterable[tuple[NDArray, NDArray]], phones: Iterable[str], threshold: float) -> Events:
    """The events of clips of (curve (T,), name of the phone at each frame (T,))."""
    wanted = list(phones)
    spoken = found = shown = true = 0
    lags = []
    for curve, labels in clips:
        over, present = curve > threshold, np.isin(labels, wanted)
        for start, end in runs(present):
            spoken += 1
            if over[max(0, start - FOUND_WITHIN) : end + FOUND_WITHIN].any():
                found += 1
                first = max(0, start - PEAK_WITHIN)
                peak = first + int(curve[first : end + PEAK_WITHIN].argmax())
                lags.append(peak - (start + end - 1) / 2)
        near = widened(present, TRUE_WITHIN)
        events = [(start, end) for start, end in runs(over) if end - start >= SHORTEST]
        shown += len(events)
        true += sum(bool(near[start:end].any()) for start, end in events)
    return Events(threshold, spoken, found, shown, true, float(np.median(lags)) if lags else 0.0)


def best(clips: Sequence[tuple[NDArray, NDArray]], phones: Iterable[str]) -> Events:
    """The events at whichever of `THRESHOLDS` gives the highest F1."""
    wanted = list(phones)
    return max((count(clips, wanted, float(threshold)) for threshold in THRESHOLDS), key=lambda events: events.f1)


def frame_phones(phones: Iterable[Phone], frames: int) -> NDArray:
    """(T,) name of the phone at each frame, without stress; "sil" where there is none. Later phones win."""
    out = np.full(frames, SILENCE, dtype=object)
    for start, end, name in phones:
        out[max(0, round(start * FPS)) : max(0, round(end * FPS))] = name.rstrip("012")
    out[np.isin(out, list(PAUSES))] = SILENCE
    return out


def runs(mask: NDArray) -> list[tuple[int, int]]:
    """(first frame, frame after the last) of each run of True in a mask (T,)."""
    edges = np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))
    return list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True))


def widened(mask: NDArray, reach: int) -> NDArray:
    """(T,) True within `reach` frames of a True."""
    return np.convolve(mask, np.ones(2 * reach + 1))[reach : reach + len(mask)] > 0
