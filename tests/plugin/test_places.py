"""Where a take goes: sequences by rule, MetaHumans spawned from their Blueprints, the camera before them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.fake_unreal import inside
from tests.plugin.takes import a_sound, board_section, but_new_ones, moving, on_board, state_of, write

BLUEPRINT = "/Game/MetaHumans/Ada/BP_Ada"


def refused(editor: Any, match: str, **target: Any) -> str:
    """The one line of a take that cannot be written; it leaves nothing."""
    from medtalk_unreal.errors import PluginError

    before = state_of(editor)
    with pytest.raises(PluginError, match=match) as caught:
        write(editor, moving(4), **target)
    assert state_of(editor) == before
    assert not [one for one in editor.state.actors if one._spawned]
    return str(caught.value)


# --- the frame rate, the clock


@pytest.mark.parametrize(
    ("setting", "rate"),
    [
        ("30fps", Fraction(30)),
        ("24 fps", Fraction(24)),
        ("30000/1001", Fraction(30000, 1001)),
        ("120/1", Fraction(120)),
    ],
)
def test_a_new_sequence_has_the_rate_of_the_project(editor: Any, setting: str, rate: Fraction) -> None:
    from medtalk_unreal import compat, places
    from medtalk_unreal.take import Target

    editor.state.console_variables["LevelSequence.DefaultDisplayRate"] = setting
    with editor.plugin_code():
        assert places.new_rate(Target()) == rate, "the sidecar is asked for what the sequence will have"
        assert [compat.parse_rate(text) for text in ("0.04s", "40ms", "", "many", "0fps")] == [25, 25, None, None, None]
    report = write(editor, moving(8), float(rate), actor=editor.add_metahuman())
    assert inside.display_rate(editor.asset(report.sequence)) == rate


@pytest.mark.parametrize("rate", ["24", "25", "30", "48", "50", "60"])
def test_a_rate_of_the_form_is_that_of_the_new_sequence(editor: Any, rate: str) -> None:
    from medtalk_unreal import places
    from medtalk_unreal.take import Target

    assert places.new_rate(Target(frame_rate=rate)) == int(rate)
    report = write(editor, moving(8), float(rate), actor=editor.add_metahuman(), frame_rate=rate)
    assert inside.display_rate(editor.asset(report.sequence)) == int(rate)


def test_a_sequence_that_is_there_keeps_its_rate_and_clock(editor: Any, unreal: Any) -> None:
    sequence = editor.new_sequence(25)
    write(editor, moving(8), 25.0, actor=editor.add_metahuman(), sequence=sequence, frame_rate="60")
    assert inside.display_rate(sequence) == 25
    assert sequence.get_clock_source() == unreal.UpdateClockSource.TICK


def test_a_new_sequence_keeps_time_by_its_sound(editor: Any, unreal: Any) -> None:
    report = write(editor, moving(8), 30.0, actor=editor.add_metahuman())
    assert editor.asset(report.sequence).get_clock_source() == unreal.UpdateClockSource.AUDIO


# --- names and folders


def test_a_rule_gives_the_name_and_the_folder(editor: Any, tmp_path: Path) -> None:
    sound = a_sound(editor, tmp_path)
    target = {
        "actor": editor.add_metahuman(), "sequence_name": "{sound} of {face}", "sequence_folder": "{folder}/Faces"
    }  # fmt: skip
    report = write(editor, moving(8), sound=sound, **target)
    assert report.sequence == "/Game/Sounds/Faces/line_of_BP_Ada"
    assert write(editor, moving(8), sound=sound, **target).sequence == report.sequence, "the take was found again"
    kept = write(editor, moving(8), sound=sound, replace=False, **target)
    assert kept.sequence == f"{report.sequence}_2"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            {"sequence_name": "LS_{actor}_{sound}"},
            r"The sequence name 'LS_\{actor\}_\{sound\}' has \{actor\}. Valid are",
        ),
        ({"sequence_name": "LS_{sound"}, "has a brace without its other one"),
        ({"sequence_name": " "}, "The sequence name is empty"),
        ({"sequence_folder": "/Game/{sound}"}, r"The sequence folder '/Game/\{sound\}' has \{sound\}. Valid is"),
        ({"sequence_folder": "{folder}/Faces"}, "needs the folder of a sound"),
        ({"sequence_folder": "Faces"}, "is not a project folder"),
    ],
)
def test_a_rule_that_is_wrong_says_where(editor: Any, rule: dict[str, str], said: str) -> None:
    refused(editor, said, actor=editor.add_metahuman(), **rule)


# --- Blueprints


def test_a_metahuman_is_spawned_from_its_blueprint(editor: Any) -> None:
    """Nothing is in the level, nothing is selected."""
    editor.add_blueprint()
    values = moving(30)
    report = write(editor, values, 30.0, blueprint=BLUEPRINT)
    sequence = editor.asset(report.sequence)
    assert report.sequence == "/Game/MEDTalk/LS_BP_Ada_line"
    (spawnable,) = sequence.get_spawnables()
    assert (spawnable.get_name(), str(spawnable.get_display_name())) == ("BP_Ada", "BP_Ada")
    (face,) = sequence.get_possessables()
    assert face.get_name() == "Face" and face.get_parent() == spawnable
    assert on_board(editor, sequence, 30, 30.0) == pytest.approx(on_board_of(values), abs=1e-6)
    assert editor.state.sequence == sequence and editor.log.errors == []
    editor.undo()
    assert not sequence.get_bindings(), "one undo step"


def on_board_of(values: Any) -> Any:
    from tests.plugin.takes import KEYED

    shown = values * 0.0
    shown[:, KEYED] = values[:, KEYED]
    return shown


def test_the_same_sound_again_spawns_nobody_else(editor: Any, tmp_path: Path) -> None:
    editor.add_blueprint()
    sound = a_sound(editor, tmp_path)
    first = write(editor, moving(8), sound=sound, blueprint=BLUEPRINT)
    editor.open(None)
    again = write(editor, moving(8, seed=1), sound=sound, blueprint=BLUEPRINT)
    assert again.sequence == first.sequence
    assert len(editor.asset(first.sequence).get_bindings()) == 2
    assert len(editor.sections(editor.asset(first.sequence))) == 1
    assert editor.state.sequence is None, "nothing is opened for a take that is written again"


def test_a_blueprint_is_spawned_in_a_sequence_that_is_chosen(editor: Any) -> None:
    """Even a shot in focus, and beside another MetaHuman."""
    editor.add_blueprint(name="Bob")
    actor, shot = editor.add_metahuman(), editor.new_sequence(30)
    editor.add_board(shot, actor)
    editor.open(editor.new_sequence(30, "/Game/Cinematics/Film"))
    editor.focus(shot)
    target = {"sequence": shot, "blueprint": "/Game/MetaHumans/Bob/BP_Bob"}
    report = write(editor, moving(8), 30.0, **target)
    assert report.sequence == "/Game/Cinematics/Shot"
    ada, bob = editor.sections(shot)
    assert not editor.keyed(ada) and editor.keyed(bob)
    write(editor, moving(8), 30.0, **target)
    assert len(shot.get_spawnables()) == 1 and not editor.keyed(ada)
    assert editor.state.focused == shot and editor.log.errors == []


def test_a_metahuman_that_a_shot_spawns_itself(editor: Any) -> None:
    """It is found in the shot that is edited, as a part of a film, too; else the line says why it is not."""
    kind = editor.add_blueprint().generated_class()
    shot = editor.new_sequence(30)
    shot.add_spawnable_from_class(kind)
    said = refused(editor, "Shot has no MetaHuman in the level", sequence=shot)
    assert "Open Shot in Sequencer: what it spawns is there only then." in said
    editor.open(editor.new_sequence(30, "/Game/Cinematics/Film"))
    editor.focus(shot)
    report = write(editor, moving(8), 30.0, sequence=shot)
    assert editor.keyed(board_section(editor, shot)) and report.sequence == "/Game/Cinematics/Shot"
    assert len(shot.get_bindings()) == 2 and editor.state.focused == shot and editor.log.errors == []
    editor.open(None)
    write(editor, moving(8, seed=1), 30.0, sequence=shot)  # its board is there now, and keys need no actor
    assert len(editor.sections(shot)) == 1


@pytest.mark.engine("5.4")
def test_an_editor_whose_subsystem_spawns_nothing(editor: Any, unreal: Any) -> None:
    assert not hasattr(unreal.LevelSequenceEditorSubsystem, "add_spawnable_from_class")
    editor.add_blueprint(board="mh3")
    report = write(editor, moving(8), 30.0, blueprint=BLUEPRINT, camera=True)
    assert len(editor.asset(report.sequence).get_spawnables()) == 2


def test_blueprints_that_are_none_are_refused(editor: Any, unreal: Any) -> None:
    editor.add_blueprint(name="Prop", face=False)
    editor.add_blueprint(name="Part", face=False, actor=False)
    refused(editor, "The Blueprint /Game/Nobody is not in the project", blueprint="/Game/Nobody")
    sequence = editor.new_sequence(30)
    refused(editor, "is a LevelSequence, not a Blueprint", blueprint=sequence)
    refused(editor, "BP_Part is not the Blueprint of an actor", blueprint="/Game/MetaHumans/Part/BP_Part")
    assert "BP_Prop has no MetaHuman face." in refused(
        editor, "BP_Prop", blueprint="/Game/MetaHumans/Prop/BP_Prop", sequence=sequence
    )
    refused(editor, "BP_Prop has no MetaHuman face", blueprint="/Game/MetaHumans/Prop/BP_Prop", camera=True)


def test_a_commandlet_cannot_spawn(editor: Any) -> None:
    editor.add_blueprint()
    sequence = editor.new_sequence(30)
    editor.state.commandlet = True
    refused(editor, "BP_Ada cannot be spawned", blueprint=BLUEPRINT, sequence=sequence)


def test_a_blueprint_that_nobody_can_ask_is_tried(editor: Any, unreal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the subsystem that tells what a Blueprint is made of, the spawned actor is asked."""
    editor.add_blueprint()
    editor.add_blueprint(name="Prop", face=False)
    monkeypatch.delattr(unreal, "SubobjectDataSubsystem")
    sequence = editor.new_sequence(30)
    refused(editor, "BP_Prop has no MetaHuman face", blueprint="/Game/MetaHumans/Prop/BP_Prop", sequence=sequence)
    assert write(editor, moving(8), 30.0, blueprint=BLUEPRINT, sequence=sequence).keys


