"""Whether E_e, E_c and D can rebuild recorded faces: later stages aim at them, and cannot mend what D lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from medtalk.rig.channels import N_CHANNELS, S_EMO, S_LIP, S_UP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.model.medtalk import MEDTalk

PREFIX = "R2 rebuilt, "
AREAS = {"mouth": S_LIP, "emotion": S_EMO, "upper face": S_UP, "whole face": np.arange(N_CHANNELS)}
ENOUGH = 0.8
"""The share of a motion's variance that D must rebuild: what a curve has that follows another with a correlation of .9.
What is lacking here is lost in every later stage, whose own errors come on top; trained spaces of these sizes reach
.99 on faces like those that they know, so that much less means channels or movements that they never met."""
_MOVES = 1e-3
"""A channel whose standard deviation is smaller stands still: R2 of noise says nothing."""


def rebuilt(model: MEDTalk, sets: Mapping[str, Sequence[NDArray]]) -> dict[str, float]:
    """Figures "R2 rebuilt, AREA" of recorded faces that training did not see; of each set too, where there are several.

    R2 is taken over all frames and moving channels of an area together: 1 is the face itself, 0 its mean face, which
    does nothing, and below 0 it is worse than that. An area in which nothing moves has none.

    Args:
        model: with trained E_e, E_c and D.
        sets: rigs (T, 174) of each data set, by its name.
    """
    device = next(model.parameters()).device
    pairs: dict[str, tuple[NDArray, NDArray]] = {}
    for name, rigs in sets.items():
        if rigs:
            truth = np.concatenate([np.asarray(rig, np.float32) for rig in rigs])
            with torch.inference_mode():
                rig = torch.from_numpy(truth).to(device)
                found = torch.cat([model.reconstruct(part, part) for part in rig.split(1 << 14)])
            pairs[name] = (found.cpu().numpy(), truth)
    if not pairs:
        return {}
    found, truth = (np.concatenate([pair[k] for pair in pairs.values()]) for k in (0, 1))
    out = _r2(found, truth, "")
    if len(pairs) > 1:
        for name, pair in pairs.items():
            out |= _r2(*pair, f", {name}")
    return out


def _r2(found: NDArray, truth: NDArray, suffix: str) -> dict[str, float]:
    spread = truth.astype(np.float64).std(axis=0)
    out = {}
    for area, channels in AREAS.items():
        moving = channels[spread[channels] > _MOVES]
        if len(moving):
            error = np.square(found[:, moving].astype(np.float64) - truth[:, moving]).sum()
            out[f"{PREFIX}{area}{suffix}"] = float(1.0 - error / (len(truth) * np.square(spread[moving]).sum()))
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
        "face that stands still at its mean): what it cannot show, no later stage can. Let stage 1 learn from more of "
        "such takes (stages: [1, ...] of their data), or longer."
    )
