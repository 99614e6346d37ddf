"""From the decoder's rig to one that an animator can use: smoothing, headroom, closures, gaze, blinks, limits, in this
order.

Closures and blinks come after smoothing, which would round them, and limits last, because everything before adds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medtalk.errors import RigError, SettingError, require
from medtalk.finishing.blink import add_blinks
from medtalk.finishing.clamp import headroom, limit
from medtalk.finishing.closures import Closures
from medtalk.finishing.gaze import add_gaze
from medtalk.finishing.smoothing import PAPER_WINDOWS, check_windows, smooth
from medtalk.rates import FPS
from medtalk.rig.channels import N_CHANNELS
from medtalk.watch import checkpoint
from medtalk_wire import settings

__all__ = ["PAPER", "Finishing", "finish"]

# Blinks and gaze draw from streams of their own, so that switching one off does not change the other.
_BLINK_STREAM, _GAZE_STREAM = 1, 2


@dataclass(frozen=True)
class Finishing(settings.Finishing):
    """The finishing steps of a take, checked: SettingError for a seed or window that is not valid."""

    def __post_init__(self) -> None:
        if isinstance(self.seed, bool) or not isinstance(self.seed, (int, np.integer)) or self.seed < 0:
            raise SettingError(f"The seed {self.seed!r} is not valid; valid are whole numbers from 0.")
        for step in ("smooth", "blink", "gaze", "limits", "closures"):
            require(getattr(self, step), bool, step, "True or False")
        check_windows(self.smoothing)
        object.__setattr__(self, "smoothing", dict(self.smoothing))  # a copy, which can be written as JSON


PAPER = Finishing(blink=False, gaze=False, limits=False, smoothing=PAPER_WINDOWS, closures=False)
"""The finishing of the paper and the authors' release alone: Savitzky-Golay, window 5, order 2, on every channel."""


def finish(
    values: ArrayLike,
    activity: ArrayLike,
    steps: Finishing = Finishing(),
    fps: float = FPS,
    lips: Closures | None = None,
) -> NDArray[np.float32]:
    """Finish a rig.

    Args:
        values: (T, 174), as the decoder gives it; it is not changed.
        activity: (T,) how surely somebody speaks at each frame, 0..1.
        steps: which of them, and their seed.
        fps: frames a second of both, finite and above 0.
        lips: closures that were decided, laid over the rig whatever the steps; None keeps the decoder's own.

    Returns:
        (T, 174) float32.

    Raises:
        RigError: the arrays do not fit each other or hold values that are not numbers.
        SettingError: fps is not valid.
    """
    rig, voice = np.asarray(values, np.float32), np.asarray(activity, np.float32)
    if rig.ndim != 2 or rig.shape[1] != N_CHANNELS or voice.shape != rig.shape[:1]:
        raise RigError(
            f"A rig of shape {rig.shape} with an activity of shape {voice.shape} cannot be finished; valid are "
            f"(T, {N_CHANNELS}) and (T,)."
        )
    if not (np.isfinite(rig).all() and np.isfinite(voice).all()):
        raise RigError("The rig or its voice activity holds values that are not numbers (NaN or infinite).")
    if not (np.isfinite(fps) and fps > 0):
        raise SettingError(f"{fps} frames a second is not valid; it must be above 0.")
    if not len(rig):
        return rig.copy()
    if steps.smooth:
        rig = smooth(rig, steps.smoothing, steps.closures)
        checkpoint(0.7)
    else:
        rig = rig.copy()
    if steps.limits:
        rig = headroom(rig)
    if lips is not None:
        rig = lips.over(rig)
    if steps.gaze:
        rig = add_gaze(rig, fps, np.random.default_rng([steps.seed, _GAZE_STREAM]))
        checkpoint(0.8)
    if steps.blink:
        rig = add_blinks(rig, voice, fps, np.random.default_rng([steps.seed, _BLINK_STREAM]))
        checkpoint(0.9)
    if steps.limits:
        rig = limit(rig)
    return rig
