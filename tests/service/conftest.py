"""Fixtures: sidecars of a test's own, one that all share, a bare socket to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.sidecars import Raw, Sidecar, open_sockets


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Sidecar]]:
    """Starts sidecars with the options given, each with its own connection file; all are killed in the end."""
    running: list[Sidecar] = []

    def start(*options: object, wait: bool = True, **more: Any) -> Sidecar:
        folder = tmp_path / f"sidecar{len(running)}"
        folder.mkdir()
        running.append(Sidecar(folder, *options, **more))
        return running[-1].wait_until_ready() if wait else running[-1]

    yield start
    for sidecar in running:
        sidecar.close()


@pytest.fixture(scope="session")
def sidecar(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    """One sidecar with a small bundle that all tests share; it must outlive whatever they do to it."""
    shared = Sidecar(tmp_path_factory.mktemp("sidecar"), "--bundle", tiny_bundle).wait_until_ready()
    yield shared
    assert shared.process.poll() is None, "a test has killed the shared sidecar"
    shared.close()


@pytest.fixture(autouse=True)
def _nothing_left_open() -> Iterator[None]:
    """Close the sockets of a test that failed."""
    yield
    for socket in list(open_sockets):
        socket.close()


@pytest.fixture
def raw(sidecar: Sidecar) -> Iterator[Raw]:
    """A bare socket to the shared sidecar, which still answers when the test has ended."""
    socket = Raw(sidecar.connection)
    yield socket
    socket.close()
    after = Raw(sidecar.connection)
    assert after.ask("ping").type == "ping_reply"
    after.close()
