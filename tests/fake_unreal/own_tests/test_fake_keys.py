"""Values, keys, sections and undo of the stand-in, as strict as Unreal's."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.fake_unreal.editor import Editor


def jaw(section: Any) -> Any:
    return section.get_channel("CTRL_C_jaw.Y")


# Values -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frame", [5, 5.0, "5", None, True])
def test_a_frame_number_is_no_int(unreal: Any, section: Any, frame: Any) -> None:
    with pytest.raises(TypeError, match="'time'"):
        jaw(section).add_key(frame, 0.5)
    with pytest.raises(TypeError):
        unreal.FrameTime(frame)


@pytest.mark.parametrize(
    "call",
    [
        lambda unreal, section: jaw(section).add_key(unreal.FrameNumber(1), "0.5"),
        lambda unreal, section: jaw(section).add_key(unreal.FrameNumber(1), True),
        lambda unreal, section: jaw(section).add_key(unreal.FrameNumber(1), 0.5, 0.0, 1),
        lambda unreal, section: jaw(section).add_key(unreal.FrameNumber(1)),
        lambda unreal, section: jaw(section).add_key(unreal.FrameNumber(1), 0.5, when=2),
        lambda unreal, section: section.set_range(0.0, 10.0),
        lambda unreal, section: section.set_range(0),
        lambda unreal, section: section.get_channel(7),
        lambda unreal, section: section.set_is_active(1),
        lambda unreal, section: unreal.FrameRate("30"),
        lambda unreal, section: unreal.EditorAssetLibrary.load_asset(section),
        lambda unreal, section: unreal.EditorAssetLibrary.save_loaded_asset(None),
        lambda unreal, section: unreal.AnimationLibrary.add_float_curve_keys(unreal.AnimSequence(), "x", 1.0, [1.0]),
        lambda unreal, section: unreal.get_editor_subsystem(unreal.Actor),
    ],
)
def test_wrong_arguments_are_type_errors(unreal: Any, section: Any, call: Any) -> None:
    with pytest.raises(TypeError):
        call(unreal, section)


def test_keyword_arguments_and_sequences_for_structs(unreal: Any, section: Any) -> None:
    unit = unreal.MovieSceneTimeUnit.TICK_RESOLUTION
    key = jaw(section).add_key(time=unreal.FrameNumber(value=800), new_value=1, time_unit=unit)
    assert key.get_time().frame_number.value == 1 and key.get_value() == 1.0
    value = unreal.RigHierarchy.make_control_value_from_vector2d((0.25, 0.5))
    assert unreal.RigHierarchy.get_vector2d_from_control_value(value) == unreal.Vector2D(0.25, 0.5)


def test_a_name_equals_in_any_case_but_finds_no_key_of_a_dict(unreal: Any) -> None:
    name = unreal.Name("CTRL_C_jaw")
    assert name == "ctrl_C_JAW" and str(name) == "CTRL_C_jaw" and name == unreal.Name("ctrl_c_jaw")
    assert name not in {"CTRL_C_jaw": 1} and not isinstance(name, str)
    with pytest.raises(TypeError):
        _ = name + ".Y"


def test_structs_and_what_arrays_hold_are_copies(unreal: Any, sequence: Any) -> None:
    rate = sequence.get_display_rate()
    rate.numerator = 60
    assert sequence.get_display_rate().numerator == 30
    time = unreal.FrameTime(unreal.FrameNumber(4))
    time.frame_number.value = 9
    assert time.frame_number.value == 4
    mark = unreal.MovieSceneMarkedFrame(frame_number=unreal.FrameNumber(3), label="a")
    sequence.add_marked_frame_to_sequence(mark)
    marks = sequence.get_marked_frames_from_sequence()
    marks[0].label = "b"
    assert marks[0].label == "a" and not isinstance(marks, list)
    mark.label = "c"
    assert sequence.get_marked_frames_from_sequence()[0].label == "a" and mark.frame_number.value == 3
    options = unreal.AnimSeqExportOption()
    options.get_editor_property("custom_frame_rate").numerator = 60
    assert options.get_editor_property("custom_frame_rate").numerator != 60


def test_a_struct_that_a_call_took_is_a_copy(editor: Editor, unreal: Any, sequence: Any, section: Any) -> None:
    """Whoever changes it afterwards changes no key, no sound and no rate."""
    number, rate = unreal.FrameNumber(10), unreal.FrameRate(24, 1)
    key = jaw(section).add_key(number, 0.5)
    sound = sequence.add_track(unreal.MovieSceneAudioTrack).add_section()
    sound.set_start_offset(number)
    options = unreal.AnimSeqExportOption()
    options.set_editor_property("custom_frame_rate", rate)
    number.value, rate.numerator = 99, 60
    assert key.get_time().frame_number.value == 10 and sound.get_start_offset().value == 10
    assert options.get_editor_property("custom_frame_rate").numerator == 24
    sound.get_start_offset().value = 99
    assert sound.get_start_offset().value == 10


def test_properties_that_are_not_there_or_may_not_be_set(editor: Editor, unreal: Any) -> None:
    sound = editor.add_samples("/Game/Sounds/A", bytes(9600), 48000)
    with pytest.raises(Exception, match="Failed to find property 'length'"):
        sound.get_editor_property("length")
    with pytest.raises(Exception, match="read-only"):
        sound.set_editor_property("duration", 2.0)
    with pytest.raises(TypeError, match="looping"):
        sound.set_editor_property("looping", "yes")
    with pytest.raises(AttributeError):
        _ = sound.num_channels  # a property of the editor, not of Python
    assert sound.get_editor_property("duration") == 0.1


# Keys ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fps", "tick"), [(24, 1000), (30, 800), (60, 400), ((30000, 1001), 800)])
def test_the_default_time_unit_is_the_display_rate(editor: Editor, unreal: Any, fps: Any, tick: int) -> None:
    section = editor.add_board(editor.new_sequence(fps, "/Game/Seq"), editor.add_metahuman())
    jaw(section).add_key(unreal.FrameNumber(10), 0.5)
    jaw(section).add_key(unreal.FrameNumber(7), 0.25, time_unit=unreal.MovieSceneTimeUnit.TICK_RESOLUTION)
    expected = math.floor(10 * 24000 / (fps if isinstance(fps, int) else fps[0] / fps[1]) + 1e-6)
    assert editor.keys(section, "CTRL_C_jaw.Y") == [(7, 0.25), (expected, 0.5)]
    assert expected // 10 == tick


def test_a_second_key_on_a_tick_changes_the_value_of_the_first(unreal: Any, section: Any) -> None:
    """And keeps its interpolation. (The engine's AddKeyToChannel: second look, section 3)"""
    linear, constant = unreal.MovieSceneKeyInterpolation.LINEAR, unreal.MovieSceneKeyInterpolation.CONSTANT
    first = jaw(section).add_key(unreal.FrameNumber(3), 0.25, interpolation=linear)
    jaw(section).add_key(unreal.FrameNumber(3), 0.5, interpolation=constant)
    assert jaw(section).get_num_keys() == 1 and first.get_value() == 0.5
    assert first.get_interpolation_mode() is unreal.RichCurveInterpMode.RCIM_LINEAR
    first.set_time(unreal.FrameNumber(4))
    jaw(section).add_key(unreal.FrameNumber(3), 0.75)
    assert [key.get_value() for key in jaw(section).get_keys()] == [0.75, 0.5]
    other = section.get_channel("CTRL_L_eye_blink")
    switch = section.get_channel("CTRL_faceGUIfollowHead")
    for channel, values in ((other, (0.5, 0.25)), (switch, (True, False))):
        for value in values:
            channel.add_key(unreal.FrameNumber(3), value)
        assert channel.get_num_keys() == 1 and channel.get_keys()[0].get_value() == values[-1]


@pytest.mark.parametrize("engine", ["5.7", "5.8"])
def test_the_part_of_a_frame_counts_from_5_8_on(editor: Editor, unreal: Any, section: Any, engine: str) -> None:
    """Before, add_key ignores it, in spite of its documentation. (second look, section 2)"""
    jaw(section).add_key(unreal.FrameNumber(10), 0.5, 0.5)
    section.get_channel("CTRL_faceGUIfollowHead").add_key(unreal.FrameNumber(10), True, 0.5)
    tick = {"5.7": 8000, "5.8": 8400}[engine]
    assert editor.keys(section, "CTRL_C_jaw.Y") == [(tick, 0.5)]
    assert editor.keys(section, "CTRL_faceGUIfollowHead") == [(tick, True)]


def test_read_back_snaps_to_the_grid_of_its_rate(unreal: Any, sequence: Any, section: Any) -> None:
    """Not to the start of the span: up to half a frame beside it. (EvaluateKeysInChannel: second look, B12)"""
    for frame, value in ((0, 0.0), (30, 1.0)):  # a second at 30 frames: a ramp of 1/30 a frame
        jaw(section).add_key(unreal.FrameNumber(frame), value, interpolation=unreal.MovieSceneKeyInterpolation.LINEAR)
    span = sequence.make_range(1, 4)  # starts at 0.8 of a frame at 24 a second, which becomes the first
    found = list(jaw(section).evaluate_keys(span, unreal.FrameRate(24, 1)))
    assert found == pytest.approx([1 / 24, 2 / 24, 3 / 24, 4 / 24], abs=1e-6)
    assert list(jaw(section).evaluate_keys(span, unreal.FrameRate(30, 1))) == pytest.approx(
        [1 / 30, 2 / 30, 3 / 30, 4 / 30], abs=1e-6
    )


def test_keys_are_wrappers_and_a_removed_one_is_deadly(unreal: Any, section: Any, crash: type[BaseException]) -> None:
    kept = jaw(section).add_key(unreal.FrameNumber(3), 0.1)
    assert kept.get_value() == pytest.approx(0.1, abs=1e-8) and kept.get_value() != 0.1  # single precision
    again = jaw(section).get_keys()[0]
    again.set_value(0.5)
    assert kept.get_value() == 0.5
    section.get_channel("CTRL_L_eye_blink").remove_key(kept)  # of another channel: nothing happens
    jaw(section).remove_key(again)
    assert jaw(section).get_num_keys() == 0
    with pytest.raises(crash):
        kept.get_value()


def test_a_channel_s_name_is_not_that_of_its_wrapper(section: Any) -> None:
    channel = jaw(section)
    assert channel.channel_name == "CTRL_C_jaw.Y" and channel.get_name().startswith("CTRL_C_jaw.Y_")
    assert section.get_channel("ctrl_c_JAW.y").channel_name == "CTRL_C_jaw.Y"
    assert section.get_channel("CTRL_C_nothing") is None


def test_the_setters_clamp_and_want_the_sequence_open(editor: Editor, unreal: Any, sequence: Any, section: Any) -> None:
    library, unit = unreal.ControlRigSequencerLibrary, unreal.MovieSceneTimeUnit.TICK_RESOLUTION
    rig = library.get_control_rigs(sequence)[0].control_rig  # which walks the tracks, open or not (second look, A1)
    frames = [unreal.FrameNumber(0), unreal.FrameNumber(400)]
    library.set_local_control_rig_floats(sequence, rig, "CTRL_L_eye_blink", frames, [0.5, 0.5], unit)
    assert editor.keys(section, "CTRL_L_eye_blink") == []
    editor.open(sequence)
    library.set_local_control_rig_floats(sequence, rig, "CTRL_L_eye_blink", frames, [0.5, 7.0], unit)
    library.set_local_control_rig_vector2_ds(sequence, rig, "CTRL_C_jaw", frames, [(0.0, -3.0), (0.5, 1.0)], unit)
    assert editor.keys(section, "CTRL_L_eye_blink") == [(0, 0.5), (400, 1.0)]
    hierarchy = rig.get_hierarchy()
    key = unreal.RigElementKey(unreal.RigElementType.CONTROL, "CTRL_C_jaw")
    lowest = hierarchy.get_control_value(key, unreal.RigControlValueType.MINIMUM)
    limit = unreal.RigHierarchy.get_vector2d_from_control_value(lowest).y
    assert editor.keys(section, "CTRL_C_jaw.Y") == [(0, limit), (400, 1.0)]
    jaw(section).add_key(unreal.FrameNumber(10), 7.0)
    assert editor.keys(section, "CTRL_C_jaw.Y")[-1][1] == 7.0  # keys of a channel are not clamped
    with pytest.raises(TypeError):
        library.set_local_control_rig_floats(sequence, rig, "CTRL_L_eye_blink", [0, 400], [0.5, 0.5], unit)


def test_a_users_own_limits_hold_for_the_setters_and_switched_off_ones_do_not(
    editor: Editor, unreal: Any, sequence: Any, section: Any
) -> None:
    editor.limit(editor.add_rig(), "CTRL_C_jaw", (-1.0, 0.0), (1.0, 0.6))
    editor.limit(editor.add_rig(), "CTRL_L_eye_blink", (-1.0,), (1.0,), free=True)
    editor.open(sequence)
    library, unit = unreal.ControlRigSequencerLibrary, unreal.MovieSceneTimeUnit.TICK_RESOLUTION
    rig = library.get_control_rigs(sequence)[0].control_rig
    library.set_local_control_rig_vector2_ds(sequence, rig, "CTRL_C_jaw", [unreal.FrameNumber(0)], [(0.5, 0.9)], unit)
    library.set_local_control_rig_floats(sequence, rig, "CTRL_L_eye_blink", [unreal.FrameNumber(0)], [7.0], unit)
    assert editor.keys(section, "CTRL_C_jaw.Y") == [(0, pytest.approx(0.6))]
    assert editor.keys(section, "CTRL_L_eye_blink") == [(0, 7.0)]


@pytest.mark.parametrize("generation", ["mh3", "mh4"])
def test_the_boards_differ_as_the_rigs_do(editor: Editor, unreal: Any, generation: str) -> None:
    section = editor.add_board(editor.new_sequence(), editor.add_metahuman(generation))
    names = {str(channel.channel_name) for channel in section.get_all_channels()}
    assert len(names) == {"mh3": 174, "mh4": 209}[generation]
    assert ("CTRL_C_tongue_bendTwist.X" in names) == (generation == "mh4")
    assert ("CTRL_C_tongue_roll.X" in names) == (generation == "mh3")
    assert ("CTRL_C_tongue_roll" in names) == (generation == "mh4")


# Sections -----------------------------------------------------------------------------------------------------------


def test_a_locked_section_keeps_its_range_in_silence(editor: Editor, section: Any) -> None:
    section.set_range(0, 10)
    section.set_is_locked(True)
    section.set_range(0, 50)
    assert section.get_end_frame() == 10 and editor.log.lines == []


def test_an_unbounded_section_has_no_frames_to_give(section: Any) -> None:
    assert not section.has_start_frame() and not section.has_end_frame()
    with pytest.raises(Exception, match="does not have a start"):
        section.get_start_frame()


def test_a_read_only_sequence_takes_nothing(editor: Editor, unreal: Any, sequence: Any) -> None:
    sequence.set_read_only(True)
    assert sequence.add_track(unreal.MovieSceneAudioTrack) is None
    assert not sequence.add_possessable(editor.add_actor()).is_valid()


def test_another_tick_resolution_moves_keys_unless_it_is_set_directly(unreal: Any, sequence: Any, section: Any) -> None:
    jaw(section).add_key(unreal.FrameNumber(30), 1.0)
    sequence.set_tick_resolution(unreal.FrameRate(48000, 1))
    assert jaw(section).get_keys()[0].get_time().frame_number.value == 30
    sequence.set_tick_resolution_directly(unreal.FrameRate(24000, 1))
    assert jaw(section).get_keys()[0].get_time().frame_number.value == 60


# Undo ---------------------------------------------------------------------------------------------------------------


def test_undo_gives_back_what_was_modified_and_only_that(editor: Editor, unreal: Any, section: Any) -> None:
    def write(value: float, modify: bool) -> None:
        with unreal.ScopedEditorTransaction("Write"):
            if modify:
                section.modify()
            jaw(section).add_key(unreal.FrameNumber(int(value)), value)

    write(1.0, modify=True)
    write(2.0, modify=False)
    assert editor.undo_steps == ["Write"]  # the second changed what the editor was not told of
    editor.undo()
    assert editor.keys(section, "CTRL_C_jaw.Y") == []


def test_undo_of_tracks_bindings_and_ranges(editor: Editor, unreal: Any, sequence: Any) -> None:
    with unreal.ScopedEditorTransaction("Outer"), unreal.ScopedEditorTransaction("Inner"):
        section = sequence.add_track(unreal.MovieSceneAudioTrack).add_section()
        section.set_range(5, 25)
        sequence.set_playback_end(900)
        sequence.add_possessable(editor.add_actor())
    assert editor.undo_steps == ["Outer"]
    assert (section.get_start_frame(), section.get_end_frame()) == (5, 25)
    editor.undo()
    assert len(sequence.get_tracks()) == len(sequence.get_bindings()) == 0 and sequence.get_playback_end() == 150


def test_undo_shows_a_toast_and_leaves_a_redo(editor: Editor, unreal: Any, section: Any) -> None:
    """So a take that failed and was undone can come back by Ctrl+Y. (second look, B8)"""
    with unreal.ScopedEditorTransaction("Write"):
        section.modify()
        jaw(section).add_key(unreal.FrameNumber(1), 0.5)
    unreal.SystemLibrary.execute_console_command(None, "TRANSACTION UNDO")
    assert (editor.undo_steps, editor.redo_steps, editor.toasts) == ([], ["Write"], ["Undo: Write"])
    assert jaw(section).get_num_keys() == 0
    assert editor.redo() == "Write" and editor.keys(section, "CTRL_C_jaw.Y") == [(800, 0.5)]
    editor.undo()
    with unreal.ScopedEditorTransaction("Other"):
        section.modify()
    assert (editor.undo_steps, editor.redo_steps) == (["Other"], [])


def test_an_asset_that_is_deleted_takes_the_history_with_it(editor: Editor, unreal: Any, section: Any) -> None:
    """Where a step holds a part of it; EditorAssetLibrary deletes by force. (memory: second look, B8)"""
    other = editor.new_sequence(package="/Game/Other")
    with unreal.ScopedEditorTransaction("Write"):
        section.modify()
    assert unreal.EditorAssetLibrary.delete_asset(other.get_path_name()) and editor.undo_steps == ["Write"]
    unreal.EditorAssetLibrary.delete_asset("/Game/Cinematics/Shot")
    assert editor.undo_steps == []


def test_a_cancelled_transaction_changes_nothing_back(editor: Editor, unreal: Any, section: Any) -> None:
    with unreal.ScopedEditorTransaction("Write") as transaction:
        section.modify()
        jaw(section).add_key(unreal.FrameNumber(1), 1.0)
        transaction.cancel()
    assert editor.undo_steps == [] and jaw(section).get_num_keys() == 1


def test_a_transaction_does_not_last_over_ticks(editor: Editor, unreal: Any, crash: type[BaseException]) -> None:
    with pytest.raises(crash), unreal.ScopedEditorTransaction("Long"):
        editor.tick()