def test_a_take_that_is_cancelled_leaves_nobody(editor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from medtalk_unreal import edits
    from medtalk_unreal.errors import CancelledError

    monkeypatch.setattr(edits, "LONG", 0)
    editor.add_blueprint()
    sequence = editor.new_sequence(30)
    before = state_of(editor)
    editor.state.cancel_slow_task_after = 40
    for target in ({}, {"sequence": sequence}):
        with pytest.raises(CancelledError):
            write(editor, moving(8), 30.0, blueprint=BLUEPRINT, camera=True, **target)
        assert but_new_ones(editor, before) == before
        editor.unreal.window.evaluate()
        assert not [one for one in editor.state.actors if one._spawned]


# --- the camera


def camera_of(sequence: Any) -> tuple[Any, Any, dict[str, float]]:
    """The camera's component, its cut, and where it stands."""
    (cuts,) = [track for track in inside.tracks(sequence) if type(track).__name__ == "MovieSceneCameraCutTrack"]
    (cut,) = inside.sections(cuts)
    (binding,) = [
        one
        for one in sequence.get_bindings()
        if one.get_id() == cut.get_camera_binding_id().get_editor_property("guid")
    ]
    (track,) = binding.get_tracks()
    (section,) = inside.sections(track)
    at = {str(one.channel_name): one.get_default() for one in section.get_all_channels()}
    return binding.get_object_template().get_cine_camera_component(), cut, at


def in_picture(lens: Any, at: dict[str, float], point: Sequence[float]) -> tuple[float, float]:
    """Where a point of the world is in the picture, from -1 to 1 to the right and up; by the lens alone."""
    assert at["Rotation.X"] == at["Rotation.Y"] == 0.0
    yaw = math.radians(at["Rotation.Z"])
    away = [point[i] - at[f"Location.{axis}"] for i, axis in enumerate("XYZ")]
    ahead = away[0] * math.cos(yaw) + away[1] * math.sin(yaw)
    right = -away[0] * math.sin(yaw) + away[1] * math.cos(yaw)
    film = lens.filmback
    focal = lens.current_focal_length
    assert ahead > 50, "in front of the camera, at some distance"
    return right / ahead * focal * 2 / film.sensor_width, away[2] / ahead * focal * 2 / film.sensor_height


@pytest.mark.parametrize("spawned", [True, False])
def test_a_camera_frames_the_face(editor: Any, unreal: Any, spawned: bool) -> None:
    if spawned:
        editor.add_blueprint()
        target = {"blueprint": BLUEPRINT}
        origin = (0.0, 0.0, 0.0)
    else:
        actor = editor.add_metahuman()
        editor.move(actor, origin := (300.0, -50.0, 20.0))
        target = {"actor": actor}
    report = write(editor, moving(30), 30.0, camera=True, start_frame=10, **target)
    lens, cut, at = camera_of(editor.asset(report.sequence))
    assert (cut.get_start_frame(), cut.get_end_frame()) == (10, 40)
    assert [at[f"Scale.{axis}"] for axis in "XYZ"] == [1.0, 1.0, 1.0]
    assert lens.current_focal_length == 85.0 and lens.focus_settings.focus_method == unreal.CameraFocusMethod.DISABLE
    bones = inside.bones(editor.asset("/Game/MetaHumans/Ada/Face/SKM_Ada_Face"))
    left, right = (
        in_picture(lens, at, tuple(a + b for a, b in zip(bones[name], origin, strict=True)))
        for name in ("facial_l_eye", "facial_r_eye")
    )
    assert left[0] == pytest.approx(-right[0]) and left[0] > 0, "seen from the front: his left eye is to the right"
    assert 0.05 < left[0] < 0.2 and 0.0 < left[1] < 0.3, "the whole head is in the picture"
    chin, crown = ((0.0, bones["facial_l_eye"][1], bones["facial_l_eye"][2] + up) for up in (-13.0, 13.0))
    ends = [in_picture(lens, at, tuple(a + b for a, b in zip(one, origin, strict=True)))[1] for one in (chin, crown)]
    assert ends[0] > -0.9 and ends[1] < 0.9


def test_the_next_take_is_in_the_picture_of_the_same_camera(editor: Any, tmp_path: Path) -> None:
    editor.add_blueprint()
    first = write(editor, moving(30), 30.0, blueprint=BLUEPRINT, camera=True)
    target = {"sequence": first.sequence, "start_frame": 30, "camera": True, "name": "other"}
    write(editor, moving(30), 30.0, **target)
    _, cut, _ = camera_of(editor.asset(first.sequence))
    assert (cut.get_start_frame(), cut.get_end_frame()) == (0, 60)
    assert len(editor.asset(first.sequence).get_spawnables()) == 2


def test_camera_cuts_of_the_user_stay_alone(editor: Any, unreal: Any) -> None:
    sequence = editor.new_sequence(30)
    cut = sequence.add_track(unreal.MovieSceneCameraCutTrack).add_section()
    cut.set_range(0, 20)
    report = write(editor, moving(8), 30.0, actor=editor.add_metahuman(), sequence=sequence, camera=True)
    assert "Shot has camera cuts already; no camera was added." in report.warnings
    assert (cut.get_start_frame(), cut.get_end_frame()) == (0, 20) and not sequence.get_spawnables()


def test_a_face_without_eyes_gets_no_camera(editor: Any) -> None:
    actor = editor.add_metahuman()
    inside.bones(editor.asset("/Game/MetaHumans/Ada/Face/SKM_Ada_Face")).clear()
    report = write(editor, moving(8), 30.0, actor=actor, camera=True)
    assert "The eyes of BP_Ada were not found; no camera was added." in report.warnings
    assert not editor.asset(report.sequence).get_spawnables() and board_section(editor, report.sequence)


@pytest.mark.parametrize("wrong", ["refused", "nothing", "nobody"])
def test_a_camera_that_cannot_be_made_costs_no_take(editor: Any, unreal: Any, monkeypatch: Any, wrong: str) -> None:
    sequence, actor = editor.new_sequence(30), editor.add_metahuman()
    if wrong == "nobody":
        monkeypatch.setattr(unreal.MovieSceneBindingProxy, "get_object_template", lambda self: None)
    else:
        found = unreal.MovieSceneBindingProxy() if wrong == "refused" else None
        kind = unreal.LevelSequenceEditorSubsystem  # before 5.6 the sequence is asked
        monkeypatch.setattr(kind, "add_spawnable_from_class", lambda *given: found, raising=False)
    report = write(editor, moving(8), 30.0, actor=actor, sequence=sequence, camera=True)
    assert report.keys and sum("camera" in line.lower() and "Shot" in line for line in report.warnings) == 1
    names = [type(track).__name__ for track in inside.tracks(sequence)]
    assert "MovieSceneCameraCutTrack" not in names and "MEDTalk Camera" not in str(inside.bindings(sequence))
