"""Requests as messages, as a client writes them; `messages` has them as frames, written by hand."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np
import soundfile

from medtalk.rates import RATE
from medtalk_wire.protocol import Buffer, Message, new_id


def pcm(samples: np.ndarray, rate: int = RATE, **more: Any) -> tuple[dict[str, Any], list[Buffer]]:
    """The sound field and the buffers of raw samples."""
    data = samples.tobytes()
    sound = {"kind": "pcm", "rate": rate, "sha256": hashlib.sha256(data).hexdigest(), **more}
    return sound, [Buffer("samples", str(samples.dtype), samples.shape, data)]


def generate(samples: np.ndarray, id: str | None = None, **settings: Any) -> Message:
    """A request to animate raw samples."""
    sound, buffers = pcm(samples)
    return Message("generate", {"sound": sound, **settings}, id or new_id(), buffers=buffers)


def wav(samples: np.ndarray, rate: int = RATE) -> bytes:
    """A WAV file of 32-bit floats."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="FLOAT")
    return file.getvalue()


def file_request(data: bytes, **settings: Any) -> Message:
    """A request to animate the file of these bytes."""
    sound = {"kind": "file", "sha256": hashlib.sha256(data).hexdigest()}
    return Message("generate", {"sound": sound, **settings}, buffers=[Buffer("file", "uint8", (len(data),), data)])


def path_request(path: object) -> Message:
    """A request to animate the file there, on the sidecar's machine."""
    return Message("generate", {"sound": {"kind": "path", "path": str(path)}})
