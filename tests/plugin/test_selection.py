"""What is selected in Sequencer becomes a request."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fake_unreal import inside
from tests.plugin.takes import a_sound, board_section, moving, state_of, write

SHOT = "/Game/Cinematics/Shot"


@pytest.fixture
def shot(editor: Any, unreal: Any, tmp_path: Path) -> Any:
    """An open sequence at 30 fps with a MetaHuman, and a sound of two seconds on an audio track from frame 30 on."""
    actor, sequence = editor.add_metahuman(), editor.new_sequence(30, SHOT)
    sequence.add_possessable(editor.face_of(actor))
    editor.open(sequence)
    sound = a_sound(editor, tmp_path, 2.0)
    return editor, sequence, laid(editor, unreal, sequence, sound, 30, 90), sound


def laid(editor: Any, unreal: Any, owner: Any, sound: str, start: int, end: int, offset: int = 0) -> Any:
    """An audio section as a user lays it, selected; offset: frames of 30 a second that it leaves out of the sound."""
    section = owner.add_track(unreal.MovieSceneAudioTrack).add_section()
    section.set_sound(editor.object(sound))
    section.set_range(start, end)
    section.set_start_offset(unreal.FrameNumber(offset * 800))
    section.set_looping(False)
    editor.select_sections(section)
    return section


def changes(editor: Any) -> dict[str, Any]:
    from medtalk_unreal import selection, settings

    with editor.plugin_code():
        return selection.from_sequencer(settings.load())


def refusal(editor: Any) -> str:
    """The error of a selection that will not do; nothing is changed by asking."""
    from medtalk_unreal.errors import PluginError

    before = state_of(editor)
    with pytest.raises(PluginError) as caught:
        changes(editor)
    assert state_of(editor) == before
    return str(caught.value)


def test_a_selected_sound_gives_the_sound_the_place_and_the_face(shot: Any) -> None:
    from medtalk_unreal import settings
    from medtalk_unreal.request import Request

    editor, _, _, sound = shot
    found = changes(editor)
    assert found == {
        "sounds": (sound,), "sequence": SHOT, "actor": "", "blueprint": "", "skeleton": "", "start_frame": 30,
        "sound_start": 0.0, "sound_end": 0.0,
    }  # fmt: skip
    request = replace(Request(emotion="happy", blueprint="/Game/B", skeleton="/Game/S"), **found)
    request.check(settings.load())
    assert request.target().sequence == SHOT and request.wire_settings(b"", 30.0, "").span is None


def test_a_trimmed_section_gives_the_part_that_is_heard(shot: Any, unreal: Any) -> None:
    from medtalk_unreal.request import Request

    editor, sequence, _, sound = shot
    laid(editor, unreal, sequence, sound, 40, 61, offset=15)
    found = changes(editor)
    assert (found["start_frame"], found["sound_start"]) == (40, pytest.approx(0.5))
    assert found["sound_end"] == pytest.approx(1.2)
    span = replace(Request(), **found).wire_settings(b"", 30.0, "").span
    assert span == (found["sound_start"], found["sound_end"])


def test_a_section_that_ends_after_its_sound_gives_all_of_the_rest(shot: Any, unreal: Any) -> None:
    editor, sequence, _, sound = shot
    laid(editor, unreal, sequence, sound, 0, 600, offset=15)
    assert (changes(editor)["sound_start"], changes(editor)["sound_end"]) == (pytest.approx(0.5), 0.0)


def test_a_section_between_frames_is_at_the_nearest(shot: Any) -> None:
    """What is heard from the frame on is animated: the mouth is in time."""
    editor, _, section, _ = shot
    section.set_range_seconds(1.01, 3.01)
    found = changes(editor)
    assert found["start_frame"] == 30 and found["sound_start"] == 0.0  # 0.01 s early, which is not in the sound
    section.set_range_seconds(0.99, 2.99)
    found = changes(editor)
    assert found["start_frame"] == 30 and found["sound_start"] == pytest.approx(0.01, abs=1e-4)


def test_the_shot_in_focus_is_meant_not_the_film(shot: Any, unreal: Any) -> None:
    editor, _, _, sound = shot
    film = editor.new_sequence(24, "/Game/Cinematics/Film")
    editor.open(film)
    editor.focus(SHOT + ".Shot")
    laid(editor, unreal, editor.asset(SHOT), sound, 12, 72)
    assert (changes(editor)["sequence"], changes(editor)["start_frame"]) == (SHOT, 12)


def test_of_several_faces_the_selected_one_speaks(shot: Any, unreal: Any) -> None:
    editor, sequence, _, _ = shot
    bob = editor.add_metahuman(name="Bob")
    face = sequence.add_possessable(editor.face_of(bob))
    assert "2 MetaHumans: BP_Ada, BP_Bob" in refusal(editor)
    editor.select_bindings(face)
    assert changes(editor)["actor"] == bob.get_path_name()
    editor.select_bindings(face.get_parent())
    assert changes(editor)["actor"] == bob.get_path_name()


def test_a_sound_on_an_actor_is_spoken_by_that_actor(shot: Any, unreal: Any) -> None:
    editor, sequence, _, sound = shot
    bob = editor.add_metahuman(name="Bob")
    face = sequence.add_possessable(editor.face_of(bob))
    laid(editor, unreal, face.get_parent(), sound, 0, 60)
    assert changes(editor)["actor"] == bob.get_path_name()


def test_a_face_that_is_not_in_the_sequence_is_that_selected_in_the_level(
    editor: Any, unreal: Any, tmp_path: Path
) -> None:
    actor, sequence = editor.add_metahuman(), editor.new_sequence(30, SHOT)
    editor.open(sequence)
    laid(editor, unreal, sequence, a_sound(editor, tmp_path), 0, 30)
    assert "Shot has no MetaHuman" in refusal(editor)
    editor.select_actors(actor)
    assert changes(editor)["actor"] == actor.get_path_name()


def test_what_cannot_be_spoken_is_one_line(shot: Any, unreal: Any) -> None:
    editor, sequence, section, sound = shot
    editor.select_sections()
    assert "No audio section is selected in Shot." in refusal(editor)
    other = laid(editor, unreal, sequence, sound, 0, 30)
    editor.select_sections(section, other)
    assert "2 audio sections are selected in Shot." in refusal(editor)
    editor.select_sections(other)
    other.set_range(0, 1)
    assert "plays 0.0333 s of its sound" in refusal(editor)
    other.set_range(0, 30)
    other.set_start_offset(unreal.FrameNumber(3 * 24000))
    assert "plays 0 s of its sound" in refusal(editor)
    editor.select_sections(sequence.add_track(unreal.MovieSceneAudioTrack).add_section())
    assert "has no sound" in refusal(editor)
    editor.open(None)
    assert "No sequence is open." in refusal(editor)


def test_a_sound_that_the_user_has_laid_is_not_heard_twice(shot: Any) -> None:
    editor, sequence, section, sound = shot
    values = moving(60)
    write(editor, values, 30.0, sound=sound, sequence=sequence, start_frame=30)
    ours = [one for track in inside.tracks(sequence) for one in inside.sections(track) if one != section]
    assert [one.is_active() for one in ours] == [False] and section.is_active()
    write(editor, values, 30.0, sound=sound, sequence=sequence, start_frame=120)
    assert len(inside.tracks(sequence)) == 2, "the take was found by its own track, and moved"


def test_a_part_of_a_sound_is_laid_as_that_part(shot: Any) -> None:
    from medtalk_unreal.take import Target, write_take
    from tests.plugin.takes import as_take

    editor, sequence, section, sound = shot
    section.set_is_active(False)
    take = replace(as_take(moving(21), 30.0, sound=sound), sound_start=0.5, sound_end=1.2)
    with editor.plugin_code():
        report = write_take(take, Target(sequence=SHOT, start_frame=40))
    assert (report.first_frame, report.last_frame) == (40, 60)
    (ours,) = [one for track in inside.tracks(sequence) for one in inside.sections(track) if one != section]
    assert (ours.get_start_frame(), ours.get_end_frame(), ours.is_active()) == (40, 61, True)
    assert ours.get_start_offset().value == 12000
    assert editor.keys(board_section(editor, sequence), "CTRL_C_jaw.Y")[0][0] == 40 * 800


@pytest.mark.parametrize(("start", "end"), [(-1.0, 0.0), (2.0, 1.0), (1.0, 1.0), (float("nan"), 0.0), (0.0, -1.0)])
def test_a_part_that_is_none_is_refused(editor: Any, start: float, end: float) -> None:
    from medtalk_unreal import settings
    from medtalk_unreal.errors import PluginError
    from medtalk_unreal.request import Request

    with pytest.raises(PluginError, match="part of the sound"):
        Request(sound_start=start, sound_end=end).check(settings.load())


def test_marked_frames_lie_where_the_part_is_heard(shot: Any, unreal: Any) -> None:
    """The sidecar counts the seconds of the whole sound."""
    from medtalk_unreal import generate, settings
    from medtalk_unreal.request import Request

    editor, sequence, _, sound = shot
    laid(editor, unreal, sequence, sound, 40, 70, offset=15)
    mark = unreal.MovieSceneMarkedFrame(unreal.FrameNumber(55), "happy")
    sequence.add_marked_frame_to_sequence(mark)
    request = replace(Request(marked_frames=True), **changes(editor))
    with editor.plugin_code():
        (facts,) = generate.check(request, settings.load()).sounds
        (span,) = generate._timeline(request, facts, settings.load()) or []
    assert span == {"start": pytest.approx(1.0), "emotion": "happy"}, "half a second in, and half a second was cut"
