from __future__ import annotations

import itertools

import numpy as np

from medtalk.finishing.gaze import AWAY, LARGE, MOST, REACH, add_gaze, directions, plan
from medtalk.rig.channels import INDEX, N_CHANNELS, indices
from medtalk.rig.head_table import EYE_DEGREES

LISTENING: tuple[tuple[float, float], ...] = ()
TALK = tuple((start + 0.8, start + 4.0) for start in np.arange(0.0, 600.0, 4.0).tolist())
"""Ten minutes of phrases of 3.2 s with pauses of 0.8 s."""


def look(frames: int = 36000, fps: float = 60.0, seed: int = 0, phrases: tuple = LISTENING) -> np.ndarray:
    return directions(plan(frames / fps, phrases, np.random.default_rng(seed))[0], frames, fps)


def glances(path: np.ndarray) -> np.ndarray:
    """(n, 2) frames at which a glance away begins and ends."""
    away = np.hypot(*path.T) > 0.75 * AWAY[0]
    return np.flatnonzero(np.diff(np.concatenate([[False], away, [False]]).astype(int))).reshape(-1, 2)


def test_the_eyes_stay_on_the_listener_and_come_home() -> None:
    path = look(phrases=TALK)
    face = np.abs(path) <= np.array(REACH) + 0.4  # they drift
    assert 0.7 < face.all(axis=1).mean() < 0.95
    assert np.abs(path).max() <= AWAY[1] + 0.5
    assert np.all(np.abs(path.mean(axis=0)) < 0.5)
    assert not path[0].any()


def test_they_hold_and_jump() -> None:
    fps = 1000.0  # fine enough to see the course of a jump
    path = look(120_000, fps)
    speed = np.hypot(*np.diff(path, axis=0).T) * fps
    jumping = speed > 2.0
    assert 0.01 < jumping.mean() < 0.1
    edges = np.flatnonzero(np.diff(np.concatenate([[False], jumping, [False]]).astype(int)))
    jumps, holds = np.diff(edges)[::2] / fps, np.diff(edges)[1::2] / fps
    assert jumps.max() <= 0.075 + 2 / fps
    assert np.quantile(holds, 0.05) >= 0.25 and np.quantile(holds, 0.95) < 2.7  # a tiny jump may go unseen
    assert np.median(holds) < holds.mean()
    assert speed[~jumping].mean() < 0.4  # slow drift, about 0.2 degrees a second
    assert speed.max() < 500.0  # the main sequence: a jump of 12 degrees reaches about 400 degrees a second


def test_who_begins_to_speak_looks_away_and_comes_back() -> None:
    path = look(phrases=TALK)
    starts = np.array([start for start, _ in TALK])
    spans = glances(path) / 60.0
    near = np.array([np.abs(starts + 0.2 - begin).min() < 0.75 for begin, _ in spans])
    assert near.mean() > 0.55  # a third of the time is that near to a start
    lengths = np.diff(spans, axis=1)
    assert lengths.min() > 0.3 and lengths.max() < 1.7
    ends = np.array([end for _, end in TALK])
    assert np.mean([((spans[:, 0] < end) & (spans[:, 1] > end)).any() for end in ends]) < 0.1  # looks at the listener
    talking, listening = len(spans), len(glances(look()))
    assert listening > 5 and talking > 1.3 * listening


def test_large_jumps_are_shifts() -> None:
    fixations, shifts = plan(600.0, TALK, np.random.default_rng(0))
    assert len(shifts) > 40 and min(shift.size for shift in shifts) >= LARGE
    path = directions(fixations, 36000, 60.0)
    for shift in shifts[:40]:
        before, after = path[int(shift.time * 60) - 1], path[int((shift.time + 0.1) * 60) + 1]
        assert abs(np.hypot(*(after - before)) - shift.size) < 0.5
    edges = [(fixation.start, fixation.end + fixation.jump) for fixation in fixations]
    assert all(abs(one[1] - other[0]) < 1e-9 for one, other in itertools.pairwise(edges))
    assert all(end >= start for start, end in edges)


def test_the_path_does_not_depend_on_the_frame_rate() -> None:
    assert np.allclose(look(3600, 60.0, phrases=TALK), look(7200, 120.0, phrases=TALK)[::2], atol=1e-12)


def test_both_eyes_turn_the_same_way_and_the_lids_follow() -> None:
    values = np.zeros((600, N_CHANNELS), np.float32)
    values[:, INDEX["CTRL_L_eye-translateX"]] = 0.2
    fixations, _ = plan(10.0, TALK, np.random.default_rng(0))
    out = add_gaze(values, fixations, 60.0)
    added = out - values
    left, right = (added[:, indices(f"{side}_eye.X", f"{side}_eye.Y")] for side in "LR")
    assert np.allclose(left, right, atol=1e-6) and left.std() > 0.005
    path = directions(fixations, 600, 60.0)
    np.testing.assert_allclose(left[:, 0] * EYE_DEGREES["sideways"], path[:, 0], atol=1e-3)
    lids = added[:, indices("[LR]_eye_eyelidU")]
    assert np.allclose(lids, -0.5 * left[:, 1:], atol=1e-6)  # looking up raises, which is below 0
    rest = np.delete(added, indices("[LR]_eye", "[LR]_eye_eyelidU"), axis=1)
    assert not rest.any()


def test_the_eyes_keep_their_target_while_the_head_turns() -> None:
    values, turn = np.zeros((600, N_CHANNELS), np.float32), np.zeros((600, 3), np.float32)
    turn[:, 0], turn[:, 1] = np.linspace(-10.0, 10.0, 600), np.linspace(6.0, -6.0, 600)
    out = add_gaze(values, plan(10.0, LISTENING, np.random.default_rng(0))[0], 60.0, 0.0, turn)
    x, y = (out[:, INDEX[f"CTRL_L_eye-translate{axis}"]] for axis in "XY")
    np.testing.assert_allclose(x * EYE_DEGREES["sideways"], -turn[:, 0], atol=1e-4)
    np.testing.assert_allclose(y * np.where(y > 0, EYE_DEGREES["up"], EYE_DEGREES["down"]), -turn[:, 1], atol=1e-4)
    turn[:, 0] = 80.0
    far = add_gaze(values, [], 60.0, 0.0, turn)[:, INDEX["CTRL_L_eye-translateX"]] * EYE_DEGREES["sideways"]
    np.testing.assert_allclose(far, -MOST, atol=1e-4)


def test_any_length() -> None:
    for frames in (0, 1, 2, 17):
        assert look(frames).shape == (frames, 2)


def test_the_seed_decides() -> None:
    assert np.array_equal(look(600, seed=1), look(600, seed=1))
    assert not np.array_equal(look(600, seed=1), look(600, seed=2))
