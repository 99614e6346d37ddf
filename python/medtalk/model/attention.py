"""Multi-head attention with the parameter names of `torch.nn.MultiheadAttention`, exact for any length in ONNX.

PyTorch's own module fixes the number of keys when it is exported; this one is the same sum written out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class CrossAttention(nn.Module):
    """Queries (B, T, width) attend to keys, which are the values too, (B, N, width) -> (B, T, width)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(
        self, queries: Tensor, keys: Tensor, absent: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """`absent` (B, N) bool is true for keys to leave out; `bias` (B, T, N) is added to the scores of all heads."""
        to_q, to_k, to_v = self.in_proj_weight.chunk(3)
        bias_q, bias_k, bias_v = self.in_proj_bias.chunk(3)
        q = self._split(nn.functional.linear(queries, to_q, bias_q))  # (B, heads, T, width / heads)
        k = self._split(nn.functional.linear(keys, to_k, bias_k))
        v = self._split(nn.functional.linear(keys, to_v, bias_v))
        scores = q @ k.transpose(-2, -1) * (q.shape[-1] ** -0.5)  # (B, heads, T, N)
        if bias is not None:
            scores = scores + bias[:, None]
        if absent is not None:
            scores = scores.masked_fill(absent[:, None, None], float("-inf"))
        mixed = self.dropout(scores.softmax(-1)) @ v
        return self.out_proj(mixed.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)
