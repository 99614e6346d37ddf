"""Hand edits on rigs: found, kept, done again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medtalk import RigSequence, write_rig
from medtalk.edits import apply, capture, read_edits, write_edits
from medtalk.errors import SettingError
from medtalk.rig.channels import CHANNEL_NAMES, N_CHANNELS

JAW, BROW = CHANNEL_NAMES.index("CTRL_C_jaw-translateY"), 3


@pytest.fixture
def base() -> RigSequence:
    """Two seconds of a jaw that opens and closes."""
    values = np.zeros((120, N_CHANNELS), np.float32)
    values[:, JAW] = 0.3 + 0.2 * np.sin(np.arange(120) / 5.0)
    return RigSequence(values, 60.0, {"emotion": {"sad": 1.0}})


def changed(rig: RigSequence, channel: int, first: int, end: int, by: float) -> RigSequence:
    values = rig.values.copy()
    values[first:end, channel] += by
    return RigSequence(values, rig.fps, rig.meta)


def test_an_edit_is_found_kept_and_done_again(base: RigSequence, tmp_path: Path) -> None:
    edited = changed(changed(base, JAW, 30, 60, -0.1), BROW, 100, 120, 0.4)
    edits = capture(base, edited)
    assert set(edits.channels) == {CHANNEL_NAMES[JAW], CHANNEL_NAMES[BROW]} and len(edits.stretches) == 2
    again = read_edits(write_edits(tmp_path / "a.edits.json", edits))
    done = apply(base, again)
    assert not done.conflicts and done.rig.meta == {**base.meta, "edits": [edits.mark]}
    inside = np.r_[30:60, 100:120]
    np.testing.assert_allclose(done.rig.values[inside], edited.values[inside], atol=2e-5)
    np.testing.assert_array_equal(done.rig.values[:20], base.values[:20])
    assert len((tmp_path / "a.edits.json").read_text().splitlines()) == 4
    assert capture(base, base).stretches == ()


@pytest.mark.parametrize(("mode", "level"), [("offset", 0.55), ("replace", 0.35)])
def test_on_another_take_of_the_line(base: RigSequence, mode: str, level: float) -> None:
    flat = RigSequence(np.where(base.values > 0, 0.25, 0.0).astype(np.float32), 60.0)
    new = RigSequence(np.where(base.values > 0, 0.45, 0.0).astype(np.float32), 60.0)
    done = apply(new, capture(flat, changed(flat, JAW, 30, 60, 0.1)), mode)
    assert done.rig.values[45, JAW] == pytest.approx(level, abs=1e-5)
    assert done.rig.values[80, JAW] == pytest.approx(0.45)
    (conflict,) = done.conflicts
    assert conflict.moved == pytest.approx(0.2, abs=1e-5)
    assert (conflict.start, conflict.channel) == (0.5, CHANNEL_NAMES[JAW])


def test_edits_hold_at_another_rate_and_within_the_limits(base: RigSequence) -> None:
    edits = capture(base, changed(base, JAW, 30, 60, 0.1))
    half = base.resample(30.0)
    done = apply(half, edits)
    np.testing.assert_allclose((done.rig.values - half.values)[16:29, JAW], 0.1, atol=1e-4)
    assert apply(base, capture(base, changed(base, JAW, 30, 60, 5.0))).rig.values.max() <= 1.0


def test_a_rig_that_is_shorter_now(base: RigSequence) -> None:
    edits = capture(base, changed(base, JAW, 100, 115, 0.1))
    done = apply(base.slice(0.0, 1.0), edits)
    assert str(done.conflicts[0]) == "C_jaw.Y, 1.67 to 1.90 s: the rig ends at 1.00 s; the edit is left out"
    assert len(done.rig) == 60
    (conflict,) = apply(base.slice(0.0, 1.0), capture(base, changed(base, JAW, 50, 115, 0.1))).conflicts
    assert conflict.message == "the rig ends at 1.00 s; the rest of the edit is left out"


def test_another_frame_rate_is_no_edit(base: RigSequence) -> None:
    edited = changed(base, BROW, 40, 80, 0.4)
    assert capture(base, base.resample(24.0)).stretches == ()
    edits = capture(base, edited.resample(24.0))
    assert edits.channels == (CHANNEL_NAMES[BROW],)
    np.testing.assert_allclose(apply(base, edits).rig.values[45:75, BROW], 0.4, atol=0.02)


def test_the_turn_of_the_head(base: RigSequence, tmp_path: Path) -> None:
    turn = np.zeros((120, 3), np.float32)
    up = np.array([0, 5, 0], np.float32)
    turned, edited = (RigSequence(base.values, 60.0, head=each) for each in (turn, turn + up))
    edits = read_edits(write_edits(tmp_path / "a.edits.json", capture(turned, edited)))
    assert edits.channels == ("HeadPitch",)
    done = apply(turned, edits)
    assert done.rig.head is not None and not done.conflicts
    np.testing.assert_allclose(done.rig.head[:, 1], 5.0)
    assert capture(turned, base).stretches == (), "a format that does not hold it is no edit"
    (conflict,) = apply(base, edits).conflicts
    assert str(conflict).startswith("HeadPitch, 0.00 to 1.98 s: the rig has no turn of the head")


def test_edits_of_a_second_look_come_after_the_first(base: RigSequence, tmp_path: Path) -> None:
    first = read_edits(write_edits(tmp_path / "a.edits.json", capture(base, changed(base, JAW, 30, 60, -0.1))))
    baked = apply(base, first).rig
    second = changed(baked, BROW, 100, 120, 0.4)
    for found in (capture(baked, second, first), capture(baked, second, capture(baked, second, first))):
        assert found.base == first.base and len(found.stretches) == 2
        done, inside = apply(base, found), np.r_[30:60, 100:120]
        assert not done.conflicts
        np.testing.assert_allclose(done.rig.values[inside], second.values[inside], atol=2e-5)
        np.testing.assert_array_equal(apply(baked, found).rig.values, done.rig.values, "each once")
        np.testing.assert_array_equal(apply(done.rig, found).rig.values, done.rig.values)
    for rig, earlier, said in ((baked, None, "has hand edits already"),
                               (changed(base, BROW, 0, 9, 1.0), first, "on another rig are kept")):  # fmt: skip
        with pytest.raises(SettingError, match=said):
            capture(rig, second, earlier)
    assert len(capture(base, second, first).stretches) == 2, "the same rig is captured again"
    half = capture(baked.resample(30.0), second.resample(30.0), first)
    assert half.fps == 60.0 and half.stretches[0].before.shape == (30,)


def test_what_is_no_edit(base: RigSequence, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"lasts 1\.00 s"):
        capture(base, base.slice(0.0, 1.0))
    with pytest.raises(SettingError, match="mode"):
        apply(base, capture(base, base), "add")
    path = tmp_path / "a.edits.json"
    write_edits(path, capture(base, changed(base, JAW, 3, 9, 0.1)))
    whole = path.read_text()
    other, later = whole.replace(CHANNEL_NAMES[JAW], "CTRL_x"), whole.replace('"version": 1', '"version": 9')
    for text in ("", "[]", "{}", whole[:-20], other, later):
        path.write_text(text)
        with pytest.raises(SettingError, match=r"edits\.json"):
            read_edits(path)


def test_the_commands(base: RigSequence, tmp_path: Path, medtalk) -> None:
    write_rig(tmp_path / "a.npz", base)
    write_rig(tmp_path / "b.csv", changed(base, JAW, 30, 60, -0.1))
    write_rig(tmp_path / "c.npz", changed(base, JAW, 0, 120, 0.3))
    done = medtalk("edits", "capture", tmp_path / "a.npz", tmp_path / "b.csv", "-o", tmp_path / "a.edits.json")
    assert (done.code, done.err) == (0, "") and "1 change on 1 control" in done.out
    assert medtalk("edits", "apply", tmp_path / "a.npz", tmp_path / "a.edits.json", "-o", tmp_path / "d.npz").code == 0
    done = medtalk("edits", "apply", tmp_path / "c.npz", tmp_path / "a.edits.json", "-o", tmp_path / "e.npz")
    assert (
        done.code == 1
        and "C_jaw.Y, 0.50 to 0.98 s: the rig is another one there now" in done.err
        and (tmp_path / "e.npz").is_file()
    )
    assert medtalk("edits", "capture", tmp_path / "a.npz", tmp_path / "b.csv", "-o", tmp_path / "x.json").code == 1
    words = ["edits", "capture", tmp_path / "d.npz", tmp_path / "e.npz", "-o"]
    assert medtalk(*words, tmp_path / "a.edits.json").code == 0
    assert len(read_edits(tmp_path / "a.edits.json").stretches) == 2, "with the first"
    done = medtalk(*words, tmp_path / "new.edits.json")
    assert done.code == 1 and "has hand edits already" in done.err and done.err.count("\n") == 1
