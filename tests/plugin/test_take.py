"""Takes on the board: the right values at the right time, whole or not at all, and nothing of the user's is touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medtalk.rig.channels import INDEX, N_CHANNELS
from medtalk_board.channels import in_region
from medtalk_board.head import rotator
from tests.fake_unreal import inside
from tests.plugin.takes import KEYED, a_sound, as_take, board_section, but_new_ones, moving, on_board, state_of, write

FRAMES = 40
JAW = INDEX["CTRL_C_jaw-translateY"]
TICKS_60 = 400  # of a frame at 60 fps


@pytest.fixture
def shot(editor: Any) -> tuple[Any, str, str]:
    """An editor with a MetaHuman (its path) and a sequence (its path) at 30 frames a second."""
    return editor, editor.add_metahuman().get_path_name(), "/Game/Cinematics/Shot" + _new(editor)


def _new(editor: Any, fps: Any = 30, name: str = "") -> str:
    editor.new_sequence(fps, f"/Game/Cinematics/Shot{name}")
    return name


def audio(editor: Any, sequence: str) -> list[tuple[str, Any]]:
    """Title and section of all sounds of a sequence."""
    tracks = inside.tracks(editor.asset(sequence))
    return [(inside.title(track), section) for track in tracks for section in inside.sections(track)]


# --- the values


@pytest.mark.parametrize("start", [0, 1001])
@pytest.mark.parametrize("display", [24, 30, 60, (24000, 1001)])
@pytest.mark.parametrize("board", ["mh3", "mh4"])
def test_the_keys_are_the_rig_at_every_frame(editor: Any, board: str, display: Any, start: int) -> None:
    actor, sequence = editor.add_metahuman(board), editor.new_sequence(display)
    values = moving(FRAMES)
    report = write(editor, values, sequence=sequence, actor=actor, start_frame=start)
    tick = inside.tick_rate(sequence) / inside.display_rate(sequence) * start
    exact = tick.denominator == 1
    found = on_board(editor, sequence, FRAMES, start=start, board=board)
    # Where frames do not fall on ticks a key is up to half a tick off, and a line through it that part of a frame.
    np.testing.assert_allclose(found[:, KEYED], values[:, KEYED], atol=1e-6 if exact else 0.5 / TICKS_60 * 2)
    assert (report.keys, report.missing, report.clamped, report.warnings) == (FRAMES * len(KEYED), (), {}, ())
    assert inside.display_rate(sequence) == pytest.approx(display if isinstance(display, int) else 24000 / 1001)
    section = board_section(editor, sequence)
    assert editor.keys(section, "CTRL_C_jaw.Y")[0][0] == round(tick)


@pytest.mark.parametrize("fps", [24.0, 25.0, 29.97, 30.0, 48.0, 59.94, 60.0])
def test_a_new_sequence_has_the_rate_that_the_take_was_asked_for(editor: Any, fps: float) -> None:
    whole = fps == round(fps)
    rate = f"{fps:.0f}fps" if whole else f"{round(fps * 1.001) * 1000}/1001"
    editor.state.console_variables["LevelSequence.DefaultDisplayRate"] = rate
    actor = editor.add_metahuman()
    values = moving(FRAMES)
    report = write(editor, values, fps, actor=actor)
    sequence = editor.asset(report.sequence)
    display = inside.display_rate(sequence)
    assert report.sequence == "/Game/MEDTalk/LS_BP_Ada_line" and float(display) == pytest.approx(fps, 1e-4)
    rows = [round(frame * inside.tick_rate(sequence) / display) for frame in range(FRAMES)]
    section = board_section(editor, sequence)
    assert [tick for tick, _ in editor.keys(section, "CTRL_C_jaw.Y")] == rows
    np.testing.assert_allclose([value for _, value in editor.keys(section, "CTRL_C_jaw.Y")], values[:, JAW], atol=1e-7)
    assert (sequence.get_playback_start(), sequence.get_playback_end()) == (0, FRAMES)
    assert (report.first_frame, report.last_frame) == (0, FRAMES - 1)
    assert editor.state.sequence == sequence, "the user sees what was written"


def test_reduced_keys_are_fewer_and_within_the_tolerance(shot: Any) -> None:
    editor, actor, sequence = shot
    smooth = np.repeat(0.5 + 0.4 * np.sin(np.linspace(0, 6, 200))[:, None], N_CHANNELS, axis=1).astype(np.float32)
    report = write(editor, smooth, sequence=sequence, actor=actor, tolerance=0.002)
    found = on_board(editor, sequence, 200)
    assert np.abs(found - smooth)[:, KEYED].max() <= 0.002 + 1e-6
    assert report.keys < 0.25 * smooth[:, KEYED].size


def test_a_constant_channel_is_one_key(shot: Any) -> None:
    editor, actor, sequence = shot
    values = moving(FRAMES)
    values[:, JAW] = 0.25
    write(editor, values, sequence=sequence, actor=actor)
    section = board_section(editor, sequence)
    assert editor.keys(section, "CTRL_C_jaw.Y") == [(0, 0.25)]
    assert len(editor.keys(section, "CTRL_C_jaw.X")) == FRAMES


def test_a_constant_channel_is_held_where_a_key_of_the_user_follows(shot: Any) -> None:
    editor, actor, sequence = shot
    write(editor, moving(2), sequence=sequence, actor=actor)
    section = board_section(editor, sequence)
    user_key(editor, section, "CTRL_C_jaw.Y", FRAMES * TICKS_60 + 4000, 1.0)
    values = np.full((FRAMES, N_CHANNELS), 0.25, np.float32)
    write(editor, values, sequence=sequence, actor=actor)
    assert len(editor.keys(section, "CTRL_C_jaw.Y")) == 3 and len(editor.keys(section, "CTRL_C_jaw.X")) == 1
    np.testing.assert_allclose(on_board(editor, sequence, FRAMES)[:, JAW], 0.25)


@pytest.mark.parametrize("writer", ["channels", "arrays"])
def test_a_constant_channel_keeps_its_value_when_a_take_is_written_behind_it(shot: Any, writer: str) -> None:
    editor, actor, sequence = shot
    first = np.full((FRAMES, N_CHANNELS), 0.25, np.float32)
    write(editor, first, sequence=sequence, actor=actor, writer=writer)
    write(editor, moving(FRAMES), name="next", sequence=sequence, actor=actor, writer=writer, start_frame=FRAMES)
    np.testing.assert_allclose(on_board(editor, sequence, FRAMES)[:, KEYED], 0.25)
    assert [editor.keys(one, "CTRL_C_jaw.Y")[0][0] for one in editor.sections(sequence)] == [0, FRAMES * 800]


@pytest.mark.parametrize("step", [2, 7, 1000])
def test_frame_step(shot: Any, step: int) -> None:
    editor, actor, sequence = shot
    values = moving(FRAMES)
    write(editor, values, sequence=sequence, actor=actor, frame_step=step)
    rows = sorted({*range(0, FRAMES, step), FRAMES - 1})
    keys = editor.keys(board_section(editor, sequence), "CTRL_C_jaw.Y")
    assert [tick for tick, _ in keys] == [row * TICKS_60 for row in rows]
    np.testing.assert_allclose([value for _, value in keys], values[rows, JAW])


def test_one_frame_is_a_take(shot: Any) -> None:
    editor, actor, sequence = shot
    report = write(editor, moving(1), sequence=sequence, actor=actor)
    assert (report.keys, report.first_frame, report.last_frame) == (len(KEYED), 0, 0)


def test_values_beyond_the_boards_limits_are_held_and_counted(shot: Any) -> None:
    editor, actor, sequence = shot
    values = moving(FRAMES)
    values[3:5, JAW] = -0.5
    values[7, INDEX["CTRL_L_eye_blink-translateY"]] = 1.5
    report = write(editor, values, sequence=sequence, actor=actor)
    assert report.clamped == {"CTRL_C_jaw.Y": 2, "CTRL_L_eye_blink": 1}
    found = on_board(editor, sequence, FRAMES)
    assert found[3, JAW] == found[4, JAW] == 0.0 and found[7, INDEX["CTRL_L_eye_blink-translateY"]] == 1.0
    assert any("CTRL_C_jaw.Y (2 keys)" in line for line in report.lines())


@pytest.mark.parametrize("writer", ["channels", "arrays"])
def test_limits_that_the_user_has_changed_hold(shot: Any, writer: str) -> None:
    """A jaw that opens less, and a lid whose limits are switched off: it is the rig that counts, not what is usual."""
    editor, actor, sequence = shot
    rig, blink = editor.add_rig(), INDEX["CTRL_L_eye_blink-translateY"]
    editor.limit(rig, "CTRL_C_jaw", (-1.0, 0.0), (1.0, 0.625))
    editor.limit(rig, "CTRL_L_eye_blink", (-1.0,), (1.0,), free=True)
    values = moving(FRAMES)
    values[:, JAW] = np.linspace(0.5, 0.8, FRAMES)
    values[:, blink] = np.linspace(0.5, 1.5, FRAMES)
    report = write(editor, values, sequence=sequence, actor=actor, writer=writer)
    assert report.clamped == {"CTRL_C_jaw.Y": int((values[:, JAW] > 0.625).sum())}
    found = on_board(editor, sequence, FRAMES)
    np.testing.assert_allclose(found[:, JAW], np.minimum(values[:, JAW], 0.625), atol=1e-6)
    np.testing.assert_allclose(found[:, blink], values[:, blink], atol=1e-6)


def test_what_the_board_has_not_is_reported(shot: Any) -> None:
    editor, actor, sequence = shot
    write(editor, moving(2), sequence=sequence, actor=actor)
    section = board_section(editor, sequence)
    for name in ("CTRL_L_brow_down", "CTRL_C_tongue_move.X"):
        inside.remove_channel(section, name)
    report = write(editor, moving(FRAMES), sequence=sequence, actor=actor)
    assert report.missing == ("CTRL_C_tongue_move.X", "CTRL_L_brow_down")
    assert any("CTRL_L_brow_down" in line for line in report.lines())
    mouth = write(editor, moving(FRAMES), sequence=sequence, actor=actor, process_mask="mouth")
    assert mouth.missing == ("CTRL_C_tongue_move.X",)


@pytest.mark.parametrize("mask", ["mouth", "upper"])
def test_a_process_mask_leaves_the_other_controls_alone(shot: Any, mask: str) -> None:
    editor, actor, sequence = shot
    first, second = moving(FRAMES, 1), moving(FRAMES, 2)
    write(editor, first, sequence=sequence, actor=actor)
    section = board_section(editor, sequence)
    before = {name: editor.keys(section, name) for name in editor.keyed(section)}
    report = write(editor, second, sequence=sequence, actor=actor, process_mask=mask)
    inside = {editor.unreal.boards.channel_of(name, "mh4") for name, index in INDEX.items() if index in in_region(mask)}
    assert report.keys == FRAMES * len(inside)
    for name, keys in before.items():
        assert (editor.keys(section, name) != keys) == (name in inside)


def test_a_coarse_tick_resolution_keeps_one_key_a_tick(shot: Any) -> None:
    editor, actor, sequence = shot
    inside.set_tick_rate(editor.asset(sequence), inside.display_rate(editor.asset(sequence)))
    report = write(editor, moving(FRAMES), sequence=sequence, actor=actor)
    ticks = [tick for tick, _ in editor.keys(board_section(editor, sequence), "CTRL_C_jaw.Y")]
    assert ticks == sorted(set(ticks)) and 20 <= len(ticks) <= 21
    assert any("coarser" in warning for warning in report.warnings)


# --- the user's things


def user_key(editor: Any, section: Any, channel: str, tick: int, value: float) -> None:
    inside.add_key(section, channel, tick, value)


def test_a_take_is_one_undo_step_which_takes_all_of_it_back(shot: Any, tmp_path: Path) -> None:
    editor, actor, sequence = shot
    sound = a_sound(editor, tmp_path)
    before = state_of(editor)
    write(editor, moving(FRAMES), sequence=sequence, actor=actor, sound=sound, start_frame=1001)
    assert state_of(editor) != before
    assert editor.undo_steps == ["MEDTalk: line"]
    editor.undo()
    assert state_of(editor) == before


def test_the_users_keys_in_the_section_survive_outside_the_take(shot: Any) -> None:
    """On the channels of the take behind it; those inside it are edits of his (test_handedits)."""
    editor, actor, sequence = shot
    write(editor, moving(FRAMES), sequence=sequence, actor=actor)
    section = board_section(editor, sequence)
    end = FRAMES * TICKS_60
    for tick, value in {end: 0.5, end + 99_999: 0.6}.items():
        user_key(editor, section, "CTRL_C_jaw.Y", tick, value)
    user_key(editor, section, "CTRL_lookAtSwitch", 3, 0.0)
    values = moving(FRAMES, 2)
    report = write(editor, values, sequence=sequence, actor=actor)
    keys = dict(editor.keys(section, "CTRL_C_jaw.Y"))
    assert len(keys) == len(editor.keys(section, "CTRL_C_jaw.Y")) == FRAMES + 2, "no key lies on another"
    assert keys[0] == pytest.approx(values[0, JAW]) and keys[end] == pytest.approx(0.5)
    assert editor.keys(section, "CTRL_lookAtSwitch") == [(3, 0.0)] and report.edits == ()
    np.testing.assert_allclose(on_board(editor, sequence, FRAMES)[:, KEYED], values[:, KEYED], atol=1e-6)


@pytest.mark.parametrize("writer", ["channels", "arrays"])
def test_a_second_run_replaces_the_first(shot: Any, tmp_path: Path, writer: str) -> None:
    editor, actor, sequence = shot
    sound = a_sound(editor, tmp_path)
    for seed in (1, 2):
        values = moving(FRAMES, seed)
        report = write(editor, values, sequence=sequence, actor=actor, sound=sound, writer=writer, start_frame=5)
        assert report.keys == FRAMES * len(KEYED)
    section = board_section(editor, sequence)
    assert sum(len(editor.keys(section, name)) for name in editor.keyed(section)) == report.keys
    np.testing.assert_allclose(on_board(editor, sequence, FRAMES, start=5)[:, KEYED], values[:, KEYED], atol=1e-6)
    assert len(audio(editor, sequence)) == 1 and len(inside.bindings(editor.asset(sequence))) == 2


def test_without_a_sequence_a_second_run_finds_its_own_again(editor: Any, tmp_path: Path) -> None:
    actor, sound = editor.add_metahuman(), a_sound(editor, tmp_path)
    first = write(editor, moving(FRAMES, 1), actor=actor, sound=sound)
    again = write(editor, moving(FRAMES, 2), actor=actor, sound=sound)
    fresh = write(editor, moving(FRAMES, 3), actor=actor, sound=sound, replace=False)
    assert (again.sequence, fresh.sequence) == (first.sequence, f"{first.sequence}_2")
    assert editor.sequences() == [first.sequence, fresh.sequence]
    assert len(audio(editor, first.sequence)) == 1
    np.testing.assert_allclose(
        on_board(editor, first.sequence, FRAMES)[:, KEYED], moving(FRAMES, 2)[:, KEYED], atol=1e-6
    )


def test_two_metahumans_in_one_sequence(shot: Any, tmp_path: Path) -> None:
    editor, ada, sequence = shot
    bob, sound = editor.add_metahuman("mh4", "Bob"), a_sound(editor, tmp_path)
    for actor in (ada, bob, ada):
        write(editor, moving(FRAMES), sequence=sequence, actor=actor, sound=sound)
    assert len([one for one in editor.sections(sequence) if editor.keyed(one)]) == 2
    assert sorted(title for title, _ in audio(editor, sequence)) == ["MEDTalk BP_Ada: line", "MEDTalk BP_Bob: line"]


# --- the ranges


def test_the_playback_range_grows_as_needed_and_never_shrinks(shot: Any) -> None:
    editor, actor, sequence = shot
    editor.state.rig_section_bounded = True
    asset = editor.asset(sequence)  # plays frames 0 to 150
    for start, played in ((10, (0, 150)), (140, (0, 160)), (-7, (-7, 160))):
        write(editor, moving(FRAMES), sequence=sequence, actor=actor, start_frame=start)
        section = board_section(editor, sequence)
        assert (section.get_start_frame(), section.get_end_frame()) == (start, start + 20)
        assert (asset.get_playback_start(), asset.get_playback_end()) == played


# --- the sound


@pytest.mark.parametrize("display", [24, 30, 60])
@pytest.mark.parametrize("start", [0, 1001])
def test_the_sound_lies_beside_the_keys(editor: Any, tmp_path: Path, display: int, start: int) -> None:
    actor, sequence = editor.add_metahuman(), editor.new_sequence(display)
    sound = a_sound(editor, tmp_path, seconds=1.51)
    report = write(editor, moving(90), sequence=sequence, actor=actor, sound=sound, start_frame=start)
    ((title, section),) = audio(editor, sequence.get_path_name())
    assert title == "MEDTalk BP_Ada: line" and section.get_sound() == editor.asset(sound)
    assert section.get_start_frame() == start and section.get_end_frame() == start + -(-151 * display // 100)
    assert (report.first_frame, report.last_frame) == (start, section.get_end_frame() - 1)
    assert section.get_start_offset().value == 0 and not section.get_looping()
    assert sequence.get_playback_end() >= section.get_end_frame()


def test_another_start_moves_a_take_with_its_sound_and_all_of_its_keys(shot: Any, tmp_path: Path) -> None:
    editor, actor, sequence = shot
    sound = a_sound(editor, tmp_path)
    write(editor, moving(FRAMES), sequence=sequence, actor=actor, sound=sound)
    user_key(editor, board_section(editor, sequence), "CTRL_lookAtSwitch", 3, 0.0)
    report = write(editor, moving(FRAMES), sequence=sequence, actor=actor, sound=sound, start_frame=100)
    ((_, section),) = audio(editor, sequence)
    assert section.get_start_frame() == 100 and report.warnings == ()
    board = board_section(editor, sequence)
    assert (board.get_start_frame(), board.get_end_frame()) == (100, 130)
    assert [tick for tick, _ in editor.keys(board, "CTRL_C_jaw.Y")] == [80_000 + at * TICKS_60 for at in range(FRAMES)]
    assert editor.keys(board, "CTRL_lookAtSwitch") == [(80_003, 0.0)]


def test_a_take_that_is_shorter_now_leaves_no_keys_behind_it(shot: Any, tmp_path: Path) -> None:
    """Its sound was recorded again, and imported over the old one. The user's keys after it are not touched."""
    editor, actor, sequence = shot
    sound = a_sound(editor, tmp_path, 0.5)
    write(editor, moving(60), sequence=sequence, actor=actor, sound=sound)
    section = board_section(editor, sequence)
    inside.add_key(section, "CTRL_C_jaw.Y", 60 * TICKS_60, 0.25)
    report = write(editor, moving(40), sequence=sequence, actor=actor, sound=sound)
    assert report.warnings == ()
    assert [tick for tick, _ in editor.keys(section, "CTRL_C_jaw.Y")] == [
        *range(0, 40 * TICKS_60, TICKS_60), 60 * TICKS_60
    ]  # fmt: skip


