"""DiffPoseTalk (Sun et al.: Speech-Driven Stylistic 3D Facial Animation and Head Pose Generation via Diffusion Models,
ACM TOG / SIGGRAPH 2024).

A transformer takes the noise out of a window of faces, and knows the faces before it, the sound and the style. Guidance
without a classifier gives the sound and the style more weight. The label stands in place of the style encoder's code,
and head poses are left out: the rig has none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from medtalk.model.baselines.method import Method, Sizes, SoundEncoder
from medtalk.model.baselines.transformer import Layer, alignment_bias, positions
from medtalk.rig.channels import N_CHANNELS

_OFFSET = 0.008  # of the cosine schedule, so that its first steps have some noise


@dataclass(frozen=True)
class DiffPoseTalkSizes(Sizes):
    """window: frames that are made at once. previous: earlier ones that the window knows. steps: of noise. sampled: of
    these, how many are taken when a face is made. sound_scale, style_scale: of the guidance."""

    layers: int = 2
    window: int = 120
    previous: int = 24
    steps: int = 500
    sampled: int = 8
    sound_scale: float = 1.15
    style_scale: float = 3.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_positive("window", "previous", "steps", "sampled")
        self.check_order("previous", "window")
        self.check_order("sampled", "steps")


class DiffPoseTalk(Method[DiffPoseTalkSizes]):
    """See `Method`. The same seed gives the same face."""

    name = "diffposetalk"
    kind = DiffPoseTalkSizes
    kept: Tensor

    def __init__(self, sizes: DiffPoseTalkSizes) -> None:
        super().__init__(sizes)
        width = sizes.width
        self.sound = SoundEncoder(sizes.content, sizes)
        self.inward = nn.Linear(N_CHANNELS, width)
        self.step = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.no_sound = nn.Parameter(torch.zeros(width))
        self.no_style = nn.Parameter(torch.zeros(width))
        self.start_face = nn.Parameter(torch.zeros(sizes.previous, N_CHANNELS))
        self.start_sound = nn.Parameter(torch.zeros(sizes.previous, width))
        self.layers = nn.ModuleList(Layer(sizes) for _ in range(sizes.layers))
        self.outward = nn.Linear(width, N_CHANNELS)
        self.register_buffer("kept", cosine_schedule(sizes.steps), persistent=False)

    @classmethod
    def paper(cls) -> dict[str, Any]:
        # 100 frames at 25 fps, of which 10 are known
        return {"width": 512, "heads": 8, "layers": 8, "hidden": 1024, "window": 240, "previous": 24}

    def denoised(self, noisy: Tensor, step: Tensor, before: Tensor, sound: Tensor, style: Tensor) -> Tensor:
        """The clean window (B, W, 174) that a noisy one is taken for, standardised all.

        Args:
            noisy: (B, W, 174).
            step: (B,) of noise, 0 the least.
            before: (B, P, 174) the faces before it.
            sound: (B, P + W, width) encoded.
            style: (B, width).
        """
        sizes = self.sizes
        x = self.inward(torch.cat([before, noisy], dim=1))
        about = self.step(_wave(step, sizes.width)) + style
        x = x + about[:, None] + positions(0, x.shape[1], sizes.width, like=x)
        aligned = alignment_bias(x.shape[1], x.shape[1], like=x)
        for layer in self.layers:
            x, _ = layer(x, None, sound, aligned)
        return self.outward(x[:, before.shape[1] :])

    def noised(self, clean: Tensor, step: Tensor, noise: Tensor) -> Tensor:
        """A window (B, W, 174) after so many steps of noise, (B,)."""
        kept = self.kept[step][:, None, None]
        return kept.sqrt() * clean + (1.0 - kept).sqrt() * noise

    def without(self, sound: Tensor, style: Tensor, no_sound: Tensor, no_style: Tensor) -> tuple[Tensor, Tensor]:
        """Sound and style, withheld in the rows that are true in (B,)."""
        return (
            torch.where(no_sound[:, None, None], self.no_sound, sound),
            torch.where(no_style[:, None], self.no_style, style),
        )

    def guided(
        self, noisy: Tensor, step: Tensor, before: Tensor, sound: Tensor, style: Tensor, scales: tuple[float, float]
    ) -> Tensor:
        """`denoised` with guidance: none + w_a (sound - none) + w_s (sound and style - sound)."""
        count = len(noisy)
        none, some = (torch.full((count,), flag, device=noisy.device) for flag in (True, False))
        sounds, styles = self.without(
            sound.repeat(3, 1, 1), style.repeat(3, 1), torch.cat([none, some, some]), torch.cat([none, none, some])
        )
        found = self.denoised(noisy.repeat(3, 1, 1), step.repeat(3), before.repeat(3, 1, 1), sounds, styles)
        neither, by_sound, by_both = found.chunk(3)
        return neither + scales[0] * (by_sound - neither) + scales[1] * (by_both - by_sound)

    @torch.inference_mode()
    def animate(self, content: Tensor, emotion: Tensor, label: Tensor, seed: int = 0) -> Tensor:
        sizes, count = self.sizes, content.shape[1]
        encoded, style = self.sound(content), self.style(label)
        before, heard = self.start(len(content))
        rng = torch.Generator().manual_seed(seed)  # of the CPU, so that all devices draw the same
        faces = []
        for first in range(0, count, sizes.window):
            now = encoded[:, first : first + sizes.window]
            lacking = sizes.window - now.shape[1]
            now = torch.cat([now, now[:, -1:].expand(-1, lacking, -1)], dim=1) if lacking else now
            noise = torch.randn(len(content), sizes.window, N_CHANNELS, generator=rng).to(content.device)
            face = self.sample(noise, before, torch.cat([heard, now], dim=1), style)
            faces.append(face)
            before, heard = face[:, -sizes.previous :], now[:, -sizes.previous :]
        return self.rig(torch.cat(faces, dim=1)[:, :count])

    def start(self, count: int) -> tuple[Tensor, Tensor]:
        """What stands for the faces (B, P, 174) and the sound (B, P, width) before the first window."""
        return self.start_face.expand(count, -1, -1), self.start_sound.expand(count, -1, -1)

    def sample(self, noise: Tensor, before: Tensor, sound: Tensor, style: Tensor) -> Tensor:
        """A clean window (B, W, 174) out of noise, in few steps (DDIM, Song et al. 2021) and guided."""
        sizes, x = self.sizes, noise
        scales = (sizes.sound_scale, sizes.style_scale)
        steps = torch.linspace(sizes.steps - 1, 0, sizes.sampled, device=noise.device).round().long()
        for number, step in enumerate(steps):
            clean = self.guided(x, step.expand(len(x)), before, sound, style, scales)
            if number == len(steps) - 1:
                break
            kept, later = self.kept[step], self.kept[steps[number + 1]]
            noise = (x - kept.sqrt() * clean) / (1.0 - kept).sqrt()
            x = later.sqrt() * clean + (1.0 - later).sqrt() * noise
        return clean


def cosine_schedule(steps: int) -> Tensor:
    """(steps,) the share of the signal that is kept after each step of noise (Nichol and Dhariwal 2021)."""
    place = torch.arange(steps + 1, dtype=torch.float64) / steps
    curve = torch.cos((place + _OFFSET) / (1.0 + _OFFSET) * math.pi / 2.0).square()
    return (curve[1:] / curve[0]).clamp(1e-7, 1.0).float()


def _wave(step: Tensor, width: int) -> Tensor:
    """Steps (B,) as sines and cosines (B, width)."""
    rate = torch.exp(-math.log(10000.0) / width * torch.arange(0, width, 2, device=step.device))
    angle = step[:, None].to(torch.float32) * rate
    return torch.cat([angle.sin(), angle.cos()], dim=-1)
