"""A live face: the same frames however the sound is cut, at their times, and errors that say what is valid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import medtalk
from medtalk.errors import GuidanceError, SettingError
from tests.helpers.sounds import babble


@pytest.fixture(scope="module")
def model(tiny_bundle: Path) -> medtalk.Model:
    return medtalk.load(tiny_bundle, threads=1)


def played(live, samples: np.ndarray, cuts: list[int]) -> np.ndarray:
    """All frames of a stream that is pushed in pieces of these lengths, again and again."""
    found, at, number = [], 0, 0
    while at < len(samples):
        piece = samples[at : at + cuts[number % len(cuts)]]
        found.append(live.push(piece))
        at, number = at + len(piece), number + 1
    found.append(live.finish())
    assert [each.first for each in found] == np.cumsum([0, *(len(each) for each in found[:-1])]).tolist()
    return np.concatenate([each.values for each in found])


def test_the_cuts_of_the_sound_change_nothing(model: medtalk.Model) -> None:
    sound = babble(2.0)
    regular = played(model.live("happy"), sound, [640])
    assert regular.shape == (120, 174)
    assert np.array_equal(played(model.live("happy"), sound, [1, 7, 3000, 331, 15999]), regular)


def test_what_is_not_valid_is_said(model: medtalk.Model) -> None:
    for setting in ({"look_ahead": 2.0}, {"look_ahead": -0.1}, {"step": 0.5}, {"rate": 4000}, {"rate": 44100.5}):
        with pytest.raises(SettingError, match="valid"):
            model.live(**setting)
    with pytest.raises(GuidanceError, match="whole sound"):
        model.live("auto")
