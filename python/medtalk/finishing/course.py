"""How a movement of a face runs: from one place to another with least jerk, there and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def ease(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """From 0 to 1 with least jerk, flat at both ends (Flash and Hogan 1985)."""
    x = np.minimum(np.maximum(x, 0.0), 1.0)
    return x * x * x * (10.0 - 15.0 * x + 6.0 * x * x)  # x**3 takes ten times as long


@dataclass(frozen=True)
class Course:
    """There and back, in seconds: from `start` it rises, holds and falls again."""

    start: float
    rise: float
    hold: float
    fall: float

    @property
    def end(self) -> float:
        return self.start + self.rise + self.hold + self.fall

    def rows(self, frames: int, fps: float, first: int = 0) -> slice:
        """Which of so many frames, from number `first` on, it may be above 0 in."""
        begin = min(max(int(np.ceil(self.start * fps)) - first, 0), frames)
        return slice(begin, min(max(int(self.end * fps) + 1 - first, begin), frames))

    def at(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far it is at `times` in seconds, 0..1, same shape."""
        since = times - self.start
        return ease(since / self.rise) * (1.0 - ease((since - self.rise - self.hold) / self.fall))
