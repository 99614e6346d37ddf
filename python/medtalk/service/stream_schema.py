"""Requests about streams, typed and checked (`docs/protocol.md`, stream_open and those after it)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from medtalk.errors import GuidanceError, LimitError, ServiceError, SettingError
from medtalk.limits import LIVE_LOOK_AHEAD, LIVE_RATES, LIVE_STEP, ServiceLimits, check_range
from medtalk.service.settings import FIELDS, Asked, GuidanceFields, read_settings
from medtalk.take import hears_voice
from medtalk_wire.protocol import Buffer
from medtalk_wire.settings import DEFAULT, MAX_FADE

LOOK_AHEAD, STEP, WITHIN = 0.08, 0.04, 0.3
"""Seconds where a client says nothing: of a stream, and of the cross-fade to another guidance."""

_Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
_WHOLE = ("transcript", "language", "curve_mode", "span", "fps")
"""Settings that are of a whole sound."""

_RANGES = {
    "rate": ("samples a second", LIVE_RATES), "look_ahead": ("seconds", LIVE_LOOK_AHEAD), "step": ("seconds", LIVE_STEP)
}  # fmt: skip

_OpenFields = msgspec.defstruct(
    "_OpenFields",
    [
        ("rate", int), ("live", bool, False), ("look_ahead", float, LOOK_AHEAD), ("step", float, STEP),
        ("name", str, ""), *FIELDS,
    ],
)  # fmt: skip


class _AudioFields(msgspec.Struct):
    stream: str
    at: _Count
    read: _Count = 0


class _GuideFields(msgspec.Struct):
    stream: str
    at: _Count = 0
    guidance: GuidanceFields | None = None
    intensity: float | None = None
    timeline: list[Any] | None = None
    within: float = WITHIN


class _CloseFields(msgspec.Struct):
    stream: str
    at: _Count | None = None


STREAM_BODIES = {
    "stream_open": _OpenFields, "stream_audio": _AudioFields, "stream_guide": _GuideFields, "stream_close": _CloseFields
}  # fmt: skip


@dataclass(frozen=True)
class StreamOpen:
    """A stream that is asked for. Two are the same if their `fingerprint` is."""

    asked: Asked
    rate: int
    live: bool
    look_ahead: float
    step: float
    name: str
    fingerprint: bytes


@dataclass(frozen=True)
class StreamAudio:
    """Samples from number `at` on, or none; the client has all frames before number `read`."""

    stream: str
    at: int
    read: int
    samples: Buffer | None

    @property
    def end(self) -> int:
        """The number of the sample behind them."""
        return self.at + (self.samples.shape[0] if self.samples else 0)


@dataclass(frozen=True)
class StreamGuide:
    """Another guidance, intensity or timeline, from sample `at` on, faded in within so many seconds.

    Of `asked`, the emotion, text and picture count if `guided`, the timeline if `timed`; `intensity` None stays.
    """

    stream: str
    at: int
    asked: Asked
    guided: bool
    timed: bool
    intensity: float | None
    within: float


@dataclass(frozen=True)
class StreamClose:
    """No more sound comes; there were `at` samples in all, None if not given."""

    stream: str
    at: int | None


def read_stream(
    type: str, body: Any, packed: bytes, buffers: Sequence[Buffer], limits: ServiceLimits, guidance: Sequence[str]
) -> StreamOpen | StreamAudio | StreamGuide | StreamClose:
    """The request of a type of `STREAM_BODIES`; `packed` is its body as it came. Raises `MedtalkError`."""
    named = {buffer.name: buffer for buffer in buffers}
    request = _READERS[type](body, packed, named, limits, guidance)
    if named:
        raise ServiceError("bad_message", f"The buffer {next(iter(named))[:40]!r} does not belong to this request.")
    return request


def _open(body: Any, packed: bytes, named: dict[str, Buffer], limits: ServiceLimits, guidance: Sequence[str]) -> Any:
    if len(body.name.encode()) > limits.max_text:
        raise LimitError(f"The name of the stream is longer than {limits.max_text} bytes.", "Shorten it.")
    for name in _WHOLE:
        if getattr(body, name) not in (getattr(DEFAULT, name), None):
            raise SettingError(f"A stream takes no {name}, which is of a whole sound.", "Leave it out.")
    if "intensity" in named:
        raise SettingError("A stream takes no intensity curve, which is of a whole sound.", "Leave it out.")
    for name, (unit, (low, high)) in _RANGES.items():
        value = getattr(body, name)
        if not low <= value <= high:
            raise SettingError(f"{name} is {value:g}; valid are {low:g} to {high:g} {unit}.")
    pictures = {name: (buffer.dtype, buffer.shape) for name, buffer in named.items()}  # their sums are in the body
    asked = _asked(body, named, limits, guidance)
    fingerprint = hashlib.sha256(repr(sorted(pictures.items())).encode() + packed).digest()
    return StreamOpen(asked, body.rate, body.live, body.look_ahead, body.step, body.name, fingerprint)


def _asked(body: Any, named: dict[str, Buffer], limits: ServiceLimits, guidance: Sequence[str]) -> Asked:
    asked = read_settings(body, named, limits, guidance)
    if hears_voice(asked.settings):
        raise GuidanceError(
            "A stream cannot follow the emotion auto, which is heard in a whole sound.", "Give a label or a text."
        )
    return asked


def _audio(body: Any, packed: bytes, named: dict[str, Buffer], limits: ServiceLimits, guidance: Sequence[str]) -> Any:
    samples = named.pop("samples", None)
    if samples is not None:
        if samples.dtype == "uint8":
            raise ServiceError("bad_message", "The buffer samples must be int16, int32 or float32.")
        channels = samples.shape[1] if len(samples.shape) == 2 else 1
        if not 1 <= channels <= limits.audio.max_channels:
            raise LimitError(f"The sound has {channels} channels; valid are 1 to {limits.audio.max_channels}.")
    return StreamAudio(body.stream, body.at, body.read, samples)


def _guide(body: Any, packed: bytes, named: dict[str, Buffer], limits: ServiceLimits, guidance: Sequence[str]) -> Any:
    if not 0.0 <= body.within <= MAX_FADE:
        raise SettingError(f"within is {body.within:g}; valid are 0 to {MAX_FADE:g} seconds.")
    if body.intensity is not None:
        check_range(body.intensity)
    given: Mapping[str, Any] = {"guidance": body.guidance or GuidanceFields(), "timeline": body.timeline or None}
    asked = _asked(_OpenFields(rate=LIVE_RATES[0], **given), named, limits, guidance)
    guided, timed = body.guidance is not None, body.timeline is not None
    return StreamGuide(body.stream, body.at, asked, guided, timed, body.intensity, body.within)


def _close(body: Any, packed: bytes, named: dict[str, Buffer], limits: ServiceLimits, guidance: Sequence[str]) -> Any:
    return StreamClose(body.stream, body.at)


_READERS: Mapping[str, Callable[..., Any]] = {
    "stream_open": _open, "stream_audio": _audio, "stream_guide": _guide, "stream_close": _close
}  # fmt: skip
