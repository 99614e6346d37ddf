"""The ear of a compact bundle: the first layers of Whisper base, frozen, and a head that we trained (torch).

It stands where the paper has wav2vec2 (Sec. 3.3, Audio Content Mapping). Whisper's convolutions and layers (OpenAI,
2022, MIT; under their own names) give 50 states a second; the head reads phones from two layers of them.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medtalk.features.phones import N_PHONES
from medtalk.features.whisper_mel import N_MELS

LONGEST = 1500
"""States that Whisper has places for: 30 s."""


@dataclass(frozen=True)
class EarConfig:
    """Sizes of the ear.

    width, heads: of Whisper (base). layers: how many of its layers are kept. hidden: width of the head. features: how
    many features a frame ACM gets beside the posteriors. dropout: in the head, in training.
    """

    width: int = 512
    heads: int = 8
    layers: int = 4
    hidden: int = 192
    features: int = 64
    dropout: float = 0.1

    @property
    def states(self) -> int:
        """Width of what the head sees: the last two layers side by side."""
        return 2 * self.width

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Attention(nn.Module):
    """Whisper's self-attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        parts = (self.query, self.key, self.value)
        q, k, v = (part(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        weights = (q @ k.transpose(-2, -1) * (q.shape[-1] ** -0.5)).softmax(-1)
        return self.out((weights @ v).transpose(1, 2).flatten(2))


class Block(nn.Module):
    """One layer of Whisper's encoder."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn_ln = nn.LayerNorm(width)
        self.attn = Attention(width, heads)
        self.mlp_ln = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.attn_ln(x))
        return x + self.mlp(self.mlp_ln(x))


class WhisperLayers(nn.Module):
    """Whisper's log-mel (B, M, 80) -> states of the last two layers kept, side by side, (B, M / 2, 2 width)."""

    positions: Tensor

    def __init__(self, config: EarConfig) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(N_MELS, config.width, 3, padding=1)
        self.conv2 = nn.Conv1d(config.width, config.width, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(Block(config.width, config.heads) for _ in range(config.layers))
        self.register_buffer("positions", sinusoids(LONGEST, config.width), persistent=False)

    def forward(self, mel: Tensor) -> Tensor:
        x = F.gelu(self.conv2(F.gelu(self.conv1(mel.transpose(1, 2))))).transpose(1, 2)
        x = x + self.positions[: x.shape[1]]
        kept = []
        for block in self.blocks:
            x = block(x)
            kept = [*kept[-1:], x]
        return torch.cat(kept, dim=-1)


class EarHead(nn.Module):
    """States (B, S, 2 width) -> features (B, S, F) for ACM and phone logits (B, S, 35), all 50 a second."""

    def __init__(self, config: EarConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.states)
        self.inward = nn.Linear(config.states, config.hidden)
        self.around = nn.Conv1d(config.hidden, config.hidden, 5, padding=2)
        self.dropout = nn.Dropout(config.dropout)
        self.phones = nn.Linear(config.states + config.hidden, N_PHONES)
        self.features = nn.Linear(config.hidden, config.features)

    def forward(self, states: Tensor) -> tuple[Tensor, Tensor]:
        states = self.norm(states)
        hidden = F.gelu(self.inward(states))
        hidden = hidden + F.gelu(self.around(hidden.transpose(1, 2)).transpose(1, 2))
        hidden = self.dropout(hidden)
        return self.features(hidden), self.phones(torch.cat([states, hidden], dim=-1))


class Ear(nn.Module):
    """Log-mel (B, M, 80) -> features (B, M / 2, F) and phone logits (B, M / 2, 35)."""

    def __init__(self, config: EarConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or EarConfig()
        self.whisper = WhisperLayers(config)
        self.head = EarHead(config)

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        return self.head(self.whisper(mel))


def sinusoids(length: int, width: int) -> Tensor:
    """Whisper's positional embedding, (length, width)."""
    return sinusoids_at(torch.arange(length), width)


def sinusoids_at(places: Tensor, width: int) -> Tensor:
    """Whisper's positional embedding of some places (..., S), (..., S, width)."""
    scale = torch.exp(-math.log(10000.0) / (width // 2 - 1) * torch.arange(width // 2))
    angle = places[..., None] * scale
    return torch.cat([angle.sin(), angle.cos()], dim=-1)
