"""How a face moves: at rest in pauses, blinking, within its limits, and with larger lips for louder speech."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from medtalk.quality.articulation import p95
from medtalk.quality.events import runs, widened
from medtalk.rates import FPS, RATE
from medtalk.rig.channels import CHANNEL_NAMES, MAXIMUM, MINIMUM, indices

if TYPE_CHECKING:
    from numpy.typing import NDArray

SETTLE_S = 0.25
"""Seconds on either side of speech that belong to it: a breath in, lips that settle."""
SHORTEST_PAUSE_S = 0.2
"""What is left of a pause must last this long to be judged."""
BLINK = 0.35
"""Of the eye's usual opening: lids nearer than that are shut."""
LONGEST_BLINK_S = 0.5
"""Eyes that stay shut for longer do not blink."""
WINDOW_S, HOP_S = 1.0, 0.5
"""Of the windows in which loudness and lips are compared: about a phrase."""
_LEAST_WINDOWS = 15  # 8 s; by chance a correlation of fewer is .4 off or more: a captured 3 s have -.6 to .2
# Their limit is where they belong: shut eyes and shut lips.
_NO_LIMIT = indices("?_eye_blink", "?_mouth_lipsTogether[DU]")
_NEAR = 1e-4


def pauses(speech: NDArray) -> list[tuple[int, int]]:
    """(first frame, frame after the last) of what is left of each pause in frames of speech (T,) bool."""
    quiet = ~widened(speech, round(SETTLE_S * FPS)) if speech.any() else np.zeros(len(speech), bool)
    return [(first, last) for first, last in runs(quiet) if last - first >= SHORTEST_PAUSE_S * FPS]


def stillness(speed: NDArray, speech: NDArray) -> float | None:
    """95th percentile of the speed of the lips (T,) in pauses over that in speech; None without pauses or motion."""
    quiet = [speed[first:last] for first, last in pauses(speech)]
    spoken = p95(speed[speech]) if speech.any() else 0.0
    return p95(np.concatenate(quiet)) / spoken if quiet and spoken > 1e-6 else None


def blinks(lids: NDArray) -> list[tuple[int, int]]:
    """(first frame, frame after the last) of each blink in the opening of the lids (T, 2) in mm."""
    opening = lids.mean(axis=1)
    shut = opening < BLINK * float(np.median(opening))
    return [(first, last) for first, last in runs(shut) if last - first <= LONGEST_BLINK_S * FPS]


def stare(lids: NDArray) -> tuple[int, int]:
    """(first frame, frame after the last) of the longest time without a blink, from lids (T, 2) in mm."""
    edges = [0, *(edge for blink in blinks(lids) for edge in blink), len(lids)]
    return max(zip(edges[::2], edges[1::2], strict=True), key=lambda span: span[1] - span[0])


def head_speed(head: NDArray, fps: float = FPS) -> NDArray[np.float64]:
    """How fast a head turns, (T,) in degrees a second, for its turn (T, 3) in degrees; 0 where there is one frame."""
    if len(head) < 2:
        return np.zeros(len(head))
    return np.linalg.norm(np.gradient(np.asarray(head, np.float64), axis=0), axis=1) * fps


def at_limit(values: NDArray) -> dict[str, float]:
    """Channel -> share of the frames of a rig (T, 174) in which it is at a limit that is not rest; largest first.

    Shut eyes and lips do not count, since their limit is where they belong; nor do channels that never are at one.
    """
    values = np.asarray(values)
    at = (values >= MAXIMUM - _NEAR) | ((values <= MINIMUM + _NEAR) & (MINIMUM < 0.0))
    share = at.mean(axis=0)
    share[_NO_LIMIT] = 0.0
    return {CHANNEL_NAMES[c]: float(share[c]) for c in np.argsort(-share, kind="stable").tolist() if share[c] > 0.0}


def limit_share(values: NDArray) -> float:
    """Share of the frames and channels, of those that move at all, at a limit that is not rest."""
    moving = int((np.ptp(values, axis=0) > _NEAR).sum())
    return sum(at_limit(values).values()) / moving if moving else 0.0


def loudness_r(speed: NDArray, samples: NDArray, speech: NDArray) -> float | None:
    """Correlation within a take of loudness (RMS) and lip motion (RMS of the speed) over windows of a second.

    What `slcc` is between clips, within one. Windows that are not at least half speech are left out; None with fewer
    than 15, or where one of the two is constant.

    Args:
        speed: of the lips, (T,) at 60 fps.
        samples: sound, (n,) at 16 kHz.
        speech: where somebody speaks, (T,) bool.
    """
    pairs = []
    for first in range(0, len(speed) - round(WINDOW_S * FPS) + 1, round(HOP_S * FPS)):
        last = first + round(WINDOW_S * FPS)
        heard = samples[first * RATE // FPS : last * RATE // FPS]
        if len(heard) and speech[first:last].mean() >= 0.5:
            pairs.append((_rms(heard), _rms(speed[first:last])))
    return _r(pairs) if len(pairs) >= _LEAST_WINDOWS else None


def slcc(clips: Iterable[tuple[NDArray, NDArray]]) -> float | None:
    """Speech-lip intensity correlation coefficient over clips of (sound (n,), speed of the lips (T,)).

    Lee et al. 2025 ("Perceptually Accurate 3D Talking Head Generation", CVPR): Pearson's r of the RMS of the sound and
    the RMS of the mean speed of the lips. They normalise each speaker, so give clips of one; people have .42 (MEAD).
    None with fewer than three clips, or where one of the two is constant.
    """
    pairs = [(_rms(samples), _rms(speed)) for samples, speed in clips]
    return _r(pairs) if len(pairs) >= 3 else None


def _rms(values: NDArray) -> float:
    return float(np.sqrt(np.mean(np.asarray(values, np.float64) ** 2)))


def _r(pairs: list[tuple[float, float]]) -> float | None:
    loud, moved = np.array(pairs).T
    return float(np.corrcoef(loud, moved)[0, 1]) if min(loud.std(), moved.std()) > 1e-9 else None
