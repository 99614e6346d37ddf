"""Sound in: WAV (PCM, float), FLAC and OGG of any rate, to 16 kHz mono float32.

Whatever a file claims is checked before memory is taken for it, and a file that is cut is refused: an animation of half
a line that looks whole is worse than an error.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import os
import stat
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from medtalk.errors import AudioError, LimitError
from medtalk.watch import checkpoint

if TYPE_CHECKING:
    import soundfile

RATE = 16000
"""Samples a second of every `Speech`."""
FPS = 60
"""Frames a second of every rig that the model makes."""
VALID = "Valid are WAV (PCM or float), FLAC and OGG."

_BLOCK = 1 << 17  # frames decoded at a time
_UNKNOWN = 1 << 48  # frames; the library gives a number beyond it for a FLAC that was made in a pipe
_PEAK = 100.0  # times full scale; a float file beyond it holds integers that nobody scaled
_SUBTYPES = {
    "WAV": {"PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"},
    "FLAC": {"PCM_S8", "PCM_16", "PCM_24"},
    "OGG": {"VORBIS", "OPUS", "FLAC"},
}
_LIBRARY_NAME = {"WAVEX": "WAV", "RF64": "WAV"}  # soundfile's names of formats that are WAV to a user
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_WAV_TAGS = {
    2: "MS ADPCM", 6: "A-law", 7: "mu-law", 0x11: "IMA ADPCM", 0x31: "GSM 6.10", 0x40: "G.721 ADPCM",
    0x50: "MPEG", 0x55: "MP3", 0x64: "G.726 ADPCM", 0xFF: "AAC", 0x161: "WMA",
}  # fmt: skip
# Programs that write a WAV into a pipe cannot go back to fill in its length, and leave one of these (ffmpeg and sox the
# first, espeak-ng the second and above).
_STREAMED = (0xFFFFFFFF, 0x7FFFF000)


def frame_count(samples: int) -> int:
    """T, the number of 60 fps rig frames of `samples` samples at 16 kHz: int(n * 60 / 16000), in exact integers."""
    return samples * FPS // RATE


@dataclass(frozen=True)
class AudioLimits:
    """What a sound may be; beyond it `LimitError`. Seconds, channels, samples a second, bytes of the file."""

    max_seconds: float = 3600.0
    min_seconds: float = 0.1
    max_channels: int = 8
    min_rate: int = 4000
    max_rate: int = 384_000
    max_bytes: int = 2 << 30

    def check(self, name: str, *, seconds: float | None = None, channels: int = 1, rate: int = RATE) -> None:
        """Raise `LimitError` for a sound called `name` that is outside; `seconds` None means not known yet."""
        if not self.min_rate <= rate <= self.max_rate:
            raise LimitError(
                f"{name} has {rate} samples a second; valid are {self.min_rate} to {self.max_rate}.",
                "Save it again at a usual rate, as 48000.",
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
                f"{name} lasts {seconds:.1f} s; the limit is {self.max_seconds:g} s.", "Split it into shorter files."
            )
        if seconds < self.min_seconds:
            raise LimitError(
                f"{name} lasts {seconds:.3f} s; at least {self.min_seconds:g} s are needed.", "Give a longer sound."
            )


@dataclass(frozen=True, eq=False)
class Speech:
    """One sound, ready for the model.

    `samples` (n,) float32, 16 kHz mono, full scale 1, read-only; `name` for messages and meta data; `source_rate` and
    `source_channels` tell what it was made from. Make one with `read_speech` or `Speech.from_array`.
    """

    samples: np.ndarray
    name: str
    source_rate: int = RATE
    source_channels: int = 1

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / RATE

    @property
    def frames(self) -> int:
        """T, the number of 60 fps rig frames."""
        return frame_count(len(self.samples))

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the 16 kHz samples (little-endian float32), as 64 hexadecimal digits."""
        return hashlib.sha256(self.samples.astype("<f4", copy=False).tobytes()).hexdigest()

    @classmethod
    def from_array(
        cls,
        samples: np.ndarray,
        rate: int,
        name: str = "array",
        channel: int | None = None,
        limits: AudioLimits = AudioLimits(),
    ) -> Speech:
        """Speech from `samples` (n,) or (n, channels), float with full scale 1 or a signed or unsigned integer type.

        `rate` is in samples a second. All channels are mixed, or only `channel` (0 is the first) is taken.
        Raises `AudioError` for what `read_speech` would refuse in a file.
        """
        data = np.asarray(samples)
        if data.ndim == 1:
            data = data[:, None]
        if data.ndim != 2 or data.dtype.kind not in "iuf":
            raise AudioError(
                f"{name} is an array of shape {np.shape(samples)} and type {data.dtype}; valid are (n,) or "
                "(n, channels) of floats or integers."
            )
        if rate != int(rate):
            raise AudioError(f"{name} has a rate of {rate}; valid are whole samples a second.")
        rate = int(rate)
        if 0 in data.shape:
            raise AudioError(f"{name} holds no samples.", "Give a sound with a voice in it.")
        frames, channels = data.shape
        limits.check(name, seconds=frames / rate if rate > 0 else None, channels=channels, rate=rate)
        _check_channel(channel, channels, name)
        blocks = (_to_float(data[at : at + _BLOCK]) for at in range(0, frames, _BLOCK))
        return cls(_mono_16k(blocks, rate, channel, name), name, rate, channels)


