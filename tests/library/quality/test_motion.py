"""Stillness, blinks, limits and loudness on curves made for the purpose."""

from __future__ import annotations

import numpy as np
import pytest

from medtalk.quality import motion
from medtalk.rig.channels import CHANNEL_NAMES, indices

SPEECH = np.repeat([False, True, False, True, False], 60)


def test_pauses_leave_out_what_belongs_to_speech() -> None:
    assert motion.pauses(SPEECH) == [(0, 45), (135, 165), (255, 300)]
    assert motion.pauses(np.ones(60, bool)) == motion.pauses(np.zeros(60, bool)) == []
    short = SPEECH.copy()
    short[125:175] = True
    assert motion.pauses(short) == [(0, 45), (255, 300)]


def test_stillness_is_the_share_of_the_speed_in_speech() -> None:
    speed = np.where(SPEECH, 40.0, 2.0)
    assert motion.stillness(speed, SPEECH) == pytest.approx(0.05)
    assert motion.stillness(speed, np.ones(300, bool)) is None, "no pause"
    assert motion.stillness(np.zeros(300), SPEECH) is None, "nothing moves"


def test_blinks_are_counted_and_closed_eyes_are_none() -> None:
    lids = np.full((600, 2), 9.0)
    for first in (50, 200, 400):
        lids[first : first + 9] = 1.0
    lids[500:560] = 0.5  # asleep
    assert motion.blinks(lids) == [(50, 59), (200, 209), (400, 409)]
    assert motion.blinks(np.full((600, 2), 9.0)) == []
    assert motion.blinks(lids * (1.0, 3.0)) == motion.blinks(lids), "one eye wider than the other"


def test_the_longest_time_without_a_blink() -> None:
    lids = np.full((600, 2), 9.0)
    assert motion.stare(lids) == (0, 600)
    lids[100:109] = 1.0
    assert motion.stare(lids) == (109, 600)
    lids[400:409] = 1.0
    assert motion.stare(lids) == (109, 400)


def test_limits_by_channel_and_in_all() -> None:
    rig = np.zeros((100, 174), np.float32)
    brow, jaw, blink, eye = (int(indices(name)[0]) for name in ("L_brow_down", "C_jaw.Y", "L_eye_blink", "L_eye.X"))
    rig[:50, brow] = 1.0
    rig[:10, eye] = -1.0
    rig[:, jaw] = np.linspace(0.0, 0.9, 100)
    rig[:90, blink] = 1.0
    assert motion.at_limit(rig) == {CHANNEL_NAMES[brow]: 0.5, CHANNEL_NAMES[eye]: 0.1}, "no rest, no blink"
    assert motion.limit_share(rig) == pytest.approx(0.6 / 4)
    assert motion.limit_share(np.zeros((5, 174))) == 0.0


def test_loudness_within_a_take() -> None:
    """10 s in which every second is louder than the one before, and the lips follow, or do the opposite."""
    level = np.repeat(np.linspace(0.01, 0.3, 10), 16000)
    sound = level * np.sin(np.arange(160000) * 0.3)
    speed = np.repeat(np.linspace(5.0, 60.0, 10), 60)
    speech = np.ones(600, bool)
    assert motion.loudness_r(speed, sound, speech) == pytest.approx(1.0, abs=0.02)
    assert motion.loudness_r(speed[::-1], sound, speech) == pytest.approx(-1.0, abs=0.1)
    assert motion.loudness_r(np.full(600, 5.0), sound, speech) is None, "constant"
    assert motion.loudness_r(speed[:450], sound, speech[:450]) is None, "14 windows, of which chance makes anything"
    assert motion.loudness_r(speed[:480], sound, speech[:480]) == pytest.approx(1.0, abs=0.02)
    assert motion.loudness_r(speed, sound, ~speech) is None, "nobody speaks"


def test_slcc_over_clips() -> None:
    rng = np.random.default_rng(0)
    sounds = [gain * rng.standard_normal(8000) for gain in (0.1, 0.2, 0.3, 0.4)]
    lips = [gain * np.ones(30) for gain in (10.0, 20.0, 30.0, 40.0)]
    assert motion.slcc(zip(sounds, lips, strict=True)) == pytest.approx(1.0, abs=0.01)
    assert motion.slcc(zip(sounds, lips[::-1], strict=True)) == pytest.approx(-1.0, abs=0.01)
    assert motion.slcc([(sounds[0], lips[0])]) is None


def test_the_speed_of_a_head_is_in_degrees_a_second() -> None:
    turn = np.linspace(0.0, 1.0, 61)[:, None] * (3.0, 0.0, -4.0)  # in a second
    np.testing.assert_allclose(motion.head_speed(turn), 5.0, atol=1e-9)
    np.testing.assert_allclose(motion.head_speed(turn[::2], 30.0), 5.0, atol=1e-9)
    assert motion.head_speed(turn[:1]).tolist() == [0.0]
