"""MP3, M4A, the sound of videos: what the extra `media` reads, on time and whole or not at all."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from medtalk.audio import read_speech
from medtalk.errors import AudioError, LimitError
from medtalk.limits import AudioLimits
from medtalk.rates import RATE
from tests.helpers.sounds import babble

KINDS = {
    "mp3": ("mp3", "libmp3lame"),
    "m4a": ("ipod", "aac"),
    "mkv": ("matroska", "aac"),
    "webm": ("webm", "libopus"),
    "mov": ("mov", "pcm_s16le"),
    "aiff": ("aiff", "pcm_s16be"),
    "aac": ("adts", "aac"),
}
CLICKS = (0.25, 0.75, 1.25, 1.75)


def encoded(samples: np.ndarray, kind: str, rate: int = 48000, channels: int = 1, picture: bool = False) -> bytes:
    """(n,) as the file that FFmpeg makes of it, in as many equal channels, with a video beside it if `picture`."""
    form, codec = KINDS[kind]
    out = io.BytesIO()
    layout = {1: "mono", 2: "stereo"}[channels]
    with av.open(out, "w", format=form) as container:
        sound: Any = container.add_stream(codec, rate=rate)
        sound.layout = layout
        video: Any = container.add_stream("mpeg4", rate=25) if picture else None
        if video is not None:
            video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
            for number in range(round(len(samples) / rate * 25)):
                shown = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
                shown.pts = number
                container.mux(video.encode(shown))
            container.mux(video.encode(None))
        packed = np.repeat(np.round(samples * 32767).astype(np.int16), channels)[None]
        frame = av.AudioFrame.from_ndarray(packed, "s16", layout)
        frame.rate, frame.pts = rate, 0
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return out.getvalue()


def clicks(rate: int = 48000) -> np.ndarray:
    samples = np.zeros(2 * rate, np.float32)
    samples[[round(at * rate) for at in CLICKS]] = 0.9
    return samples


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 2])
def test_clicks_lie_where_they_were(kind: str, channels: int) -> None:
    speech = read_speech(encoded(clicks(), kind, channels=channels))
    assert (speech.source_rate, speech.source_channels) == (48000, channels)
    assert 2.0 <= speech.seconds < 2.03
    for at in CLICKS:
        around = np.abs(speech.samples[round((at - 0.1) * RATE) : round((at + 0.1) * RATE)])
        assert abs(int(around.argmax()) - 0.1 * RATE) <= 0.001 * RATE


@pytest.mark.parametrize("kind", ["mkv", "mov"])
def test_the_sound_of_a_video(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"take.{kind}"
    path.write_bytes(encoded(clicks(), kind, picture=True))
    speech = read_speech(path)
    assert speech.name == path.name and 1.99 <= speech.seconds < 2.03
    assert abs(int(np.abs(speech.samples[: RATE // 2]).argmax()) - 0.25 * RATE) <= 16


def test_a_long_one_is_the_sound_that_was_encoded() -> None:
    samples = babble(20.0, 48000)
    for kind, close in (("mov", 1e-4), ("mp3", 0.1), ("m4a", 0.1)):
        speech = read_speech(encoded(samples, kind))
        wanted = read_speech(encoded(samples, "aiff")).samples
        assert np.abs(speech.samples[: len(wanted)] - wanted).max() < close, kind


@pytest.mark.parametrize("kind", KINDS)
def test_cut_and_damaged_files_are_refused_or_read_on_time(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    data = encoded(babble(5.0, 48000), kind)
    whole = read_speech(data).samples
    for part in (0.1, 0.5, 0.9, 0.95) if kind != "aac" else ():  # which does not state its length
        with pytest.raises(AudioError) as caught:
            read_speech(data[: int(len(data) * part)])
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 250
    rng = np.random.default_rng(4)
    for place in rng.integers(0, len(data), 25).tolist():
        spoilt = bytearray(data)
        spoilt[place] ^= int(rng.integers(1, 256))
        try:
            samples = read_speech(bytes(spoilt)).samples
        except AudioError as error:
            assert "\n" not in str(error)
            continue
        # A byte of compressed sound may be another sound for a moment, and everything else stays where it is.
        assert abs(len(samples) - len(whole)) <= 0.1 * RATE
    assert capfd.readouterr() == ("", "")


def test_limits_hold_before_memory_is_spent() -> None:
    data = encoded(babble(5.0, 48000), "mp3")
    with pytest.raises(LimitError, match=r"lasts 5\.0 s; the limit is 2 s"):
        read_speech(data, limits=AudioLimits(max_seconds=2))
    with pytest.raises(LimitError, match="bytes"):
        read_speech(data, limits=AudioLimits(max_bytes=len(data) - 1))
    with pytest.raises(LimitError, match="48000 samples a second"):
        read_speech(data, limits=AudioLimits(max_rate=44100))
    with pytest.raises(LimitError, match="2 channels"):
        read_speech(encoded(clicks(), "m4a", channels=2), limits=AudioLimits(max_channels=1))
    with pytest.raises(LimitError, match="at least"):
        read_speech(encoded(clicks()[:2000], "mov"))
    with pytest.raises(AudioError, match="has no channel 1"):
        read_speech(data, channel=1)


def test_a_sound_of_an_unknown_kind_is_refused() -> None:
    data = encoded(clicks(), "m4a")
    at = data.index(b"hdlr", data.index(b"mdhd"))
    with pytest.raises(AudioError, match="does not say how its sound is encoded"):
        read_speech(data[: at - 1] + b"\x55" + data[at:])


def test_what_only_looks_like_one() -> None:
    for head in (b"ID3\x04\0\0\0\0\0\0", b"\xff\xfb", b"\xff\xf1", b"\0\0\0\x18ftypM4A ", b"\x1aE\xdf\xa3", b"FORM",
                 b"caff", b"RIFF\x00\x10\x00\x00AVI ", b"\x30\x26\xb2\x75"):  # fmt: skip
        for body in (bytes(2000), np.random.default_rng(1).bytes(5000)):
            with pytest.raises(AudioError) as caught:
                read_speech(head + body)
            assert "\n" not in str(caught.value)


def test_without_the_extra_it_names_it(tmp_path: Path) -> None:
    (tmp_path / "av.py").write_text("raise ModuleNotFoundError(name='av')")
    (tmp_path / "a.mp3").write_bytes(encoded(clicks(), "mp3"))
    code = """
import sys, medtalk
from medtalk.errors import AudioError
try:
    medtalk.read_speech(sys.argv[1])
except AudioError as error:
    print(error)
"""
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "a.mp3"], env={**os.environ, "PYTHONPATH": path}, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert "a.mp3 is MP3." in done.stdout and "pip install 'medtalk[media]'" in done.stdout
