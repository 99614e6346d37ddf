"""Real sidecars as processes, and bare sockets that talk to them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import zmq

from medtalk_wire.connection import Connection, find_connection
from medtalk_wire.protocol import FINAL, Message, pack, unpack

PATIENCE = 60
"""Seconds after which a test gives up: a guard against hanging, not a measure."""
SEES = ["image"] if find_spec("mediapipe") else []
"""What a sidecar with a bundle of the kind compact takes beside the rest where the extra `picture` is installed."""


class Sidecar:
    """A running `medtalk serve`."""

    def __init__(
        self, folder: Path, *options: object, environment: dict[str, str] | None = None, published: bool = False
    ) -> None:
        """`published`: it puts its connection file where all may find it."""
        self.file = folder / "sidecar.json"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "medtalk", "serve", "--port", "0", "--threads", "1",
             *([] if published else ["--connection-file", self.file]), *map(str, options)],
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


open_sockets: list[Raw] = []
"""Those that a test has not closed: to leave them to the garbage collector could hang it."""


class Raw:
    """A bare DEALER: sends what a well-behaved client would not."""

    def __init__(self, connection: Connection, token: str | None = None) -> None:
        open_sockets.append(self)
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

    def receive(self, seconds: int = PATIENCE) -> Message:
        """The next message, whatever it is."""
        assert self.socket.poll(1000 * seconds), "no message came"
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
        if self in open_sockets:
            open_sockets.remove(self)


def talk(address: str, secure: Callable[[zmq.Socket[bytes]], None], words: str, seconds: int = 5) -> bool:
    """Ask hello with `words` through `address`; whether an answer came within the seconds."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as client:
        client.linger = 0
        secure(client)
        client.connect(address)
        client.send_multipart(pack(Message("hello", {"client": words})))
        return bool(client.poll(1000 * seconds))


def until(true: Callable[[], Any], what: str) -> None:
    """Wait until `true()`."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.005)
