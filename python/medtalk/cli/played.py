"""A sound file as a live source: it comes as fast as it was spoken, or as fast as it is heard."""

from __future__ import annotations

import time

import numpy as np

from medtalk.audio import Speech
from medtalk.microphone import Heard
from medtalk.rates import RATE

_MOST_SECONDS = 2.0
"""Of sound that comes together; what came before it while nobody listened, for a while or for a night, is lost."""
_FAST_SECONDS = 0.2  # of sound that comes together where it need not wait


class Played:
    """A `speech` that comes like the sound of a `medtalk.microphone.Microphone`, from its first `read` on.

    loop: it begins again at its end. fast: nothing waits.
    """

    gone = False

    def __init__(self, speech: Speech, loop: bool = False, fast: bool = False) -> None:
        self.name, self.rate = speech.name, RATE
        self.start = time.perf_counter()
        self._samples, self._loop, self._fast = speech.samples, loop, fast
        self._given = 0
        self._begun = False

    @property
    def ended(self) -> bool:
        """Whether all of it has come."""
        return not self._loop and self._given >= len(self._samples)

    def read(self, seconds: float) -> Heard:
        """What has come by now, after so many seconds more of it, in whole multiples of them."""
        if not self._begun:
            self.start, self._begun = time.perf_counter(), True
        if self._fast:
            return Heard(self._until(self._given + round(_FAST_SECONDS * RATE)))
        wait = self.start + self._given / RATE + seconds - time.perf_counter()
        if wait > 0.0:
            time.sleep(wait)
        # In whole pieces: each sleep is a little too long, which would add up to a step that waits for the next read.
        piece = max(round(seconds * RATE), 1)
        now = round((time.perf_counter() - self.start) * RATE)
        now = self._given + max(now - self._given, 0) // piece * piece
        end = now if self._loop else min(now, len(self._samples))
        lost = max(end - self._given - round(_MOST_SECONDS * RATE), 0)
        self._given += lost
        return Heard(self._until(end), lost / RATE)

    def close(self) -> None:
        pass

    def _until(self, end: int) -> np.ndarray:
        """The samples up to the one of that number."""
        first, self._given = self._given, max(end, self._given)
        if self._loop:
            return self._samples[np.arange(first, self._given) % len(self._samples)]
        return self._samples[first : self._given]
