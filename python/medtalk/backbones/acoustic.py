"""The compact acoustic encoder: log-mel features to content features and phone posteriors (torch).

It stands where the paper has wav2vec2 (Sec. 3.3, Audio Content Mapping): trained first, on speech with phone times,
then frozen. A convolutional stem of stride 2 brings 120 Hz to the rig's 60, dilated gated residual blocks see half a
second to either side.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medtalk.backbones.mel import N_MELS
from medtalk.backbones.phones import N_PHONES


@dataclass(frozen=True)
class AcousticConfig:
    """Sizes of the encoder; ``width`` is F, the number of content features a frame."""

    width: int = 160
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4, 8)
    dropout: float = 0.1

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "dilations": list(self.dilations)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> AcousticConfig:
        return cls(**{**values, "dilations": tuple(values["dilations"])})


class GatedBlock(nn.Module):
    """Residual block: dilated convolution, tanh * sigmoid gate, 1x1 convolution."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, 2 * width, 3, padding=dilation, dilation=dilation)
        self.out = nn.Conv1d(width, width, 1)
        self.dropout = nn.Dropout1d(dropout)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.conv(x).chunk(2, dim=1)
        return x + self.out(self.dropout(torch.tanh(value) * torch.sigmoid(gate)))


class AcousticEncoder(nn.Module):
    """Log-mel (B, 2 T, 80) -> content features (B, T, F) and phone logits (B, T, 35)."""

    def __init__(self, config: AcousticConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or AcousticConfig()
        self.stem = nn.Conv1d(N_MELS, config.width, 5, stride=2, padding=2)
        self.blocks = nn.ModuleList(GatedBlock(config.width, d, config.dropout) for d in config.dilations)
        self.last = nn.Conv1d(config.width, config.width, 1)
        self.phone_head = nn.Linear(config.width, N_PHONES)

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        x = F.gelu(self.stem(mel.transpose(1, 2)))
        for block in self.blocks:
            x = block(x)
        features = F.gelu(self.last(x)).transpose(1, 2)
        return features, self.phone_head(features)
