"""Differences between speakers: small amounts, drawn once a clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Style:
    """Factors on the teacher's motion; all ones is the average speaker.

    ``lean`` moves expression to one side of the face (positive: more on the left).
    """

    jaw: float = 1.0
    rounding: float = 1.0
    spreading: float = 1.0
    brow: float = 1.0
    eye: float = 1.0
    mouth: float = 1.0
    liveliness: float = 1.0
    lean: float = 0.0
    seed: int = 0

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Style:
        """A random speaker: factors within about 10 %, a lean within 6 %."""
        jaw, rounding, spreading, brow, eye, mouth = np.exp(rng.normal(0.0, 0.08, 6)).tolist()
        return cls(jaw, rounding, spreading, brow, eye, mouth, float(np.exp(rng.normal(0.0, 0.2))),
                   float(rng.normal(0.0, 0.06)), int(rng.integers(1 << 31)))  # fmt: skip
