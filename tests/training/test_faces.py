"""The judge of emotions on the surface of the head, fitted on a pose library that is not ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medtalk.guidance import LABELS, NEUTRAL
from medtalk.rig.channels import N_CHANNELS
from medtalk_train.measure.faces import FaceJudge, read_library, spoken

CHANCE = 1.0 / len(LABELS)


@pytest.fixture(scope="module")
def library(shared: Path) -> Path:
    return shared / "poses"


@pytest.mark.parametrize("left_out", [1, 2, 3])
def test_it_names_poses_that_it_never_saw(library: Path, left_out: int) -> None:
    """Each but the faintest, which look like nothing much, laid over mouths that it never saw either."""
    judge, (poses, visemes) = FaceJudge.fit(library, left_out), read_library(library)
    rng = np.random.default_rng(5)
    right = [
        judge.scores(spoken(pose[left_out], visemes, rng, 20)).argmax(axis=1) == LABELS.index(label)
        for label, pose in poses.items()
    ]
    assert np.mean(right) >= 0.75 > 4 * CHANCE


def test_a_face_at_rest_is_neutral_however_it_speaks(library: Path) -> None:
    judge, (_, visemes) = FaceJudge.fit(library), read_library(library)
    mouths = spoken(np.zeros(N_CHANNELS), visemes, np.random.default_rng(7), 40)
    assert np.mean(judge.scores(mouths).argmax(axis=1) == LABELS.index(NEUTRAL)) >= 0.9
    assert judge.label(np.zeros((30, N_CHANNELS), np.float32)) == NEUTRAL