def test_a_take_that_is_shorter_now_leaves_the_next_take_alone(shot: Any, tmp_path: Path) -> None:
    """Also where that was laid over the end of it."""
    editor, actor, sequence = shot
    sound, other = a_sound(editor, tmp_path, 0.5), a_sound(editor, tmp_path, 0.5, "other")
    write(editor, moving(60), sequence=sequence, actor=actor, sound=sound)
    write(editor, moving(60, seed=1), name="other", sequence=sequence, actor=actor, sound=other, start_frame=25)
    write(editor, moving(40), sequence=sequence, actor=actor, sound=sound)
    first, second = ([tick for tick, _ in editor.keys(one, "CTRL_C_jaw.Y")] for one in editor.sections(sequence))
    assert first == [*range(0, 40 * TICKS_60, TICKS_60)]
    assert second == [*range(50 * TICKS_60, 110 * TICKS_60, TICKS_60)]


def test_a_new_take_lays_its_own_sound(shot: Any, tmp_path: Path) -> None:
    editor, actor, sequence = shot
    sound = a_sound(editor, tmp_path)
    for start in (0, 100):
        write(editor, moving(9), sequence=sequence, actor=actor, sound=sound, start_frame=start, replace=False)
    assert [section.get_start_frame() for _, section in audio(editor, sequence)] == [0, 100]
    write(editor, moving(9), sequence=sequence, actor=actor, sound=sound, start_frame=0)
    assert [section.get_start_frame() for _, section in audio(editor, sequence)] == [0, 100]


