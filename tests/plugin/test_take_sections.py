"""A take as one thing in Sequencer: moved, trimmed, muted, deleted, above others, and generated again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medtalk.rig.channels import INDEX, N_CHANNELS
from tests.fake_unreal import inside
from tests.plugin.takes import KEYED, a_sound, board_section, moving, on_board, state_of, write

FRAMES = 12  # of the rig; half as many display frames
A_FRAME = 800  # ticks of a display frame at 30 fps
JAW, BLINK = "CTRL_C_jaw.Y", "CTRL_L_eye_blink"


@pytest.fixture
def shot(editor: Any) -> dict[str, str]:
    """Where a take goes: a sequence at 30 frames a second, and a MetaHuman."""
    sequence = editor.new_sequence(30, "/Game/Cinematics/Shot")
    return {"sequence": "/Game/Cinematics/Shot", "actor": editor.add_metahuman().get_path_name()} if sequence else {}


def ranges(editor: Any, shot: dict[str, str]) -> list[tuple[int, int]]:
    return [(one.get_start_frame(), one.get_end_frame()) for one in editor.sections(shot["sequence"])]


def sound_section(editor: Any, shot: dict[str, str]) -> Any:
    ((section,),) = [inside.sections(track) for track in inside.tracks(editor.asset(shot["sequence"]))]
    return section


def test_a_take_is_a_bounded_section_that_is_marked_and_takes_the_users_keys(editor: Any, shot: Any) -> None:
    write(editor, moving(FRAMES), **shot, start_frame=5)
    section = board_section(editor, shot["sequence"])
    track = inside.track_of(section)
    assert ranges(editor, shot) == [(5, 11)] and section.get_color_tint().a > 0
    assert str(track.get_track_row_display_name(0)) == "MEDTalk: line"
    assert track.get_section_to_key() == section
    write(editor, moving(FRAMES), name="next", **shot, start_frame=11)
    assert ranges(editor, shot) == [(5, 11), (11, 17)]
    assert track.get_section_to_key() == editor.sections(shot["sequence"])[1]


@pytest.mark.parametrize("again", [0, 30])
def test_a_take_that_was_moved_is_generated_again_where_it_lies(editor: Any, shot: Any, again: int) -> None:
    """Asked for at the same start as before it stays; at another one, it goes there."""
    write(editor, moving(FRAMES), **shot)
    inside.move(board_section(editor, shot["sequence"]), 50 * A_FRAME)
    values = moving(FRAMES, 2)
    report = write(editor, values, **shot, start_frame=again)
    start = again or 50
    assert ranges(editor, shot) == [(start, start + 6)] and report.first_frame == start
    assert report.warnings == report.edits == () and report.next_frame == again + 6
    np.testing.assert_allclose(
        on_board(editor, shot["sequence"], FRAMES, start=start)[:, KEYED], values[:, KEYED], atol=1e-6
    )
    keys = editor.keys(board_section(editor, shot["sequence"]), JAW)
    assert target_frame(editor, shot, again) == start and target_frame(editor, shot, 99) == 99
    assert [tick for tick, _ in keys] == [start * A_FRAME + at * 400 for at in range(FRAMES)]


def target_frame(editor: Any, shot: Any, asked: int) -> int:
    """Where the take would begin, before anything is sent."""
    from medtalk_unreal.take import Target, target_place

    with editor.plugin_code():
        return target_place(Target(**shot, start_frame=asked), "line", "")[1]


def test_a_trimmed_take_stays_trimmed(editor: Any, shot: Any) -> None:
    write(editor, moving(FRAMES), **shot)
    section = board_section(editor, shot["sequence"])
    section.set_range(2, 5)
    inside.move(section, 10 * A_FRAME)
    values = moving(FRAMES, 2)
    report = write(editor, values, **shot)
    assert ranges(editor, shot) == [(12, 15)] and "plays frames 12 to 14" in " ".join(report.warnings)
    assert [tick for tick, _ in editor.keys(section, JAW)] == [10 * A_FRAME + at * 400 for at in range(FRAMES)]
    assert report.edits == () and target_frame(editor, shot, 0) == 10
    write(editor, values, **shot, start_frame=100)
    assert ranges(editor, shot) == [(102, 105)]


def test_a_muted_take_stays_muted_and_a_deleted_one_is_written_anew(editor: Any, shot: Any) -> None:
    write(editor, moving(FRAMES), **shot)
    section = board_section(editor, shot["sequence"])
    section.set_is_active(False)
    report = write(editor, moving(FRAMES, 2), **shot)
    assert not section.is_active() and "muted" in report.warnings[0]
    track = inside.track_of(section)
    track.remove_section(section)
    report = write(editor, moving(FRAMES, 3), **shot)
    assert report.warnings == () and inside.sections(track) != [section]
    np.testing.assert_allclose(
        on_board(editor, shot["sequence"], FRAMES)[:, KEYED], moving(FRAMES, 3)[:, KEYED], atol=1e-6
    )


def test_a_new_take_of_the_same_sound_is_a_second_section(editor: Any, shot: Any) -> None:
    for start, replace in ((0, True), (50, False), (50, True)):
        write(editor, moving(FRAMES, start), **shot, start_frame=start, replace=replace)
    assert ranges(editor, shot) == [(0, 6), (50, 56)]


@pytest.mark.engine("5.6")
def test_a_take_overrides_what_the_animator_keyed_on_the_board(editor: Any, shot: Any, unreal: Any) -> None:
    """His section has no end; its keys stay, and play where the take does not."""
    his = his_section(editor, shot)
    before = editor.keys(his, JAW), editor.keys(his, BLINK)
    values = moving(FRAMES, 2)
    report = write(editor, values, **shot, start_frame=10)
    assert (editor.keys(his, JAW), editor.keys(his, BLINK)) == before and not his.has_end_frame()
    (take,) = [one for one in editor.sections(shot["sequence"]) if one != his]
    assert take.get_row_index() == 1 and "lies above another section" in report.warnings[0]
    shown = on_board(editor, shot["sequence"], FRAMES, start=10)
    np.testing.assert_allclose(shown[:, KEYED], values[:, KEYED], atol=1e-6)
    assert on_board(editor, shot["sequence"], 1, start=30)[0, INDEX["CTRL_C_jaw-translateY"]] == 0.75


@pytest.mark.engine("5.4")
def test_where_nothing_can_override_the_take_goes_into_the_endless_section(editor: Any, shot: Any) -> None:
    his = his_section(editor, shot)
    values = moving(FRAMES, 2)
    for _ in range(2):
        report = write(editor, values, **shot, start_frame=10)
        assert editor.sections(shot["sequence"]) == [his] and not his.has_end_frame()
        assert "no section of its own" in " ".join(report.warnings)
        np.testing.assert_allclose(
            on_board(editor, shot["sequence"], FRAMES, start=10)[:, KEYED], values[:, KEYED], atol=1e-6
        )
        assert [editor.keys(his, JAW)[at] for at in (0, -1)] == [(0, 0.75), (99 * A_FRAME, 0.75)]
    his.set_is_locked(True)
    before = state_of(editor)
    from medtalk_unreal.errors import PluginError

    with pytest.raises(PluginError, match="section of the control board of BP_Ada is locked"):
        write(editor, values, **shot, start_frame=10)
    assert state_of(editor) == before


def his_section(editor: Any, shot: Any) -> Any:
    """An endless section of the board with keys of the animator's, also within the take."""
    write(editor, moving(2), **shot)
    section = board_section(editor, shot["sequence"])
    inside.track_of(section).remove_section(section)
    his = inside.track_of(section).add_section()
    his.set_blend_type(editor.unreal.MovieSceneBlendType.ABSOLUTE)
    for tick in (0, 12 * A_FRAME, 99 * A_FRAME):
        inside.add_key(his, JAW, tick, 0.75)
    inside.add_key(his, BLINK, 12 * A_FRAME, 0.5)
    return his


