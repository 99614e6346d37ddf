"""Batches, whatever the data: the types that the stages read and both grounds draw.

A batch depends on the seed, the epoch and its number alone, which makes a cut run resumable without a trace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

if TYPE_CHECKING:
    from numpy.typing import NDArray

Batch = TypeVar("Batch")
Draw = Callable[[np.random.Generator], Any]
"""Makes a batch from random numbers."""

BY_LABEL, BY_TEXT, BY_IMAGE = range(3)


class Exchange(NamedTuple):
    """Faces of stage 1 where not all are frame-aligned across emotions; a ground whose faces are draws grids alone."""

    pairs: Tensor  # (2, B, L, 174) two unlike faces: what self-reconstruction and the cycle need
    grid: (
        Tensor | None
    )  # (2, 2, B, L', 174) two emotions by two contents, for the overlap; None where it is not asked for


@dataclass(frozen=True)
class Exchanges:
    """Draws pairs, and grids beside them where there are any."""

    pairs: Draw
    grids: Draw | None

    def __call__(self, rng: np.random.Generator) -> Exchange:
        return Exchange(self.pairs(rng), None if self.grids is None else self.grids(rng))


class SentenceBatch(NamedTuple):
    """Whole sentences, padded to the longest (T frames, N words), as stages 3 and 4 need them."""

    content: Tensor  # (B, T, F) acoustic features
    posteriors: Tensor  # (B, T, 35)
    emotion_features: Tensor  # (B, T, 51)
    lengths: Tensor  # (B,) real frames
    mask: Tensor  # (B, T) 1 for real frames
    words: Tensor  # (B, N, 8) pieces of the transcript's words, or (B, N, W) a text encoder's features of its tokens
    absent: Tensor  # (B, N) bool, true where a row has no such word
    word_times: Tensor  # (B, N, 2) their starts and ends in seconds, -1 where not known
    label: Tensor  # (B,) emotion
    kinds: Tensor  # (B, K) shares of the label's kinds of face
    strength: Tensor  # (B, T) the teacher's, before the scale
    scale: Tensor  # (B,) what strength and intensity are multiplied by
    rig: Tensor  # (B, T, 174) the teacher's face
    description: Tensor  # (B, G) CLIP's features of a description of the face
    picture: Tensor  # (B, G) CLIP's features of a picture of the face
    guide: Tensor  # (B,) which of these stands for the emotion in stage 4: BY_LABEL, BY_TEXT or BY_IMAGE


class Steps(Dataset[Batch]):
    """The batches of one epoch: batch i is `draw(generator of (seed, epoch, i))`.

    Of several processes that learn together each has its share of them: process `rank` of `world` the batches
    i * world + rank, so that no two see the same one.
    """

    def __init__(
        self,
        draw: Callable[[np.random.Generator], Batch],
        steps: int,
        seed: tuple[int, ...],
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.draw, self.steps, self.seed, self.rank, self.world = draw, steps, seed, rank, world

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> Batch:
        return self.draw(np.random.default_rng((*self.seed, step * self.world + self.rank)))


def near_in_length(lengths: NDArray, longest: int, batch: int, rng: np.random.Generator) -> NDArray:
    """Which sentences go into a batch: of about one length, as neighbours waste little padding, and none beyond
    `longest` unless all are."""
    order = np.argsort(lengths, kind="stable")
    order = order[: max(1, int((lengths <= longest).sum()))]
    centre, reach = int(rng.integers(len(order))), 4 * batch
    near = order[max(0, centre - reach) : centre + reach]
    return rng.choice(near, size=min(batch, len(near)), replace=False)


def pad(pieces: Sequence[NDArray], frames: int) -> list[NDArray]:
    return [np.pad(piece, ((0, frames - len(piece)), (0, 0))) for piece in pieces]


def stack(pieces: Sequence[NDArray]) -> Tensor:
    return torch.from_numpy(np.stack(pieces).astype(np.float32))
