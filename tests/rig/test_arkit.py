"""ARKit blendshapes, both ways."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from medtalk.errors import RigError
from medtalk.rig import ARKIT, ARKIT_NAMES, RigSequence, from_arkit, indices, to_arkit
from medtalk.rig.arkit import ARKIT_MATRIX
from medtalk.rig.channels import INDEX, MAXIMUM, MINIMUM, N_CHANNELS


def shape(name: str) -> int:
    return ARKIT_NAMES.index(name)


def test_matrix_equals_the_table(shared: Path) -> None:
    theirs = np.zeros((N_CHANNELS, 52))
    with (shared / "arkit_to_faceboard.csv").open() as file:
        for row in csv.DictReader(file):
            theirs[INDEX[f"{row['control']}-{row['axis']}"], shape(row["arkit_blendshape"])] = float(row["value_at_1"])
    np.testing.assert_array_equal(ARKIT_MATRIX, theirs)


def test_names_are_in_the_order_of_the_app() -> None:
    assert len(set(ARKIT_NAMES)) == 52
    places = {"EyeBlinkLeft": 0, "EyeBlinkRight": 7, "JawForward": 14, "JawRight": 15, "JawLeft": 16, "JawOpen": 17}
    assert {name: shape(name) for name in places} == places
    assert ARKIT_NAMES[-3:] == ("NoseSneerLeft", "NoseSneerRight", "TongueOut")
    assert set(ARKIT["CTRL_C_jaw-translateX"]) == {"JawLeft", "JawRight"}


def test_weights_are_the_bounded_least_squares_solution() -> None:
    values = np.random.default_rng(3).uniform(-1.2, 1.4, (40, N_CHANNELS))
    values[:, indices("C_eye")] = 0.0
    names, weights = to_arkit(RigSequence(values))
    assert names == ARKIT_NAMES
    assert weights.dtype == np.float32
    assert ((weights >= 0.0) & (weights <= 1.0)).all()
    clipped = values.copy()
    clipped[:, indices("[LR]_eye")] = np.clip(clipped[:, indices("[LR]_eye")], -1.0, 1.0)
    for frame, ours in zip(clipped, weights.astype(np.float64), strict=True):
        best = lsq_linear(ARKIT_MATRIX, frame, bounds=(0.0, 1.0), tol=1e-12).x
        cost = np.square(ARKIT_MATRIX @ best - frame).sum()
        assert np.square(ARKIT_MATRIX @ ours - frame).sum() == pytest.approx(cost, rel=1e-6)


def test_opposites_are_never_on_together() -> None:
    values = np.random.default_rng(4).uniform(MINIMUM, MAXIMUM, (60, N_CHANNELS))
    weights = to_arkit(RigSequence(values))[1]
    for one, other in (("JawLeft", "JawRight"), ("EyeBlinkLeft", "EyeWideLeft"), ("EyeLookUpLeft", "EyeLookDownLeft")):
        assert not (weights[:, shape(one)] * weights[:, shape(other)]).any()


def test_there_and_back() -> None:
    weights = np.random.default_rng(5).uniform(0.0, 0.3, (50, 52)).astype(np.float32)
    opposites = [f"Eye{what}{side}" for what in ("Wide", "LookDown", "LookIn") for side in ("Left", "Right")]
    for gone in ("JawLeft", "MouthLeft", *opposites):
        weights[:, shape(gone)] = 0.0
    np.testing.assert_allclose(to_arkit(from_arkit(weights))[1], weights, atol=1e-6)


def test_gaze_of_the_common_control_reaches_both_eyes() -> None:
    values = np.zeros((1, N_CHANNELS))
    values[0, INDEX["CTRL_C_eye-translateX"]] = 0.5
    weights = to_arkit(RigSequence(values))[1][0]
    on = {ARKIT_NAMES[i]: float(weights[i]) for i in np.flatnonzero(weights)}
    assert on == pytest.approx({"EyeLookOutLeft": 0.5, "EyeLookInRight": 0.5})


def test_from_arkit_keeps_the_limits_of_the_board() -> None:
    rig = from_arkit(np.ones((2, 52)), 30.0, {"from": "phone"})
    assert rig.fps == 30.0
    assert rig.meta == {"from": "phone"}
    assert ((rig.values >= MINIMUM) & (rig.values <= MAXIMUM)).all()


@pytest.mark.parametrize("weights", [np.zeros((3, 51)), np.zeros(52), np.zeros((0, 52)), np.full((1, 52), np.nan)])
def test_what_are_no_weights_is_refused(weights: np.ndarray) -> None:
    with pytest.raises(RigError, match="ARKit weights must be"):
        from_arkit(weights)
