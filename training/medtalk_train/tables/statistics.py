"""What a table says of several seeds and many clips: mean and spread, and differences with an interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 4999


class Spread(NamedTuple):
    """Of seeds: their mean, standard deviation (n - 1 below), and how many there are."""

    mean: float
    sd: float | None
    count: int


class Difference(NamedTuple):
    """Mean over clips of a method's error less another's, and the bounds within which it lies, 95 of 100 times."""

    mean: float
    low: float
    high: float

    @property
    def significant(self) -> bool:
        """Whether the bounds leave out 0."""
        return self.low > 0.0 or self.high < 0.0


def spread(values: Sequence[float]) -> Spread:
    """Mean and standard deviation of one figure over seeds, of which there is at least one."""
    return Spread(float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None, len(values))


def difference(ours: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]], seed: int = 0) -> Difference:
    """How much larger the errors `theirs` are, each a list over the same clips for each seed.

    A clip's error is its mean over seeds. Clips are drawn again with replacement, so the bounds say how much depends on
    the choice of clips, and nothing of how much depends on the seeds.

    Raises:
        ValueError: the clips differ, or there are fewer than two.
    """
    from scipy.stats import bootstrap

    one, other = (np.mean(np.asarray(errors, np.float64), axis=0) for errors in (ours, theirs))
    if one.shape != other.shape or len(one) < 2:
        raise ValueError(f"differences need the same clips, at least two; there are {one.shape} and {other.shape}")
    apart = other - one
    if np.ptp(apart) <= 1e-12:  # nothing to draw from
        return Difference(float(apart.mean()), float(apart.mean()), float(apart.mean()))
    bounds = bootstrap(
        (apart,), np.mean, n_resamples=RESAMPLES, confidence_level=CONFIDENCE, rng=np.random.default_rng(seed)
    ).confidence_interval
    return Difference(float(apart.mean()), float(bounds.low), float(bounds.high))
