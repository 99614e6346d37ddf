"""Requests of clients, typed: frames in, checked requests out (`docs/protocol.md`, Messages).

What is wrong with the request itself is refused here, before it waits in the queue.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import numpy as np
from numpy.typing import NDArray

from medtalk.errors import AudioError, GuidanceError, LimitError, MedtalkError, ServiceError, about
from medtalk.guidance import check_text, emotion_weights, is_auto
from medtalk.limits import ServiceLimits
from medtalk.rates import FPS
from medtalk.service.folders import reachable
from medtalk.take import checked
from medtalk.timeline import Span, spans_of, within
from medtalk_wire.errors import ProtocolError
from medtalk_wire.protocol import JOBS, MAX_HEADER_BYTES, MAX_ID, REQUESTS, Buffer, check_buffers, check_version
from medtalk_wire.request import GUIDANCE_FIELDS, flat
from medtalk_wire.settings import AUTO, DEFAULT, Settings

_ID = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_ID}}}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
GUIDANCE = ("label", "text", "image", AUTO)
SOUNDS = ("pcm", "file", "path")
# Messages and hints for guidance that the model, or this Python, does not support.
_LACKING = {
    "text": ("The bundle does not understand descriptions", "Give a label."),
    "image": (
        "The bundle does not understand pictures",
        "Run pip install 'medtalk[picture]' on the machine that computes, or start it with another --bundle DIR.",
    ),
    AUTO: (
        "The emotion in a voice cannot be heard",
        "Run pip install 'medtalk[full]' on the machine that computes, or give a label.",
    ),
}


class Header(msgspec.Struct):
    """The first frame. `body` stays packed until the type is known."""

    id: str
    type: str
    body: msgspec.Raw
    protocol: str = ""
    parent: str | None = None
    buffers: list[Any] = []


class Hello(msgspec.Struct):
    client: str = ""
    channel_hash: str = ""


class Empty(msgspec.Struct):
    pass


class Cancel(msgspec.Struct):
    job: str


class SoundFields(msgspec.Struct):
    kind: str
    sha256: str = ""
    rate: int = 0
    path: str = ""
    name: str = ""
    channel: int | None = None


class GuidanceFields(msgspec.Struct):
    kind: str = "label"
    emotion: Any = "neutral"
    labels: Any = None
    text: str = ""
    sha256: str = ""
    name: str = ""


class SpanPicture(msgspec.Struct):
    bytes: int
    sha256: str = ""
    name: str = ""


# The fields of `Settings` that travel by their name, typed as they are declared there.
_NAMED = tuple(each.name for each in fields(Settings) if each.name not in (*GUIDANCE_FIELDS, "curve"))
_TYPES = get_type_hints(Settings)
_fields = [
    ("guidance", GuidanceFields, msgspec.field(default_factory=GuidanceFields)),
    *((name, _TYPES[name], getattr(DEFAULT, name)) for name in _NAMED),
]
Generate = msgspec.defstruct("Generate", [("sound", SoundFields), *_fields])
Decode = msgspec.defstruct("Decode", [("heard", str), *_fields])
_KNOBS = flat({**dict.fromkeys(_NAMED), "finishing": asdict(DEFAULT.finishing)})
SETTINGS = ("guidance.labels", "transcript.tags", *_KNOBS)
"""The settings that this sidecar knows, for `capabilities`."""

_BODIES = {"hello": Hello, "ping": Empty, "cancel": Cancel, "shutdown": Empty, "generate": Generate, "decode": Decode}
assert set(_BODIES) == set(REQUESTS)
_header = msgspec.msgpack.Decoder(Header)
_bodies = {name: msgspec.msgpack.Decoder(kind) for name, kind in _BODIES.items()}


@dataclass(frozen=True)
class ReceivedPicture:
    """A picture on its way in, as the bytes of its file."""

    name: str
    data: Buffer
    sha256: str


@dataclass(frozen=True)
class ReceivedSound:
    """A sound on its way in. `data` is the buffer of a "pcm" or "file", `path` that of a "path"."""

    kind: str
    name: str
    channel: int | None
    data: Buffer | None = None
    rate: int = 0
    sha256: str = ""
    path: Path | None = None


@dataclass(frozen=True)
class JobRequest:
    """A `generate` (with `sound`) or `decode` (with `heard`). Requests are the same if their `fingerprint` is.

    `settings` are checked; where a picture leads, `picture` has the sum to check it by, and `pictures` those of the
    timeline's spans, None for a span without one.
    """

    type: str
    settings: Settings
    picture: ReceivedPicture | None
    fingerprint: bytes
    nbytes: int
    sound: ReceivedSound | None = None
    heard: str = ""
    pictures: tuple[ReceivedPicture | None, ...] = ()


@dataclass(frozen=True)
class Request:
    """A request of any type; `body` is a struct of this module, or a `JobRequest`."""

    id: str
    type: str
    body: Any


class BadRequest(Exception):
    """A request that is refused: `error` says why, `parent` is its id if that could be read."""

    def __init__(self, error: MedtalkError, parent: str = "") -> None:
        super().__init__(str(error))
        self.error = error
        self.parent = parent


def read_request(
    frames: Sequence[memoryview],
    limits: ServiceLimits,
    folders: Sequence[Path] | None,
    guidance: Sequence[str] = GUIDANCE,
) -> Request:
    """The request in `frames`; raises `BadRequest` if it is not valid.

    `folders` are those that sounds may be read from: empty for any, None for no paths at all. `guidance` is what the
    model takes, of `GUIDANCE`.
    """
    header = _read_header(frames)
    try:
        check_version(header.protocol)
    except ProtocolError as error:
        raise BadRequest(ServiceError("version", error.message, error.hint), header.id) from None
    try:
        if header.type not in _bodies:
            raise ServiceError("unknown_type", f"Unknown type {header.type[:40]!r}; valid are {', '.join(REQUESTS)}.")
        buffers = check_buffers(header.buffers, frames[1:])
        body = _bodies[header.type].decode(header.body)
        if header.type in JOBS:
            body = _job(header, body, buffers, limits, folders, guidance)
        elif buffers:
            raise ServiceError("bad_message", f"{header.type} does not accept buffers.")
    except ProtocolError as error:
        raise BadRequest(ServiceError("bad_message", error.message, error.hint), header.id) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        problem = ServiceError("bad_message", f"The body of {header.type} is wrong: {error}.", "See docs/protocol.md.")
        raise BadRequest(problem, header.id) from None
    except MedtalkError as error:
        raise BadRequest(error, header.id) from None
    return Request(header.id, header.type, body)


def _read_header(frames: Sequence[memoryview]) -> Header:
    try:
        if not frames or len(frames[0]) > MAX_HEADER_BYTES:
            raise ServiceError("bad_message", f"The header is missing or longer than {MAX_HEADER_BYTES} bytes.")
        header = _header.decode(frames[0])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        problem = ServiceError("bad_message", f"The header is wrong: {error}.", "See docs/protocol.md.")
        raise BadRequest(problem) from None
    except MedtalkError as error:
        raise BadRequest(error) from None
    if not _ID.fullmatch(header.id):
        problem = ServiceError("bad_message", f"The id is not 1 to {MAX_ID} letters, digits, _ or -.")
        raise BadRequest(problem)
    return header


def _job(
    header: Header,
    body: Any,
    buffers: Sequence[Buffer],
    limits: ServiceLimits,
    folders: Sequence[Path] | None,
    guidance: Sequence[str],
) -> JobRequest:
    named = {buffer.name: buffer for buffer in buffers}
    _check_guidance(body.guidance.kind, guidance)
    curve = named.pop("intensity", None)
    picture = _picture(body.guidance, named.pop("image", None), limits) if body.guidance.kind == "image" else None
    spans, pictures = _timeline(body.timeline, named.pop("images", None), limits)
    for span in spans or ():
        with within(span.where):
            _check_guidance("text" if span.text else "image" if span.image else _kind(span.emotion), guidance)
    settings = _settings(body, picture, spans, curve, limits)
    # A sound and a picture count by their sha256, which the body holds; a curve has none, and is small.
    described = repr([header.type, *((buffer.name, buffer.dtype, buffer.shape) for buffer in buffers)])
    fingerprint = hashlib.sha256(described.encode() + bytes(header.body))
    if curve is not None:
        fingerprint.update(curve.data)
    sound, heard = None, ""
    if header.type == "generate":
        wanted = {"pcm": "samples", "file": "file"}.get(body.sound.kind, "")
        sound = _sound(body.sound, named.pop(wanted, None), limits, folders)
    else:
        heard = body.heard
    if named:
        raise ServiceError("bad_message", f"The buffer {next(iter(named))[:40]!r} does not belong to this request.")
    nbytes = sum(memoryview(buffer.data).nbytes for buffer in buffers)
    return JobRequest(header.type, settings, picture, fingerprint.digest(), nbytes, sound, heard, pictures)


def _kind(emotion: object) -> str:
    return AUTO if is_auto(emotion) else "label"


def _check_guidance(kind: str, valid: Sequence[str]) -> None:
    if kind not in valid:
        lacking = _LACKING.get(kind)
        what, hint = lacking or (f"There is no guidance of kind {kind[:40]!r}", "")
        raise ServiceError("unsupported", f"{what}; valid here are {', '.join(valid)}.", hint)


def _picture(fields: GuidanceFields, data: Buffer | None, limits: ServiceLimits) -> ReceivedPicture:
    name = fields.name or "The picture"
    if len(fields.name.encode()) > limits.max_text:
        raise LimitError(f"The name of the picture is longer than {limits.max_text} bytes.", "Shorten it.")
    if data is None or data.dtype != "uint8" or len(data.shape) != 1:
        raise ServiceError("bad_message", "Guidance of kind image needs the buffer image, uint8 of shape (n,).")
    if not _SHA256.fullmatch(fields.sha256):
        raise ServiceError("bad_message", "The picture's sha256 is not 64 hexadecimal digits in lower case.")
    size = data.shape[0]
    if size == 0:
        raise GuidanceError(f"{name} is empty.", "Give a PNG, JPEG or WEBP file.")
    if size > limits.max_image_bytes:
        raise LimitError(f"{name} has {size} bytes; the limit is {limits.max_image_bytes}.", "Make it smaller.")
    return ReceivedPicture(fields.name, data, fields.sha256)


def _timeline(
    timeline: Sequence[Any] | None, images: Buffer | None, limits: ServiceLimits
) -> tuple[tuple[Span, ...] | None, tuple[ReceivedPicture | None, ...]]:
    """The checked spans of a timeline and their pictures, which lie one after the other in the buffer `images`."""
    if timeline is None:
        return None, ()
    data = memoryview(b"") if images is None else memoryview(images.data).cast("B")
    filled, pictures, at = [], [], 0
    for number, span in enumerate(timeline, start=1):
        picture = None
        if isinstance(span, dict) and span.get("image"):
            where = f"The timeline, span {number}"
            with within(where):
                fields = msgspec.convert(span["image"], SpanPicture)
                size = max(fields.bytes, 0)
                part = Buffer("image", "uint8", (size,), data[at : at + size])
                picture = _picture(GuidanceFields(name=fields.name, sha256=fields.sha256), part, limits)
                if at + size > len(data):
                    raise ServiceError("bad_message", "The buffer images is shorter than the pictures.")
            at += size
            span = {**span, "image": bytes(picture.data.data), "image_name": fields.name}
        filled.append(span)
        pictures.append(picture)
    if at != len(data) or (images is not None and (images.dtype != "uint8" or len(images.shape) != 1)):
        raise ServiceError("bad_message", "The buffer images must be the uint8 of the timeline's pictures, no more.")
    return spans_of(filled), tuple(pictures)


def _settings(
    body: Any,
    picture: ReceivedPicture | None,
    spans: Sequence[Span] | None,
    curve: Buffer | None,
    limits: ServiceLimits,
) -> Settings:
    guidance: GuidanceFields = body.guidance
    kind = guidance.kind
    named, mixed = _emotion(guidance.emotion), None if guidance.labels is None else _emotion(guidance.labels)
    if mixed is not None and kind not in ("text", "image"):
        raise ServiceError("bad_message", f"Guidance of kind {kind} takes no labels beside it.")
    emotion = {"label": named, AUTO: AUTO}.get(kind, mixed)
    description = guidance.text if kind == "text" else ""
    texts = {
        "transcript": body.transcript or "",
        "emotion": "".join(emotion or ""),  # of a map, its labels
        "text": description,
        "language": body.language,
    }
    for what, text in texts.items():
        if len(text.encode()) > limits.max_text:
            raise LimitError(f"The {what} has {len(text)} characters; the limit is {limits.max_text} bytes.", "Cut it.")
    return checked(
        Settings(
            emotion=emotion_weights(emotion) if kind == "label" and emotion is not None else emotion,
            text=check_text(description) if kind == "text" else "",
            image=picture.data.data if picture else b"",
            image_name=picture.name if picture else "",
            curve=None if curve is None else _curve(curve, limits),
            **{**{name: getattr(body, name) for name in _NAMED}, "timeline": spans},
        )
    )


def _emotion(value: Any) -> str | dict[str, float]:
    try:
        return msgspec.convert(value, str | dict[str, float])
    except msgspec.ValidationError:
        raise ServiceError("bad_message", "The emotion must be a text or a map from label to weight.") from None


def _curve(curve: Buffer, limits: ServiceLimits) -> NDArray[np.float32]:
    if curve.dtype != "float32" or curve.shape[1:] not in ((), (2,)):
        raise ServiceError("bad_message", "The buffer intensity must be float32 of shape (T,) or (N, 2).")
    if curve.shape[0] > limits.audio.max_seconds * FPS:
        raise LimitError(
            f"The intensity curve has {curve.shape[0]} values; the limit is {limits.audio.max_seconds * FPS:g}.",
            "Give one value for each 60 fps frame of the whole sound.",
        )
    return np.frombuffer(curve.data, "<f4").reshape(curve.shape)


def _sound(
    fields: SoundFields, data: Buffer | None, limits: ServiceLimits, folders: Sequence[Path] | None
) -> ReceivedSound:
    name = fields.name or Path(fields.path).name or "The sound"
    if len(name.encode()) > limits.max_text:
        raise LimitError(f"The name of the sound is longer than {limits.max_text} bytes.", "Shorten it.")
    if fields.kind not in SOUNDS or (fields.kind == "path" and folders is None):
        valid = SOUNDS if folders is not None else SOUNDS[:-1]
        raise ServiceError("unsupported", f"No sounds of kind {fields.kind[:40]!r}; valid are {', '.join(valid)}.")
    if fields.kind == "path":
        return ReceivedSound("path", name, fields.channel, path=reachable(fields.path, folders or ()))
    if data is None:
        wanted = "samples" if fields.kind == "pcm" else "file"
        raise ServiceError("bad_message", f"A sound of kind {fields.kind} needs the buffer {wanted}.")
    if not _SHA256.fullmatch(fields.sha256):
        raise ServiceError("bad_message", "The sound's sha256 is not 64 hexadecimal digits in lower case.")
    with about(name):
        _check_size(name, fields, data, limits)
    return ReceivedSound(fields.kind, name, fields.channel, data, fields.rate, fields.sha256)


def _check_size(name: str, fields: SoundFields, data: Buffer, limits: ServiceLimits) -> None:
    size = memoryview(data.data).nbytes
    if size == 0:
        raise AudioError(f"{name} holds no samples.", "Give a sound with a voice in it.")
    if size > limits.audio.max_bytes:
        raise LimitError(
            f"{name} has {size} bytes; the limit is {limits.audio.max_bytes}.", "Split it into shorter files."
        )
    if fields.kind == "pcm":
        if data.dtype == "uint8":
            raise ServiceError("bad_message", "The buffer samples must be int16, int32 or float32.")
        frames, channels = data.shape[0], data.shape[1] if len(data.shape) == 2 else 1
        seconds = frames / fields.rate if fields.rate > 0 else None
        limits.audio.check(name, seconds=seconds, channels=channels, rate=fields.rate)
    elif data.dtype != "uint8" or len(data.shape) != 1:
        raise ServiceError("bad_message", "The buffer file must be uint8 of shape (n,).")
