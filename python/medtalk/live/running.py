"""What is usual in a voice, learned while it speaks: quantiles and means that forget slowly and begin at a guess."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Histogram:
    """Values seen, each less with every later one.

    Args:
        low, high, width: of the bins; values beyond lie in the outer ones.
        mean, deviation, weight: what it is seeded with: a normal distribution that counts as so many values.
        memory: after how many values one counts a third.
    """

    def __init__(
        self, low: float, high: float, width: float, mean: float, deviation: float, weight: float, memory: float
    ) -> None:
        self.centres = np.arange(low + width / 2, high, width)
        self._low, self._width, self._memory = low, width, memory
        shape = np.exp(-0.5 * ((self.centres - mean) / deviation) ** 2)
        self.counts = weight * shape / shape.sum()

    def add(self, values: NDArray) -> None:
        """Values (n,), one after the other."""
        if not len(values):
            return
        rows = np.clip(((values - self._low) / self._width).astype(np.int64), 0, len(self.counts) - 1)
        fading = np.exp(-np.arange(len(values), -1, -1) / self._memory)
        self.counts *= fading[0]
        np.add.at(self.counts, rows, fading[1:])

    def quantile(self, share: float) -> float:
        """The value below which a share of 0 to 1 lies."""
        sums = np.cumsum(self.counts)
        return float(np.interp(share * sums[-1], np.concatenate([[0.0], sums]), self._edges()))

    def moments(self, above: float = -np.inf) -> tuple[float, float]:
        """Mean and standard deviation of the values above a bound."""
        weights = np.where(self.centres > above, self.counts, 0.0)
        if not weights.sum():
            return above, 0.0
        mean = float(np.average(self.centres, weights=weights))
        return mean, float(np.sqrt(np.average((self.centres - mean) ** 2, weights=weights)))

    def _edges(self) -> NDArray:
        return self._low + self._width * np.arange(len(self.counts) + 1)


class Mean:
    """A mean that forgets: after `memory` values one counts a third; the seed counts as `weight` values."""

    def __init__(self, seed: float, weight: float, memory: float) -> None:
        self._sum, self._weight, self._memory = seed * weight, weight, memory

    def add(self, values: NDArray) -> None:
        """Values (n,), one after the other."""
        fading = np.exp(-np.arange(len(values), -1, -1) / self._memory)
        self._sum = self._sum * fading[0] + float(values @ fading[1:])
        self._weight = self._weight * fading[0] + float(fading[1:].sum())

    @property
    def value(self) -> float:
        return self._sum / self._weight
