"""Kinds of a label's face: which leads, and how it changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import medtalk
from medtalk.errors import GuidanceError
from medtalk.guidance import KINDS, LABELS, Part
from medtalk.kinds import LiveDrift, drift
from medtalk.rates import FPS


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 900), st.integers(1, 5), st.integers(0, 2**32))
def test_weights_are_convex_and_smooth(frames: int, kinds: int, seed: int) -> None:
    weights = drift(frames, kinds, np.random.default_rng(seed))
    assert weights.shape == (frames, kinds) and weights.dtype == np.float32
    assert (weights >= 0.0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-5)
    if frames > 1:
        assert np.abs(np.diff(weights, axis=0)).max() < 0.02


def test_the_seed_chooses_the_leader() -> None:
    means = np.array([drift(20 * FPS, 3, np.random.default_rng(seed)).mean(axis=0) for seed in range(60)])
    leaders = np.bincount(means.argmax(axis=1), minlength=3)
    assert leaders.min() >= 8
    assert 0.45 < means.max(axis=1).mean() < 0.85  # it leads, and is not alone


def test_another_kind_comes_up_within_a_line() -> None:
    """Over 20 s the leader's share changes by a good part, in nearly every take."""
    ranges = [np.ptp(drift(20 * FPS, 3, np.random.default_rng(seed)).max(axis=1)) for seed in range(40)]
    assert np.median(ranges) > 0.3


def test_a_preferred_kind_leads_whatever_the_seed() -> None:
    for seed in range(20):
        weights = drift(20 * FPS, 3, np.random.default_rng(seed), preferred=1)
        assert weights.mean(axis=0).argmax() == 1 and weights[:, 1].mean() > 0.6


def test_a_preference_alone_changes_no_other_chance() -> None:
    free, bound = (drift(300, 3, np.random.default_rng(3), preferred) for preferred in (None, 0))
    ratio = [np.log(each[:, 1] / each[:, 2]) for each in (free, bound)]
    leader = int(np.random.default_rng(3).integers(3))
    shift = {1: 1.4, 2: -1.4}.get(leader, 0.0)
    np.testing.assert_allclose(ratio[0] - ratio[1], shift, atol=1e-4)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 70), max_size=8), st.integers(0, 2**32), st.sampled_from([None, 1]))
def test_a_stream_drifts_as_a_clip_does_however_it_is_cut(cut: list[int], seed: int, preferred: int | None) -> None:
    whole = drift(sum(cut), 3, np.random.default_rng(seed), preferred, 2)
    going = LiveDrift(3, np.random.default_rng(seed), preferred, 2)
    parts = [going.next(frames) for frames in cut]
    np.testing.assert_array_equal(np.concatenate([np.zeros((0, 3), np.float32), *parts]), whole)


def test_a_stream_drifts_for_ever_and_may_begin_anywhere() -> None:
    going = LiveDrift(3, np.random.default_rng(1))
    going.frame = 240 * FPS
    np.testing.assert_array_equal(going.next(60 * FPS), drift(300 * FPS, 3, np.random.default_rng(1))[240 * FPS :])
    going.frame = 24 * 3600 * FPS
    day = going.next(60 * FPS)
    assert np.ptp(day, axis=0).min() > 0.1 and np.abs(np.diff(day, axis=0)).max() < 0.02


def test_kinds_have_names_that_fit_the_bundle() -> None:
    assert tuple(KINDS) == LABELS and {len(set(names)) for names in KINDS.values()} == {3}
    vectors = np.zeros((3, 256), np.float32)
    assert Part(vectors, label="angry", kind="cold").leader == 1
    assert Part(vectors, label="angry").leader is None
    assert Part(vectors[:1], label="angry", kind="cold").leader is None  # of a bundle with one kind
    assert Part(vectors).leader is None


@pytest.mark.parametrize("label", LABELS)
def test_the_tables_have_the_same_kinds(label: str, root) -> None:  # type: ignore[no-untyped-def]
    import json

    faces = json.loads((root / "assets" / "poses" / "emotions.json").read_text("utf-8"))
    assert tuple(faces[label]) == KINDS[label]


def test_a_kind_that_does_not_exist_is_refused_and_one_that_does_is_in_the_meta(sample: Path) -> None:
    performance = medtalk.load().perform(sample, "")
    assert performance.decode("angry", kinds={"mad": "cold"}).meta["kinds"] == {"angry": "cold"}
    assert "kinds" not in performance.decode("angry").meta
    for kinds, said in (
        ({"angry": "warm"}, "Unknown kind 'warm' of angry; valid are hot, cold, contemptuous."),
        ({"bored": "warm"}, "The mood bored is no label; valid are angry"),
    ):
        with pytest.raises(GuidanceError, match=said):
            performance.decode("angry", kinds=kinds)
