"""Sound in: WAV (PCM, float), FLAC and OGG of any rate, and what the extra `media` reads, to 16 kHz mono float32.

Every claim of a file is checked before memory is taken for it, and a cut file is refused: an animation of half
a line that looks whole is worse than an error.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from medtalk.errors import AudioError, LimitError, about, require
from medtalk.inputs import open_input, read_at_most
from medtalk.limits import AudioLimits
from medtalk.rates import FPS, RATE
from medtalk.sound import MEDIA, cut, to_float
from medtalk.watch import checkpoint

if TYPE_CHECKING:
    import soundfile

VALID = "Valid are WAV (PCM or float), FLAC and OGG; with the extra media MP3, M4A, AIFF and videos."
SOUND_ENDINGS = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac", ".aif", ".aiff")
"""Of the files that stand for a folder of sounds; a file that is given by its name may have any."""

_BLOCK = 1 << 17  # frames decoded at a time
_UNKNOWN = 1 << 48  # frames; the library gives a number beyond it for a FLAC that was made in a pipe
_PEAK = 100.0  # times full scale; a float file beyond it holds integers that nobody scaled
_SILENT = 5e-4  # of full scale, -66 dB; what stays below is not a voice
_CANCELLED = 0.02  # of the power that channels have in a mix where they are not alike: less is none by chance
_SUBTYPES = {
    "WAV": {"PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"},
    "FLAC": {"PCM_S8", "PCM_16", "PCM_24"},
    "OGG": {"VORBIS", "OPUS", "FLAC"},
}
_LIBRARY_NAME = {"WAVEX": "WAV", "RF64": "WAV"}  # soundfile's names of formats that are WAV to a user
_MARKS = (
    (0, (b"fLaC",), "FLAC"),
    (0, (b"OggS",), "OGG"),
    (0, (b"ID3",), "MP3"),
    (4, (b"ftyp", b"moov", b"mdat", b"wide"), "MP4 or M4A"),
    (0, (b"\x1aE\xdf\xa3",), "Matroska or WebM"),
    (0, (b"FORM",), "AIFF"),
)
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_WAV_TAGS = {
    2: "MS ADPCM", 6: "A-law", 7: "mu-law", 0x11: "IMA ADPCM", 0x31: "GSM 6.10", 0x40: "G.721 ADPCM",
    0x50: "MPEG", 0x55: "MP3", 0x64: "G.726 ADPCM", 0xFF: "AAC", 0x161: "WMA",
}  # fmt: skip
# Programs that write a WAV into a pipe cannot go back to fill in its length, and leave one of these (ffmpeg and sox the
# first, espeak-ng the second and above).
_STREAMED = (0xFFFFFFFF, 0x7FFFF000)
_OGG_FIRST, _OGG_LAST = 2, 4  # flags of the first and last page of a stream
_TURNED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))  # each byte with its bits in the opposite order


def frame_count(samples: int) -> int:
    """T, the number of 60 fps rig frames of `samples` samples at 16 kHz: int(n * 60 / 16000), in exact integers."""
    return samples * FPS // RATE


@dataclass(frozen=True, eq=False)
class Speech:
    """One sound, ready for the model.

    `samples` (n,) float32, 16 kHz mono, full scale 1, read-only; `name` for messages and meta data; `source_rate` and
    `source_channels` are those of the file; `note` is one line where it is silent, else "". Make one with
    `read_speech` or `Speech.from_array`.
    """

    samples: np.ndarray
    name: str
    source_rate: int = RATE
    source_channels: int = 1
    note: str = ""

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / RATE

    @property
    def nbytes(self) -> int:
        """Bytes of its samples."""
        return self.samples.nbytes

    @property
    def frames(self) -> int:
        """T, the number of 60 fps rig frames."""
        return frame_count(len(self.samples))

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the 16 kHz samples (little-endian float32), as 64 hexadecimal digits."""
        return hashlib.sha256(np.ascontiguousarray(self.samples, "<f4").data).hexdigest()

    def facts(self) -> dict[str, Any]:
        """What a rig's meta keeps of it: name, sha256, seconds, and rate and channels of its file."""
        return {
            "name": self.name, "sha256": self.sha256, "seconds": self.seconds, "rate": self.source_rate,
            "channels": self.source_channels,
        }  # fmt: skip

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
        require(limits, AudioLimits, "limits", "an AudioLimits")
        try:
            data = np.asarray(samples)
        except ValueError:  # rows of different lengths
            raise AudioError(f"{name} is not an array of numbers; valid are (n,) or (n, channels).") from None
        if data.ndim == 1:
            data = data[:, None]
        if data.ndim != 2 or data.dtype.kind not in "iuf":
            raise AudioError(
                f"{name} is an array of shape {np.shape(samples)} and type {data.dtype}; valid are (n,) or "
                "(n, channels) of floats or integers."
            )
        if not isinstance(rate, (int, float, np.number)) or not np.isfinite(rate) or rate != int(rate):
            raise AudioError(f"{name} has a rate of {rate}; valid are whole samples a second.")
        rate = int(rate)
        if 0 in data.shape:
            raise AudioError(f"{name} holds no samples.", "Give a sound with a voice in it.")
        frames, channels = data.shape
        limits.check(name, seconds=frames / rate if rate > 0 else None, channels=channels, rate=rate)
        _check_channel(channel, channels, name)
        blocks = (to_float(data[at : at + _BLOCK]) for at in range(0, frames, _BLOCK))
        samples, note = _mono_16k(blocks, rate, channel, name)
        return cls(samples, name, rate, channels, note)


