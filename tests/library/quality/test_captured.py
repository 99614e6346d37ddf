"""A rig beside a captured one: nothing between a rig and itself, and known errors where one is spoiled."""

from __future__ import annotations

import numpy as np
import pytest

from medtalk.errors import RigError
from medtalk.quality.captured import beside, mtm_ms, vertex_errors
from medtalk.quality.surface import lip_vertices
from medtalk.rig.channels import indices
from medtalk.rig.head import load_head
from medtalk.rig.sequence import RigSequence
from tests.library.quality.faces import shifted, speaking


def test_a_rig_beside_itself_has_no_error_and_a_still_face_has() -> None:
    found = beside(speaking(), speaking())
    assert found["MTM, ms"] == found["LVE, mm"] == found["vertex error, mm"] == found["MLE"] == 0.0
    assert found["LVE, mm, still face"] > 1.0 and found["MLE, still face"] > 0.01
    assert found["LVE, mm, still face"] > found["vertex error, mm, still face"] > 0.0


def test_a_frame_rate_is_no_error() -> None:
    found = beside(speaking().resample(30.0), speaking())
    assert found["MTM, ms"] < 17.0 and found["LVE, mm"] < 0.5 * found["LVE, mm, still face"]


@pytest.mark.parametrize("frames", [2, -4])
def test_late_lips_are_that_late(frames: int) -> None:
    """On openings that rise and fall every half second, so that no extremum goes with its neighbour's."""
    opening = 5.0 + 4.0 * np.sin(2 * np.pi * np.arange(600) / 30) * np.linspace(0.8, 1.2, 600)
    late = mtm_ms(np.roll(opening, frames), opening)
    assert late == pytest.approx(abs(frames) * 1000 / 60, abs=2.0)
    assert beside(shifted(speaking(), frames), speaking())["MTM, ms"] == pytest.approx(abs(frames) * 1000 / 60, abs=17)


def test_no_misalignment_of_what_does_not_move() -> None:
    assert mtm_ms(np.zeros(100), np.sin(np.arange(100) / 5)) is None
    assert mtm_ms(np.sin(np.arange(100) / 5), np.zeros(100)) is None
    assert "MTM, ms" not in beside(RigSequence(np.zeros((240, 174))), speaking())


def test_vertex_errors_are_those_of_the_head() -> None:
    """Of a jaw that is .1 too far open, which the shape of the head itself says in mm."""
    truth = np.zeros((30, 174), np.float32)
    found = truth.copy()
    found[:, indices("C_jaw.Y")] = 0.1
    moved = np.linalg.norm(
        np.diff(load_head().trace(np.stack([truth[0], found[0]]), lip_vertices()), axis=0)[0], axis=-1
    )
    largest, mean = vertex_errors(found, truth)
    assert largest == pytest.approx(moved.max(), rel=1e-4) and 0.0 < mean < largest


def test_another_clip_is_refused() -> None:
    with pytest.raises(RigError, match=r"lasts 4\.00 s and the captured one 3\.00 s.*same clip"):
        beside(speaking(), speaking().slice(0.0, 3.0))
    assert beside(speaking(), speaking().slice(0.0, 3.75))["LVE, mm"] == 0.0, "a quarter of a second is an edge"
