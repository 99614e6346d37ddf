"""The limits of a face board: values within the range of each channel, and lids that do not work against each other.

An emotion that is asked for strongly would drive brows and corners against their limits, where they stand still and a
face freezes. So what it moves nears a limit ever more slowly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medtalk.rig.channels import MAXIMUM, MINIMUM, S_EMO, indices

# Ascending order is left, then right, in all of these.
_BLINK = indices("[LR]_eye_blink")
_LID_UPPER = indices("[LR]_eye_eyelidU")  # below 0 raises the upper lid
_LID_LOWER = indices("[LR]_eye_eyelidD")  # below 0 lowers the lower lid
_FELT = np.union1d(
    S_EMO, indices("[LR]_mouth_stretch", "[LR]_mouth_upperLipRaise", "[LR]_mouth_lowerLipDepress", "C_jaw.Y")
)
"""What an emotion moves; lips that touch, round lips and the tongue are left alone."""
KNEE = 0.75
"""Share of a channel's range up to which `headroom` leaves it as it is."""


def headroom(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """A rig (T, 174) whose emotion nears its limits and never reaches them; returns float32.

    Values up to `KNEE` of the range stay. What goes on from there is bent with a slope of 1 at the knee: 1 becomes .88,
    2 .96, 4 .98.
    """
    out = np.array(values, np.float32)
    high, low = KNEE * MAXIMUM[_FELT], KNEE * MINIMUM[_FELT]
    felt = out[:, _FELT]
    far = ((felt > high) | (felt < low)).any(axis=0)  # few channels are, in most takes
    channels, felt = _FELT[far], felt[:, far]
    range_ = np.where(felt < 0.0, MINIMUM[channels], MAXIMUM[channels])
    beyond = np.divide(felt, range_, out=np.zeros_like(felt), where=range_ != 0.0) - KNEE
    bent = np.maximum(beyond, 0.0) / (1.0 - KNEE)
    out[:, channels] = np.where(beyond > 0.0, range_ * (KNEE + (1.0 - KNEE) * bent / (1.0 + bent)), felt)
    return out


def limit(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring a rig (T, 174) into what the board allows; returns float32.

    Every channel is clamped to its range. As far as an eye is shut, its lids are not pulled apart by the lid channels:
    the rig adds the shapes, and a slit would stay open.
    """
    out = np.clip(values, MINIMUM, MAXIMUM).astype(np.float32, copy=False)
    shut = np.maximum(out[:, _BLINK], 0.0)
    for lid in (_LID_UPPER, _LID_LOWER):
        out[:, lid] = np.maximum(out[:, lid], (1.0 - shut) * np.minimum(out[:, lid], 0.0))
    return out
