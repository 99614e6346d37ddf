"""The time of a take in a sequence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import unreal

from medtalk_unreal import compat
from medtalk_unreal.errors import PluginError

_MAX_TICK = 2**31 - 1  # a FrameNumber
_SLACK = Fraction(1, 1000)  # of a frame: how much a sound may stick out of one without costing another
_OUT_OF_PLACE = "Move the start, or set the tick resolution of the sequence to 24000."


@dataclass(frozen=True)
class Span:
    """The time of a take in a sequence. `first` and `end` are ticks, `start_frame` and `end_frame` display frames; both
    ends are exclusive. Keys lie before `end`; a sound may last to `end_frame`.
    """

    start_frame: int
    end_frame: int
    first: int
    end: int
    ticks: tuple[int, ...]
    """Of each row of the rig."""

    @classmethod
    def of(cls, rows: int, fps: float, seconds: float, first: int, sequence: unreal.LevelSequence) -> Span:
        """The span of so many rows of a rig that begins at a tick, and whose sound lasts `seconds`."""
        display, resolution = rates(sequence)
        rate = compat.rate(compat.frame_rate(fps))
        ticks = tuple(first + round(row * resolution / rate) for row in range(rows))
        end = first + round(rows * resolution / rate)
        start_frame = frame_of(first, sequence)
        frames = max(1, math.ceil(max(rows / rate, Fraction(seconds)) * display - _SLACK))
        check_ticks(start_frame, first, end)
        return cls(start_frame, start_frame + frames, first, max(end, ticks[-1] + 1), ticks)


def rates(sequence: unreal.LevelSequence) -> tuple[Fraction, Fraction]:
    """Frames and ticks a second."""
    return compat.rate(sequence.get_display_rate()), compat.rate(sequence.get_tick_resolution())


def ticks_per_frame(sequence: unreal.LevelSequence) -> Fraction:
    """Ticks of a display frame."""
    display, resolution = rates(sequence)
    return resolution / display


def tick_of(frame: int, sequence: unreal.LevelSequence) -> int:
    """The tick of a display frame. Raises `PluginError` for one that no sequence has."""
    tick = round(frame * ticks_per_frame(sequence))
    check_ticks(frame, tick, tick)
    return tick


def frame_of(tick: int, sequence: unreal.LevelSequence) -> int:
    """The display frame that a tick lies in."""
    return math.floor((tick + Fraction(1, 2)) / ticks_per_frame(sequence))  # frames are rounded to ticks


def check_ticks(frame: int, first: int, end: int) -> None:
    """Raise `PluginError` for ticks that no sequence has; `frame` is the display frame where they begin."""
    if not -_MAX_TICK < first <= end < _MAX_TICK:
        raise PluginError(f"Frame {frame} is outside the range of a sequence.", _OUT_OF_PLACE)
