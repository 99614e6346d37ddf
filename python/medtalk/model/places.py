"""Where in a clip something is: a fraction 0..1 as sines and cosines that attention can compare."""

from __future__ import annotations

import math

import torch
from torch import Tensor

HARMONICS = 16
"""Tells apart places a sixteenth of the clip from each other: about one word of a sentence."""
N_PLACES = 2 * HARMONICS


def places(count: Tensor, size: int) -> Tensor:
    """Features of each place of a sequence.

    Args:
        count: (B,) how many places of each row are real; they get fractions 0 to 1.
        size: number of columns, at least the largest count.

    Returns:
        (B, size, 32) float32. Columns past a row's count repeat its last place.
    """
    last = (count[:, None] - 1).to(torch.float32)
    place = torch.arange(size, device=count.device, dtype=torch.float32)[None]
    return wave(torch.minimum(place, last) / last.clamp(min=1.0))


def wave(fraction: Tensor) -> Tensor:
    """(...) fractions -> (..., 32): sine and cosine of pi, 2 pi, ... times the fraction."""
    angle = fraction[..., None] * (math.pi * torch.arange(1, HARMONICS + 1, device=fraction.device))
    return torch.cat([angle.sin(), angle.cos()], dim=-1)
