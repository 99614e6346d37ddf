"""The label embedding: one of seven emotions as a vector f^label."""

from __future__ import annotations

from torch import nn

from medtalk.model.config import ModelConfig


class LabelEmbedding(nn.Sequential):
    """Label ids, int64 (...) -> emotion vectors (..., 256)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(
            nn.Embedding(config.labels, config.latent),
            nn.Linear(config.latent, config.label_hidden),
            nn.LeakyReLU(0.2),
            nn.Linear(config.label_hidden, config.latent),
        )