def read_speech(
    source: str | Path | bytes | memoryview,
    *,
    channel: int | None = None,
    limits: AudioLimits = AudioLimits(),
    name: str = "The sound",
) -> Speech:
    """Read a sound file (a path, or the bytes of one) as 16 kHz mono speech.

    All channels are mixed, or only `channel` (0 is the first) is taken. `name` is what bytes are called. Raises
    `AudioError`, one line, for anything that is not a whole WAV (PCM, float), FLAC or OGG sound of finite samples, or,
    with the extra `media`, MP3, M4A, a video and the like (`MEDIA`), and `LimitError` beyond `limits`.
    """
    require(limits, AudioLimits, "limits", "an AudioLimits")
    if isinstance(source, (bytes, bytearray, memoryview)):
        with about(name):
            return _read(io.BytesIO(source), memoryview(source).nbytes, name, channel, limits)
    with open_input(source, "sound file", AudioError) as (stream, size, shown):
        return _read(stream, size, shown, channel, limits)


def read_bytes(path: Path, limits: AudioLimits = AudioLimits()) -> bytes:
    """The bytes of a sound file as it stands, for `read_speech`; `AudioError` and `LimitError` as that raises."""
    with open_input(path, "sound file", AudioError) as (stream, size, shown):
        _check_size(size, shown, limits)
        data = read_at_most(stream, size, limits.max_bytes + 1)
        _check_size(len(data), shown, limits)  # it may have grown
        return data


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
        _check_ogg(stream, size, name)
    elif kind in MEDIA:
        return _read_media(stream, kind, name, channel, limits)
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


def _read_media(stream: BinaryIO, kind: str, name: str, channel: int | None, limits: AudioLimits) -> Speech:
    try:
        from medtalk.media import open_media
    except ModuleNotFoundError:
        raise AudioError(
            f"{name} is {kind}. {VALID}", "Run pip install 'medtalk[media]', which reads it, or convert it first."
        ) from None
    stream.seek(0)
    with open_media(stream, kind, name, limits) as (rate, channels, blocks):
        _check_channel(channel, channels, name)
        samples, note = _mono_16k(blocks, rate, channel, name)
    limits.check(name, seconds=len(samples) / RATE)
    return Speech(samples, Path(name).name, rate, channels, note)


