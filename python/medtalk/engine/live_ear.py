"""The ear of a compact bundle while the sound is still coming: states of Whisper's layers, a few at a time.

Level and the loudest value of the log-mel belong to the whole clip offline; here they run along, seeded with what is
usual. All of it depends on the hops alone, not on how they are handed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from medtalk.engine.compact import softmax
from medtalk.features import listening, whisper_mel
from medtalk.rates import RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.engine.compact import CompactEngine

HOP = whisper_mel.HOP
"""Samples that an ear takes whole multiples of: 10 ms at 16 kHz."""
HISTORY = 1.5
"""Seconds of sound that a window reaches back."""
_STATE = RATE // listening.FPS  # samples from one state to the next

_PIECE = RATE // 25  # samples over which the level is measured
_LOUD_FROM = -60.0  # dBFS; what is quieter says nothing of the voice's level
_RISES, _FALLS = 0.3, 1.5  # share of the way up in a piece, and dB a second down
_USUAL_LOUD = -16.0  # dBFS, of loud frames in what people record
_USUAL_PEAK = 1.2  # of the log-mel of speech at the usual level
_PEAK_FALLS = 0.02  # of the log-mel, a second


class Heard50(NamedTuple):
    """States that are new or heard better than before, 50 a second.

    Attributes:
        first: the number of the first; state k is heard at k / 50 s.
        features: (S, F - 1).
        posteriors: (S, 35) of the phones.
        final: how many of them will not change; the others come again.
    """

    first: int
    features: NDArray[np.float32]
    posteriors: NDArray[np.float32]
    final: int


class LiveEar(Protocol):
    """Hears a sound as it comes."""

    @property
    def look_ahead(self) -> float:
        """Seconds of sound that a final state has after it."""
        ...

    def hear(self, samples: NDArray[np.float32]) -> Heard50:
        """The next samples, whole hops of `HOP` at 16 kHz."""
        ...


def open_live_ear(engine: CompactEngine, look_ahead: float) -> LiveEar:
    """The ear of a bundle, with so many seconds of sound after what is final."""
    return WindowEar(engine, look_ahead)


class Level:
    """The running gain of a sound to the ear's usual level: up at once, down slowly, and still in silence."""

    def __init__(self) -> None:
        self._loud = _USUAL_LOUD
        self._rest = np.zeros(0, np.float32)  # less than a piece

    @property
    def gain(self) -> np.float32:
        return np.float32(10.0 ** (min(listening.LOUD_DBFS - self._loud, listening.MOST_GAIN_DB) / 20.0))

    def hear(self, samples: NDArray[np.float32]) -> None:
        """The next samples."""
        sound = np.concatenate([self._rest, samples])
        whole = len(sound) // _PIECE * _PIECE
        self._rest = sound[whole:]
        pieces = sound[:whole].reshape(-1, _PIECE)
        for power in np.einsum("nw,nw->n", pieces, pieces).tolist():
            level = 10.0 * float(np.log10(max(power / _PIECE, 1e-12)))
            if level > self._loud:
                self._loud += _RISES * (level - self._loud)
            elif level > _LOUD_FROM:
                self._loud -= _FALLS * _PIECE / RATE


class WindowEar:
    """The ear of any compact bundle, over the last `history` seconds at each step."""

    def __init__(self, engine: CompactEngine, look_ahead: float, history: float = HISTORY) -> None:
        self.look_ahead = look_ahead
        self._engine = engine
        self._level = Level()
        self._peak = _USUAL_PEAK
        self._most = round(history * RATE / _STATE) * _STATE
        self._window = np.zeros(listening.EDGE * _STATE, np.float32)  # the silence before a clip
        self._heard = 0  # samples
        self._final = 0  # states that are

    def hear(self, samples: NDArray[np.float32]) -> Heard50:
        self._level.hear(samples)
        self._heard += len(samples)
        window = np.concatenate([self._window, samples])
        spare = max(len(window) - self._most, 0) // _STATE * _STATE  # states keep their places
        self._window = window[spare:]
        begins = (self._heard - len(self._window)) // _STATE  # below 0 in the silence before; exact
        mel = whisper_mel.log_mel(self._window * self._level.gain, self._peak)
        self._peak = max(float(mel.max()), _USUAL_PEAK) - _PEAK_FALLS * len(samples) / RATE
        mel = mel[: len(mel) // 2 * 2]
        features, logits = self._engine.listen_to(mel)
        first = self._final
        states = begins + len(features)
        self._final = max(first, min(states, int((self._heard / RATE - self.look_ahead) * listening.FPS + 1e-6)))
        new = slice(first - begins, None)
        return Heard50(first, features[new], softmax(logits[new]), self._final - first)
