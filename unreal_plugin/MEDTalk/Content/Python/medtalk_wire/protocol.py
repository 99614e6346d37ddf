"""Messages between a client and the sidecar: a msgpack header, then raw buffers. `docs/protocol.md` is the document.

A message is a list of frames. The first is a msgpack map `{protocol, id, parent, type, body, buffers}`; `buffers` gives
name, dtype, shape and byte order of each frame that follows. Nothing here knows about sockets.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgpack

from medtalk_wire.errors import ProtocolError

PROTOCOL = "1.6"
"""Version of the protocol, MAJOR.MINOR: a new minor only adds, another major is refused."""
MAJOR = int(PROTOCOL.split(".")[0])

JOBS = ("generate", "decode")
STREAMS = ("stream_open", "stream_audio", "stream_guide", "stream_close")
REQUESTS = ("hello", "ping", *JOBS, *STREAMS, "cancel", "shutdown")
FINAL = ("result", "error")
"""The last message of a job is one of these."""

ERROR_CODES = (
    # of the protocol
    "bad_message", "version", "unknown_type", "unsupported", "channels", "checksum", "path", "id_reused", "queue_full",
    "not_heard", "no_stream", "cancelled", "stopping", "internal",
    # of the library, as in medtalk.errors
    "audio", "limit", "rig", "bundle", "backbone", "guidance", "setting", "missing_extra",
)  # fmt: skip

MAX_HEADER_BYTES = 1 << 20
MAX_BUFFERS = 4
MAX_ID = 64

ITEM_BYTES = {"uint8": 1, "int16": 2, "int32": 4, "float32": 4}
"""Bytes of one value of each dtype that a buffer may have."""
FORMATS = {"uint8": "B", "int16": "h", "int32": "i", "float32": "f"}
"""The same dtypes as `memoryview.cast` and `struct` call them."""

assert set(ITEM_BYTES) == set(FORMATS)


@dataclass(frozen=True)
class Buffer:
    """An array on the wire: little-endian, C order.

    `data` is anything that has the buffer protocol, of `prod(shape) * ITEM_BYTES[dtype]` bytes.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    data: Any

    def view(self) -> memoryview:
        """The values as a memoryview of the buffer's shape, without a copy: `view()[t, c]`, `.tolist()`."""
        return memoryview(self.data).cast("B").cast(FORMATS[self.dtype], self.shape)  # pyright: ignore


@dataclass(frozen=True)
class Message:
    """One message; `parent` is the id of the request that it answers, "" for a request."""

    type: str
    body: Mapping[str, Any]
    id: str = field(default_factory=lambda: new_id())
    parent: str = ""
    buffers: Sequence[Buffer] = ()
    protocol: str = PROTOCOL

    def buffer(self, name: str) -> Buffer | None:
        """The buffer of that name, or None."""
        return next((buffer for buffer in self.buffers if buffer.name == name), None)


def new_id() -> str:
    """An id that nobody else has: 32 hexadecimal digits."""
    return secrets.token_hex(16)


def pack(message: Message) -> list[Any]:
    """The frames of a message: a msgpack header, then the buffers' data as they are."""
    header = {
        "protocol": message.protocol,
        "id": message.id,
        "parent": message.parent,
        "type": message.type,
        "body": message.body,
        "buffers": [
            {"name": buffer.name, "dtype": buffer.dtype, "shape": list(buffer.shape), "byte_order": "little"}
            for buffer in message.buffers
        ],
    }
    return [msgpack.packb(header, use_bin_type=True), *(buffer.data for buffer in message.buffers)]


def unpack(frames: Sequence[Any]) -> Message:
    """The message in `frames`; `ProtocolError` for anything that is not one, and for another major version."""
    if not frames or len(frames[0]) > MAX_HEADER_BYTES:
        raise ProtocolError("A message without a header, or with one that is too long.")
    try:
        header = msgpack.unpackb(frames[0], raw=False, strict_map_key=True)
    except Exception as error:  # msgpack raises many kinds for bytes that are not msgpack
        raise ProtocolError(f"The header is not msgpack ({type(error).__name__}).") from error
    if not isinstance(header, dict):
        raise ProtocolError(f"The header is a {type(header).__name__}, not a map.")
    protocol = header.get("protocol")
    check_version(protocol)
    kinds = {"id": str, "type": str, "body": dict}
    for name, kind in kinds.items():
        if not isinstance(header.get(name), kind):
            raise ProtocolError(f"The header's {name} is not a {kind.__name__}.")
    parent = header.get("parent") or ""
    if not isinstance(parent, str):
        raise ProtocolError("The header's parent is not a str.")
    buffers = check_buffers(header.get("buffers") or [], frames[1:])
    return Message(header["type"], header["body"], header["id"], parent, buffers, str(protocol))


def check_version(protocol: Any) -> None:
    """`ProtocolError` unless `protocol` is "MAJOR.MINOR" with our major."""
    major, dot, minor = protocol.partition(".") if isinstance(protocol, str) else ("", "", "")
    if not (dot and major.isdecimal() and minor.isdecimal()):
        shown = repr(protocol[:20]) if isinstance(protocol, str) else f"of type {type(protocol).__name__}"
        raise ProtocolError(f"The protocol version {shown} is invalid; ours is {PROTOCOL}.")
    if int(major[:9]) != MAJOR:
        raise ProtocolError(
            f"The other side speaks protocol {protocol[:20]}; this one speaks {PROTOCOL}.",
            "Install the same version of MEDTalk on both sides.",
        )


def check_buffers(described: Any, frames: Sequence[Any]) -> tuple[Buffer, ...]:
    """The buffers that the header describes, checked against the frames that came, without a copy of the data."""
    if not isinstance(described, list) or len(described) != len(frames) or len(frames) > MAX_BUFFERS:
        raise ProtocolError(
            f"{len(frames)} buffers arrived, not as many as the header lists, or more than {MAX_BUFFERS}."
        )
    buffers = []
    for entry, data in zip(described, frames, strict=True):
        entry = entry if isinstance(entry, dict) else {}
        name, dtype, shape = entry.get("name"), entry.get("dtype"), entry.get("shape")
        # A tuple is asked, which takes what cannot be hashed.
        if not isinstance(name, str) or dtype not in tuple(ITEM_BYTES) or entry.get("byte_order") != "little":
            raise ProtocolError(
                f"A buffer is described wrongly; it needs a name, a dtype of {', '.join(ITEM_BYTES)}, a shape and the "
                "byte order little."
            )
        if (
            not isinstance(shape, list)
            or not 1 <= len(shape) <= 2
            or not all(type(size) is int and 0 <= size < 1 << 40 for size in shape)
            or math.prod(shape) * ITEM_BYTES[dtype] != memoryview(data).nbytes
        ):
            raise ProtocolError(f"The buffer {name[:40]!r} does not have the size that its shape and dtype give.")
        buffers.append(Buffer(name, dtype, tuple(shape), data))
    if len({buffer.name for buffer in buffers}) != len(buffers):
        raise ProtocolError("Two buffers have one name.")
    return tuple(buffers)
