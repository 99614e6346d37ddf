"""What Unreal exports, beside a recorded rig: rig files and tables of curves of expressions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medtalk.errors import RigError
from medtalk.recorded.comparison import compare_curves
from medtalk.recorded.curves import Curves, of_rig, rate_of, read_export
from medtalk.recorded.recording import write_recording
from medtalk.recorded.verify import CHANGED, FAILED, SAME, verify_export
from medtalk.rig import RigSequence, write_rig
from medtalk_board.targets import TARGETS
from medtalk_wire.settings import Settings
from tests.library.quality.faces import JAW, changed, speaking

TURN = np.stack([np.linspace(-5, 5, 240), np.zeros(240), np.linspace(2, 3, 240)], axis=1)
RIG = replace(speaking(), head=TURN.astype(np.float32))


@pytest.fixture
def recorded(tmp_path: Path, sound: Path) -> Path:
    return write_recording(tmp_path / "rigs" / "line.rig", RIG, sound, Settings()).file


@pytest.mark.parametrize("ending", [".curves.csv", ".expressions.csv"])
def test_tables_come_back(tmp_path: Path, ending: str) -> None:
    """Those that this program writes are those that Unreal reads and writes."""
    found, own = read_export(write_rig(tmp_path / f"a{ending}", RIG)), of_rig(RIG)
    assert isinstance(found, Curves) and found.fps == (None if ending == ".curves.csv" else 60.0)
    assert len(found.values) == 240
    for index, name in enumerate(own.names):
        if name in found.names:
            assert np.allclose(found.values[:, found.names.index(name)], own.values[:, index], atol=1e-6), name
        else:
            assert not own.values[:, index].any(), name
    comparison = compare_curves(RIG, found)
    assert comparison.same and "HeadYaw" in found.names


def test_a_table_that_has_changed(tmp_path: Path) -> None:
    other = changed(RIG, 1.0, 1.2, JAW, 0.8)
    found = read_export(write_rig(tmp_path / "a.curves.csv", replace(other, head=-TURN.astype(np.float32))))
    assert isinstance(found, Curves)
    comparison = compare_curves(RIG, found)
    assert {each.name for each in comparison.over} == {"CTRL_expressions_jawOpen", "HeadRoll", "HeadPitch"}
    assert {each.area for each in comparison.over} == {"jaw", "head"}
    jaw = next(each for each in comparison.over if each.area == "jaw")
    assert 1.0 <= jaw.seconds < 1.2


def test_a_table_without_a_head_says_nothing_of_it(tmp_path: Path) -> None:
    found = read_export(write_rig(tmp_path / "a.curves.csv", replace(RIG, head=None)))
    assert isinstance(found, Curves) and compare_curves(RIG, found).same


@pytest.mark.parametrize("fps", [24.0, 30.0, 60.0])
def test_the_rate_of_a_table_that_does_not_say_it(tmp_path: Path, fps: float) -> None:
    found = read_export(write_rig(tmp_path / "a.curves.csv", RIG.resample(fps)))
    assert isinstance(found, Curves)
    assert rate_of(len(found.values), RIG) == fps and compare_curves(RIG, found).same


def test_a_table_of_another_length(tmp_path: Path) -> None:
    found = read_export(write_rig(tmp_path / "a.curves.csv", RIG.slice(0.0, 1.1)))
    assert isinstance(found, Curves)
    assert compare_curves(RIG, found).reasons == ("66 frames instead of 240",)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.curves.csv", "", "is not a table of curves"),
        ("a.curves.csv", "name, frame, value\n", "its header is not curve_name, frame_number, value"),
        ("a.curves.csv", "curve_name, frame_number, value\n", "it has no curve"),
        ("a.curves.csv", "curve_name, frame_number, value\njaw, 0\n", "is not a table of curves"),
        ("a.curves.csv", "curve_name, frame_number, value\njaw, -1, 0\n", "a frame is out of range"),
        ("a.curves.csv", "curve_name, frame_number, value\njaw, 9999999999, 0\n", "a frame is out of range"),
        ("a.curves.csv", "curve_name, frame_number, value\njaw, 0, nan\n", "a value is not a number"),
        ("a.expressions.csv", "time,jaw\n", "it has no column `time`, or no frame"),
        ("a.expressions.csv", "time,jaw\n0,0\n0,1\n", "its times are not in order"),
        ("a.expressions.csv", "time,jaw\n0,0\n.1\n", "is not a table of curves"),
        ("a.wav", "RIFF", "does not have the ending of a rig file"),
    ],
)
def test_what_is_no_table(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(RigError) as error:
        read_export(tmp_path / name)
    assert said in str(error.value)


def as_the_plugin(values: np.ndarray) -> RigSequence:
    """What the plugin's own export says of a rig: no turn of the head."""
    return RigSequence(values, 60.0, {"source": "unreal", "board": "mh4", "missing": []})


def test_the_plugins_own_export(recorded: Path, tmp_path: Path) -> None:
    """A frame more or less is no change, since sections begin and end at frames of the display."""
    folder = tmp_path / "exports"
    folder.mkdir()
    write_rig(folder / "Line.npz", as_the_plugin(RIG.values[:-1]))
    verdict = verify_export(recorded, folder)
    assert verdict.state == SAME and "Line.npz" in verdict.notes[0], "names as Unreal spells them"
    write_rig(folder / "Line.npz", as_the_plugin(RIG.values[:-3]))
    verdict = verify_export(recorded, folder)
    assert verdict.state == CHANGED and verdict.comparison is not None
    assert verdict.comparison.reasons == ("237 frames instead of 240",)


def test_a_control_that_the_board_lacks_is_not_compared(recorded: Path, tmp_path: Path) -> None:
    target = TARGETS["mh4"][int(JAW[0])]
    resting = RIG.values.copy()
    resting[:, JAW] = 0.0
    meta = {"source": "unreal", "board": "mh4", "missing": [target]}
    file = write_rig(tmp_path / "a.npz", RigSequence(resting, 60.0, meta))
    assert verify_export(recorded, file).state == SAME
    write_rig(file, RigSequence(resting, 60.0, meta | {"missing": []}))
    assert verify_export(recorded, file).state == CHANGED


def two(folder: Path) -> None:
    write_rig(folder / "line.npz", RIG)
    write_rig(folder / "LINE.csv", RIG)


@pytest.mark.parametrize(
    ("fill", "said"),
    [(lambda folder: None, "has no export of line. Export it as line.npz or line.curves.csv."),
     (two, "are both exports of line"),
     (lambda folder: (folder / "line.npz").write_bytes(b"PK"), "is not a complete .npz rig file")],
)  # fmt: skip
def test_exports_that_cannot_be_compared(
    recorded: Path, tmp_path: Path, fill: Callable[[Path], object], said: str
) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    fill(folder)
    verdict = verify_export(recorded, folder)
    assert verdict.state == FAILED and said in str(verdict.error)
