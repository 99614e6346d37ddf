"""Emotion intensity read off a rig (Eq. 8), for numpy arrays and torch tensors alike; needs no torch itself."""

from __future__ import annotations

from typing import Any

from medtalk.rig.channels import S_INT

FACTOR = 0.1
"""Not in the paper's formula, but in the authors' release: it brings the sum to about 0..1."""
_CHANNELS = S_INT.tolist()


def intensity(rig: Any) -> Any:
    """Int(R): 0.1 times the L1 norm over S_int. (..., 174) -> (...), an array or tensor as it came."""
    return FACTOR * abs(rig[..., _CHANNELS]).sum(-1)
