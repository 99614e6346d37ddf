"""Frames of the display rate, ticks of the resolution, seconds."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from .enums import MovieSceneTimeUnit


def rate(value: Any) -> Fraction:
    """A FrameRate as a number."""
    return Fraction(value._values["numerator"], value._values["denominator"])


def ticks_per_frame(sequence: Any) -> Fraction:
    return sequence._tick / sequence._display


def to_ticks(sequence: Any, frame: float) -> int:
    """Ticks of a frame of the display rate, rounded down."""
    return (Fraction(frame) * ticks_per_frame(sequence)).__floor__()


def to_frame(sequence: Any, ticks: int) -> int:
    """The display frame in which a tick lies."""
    return (ticks / ticks_per_frame(sequence)).__floor__()


def from_seconds(sequence: Any, seconds: float) -> int:
    return round(Fraction(seconds) * sequence._tick)


def to_seconds(sequence: Any, ticks: int) -> float:
    return float(ticks / sequence._tick)


def in_ticks(sequence: Any, frame: Any, sub_frame: float, unit: Any) -> int:
    """A FrameNumber that a call took, by its time unit: the default unit is the display rate."""
    number = frame._values["value"]
    if unit is MovieSceneTimeUnit.TICK_RESOLUTION:
        return number
    return (Fraction(number + min(max(sub_frame, 0.0), 0.999999)) * ticks_per_frame(sequence)).__floor__()


def in_unit(sequence: Any, ticks: int, unit: Any) -> tuple[int, float]:
    """Ticks as a frame and its part in a time unit."""
    if unit is MovieSceneTimeUnit.TICK_RESOLUTION:
        return ticks, 0.0
    exact = ticks / ticks_per_frame(sequence)
    whole = exact.__floor__()
    return whole, float(exact - whole)
