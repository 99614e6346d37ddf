"""What the editors 5.4 to 5.8 do to calls that look harmless, each found by a second look at the plugin."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from medtalk.rig.channels import INDEX
from tests.fake_unreal import inside
from tests.fake_unreal.editor import PLUGIN
from tests.plugin.takes import KEYED, as_take, board_section, moving, on_board, write

JAW = INDEX["CTRL_C_jaw-translateY"]


@pytest.fixture
def stage(editor: Any) -> tuple[Any, Any, Any]:
    """An editor, a sequence that is not open, a MetaHuman."""
    return editor, editor.new_sequence(30), editor.add_metahuman()


def face_binding(sequence: Any) -> Any:
    (found,) = [one for one in sequence.get_bindings() if one.get_name() == "Face"]
    return found


# --- the rig of a track (5.8)


@pytest.mark.engine("5.8")
def test_everything_after_the_first_take(stage: Any) -> None:
    """The section's control_rig_class cannot be read there."""
    from medtalk_unreal import facerig
    from medtalk_unreal.bake import bake_sequence

    editor, sequence, actor = stage
    for seed in range(2):
        report = write(editor, moving(3, seed), sequence=sequence, actor=actor)
    assert report.keys and len(face_binding(sequence).get_tracks()) == 1
    face = facerig.resolve(sequence, actor.get_path_name())
    assert face.rig_path == editor.unreal.boards.RIGS["mh4"] and facerig.limits(face)[0] == (-1.0, 1.0)
    with editor.plugin_code():
        assert bake_sequence(sequence.get_path_name(), None, "/Game", "AS_Shot").curves > 0


@pytest.mark.engine("5.8")
def test_an_fk_rig_is_still_known_for_what_it_is(stage: Any) -> None:
    from medtalk_unreal.errors import PluginError

    editor, sequence, actor = stage
    write(editor, moving(2), sequence=sequence, actor=actor)
    editor.add_fk_rig(sequence, face_binding(sequence))
    with pytest.raises(PluginError, match=r"An FK rig .*moves the face of BP_Ada"):
        write(editor, moving(2), sequence=sequence, actor=actor)


