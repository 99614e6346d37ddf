"""Closures while somebody speaks: what was given stays, what is to come may still be decided otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medtalk.finishing.closures import Closures, decide

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLOSED_FROM, KNOWN = (0.4, 0.7), (0.0, 0.06)
"""Posterior at which a closure is decided, and the look-ahead in seconds at which it is. An ear that knows a little of
what comes is surer than it should be: at .6 as offline it shows twice as many false closures, and finds no more of the
true ones. One that knows nothing is not sure of any."""
CLOSES, OPENS = 0.40, 0.55
"""Most that the lips may close and open in a frame: a decision that comes late closes them within three."""


class RunningLips:
    """Decides over the last posteriors again and again, and never lets what is shown jump."""

    def __init__(self, look_ahead: float) -> None:
        """`look_ahead`: seconds of sound that are known beyond what is given."""
        self._from = float(np.interp(look_ahead, KNOWN, CLOSED_FROM))
        self._last = np.zeros(3, np.float32)

    def next(self, posteriors: NDArray[np.float32], before: int, new: int) -> Closures:
        """The closures of `new` frames.

        Args:
            posteriors: (N, 35), gated by speech: frames before, which were given, the new ones, and those ahead.
            before: how many of them were given.
            new: how many are given now.
        """
        found = decide(posteriors, closed_from=self._from)
        wished = np.stack([found.seal, found.press, found.bite], axis=1)[before : before + new]
        shown = np.empty_like(wished)
        for frame, wish in enumerate(wished):
            self._last = np.clip(wish, self._last - OPENS, self._last + CLOSES)
            shown[frame] = self._last
        return Closures(*(np.ascontiguousarray(column) for column in shown.T))
