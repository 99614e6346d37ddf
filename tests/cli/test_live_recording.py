"""Recordings that begin and end while a live face goes on: face and voice of the same time, and what is refused."""

from __future__ import annotations

import json
import math
import threading
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import medtalk
from medtalk.cli.recording import Recorder
from medtalk.cli.steering import steer
from medtalk.cli.tape import Tape
from medtalk.errors import SettingError
from medtalk.live import Frames
from medtalk.rig import read_rig
from tests.helpers.sounds import babble

RATE = 16000


@pytest.fixture(scope="module")
def model(tiny_bundle: Path) -> medtalk.Model:
    return medtalk.load(tiny_bundle, threads=1)


class Stage:
    """A live face that is fed by hand, with a recorder."""

    def __init__(self, model: medtalk.Model) -> None:
        self.face = model.live()
        self.recorder = Recorder(self.face, partial(Tape, rate=RATE), self.face.facts)
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
        for thread in threading.enumerate():
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


def test_nothing_is_written_of_nothing(stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stage.steer(record=str(tmp_path / "take.npz"))
    stage.steer(record=None)
    stage.finish()
    assert "Nothing was heard" in told(capsys)[1]["refused"]["message"] and list(tmp_path.iterdir()) == []


def test_where_frames_are_missing_the_face_holds_still(stage: Stage, tmp_path: Path) -> None:
    """A stream may leave out those of sound that was lost."""
    path = tmp_path / "take.npz"
    stage.steer(record=str(path))
    values = np.arange(4 * 174, dtype=np.float32).reshape(4, 174) / 1e3
    stage.recorder.add(Frames(0, values[:2], None))
    stage.recorder.add(Frames(5, values[2:], None))
    stage.finish()
    assert np.array_equal(read_rig(path).values[:7], values[[0, 1, 2, 2, 2, 2, 3]])
