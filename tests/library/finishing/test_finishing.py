from __future__ import annotations

import itertools
import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from medtalk.errors import RigError, SettingError
from medtalk.features.cues import Cues
from medtalk.finishing import Finishing, finish
from medtalk.finishing.clamp import KNEE, headroom, limit
from medtalk.rig.channels import MAXIMUM, MINIMUM, N_CHANNELS, S_EMO, indices
from medtalk.rig.head_table import EYE_DEGREES

BLINK = indices("[LR]_eye_blink")
GAZE = indices("[LR]_eye.X")
BROWS = indices("[LR]_brow_raiseIn")
NOTHING = Finishing(smooth=False, blink=False, gaze=False, limits=False, life=False)
SPEECH = np.ones(900, np.float32)


def rough(frames: int = 900) -> np.ndarray:
    values = 0.3 * np.random.default_rng(0).standard_normal((frames, N_CHANNELS))
    values[:, indices("[LR]_eye*")] = 0.0
    return values.astype(np.float32)


def test_every_step_can_be_switched_off() -> None:
    values = rough()
    before, steps = values.copy(), ("smooth", "blink", "gaze", "limits", "life")
    assert np.array_equal(finish(values, SPEECH, NOTHING), values)
    results = [
        finish(values, SPEECH, replace(NOTHING, **dict(zip(steps, on, strict=True))))
        for on in itertools.product([False, True], repeat=len(steps))
    ]
    assert all(not np.array_equal(a, b) for a, b in itertools.combinations(results, 2))
    assert all(result.dtype == np.float32 and result.shape == values.shape for result in results)
    assert np.array_equal(values, before)


def test_blinks_and_gaze_do_not_disturb_each_other() -> None:
    values = rough()
    both = finish(values, SPEECH, Finishing(seed=5))
    assert np.array_equal(both[:, BLINK], finish(values, SPEECH, Finishing(seed=5, gaze=False))[:, BLINK])
    assert np.array_equal(both[:, GAZE], finish(values, SPEECH, Finishing(seed=5, blink=False))[:, GAZE])


def test_without_life_the_seed_decides_blinks_and_gaze_and_nothing_else() -> None:
    values = rough()
    one, again, other = (finish(values, SPEECH, Finishing(seed=seed, life=False)) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one[:, BLINK], other[:, BLINK]) and not np.array_equal(one[:, GAZE], other[:, GAZE])
    face = np.setdiff1d(np.arange(N_CHANNELS), indices("[LR]_eye*"))
    assert np.array_equal(one[:, face], other[:, face])


def test_blinks_are_not_smoothed_and_limits_come_last() -> None:
    values = np.zeros((900, N_CHANNELS), np.float32)
    values[:, indices("L_jaw_clench")] = 3.0
    out = finish(values, SPEECH, Finishing(seed=1))
    assert out[:, BLINK].max() > 0.9
    assert np.all(out >= MINIMUM) and np.all(out <= MAXIMUM)


def test_limits_clamp_and_let_shut_eyes_shut() -> None:
    values = np.full((1, N_CHANNELS), 5.0, np.float32)
    assert np.array_equal(limit(values)[0], MAXIMUM)
    values[:] = -5.0
    values[:, BLINK] = 0.0
    assert np.array_equal(np.delete(limit(values)[0], BLINK), np.delete(MINIMUM, BLINK))
    lids = indices("[LR]_eye_eyelid[DU]")
    values[:, BLINK] = 0.75
    assert np.allclose(limit(values)[0, lids], -0.25)
    values[:, lids] = 0.4  # closing further does not work against the blink
    assert np.allclose(limit(values)[0, lids], 0.4)
    assert (values[:, lids] == np.float32(0.4)).all()


def test_another_sound_or_mood_is_another_take() -> None:
    values, pause = rough(), SPEECH.copy()
    pause[300:360] = 0.0
    takes = [
        finish(values, voice, Finishing(seed=1), mood=mood)
        for voice, mood in [(SPEECH, None), (pause, None), (SPEECH, {"sad": 1.0}), (SPEECH, {"angry": 1.0})]
    ]
    for one, other in itertools.combinations(takes, 2):
        assert not np.array_equal(one[:, BLINK], other[:, BLINK])
        assert not np.array_equal(one[:, GAZE], other[:, GAZE])
    mixed = [
        finish(values, SPEECH, Finishing(seed=1), mood={"sad": share, "happy": 1.0 - share}) for share in (0.6, 0.7)
    ]
    assert np.array_equal(mixed[0][:, GAZE], mixed[1][:, GAZE])  # a slider does not jump through takes


def test_silence_lives_with_still_lips() -> None:
    out = finish(np.zeros((900, N_CHANNELS)), np.zeros(900))
    assert out[:, BLINK].max() > 0.9 and out[:, GAZE].std() > 0.005
    assert out[:, indices("[LR]_brow_*")].std(axis=0).max() > 0.01
    corners = indices("?_mouth_cornerPull", "?_mouth_cornerDepress")
    assert np.abs(np.diff(out[:, corners], axis=0)).max() < 0.002
    assert not np.delete(out, [*indices("[LR]_eye*", "?_brow_*"), *corners], axis=1).any()
    still = finish(np.zeros((900, N_CHANNELS)), np.zeros(900), Finishing(life=False))
    assert not np.delete(still, indices("[LR]_eye*"), axis=1).any()


