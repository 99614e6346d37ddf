"""Recordings that begin and end while a live face goes on: face and voice of the same time, and what is refused."""

from __future__ import annotations

import io
import json
import math
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import medtalk
from medtalk.cli.printing import complain
from medtalk.cli.recording import Recorder, tell
from medtalk.cli.steering import steer
from medtalk.cli.tape import Tape
from medtalk.errors import SettingError
from medtalk.live import Frames
from medtalk.rig import read_rig
from medtalk.sound import to_pcm16
from tests.helpers.sounds import babble

RATE = 16000


@pytest.fixture(scope="module")
def model(tiny_bundle: Path) -> medtalk.Model:
    return medtalk.load(tiny_bundle, threads=1)


class Stage:
    """A live face that is fed by hand, with a recorder."""

    def __init__(self, model: medtalk.Model, rate: int = RATE) -> None:
        self.face = model.live(rate=rate)
        self.recorder = Recorder(self.face, partial(Tape, rate=rate), self.face.facts)
        self.shown: list[np.ndarray] = []

    def hear(self, samples: np.ndarray) -> None:
        self.recorder.hear(samples)
        self.show(self.face.push(samples))

    def show(self, frames: Frames) -> None:
        self.shown.append(frames.values)
        self.recorder.add(frames)

    def finish(self) -> np.ndarray:
        """All frames; what was recorded is written then."""
        self.show(self.face.finish())
        self.recorder.close()
        for thread in threading.enumerate():  # of those before
            if thread.name == "medtalk recording":
                thread.join()
        return np.concatenate(self.shown)

    def steer(self, **asked: Any) -> None:
        assert steer(self.face, json.dumps(asked), self.recorder) is None


@pytest.fixture
def stage(model: medtalk.Model) -> Stage:
    return Stage(model)


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def as_json(line: str) -> dict[str, Any]:
    """A line of JSON; nothing of one for people."""
    return json.loads(line) if line.startswith("{") else {}


