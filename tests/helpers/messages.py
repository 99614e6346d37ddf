"""Requests as frames, written by hand rather than by a client, and what must hold for the refusal of a bad one."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest

from medtalk.errors import MedtalkError
from medtalk.limits import ServiceLimits
from medtalk.service.schema import BadRequest, Request, read_request
from medtalk_wire.protocol import ERROR_CODES, MAX_HEADER_BYTES, Message, pack

LIMITS = ServiceLimits()
SAMPLES = np.arange(3200, dtype="<i2").tobytes()
"""0.2 s at 16 kHz."""
CURVE = np.linspace(0.0, 2.0, 12, dtype="<f4").tobytes()
SETTINGS = {
    "guidance": {"kind": "label", "emotion": {"happy": 0.7, "sad": 0.3}},
    "transcript": "Good day.",
    "language": "en",
    "intensity": 1.5,
    "span": [0.1, 0.2],
    "fps": 30.0,
    "region": "mouth",
    "finishing": {"smooth": False, "blink": False, "gaze": False, "limits": False, "seed": 7},
}
"""Every setting that a body can hold, none at its default."""


def described(name: str, dtype: str, *shape: int) -> dict[str, Any]:
    """A buffer as the header tells it."""
    return {"name": name, "dtype": dtype, "shape": list(shape), "byte_order": "little"}


def pcm(**fields: Any) -> dict[str, Any]:
    """The sound of `SAMPLES`."""
    return {"kind": "pcm", "rate": 16000, "sha256": hashlib.sha256(SAMPLES).hexdigest(), **fields}


SAMPLES_BUFFER = (described("samples", "int16", 3200), SAMPLES)
CURVE_BUFFER = (described("intensity", "float32", 12), CURVE)
FILE_BUFFER = (described("file", "uint8", 4), b"fLaC")
PICTURE = {"kind": "image", "sha256": "1" * 64}
PICTURE_BUFFER = (described("image", "uint8", 8), b"\x89PNG\r\n\x1a\n")


def header(kind: str, body: Any = None, buffers: Sequence[Any] = (), **fields: Any) -> dict[str, Any]:
    """The header of a request."""
    head = {"protocol": "1.0", "id": "a-1", "parent": "", "type": kind, "body": {} if body is None else body}
    return {**head, "buffers": list(buffers), **fields}


def request(kind: str, body: Any = None, *buffers: tuple[dict[str, Any], Any], **fields: Any) -> list[Any]:
    """The frames of a request; each of `buffers` is (as the header tells it, its bytes)."""
    head = header(kind, body, [description for description, _ in buffers], **fields)
    return [msgpack.packb(head), *(data for _, data in buffers)]


def generate(*buffers: tuple[dict[str, Any], Any], **body: Any) -> list[Any]:
    """The frames of a `generate` of `SAMPLES`, or of the `sound` and `buffers` that are given."""
    return request("generate", {"sound": pcm(), **body}, *(buffers or (SAMPLES_BUFFER,)))


LIVE = {name: SETTINGS[name] for name in ("guidance", "intensity", "region", "finishing")}
"""Settings of a stream."""
VALID = {
    "hello": request("hello", {"client": "test", "channel_hash": "0" * 64}),
    "ping": request("ping"),
    "cancel": request("cancel", {"job": "a-0"}),
    "shutdown": request("shutdown"),
    "generate pcm": generate(SAMPLES_BUFFER, CURVE_BUFFER, sound=pcm(name="line 1", channel=0), **SETTINGS),
    "generate file": generate(
        FILE_BUFFER, sound={"kind": "file", "sha256": "0" * 64}, guidance={"emotion": "happy:0.7,sad:0.3"}
    ),
    "generate path": request("generate", {"sound": {"kind": "path", "path": str(Path(__file__).resolve())}}),
    "decode": request("decode", {"heard": "0" * 64, **SETTINGS}, CURVE_BUFFER),
    "stream_open": request("stream_open", {"rate": 16000, "live": True, "look_ahead": 0.1, "step": 0.05, **LIVE}),
    "stream_audio": request("stream_audio", {"stream": "a-0", "at": 100, "read": 6}, SAMPLES_BUFFER),
    "stream_audio of nothing": request("stream_audio", {"stream": "a-0", "at": 3300}),
    "stream_guide": request(
        "stream_guide",
        {"stream": "a-0", "at": 16000, "guidance": PICTURE, "intensity": 0.5, "within": 0.1},
        PICTURE_BUFFER,
    ),
    "stream_close": request("stream_close", {"stream": "a-0", "at": 3300}),
    "decode by a picture": request("decode", {"heard": "0" * 64, "guidance": PICTURE}, PICTURE_BUFFER),
}
"""The frames of a good request of every type and kind of sound."""


def read(frames: Sequence[Any], limits: ServiceLimits = LIMITS, folders: Sequence[Path] | None = ()) -> Request:
    """The request in `frames`; a `BadRequest` is checked before it goes on."""
    try:
        return read_request([memoryview(frame) for frame in frames], limits, folders)
    except BadRequest as bad:
        check_refusal(bad)
        raise


def refused(frames: list[Any], limits: ServiceLimits = LIMITS, folders: Sequence[Path] | None = ()) -> MedtalkError:
    """Why `frames` are refused."""
    with pytest.raises(BadRequest) as caught:
        read(frames, limits, folders)
    return caught.value.error


def check_refusal(bad: BadRequest) -> None:
    """A refusal has a code of the protocol, one line that is not too long, and can be sent."""
    error = bad.error
    assert isinstance(error, MedtalkError) and error.code in ERROR_CODES, error
    assert error.message and len(str(error).splitlines()) == 1, error
    assert len(str(error)) <= LIMITS.max_text + 1000
    assert not bad.parent or re.fullmatch("[A-Za-z0-9_-]{1,64}", bad.parent)
    body = {"code": error.code, "message": error.message, "hint": error.hint}
    assert json.dumps(body) and len(pack(Message("error", body, parent=bad.parent))[0]) < MAX_HEADER_BYTES
