"""EmoFace (Liu, Lin, Zeng, Pan: Audio-driven Emotional 3D Face Animation, IEEE VR 2024).

A sound and an emotion, each with an encoder of its own, are mapped to a MetaHuman's controllers, all frames at once
(Audio2Rig). Blinks and the gaze come afterwards, from `medtalk.finishing`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medtalk.guidance import LABELS
from medtalk.model.baselines.method import PLAIN, Method, Sizes, SoundEncoder
from medtalk.model.baselines.transformer import Layer, positions, temporal_bias
from medtalk.rig.channels import N_CHANNELS


@dataclass(frozen=True)
class EmoFaceSizes(Sizes):
    """period: frames after which positions repeat, and attention to either side weakens. longest, overlap: frames that
    are generated at once, and how many of them two pieces share."""

    layers: int = 2
    period: int = 60
    longest: int = 900
    overlap: int = 120

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_positive("period", "longest", "overlap")
        self.check_order("overlap", "longest")


class EmoFace(Method[EmoFaceSizes]):
    """See `Method`. No chance in the network; its blinks and its gaze have some."""

    name = "emoface"
    kind = EmoFaceSizes
    finishing = replace(PLAIN, blink=True, gaze=True)

    def __init__(self, sizes: EmoFaceSizes) -> None:
        super().__init__(sizes)
        self.sound = SoundEncoder(sizes.content, sizes)
        self.emotion_encoder = nn.Sequential(
            nn.Linear(len(LABELS), sizes.width), nn.LeakyReLU(0.2), nn.Linear(sizes.width, sizes.width)
        )
        self.together = nn.Linear(2 * sizes.width, sizes.width)
        self.layers = nn.ModuleList(Layer(sizes, crossed=False) for _ in range(sizes.layers))
        self.outward = nn.Linear(sizes.width, N_CHANNELS)
        del self.style  # its emotion encoder is more than an embedding

    @classmethod
    def paper(cls) -> dict[str, Any]:
        return {"width": 256, "hidden": 512, "layers": 4}

    @torch.inference_mode()
    def animate(self, content: Tensor, emotion: Tensor, label: Tensor, seed: int = 0) -> Tensor:
        count = content.shape[1]
        out, weights = content.new_zeros(len(content), count, N_CHANNELS), content.new_zeros(count, 1)
        for first, end in self._pieces(count):
            inside = torch.arange(1, end - first + 1, device=content.device)
            ramp = torch.minimum(inside, inside.flip(0)) / (self.sizes.overlap + 1)
            weight = ramp.clamp(max=1.0)[:, None].to(out.dtype)
            out[:, first:end] += weight * self(content[:, first:end], label)
            weights[first:end] += weight
        return self.rig(out / weights)

    def forward(self, content: Tensor, label: Tensor, mask: Tensor | None = None) -> Tensor:
        """Standardised faces (B, T, 174) of a sound in one piece; `mask` (B, T) is 1 for real frames."""
        sizes, count = self.sizes, content.shape[1]
        emotion = self.emotion_encoder(label)[:, None].expand(-1, count, -1)
        x = F.gelu(self.together(torch.cat([self.sound(content, mask), emotion], dim=-1)))
        x = x + positions(0, count, sizes.width, sizes.period, like=x)
        bias = temporal_bias(count, count, sizes.heads, sizes.period, causal=False, like=x)[None]
        if mask is not None:
            bias = bias.masked_fill(mask[:, None, None] == 0, -torch.inf)
        for layer in self.layers:
            x, _ = layer(x, bias)
        return self.outward(x)

    def _pieces(self, count: int) -> Iterator[tuple[int, int]]:
        """First and last frame of each piece: a sound of minutes is nothing that it has met."""
        step = self.sizes.longest - self.sizes.overlap
        for first in range(0, max(count - self.sizes.overlap, 1), step):
            yield first, min(first + self.sizes.longest, count)
