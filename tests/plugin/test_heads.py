"""The head of the body: turned as the take says, on keys that are in nobody's way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tests.fake_unreal import inside
from tests.plugin.takes import as_take, moving

FRAMES = 12
HEAD = "head_ctrl.Rotation."
# Of a mesh that looks along Y, in Unreal's left-handed axes.
AHEAD, RIGHT, UP = np.eye(3)[1], -np.eye(3)[0], np.eye(3)[2]


@pytest.fixture
def ada(editor: Any) -> Any:
    return editor.add_metahuman(body_rig=True)


@pytest.fixture
def shot(editor: Any) -> Any:
    return editor.new_sequence(60)


def turning(frames: int = FRAMES) -> np.ndarray:
    """(frames, 3) a head that turns: yaw to its left, pitch up, roll to its right shoulder, in degrees."""
    at = np.linspace(0.0, 1.0, frames)[:, None]
    return (np.array([20.0, -12.0, 9.0]) * np.sin(at * np.array([3.0, 5.0, 7.0]))).astype(np.float32)


def turn(editor: Any, sequence: Any, actor: Any, turns: np.ndarray, **target: Any) -> Any:
    """The report of a take whose head turns by the head of the body."""
    from medtalk_unreal.take import Target, write_take

    take = replace(as_take(moving(len(turns))), head=turns.data)
    where = {"sequence": sequence.get_path_name(), "actor": actor.get_path_name(), "head": "body", "tolerance": 0.0}
    with editor.plugin_code():
        return write_take(take, Target(**{**where, **target}))


def body_track(sequence: Any) -> Any:
    """The track of the body's rig."""
    rigs = [one for one in sequence._all_tracks() if getattr(one, "_rig_class", None)]
    (track,) = [one for one in rigs if one._rig_class._board == "body"]
    return track


def body_binding(editor: Any, sequence: Any, actor: Any) -> Any:
    """The binding of the body in a sequence, made by the user."""
    (body,) = [one for one in inside.components(actor) if one.get_name() == "Body"]
    return sequence.add_possessable(body)


def matrix(roll: float, pitch: float, yaw: float) -> np.ndarray:
    """Where a rotator of Unreal turns the axes, as columns: about X, then Y, then Z; X and Y turn the other way round
    than in right-handed axes."""
    return Rotation.from_euler("xyz", [-roll, -pitch, yaw], degrees=True).as_matrix()