@pytest.mark.parametrize("piece", [640, 1777])
def test_face_and_voice_are_of_the_same_time(
    stage: Stage, piece: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound, path = babble(4.0), tmp_path / "take.npz"
    begin, end = 1003 * piece // 1000 * 20, 50 * piece  # in whole pieces
    begin = begin // piece * piece
    for at in range(0, len(sound), piece):
        if at == begin:
            stage.steer(record=str(path))
        if at == end:
            stage.steer(record=None)
        stage.hear(sound[at : at + piece])
    shown = stage.finish()
    first, last = math.ceil(begin / RATE * 60), math.floor(min(end, len(sound)) / RATE * 60)
    rig, (heard, rate) = read_rig(path), soundfile.read(path.with_suffix(".wav"), dtype="float32")
    assert np.array_equal(rig.values, shown[first:last]) and rig.fps == 60 and rate == RATE
    start = round(first / 60 * RATE)
    np.testing.assert_allclose(heard, sound[start : min(end, len(sound))], atol=1e-4)
    assert abs(len(heard) / rate - rig.seconds) < 1 / 60
    assert rig.meta["source"]["seconds"] == rig.seconds
    begun, written = told(capsys)
    assert begun == {"recording": str(path)} and written["recorded"]["rig"] == str(path)
    assert written["recorded"] == {
        "rig": str(path), "sound": str(path.with_suffix(".wav")), "frames": len(rig.values),
        "seconds": rig.seconds, "note": "",
    }  # fmt: skip


def test_the_end_of_the_stream_ends_it_and_another_may_follow(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = babble(2.0)
    stage.steer(record=str(tmp_path / "a.npz"))
    assert stage.recorder.seconds == 0.0
    stage.hear(sound[:16000])
    assert stage.recorder.seconds == pytest.approx(stage.face.frames / 60)
    stage.steer(record=None)
    assert stage.recorder.seconds is None
    stage.hear(sound[16000:24000])  # its last frames
    stage.steer(record=str(tmp_path / "b.npz"))
    stage.hear(sound[24000:])
    shown = stage.finish()
    assert np.array_equal(read_rig(tmp_path / "a.npz").values, shown[:60])
    assert np.array_equal(read_rig(tmp_path / "b.npz").values, shown[90:])
    assert [list(line) for line in told(capsys)].count(["recorded"]) == 2


def test_what_is_refused_is_told_and_the_face_goes_on(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "take.npz"
    (tmp_path / "file").touch()
    for asked, about, what in (
        ({"record": None}, "", "Nothing is being recorded."),
        ({"record": 7}, "7", "record stands alone"),
        ({"record": " "}, " ", "record stands alone"),
        ({"record": str(path), "emotion": "sad"}, str(path), "record stands alone"),
        ({"record": str(tmp_path / "take.mp4")}, str(tmp_path / "take.mp4"), "mp4"),
        ({"record": str(tmp_path / "file" / "take.npz")}, str(tmp_path / "file" / "take.npz"), "take.npz"),
    ):
        stage.steer(**asked)
        (line,) = told(capsys)
        assert what in line["refused"]["message"] and line["refused"]["about"] == about, line
        assert set(line["refused"]) == {"code", "message", "hint", "about"}
    stage.steer(record=str(path))
    stage.steer(record=str(tmp_path / "other.npz"))
    assert "recording already" in told(capsys)[1]["refused"]["message"]
    stage.hear(babble(0.5))
    stage.finish()
    assert "recorded" in told(capsys)[0] and len(read_rig(path).values) == 30
    assert not (tmp_path / "other.npz").exists()
    with pytest.raises(SettingError, match="unknown name"):
        steer(stage.face, '{"recrod": null}', stage.recorder)


@pytest.mark.parametrize("rate", [RATE, 96000])
def test_on_a_full_disk_what_fits_is_kept(
    model: medtalk.Model, rate: int, full_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whichever of the files it is that has no room, and whether or not there is room for the sound."""
    for size in range(600, 1000, 80):  # samples at a time
        path = full_disk / f"take{size}.npz"
        stage = Stage(model, rate)
        stage.steer(record=str(path))
        sound, piece = babble(2.0, rate), size * rate // RATE
        for at in range(0, len(sound), piece):
            stage.hear(sound[at : at + piece])
        shown = stage.finish()
        said = capsys.readouterr().err.splitlines()
        assert f"medtalk: The recording ends here: Cannot write {path}: the disk is full." in said
        (done,) = [each["recorded"] for line in said if "recorded" in (each := as_json(line))]
        rig = read_rig(path)
        assert np.array_equal(rig.values, shown[: len(rig)]) and done["frames"] == len(rig) > 3
        assert rig.meta["source"]["seconds"] == done["seconds"] == rig.seconds and stage.recorder.failed
        if rate == RATE:
            assert soundfile.info(done["sound"]).duration > rig.seconds - 0.05
            Path(done["sound"]).unlink()
        else:
            assert done["sound"] == "" and "Cannot write" in done["note"] and f"take{size}.wav" in done["note"]
        path.unlink()
        assert list(full_disk.iterdir()) == []


def test_a_disk_without_any_room_is_one_word(stage: Stage, full_disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (full_disk / "film.mov").write_bytes(bytes(64 << 10))
    path = full_disk / "take.npz"
    stage.steer(record=str(path))
    stage.hear(babble(1.0))
    stage.finish()
    *_, last = capsys.readouterr().err.splitlines()
    refused = json.loads(last)["refused"]
    assert refused["about"] == str(path) and refused["message"].startswith(f"{path} is not written. The recording ends")
    assert [each.name for each in full_disk.iterdir()] == ["film.mov"]


def test_a_sound_that_lies_there_is_not_written_over(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "take.wav"
    soundfile.write(other, babble(0.5), RATE)
    before = other.read_bytes()
    stage.steer(record=str(tmp_path / "take.npz"))
    (line,) = told(capsys)
    assert line["refused"]["message"] == f"{other} is there already, and would be lost."
    assert other.read_bytes() == before and [each.name for each in tmp_path.iterdir()] == ["take.wav"]
    stage.recorder = Recorder(stage.face, partial(Tape, rate=RATE, force=True), stage.face.facts)
    stage.steer(record=str(tmp_path / "take.npz"))
    stage.hear(babble(1.0))
    stage.finish()
    assert soundfile.info(other).duration == 1.0


def test_nothing_is_written_of_nothing(stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stage.steer(record=str(tmp_path / "take.npz"))
    stage.steer(record=None)
    stage.finish()
    assert "Nothing was heard" in told(capsys)[1]["refused"]["message"] and list(tmp_path.iterdir()) == []


def test_a_word_comes_back_about_the_path_as_it_was_asked_for(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever asked compares it with its own: on Windows a Path spells it otherwise, and so it does here."""
    asked = f"{tmp_path}//take.npz"
    stage.steer(record=asked)
    stage.finish()  # nothing was heard
    begun, refused = told(capsys)
    assert begun["recording"] == asked == refused["refused"]["about"] != str(Path(asked))


@pytest.mark.parametrize("path", ["take\0.npz", "take\ud800.npz"])
def test_a_name_that_no_file_can_have(stage: Stage, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    stage.steer(record=path)
    assert "cannot be the name of a file" in told(capsys)[0]["refused"]["message"]


def test_whatever_befalls_a_recording_is_told(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tape, "write", lambda *_: {}["ink"])
    stage.steer(record=str(tmp_path / "take.npz"))
    stage.hear(babble(0.5))
    stage.finish()
    refused = told(capsys)[1]["refused"]
    assert (
        refused["about"] == str(tmp_path / "take.npz") and "cannot be written (KeyError('ink'))" in refused["message"]
    )


def test_a_take_knows_how_the_face_was_guided_while_it_was_made(stage: Stage, tmp_path: Path) -> None:
    sound = babble(4.0)
    for second, name in enumerate((None, "a", None, "b")):
        stage.recorder.guided({"emotion": f"mood {second}"})
        if name is not None:
            stage.steer(record=str(tmp_path / f"{name}.npz"))
        stage.hear(sound[RATE * second : RATE * second + RATE // 2])
        stage.recorder.guided({"emotion": f"mood {second}.5"})
        stage.hear(sound[RATE * second + RATE // 2 : RATE * (second + 1)])
        if name is not None:
            stage.steer(record=None)
    stage.finish()
    for name, second in (("a", 1), ("b", 3)):
        (steered,) = read_rig(tmp_path / f"{name}.npz").meta["steered"]
        assert steered["emotion"] == f"mood {second}.5"
        assert steered["time"] == pytest.approx(0.5 - stage.face.look_ahead, abs=0.05), "from its own beginning"


def test_lines_of_several_threads_do_not_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(io.StringIO):
        def write(self, text: str) -> int:
            time.sleep(0.001)
            return super().write(text)

    monkeypatch.setattr(sys, "stderr", Slow())
    ways = [partial(complain, "a person reads this"), partial(tell, {"recorded": {}})]
    threads = [threading.Thread(target=lambda way=way: [way() for _ in range(20)]) for way in ways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = sys.stderr.getvalue().splitlines()  # type: ignore[attr-defined]
    assert sorted(lines) == ["medtalk: a person reads this"] * 20 + ['{"recorded": {}}'] * 20


def test_without_a_program_that_starts_it_record_is_an_unknown_name(stage: Stage) -> None:
    with pytest.raises(SettingError, match=r"unknown name 'record'; valid are emotion, text, intensity"):
        steer(stage.face, '{"record": null}')


def test_samples_that_are_no_numbers_are_recorded_as_silence_like_they_are_heard() -> None:
    samples = np.array([math.nan, math.inf, -math.inf, 1.5, -1.0, 0.6 / 32767.0], np.float32)
    assert to_pcm16(samples).tolist() == [0, 0, 0, 32767, -32767, 1]
