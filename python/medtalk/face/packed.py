"""Takes and sounds as a page reads them: small blobs of one kind, which JavaScript unpacks without a library.

A blob is gzip of: uint32 (little-endian) n, n bytes of a JSON header, padded with blanks so that what follows is
aligned to 4 bytes, then arrays, each aligned so. The header's "arrays" says of each its dtype, its shape and its offset
behind the header. The file of the head has the same form.
"""

from __future__ import annotations

import gzip
import io
import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from medtalk.audio import Speech, read_bytes, read_speech
from medtalk.model.intensity import intensity as intensity_of
from medtalk.rates import RATE
from medtalk.rig import N_CHANNELS, RigSequence
from medtalk.rig.sequence import HEAD

TOLERANCE = 0.002
"""How far a packed value may lie from the rig's: half a step."""

_STEPS = 255  # that a byte can count
_AS_IT_IS = 2 << 20  # bytes; a longer sound that is not compressed, or not much, is encoded
_BLOCK = 1 << 14  # frames written at a time: the Vorbis encoder takes stack for all that it is given at once
_HIGHEST_RATE = 96_000  # in Hz, that the encoder takes
_QUALITY = 0.5  # of the encoder, 0 (best) to 1
_COLUMNS = 200  # of a waveform, a second
_MOST_COLUMNS = 100_000


class Mark(NamedTuple):
    """Something to look at, from `start` to `end` in seconds: `kind` is "missing" or "false" contact, or another."""

    start: float
    end: float
    kind: str
    text: str


class Fact(NamedTuple):
    """A line of the summary of a take; `level` is "good", "look" (somebody should look at it) or ""."""

    label: str
    text: str
    level: str = ""


