"""The key writer that has the plugin RigMapper import a table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.fake_unreal import inside
from tests.plugin.takes import KEYED, board_section, moving, on_board, state_of, write

FRAMES = 40


@pytest.mark.engine("5.7", "RigMapper")
@pytest.mark.parametrize("start", [0, 101])
@pytest.mark.parametrize("display", [30, 60, (24000, 1001)])
def test_every_frame_of_the_sequence_has_the_take(editor: Any, display: Any, start: int) -> None:
    """The rig has the rate of the sequence, as it is asked for."""
    actor, sequence = editor.add_metahuman(), editor.new_sequence(display)
    fps = float(inside.display_rate(sequence))
    values = moving(FRAMES)
    values[:, KEYED[3]] = 0.25  # one that does not move
    report = write(
        editor, values, fps, sequence=sequence, actor=actor, start_frame=start, writer="import", tolerance=0.002
    )
    found = on_board(editor, sequence, FRAMES, fps, start)
    np.testing.assert_allclose(found[:, KEYED], values[:, KEYED], atol=0.002 + 1e-6)
    assert report.keys == FRAMES * len(KEYED) and not report.warnings
    assert editor.calls["RigMapperEditorSubsystem.convert_csv_to_control_rig_section"] == 1
    assert editor.calls["MovieSceneScriptingFloatChannel.add_key"] == 0


@pytest.mark.engine("5.7", "RigMapper")
def test_a_take_that_is_written_again_replaces_itself(editor: Any) -> None:
    actor, sequence = editor.add_metahuman(), editor.new_sequence(60)
    write(editor, moving(FRAMES), sequence=sequence, actor=actor, writer="import")
    write(editor, moving(FRAMES, seed=2), sequence=sequence, actor=actor, writer="import")
    found = on_board(editor, sequence, FRAMES)
    np.testing.assert_allclose(found[:, KEYED], moving(FRAMES, seed=2)[:, KEYED], atol=1e-6)


@pytest.mark.engine("5.7", "RigMapper")
def test_keys_of_others_are_not_taken_away(editor: Any) -> None:
    """The import clears whole channels; a key behind the take is somebody's."""
    from medtalk_unreal.errors import PluginError
    from medtalk_unreal.take import Target, check_target

    actor, sequence = editor.add_metahuman(), editor.new_sequence(60)
    write(editor, moving(FRAMES), sequence=sequence, actor=actor)
    section = board_section(editor, sequence)
    inside.add_key(section, "CTRL_C_jaw.Y", 10**6, 0.5)
    before = state_of(editor)
    with pytest.raises(PluginError, match="take other keys of the section away"):
        write(editor, moving(FRAMES), sequence=sequence, actor=actor, writer="import")
    target = Target(sequence.get_path_name(), actor=actor.get_path_name(), writer="import")
    with pytest.raises(PluginError, match="take other keys of the section away"), editor.plugin_code():
        check_target(target, "line", "", FRAMES / 60)
    assert state_of(editor) == before
    # Its own keys give way, also where it was moved, and where the new one is shorter.
    upper = Target(sequence.get_path_name(), actor=actor.get_path_name(), writer="import", process_mask="upper")
    for start in (0, 40):
        for seconds in (0.1, FRAMES / 60):
            with editor.plugin_code():
                assert check_target(replace(upper, start_frame=start), "line", "", seconds) == 60


@pytest.mark.engine("5.7", "RigMapper")
def test_an_import_that_unreal_refuses_leaves_nothing(editor: Any, unreal: Any, monkeypatch: Any) -> None:
    from medtalk_unreal.errors import PluginError

    monkeypatch.setattr(unreal.RigMapperDefinition, "validate", lambda self: False)
    actor, sequence = editor.add_metahuman(), editor.new_sequence(60)
    before = state_of(editor)
    with pytest.raises(PluginError, match="did not import the keys"):
        write(editor, moving(FRAMES), sequence=sequence, actor=actor, writer="import")
    assert state_of(editor) == before


@pytest.mark.engine("5.8")
def test_an_unreal_without_the_plugin_says_so_before_anything_is_sent(editor: Any) -> None:
    """It is off by default."""
    from medtalk_unreal.errors import PluginError
    from medtalk_unreal.take import Target, check_target

    actor, sequence = editor.add_metahuman(), editor.new_sequence(60)
    target = Target(sequence.get_path_name(), actor=actor.get_path_name(), writer="import")
    with pytest.raises(PluginError, match=r"cannot import keys .* RigMapper on .* Writer to Channel keys"):
        check_target(target, "line", "/Game/Sounds/line")
