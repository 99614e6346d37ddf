"""A take brought onto another recording of its line: re-recorded, cut, or with longer pauses.

The phones that are heard in the two sounds are laid beside each other by dynamic time warping. Each frame of the new
rig is then the moment of the old one at which the same was heard: hand edits, moods and all come along.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter1d

from medtalk.edits import Edits, Stretch
from medtalk.errors import SettingError
from medtalk.features.phones import N_PHONES, PHONE_INDEX, SILENCE
from medtalk.rates import FPS
from medtalk.rig import RigSequence, Timed
from medtalk.rig.sequence import frozen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.perform import Performance

_BAND_S = 8.0  # how far a moment may lie away from where the lengths of the sounds alone would have it
_STAY = 0.25  # what a frame costs that stays where the other sound goes on; frames that agree cost 0 to 1
_SMOOTH = 2.0  # frames: the warp of neighbours is alike
_CELLS = 400_000_000
_SILENCE = PHONE_INDEX[SILENCE]
_AGREES = 0.5  # what a frame costs at most that is heard in both
SAME_LINE, SURELY = 0.5, 0.75
"""Shares of the speech that are heard in both sounds: under the first they are two lines, over the second surely one.

Two readings of a line by a voice have .89 to 1, by two voices .63 to 1 where the ear is good; two lines .2 to .45.
"""


def retime(rig: RigSequence, old: Performance, new: Performance) -> RigSequence:
    """A rig on another recording, at its own frame rate; `meta["retimed"]` has the share that is heard in both sounds.

    Args:
        rig: a take of the sound of `old`.
        old, new: the two sounds, heard by one model, with posteriors.

    Raises:
        SettingError: the rig is not of the old sound, the sounds are of two lines or too long, nothing is spoken, or
            the bundle hears no phones.
    """
    if abs(rig.seconds - old.seconds) > 1.5 / rig.fps + 0.05:
        raise SettingError(
            f"The rig lasts {rig.seconds:.2f} s and its sound {old.seconds:.2f} s.",
            "Give the sound that it was made of.",
        )
    at, shared = _moments(old, new, rig.fps)

    def moved(values: NDArray) -> NDArray[np.float32]:
        columns = [np.interp(at, rig.times, column) for column in values.T]
        return np.stack(columns, 1).astype(np.float32)

    head = None if rig.head is None else moved(rig.head)
    words, phones = (_moved(timed, at, rig.fps) for timed in (rig.words, rig.phones))
    meta = {**rig.meta, "source": new.speech.facts(), "retimed": {"heard in both": round(shared, 3)}}
    return replace(rig, values=frozen(moved(rig.values)), meta=meta, head=head, words=words, phones=phones)


def retime_edits(edits: Edits, old: Performance, new: Performance) -> tuple[Edits, float]:
    """Hand edits of a take of the old sound for takes of the new one, and the share that is heard in both sounds.

    They belong to no rig: `medtalk.edits.apply` says where the new take is another one under them. Those of moments
    that the new sound lacks are left out.

    Raises:
        SettingError: as `retime` does.
    """
    last = max((each.start + (len(each.before) - 1) / edits.fps for each in edits.stretches), default=0.0)
    if last > old.seconds + 1.0 / edits.fps:
        raise SettingError(
            f"The edits go to {last:.2f} s and the sound lasts {old.seconds:.2f} s.",
            "Give the sound of the take that they were made on.",
        )
    at, shared = _moments(old, new, edits.fps)
    stretches = []
    for each in edits.stretches:
        own = each.start + np.arange(len(each.before)) / edits.fps
        frames = np.flatnonzero((at >= own[0]) & (at <= own[-1]))
        if len(frames):
            span = np.arange(frames[0], frames[-1] + 1)
            before, after = (
                np.interp(at[span], own, values).astype(np.float32) for values in (each.before, each.after)
            )
            stretches.append(Stretch(each.channel, float(span[0]) / edits.fps, before, after))
    return Edits(edits.fps, "", tuple(stretches)), shared


def _moments(old: Performance, new: Performance, fps: float) -> tuple[NDArray[np.float64], float]:
    """The second of the old sound for each frame of the new one, and the share that is heard in both."""
    if old.posteriors is None or new.posteriors is None:
        raise SettingError("This bundle hears no phones, by which takes are brought onto other sounds.")
    places = warp(old.posteriors, new.posteriors)
    shared = _shared(old.posteriors, new.posteriors, places)
    if shared < SAME_LINE:
        raise SettingError(
            f"The new sound is not the same line: {100 * shared:.0f} % of its speech is heard in the take's own sound.",
            "Generate a take of it, and see `medtalk edits apply`.",
        )
    moments = places / FPS  # of each 60 fps frame of the new sound
    frames = max(1, round(len(new) / FPS * fps))
    return np.interp(np.arange(frames) / fps, np.arange(len(moments)) / FPS, moments), shared


def _shared(old: NDArray, new: NDArray, places: NDArray) -> float:
    """The share of the frames with speech at which the old sound has the same, beside the warp."""
    spoken = new[:, _SILENCE] < 0.5
    if not spoken.any():
        raise SettingError("Nothing is spoken in the new sound.", "Check the recording.")
    at = np.round(places[spoken]).astype(int).clip(0, len(old) - 1)
    alike = np.sqrt(np.maximum(old[at] * new[spoken], 0.0)).sum(axis=1)
    return float((1.0 - alike < _AGREES).mean())


def warp(old: NDArray, new: NDArray) -> NDArray[np.float64]:
    """For each frame of one sound the place in another where the same is heard: (T2,), in frames, never going back.

    Args:
        old: posteriors (T1, 35) at 60 fps.
        new: posteriors (T2, 35).

    Raises:
        SettingError: sounds so long that the comparison would not fit into memory.
    """
    rows, columns = len(new), len(old)
    if rows < 1 or columns < 1 or old.shape[1] != N_PHONES or new.shape[1] != N_PHONES:
        raise ValueError(f"posteriors must be (T, {N_PHONES}), not {old.shape} and {new.shape}")
    band = min(columns, int(_BAND_S * FPS) + abs(rows - columns))
    width = min(columns, 2 * band + 1)
    if rows * width > _CELLS:
        raise SettingError(
            f"Sounds of {columns / FPS:.0f} and {rows / FPS:.0f} s are too long.", "Cut them at a pause."
        )
    one, other = (np.sqrt(np.maximum(each, 0.0)).astype(np.float32) for each in (new, old))
    firsts = np.clip(np.round(np.arange(rows) * (columns / rows)).astype(int) - band, 0, columns - width)
    far = np.float32(np.inf)
    total = np.full((rows, width), far, np.float32)
    for row in range(rows):
        first = firsts[row]
        cost = 1.0 - other[first : first + width] @ one[row]  # of the Bhattacharyya coefficient
        if row == 0:
            total[0] = np.cumsum(cost + _STAY) - _STAY
            continue
        shift = first - firsts[row - 1]
        before = np.full(width + 1, far, np.float32)  # what ends one column to the left, in the row before
        lead = int(shift == 0)  # then the column to the left of the first one is outside
        left = total[row - 1, max(shift - 1, 0) :][: width + 1 - lead]
        before[lead : lead + len(left)] = left
        best = np.minimum(before[:width], before[1:] + _STAY)  # on in both, or in the new sound only
        # On in the old sound only: a running minimum, after the way there is taken off.
        way = np.cumsum(cost + _STAY)
        total[row] = np.minimum.accumulate(best + cost - way) + way
    return _path(total, firsts, one, other)


def _path(total: NDArray, firsts: NDArray, one: NDArray, other: NDArray) -> NDArray[np.float64]:
    """The cheapest way back through the sums, as a place in the old sound for each row."""
    rows, width = total.shape
    low, high = np.empty(rows), np.empty(rows)
    row, column = rows - 1, other.shape[0] - 1

    def at(row: int, column: int) -> float:
        inside = row >= 0 and 0 <= column - firsts[row] < width
        return float(total[row, column - firsts[row]]) if inside else np.inf

    high[row] = column
    while True:
        choices = (at(row - 1, column - 1) if row else np.inf, at(row - 1, column) + _STAY if row else np.inf,
                   at(row, column - 1) + _STAY)  # fmt: skip
        step = int(np.argmin(choices))
        if not np.isfinite(choices[step]):
            low[row] = column
            break
        if step < 2:
            low[row] = column
            row -= 1
            high[row] = column - (step == 0)
        column -= step != 1
    places = gaussian_filter1d((low + high) / 2.0, _SMOOTH, mode="nearest")
    return np.maximum.accumulate(places)


def _moved(timed: tuple[Timed, ...], at: NDArray, fps: float) -> tuple[Timed, ...]:
    """Words or phones at their times in the new sound; those that it lacks are left out."""
    found = []
    for each in timed:
        start, end = (float(np.searchsorted(at, seconds)) / fps for seconds in (each.start, each.end))
        if end > start:
            found.append(Timed(each.text, start, min(end, len(at) / fps)))
    return tuple(found)
