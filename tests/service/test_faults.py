"""What goes wrong around a sidecar, with real processes: it answers ping afterwards, and nobody waits in vain."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
import zmq
from zmq.utils.monitor import recv_monitor_message

from medtalk.errors import BundleError, SettingError
from medtalk.service import server as server_module
from medtalk.service.keys import new_keys
from medtalk.service.server import Server, ServiceSettings
from medtalk_wire.connection import find_connection
from medtalk_wire.protocol import Message, pack
from tests.helpers.requests import generate
from tests.helpers.sidecars import PATIENCE, Raw, Sidecar, talk, until
from tests.helpers.sounds import babble

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")


@pytest.fixture(scope="module")
def minutes() -> np.ndarray:
    """Ten minutes of sound."""
    return np.tile(babble(10.0, seed=31), 60)


@pytest.fixture
def little_client(root: Path) -> Iterator[Callable[[Sidecar, float], tuple[subprocess.Popen[str], str]]]:
    """Starts client processes; gives each with the id of its accepted job."""
    running: list[subprocess.Popen[str]] = []

    def start(sidecar: Sidecar, seconds: float) -> tuple[subprocess.Popen[str], str]:
        program = [sys.executable, "-m", "tests.helpers.little_client", str(sidecar.file), str(seconds)]
        process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True, cwd=root)
        running.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    yield start
    for process in running:
        process.kill()
        process.communicate(timeout=PATIENCE)


# -- who is let in


@pytest.mark.parametrize(
    ("mechanism", "token", "event"),
    [
        ("plain", "0" * 64, zmq.Event.HANDSHAKE_FAILED_AUTH),
        ("plain", "x", zmq.Event.HANDSHAKE_FAILED_AUTH),
        ("none", "", zmq.Event.HANDSHAKE_FAILED_PROTOCOL),
    ],
)
def test_a_stranger_gets_nothing_without_the_token(sidecar: Sidecar, mechanism: str, token: str, event: int) -> None:
    with zmq.Context() as context, context.socket(zmq.DEALER) as stranger:
        stranger.linger = 0
        if mechanism == "plain":
            stranger.plain_username, stranger.plain_password = b"medtalk", token.encode()
        with stranger.get_monitor_socket() as monitor:
            stranger.connect(sidecar.connection.address)
            stranger.send_multipart(pack(Message("shutdown", {})), zmq.NOBLOCK)
            seen = []
            while event not in seen:
                assert monitor.poll(1000 * PATIENCE)
                seen.append(recv_monitor_message(monitor)["event"])
            assert zmq.Event.HANDSHAKE_SUCCEEDED not in seen
            assert not stranger.poll(300)
            stranger.disable_monitor()
    assert sidecar.process.poll() is None


@pytest.mark.parametrize(
    "words", [b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, b"\0" * 5000, b"\xff\0\0\0\0\0\0\0\1\x7f" * 9]
)
def test_noise_on_the_port_harms_nobody(sidecar: Sidecar, raw: Raw, words: bytes) -> None:
    host, _, port = sidecar.connection.address.removeprefix("tcp://").rpartition(":")
    for _ in range(20):
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as stranger:
            stranger.sendall(words)
    assert raw.ask("ping").type == "ping_reply"


def test_another_address_needs_keys(tiny_bundle: Path) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.com"):
        with pytest.raises(SettingError, match="needs keys"):
            Server(ServiceSettings(host=host, port=0, bundle=tiny_bundle))


@posix
def test_strangers_who_say_nothing_leave_files_for_others(start: Callable[..., Sidecar], tiny_bundle: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (80, hard))  # which the sidecar inherits
    try:
        sidecar = start("--bundle", tiny_bundle)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    process = psutil.Process(sidecar.process.pid)
    host, _, port = sidecar.connection.address.removeprefix("tcp://").rpartition(":")
    strangers = [socket.create_connection((host, int(port)), timeout=PATIENCE) for _ in range(100)]
    until(lambda: process.num_fds() > 100, "all of them are accepted")
    client = Raw(sidecar.connection)
    assert client.ask("ping").type == "ping_reply"
    client.close()
    for each in strangers:
        each.close()


class Eavesdropper:
    """A real TCP proxy that writes down every byte that passes."""

    def __init__(self, address: str) -> None:
        host, _, port = address.removeprefix("tcp://").rpartition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self.heard = bytearray()
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    def _serve(self) -> None:
        near, _ = self._listener.accept()
        far = socket.create_connection(self._target)
        self._ends = [near, far]
        for source, target in ((near, far), (far, near)):
            self._threads.append(threading.Thread(target=self._copy, args=(source, target)))
            self._threads[-1].start()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):  # one side has closed
            while data := source.recv(1 << 16):
                self.heard += data
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for thread in self._threads:
            thread.join(PATIENCE)
        for end in (self._listener, *self._ends):
            end.close()


def test_an_eavesdropper_sees_nothing_through_curve(
    start: Callable[..., Sidecar], tiny_bundle: Path, tmp_path: Path
) -> None:
    new_keys(tmp_path / "keys")
    new_keys(tmp_path / "other")
    keyed = start("--bundle", tiny_bundle, "--host", "127.0.0.1", "--keys", tmp_path / "keys")
    plain = start("--bundle", tiny_bundle)
    mine = find_connection(keyed.line.split()[2].rstrip(","), tmp_path / "keys" / "client")
    others = find_connection(mine.address, tmp_path / "other" / "client")
    words = "the murderer is the gardener"

    def curve(server: bytes, public: bytes, secret: bytes) -> Callable[[zmq.Socket[bytes]], None]:
        def secure(client: zmq.Socket[bytes]) -> None:
            client.curve_serverkey, client.curve_publickey, client.curve_secretkey = server, public, secret

        return secure

    def token(client: zmq.Socket[bytes]) -> None:
        client.plain_username, client.plain_password = b"medtalk", plain.connection.token.encode()

    spy = Eavesdropper(mine.address)
    assert talk(spy.address, curve(mine.server_key, mine.public_key, mine.secret_key), words)
    spy.close()
    assert len(spy.heard) > 5000 and words.encode() not in spy.heard and b"hello" not in spy.heard
    assert b"CTRL_" not in spy.heard

    control = Eavesdropper(plain.connection.address)  # what the spy would have heard
    assert talk(control.address, token, words)
    control.close()
    assert words.encode() in control.heard and b"CTRL_" in control.heard

    # A key that the sidecar does not know, and one for another sidecar.
    assert not talk(mine.address, curve(mine.server_key, others.public_key, others.secret_key), words, 2)
    assert not talk(mine.address, curve(others.server_key, mine.public_key, mine.secret_key), words, 2)
    assert talk(mine.address, curve(mine.server_key, mine.public_key, mine.secret_key), words)


# -- clients that misbehave or die


@posix
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_client_that_dies_or_freezes_before_its_result(
    sidecar: Sidecar, raw: Raw, minutes: np.ndarray, little_client: Callable, number: int
) -> None:
    process, job = little_client(sidecar, 300.0)
    process.send_signal(number)
    until(lambda: raw.ask("ping").body["working"] == 0, "its job ends")
    assert raw.ask("cancel", {"job": job}).body["state"] == "finished"
    assert raw.last(raw.send(generate(babble(0.5)))).type == "result"


def test_the_jobs_of_a_client_that_has_gone_are_given_up(
    tiny_bundle: Path, tmp_path: Path, minutes: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "GONE_SECONDS", 0.2)
    monkeypatch.setattr(server_module, "WAITING_SECONDS", 0.1)
    settings = ServiceSettings(port=0, bundle=tiny_bundle, threads=1, connection_file=tmp_path / "s.json")
    with Server(settings) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            gone, stays = Raw(find_connection(str(tmp_path / "s.json"))), Raw(find_connection(str(tmp_path / "s.json")))
            jobs = [gone.send(generate(minutes[: -k - 1])) for k in range(2)]
            while gone.receive().type != "progress":
                pass
            mine = stays.send(generate(babble(0.5)))
            gone.close()
            assert stays.last(mine).type == "result"
            until(lambda: stays.ask("ping").body["queued"] == 0, "the job that waits is given up")
            until(lambda: stays.ask("ping").body["working"] == 0, "the job that is worked on is given up")
            assert [stays.ask("cancel", {"job": job.id}).body["state"] for job in jobs] == ["unknown", "unknown"]
            short = stays.send(generate(babble(0.5), jobs[0].id))
            assert stays.last(short).type == "result", "the id is free again"
            stays.close()
        finally:
            server.stop()
            thread.join(PATIENCE)
    assert not (tmp_path / "s.json").exists()


def test_a_client_that_never_reads_loses_nothing(sidecar: Sidecar, raw: Raw, minutes: np.ndarray) -> None:
    deaf = Raw(sidecar.connection)
    deaf.socket.rcvhwm = 1
    jobs = [deaf.send(generate(minutes[: 30 * 16000 - k])) for k in range(60)]  # 75 MB of results
    until(lambda: raw.ask("cancel", {"job": jobs[-1].id}).body["state"] != "unknown", "all jobs have arrived")
    assert raw.last(raw.send(generate(babble(0.5)))).type == "result"
    deaf.close()
    until(lambda: raw.ask("ping").body["working"] + raw.ask("ping").body["queued"] == 0, "its jobs end")
    again = raw.last(raw.send(Message("generate", jobs[0].body, jobs[0].id, buffers=jobs[0].buffers)))
    assert again.type == "result"


def test_results_that_nobody_reads_do_not_fill_the_memory(
    start: Callable[..., Sidecar], tiny_bundle: Path, minutes: np.ndarray
) -> None:
    sidecar = start("--bundle", tiny_bundle, "--limit", "max_result_bytes=20000000")
    deaf, other = Raw(sidecar.connection), Raw(sidecar.connection)
    heard = other.last(other.send(generate(minutes[: 60 * 16000]))).body["heard"]
    server = psutil.Process(sidecar.process.pid)
    before = server.memory_info().rss
    for _ in range(40):  # 10 MB each
        deaf.send(Message("decode", {"heard": heard, "fps": 240.0}))
    until(lambda: other.ask("ping").body["queued"] > 0, "the jobs have come")
    until(lambda: (lambda body: body["queued"] + body["working"] == 0)(other.ask("ping").body), "the jobs have ended")
    assert server.memory_info().rss - before < 250e6, "400 MB of results, of which 20 may wait and 20 are kept"
    first = deaf.receive()
    assert first.type == "accepted"
    assert other.last(other.send(generate(babble(0.5)))).type == "result"
    deaf.close()
    other.close()


def test_a_log_that_nobody_reads_does_not_stop_the_sidecar(
    start: Callable[..., Sidecar], tiny_bundle: Path, sidecar: Sidecar
) -> None:
    loud = start("--bundle", tiny_bundle, "--log", "-")  # its stderr is a pipe that this test never reads
    client = Raw(loud.connection)
    for _ in range(3000):
        client.send(Message("nonsense", {}))
    for _ in range(3000):
        assert client.receive().type == "error"
    assert client.ask("shutdown").type == "shutdown_reply"
    assert loud.process.wait(PATIENCE) == 0
    client.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_a_log_on_a_full_disk(start: Callable[..., Sidecar], tiny_bundle: Path) -> None:
    sidecar = start("--bundle", tiny_bundle, "--log", "/dev/full")
    client = Raw(sidecar.connection)
    for _ in range(300):  # more than a buffer holds
        assert client.ask("nonsense").type == "error"
    assert client.ask("shutdown").type == "shutdown_reply"
    client.close()
    _, err = sidecar.process.communicate(timeout=PATIENCE)
    assert sidecar.process.returncode == 0
    assert len(err.splitlines()) == 1 and err.startswith("medtalk: Cannot write the log /dev/full: No space left"), err


@posix
def test_a_signal_while_it_loads(start: Callable[..., Sidecar], tiny_bundle: Path, tmp_path: Path) -> None:
    for seconds in (0.2, 0.35, 0.5):
        sidecar = start("--bundle", tiny_bundle, wait=False)
        time.sleep(seconds)
        sidecar.process.terminate()
        assert sidecar.process.wait(PATIENCE) in (0, -signal.SIGTERM, 128 + signal.SIGTERM)  # before Python is up
        assert not sidecar.file.exists()


LEAVING = """
import os, signal, sys
from medtalk_wire.connection import find_connection
from tests.helpers.sidecars import Raw
for _ in sys.stdin:
    client = Raw(find_connection(sys.argv[1]))
    assert client.ask("ping").type == "ping_reply"
    client.close()
    os.kill(os.getppid(), signal.SIGTERM)
    print(flush=True)
