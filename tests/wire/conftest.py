"""Fixtures: little sidecars as programs of their own, and clients that are closed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medtalk_wire import Client, Connection, Sound
from medtalk_wire.connection import read_connection

LITTLE_SIDECAR = Path(__file__).parents[1] / "helpers" / "little_sidecar.py"
DEADLINE = 30.0
"""Seconds after which a test that waits has failed; far more than anything takes."""


def wait_until(condition: Callable[[], object], client: Client | None = None) -> None:
    """Return when the condition holds; polls the client meanwhile."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "it never came"
        if client:
            client.poll(0.01)
        else:
            time.sleep(0.01)


class LittleSidecar:
    """`little_sidecar.py` as a process that is ready: its connection file is written."""

    def __init__(self, file: Path, behaviour: str, *options: object) -> None:
        self.file, self.output = file, file.with_suffix(f".{time.monotonic_ns()}.txt")
        before = file.read_bytes() if file.exists() else b""
        words = [sys.executable, str(LITTLE_SIDECAR), str(file), behaviour]
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen([*words, *map(str, options)], stdout=output)
        wait_until(lambda: self.process.poll() is not None or (file.exists() and file.read_bytes() != before))
        assert self.process.poll() is None, "it ended at once"

    @property
    def connection(self) -> Connection:
        return read_connection(self.file)

    @property
    def port(self) -> int:
        return int(self.connection.address.rsplit(":", 1)[1])

    def got(self, type: str) -> list[str]:
        """The ids of the messages of that type that it got."""
        lines = [line.split() for line in self.output.read_text().splitlines()]
        return [line[1] for line in lines if len(line) == 2 and line[0] == type]

    def freeze(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def until() -> Callable[..., None]:
    """Waits for a condition, and polls a client meanwhile."""
    return wait_until


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., LittleSidecar]]:
    """Starts a little sidecar of the given behaviour; all have the same connection file."""
    started: list[LittleSidecar] = []

    def run(behaviour: str = "good", *options: object) -> LittleSidecar:
        started.append(LittleSidecar(tmp_path / "run" / "sidecar.json", behaviour, *options))
        return started[-1]

    (tmp_path / "run").mkdir()
    yield run
    for sidecar in started:
        sidecar.kill()


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    """Makes a client for a little sidecar or a `Connection`."""
    clients: list[Client] = []

    def make(to: LittleSidecar | Connection, **settings: object) -> Client:
        connection = to.connection if isinstance(to, LittleSidecar) else to
        clients.append(Client(connection, **{"patience": DEADLINE, **settings}))  # pyright: ignore
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients ask sooner when they hear nothing."""
    monkeypatch.setattr("medtalk_wire.exchange.QUIET", 0.3)
    monkeypatch.setattr("medtalk_wire.exchange.SOON", 0.1)


@pytest.fixture
def voice() -> Sound:
    """A sound of 100 bytes."""
    return Sound.from_bytes(bytes(range(100)), "voice.wav")
