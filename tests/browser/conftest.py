"""A browser that all tests of pages share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers.browser import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with Browser() as chromium:
        yield chromium
