"""How DiffPoseTalk learns: to give the clean window for a noisy one.

At times the style, or style and sound, are withheld, which guidance without a classifier needs.
"""

from __future__ import annotations

import torch
from torch import Tensor

from medtalk.model.baselines.diffposetalk import DiffPoseTalk
from medtalk_train.baselines.data import Clips, filled
from medtalk_train.baselines.losses import square, velocity
from medtalk_train.stages.losses import mean

VELOCITY, SMOOTHNESS = 1.0, 0.1
NO_STYLE, NEITHER = 0.45, 0.10
"""Shares of windows without their style, and without style and sound."""
FIRST = 0.5
"""Share of windows that are given no face before them."""


def losses(network: DiffPoseTalk, clips: Clips) -> dict[str, Tensor]:
    """`loss`, and its parts `clean`, `velocity` and `smooth`, of standardised channels.

    Of each clip `previous` + `window` frames count. A shorter one is filled up with its last frame, as generation fills
    its last window: self-attention sees these frames, and no error counts there. Chance is torch's own.
    """
    sizes, count, device = network.sizes, len(clips.rig), clips.rig.device
    clips = filled(clips, sizes.previous + sizes.window)
    face = _lasting(network.standard(clips.rig), clips.mask)
    sound = _lasting(network.sound(clips.content, clips.mask), clips.mask)
    start_face, start_sound = network.start(count)
    first = (torch.rand(count, device=device) < FIRST)[:, None, None]
    before = torch.where(first, start_face, face[:, : sizes.previous])
    sound = torch.cat([torch.where(first, start_sound, sound[:, : sizes.previous]), sound[:, sizes.previous :]], dim=1)
    chance = torch.rand(count, device=device)
    sound, style = network.without(sound, network.style(clips.label), chance < NEITHER, chance < NEITHER + NO_STYLE)
    clean, mask = face[:, sizes.previous :], clips.mask[:, sizes.previous :]
    step = torch.randint(sizes.steps, (count,), device=device)
    noisy = network.noised(clean, step, torch.randn_like(clean))
    found = network.denoised(noisy, step, before, sound, style)
    parts = {
        "clean": square(found, clean, mask),
        "velocity": velocity(found, clean, mask),
        "smooth": mean(found.diff(n=2, dim=1).square().mean(-1), mask[:, 2:] * mask[:, 1:-1] * mask[:, :-2]),
    }
    return {"loss": parts["clean"] + VELOCITY * parts["velocity"] + SMOOTHNESS * parts["smooth"], **parts}


def _lasting(values: Tensor, mask: Tensor) -> Tensor:
    """(B, T, width) whose frames beyond the real ones, 1 in `mask` (B, T), are the last real one."""
    rows = torch.arange(len(values), device=values.device)
    last = values[rows, mask.sum(dim=1).long() - 1]
    return torch.where(mask[..., None] > 0, values, last[:, None])
