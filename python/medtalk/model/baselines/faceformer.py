"""FaceFormer (Fan, Lin, Saito, Wang, Komura: Speech-Driven 3D Facial Animation with Transformers, CVPR 2022).

A decoder gives one face after the other, each from those before it and from the sound of its own time. The label stands
in place of the speaker's embedding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medtalk.model.baselines.method import Method, Sizes, SoundEncoder
from medtalk.model.baselines.transformer import Layer, Past, alignment_bias, positions, recent, temporal_bias
from medtalk.rig.channels import N_CHANNELS


@dataclass(frozen=True)
class FaceFormerSizes(Sizes):
    """ratio: frames of sound and face to each place of the decoder (k of the paper): 2 makes its 30 places a second of
    our 60 frames. period: places after which positions repeat (p). reach: places that are remembered."""

    ratio: int = 2
    period: int = 30
    reach: int = 600

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_positive("ratio", "period", "reach")


class FaceFormer(Method[FaceFormerSizes]):
    """See `Method`. No chance in it."""

    name = "faceformer"
    kind = FaceFormerSizes

    def __init__(self, sizes: FaceFormerSizes) -> None:
        super().__init__(sizes)
        face = sizes.ratio * N_CHANNELS
        self.sound = SoundEncoder(sizes.content, sizes)
        self.inward = nn.Linear(face, sizes.width)
        self.layers = nn.ModuleList(Layer(sizes) for _ in range(sizes.layers))
        self.outward = nn.Linear(sizes.width, face)
        # The paper starts from zeros, which are its neutral face. Here they are the mean face of the data.
        nn.init.zeros_(self.outward.weight)
        nn.init.zeros_(self.outward.bias)

    @classmethod
    def paper(cls) -> dict[str, Any]:
        return {"width": 64, "hidden": 128}  # as for VOCASET

    @torch.inference_mode()
    def animate(self, content: Tensor, emotion: Tensor, label: Tensor, seed: int = 0) -> Tensor:
        return self.rig(self.rolled_out(content, label))

    def rolled_out(self, content: Tensor, label: Tensor, mask: Tensor | None = None) -> Tensor:
        """Standardised faces (B, T, 174), each from the method's own earlier ones: training and generation alike.

        Keys and values are remembered, so a place costs as much as those that it looks at. `mask` (B, T) is 1 for real
        frames.
        """
        ratio, style = self.sizes.ratio, self.style(label)[:, None]
        sound, faces = self._sound(content, mask), []
        places = positions(0, self.sizes.period, self.sizes.width, like=sound)
        slope = temporal_bias(1, self.sizes.reach, self.sizes.heads, self.sizes.period, like=sound)
        x = style
        past: list[Past | None] = [None] * len(self.layers)
        for place in range(sound.shape[1] // ratio):
            x = x + places[place % self.sizes.period]
            own = sound[:, place * ratio : (place + 1) * ratio]
            x = self._through(x, slope[..., -min(place + 1, self.sizes.reach) :], own, None, past)
            face = self.outward(x)  # (B, 1, ratio * 174)
            faces.append(face)
            x = self.inward(face) + style
        return torch.cat(faces, dim=1).unflatten(-1, (ratio, -1)).flatten(1, 2)[:, : content.shape[1]]

    def taught(self, content: Tensor, label: Tensor, face: Tensor) -> Tensor:
        """Standardised faces (B, T, 174), each from the true earlier ones, `face` (B, T, 174): all at once."""
        sizes, style = self.sizes, self.style(label)[:, None]
        sound = self._sound(content)
        count = sound.shape[1] // sizes.ratio
        before = F.pad(face, (0, 0, 0, sound.shape[1] - face.shape[1]))
        before = self.inward(before.unflatten(1, (count, -1)).flatten(2)[:, :-1]) + style
        x = torch.cat([style, before], dim=1) + positions(0, count, sizes.width, sizes.period, like=sound)
        bias = temporal_bias(count, count, sizes.heads, sizes.period, sizes.reach, like=sound)
        aligned = alignment_bias(count, sound.shape[1], sizes.ratio, like=sound)
        x = self._through(x, bias, sound, aligned, [None] * len(self.layers))
        return self.outward(x).unflatten(-1, (sizes.ratio, -1)).flatten(1, 2)[:, : content.shape[1]]

    def _through(
        self, x: Tensor, bias: Tensor, sound: Tensor, aligned: Tensor | None, past: list[Past | None]
    ) -> Tensor:
        """Through all layers; `past` has what each remembers, and gets what it will."""
        for number, layer in enumerate(self.layers):
            x, kept = layer(x, bias, sound, aligned, past[number])
            past[number] = recent(kept, self.sizes.reach - 1)
        return x

    def _sound(self, content: Tensor, mask: Tensor | None = None) -> Tensor:
        """The encoded sound, (B, T', width), T' the next multiple of `ratio`."""
        sound = self.sound(content, mask)
        lacking = -sound.shape[1] % self.sizes.ratio
        return torch.cat([sound, sound[:, -1:].expand(-1, lacking, -1)], dim=1) if lacking else sound
