from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medtalk.audio import Speech
from medtalk.errors import TrainingError
from medtalk.rig.arkit import ARKIT_NAMES, from_arkit
from medtalk.rig.channels import INDEX
from medtalk.rig.formats import write_rig
from medtalk.rig.sequence import RigSequence
from medtalk_train.measure.captures import beside_captures, read_captures, shapes
from tests.helpers.sounds import babble

JAW = INDEX["CTRL_C_jaw-translateY"]


def write_sound(path: Path, seconds: float = 2.0) -> None:
    import soundfile

    soundfile.write(path, babble(seconds), 16000)


def swing(frames: int, high: float, per_second: float = 2.0, fps: float = 60.0) -> np.ndarray:
    return high / 2 * (1 - np.cos(2 * np.pi * per_second * np.arange(frames) / fps))


@pytest.fixture
def tracked(tmp_path: Path) -> Path:
    """Two seconds of a tracked face at 30 fps whose jaw swings to .4, and a sound without a face."""
    write_sound(tmp_path / "one.wav")
    write_sound(tmp_path / "two.wav")
    values = np.zeros((60, 3), np.float16)
    values[:, 0], values[:, 2] = swing(60, 0.4, fps=30), 0.3
    names = np.array(["mouth_stretch_c", "mouth_funnel_ul", "mouth_funnel_dl"])
    np.savez(tmp_path / "one.npz", values=values, names=names, fps=30)
    return tmp_path


def test_a_jaw_of_half_the_swing(tracked: Path) -> None:
    captures = read_captures(tracked)
    assert [capture.name for capture in captures] == ["one"] and captures[0].curves["JawOpen"].shape == (120,)

    def show(_: Speech) -> np.ndarray:
        rig = np.zeros((118, 174), np.float32)
        rig[:, JAW] = swing(118, 0.2)
        return rig

    found = beside_captures(show, captures, "tracked")
    assert found["tracked JawOpen amplitude"] == pytest.approx(0.5, abs=0.01)
    assert found["tracked JawOpen r"] > 0.999 and found["tracked JawOpen captured p95"] == pytest.approx(0.4, abs=0.01)
    assert found["tracked JawOpen shown mean"] == pytest.approx(0.1, abs=0.005)
    assert not any("MouthFunnel" in name or "MouthClose" in name for name in found), "still, or not captured"
    opposite = beside_captures(lambda s: np.maximum(0.2 - show(s), 0), captures, "t")
    assert opposite["t JawOpen r"] < -0.99
    assert beside_captures(lambda s: show(s) * 0, captures, "t")["t JawOpen r"] == 0.0


def test_rigs_and_arkit_files(tmp_path: Path) -> None:
    weights = np.zeros((120, 52))
    weights[:, ARKIT_NAMES.index("JawOpen")] = swing(120, 0.4)
    weights[:, ARKIT_NAMES.index("MouthSmileLeft")] = 0.4
    rig = from_arkit(weights)
    assert shapes(rig)["MouthSmile"] == pytest.approx(0.2) and shapes(rig)["JawOpen"].max() == pytest.approx(0.4)
    for name, ending in (("a", ".csv"), ("b", ".arkit.csv"), ("c", ".npz")):
        write_sound(tmp_path / f"{name}.wav")
        write_rig(tmp_path / f"{name}{ending}", RigSequence(rig.values, 60.0))
    captures = read_captures(tmp_path)
    assert [capture.name for capture in captures] == ["a", "b", "c"]
    found = beside_captures(lambda _: rig.values, captures, "t")
    assert found["t JawOpen amplitude"] == pytest.approx(1.0, abs=0.01) and found["t JawOpen r"] > 0.999


def test_a_folder_without_captures(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="holds no captures"):
        read_captures(tmp_path)
