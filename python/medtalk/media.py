"""The sound of files that FFmpeg knows (MP3, M4A, videos), by PyAV: the extra `media`.

FFmpeg gets the format from us and never guesses: some formats that it knows, such as playlists, open other files.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import av
import numpy as np
from av import logging
from av.container import InputContainer
from av.error import FFmpegError

from medtalk.errors import AudioError
from medtalk.limits import AudioLimits
from medtalk.sound import MEDIA, cut, to_float
from medtalk.watch import checkpoint

_BLOCK = 1 << 17  # samples that are passed on together
_SLACK_S = 0.1  # by how much the length that a file states differs from its sound, for delays of encoders
_GAP_S = 0.05  # more between two times is silence that was left out; less is their rounding
_LONGEST_GAP_S = 2.0
_AGAIN = "Copy or export it again."


@contextmanager
def open_media(
    stream: BinaryIO, kind: str, name: str, limits: AudioLimits
) -> Iterator[tuple[int, int, Iterator[np.ndarray]]]:
    """The rate, the channels and the blocks (n, channels), float or integer, of the first sound in a file of a `kind`
    of `MEDIA`, without the delay of its encoder, as far as the file states it.

    Raises `AudioError` for a file without a sound, one that is cut or that cannot be decoded; `LimitError` as soon as
    it is beyond `limits`.
    """
    logging.set_level(None)  # else FFmpeg writes to stderr by itself
    sure = _tells_its_length(stream, kind)
    try:
        with av.open(stream, "r", format=MEDIA[kind], metadata_errors="replace") as container:
            if not container.streams.audio:
                raise AudioError(f"{name} is {kind} without any sound in it.", "Give a file with a voice in it.")
            sound = container.streams.audio[0]
            codec = sound.codec_context or None  # whatever the types say, none for a sound of an unknown kind
            rate, channels = (codec.sample_rate, codec.channels) if codec else (0, 0)
            if not rate or not channels:
                raise AudioError(f"{name} is damaged: it does not say how its sound is encoded.", "Export it again.")
            limits.check(name, channels=channels, rate=rate)
            yield rate, channels, _blocks(container, sure, name, limits)
    except FFmpegError as error:
        raise AudioError(
            f"{name} is damaged or cut: its {kind} data cannot be decoded ({error.strerror}).", "Export it again."
        ) from error


def _tells_its_length(stream: BinaryIO, kind: str) -> bool:
    """Whether the length that FFmpeg gives is stored in the file; if not, it is a guess from the number of bytes."""
    stream.seek(0)
    if kind == "MP3":
        head = stream.read(10)
        if head[:3] == b"ID3":
            low, *rest = reversed(head[6:10])  # seven bits each
            stream.seek(10 + low + sum(byte << 7 * place for place, byte in enumerate(rest, start=1)))
        head += stream.read(4096)
        stream.seek(0)
        return any(mark in head for mark in (b"Xing", b"Info", b"VBRI"))
    return kind != "AAC"


def _blocks(container: InputContainer, sure: bool, name: str, limits: AudioLimits) -> Iterator[np.ndarray]:
    pending: list[np.ndarray] = []
    held = 0
    for values in _pieces(container, sure, name, limits):
        pending.append(values)
        held += len(values)
        if held >= _BLOCK:
            yield np.concatenate(pending)
            pending, held = [], 0
    if pending:
        yield np.concatenate(pending)


def _pieces(container: InputContainer, sure: bool, name: str, limits: AudioLimits) -> Iterator[np.ndarray]:
    """The sound frame by frame, with silence where times show that some was left out."""
    sound = container.streams.audio[0]
    rate, channels = sound.codec_context.sample_rate, sound.codec_context.channels
    promised = float(sound.duration * sound.time_base) if sure and sound.duration and sound.time_base else 0.0
    if promised - _SLACK_S > limits.max_seconds:
        limits.check(name, seconds=promised)
    start, done, filled = None, 0, 0
    spaced = container.format.name.startswith("matroska")  # whose recorders leave out silence
    primed = container.format.name != "aac"  # which states no delay; the first frame is always one
    last = 0.0  # seconds, of the last packet of any kind
    for packet in container.demux():
        checkpoint()
        if packet.pts is not None and packet.time_base is not None:
            last = max(last, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        for frame in packet.decode() if packet.stream == sound else ():
            assert isinstance(frame, av.AudioFrame)
            if (frame.sample_rate, frame.layout.nb_channels) != (rate, channels):
                raise AudioError(f"{name} changes its rate or its channels on the way.", "Export it again.")
            if spaced and frame.time is not None:
                start = frame.time if start is None else start
                gap = frame.time - start - done / rate
                if gap > _GAP_S:
                    if gap > _LONGEST_GAP_S:
                        raise AudioError(f"{name} is damaged: {gap:.1f} s are missing at {done / rate:.1f} s.", _AGAIN)
                    silence = np.zeros((round(gap * rate), channels), np.float32)
                    yield silence
                    done, filled = done + len(silence), filled + len(silence)
            if not primed:
                primed, start = True, None
                continue
            values = frame.to_ndarray()
            yield to_float(values.T if frame.format.is_planar else values.reshape(-1, channels))
            done += frame.samples
            if done / rate > limits.max_seconds:
                limits.check(name, seconds=done / rate)
    if not done:
        raise AudioError(f"{name} holds no samples.", "Record or export it again.")
    if not promised and sure and container.duration:
        promised, done = container.duration / 1e6, last * rate
    if promised and filled and done / rate > promised + _SLACK_S:
        raise AudioError(f"{name} is damaged: it is longer than the {promised:.2f} s that it promises.", _AGAIN)
    if done / rate < promised - _SLACK_S:
        raise cut(name, promised, done / rate)
