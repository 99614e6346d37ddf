"""Multimodal guidance (Sec. 3.4): P_text and P_image bring a text's or picture's features where f^label lives."""

from __future__ import annotations

from medtalk.model.config import ModelConfig
from medtalk.model.mlp import MLP


class GuidanceMap(MLP):
    """P_text or P_image: features of the guidance (..., guidance_features) -> emotion vector f (..., 256)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config.guidance_features, config.hidden, config.latent)
