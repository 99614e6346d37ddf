"""Every part of the life layer: what it does, nothing at amount 0, and a stream of chance of its own."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest

from medtalk.features.cues import Accent, Cues
from medtalk.finishing import Finishing, finish
from medtalk.finishing.closures import compose
from medtalk.finishing.life import PARTS, add_life
from medtalk.quality.surface import surface
from medtalk.rig.channels import AREAS, MAXIMUM, MINIMUM, N_CHANNELS, indices
from medtalk.rig.head import load_head

FPS = 60.0
BROWS, FROWN = indices("?_brow_raise*"), indices("?_brow_down")
LIDS, SQUINT = indices("?_eye_eyelidU"), indices("?_eye_squintInner", "?_eye_cheekRaise")
LIPS = np.concatenate([AREAS["mouth"], AREAS["jaw"], AREAS["tongue"]])


def heard(seconds: float = 60.0, strength: float = 0.5) -> Cues:
    """Phrases of 3.5 s with pauses of 1.5 s, an accent every 0.7 s of speech, and effort that swells."""
    frames = round(seconds * FPS)
    phrases = tuple((start, min(start + 3.5, seconds)) for start in np.arange(1.5, seconds, 5.0).tolist())
    times = np.arange(frames) / FPS
    activity = np.zeros(frames, np.float32)
    accents = []
    for start, end in phrases:
        activity[round(start * FPS) : round(end * FPS)] = 1.0
        accents += [Accent(time, strength) for time in np.arange(start + 0.5, end, 0.7).tolist()]
    effort = (1.2 + 0.6 * np.sin(2 * np.pi * times / 2.0)).astype(np.float32)
    return Cues(frames, tuple(accents), phrases, effort, activity)


def rest(cues: Cues) -> np.ndarray:
    return np.zeros((cues.frames, N_CHANNELS), np.float32)


def alone(part: str, cues: Cues, amount: float = 1.0, seed: int = 0, **other: object) -> np.ndarray:
    """What one part adds to a face at rest."""
    amounts = {**dict.fromkeys(PARTS, 0.0), part: amount}
    return add_life(rest(cues), cues, FPS, (seed,), amounts, **other)  # type: ignore[arg-type]


def spans(mask: np.ndarray) -> np.ndarray:
    """(n, 2) seconds of the runs of True."""
    return np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(int))).reshape(-1, 2) / FPS


@pytest.mark.parametrize("part", PARTS)
def test_every_part_moves_something_and_draws_from_a_stream_of_its_own(part: str) -> None:
    cues = heard()
    one, again, other = (alone(part, cues, seed=seed) for seed in (1, 1, 2))
    assert np.ptp(one, axis=0).max() > 0.02
    assert np.array_equal(one, again) and not np.array_equal(one, other)
    everything = add_life(rest(cues), cues, FPS, (1,))
    without = add_life(rest(cues), cues, FPS, (1,), {part: 0.0})
    untouched = np.flatnonzero(~one.any(axis=0))
    assert np.array_equal(everything[:, untouched], without[:, untouched]) and not np.array_equal(everything, without)
    assert np.abs(alone(part, cues, 2.0)).max() > 1.5 * np.abs(alone(part, cues)).max()


def test_nothing_at_amount_nought() -> None:
    cues = heard()
    assert not add_life(rest(cues), cues, FPS, (0,), dict.fromkeys(PARTS, 0.0)).any()


def test_brows_beat_on_some_accents_shortly_before_them() -> None:
    cues = heard(600.0)
    raised = alone("accents", cues)[:, BROWS].max(axis=1)
    beats = spans(raised > 0.01)
    share = len(beats) / len(cues.accents)
    assert 0.25 < share < 0.45
    lengths = np.diff(beats, axis=1)
    assert lengths.min() > 0.15 and lengths.max() < 0.45
    tops = np.array([begin + raised[round(begin * FPS) : round(end * FPS)].argmax() / FPS for begin, end in beats])
    accents = np.array([accent.time for accent in cues.accents])
    leads = (accents[None] - tops[:, None])[np.abs(accents[None] - tops[:, None]) < 0.3]
    assert len(leads) == len(beats) and leads.min() > 0.04 and leads.max() < 0.12


def test_stronger_accents_beat_more_often_and_higher() -> None:
    weak, strong = (alone("accents", heard(600.0, strength))[:, BROWS].max(axis=1) for strength in (0.25, 0.9))
    assert len(spans(strong > 0.01)) > 1.5 * len(spans(weak > 0.01))
    assert np.quantile(strong[strong > 0.1], 0.9) > 1.3 * np.quantile(weak[weak > 0.1], 0.9)


def test_moods_beat_in_their_own_way() -> None:
    cues = heard(300.0)
    angry, sad, happy = (alone("accents", cues, mood={label: 1.0}) for label in ("angry", "sad", "happy"))
    assert angry[:, FROWN].mean() > 2.0 * angry[:, BROWS].mean() and not happy[:, FROWN].any()
    assert sad[:, BROWS].max(axis=1).mean() < 0.8 * happy[:, BROWS].max(axis=1).mean()


def test_the_sides_differ() -> None:
    left, right = indices("L_brow_raiseOut")[0], indices("R_brow_raiseOut")[0]
    for part in ("accents", "drift"):
        face = alone(part, heard())
        assert np.abs(face[:, left] - face[:, right]).max() > 0.02


def test_eyes_narrow_with_effort() -> None:
    cues = heard()
    narrowed = alone("squint", cues)[:, SQUINT].sum(axis=1)
    assert np.corrcoef(narrowed, np.maximum(cues.effort - 1.1, 0.0) * cues.activity)[0, 1] > 0.8
    calm = Cues(cues.frames, (), cues.phrases, np.ones(cues.frames, np.float32), cues.activity.copy())
    assert not alone("squint", calm).any()


def test_a_breath_comes_before_a_phrase_and_lips_part() -> None:
    cues = heard()
    face = alone("breath", cues)
    jaw, nostrils = face[:, indices("C_jaw.Y")[0]], face[:, indices("L_nose.X")[0]]
    breaths = spans(jaw > 0.001)
    starts = [start for start, _ in cues.phrases]
    assert len(breaths) == len(starts) == len(spans(nostrils > 0.001))
    for (begin, end), start in zip(breaths, starts, strict=True):
        assert 0.12 < start - begin < 0.26 and start < end < start + 0.15
        assert 0.045 < jaw[round(begin * FPS) : round(end * FPS)].max() < 0.095
    short = Cues(240, (), ((0.2, 2.0), (2.3, 4.0)), np.ones(240, np.float32), np.ones(240, np.float32))
    assert not alone("breath", short).any()  # no time for one


def test_pauses_move_the_mouth_slowly_and_rarely() -> None:
    cues = heard(600.0)
    face = alone("pauses", cues)
    assert not face[cues.activity > 0.5].any()
    moving = np.abs(face[:, LIPS]).max(axis=1) > 0.002
    assert 0.1 < moving[cues.activity < 0.5].mean() < 0.5
    gap = load_head().gap(face[:6000]).reshape(6000, -1)
    assert (np.abs(np.diff(gap, axis=0)) * FPS).max() < 4.0  # mm a second: lips that seem to rest
    swallows = spans(face[:, indices("C_neck_swallow")[0]] > 0.05)
    assert 0.3 < len(swallows) / 10.0 < 2.0  # a minute


def test_drift_is_slow() -> None:
    face = alone("drift", heard(300.0))
    brows = face[:, BROWS]
    assert brows.std(axis=0).min() > 0.02 and brows.max() < 0.3
    assert (np.abs(np.diff(face, axis=0)) * FPS).max() < 0.25
    power = np.abs(np.fft.rfft(brows[:, 0] - brows[:, 0].mean())) ** 2
    hertz = np.fft.rfftfreq(len(brows), 1 / FPS)
    slow, middle, quick = (power[(hertz >= a) & (hertz < b)].mean() for a, b in [(0.02, 0.1), (0.1, 0.5), (0.5, 2.0)])
    assert slow > 2.0 * middle > 20.0 * quick
    assert np.linalg.matrix_rank(face[:, [*BROWS, *LIDS]] - face[:, [*BROWS, *LIDS]].mean(axis=0), tol=0.5) >= 5


def test_micro_expressions_are_short_and_on_one_side() -> None:
    cues = heard(300.0)
    for label in ("neutral", "angry", "happy", "sad", "fear", "disgust", "surprised"):
        face = alone("micro", cues, mood={label: 1.0})
        left, right = (np.abs(face[:, indices(f"{side}_*")]).max(axis=1) for side in "LR")
        shown = spans(np.maximum(left, right) > 0.005)
        assert 5 < len(shown) < 80
        assert np.diff(shown, axis=1).min() > 0.08 and np.diff(shown, axis=1).max() < 0.42
        leans = [(left[a:b].max() - right[a:b].max()) for a, b in np.round(shown * FPS).astype(int)]
        assert min(np.abs(leans)) > 0.03 and min(leans) < 0.0 < max(leans)


def test_closed_lips_stay_closed() -> None:
    cues = heard()
    times = np.arange(cues.frames) / FPS
    held = {name: np.clip(4.0 * np.sin(times * (3.0 + number)), 0.0, 1.0) for number, name in enumerate("pbmfv")}
    lips = compose(held)
    raw = rest(cues)
    raw[:, indices("C_jaw.Y")] = 0.15
    still, usual, twice = (
        surface(finish(raw, cues.activity, steps, FPS, lips, cues))
        for steps in (Finishing(life=False), Finishing(), Finishing(amounts=dict.fromkeys(PARTS, 2.0)))
    )
    shut, bitten = lips.seal > 0.99, (lips.bite > 0.6) & (lips.seal < 0.01)
    assert shut.mean() > 0.2 and bitten.mean() > 0.05
    assert max(np.abs(life.gap - still.gap)[shut].max() for life in (usual, twice)) < 0.02  # mm
    assert np.abs(usual.teeth - still.teeth)[bitten].max() < 0.2
    assert np.abs(usual.gap - still.gap).max() > 0.5  # a breath


def test_values_stay_in_their_range_without_clipping() -> None:
    cues = heard()
    for edge in (MAXIMUM, MINIMUM):
        face = add_life(np.tile(edge, (cues.frames, 1)), cues, FPS, (0,), dict.fromkeys(PARTS, 2.0))
        assert (face <= MAXIMUM + 1e-6).all() and (face >= MINIMUM - 1e-6).all()


def test_other_frame_rates_show_the_same() -> None:
    cues = heard(30.0)
    fine, coarse = rest(cues), rest(cues)[::2]
    half = Cues(len(coarse), cues.accents, cues.phrases, cues.effort[::2].copy(), cues.activity[::2].copy())
    one = add_life(fine, cues, FPS, (0,), {"micro": 0.0})[::2]
    other = add_life(coarse, half, FPS / 2, (0,), {"micro": 0.0})
    np.testing.assert_allclose(one, other, atol=0.02)


@pytest.mark.parametrize("frames", [0, 1, 2, 30])
def test_short_and_silent_clips(frames: int) -> None:
    cues = Cues.none(frames)
    values = np.full((frames, N_CHANNELS), 0.1, np.float32)
    before = values.copy()
    assert add_life(values, cues, FPS, (0,)).shape == values.shape and np.array_equal(values, before)
    loud = Cues(frames, (Accent(0.0, 1.0),), ((0.0, frames / FPS),), cues.effort + 1.0, cues.activity + 1.0)
    assert np.isfinite(add_life(values, loud, FPS, (0,))).all()


def test_an_hour_takes_little_more_memory_than_the_rig() -> None:
    cues = heard(3600.0)
    values = rest(cues)
    tracemalloc.start()
    face = add_life(values, cues, FPS, (0,))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < face.nbytes + 40e6


def test_no_two_parts_move_together() -> None:
    """The face answers in more ways than one: the parts are not one another in other sizes."""
    cues = heard(300.0)
    faces = [alone(part, cues).ravel()[::7] for part in ("accents", "squint", "drift", "micro")]
    for one, other in itertools.combinations(faces, 2):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.5
