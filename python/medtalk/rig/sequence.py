"""A rig: 174 curves over time, and how the head turns meanwhile."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from medtalk import rates
from medtalk.errors import RigError, SettingError, require
from medtalk.rig.channels import AREAS, MIRROR, MIRROR_SIGN, N_CHANNELS

FPS = float(rates.FPS)
MAX_FILE_FPS = 1000.0
MAX_FRAMES = 1_000_000
"""Of a rig in a file or by resampling: over an hour at 240 fps, and 4.6 hours at 60."""
HEAD = ("HeadYaw", "HeadPitch", "HeadRoll")
"""What the columns of `RigSequence.head` are called, in Epic's words."""
HEAD_DEGREES = 90.0
"""How far a head turns at most: farther no neck goes, and angles beyond are most likely not degrees."""
_MIRRORED_HEAD = np.array([-1.0, 1.0, -1.0], np.float32)
_COLUMNS = 16  # channels that are resampled at a time: bounds the memory of long rigs
_ROWS = 1 << 14  # frames that are looked at together, for the same reason


class Timed(NamedTuple):
    """A word or phone: what, from `start` to `end` in seconds."""

    text: str
    start: float
    end: float


def check_rate(fps: float) -> float:
    """`fps` as a float; SettingError unless it is a finite frame rate above 0 and at most 1000."""
    try:
        rate = float(fps)
    except (TypeError, ValueError, OverflowError):
        rate = math.nan
    if not 0.0 < rate <= MAX_FILE_FPS:
        raise SettingError(
            f"A frame rate of {fps} is invalid: it must be above 0 and at most {MAX_FILE_FPS:g} frames a second.",
            "Common rates are 24, 25, 29.97, 30 and 60.",
        )
    return rate


