"""The paper's losses (Eq. 2-14), and the named options that keep the lips from being smoothed away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medtalk.rig.channels import N_CHANNELS, S_LIP, indices
from medtalk_train.settings import RigLossOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

FLOOR, CEILING = 0.85, 0.05
"""Shares of its target that a closure must reach, and what it may reach where there is none, before `closures` acts."""
SEALS = indices("[LR]_mouth_lipsTogether[DU]", "[LR]_mouth_lipsPressU", "[LR]_mouth_lipBiteD")


class RigLoss(nn.Module):
    """L_recon: the mean square error of a rig, plus what `RigLossOptions` asks for.

    With all options off it is exactly `mse_loss`.
    """

    lips: Tensor
    seals: Tensor
    channels: Tensor

    def __init__(self, options: RigLossOptions, spread: Sequence[float] | NDArray | None = None) -> None:
        """`spread` (174,): standard deviation of each channel in the data, needed for `standardise`."""
        super().__init__()
        self.options = options
        lips = torch.zeros(N_CHANNELS)
        lips[torch.from_numpy(S_LIP.copy())] = options.event_weight
        self.register_buffer("lips", lips, persistent=False)
        self.register_buffer("seals", torch.from_numpy(SEALS.copy()), persistent=False)
        self.register_buffer("channels", channel_weights(spread, options.standardise), persistent=False)

    def forward(self, found: Tensor, truth: Tensor, mask: Tensor | None = None) -> Tensor:
        """(..., T, 174) both; `mask` (..., T) is 1 for real frames."""
        weight = self.channels * (1.0 + self.lips * truth.abs()) if self._weighted else self.channels
        error = found - truth
        loss = mean((weight * error.square()).mean(-1), mask)
        if self.options.velocity_weight:
            step = error[..., 1:, :] - error[..., :-1, :]
            both = None if mask is None else mask[..., 1:] * mask[..., :-1]
            loss = loss + self.options.velocity_weight * mean((self.channels * step.square()).mean(-1), both)
        if self.options.closures:
            goal, seal = truth[..., self.seals], found[..., self.seals]
            short = F.relu(FLOOR * goal - seal).square() * (goal > 0.5)
            much = F.relu(seal - CEILING).square() * (goal < CEILING)
            # over all channels, as the error is: a mean over the seals alone would weigh them many times over
            loss = loss + self.options.closures * mean((short + much).sum(-1) / found.shape[-1], mask)
        return loss

    @property
    def _weighted(self) -> bool:
        return self.options.event_weight > 0


def channel_weights(spread: Sequence[float] | NDArray | None, limit: float) -> Tensor:
    """(174,) weights ~ 1 / spread, at most `limit` and at least 1 / limit, mean 1; ones if limit is 0."""
    out = torch.ones(N_CHANNELS)
    if limit <= 0 or spread is None:
        return out
    deviations = np.asarray(spread, np.float64)
    moving = deviations > 1e-3
    if moving.any():
        relative = np.median(deviations[moving]) / np.maximum(deviations, 1e-3)
        # what never moves has nothing to learn but rest
        weights = np.where(moving, np.clip(relative, 1.0 / limit, limit), 1.0)
        out = torch.from_numpy((weights / weights.mean()).astype(np.float32))
    return out


def similarity(found: Tensor, truth: Tensor, mask: Tensor | None = None, whole: bool = False) -> Tensor:
    """L_sim (Eq. 6, 10, 13): 1 - cos of embeddings (..., T, 256), over real frames.

    The mean of one cosine a frame, or with `whole` of one a clip, over all its frames together.
    """
    if whole:
        real = 1.0 if mask is None else mask[..., None]
        return 1.0 - F.cosine_similarity((found * real).flatten(-2), (truth * real).flatten(-2), dim=-1).mean()
    return mean(1.0 - F.cosine_similarity(found, truth, dim=-1), mask)


def mean(values: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean of (..., T) over the frames that `mask` leaves."""
    return values.mean() if mask is None else (values * mask).sum() / mask.sum().clamp(min=1.0)
