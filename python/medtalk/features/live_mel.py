"""Whisper's log-mel of a stream, in which level and loudest value are running ones (numpy only).

For a clip both belong to the whole (`listening.gain`, `whisper_mel.log_mel`). A stream does not know what comes, so it
starts from a usual voice, follows at once where it gets louder, and slowly where it gets softer. A frame is computed
once and never changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medtalk.features import whisper_mel
from medtalk.features.listening import LOUD_DBFS, MOST_GAIN_DB
from medtalk.features.whisper_mel import HOP, N_FFT, N_MELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

USUAL_DBFS = -23.0
"""The loud parts of a voice that nobody has heard yet."""
USUAL_LOUDEST = 0.7
"""The largest power of ten in the mel bands of a voice whose loud parts are at `LOUD_DBFS`: the median over clips of
the corpora of the recipe `compact`."""

_PIECE = 640  # samples, 40 ms: what `listening.gain` takes the percentile of
_LOUD_SHARE = 0.95  # its percentile
_SOFTEST_DBFS = -60.0  # softer pieces tell nothing of a voice
_RANGE_DB = 28.0  # nor do pieces so far below the loud ones: pauses
_PACE_DB = 1.0  # of the running percentile: it falls by 5 % of that a piece of speech, 1.25 dB a second
_JUMP_DB = 6.0  # what is so far above is half caught up with at once
_FIRST_PACE_DB, _FIRST_PIECES = 15.0, 25.0  # faster while the voice is new
_LOUDEST_FALLS = np.float32(np.exp(-1.0 / (10.0 * whisper_mel.FPS)))  # a frame: in 10 s to a third


class RunningLevel:
    """The level of the loud parts of a stream in dBFS: the running 95th percentile of its 40 ms pieces of speech."""

    def __init__(self) -> None:
        self.loud = USUAL_DBFS
        self._heard = 0  # pieces of speech

    @property
    def gain(self) -> float:
        """What brings the loud parts to `LOUD_DBFS`, as `listening.gain` does for a clip."""
        return 10.0 ** (min(LOUD_DBFS - self.loud, MOST_GAIN_DB) / 20.0)

    def hear(self, piece: NDArray[np.float32]) -> None:
        """The next 40 ms."""
        power = float(np.dot(piece, piece)) / len(piece)
        level = 10.0 * np.log10(max(power, 1e-12))
        if level < max(_SOFTEST_DBFS, self.loud - _RANGE_DB):
            return
        pace = _PACE_DB + _FIRST_PACE_DB * np.exp(-self._heard / _FIRST_PIECES)
        self._heard += 1
        above = level - self.loud
        if above > 0.0:
            self.loud += min(above, max(_LOUD_SHARE * pace, 0.5 * (above - _JUMP_DB)))
        else:
            self.loud -= (1.0 - _LOUD_SHARE) * pace


class LiveMel:
    """Log-mel of a stream, 100 frames a second; frame k is centred on the sample 160 k.

    A frame is given as soon as its window has been heard, 12.5 ms after its centre. What was before the stream is
    silence.
    """

    def __init__(self) -> None:
        self.level = RunningLevel()
        self.loudest = np.float32(USUAL_LOUDEST)
        self._raw = np.zeros(0, np.float32)  # since the last whole piece
        self._gains = (self.level.gain, self.level.gain)  # at the beginning and the end of the piece that runs
        self._heard = np.zeros(N_FFT // 2, np.float32)  # with the gain on it, from the next frame's window on

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The frames (N, 80) that the next samples complete."""
        parts = [self._heard]
        while len(samples):
            piece, samples = samples[: _PIECE - len(self._raw)], samples[_PIECE - len(self._raw) :]
            parts.append(self._levelled(piece))
        self._heard = np.concatenate(parts)
        count = max(0, (len(self._heard) - N_FFT) // HOP + 1)
        if not count:
            return np.zeros((0, N_MELS), np.float32)
        frames = whisper_mel.decades(self._heard[: (count - 1) * HOP + N_FFT])
        self._heard = self._heard[count * HOP :].copy()
        return whisper_mel.scaled(frames, self._follow(frames.max(axis=1))[:, None])

    def clipped(self) -> NDArray[np.float32]:
        """The next frame (1, 80) as far as its window has been heard, with silence after it."""
        frame = whisper_mel.decades(np.pad(self._heard, (0, N_FFT - len(self._heard))))
        return whisper_mel.scaled(frame, max(self.loudest, frame.max()))

    def _levelled(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Samples of one piece with its gain, which goes from the one of the piece before to the newest."""
        begun = len(self._raw)
        way = np.arange(begun, begun + len(samples), dtype=np.float32) / np.float32(_PIECE)
        first, last = self._gains
        self._raw = np.concatenate([self._raw, samples])
        if len(self._raw) == _PIECE:
            self.level.hear(self._raw)
            self._raw = self._raw[:0]
            self._gains = (last, self.level.gain)
        return np.asarray(samples * (np.float32(first) + np.float32(last - first) * way), np.float32)

    def _follow(self, peaks: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N,) the running loudest value at each of the next frames, of the frames' own."""
        usual, loudest, out = np.float32(USUAL_LOUDEST), self.loudest, np.empty_like(peaks)
        for at, peak in enumerate(peaks):
            loudest = max(peak, usual + (loudest - usual) * _LOUDEST_FALLS)
            out[at] = loudest
        self.loudest = np.float32(loudest)
        return out