@dataclass(frozen=True, eq=False)
class RigSequence:
    """A rig, which never changes: every method gives a new one.

    values: (T, 174) float32, T >= 1, finite, read-only; frame t lies at t / fps seconds, and the whole lasts T / fps.
    An array that is so already is kept, any other is copied.
    fps: frames a second. meta: what is known of its making; anything that JSON can say. words, phones: what is spoken
    when, in seconds from its first frame, as far as that is known.
    head: (T, 3) float32, read-only: how the head is turned at each frame, in degrees: yaw (to the character's left),
    pitch (up) and roll (to its right shoulder), as `rig.head.Head.pose` takes them; None where nothing turns it.
    Raises RigError for another shape, values that are not finite, a head turned beyond `HEAD_DEGREES` or impossible
    times, SettingError for a frame rate out of range.
    """

    values: np.ndarray
    fps: float = FPS
    meta: Mapping[str, Any] = field(default_factory=dict)
    words: tuple[Timed, ...] = ()
    phones: tuple[Timed, ...] = ()
    head: np.ndarray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", _checked_times(self.words, "word"))
        object.__setattr__(self, "phones", _checked_times(self.phones, "phone"))
        object.__setattr__(self, "values", _checked_values(self.values))
        object.__setattr__(self, "head", None if self.head is None else _checked_head(self.head, len(self.values)))
        object.__setattr__(self, "fps", check_rate(self.fps))
        try:  # once through JSON: a copy that nobody else can change, and certain to be writable to any file
            meta = json.loads(json.dumps(dict(self.meta), allow_nan=False))
        except (TypeError, ValueError) as error:
            raise RigError(f"The meta of a rig must be JSON data: {error}.") from error
        object.__setattr__(self, "meta", MappingProxyType(meta))

    def __reduce__(self) -> tuple[type[RigSequence], tuple[Any, ...]]:
        # a mapping proxy cannot be pickled
        return RigSequence, (self.values, self.fps, dict(self.meta), self.words, self.phones, self.head)

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        return f"RigSequence({len(self)} frames at {self.fps:g} fps, {self.seconds:.3f} s)"

    @property
    def seconds(self) -> float:
        """Its length: T / fps."""
        return len(self) / self.fps

    @property
    def times(self) -> np.ndarray:
        """(T,) float64, the seconds at which the frames lie."""
        return np.arange(len(self)) / self.fps

    def frame(self, number: int) -> tuple[np.ndarray, np.ndarray | None]:
        """The values (174,) of a frame and how the head turns (3,), as `Head.pose` takes them; held at the last."""
        at = min(number, len(self) - 1)
        return self.values[at], None if self.head is None else self.head[at]

    def with_meta(self, **more: Any) -> RigSequence:
        """The same rig with more known about it."""
        return replace(self, meta={**self.meta, **more})

    def resample(self, fps: float) -> RigSequence:
        """The same movement at another frame rate: round(T * fps / self.fps) frames, at least one, at j / fps seconds.

        Upwards by a monotone cubic, which passes through every old frame and overshoots nowhere, so closed lips stay
        closed and limits hold. Downwards by the mean over one new frame, centred on it, so that no short movement
        falls between two frames. Before the first and after the last frame the values are held.
        """
        rate = check_rate(fps)
        if rate == self.fps:
            return self
        wanted = len(self) * rate / self.fps
        if wanted > MAX_FRAMES:
            raise RigError(
                f"{len(self)} frames at {self.fps:g} fps would be {wanted:g} at {rate:g}; valid are {MAX_FRAMES}.",
                "Take a lower frame rate, or a part of the rig.",
            )
        count = max(1, round(wanted))
        # fps counts per old frame, in which the old frames lie at 0, 1, 2...
        where = np.arange(count) * (self.fps / rate)
        new = np.empty((count, N_CHANNELS), np.float32)
        for first in range(0, N_CHANNELS, _COLUMNS):
            columns = slice(first, first + _COLUMNS)
            new[:, columns] = _resampled(self.values[:, columns], where, self.fps / rate)
        head = None if self.head is None else _resampled(self.head, where, self.fps / rate)
        return replace(self, values=frozen(new), fps=rate, head=head)

    def slice(self, start_s: float = 0.0, end_s: float | None = None) -> RigSequence:
        """The part from `start_s` to `end_s` seconds (to the end by default), to the nearest frames.

        Raises RigError where that lies outside the rig or holds no frame.
        """
        for seconds in (start_s, self.seconds if end_s is None else end_s):
            require(seconds, int | float | np.number, "A time to cut at", "a number of seconds", RigError)
        end = self.seconds if end_s is None else end_s
        slack = 0.5 / self.fps
        if not (0.0 <= start_s <= self.seconds and 0.0 <= end <= self.seconds + slack):  # also refuses NaN
            raise RigError(f"Cannot cut from {start_s:g} to {end:g} s: the rig lasts from 0 to {self.seconds:g} s.")
        first, last = round(start_s * self.fps), min(round(end * self.fps), len(self))
        if first >= last:
            raise RigError(f"Cutting from {start_s:g} to {end:g} s leaves no frame of {1.0 / self.fps:.4g} s.")
        start, end = first / self.fps, last / self.fps
        words, phones = (
            tuple(
                Timed(each.text, max(each.start, start) - start, min(each.end, end) - start)
                for each in timed
                if each.start < end and each.end > start
            )
            for timed in (self.words, self.phones)
        )
        head = None if self.head is None else self.head[first:last]
        return RigSequence(self.values[first:last], self.fps, self.meta, words, phones, head)

    def mirror(self) -> RigSequence:
        """Left and right exchanged; twice gives the same rig again."""
        head = None if self.head is None else self.head * _MIRRORED_HEAD
        return replace(self, values=self.values[:, MIRROR] * MIRROR_SIGN, head=head)

    def blend(
        self, other: RigSequence, areas: Sequence[str] | None = None, weight: float | np.ndarray = 1.0
    ) -> RigSequence:
        """This rig with `areas` (all by default) taken from `other` by `weight`: 0 is this, 1 the other.

        The turn of the head belongs to no area: it is blended where `areas` is None, and else stays.

        weight: one number or one per frame (T,), 0..1. Raises RigError where the two rigs differ in length or frame
        rate, an area is unknown, or a weight is out of range.
        """
        require(other, RigSequence, "The other rig", "a RigSequence", RigError)
        require(areas, list | tuple | None, "areas", "a list of names", RigError)
        if len(other) != len(self) or other.fps != self.fps:
            raise RigError(f"Cannot blend {self!r} with {other!r}.", "Give them the same frames: resample, slice.")
        names = tuple(AREAS) if areas is None else tuple(areas)
        if unknown := [name for name in names if name not in tuple(AREAS)]:
            raise RigError(f"No area is called {unknown[0]!r}. Valid are {', '.join(AREAS)}.")
        try:
            weights = np.asarray(weight, np.float64)
        except (TypeError, ValueError):
            weights = np.array(np.nan)
        if weights.shape not in ((), (len(self),)) or not np.all((weights >= 0.0) & (weights <= 1.0)):
            raise RigError(f"A blend weight must be 0..1: one number, or one for each of the {len(self)} frames.")
        values = self.values.copy()
        if names:
            columns = np.concatenate([AREAS[name] for name in names])
            column_weights = weights.reshape(-1, 1)
            values[:, columns] += column_weights * (other.values[:, columns].astype(np.float64) - values[:, columns])
        head = self.head
        if areas is None and not (head is None and other.head is None):
            head = _turns(self) + weights.reshape(-1, 1) * (_turns(other) - _turns(self))
        return replace(self, values=values, head=head)

    @staticmethod
    def concatenate(parts: Sequence[RigSequence], crossfade_s: float = 0.0) -> RigSequence:
        """One after another; neighbours overlap by `crossfade_s` seconds, over which one goes smoothly into the next.

        The meta is that of the first. Where a part has a head that turns, those without look straight on. Raises
        RigError for no parts, differing frame rates, or an overlap longer than a part.
        """
        if not parts:
            raise RigError("There is nothing to concatenate: give at least one rig.")
        for part in parts:
            require(part, RigSequence, "A part", "a RigSequence", RigError)
        require(crossfade_s, int | float | np.number, "The cross-fade", "a number of seconds", RigError)
        fps = parts[0].fps
        if odd := [part.fps for part in parts if part.fps != fps]:
            raise RigError(f"Cannot concatenate rigs of {fps:g} and {odd[0]:g} fps.", "Resample them first.")
        shortest = min(len(part) for part in parts)
        if not 0.0 <= crossfade_s <= shortest / fps:
            raise RigError(
                f"A cross-fade of {crossfade_s:g} s does not fit.",
                f"It must be 0 to {shortest / fps:g} s, the shortest part.",
            )
        overlap = round(crossfade_s * fps)
        # Raised cosine: starts and ends without a kink. Its ends, 0 and 1, would only repeat the frames beside it.
        fade = 0.5 - 0.5 * np.cos(np.pi * np.arange(1, overlap + 1)[:, None] / (overlap + 1))
        turns = any(part.head is not None for part in parts)
        columns = [np.concatenate([part.values, _turns(part)], axis=1) if turns else part.values for part in parts]
        values, words, phones = columns[0].astype(np.float64), list(parts[0].words), list(parts[0].phones)
        for part, own in zip(parts[1:], columns[1:], strict=True):
            kept = len(values) - overlap
            for here, timed in ((words, part.words), (phones, part.phones)):
                here += [Timed(each.text, each.start + kept / fps, each.end + kept / fps) for each in timed]
            mixed = (1.0 - fade) * values[kept:] + fade * own[:overlap]
            values = np.concatenate([values[:kept], mixed, own[overlap:]])
        head = values[:, N_CHANNELS:] if turns else None
        return RigSequence(values[:, :N_CHANNELS], fps, parts[0].meta, tuple(words), tuple(phones), head)


