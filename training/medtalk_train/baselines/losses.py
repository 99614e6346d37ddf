"""Square errors of rigs that the objectives of the baselines share."""

from __future__ import annotations

from torch import Tensor

from medtalk_train.stages.losses import mean


def square(found: Tensor, truth: Tensor, mask: Tensor | None = None) -> Tensor:
    """The mean square error of rigs (..., T, 174) over the frames that `mask` (..., T) leaves."""
    return mean((found - truth).square().mean(-1), mask)


def velocity(found: Tensor, truth: Tensor, mask: Tensor | None = None) -> Tensor:
    """The same of their differences from frame to frame."""
    both = None if mask is None else mask[..., 1:] * mask[..., :-1]
    return square(found.diff(dim=-2), truth.diff(dim=-2), both)
