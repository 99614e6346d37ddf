"""What the sidecar takes before it refuses: settings, told to every client in `hello`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Self

from medtalk.audio import AudioLimits
from medtalk.errors import SettingError
from medtalk.guidance import MAX_PICTURE_BYTES
from medtalk.performance import MAX_FPS, MAX_INTENSITY

_MOST = 10**15  # far beyond any machine, and within what messages and sockets hold
_ONLY_LOWER = ("max_image_bytes", "max_pixels")  # what reads a picture has the same limits, which are no settings


@dataclass(frozen=True)
class ServiceLimits:
    """Names and meaning as in `docs/protocol.md`, Limits. Raises SettingError for a limit that makes no sense."""

    min_seconds: float = 0.1
    max_seconds: float = 3600.0
    min_rate: int = 4000
    max_rate: int = 384_000
    max_channels: int = 8
    max_bytes: int = 512 << 20
    max_queue: int = 256
    max_queue_bytes: int = 1 << 30
    max_client_queue: int = 64
    max_client_queue_bytes: int = 512 << 20
    max_text: int = 1 << 16
    max_image_bytes: int = MAX_PICTURE_BYTES
    max_pixels: int = 50_000_000
    max_result_bytes: int = 256 << 20
    max_cache_bytes: int = 512 << 20

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            least = 0 if name in ("max_result_bytes", "max_cache_bytes") else 1 if isinstance(value, int) else 1e-3
            most = getattr(type(self), name) if name in _ONLY_LOWER else _MOST
            if not least <= value <= most:
                raise SettingError(f"The limit {name} is {str(value)[:40]}; valid are {least:g} to {most:.15g}.")
        if self.min_seconds > self.max_seconds or self.min_rate > self.max_rate:
            raise SettingError("A lower limit is above its upper limit.")

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Self:
        """The defaults, changed by texts such as `max_seconds=600`; SettingError for a name or number that is none."""
        kinds = {name: type(value) for name, value in asdict(cls()).items()}
        changed = {}
        for text in texts:
            name, _, number = text.partition("=")
            if name not in kinds:
                raise SettingError(f"Unknown limit {name[:40]!r}; valid are {', '.join(kinds)}.", "Write NAME=VALUE.")
            try:
                changed[name] = kinds[name](number)
            except ValueError:
                kind = "whole number" if kinds[name] is int else "number"
                raise SettingError(f"The limit {name} is {number[:40]!r}; it must be a {kind}.") from None
        return cls(**changed)

    @property
    def audio(self) -> AudioLimits:
        """The part that concerns a sound."""
        return AudioLimits(
            self.max_seconds, self.min_seconds, self.max_channels, self.min_rate, self.max_rate, self.max_bytes
        )

    def told(self) -> dict[str, float]:
        """All of them, with those that are no settings, as `hello` tells them."""
        return {**asdict(self), "max_intensity": MAX_INTENSITY, "max_fps": MAX_FPS}
