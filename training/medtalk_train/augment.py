"""What happens to speech before it reaches a microphone: rooms, noise, other talkers, other throats, narrow bands.

The corpus is synthetic and clean; without these the acoustic encoder would meet its first real recording untrained.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from medtalk.backbones import mel

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE = mel.RATE


def features(
    samples: NDArray, rng: np.random.Generator, babble: Callable[[int], NDArray], amount: float = 1.0
) -> NDArray[np.float32]:
    """Log-mel features (2 T, 80) of an augmented clip.

    Args:
        samples: (n,) float32 at 16 kHz.
        babble: gives n samples of somebody else.
        amount: 0 none .. 1 full; ramped in during training.
    """
    if rng.random() < 0.35 * amount:
        samples = room(samples, rng)
    if rng.random() < 0.15 * amount:
        other = babble(len(samples))
        samples = samples + other * _gain(samples, other, rng.uniform(10.0, 25.0))
    warp = 1.0 + 0.01 * round(float(np.clip(rng.normal(0.0, 8.0), -16, 18)) * amount)
    bands = mel.decibels(samples, warp)
    bands += smooth_curve(rng, mel.N_MELS, 5, 4.0 * amount)
    bands = noise(bands, rng, rng.uniform(12.0, 45.0) + 25.0 * (1.0 - amount))
    if rng.random() < 0.12 * amount:  # a telephone, an old recording, a narrow codec
        bands[:, int(rng.integers(52, 74)) :] -= 40.0
        bands = noise(bands, rng, 45.0)
    floor, quiet = rng.uniform(-5.0, 5.0) * amount, rng.uniform(-8.0, 8.0) * amount
    out = mel.normalise(bands, mel.FLOOR_DB + floor, mel.QUIET_DB + quiet)
    for _ in range(rng.integers(0, 3)):
        first = int(rng.integers(0, mel.N_MELS - 8))
        out[:, first : first + int(rng.integers(2, 9) * amount)] = 0.0
    for _ in range(rng.integers(0, 3)):
        first = int(rng.integers(0, max(1, len(out) - 12)))
        out[first : first + int(rng.integers(2, 11) * amount)] = 0.0
    return out


def room(samples: NDArray, rng: np.random.Generator) -> NDArray[np.float32]:
    """Reverberation of a small room: exponentially fading noise, 0.1 to 0.5 s, direct sound 4 to 20 dB above it."""
    from scipy.signal import oaconvolve

    fade = rng.uniform(0.1, 0.5)
    length = int(0.6 * fade * RATE)
    tail = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / (fade * RATE))
    tail[: int(0.002 * RATE)] = 0.0
    tail *= 10.0 ** (-rng.uniform(4.0, 20.0) / 20.0) / np.sqrt((tail**2).sum() + 1e-9)
    tail[0] = 1.0
    return oaconvolve(samples, tail.astype(np.float32))[: len(samples)].astype(np.float32)


def noise(bands: NDArray[np.float32], rng: np.random.Generator, snr_db: float) -> NDArray[np.float32]:
    """Steady coloured noise at a signal-to-noise ratio, added in the power of the mel bands."""
    level = float(np.percentile(bands.max(axis=1), 90)) - snr_db
    tilt = rng.uniform(-8.0, 4.0) * np.linspace(-1, 1, mel.N_MELS)
    colour = level - 8.0 + smooth_curve(rng, mel.N_MELS, 4, 6.0) + tilt
    power = 10.0 ** (colour / 10.0) * rng.gamma(3.0, 1.0 / 3.0, bands.shape)  # a few DFT bins a band: about 6 d.o.f.
    return (10.0 * np.log10(10.0 ** (bands / 10.0) + power)).astype(np.float32)


def smooth_curve(rng: np.random.Generator, size: int, knots: int, spread: float) -> NDArray[np.float32]:
    """(size,) a random curve through ``knots`` normal values of the given spread."""
    values = rng.normal(0.0, spread, knots)
    return np.interp(np.linspace(0, knots - 1, size), np.arange(knots), values).astype(np.float32)


def _gain(samples: NDArray, other: NDArray, db: float) -> np.float32:
    ratio = float(np.sqrt((samples**2).mean() + 1e-9) / np.sqrt((other**2).mean() + 1e-6))
    return np.float32(min(ratio, 10.0) * 10.0 ** (-db / 20.0))
