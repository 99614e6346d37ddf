"""What the whole of a voice sounds like: the mean of Whisper's states over the speech of a clip (numpy only).

The third of Whisper base's layers tells emotions of people whom the classifier never heard.
docs/training/compact.md has the figures beside those of other layers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from medtalk.features import listening
from medtalk.rates import FPS

if TYPE_CHECKING:
    from numpy.typing import NDArray


def voice_state(
    samples: NDArray[np.float32],
    activity: NDArray[np.float32],
    run: Callable[[NDArray[np.float32]], NDArray[np.float32]],
) -> NDArray[np.float32]:
    """The mean state of a clip of any length, in bounded memory.

    Args:
        samples: (n,) float32 at 16 kHz.
        activity: (T,) how surely somebody speaks at each rig frame, 0..1: a state counts as much as that. If nobody
            speaks, all count alike.
        run: from Whisper's log-mel (M, 80) to states (M / 2, width), 50 a second.

    Returns:
        (width,) float32.
    """
    total, weight, spoken = np.zeros(1), 0.0, bool(activity.any())
    for mel, first, start, end in listening.windows(samples):
        share = np.ones(end - start)
        if spoken:
            frames = (np.arange(start, end) - listening.EDGE) * FPS // listening.FPS
            inside = (frames >= 0) & (frames < len(activity))
            share = np.where(inside, activity[np.clip(frames, 0, len(activity) - 1)], 0.0).astype(np.float64)
        if share.any():  # a window of silence need not be heard
            total = total + share @ run(mel)[start - first : end - first]
            weight += share.sum()
    return np.asarray(total / weight, np.float32)
