"""Whether somebody speaks, from the phone posteriors: noise, music and hum leave the mouth at rest (numpy only).

The ear's head learned what is not speech, so its silence is a better gate than loudness. A pause inside a phrase stays
speech: the lips are on their way there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medtalk.features.phones import PHONE_INDEX, SILENCE
from medtalk.rates import FPS
from medtalk.rig.channels import AREAS

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPOKEN = 0.6
"""Posterior of any phone, over `_TOGETHER` seconds, from which it is speech."""
_TOGETHER = 0.10
_REACH = 0.30  # seconds before and after speech that belong to it: a breath in, lips that settle
_RAMP = 0.15  # seconds
ARTICULATION = np.concatenate([AREAS[area] for area in ("mouth", "jaw", "tongue", "teeth")])
"""The channels that rest where nobody speaks."""


def activity(posteriors: NDArray[np.float32]) -> NDArray[np.float32]:
    """How surely somebody speaks, (T,) 0..1, of phone posteriors (T, 35)."""
    from scipy.ndimage import uniform_filter1d

    spoken = 1.0 - posteriors[:, PHONE_INDEX[SILENCE]].astype(np.float64)
    smooth = uniform_filter1d(spoken, _frames(_TOGETHER), mode="nearest")
    return np.where(smooth >= SPOKEN, smooth, 0.0).astype(np.float32)


def gate(active: NDArray[np.float32]) -> NDArray[np.float32]:
    """(T,) 1 in speech and shortly around it, 0 where nobody speaks, for the activity (T,) of a clip."""
    from scipy.ndimage import maximum_filter1d, uniform_filter1d

    reach, ramp = _frames(_REACH), _frames(_RAMP)
    near = maximum_filter1d((active > 0.0).astype(np.float64), 2 * reach + 1, mode="nearest")
    return uniform_filter1d(near, ramp, mode="nearest").astype(np.float32)


def _frames(seconds: float) -> int:
    return max(1, round(seconds * FPS))