def test_another_sound_of_the_same_name_is_another_take(shot: Any, tmp_path: Path) -> None:
    editor, actor, sequence = shot
    first = a_sound(editor, tmp_path)
    editor.add_sound(tmp_path / "line.wav", "/Game/Other/line")
    for sound, start in ((first, 0), ("/Game/Other/line", 60)):
        write(editor, moving(9), sequence=sequence, actor=actor, sound=sound, start_frame=start)
    assert [section.get_start_frame() for _, section in audio(editor, sequence)] == [0, 60]


# --- whole or not at all


LEFT_BEHIND: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "view range": lambda editor, shot, board, sound: shot.set_view_range_end(9.0),
    "work range": lambda editor, shot, board, sound: shot.set_work_range_start(-1.0),
    "tag": lambda editor, shot, board, sound: editor.unreal.EditorAssetLibrary.set_metadata_tag(shot, "a", "b"),
    "default": lambda editor, shot, board, sound: board.get_channel("CTRL_C_jaw.Y").set_default(0.5),
    "inactive": lambda editor, shot, board, sound: board.set_is_active(False),
    "offset": lambda editor, shot, board, sound: sound.set_start_offset(editor.unreal.FrameNumber(1)),
    "looping": lambda editor, shot, board, sound: sound.set_looping(True),
    "open": lambda editor, shot, board, sound: editor.open(shot),
    "parent": lambda editor, shot, board, sound: shot.get_bindings()[1].set_parent(shot.get_bindings()[1]),
}


