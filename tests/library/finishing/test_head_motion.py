"""How the head turns: smooth, seeded, with the voice and the mood, and nearly still while nobody speaks."""

from __future__ import annotations

import numpy as np
import pytest

from medtalk.features.cues import Accent, Cues
from medtalk.finishing.head_motion import MANNERS, NODS, REACH, head_turn, nods

FPS = 60.0
PHRASES = ((1.0, 4.0), (4.6, 9.0), (9.8, 16.0))


def speaking(seconds: float = 24.0) -> Cues:
    """Three phrases with an accent every 1.1 s, and silence after them."""
    frames = round(seconds * FPS)
    times = np.arange(frames) / FPS
    activity = np.zeros(frames, np.float32)
    for start, end in PHRASES:
        activity[(times >= start) & (times < end)] = 1.0
    accents = tuple(
        Accent(start + 0.5 + 1.1 * number, 0.3 + 0.1 * (number % 6))
        for start, end in PHRASES
        for number in range(int((end - start - 0.6) / 1.1))
    )
    effort = (1.0 + 0.4 * np.sin(5.0 * times)).astype(np.float32)
    return Cues(frames, accents, PHRASES, effort, activity)


def motion(
    label: str = "neutral", seed: int = 0, cues: Cues | None = None, level: float = 1.0, amount: float = 1.0
) -> np.ndarray:
    shown = speaking() if cues is None else cues
    return head_turn(shown, {label: 1.0}, np.full(shown.frames, level), FPS, (seed, 4), amount)


def speed(head: np.ndarray) -> np.ndarray:
    """(T - 1,) degrees a second."""
    return np.linalg.norm(np.diff(head, axis=0), axis=1) * FPS


def test_the_same_seed_gives_the_same_motion_and_another_one_another() -> None:
    np.testing.assert_array_equal(motion(), motion())
    assert np.abs(motion() - motion(seed=1)).max() > 1.0
    assert motion().dtype == np.float32 and motion().shape == (24 * 60, 3)


@pytest.mark.parametrize("label", list(MANNERS))
@pytest.mark.parametrize("seed", range(5))
def test_it_is_within_what_heads_do(label: str, seed: int) -> None:
    head = motion(label, seed, level=2.0)
    bearing = 1.5 * np.abs(MANNERS[label].bearing)
    assert (np.abs(head) <= np.array(REACH) + bearing).all()
    assert speed(head).max() < 110.0
    jumps = np.abs(np.diff(head, 2, axis=0)).max() * FPS**2
    assert jumps < 2500.0, "degrees a second, a second"
    power = np.abs(np.fft.rfft((head - head.mean(0)) * np.hanning(len(head))[:, None], axis=0)) ** 2
    frequency = np.fft.rfftfreq(len(head), 1.0 / FPS)
    assert power[frequency > 4.0].sum() < 0.02 * power.sum()


def test_a_head_that_listens_is_nearly_still() -> None:
    times = np.arange(24 * 60 - 1) / FPS
    moves = [speed(motion(seed=seed)) for seed in range(6)]
    talks, listens = (
        np.mean([one[part].mean() for one in moves]) for part in ((times > 1) & (times < 16), times > 17.5)
    )
    assert 6.0 < talks < 18.0 and 0.1 < listens < 0.3 * talks


def test_nods_go_down_shortly_before_a_part_of_the_accents() -> None:
    cues = speaking()
    found = [nods(cues, MANNERS["neutral"], np.random.default_rng([seed, 4, NODS])) for seed in range(40)]
    share = np.mean([len(one) for one in found]) / len(cues.accents)
    assert 0.3 < share < 0.7
    for begin, down, back, turn in (nod for one in found for nod in one):
        lowest = begin + down
        nearest = min(cues.accents, key=lambda accent: abs(accent.time - lowest))
        assert -0.12 < nearest.time - lowest < 0.18
        assert 0.3 <= down + back <= 0.75 and 1.0 < np.abs(turn[1]) < 7.0
    downs = np.mean([nod[3][1] < 0.0 for one in found for nod in one])
    assert 0.75 < downs < 0.95
    strong = [nod for one in found for nod in one]
    assert np.mean([nod[3][1] for nod in strong]) < -1.5


def test_one_accent_more_leaves_the_others_nods_as_they_are() -> None:
    cues = speaking()
    fewer = Cues(cues.frames, cues.accents[:-1], cues.phrases, cues.effort.copy(), cues.activity.copy())
    apart = np.abs(motion(cues=cues) - motion(cues=fewer)).max(axis=1)
    assert apart[: round((cues.accents[-1].time - 1.0) * FPS)].max() < 1e-6


def test_moods_hold_and_move_the_head_in_their_own_way() -> None:
    heads = {label: [motion(label, seed) for seed in range(12)] for label in MANNERS}
    pitch = {label: float(np.mean([head[:, 1].mean() for head in several])) for label, several in heads.items()}
    roll = {label: float(np.mean([abs(head[:, 2].mean()) for head in several])) for label, several in heads.items()}
    moves = {
        label: float(np.mean([speed(head)[60:960].mean() for head in several])) for label, several in heads.items()
    }
    assert pitch["sad"] < pitch["angry"] < pitch["neutral"] - 2.0
    assert pitch["neutral"] + 2.0 < min(pitch["surprised"], pitch["fear"] + 0.5)
    assert moves["sad"] < 0.6 * moves["neutral"] < moves["neutral"] < min(moves["happy"], moves["angry"])
    assert roll["happy"] > roll["neutral"]


def test_strength_and_amount() -> None:
    sad = [motion("sad", level=level)[:, 1].mean() - motion("sad", level=0.0)[:, 1].mean() for level in (0.5, 1.0)]
    assert sad[1] < 1.5 * sad[0] < 0.0
    np.testing.assert_allclose(motion("sad", level=0.0), motion("neutral"), atol=1e-5)
    np.testing.assert_allclose(motion(amount=0.5), 0.5 * motion(), atol=1e-5)


def test_silence_and_nothing() -> None:
    still = motion(cues=Cues.none(600))
    assert 0.2 < np.ptp(still, axis=0).max() < 6.0 and speed(still).max() < 5.0
    assert motion(cues=Cues.none(0)).shape == (0, 3)
    assert motion(cues=Cues.none(1)).shape == (1, 3)
