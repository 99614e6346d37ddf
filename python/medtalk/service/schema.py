"""Requests of clients, typed: frames in, checked requests out (`docs/protocol.md`, Messages).

What is wrong with the request itself is refused here, before it waits in the queue.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from medtalk.errors import AudioError, LimitError, MedtalkError, ServiceError, about
from medtalk.limits import ServiceLimits
from medtalk.service.folders import reachable
from medtalk.service.settings import FIELDS, GUIDANCE, SHA256, Asked, read_settings
from medtalk.service.stream_schema import STREAM_BODIES, read_stream
from medtalk_wire.errors import ProtocolError
from medtalk_wire.protocol import (
    JOBS,
    MAX_HEADER_BYTES,
    MAX_ID,
    REQUESTS,
    STREAMS,
    Buffer,
    check_buffers,
    check_version,
)
from medtalk_wire.settings import Settings

_ID = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_ID}}}")
SOUNDS = ("pcm", "file", "path")


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


Generate = msgspec.defstruct("Generate", [("sound", SoundFields), *FIELDS])
Decode = msgspec.defstruct("Decode", [("heard", str), *FIELDS])
_BODIES = {
    "hello": Hello, "ping": Empty, "cancel": Cancel, "shutdown": Empty, "generate": Generate, "decode": Decode,
    **STREAM_BODIES,
}  # fmt: skip
assert set(_BODIES) == set(REQUESTS)
_header = msgspec.msgpack.Decoder(Header)
_bodies = {name: msgspec.msgpack.Decoder(kind) for name, kind in _BODIES.items()}


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
    """A `generate` (with `sound`) or `decode` (with `heard`). Requests are the same if their `fingerprint` is."""

    type: str
    asked: Asked
    fingerprint: bytes
    nbytes: int
    sound: ReceivedSound | None = None
    heard: str = ""

    @property
    def settings(self) -> Settings:
        """The checked settings."""
        return self.asked.settings


@dataclass(frozen=True)
class Request:
    """A request of any type; `body` is a struct of this module or of `medtalk.service.stream_schema`, or a
    `JobRequest`."""

    id: str
    type: str
    body: Any


class BadRequest(Exception):
    """A request that is refused: `error` says why, `parent` is its id and `stream` the stream it names, if they could
    be read."""

    def __init__(self, error: MedtalkError, parent: str = "", stream: str = "") -> None:
        super().__init__(str(error))
        self.error = error
        self.parent = parent
        self.stream = stream


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
    stream = ""
    try:
        if header.type not in _bodies:
            raise ServiceError("unknown_type", f"Unknown type {header.type[:40]!r}; valid are {', '.join(REQUESTS)}.")
        buffers = check_buffers(header.buffers, frames[1:])
        body = _bodies[header.type].decode(header.body)
        stream = getattr(body, "stream", "")[:MAX_ID]
        if header.type in JOBS:
            body = _job(header, body, buffers, limits, folders, guidance)
        elif header.type in STREAMS:
            body = read_stream(header.type, body, bytes(header.body), buffers, limits, guidance)
        elif buffers:
            raise ServiceError("bad_message", f"{header.type} does not accept buffers.")
    except ProtocolError as error:
        raise BadRequest(ServiceError("bad_message", error.message, error.hint), header.id, stream) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        problem = ServiceError("bad_message", f"The body of {header.type} is wrong: {error}.", "See docs/protocol.md.")
        raise BadRequest(problem, header.id) from None
    except MedtalkError as error:
        raise BadRequest(error, header.id, stream) from None
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
    curve = named.get("intensity")
    asked = read_settings(body, named, limits, guidance)
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
    return JobRequest(header.type, asked, fingerprint.digest(), nbytes, sound, heard)


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
    if not SHA256.fullmatch(fields.sha256):
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