def read_speech(
    source: str | Path | bytes | memoryview,
    *,
    channel: int | None = None,
    limits: AudioLimits = AudioLimits(),
    name: str = "The sound",
) -> Speech:
    """Read a sound file (a path, or the bytes of one) as 16 kHz mono speech.

    All channels are mixed, or only `channel` (0 is the first) is taken. `name` is what bytes are called. Raises
    `AudioError`, one line, for anything that is not a whole WAV (PCM, float), FLAC or OGG sound of finite samples, and
    `LimitError` beyond `limits`.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _read(io.BytesIO(source), memoryview(source).nbytes, name, channel, limits)
    with _open(Path(source)) as (stream, size, shown):
        return _read(stream, size, shown, channel, limits)


def read_bytes(path: Path, limits: AudioLimits = AudioLimits()) -> bytes:
    """The bytes of a sound file as it stands, for `read_speech`; `AudioError` and `LimitError` as that raises."""
    with _open(path) as (stream, size, shown):
        _check_size(size, shown, limits)
        data = stream.read(limits.max_bytes + 1)
        _check_size(len(data), shown, limits)  # it may have grown
        return data


@contextmanager
def _open(path: Path) -> Iterator[tuple[BinaryIO, int, str]]:
    """The open file, its size in bytes and how to call it; `AudioError` for whatever is no readable file."""
    # Not str(path): a name that is not valid Unicode must still fit in a message.
    shown = os.fsencode(path).decode("utf-8", "replace")
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise AudioError(f"{shown} is a folder.", "Give a sound file.")
        if not stat.S_ISREG(status.st_mode):  # opening a device or pipe could block or never end
            raise AudioError(f"{shown} is a device or pipe, not a file.", f"Give a sound file. {VALID}")
        with open(path, "rb") as stream:
            yield stream, status.st_size, shown
    except FileNotFoundError as error:
        raise AudioError(f"{shown} does not exist.", "Check the path.") from error
    except PermissionError as error:
        raise AudioError(f"{shown} may not be read.", "Check its permissions.") from error
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = getattr(error, "strerror", None) or error
        raise AudioError(f"{shown} cannot be read: {reason}.", "Check the path.") from error


def _check_size(size: int, name: str, limits: AudioLimits) -> None:
    if size == 0:
        raise AudioError(f"{name} is empty (0 bytes).", "Record or export it again.")
    if size > limits.max_bytes:
        raise LimitError(f"{name} has {size} bytes; the limit is {limits.max_bytes}.", "Split it into shorter files.")


def _read(stream: BinaryIO, size: int, name: str, channel: int | None, limits: AudioLimits) -> Speech:
    _check_size(size, name, limits)
    kind = _sniff(stream, name)
    if kind == "WAV":
        _check_wav(stream, size, name, limits)
    elif kind == "OGG":
        _check_ogg_end(stream, size, name)
    stream.seek(0)

    import soundfile  # late, so that `import medtalk` stays quick

    try:
        with soundfile.SoundFile(stream) as file:
            return _decode(file, kind, name, channel, limits)
    except soundfile.LibsndfileError as error:
        reason = error.error_string.strip().rstrip(".")
        raise AudioError(
            f"{name} is damaged or cut: its {kind} data cannot be decoded ({reason}).", "Export it again."
        ) from error


def _decode(file: soundfile.SoundFile, kind: str, name: str, channel: int | None, limits: AudioLimits) -> Speech:
    found, subtype = _LIBRARY_NAME.get(file.format, file.format), file.subtype
    if found != kind or subtype not in _SUBTYPES[kind]:
        raise AudioError(f"{name} holds {file.subtype_info} sound in {file.format_info}. {VALID}", "Convert it first.")
    if file.frames == 0:
        raise AudioError(f"{name} holds no samples.", "Record or export it again.")
    if file.frames >= _UNKNOWN:
        raise AudioError(
            f"{name} does not tell its length, so nobody can say whether it is whole.",
            "Save it to a file rather than through a pipe.",
        )
    limits.check(name, seconds=file.frames / file.samplerate, channels=file.channels, rate=file.samplerate)
    _check_channel(channel, file.channels, name)
    samples = _mono_16k(_blocks(file, name), file.samplerate, channel, name)
    return Speech(samples, Path(name).name, file.samplerate, file.channels)


def _blocks(file: soundfile.SoundFile, name: str) -> Iterator[np.ndarray]:
    """Yield (n, channels) float32 blocks; refuse a file that ends before the frames it promised."""
    done = 0
    while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
        done += len(block)
        yield block
    if done < file.frames:
        raise _cut(name, file.frames / file.samplerate, done / file.samplerate)


def _mono_16k(blocks: Iterable[np.ndarray], rate: int, channel: int | None, name: str) -> np.ndarray:
    """Mix (n, channels) blocks and resample them as one stream, to (round(n * 16000 / rate),) read-only float32."""
    import soxr

    resampler = None if rate == RATE else soxr.ResampleStream(rate, RATE, 1, dtype="float32", quality="HQ")
    parts: list[np.ndarray] = []
    count = 0
    for block in blocks:
        checkpoint()
        if not np.isfinite(block).all():
            raise AudioError(f"{name} holds samples that are not numbers (NaN or infinite).", "Export it again.")
        if (peak := float(np.abs(block).max())) > _PEAK:
            raise AudioError(
                f"{name} has float samples up to {peak:.4g}; full scale is 1.", "Scale it to -1..1 and save again."
            )
        count += len(block)
        mono = block.mean(axis=1) if channel is None else np.ascontiguousarray(block[:, channel])
        parts.append(mono if resampler is None else resampler.resample_chunk(mono))
    if resampler is not None:
        parts.append(resampler.resample_chunk(np.zeros(0, np.float32), last=True))

    length = round(count * RATE / rate)
    samples = np.zeros(length, np.float32)  # the resampler may give a sample more or less
    at = 0
    for part in parts:
        kept = part[: length - at]
        samples[at : at + len(kept)] = kept
        at += len(kept)
    samples.flags.writeable = False
    return samples


def _to_float(block: np.ndarray) -> np.ndarray:
    if block.dtype.kind == "f":
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, and is refused as such
            return block.astype(np.float32)
    info = np.iinfo(block.dtype)
    half = (info.max + 1) // 2 if info.min == 0 else info.max + 1  # unsigned sound is centred on half its range
    return ((block.astype(np.float64) - (half if info.min == 0 else 0)) / half).astype(np.float32)


def _check_channel(channel: int | None, channels: int, name: str) -> None:
    if channel is not None and not 0 <= channel < channels:
        valid = "only channel 0" if channels == 1 else f"channels 0 to {channels - 1}"
        raise AudioError(f"{name} has no channel {channel}; it has {valid}.", "Leave it out to mix all.")


def _cut(name: str, promised: float, present: float) -> AudioError:
    return AudioError(
        f"{name} is cut: its header promises {promised:.2f} s and {present:.2f} s are there.",
        "Copy or export it again.",
    )


def _sniff(stream: BinaryIO, name: str) -> str:
    """Tell "WAV", "FLAC" or "OGG" by the first bytes, whatever the name; refuse anything else by what it is."""
    stream.seek(0)
    head = stream.read(512)
    if head[:4] in (b"RIFF", b"RF64"):
        if len(head) < 12:
            raise AudioError(f"{name} is cut: it ends within its header.", "Copy or export it again.")
        if head[8:12] == b"WAVE":
            return "WAV"
    if head[:4] == b"fLaC":
        return "FLAC"
    if head[:4] == b"OggS":
        return "OGG"
    if head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2):
        what = "MP3"
    elif head[:4] == b"FORM":
        what = "AIFF"
    elif head[:4] == b"caff":
        what = "CAF"
    elif head[:4] == b"RIFX":
        what = "big-endian WAV (RIFX)"
    elif head[4:8] == b"ftyp":
        what = "MP4 or M4A"
    elif head[:4] == b"\x1aE\xdf\xa3":
        what = "Matroska or WebM"
    elif _is_text(head):
        what = "text"
    else:
        what = "no sound format that we know"
    raise AudioError(f"{name} is {what}. {VALID}", "Convert it first." if what != "text" else "Check the path.")


def _is_text(head: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # `head` may end within a character
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\t\r\n\ufeff" for character in text)


def _check_wav(stream: BinaryIO, size: int, name: str, limits: AudioLimits) -> None:
    """Walk the chunks of a WAV: refuse compressed kinds, limits, and a data chunk longer than the bytes present.

    The decoding library reads what there is and says nothing when a WAV is cut, so this looks for itself.
    """
    bytes_a_second = 0
    long_data: int | None = None  # RF64 keeps lengths beyond 32 bits in its first chunk
    at = 12
    while at + 8 <= size:
        stream.seek(at)
        key, length = struct.unpack("<4sI", stream.read(8))
        body = stream.read(min(length, 40)) if key in (b"fmt ", b"ds64") else b""
        if key == b"ds64" and len(body) >= 16:
            long_data = struct.unpack_from("<Q", body, 8)[0]
        elif key == b"fmt " and len(body) >= 16:
            tag, channels, rate, bytes_a_second = struct.unpack_from("<HHII", body)
            if tag == _EXTENSIBLE and len(body) >= 26:
                tag = struct.unpack_from("<H", body, 24)[0]
            if tag not in (_PCM, _FLOAT):
                what = _WAV_TAGS.get(tag, f"unknown kind 0x{tag:04x}")
                raise AudioError(f"{name} is a compressed WAV ({what}). {VALID}", "Save it as 16-bit PCM WAV.")
            if channels == 0:
                raise AudioError(f"{name} is damaged: its header tells 0 channels.", "Export it again.")
            limits.check(name, channels=channels, rate=rate)
        elif key == b"data":
            if long_data is not None and length == _STREAMED[0]:
                length = long_data
            elif length == _STREAMED[0] or _STREAMED[1] <= length < _STREAMED[1] + 4096:
                return
            if length > size - at - 8:
                second = bytes_a_second or RATE * 2
                raise _cut(name, length / second, (size - at - 8) / second)
            return
        at += 8 + length + (length & 1)
    raise AudioError(f"{name} is cut: it has a WAV header and no samples.", "Copy or export it again.")


def _check_ogg_end(stream: BinaryIO, size: int, name: str) -> None:
    """Refuse an OGG whose last page is not marked as the end of its stream, or is not whole."""
    tail_size = min(size, 1 << 17)  # a page has at most 65 307 bytes
    stream.seek(size - tail_size)
    tail = stream.read(tail_size)
    at = tail.rfind(b"OggS")
    page = tail[at:] if at >= 0 else b""
    # 27 bytes of header, the 27th the number of segments, then a byte for the length of each, then the segments.
    segments = page[27 : 27 + page[26]] if len(page) >= 27 else b""
    whole = len(page) >= 27 and len(page) >= 27 + page[26] + sum(segments)
    if not whole or not page[5] & 4:  # 4: last page of the stream
        raise AudioError(f"{name} is cut: its OGG data has no end.", "Copy or export it again.")
