"""From the decoder's rig to one that an animator can use: smoothing, closures, gaze, blinks, limits, in this order.

Closures and blinks come after smoothing, which would round them, and limits last, because everything before adds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medtalk.errors import RigError, SettingError, require
from medtalk.finishing.blink import add_blinks
from medtalk.finishing.clamp import limit
from medtalk.finishing.closures import Closures
from medtalk.finishing.gaze import add_gaze
from medtalk.finishing.smoothing import PAPER_WINDOWS, check_windows, smooth
from medtalk.rig.channels import N_CHANNELS
from medtalk.watch import checkpoint

__all__ = ["PAPER", "Finishing", "finish"]

# Blinks and gaze draw from streams of their own, so that switching one off does not change the other.
_BLINK_STREAM, _GAZE_STREAM = 1, 2


@dataclass(frozen=True)
class Finishing:
    """What is done to a rig after the decoder; each step can be switched off.

    smooth: Savitzky-Golay by region. blink, gaze: add them. limits: clamp to what the board allows. seed: 0 or more;
    the same seed gives the same blinks and gaze. smoothing: windows in frames by region, where they are to differ from
    `medtalk.finishing.smoothing.WINDOWS`. closures: smoothing leaves the lips as shut as they were.

    Raises SettingError for a seed or window that is not valid.
    """

    smooth: bool = True
    blink: bool = True
    gaze: bool = True
    limits: bool = True
    seed: int = 0
    smoothing: Mapping[str, int] = field(default_factory=dict, hash=False)
    closures: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.seed, bool) or not isinstance(self.seed, (int, np.integer)) or self.seed < 0:
            raise SettingError(f"The seed {self.seed!r} is not valid; valid are whole numbers from 0.")
        for step in ("smooth", "blink", "gaze", "limits", "closures"):
            require(getattr(self, step), bool, step, "True or False")
        check_windows(self.smoothing)


PAPER = Finishing(blink=False, gaze=False, limits=False, smoothing=PAPER_WINDOWS, closures=False)
"""What the paper and the authors' release do, and no more: Savitzky-Golay, window 5, order 2, on every channel."""


def finish(
    values: ArrayLike,
    activity: ArrayLike,
    settings: Finishing = Finishing(),
    fps: float = 60.0,
    lips: Closures | None = None,
) -> NDArray[np.float32]:
    """Finish a rig.

    Args:
        values: (T, 174), as the decoder gives it; it is not changed.
        activity: (T,) how surely somebody speaks at each frame, 0..1.
        settings: which steps, and their seed.
        fps: frames a second of both, finite and above 0.
        lips: closures that were decided, laid over the rig whatever the settings; None keeps the decoder's own.

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
    if settings.smooth:
        rig = smooth(rig, settings.smoothing, settings.closures)
        checkpoint(0.7)
    else:
        rig = rig.copy()
    if lips is not None:
        rig = lips.over(rig)
    if settings.gaze:
        rig = add_gaze(rig, fps, np.random.default_rng([settings.seed, _GAZE_STREAM]))
        checkpoint(0.8)
    if settings.blink:
        rig = add_blinks(rig, voice, fps, np.random.default_rng([settings.seed, _BLINK_STREAM]))
        checkpoint(0.9)
    if settings.limits:
        rig = limit(rig)
    return rig
