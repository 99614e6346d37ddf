"""What a sequence spawns, its camera cuts and its clock."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fake_unreal.editor import Editor


def test_the_subsystem_spawns_only_in_the_sequence_in_focus(editor: Editor, unreal: Any, sequence: Any) -> None:
    """The engine's source: ULevelSequenceEditorSubsystem::AddSpawnableFromClass."""
    kind = editor.add_blueprint().generated_class()
    subsystem = unreal.get_editor_subsystem(unreal.LevelSequenceEditorSubsystem)
    assert not subsystem.add_spawnable_from_class(sequence, kind).is_valid() and not editor.log.lines
    film = editor.new_sequence(package="/Game/Cinematics/Film")
    editor.open(film)
    assert not subsystem.add_spawnable_from_class(sequence, kind).is_valid()
    (line,) = editor.log.errors
    assert line.endswith(f"requested sequence {sequence.get_name()} be open in the editor")
    editor.focus(sequence)
    binding = subsystem.add_spawnable_from_class(sequence, kind)
    assert binding.is_valid() and binding.get_name() == "BP_Ada_C"


def test_what_is_spawned_is_there_while_its_sequence_is_edited(editor: Editor, unreal: Any, sequence: Any) -> None:
    """Sequencer finds it, the sequence alone does not; nor is it an actor of the level. (second look, bindings)"""
    library = unreal.LevelSequenceEditorBlueprintLibrary
    binding = sequence.add_spawnable_from_class(editor.add_blueprint().generated_class())
    where = sequence.get_binding_id(binding)
    assert not library.get_bound_objects(where)
    editor.open(sequence)
    (actor,) = library.get_bound_objects(where)
    assert not sequence.locate_bound_objects(binding, editor.state.world)
    level = unreal.get_editor_subsystem(unreal.EditorActorSubsystem)
    assert not level.get_all_level_actors() and actor.get_class() == binding.get_object_template().get_class()
    face = sequence.add_possessable(editor.face_of(actor))
    assert face.get_parent() == binding and [one.get_name() for one in library.get_bound_objects(where)]
    assert [one.get_name() for one in sequence.locate_bound_objects(face, actor)] == ["Face"]
    editor.open(None)
    assert not unreal.SystemLibrary.is_valid(actor)
    editor.open(sequence)
    (again,) = library.get_bound_objects(sequence.get_binding_id(face))
    assert again.get_name() == "Face", "the part of the new actor"


def test_a_class_that_is_no_actor_is_not_spawned(editor: Editor, sequence: Any) -> None:
    assert not sequence.add_spawnable_from_class(
        editor.add_blueprint(face=False, actor=False).generated_class()
    ).is_valid()


def test_a_camera_its_place_and_its_cut(editor: Editor, unreal: Any, sequence: Any) -> None:
    binding = sequence.add_spawnable_from_class(unreal.CineCameraActor.static_class())
    lens = binding.get_object_template().get_cine_camera_component()
    lens.set_editor_property("current_focal_length", 50.0)
    assert binding.get_object_template().get_cine_camera_component().current_focal_length == 50.0
    section = binding.add_track(unreal.MovieScene3DTransformTrack).add_section()
    names = [str(channel.channel_name) for channel in section.get_all_channels()]
    assert names == [f"{part}.{axis}" for part in ("Location", "Rotation", "Scale") for axis in "XYZ"]
    section.get_all_channels()[0].set_default(12.5)
    assert section.get_all_channels()[0].get_default() == 12.5
    cut = sequence.add_track(unreal.MovieSceneCameraCutTrack).add_section()
    cut.set_camera_binding_id(sequence.get_binding_id(binding))
    assert cut.get_camera_binding_id().get_editor_property("guid") == binding.get_id()


@pytest.mark.parametrize(("said", "rate"), [("24fps", (24, 1)), ("30000/1001", (30000, 1001))])
def test_new_sequences_have_the_project_s_rate(editor: Editor, unreal: Any, said: str, rate: tuple[int, int]) -> None:
    """ULevelSequenceProjectSettings, which are console variables."""
    editor.state.console_variables["LevelSequence.DefaultDisplayRate"] = said
    assert unreal.SystemLibrary.get_console_variable_string_value("LevelSequence.DefaultDisplayRate") == said
    made = unreal.AssetToolsHelpers.get_asset_tools().create_asset(
        "New", "/Game", unreal.LevelSequence, unreal.LevelSequenceFactoryNew()
    )
    assert (made.get_display_rate().numerator, made.get_display_rate().denominator) == rate
    assert made.get_clock_source() == unreal.UpdateClockSource.TICK
    made.set_clock_source(unreal.UpdateClockSource.AUDIO)
    assert made.get_clock_source() == unreal.UpdateClockSource.AUDIO
