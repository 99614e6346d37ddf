"""Whether E_e, E_c and D can rebuild recorded faces: later stages aim at them, and cannot mend what D lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from medtalk.rig.channels import N_CHANNELS, S_EMO, S_LIP, S_UP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.model.medtalk import MEDTalk

PREFIX, POSE = "R2 rebuilt, ", "pose error rebuilt, "
"""What the names of the figures begin with."""
AREAS = {"mouth": S_LIP, "emotion": S_EMO, "upper face": S_UP, "whole face": np.arange(N_CHANNELS)}
ENOUGH = 0.8
"""The share of a motion's variance that D must rebuild: what a curve has that follows another with a correlation of .9.
What is lacking here is lost in every later stage, whose own errors come on top; trained spaces of these sizes reach
.99 on faces like those that they know, so that much less means channels or movements that they never met."""
_MOVES = 1e-3
"""A channel whose standard deviation is smaller stands still: R2 of noise says nothing."""


class _Take(NamedTuple):
    """A take's frames and, of each channel (174,): the sums of its squared error and of its squared motion about the
    take's mean, how far that mean is off, and whether it is ever away from 0."""

    frames: int
    error: NDArray[np.float64]
    motion: NDArray[np.float64]
    pose: NDArray[np.float64]
    used: NDArray[np.bool_]


def rebuilt(model: MEDTalk, sets: Mapping[str, Sequence[NDArray]]) -> dict[str, float]:
    """Figures of recorded faces that training did not see, by area; of each set too, where there are several.

    "R2 rebuilt, AREA" is 1 - error / motion, both summed over all takes, frames and moving channels. The motion of a
    take is what differs from its own mean: how actors, emotions and data sets differ from one another is none. So 1 is
    the face itself, 0 a face that stands still at the mean of each take, and below 0 it is worse than that. An area in
    which nothing moves has none.

    "pose error rebuilt, AREA" is how far the mean of a take is off: the mean absolute difference over takes and
    channels, moving or not, but for those that are 0 in all takes, which no bundle moves.

    Args:
        model: with trained E_e, E_c and D.
        sets: rigs (T, 174) of each data set, by its name.
    """
    takes = {name: [_take(model, rig) for rig in rigs] for name, rigs in sets.items() if rigs}
    if not takes:
        return {}
    out = _figures([take for several in takes.values() for take in several], "")
    if len(takes) > 1:
        for name, several in takes.items():
            out |= _figures(several, f", {name}")
    return out


def _take(model: MEDTalk, rig: NDArray) -> _Take:
    faces = torch.from_numpy(np.array(rig, np.float32)).to(next(model.parameters()).device)
    with torch.inference_mode():
        found = torch.cat([model.reconstruct(part, part) for part in faces.split(1 << 14)]).double()
        truth = faces.double()
        error, motion = (found - truth).square().sum(0), (truth - truth.mean(0)).square().sum(0)
        pose = (found.mean(0) - truth.mean(0)).abs()
        used = (truth != 0).any(0)
    return _Take(len(truth), *(part.cpu().numpy() for part in (error, motion, pose, used)))


def _figures(takes: Sequence[_Take], suffix: str) -> dict[str, float]:
    frames = sum(take.frames for take in takes)
    error, motion = (np.sum([getattr(take, name) for take in takes], axis=0) for name in ("error", "motion"))
    pose = np.mean([take.pose for take in takes], axis=0)
    used = np.any([take.used for take in takes], axis=0)
    out = {}
    for area, channels in AREAS.items():
        moving = channels[np.sqrt(motion[channels] / frames) > _MOVES]
        if len(moving):
            out[f"{PREFIX}{area}{suffix}"] = float(1.0 - error[moving].sum() / motion[moving].sum())
    for area, channels in AREAS.items():
        if used[channels].any():
            out[f"{POSE}{area}{suffix}"] = float(pose[channels[used[channels]]].mean())
    return out


def too_low(metrics: Mapping[str, float]) -> str:
    """What the figures of `rebuilt` that are under the bar mean, and what to do; "" where all reach it."""
    low = {name.removeprefix(PREFIX): value for name, value in metrics.items()
           if name.startswith(PREFIX) and value < ENOUGH}  # fmt: skip
    if not low:
        return ""
    listed = ", ".join(f"{name} {value:.2f}" for name, value in low.items())
    return (
        f"The decoder cannot rebuild the recorded faces that were held back (R2 {listed}; {ENOUGH:g} is enough, 0 is a "
        "face that stands still at the mean of each take): what it cannot show, no later stage can. Let stage 1 learn "
        "from more of such takes (stages: [1, ...] of their data), or longer."
    )
