"""Audio Content Mapping (Sec. 3.3): what is heard to the content space of E_c."""

from __future__ import annotations

from medtalk.model.config import ModelConfig
from medtalk.model.mlp import MLP


class AudioContentMap(MLP):
    """ACM's lightweight mapping: backbone features (..., content_features) -> content embedding (..., 256)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config.content_features, config.hidden, config.latent)
