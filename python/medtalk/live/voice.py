"""Prosody and vocal effort of a voice that is still speaking: the columns of `medtalk.features.prosody`, in which what
is usual in the voice so far stands for what is usual in the clip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from medtalk.features.prosody import Measured, Usual, active, against, effort_beside, measure, smoothed_activity
from medtalk.live.running import Histogram, Mean
from medtalk.rates import FPS, RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEPT = 180
"""Frames that are kept, 3 s: the widest mean of the prosody sees 1 s to either side."""
_SIDE = 412  # samples beyond its centre that a frame is measured in: 25 ms, and the filter of the pitch
_ALIGNED, _ALIGNED_FRAMES = 800, 3  # samples and frames after which the places of frames repeat
_LEAD = 3 * _ALIGNED  # samples before new frames, so that they are measured as in the whole sound

_MEMORY = 20.0 * FPS  # frames of speech
_SOON = 0.4 * FPS  # frames of speech that the seeds count as; from fewer on, the first sounds are taken for the voice
_LOUD = 0.93  # quantile of speech: the 95th percentile of a clip with its pauses
_FADES = 0.5 / FPS  # dB a frame of speech, of the strongest band


class Voice(NamedTuple):
    """The last frames of a voice, as they are seen now.

    Attributes:
        first: the number of the first frame.
        prosody: (N, 16).
        effort: (N,).
        activity: (N,) 0..1, by the level alone.
    """

    first: int
    prosody: NDArray[np.float32]
    effort: NDArray[np.float32]
    activity: NDArray[np.float32]


class RunningVoice:
    """Measures each frame once, and sees the last ones against what is usual so far."""

    def __init__(self) -> None:
        self._samples = np.zeros(_LEAD, np.float32)  # silence before the start
        self._start = -_LEAD  # place of the first of them
        self._heard = 0
        self._measured = Measured(*(np.zeros((0, *shape), np.float32) for shape in ((), (), (), (80,))))
        self._first = 0  # frame that is the first of these
        self.learned = 0  # frames that the rest knows
        self._level = Histogram(-100.0, 6.0, 0.5, -23.0, 6.0, _SOON, _MEMORY)
        self._total = Histogram(-100.0, 20.0, 0.5, -19.0, 7.0, _SOON, _MEMORY)
        self._pitch = Histogram(-1.5, 1.5, 1.0 / 48.0, 0.0, 0.3, 0.5 * _SOON, _MEMORY)
        self._slow, self._voiced = Mean(-1.1, _SOON, _MEMORY), Mean(0.8, _SOON, _MEMORY)
        self._strongest = -25.0  # the first speech is stronger

    @property
    def known(self) -> int:
        """Frames that are measured."""
        return self._first + len(self._measured.dbfs)

    def hear(self, samples: NDArray[np.float32]) -> None:
        """The next samples (n,) at 16 kHz."""
        self._heard += len(samples)
        self._samples = np.concatenate([self._samples, samples])
        known = self.known
        until = (self._heard - _SIDE) * FPS // RATE + 1 if self._heard > _SIDE else 0
        if until <= known:
            return
        begins = max(known // _ALIGNED_FRAMES * _ALIGNED - _LEAD, -_LEAD)
        spent = begins - self._start
        self._samples, self._start = self._samples[spent:], begins
        frames = measure(self._samples)
        new = slice(known - begins // _ALIGNED * _ALIGNED_FRAMES, until - begins // _ALIGNED * _ALIGNED_FRAMES)
        joined = (np.concatenate([old, each[new]])[-KEPT:] for old, each in zip(self._measured, frames, strict=True))
        self._measured = Measured(*joined)
        self._first = until - len(self._measured.dbfs)

    def learn(self, spoken: NDArray[np.float32], seen: Voice) -> None:
        """Learn what is usual of the next frames (n,) that are measured.

        Args:
            spoken: how surely each is speech, 0..1; others teach nothing.
            seen: what `now` gave, with these frames in it.
        """
        speech = np.flatnonzero(spoken > 0.0) + self.learned
        self.learned += len(spoken)
        if not len(speech):
            return
        own = Measured(*(each[speech - self._first] for each in self._measured))
        columns = seen.prosody[speech - seen.first]
        self._level.add(own.dbfs)
        self._total.add(own.total)
        self._pitch.add(np.log2(np.maximum(own.pitch[columns[:, 4] > 0.5], 1.0) / 160.0))
        self._strongest = max(self._strongest - _FADES * len(speech), float(own.bands.max()))
        loud = columns[:, 14] > 0.5
        self._slow.add(columns[loud, 2])
        self._voiced.add((columns[loud, 4] > 0.5).astype(np.float64))

    def usual(self) -> Usual:
        """What is usual in the voice so far."""
        loud = self._level.quantile(_LOUD)
        speech = active(self._level.centres, loud)
        weights = np.where(speech, self._level.counts, 0.0)
        level = 10.0 * float(np.log10(np.average(10.0 ** (self._level.centres / 10.0), weights=weights)))
        _, loudness_spread = self._level.moments(float(self._level.centres[speech].min()) - 1e-6)
        _, pitch_spread = self._pitch.moments()
        pitch = self._pitch.quantile(0.5)
        return Usual(loud, pitch, pitch_spread, level, loudness_spread, self._total.quantile(_LOUD), self._strongest)

    def now(self) -> Voice:
        """The frames that are kept."""
        usual = self.usual()
        prosody = against(self._measured, usual)
        return Voice(
            self._first,
            prosody,
            effort_beside(prosody, self._slow.value, self._voiced.value),
            smoothed_activity(active(self._measured.dbfs, usual.loud)) if len(prosody) else np.zeros(0, np.float32),
        )
