"""Eq. 15 to 18 against numbers worked out by hand, and the still mouths beside them."""

from __future__ import annotations

import numpy as np
import pytest

from medtalk.model.intensity import intensity
from medtalk.quality.baselines import (
    emotion_error,
    intensity_error,
    mouth_error,
    paper_metrics,
    still,
    upper_face_deviations,
)  # fmt: skip
from medtalk.rig.channels import S_EMO, S_INT, S_LIP, S_UP

LIPS_ONLY = int(np.setdiff1d(S_LIP, S_EMO)[0])
CORNER = int(np.setdiff1d(S_EMO, S_UP)[0])  # of the emotion, but not of the upper face
BROW = int(np.intersect1d(S_INT, S_UP)[0])
NOWHERE = int(np.setdiff1d(np.arange(174), np.concatenate([S_LIP, S_EMO, S_INT]))[0])


def rigs() -> tuple[np.ndarray, np.ndarray]:
    """(found, truth) of two frames, equal but where a test changes them."""
    truth = np.full((2, 174), 0.2)
    return truth.copy(), truth


def test_the_sets_are_those_of_the_metrics() -> None:
    assert (len(S_LIP), len(S_EMO), len(S_UP), len(S_INT)) == (66, 62, 30, 14)
    assert not np.intersect1d(S_LIP, S_EMO).size and np.isin(S_UP, S_EMO).all()


def test_mouth_error() -> None:
    """Eq. 15: .3 too much in one frame and .1 too little in the other, of one of the lips' channels."""
    found, truth = rigs()
    found[:, LIPS_ONLY] += (0.3, -0.1)
    found[:, [CORNER, BROW, NOWHERE]] += 0.5
    assert mouth_error(found, truth) == pytest.approx(0.4 / (2 * len(S_LIP)))


def test_emotion_error() -> None:
    """Eq. 16: .5 in both frames of a corner and .2 in one frame of a brow."""
    found, truth = rigs()
    found[:, CORNER] -= 0.5
    found[1, BROW] += 0.2
    found[:, [LIPS_ONLY, NOWHERE]] += 0.7
    assert emotion_error(found, truth) == pytest.approx(1.2 / (2 * len(S_EMO)))


def test_intensity_error_has_no_factor() -> None:
    """Eq. 17: Int is the sum of 14 channels' absolute values (Eq. 8), 2.8 in truth; found are 3.1 and 2.5."""
    found, truth = rigs()
    found[:, BROW] += (0.3, -0.3 - 0.2)  # .5, and -.3, whose absolute value is .1 more
    assert np.abs(found[:, S_INT]).sum(axis=1) == pytest.approx([3.1, 2.9])
    assert intensity_error(found, truth) == pytest.approx((0.3 + 0.1) / 2)
    assert intensity(truth) == pytest.approx(0.28), "what the networks use has the release's factor"


def test_deviations_of_the_upper_face() -> None:
    """Eq. 18: the truth's brow goes 0, .4 (deviation .2), the one found 0, .1 (.05); the corners do not count."""
    found, truth = rigs()
    truth[:, BROW], found[:, BROW] = (0.0, 0.4), (0.0, 0.1)
    truth[:, CORNER] = (0.0, 1.0)
    assert upper_face_deviations(found, truth).sum() == pytest.approx(0.15)
    assert paper_metrics([(found, truth)])["FRD"] == pytest.approx(0.15 / len(S_UP))
    assert paper_metrics([(truth, found)])["FRD"] == pytest.approx(-0.15 / len(S_UP))


def test_errors_of_two_clips_cancel_in_frd_alone() -> None:
    found, truth = rigs()
    truth[:, BROW], found[:, BROW] = (0.0, 0.4), (0.0, 0.1)
    both = paper_metrics([(found, truth), (truth, found)])
    assert both["FRD"] == pytest.approx(0.0) and both["FRD absolute"] == pytest.approx(0.15 / len(S_UP))
    assert both["MEE"] == pytest.approx(0.3 / (2 * len(S_EMO))) and both["EIE"] == pytest.approx(0.3 / 2)
    assert both["MLE"] == 0.0


def test_a_mouth_held_still() -> None:
    """One channel at 0, 0, 0, .8: mean .2, median 0, so holding costs 1.2 and .8 in four frames."""
    truth = np.zeros((4, 174))
    truth[3, LIPS_ONLY] = 0.8
    held = still(truth)
    assert held["mean"][0, LIPS_ONLY] == pytest.approx(0.2) and not held["median"].any() and not held["zero"].any()
    figures = paper_metrics([(truth * 0.5, truth)])
    count = 4 * len(S_LIP)
    assert figures["MLE still mouth, mean"] == pytest.approx(1.2 / count)
    assert figures["MLE still mouth, median"] == figures["MLE still mouth, zero"] == pytest.approx(0.8 / count)
    assert figures["MLE"] == pytest.approx(0.4 / count) and figures["MLE / still mouth"] == pytest.approx(0.5)
    assert paper_metrics([(held["median"], truth)])["MLE / still mouth"] == pytest.approx(1.0)


def test_a_truth_that_is_still_has_no_ratio() -> None:
    found, truth = rigs()
    assert "MLE / still mouth" not in paper_metrics([(found, truth)])
    with pytest.raises(ValueError, match="need clips"):
        paper_metrics([])
