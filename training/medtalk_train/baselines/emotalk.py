"""How EmoTalk learns: every content in its own emotion and in that of another clip, and which emotion a clip has.

The paper aligns clips of like words by dynamic time warping; here a ground gives passages that are aligned already
(`data.exchanges`), or there is no exchange.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from medtalk.model.baselines.emotalk import Codes, EmoTalk
from medtalk_train.baselines.data import Clips, Exchange
from medtalk_train.baselines.losses import square, velocity

CROSSED, SELF, VELOCITY, CLASSES = 1.0, 1.0, 0.5, 1e-6
"""The paper's weights, divided by the million of its first."""


def losses(network: EmoTalk, batch: Exchange | Clips) -> dict[str, Tensor]:
    """`loss`, and its parts `crossed`, `self`, `velocity` and `classes`; of `Clips` there is nothing to exchange."""
    if isinstance(batch, Clips):
        return _of_clips(network, batch)
    codes = network.apart(batch.content.flatten(0, 1), batch.emotion.flatten(0, 1))
    found = decoded(network, codes, batch.label, batch.own)
    crossed = decoded(network, exchanged(codes), batch.label.flip(0), batch.crossed)
    parts = {
        "crossed": square(crossed, batch.crossed),
        "self": square(found, batch.own),
        "velocity": velocity(found, batch.own) + velocity(crossed, batch.crossed),
        "classes": F.cross_entropy(network.emotion_logits(codes), batch.label.flatten(0, 1)),
    }
    return {"loss": _weighed(parts), **parts}


def exchanged(codes: Codes) -> Codes:
    """Codes (2 B, T, width) of pairs of clips, each content with the emotion of the other clip."""
    return Codes(codes.content, torch.cat(codes.emotion.chunk(2)[::-1]))


def decoded(network: EmoTalk, codes: Codes, label: Tensor, like: Tensor) -> Tensor:
    """Rigs in the shape of `like` (2, B, T, 174) from codes (2 B, T, width) and labels (2, B, 7)."""
    return network.rig(network.decode(codes, label.flatten(0, 1))).view_as(like)


def _of_clips(network: EmoTalk, clips: Clips) -> dict[str, Tensor]:
    codes = network.apart(clips.content, clips.emotion, clips.mask)
    found = network.rig(network.decode(codes, clips.label))
    parts = {
        "self": square(found, clips.rig, clips.mask),
        "velocity": velocity(found, clips.rig, clips.mask),
        "classes": F.cross_entropy(network.emotion_logits(codes, clips.mask), clips.label),
    }
    return {"loss": _weighed(parts), **parts}


def _weighed(parts: dict[str, Tensor]) -> Tensor:
    weights = {"crossed": CROSSED, "self": SELF, "velocity": VELOCITY, "classes": CLASSES}
    return torch.stack([weights[name] * value for name, value in parts.items()]).sum()