def _checked_times(timed: Iterable[Any], what: str) -> tuple[Timed, ...]:
    """`timed`, (text, start, end) each, as a tuple of `Timed`; RigError for anything else."""
    out = []
    try:
        for text, start, end in timed:
            out.append(Timed(text, float(start), float(end)))
            if not isinstance(text, str) or not 0.0 <= out[-1].start <= out[-1].end < math.inf:
                raise ValueError
    except (TypeError, ValueError, OverflowError) as error:
        raise RigError(f"The {what} {len(out)} of a rig is not a text with its start and end in seconds.") from error
    return tuple(out)


def frozen(values: np.ndarray) -> np.ndarray:
    """`values` themselves, without -0 and read-only from now on, so that a `RigSequence` need not copy them."""
    values += 0.0
    values.flags.writeable = False
    return values


def _checked_values(values: Any) -> np.ndarray:
    """A read-only (T, 174) float32 array, or RigError."""
    try:
        with np.errstate(over="ignore"):  # too large for float32 becomes inf, which is refused below
            kept = isinstance(values, np.ndarray) and not values.flags.writeable
            array = np.asarray(values, np.float32, "C") if kept else np.array(values, np.float32, order="C")
    except (TypeError, ValueError) as error:
        raise RigError(f"A rig's values must be numbers, (T, {N_CHANNELS}).") from error
    if array.ndim != 2 or array.shape[1] != N_CHANNELS or not len(array):
        raise RigError(f"A rig's values must be (T, {N_CHANNELS}) with T >= 1; these are {array.shape}.")
    for first in range(0, len(array), _ROWS):
        block = array[first : first + _ROWS]
        if not np.isfinite(block).all():
            frame, channel = np.argwhere(~np.isfinite(block))[0]
            raise RigError(
                f"A rig's values must be finite; channel {channel} of frame {first + frame} is {block[frame, channel]}."
            )
    # No -0: nothing distinguishes it, and in text it reads like a mistake.
    return frozen(array) if array.flags.writeable else array