@pytest.mark.engine("5.4")
def test_takes_that_overlap_are_averaged_where_nothing_can_override(editor: Any, shot: Any) -> None:
    write(editor, moving(FRAMES), **shot)
    report = write(editor, moving(FRAMES, 2), name="next", **shot, start_frame=5)
    assert "next overlaps the take line" in report.warnings[0] and len(editor.sections(shot["sequence"])) == 2


@pytest.mark.parametrize(("frames", "start"), [(2 * FRAMES, 0), (FRAMES, 3)])
@pytest.mark.engine("5.6")
def test_a_take_that_meets_another_one_when_it_is_generated_again_overrides_it(
    editor: Any, shot: Any, frames: int, start: int
) -> None:
    """Longer than before, or at another start frame. Said once, and then the animator's order stays."""
    kinds = editor.unreal.MovieSceneBlendType
    write(editor, moving(FRAMES), **shot)
    write(editor, moving(FRAMES, 1), name="next", **shot, start_frame=6)
    line, other = editor.sections(shot["sequence"])
    assert line.get_row_index() == other.get_row_index()
    values = moving(frames, 2)
    report = write(editor, values, **shot, start_frame=start)
    assert "line lies above the take next of BP_Ada, and overrides it there." in report.warnings
    shown = on_board(editor, shot["sequence"], frames, start=start)
    np.testing.assert_allclose(shown[:, KEYED], values[:, KEYED], atol=1e-6)
    assert line.get_row_index() != other.get_row_index()
    assert [one.get_blend_type().blend_type for one in (line, other)] == [kinds.OVERRIDE, kinds.ABSOLUTE]
    line.set_blend_type(kinds.ABSOLUTE)
    assert write(editor, values, **shot, start_frame=start).warnings == ()
    assert line.get_blend_type().blend_type == kinds.ABSOLUTE


