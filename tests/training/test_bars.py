"""The bars of a bundle catch every way in which lips have lied, and let true ones pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from medtalk.quality.articulation import MEASURES
from medtalk.quality.baselines import still
from medtalk.rig.channels import AREAS, indices
from medtalk_train.measure import nonspeech
from medtalk_train.measure.bars import BARS, EMOTION, MOUTH, NOISE, REST, TRANSCRIPT, Bar, faults
from medtalk_train.measure.evaluate import mouth
from medtalk_train.measure.recordings import Recording, read_recordings

CLOSING, BITING = (indices(*MEASURES[name]) for name in ("close", "bite"))
JAW = indices("C_jaw.Y")[0]
Rig = np.ndarray


@pytest.fixture(scope="module")
def recordings(speech_data: Path) -> list[Recording]:
    return read_recordings(speech_data)


@pytest.fixture(scope="module")
def true(recordings: list[Recording]) -> list[Rig]:
    """The teacher's lips at the true phone times."""
    return [recording.taught(int(recording.speech.seconds * 60)) for recording in recordings]


def found(rigs: Sequence[Rig], recordings: Sequence[Recording]) -> str:
    return "; ".join(faults(mouth(rigs, recordings), MOUTH))


def test_true_lips_pass(true: list[Rig], recordings: list[Recording]) -> None:
    assert found(true, recordings) == ""
    figures = mouth(true, recordings)
    told = {f"{name}, with transcript": value for name, value in figures.items()}
    assert faults(told, TRANSCRIPT) == [], "and can be reached with a transcript"
    assert figures["MLE, phones known"] == 0.0 and figures["lips / phones known"] == pytest.approx(1.0)
    modest = [np.roll(0.85 * rig, 1, axis=0) for rig in true]
    assert found(modest, recordings) == "", "nor is it a lie to be a little late and small"


def shut(rig: Rig) -> Rig:
    out = rig.copy()
    out[:, CLOSING] = 1.0
    return out


def flapping(rig: Rig) -> Rig:
    """Open and shut five times a second, whatever is said."""
    out, on = np.zeros_like(rig), np.arange(len(rig)) % 12 < 6
    out[on[:, None] & np.isin(np.arange(174), CLOSING)] = 1.0
    out[:, JAW] = np.where(on, 0.0, 0.3)
    return out


def half_false(rig: Rig) -> Rig:
    """The true closures, and as many that nobody speaks."""
    out = rig.copy()
    out[:, CLOSING] = np.maximum(out[:, CLOSING], np.roll(out, 90, axis=0)[:, CLOSING])
    return out


def biting(rig: Rig) -> Rig:
    out = rig.copy()
    out[:, BITING] = np.maximum(out[:, BITING], np.roll(out, 90, axis=0)[:, BITING])
    return out


def open_lips(rig: Rig) -> Rig:
    out = rig.copy()
    out[:, CLOSING] *= 0.4
    return out


def trembling(rig: Rig) -> Rig:
    return rig + np.random.default_rng(0).normal(0, 0.05, rig.shape)


@pytest.mark.parametrize(
    ("lie", "told"),
    [
        (shut, ("open vowels shut", "MLE / still mouth", "AUC mean")),  # one long event, and a true one at that
        (flapping, ("closure precision", "closure false/min", "bite F1", "AUC mean", "MLE / still mouth")),
        (half_false, ("closure F1", "closure precision", "closure false/min")),
        (biting, ("bite F1", "bite false/min")),
        (open_lips, ("closure F1", "closure recall")),
        (lambda rig: still(rig)["mean"], ("closure F1", "bite F1", "MLE / still mouth", "lips / phones known")),
        (lambda rig: still(rig)["median"], ("closure F1", "bite F1", "MLE / still mouth", "lips / phones known")),
        (np.zeros_like, ("closure F1", "bite F1", "MLE / still mouth", "lips / phones known", "AUC mean")),
        (lambda rig: np.roll(rig, 7, axis=0), ("closure lag", "AUC mean", "open vowels shut")),
        (lambda rig: 2 * rig, ("lips / phones known", "MLE / still mouth")),
        (lambda rig: 0.4 * rig, ("closure F1", "lips / phones known")),
        (trembling, ("jitter",)),
    ],
    ids="shut flapping half_false biting open_lips mean median zero late huge shy trembling".split(),
)
def test_lies_are_caught(
    lie: Callable[[Rig], Rig], told: tuple[str, ...], true: list[Rig], recordings: list[Recording]
) -> None:
    wrong = found([lie(rig) for rig in true], recordings)
    assert all(name in wrong for name in told), wrong


def test_other_words_are_caught(true: list[Rig], recordings: list[Recording]) -> None:
    """The mouth of somebody who speaks, but who says something else."""
    wrong = found([rig[::-1] for rig in true], recordings)
    assert all(name in wrong for name in ("closure F1", "closure precision", "bite F1", "AUC mean", "MLE"))


def test_a_mouth_that_talks_in_silence_is_caught(true: list[Rig]) -> None:
    talk, quiet = true[0][60:420], np.zeros((360, 174), np.float32)
    resting = {name: quiet for name in nonspeech.sounds()}
    assert faults(nonspeech.rest_of(resting), REST) == []
    for name in resting:
        assert len(faults(nonspeech.rest_of(resting | {name: talk}), REST)) == 1, name
    breath = quiet.copy()
    breath[:, JAW] = 0.15
    assert faults(nonspeech.rest_of(resting | {nonspeech.BREATHS: breath}), REST) == [], "a breath parts the lips"
    assert "nobody speaks" in faults(nonspeech.rest_of(resting | {"music": breath}), REST)[0]
    assert JAW in AREAS["jaw"]


def test_what_is_missing_or_no_number_is_a_fault() -> None:
    bar = Bar("x", 0.2, 0.5)
    assert faults({}, [bar]) == ["x is missing"]
    assert faults({"x": 0.1}, [bar]) == ["x is 0.1, but must be at least 0.2"]
    assert faults({"x": 0.6}, [bar]) == ["x is 0.6, but must be at most 0.5"]
    assert len(faults({"x": float("nan")}, [bar])) == 1
    assert faults({"x": 0.2}, [bar]) == faults({"x": 0.5}, [bar]) == []
    assert all(len(faults({}, bars)) == len(bars) > 0 for bars in (*BARS.values(), EMOTION, NOISE))
