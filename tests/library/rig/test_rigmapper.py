"""The table for Unreal's RigMapper, read as Unreal reads it: keys by frame, straight lines between them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medtalk.errors import RigError
from medtalk.rig import RigSequence, indices, to_expressions, write_rig
from medtalk.rig.rigmapper import MAX_CURVE_FRAMES


def imported(path: Path) -> tuple[dict[str, np.ndarray], int]:
    """Curves (T,) by name and the number of keys, as `LoadCurveValuesFromCsv` and `BakeSparseKeys` take them."""
    header, *lines = path.read_text().splitlines()
    assert header == "curve_name, frame_number, value"
    keys: dict[str, dict[int, float]] = {}
    for line in lines:
        name, frame, value = line.replace(" ", "").split(",")
        keys.setdefault(name, {})[int(frame)] = float(value)
    count = 1 + max(frame for curve in keys.values() for frame in curve)
    return {name: np.interp(np.arange(count), list(k), list(k.values())) for name, k in keys.items()}, len(lines)


def test_what_unreal_imports_is_the_rig(tmp_path: Path) -> None:
    """Speech, with a jaw that is held, a brow that never moves from .3, and much that rests."""
    rng = np.random.default_rng(5)
    values = np.zeros((200, 174), np.float32)
    values[:, indices("?_mouth_*")] = rng.random((200, len(indices("?_mouth_*"))))
    values[:, indices("C_jaw.Y")] = np.repeat(rng.random((20, 1)), 10, axis=0)
    values[:, indices("L_brow_down")] = 0.3
    rig = RigSequence(values, 30.0)
    curves, lines = imported(write_rig(tmp_path / "take.curves.csv", rig))
    names, expected = to_expressions(rig)
    for name, column in zip(names, expected.T, strict=True):
        np.testing.assert_allclose(curves.get(name, np.zeros(200)), column, atol=1e-7, err_msg=name)
    assert "CTRL_expressions_eyeBlinkL" not in curves, "rests"
    assert len(curves["CTRL_expressions_jawOpen"]) == 200
    assert lines < 200 * len(curves), "keys between equal ones are left out"


@pytest.mark.parametrize("frames", [1, 2, 90])
def test_a_face_at_rest_keeps_its_length(tmp_path: Path, frames: int) -> None:
    curves, lines = imported(write_rig(tmp_path / "take.curves.csv", RigSequence(np.zeros((frames, 174)))))
    assert [len(curve) for curve in curves.values()] == [frames] and lines == min(frames, 2)
    assert not any(curve.any() for curve in curves.values())


def test_what_unreal_could_not_import_is_refused(tmp_path: Path) -> None:
    long = RigSequence(np.zeros((MAX_CURVE_FRAMES + 1, 174), np.float32))
    with pytest.raises(RigError, match=r"36001 frames are too many for \.curves\.csv.*\.expressions\.csv"):
        write_rig(tmp_path / "take.curves.csv", long)
    assert not list(tmp_path.iterdir())
