"""How FaceFormer learns: from the square error of the faces that follow from its own earlier ones (Sec. 3.4).

The paper found this better than to show it the true faces before ("teacher forcing"), which is left out here too.
"""

from __future__ import annotations

from torch import Tensor

from medtalk.model.baselines.faceformer import FaceFormer
from medtalk_train.baselines.data import Clips
from medtalk_train.baselines.losses import square


def losses(network: FaceFormer, clips: Clips) -> dict[str, Tensor]:
    """`loss`, the mean square error."""
    found = network.rig(network.rolled_out(clips.content, clips.label, clips.mask))
    return {"loss": square(found, clips.rig, clips.mask)}
