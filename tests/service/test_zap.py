"""The door: what is answered to ZeroMQ's question who may come in, and what happens when nobody answers any more."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from medtalk.service.keys import new_keys
from medtalk.service.listener import Listener
from medtalk.service.zap import Doorkeeper
from medtalk_wire.connection import find_connection, read_connection
from tests.helpers.sidecars import PATIENCE, Raw, talk, until

Ask = zmq.Socket[bytes]


def asked(
    *credentials: bytes, version: bytes = b"1.0", domain: bytes = b"d", mechanism: bytes = b"PLAIN"
) -> list[bytes]:
    """A request as libzmq makes it."""
    return [version, b"7", domain, b"127.0.0.1", b"", mechanism, *credentials]


@pytest.fixture
def ask() -> Iterator[Ask]:
    """What asks a doorkeeper who knows `user` with the password `secret`."""
    context = zmq.Context()
    keeper = Doorkeeper(context, b"d", b"PLAIN", {(b"user", b"secret")}, lambda: None)
    keeper.start()
    with context.socket(zmq.REQ) as socket:
        socket.connect("inproc://zeromq.zap.01")
        yield socket
        assert keeper.is_alive()
    context.term()
    keeper.join(PATIENCE)
    assert not keeper.is_alive() and keeper.broken is None


def status(ask: Ask, frames: list[bytes]) -> bytes:
    """What is answered to `frames`, as libzmq checks it."""
    ask.send_multipart(frames)
    assert ask.poll(1000 * PATIENCE), "no answer"
    version, number, status, text, _user, metadata = ask.recv_multipart()
    assert version == b"1.0" and number == (frames[1] if len(frames) > 1 else b"") and metadata == b"" and text
    return status


def test_one_who_is_known_comes_in(ask: Ask) -> None:
    assert status(ask, asked(b"user", b"secret")) == b"200"


@pytest.mark.parametrize(
    "frames",
    [
        asked(b"user", b"secreT"), asked(b"user", b""), asked(b"", b"secret"), asked(b"user", b"\xff" * 255),
        asked(b"user"), asked(), asked(b"user", b"secret", b"more"), asked(b"user", b"secret", domain=b"e"),
        asked(b"user", b"secret", domain=b""), asked(b"user", b"secret", mechanism=b"CURVE"),
        asked(mechanism=b"NULL"), asked(b"user", b"secret", version=b"2.0"), asked(b"user", b"secret", version=b""),
        [b""], [b"1.0"], [b"1.0", b"9"], [b"1.0", b"9", b"d", b"", b""], [b"\xff" * 70_000] * 40,
    ],
)  # fmt: skip
def test_everybody_else_stays_outside(ask: Ask, frames: list[bytes]) -> None:
    assert status(ask, frames) == b"400"
    assert status(ask, asked(b"user", b"secret")) == b"200", "the door is kept as before"


@pytest.mark.slow
@pytest.mark.parametrize("keyed", [False, True])
def test_where_nobody_keeps_the_door_it_is_shut(tmp_path: Path, keyed: bool) -> None:
    new_keys(tmp_path / "keys")
    new_keys(tmp_path / "stranger")
    broken: list[str] = []
    listener = Listener("127.0.0.1", 0, tmp_path / "keys" if keyed else None, 1000, lambda: broken.append("broken"))
    try:
        kill(listener._doorkeeper)

        def secure(client: zmq.Socket[bytes]) -> None:
            if keyed:
                client.curve_serverkey = find_connection("127.0.0.1:1", tmp_path / "keys" / "client").server_key
                client.curve_publickey, client.curve_secretkey = zmq.curve_keypair()
            else:
                client.plain_username, client.plain_password = b"medtalk", listener.token.encode()

        with zmq.Context() as context, context.socket(zmq.DEALER) as client:
            client.linger = 0
            secure(client)
            client.connect(listener.address)
            until(lambda: broken, "the thread ends at the next handshake")
            assert not talk(listener.address, secure, "anybody", 1), "nobody answers, but the message might have come"
            client.send(b"let me in")
            assert not listener.socket.poll(500)
    finally:
        listener.close()


def kill(thread: Doorkeeper) -> None:
    """Have the thread end with an error as soon as it runs."""
    assert ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(OSError)) == 1


def serve(program: str, *options: object) -> subprocess.Popen[str]:
    """`medtalk serve` in a process that runs the lines of `program` first."""
    text = f"{program}\nfrom medtalk.cli.app import main\nmain()"
    words = [sys.executable, "-c", text, "serve", "--port", "0", "--threads", "1", *map(str, options)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_it_lets_in_without_an_event_loop(tiny_bundle: Path, tmp_path: Path) -> None:
    """As on Windows, where pyzmq's own authenticator needs tornado."""
    windows = (
        "import asyncio, zmq.asyncio\n"
        "asyncio.ProactorEventLoop = type(asyncio.new_event_loop())\n"
        "zmq.asyncio._get_selector = zmq.asyncio._get_selector_windows"
    )
    file = tmp_path / "s.json"
    process = serve(windows, "--bundle", tiny_bundle, "--connection-file", file)
    try:
        until(lambda: file.exists() or process.poll() is not None, "it is ready")
        client = Raw(read_connection(file))
        assert client.ask("ping").type == "ping_reply"
        assert client.ask("shutdown").type == "shutdown_reply"
        client.close()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a signal of POSIX")
def test_a_sidecar_that_can_let_nobody_in_ends(tiny_bundle: Path, tmp_path: Path) -> None:
    deadly = (
        "import signal, threading\n"
        "from tests.service.test_zap import kill\n"
        "door = lambda *_: [kill(each) for each in threading.enumerate() if each.name == 'medtalk-doorkeeper']\n"
        "signal.signal(signal.SIGUSR1, door)"
    )
    file = tmp_path / "s.json"
    process = serve(deadly, "--bundle", tiny_bundle, "--connection-file", file)
    try:
        until(lambda: file.exists() or process.poll() is not None, "it is ready")
        inside = Raw(read_connection(file))
        assert inside.ask("ping").type == "ping_reply"
        process.send_signal(signal.SIGUSR1)
        late = Raw(read_connection(file))  # at whose handshake the thread falls
        _, err = process.communicate(timeout=PATIENCE)
        assert (
            process.returncode == 1 and len(err.splitlines()) == 1 and "could no longer let clients in: OSError" in err
        )
        assert not file.exists()
        inside.close()
        late.close()
    finally:
        process.kill()
        process.communicate()
