"""When each action unit moves: brows and lids lead, cheeks follow, the mouth comes last; the sides are never alike.

A decoder moves the whole face by one number, so that every channel starts and ends at once. Faces do not: an expression
builds up and goes at speeds of its own (Schmidt et al. 2006, "Movement differences between deliberate and spontaneous
facial expressions", Journal of Nonverbal Behavior, measure onset and offset apart), its action units one after the
other, and one side a little before and more than the other (5.9 % of the level in the captured take). Times are ours.

What is moved here are the channels of the upper face. In the decoder's rig they are emotion alone, while those of the
mouth speak as well: the mouth gets its delay with the strength (`medtalk.dynamics`), and the upper face runs ahead.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from medtalk.rig.channels import AREAS, indices


class Unit(NamedTuple):
    """An action unit: its channels, how many seconds it runs ahead of the mouth, and how long it rises and falls."""

    channels: NDArray[np.intp]
    lead: float
    rise: float
    fall: float


UNITS: dict[str, Unit] = {
    "inner brow": Unit(indices("[LR]_brow_raiseIn"), 0.120, 0.10, 0.35),
    "outer brow": Unit(indices("[LR]_brow_raiseOut"), 0.100, 0.10, 0.30),
    "brow lowerer": Unit(indices("[LR]_brow_down", "[LR]_brow_lateral"), 0.105, 0.13, 0.45),
    "lids": Unit(indices("[LR]_eye_blink", "[LR]_eye_eyelid[DU]"), 0.110, 0.07, 0.25),
    "squint": Unit(indices("[LR]_eye_squintInner", "[LR]_eye_lidPress", "[LR]_eye_faceScrunch"), 0.070, 0.12, 0.45),
    "cheeks": Unit(indices("[LR]_eye_cheekRaise"), 0.040, 0.13, 0.55),
    "nose": Unit(indices("[LR]_nose", "[LR]_nose_*"), 0.050, 0.10, 0.40),
}
"""The action units of the upper face, each channel in one of them."""

LOPSIDED = 0.055
"""Mean difference between left and right, as a share of the level."""
_SIDE_LAG = (0.010, 0.030)  # seconds from one side to the other
_PERIODS = (6.0, 11.0, 23.0)  # seconds, roughly, in which the difference drifts
CORNERS = indices("[LR]_mouth_corner[DP]*", "[LR]_mouth_sharpCornerPull", "[LR]_mouth_dimple")
_TREMBLING = np.concatenate([AREAS["brow"], indices("[LR]_eye_blink", "[LR]_eye_squintInner")])
_TREMOR_HZ = (5.0, 8.0)


def retime(
    values: NDArray[np.float32], fps: float, rng: np.random.Generator, lean: float = 0.0, asymmetry: float = 1.0
) -> NDArray[np.float32]:
    """Give each action unit of a rig (T, 174) its own time, and the sides their differences; returns a new array.

    Args:
        values: as the decoder gives it.
        fps: frames a second.
        rng: the only source of chance.
        lean: -1 to 1, which side shows more on the whole: 1 is the character's left.
        asymmetry: multiplies the differences between the sides; 0 keeps them alike.

    No channel leaves the range that it had before, but for `asymmetry`.
    """
    out = np.array(values, np.float32)
    times, sides = np.arange(len(out), dtype=np.float64), Sides(rng)
    common = sides.common.at(np.arange(len(out)) / fps)
    for name, unit in UNITS.items():
        own = sides.own(name, np.arange(len(out)) / fps, common)
        apart = sides.lags[name] * asymmetry
        used = unit.channels[np.abs(values[:, unit.channels]).max(axis=0, initial=0.0) > 0.0]
        if not len(used):
            continue
        moved = _signed(out[:, used], unit.rise * fps, unit.fall * fps)
        ahead = lead(unit, fps)
        for column, channel in enumerate(used.tolist()):
            side = SIDE[channel]
            shifted = np.interp(times + ahead + 0.5 * side * apart * fps, times, moved[:, column])
            out[:, channel] = shifted * (1.0 + 0.5 * side * asymmetry * LOPSIDED * (own + lean))
    for channel in CORNERS.tolist():
        out[:, channel] *= 1.0 + 0.5 * SIDE[channel] * asymmetry * LOPSIDED * (common + lean)
    return out


class Sides:
    """How the sides of a face differ over time: each unit by itself, all of them together, and the one sooner."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.common = _Difference(rng)
        self.lags: dict[str, float] = {}
        """By unit: seconds from one side to the other, above 0 where the left comes first."""
        self._units: dict[str, _Difference] = {}
        for name in UNITS:
            self._units[name] = _Difference(rng)
            self.lags[name] = float(rng.choice([-1.0, 1.0]) * rng.uniform(*_SIDE_LAG))
        every = [self.common, *self._units.values()]
        self._biases = np.array([each.bias for each in every])
        self._periods, self._phases = np.moveaxis(np.array([each.wander.waves for each in every]), 2, 0)

    def own(self, unit: str, times: NDArray[np.float64], common: NDArray[np.float64]) -> NDArray[np.float64]:
        """How much more the left side of a unit shows at `times` in seconds, same shape; about 1 by its size.

        `common` is what all units have in common then.
        """
        return 0.6 * common + 0.8 * self._units[unit].at(times)

    def all(self, times: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What all have in common at `times` (N,), and of the units their own (N, U), all in one."""
        waves = np.sin(2.0 * np.pi * (times[:, None, None] / self._periods + self._phases))
        found = self._biases + 0.7 * (np.sqrt(2.0 / waves.shape[2]) * waves.sum(axis=2))
        return found[:, 0], 0.6 * found[:, :1] + 0.8 * found[:, 1:]


def lead(unit: Unit, fps: float) -> float:
    """Frames from a unit's curve, as `follow` gives it, to the moment that it is to be shown at."""
    return unit.lead * fps + mean_width(unit.rise * fps) - 1  # the means before are late


def follow(values: NDArray, rise: float, fall: float) -> NDArray:
    """A curve (T,) or curves (T, n), 0 or more, that follow `values` upwards within `rise` frames, downwards in `fall`.

    It is the larger of two weighted means over the frames before, and so never leaves their range. A rise has the shape
    of a muscle's: slow, fast, slow.
    """
    quick, slow = _mean_before(values, min(rise, fall)), _mean_before(values, max(rise, fall))
    return np.maximum(quick, slow) if rise <= fall else np.minimum(quick, slow)


class Follow:
    """`follow` of a curve that goes on, value by value."""

    def __init__(self, rise: float, fall: float) -> None:
        quick, slow = (weights_before(each) for each in (min(rise, fall), max(rise, fall)))
        self._weights = np.stack([np.concatenate([np.zeros(len(slow) - len(quick)), quick]), slow])
        self._larger = rise <= fall
        self._past: NDArray[np.float64] | None = None

    def next(self, value: float) -> float:
        """The next value; the first went on before."""
        past = self._past
        if past is None:
            past = self._past = np.full(self._weights.shape[1], value)
        past[:-1] = past[1:]
        past[-1] = value
        quick, slow = (self._weights * past).sum(axis=1).tolist()
        return max(quick, slow) if self._larger else min(quick, slow)


def tremble(
    values: NDArray[np.float32], shaking: NDArray[np.float32], fps: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Make brows and lids of a rig (T, 174) tremble by `shaking` (T,), a share of their level; returns a new array.

    The tremor has 5 to 8 Hz, and comes and goes. Its rate is ours.
    """
    return shake(values, shaking * Tremor(rng, fps).next(len(values)))


def shake(values: NDArray[np.float32], wave: NDArray) -> NDArray[np.float32]:
    """Move brows and lids of a rig (T, 174) by `wave` (T,), a share of their level; returns a new array."""
    out = np.array(values, np.float32)
    out[:, _TREMBLING] *= (1.0 + wave)[:, None].astype(np.float32)
    return out


class Tremor:
    """An oscillation within -1..1 whose frequency and size drift, which goes on for ever."""

    def __init__(self, rng: np.random.Generator, fps: float) -> None:
        self._fps, self._frame, self._turned = fps, 0, 0.0
        self._hertz, self._size = _Wander((0.7, 1.6), rng), _Wander((0.9, 2.3), rng)
        self._phase = float(rng.uniform())

    def next(self, frames: int) -> NDArray[np.float64]:
        """(frames,) that come next."""
        times = (self._frame + np.arange(frames)) / self._fps
        self._frame += frames
        low, high = _TREMOR_HZ
        hertz = 0.5 * (low + high) + 0.5 * (high - low) * np.clip(self._hertz.at(times), -1.0, 1.0)
        size = np.clip(0.6 + 0.5 * self._size.at(times), 0.0, 1.0)
        turned = np.cumsum(np.concatenate([[self._turned], hertz]))  # one after the other, however they are cut
        self._turned = float(turned[-1])
        return size * np.sin(2.0 * np.pi * (turned[1:] / self._fps + self._phase))


class _Wander:
    """A smooth curve of deviation 1, made of waves of about these periods in seconds."""

    def __init__(self, periods: tuple[float, ...], rng: np.random.Generator) -> None:
        self.waves = [(each * rng.uniform(0.8, 1.25), rng.uniform()) for each in periods]

    def at(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Its values at `times` in seconds, same shape."""
        waves = [np.sin(2.0 * np.pi * (times / period + phase)) for period, phase in self.waves]
        return np.sqrt(2.0 / len(waves)) * np.sum(waves, axis=0)


class _Difference:
    """How much more the left side shows, about 1 on the average of its size: a bias that drifts."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.bias = float(rng.choice([-1.0, 1.0])) * 0.8
        self.wander = _Wander(_PERIODS, rng)

    def at(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.bias + 0.7 * self.wander.at(times)


def _signed(values: NDArray[np.float32], rise: float, fall: float) -> NDArray[np.float32]:
    """`follow` away from 0 on either side of it."""
    above = follow(np.maximum(values, 0.0), rise, fall)
    return above - follow(np.maximum(-values, 0.0), rise, fall) if values.min() < 0.0 else above


def _mean_before(values: NDArray, length: float) -> NDArray:
    """The mean of the `length` frames up to each, those in the middle counting most; the first value goes on before."""
    from scipy.ndimage import uniform_filter1d

    width = mean_width(length)
    if width == 1:
        return values
    once = uniform_filter1d(values, width, axis=0, mode="nearest", origin=(width - 1) // 2)
    return uniform_filter1d(once, width, axis=0, mode="nearest", origin=(width - 1) // 2)


def weights_before(length: float) -> NDArray[np.float64]:
    """Weights of the frames up to one in the mean of the `length` frames before it, as `follow` has it."""
    width = mean_width(length)
    return np.convolve(np.ones(width), np.ones(width)) / width**2


def mean_width(length: float) -> int:
    """Frames of each of the two means that together reach back `length` frames."""
    return max(1, round(length / 2.0))


_LEFT, _RIGHT = indices("L_*"), indices("R_*")
SIDE: dict[int, int] = {**dict.fromkeys(_LEFT.tolist(), 1), **dict.fromkeys(_RIGHT.tolist(), -1)}
"""1 for channels of the left side, -1 for those of the right."""