@pytest.mark.parametrize("what", LEFT_BEHIND)
def test_what_tests_take_for_the_state_is_all_of_it(shot: Any, tmp_path: Path, what: str) -> None:
    """The tests below would pass over a half-made take if they did not see this."""
    editor, actor, sequence = shot
    write(editor, moving(3), sequence=sequence, actor=actor, sound=a_sound(editor, tmp_path))
    ((_, sound),) = audio(editor, sequence)
    before = state_of(editor)
    LEFT_BEHIND[what](editor, editor.asset(sequence), board_section(editor, sequence), sound)
    assert state_of(editor) != before


@pytest.mark.parametrize("writer", ["channels", "arrays"])
@pytest.mark.parametrize("after", [0, 1, 100])
@pytest.mark.parametrize("made", [False, True])
def test_cancel_undoes_everything(
    shot: Any, tmp_path: Path, made: bool, after: int, writer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medtalk_unreal import edits
    from medtalk_unreal.errors import CancelledError

    monkeypatch.setattr(edits, "LONG", 0)
    editor, actor, sequence = shot
    sound = a_sound(editor, tmp_path)
    if not made:
        write(editor, moving(6, 1), sequence=sequence, actor=actor, sound=sound)
    before, steps = state_of(editor), list(editor.undo_steps)
    target = {"actor": actor, "sound": sound, "writer": writer} | ({} if made else {"sequence": sequence})
    editor.state.cancel_slow_task_after = after
    left = "The new .* stays" if made and after else "Nothing was changed"
    with pytest.raises(CancelledError, match=rf"line: cancelled\. {left}"):
        write(editor, moving(6, 2), **target)
    assert but_new_ones(editor, before) == before and editor.undo_steps == steps
    assert editor.log.errors == []
    editor.state.cancel_slow_task_after = None
    report = write(editor, moving(6, 2), **target)  # the next click works
    np.testing.assert_allclose(on_board(editor, report.sequence, 6)[:, KEYED], moving(6, 2)[:, KEYED], atol=1e-6)


@pytest.mark.parametrize("writer", ["channels", "arrays"])
@pytest.mark.parametrize("made", [False, True])
def test_cancelled_it_leaves_open_what_was_open(
    shot: Any, made: bool, writer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The array setters want the take's sequence open; the user was at work in another."""
    from medtalk_unreal import edits
    from medtalk_unreal.errors import CancelledError

    monkeypatch.setattr(edits, "LONG", 0)
    editor, actor, sequence = shot
    editor.open(editor.new_sequence(30, "/Game/Mine"))
    before = state_of(editor)
    editor.state.cancel_slow_task_after = 50
    with pytest.raises(CancelledError):
        write(editor, moving(6), actor=actor, writer=writer, **({} if made else {"sequence": sequence}))
    assert editor.state.sequence == editor.asset("/Game/Mine") and but_new_ones(editor, before) == before


@pytest.mark.parametrize("made", [False, True])
def test_a_fault_in_the_middle_undoes_everything(shot: Any, monkeypatch: pytest.MonkeyPatch, made: bool) -> None:
    from medtalk_unreal import keys

    editor, actor, sequence = shot
    write(editor, moving(2), sequence=sequence, actor=actor)
    before = state_of(editor)
    original = keys.ChannelWriter.write

    def fails(self: Any, curves: Any, pause: Any) -> int:
        if curves[0].name.startswith("CTRL_R_mouth"):
            raise RuntimeError("the editor would not")
        return original(self, curves, pause)

    monkeypatch.setattr(keys.ChannelWriter, "write", fails)
    with pytest.raises(RuntimeError):
        write(editor, moving(FRAMES), actor=actor, **({} if made else {"sequence": sequence}))
    assert but_new_ones(editor, before) == before


def test_the_progress_is_what_was_promised(shot: Any) -> None:
    editor, actor, sequence = shot
    for mask in ("full", "mouth", "upper"):
        write(editor, moving(3), sequence=sequence, actor=actor, process_mask=mask)
    assert editor.state.slow_tasks == ["MEDTalk: line"] * 3 and editor.log.errors == []


# --- what is refused: one line, and nothing is touched


def refused(editor: Any, match: str, values: np.ndarray | None = None, **target: Any) -> str:
    from medtalk_unreal.errors import PluginError

    before, steps = state_of(editor), list(editor.undo_steps)
    with pytest.raises(PluginError, match=match) as caught:
        write(editor, moving(FRAMES) if values is None else values, **target)
    assert state_of(editor) == before and editor.undo_steps == steps
    assert "\n" not in str(caught.value)
    return str(caught.value)


def refused_at_once(editor: Any, match: str, sound: str = "", seconds: float = 0.0, **target: Any) -> None:
    """Refused also before a job is sent."""
    from medtalk_unreal.errors import PluginError
    from medtalk_unreal.take import Target, check_target

    refused(editor, match, sound=sound or None, **target)
    with pytest.raises(PluginError, match=match), editor.plugin_code():
        check_target(Target(**target), "line", sound, seconds)


def test_a_good_target_is_not_refused(shot: Any) -> None:
    from medtalk_unreal.take import Target, check_target

    editor, actor, sequence = shot
    before = state_of(editor)
    with editor.plugin_code():
        assert check_target(Target(sequence, actor=actor), "line", "") == 30
        assert check_target(Target(None, actor=actor), "line", "") is None
    assert state_of(editor) == before


def test_a_locked_section(shot: Any) -> None:
    editor, actor, sequence = shot
    write(editor, moving(2), sequence=sequence, actor=actor)
    board_section(editor, sequence).set_is_locked(True)
    refused_at_once(editor, "section of line on the control board of BP_Ada is locked", sequence=sequence, actor=actor)


def test_a_locked_sound(shot: Any, tmp_path: Path) -> None:
    editor, actor, sequence = shot
    sound = a_sound(editor, tmp_path)
    write(editor, moving(2), sequence=sequence, actor=actor, sound=sound)
    audio(editor, sequence)[0][1].set_is_locked(True)
    refused_at_once(editor, "audio section of line is locked", sequence=sequence, actor=actor, sound=sound)


def test_a_read_only_sequence(shot: Any) -> None:
    editor, actor, sequence = shot
    editor.asset(sequence).set_read_only(True)
    refused_at_once(editor, "Shot is read-only", sequence=sequence, actor=actor)


def test_a_locked_sequence(shot: Any) -> None:
    editor, actor, sequence = shot
    editor.open(sequence)
    editor.state.sequence_locked = True
    refused_at_once(editor, "Shot is locked", sequence=sequence, actor=actor)
    editor.open(None)
    write(editor, moving(2), sequence=sequence, actor=actor)  # the lock is Sequencer's, not the sequence's


def test_a_sequence_that_is_open_as_a_part(shot: Any) -> None:
    editor, actor, sequence = shot
    editor.open(editor.new_sequence(30, "/Game/Cinematics/Film"))
    editor.focus(sequence)
    refused_at_once(editor, "Shot is open as a part of Film", sequence=sequence, actor=actor, writer="arrays")
    write(editor, moving(FRAMES), sequence=sequence, actor=actor)  # channels need no Sequencer
    assert editor.keyed(board_section(editor, sequence))
    assert inside.path(editor.state.sequence) == "/Game/Cinematics/Film.Film"
    assert inside.path(editor.state.focused) == f"{sequence}.Shot", "the user is where he was"
    assert editor.log.errors == []


def test_a_locked_playback_range(shot: Any) -> None:
    editor, actor, sequence = shot
    editor.asset(sequence).set_playback_range_locked(True)
    write(editor, moving(FRAMES), sequence=sequence, actor=actor, start_frame=130)  # ends with the range
    line = refused(
        editor, "playback range of Shot is locked at 0 to 149", sequence=sequence, actor=actor, start_frame=131
    )
    assert "frames 131 to 150" in line
    seconds, there = FRAMES / 60.0, {"sequence": sequence, "actor": actor}
    refused_at_once(editor, "locked at 0 to 149", seconds=seconds, start_frame=131, **there)
    refused_at_once(editor, "locked at 0 to 149", sequence=sequence, actor=actor, start_frame=150)


def test_an_fk_rig_on_the_face(shot: Any, unreal: Any) -> None:
    editor, actor, sequence = shot
    write(editor, moving(2), sequence=sequence, actor=actor)
    (binding,) = [one for one in editor.asset(sequence).get_bindings() if one.get_name() == "Face"]
    track = editor.add_fk_rig(editor.asset(sequence), binding)
    refused_at_once(editor, "FK rig .*moves the face of BP_Ada", sequence=sequence, actor=actor)
    inside.sections(track)[0].set_range(12, 15)  # of the 20 frames of the take
    match = "FK rig .*moves the face of BP_Ada"
    refused_at_once(editor, match, seconds=FRAMES / 60.0, sequence=sequence, actor=actor)
    inside.sections(track)[0].set_is_active(False)
    report = write(editor, moving(FRAMES), sequence=sequence, actor=actor)
    assert any("FK rig" in warning for warning in report.warnings)


def test_a_click_looks_at_the_whole_length_of_the_sound(shot: Any, tmp_path: Path) -> None:
    """Of the part that is heard."""
    from medtalk_unreal import generate
    from medtalk_unreal.errors import PluginError
    from medtalk_unreal.request import Request
    from medtalk_unreal.settings import PluginSettings

    editor, actor, sequence = shot
    editor.asset(sequence).set_playback_range_locked(True)  # up to frame 149
    request = Request(sounds=(a_sound(editor, tmp_path, 2.0),), sequence=sequence, actor=actor, start_frame=100)
    with editor.plugin_code():
        with pytest.raises(PluginError, match="needs frames 100 to 159; the playback range"):
            generate.check(request, PluginSettings())
        assert generate.check(replace(request, sound_start=0.5), PluginSettings()).fps == 30.0


def test_an_animation_on_the_face(shot: Any, unreal: Any) -> None:
    editor, actor, sequence = shot
    write(editor, moving(2), sequence=sequence, actor=actor)
    (binding,) = [one for one in editor.asset(sequence).get_bindings() if one.get_name() == "Face"]
    section = binding.add_track(unreal.MovieSceneSkeletalAnimationTrack).add_section()
    section.set_range(10, 20)
    for start, said in ((0, "also moves the face of BP_Ada there"), (20, "which is not active there")):
        report = write(editor, moving(FRAMES), name=f"at{start}", sequence=sequence, actor=actor, start_frame=start)
        assert any(said in warning for warning in report.warnings)


def test_the_look_at_switch(shot: Any) -> None:
    editor, actor, sequence = shot
    write(editor, moving(2), sequence=sequence, actor=actor)
    user_key(editor, board_section(editor, sequence), "CTRL_lookAtSwitch", 0, 1.0)
    report = write(editor, moving(2), sequence=sequence, actor=actor)
    assert any("CTRL_lookAtSwitch is on" in warning for warning in report.warnings)


def test_a_section_that_is_not_active(shot: Any) -> None:
    editor, actor, sequence = shot
    write(editor, moving(2), sequence=sequence, actor=actor)
    board_section(editor, sequence).set_is_active(False)
    report = write(editor, moving(2), sequence=sequence, actor=actor)
    assert any("muted" in warning for warning in report.warnings)


def test_what_is_gone_by_now(shot: Any, tmp_path: Path) -> None:
    editor, actor, sequence = shot
    sound = a_sound(editor, tmp_path)
    good = {"sequence": sequence, "actor": actor, "sound": sound}
    write(editor, moving(2), **good)
    editor.reload_level()
    write(editor, moving(2), **good)  # the same actor under the same name
    editor.rename(sound, "/Game/Sounds/renamed")
    refused(editor, "sound /Game/Sounds/line is not in the project", **good)
    editor.rename("/Game/Sounds/renamed", sound)
    editor.rename(sequence, "/Game/Cinematics/Renamed")
    refused(editor, "sequence /Game/Cinematics/Shot is not in the project", **good)
    editor.rename("/Game/Cinematics/Renamed", sequence)
    editor.delete(actor)
    refused(editor, "not in the level", **good)


def test_things_of_another_kind(shot: Any, tmp_path: Path) -> None:
    editor, actor, sequence = shot
    sound = a_sound(editor, tmp_path)
    refused(editor, "is a SoundWave, not a LevelSequence", sequence=sound, actor=actor)
    refused(editor, "is a LevelSequence, not a SoundWave", sequence=sequence, actor=actor, sound=sequence)
    refused_at_once(editor, "Cube has no MetaHuman face", sequence=sequence, actor=editor.add_actor().get_path_name())
    refused_at_once(editor, "is not a project folder", actor=actor, sequence_folder="Game/../x")
    refused(editor, "outside the range of a sequence", sequence=sequence, actor=actor, start_frame=9_000_000)


def test_a_name_that_no_asset_can_have(editor: Any) -> None:
    actor = editor.add_metahuman()
    report = write(editor, moving(2), name="Où est-elle? (2)", actor=actor)
    assert report.sequence == "/Game/MEDTalk/LS_BP_Ada_Où_est_elle_2_"


def test_takes_of_other_sounds_do_not_share_a_sequence(editor: Any, tmp_path: Path) -> None:
    """Sounds of the same name in two folders, names that differ in what Unreal forbids, a sequence of the user."""
    actor, places = editor.add_metahuman(), []
    sounds = ["/Game/A/line", "/Game/B/line", "/Game/A/line!", "/Game/怒/怒", "/Game/怒/喜"]
    editor.new_sequence(24, "/Game/MEDTalk/LS_BP_Ada_line")
    for again in range(2):
        for sound in sounds:
            if not again:
                editor.rename(a_sound(editor, tmp_path), sound)
            report = write(editor, moving(5), name=sound.rpartition("/")[2], sound=sound, actor=actor)
            places.append(report.sequence.removeprefix("/Game/MEDTalk/LS_BP_Ada_"))
    assert places == ["line_2", "line_3", "line_", "怒", "喜"] * 2
    assert editor.asset("/Game/MEDTalk/LS_BP_Ada_line").get_bindings() == []


@pytest.mark.parametrize("folder", ["/Game/Shots/SC-010", "/Game/Schüsse/Nr_1+2"])
def test_folders_as_users_call_them(editor: Any, folder: str) -> None:
    report = write(editor, moving(2), actor=editor.add_metahuman(), sequence_folder=folder)
    assert report.sequence == f"{folder}/LS_BP_Ada_line"


@pytest.mark.parametrize("start", [-200, 200])
def test_the_playback_range_is_never_turned_over(shot: Any, monkeypatch: pytest.MonkeyPatch, start: int) -> None:
    editor, actor, sequence = shot
    kind, seen = editor.unreal.LevelSequence, []
    for name in ("set_playback_start", "set_playback_end"):
        real = getattr(kind, name)

        def watched(self: Any, frame: int, real: Any = real) -> None:
            real(self, frame)
            seen.append((self.get_playback_start(), self.get_playback_end()))

        monkeypatch.setattr(kind, name, watched)
    write(editor, moving(FRAMES), sequence=sequence, actor=actor, start_frame=start)
    assert seen and all(low < high for low, high in seen)


def test_a_metahuman_that_the_sequence_spawns(shot: Any) -> None:
    editor, _, sequence = shot
    report = write(editor, moving(FRAMES), sequence=sequence, actor=editor.add_spawned("mh4", "Eve"))
    assert report.keys == FRAMES * len(KEYED)


def test_an_asset_of_another_kind_is_in_the_way(editor: Any, tmp_path: Path) -> None:
    actor = editor.add_metahuman()
    a_sound(editor, tmp_path)
    editor.rename("/Game/Sounds/line", "/Game/MEDTalk/LS_BP_Ada_line")
    assert write(editor, moving(2), actor=actor).sequence == "/Game/MEDTalk/LS_BP_Ada_line_2"


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"process_mask": "nose"}, "process mask must be one of full, mouth, upper"),
        ({"writer": "pen"}, "writer must be one of channels, arrays"),
        ({"frame_step": 0}, "frame step is 0"),
        ({"tolerance": -0.1}, "tolerance is -0.1"),
        ({"tolerance": float("nan")}, "tolerance is nan"),
    ],
)
def test_targets_that_make_no_sense(shot: Any, change: dict[str, Any], match: str) -> None:
    editor, actor, sequence = shot
    refused(editor, match, sequence=sequence, actor=actor, **change)


