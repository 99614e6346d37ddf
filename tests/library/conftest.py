"""A sidecar for the tests of what the library and it must do alike."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers.sidecars import Sidecar


@pytest.fixture(scope="session")
def sidecar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    """One with the bundle that ships, which all tests share."""
    running = Sidecar(tmp_path_factory.mktemp("shipped")).wait_until_ready()
    yield running
    running.close()