def _decode(file: soundfile.SoundFile, kind: str, name: str, channel: int | None, limits: AudioLimits) -> Speech:
    actual, subtype = _LIBRARY_NAME.get(file.format, file.format), file.subtype
    if actual != kind or subtype not in _SUBTYPES[kind]:
        raise AudioError(f"{name} holds {file.subtype_info} sound in {file.format_info}. {VALID}", "Convert it first.")
    if file.frames == 0:
        raise AudioError(f"{name} holds no samples.", "Record or export it again.")
    if file.frames >= _UNKNOWN:
        raise AudioError(
            f"{name} does not state its length, so it may be cut off.",
            "Save it to a file rather than through a pipe.",
        )
    limits.check(name, seconds=file.frames / file.samplerate, channels=file.channels, rate=file.samplerate)
    _check_channel(channel, file.channels, name)
    samples, note = _mono_16k(_blocks(file, name), file.samplerate, channel, name)
    return Speech(samples, Path(name).name, file.samplerate, file.channels, note)


def _blocks(file: soundfile.SoundFile, name: str) -> Iterator[np.ndarray]:
    """Yield (n, channels) float32 blocks; refuse a file that ends before the frames it promised."""
    done = 0
    while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
        done += len(block)
        yield block
    if done < file.frames:
        raise cut(name, file.frames / file.samplerate, done / file.samplerate)


def _mono_16k(blocks: Iterable[np.ndarray], rate: int, channel: int | None, name: str) -> tuple[np.ndarray, str]:
    """Mix (n, channels) blocks and resample them as one stream, to (round(n * 16000 / rate),) read-only float32, and
    the note of the `Speech`."""
    import soxr

    resampler = None if rate == RATE else soxr.ResampleStream(rate, RATE, 1, dtype="float32", quality="HQ")
    parts: list[np.ndarray] = []
    count, peaks, power, mixed = 0, np.zeros(1), 0.0, 0.0
    for block in blocks:
        checkpoint()
        if not np.isfinite(block).all():
            raise AudioError(f"{name} holds samples that are not numbers (NaN or infinite).", "Export it again.")
        peaks = np.maximum(peaks, np.abs(block).max(axis=0))
        if (peak := float(peaks.max())) > _PEAK:
            raise AudioError(
                f"{name} has float samples up to {peak:.4g}; full scale is 1.", "Scale it to -1..1 and save again."
            )
        count += len(block)
        mono = block.mean(axis=1) if channel is None else np.ascontiguousarray(block[:, channel])
        power += float(np.einsum("nc,nc->", block, block)) / block.shape[1] ** 2
        mixed += float(mono @ mono)
        parts.append(mono if resampler is None else resampler.resample_chunk(mono))
    if resampler is not None:
        parts.append(resampler.resample_chunk(np.zeros(0, np.float32), last=True))

    length = round(count * RATE / rate)
    samples = np.zeros(length, np.float32)  # the resampler may give a sample more or less
    at = 0
    parts.reverse()
    while parts:  # given back one by one: together they are as large as the whole
        part = parts.pop()
        kept = part[: length - at]
        samples[at : at + len(kept)] = kept
        at += len(kept)
    samples.flags.writeable = False
    return samples, _note(peaks, channel, mixed < _CANCELLED * power, Path(name).name)


def _note(peaks: np.ndarray, channel: int | None, cancelled: bool, name: str) -> str:
    """The note on a sound whose channels (C,) have these peaks, of which one was taken or all mixed; "" for none."""
    loud = np.flatnonzero(peaks >= _SILENT)
    if not len(loud):
        return f"{name} is silent: the face rests."
    if channel is not None and channel not in loud:
        return f"Channel {channel} of {name} is silent, channel {loud[0]} is not: the face rests."
    if channel is None and cancelled:
        return f"The channels of {name} cancel each other out: use one of them, such as channel {loud[0]}."
    return ""


def _check_channel(channel: int | None, channels: int, name: str) -> None:
    if channel is None:
        return
    require(channel, (int, np.integer), "The channel", "a whole number from 0, or None", AudioError)
    if not 0 <= channel < channels:
        valid = "only channel 0" if channels == 1 else f"channels 0 to {channels - 1}"
        raise AudioError(f"{name} has no channel {channel}; it has {valid}.", "Leave it out to mix all.")


