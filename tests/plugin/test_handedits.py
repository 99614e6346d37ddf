"""Hand edits: what the animator changed on a take is found when it is generated again, kept as he wants, and told."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from medtalk.rig.channels import INDEX, N_CHANNELS
from tests.fake_unreal import inside
from tests.plugin.takes import KEYED, board_section, moving, on_board, state_of, write

FRAMES = 24
STEP = 400  # ticks of a frame at 60 fps
JAW, BLINK, BROW = "CTRL_C_jaw.Y", "CTRL_L_eye_blink", "CTRL_L_brow_down"
COLUMNS = {JAW: INDEX["CTRL_C_jaw-translateY"], BLINK: INDEX["CTRL_L_eye_blink-translateY"]}
MODES = ("offset", "replace", "drop")


@pytest.fixture
def shot(editor: Any) -> dict[str, Any]:
    """Where a take goes, and that all keys are kept."""
    editor.new_sequence(30, "/Game/Cinematics/Shot")
    return {"sequence": "/Game/Cinematics/Shot", "actor": editor.add_metahuman().get_path_name()}


def smooth(seed: int, frames: int = FRAMES) -> np.ndarray:
    """(frames, 174) slow movements with room to the limits of the board."""
    at = np.linspace(0.0, 2.0, frames)[:, None]
    values = 0.4 + 0.1 * np.sin(at * (1.0 + np.arange(N_CHANNELS) / N_CHANNELS) + seed)
    return values.astype(np.float32)


def edited(editor: Any, shot: Any, mode: str, change: Any, new: np.ndarray | None = None, **more: Any) -> Any:
    """The report of a take that was written, changed, and generated again."""
    write(editor, smooth(1), **shot)
    change(board_section(editor, shot["sequence"]))
    return write(editor, smooth(2) if new is None else new, **shot, hand_edits=mode, **more)


def jaw(editor: Any, shot: Any, frames: int = FRAMES, **more: Any) -> np.ndarray:
    return on_board(editor, shot["sequence"], frames, **more)[:, COLUMNS[JAW]]


def open_wider(section: Any) -> None:
    """Frames 10 to 12 of the rig."""
    for frame in (10, 11, 12):
        value = float(smooth(1)[frame, COLUMNS[JAW]])
        inside.set_key(section, JAW, frame * STEP, value + 0.25)


@pytest.mark.parametrize("mode", MODES)
def test_values(editor: Any, shot: Any, mode: str) -> None:
    report = edited(editor, shot, mode, open_wider)
    old, new = smooth(1)[:, COLUMNS[JAW]], smooth(2)[:, COLUMNS[JAW]]
    wanted = new.copy()
    if mode != "drop":
        wanted[10:13] = (new if mode == "offset" else old)[10:13] + 0.25
    np.testing.assert_allclose(jaw(editor, shot), wanted, atol=1e-4)
    others = np.setdiff1d(KEYED, [COLUMNS[JAW]])
    np.testing.assert_allclose(on_board(editor, shot["sequence"], FRAMES)[:, others], smooth(2)[:, others], atol=1e-6)
    (line,) = report.edits
    said = {"offset": "were added to the new take", "replace": "stay", "drop": "were removed"}[mode]
    assert said in line and "CTRL_C_jaw.Y (frames 5 to 6)" in line and line in report.lines()


@pytest.mark.parametrize("mode", MODES)
def test_an_added_key(editor: Any, shot: Any, mode: str) -> None:
    """Between two frames of the rig, where no sample of it would show the key."""
    report = edited(editor, shot, mode, lambda section: inside.add_key(section, JAW, 10 * STEP + 150, 0.9))
    keys = dict(editor.keys(board_section(editor, shot["sequence"]), JAW))
    old, new = smooth(1)[:, COLUMNS[JAW]], smooth(2)[:, COLUMNS[JAW]]
    by = 0.9 - float(old[10] + (old[11] - old[10]) * 150 / STEP)
    there = float(new[10] + (new[11] - new[10]) * 150 / STEP)
    wanted = {"offset": there + by, "replace": 0.9, "drop": None}[mode]
    assert keys.get(10 * STEP + 150) == (None if wanted is None else pytest.approx(wanted, abs=1e-4))
    np.testing.assert_allclose(jaw(editor, shot), new, atol=1e-4)
    assert "CTRL_C_jaw.Y (frame 5)" in report.edits[0]


@pytest.mark.parametrize("mode", MODES)
def test_deleted_keys(editor: Any, shot: Any, mode: str) -> None:
    """The curve goes straight where they were."""
    gone = range(6, 15)
    report = edited(
        editor, shot, mode, lambda section: inside.delete_keys(section, JAW, [frame * STEP for frame in gone]),
        new=moving(FRAMES, 2),
    )  # fmt: skip
    old, new = smooth(1)[:, COLUMNS[JAW]], moving(FRAMES, 2)[:, COLUMNS[JAW]]
    straight = old.copy()
    straight[5:16] = np.linspace(old[5], old[15], 11)
    changed = np.abs(straight - old) > 5e-4
    wanted = {"offset": new + (straight - old), "replace": np.where(changed, straight, new), "drop": new}[mode]
    np.testing.assert_allclose(jaw(editor, shot), wanted, atol=1e-3)
    assert "CTRL_C_jaw.Y" in report.edits[0] and changed.any()


@pytest.mark.parametrize("mode", MODES)
def test_a_channel_without_any_key_stays_without(editor: Any, shot: Any, mode: str) -> None:
    report = edited(editor, shot, mode, lambda section: inside.clear_keys(section, [JAW]))
    section = board_section(editor, shot["sequence"])
    assert len(editor.keys(section, JAW)) == (FRAMES if mode == "drop" else 0)
    assert "CTRL_C_jaw.Y (no keys)" in report.edits[0]
    again = write(editor, smooth(3), **shot, hand_edits=mode)
    assert len(editor.keys(section, JAW)) == (FRAMES if mode == "drop" else 0)
    assert bool(again.edits) == (mode != "drop")


@pytest.mark.parametrize("mode", MODES)
def test_keys_on_a_channel_that_the_take_did_not_have(editor: Any, shot: Any, mode: str) -> None:
    """A take of the mouth, brows by hand, then a take of the whole face."""
    write(editor, smooth(1), **shot, process_mask="mouth")
    section = board_section(editor, shot["sequence"])
    assert editor.keys(section, BROW) == []
    for frame, value in ((4, 0.0), (8, 0.5), (12, 0.0)):
        inside.add_key(section, BROW, frame * STEP, value)
    report = write(editor, smooth(2), **shot, hand_edits=mode)
    new = smooth(2)[8, INDEX["CTRL_L_brow_down-translateY"]]
    shown = dict(editor.keys(section, BROW))[8 * STEP]
    assert shown == pytest.approx({"offset": new + 0.5, "replace": 0.5, "drop": new}[mode], abs=1e-4)
    assert "CTRL_L_brow_down" in report.edits[0]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("fps", [24.0, 50.0])
def test_across_another_frame_rate(editor: Any, shot: Any, mode: str, fps: float) -> None:
    """The new take has other frames: the edits are where they were in time."""
    write(editor, smooth(1), **shot)
    open_wider(board_section(editor, shot["sequence"]))
    frames = round(FRAMES * fps / 60)
    report = write(editor, smooth(2, frames), fps, **shot, hand_edits=mode)
    at = np.arange(frames) / fps * 60
    old, new = smooth(1)[:, COLUMNS[JAW]], smooth(2, frames)[:, COLUMNS[JAW]]
    by = np.interp(at, [9, 10, 12, 13], [0.0, 0.25, 0.25, 0.0])
    found = jaw(editor, shot, frames, fps=fps)
    if mode == "replace":
        stays = (at >= 10) & (at <= 12)
        wanted = np.where(stays, np.interp(at, np.arange(FRAMES), old) + 0.25, new)
        sure = stays | (at <= 9) | (at >= 13)
    else:
        wanted, sure = new + (by if mode == "offset" else 0.0), np.ones(frames, bool)
    np.testing.assert_allclose(found[sure], wanted[sure], atol=1e-3)
    assert "frames 5 to 6" in report.edits[0]


def test_edits_last_over_several_runs_and_do_not_spread(editor: Any, shot: Any) -> None:
    """Also where keys are reduced, so that each run has them at other frames."""
    write(editor, smooth(1), **shot, tolerance=0.002)
    section = board_section(editor, shot["sequence"])
    inside.add_key(section, JAW, 11 * STEP, 0.9)
    by = 0.9 - float(smooth(1)[11, COLUMNS[JAW]])
    lines = []
    for seed in (2, 3, 4):
        lines += write(editor, smooth(seed), **shot, tolerance=0.002).edits
        found = jaw(editor, shot)
        assert found[11] == pytest.approx(smooth(seed)[11, COLUMNS[JAW]] + by, abs=0.004)
    assert lines[1] == lines[2] and len(lines) == 3 and on_board(editor, shot["sequence"], 1)[0, COLUMNS[BLINK]] > 0


def test_edits_go_with_a_take_that_is_moved(editor: Any, shot: Any) -> None:
    """By hand, and by another start."""
    write(editor, smooth(1), **shot)
    section = board_section(editor, shot["sequence"])
    open_wider(section)
    inside.move(section, 50 * 800)
    for start, asked in ((50, 0), (7, 7)):
        report = write(editor, smooth(2), **shot, start_frame=asked)
        wanted = smooth(2)[:, COLUMNS[JAW]].copy()
        wanted[10:13] += 0.25
        np.testing.assert_allclose(jaw(editor, shot, start=start), wanted, atol=1e-4)
        assert f"CTRL_C_jaw.Y (frames {start + 5} to {start + 6})" in report.edits[0]


@pytest.mark.parametrize("mode", MODES)
def test_a_change_behind_the_end_waits_for_a_longer_take(editor: Any, shot: Any, mode: str) -> None:
    """Of two changes on a channel one lies behind, and that of another channel. They come back where they were."""
    changed, short = {JAW: (4, 19), BLINK: (20,)}, 12
    write(editor, smooth(1), **shot)
    section = board_section(editor, shot["sequence"])
    for name, frames in changed.items():
        for frame in frames:
            inside.set_key(section, name, frame * STEP, float(smooth(1)[frame, COLUMNS[name]]) + 0.25)

    def check(seed: int, length: int) -> None:
        shown = on_board(editor, shot["sequence"], length)
        for name, frames in changed.items():
            wanted = smooth(seed, length)[:, COLUMNS[name]].copy()
            for frame in frames:
                if frame < length and mode != "drop":
                    wanted[frame] = (smooth(1)[:, COLUMNS[name]] if mode == "replace" else wanted)[frame] + 0.25
            np.testing.assert_allclose(shown[:, COLUMNS[name]], wanted, atol=1e-3)

    for seed in (2, 3):  # also when it is short twice
        report = write(editor, smooth(seed, short), **shot, hand_edits=mode)
        check(seed, short)
        assert max(tick for tick, _ in editor.keys(section, JAW)) < short * STEP
        if mode != "drop":
            done, waits = report.edits
            assert f"{JAW} (frame 2)." in done and BLINK not in done
            assert "2 changes lie behind the end of the take, kept for one that is longer" in waits
            assert f"{JAW}, {BLINK}" in waits
    report = write(editor, smooth(4), **shot, hand_edits=mode)
    check(4, FRAMES)
    assert not any("behind the end" in line for line in report.edits) and bool(report.edits) == (mode != "drop")


def test_a_key_behind_the_end_of_reduced_ones_waits_and_does_not_spread(editor: Any, shot: Any) -> None:
    """Also over a part of the face, another place, and Undo, which leaves the metadata where it is."""
    write(editor, smooth(1), **shot, tolerance=0.002)
    section = board_section(editor, shot["sequence"])
    inside.add_key(section, JAW, 19 * STEP, 0.9)
    by = 0.9 - float(smooth(1)[19, COLUMNS[JAW]])
    write(editor, smooth(2, 6), **shot, tolerance=0.002)
    editor.undo()
    assert "added" in write(editor, smooth(2), **shot, tolerance=0.002).edits[0]
    write(editor, smooth(2, 6), **shot, tolerance=0.002)
    write(editor, smooth(2, 6), **shot, tolerance=0.002, process_mask="upper")
    write(editor, smooth(3), **shot, tolerance=0.002, start_frame=10)
    found = jaw(editor, shot, start=10)
    assert found[19] == pytest.approx(smooth(3)[19, COLUMNS[JAW]] + by, abs=0.004)
    np.testing.assert_allclose(found[:6], smooth(3)[:6, COLUMNS[JAW]], atol=0.004)


def test_edits_of_a_part_of_the_face_wait_for_it(editor: Any, shot: Any) -> None:
    """A take of the upper face leaves the mouth alone; the next one of the whole face finds what was changed there."""
    write(editor, smooth(1), **shot)
    section = board_section(editor, shot["sequence"])
    open_wider(section)
    before = editor.keys(section, JAW)
    report = write(editor, smooth(2), **shot, process_mask="upper")
    assert report.edits == () and editor.keys(section, JAW) == before
    assert "CTRL_C_jaw.Y (frames 5 to 6)" in write(editor, smooth(3), **shot).edits[0]


def test_values_beyond_the_limits_are_held(editor: Any, shot: Any) -> None:
    report = edited(editor, shot, "offset", lambda section: inside.set_key(section, JAW, 10 * STEP, 1.0))
    assert jaw(editor, shot)[10] <= 1.0 and set(report.clamped) <= {JAW}


@pytest.mark.parametrize("mode", MODES)
def test_steps_between_the_keys(editor: Any, shot: Any, mode: str, unreal: Any) -> None:
    """Values and times are as they were; only how a key leads to the next one is not."""

    def step(section: Any) -> None:
        for name, frame in ((JAW, 10), (BLINK, 20)):
            keys = section.get_channel(name).get_keys()
            keys[frame].set_interpolation_mode(unreal.RichCurveInterpMode.RCIM_CONSTANT)

    report = edited(editor, shot, mode, step, new=moving(FRAMES, 2))
    section = board_section(editor, shot["sequence"])
    (half,) = editor.values_at(section, JAW, [10 * STEP + 200])
    old, new = smooth(1)[:, COLUMNS[JAW]], moving(FRAMES, 2)[:, COLUMNS[JAW]]
    there = (new[10] + new[11]) / 2
    wanted = {"offset": there + (old[10] - old[11]) / 2, "replace": old[10], "drop": there}[mode]
    assert half == pytest.approx(wanted, abs=1e-4)
    assert f"{JAW} (frame 5), {BLINK} (frame 10)" in report.edits[0]


def test_an_untouched_take_has_no_edits(editor: Any, shot: Any) -> None:
    for tolerance in (0.0, 0.002):
        for writer in ("channels", "arrays"):
            for seed in (1, 2):
                report = write(editor, moving(FRAMES, seed), **shot, tolerance=tolerance, writer=writer)
                assert (report.edits, report.warnings) == ((), ()), (tolerance, writer, seed)


def test_a_tick_resolution_that_was_changed(editor: Any, shot: Any, unreal: Any) -> None:
    """Unreal moves the keys to their new ticks."""
    write(editor, smooth(1), **shot)
    section = board_section(editor, shot["sequence"])
    open_wider(section)
    editor.asset(shot["sequence"]).set_tick_resolution(unreal.FrameRate(60000, 1))
    for data in section._channels.values():
        data.at_tick = None
    report = write(editor, smooth(2), **shot)
    assert "CTRL_C_jaw.Y (frames 5 to 6)" in report.edits[0] and report.warnings == ()


def test_after_undo_the_take_before_it_is_known(editor: Any, shot: Any) -> None:
    """Undo takes keys back, and leaves the metadata of the asset: the record has the version before, too."""
    write(editor, smooth(1), **shot)
    section = board_section(editor, shot["sequence"])
    write(editor, smooth(2), **shot, start_frame=30)
    editor.undo()
    open_wider(section)
    report = write(editor, smooth(3), **shot)
    wanted = smooth(3)[:, COLUMNS[JAW]].copy()
    wanted[10:13] += 0.25
    np.testing.assert_allclose(jaw(editor, shot), wanted, atol=1e-4)
    assert "CTRL_C_jaw.Y (frames 5 to 6)" in report.edits[0] and report.warnings == ()


def test_undo_brings_back_what_was_changed_by_hand(editor: Any, shot: Any) -> None:
    write(editor, smooth(1), **shot)
    open_wider(board_section(editor, shot["sequence"]))
    before = state_of(editor)
    write(editor, smooth(2), **shot, hand_edits="drop")
    editor.undo()
    assert state_of(editor) == before


@pytest.mark.parametrize("tag", ["", "no json", '[{"keys": "?"}]', "[1]"])
def test_what_cannot_be_told_is_said(editor: Any, shot: Any, tag: str) -> None:
    """The record is lost, or that of a later version."""
    write(editor, smooth(1), **shot)
    section = board_section(editor, shot["sequence"])
    open_wider(section)
    (name,) = [name for name in inside.tags(editor.asset(shot["sequence"])) if name.startswith("medtalk.written.")]
    inside.set_tag(editor.asset(shot["sequence"]), name, tag)
    report = write(editor, smooth(2), **shot)
    assert "cannot be told from the take" in report.warnings[0] and "Undo" in report.warnings[0]
    np.testing.assert_allclose(jaw(editor, shot), smooth(2)[:, COLUMNS[JAW]], atol=1e-6)
    assert write(editor, smooth(3), **shot).warnings == ()


def test_keys_that_were_stretched_cannot_be_told(editor: Any, shot: Any) -> None:
    write(editor, smooth(1), **shot)
    section = board_section(editor, shot["sequence"])
    for data in section._channels.values():
        data.at_tick = None
        for key in data.keys.values():
            key[0] = round(key[0] * 1.37)
    report = write(editor, smooth(2), **shot)
    assert "cannot be told from the take" in report.warnings[0]
    np.testing.assert_allclose(jaw(editor, shot), smooth(2)[:, COLUMNS[JAW]], atol=1e-6)


def test_a_take_whose_keys_were_all_deleted_is_written_as_a_new_one(editor: Any, shot: Any) -> None:
    report = edited(editor, shot, "offset", lambda section: inside.clear_keys(section, list(inside.channels(section))))
    assert (report.edits, report.warnings) == ((), ())
    np.testing.assert_allclose(jaw(editor, shot), smooth(2)[:, COLUMNS[JAW]], atol=1e-6)


def test_many_edits_are_told_in_one_line(editor: Any, shot: Any) -> None:
    names = [name for name in inside.channels(board_or_none(editor, shot)) if name.startswith("CTRL_L_")][:20]
    write(editor, smooth(1), **shot)
    section = board_section(editor, shot["sequence"])
    for name in names:
        if editor.keys(section, name):
            inside.set_key(section, name, 4 * STEP, 0.9)
    report = write(editor, smooth(2), **shot)
    (line,) = report.edits
    assert line.count("(frame 2)") == 8 and " more." in line and "\n" not in line


def board_or_none(editor: Any, shot: Any) -> Any:
    write(editor, smooth(1), **shot)
    return board_section(editor, shot["sequence"])


def test_the_record_is_compact(editor: Any, shot: Any) -> None:
    write(editor, smooth(1, 300), **shot, tolerance=0.002)
    section = board_section(editor, shot["sequence"])
    keys = sum(len(editor.keys(section, name)) for name in editor.keyed(section))
    (tag,) = [value for name, value in inside.tags(editor.asset(shot["sequence"])).items() if "written" in name]
    assert len(tag) < 8 * keys + 8000 and Fraction(len(tag), keys) > 0