def _checked_head(head: Any, frames: int) -> np.ndarray:
    """A read-only (T, 3) float32 array of degrees, or RigError."""
    try:
        with np.errstate(over="ignore"):
            array = np.array(head, np.float32, order="C")
    except (TypeError, ValueError) as error:
        raise RigError("The head of a rig must be numbers, (T, 3), in degrees.") from error
    if array.shape != (frames, len(HEAD)):
        raise RigError(f"The head of a rig of {frames} frames must be ({frames}, 3); this is {array.shape}.")
    if not (np.abs(array) <= HEAD_DEGREES).all():  # also refuses NaN
        frame, axis = np.argwhere(~(np.abs(array) <= HEAD_DEGREES))[0]
        raise RigError(
            f"{HEAD[axis]} of frame {frame} is {array[frame, axis]}; a head turns at most {HEAD_DEGREES:g} degrees."
        )
    return frozen(array)


def _turns(rig: RigSequence) -> np.ndarray:
    """(T, 3) degrees, 0 for a rig whose head is not turned."""
    return np.zeros((len(rig), len(HEAD))) if rig.head is None else rig.head.astype(np.float64)


def _resampled(values: np.ndarray, where: np.ndarray, step: float) -> np.ndarray:
    """(N, C) of `values` (T, C) at 0, 1, 2...: at `where` (N,), `step` apart; see `RigSequence.resample`."""
    values = values.astype(np.float64)
    if len(values) == 1:
        return np.repeat(values, len(where), axis=0)
    if step < 1.0:
        from scipy.interpolate import PchipInterpolator

        return PchipInterpolator(np.arange(len(values)), values)(np.minimum(where, len(values) - 1.0))
    half = 0.5 * step
    return (_integral(values, where + half) - _integral(values, where - half)) / step


def _integral(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """(N, C) integrals from 0 to `where` (N,) of the line through `values` (T, C) at 0, 1, 2..., held beyond."""
    last = len(values) - 1
    area = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(0.5 * (values[1:] + values[:-1]), axis=0)])
    inside = np.clip(where, 0.0, last)
    left = np.minimum(inside.astype(np.intp), max(last - 1, 0))
    part = (inside - left)[:, None]
    slope = values[np.minimum(left + 1, last)] - values[left]
    beyond = (where - inside)[:, None] * np.where((where < 0.0)[:, None], values[0], values[last])
    return area[left] + part * (values[left] + 0.5 * part * slope) + beyond
