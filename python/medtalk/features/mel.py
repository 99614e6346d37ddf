"""Mel bands in decibels for the prosody, in numpy; what the ear hears is in `whisper_mel`.

120 frames a second: mel frame ``k`` is centred on the time ``k / 120`` s and rig frame ``t`` on mel frame ``2 t``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from medtalk.rates import FPS, RATE
from medtalk.watch import checkpoint

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEL_FPS = 120
WINDOW = 400  # 25 ms
N_FFT = 512
N_MELS = 80
LOW_HZ, HIGH_HZ = 60.0, 7600.0
SILENCE_DBFS = -66.0
"""A clip whose loud frames stay below this is silence, not quiet speech to be amplified."""

_BLOCK = 4096  # frames per Fourier transform: bounds the memory of long sounds


@lru_cache(maxsize=1)
def filterbank() -> NDArray[np.float32]:
    """Triangular mel filters (257, 80)."""
    mel = np.linspace(_to_mel(LOW_HZ), _to_mel(HIGH_HZ), N_MELS + 2)
    edges = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    hertz = np.linspace(0.0, RATE / 2, N_FFT // 2 + 1)[:, None]
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (hertz - low) / np.maximum(centre - low, 1e-3)
    falling = (high - hertz) / np.maximum(high - centre, 1e-3)
    weights = np.maximum(0.0, np.minimum(rising, falling))
    return (weights / np.maximum(weights.sum(axis=0), 1e-6)).astype(np.float32)


def decibels(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Band energies in dB (full-scale sine about 0), (2 T, 80) float32."""
    count = 2 * (len(samples) * FPS // RATE)
    out = np.empty((count, N_MELS), np.float32)
    for start in range(0, count, _BLOCK):
        checkpoint()
        stop = min(start + _BLOCK, count)
        out[start:stop] = power_spectrum(samples, start, stop) @ filterbank()
    np.maximum(out, 1e-12, out=out)
    np.log10(out, out=out)
    out *= 10.0
    return out


def power_spectrum(samples: NDArray[np.float32], start: int, stop: int) -> NDArray[np.float32]:
    """Power of the windowed mel frames ``start`` to ``stop``, (stop - start, 257) float32."""
    from scipy.fft import rfft

    spectrum: NDArray[np.complex64] = rfft(
        windows(samples, np.arange(start, stop), MEL_FPS, WINDOW) * _hann(), N_FFT, axis=1
    )  # pyright: ignore
    return (spectrum.real**2 + spectrum.imag**2) * np.float32((4.0 / WINDOW) ** 2)


def windows(samples: NDArray[np.float32], frames: NDArray, fps: int, width: int) -> NDArray[np.float32]:
    """Samples around the centre of each frame, (len(frames), width); zeros beyond the ends."""
    first = (frames * RATE + fps // 2) // fps - width // 2  # exact integers: no drift over an hour
    low, high = int(first[0]), int(first[-1]) + width
    piece = samples[max(low, 0) : max(high, 0)]
    padded = np.zeros(high - low, np.float32)
    padded[max(-low, 0) : max(-low, 0) + len(piece)] = piece
    return np.lib.stride_tricks.sliding_window_view(padded, width)[first - low]


@lru_cache(maxsize=1)
def _hann() -> NDArray[np.float32]:
    return np.hanning(WINDOW + 2)[1:-1].astype(np.float32)


def _to_mel(hertz: float) -> float:
    return 2595.0 * float(np.log10(1.0 + hertz / 700.0))
