"""EmoTalk (Peng et al.: Speech-Driven Emotional Disentanglement for 3D Face Animation, ICCV 2023).

Two encoders take content and emotion apart; a decoder fuses them and is guided by the emotion. The label stands in
place of the personal style, and there is no level of emotion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from medtalk.finishing import PAPER
from medtalk.guidance import LABELS
from medtalk.model.baselines.method import Method, Sizes, SoundEncoder
from medtalk.model.baselines.transformer import Layer, Past, alignment_bias, positions, recent, temporal_bias
from medtalk.rig.channels import N_CHANNELS


@dataclass(frozen=True)
class EmoTalkSizes(Sizes):
    """period: frames after which positions repeat. reach: frames that are remembered. piece: frames that are generated
    at once."""

    period: int = 60
    reach: int = 600
    piece: int = 600

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_positive("period", "reach", "piece")


class Codes(NamedTuple):
    """A sound taken apart: content and emotion, (B, T, width) each."""

    content: Tensor
    emotion: Tensor


class EmoTalk(Method[EmoTalkSizes]):
    """See `Method`. No chance in it."""

    name = "emotalk"
    kind = EmoTalkSizes
    finishing = PAPER  # the paper's refinement step
    hears_emotion = True

    def __init__(self, sizes: EmoTalkSizes) -> None:
        super().__init__(sizes)
        self.content_encoder = SoundEncoder(sizes.content, sizes)
        self.emotion_encoder = SoundEncoder(sizes.emotion, sizes)
        self.classifier = nn.Linear(sizes.width, len(LABELS))
        self.fused = nn.Linear(3 * sizes.width, sizes.width)
        self.guide = nn.Linear(2 * sizes.width, sizes.width)
        self.layers = nn.ModuleList(Layer(sizes) for _ in range(sizes.layers))
        self.outward = nn.Linear(sizes.width, N_CHANNELS)

    @classmethod
    def paper(cls) -> dict[str, Any]:
        return {"width": 832, "hidden": 1664}

    @torch.inference_mode()
    def animate(self, content: Tensor, emotion: Tensor, label: Tensor, seed: int = 0) -> Tensor:
        return self.rig(self.decode(self.apart(content, emotion), label))

    def apart(self, content: Tensor, emotion: Tensor, mask: Tensor | None = None) -> Codes:
        """The two encoders: features of a sound (B, T, ...) to codes; `mask` (B, T) is 1 for real frames."""
        return Codes(self.content_encoder(content, mask), self.emotion_encoder(emotion, mask))

    def emotion_logits(self, codes: Codes, mask: Tensor | None = None) -> Tensor:
        """(B, 7) which label a sound has, by its emotion code; over the frames that `mask` (B, T) leaves."""
        weight = torch.ones_like(codes.emotion[..., :1]) if mask is None else mask[..., None]
        return self.classifier((codes.emotion * weight).sum(1) / weight.sum(1).clamp(min=1.0))

    def decode(self, codes: Codes, label: Tensor) -> Tensor:
        """Standardised faces (B, T, 174). The content of one sound may come with the emotion of another.

        Frame t attends to the frames before it, and is guided by the emotion of its own time. Long sounds come piece by
        piece, each with what the layers remember, so memory does not grow with the square of their length.
        """
        sizes, out = self.sizes, []
        style = self.style(label)[:, None].expand_as(codes.content)
        fused = self.fused(torch.cat([codes.content, codes.emotion, style], dim=-1))
        guide = self.guide(torch.cat([codes.emotion, style], dim=-1))
        past: list[Past | None] = [None] * len(self.layers)
        for first in range(0, fused.shape[1], sizes.piece):
            x = fused[:, first : first + sizes.piece]
            count, own = x.shape[1], guide[:, first : first + sizes.piece]
            x = x + positions(first, count, sizes.width, sizes.period, like=x)
            keys = count + min(first, sizes.reach - 1)
            bias = temporal_bias(count, keys, sizes.heads, sizes.period, sizes.reach, like=x)
            aligned = alignment_bias(count, count, like=x)
            for number, layer in enumerate(self.layers):
                x, kept = layer(x, bias, own, aligned, past[number])
                past[number] = recent(kept, sizes.reach - 1)
            out.append(self.outward(x))
        return torch.cat(out, dim=1)
