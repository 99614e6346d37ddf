"""What the transformers of the baselines share: periodic positions, biased attention, layers that remember their past.

The positions and biases are FaceFormer's (Fan et al., CVPR 2022, Sec. 3.3), which EmoTalk takes over.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medtalk.model.baselines.method import Sizes

Past = tuple[Tensor, Tensor]
"""Keys and values of earlier places, (B, heads, N, width / heads) each."""


def positions(first: int, count: int, width: int, period: int = 0, like: Tensor | None = None) -> Tensor:
    """Sinusoidal positions (count, width) from place `first` on; with a `period` they repeat after so many (PPE).

    PPE(t, 2i) = sin((t mod p) / 10000^(2i / width)), PPE(t, 2i + 1) the cosine.
    """
    place = torch.arange(first, first + count, device=None if like is None else like.device)
    place = (place % period if period else place).to(torch.float32)
    rate = torch.exp(-math.log(10000.0) / width * torch.arange(0, width, 2, device=place.device))
    angle = place[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)


def slopes(heads: int) -> Tensor:
    """(heads,) how fast each head forgets, as ALiBi has them: 2^(-8/H), 2^(-16/H), ..."""
    return 2.0 ** (-8.0 * torch.arange(1, heads + 1) / heads)


def temporal_bias(
    queries: int, keys: int, heads: int, period: int, reach: int = 0, causal: bool = True, like: Tensor | None = None
) -> Tensor:
    """The bias of self-attention (heads, queries, keys): a slope for each whole period between two places.

    -slope * floor((i - j) / p), and -inf for the future (FaceFormer, Eq. 4). The last query stands at the last key.

    Args:
        reach: a place further back is -inf too; 0 is without end.
        causal: whether the future is hidden; else it counts as far as the past does.
    """
    device = None if like is None else like.device
    i = torch.arange(keys - queries, keys, device=device)[:, None]
    away = i - torch.arange(keys, device=device)[None]
    periods = torch.div(away.abs(), period, rounding_mode="floor")
    bias = -slopes(heads).to(periods.device)[:, None, None] * periods
    hidden = away < 0 if causal else torch.zeros_like(away, dtype=torch.bool)
    if reach:
        hidden = hidden | (away.abs() >= reach)
    return bias.masked_fill(hidden, -torch.inf)


def alignment_bias(queries: int, keys: int, ratio: int = 1, like: Tensor | None = None) -> Tensor:
    """The bias of attention from faces to sounds (queries, keys): 0 for the `ratio` frames of sound of each place of
    the face, ratio * i <= j < ratio * (i + 1), -inf for all others (FaceFormer, Eq. 6)."""
    device = None if like is None else like.device
    own = torch.arange(keys, device=device)[None] // ratio == torch.arange(queries, device=device)[:, None]
    return torch.zeros(own.shape, device=device).masked_fill(~own, -torch.inf)


class Attention(nn.Module):
    """Multi-head attention from x (B, T, width) to a memory (B, N, width), or to x itself and what came before it."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.heads, self.drop = sizes.heads, sizes.dropout
        self.query, self.key, self.value, self.out = (nn.Linear(sizes.width, sizes.width) for _ in range(4))

    def forward(
        self, x: Tensor, memory: Tensor | None = None, bias: Tensor | None = None, past: Past | None = None
    ) -> tuple[Tensor, Past]:
        """The mixed values (B, T, width), and the keys and values that a later place will need.

        `bias` broadcasts to (B, heads, T, N); N counts what is in `past` too.
        """
        memory = x if memory is None else memory
        q, k, v = self._split(self.query(x)), self._split(self.key(memory)), self._split(self.value(memory))
        if past is not None:
            k, v = torch.cat([past[0], k], dim=2), torch.cat([past[1], v], dim=2)
        mixed = F.scaled_dot_product_attention(q, k, v, bias, self.drop if self.training else 0.0)
        return self.out(mixed.transpose(1, 2).flatten(2)), (k, v)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class Layer(nn.Module):
    """Self-attention, attention to a memory, and two linear maps, each followed by a layer norm."""

    def __init__(self, sizes: Sizes, crossed: bool = True) -> None:
        """`crossed` says whether there is a memory."""
        super().__init__()
        self.itself = Attention(sizes)
        self.across = Attention(sizes) if crossed else None
        self.ahead = nn.Sequential(
            nn.Linear(sizes.width, sizes.hidden), nn.ReLU(), nn.Dropout(sizes.dropout),
            nn.Linear(sizes.hidden, sizes.width),
        )  # fmt: skip
        self.norms = nn.ModuleList(nn.LayerNorm(sizes.width) for _ in range(3 if crossed else 2))
        self.dropout = nn.Dropout(sizes.dropout)

    def forward(
        self,
        x: Tensor,
        bias: Tensor | None = None,
        memory: Tensor | None = None,
        memory_bias: Tensor | None = None,
        past: Past | None = None,
    ) -> tuple[Tensor, Past]:
        """x (B, T, width) and what its places leave for later ones."""
        mixed, kept = self.itself(x, None, bias, past)
        x = self.norms[0](x + self.dropout(mixed))
        if self.across is not None:
            x = self.norms[1](x + self.dropout(self.across(x, memory, memory_bias)[0]))
        return self.norms[-1](x + self.dropout(self.ahead(x))), kept


def recent(past: Past, reach: int) -> Past:
    """The last `reach` places of a past."""
    return past[0][:, :, -reach:], past[1][:, :, -reach:]
