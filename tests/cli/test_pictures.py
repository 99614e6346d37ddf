"""The commands `sheet` and `video`: what they write, say and refuse."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from medtalk.rig import RigSequence, Timed, indices, write_rig
from tests.helpers.sounds import babble

pytestmark = pytest.mark.slow

PHONES = (Timed("m", 0.2, 0.4), Timed("aa", 0.4, 0.8), Timed("p", 1.5, 1.6))


def _rig(seconds: float = 2.0, emotion: str = "happy") -> RigSequence:
    values = np.zeros((round(60 * seconds), 174), np.float32)
    values[:, indices("C_jaw.Y")] = np.linspace(0.0, 0.6, len(values))[:, None]
    return RigSequence(values, 60, {"source": {"name": "voice.wav"}, "emotion": {emotion: 1.0}}, (), PHONES)


@pytest.fixture
def rig(tmp_path: Path) -> Path:
    """`take.npz` of 2 s, with its sound beside it."""
    soundfile.write(tmp_path / "voice.wav", babble(2.0), 16000)
    return write_rig(tmp_path / "take.npz", _rig())


@pytest.fixture
def refused(medtalk, tmp_path):
    """Runs a command that must fail with one line, write nothing, and print nothing; the line."""

    def run(*words: object) -> str:
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
        done = medtalk(*words)
        assert (done.code, done.out) == (1, "")
        assert len(done.err.splitlines()) == 1 and done.err.startswith("medtalk: ")
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
        return done.err

    return run


def _size(path: Path) -> tuple[int, int]:
    from PIL import Image

    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return picture.size


def test_a_sheet_of_several_takes(medtalk, rig, tmp_path):
    other = write_rig(tmp_path / "other.json", _rig(2.0, "angry"))
    done = medtalk("sheet", rig, other, "-o", tmp_path / "sheet.png", "--size", 48)
    assert (done.code, done.err) == (0, "")
    assert "2 takes at m 0.30, aa 0.60, pause 1.15, p 1.55 s" in done.out
    width, height = _size(tmp_path / "sheet.png")
    assert height == 8 + 2 * (48 + 22) and width > 4 * 50


def test_takes_of_other_sounds_have_moments_of_their_own(medtalk, rig, tmp_path):
    other = write_rig(tmp_path / "other.json", RigSequence(_rig(1.0).values, 60, {"source": {"name": "other.wav"}}))
    one = write_rig(tmp_path / "one.csv", RigSequence(_rig().values[:1]))
    done = medtalk("sheet", rig, other, "-o", tmp_path / "sheet.png", "--size", 48, "--columns", 6)
    assert (done.code, done.err) == (0, "") and "2 takes at moments of their own\n" in done.out
    done = medtalk("sheet", rig, other, "-o", tmp_path / "sheet.png", "--size", 48, "--times", "0.3,1.5")
    assert (done.code, done.err) == (0, "") and "2 takes at m 0.30, p 1.50 s\n" in done.out
    assert "sheet.png: one at 0.01 s\n" in medtalk("sheet", one, "-o", tmp_path / "sheet.png", "--size", 48).out


def test_moments_that_the_user_names(medtalk, rig, tmp_path):
    done = medtalk("sheet", rig, "-o", tmp_path / "a.png", "--size", 48, "--times", "0.5, 1.9", "--mouth", "--yaw", 30)
    assert (done.code, done.err) == (0, "") and "take at aa 0.50, 1.90 s" in done.out
    done = medtalk("sheet", rig, "-o", tmp_path / "b.png", "--size", 48, "--phones", "p,pause,m")
    assert (done.code, done.err) == (0, "") and "take at p 1.55, pause 1.15, m 0.30 s" in done.out
    done = medtalk("sheet", rig, "-o", tmp_path / "c.png", "--size", 48, "--columns", 1)
    assert (done.code, done.err) == (0, "") and "take at m 0.30 s" in done.out
    assert _size(tmp_path / "b.png")[0] - _size(tmp_path / "a.png")[0] == 50


def test_a_sheet_that_cannot_be(refused, rig, tmp_path):
    out = ("-o", tmp_path / "sheet.png")
    assert "does not exist" in refused("sheet", tmp_path / "none.npz", *out)
    assert "ending of a rig file" in refused("sheet", tmp_path / "voice.wav", *out)
    assert "cannot be used together" in refused("sheet", rig, *out, "--times", "1", "--phones", "p")
    assert "--times is 'now'" in refused("sheet", rig, *out, "--times", "now")
    assert "valid are 0 to 2 s" in refused("sheet", rig, *out, "--times", "2.5")
    assert "'zh'" in refused("sheet", rig, *out, "--phones", "zh")
    assert "valid are 1 to 40" in refused("sheet", rig, *out, "--columns", "0")
    assert "valid are 32 to 2048" in refused("sheet", rig, *out, "--size", "9")
    assert "-180 to 180" in refused("sheet", rig, *out, "--yaw", "500")
    assert "is a folder" in refused("sheet", rig, "-o", tmp_path)
    assert "does not exist" in refused("sheet", rig, "-o", tmp_path / "no" / "sheet.png")


def test_rigs_that_cannot_be_drawn(refused, tmp_path):
    header, row = ",".join(["time", *(f"other_{n}" for n in range(174))]), ",".join(["0"] * 175)
    (tmp_path / "other.csv").write_text(f"{header}\n{row}\n")
    (tmp_path / "nan.txt").write_text(" ".join(["nan"] * 174) + "\n")
    (tmp_path / "empty.npz").write_bytes(b"")
    for name in ("other.csv", "nan.txt", "empty.npz"):
        for command in (["sheet", "-o", tmp_path / "out.png"], ["video", "-o", tmp_path / "out.mp4"]):
            assert name in refused(*command, tmp_path / name)


def test_a_video_with_the_sound_beside_the_rig(medtalk, rig, tmp_path):
    import av

    done = medtalk("video", rig, "-o", tmp_path / "take.mp4", "--size", 64)
    assert (done.code, done.err) == (0, "")
    assert f"take.mp4: 2.0 s, 60 pictures at 30 fps, with the sound of {tmp_path / 'voice.wav'}" in done.out
    with av.open(str(tmp_path / "take.mp4")) as read:
        assert read.streams.video[0].frames == 60
        assert (read.streams.video[0].width, read.streams.video[0].height) == (64, 64)
        assert read.duration == pytest.approx(2e6, abs=1e5) and len(read.streams.audio) == 1
    done = medtalk("video", rig, rig, "-o", tmp_path / "two.mp4", "--size", 64, "--span", "0.5,1", "--fps", "24", "-q")
    assert (done.code, done.out, done.err) == (0, "", "")
    with av.open(str(tmp_path / "two.mp4")) as read:
        assert read.streams.video[0].frames == 12 and read.streams.video[0].width == 128
        assert read.duration == pytest.approx(0.5e6, abs=1e5)


def test_a_sound_that_is_named_or_missing(medtalk, rig, tmp_path):
    soundfile.write(tmp_path / "other.flac", babble(3.0, 44100), 44100)
    words = ("video", rig, "-o", tmp_path / "take.mp4", "--size", "32")
    done = medtalk(*words, "--audio", tmp_path / "other.flac")
    assert done.code == 0 and "with the sound of" in done.out
    assert done.err == (
        "medtalk: The sound lasts 3.00 s and the rig 2.00 s. Both start together, neither is stretched: the rig ends "
        "before the sound.\n"
    )
    (tmp_path / "voice.wav").unlink()
    done = medtalk(*words)
    assert done.code == 0 and "with the sound" not in done.out
    assert "take.mp4 has no sound: none lies beside the rig. Give it with --audio." in done.err


@pytest.mark.parametrize("name", ["take.webp", "take.gif", "TAKE.GIF"])
def test_an_animated_picture(medtalk, rig, tmp_path, name):
    from PIL import Image

    done = medtalk("video", rig, "-o", tmp_path / name, "--size", 48, "--fps", 10, "--span", "0,1")
    assert (done.code, done.err) == (0, "") and "1.0 s, 10 pictures at 10 fps\n" in done.out
    with Image.open(tmp_path / name) as read:
        assert read.size == (48, 48) and read.format == name[-4:].strip(".").upper()


def test_a_video_that_cannot_be(refused, rig, tmp_path):
    out = ("-o", tmp_path / "take.mp4")
    (tmp_path / "noise.wav").write_bytes(b"no sound at all")
    assert "noise.wav" in refused("video", rig, *out, "--audio", tmp_path / "noise.wav")
    assert "does not exist" in refused("video", rig, *out, "--audio", tmp_path / "none.wav")
    assert "valid endings are .mp4 .webp .gif" in refused("video", rig, "-o", tmp_path / "take.avi")
    assert "has no sound" in refused("video", rig, "-o", tmp_path / "a.gif", "--audio", tmp_path / "voice.wav")
    assert "--fps is 0" in refused("video", rig, *out, "--fps", "0")
    assert "must be even" in refused("video", rig, *out, "--size", "101")
    for span in ("1", "a,b", "2,1", "-1,1", "nan,1"):
        assert "--span" in refused("video", rig, *out, f"--span={span}")
    assert "the rig lasts from 0 to 2 s" in refused("video", rig, *out, "--span", "0,9")
    assert "does not exist" in refused("video", rig, "-o", tmp_path / "no" / "take.mp4")


@pytest.mark.parametrize(("command", "name"), [("sheet", "a.png"), ("video", "a.mp4"), ("video", "a.webp")])
def test_a_full_disk(medtalk, rig, full_disk, command, name):
    rig = shutil.copy(rig, full_disk.parent / "other.npz")
    size = {"a.png": 200, "a.mp4": 480, "a.webp": 480}[name]
    (full_disk / "filler").write_bytes(bytes(52 << 10))
    done = medtalk(command, rig, "-o", full_disk / name, "--size", size)
    assert (done.code, done.out) == (1, "")
    assert len(done.err.splitlines()) == 1 and "the disk is full" in done.err
    assert [path.name for path in full_disk.iterdir()] == ["filler"]
