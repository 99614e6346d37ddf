"""Intensity adjustment (Sec. 3.3, Fig. 2c): the norm of an emotion vector becomes the frame's intensity."""

from __future__ import annotations

from torch import Tensor

from medtalk.model.config import ModelConfig
from medtalk.model.mlp import MLP

EPSILON = 1e-8


def adjust(emotion: Tensor, intensity: Tensor) -> Tensor:
    """Eq. 9: f_t = f * I_t / (|f| + eps).

    Args:
        emotion: (B, T, 256), or (B, 1, 256) for one emotion over the clip.
        intensity: (B, T).

    Returns:
        (B, T, 256) vectors of norm |I_t|; zero where the intensity is zero.
    """
    norm = emotion.square().sum(-1, keepdim=True).sqrt()
    return emotion * (intensity[..., None] / (norm + EPSILON))


class FusionEncoder(MLP):
    """E_fuse: adjusted emotion vectors (..., 256) -> the frozen emotion space of E_e (..., 256)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config.latent, config.hidden, config.latent)