def test_the_eyes_turn_against_the_head() -> None:
    values, turn = np.zeros((900, N_CHANNELS), np.float32), np.zeros((900, 3), np.float32)
    turn[:, 0], turn[:, 2] = 8.0 * np.sin(np.arange(900) / 40), 5.0
    still, turned = (finish(values, SPEECH, Finishing(blink=False), turn=each) for each in (None, turn))
    moved = (turned - still)[:, GAZE] * EYE_DEGREES["sideways"]
    np.testing.assert_allclose(moved, np.repeat(-turn[:, :1], 2, axis=1), atol=1e-4)
    gazeless = finish(values, SPEECH, Finishing(blink=False, gaze=False), turn=turn)
    assert not gazeless[:, GAZE].any()


def test_amounts() -> None:
    values = rough()
    usual = finish(values, SPEECH, Finishing(seed=5))
    without = finish(values, SPEECH, Finishing(seed=5, amounts={"blinks": 0.0}))
    assert not without[:, BLINK].any() and np.array_equal(usual[:, GAZE], without[:, GAZE])
    more = finish(values, SPEECH, Finishing(seed=5, amounts={"gaze": 2.0}))
    np.testing.assert_allclose(more[:, GAZE], 2.0 * usual[:, GAZE], atol=1e-6)
    assert np.array_equal(usual[:, BLINK], more[:, BLINK])
    for amounts, message in [
        ({"ears": 1.0}, "No part of the life is called 'ears'"), ({"drift": 2.5}, "from 0 to 2"),
        ({"drift": np.nan}, "from 0 to 2"), ({"drift": "much"}, "from 0 to 2"), ({"drift": True}, "from 0 to 2"),
        (3, "a mapping"),
    ]:  # fmt: skip
        with pytest.raises(SettingError, match=message):
            Finishing(amounts=amounts)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("frames", [0, 1, 2, 6])
def test_short_clips(frames: int) -> None:
    assert finish(rough(6)[:frames], np.ones(frames)).shape == (frames, N_CHANNELS)


def test_windows_reach_the_smoothing() -> None:
    values = rough()
    out = finish(values, SPEECH, replace(NOTHING, smooth=True, smoothing={"brow": 1}))
    brows, jaw = indices("[LR]_brow_*"), indices("C_jaw")
    assert np.array_equal(out[:, brows], values[:, brows]) and not np.array_equal(out[:, jaw], values[:, jaw])


def test_settings_can_be_written_and_compared() -> None:
    steps = Finishing(seed=3, smoothing={"jaw": 7}, amounts={"drift": np.float32(0.5)})  # pyright: ignore[reportArgumentType]
    assert Finishing(**json.loads(json.dumps(asdict(steps)))) == steps
    assert hash(Finishing()) == hash(Finishing())


def test_what_does_not_fit_is_refused() -> None:
    good = np.zeros((10, N_CHANNELS))
    for values, activity in [(good[:, 1:], np.ones(10)), (good, np.ones(9)), (good[0], np.ones(10))]:
        with pytest.raises(RigError, match="valid are"):
            finish(values, activity)
    with pytest.raises(RigError, match="10 frames does not fit cues of 9"):
        finish(good, np.ones(10), cues=Cues.none(9))
    with pytest.raises(RigError, match="valid is \\(10, 3\\) degrees"):
        finish(good, np.ones(10), turn=np.zeros((9, 3), np.float32))
    with pytest.raises(RigError, match="not numbers"):
        finish(good + np.nan, np.ones(10))
    for fps in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(SettingError, match="frames a second"):
            finish(good, np.ones(10), fps=fps)
    for seed in (-1, 1.5, True, "1"):
        with pytest.raises(SettingError, match="seed"):
            Finishing(seed=seed)  # pyright: ignore[reportArgumentType]
    with pytest.raises(SettingError, match="odd"):
        Finishing(smoothing={"mouth": 4})


def test_a_strong_emotion_nears_its_limits_and_keeps_its_order() -> None:
    """Up to the knee nothing changes; beyond, more stays more, without a corner, and never reaches the limit."""
    asked = np.linspace(-4.0, 4.0, 1601, dtype=np.float32)
    shown = headroom(np.repeat(asked[:, None], N_CHANNELS, axis=1))
    calm = np.abs(asked) <= KNEE
    assert np.array_equal(shown[calm], np.repeat(asked[calm, None], N_CHANNELS, axis=1))
    for channel in S_EMO:
        moved = shown[:, channel][(asked > 0.0) | (MINIMUM[channel] < 0.0)]
        assert (np.diff(moved) > 0.0).all() and np.abs(moved).max() < 0.99
        assert np.abs(np.diff(moved, n=2)).max() < 2e-4
    lips = indices("[LR]_mouth_lipsTogether[DU]", "[LR]_mouth_lipBiteD", "[LR]_mouth_purse[DU]", "C_tongue.Y")
    assert np.array_equal(shown[:, lips], np.repeat(asked[:, None], len(lips), axis=1))


def test_headroom_is_part_of_the_limits_and_comes_before_closures_and_blinks() -> None:
    values = np.zeros((900, N_CHANNELS), np.float32)
    values[:, BROWS] = 1.0
    assert finish(values, SPEECH, replace(NOTHING, limits=True))[:, BROWS].max() == pytest.approx(0.875)
    assert finish(values, SPEECH, NOTHING)[:, BROWS].min() == 1.0
    assert finish(values, SPEECH, replace(NOTHING, limits=True, blink=True))[:, BLINK].max() > 0.95