def test_rigs_that_are_none(editor: Any) -> None:
    from medtalk_unreal.errors import PluginError
    from medtalk_unreal.take import Take

    bad = moving(3)
    bad[1, 5] = np.nan
    for values in (bad, moving(3)[:, :170]):
        with pytest.raises(PluginError):
            as_take(values)
    with pytest.raises(PluginError, match="float32"):
        Take("line", np.zeros((3, 174)).data, 60.0)
    with pytest.raises(PluginError, match="frames a second"):
        as_take(moving(3), fps=0.0)


def test_an_editor_that_nobody_watches_is_left_alone(editor: Any) -> None:
    """Unattended, nothing opens Sequencer; with another sequence open, the user's stays open."""
    actor = editor.add_metahuman()
    editor.state.unattended = True
    write(editor, moving(2), actor=actor)
    assert editor.state.sequence is None
    editor.state.unattended = False
    mine = editor.new_sequence(30)
    editor.open(mine)
    write(editor, moving(2), name="other", actor=actor)
    assert editor.state.sequence == mine


def turning(frames: int) -> np.ndarray:
    """(frames, 3) a head that turns: yaw, pitch, roll in degrees."""
    at = np.linspace(0.0, 1.0, frames)[:, None]
    return (np.array([10.0, -6.0, 4.0]) * np.sin(at * np.array([3.0, 5.0, 7.0]))).astype(np.float32)


