"""Where in a clip something is: a fraction 0..1 as sines and cosines that attention can compare."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from medtalk.rates import FPS

HARMONICS = 16
"""Tells apart places a sixteenth of the clip from each other: about one word of a sentence."""
N_PLACES = 2 * HARMONICS
NEAR = 0.15
"""Seconds from a word at which a frame listens to it e times less than to a word spoken just then."""


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


def word_places(count: Tensor, times: Tensor, frames: Tensor) -> Tensor:
    """Features of the place of each word's middle in its clip, (B, N, 32) float32.

    Args:
        count: (B,) how many words of each row are real. Words without times are spread evenly, as `places` does.
        times: (B, N, 2) start and end in seconds; -1 where they are not known.
        frames: (B,) frames of each clip, 60 a second.
    """
    last = (count[:, None] - 1).to(torch.float32)
    even = torch.minimum(torch.arange(times.shape[1], device=times.device, dtype=torch.float32)[None], last)
    spoken = times.mean(-1) * FPS / (frames[:, None] - 1).clamp(min=1)
    return wave(torch.where(times[..., 0] < 0, even / last.clamp(min=1.0), spoken.clamp(0.0, 1.0)))


def word_bias(times: Tensor, size: int) -> Tensor:
    """The bias of attention's scores by which a frame listens to the words spoken around it, (B, size, N): 0 while a
    word is spoken and where its times (B, N, 2), seconds, are not known (-1), less with the square of the distance."""
    now = torch.arange(size, device=times.device, dtype=torch.float32)[None, :, None] / FPS
    start, end = times[:, None, :, 0], times[:, None, :, 1]
    away = torch.maximum(start - now, now - end).clamp(min=0.0) / NEAR
    return torch.where(start < 0, torch.zeros_like(away), -away.square())


def wave(fraction: Tensor) -> Tensor:
    """(...) fractions -> (..., 32): sine and cosine of pi, 2 pi, ... times the fraction."""
    angle = fraction[..., None] * (math.pi * torch.arange(1, HARMONICS + 1, device=fraction.device))
    return torch.cat([angle.sin(), angle.cos()], dim=-1)
