from __future__ import annotations

import itertools
import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from medtalk.errors import RigError, SettingError
from medtalk.finishing import Finishing, finish
from medtalk.finishing.clamp import KNEE, headroom, limit
from medtalk.rig.channels import MAXIMUM, MINIMUM, N_CHANNELS, S_EMO, indices

BLINK = indices("[LR]_eye_blink")
GAZE = indices("[LR]_eye.X")
BROWS = indices("[LR]_brow_raiseIn")
NOTHING = Finishing(smooth=False, blink=False, gaze=False, limits=False)
SPEECH = np.ones(900, np.float32)


def rough(frames: int = 900) -> np.ndarray:
    values = 0.3 * np.random.default_rng(0).standard_normal((frames, N_CHANNELS))
    values[:, indices("[LR]_eye*")] = 0.0
    return values.astype(np.float32)


def test_every_step_can_be_switched_off() -> None:
    values = rough()
    before = values.copy()
    assert np.array_equal(finish(values, SPEECH, NOTHING), values)
    results = [
        finish(values, SPEECH, replace(NOTHING, **dict(zip(("smooth", "blink", "gaze", "limits"), on, strict=True))))
        for on in itertools.product([False, True], repeat=4)
    ]
    assert all(not np.array_equal(a, b) for a, b in itertools.combinations(results, 2))
    assert all(result.dtype == np.float32 and result.shape == values.shape for result in results)
    assert np.array_equal(values, before)


def test_blinks_and_gaze_do_not_disturb_each_other() -> None:
    values = rough()
    both = finish(values, SPEECH, Finishing(seed=5))
    assert np.array_equal(both[:, BLINK], finish(values, SPEECH, Finishing(seed=5, gaze=False))[:, BLINK])
    assert np.array_equal(both[:, GAZE], finish(values, SPEECH, Finishing(seed=5, blink=False))[:, GAZE])


def test_the_seed_decides_blinks_and_gaze_and_nothing_else() -> None:
    values = rough()
    one, again, other = (finish(values, SPEECH, Finishing(seed=seed)) for seed in (1, 1, 2))
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


def test_silence_blinks_at_rest() -> None:
    out = finish(np.zeros((900, N_CHANNELS)), np.zeros(900))
    assert out[:, BLINK].max() > 0.9
    assert not np.delete(out, indices("[LR]_eye*"), axis=1).any()


@pytest.mark.parametrize("frames", [0, 1, 2, 6])
def test_short_clips(frames: int) -> None:
    assert finish(rough(6)[:frames], np.ones(frames)).shape == (frames, N_CHANNELS)


def test_windows_reach_the_smoothing() -> None:
    values = rough()
    out = finish(values, SPEECH, replace(NOTHING, smooth=True, smoothing={"brow": 1}))
    brows, jaw = indices("[LR]_brow_*"), indices("C_jaw")
    assert np.array_equal(out[:, brows], values[:, brows]) and not np.array_equal(out[:, jaw], values[:, jaw])


def test_settings_can_be_written_and_compared() -> None:
    assert Finishing(**json.loads(json.dumps(asdict(Finishing(seed=3, smoothing={"jaw": 7}))))) == Finishing(
        seed=3, smoothing={"jaw": 7}
    )
    assert hash(Finishing()) == hash(Finishing())


def test_what_does_not_fit_is_refused() -> None:
    good = np.zeros((10, N_CHANNELS))
    for values, activity in [(good[:, 1:], np.ones(10)), (good, np.ones(9)), (good[0], np.ones(10))]:
        with pytest.raises(RigError, match="valid are"):
            finish(values, activity)
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
