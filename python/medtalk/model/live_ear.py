"""The ear of a compact bundle on a stream (torch): Whisper's layers step by step over keys and values that they keep.

A step hears a chunk: the states that become final in it, then those that the sound does not reach far enough beyond
yet. The latter are heard again in the next step; keys and values are kept of final states alone. The head is one of
its own, trained on such states (`medtalk_train.synthetic.live`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medtalk.model.ear import Block, EarConfig, EarHead, WhisperLayers, sinusoids_at

AROUND = 2
"""States to either side that the head looks at."""
BESIDE = 3
"""Frames of log-mel that a chunk of S states needs beyond 2 S: two before its first state's, one after its last's."""


@dataclass(frozen=True)
class Streaming:
    """How a stream is heard.

    step: states that become final at a time. ahead: states that must be heard after a state before it is final.
    history: final states that later ones attend to. place: Whisper's place of the first state.
    """

    step: int = 2
    ahead: int = 4
    history: int = 100
    place: int = 0

    @property
    def chunk(self) -> int:
        return self.step + self.ahead


class LiveGraph(nn.Module):
    """One step, without a batch.

    Takes mel (2 S + 3, 80), frames 2 k - 2 to 2 k' + 2 for the states k to k'; places (S,) int64 of Whisper; keys and
    values (H, layers, heads, 64) of what was heard before; hidden (2, hidden) of the two states before.

    Gives features (S, F - 1), phone logits (S, 35), keys, values (S, layers, heads, 64) and hidden (S, hidden) of the
    chunk.
    """

    def __init__(self, whisper: WhisperLayers, head: EarHead) -> None:
        super().__init__()
        self.whisper, self.head = LiveLayers(whisper), head

    def forward(
        self, mel: Tensor, places: Tensor, keys: Tensor, values: Tensor, hidden: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        states, new_keys, new_values = self.whisper(mel, places, keys, values)
        states = self.head.norm(states)
        inward = F.gelu(self.head.inward(states))
        after = torch.zeros(1, AROUND, inward.shape[-1])
        features, logits = head_of(self.head, states, torch.cat([hidden[None], inward, after], dim=1))
        return features[0], logits[0], new_keys, new_values, inward[0]


class LiveLayers(nn.Module):
    """Whisper's part of a step: states (1, S, 2 width) of the last two layers, keys and values of the chunk."""

    def __init__(self, whisper: WhisperLayers) -> None:
        super().__init__()
        self.layers = whisper

    def forward(self, mel: Tensor, places: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = entered(self.layers, mel[None], places[None])
        kept, new_keys, new_values = [], [], []
        for layer, block in enumerate(self.layers.blocks):
            q, k, v = _parts(block, x)
            new_keys.append(k[0])
            new_values.append(v[0])
            k, v = torch.cat([keys[:, layer], k[0]])[None], torch.cat([values[:, layer], v[0]])[None]
            x = _after(block, x, _attended(q, k, v))
            kept = [*kept[-1:], x]
        return torch.cat(kept, dim=-1), torch.stack(new_keys, 1), torch.stack(new_values, 1)


def entered(whisper: WhisperLayers, mel: Tensor, places: Tensor) -> Tensor:
    """What enters the layers, (B, S, width), of log-mel (B, 2 S + 3, 80) and places (B, S)."""
    x = F.gelu(F.conv1d(mel.transpose(1, 2), whisper.conv1.weight, whisper.conv1.bias))
    x = F.gelu(F.conv1d(x, whisper.conv2.weight, whisper.conv2.bias, stride=2)).transpose(1, 2)
    return x + sinusoids_at(places, x.shape[-1])


def head_of(head: EarHead, states: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
    """Features and logits of normalised states (B, S, 2 width), of hidden (B, S + 4, hidden) with two more on either
    side."""
    around = F.conv1d(hidden.transpose(1, 2), head.around.weight, head.around.bias).transpose(1, 2)
    hidden = head.dropout(hidden[:, AROUND:-AROUND] + F.gelu(around))
    return head.features(hidden), head.phones(torch.cat([states, hidden], dim=-1))


@torch.inference_mode()
def streamed(whisper: WhisperLayers, mel: Tensor, how: Streaming) -> tuple[Tensor, Tensor]:
    """What a stream's steps hear, all at once: the same numbers as step after step, many times as fast.

    A layer of a step needs the layer below of earlier steps alone, so the layers follow each other and the steps do
    not.

    Args:
        mel: (M, 80) of the whole stream.

    Returns:
        The final states (N step, 2 width), and of each step the two after these as it heard them, (N, 2, 2 width),
        0 where it hears fewer.
    """
    steps = max(0, (len(mel) // 2 - how.chunk) // how.step + 1)
    chunks = _chunks(mel, how, steps)
    places = how.place + torch.arange(steps)[:, None] * how.step + torch.arange(how.chunk)
    x, kept = entered(whisper, chunks, places), []
    for block in whisper.blocks:
        q, k, v = _parts(block, x)
        heard = torch.empty_like(x)
        for part, mask, old_k, old_v in _windows(k[:, : how.step], v[:, : how.step], how, steps):
            keys, values = torch.cat([old_k, k[part]], dim=1), torch.cat([old_v, v[part]], dim=1)
            heard[part] = _attended(q[part], keys, values, mask)
        x = _after(block, x, heard)
        kept = [*kept[-1:], x]
    states = torch.cat(kept, dim=-1)
    following = states[:, how.step : how.step + AROUND]
    return states[:, : how.step].flatten(0, 1), F.pad(following, (0, 0, 0, AROUND - following.shape[1]))


def _chunks(mel: Tensor, how: Streaming, steps: int) -> Tensor:
    """Log-mel of each step, (N, 2 chunk + 3, 80); what the sound does not reach yet is as its last frame."""
    starts = 2 * how.step * torch.arange(steps)[:, None]
    frames = starts - 2 + torch.arange(2 * how.chunk + BESIDE)
    newest = starts + 2 * (how.chunk - 1) - 1
    return mel[torch.minimum(frames, newest).clamp(0)]


def _windows(
    keys: Tensor, values: Tensor, how: Streaming, steps: int, block: int = 64
) -> Iterator[tuple[slice, Tensor, Tensor, Tensor]]:
    """Blocks of steps: which, what they may attend to, and the keys and values that they find kept."""
    old = [F.pad(part.flatten(0, 1), (0, 0, 0, 0, how.history, 0)) for part in (keys, values)]
    for first in range(0, steps, block):
        part = slice(first, min(first + block, steps))
        kept = [
            each[first * how.step :].unfold(0, how.history, how.step)[: part.stop - first].permute(0, 3, 1, 2)
            for each in old
        ]
        begun = torch.arange(part.start, part.stop)[:, None] * how.step - how.history + torch.arange(how.history) >= 0
        mask = F.pad(begun, (0, how.chunk), value=True)[:, None, None]
        yield part, mask, kept[0], kept[1]


def _parts(block: nn.Module, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values (B, S, heads, 64) of what enters a layer."""
    assert isinstance(block, Block)
    attention, x = block.attn, block.attn_ln(x)
    parts = (attention.query(x), attention.key(x), attention.value(x))
    q, k, v = (part.unflatten(-1, (attention.heads, -1)) for part in parts)
    return q, k, v


def _attended(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """(B, S, width) of queries (B, S, heads, 64), keys and values (B, K, heads, 64)."""
    q, k, v = (part.transpose(1, 2) for part in (q, k, v))
    scores = q @ k.transpose(-2, -1) * (q.shape[-1] ** -0.5)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)


def _after(block: nn.Module, x: Tensor, heard: Tensor) -> Tensor:
    """A layer's output, of what entered it and what it attended to."""
    assert isinstance(block, Block)
    x = x + block.attn.out(heard)
    return x + block.mlp(block.mlp_ln(x))


def empty(config: EarConfig) -> tuple[Tensor, Tensor, Tensor]:
    """Keys, values and hidden of a stream that has heard nothing."""
    none = torch.zeros(0, config.layers, config.heads, config.width // config.heads)
    return none, none, torch.zeros(AROUND, config.hidden)
