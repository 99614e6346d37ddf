"""A small model to play live, and how a stream is played."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pytest

import medtalk

if TYPE_CHECKING:
    from medtalk.live import Live


class Played(Protocol):
    """The frames (T, 174) of a stream that is pushed in pieces of these lengths, again and again, and ended."""

    def __call__(self, live: Live, samples: np.ndarray, cuts: Sequence[int] = (640,)) -> np.ndarray: ...


@pytest.fixture(scope="session")
def model(tiny_bundle: Path) -> medtalk.Model:
    return medtalk.load(tiny_bundle, threads=1)


@pytest.fixture(scope="session")
def shipped(shipped_bundle: Path) -> medtalk.Model:
    return medtalk.load(shipped_bundle, threads=1)


@pytest.fixture(scope="session")
def played() -> Played:
    """All frames of a stream that is pushed in pieces of these lengths, again and again, and their numbers checked."""

    def play(live: Live, samples: np.ndarray, cuts: Sequence[int] = (640,)) -> np.ndarray:
        found, at, number = [], 0, 0
        while at < len(samples):
            piece = samples[at : at + cuts[number % len(cuts)]]
            found.append(live.push(piece))
            at, number = at + len(piece), number + 1
        found.append(live.finish())
        assert [each.first for each in found] == np.cumsum([0, *(len(each) for each in found[:-1])]).tolist()
        return np.concatenate([each.values for each in found])

    return play
