"""An actor's neutral pose, and rigs without it: what a solver sees in a face at rest is no emotion.

The pose is read where the face should rest: in the quietest frames of the neutral takes. Where an actor has none, it is
what stands in the face in every emotion alike.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import uniform_filter1d

from medtalk.errors import TrainingError
from medtalk.guidance import LABELS
from medtalk.rig import indices
from medtalk.rig.channels import MAXIMUM, MINIMUM, N_CHANNELS
from medtalk_train.captured.takes.lag import loudness
from medtalk_train.captured.takes.take import FaceTake, LazyArray, counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

REST_SHARE = 0.2
"""Of a take's frames: the quietest, where the mouth has come to rest."""
PAUSE_DB, FEWEST = 25.0, 12
"""How far below its loudest frame a voice pauses, and for how many frames it must."""
MOST = 0.6
"""Of a channel's range: what stands further out at rest is no bias of a solver, and is taken out so far only."""
_NEUTRAL = LABELS.index("neutral")
# Lips that touch at rest are no bias: without them p, b and m would not close.
_KEPT = indices("[LR]_mouth_lipsTogether[DU]", "[LR]_mouth_sticky*", "C_mouth_sticky[DU]", "[LR]_mouth_lipSticky")


def rest(values: NDArray, samples: NDArray | None) -> NDArray[np.float64]:
    """(174,) the face of a take at rest: the median over its quiet frames, or without a sound over its stillest.

    Where there is no pause, a channel that goes one way only rests at the tenth of its values from below: speech comes
    back there again and again.

    values: (T, 174) at 60 fps. samples: (n,) at 16 kHz.
    """
    if samples is None:
        moved = np.abs(np.diff(values, axis=0, prepend=values[:1])).sum(1)
        unrest = uniform_filter1d(moved.astype(np.float64), 9, mode="nearest")
        paused = True
    else:
        unrest = uniform_filter1d(loudness(samples), 9, mode="nearest")
        paused = bool((unrest < -PAUSE_DB).sum() >= FEWEST)
    count = min(len(values), len(unrest))
    if not count:
        return np.zeros(values.shape[1])
    if not paused:
        return np.where(MINIMUM < 0.0, np.median(values, axis=0), np.quantile(values, 0.1, axis=0)).astype(np.float64)
    quiet = np.argsort(unrest[:count], kind="stable")[: max(1, round(REST_SHARE * count))]
    return np.median(values[quiet], axis=0).astype(np.float64)


def neutral_pose(rests: Sequence[tuple[int, NDArray]]) -> NDArray[np.float64] | None:
    """(174,) the neutral pose of an actor whose takes have these labels and rest so, or None if it is undetermined.

    With neutral takes it is the median of theirs. Without, a channel's is the least that it has at rest in any emotion,
    if all have it on one side; takes of one emotion alone do not separate the actor's face from the emotion.
    """
    by_label: dict[int, list[NDArray]] = defaultdict(list)
    for label, at_rest in rests:
        by_label[label].append(at_rest)
    if _NEUTRAL in by_label:
        pose = np.median(by_label[_NEUTRAL], axis=0)
    elif len(by_label) > 1:
        each = np.array([np.median(found, axis=0) for found in by_label.values()])
        least = np.abs(each).argmin(0)
        one_side = np.abs(np.sign(each).sum(0)) == len(each)
        pose = np.where(one_side, np.take_along_axis(each, least[None], 0)[0], 0.0)
    else:
        return None
    pose = np.clip(pose, MOST * MINIMUM, MOST * MAXIMUM)
    pose[_KEPT] = 0.0
    return pose


def without(values: NDArray, pose: NDArray) -> NDArray[np.float32]:
    """A rig (T, 174) without a neutral pose (174,): at the pose it is 0, at the ends of a channel what it was.

    What is on the other side of the pose goes towards 0 from there, so a channel that only goes up stays at 0 or above.
    """
    high, low = MAXIMUM.astype(np.float64), MINIMUM.astype(np.float64)
    moved = np.asarray(values, np.float64) - pose
    up = high / np.maximum(high - pose, 1e-6)
    down = np.where(low < 0.0, low / np.minimum(low - pose, -1e-6), 0.0)
    return np.where(moved >= 0.0, moved * up, moved * down).astype(np.float32)


def calibrated(takes: Sequence[FaceTake]) -> list[FaceTake]:
    """The takes, their rigs without the neutral pose of each speaker. Nothing is read before a rig is.

    Raises TrainingError for takes without a speaker and, when the first rig of a speaker is read, if all takes of that
    speaker are of one emotion that is not neutral.
    """
    if unknown := [take for take in takes if not take.speaker]:
        raise TrainingError(
            f"{counted(len(unknown), 'take')} without a speaker, such as {unknown[0].file}: whose neutral pose to take "
            "out is unknown.",
            "Name the speakers, or leave out calibrate for this data set.",
        )
    of_speaker: dict[str, list[FaceTake]] = defaultdict(list)
    for take in takes:
        of_speaker[take.speaker].append(take)
    poses = {speaker: cache(partial(_pose, speaker, tuple(own))) for speaker, own in of_speaker.items()}
    return [replace(take, rig=_without(take.rig, poses[take.speaker])) for take in takes]


def _without(rig: LazyArray, pose: Callable[[], NDArray]) -> LazyArray:
    return LazyArray(
        rig.file,
        cache(lambda: hashlib.sha256(rig.key().encode() + pose().astype(np.float32).tobytes()).hexdigest()),
        lambda: without(rig.read(), pose()),
    )


def _pose(speaker: str, takes: Sequence[FaceTake]) -> NDArray[np.float64]:
    """The neutral pose of a speaker, of whom these are all takes."""
    neutral = [take for take in takes if take.label == _NEUTRAL]
    rests = [(t.label, rest(t.rig.read(), None if t.sound is None else t.sound.read())) for t in neutral or takes]
    pose = neutral_pose(rests)
    if pose is None:
        raise TrainingError(
            f"All takes of {speaker} are {LABELS[takes[0].label]}, none is neutral: the pose at rest cannot be "
            "separated from the emotion.",
            "Add a neutral take, or leave out calibrate for this data set.",
        )
    assert pose.shape == (N_CHANNELS,)
    return pose
