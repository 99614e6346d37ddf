"""Whisper's log-mel features in numpy: what the ear of a compact bundle hears (openai/whisper, `audio.py`; MIT).

100 frames a second; frame ``k`` is centred on the time ``k / 100`` s. They equal `whisper.log_mel_spectrogram` but for
rounding. A clip need not be padded to 30 s.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from medtalk.rates import RATE
from medtalk.watch import checkpoint

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_MELS = 80
N_FFT = 400
HOP = 160
FPS = RATE // HOP
RANGE = 8.0
"""Powers of ten below the loudest value at which everything is cut off."""
_FLOOR = 1e-10
_BLOCK = 4096  # frames per Fourier transform: bounds the memory of long sounds

assert FPS == 100


def log_mel(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-mel features of a whole clip, mirrored at its ends as Whisper has it.

    Args:
        samples: (n,) float32 at 16 kHz.

    Returns:
        (n // 160, 80) float32; everything more than 80 dB below the clip's loudest value is cut off there.
    """
    count, half = len(samples) // HOP, N_FFT // 2
    out = np.empty((count, N_MELS), np.float32)
    if not count:
        return out
    if len(samples) <= half:  # too short to be mirrored: silence around it
        samples, at = np.pad(samples, half), half
    else:
        at = 0
    for start in range(0, count, _BLOCK):
        checkpoint()  # a small part of listening: how far it is does not count
        stop = min(start + _BLOCK, count)
        window = _mirrored(samples, at + start * HOP - half, at + (stop - 1) * HOP + half)
        out[start:stop] = _power(window)
    return scaled(_decades(out), out.max())


def decades(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Powers of ten in the mel bands, (N, 80), of samples (160 (N - 1) + 400,) in frames that begin every 160."""
    return _decades(_power(samples))


def scaled(decades: NDArray[np.float32], loudest: NDArray[np.float32] | np.float32) -> NDArray[np.float32]:
    """Whisper's log-mel of powers of ten (N, 80), in place: cut off 8 below `loudest`, one for all or (N, 1)."""
    np.maximum(decades, loudest - np.float32(RANGE), out=decades)
    decades += np.float32(4.0)
    decades *= np.float32(0.25)
    return decades


def _power(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    from scipy.fft import rfft

    frames = np.lib.stride_tricks.sliding_window_view(samples, N_FFT)[::HOP]
    spectrum: NDArray[np.complex64] = rfft(frames * _hann(), axis=1)  # pyright: ignore
    return np.asarray((spectrum.real**2 + spectrum.imag**2) @ filterbank(), np.float32)


def _decades(power: NDArray[np.float32]) -> NDArray[np.float32]:
    np.maximum(power, _FLOOR, out=power)
    return np.log10(power, out=power)


def _mirrored(samples: NDArray[np.float32], first: int, end: int) -> NDArray[np.float32]:
    """`samples[first:end]`, mirrored where that lies beyond the ends."""
    piece, count = samples[max(first, 0) : end], len(samples)
    before = samples[1 : 1 - min(first, 0)][::-1]
    after = samples[count - 1 - max(end - count, 0) : count - 1][::-1]
    return np.concatenate([before, piece, after]) if len(before) or len(after) else piece


@lru_cache(maxsize=1)
def filterbank() -> NDArray[np.float32]:
    """Slaney's mel filters of area 1, (201, 80), as librosa makes them and Whisper ships them."""
    mel = np.linspace(0.0, _to_mel(RATE / 2), N_MELS + 2)
    edges = np.where(mel < _LOG_FROM, mel * _LINEAR, 1000.0 * np.exp(_LOG_STEP * (mel - _LOG_FROM)))
    hertz = np.linspace(0.0, RATE / 2, N_FFT // 2 + 1)[:, None]
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    weights = np.maximum(0.0, np.minimum((hertz - low) / (centre - low), (high - hertz) / (high - centre)))
    return (weights * (2.0 / (high - low))).astype(np.float32)


# Slaney's scale: linear to 1 kHz, logarithmic above.
_LINEAR = 200.0 / 3.0
_LOG_FROM = 1000.0 / _LINEAR
_LOG_STEP = np.log(6.4) / 27.0


def _to_mel(hertz: float) -> float:
    return hertz / _LINEAR if hertz < 1000.0 else _LOG_FROM + float(np.log(hertz / 1000.0)) / _LOG_STEP


@lru_cache(maxsize=1)
def _hann() -> NDArray[np.float32]:
    return (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)  # periodic
