"""The disentangled embedding space (Sec. 3.2): E_e, E_c and the decoder D, all frame by frame."""

from __future__ import annotations

import torch
from torch import Tensor

from medtalk.model.config import ModelConfig
from medtalk.model.mlp import MLP


class MotionEncoder(MLP):
    """E_e or E_c: rig (..., 174) -> embedding (..., 256)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config.channels, config.hidden, config.latent)


class Decoder(MLP):
    """D: an emotion and a content embedding, (..., 256) each -> rig (..., 174)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(2 * config.latent, config.hidden, config.channels)

    def forward(self, emotion: Tensor, content: Tensor) -> Tensor:  # type: ignore[override]
        # The paper writes D(emotion, content), and its weights expect that order.
        return super().forward(torch.cat([emotion, content], dim=-1))
