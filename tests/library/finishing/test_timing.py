"""When action units move, how the sides differ, and tremor."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtalk.finishing import Finishing, finish
from medtalk.finishing.smoothing import CLOSURES
from medtalk.finishing.timing import UNITS, follow, retime, tremble
from medtalk.rates import FPS
from medtalk.rig.channels import MIRROR, N_CHANNELS, S_LIP, S_UP, indices

T = 6 * FPS
UP, DOWN = 2.0, 4.0  # seconds


def a_step(height: float = 0.8) -> np.ndarray:
    """A rig whose emotion comes and goes at once."""
    rig = np.zeros((T, N_CHANNELS), np.float32)
    rig[round(UP * FPS) : round(DOWN * FPS)] = height
    return rig


def moved(rig: np.ndarray, seed: int = 1, asymmetry: float = 0.0) -> np.ndarray:
    return retime(rig, FPS, np.random.default_rng(seed), asymmetry=asymmetry)


def middle(curve: np.ndarray, after: float) -> float:
    """Seconds from `after` until a curve has done half of its way."""
    part = curve[round((after - 0.5) * FPS) :]
    half = 0.5 * (part[0] + part[round(1.4 * FPS)])
    return (np.argmax((part > half) != (part[0] > half)) - 0.5) / FPS - 0.5


def test_every_channel_of_the_upper_face_is_in_one_unit() -> None:
    units = np.concatenate([unit.channels for unit in UNITS.values()])
    assert sorted(units.tolist()) == S_UP.tolist()


def test_brows_and_lids_lead_and_cheeks_follow() -> None:
    rig = moved(a_step())
    onset = {name: middle(rig[:, unit.channels[0]], UP) for name, unit in UNITS.items()}
    assert onset["inner brow"] < onset["outer brow"] < onset["squint"] < onset["nose"] < onset["cheeks"] < 0.0
    assert onset["lids"] < onset["squint"]
    for name, unit in UNITS.items():
        assert onset[name] == pytest.approx(-unit.lead, abs=0.02), name


def test_what_rises_fast_falls_slowly() -> None:
    rig = moved(a_step())
    for name, unit in UNITS.items():
        curve = rig[:, unit.channels[0]]
        up, down = np.diff(curve).max(), -np.diff(curve).min()
        assert up > 1.5 * down, name
    released = {name: middle(rig[:, unit.channels[0]], DOWN) for name, unit in UNITS.items()}
    assert released["cheeks"] > released["inner brow"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1.0, 1.0, width=32), min_size=2, max_size=80), st.integers(0, 99))
def test_nothing_overshoots(values: list[float], seed: int) -> None:
    rig = np.zeros((len(values), N_CHANNELS), np.float32)
    rig[:, S_UP] = np.array(values, np.float32)[:, None]
    out = moved(rig, seed)
    low, high = min(0.0, *values), max(0.0, *values)
    assert out[:, S_UP].min() >= low - 1e-6 and out[:, S_UP].max() <= high + 1e-6


def test_a_face_that_holds_still_stays_as_it_is() -> None:
    rig = np.full((T, N_CHANNELS), 0.4, np.float32)
    rig[:, ::2] = -0.3
    np.testing.assert_allclose(moved(rig), rig, atol=1e-6)


def test_the_mouth_keeps_its_time() -> None:
    rig = np.random.default_rng(0).uniform(0.0, 1.0, (T, N_CHANNELS)).astype(np.float32)
    out = moved(rig, asymmetry=2.0)
    still = np.setdiff1d(np.arange(N_CHANNELS), [*S_UP, *indices("[LR]_mouth_corner[DP]*"),
                         *indices("[LR]_mouth_sharpCornerPull", "[LR]_mouth_dimple")])  # fmt: skip
    np.testing.assert_array_equal(out[:, still], rig[:, still])
    assert {*S_LIP.tolist(), *CLOSURES.tolist()} <= set(still.tolist())


def test_closures_are_as_without_life() -> None:
    rng = np.random.default_rng(5)
    rig = np.repeat(rng.uniform(0.0, 1.0, (T // 6, N_CHANNELS)).astype(np.float32), 6, axis=0)
    voice = np.ones(T, np.float32)
    alive, plain = (finish(rig, voice, Finishing(life=life, amounts={part: 0.0 for part in ("breath", "pauses")}))
                    for life in (True, False))  # fmt: skip
    np.testing.assert_array_equal(alive[:, CLOSURES], plain[:, CLOSURES])


@pytest.mark.parametrize("seed", range(5))
def test_the_sides_differ_a_little_and_never_stay_the_same(seed: int) -> None:
    frames = 40 * FPS
    rig = np.full((frames, N_CHANNELS), 0.5, np.float32)
    out = moved(rig, seed, asymmetry=1.0)
    left = np.concatenate([unit.channels[:1] for unit in UNITS.values()])
    apart = (out[:, left] - out[:, MIRROR[left]]) / 0.5
    assert 0.02 < np.abs(apart).mean() < 0.09 and np.abs(apart).max() < 0.2
    assert apart.std(axis=0).min() > 0.01  # it drifts
    assert np.abs(np.diff(apart, axis=0)).max() < 0.002  # slowly
    assert len({round(float(each), 5) for each in apart.mean(axis=0)}) > 1  # each unit in its own way


def test_one_side_comes_first() -> None:
    for seed in range(6):
        out = moved(a_step(), seed, asymmetry=1.0)
        for unit in UNITS.values():
            left, right = (
                middle(out[:, c] / out[round(3.5 * FPS), c], UP) for c in (unit.channels[0], MIRROR[unit.channels[0]])
            )
            assert abs(left - right) <= 0.030 + 1.5 / FPS
    apart = [np.abs(np.diff(out[:, [unit.channels[0], MIRROR[unit.channels[0]]]])).max() for unit in UNITS.values()]
    assert min(apart) > 0.02  # more than the level's difference alone


def test_a_lean_decides_which_side_shows_more() -> None:
    rig = np.full((60 * FPS, N_CHANNELS), 0.5, np.float32)
    brow = UNITS["inner brow"].channels
    apart = {lean: float(np.mean([np.diff(retime(rig, FPS, np.random.default_rng(s), lean)[:, brow[::-1]]).mean()
                                  for s in range(8)])) for lean in (-1.0, 0.0, 1.0)}  # fmt: skip
    assert apart[-1.0] < apart[0.0] < apart[1.0] and apart[-1.0] < 0.0 < apart[1.0]


def test_follow_at_the_edges() -> None:
    assert follow(np.zeros(0), 5.0, 9.0).shape == (0,)
    np.testing.assert_array_equal(follow(np.array([0.3]), 6.0, 30.0), [0.3])
    np.testing.assert_array_equal(follow(np.full(5, 2.0), 100.0, 300.0), 2.0)


def test_tremor_is_fast_small_and_of_brows_and_lids() -> None:
    frames = 20 * FPS
    rig = np.full((frames, N_CHANNELS), 0.5, np.float32)
    out = tremble(rig, np.full(frames, 0.1, np.float32), FPS, np.random.default_rng(2))
    brow = out[:, UNITS["inner brow"].channels[0]] - 0.5
    assert 0.01 < np.abs(brow).max() <= 0.05 + 1e-6
    power = np.abs(np.fft.rfft(brow * np.hanning(frames))) ** 2
    hertz = np.fft.rfftfreq(frames, 1.0 / FPS)
    assert power[(hertz >= 4.0) & (hertz <= 9.0)].sum() > 0.85 * power.sum()
    assert np.array_equal(out[:, S_LIP], rig[:, S_LIP])


def test_fear_trembles_after_smoothing() -> None:
    """A tremor of 6 Hz would not pass the smoothing of the brows."""
    rig, voice = np.full((T, N_CHANNELS), 0.5, np.float32), np.ones(T, np.float32)
    none: dict[str, float] = dict.fromkeys(
        ("accents", "squint", "breath", "pauses", "drift", "micro", "asymmetry"), 0.0
    )
    calm, shaking = (
        finish(rig, voice, Finishing(blink=False, gaze=False, amounts=none), shaking=np.full(T, how, np.float32))
        for how in (0.0, 0.1)
    )
    brow = UNITS["inner brow"].channels[0]
    assert calm[:, brow].std() < 1e-4 < 0.008 < shaking[:, brow].std()
    off = finish(
        rig,
        voice,
        Finishing(blink=False, gaze=False, amounts={**none, "tremor": 0.0}),
        shaking=np.full(T, 0.1, np.float32),
    )
    np.testing.assert_array_equal(off, calm)