def _sniff(stream: BinaryIO, name: str) -> str:
    """The kind of a file by its first bytes, whatever its name; kinds that nothing here reads are refused by name."""
    stream.seek(0)
    head = stream.read(512)
    if head[:4] in (b"RIFF", b"RF64"):
        if len(head) < 12:
            raise AudioError(f"{name} is cut: it ends within its header.", "Copy or export it again.")
        if head[8:12] == b"WAVE":
            return "WAV"
    for at, marks, kind in _MARKS:
        if head[at : at + 4].startswith(marks):
            return kind
    if len(head) > 1 and head[0] == 0xFF:  # a frame without a header before it
        if head[1] & 0xE6 == 0xE2:
            return "MP3"
        if head[1] & 0xF6 == 0xF0:
            return "AAC"
    if head[:4] == b"caff":
        what = "CAF"
    elif head[:4] == b"RIFX":
        what = "big-endian WAV (RIFX)"
    elif head[8:12] == b"AVI ":
        what = "AVI"
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
                raise AudioError(f"{name} is damaged: its header says 0 channels.", "Export it again.")
            limits.check(name, channels=channels, rate=rate)
        elif key == b"data":
            if long_data is not None and length == _STREAMED[0]:
                length = long_data
            elif length == _STREAMED[0] or _STREAMED[1] <= length < _STREAMED[1] + 4096:
                return
            if length > size - at - 8:
                second = bytes_a_second or RATE * 2
                raise cut(name, length / second, (size - at - 8) / second)
            return
        at += 8 + length + (length & 1)
    raise AudioError(f"{name} is cut: it has a WAV header and no samples.", "Copy or export it again.")


def _check_ogg(stream: BinaryIO, size: int, name: str) -> None:
    """Refuse an OGG unless every page is whole, unchanged and in its place, to the end of every stream.

    The decoding library leaves a damaged page out and moves up what follows, and says nothing.
    """
    expected: dict[bytes, int] = {}  # serial number of each stream that has not ended -> number of its next page
    at = page = 0
    while at < size:
        stream.seek(at)
        head = stream.read(27)
        if head[:4] != b"OggS":
            break
        if not page % 1024:
            checkpoint()
        page += 1
        lacing = stream.read(head[26]) if len(head) == 27 else b""
        body = stream.read(sum(lacing))
        if len(head) < 27 or len(lacing) < head[26] or len(body) < sum(lacing):
            raise AudioError(f"{name} is cut: it ends within an OGG page.", "Copy or export it again.")
        serial, number = head[14:18], int.from_bytes(head[18:22], "little")
        if _ogg_checksum(head[:22] + bytes(4) + head[26:] + lacing + body) != head[22:26]:
            raise AudioError(f"{name} is damaged: page {page} of its OGG data has changed.", "Copy or export it again.")
        if head[5] & _OGG_FIRST:
            if page > 1 and not expected:
                raise AudioError(
                    f"{name} holds several sounds, one after the other, and only the first would be read.",
                    "Save it as one sound.",
                )
        elif number != expected.get(serial):
            raise AudioError(
                f"{name} is damaged: a page of its OGG data is missing before page {page}.", "Copy or export it again."
            )
        expected[serial] = number + 1
        if head[5] & _OGG_LAST:
            del expected[serial]
        at += 27 + len(lacing) + len(body)
    if expected:
        what = "cut: its OGG data has no end" if at >= size else f"damaged: its OGG data breaks off after {at} bytes"
        raise AudioError(f"{name} is {what}.", "Copy or export it again.")


def _ogg_checksum(page: bytes) -> bytes:
    """The CRC of a page whose own is 0, as it is stored.

    OGG's CRC and zlib's have the same polynomial and opposite orders of bits; zlib's begins and ends with all bits set.
    """
    turned = zlib.crc32(page.translate(_TURNED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return turned.to_bytes(4, "big").translate(_TURNED)
