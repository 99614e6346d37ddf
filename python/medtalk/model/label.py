"""The label embedding: one of seven emotions, in one of its kinds of face, as a vector f^label."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from medtalk.model.config import ModelConfig


class LabelEmbedding(nn.Sequential):
    """Ids, int64 (...) -> emotion vectors (..., 256). Kind k of label l has the id l * kinds + k."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(
            nn.Embedding(config.labels * config.kinds, config.latent),
            nn.Linear(config.latent, config.label_hidden),
            nn.LeakyReLU(0.2),
            nn.Linear(config.label_hidden, config.latent),
        )
        self.kinds = config.kinds

    def mixed(self, label: Tensor, shares: Tensor) -> Tensor:
        """The vectors (..., 256) of labels, int64 (...), whose kinds have these shares (..., kinds), summing to 1.

        The MLP comes first and the mixture last, so an exported bundle can mix the vectors at run time.
        """
        ids = label[..., None] * self.kinds + torch.arange(self.kinds, device=label.device)
        return (shares[..., None] * self(ids)).sum(-2)
