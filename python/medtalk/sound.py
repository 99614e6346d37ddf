"""What the readers of sound share: the limits of a sound, its samples as float32, and the error for one that is cut."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from medtalk.errors import AudioError, LimitError, SettingError, require

RATE = 16000
"""Samples a second of every `Speech`."""
MEDIA = {
    "MP3": "mp3",
    "AAC": "aac",
    "MP4 or M4A": "mov",
    "Matroska or WebM": "matroska",
    "AIFF": "aiff",
}
"""What the extra `media` reads, and FFmpeg's names of it."""


def _up(seconds: float, digits: int) -> str:
    """Rounded away from the limit, so that the number in the message is beyond it too."""
    return f"{math.ceil(round(seconds * 10**digits, 6)) / 10**digits:.{digits}f}"


def _down(seconds: float, digits: int) -> str:
    return f"{math.floor(round(seconds * 10**digits, 6)) / 10**digits:.{digits}f}"


@dataclass(frozen=True)
class AudioLimits:
    """What a sound may be; beyond it `LimitError`. Seconds, channels, samples a second, bytes of the file."""

    max_seconds: float = 3600.0
    min_seconds: float = 0.1
    max_channels: int = 8
    min_rate: int = 4000
    max_rate: int = 384_000
    max_bytes: int = 2 << 30

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            require(value, int if each.type == "int" else int | float, each.name, "a number above 0")
            if not value > 0:
                raise SettingError(f"{each.name} is {value}; valid is a number above 0.")

    def check(self, name: str, *, seconds: float | None = None, channels: int = 1, rate: int = RATE) -> None:
        """Raise `LimitError` for a sound called `name` that is outside; `seconds` None means not known yet."""
        if not self.min_rate <= rate <= self.max_rate:
            raise LimitError(
                f"{name} has {rate} samples a second; valid are {self.min_rate} to {self.max_rate}.",
                "Save it again at a usual rate, as 48000.",
            )
        if channels > self.max_channels:
            raise LimitError(
                f"{name} has {channels} channels; at most {self.max_channels} are read.",
                "Save the channel with the voice as a file of its own.",
            )
        if seconds is None:
            return
        if seconds > self.max_seconds:
            raise LimitError(
                f"{name} lasts {_up(seconds, 1)} s; the limit is {self.max_seconds:g} s.",
                "Split it into shorter files.",
            )
        if seconds < self.min_seconds:
            raise LimitError(
                f"{name} lasts {_down(seconds, 3)} s; at least {self.min_seconds:g} s are needed.",
                "Give a longer sound.",
            )


def to_float(block: np.ndarray) -> np.ndarray:
    """Samples of any number type as float32 of full scale 1."""
    if block.dtype.kind == "f":
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, and is refused as such
            return block.astype(np.float32)
    info = np.iinfo(block.dtype)
    half = (info.max + 1) // 2 if info.min == 0 else info.max + 1  # unsigned sound is centred on half its range
    return ((block.astype(np.float64) - (half if info.min == 0 else 0)) / half).astype(np.float32)


def cut(name: str, promised: float, present: float) -> AudioError:
    """The error for a sound of fewer seconds than its header promises."""
    return AudioError(
        f"{name} is cut: its header promises {_up(promised, 2)} s and {_down(present, 2)} s are there.",
        "Copy or export it again.",
    )
