"""Bindings, rig tracks and masks as the engine makes them. (second look, A1-B5 and section 3)"""

from __future__ import annotations

from typing import Any

import pytest

from tests.fake_unreal import inside
from tests.fake_unreal.editor import Editor


def board(editor: Editor, unreal: Any, sequence: Any) -> Any:
    """The rig's track on a fresh MetaHuman's face, as a plugin makes it."""
    actor = editor.add_metahuman()
    rig = editor.add_rig().generated_class()
    binding = sequence.add_possessable(editor.face_of(actor))
    return unreal.ControlRigSequencerLibrary.find_or_create_control_rig_track(
        editor.state.world, sequence, rig, binding, False
    )


def test_a_binding_is_found_or_made_and_a_component_s_has_its_actor_as_parent(editor: Editor, sequence: Any) -> None:
    actor = editor.add_metahuman()
    face = sequence.add_possessable(editor.face_of(actor))
    assert len(sequence.get_bindings()) == 2 and face.get_parent().get_name() == "BP_Ada"
    assert sequence.add_possessable(editor.face_of(actor)) == face
    assert sequence.add_possessable(actor) == face.get_parent() and len(sequence.get_bindings()) == 2


def test_a_rig_track_without_a_sequencer_is_an_error_line(editor: Editor, unreal: Any, sequence: Any) -> None:
    """PinWright/pinwright-ue expects this line in its tests. The track is made all the same."""
    track = board(editor, unreal, sequence)
    assert editor.log.errors == ["LogControlRig: Error: Can not open Sequencer for the LevelSequence None"]
    assert board(editor, unreal, sequence) == track and len(editor.log.errors) == 1  # which is found, not made


def test_a_rig_track_in_the_open_sequence_makes_no_line(editor: Editor, unreal: Any, sequence: Any) -> None:
    editor.open(sequence)
    section = board(editor, unreal, sequence).get_sections()[0]
    assert not editor.log.lines
    assert list(unreal.LevelSequenceEditorBlueprintLibrary.get_selected_sections()) == [section]


def test_a_rig_track_takes_the_selection_of_whatever_is_open(editor: Editor, unreal: Any, sequence: Any) -> None:
    """The Sequencer that is open is touched, even that of another sequence. (second look, B2)"""
    other = editor.new_sequence(package="/Game/Cinematics/Other")
    editor.open(other)
    sound = other.add_track(unreal.MovieSceneAudioTrack).add_section()
    editor.select_sections(sound)
    section = board(editor, unreal, sequence).get_sections()[0]
    assert list(unreal.LevelSequenceEditorBlueprintLibrary.get_selected_sections()) == [section]


def test_a_rig_track_in_a_commandlet_is_the_end(
    editor: Editor, unreal: Any, sequence: Any, crash: type[BaseException]
) -> None:
    """It closes open menus first, and there is no Slate. (second look, B1)"""
    editor.state.commandlet = True
    with pytest.raises(crash, match="without Slate"):
        board(editor, unreal, sequence)


def test_a_control_that_is_filtered_out_has_no_channels(unreal: Any, section: Any) -> None:
    """get_all_channels gives those that are enabled. (second look, B5)"""
    library = unreal.ControlRigSequencerLibrary
    library.set_controls_mask(section, ["CTRL_C_jaw", "ctrl_l_eye_BLINK"], False)
    names = {str(channel.channel_name) for channel in section.get_all_channels()}
    assert names == set(inside.channels(section)) - {"CTRL_C_jaw.X", "CTRL_C_jaw.Y", "CTRL_L_eye_blink"}
    assert section.get_channel("CTRL_C_jaw.Y") is None
    assert not library.get_controls_mask(section, "CTRL_C_jaw") and library.get_controls_mask(section, "CTRL_R_eye")
    library.set_controls_mask(section, ["CTRL_C_jaw"], True)
    assert section.get_channel("CTRL_C_jaw.Y") is not None and section.get_channel("CTRL_L_eye_blink") is None
    library.hide_all_controls(section)
    assert len(section.get_all_channels()) == 0
    library.show_all_controls(section)
    assert len(section.get_all_channels()) == len(inside.channels(section))
