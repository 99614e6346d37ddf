"""How EmoFace learns: from the square error of its controllers, and of their differences from frame to frame."""

from __future__ import annotations

from torch import Tensor

from medtalk.model.baselines.emoface import EmoFace
from medtalk_train.baselines.data import Clips
from medtalk_train.baselines.losses import square, velocity

VELOCITY = 0.5
"""Our choice: no weight is public."""


def losses(network: EmoFace, clips: Clips) -> dict[str, Tensor]:
    """`loss`, and its parts `self` and `velocity`."""
    found = network.rig(network(clips.content, clips.label, clips.mask))
    parts = {"self": square(found, clips.rig, clips.mask), "velocity": velocity(found, clips.rig, clips.mask)}
    return {"loss": parts["self"] + VELOCITY * parts["velocity"], **parts}
