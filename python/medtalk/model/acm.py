"""Audio Content Mapping (Sec. 3.3): what is heard to the content space of E_c."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from medtalk.model.config import ModelConfig
from medtalk.model.mlp import MLP


class AudioContentMap(MLP):
    """ACM's lightweight mapping: features (B, T, content_features) -> content embedding (B, T, 256).

    With `content_context` its first layer sees so many frames to either side, zeros beyond the ends of the clip.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config.content_features, config.hidden, config.latent)
        if config.content_context:
            width, reach = 2 * config.content_context + 1, config.content_context
            self.fc1 = nn.Conv1d(config.content_features, config.hidden, width, padding=reach)

    def forward(self, x: Tensor) -> Tensor:
        if isinstance(self.fc1, nn.Conv1d):
            return self.fc2(F.relu(self.fc1(x.transpose(1, 2))).transpose(1, 2))
        return super().forward(x)
