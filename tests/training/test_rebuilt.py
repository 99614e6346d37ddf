"""How well spaces rebuild recorded faces: by hand, and what is said where they cannot."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from medtalk.rig.channels import S_EMO, S_LIP, S_UP
from medtalk_train.stages.rebuilt import ENOUGH, POSE, PREFIX, rebuilt, too_low


def model(change: Any) -> Any:
    """Spaces that make this of a face."""
    return SimpleNamespace(reconstruct=lambda emotion, _: change(emotion), parameters=lambda: iter([torch.zeros(1)]))


def faces(seed: int, frames: int = 400) -> np.ndarray:
    """All channels move, the lips twice as much; one stands still and is not at rest."""
    values = np.random.default_rng(seed).normal(0.0, 0.1, (frames, 174)).astype(np.float32)
    values[:, S_LIP] *= 2.0
    values[:, 0] = 0.3
    return values


AREAS = ("mouth", "emotion", "upper face", "whole face")
R2, POSES = ([f"{start}{area}" for area in AREAS] for start in (PREFIX, POSE))


def of(names: list[str], figures: dict[str, float]) -> dict[str, float]:
    return {name: figures[name] for name in names}


def test_the_figures_by_hand() -> None:
    truth = faces(0)
    rest = torch.from_numpy(truth.mean(0))
    for share in (1.0, 0.7, 0.0):
        found = rebuilt(model(lambda rig, share=share: rest + share * (rig - rest)), {"set": [truth]})
        assert list(found) == [*R2, *POSES]
        assert of(R2, found) == pytest.approx(dict.fromkeys(R2, 1.0 - (1.0 - share) ** 2), abs=1e-4)
        assert of(POSES, found) == pytest.approx(dict.fromkeys(POSES, 0.0), abs=1e-6)
    lips = torch.zeros(174)
    lips[torch.from_numpy(S_LIP.copy())] = 1.0
    found = rebuilt(model(lambda rig: rest + lips * (rig - rest)), {"set": [truth]})
    assert found[R2[0]] == pytest.approx(1.0) and found[R2[1]] == pytest.approx(0.0, abs=1e-4)
    moved = 4 * len(S_LIP) / (4 * len(S_LIP) + 174 - len(S_LIP) - (0 not in S_LIP))
    assert found[R2[3]] == pytest.approx(moved, rel=0.02), "by variance, and channels that stand still are none"
    assert len(S_EMO) > len(S_UP)
    worse = rebuilt(model(lambda rig: -rig), {"set": [truth]})
    assert worse[R2[3]] < -1.0


def test_a_face_that_stands_still_scores_nothing_however_takes_differ() -> None:
    """Actors, emotions and data sets that lie far apart: a decoder of their poses alone rebuilds no motion."""
    takes = [faces(k, 120) + np.float32(0.4 * k) for k in range(4)]
    still = model(lambda rig: rig.mean(0).expand_as(rig))
    for sets in ({"one": takes}, {"one": takes[:2], "other": takes[2:]}):
        found = rebuilt(still, sets)
        assert of(R2, found) == pytest.approx(dict.fromkeys(R2, 0.0), abs=1e-4)
        assert of(POSES, found) == pytest.approx(dict.fromkeys(POSES, 0.0), abs=1e-6)
    off = rebuilt(model(lambda rig: rig + 0.05), {"one": takes})
    assert of(POSES, off) == pytest.approx(dict.fromkeys(POSES, 0.05), abs=1e-5)
    assert off[R2[1]] == pytest.approx(1.0 - (0.05 / 0.1) ** 2, abs=0.02), "a pose that is off is an error too"


def test_sets_are_told_apart_where_there_are_several() -> None:
    one, other = faces(1), faces(2)
    spaces = model(lambda rig: rig if torch.equal(rig, torch.from_numpy(one)) else torch.zeros_like(rig))
    found = rebuilt(spaces, {"studio": [one], "actors": [other], "none": []})
    assert found[f"{PREFIX}mouth, studio"] == 1.0 and found[f"{PREFIX}mouth, actors"] < 0.01
    assert found[f"{PREFIX}mouth"] == pytest.approx(0.5, abs=0.05) and not any("none" in name for name in found)
    assert rebuilt(spaces, {}) == {}
    still = np.zeros((10, 174), np.float32)
    assert rebuilt(spaces, {"still": [still]}) == {}, "nothing moves, so nothing can be said"
    assert list(rebuilt(spaces, {"still": [still + 0.2]})) == POSES, "but a pose may be off"
    still[:, S_LIP] = 0.2
    found = rebuilt(model(lambda rig: rig + 0.1), {"still": [still]})
    assert found[POSES[3]] == pytest.approx(0.1), "of the channels that are used"
    other = model(lambda rig: torch.where(rig == 0, 0.3, rig))
    assert rebuilt(other, {"still": [still]})[POSES[3]] == pytest.approx(0.0)


def test_what_is_said_where_the_decoder_cannot() -> None:
    good = {f"{PREFIX}mouth": ENOUGH, f"{PREFIX}emotion": 0.95, "MLE": 0.01}
    assert too_low(good) == "" and too_low({"MLE": 0.01}) == ""
    line = too_low({**good, f"{PREFIX}upper face, actors": 0.412})
    assert "(R2 upper face, actors 0.41; 0.8 is enough, 0 is a face that stands still at the mean of each take)" in line
    assert "Let stage 1 learn from more of such takes" in line and "\n" not in line
