"""How late a rig is against its sound: where the opening of its mouth follows the loudness of the voice best."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.ndimage import uniform_filter1d

from medtalk.rates import FPS, RATE
from medtalk.rig import indices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FARTHEST = FPS
"""Frames that a rig is shifted by either way, at most: a second."""
LATE = 6
"""Frames (0.1 s) beyond which a rig is late: a jaw is where it should be within two or three frames of the loudness."""
SHORTEST, ALONE, TOGETHER = 2 * FPS, 3 * FPS, 15 * FPS
"""Frames of a rig below which it tells nothing, and below which it or several tell nothing by themselves: a few
syllables fit anywhere."""
CLEAR, CLEAR_TOGETHER = 0.6, 0.2
"""The correlation that a take alone must have at its best shift, and the mean of several."""
_GAIN = 0.08  # by which the best shift must beat both no shift and any other: syllables come at a beat
_APART = 7  # frames between two different shifts
_FLOOR_DB = 40.0  # under the loudest frame: what is below is a pause, however quiet
_TREND = 2 * FPS + 1  # frames over which loudness and opening are levelled
_JAW = indices("C_jaw.Y")
_TOGETHER = indices("[LR]_mouth_lipsTogether[DU]")
_PARTED = indices("[LR]_mouth_lowerLipDepress", "[LR]_mouth_upperLipRaise")
_SHIFTS = np.arange(-FARTHEST, FARTHEST + 1)


class Lag(NamedTuple):
    """A rig's shift against its sound: `frames` at 60 fps by which it is late (early if negative), and the correlation
    there. `frames` is None where the correlation is too weak, or two shifts are as good."""

    frames: int | None
    correlation: float

    @property
    def late(self) -> bool:
        return self.frames is not None and abs(self.frames) > LATE

    def __str__(self) -> str:
        assert self.frames is not None
        how = "late" if self.frames > 0 else "early"
        return f"{abs(self.frames) / FPS:.2f} s {how} relative to the sound (r {self.correlation:.2f} there)"


def opening(values: NDArray) -> NDArray[np.float64]:
    """(T,) how far the mouth of a rig (T, 174) is open: by the jaw, as far as the lips let it, and by the lips."""
    parted = values[:, _JAW].mean(1) * (1.0 - np.clip(values[:, _TOGETHER], 0.0, 1.0).mean(1))
    return (parted + 0.5 * values[:, _PARTED].mean(1)).astype(np.float64)


def loudness(samples: NDArray) -> NDArray[np.float64]:
    """(T,) dB of a sound (n,) at 16 kHz in each frame of 60 a second, against its loudest frame: -40 to 0.

    So nothing that is read from it depends on the gain of the recording.
    """
    frames = len(samples) * FPS // RATE
    edges = np.linspace(0, len(samples), frames + 1).astype(int)
    power = (
        np.add.reduceat(np.square(samples, dtype=np.float64), edges[:-1]) / np.diff(edges) if frames else np.zeros(0)
    )
    decibels = 10.0 * np.log10(uniform_filter1d(power, 3, mode="nearest") + 1e-12)
    return np.maximum(decibels - decibels.max(initial=-120.0), -_FLOOR_DB)


def correlations(values: NDArray, samples: NDArray) -> NDArray[np.float64] | None:
    """(2 * FARTHEST + 1,) the correlation of opening and loudness for each shift; None for what is short or still."""
    open_, loud = opening(values), loudness(samples)
    count = min(len(open_), len(loud))
    if count < SHORTEST:
        return None
    open_, loud = (each[:count] - uniform_filter1d(each[:count], _TREND, mode="nearest") for each in (open_, loud))
    if min(open_.std(), loud.std()) < 1e-4:
        return None
    out = np.empty(len(_SHIFTS))
    for k, shift in enumerate(_SHIFTS):
        a, b = open_[max(0, shift) : count + min(0, shift)], loud[max(0, -shift) : count - max(0, shift)]
        a, b = a - a.mean(), b - b.mean()
        out[k] = a @ b / max(np.sqrt((a @ a) * (b @ b)), 1e-12)
    return out


def lag(curve: NDArray[np.float64] | None, frames: int = ALONE) -> Lag:
    """The shift of a rig of so many frames by its `correlations`."""
    if curve is None or frames < ALONE:
        return Lag(None, 0.0)
    return _best(curve, CLEAR)


def together(curves: Sequence[NDArray[np.float64]], frames: int) -> Lag:
    """The shift that several rigs have in common; `frames` is how long they are in all."""
    if not curves or frames < TOGETHER:
        return Lag(None, 0.0)
    return _best(np.mean(curves, axis=0), CLEAR_TOGETHER)


def _best(curve: NDArray[np.float64], clear: float) -> Lag:
    best = int(curve.argmax())
    top = float(curve[best])
    elsewhere = np.abs(_SHIFTS - _SHIFTS[best]) > _APART
    shift = int(_SHIFTS[best])
    if top < clear or abs(shift) > FARTHEST - 2:
        return Lag(None, top)
    if abs(shift) > LATE and top - max(curve[elsewhere].max(), curve[FARTHEST - 2 : FARTHEST + 3].max()) < _GAIN:
        return Lag(None, top)
    return Lag(shift, top)
