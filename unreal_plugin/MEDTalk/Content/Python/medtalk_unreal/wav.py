"""WAV files as bytes: one channel of a stereo sound."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_MONO_MASK = 4  # the speaker in front, of an extensible format


def one_channel(data: bytes, number: int) -> bytes:
    """A WAV file of one channel of that one, whatever its samples are: whole numbers or floats of any width.

    number: from 0. Raises ValueError for bytes that are no WAV file with that channel.
    """
    chunks = dict(_chunks(data))
    try:
        form, sound = bytearray(chunks[b"fmt "]), chunks[b"data"]
        kind, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", form)
    except (KeyError, struct.error):
        raise ValueError("no WAV file") from None
    width = block // channels if channels else 0
    if not 0 <= number < channels or not width or block != width * channels:
        raise ValueError(f"a WAV file of {channels} channels has none with the number {number}")
    frames = len(sound) // block
    single = bytearray(frames * width)
    for byte in range(width):
        single[byte::width] = sound[number * width + byte : frames * block : block]
    struct.pack_into("<HHIIHH", form, 0, kind, 1, rate, rate * width, width, bits)
    if len(form) >= 24:
        struct.pack_into("<I", form, 20, _MONO_MASK)
    body = b"".join(_chunk(name, bytes(content)) for name, content in ((b"fmt ", form), (b"data", single)))
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Name and content of each part; the last one may be cut off."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return
    at, view = 12, memoryview(data)
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        yield name, view[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
