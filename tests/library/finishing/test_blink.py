from __future__ import annotations

import numpy as np
import pytest

from medtalk.finishing.blink import PACE, SHORTEST_INTERVAL, Blink, add_blinks, pace, schedule
from medtalk.finishing.gaze import Shift
from medtalk.rig.channels import N_CHANNELS, indices

LEFT, RIGHT = indices("[LR]_eye_blink")
FPS = 60.0


def clip(seconds: float) -> np.ndarray:
    return np.zeros((round(seconds * FPS), N_CHANNELS), np.float32)


def phrases(frames: int) -> np.ndarray:
    """2.5 s of speech, 0.7 s of pause, again and again."""
    return ((np.arange(frames) % 192) < 150).astype(np.float32)


def draw(values: np.ndarray, activity: np.ndarray, seed: int = 0) -> list[Blink]:
    return schedule(values, activity, FPS, np.random.default_rng(seed))


def test_the_rate_is_that_of_people() -> None:
    values = clip(1200)
    starts = np.array([blink.start for blink in draw(values, phrases(len(values)))])
    intervals = np.diff(starts)
    assert 15 < 60 * len(starts) / 1200 < 24  # a minute
    assert intervals.min() >= SHORTEST_INTERVAL - 1e-9
    assert intervals.max() > 2 * intervals.mean()  # a long tail
    assert np.median(intervals) < intervals.mean()


def share_at_ends(blinks: list[Blink]) -> float:
    """Part of the blinks that start within 0.15 s of an end of `phrases`."""
    return float(np.mean([150 <= (blink.start * FPS) % 192 <= 159 for blink in blinks]))


def test_most_come_at_ends_of_phrases_and_far_more_than_by_chance() -> None:
    values = clip(1200)
    assert share_at_ends(draw(values, phrases(len(values)))) > 0.35
    assert share_at_ends(draw(values, np.ones(len(values), np.float32))) < 0.12


def test_they_are_not_tied_to_the_frame_grid() -> None:
    values = clip(1200)
    starts = np.array([blink.start for blink in draw(values, phrases(len(values)))])
    fractions = np.histogram((starts * FPS) % 1.0, bins=4, range=(0, 1))[0]
    assert fractions.min() > 0.5 * fractions.mean()
    # The same blinks at another frame rate, not others on another grid.
    half = schedule(values[::2], phrases(len(values))[::2], FPS / 2, np.random.default_rng(0))
    assert np.allclose([b.start for b in half][:20], starts[:20], atol=0.04)


def test_a_lid_falls_faster_than_it_rises_and_shuts() -> None:
    for blink in draw(clip(60), np.ones(3600, np.float32)):
        assert 0.06 <= blink.closing <= 0.08 and 0.12 <= blink.opening <= 0.155 and max(blink.lags) <= 0.008
        times = np.linspace(blink.start - 0.05, blink.end + 0.05, 4000)
        for eye in (0, 1):
            shut = blink.closure(times, eye)
            assert shut.max() == pytest.approx(blink.depth) and shut.min() == 0.0
            assert shut[0] == shut[-1] == 0.0
            top = np.flatnonzero(shut >= shut.max() - 1e-9)
            assert np.all(np.diff(shut[: top[0]]) >= 0) and np.all(np.diff(shut[top[-1] :]) <= 0)
            assert np.diff(shut).max() > 1.4 * -np.diff(shut).min()


def test_some_frame_of_each_blink_shows_both_eyes_shut_and_between_them_nothing_moves() -> None:
    values = clip(60)
    activity = phrases(len(values))
    out, blinks = add_blinks(values, activity, FPS, np.random.default_rng(0)), draw(values, activity)
    assert len(blinks) > 10
    inside = np.zeros(len(values), bool)
    for blink in blinks:
        rows = slice(int(blink.start * FPS), int(blink.end * FPS) + 2)
        assert out[rows, LEFT].max() > 0.9 and out[rows, RIGHT].max() > 0.9
        inside[rows] = True
    assert not out[~inside].any()
    moved = np.flatnonzero(np.abs(out).max(axis=0))
    assert set(moved) <= set(indices("[LR]_eye_blink", "[LR]_eye_eyelidD", "[LR]_eye.Y"))
    assert np.abs(out[:, indices("[LR]_eye.Y")]).max() < 0.1