@pytest.mark.engine("5.4")
def test_a_longer_take_that_meets_another_one_is_averaged_where_nothing_can_override(editor: Any, shot: Any) -> None:
    write(editor, moving(FRAMES), **shot)
    write(editor, moving(FRAMES, 1), name="next", **shot, start_frame=6)
    report = write(editor, moving(2 * FRAMES, 2), **shot)
    assert "line overlaps the take next" in report.warnings[0] and "average" in report.warnings[0]
    assert [one.get_row_index() for one in editor.sections(shot["sequence"])] == [1, 0]


def test_a_take_of_an_older_version_gives_way(editor: Any, shot: Any, tmp_path: Path) -> None:
    """Its keys lie in the one endless section, which belongs to nobody; its sound says where."""
    sound = a_sound(editor, tmp_path, 0.2)
    older_take(editor, shot, sound, start=7)
    section = board_section(editor, shot["sequence"])
    values = moving(FRAMES, 2)
    report = write(editor, values, sound=sound, **shot, start_frame=20)
    assert editor.sections(shot["sequence"]) == [section] and ranges(editor, shot) == [(20, 26)]
    assert "older version" in report.warnings[0] and sound_section(editor, shot).get_start_frame() == 20
    assert [tick for tick, _ in editor.keys(section, JAW)] == [20 * A_FRAME + at * 400 for at in range(FRAMES)]
    assert write(editor, values, sound=sound, **shot, start_frame=20).warnings == ()


def test_an_older_take_leaves_the_keys_of_another_one(editor: Any, shot: Any, tmp_path: Path) -> None:
    sounds = [a_sound(editor, tmp_path, 0.2, name) for name in ("line", "next")]
    older_take(editor, shot, sounds[0], start=7)
    older_take(editor, shot, sounds[1], start=13, name="next")
    old = board_section(editor, shot["sequence"])
    write(editor, moving(FRAMES, 2), sound=sounds[0], **shot, start_frame=7)
    assert editor.keys(old, JAW)[0][0] == 13 * A_FRAME and not old.has_end_frame()


