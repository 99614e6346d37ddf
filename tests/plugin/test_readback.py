"""Takes read back: the file is one of the library's own, and holds what the board does now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medtalk.rig import read_rig as read_rig_file
from tests.fake_unreal import inside
from tests.plugin.takes import KEYED, a_sound, board_section, moving, write


def export(editor: Any, sequence: Any, folder: Path, actor: Any = None, **more: Any) -> list[Path]:
    from medtalk_unreal import readback

    with editor.plugin_code():
        path = actor.get_path_name() if actor else None
        return readback.export(sequence.get_path_name(), path, folder, **more)


@pytest.mark.parametrize("board", ["mh3", "mh4"])
@pytest.mark.parametrize(("display", "start"), [(24, 0), (30, 1001), (60, 0), (60, 1001)])
def test_what_was_written_is_read(editor: Any, tmp_path: Path, display: int, start: int, board: str) -> None:
    actor, sequence = editor.add_metahuman(board), editor.new_sequence(display)
    values = moving(display)  # one second
    sound = a_sound(editor, tmp_path, 1.0)
    write(editor, values, display, sequence=sequence, actor=actor, sound=sound, start_frame=start)
    npz, wav = export(editor, sequence, tmp_path / "out")
    rig = read_rig_file(npz)
    assert (npz.name, wav.name, rig.fps, len(rig)) == ("line.npz", "line.wav", display, display)
    np.testing.assert_allclose(rig.values[:, KEYED], values[:, KEYED], atol=1e-6)
    assert not np.delete(rig.values, KEYED, axis=1).any()
    assert wav.read_bytes() == (tmp_path / "line.wav").read_bytes()
    assert rig.meta["take"] == "line" and rig.meta["board"] == board and rig.meta["first_frame"] == start


def test_at_another_rate(editor: Any, tmp_path: Path) -> None:
    """A take of 60 frames a second in a sequence that shows 24."""
    actor, sequence = editor.add_metahuman(), editor.new_sequence(24)
    values = moving(60)
    write(editor, values, sequence=sequence, actor=actor, sound=a_sound(editor, tmp_path, 1.0), start_frame=48)
    npz, _ = export(editor, sequence, tmp_path, fps=60.0)
    rig = read_rig_file(npz)
    assert (rig.fps, len(rig)) == (60.0, 60)
    np.testing.assert_allclose(rig.values[:, KEYED], values[:, KEYED], atol=1e-6)


def test_what_the_user_changed_is_in_it(editor: Any, tmp_path: Path) -> None:
    actor, sequence = editor.add_metahuman(), editor.new_sequence(60)
    write(editor, moving(60), sequence=sequence, actor=actor, sound=a_sound(editor, tmp_path, 1.0))
    section = board_section(editor, sequence)
    inside.clear_keys(section, ["CTRL_C_jaw.Y", "CTRL_L_brow_down"])
    inside.set_default(section, "CTRL_C_jaw.Y", 0.75)
    rig = read_rig_file(export(editor, sequence, tmp_path, actor)[0])
    from medtalk.rig.channels import INDEX

    np.testing.assert_allclose(rig.values[:, INDEX["CTRL_C_jaw-translateY"]], 0.75)
    np.testing.assert_allclose(rig.values[:, INDEX["CTRL_L_brow_down-translateY"]], 0.0)


def test_several_takes_and_names_that_no_file_can_have(editor: Any, tmp_path: Path) -> None:
    from medtalk_unreal import readback

    actor, sequence = editor.add_metahuman(), editor.new_sequence(60)
    sound = a_sound(editor, tmp_path, 0.5)
    other = a_sound(editor, tmp_path, 0.5, "other")
    write(editor, moving(30), name="A: B?", sequence=sequence, actor=actor, sound=sound, start_frame=100)
    write(editor, moving(30), name="other", sequence=sequence, actor=actor, sound=other)
    write(editor, moving(30), name="other", sequence=sequence, actor=actor, sound=other, replace=False, start_frame=50)
    with editor.plugin_code():
        found = readback.find_takes(sequence.get_path_name())
    assert [(take.name, take.first_frame, take.end_frame) for take in found] == [
        ("other", 0, 30), ("other", 50, 80), ("A: B?", 100, 130),
    ]  # fmt: skip
    files = export(editor, sequence, tmp_path / "out")
    assert [file.name for file in files] == [
        "other.npz", "other.wav", "other_.npz", "other_.wav", "A__B_.npz", "A__B_.wav",
    ]  # fmt: skip
    assert [file.name for file in export(editor, sequence, tmp_path / "one", name="A: B?")] == [
        "A__B_.npz",
        "A__B_.wav",
    ]


def test_the_file_needs_no_numpy_and_is_the_same_each_time(editor: Any, tmp_path: Path) -> None:
    from array import array

    from medtalk_unreal.rigfile import Rig, npz

    rig = Rig(array("f", range(348)), 29.97, {"take": "où", "missing": []})
    data = npz(rig)
    assert data == npz(rig)
    (tmp_path / "a.npz").write_bytes(data)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        assert archive["values"].tolist() == np.arange(348.0).reshape(2, 174).tolist()
        assert archive["fps"].item() == 29.97 and archive["version"].item() == 1
    assert read_rig_file(tmp_path / "a.npz").meta["take"] == "où"


def test_where_there_is_nothing_to_read(editor: Any, tmp_path: Path) -> None:
    from medtalk_unreal import readback
    from medtalk_unreal.errors import PluginError

    actor, sequence = editor.add_metahuman(), editor.new_sequence(60)
    path = sequence.get_path_name()
    with pytest.raises(PluginError, match="has no take with a sound"):
        export(editor, sequence, tmp_path, actor)
    with pytest.raises(PluginError, match="no control board"):
        readback.read_rig(path, actor.get_path_name(), 0, 10)
    write(editor, moving(6), sequence=sequence, actor=actor, sound=a_sound(editor, tmp_path))
    with pytest.raises(PluginError, match="nothing to read"):
        readback.read_rig(path, None, 10, 10)
    with pytest.raises(PluginError, match="has no take called 'x'"):
        export(editor, sequence, tmp_path, name="x")
    section = board_section(editor, sequence)
    inside.clear_keys(section, inside.channels(section))
    with pytest.raises(PluginError, match="has no keys"):
        readback.read_rig(path, None, 0, 10)


def test_a_folder_that_cannot_be_written(editor: Any, tmp_path: Path) -> None:
    from medtalk_unreal.errors import PluginError

    actor, sequence = editor.add_metahuman(), editor.new_sequence(60)
    write(editor, moving(6), sequence=sequence, actor=actor, sound=a_sound(editor, tmp_path))
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PluginError, match="cannot be written"):
        export(editor, sequence, tmp_path / "file")
    (tmp_path / "dir" / "line.wav").mkdir(parents=True)
    with pytest.raises(PluginError, match="cannot be written"):
        export(editor, sequence, tmp_path / "dir")
    assert sorted(path.name for path in (tmp_path / "dir").iterdir()) == ["line.npz", "line.wav"]


@pytest.mark.engine("5.6")
def test_the_sections_of_a_board_are_read_as_they_are_shown(editor: Any, tmp_path: Path, unreal: Any) -> None:
    """A take above the animator's section, which shows where the take is trimmed, muted or lets it through."""
    from medtalk.rig.channels import INDEX

    actor, sequence = editor.add_metahuman(), editor.new_sequence(60)
    values, jaw = moving(60), INDEX["CTRL_C_jaw-translateY"]
    target = {"sequence": sequence, "actor": actor, "sound": a_sound(editor, tmp_path, 1.0)}
    write(editor, values, **target)
    take = board_section(editor, sequence)
    his = inside.track_of(take).add_section()
    his.set_blend_type(unreal.MovieSceneBlendType.ABSOLUTE)
    inside.add_key(his, "CTRL_C_jaw.Y", 0, 0.5)

    def read() -> Any:
        return read_rig_file(export(editor, sequence, tmp_path / "out")[0]).values

    np.testing.assert_allclose(read()[:, jaw], (values[:, jaw] + 0.5) / 2, atol=1e-6)
    take.set_blend_type(unreal.MovieSceneBlendType.OVERRIDE)
    np.testing.assert_allclose(read()[:, KEYED], values[:, KEYED], atol=1e-6)
    take.set_range(20, 60)
    shown = read()
    np.testing.assert_allclose(shown[20:, KEYED], values[20:, KEYED], atol=1e-6)
    assert (shown[:20, jaw] == 0.5).all() and not np.delete(shown[:20], jaw, axis=1).any()
    his.set_blend_type(unreal.MovieSceneBlendType.ADDITIVE)
    np.testing.assert_allclose(read()[20:, jaw], values[20:, jaw] + 0.5, atol=1e-6)
    take.set_is_active(False)
    assert (read()[:, jaw] == 0.5).all()
