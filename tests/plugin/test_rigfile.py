"""Rig files of the library, read without numpy: the same values, or one clear line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medtalk.rig import RigSequence, write_rig
from tests.plugin.takes import moving

NAMES = ("a.npz", "a.json", "a.csv")


def a_rig(frames: int = 7, head: bool = True, fps: float = 30000 / 1001) -> RigSequence:
    turns = np.linspace((-9.0, 3.0, 2.0), (8.0, -5.0, -1.0), frames).astype(np.float32) if head else None
    return RigSequence(moving(frames), fps, {"emotion": {"happy": 1.0}, "note": "où"}, head=turns)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("head", [True, False])
def test_it_is_read_as_it_was_written(editor: Any, tmp_path: Path, name: str, head: bool) -> None:
    from medtalk_unreal import rigfile

    rig = a_rig(head=head)
    write_rig(tmp_path / name, rig)
    found = rigfile.read(tmp_path / name)
    assert found.frames == 7 and found.fps == pytest.approx(rig.fps, rel=1e-9)
    np.testing.assert_array_equal(np.asarray(found.rows), rig.values)
    if rig.head is None:
        assert found.turns is None
    else:
        np.testing.assert_array_equal(np.asarray(found.turns), rig.head)
    assert found.meta == ({} if name == "a.csv" else {"emotion": {"happy": 1.0}, "note": "où"})


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_cut_anywhere_is_one_line(editor: Any, tmp_path: Path, name: str) -> None:
    """A .csv that is cut between two lines is a shorter one, and nobody can tell."""
    from medtalk_unreal import rigfile
    from medtalk_unreal.errors import PluginError

    write_rig(tmp_path / name, a_rig())
    data = (tmp_path / name).read_bytes()
    for part in np.linspace(0, len(data) - 3, 60).astype(int):
        (tmp_path / f"cut-{name}").write_bytes(data[:part])
        try:
            found = rigfile.read(tmp_path / f"cut-{name}")
        except PluginError as error:
            assert f"cut-{name}" in error.message and "\n" not in str(error)
        else:
            assert name == "a.csv" and found.frames < 7


@pytest.mark.parametrize("seed", range(3))
def test_bytes_that_are_other_than_they_were_end_no_other_way(editor: Any, tmp_path: Path, seed: int) -> None:
    from medtalk_unreal import rigfile
    from medtalk_unreal.errors import PluginError

    rng, path = np.random.default_rng(seed), tmp_path / "a.npz"
    write_rig(path, a_rig())
    data = np.frombuffer(path.read_bytes(), np.uint8)
    for _ in range(60):
        harmed = data.copy()
        harmed[rng.integers(0, len(data), 4)] = rng.integers(0, 256, 4)
        path.write_bytes(harmed.tobytes())
        try:
            assert rigfile.read(path).frames > 0
        except PluginError as error:
            assert "a.npz" in error.message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"values": np.full((2, 174), np.nan, np.float32)}, "values that are not numbers"),
        ({"values": np.zeros((2, 173), np.float32)}, "is no complete rig"),
        ({"values": np.zeros((2, 174))}, "is no complete rig"),
        ({"values": np.zeros((0, 174), np.float32)}, "has no whole frame"),
        ({"fps": np.float64(0)}, "has 0 frames a second"),
        ({"version": np.int64(2)}, "of another version of MEDTalk. Update the plugin"),
        ({"head": np.zeros((5, 3), np.float32)}, "head of the rig"),
        ({"channels": np.array(["a", "b"])}, "another list of channels: its channel 1 is 'a'. Bake it again"),
    ],
)
def test_what_is_no_rig_says_why(editor: Any, tmp_path: Path, change: dict[str, Any], said: str) -> None:
    from medtalk_unreal import rigfile
    from medtalk_unreal.errors import PluginError

    path = tmp_path / "a.npz"
    write_rig(path, a_rig(2))
    with np.load(path) as archive:
        arrays = {**archive, **change}
    np.savez_compressed(path, **arrays)
    with pytest.raises(PluginError, match=said):
        rigfile.read(path)


def test_of_other_formats_none_is_taken_for_a_rig(editor: Any) -> None:
    from medtalk_unreal import rigfile

    names = ["L1.npz", "L1.csv", "L1.arkit.csv", "L1.expressions.csv", "L1.curves.csv", "L1.a2f.json", "L1.txt", "L1"]
    assert [name for name in names if rigfile.can_read(name)] == ["L1.npz", "L1.csv"]
