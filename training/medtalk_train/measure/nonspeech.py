"""Nine sounds in which nobody speaks, and speech in noise: a mouth rests in the one, not in the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from medtalk.quality.articulation import measure, p95

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE = 16000
SECONDS = 6
BREATHS = "breaths"
"""The one of the sounds that may part the lips."""


def sounds() -> dict[str, NDArray[np.float32]]:
    """The nine by name, each (96000,) float32 at 16 kHz within -1 to 1."""
    rng, count = np.random.default_rng(0), RATE * SECONDS
    time = np.arange(count) / RATE
    # One generator serves them all, so the order of the draws is part of the sounds.
    rumble = np.cumsum(rng.standard_normal(count))
    rumble -= np.convolve(rumble, np.ones(400) / 400, "same")
    breaths, length = np.zeros(count), int(0.7 * RATE)
    for start in (1, 3, 5):
        breaths[start * RATE : start * RATE + length] += rng.standard_normal(length) * np.hanning(length) * 0.08
    beat = 1 + np.sin(2 * np.pi * 2 * time)
    sounds = {
        "silence": np.zeros(count),
        "room": rng.standard_normal(count) * 1e-3,
        "white30": rng.standard_normal(count) * 0.03,
        "white12": rng.standard_normal(count) * 0.25,
        "rumble": rumble / np.abs(rumble).max() * 0.3,
        "hum": sum(np.sin(2 * np.pi * 50 * k * time) / k for k in (1, 2, 3, 5)) * 0.2,
        "music": sum(np.sin(2 * np.pi * f * time) for f in (220, 277, 330, 440)) * 0.08 * beat,
        BREATHS: np.convolve(breaths, [0.5, 0.5], "same"),
        "clicks": (rng.random(count) > 0.9997) * 0.8,
    }
    return {name: np.clip(sound, -1.0, 1.0).astype(np.float32) for name, sound in sounds.items()}


def in_noise(samples: NDArray, snr_db: float = 10.0, seed: int = 0) -> NDArray[np.float32]:
    """Sound (n,) with white noise that lies `snr_db` under its mean power, (n,) float32 within -1 to 1."""
    samples = np.asarray(samples, np.float64)
    level = np.sqrt(np.mean(samples**2) * 10 ** (-snr_db / 10)) if len(samples) else 0.0
    noise = np.random.default_rng(seed).standard_normal(len(samples)) * level
    return np.clip(samples + noise, -1.0, 1.0).astype(np.float32)


def rest(show: Callable[[NDArray[np.float32]], NDArray]) -> dict[str, float]:
    """ "jaw p95, NAME" of each of the nine sounds; `show` gives the rig (T, 174) of a sound."""
    return rest_of({name: show(sound) for name, sound in sounds().items()})


def rest_of(rigs: Mapping[str, NDArray]) -> dict[str, float]:
    """ "jaw p95, NAME" of rigs (T, 174) by name of their sound, and "jaw p95, nobody speaks", the worst but breaths."""
    out = {f"jaw p95, {name}": p95(measure(rig, "jaw")) for name, rig in rigs.items()}
    worst = [value for name, value in out.items() if not name.endswith(BREATHS)]
    return out | ({"jaw p95, nobody speaks": max(worst)} if worst else {})
