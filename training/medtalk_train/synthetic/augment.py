"""Changes of a voice on its way to a microphone: rooms, noise, other talkers, other throats, narrow bands.

Most of the corpus is clean. Without these the ear's head would meet its first real recording untrained. The sounds in
which nobody speaks teach it what is not speech.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from medtalk.rates import RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray


def sound(
    samples: NDArray, rng: np.random.Generator, babble: Callable[[int], NDArray], amount: float = 1.0
) -> NDArray[np.float32]:
    """A clip as a microphone somewhere might have heard it, of the same length.

    Args:
        samples: (n,) float32 at 16 kHz.
        babble: gives n samples of somebody else.
        amount: how often something happens to it, 0 never .. 1.
    """
    out = np.array(samples, np.float32)
    if rng.random() < 0.35 * amount:
        out = room(out, rng)
    if rng.random() < 0.10 * amount:
        out = out + _at_ratio(out, babble(len(out)), rng.uniform(10.0, 25.0))
    if rng.random() < 0.60 * amount:
        out = equalise(out, rng)
    if rng.random() < 0.75 * amount:
        out = out + _at_ratio(out, coloured_noise(len(out), rng), rng.uniform(5.0, 45.0))
    if rng.random() < 0.12 * amount:  # a telephone, an old recording, a narrow codec
        out = low_pass(out, rng.uniform(3200.0, 6500.0))
    peak = float(np.abs(out).max(initial=1e-9))
    return (out * np.float32(min(1.0, 0.99 / peak))).astype(np.float32)


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


def equalise(samples: NDArray, rng: np.random.Generator, spread_db: float = 5.0) -> NDArray[np.float32]:
    """A microphone's colour: gains at six places of the frequency axis, evenly spaced in octaves."""

    def gains(hertz: NDArray) -> NDArray:
        octave = np.log2(np.maximum(hertz, 60.0) / 60.0)
        return 10.0 ** (np.interp(octave, np.linspace(0.0, 7.1, 6), rng.normal(0.0, spread_db, 6)) / 20.0)

    return _filtered(samples, gains)


def low_pass(samples: NDArray, hertz: float) -> NDArray[np.float32]:
    """Without what is above `hertz`, over a fifth of an octave."""
    return _filtered(samples, lambda at: np.clip(1.0 - np.log2(np.maximum(at, 1.0) / hertz) * 5.0, 0.0, 1.0))


