"""Sounds that tests make."""

import numpy as np


def babble(seconds: float, rate: int = 16000, seed: int = 1) -> np.ndarray:
    """Something like speech, (n,) float32: a buzz of changing pitch and colour in syllables, with pauses."""
    rng = np.random.default_rng(seed)
    count = round(seconds * rate)
    time = np.arange(count) / rate
    pitch = 130.0 + 30.0 * np.sin(2 * np.pi * 0.7 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    buzz = sum(np.sin(k * phase) / k for k in range(1, 12))
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * time) + 0.3, 0.0, None) * (np.sin(2 * np.pi * 0.4 * time) > -0.6)
    return (0.12 * buzz * syllables + 0.002 * rng.standard_normal(count)).astype(np.float32)
