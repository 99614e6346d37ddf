"""Audio2Face's JSON: what is written is read again, what others write is read, and what does not fit is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medtalk.errors import RigError
from medtalk.rig import ARKIT_NAMES, RigSequence, from_arkit, indices, read_rig, to_arkit, write_rig
from medtalk.rig.audio2face import NAMES


def speaking(frames: int = 30, fps: float = 30.0) -> RigSequence:
    """A face that ARKit can say."""
    weights = np.random.default_rng(2).random((frames, 52)) * 0.5
    weights[:, ARKIT_NAMES.index("MouthClose")] = 0.4 * weights[:, ARKIT_NAMES.index("JawOpen")]
    return from_arkit(weights, fps)


def document(tmp_path: Path, **changes: Any) -> Path:
    """A file as Audio2Face writes one, two frames with an open jaw in the second; None leaves a member out."""
    weights = [[0.0] * 52, [0.0] * 52]
    weights[1][NAMES.index("jawOpen")] = 0.5
    members: dict[str, Any] = {
        "exportFps": 30.0, "trackPath": "a.wav", "numPoses": 52, "numFrames": 2, "facsNames": list(NAMES),
        "weightMat": weights, "joints": ["jaw"],
    }  # fmt: skip
    members = {name: value for name, value in (members | changes).items() if value is not None}
    path = tmp_path / "take.a2f.json"
    path.write_text(json.dumps(members))
    return path


def test_the_layout_is_audio2faces(tmp_path: Path) -> None:
    rig = speaking()
    data = json.loads(write_rig(tmp_path / "take.a2f.json", rig).read_text())
    assert (data["exportFps"], data["numFrames"], data["numPoses"]) == (30, 30, 52)
    assert data["facsNames"][:2] == ["eyeBlinkLeft", "eyeLookDownLeft"] and "tongueOut" in data["facsNames"]
    np.testing.assert_array_equal(np.array(data["weightMat"], np.float32), to_arkit(rig)[1])


@pytest.mark.parametrize("fps", [24.0, 29.97, 30000 / 1001, 60.0])
def test_it_comes_back_as_from_the_csv_of_the_app(tmp_path: Path, fps: float) -> None:
    rig = speaking(fps=fps)
    again = read_rig(write_rig(tmp_path / "take.a2f.json", rig))
    other = read_rig(write_rig(tmp_path / "take.arkit.csv", rig))
    assert again.fps == pytest.approx(fps, rel=1e-11) and len(again) == len(rig)
    np.testing.assert_allclose(again.values, other.values, atol=1e-6)
    np.testing.assert_allclose(to_arkit(again)[1], to_arkit(rig)[1], atol=0.012)


def test_names_in_another_order_and_case_and_more_of_them(tmp_path: Path) -> None:
    names = ["tongueUp", *reversed([name.upper() for name in NAMES])]
    weights = [[0.9] + [0.0] * 52, [0.9] + [0.0] * 52]
    weights[1][names.index("JAWOPEN")] = 0.5
    rig = read_rig(document(tmp_path, facsNames=names, weightMat=weights, numPoses=53))
    jaw = indices("C_jaw.Y")[0]
    assert rig.values[:, jaw].tolist() == [0.0, 0.5] and np.count_nonzero(rig.values) == 1


def test_without_a_rate_it_is_the_readers(tmp_path: Path) -> None:
    path = document(tmp_path, exportFps=None)
    assert (read_rig(path).fps, read_rig(path, fps=24.0).fps) == (60.0, 24.0)
    assert read_rig(document(tmp_path), fps=24.0).fps == 30.0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"facsNames": None}, "facsNames"),
        ({"weightMat": None}, "weightMat"),
        ({"facsNames": ["jawOpen"] * 52}, "twice"),
        ({"facsNames": ["smile", *NAMES[1:]]}, "eyeBlinkLeft"),
        ({"facsNames": list(NAMES[:51]), "numPoses": 51}, "52 values for 51 names"),
        ({"numFrames": 3}, '"numFrames" is 3, but it holds 2 frames'),
        ({"numPoses": 50}, "52 names"),
        ({"weightMat": [[0.0] * 52, [0.0] * 51]}, "frame 1 has 51 values; each must have 52"),
        ({"weightMat": [["a"] * 52] * 2}, "other than numbers"),
        ({"weightMat": []}, "1 to"),
        ({"exportFps": "30"}, "must be a number"),
        ({"exportFps": 0}, "frame rate of 0"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    path = document(tmp_path, **changes)
    with pytest.raises(RigError) as caught:
        read_rig(path)
    assert reason in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)