def older_take(editor: Any, shot: Any, sound: str, start: int, name: str = "line") -> None:
    """As the plugin wrote it before takes were sections: without a tag, in a section without an end."""
    write(editor, moving(FRAMES), name=name, sound=sound, **shot, start_frame=start)
    asset = editor.asset(shot["sequence"])
    old, *more = editor.sections(asset)
    for new in more:
        for channel in editor.keyed(new):
            for tick, value in editor.keys(new, channel):
                inside.add_key(old, channel, tick, value)
        inside.track_of(new).remove_section(new)
    for tag in [tag for tag in inside.tags(asset) if tag.startswith(("medtalk.section", "medtalk.written"))]:
        editor.unreal.EditorAssetLibrary.remove_metadata_tag(asset, tag)
    old.set_start_frame_bounded(False)
    old.set_end_frame_bounded(False)
    old.set_color_tint(editor.unreal.Color())


def test_the_sound_stays_where_the_animator_has_it(editor: Any, shot: Any, tmp_path: Path) -> None:
    """He moved the keys two frames ahead of the sound; only another start moves both."""
    sound = a_sound(editor, tmp_path, 0.2)
    write(editor, moving(FRAMES), sound=sound, **shot, start_frame=10)
    inside.move(board_section(editor, shot["sequence"]), -2 * A_FRAME)
    report = write(editor, moving(FRAMES, 2), sound=sound, **shot, start_frame=10)
    heard = sound_section(editor, shot)
    assert (heard.get_start_frame(), ranges(editor, shot)) == (10, [(8, 14)])
    assert "sound of line begins at frame 10 and its keys at 8" in report.warnings[0]
    write(editor, moving(FRAMES, 2), sound=sound, **shot, start_frame=40)
    assert (heard.get_start_frame(), ranges(editor, shot)) == (40, [(40, 46)])


def test_a_sound_that_is_longer_now_is_heard_to_its_end(editor: Any, shot: Any, tmp_path: Path) -> None:
    sound = a_sound(editor, tmp_path, 0.2)
    write(editor, moving(FRAMES), sound=sound, **shot)
    inside.move(board_section(editor, shot["sequence"]), 2 * A_FRAME)
    write(editor, moving(2 * FRAMES), sound=sound, **shot)
    heard = sound_section(editor, shot)
    assert (heard.get_start_frame(), heard.get_end_frame(), ranges(editor, shot)) == (0, 12, [(2, 14)])


def test_a_take_that_was_generated_again_is_one_undo_step(editor: Any, shot: Any, tmp_path: Path) -> None:
    target = {"sound": a_sound(editor, tmp_path, 0.2), **shot}
    write(editor, moving(FRAMES), **target)
    inside.move(board_section(editor, shot["sequence"]), 2 * A_FRAME)
    before = state_of(editor)
    write(editor, moving(FRAMES, 2), **target, start_frame=50)
    editor.undo()
    assert state_of(editor) == before


@pytest.mark.parametrize("mask", ["mouth", "upper"])
def test_a_part_of_the_face_moves_with_the_rest_of_the_take(editor: Any, shot: Any, mask: str) -> None:
    from medtalk_board.channels import in_region

    first, second = moving(FRAMES, 1), moving(FRAMES, 2)
    write(editor, first, **shot)
    report = write(editor, second, **shot, start_frame=30, process_mask=mask)
    new = np.isin(np.arange(N_CHANNELS), list(in_region(mask)))
    shown = on_board(editor, shot["sequence"], FRAMES, start=30)
    np.testing.assert_allclose(shown[:, KEYED], np.where(new, second, first)[:, KEYED], atol=1e-6)
    assert report.edits == () and ranges(editor, shot) == [(30, 36)]
    assert write(editor, first, **shot, start_frame=30).edits == (), "what was not written is known, too"
