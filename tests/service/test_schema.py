"""What becomes of a well-written request: it is typed as the document says, or refused with what is valid."""

from __future__ import annotations

import math
import mmap
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medtalk import Finishing
from medtalk.errors import SettingError
from medtalk.limits import AudioLimits, ServiceLimits
from medtalk.service.schema import BadRequest, JobRequest, read_request
from medtalk_wire.protocol import REQUESTS
from tests.helpers.messages import (
    CURVE,
    CURVE_BUFFER,
    FILE_BUFFER,
    PICTURE,
    PICTURE_BUFFER,
    SAMPLES,
    SAMPLES_BUFFER,
    SETTINGS,
    VALID,
    described,
    generate,
    pcm,
    read,
    refused,
    request,
)


def job(frames: list[Any]) -> JobRequest:
    return read(frames).body


# -- what is good


def test_good_requests_are_read() -> None:
    kinds = {name: read(frames) for name, frames in VALID.items()}
    assert {name: kinds[name].type for name in kinds} == {name: name.split()[0] for name in VALID}
    assert set(REQUESTS) == {kind.type for kind in kinds.values()}
    assert (kinds["hello"].body.client, kinds["cancel"].body.job, kinds["ping"].id) == ("test", "a-0", "a-1")


def test_settings_that_are_left_out_are_the_librarys() -> None:
    for frames in (generate(), request("decode", {"heard": "x"})):
        got = job(frames).settings
        assert (got.emotion, got.transcript, got.intensity, got.curve) == ({"neutral": 1.0}, None, 1.0, None)
        assert (got.span, got.fps, got.region, got.finishing) == (None, 60.0, "full", Finishing())


@pytest.mark.parametrize("name", ["generate pcm", "decode"])
def test_settings_that_are_given(name: str) -> None:
    got = job(VALID[name]).settings
    assert got.emotion == {"happy": pytest.approx(0.7), "sad": pytest.approx(0.3)} and got.transcript == "Good day."
    assert (got.intensity, got.span, got.fps, got.region) == (1.5, (0.1, 0.2), 30.0, "mouth")
    assert got.finishing == Finishing(False, False, False, False, 7)
    assert got.curve is not None
    np.testing.assert_array_equal(got.curve, np.frombuffer(CURVE, "<f4"))


def test_pictures() -> None:
    asked = job(VALID["decode by a picture"])
    picture = asked.asked.picture
    assert picture and bytes(picture.data.data) == PICTURE_BUFFER[1] and asked.nbytes == 8
    assert (asked.settings.text, picture.name, picture.sha256) == ("", "", "1" * 64)
    auto = job(generate(guidance={"kind": "auto"}, language=" en "))
    assert (auto.settings.emotion, auto.settings.language, auto.asked.picture) == ("auto", "en", None)


def test_guidance_is_what_the_model_takes() -> None:
    for kind, said in (
        ("text", "does not understand descriptions; valid here are label"),
        ("image", "does not understand pictures; valid here are label.*--bundle DIR"),
        ("auto", r"emotion in a voice cannot be heard; valid here are label.*medtalk\[full\]"),
    ):
        with pytest.raises(BadRequest) as caught:
            frames = [memoryview(frame) for frame in generate(guidance={"kind": kind})]
            read_request(frames, ServiceLimits(), (), ["label"])
        assert caught.value.error.code == "unsupported" and re.search(said, str(caught.value.error))


def test_sounds() -> None:
    asked = job(VALID["generate pcm"])
    assert asked.sound and asked.sound.data and bytes(asked.sound.data.data) == SAMPLES
    assert (asked.sound.kind, asked.sound.name, asked.sound.rate, asked.sound.channel) == ("pcm", "line 1", 16000, 0)
    assert asked.nbytes == len(SAMPLES) + len(CURVE)
    asked = job(VALID["generate file"])
    assert asked.sound and asked.sound.data and (asked.sound.name, asked.sound.channel) == ("The sound", None)
    assert job(VALID["decode"]).nbytes == len(CURVE)
    for kind in ("int16", "int32", "float32"):
        for shape in ((400,), (400, 2), (400, 8)):
            data = bytes(math.prod(shape) * np.dtype(kind).itemsize)
            sound = job(generate((described("samples", kind, *shape), data), sound=pcm(rate=4000), fps=240)).sound
            assert sound and sound.data and (sound.data.shape, sound.data.dtype) == (shape, kind)