@pytest.mark.parametrize("version", [pytest.param(one, marks=pytest.mark.engine(one)) for one in ("5.6", "5.8")])
def test_a_track_whose_rig_cannot_be_asked(stage: Any, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its keys need no rig: they are written, within the usual limits."""
    editor, sequence, actor = stage
    write(editor, moving(2), sequence=sequence, actor=actor)
    monkeypatch.setattr(editor.unreal.ControlRigSequencerLibrary, "get_control_rigs", staticmethod(lambda _: []))
    assert write(editor, moving(2), sequence=sequence, actor=actor).keys, version


# --- making the track needs Sequencer to show its sequence


@pytest.mark.engine("5.6")
@pytest.mark.parametrize("new", [True, False])
def test_a_first_take_leaves_the_log_clean(stage: Any, new: bool) -> None:
    editor, sequence, actor = stage
    report = write(editor, moving(3), actor=actor, **({} if new else {"sequence": sequence}))
    assert editor.log.errors == []
    opened = editor.state.sequence and inside.path(editor.state.sequence)
    assert opened == (f"{report.sequence}.LS_BP_Ada_line" if new else None)


def test_what_was_open_comes_back_with_its_part_and_its_playhead(stage: Any) -> None:
    editor, sequence, actor = stage
    unreal, library = editor.unreal, editor.unreal.LevelSequenceEditorBlueprintLibrary
    whole, other = editor.new_sequence(30, "/Game/Whole"), editor.new_sequence(30, "/Game/Other")
    part = whole.add_track(unreal.MovieSceneCinematicShotTrack).add_section()
    part.set_sequence(other)
    editor.open(whole)
    library.focus_level_sequence(part)
    library.set_current_time(17)
    write(editor, moving(3), sequence=sequence, actor=actor)
    assert library.get_current_level_sequence() == whole and library.get_focused_level_sequence() == other
    assert library.get_current_time() == 17 and editor.log.errors == []


def test_the_selection_in_another_sequence_is_left_alone(stage: Any) -> None:
    """Unreal selects the new section in whatever Sequencer shows."""
    editor, sequence, actor = stage
    other = editor.new_sequence(30, "/Game/Other")
    editor.open(other)
    write(editor, moving(3), sequence=sequence, actor=actor)
    assert editor.state.shown_at_rigs == [sequence] and editor.state.sequence == other
    assert editor.state.selected_sections == []


def test_a_track_that_is_there_opens_nothing(stage: Any) -> None:
    editor, sequence, actor = stage
    editor.add_board(sequence, actor)
    before = editor.calls["LevelSequenceEditorBlueprintLibrary.open_level_sequence"]
    write(editor, moving(3), sequence=sequence, actor=actor)
    assert editor.calls["LevelSequenceEditorBlueprintLibrary.open_level_sequence"] == before


# --- boards without a Blueprint, and classes (5.8, and skeletal meshes of any version)


def _names_rig(editor: Any, rig: Any) -> None:
    inside.put(editor.asset("/Game/MetaHumans/Ada/Face/SKM_Ada_Face"), default_animating_rig=rig)


@pytest.mark.engine("5.8")
def test_a_board_that_has_no_class(stage: Any) -> None:
    """A track is made of a class. A board that has one is taken instead, else the user can make the track."""
    from medtalk_unreal import facerig
    from medtalk_unreal.errors import PluginError

    editor, sequence, actor = stage
    editor.delete(editor.asset(editor.unreal.boards.RIGS["mh4"]))
    _names_rig(editor, editor.add_runtime_rig(path="/Game/Rigs/Face_ControlBoard_CtrlRig"))
    with pytest.raises(PluginError, match=r"no way to put the control board .* Drag BP_Ada from the level"):
        facerig.resolve(sequence, actor.get_path_name())
    editor.add_rig("mh4")
    assert write(editor, moving(3), sequence=sequence, actor=actor).keys


@pytest.mark.engine("5.8")
def test_a_board_without_a_blueprint_is_found_by_its_name(stage: Any) -> None:
    from medtalk_unreal import compat

    editor, _, _ = stage
    editor.add_runtime_rig(path="/Game/Rigs/Face_ControlBoard_CtrlRig")
    assert "/Game/Rigs/Face_ControlBoard_CtrlRig" in list(compat.face_boards())


def test_a_mesh_may_name_the_class_of_a_rig(stage: Any) -> None:
    editor, sequence, actor = stage
    rig = editor.add_rig("mh4", "/Game/Mine/Own_Rig")
    _names_rig(editor, rig.get_control_rig_class())
    report = write(editor, moving(3), sequence=sequence, actor=actor)
    assert report.warnings == () and report.keys
    (track,) = face_binding(sequence).get_tracks()
    assert editor.unreal.ControlRigSequencerLibrary.get_control_rigs(sequence)[0].control_rig.get_class() == (
        rig.get_control_rig_class()
    ), track


# --- controls that a filter hides


def _hide(editor: Any, section: Any, but: str = "") -> None:
    library = editor.unreal.ControlRigSequencerLibrary
    library.hide_all_controls(section)
    if but:
        library.set_controls_mask(section, [but], True)


@pytest.mark.parametrize("but", ["", "CTRL_C_jaw"])
def test_hidden_controls_take_their_keys(stage: Any, but: str) -> None:
    editor, sequence, actor = stage
    values = moving(4)
    write(editor, values, sequence=sequence, actor=actor)
    section = board_section(editor, sequence)
    _hide(editor, section, but)
    report = write(editor, values[::-1], sequence=sequence, actor=actor)
    assert report.missing == () and any("hid" in line and "shown again" in line for line in report.warnings)
    assert abs(on_board(editor, sequence, 4)[:, KEYED] - values[::-1][:, KEYED]).max() < 1e-6
    assert len(face_binding(sequence).get_tracks()) == 1
    editor.undo()
    assert editor.unreal.ControlRigSequencerLibrary.get_controls_mask(section, "CTRL_L_eye_blink") is False


def test_what_a_take_does_not_key_stays_hidden(stage: Any) -> None:
    editor, sequence, actor = stage
    write(editor, moving(4), sequence=sequence, actor=actor)
    section, library = board_section(editor, sequence), editor.unreal.ControlRigSequencerLibrary
    _hide(editor, section)
    write(editor, moving(4), sequence=sequence, actor=actor, process_mask="mouth")
    assert library.get_controls_mask(section, "CTRL_C_jaw") and not library.get_controls_mask(
        section, "CTRL_L_eye_blink"
    )


def test_hidden_controls_rest_in_what_is_read_back(stage: Any) -> None:
    from medtalk_unreal.readback import read_rig

    editor, sequence, actor = stage
    write(editor, moving(4), sequence=sequence, actor=actor)
    _hide(editor, board_section(editor, sequence), "CTRL_C_jaw")
    with editor.plugin_code():
        rig = read_rig(sequence.get_path_name(), None, 0, 2)
    assert rig.frames and rig.meta["missing"] == []
    assert any("The filter of the section of BP_Ada hides" in line for line in editor.log.warnings)


# --- the progress window in the tick, and what a failure leaves


def _in_a_tick(editor: Any, action: Any) -> None:
    """What the plugin does in a tick, once."""
    done: list[bool] = []

    def tick(_: float) -> None:
        if not done:
            done.append(True)
            action()

    handle = editor.unreal.register_slate_post_tick_callback(tick)
    editor.tick()
    editor.unreal.unregister_slate_post_tick_callback(handle)
    assert editor.log.errors == []


@pytest.mark.parametrize(("frames", "window"), [(120, False), (600, True)])
def test_only_a_long_take_shows_a_progress_window_in_the_tick(stage: Any, frames: int, window: bool) -> None:
    editor, sequence, actor = stage
    target = {"sequence": sequence, "actor": actor, "tolerance": 0.5}
    _in_a_tick(editor, lambda: write(editor, moving(frames), **target))
    assert bool(editor.state.progress_in_ticks) == window and editor.state.slow_tasks == ["MEDTalk: line"]


@pytest.mark.parametrize("long", [False, True])
def test_a_long_anim_sequence_alone_shows_it(stage: Any, long: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from medtalk_unreal import edits
    from medtalk_unreal.bake import bake_curves

    editor, _, _ = stage
    if long:
        monkeypatch.setattr(edits, "LONG", 1000)
    mesh = "/Game/MetaHumans/Ada/Face/SKM_Ada_Face"
    _in_a_tick(editor, lambda: bake_curves(as_take(moving(20)), mesh, "/Game", "AS_Line"))
    assert bool(editor.state.progress_in_ticks) == long


def test_a_failure_closes_no_tab_and_forgets_no_undo_step(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unreal deletes an asset by force alone: with all editors closed, and the undo steps that know it gone."""
    from medtalk_unreal import keys
    from medtalk_unreal.errors import PluginError

    editor, sequence, actor = stage
    write(editor, moving(3), sequence=sequence, actor=actor)
    editor.open(sequence)
    steps = list(editor.undo_steps)
    tab = editor.add_samples("/Game/Sounds/Tab", bytes(32000))
    editor.state.open_tabs.append(tab)

    def fails(self: Any, curves: Any, pause: Any) -> int:
        raise PluginError("No.", "Look.")

    with monkeypatch.context() as patch:
        patch.setattr(keys.ChannelWriter, "write", fails)
        with pytest.raises(PluginError, match=r"No\. Look\. The new /Game/MEDTalk/LS_BP_Ada_line stays") as caught:
            write(editor, moving(3), actor=actor)
    assert "\n" not in str(caught.value)
    assert editor.tabs == [tab] and editor.state.sequence == sequence and editor.undo_steps == steps
    made = editor.asset("/Game/MEDTalk/LS_BP_Ada_line")
    assert not inside.bindings(made) and not inside.tracks(made)
    report = write(editor, moving(3), actor=actor)
    assert made.get_playback_end() == report.last_frame + 1
    assert report.sequence == "/Game/MEDTalk/LS_BP_Ada_line" and editor.sequences() == [
        "/Game/Cinematics/Shot",
        report.sequence,
    ]


# --- sounds, memory, rates, animations


def test_the_sound_in_the_project_is_spoken(stage: Any, tmp_path: Path) -> None:
    """The file that it was imported from may have been recorded anew since, as long as before."""
    from medtalk_unreal import sound

    editor, _, _ = stage
    file = tmp_path / "line.wav"
    soundfile.write(file, np.full(16000, 0.25), 16000)
    wave = editor.add_sound(file)
    soundfile.write(file, np.full(16000, -0.5), 16000)
    data, notes = sound.read(wave.get_path_name())
    samples, _ = soundfile.read(io.BytesIO(data))
    assert notes == [] and samples.min() == pytest.approx(0.25, abs=1e-3)


def test_a_sound_that_cannot_be_exported_is_that_of_its_file(
    stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medtalk_unreal import sound
    from medtalk_unreal.errors import PluginError

    editor, _, _ = stage
    wave = editor.add_sound(_tone(tmp_path))
    monkeypatch.setattr(editor.unreal.Exporter, "run_asset_export_task", staticmethod(lambda task: False))
    data, (note,) = sound.read(wave.get_path_name())
    assert data == (tmp_path / "tone.wav").read_bytes() and "cannot export tone" in note
    (tmp_path / "tone.wav").unlink()
    with pytest.raises(PluginError, match="The sound tone cannot be exported"):
        sound.read(wave.get_path_name())


@pytest.mark.parametrize("first", [0, 7, 11])
def test_what_is_read_back_begins_where_it_was_asked_to(stage: Any, first: int) -> None:
    """Unreal evaluates at the frames of the rate that it is asked for, and none of 50 a second is frame 7 of 24."""
    from medtalk_unreal.readback import read_rig

    editor, sequence, actor = stage
    sequence.set_display_rate(editor.unreal.FrameRate(24, 1))
    write(editor, moving(60), sequence=sequence, actor=actor, process_mask="mouth")
    with editor.plugin_code():
        rig = read_rig(sequence.get_path_name(), None, first, first + 12, 50.0)
    ticks = [first * 1000 + frame * 480 for frame in range(rig.frames)]
    wanted = editor.values_at(board_section(editor, sequence), "CTRL_C_jaw.Y", ticks)
    np.testing.assert_allclose(np.array(rig.values).reshape(-1, 174)[:, JAW], wanted, atol=1e-6)


def _tone(folder: Path) -> Path:
    soundfile.write(folder / "tone.wav", np.full(16000, 0.25), 16000)
    return folder / "tone.wav"


def _animate(editor: Any, sequence: Any, locked: bool = False) -> Any:
    section = face_binding(sequence).add_track(editor.unreal.MovieSceneSkeletalAnimationTrack).add_section()
    section.set_range(0, 100)
    section.set_is_locked(locked)
    return section


def test_an_animation_is_a_note_and_can_be_muted(stage: Any) -> None:
    editor, sequence, actor = stage
    write(editor, moving(4), sequence=sequence, actor=actor)
    section = _animate(editor, sequence)
    report = write(editor, moving(4), sequence=sequence, actor=actor)
    assert section.is_active() and any(
        "An animation (" in line and "Mute Animation" in line for line in report.warnings
    )
    report = write(editor, moving(4), sequence=sequence, actor=actor, mute_animation=True)
    assert not section.is_active() and any("is muted now" in line for line in report.warnings)
    assert not any("Mute Animation" in line for line in report.warnings)
    editor.undo()
    assert section.is_active()


def test_an_animation_elsewhere_or_locked_is_not_muted(stage: Any) -> None:
    editor, sequence, actor = stage
    write(editor, moving(4), sequence=sequence, actor=actor)
    section = _animate(editor, sequence, locked=True)
    report = write(editor, moving(4), sequence=sequence, actor=actor, mute_animation=True)
    assert section.is_active() and any("is locked, so it was not muted" in line for line in report.warnings)
    section.set_is_locked(False)
    write(editor, moving(4), name="other", sequence=sequence, actor=actor, mute_animation=True, start_frame=500)
    assert section.is_active()


# --- what is packaged


def test_plugins_that_only_the_editor_needs_are_not_packaged() -> None:
    content = json.loads((PLUGIN.parents[1] / "MEDTalk.uplugin").read_text())
    assert content["Plugins"] and all(one["TargetAllowList"] == ["Editor"] for one in content["Plugins"])
