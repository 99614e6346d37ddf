"""What the ear of a live face has heard lately: states, by the frames that they lie at."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from medtalk.engine.live_ear import open_live_ear
from medtalk.features.listening import FPS as STATES
from medtalk.features.listening import at_places
from medtalk.rates import FPS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.engine.compact import CompactEngine

BACK = 60
"""Frames before the new ones that decisions look back on: the longest closure, and the gate around speech."""
UNSURE = 2
"""States at the end of the sound that no closure is decided by: what follows them would change them most."""


class States:
    """The last states of a stream; what is not final yet is heard anew with every step."""

    def __init__(self, engine: CompactEngine, look_ahead: float, step: float) -> None:
        """`step`: a whole multiple of 20 ms."""
        # The ear's own steps are 20 or 40 ms, of which ours are whole multiples.
        self._ear = open_live_ear(engine, look_ahead, 0.02 * (2 - round(step * STATES) % 2))
        # What frames are asked for reaches from `BACK` before the new ones over those of a hurry, a second of them and
        # a step at most, to the end of the look-ahead.
        self._most = math.ceil((BACK / FPS + look_ahead + step + 1.0) * STATES) + 4
        self._first = 0  # number of the first state that is kept
        self._features: NDArray[np.float32] | None = None
        self._posteriors: NDArray[np.float32] | None = None

    def hear(self, samples: NDArray[np.float32], hurry: bool = False) -> None:
        """The next samples (n,) at 16 kHz, whole steps; see `LiveEar.hear`."""
        heard = self._ear.hear(samples, hurry)
        if self._features is None or self._posteriors is None:
            self._features, self._posteriors = heard.features, heard.posteriors
        kept = heard.first - self._first
        spare = max(kept + len(heard.features) - self._most, 0)
        self._features = np.concatenate([self._features[:kept], heard.features])[spare:]
        self._posteriors = np.concatenate([self._posteriors[:kept], heard.posteriors])[spare:]
        self._first += spare

    @property
    def known(self) -> int:
        """Frames that the states reach."""
        return self._frames(0)

    @property
    def sure(self) -> int:
        """Frames that the states reach without the `UNSURE` ones."""
        return self._frames(UNSURE)

    def _frames(self, less: int) -> int:
        count = 0 if self._posteriors is None else len(self._posteriors)
        return max(self._first + count - 1 - less, -1) * FPS // STATES + 1

    def at(self, frames: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Features (N, F - 1) and posteriors (N, 35) at some frames; the first and the last state go on beyond."""
        assert self._features is not None and self._posteriors is not None, "nothing was heard"
        places = np.maximum(frames * (STATES / FPS) - self._first, 0.0)
        return at_places(self._features, places), at_places(self._posteriors, places)
