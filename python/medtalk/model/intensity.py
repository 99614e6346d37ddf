"""Emotion intensity read off a rig (Eq. 8), for numpy arrays and torch tensors alike; needs no torch itself."""

from __future__ import annotations

from typing import Any

from medtalk.rig.channels import S_INT, indices

FACTOR = 0.1
"""Not in the paper's formula, but in the authors' release: it brings the sum to about 0..1."""
_CHANNELS = S_INT.tolist()
_LIDS = indices("[LR]_eye_blink").tolist()


def intensity(rig: Any, blinks: bool = True) -> Any:
    """Int(R): 0.1 times the L1 norm over S_int. (..., 174) -> (...), an array or tensor as it came.

    Without `blinks` lids count as far as they open wider than at rest, not as far as they close: in captured faces most
    peaks of the paper's sum are blinks, which nobody feels.
    """
    total = abs(rig[..., _CHANNELS]).sum(-1)
    return FACTOR * (total if blinks else total - rig[..., _LIDS].clip(min=0).sum(-1))