def test_a_newer_minor_version_may_say_more() -> None:
    more = {"x": {"y": [1, None]}}
    body = {"sound": pcm(**more), **SETTINGS, "guidance": {"kind": "label", "emotion": "sad", **more}, **more}
    frames = request("generate", body, ({**SAMPLES_BUFFER[0], **more}, SAMPLES), protocol="1.7", **more)
    assert job(frames).settings.emotion == {"sad": 1.0}


def test_the_same_request_has_the_same_fingerprint() -> None:
    for frames in (VALID["generate pcm"], VALID["generate file"], VALID["generate path"], VALID["decode"]):
        assert job(frames).fingerprint == job([bytes(frame) for frame in frames]).fingerprint
    # The sound counts by its sum, which is looked at when the job is done.
    other = bytes(len(SAMPLES))
    assert job(generate()).fingerprint == job(generate((SAMPLES_BUFFER[0], other))).fingerprint
    assert job(generate(id="x")).fingerprint == job(generate(id="x")).fingerprint


def test_each_change_changes_the_fingerprint() -> None:
    full = {"sound": pcm(channel=0), **SETTINGS}
    variants = [
        {**full, "sound": pcm(channel=1)},
        {**full, "sound": pcm(channel=0, rate=16001)},
        {**full, "sound": pcm(channel=0, sha256="1" * 64)},
        {**full, "guidance": {"emotion": "sad"}},
        {**full, "guidance": {"kind": "auto"}},
        {**full, "transcript": "Good day!"},
        {**full, "language": "zh"},
        {**full, "intensity": math.nextafter(1.5, 2.0)},
        {**full, "span": [0.1, None]},
        {**full, "fps": 30.000001},
        {**full, "region": "upper"},
        {**full, "finishing": {**SETTINGS["finishing"], "seed": 8}},
    ]
    prints = [job(generate(SAMPLES_BUFFER, CURVE_BUFFER, **body)).fingerprint for body in (full, *variants)]
    for bit in range(8 * len(CURVE)):
        curve = bytearray(CURVE)
        curve[bit // 8] ^= 1 << bit % 8
        if ((values := np.frombuffer(curve, "<f4")) >= 0).all() and (values <= 4).all():
            prints.append(job(generate(SAMPLES_BUFFER, (CURVE_BUFFER[0], curve), **full)).fingerprint)
    assert len(prints) > 200
    # The same bytes, described otherwise, are another sound.
    for dtype, *shape in (("int16", 1600, 2), ("int16", 3200, 1), ("int32", 1600), ("float32", 1600)):
        samples = ({**SAMPLES_BUFFER[0], "dtype": dtype, "shape": shape}, SAMPLES)
        prints.append(job(generate(samples, CURVE_BUFFER, **full)).fingerprint)
    nothing = (described("intensity", "float32", 0), b"")
    prints += [job(generate(SAMPLES_BUFFER, nothing, **full)).fingerprint, job(generate(**full)).fingerprint]
    for sha256 in ("2" * 64, "3" * 64):
        body = {**full, "guidance": {"kind": "image", "sha256": sha256}}
        prints.append(job(generate(SAMPLES_BUFFER, CURVE_BUFFER, PICTURE_BUFFER, **body)).fingerprint)
    prints += [job(frames).fingerprint for frames in (VALID["generate path"], VALID["decode"])]
    assert len(set(prints)) == len(prints)


# -- buffers


def other(**fields: Any) -> tuple[dict[str, Any], bytes]:
    """The buffer of samples, described otherwise."""
    return {**SAMPLES_BUFFER[0], **fields}, SAMPLES


BUFFERS = {
    "none": request("generate", {"sound": pcm()}),
    "one too few": [generate()[0]],
    "one too many": [*generate(), b""],
    "five": [generate(*[other(name=str(number)) for number in range(5)])[0], *[SAMPLES] * 5],
    "very many": [generate()[0], *[b""] * 5000],
    "twice": generate(SAMPLES_BUFFER, SAMPLES_BUFFER),
    "of no sound": generate(SAMPLES_BUFFER, FILE_BUFFER),
    "for a path": request("generate", {"sound": {"kind": "path", "path": os.path.abspath("x.wav")}}, SAMPLES_BUFFER),
    "for a decode": request("decode", {"heard": "x"}, SAMPLES_BUFFER),
    "for a ping": request("ping", {}, SAMPLES_BUFFER),
    "for a hello": request("hello", {}, CURVE_BUFFER),
    "a byte too short": generate((SAMPLES_BUFFER[0], SAMPLES[:-1])),
    "a byte too long": generate((SAMPLES_BUFFER[0], SAMPLES + b"\0")),
    "empty": generate((SAMPLES_BUFFER[0], b"")),
    "negative shape": generate(other(shape=[-3200])),
    "negative twice": generate(other(shape=[-1600, -2])),
    "overflow to the right size": generate(other(shape=[(1 << 64) - 1, (1 << 64) - 3200])),
    "overflow to zero": generate((described("samples", "int16", 1 << 32, 1 << 32), b"")),
    "zero times much": generate((described("samples", "int16", 0, 1 << 63), b"")),
    "shape of floats": generate(other(shape=[3200.0])),
    "shape of booleans": generate((described("samples", "int16", True), b"xx")),
    "shape of text": generate(other(shape="3200")),
    "no shape": generate((described("samples", "int16"), b"xx")),
    "three dimensions": generate(other(shape=[40, 40, 2])),
    "nested shape": generate(other(shape=[[3200]])),
    "big-endian": generate(other(byte_order="big")),
    "native": generate(other(byte_order="=")),
    "no byte order": generate(other(byte_order=None)),
    "float64": generate((described("samples", "float64", 800), SAMPLES)),
    "object": generate(other(dtype="object")),
    "numpy's name": generate(other(dtype="<i2")),
    "no dtype": generate(other(dtype=None)),
    "dtype that cannot be hashed": generate(other(dtype=["int16"])),
    "dtype that is a map": generate(other(dtype={"int16": 1})),
    "no name": generate(other(name=None)),
    "another name": generate(other(name="sound")),
    "samples of bytes": generate((described("samples", "uint8", 6400), SAMPLES)),
    "file of shorts": generate((described("file", "int16", 3200), SAMPLES), sound=pcm(kind="file")),
    "file of two dimensions": generate((described("file", "uint8", 3200, 2), SAMPLES), sound=pcm(kind="file")),
    "curve of shorts": generate(SAMPLES_BUFFER, (described("intensity", "int16", 24), CURVE)),
    "picture without a buffer": generate(guidance=PICTURE),
    "picture of shorts": generate(SAMPLES_BUFFER, (described("image", "int16", 4), bytes(8)), guidance=PICTURE),
    "picture of two dimensions": generate(
        SAMPLES_BUFFER, (described("image", "uint8", 2, 4), bytes(8)), guidance=PICTURE
    ),
    "picture without a sum": generate(SAMPLES_BUFFER, PICTURE_BUFFER, guidance={"kind": "image"}),
    "picture beside a label": generate(SAMPLES_BUFFER, PICTURE_BUFFER, guidance={"kind": "label"}),
    "curve of two dimensions": generate(SAMPLES_BUFFER, (described("intensity", "float32", 12, 1), CURVE)),
}


@pytest.mark.parametrize("name", sorted(BUFFERS))
def test_bad_buffers(name: str) -> None:
    assert refused(BUFFERS[name]).code == "bad_message"


# -- what is well written and still wrong

BAD = {  # frames, code, what the error must say
    "0 samples": (generate((described("samples", "int16", 0), b"")), "audio", "no samples"),
    "0 samples of 2 channels": (generate((described("samples", "int16", 0, 2), b"")), "audio", "no samples"),
    "samples of 0 channels": (generate((described("samples", "int16", 16000, 0), b"")), "audio", "no samples"),
    "0 bytes": (generate((described("file", "uint8", 0), b""), sound=pcm(kind="file")), "audio", "no samples"),
    "too short": (generate((described("samples", "int16", 1599), SAMPLES[:3198])), "limit", r"at least 0\.1 s"),
    "9 channels": (generate((described("samples", "int16", 800, 9), bytes(14400))), "limit", "at most 8"),
    "1 Hz": (generate(sound=pcm(rate=1)), "limit", "4000 to 384000"),
    "0 Hz": (generate(sound=pcm(rate=0)), "limit", "4000 to 384000"),
    "-16000 Hz": (generate(sound=pcm(rate=-16000)), "limit", "4000 to 384000"),
    "no rate": (generate(sound={"kind": "pcm", "sha256": "0" * 64}), "limit", "4000 to 384000"),
    "huge rate": (generate(sound=pcm(rate=(1 << 64) - 1)), "limit", "4000 to 384000"),
    "long transcript": (generate(transcript="x" * 100_000), "limit", "100000 characters; the limit is 65536"),
    "transcript of wide characters": (generate(transcript="é" * 40_000), "limit", "65536 bytes"),
    "long name": (generate(sound=pcm(name="x" * 100_000)), "limit", "65536"),
    "long emotion": (generate(guidance={"emotion": "happy," * 20_000}), "limit", "65536"),
    "long label": (generate(guidance={"emotion": {"x" * 100_000: 1.0}}), "limit", "65536"),
    "unknown label": (generate(guidance={"emotion": "hangry"}), "guidance", "valid are angry, disgust.*mean angry"),
    "unknown label in a map": (generate(guidance={"emotion": {"grim": 1}}), "guidance", "valid are angry, disgust"),
    "no label": (generate(guidance={"emotion": ""}), "guidance", "LABEL.*angry"),
    "negative weight": (generate(guidance={"emotion": {"happy": -1}}), "guidance", "finite number, 0 or more"),
    "NaN weight": (generate(guidance={"emotion": {"happy": math.nan}}), "guidance", "finite number, 0 or more"),
    "infinite weight": (generate(guidance={"emotion": "happy:inf"}), "guidance", "finite number, 0 or more"),
    "weights beyond all": (generate(guidance={"emotion": {"happy": 1e308, "sad": 1e308}}), "guidance", "too large"),
    "weight of text": (generate(guidance={"emotion": {"happy": "1"}}), "bad_message", "map from label to weight"),
    "weight of lists": (generate(guidance={"emotion": {"happy": [1]}}), "bad_message", "map from label to weight"),
    "label that is no text": (generate(guidance={"emotion": {1: 1.0}}), "bad_message", "map from label to weight"),
    "emotion of a list": (generate(guidance={"emotion": ["happy"]}), "bad_message", "map from label to weight"),
    "unknown guidance": (generate(guidance={"kind": "picture"}), "unsupported", "valid here are label, text, image"),
    "empty picture": (
        generate(SAMPLES_BUFFER, (described("image", "uint8", 0), b""), guidance={**PICTURE, "name": "face.png"}),
        "guidance",
        "face.png is empty.*PNG, JPEG or WEBP",
    ),
    "long name of a picture": (
        generate(SAMPLES_BUFFER, PICTURE_BUFFER, guidance={**PICTURE, "name": "x" * 100_000}), "limit", "65536"
    ),
    "long language": (generate(language="x" * 100_000), "limit", "65536"),
    "language of a number": (generate(language=3), "bad_message", "str"),
    "no description": (generate(guidance={"kind": "text", "text": " "}), "guidance", "is empty"),
    "long description": (generate(guidance={"kind": "text", "text": "x" * 20_000}), "guidance", "at most 10000"),
    "endless description": (generate(guidance={"kind": "text", "text": "x" * 100_000}), "limit", "65536"),
    "description of a number": (generate(guidance={"kind": "text", "text": 3}), "bad_message", "str"),
    "unknown kind of sound": (generate(sound={"kind": "mp3"}), "unsupported", "valid are pcm, file, path"),
    "unknown type of field": (generate(fps={"x": 1}), "bad_message", r"float.*\$\.fps"),
    "unknown message": (request("dance"), "unknown_type", "valid are hello, ping, generate"),
    "message without a name": (request(""), "unknown_type", "valid are hello, ping, generate"),
    "an answer": (request("result"), "unknown_type", "valid are hello, ping, generate"),
    "next major version": (request("ping", protocol="2.0"), "version", "speaks 1.6.*same version"),
    "version 0": (request("ping", protocol="0.9"), "version", "speaks 1.6"),
    "huge version": (request("ping", protocol="9" * 100_000 + ".0"), "version", "speaks 1.6"),
    "version of no number": (request("ping", protocol="one"), "version", "ours is 1.6"),
    "no version": (request("ping", protocol=""), "version", "ours is 1.6"),
    "empty id": (request("ping", id=""), "bad_message", "1 to 64 letters"),
    "id of 65": (request("ping", id="x" * 65), "bad_message", "1 to 64 letters"),
    "id with a space": (request("ping", id="a b"), "bad_message", "1 to 64 letters"),
    "id with a line feed": (request("ping", id="a\n"), "bad_message", "1 to 64 letters"),
    "id of other digits": (request("ping", id="١"), "bad_message", "1 to 64 letters"),
    "relative path": (generate(sound={"kind": "path", "path": "voice.wav"}), "path", "not absolute.*whole path"),
    "no path": (generate(sound={"kind": "path"}), "path", "not absolute"),
    "span backwards": (generate(span=[2.0, 1.0]), "setting", "0 <= start < end"),
    "span of nothing": (generate(span=[1.0, 1.0]), "setting", "0 <= start < end"),
    "span before the sound": (generate(span=[-1.0, 1.0]), "setting", "0 <= start < end"),
    "span of NaN": (generate(span=[math.nan, 1.0]), "setting", "0 <= start < end"),
    "span to NaN": (generate(span=[0.0, math.nan]), "setting", "0 <= start < end"),
    "span to infinity": (generate(span=[0.0, math.inf]), "setting", "0 <= start < end"),
    "span from infinity": (generate(span=[math.inf, None]), "setting", "0 <= start < end"),
    "span of one": (generate(span=[1.0]), "bad_message", "length 2"),
    "span of three": (generate(span=[0.0, 1.0, 2.0]), "bad_message", "length 2"),
    "intensity below 0": (generate(intensity=-0.1), "setting", "0 to 4"),
    "intensity above 4": (generate(intensity=4.001), "setting", "0 to 4"),
    "intensity NaN": (generate(intensity=math.nan), "setting", "0 to 4"),
    "intensity infinite": (generate(intensity=math.inf), "setting", "0 to 4"),
    "intensity beyond float32": (generate(intensity=1e300), "setting", "0 to 4"),
    "fps 0": (generate(fps=0), "setting", "1 to 240"),
    "fps NaN": (generate(fps=math.nan), "setting", "1 to 240"),
    "fps 1000": (generate(fps=1000.0), "setting", "1 to 240"),
    "fps -30": (generate(fps=-30), "setting", "1 to 240"),
    "fps infinite": (generate(fps=math.inf), "setting", "1 to 240"),
    "unknown region": (generate(region="nose"), "setting", "valid are full, mouth, upper"),
    "seed negative": (generate(finishing={"seed": -1}), "setting", "whole numbers from 0"),
    "seed a boolean": (generate(finishing={"seed": True}), "bad_message", r"int.*\$\.finishing\.seed"),
    "seed a half": (generate(finishing={"seed": 0.5}), "bad_message", r"int.*\$\.finishing\.seed"),
    "seed a text": (generate(finishing={"seed": "9" * 100}), "bad_message", r"int.*\$\.finishing\.seed"),
    "short sum": (generate(sound=pcm(sha256="0" * 63)), "bad_message", "64 hexadecimal digits in lower case"),
    "sum in capitals": (generate(sound=pcm(sha256="A" * 64)), "bad_message", "64 hexadecimal digits in lower case"),
    "sum of other digits": (generate(sound=pcm(sha256="١" * 64)), "bad_message", "64 hexadecimal digits"),
    "sum and a line feed": (generate(sound=pcm(sha256="0" * 64 + "\n")), "bad_message", "64 hexadecimal digits"),
    "no sum": (generate(sound={"kind": "pcm", "rate": 16000}), "bad_message", "64 hexadecimal digits"),
    "no sound": (request("generate", SETTINGS), "bad_message", "sound"),
    "nothing to decode": (request("decode", SETTINGS), "bad_message", "heard"),
    "no job": (request("cancel", {}), "bad_message", "job"),
    **{
        f"curve of {value}": (
            generate(SAMPLES_BUFFER, (described("intensity", "float32", 1), struct.pack("<f", value))),
            "setting", "numbers from 0",
        )
        for value in (math.nan, math.inf, -1.0)
    },
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(BAD))
def test_bad_input_is_told_with_what_is_valid(name: str) -> None:
    frames, code, said = BAD[name]
    error = refused(frames)
    assert error.code == code and re.search(said, str(error)), error


def test_the_refusal_names_the_request() -> None:
    wrong = (request("dance"), generate(fps=0), generate(fps="x"), generate()[:1], request("ping", protocol="2.0"))
    for frames in wrong:
        with pytest.raises(BadRequest) as caught:
            read(frames)
        assert caught.value.parent == "a-1"
    for frames in ([b"\xc1"], request("ping", id="a b"), request("ping", id=1)):
        with pytest.raises(BadRequest) as caught:
            read(frames)
        assert caught.value.parent == ""


def test_huge_seeds_are_seeds() -> None:
    seed = job(generate(finishing={"seed": (1 << 64) - 1})).settings.finishing.seed
    assert np.random.default_rng([seed, 1]).random() >= 0


def test_two_hours_are_refused() -> None:
    rate, frames = 4000, 2 * 3600 * 4000
    data = mmap.mmap(-1, 2 * frames)  # takes no memory as long as nobody looks at it
    error = refused(generate((described("samples", "int16", frames), data), sound=pcm(rate=rate, name="Play")))
    assert error.code == "limit" and "Play lasts 7200.0 s; the limit is 3600 s. Split it" in str(error)
    error = refused(generate(SAMPLES_BUFFER, (described("intensity", "float32", frames // 2), data)))
    assert error.code == "limit" and "the limit is 216000" in str(error)


def test_limits_are_settings() -> None:
    small = ServiceLimits(AudioLimits(max_seconds=0.15, max_bytes=6000, max_channels=1), max_text=10, max_image_bytes=7)
    stereo = generate((described("samples", "int16", 1000, 2), SAMPLES[:4000]))
    for frames, said in (
        (generate(), "6400 bytes; the limit is 6000"),
        (generate((described("samples", "int16", 2500), SAMPLES[:5000])), r"0\.2 s; the limit is 0\.15"),
        (stereo, "at most 1"),
        (generate(transcript="far too long"), "12 characters; the limit is 10"),
        (request("decode", {"heard": "x"}, CURVE_BUFFER), "12 values; the limit is 9"),
        (request("decode", {"heard": "x", "guidance": PICTURE}, PICTURE_BUFFER), "8 bytes; the limit is 7"),
    ):
        error = refused(frames, small)
        assert error.code == "limit" and re.search(said, str(error)), error
    for name in ("max_pixels", "max_image_bytes"):  # the most is what the library decodes
        most = getattr(ServiceLimits(), name)
        with pytest.raises(SettingError, match=f"The limit {name} is {most + 1}; valid are 1 to {most}"):
            ServiceLimits(**{name: most + 1})
    with pytest.raises(SettingError, match=r"The limit max_stream_seconds is 600\.5; valid are 1 to 600"):
        ServiceLimits(max_stream_seconds=600.5)
    fits = generate((described("samples", "int16", 2000), SAMPLES[:4000]), transcript="short")
    assert read(fits, small).body.nbytes == 4000


# -- paths


def path_sound(path: object, **fields: Any) -> list[Any]:
    return request("generate", {"sound": {"kind": "path", "path": str(path), **fields}})


def link(at: Path, to: Path) -> Path:
    try:
        at.symlink_to(to)
    except OSError:
        pytest.skip("this user may not make links")
    return at


def test_paths_are_only_for_sidecars_that_take_them(root: Path) -> None:
    messages = root / "tests" / "helpers" / "messages.py"
    error = refused(VALID["generate path"], folders=None)
    assert error.code == "unsupported" and re.search(r"valid are pcm, file\.", str(error))
    assert read(VALID["generate path"], folders=()).body.sound.path == messages


def test_paths_stay_inside_their_folders(tmp_path: Path) -> None:
    tmp_path = tmp_path.resolve()
    inside, outside = tmp_path / "sounds", tmp_path / "sounds2"
    inside.mkdir()
    outside.mkdir()
    for path in (outside / "a.wav", inside / ".." / "sounds2" / "a.wav", tmp_path, inside / "..", "/"):
        error = refused(path_sound(path), folders=(inside,))
        assert error.code == "path" and re.search("outside.*--sounds FOLDER, or send the sound", str(error)), path
    good = inside / "more" / ".." / "a.wav"
    assert read(path_sound(good), folders=(tmp_path / "x", inside)).body.sound.path == inside / "a.wav"


def test_links_do_not_lead_outside(tmp_path: Path) -> None:
    tmp_path = tmp_path.resolve()
    inside, secret = tmp_path / "sounds", tmp_path / "secret.wav"
    inside.mkdir()
    secret.touch()
    straight, folder = link(inside / "a.wav", secret), link(inside / "up", tmp_path)
    for path in (straight, folder / "secret.wav", link(inside / "twice.wav", straight)):
        assert refused(path_sound(path), folders=(inside,)).code == "path"
    assert read(path_sound(folder / "sounds" / "b.wav"), folders=(inside,)).body.sound.path == inside / "b.wav"
    # Before Python 3.13 a loop is an error; since, it is a file that cannot be opened.
    try:
        read(path_sound(link(inside / "loop.wav", inside / "loop.wav")))
    except BadRequest as bad:
        assert bad.error.code == "path"


@pytest.mark.parametrize("text", ["/a\0b.wav", "/" + "a/" * 500_000, "/" + "x" * 5000])
def test_paths_that_no_file_can_have(text: str) -> None:
    error = refused(path_sound(os.path.abspath(os.sep) + text[1:]))
    assert error.code == "path" and "null byte, or more than 4096 characters" in str(error)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are not text")
def test_a_name_can_be_sent_back_wherever_the_link_leads(tmp_path: Path) -> None:
    target = os.fsencode(tmp_path) + b"/\xff.wav"
    open(target, "wb").close()
    os.symlink(target, tmp_path / "good.wav")
    sound = read(path_sound(tmp_path / "good.wav"), folders=[tmp_path.resolve()]).body.sound
    assert sound.name == "good.wav" and os.fsencode(sound.path) == os.fsencode(tmp_path.resolve()) + b"/\xff.wav"
    sound = read(path_sound(tmp_path / "good.wav", name=" two\n lines ")).body.sound
    assert sound.name == " two\n lines ", "as it is: the rig's meta tells it"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere all names of files are Unicode")
def test_a_system_without_unicode_refuses_what_it_cannot_name(root: Path) -> None:
    code = (
        "from tests.helpers.messages import BadRequest, read, request\n"
        "from pathlib import Path\n"
        "wanted = {'sound': {'kind': 'path', 'path': '/\\u6f22.wav'}}\n"
        "try: read(request('generate', wanted), folders=[Path('/')])\n"
        "except BadRequest as bad: print(bad.error.code)"
    )
    plain = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, "-c", code], env=plain, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("path\n", "")