def coloured_noise(count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """(count,) noise with a random tilt, from rumbling to hissing, and a random colour."""
    tilt = rng.uniform(-9.0, 3.0)  # dB an octave
    noise = _filtered(
        rng.standard_normal(count), lambda at: 10.0 ** (tilt * np.log2(np.maximum(at, 30.0) / 1000.0) / 20.0)
    )
    return equalise(noise, rng, 4.0)


def nonspeech(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    """(count,) a sound in which nobody speaks: noise, hum, chords, breaths, knocks, or two of these."""
    kinds = (_steady, _hum, _chords, _breaths, _knocks)
    out = np.zeros(count)
    for kind in rng.choice(len(kinds), size=int(rng.integers(1, 3)), replace=False):
        out += _unit(kinds[kind](rng, count)) * 10.0 ** (rng.uniform(-20.0, 0.0) / 20.0)
    if rng.random() < 0.5:
        out += coloured_noise(count, rng) * 10.0 ** (rng.uniform(-60.0, -25.0) / 20.0)
    level = 10.0 ** (rng.uniform(-40.0, 0.0) / 20.0)
    return (0.9 * level * out / max(float(np.abs(out).max()), 1e-9)).astype(np.float32)


def _steady(rng: np.random.Generator, count: int) -> NDArray:
    noise = coloured_noise(count, rng)
    if rng.random() < 0.4:  # wind, traffic: slow swells
        knots = rng.uniform(0.1, 1.0, max(2, count // RATE * 2 + 2))
        noise = noise * np.interp(np.linspace(0, len(knots) - 1, count), np.arange(len(knots)), knots)
    return noise


def _hum(rng: np.random.Generator, count: int) -> NDArray:
    time = np.arange(count) / RATE
    base = rng.choice([50.0, 60.0, 100.0, 120.0]) * rng.choice([1.0, 1.0, rng.uniform(0.5, 3.0)])
    return sum(
        (np.sin(2 * np.pi * base * k * time + rng.uniform(0, 6.3)) * rng.uniform(0.1, 1.0) / k for k in range(1, 12)),
        np.zeros(count),
    )


def _chords(rng: np.random.Generator, count: int) -> NDArray:
    """Notes with harmonics, swelling or plucked, alone or together."""
    out, at = np.zeros(count), 0
    while at < count:
        length = int(rng.uniform(0.15, 2.5) * RATE)
        time = np.arange(min(length, count - at)) / RATE
        decay = rng.choice([0.0, rng.uniform(0.5, 6.0)])
        fade = np.minimum(time / rng.uniform(0.005, 0.2), 1.0) * np.exp(-time * decay)
        fade *= 1.0 + rng.choice([0.0, 0.8]) * np.sin(2 * np.pi * rng.uniform(1.0, 8.0) * time)
        for _ in range(rng.integers(1, 5)):
            pitch = 110.0 * 2.0 ** (rng.integers(0, 37) / 12.0)
            for k in range(1, int(rng.integers(2, 8))):
                out[at : at + len(time)] += fade * np.sin(2 * np.pi * pitch * k * time) * rng.uniform(0.2, 1.0) / k
        at += length if rng.random() < 0.7 else length // 2
    return out


def _breaths(rng: np.random.Generator, count: int) -> NDArray:
    out, at = np.zeros(count), int(rng.uniform(0.1, 1.0) * RATE)
    while at < count:
        length = int(rng.uniform(0.3, 1.2) * RATE)
        breath = equalise(low_pass(rng.standard_normal(length), rng.uniform(2500.0, 7000.0)), rng, 6.0)
        shape = np.hanning(length) ** rng.uniform(0.5, 2.0)
        out[at : at + length] += (breath * shape)[: count - at]
        at += length + int(rng.uniform(0.5, 2.5) * RATE)
    return out


def _knocks(rng: np.random.Generator, count: int) -> NDArray:
    """Clicks, keys, steps: short bursts with a decay of 0.1 to 60 ms."""
    out = np.zeros(count)
    for at in rng.integers(0, count, max(1, rng.poisson(count / RATE * rng.uniform(0.5, 8.0)))):
        length = int(rng.uniform(0.0005, 0.25) * RATE) + 1
        burst = rng.standard_normal(length) * np.exp(-np.arange(length) / (rng.uniform(0.0001, 0.06) * RATE))
        out[at : at + length] += burst[: count - at] * rng.uniform(0.2, 1.0)
    return out


def _filtered(samples: NDArray, gains: Callable[[NDArray], NDArray]) -> NDArray[np.float32]:
    """Samples with the spectrum multiplied by `gains` of the frequencies in Hz."""
    from scipy.fft import irfft, next_fast_len, rfft

    size: int = next_fast_len(max(len(samples), 2) + RATE // 10)  # pyright: ignore[reportAssignmentType]
    spectrum = rfft(np.asarray(samples, np.float32), size)
    filtered = irfft(spectrum * gains(np.linspace(0.0, RATE / 2, size // 2 + 1)[: len(spectrum)]), size)  # pyright: ignore
    return np.asarray(filtered[: len(samples)], np.float32)


def _at_ratio(samples: NDArray, other: NDArray, db: float) -> NDArray[np.float32]:
    """`other` made `db` quieter than the loud parts of `samples`."""
    loud = float(np.sqrt(np.percentile(samples**2, 80) + 1e-9))
    return (_unit(other) * loud * 10.0 ** (-db / 20.0)).astype(np.float32)


def _unit(samples: NDArray) -> NDArray:
    """Samples of root mean square 1; a silent sound stays silent."""
    return samples / max(float(np.sqrt(np.mean(np.square(samples), dtype=np.float64))), 1e-6)
