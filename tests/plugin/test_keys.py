"""Key reduction, and the two ways to write keys."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fake_unreal import inside
from tests.fake_unreal.editor import stand_in
from tests.plugin.takes import KEYED, board_section, moving, on_board, write

with stand_in():
    from medtalk_unreal.keys import Curve, reduce_keys

FLOATS = st.floats(-1.0, 1.0, width=32)


@given(st.lists(FLOATS, min_size=1, max_size=80), st.sampled_from([0.002, 0.05, 0.3]))
def test_lines_between_the_kept_keys_stay_within_the_tolerance(values: list[float], tolerance: float) -> None:
    times = [400 * index for index in range(len(values))]
    kept = reduce_keys(times, values, tolerance)
    assert kept[0] == 0 and kept == sorted(set(kept))
    back = np.interp(times, [times[at] for at in kept], [values[at] for at in kept])
    assert np.abs(back - values).max() <= tolerance + 1e-9
    assert kept[-1] == len(values) - 1 or len(kept) == 1


@given(st.lists(FLOATS, min_size=1, max_size=50))
def test_without_tolerance_every_value_is_kept(values: list[float]) -> None:
    kept = reduce_keys(range(len(values)), values, 0.0)
    assert kept == ([0] if len(set(values)) == 1 else list(range(len(values))))


def test_a_straight_line_is_two_keys_and_a_constant_one() -> None:
    times = list(range(100))
    assert reduce_keys(times, [0.01 * at for at in times], 1e-9) == [0, 99]
    assert reduce_keys(times, [0.3] * 100, 0.0) == [0]


def test_reduction_of_a_long_noisy_channel_takes_time_in_proportion() -> None:
    rng = np.random.default_rng(0)

    def seconds(count: int) -> float:
        values = (0.5 + 0.0009 * rng.standard_normal(count)).clip(0.4981, 0.5019).tolist()
        values[0] = 0.49  # no constant; the cone of lines stays open for long
        start = time.process_time()
        reduce_keys(range(count), values, 0.002)
        return time.process_time() - start

    assert seconds(20_000) < 40 * max(seconds(2_000), 1e-3)


def test_a_curve_between_and_outside_its_keys() -> None:
    curve = Curve("CTRL_C_jaw.Y", [10, 20], [0.0, 1.0])
    assert [curve.at(tick) for tick in (0, 10, 15, 20, 99)] == [0.0, 0.0, 0.5, 1.0, 1.0]
    assert curve.held(30).ticks == [10, 20, 30] and curve.held(30).values == [0.0, 1.0, 1.0]
    assert Curve("x", [5], [0.25]).at(7) == 0.25


@pytest.mark.parametrize("tolerance", [0.0, 0.02])
@pytest.mark.parametrize("fps", [24, 30, 60])
def test_both_writers_give_the_same_values(editor: Any, fps: int, tolerance: float) -> None:
    actor = editor.add_metahuman()
    values = moving(50)
    found = []
    for writer in ("channels", "arrays"):
        sequence = editor.new_sequence(fps, f"/Game/Shots/{writer}")
        editor.open(sequence)
        write(editor, values, sequence=sequence, actor=actor, writer=writer, tolerance=tolerance)
        found.append(on_board(editor, sequence, 50))
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)
    np.testing.assert_allclose(found[0][:, KEYED], values[:, KEYED], atol=tolerance + 1e-6)


def test_arrays_need_far_fewer_calls(editor: Any) -> None:
    actor = editor.add_metahuman()
    editor.state.linear_keys = True  # else each key is made so
    counts = {}
    for writer in ("channels", "arrays"):
        sequence = editor.new_sequence(60, f"/Game/Shots/{writer}")
        editor.calls.clear()
        write(editor, moving(30), sequence=sequence, actor=actor, writer=writer)
        counts[writer] = editor.calls.copy()
    setters = [name for name in counts["arrays"] if name.startswith("ControlRigSequencerLibrary.set_local")]
    assert sum(counts["arrays"][name] for name in setters) == 156  # 142 controls of one axis and 14 of two
    assert counts["arrays"]["MovieSceneScriptingFloatChannel.add_key"] == 0
    assert counts["arrays"].total() < 0.7 * counts["channels"].total()
    assert counts["channels"]["MovieSceneScriptingFloatChannel.add_key"] == 30 * len(KEYED)


@pytest.mark.parametrize("linear", [False, True])
def test_every_key_is_linear_whoever_wrote_it(editor: Any, unreal: Any, linear: bool) -> None:
    actor = editor.add_metahuman()
    editor.state.linear_keys = linear
    for writer in ("channels", "arrays"):
        sequence = editor.new_sequence(30, f"/Game/Shots/{writer}")
        write(editor, moving(20), sequence=sequence, actor=actor, writer=writer)
        section = board_section(editor, sequence)
        modes = inside.interpolations(section)
        assert modes == {unreal.MovieSceneKeyInterpolation.LINEAR}


def test_a_control_of_which_the_board_has_one_axis(editor: Any, unreal: Any) -> None:
    """An axis alone is keyed through its channel, by either writer."""
    actor = editor.add_metahuman()
    sequence = editor.new_sequence(30)
    write(editor, moving(5), sequence=sequence, actor=actor)
    section = board_section(editor, sequence)
    inside.remove_channel(section, "CTRL_C_jaw.X")
    values = moving(10, seed=3)
    report = write(editor, values, sequence=sequence, actor=actor, writer="arrays")
    assert report.missing == ("CTRL_C_jaw.X",)
    found = [value for _, value in editor.keys(section, "CTRL_C_jaw.Y")]
    from medtalk.rig.channels import INDEX

    np.testing.assert_allclose(found, values[:, INDEX["CTRL_C_jaw-translateY"]], atol=1e-7)
