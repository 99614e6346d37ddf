"""Samples of any kind as they come, to 16 kHz mono in whole hops, the same however they are cut.

soxr's streams give their samples 20 to 120 ms late, since they filter in long blocks, which a live face cannot wait
for. So the filter here is short: 2.5 ms to either side.
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from medtalk.errors import AudioError
from medtalk.rates import RATE
from medtalk.sound import to_float

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

HOP = 160
"""Samples at 16 kHz that come out together: 10 ms."""
REACH = 0.0025
"""Seconds of sound that the filter sees to either side."""
MOST_CHANNELS = 8
_BETA = 5.7  # of the Kaiser window: 60 dB
_PASSES = 0.9  # of the lower of the two half rates
_PHASES = 512  # the most places between two samples; 44.1 kHz has 160
_FULL = 100.0  # times full scale; beyond it are integers that nobody scaled


class Intake:
    """The way in of a sound of `rate` samples a second."""

    def __init__(self, rate: int, name: str) -> None:
        self.rate = rate
        self.faults = {"not_numbers": 0, "lost": 0}
        self._name = name
        self._channels: int | None = None
        self._reach = 0 if rate == RATE else int(np.ceil(REACH * rate))
        self._kept = np.zeros(self._reach, np.float32)  # what the next hop begins to see; before the start is silence
        self._start = -self._reach  # place of its first sample in the sound
        self.heard = 0  # samples in
        self.hops = 0  # out
        if rate != RATE:
            self._weights = _weights(rate, self._reach)

    @property
    def samples(self) -> int:
        """Samples at 16 kHz in what was heard."""
        return round(self.heard * RATE / self.rate)

    @property
    def delay(self) -> float:
        """Seconds of sound after a hop that it needs."""
        return self._reach / self.rate

    def check(self, samples: ArrayLike) -> NDArray:
        """Samples (n,) or (n, channels) as they are; an error for what cannot be taken, before any of it is.

        Raises:
            AudioError: another shape or type than (n,) or (n, channels) of floats or integers, another number of
                channels than before, or floats far beyond full scale.
        """
        try:
            data = np.asarray(samples)
        except ValueError:  # rows of different lengths
            raise AudioError(f"{self._name} is not an array of numbers; valid are (n,) or (n, channels).") from None
        if data.ndim not in (1, 2) or data.dtype.kind not in "iuf":
            raise AudioError(
                f"{self._name} gave an array of shape {data.shape} and type {data.dtype}; valid are (n,) or "
                "(n, channels) of floats or integers."
            )
        if not len(data):
            return np.zeros(0, np.float32)
        channels = 1 if data.ndim == 1 else data.shape[1]
        if not 1 <= channels <= MOST_CHANNELS or self._channels not in (None, channels):
            valid = f"as before {self._channels}" if self._channels else f"1 to {MOST_CHANNELS}"
            turned = channels > MOST_CHANNELS >= len(data)
            hint = "Rows are samples, (n, channels): transpose the array." if turned else ""
            raise AudioError(f"{self._name} has {channels} channels; valid are {valid}.", hint)
        if data.dtype.kind == "f":
            for start in range(0, len(data), self.rate):
                block = np.abs(data[start : start + self.rate])
                if (peak := float(np.max(block, initial=0.0, where=np.isfinite(block)))) > _FULL:
                    raise AudioError(
                        f"{self._name} has float samples up to {peak:.4g}; full scale is 1.", "Scale it to -1..1."
                    )
        self._channels = channels
        return data

    def mono(self, data: NDArray) -> NDArray[np.float32]:
        """Checked samples as (n,) of full scale 1; what is not a number is silence, and counted."""
        block = to_float(data)
        good = np.isfinite(block)
        if not good.all():
            self.faults["not_numbers"] += int(good.size - good.sum())
            block = np.where(good, block, np.float32(0.0))
        return block if block.ndim == 1 else block.mean(axis=1)

    def take(self, mono: NDArray[np.float32], last: bool = False) -> NDArray[np.float32]:
        """The whole hops (m,) at 16 kHz that these samples complete; after the `last` of them all of them, with silence
        to the end of the hop."""
        self.heard += len(mono)
        self._kept = np.concatenate([self._kept, mono])
        total = -(-self.samples // HOP)  # hops of all that was heard
        if last:  # silence for the filter, and to a whole hop
            ends = -(-total * HOP * self.rate // RATE) + self._reach + 1
            self._kept = np.concatenate(
                [self._kept, np.zeros(max(ends - self._start - len(self._kept), 0), np.float32)]
            )
        known = self._start + len(self._kept) - self._reach - (self._reach > 0)
        whole = total if last else max(known, 0) * RATE // self.rate // HOP
        if whole <= self.hops:
            return np.zeros(0, np.float32)
        if self.rate == RATE:
            count = (whole - self.hops) * HOP
            out, self._kept = self._kept[:count], self._kept[count:]
            self._start += count
        else:
            out = np.concatenate([self._hop(hop) for hop in range(self.hops, whole)])
            spent = whole * HOP * self.rate // RATE - self._reach - self._start
            self._kept = self._kept[spent:]
            self._start += spent
        self.hops = whole
        return out

    def _hop(self, hop: int) -> NDArray[np.float32]:
        places = np.arange(hop * HOP, (hop + 1) * HOP) * self.rate  # in 1 / RATE of a sample, exact
        below, rest = np.divmod(places, RATE)
        phases = len(self._weights)
        rows = (rest * phases + RATE // 2) // RATE  # the nearest; exact where the rates have few places in common
        below, rows = below + rows // phases, rows % phases
        seen = np.lib.stride_tricks.sliding_window_view(self._kept, 2 * self._reach)[
            below - self._reach + 1 - self._start
        ]
        return np.einsum("nt,nt->n", seen, self._weights[rows])


def _weights(rate: int, reach: int) -> NDArray[np.float32]:
    """The filter (phases, 2 reach): row p is for a place p / phases beyond the sample `reach` - 1."""
    phases = min(RATE // gcd(rate, RATE), _PHASES)
    away = np.arange(phases)[:, None] / phases - np.arange(1 - reach, reach + 1)  # in samples
    cut = _PASSES * min(RATE, rate) / rate  # of the input's half rate
    shape = np.i0(_BETA * np.sqrt(np.maximum(1.0 - (away / reach) ** 2, 0.0))) / np.i0(_BETA)
    weights = cut * np.sinc(cut * away) * shape
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
