"""Real sidecars: processes of `medtalk serve` on a port of their own, and bare sockets that talk to them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq
from medtalk_wire import Connection, find_connection
from medtalk_wire.protocol import FINAL, Message, pack, unpack

PATIENCE = 60.0
"""Seconds after which a test gives up: a guard against hanging, not a measure."""


class Sidecar:
    """A running `medtalk serve`."""

    def __init__(self, folder: Path, *options: object, environment: dict[str, str] | None = None) -> None:
        self.file = folder / "sidecar.json"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "medtalk.cli", "serve", "--port", "0", "--threads", "1",
             "--connection-file", self.file, *map(str, options)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})},
        )  # fmt: skip

    def wait_until_ready(self) -> Sidecar:
        """Read its one line; fails with what it said on stderr if it ended instead."""
        assert self.process.stdout is not None and self.process.stderr is not None
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the sidecar did not start: {self.process.stderr.read()}")
        self.line = line.strip()
        return self

    @property
    def connection(self) -> Connection:
        """How to reach it."""
        return find_connection(str(self.file))

    def close(self) -> None:
        """Kill it, however it is."""
        self.process.kill()
        self.process.communicate(timeout=PATIENCE)


class Raw:
    """A bare DEALER: sends what a well-behaved client would not."""

    def __init__(self, connection: Connection, token: str | None = None) -> None:
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.plain_username = b"medtalk"
        self.socket.plain_password = (connection.token if token is None else token).encode()
        self.socket.connect(connection.address)

    def send(self, message: Message) -> Message:
        """Send as it is; gives the message back."""
        self.socket.send_multipart(pack(message))
        return message

    def receive(self, seconds: float = PATIENCE) -> Message:
        """The next message, whatever it is."""
        assert self.socket.poll(int(1000 * seconds)), "no message came"
        return unpack(self.socket.recv_multipart())

    def ask(self, kind: str, body: dict[str, Any] | None = None, **more: Any) -> Message:
        """Send a request and give the first message that answers it."""
        request = self.send(Message(kind, body or {}, **more))
        while True:
            answer = self.receive()
            if answer.parent == request.id:
                return answer

    def last(self, request: Message) -> Message:
        """The last message of the job `request`."""
        while True:
            answer = self.receive()
            if answer.parent == request.id and answer.type in FINAL:
                return answer

    def close(self) -> None:
        self.socket.close()
        self.context.term()


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


@pytest.fixture
def raw(sidecar: Sidecar) -> Iterator[Raw]:
    """A bare socket to the shared sidecar, which still answers when the test has ended."""
    socket = Raw(sidecar.connection)
    yield socket
    socket.close()
    after = Raw(sidecar.connection)
    assert after.ask("ping").type == "ping_reply"
    after.close()


def until(true: Callable[[], Any], what: str) -> None:
    """Wait until `true()`."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.005)
