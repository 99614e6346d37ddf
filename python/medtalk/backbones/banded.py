"""Attention that fades with distance (ALiBi), in linear time: emotion2vec's blocks over clips of any length.

FunASR's own way keeps tables of all pairs of frames. Here a chunk of frames looks only at those within reach, beyond
which a bias that falls with every frame has left nothing to see, and keys and values are kept no longer than that. The
extra tokens, to which no distance applies, see and are seen by all.
"""

from __future__ import annotations

import math
from typing import Any

from medtalk.backbones.chunks import spans
from medtalk.backbones.pretrained import needs_extra

with needs_extra():
    import torch

from torch import Tensor
from torch.nn import functional as F

REACH, FARTHEST = 3000, 12000
"""Frames, 50 a second, that a frame sees to either side: a minute at least, so that up to there nothing is left out,
and four at most, however little the weights let distance count."""
FADE = REACH / 256
"""What distance must have taken from a score, e^-11.7 of its weight, where it is cut; twelve heads as they are set up
reach that after a minute."""


class Band:
    """What distance takes from the scores of every head, and from where on it takes all."""

    def __init__(self, slopes: Tensor, frames: int) -> None:
        """`slopes` (heads,) are taken from a score for every frame of distance, in a clip of so many frames."""
        self.reach = min(reach(slopes), frames)
        self._slopes = slopes.clamp(min=1e-30)[:, None, None]  # times infinity it must not be nan
        self._last_bias: tuple[tuple[object, ...], Tensor] | None = None

    def bias(self, start: int, end: int, low: int, high: int, tokens: int, dtype: torch.dtype) -> Tensor:
        """For queries `start` to `end`, and as keys frames `low` to `high` and extra tokens: (heads, queries, keys)."""
        place = (end - start, low - start, high - low, tokens, dtype)
        if self._last_bias is None or self._last_bias[0] != place:  # away from a clip's ends, all chunks have the same
            device = self._slopes.device
            away = (
                torch.arange(low - start, high - start, device=device)
                - torch.arange(end - start, device=device)[:, None]
            )
            away = away.abs().float()
            away = F.pad(away.masked_fill_(away > self.reach, math.inf), (0, tokens))
            self._last_bias = place, (-self._slopes * away).to(dtype)
        return self._last_bias[1]


def reach(slopes: Tensor) -> int:
    """Frames that have to be seen to either side for these slopes."""
    flattest = float(slopes.min())
    return min(max(math.ceil(FADE / flattest), REACH), FARTHEST) if flattest > 0 else FARTHEST


class _Running:
    """A few queries (..., E, d) that attend to keys which come in pieces: a softmax on the way."""

    def __init__(self, queries: Tensor) -> None:
        self._queries = queries
        self._top: Any = -math.inf
        self._weight: Any = 0.0
        self._mixed: Any = 0.0

    def add(self, keys: Tensor, values: Tensor, absent: Tensor | None = None) -> None:
        scores = (self._queries @ keys.transpose(-2, -1)).float()
        if absent is not None:
            scores = scores.masked_fill(absent, -math.inf)
        top = scores.amax(-1, keepdim=True).clamp(min=self._top)
        share, fade = torch.exp(scores - top), torch.exp(self._top - top)
        self._weight = self._weight * fade + share.sum(-1, keepdim=True)
        self._mixed = self._mixed * fade + share @ values.float()
        self._top = top

    def mixed(self) -> Tensor:
        return (self._mixed / self._weight).to(self._queries.dtype)


def run_block(
    block: Any,
    frames: Tensor,
    extra: Tensor,
    band: Band,
    chunk: int,
    part: tuple[float, float],
    absent: Tensor | None = None,
) -> None:
    """One AltBlock of FunASR, with its norms last, in place.

    Args:
        block: the module.
        frames: states (B, N, width) of the frames.
        extra: states (B, E, width) of the extra tokens, E >= 1.
        band: of this block.
        chunk: frames that look at once.
        part: which part of the watched stage this is.
        absent: (B, N) bool, true for frames beyond the end of a shorter clip.
    """
    attention = block.attn
    width, heads = frames.shape[-1], attention.num_heads

    def project(x: Tensor, which: slice) -> Tensor:
        """The queries, keys or values (B, heads, n, d) of states (B, n, width)."""
        bias = None if attention.qkv.bias is None else attention.qkv.bias[which]
        return F.linear(x, attention.qkv.weight[which], bias).unflatten(-1, (heads, -1)).transpose(1, 2)

    to_q, to_k, to_v = (slice(n * width, (n + 1) * width) for n in range(3))
    count, tokens = frames.shape[1], extra.shape[1]
    hidden = None if absent is None else absent[:, None, None]  # (B, 1, 1, N)
    keys, values = project(extra, to_k), project(extra, to_v)  # of the frames in reach, then of the extra tokens
    summary = _Running(project(extra, to_q) * attention.scale)
    summary.add(keys, values)
    first = known = 0  # the frames that keys are kept of
    for start, end in spans(count, chunk, part):
        low, high = max(0, start - band.reach), min(count, end + band.reach)
        keys, values, first = keys[:, :, low - first :], values[:, :, low - first :], low
        if high > known:
            new_keys, new_values = (project(frames[:, known:high], which) for which in (to_k, to_v))
            summary.add(new_keys, new_values, None if hidden is None else hidden[..., known:high])
            keys = torch.cat([keys[:, :, :-tokens], new_keys, keys[:, :, -tokens:]], dim=2)
            values = torch.cat([values[:, :, :-tokens], new_values, values[:, :, -tokens:]], dim=2)
            known = high
        bias = band.bias(start, end, low, high, tokens, keys.dtype)[None]
        if hidden is not None:
            bias = bias.masked_fill(F.pad(hidden[..., low:high], (0, tokens)), -math.inf)
        queries = project(frames[:, start:end], to_q)
        mixed = F.scaled_dot_product_attention(queries, keys, values, attn_mask=bias, scale=attention.scale)
        frames[:, start:end] = _after_attention(block, frames[:, start:end], mixed)
    extra.copy_(_after_attention(block, extra, summary.mixed()))


def _after_attention(block: Any, states: Tensor, mixed: Tensor) -> Tensor:
    """The rest of a block: states (B, n, width) and what attention found for them, (B, heads, n, d)."""
    states = block.norm1(states + block.attn.proj(mixed.transpose(1, 2).flatten(2)))
    return block.norm2(states + block.mlp(states))