def write_turned(shot: Any, head: np.ndarray, **target: Any) -> Any:
    """The report of a take of twelve frames whose head turns."""
    from medtalk_unreal.take import Target, write_take

    editor, actor, sequence = shot
    take = replace(as_take(moving(12)), head=head.data)
    with editor.plugin_code():
        where = {"sequence": sequence, "actor": actor, "head": "control", "tolerance": 0.0}
        return write_take(take, Target(**{**where, **target}))


def head_keys(editor: Any, sequence: str) -> np.ndarray:
    """(keys, 3) the keys of the control that turns the head, about X, Y and Z of its bone."""
    channels = {str(channel.channel_name): channel for channel in board_section(editor, sequence).get_all_channels()}
    columns = [channels[f"mha_head_ik_ctrl.Rotation.{axis}"].get_keys() for axis in "XYZ"]
    assert channels["mha_head_ik_switch_ctrl"].get_default() == (1 if columns[0] else 0)
    return np.array([[key.get_value() for key in column] for column in columns]).T


def test_the_head_is_keyed_on_the_control_of_the_board(shot: Any) -> None:
    editor, _, sequence = shot
    editor.state.head_control = True
    head = turning(12)
    report = write_turned(shot, head)
    bone = head_keys(editor, sequence)
    # X turns to the left, Y tilts to the right shoulder, Z nods down; the rest is the order of the three
    np.testing.assert_allclose(bone, head[:, [0, 2, 1]] * (1.0, 1.0, -1.0), atol=1.0)
    np.testing.assert_allclose(bone, [rotator(*turn)[::-1] for turn in head.tolist()], atol=1e-4)
    assert report.head == 36 and any("mha_head_ik_ctrl" in line for line in report.lines()) and not report.warnings
    again = write_turned(shot, -head)
    assert len(head_keys(editor, sequence)) == 12 and again.head == 36, "in place of the earlier ones"


def test_a_board_without_a_head_control_is_told(shot: Any) -> None:
    report = write_turned(shot, turning(12))
    assert report.head == 0 and "has no mha_head_ik_ctrl" in report.warnings[-1]
    assert "switch Head Movement off" in report.warnings[-1] and report.keys > 0


def test_heads_that_are_none(shot: Any) -> None:
    from medtalk_unreal.errors import PluginError

    with pytest.raises(PluginError, match=r"float32 \(12, 3\)"):
        write_turned(shot, turning(11))
    before = state_of(shot[0])
    with pytest.raises(PluginError, match="not numbers"):
        write_turned(shot, np.full((12, 3), np.nan, np.float32))
    assert state_of(shot[0]) == before