"""


@posix
def test_a_signal_as_a_client_leaves(tiny_bundle: Path, tmp_path: Path, root: Path) -> None:
    """It comes while ZeroMQ is awake and Python is not: overlooked, it would be noticed half a minute later."""
    settings = ServiceSettings(port=0, bundle=tiny_bundle, threads=1, connection_file=tmp_path / "s.json")
    overlooked = 0

    def watch(ended: threading.Event) -> None:
        nonlocal overlooked
        if not ended.wait(10):
            overlooked += 1
            server.stop()

    with Server(settings) as server:
        before = signal.signal(signal.SIGTERM, lambda *_: server.stop())
        words = [sys.executable, "-c", LEAVING, str(tmp_path / "s.json")]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as client:
            assert client.stdin is not None and client.stdout is not None
            for _ in range(100):
                ended = threading.Event()
                thread = threading.Thread(target=watch, args=(ended,))
                thread.start()
                client.stdin.write("\n")
                client.stdin.flush()
                server.run()
                ended.set()
                thread.join(PATIENCE)
                assert client.stdout.readline() == "\n"
                server._stops, server._stopping_since = 0, None  # as if it had just been made
            client.stdin.close()
        signal.signal(signal.SIGTERM, before)
    assert overlooked == 0


def test_a_connection_file_that_was_cleaned_away(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "LOOK_SECONDS", 0.05)
    file = tmp_path / "run" / "s.json"
    settings = ServiceSettings(port=0, bundle=tiny_bundle, threads=1, connection_file=file)
    with Server(settings) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            before = file.read_bytes()
            file.parent.rename(tmp_path / "gone")  # at once: the sidecar may write into it meanwhile
            until(file.exists, "it is written again")
            assert file.read_bytes() == before
            if os.name == "posix":
                assert file.stat().st_mode & 0o777 == 0o600
            file.write_text("another's")
            time.sleep(0.3)
            assert file.read_text() == "another's"
            file.unlink()
            until(file.exists, "it is written again")
        finally:
            server.stop()
            thread.join(PATIENCE)
    assert not file.exists()


def test_two_addresses_with_one_port(
    start: Callable[..., Sidecar], tiny_bundle: Path, tmp_path: Path, medtalk: Callable
) -> None:
    runtime = {"MEDTALK_RUNTIME": str(tmp_path / "runtime")}
    first = start("--bundle", tiny_bundle, environment=runtime, published=True)
    port = first.line.split()[2].rstrip(",").rpartition(":")[2]
    second = start("--bundle", tiny_bundle, "--host", "127.0.0.2", "--port", port, environment=runtime, published=True)
    names = {f"{port}.json", f"127.0.0.2_{port}.json"}
    assert {path.name for path in (tmp_path / "runtime").iterdir()} == names
    second.process.terminate()
    assert second.process.wait(PATIENCE) == 0
    assert [path.name for path in (tmp_path / "runtime").iterdir()] == [f"{port}.json"]


def test_two_hundred_jobs_of_twenty_clients(sidecar: Sidecar, raw: Raw) -> None:
    clients = [Raw(sidecar.connection) for _ in range(20)]
    sounds = [babble(0.3, seed=500 + k) for k in range(10)]
    jobs = [[client.send(generate(sound)) for sound in sounds] for client in clients]
    expected: dict[int, np.ndarray] = {}
    for client, mine in zip(clients, jobs, strict=True):
        for k, job in enumerate(mine):
            last = client.last(job)
            assert last.type == "result", last.body
            rig = np.asarray((last.buffer("rig") or pytest.fail("no rig")).view())
            np.testing.assert_array_equal(rig, expected.setdefault(k, rig))
        client.close()
    assert raw.ask("ping").body["queued"] == 0


def test_cancelling_at_random_moments(raw: Raw, minutes: np.ndarray) -> None:
    dice = random.Random(5)
    codes = []
    for _ in range(25):
        length = dice.choice([16000, 160_000, 3_000_000])
        job = raw.send(generate(minutes[: length - dice.randrange(4000)]))
        time.sleep(dice.choice([0.0, 0.002, 0.02, 0.2]) * dice.random())
        cancel = raw.send(Message("cancel", {"job": job.id}))
        finals = []
        while True:
            message = raw.receive()
            if message.parent == job.id and message.type in ("result", "error"):
                finals.append(message.body.get("code", "done"))
            if message.parent == cancel.id:
                state = message.body["state"]
                break
        assert len(finals) == 1 and (finals[0], state) in (("cancelled", "cancelled"), ("done", "finished"))
        codes.append(finals[0])
    assert "cancelled" in codes
    assert raw.last(raw.send(generate(babble(0.4)))).type == "result"
    assert not raw.socket.poll(100), "nothing came after a last message"


# -- the sidecar's own start and end


def test_two_sidecars_on_one_port(start: Callable[..., Sidecar], tiny_bundle: Path) -> None:
    first = start("--bundle", tiny_bundle)
    port = first.connection.address.rpartition(":")[2]
    second = start("--bundle", tiny_bundle, "--port", port, wait=False)
    out, err = second.process.communicate(timeout=PATIENCE)
    assert (second.process.returncode, out) == (1, "")
    assert len(err.splitlines()) == 1 and f"Port {port} is taken" in err
    assert not second.file.exists()
    client = Raw(first.connection)
    assert client.ask("ping").type == "ping_reply"
    client.close()


def test_a_broken_bundle_at_the_start(start: Callable[..., Sidecar], own_bundle: Path) -> None:
    weights = own_bundle / "decode.onnx"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    sidecar = start("--bundle", own_bundle, wait=False)
    out, err = sidecar.process.communicate(timeout=PATIENCE)
    assert (sidecar.process.returncode, out) == (1, "") and len(err.splitlines()) == 1 and "decode.onnx" in err
    assert not sidecar.file.exists()
    before = set(threading.enumerate())  # libraries that other tests loaded keep threads of their own
    with pytest.raises(BundleError):
        Server(ServiceSettings(port=0, bundle=own_bundle))
    assert set(threading.enumerate()) <= before


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("times", [1, 2])
def test_a_signal_in_the_middle_of_a_job(
    start: Callable[..., Sidecar], tiny_bundle: Path, minutes: np.ndarray, number: int, times: int
) -> None:
    sidecar = start("--bundle", tiny_bundle)
    client = Raw(sidecar.connection)
    working = client.send(generate(np.tile(minutes, 3)))
    while client.receive().type != "progress":
        pass
    waiting = client.send(generate(babble(0.5)))
    while client.receive().parent != waiting.id:
        pass
    for _ in range(times):
        sidecar.process.send_signal(number)
        time.sleep(0.1)  # two at the same moment are one
    ends: dict[str, str] = {}
    while len(ends) < 2:
        message = client.receive()
        if message.type in ("error", "result"):
            ends[message.parent] = message.body.get("code", "done")
    assert ends[waiting.id] == "stopping" and ends[working.id] in ("stopping", "done")
    assert sidecar.process.wait(PATIENCE) == 0
    assert not sidecar.file.exists()
    assert sidecar.process.stderr is not None and sidecar.process.stderr.read() == ""
    client.close()


def test_it_forgets_nothing_on_disk_when_idle(start: Callable[..., Sidecar], tiny_bundle: Path) -> None:
    sidecar = start("--bundle", tiny_bundle, "--idle-exit", 1)
    assert sidecar.process.wait(PATIENCE) == 0 and not sidecar.file.exists()


def test_the_log_has_a_line_of_json_for_each_event(
    start: Callable[..., Sidecar], tiny_bundle: Path, tmp_path: Path
) -> None:
    sidecar = start("--bundle", tiny_bundle, "--log", tmp_path / "log")
    client = Raw(sidecar.connection)
    good, bad = client.send(generate(babble(0.5))), client.send(Message("decode", {"heard": "x\ny"}))
    assert client.last(good).type == "result" and client.last(bad).type == "error"
    client.ask("shutdown")
    client.close()
    assert sidecar.process.wait(PATIENCE) == 0
    lines = [json.loads(line) for line in (tmp_path / "log").read_text("utf-8").splitlines()]
    assert [line["event"] for line in lines][:2] == ["ready", "accepted"] and lines[-1]["event"] == "stopping"
    assert {(line["job"], line["code"]) for line in lines if line["event"] == "ended"} == {
        (good.id, "ok"), (bad.id, "not_heard")
    }  # fmt: skip
    assert "token" not in (tmp_path / "log").read_text("utf-8")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def test_prometheus_metrics(start: Callable[..., Sidecar], tiny_bundle: Path) -> None:
    port = free_port()
    sidecar = start("--bundle", tiny_bundle, "--metrics", port)
    client = Raw(sidecar.connection)
    for _ in range(2):
        assert client.last(client.send(generate(babble(1.0)))).type == "result"
    client.ask("nonsense")
    client.close()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
        text = answer.read().decode()
    assert 'medtalk_jobs_total{code="ok",type="generate"} 2.0' in text
    assert "medtalk_cache_hits_total 1.0" in text and "medtalk_sound_seconds_total 2.0" in text
    assert 'medtalk_refused_total{code="unknown_type"} 1.0' in text
    with pytest.raises(SettingError, match="metrics"):
        Server(ServiceSettings(port=0, metrics=port))


def test_idle_connections_to_the_metrics_cost_little(start: Callable[..., Sidecar], tiny_bundle: Path) -> None:
    port = free_port()
    sidecar = start("--bundle", tiny_bundle, "--metrics", port)
    process = psutil.Process(sidecar.process.pid)
    threads, files = process.num_threads(), process.num_fds() if os.name == "posix" else 0
    words = (b"", b"GET", b"GET / HTTP/1.1\r\n", b"\xff" * 9000, b"\r\n\r\n")
    idle = [socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) for _ in range(100)]
    try:
        for each, said in zip(idle, words * 20, strict=True):
            with suppress(OSError):  # one that has been closed already
                each.sendall(said)
        for each in idle[:5]:  # they are closed, with an answer or without
            with suppress(ConnectionError):
                while each.recv(4096):
                    pass
        assert process.num_threads() == threads
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
            assert b"medtalk_queued_jobs 0.0" in answer.read()
        if os.name == "posix":
            until(lambda: process.num_fds() <= files, "all are closed")
    finally:
        for each in idle:
            each.close()
    idle = [socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) for _ in range(3)]
    sidecar.process.terminate()  # while some are open
    out, err = sidecar.process.communicate(timeout=PATIENCE)
    assert (sidecar.process.returncode, out, err) == (0, "", "")
    for each in idle:
        each.close()
