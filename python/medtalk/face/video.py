"""A film as a video with its sound, or as an animated picture without (needs the extra `report`).

Picture n is shown at n / fps seconds, in exact fractions, and the sound starts with the first. Neither is stretched:
pictures and sound go on to their own ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from medtalk.audio import read_speech
from medtalk.errors import MissingExtraError, SettingError
from medtalk.face.pillow import pillow
from medtalk.files import write_atomic
from medtalk.rates import RATE
from medtalk.watch import checkpoint

if TYPE_CHECKING:
    from medtalk.face.film import Film

VIDEOS, ANIMATIONS = (".mp4",), (".webp", ".gif")
_CODECS = {"libx264": {"crf": "18", "preset": "fast"}, "mpeg4": {"qscale": "3"}}
_AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_BLOCK = 1 << 15  # samples that are read together
_ANIMATION_BYTES = 1 << 29


class Sound(NamedTuple):
    """`seconds` of a sound file from `start` on, in its own rate and channels. Make one with `read_sound`."""

    path: Path
    rate: int
    channels: int
    seconds: float
    start: float
    samples: np.ndarray | None  # 16 kHz mono, of a file that only FFmpeg knows

    def part(self, start: float, end: float | None = None) -> Sound:
        """From `start` to `end` seconds of it, as far as it lasts. Raises SettingError for a start after its end."""
        seconds = min(self.seconds, self.seconds if end is None else end) - start
        if seconds <= 0.0:
            raise SettingError(f"{self.path} lasts {self.seconds:g} s; nothing of it is heard from {start:g} s on.")
        return self._replace(start=self.start + start, seconds=seconds)

    def blocks(self) -> Iterator[np.ndarray]:
        """(n, channels) float32 each, in order."""
        first, count = round(self.start * self.rate), round(self.seconds * self.rate)
        if self.samples is not None:
            part = self.samples[first : first + count, None]
            yield from (part[at : at + _BLOCK] for at in range(0, len(part), _BLOCK))
            return
        import soundfile

        with soundfile.SoundFile(self.path) as file:
            file.seek(first)
            yield from file.blocks(_BLOCK, frames=count, dtype="float32", always_2d=True)


def read_sound(path: str | Path) -> Sound:
    """A sound file; one that only FFmpeg knows is 16 kHz mono. Raises AudioError for what `read_speech` refuses."""
    import soundfile

    speech = read_speech(path)
    try:
        with soundfile.SoundFile(path) as file:
            return Sound(Path(path), file.samplerate, file.channels, file.frames / file.samplerate, 0.0, None)
    except soundfile.LibsndfileError:
        return Sound(Path(path), RATE, 1, speech.seconds, 0.0, speech.samples)


def check_target(path: Path) -> None:
    """Raise SettingError for an ending that is neither of a video nor of an animated picture, MissingExtraError where
    a library is missing."""
    ending = path.suffix.lower()
    if ending in VIDEOS:
        _av()
    elif ending in ANIMATIONS:
        pillow("Image")
    else:
        raise SettingError(f"{path} is no name of a video; valid endings are {' '.join(VIDEOS + ANIMATIONS)}.")


def write_video(path: str | Path, film: Film, sound: Sound | None = None, *, force: bool = False) -> Path:
    """Write an MP4, whole or not at all: H.264, or MPEG-4 where FFmpeg has no x264, and the sound as AAC."""
    return write_atomic(path, lambda temporary: _encode(temporary, film, sound), force=force)


def write_animation(path: str | Path, film: Film, *, force: bool = False) -> Path:
    """Write an animated WebP or GIF that repeats for ever, whole or not at all.

    Raises SettingError for one of over half a gigabyte of pixels, as all its pictures are in memory together.
    """
    if len(film) * film.width * film.height * 3 > _ANIMATION_BYTES:
        raise SettingError(
            f"{len(film)} pictures of {film.width}x{film.height} pixels are too many for an animated picture.",
            "Take a part with --span, a lower --fps or --size, or write an .mp4.",
        )
    pictures = []
    for picture in film.pictures():
        pictures.append(pillow("Image").fromarray(picture))
        checkpoint(len(pictures) / len(film))
    kind = Path(path).suffix[1:].upper()
    # Each lasts to the next one's time, in the unit of the format: milliseconds, or hundredths of a second.
    unit = 10 if kind == "GIF" else 1
    times = [round(number * 1000 / film.fps / unit) * unit for number in range(len(pictures) + 1)]
    durations = [end - start for start, end in pairwise(times)]
    options: dict[str, Any] = {"quality": 80, "method": 4} if kind == "WEBP" else {"optimize": True}

    def write(temporary: Path) -> None:
        first, *others = pictures
        first.save(
            temporary, format=kind, save_all=True, append_images=others, duration=durations, loop=0, **options
        )  # fmt: skip

    return write_atomic(path, write, force=force)


def _encode(path: Path, film: Film, sound: Sound | None) -> None:
    av = _av()
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        codec = next(name for name in _CODECS if name in av.codecs_available)
        pictures = container.add_stream(codec, rate=film.fps, options=_CODECS[codec])
        pictures.width, pictures.height, pictures.pix_fmt = film.width, film.height, "yuv420p"
        pictures.time_base = pictures.codec_context.time_base = 1 / film.fps
        speaking = None if sound is None else _Speaking(container, sound)
        for number, picture in enumerate(film.pictures()):
            checkpoint(number / len(film))
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, 1 / film.fps
            container.mux(pictures.encode(frame))
            if speaking:
                speaking.until(Fraction(number + 1) / film.fps)
        container.mux(pictures.encode(None))
        if speaking:
            speaking.until(None)


class _Speaking:
    """The track of a sound in a container."""

    def __init__(self, container: Any, sound: Sound) -> None:
        av = _av()
        rate = sound.rate if sound.rate in _AAC_RATES else 48000
        layout = "stereo" if sound.channels == 2 else "mono"
        self._container, self._sound = container, sound
        self._stream = container.add_stream("aac", rate=rate, layout=layout)
        self._stream.bit_rate = 96_000 * (2 if layout == "stereo" else 1)
        self._resampler = av.AudioResampler("fltp", layout, rate)
        self._blocks, self._done = sound.blocks(), 0

    def until(self, seconds: Fraction | None) -> None:
        """Encode what is heard until then; None is all that is left."""
        while seconds is None or self._done < seconds * self._sound.rate:
            if (block := next(self._blocks, None)) is None:
                break
            self._encode(block)
        if seconds is None:
            for frame in (*self._resampler.resample(None), None):
                self._container.mux(self._stream.encode(frame))

    def _encode(self, block: np.ndarray) -> None:
        if self._sound.channels != 2:
            block = block.mean(axis=1, keepdims=True)
        layout = "stereo" if block.shape[1] == 2 else "mono"
        frame = _av().AudioFrame.from_ndarray(np.ascontiguousarray(block.T, np.float32), "fltp", layout)
        frame.sample_rate, frame.pts = self._sound.rate, self._done
        frame.time_base = Fraction(1, self._sound.rate)
        self._done += len(block)
        for part in self._resampler.resample(frame):
            self._container.mux(self._stream.encode(part))


def _av() -> Any:
    try:
        import av
    except ModuleNotFoundError:
        raise MissingExtraError("Writing videos needs PyAV.", "Run pip install 'medtalk[report]'.") from None
    from av import logging

    logging.set_level(None)  # else FFmpeg writes to stderr by itself
    return av