def pack(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray], level: int = 9) -> bytes:
    """A blob of a header and arrays, compressed so hard (0 to 9); equal ones give equal bytes."""
    places, body, at = {}, [], 0
    for name, array in arrays.items():
        data = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
        places[name] = {"dtype": array.dtype.newbyteorder("<").str, "shape": array.shape, "offset": at}
        body.append(data + bytes(-len(data) % 4))
        at += len(body[-1])
    text = json.dumps({**header, "arrays": places}, allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    return gzip.compress(struct.pack("<I", len(text)) + text + b"".join(body), level, mtime=0)


def pack_take(
    rig: RigSequence,
    name: str,
    *,
    marks: Iterable[Mark] = (),
    summary: Iterable[Fact] = (),
    intensity: np.ndarray | None = None,
    level: int = 9,
) -> bytes:
    """A rig and what is known of it as a blob: every value within `TOLERANCE`, channels that stay at 0 left out.

    The turn of the head is three channels more, in degrees.
    intensity: (T,) how strongly the emotion shows; by default it is read off the rig (eq. 8).
    level: 0 to 9, how hard to compress; 1 is ten times as quick as 9, and a tenth larger.
    """
    channels = rig.values if rig.head is None else np.concatenate([rig.values, rig.head], axis=1)
    moving = np.flatnonzero(np.any(channels != 0.0, axis=0))
    values = channels[:, moving].T.astype(np.float64)  # (C, T)
    low = values.min(axis=1, initial=0.0)
    step = np.minimum((values.max(axis=1, initial=0.0) - low) / _STEPS, 1.8 * TOLERANCE)
    step[step == 0.0] = 1.0
    counts = np.round((values - low[:, None]) / step[:, None])
    narrow = counts.max(axis=1, initial=0) <= _STEPS
    strength = np.asarray(intensity_of(rig.values) if intensity is None else intensity, np.float32)
    header = {
        "name": name,
        "fps": rig.fps,
        "frames": len(rig),
        "meta": dict(rig.meta),
        "words": rig.words,
        "phones": rig.phones,
        "marks": list(marks),
        "summary": list(summary),
        "strength": round(float(strength.max()) / _STEPS, 9) or 1.0,
    }
    arrays = {
        "channels": np.r_[moving[narrow], moving[~narrow]].astype(np.uint8),
        "low": np.r_[low[narrow], low[~narrow]].astype(np.float32),
        "step": np.r_[step[narrow], step[~narrow]].astype(np.float32),
        # differences along time, modulo what the type holds: they deflate to a half
        "bytes": np.diff(counts[narrow].astype(np.uint8), axis=1, prepend=np.uint8(0)),
        "shorts": np.diff(counts[~narrow].astype(np.uint16), axis=1, prepend=np.uint16(0)),
        "intensity": np.clip(np.round(strength / header["strength"]), 0, _STEPS).astype(np.uint8),
    }
    assert N_CHANNELS + len(HEAD) <= 256, "their numbers are bytes"
    return pack(header, arrays, level)


def pack_sound(source: str | Path | bytes, name: str = "The sound") -> bytes:
    """A sound as a blob: a file that browsers play, its length, and its waveform.

    A WAV or FLAC of more than 2 MB and what browsers do not play are encoded as OGG (Vorbis); the rest stays as it is.
    `name` is what bytes are called. Raises AudioError for what `medtalk.audio.read_speech` refuses.
    """
    data = source if isinstance(source, bytes) else read_bytes(Path(source))
    speech = read_speech(source, name=name)
    kind = _played_as(data)
    if not kind:
        kind, data = "audio/ogg", _vorbis(data, speech)
    columns = max(1, min(round(speech.seconds * _COLUMNS), _MOST_COLUMNS, len(speech.samples)))
    edges = np.linspace(0, len(speech.samples), columns + 1).astype(int)[:-1]
    full = 127.0 / max(float(np.abs(speech.samples).max(initial=0.0)), 1e-3)
    header = {"name": speech.name if not isinstance(source, bytes) else name, "type": kind, "seconds": speech.seconds}
    arrays = {
        "file": np.frombuffer(data, np.uint8),
        "low": np.round(np.minimum.reduceat(speech.samples, edges) * full).astype(np.int8),
        "high": np.round(np.maximum.reduceat(speech.samples, edges) * full).astype(np.int8),
    }
    return pack(header, arrays)


def _played_as(data: bytes) -> str:
    """The type of a sound that every browser plays and that is small as it is; "" for any other."""
    if data[:4] == b"OggS":
        return "audio/ogg"
    if data[:3] == b"ID3" or (data[0] == 0xFF and data[1] & 0xE6 == 0xE2):
        return "audio/mpeg"
    if len(data) > _AS_IT_IS:
        return ""
    if data[:4] == b"fLaC":
        return "audio/flac"
    # a header that was written before the length was known says another one, and browsers believe it
    if data[:4] == b"RIFF" and int.from_bytes(data[4:8], "little") + 8 == len(data):
        import soundfile

        about = soundfile.info(io.BytesIO(data))
        return "audio/wav" if about.subtype in ("PCM_16", "PCM_24", "FLOAT") and about.channels <= 2 else ""
    return ""


def _vorbis(data: bytes, speech: Speech) -> bytes:
    """The sound as OGG Vorbis: at its own rate, in mono or stereo, where soundfile reads it, else as the model hears
    it."""
    import soundfile

    target = io.BytesIO()
    rate, channels, blocks = RATE, 1, iter(np.array_split(speech.samples[:, None], len(speech.samples) // _BLOCK + 1))
    try:
        file = soundfile.SoundFile(io.BytesIO(data))
    except soundfile.LibsndfileError:
        file = None
    if file is not None and file.samplerate <= _HIGHEST_RATE:
        rate, channels = file.samplerate, min(file.channels, 2)
        blocks = _read_blocks(file)
    with soundfile.SoundFile(
        target, "w", rate, channels, "VORBIS", format="OGG", compression_level=_QUALITY
    ) as encoded:
        for block in blocks:
            mixed = block if block.shape[1] == channels else np.repeat(block.mean(axis=1, keepdims=True), channels, 1)
            encoded.write(np.clip(mixed, -1.0, 1.0))
    return target.getvalue()


def _read_blocks(file: Any) -> Iterator[np.ndarray]:
    """(n, channels) float32 blocks of an open sound file."""
    with file:
        while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
            yield block
