"""A studio that all tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import medtalk
from medtalk.perform import Model
from tests.helpers.studios import Studio


@pytest.fixture(scope="session")
def model() -> Model:
    """The model that ships, on one core."""
    return medtalk.load(threads=1)


@pytest.fixture(scope="session")
def studio(model: Model, sample: Path) -> Iterator[Studio]:
    """A studio that opens with the sample."""
    with Studio(model, sample) as running:
        yield running


@pytest.fixture
def sound(studio: Studio) -> str:
    """The id of that sound."""
    return studio.get("start").json["sound"]["id"]
