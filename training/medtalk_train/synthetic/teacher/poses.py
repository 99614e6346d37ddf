"""Pose tables of ``assets/poses`` as vectors over the 174 channels."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from medtalk.rig.channels import CHANNELS, N_CHANNELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

KINDS = 3
"""Kinds of face that each label has in ``emotions.json``."""
MOST = 0.95
"""Share of its range that a channel has at most in a face of strength 1: a stronger one goes on from there."""


def channels_of(key: str) -> list[int]:
    """Channel numbers that a pose key sets.

    ``C_jaw.Y`` or ``L_eye_blink`` name one control (``.X``/``.Y`` where it has two axes), ``mouth_purseU``, or just
    ``purseU``, both sides of one.

    Raises:
        KeyError: no such control, or not one control of each side.
    """
    name, _, axis = key.partition(".")
    axis = f"translate{axis or 'Y'}"
    found = [c.index for c in CHANNELS if c.axis == axis and c.control == f"CTRL_{name}"]
    if not found:
        found = [
            c.index
            for c in CHANNELS
            if c.axis == axis and c.control[5:7] in ("L_", "R_") and c.control.lower().endswith(f"_{name}".lower())
        ]
        if len(found) != 2:
            raise KeyError(f"pose key {key!r} names {len(found)} controls, not one of each side")
    return found


def vector(pose: dict[str, float]) -> NDArray[np.float32]:
    """(174,) float32 of a pose given by keys."""
    out = np.zeros(N_CHANNELS, np.float32)
    for key, value in pose.items():
        out[channels_of(key)] = value
    return out


def key_of_tables() -> str:
    """A hash of the tables, which every face of the teacher depends on."""
    return hashlib.sha256("".join(_text(name) for name in ("visemes", "emotions")).encode()).hexdigest()[:16]


@lru_cache(maxsize=4)
def table(name: str) -> dict[str, Any]:
    """A pose table of ``assets/poses``, without its remarks: poses by phone, or by label and kind of face."""
    return {key: value for key, value in json.loads(_text(name)).items() if isinstance(value, dict)}


def _text(name: str) -> str:
    return resources.files("medtalk_assets").joinpath("poses", f"{name}.json").read_text(encoding="utf-8")
