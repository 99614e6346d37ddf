"""The limits of a face board: values within the range of each channel, and lids that do not work against each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medtalk.rig.channels import MAXIMUM, MINIMUM, indices

# Ascending order is left, then right, in all of these.
_BLINK = indices("[LR]_eye_blink")
_LID_UPPER = indices("[LR]_eye_eyelidU")  # below 0 raises the upper lid
_LID_LOWER = indices("[LR]_eye_eyelidD")  # below 0 lowers the lower lid


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
