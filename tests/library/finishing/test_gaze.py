from __future__ import annotations

import numpy as np

from medtalk.finishing.gaze import REACH, add_gaze, directions
from medtalk.rig.channels import INDEX, N_CHANNELS, indices


def look(frames: int = 36000, fps: float = 60.0, seed: int = 0) -> np.ndarray:
    return directions(frames, fps, np.random.default_rng(seed))


def test_the_eyes_move_little_and_come_home() -> None:
    path = look()
    assert np.all(np.abs(path).max(axis=0) <= np.array(REACH) + 1e-9) and max(REACH) <= 0.08
    assert np.all(path.std(axis=0) > 0.008)
    assert np.all(np.abs(path.mean(axis=0)) < 0.01)
    assert not path[0].any()


def test_they_hold_and_jump() -> None:
    fps = 1000.0  # fine enough to see the course of a jump
    path = look(120_000, fps)
    speed = np.hypot(*np.diff(path, axis=0).T) * fps
    jumping = speed > 0.05
    assert 0.01 < jumping.mean() < 0.1
    edges = np.flatnonzero(np.diff(np.concatenate([[False], jumping, [False]]).astype(int)))
    jumps, holds = np.diff(edges)[::2] / fps, np.diff(edges)[1::2] / fps
    assert jumps.max() <= 0.06 + 2 / fps
    assert np.quantile(holds, 0.05) >= 0.3 - 0.001 and np.quantile(holds, 0.95) < 2.7  # a tiny jump may go unseen
    assert np.median(holds) < holds.mean()
    assert speed[~jumping].mean() < 0.01  # slow drift, about 0.2 degrees a second
    assert np.abs(np.diff(path, axis=0)).max() < 0.01  # no jump within one millisecond


def test_the_path_does_not_depend_on_the_frame_rate() -> None:
    assert np.allclose(look(3600, 60.0), look(7200, 120.0)[::2], atol=1e-12)


def test_both_eyes_turn_the_same_way_and_the_lids_follow() -> None:
    values = np.zeros((600, N_CHANNELS), np.float32)
    values[:, INDEX["CTRL_L_eye-translateX"]] = 0.2
    out = add_gaze(values, 60.0, np.random.default_rng(0))
    added = out - values
    left, right = (added[:, indices(f"{side}_eye.X", f"{side}_eye.Y")] for side in "LR")
    assert np.allclose(left, right, atol=1e-6) and left.std() > 0.005
    lids = added[:, indices("[LR]_eye_eyelidU")]
    assert np.allclose(lids, -0.5 * left[:, 1:], atol=1e-6)  # looking up raises, which is below 0
    rest = np.delete(added, indices("[LR]_eye", "[LR]_eye_eyelidU"), axis=1)
    assert not rest.any()


def test_any_length() -> None:
    for frames in (0, 1, 2, 17):
        assert look(frames).shape == (frames, 2)


def test_the_seed_decides() -> None:
    assert np.array_equal(look(600, seed=1), look(600, seed=1))
    assert not np.array_equal(look(600, seed=1), look(600, seed=2))