def test_clips_never_begin_or_end_in_a_blink() -> None:
    for seconds in (0.02, 0.2, 0.5, 1.0, 2.0):
        for seed in range(200):
            values = clip(seconds)
            for blink in draw(values, phrases(len(values)), seed):
                assert blink.start >= 0.1 - 1e-9 and blink.end <= (len(values) - 1) / FPS - 0.1 + 1e-9
            out = add_blinks(values, phrases(len(values)), FPS, np.random.default_rng(seed))
            assert not out[0].any() and not out[-1].any()
    assert any(draw(clip(1.0), np.ones(60, np.float32), seed) for seed in range(200))


@pytest.mark.parametrize("pattern", ["L_eye_blink", "R_eye_lidPress", "L_eye_faceScrunch"])
def test_no_blink_during_another_closure(pattern: str) -> None:
    values = clip(300)
    shut = (np.arange(len(values)) % 240) < 120
    values[shut, indices(pattern)[0]] = 0.9
    blinks = draw(values, phrases(len(values)))
    assert len(blinks) > 20
    for blink in blinks:
        assert not shut[max(int((blink.start - 0.05) * FPS), 0) : int((blink.end + 0.05) * FPS) + 1].any()
    values[:, indices(pattern)[0]] = 0.9
    assert not draw(values, phrases(len(values)))


def test_lids_move_from_where_they_are_and_never_past_shut() -> None:
    for base in (-0.6, 0.0, 0.5):
        values = clip(30)
        values[:, [LEFT, RIGHT]] = base
        out = add_blinks(values, phrases(len(values)), FPS, np.random.default_rng(0))
        assert out[:, LEFT].min() == pytest.approx(base) and 0.9 < out[:, LEFT].max() <= 1.0
        assert (values[:, LEFT] == np.float32(base)).all()


def test_the_seed_decides() -> None:
    values, activity = clip(60), phrases(3600)
    assert draw(values, activity, 1) == draw(values, activity, 1) != draw(values, activity, 2)


def test_large_shifts_of_gaze_bring_blinks_along() -> None:
    values = clip(1200)
    shifts = [Shift(3.0 * number + 1.5, 12.0 if number % 2 else 40.0) for number in range(399)]
    blinks = schedule(values, np.ones(len(values), np.float32), FPS, np.random.default_rng(0), shifts)
    starts = np.array([blink.start for blink in blinks])
    at = {size: [shift.time in starts for shift in shifts if shift.size == size] for size in (12.0, 40.0)}
    assert np.mean(at[40.0]) > 0.85 and 0.15 < np.mean(at[12.0]) < 0.5
    assert np.diff(starts).min() >= SHORTEST_INTERVAL - 1e-9
    assert 14 < len(starts) / 20 < 26  # a minute: they stand for others


def test_no_blink_with_gaze_while_the_eyes_are_shut() -> None:
    values = clip(10)
    values[:, [LEFT, RIGHT]] = 0.9
    shifts = [Shift(2.0, 60.0), Shift(5.0, 60.0)]
    assert not schedule(values, np.ones(600, np.float32), FPS, np.random.default_rng(0), shifts)


def test_moods_and_silence_blink_at_rates_of_their_own() -> None:
    values = clip(1200)
    speech, silence = np.ones(len(values), np.float32), np.zeros(len(values), np.float32)

    def rate(activity: np.ndarray, often: float = 1.0) -> float:
        return len(schedule(values, activity, FPS, np.random.default_rng(0), pace=often)) / 20

    assert 10 < rate(silence) < 0.9 * rate(speech) and rate(speech) < 25
    assert rate(speech, pace({"sad": 1.0})) < 0.92 * rate(speech) < 0.92 * rate(speech, pace({"fear": 1.0}))
    assert pace(None) == pace({}) == pace({"neutral": 2.0}) == 1.0
    assert pace({"fear": 0.5, "neutral": 0.5}) == pytest.approx(0.5 * (1.0 + PACE["fear"]))
    assert rate(speech, 2.0) > 1.5 * rate(speech)
