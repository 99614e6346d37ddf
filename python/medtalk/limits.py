"""Limits for users and clients: a request beyond them is refused before any work."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

from medtalk.errors import LimitError, SettingError, require
from medtalk.rates import RATE
from medtalk_board.channels import REGIONS
from medtalk_wire.settings import MAX_FPS, MAX_INTENSITY, MAX_PICTURE_BYTES, MIN_FPS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

MAX_PIXELS = 50_000_000
"""Of a picture."""
MAX_THREADS = 256
"""Each is a thread of the system in each of four sessions: a typo would take the whole machine."""

LIVE_LOOK_AHEAD = (0.0, 0.5)
"""Seconds of sound that a live face waits for beyond what it shows."""
LIVE_STEP = (0.02, 0.2)
"""Seconds of sound that a live face takes at a time."""
LIVE_RATES = (8000, 192_000)
"""Samples a second of a live sound."""
LIVE_LOST = 600.0
"""Seconds of sound that a live face can lose at once."""


def check_region(region: object) -> None:
    """`SettingError` for a region of the face that does not exist."""
    if region not in tuple(REGIONS):  # a tuple is asked, which takes what cannot be hashed
        raise SettingError(f"Unknown region {str(region)[:40]!r}; valid are {', '.join(REGIONS)}.")


def check_fps(fps: float, what: str = "fps") -> None:
    """`SettingError` for a frame rate of a rig out of range; `what` names the setting."""
    if not MIN_FPS <= fps <= MAX_FPS:
        raise SettingError(f"{what} is {fps:g}; valid are {MIN_FPS:g} to {MAX_FPS:g}.")


def check_range(values: ArrayLike, what: str = "intensity", largest: float = MAX_INTENSITY) -> NDArray[np.float32]:
    """`values` as float32; `SettingError` naming `what`, and the frame, unless all are numbers from 0 to `largest`."""
    import numpy as np  # here: the command line starts with this module, and without numpy

    try:
        with np.errstate(over="ignore"):  # what is beyond float32 is infinite, and judged as such
            curve = np.asarray(values, np.float32)
    except (TypeError, ValueError):
        raise SettingError(f"{what} is not a number or a row of numbers.") from None
    good = np.isfinite(curve) & (curve >= 0.0) & (curve <= largest)
    if not good.all():
        bound = "finite numbers from 0" if np.isinf(largest) else f"numbers from 0 to {largest:g}"
        at = f" at frame {int(np.argmin(good))}" if curve.ndim == 1 else ""
        raise SettingError(f"{what} is {curve[~good].flat[0]:g}{at}; valid are {bound}.")
    return curve


def check_within(value: object, limits: tuple[float, float], what: str, unit: str) -> float:
    """`value` as a float; `SettingError` naming `what` and the `unit` unless it is a number within `limits`."""
    require(value, Real, what, f"{limits[0]:g} to {limits[1]:g} {unit}")
    number = float(value)  # pyright: ignore[reportArgumentType]
    if not limits[0] <= number <= limits[1]:
        raise SettingError(f"{what} is {number:g}; valid are {limits[0]:g} to {limits[1]:g} {unit}.")
    return number


def rounded_up(seconds: float, digits: int) -> str:
    """Rounded away from the limit, so that the number in the message is beyond it too."""
    return f"{math.ceil(round(seconds * 10**digits, 6)) / 10**digits:.{digits}f}"


def rounded_down(seconds: float, digits: int) -> str:
    return f"{math.floor(round(seconds * 10**digits, 6)) / 10**digits:.{digits}f}"


@dataclass(frozen=True)
class AudioLimits:
    """Limits of a sound; beyond them `LimitError`. Seconds, channels, samples a second, bytes of the file."""

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
                "Save it again at a usual rate, such as 48000.",
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
                f"{name} lasts {rounded_up(seconds, 1)} s; the limit is {self.max_seconds:g} s.",
                "Split it into shorter files.",
            )
        if seconds < self.min_seconds:
            raise LimitError(
                f"{name} lasts {rounded_down(seconds, 3)} s; at least {self.min_seconds:g} s are needed.",
                "Give a longer sound.",
            )


_MOST = 10**15  # far beyond any machine, and within what messages and sockets hold
_MOST_OF = {"max_stream_seconds": LIVE_LOST}  # as a stream may lose all of it at once
_ONLY_LOWER = ("max_image_bytes", "max_pixels")  # what reads a picture has the same limits, which are not settings

# Of a stream so much that credit never stands still: a message of a client, and the frames of a step.
_LEAST = {
    "max_result_bytes": 0,
    "max_cache_bytes": 0,
    "max_streams": 0,
    "max_stream_seconds": 1,
    "max_stream_frames": 60,
}


@dataclass(frozen=True)
class ServiceLimits:
    """Names and meaning as in `docs/protocol.md`, Limits. Raises SettingError for a limit out of range."""

    audio: AudioLimits = AudioLimits(max_bytes=512 << 20)
    max_queue: int = 256
    max_queue_bytes: int = 1 << 30
    max_client_queue: int = 64
    max_client_queue_bytes: int = 512 << 20
    max_text: int = 1 << 16
    max_image_bytes: int = MAX_PICTURE_BYTES
    max_pixels: int = MAX_PIXELS
    max_streams: int = 16
    max_client_streams: int = 8
    max_stream_seconds: float = 10.0
    max_stream_frames: int = 600
    max_stream_late: float = 0.5
    max_stream_quiet: float = 30.0
    max_result_bytes: int = 256 << 20
    max_cache_bytes: int = 512 << 20

    def __post_init__(self) -> None:
        for name, value in self.flat().items():
            least = _LEAST.get(name, 1 if isinstance(value, int) else 1e-3)
            most = getattr(type(self), name) if name in _ONLY_LOWER else _MOST_OF.get(name, _MOST)
            if not least <= value <= most:
                raise SettingError(f"The limit {name} is {str(value)[:40]}; valid are {least:g} to {most:.15g}.")
        if self.audio.min_seconds > self.audio.max_seconds or self.audio.min_rate > self.audio.max_rate:
            raise SettingError("A lower limit is above its upper limit.")

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Self:
        """The defaults, changed by texts such as `max_seconds=600`; SettingError for what is not valid."""
        default = cls()
        kinds = {name: type(value) for name, value in default.flat().items()}
        changed: dict[str, Any] = {}
        for text in texts:
            name, _, number = text.partition("=")
            if name not in kinds:
                raise SettingError(f"Unknown limit {name[:40]!r}; valid are {', '.join(kinds)}.", "Write NAME=VALUE.")
            try:
                changed[name] = kinds[name](number)
            except ValueError:
                kind = "whole number" if kinds[name] is int else "number"
                raise SettingError(f"The limit {name} is {number[:40]!r}; it must be a {kind}.") from None
        of_sound = {name: changed.pop(name) for name in asdict(default.audio) if name in changed}
        return cls(replace(default.audio, **of_sound), **changed)

    def flat(self) -> dict[str, float]:
        """All of them by name, those of a sound first."""
        limits = asdict(self)
        return {**limits.pop("audio"), **limits}

    def as_reply(self) -> dict[str, float]:
        """All of them, and the fixed ones, as in the reply to `hello`."""
        ranges = {"look_ahead": LIVE_LOOK_AHEAD, "step": LIVE_STEP, "stream_rate": LIVE_RATES}
        of_streams = {
            f"{end}_{name}": value
            for name, pair in ranges.items()
            for end, value in zip(("min", "max"), pair, strict=True)
        }
        return {**self.flat(), **of_streams, "max_intensity": MAX_INTENSITY, "max_fps": MAX_FPS}
