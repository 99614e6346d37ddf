"""Chunks of a clip: how wav2vec2 and emotion2vec hear an hour in the working memory of a few seconds.

What belongs to a clip as a whole, such as its mean, comes first. Then its frames are computed chunk by chunk, each with
as much of its surroundings as its networks see, so that a chunk's length makes no difference to what comes out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medtalk.audio import frame_count
from medtalk.backbones.pretrained import check_samples, needs_extra, to_numpy
from medtalk.watch import checkpoint

with needs_extra():
    import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

CHUNK = 256
"""Frames that a backbone works on at once, four or five seconds of a sound."""

_BLOCK = 1 << 20  # samples summed at once


def spans(length: int, size: int, part: tuple[float, float] | None = None) -> Iterator[tuple[int, int]]:
    """Starts and ends of the chunks of `size` in `length`; each is a checkpoint of the work that is watched.

    `part` says which part of the stage the chunks are, such as (0.0, 0.5) for its first half.
    """
    for start in range(0, length, size):
        checkpoint(None if part is None else part[0] + (part[1] - part[0]) * start / length)
        yield start, min(start + size, length)


@dataclass(frozen=True)
class Convolutions:
    """A stack of convolutions without padding, from samples to frames.

    Attributes:
        field: samples that one frame sees.
        hop: samples from a frame to the next.
    """

    field: int
    hop: int

    @classmethod
    def of(cls, kernels: Sequence[int], strides: Sequence[int]) -> Convolutions:
        field = 1
        for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
            field = (field - 1) * stride + kernel
        return cls(field, math.prod(strides))

    def frames(self, samples: int) -> int:
        """The number of frames from so many samples."""
        return (samples - self.field) // self.hop + 1

    def samples(self, start: int, end: int) -> tuple[int, int]:
        """First and last sample, plus one, that frames `start` to `end` see."""
        return start * self.hop, (end - 1) * self.hop + self.field


class Waveform:
    """The samples of a clip, brought to mean 0 and variance 1 as a whole, a piece at a time."""

    def __init__(self, samples: NDArray, shortest: int, epsilon: float | None, device: torch.device) -> None:
        """`epsilon` is added to the variance; None leaves the samples as they are.

        Raises:
            AudioError: no finite samples (n,), or fewer than `shortest`.
        """
        self._samples, self._device = check_samples(samples, shortest), device
        self._mean, self._scale = 0.0, 1.0
        if epsilon is not None:
            self._mean = self._average(lambda values: values)
            variance = self._average(lambda values: np.square(values - self._mean))
            self._scale = 1.0 / math.sqrt(variance + epsilon)

    def __len__(self) -> int:
        return len(self._samples)

    def piece(self, start: int, end: int) -> Tensor:
        """Samples `start` to `end`, (end - start,) float32 on the device."""
        # A copy: torch cannot hold read-only arrays.
        return (torch.tensor(self._samples[start:end], device=self._device) - self._mean) * self._scale

    def _average(self, of: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> float:
        blocks = spans(len(self), _BLOCK)
        return sum(float(of(self._samples[a:b].astype(np.float64)).sum()) for a, b in blocks) / len(self)


@dataclass(frozen=True)
class RigTimes:
    """Where the rig's frames lie among a backbone's: spread evenly, first on first and last on last (`align_corners`),
    as the authors' release has it.

    Places are in float32, as in torch's `interpolate` and just as coarse, so that the release is met at any length:
    exact ones are a ten-thousandth of a frame away from its own after half a minute, and features differ by 1e-3.

    Attributes:
        frames: the backbone's, at least 1.
        count: the rig's, at least 1.
    """

    frames: int
    count: int

    @classmethod
    def of(cls, frames: int, samples: int) -> RigTimes:
        """For a clip of so many samples at 16 kHz."""
        return cls(frames, frame_count(samples))

    def needs(self, start: int, end: int) -> tuple[int, int]:
        """First and last frame of the backbone, plus one, that the rig's `start` to `end` lie between."""
        first, last = (int(np.float32(place) * self._step) for place in (start, end - 1))
        return first, min(last + 2, self.frames)

    def take(self, features: Tensor, first: int, start: int, end: int) -> Tensor:
        """Features (n, width), of the backbone's frames from `first` on, linearly interpolated to the rig's frames
        `start` to `end`, (end - start, width)."""
        # Half precision could not distinguish neighbouring frames.
        places = torch.from_numpy(np.arange(start, end, dtype=np.float32) * self._step).to(features.device)
        below = places.long().clamp(max=self.frames - 1)
        above = (below + 1).clamp(max=self.frames - 1)
        share = (places - below)[:, None]
        return torch.lerp(features[below - first].float(), features[above - first].float(), share).to(features.dtype)

    @property
    def _step(self) -> np.float32:
        return np.float32(self.frames - 1) / np.float32(max(self.count - 1, 1))


def at_rig_rate(features: Tensor, samples: int, chunk: int = CHUNK) -> NDArray[np.float32]:
    """Features (n, width) of a clip of so many samples at the rig's frames, (T, width)."""
    times = RigTimes.of(len(features), samples)
    moved = np.empty((times.count, features.shape[1]), np.float32)
    for start, end in spans(times.count, chunk):
        moved[start:end] = to_numpy(times.take(features, 0, start, end))
    return moved


def add_positions(
    states: Tensor,
    positions: torch.nn.Module,
    norm: torch.nn.Module,
    context: int,
    chunk: int,
    part: tuple[float, float],
) -> None:
    """Add positional convolutions to the states (T, width) of a clip, and norm the sum, all in place.

    `positions` takes (1, n, width) and pads with zeros, which stands for what is beyond the clip's ends; a frame of it
    sees `context` frames to either side.
    """
    before = states[:0]
    for start, end in spans(len(states), chunk, part):
        around = torch.cat([before, states[start : end + context]])
        own = slice(len(before), len(before) + end - start)
        states[start:end] = norm(around[own] + positions(around[None])[0, own])
        before = around[: own.stop][-context:]
