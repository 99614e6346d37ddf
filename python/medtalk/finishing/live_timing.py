"""Timing and smoothing of a stream: what `timing.retime` and `smoothing.smooth` do, with a few frames known ahead.

A frame is what the two would make of a clip that ends with the last frame that is known. A unit cannot lead as far as
it would: the means before it are late by its rise, and of what it leads by as many frames remain as are known ahead.
That is one for the units of the upper face. What they show is the mood, and its strength ahead of the voice is a guess:
from one frame to four brows come .05 s sooner, and tremble three times as much with guesses that change at each step.
Both are weighted means over time, and are done as one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medtalk.finishing.smoothing import (
    CLOSURES,
    ORDER,
    PEAK_HEIGHT,
    WINDOWS,
    lost_peaks,
    peaks_reach,
    savitzky_golay,
    weights,
)
from medtalk.finishing.timing import CORNERS, LOPSIDED, SIDE, UNITS, Sides, lead, weights_before
from medtalk.rates import FPS
from medtalk.rig.channels import AREAS, N_CHANNELS
from medtalk_wire.settings import Finishing

_UPPER = np.concatenate([unit.channels for unit in UNITS.values()])
_UPPER_AHEAD = 1
_BACK, _AHEAD = peaks_reach()


class LiveTiming:
    """Gives the frames of a stream their own time and smooths them, `ahead` frames before the last that is known."""

    def __init__(self, steps: Finishing, ahead: int, rng: np.random.Generator) -> None:
        self._ahead, self._sides, self._frame = ahead, Sides(rng), 0
        self._upper = min(ahead, _UPPER_AHEAD)
        self._asymmetry = steps.amounts.get("asymmetry", 1.0)
        self._lean, self._life = steps.lean, steps.life
        self._keeps = steps.smooth and steps.closures
        windows = {**WINDOWS, **steps.smoothing} if steps.smooth else dict.fromkeys(WINDOWS, 1)
        self._lips = windows["mouth"]
        half = self._half = max(windows.values()) // 2
        self._smoother = np.zeros((half + ahead + 1, N_CHANNELS))
        for area, window in windows.items():
            self._smoother[:, AREAS[area]] = self._taps(window, 0.0, ahead)[:, None]
        area_of = {channel: area for area in windows for channel in AREAS[area].tolist()}
        reach = max(len(weights_before(unit.fall * FPS)) for unit in UNITS.values())
        self._quick, self._slow = np.zeros((2, len(_UPPER), reach))
        self._mover = np.zeros((half + self._upper + 1, len(_UPPER)))
        column = 0
        for name, unit in UNITS.items():
            for channel in unit.channels.tolist():
                for means, seconds in ((self._quick, unit.rise), (self._slow, unit.fall)):
                    kernel = weights_before(seconds * FPS)
                    means[column, reach - len(kernel) :] = kernel
                apart = 0.5 * SIDE[channel] * self._sides.lags[name] * self._asymmetry
                later = lead(unit, FPS) + apart * FPS
                self._mover[:, column] = self._taps(windows[area_of[channel]], later, self._upper)
                column += 1
        self._side = np.array([SIDE[channel] for channel in _UPPER.tolist()])
        self._units = np.repeat(np.arange(len(UNITS)), [len(unit.channels) for unit in UNITS.values()])
        self._before = max(reach - 1, half, _BACK + self._lips // 2)  # frames that are kept
        if self._keeps:  # loads what it needs now, not at the first closed lips
            lost_peaks(savitzky_golay(np.zeros((9, 1), np.float32), 5), np.zeros((9, 1), np.float32))
        self._raw: NDArray[np.float32] | None = None
        self._moved = np.zeros((half, len(_UPPER)))

    def next(self, raw: NDArray[np.float32], ahead_raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next frames (N, 174) with their own time, smoothed; see `LiveFinishing.next`."""
        count, before = len(raw), self._before
        known = np.concatenate([raw, ahead_raw[: self._ahead]])
        missing = count + self._ahead - len(known)
        first = np.repeat(raw[:1], before, axis=0) if self._raw is None else self._raw
        known = np.concatenate([first, known, np.repeat(known[-1:], missing, axis=0)])
        out = np.empty((count, N_CHANNELS), np.float32)
        reach = len(self._smoother)
        for frame in range(count):
            start = before + frame - self._half
            out[frame] = (self._smoother * known[start : start + reach]).sum(axis=0)
            if self._keeps:
                self._lift(out[frame], known[: before + frame + self._ahead + 1])
        if self._life:
            self._retime(out, known)
        self._raw = known[count : count + before]
        self._frame += count
        return out

    def _retime(self, out: NDArray[np.float32], known: NDArray[np.float32]) -> None:
        """Put the units of the upper face in `out`, and give the corners of the mouth their sides."""
        times = (self._frame + np.arange(len(out))) / FPS
        reach = self._quick.shape[1]
        last = len(known) - self._ahead + self._upper
        upper = known[self._before - reach + 1 : last, _UPPER].astype(np.float64)
        past = np.lib.stride_tricks.sliding_window_view(upper, reach, axis=0)
        new = self._follow(np.maximum(past, 0.0))
        if upper.min() < 0.0:
            new -= self._follow(np.maximum(-past, 0.0))
        moved = np.concatenate([np.repeat(new[:1], self._half, axis=0) if self._frame == 0 else self._moved, new])
        common, own = self._sides.all(times)
        shares = 1.0 + 0.5 * self._side * self._asymmetry * LOPSIDED * (own[:, self._units] + self._lean)
        for frame in range(len(out)):
            shown = (self._mover * moved[frame : frame + len(self._mover)]).sum(axis=0)
            out[frame, _UPPER] = shown * shares[frame]
        self._moved = moved[len(out) : len(out) + self._half]
        for corner in CORNERS.tolist():
            out[:, corner] *= 1.0 + 0.5 * SIDE[corner] * self._asymmetry * LOPSIDED * (common + self._lean)

    def _follow(self, past: NDArray[np.float64]) -> NDArray[np.float64]:
        """`timing.follow` of values (N, U, reach) of which the last is now: (N, U)."""
        return np.maximum((past * self._quick).sum(axis=2), (past * self._slow).sum(axis=2))

    def _lift(self, out: NDArray[np.float32], known: NDArray[np.float32]) -> None:
        """Put back what smoothing took from the peaks of the closing channels; `known` ends with the last that is."""
        near = known[-self._ahead - 1 - _AHEAD :, CLOSURES]
        if not (near > PEAK_HEIGHT).any():
            return
        raw = known[-self._ahead - 1 - _BACK - self._lips // 2 :, CLOSURES]
        lift = lost_peaks(raw, savitzky_golay(raw, self._lips) if self._lips > ORDER + 1 else raw)
        out[CLOSURES] += lift[-self._ahead - 1]

    def _taps(self, window: int, later: float, ahead: int) -> NDArray[np.float64]:
        """Weights (half + 1 + ahead,) of the frames around one, which smooth what is so many frames later."""
        out = np.zeros(self._half + 1 + ahead)
        kernel = weights(window) if window > ORDER + 1 else np.ones(1)
        for weight, offset in zip(kernel, np.arange(len(kernel)) - len(kernel) // 2, strict=True):
            at = min(max(offset + later, -self._half), ahead)  # beyond what is known the last goes on
            low = int(np.floor(at))
            out[low + self._half] += weight * (low + 1 - at)
            if at > low:
                out[low + 1 + self._half] += weight * (at - low)
        return out
