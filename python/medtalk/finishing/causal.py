"""What a stream has in place of a clip: filters that know the past alone, and a voice that is followed as it goes.

A bell over a clip, half of which lies ahead, becomes a chain of low-passes of the same spread. It is late by about the
spread times the root of its length, which is the delay of whatever it smooths.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from medtalk.features.cues import PAUSE
from medtalk.rates import FPS

Value = TypeVar("Value", float, NDArray[np.float64])


class Bell:
    """A causal stand-in for a bell of a deviation in seconds; of an array of them, one for each value."""

    def __init__(self, seconds: float | NDArray[np.float64], order: int = 2) -> None:
        """`order` is how many low-passes it is made of: more are later, and nearer to a bell."""
        self._rate = np.sqrt(order) / (np.asarray(seconds, np.float64) * FPS)
        self._share = -np.expm1(-self._rate) if self._rate.ndim else float(-np.expm1(-self._rate))
        self._stages: list = []
        self._order = order

    def next(self, value: Value, speed: float = 1.0) -> Value:
        """The value of the next frame, smoothed; the first one went on before. `speed` makes the spread shorter."""
        share = self._share if speed == 1.0 else -np.expm1(-speed * self._rate)
        stages = self._stages or [value] * self._order
        out = []
        for held in stages:
            value = held + share * (value - held)
            out.append(value)
        self._stages = out
        return value


class Running:
    """A mean over the last while, which begins with what is usual."""

    def __init__(self, usual: float, counts: float = 2.0, seconds: float = 30.0) -> None:
        """`usual` counts as so many seconds of what is heard; what is `seconds` ago counts a third."""
        self._weight = counts * FPS
        self._total = usual * self._weight
        self._keeps = float(np.exp(-1.0 / (seconds * FPS)))

    @property
    def value(self) -> float:
        return self._total / self._weight

    def add(self, value: float, weight: float) -> None:
        """The value of the next frame, and how much it counts, 0 to 1."""
        if weight > 0.0:  # only what is heard makes the past fade
            self._total = self._keeps * self._total + weight * value
            self._weight = self._keeps * self._weight + weight


class Moment(NamedTuple):
    """What a voice does in a frame.

    Attributes:
        frame: its number.
        time: its time in seconds.
        speaking: whether a phrase runs; pauses below `PAUSE` belong to it, and so does the time until one is that long.
        pause: seconds of pause before a phrase that begins with this frame, else 0.
        ended: whether this is the frame at which the end of a phrase is sure.
        since: seconds since the phrase, or the pause, began.
        phrase: seconds of the last phrase that ended; 0 before there was one.
    """

    frame: int
    time: float
    speaking: bool
    pause: float
    ended: bool
    since: float
    phrase: float


class Voice:
    """The phrases of a stream, as `medtalk.features.cues.phrases` has them of a clip, while they are spoken."""

    def __init__(self) -> None:
        self._frame = 0
        self._speaking = False
        self._began = 0.0  # of the phrase that runs
        self._ended = -1.0  # of the phrase before: the first one begins a turn
        self._quiet: float | None = None  # since when, in a phrase
        self._phrase = 0.0

    def next(self, activity: float) -> Moment:
        """The next frame, in which somebody speaks as surely as this, 0 to 1."""
        time, active, pause, ended = self._frame / FPS, activity >= 0.5, 0.0, False
        if active:
            self._quiet = None
            if not self._speaking:
                self._speaking, self._began, pause = True, time, time - self._ended
        elif self._speaking:
            self._quiet = time if self._quiet is None else self._quiet
            if time + 1.0 / FPS - self._quiet >= PAUSE - 1e-9:  # this frame is quiet to its end
                self._speaking, self._ended, ended = False, self._quiet, True
                self._phrase = self._ended - self._began
        since = time - (self._began if self._speaking else max(self._ended, 0.0))
        moment = Moment(self._frame, time, self._speaking, pause, ended, since, self._phrase)
        self._frame += 1
        return moment