def looks(editor: Any, section: Any, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the face looks, and where the crown of the head points, at each key of the control."""
    keys = [[value for _, value in editor.keys(section, HEAD + axis)] for axis in "XYZ"]
    turns = [rest @ matrix(*key) @ rest.T for key in zip(*keys, strict=True)]
    return np.array([one @ AHEAD for one in turns]), np.array([one @ UP for one in turns])


@pytest.mark.parametrize("rest", [(0.0, 0.0, 0.0, 1.0), (0.0, -(0.5**0.5), 0.0, 0.5**0.5), (0.1, 0.7, -0.1, 0.7)])
def test_the_head_looks_where_the_take_turns_it(
    editor: Any, unreal: Any, shot: Any, ada: Any, monkeypatch: Any, rest: tuple[float, ...]
) -> None:
    """However the axes of the control lie in the rig."""
    controls = unreal.boards.controls("body")
    lies = tuple(np.array(rest) / np.linalg.norm(rest))
    monkeypatch.setitem(controls, "head_ctrl", replace(controls["head_ctrl"], rest=lies))
    head = turning()
    report = turn(editor, shot, ada, head)
    (section,) = inside.sections(body_track(shot))
    ahead, up = looks(editor, section, Rotation.from_quat(lies).as_matrix())
    yaw, pitch = np.radians(head[:, 0]), np.radians(head[:, 1])
    wanted = np.cos(pitch)[:, None] * (np.cos(yaw)[:, None] * AHEAD - np.sin(yaw)[:, None] * RIGHT)
    np.testing.assert_allclose(ahead, wanted + np.sin(pitch)[:, None] * UP, atol=1e-4)
    level = np.cross(UP, wanted)  # along it the crown leans to the right shoulder, by the roll
    np.testing.assert_allclose(
        (up * level).sum(1) / np.linalg.norm(level, axis=1), np.sin(np.radians(head[:, 2])), atol=1e-4
    )
    assert report.head == 3 * FRAMES and "on head_ctrl of the body's rig" in report.lines()[1] and not report.warnings


def test_a_rig_that_is_made_leaves_the_pose_of_the_body(editor: Any, unreal: Any, shot: Any, ada: Any) -> None:
    """It is layered, and has keys of the head alone, for as long as the take lasts."""
    turn(editor, shot, ada, turning(), start_frame=5)
    track = body_track(shot)
    (section,) = inside.sections(track)
    assert unreal.ControlRigSequencerLibrary.is_layered_control_rig(inside.rig_of(section))
    assert editor.keyed(section) == [HEAD + axis for axis in "XYZ"]
    assert (section.get_start_frame(), section.get_end_frame()) == (5, 5 + FRAMES)
    assert editor.state.sequence is None, "Sequencer shows what it showed before"
    assert "Error" not in editor.log.text
    (body,) = [one for one in inside.bindings(shot) if one[1] == "Body"]
    (actor,) = [one for one in inside.bindings(shot) if one[1] == "BP_Ada"]
    assert body[3] == actor[0], "the body belongs to its actor"


def test_a_take_that_is_written_again_turns_the_head_anew(editor: Any, shot: Any, ada: Any) -> None:
    turn(editor, shot, ada, turning())
    turn(editor, shot, ada, -turning(FRAMES - 4))
    (section,) = inside.sections(body_track(shot))
    assert len(editor.keys(section, HEAD + "X")) == FRAMES - 4
    assert section.get_end_frame() == FRAMES - 4


@pytest.mark.parametrize("now", ["body", "control", "off"])
def test_a_locked_section_on_the_body_is_left_alone(editor: Any, shot: Any, ada: Any, now: str) -> None:
    editor.state.head_control = True
    turn(editor, shot, ada, turning())
    (section,) = inside.sections(body_track(shot))
    section.set_is_locked(True)
    before = inside.whole_section(section)
    report = turn(editor, shot, ada, -turning(), head=now)
    assert inside.sections(body_track(shot)) == [section] and inside.whole_section(section) == before
    assert any("section of line on the body of" in line and "is locked" in line for line in report.warnings)
    section.set_is_locked(False)
    assert not any("locked" in line for line in turn(editor, shot, ada, -turning(), head=now).warnings)


@pytest.mark.parametrize("other", ["control", "off"])
def test_a_head_that_is_turned_otherwise_than_before_is_turned_once(
    editor: Any, shot: Any, ada: Any, other: str
) -> None:
    editor.state.head_control = True
    turn(editor, shot, ada, turning())
    (board,) = [one for one in editor.sections(shot) if "mha_head_ik_switch_ctrl" in inside.channels(one)]
    turn(editor, shot, ada, turning(), head=other)
    assert inside.sections(body_track(shot)) == [] and board.get_channel("mha_head_ik_switch_ctrl").get_default() == (
        1 if other == "control" else 0
    )
    turn(editor, shot, ada, turning(), head="body")
    assert board.get_channel("mha_head_ik_ctrl.Rotation.X").get_num_keys() == 0
    assert board.get_channel("mha_head_ik_switch_ctrl").get_default() == 0
    (section,) = inside.sections(body_track(shot))
    assert len(editor.keys(section, HEAD + "X")) == FRAMES


@pytest.mark.parametrize("mode", ["offset", "replace", "drop"])
def test_what_the_animator_changed_on_the_head_is_kept(editor: Any, shot: Any, ada: Any, mode: str) -> None:
    turn(editor, shot, ada, turning())
    (section,) = inside.sections(body_track(shot))
    tick, old = editor.keys(section, HEAD + "Z")[6]
    inside.set_key(section, HEAD + "Z", tick, old + 10.0)
    report = turn(editor, shot, ada, 0.5 * turning(), hand_edits=mode)
    new = editor.keys(section, HEAD + "Z")[6][1]
    turn(editor, shot, ada, 0.5 * turning(), hand_edits="drop")
    plain = editor.keys(section, HEAD + "Z")[6][1]
    assert new == pytest.approx({"offset": plain + 10.0, "replace": old + 10.0, "drop": plain}[mode], abs=0.01)
    assert f"{HEAD}Z (frame 6)" in " ".join(report.warnings)


def test_a_section_of_the_head_stays_trimmed_and_keeps_what_lies_beside_the_take(
    editor: Any, shot: Any, ada: Any
) -> None:
    turn(editor, shot, ada, turning(), start_frame=10)
    (section,) = inside.sections(body_track(shot))
    for tick in (2000, 40000):
        inside.add_key(section, HEAD + "X", tick, 7.0)
    section.set_range(10, 18)
    report = turn(editor, shot, ada, -turning(), start_frame=10)
    assert (section.get_start_frame(), section.get_end_frame()) == (10, 18)
    assert "head_ctrl: The section of the take stays trimmed: it plays frames 10 to 17." in report.warnings
    keys = editor.keys(section, HEAD + "X")
    assert len(keys) == FRAMES + 2 and keys[0] == (2000, 7.0) and keys[-1] == (40000, 7.0)


def test_a_section_of_the_head_without_the_takes_keys_is_said(editor: Any, shot: Any, ada: Any) -> None:
    turn(editor, shot, ada, turning())
    (section,) = inside.sections(body_track(shot))
    section.set_is_active(False)
    report = turn(editor, shot, ada, -turning())
    assert any("The section of line (head) is muted" in line for line in report.warnings)


def test_the_user_keys_the_body_where_he_did(editor: Any, unreal: Any, shot: Any, ada: Any) -> None:
    track = body_binding(editor, shot, ada).add_track(unreal.MovieSceneControlRigParameterTrack)
    track._put(editor.add_rig("body").get_control_rig_class())
    (pose,) = inside.sections(track)
    inside.add_key(pose, HEAD + "X", 0, 4.0)
    turn(editor, shot, ada, turning())
    track.set_section_to_key(pose)
    turn(editor, shot, ada, -turning())
    assert track.get_section_to_key() == pose


@pytest.mark.parametrize("now", ["control", "off"])
def test_what_gives_way_on_the_body_is_said(editor: Any, shot: Any, ada: Any, now: str) -> None:
    editor.state.head_control = True
    turn(editor, shot, ada, turning())
    report = turn(editor, shot, ada, turning(), head=now)
    assert any("The section of line on the body of BP_Ada was removed" in line for line in report.warnings)
    assert not any("removed" in line for line in turn(editor, shot, ada, turning(), head=now).warnings)


def test_changes_to_the_head_of_the_board_that_give_way_are_said(editor: Any, shot: Any, ada: Any) -> None:
    editor.state.head_control = True
    name = "mha_head_ik_ctrl.Rotation.Z"
    for edited in (False, True):
        turn(editor, shot, ada, turning(), head="control")
        (board,) = [one for one in editor.sections(shot) if name in inside.channels(one)]
        if edited:
            tick, old = editor.keys(board, name)[5]
            inside.set_key(board, name, tick, old + 8.0)
        report = turn(editor, shot, ada, turning(), head="off")
        assert any("The keys of mha_head_ik_ctrl were removed" in line for line in report.warnings) == edited


@pytest.mark.parametrize("bound", [False, True])
@pytest.mark.parametrize("wrong", ["no track", "no section"])
def test_a_rig_that_cannot_be_laid_leaves_nothing(
    editor: Any, unreal: Any, shot: Any, ada: Any, monkeypatch: Any, wrong: str, bound: bool
) -> None:
    """Of the body; the face gets its keys."""
    if bound:
        body_binding(editor, shot, ada)
    turn(editor, shot, ada, turning(), head="off")
    before = inside.bindings(shot), len(shot._all_tracks())
    lay = unreal.ControlRigSequencerLibrary.find_or_create_control_rig_track

    def laid(*given: Any) -> Any:
        if wrong == "no track":
            return None
        track = lay(*given)
        inside.sections(track)[0].set_is_locked(True)  # so that another section is needed
        monkeypatch.setattr(type(track), "add_section", lambda self: None)
        return track

    monkeypatch.setattr(unreal.ControlRigSequencerLibrary, "find_or_create_control_rig_track", laid)
    report = turn(editor, shot, ada, turning())
    assert report.keys and not report.head and len(report.warnings) == 1
    assert (inside.bindings(shot), len(shot._all_tracks())) == before


def test_the_users_rig_of_the_body_keeps_its_pose(editor: Any, unreal: Any, shot: Any, ada: Any) -> None:
    """As Sequencer lays it when a MetaHuman is dragged in: the head is added to what is there."""
    track = body_binding(editor, shot, ada).add_track(unreal.MovieSceneControlRigParameterTrack)
    track._put(editor.add_rig("body").get_control_rig_class())
    (pose,) = inside.sections(track)
    inside.add_key(pose, HEAD + "X", 0, 4.0)  # one key: a pose
    before = inside.whole_section(pose)
    report = turn(editor, shot, ada, turning())
    mine, added = inside.sections(track)
    assert mine == pose and inside.whole_section(pose) == before
    assert added.get_blend_type().blend_type == unreal.MovieSceneBlendType.ADDITIVE and report.head == 3 * FRAMES
    assert not unreal.ControlRigSequencerLibrary.is_layered_control_rig(inside.rig_of(added))


@pytest.mark.parametrize("what", ["animation", "keys"])
def test_a_body_that_somebody_animates_is_left_alone(editor: Any, unreal: Any, shot: Any, ada: Any, what: str) -> None:
    binding = body_binding(editor, shot, ada)
    if what == "animation":
        section = binding.add_track(unreal.MovieSceneSkeletalAnimationTrack).add_section()
        section.set_range(0, 100)
    else:
        track = binding.add_track(unreal.MovieSceneControlRigParameterTrack)
        track._put(editor.add_rig("body").get_control_rig_class())
        (section,) = inside.sections(track)
        for tick in (0, 4000):
            inside.add_key(section, HEAD + "Y", tick, 3.0)
    before = inside.whole_section(section)
    report = turn(editor, shot, ada, turning())
    assert report.head == 0 and report.keys > 0
    (line,) = [line for line in report.warnings if "animates the body of BP_Ada there" in line]
    assert "left alone" in line and inside.whole_section(section) == before
    section.set_is_active(False)
    assert turn(editor, shot, ada, turning()).head == 3 * FRAMES


def test_a_metahuman_without_such_a_body(editor: Any, shot: Any) -> None:
    """The face gets its keys all the same."""
    ada = editor.add_metahuman()
    report = turn(editor, shot, ada, turning())
    assert report.head == 0 and report.keys > 0
    assert "has no rig with a head_ctrl: its head gets no keys. Switch Head Movement off" in report.warnings[-1]
    editor.add_rig("body", "/Game/Elsewhere/MetaHuman_ControlRig")
    assert turn(editor, shot, ada, turning()).head == 3 * FRAMES, "any rig of that name in the project will do"
    lone = editor.add_face_actor()
    report = turn(editor, editor.new_sequence(60, "/Game/Other"), lone, turning())
    assert "has no body" in report.warnings[-1] and report.keys > 0


def test_a_head_that_is_off_gets_no_keys(editor: Any, shot: Any, ada: Any) -> None:
    report = turn(editor, shot, ada, turning(), head="off")
    assert report.head == 0 and not report.warnings and [one[1] for one in inside.bindings(shot)].count("Body") == 0
