"""Common to the readers of sound: its samples as float32, and the error for one that is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medtalk.errors import AudioError
from medtalk.limits import rounded_down, rounded_up

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEDIA = {
    "MP3": "mp3",
    "AAC": "aac",
    "MP4 or M4A": "mov",
    "Matroska or WebM": "matroska",
    "AIFF": "aiff",
}
"""The formats that the extra `media` reads, and FFmpeg's names of them."""


def to_float(block: np.ndarray) -> np.ndarray:
    """Samples of any number type as float32 of full scale 1."""
    if block.dtype.kind == "f":
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, and is refused as such
            return block.astype(np.float32)
    info = np.iinfo(block.dtype)
    half = (info.max + 1) // 2 if info.min == 0 else info.max + 1  # unsigned sound is centred on half its range
    return ((block.astype(np.float64) - (half if info.min == 0 else 0)) / half).astype(np.float32)


def to_pcm16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Samples of full scale 1 as 16-bit ones; what is no number is silence, as a live face hears it."""
    whole = np.clip(np.where(np.isfinite(samples), samples, np.float32(0.0)), -1.0, 1.0)
    return np.round(32767.0 * whole).astype("<i2")


def cut(name: str, promised: float, present: float) -> AudioError:
    """The error for a sound of fewer seconds than its header promises."""
    return AudioError(
        f"{name} is cut: its header promises {rounded_up(promised, 2)} s and {rounded_down(present, 2)} s are there.",
        "Copy or export it again.",
    )
