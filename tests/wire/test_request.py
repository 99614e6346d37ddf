"""Sounds and settings: what is sent of them, and what is refused before."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medtalk_wire import Finishing, RequestError, Settings, Sound
from medtalk_wire.request import body_of, buffers_of


def test_a_file_travels_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a line.wav"
    path.write_bytes(b"RIFF and so on")
    sound = Sound.from_file(path, channel=1)
    digest = hashlib.sha256(b"RIFF and so on").hexdigest()
    assert sound.fields == {"kind": "file", "sha256": digest, "name": "a line.wav", "channel": 1}
    assert sound.buffer and (sound.buffer.name, sound.buffer.dtype, sound.buffer.shape) == ("file", "uint8", (14,))
    assert sound.buffer.data == b"RIFF and so on"


@pytest.mark.parametrize(
    ("name", "said"), [("x.wav", "not there"), (".", "not a file"), ("empty.wav", "empty"), ("\0", "not there")]
)
def test_a_file_that_is_none_is_told(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "empty.wav").touch()
    with pytest.raises(RequestError, match=said) as raised:
        Sound.from_file(tmp_path / name)
    assert raised.value.code == "audio"


def test_a_video_by_mistake_is_not_read(tmp_path: Path) -> None:
    with open(tmp_path / "film.wav", "wb") as file:
        file.truncate((2 << 30) + 1)  # takes no room
    with pytest.raises(RequestError) as raised:
        Sound.from_file(tmp_path / "film.wav")
    assert raised.value.code == "limit"


@pytest.mark.parametrize("dtype", ["int16", "int32", "float32"])
def test_samples_travel_as_an_array_or_its_bytes(dtype: str) -> None:
    samples = np.arange(6, dtype=dtype).reshape(3, 2)
    sounds = [
        Sound.from_pcm(samples, 16000, (3, 2), dtype, "line"),
        Sound.from_pcm(samples.tobytes(), 16000, [3, 2], dtype, "line"),
        Sound.from_pcm(np.asfortranarray(samples), 16000, (3, 2), dtype, "line"),
    ]
    for sound in sounds:
        digest = hashlib.sha256(samples.tobytes()).hexdigest()
        assert sound.fields == {"kind": "pcm", "rate": 16000, "sha256": digest, "name": "line"}
        assert sound.buffer and sound.buffer.data == samples.tobytes() and sound.buffer.shape == (3, 2)


def test_samples_are_those_of_the_moment() -> None:
    samples = np.ones(4, np.float32)
    sound = Sound.from_pcm(samples, 16000, (4,), "float32")
    samples[:] = 0
    assert sound.buffer and sound.buffer.view().tolist() == [1.0] * 4


@pytest.mark.parametrize(
    ("data", "shape", "dtype"),
    [
        (bytes(8), (3,), "float32"),
        (bytes(7), (7,), "float32"),
        (bytes(8), (1, 1, 2), "float32"),
        (bytes(8), (-1, -2), "float32"),
        (bytes(8), (8,), "uint8"),
        (bytes(8), (1,), "float64"),
        (bytes(0), (0,), "int16"),
        (np.zeros(2, np.float64), (4,), "float32"),
        (np.zeros(2, np.int32), (2,), "float32"),
        ([0.0, 1.0], (2,), "float32"),
        ("text", (1,), "float32"),
    ],
)
def test_samples_that_do_not_fit_are_told(data, shape, dtype: str) -> None:
    with pytest.raises(RequestError) as raised:
        Sound.from_pcm(data, 16000, shape, dtype)
    assert raised.value.code == "audio"


@pytest.mark.parametrize(("rate", "shape"), [(44100.5, (4,)), (None, (4,)), (16000, (4.0,))])
def test_rates_and_shapes_are_whole(rate, shape) -> None:
    with pytest.raises(RequestError, match="not whole"):
        Sound.from_pcm(bytes(16), rate, shape, "float32")


@pytest.mark.parametrize("path", ["/srv/line.wav", "C:\\sounds\\line.wav", "//host/share/line.wav"])
def test_a_path_of_the_sidecars_machine(path: str) -> None:
    assert Sound.on_server(path).fields == {"kind": "path", "path": path} and Sound.on_server(path).buffer is None
    assert Sound.on_server(Path("/a.wav"), channel=0).fields["channel"] == 0


@pytest.mark.parametrize("path", ["line.wav", "../line.wav", "~/line.wav", "", "C:line.wav"])
def test_a_path_must_be_absolute(path: str) -> None:
    with pytest.raises(RequestError, match="not an absolute path") as raised:
        Sound.on_server(path)
    assert raised.value.code == "path"


def test_settings_as_they_are_written() -> None:
    assert body_of(Settings()) == {
        "guidance": {"kind": "label", "emotion": "neutral"}, "language": "", "intensity": 1.0,
        "fps": 60.0, "region": "full", "curve_mode": "replace",
        "finishing": {
            "smooth": True, "blink": True, "gaze": True, "limits": True, "seed": 0, "smoothing": {}, "closures": True,
            "life": True, "amounts": {}, "head": True, "lean": 0.0,
        },
    }  # fmt: skip
    two: Any = np.float32(2)  # numbers of numpy are written as numbers
    seven: Any = np.int64(7)
    steps = Finishing(seed=seven)
    fields = body_of(Settings(intensity=two, fps=30, span=(1, two), finishing=steps, emotion={"sad": two}))
    plain = [fields["intensity"], fields["fps"], *fields["span"], fields["guidance"]["emotion"]["sad"]]
    assert plain == [2.0, 30.0, 1.0, 2.0, 2.0] and {type(value) for value in plain} == {float}
    assert type(fields["finishing"]["seed"]) is int
    assert buffers_of(Settings()) == []


def test_each_kind_of_guidance() -> None:
    assert body_of(Settings(emotion=" Auto"))["guidance"] == {"kind": "auto"}
    assert body_of(Settings(emotion="auto:0.5"))["guidance"]["kind"] == "label", "for the sidecar to refuse"
    assert body_of(Settings(text="so sad"))["guidance"] == {"kind": "text", "text": "so sad"}
    mixed = body_of(Settings(emotion={"happy": 0.3}, text="so sad"))["guidance"]
    assert mixed == {"kind": "text", "text": "so sad", "labels": {"happy": 0.3}}
    settings = Settings(image=b"\x89PNG", image_name="face.png", curve=bytes(4))
    digest = hashlib.sha256(b"\x89PNG").hexdigest()
    assert body_of(settings)["guidance"] == {"kind": "image", "sha256": digest, "name": "face.png"}
    picture, curve = buffers_of(settings)
    assert (picture.name, picture.dtype, picture.shape, picture.data) == ("image", "uint8", (4,), b"\x89PNG")
    assert curve.name == "intensity"
    assert body_of(Settings(language="zh"))["language"] == "zh"
    assert [body_of(Settings(transcript=words))["transcript"] for words in ("", "we say")] == ["", "we say"]


def test_pictures_that_cannot_be_sent_are_told() -> None:
    path: Any = "face.png"
    for settings in (Settings(text="sad", image=b"x"), Settings(image=path)):
        with pytest.raises(RequestError, match="picture") as raised:
            body_of(settings)
        assert raised.value.code == "setting"


def test_an_intensity_curve() -> None:
    for curve in (np.asarray([1.0, 2.0], np.float32), struct.pack("<2f", 1, 2), np.asarray([1, 9, 2], np.float32)[::2]):
        (buffer,) = buffers_of(Settings(curve=curve))
        assert (buffer.name, buffer.dtype, buffer.shape) == ("intensity", "float32", (2,))
        assert buffer.view().tolist() == [1.0, 2.0]


@pytest.mark.parametrize("curve", [np.ones(2), [1.0, 2.0], b"abc", np.ones(2, np.int32)])
def test_a_curve_of_another_type_is_told(curve) -> None:
    with pytest.raises(RequestError, match="intensity curve") as raised:
        buffers_of(Settings(curve=curve))
    assert raised.value.code == "setting"


@pytest.mark.parametrize("wrong", [{"fps": "much"}, {"intensity": None}, {"span": 3}, {"finishing": 4}, {"emotion": 5}])
def test_settings_of_a_wrong_type_are_told(wrong) -> None:
    with pytest.raises(RequestError, match="wrong type") as raised:
        body_of(Settings(**wrong))
    assert raised.value.code == "setting"
