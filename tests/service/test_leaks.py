"""Thousands of jobs of every kind, from clients that come and go: the sidecar holds no more afterwards than before."""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from itertools import repeat
from pathlib import Path

import psutil

from medtalk_wire.connection import Connection
from medtalk_wire.protocol import FINAL, Message
from tests.helpers.requests import generate
from tests.helpers.sidecars import PATIENCE, Raw, Sidecar, until
from tests.helpers.sounds import babble

KEEP_LITTLE = ("--limit", "max_cache_bytes=1000000", "--limit", "max_result_bytes=1000000")
CLIENTS = 3
JOBS = 10
"""A visit; see `visit`."""
WARM_UP, MEASURED = 50, 200
"""Visits. The warm-up fills both caches (22 sounds, 68 results) many times."""

MAX_GROWTH = 5_000_000
"""Bytes that the measured visits may add to the memory. None are expected; what the allocator keeps differs by less
than 2 MB from run to run. 2.5 kB that stay of each of 2,000 jobs are found: a sound is 19, a result 13, a request 3."""


def test_thousands_of_jobs_leave_nothing_behind(start: Callable[..., Sidecar], tiny_bundle: Path) -> None:
    sidecar = start("--bundle", tiny_bundle, *KEEP_LITTLE)
    process, connection = psutil.Process(sidecar.process.pid), sidecar.connection

    def held() -> tuple[int, int]:
        """Threads and open files; what Windows calls handles comes and goes there by itself."""
        return process.num_threads(), process.num_fds() if psutil.POSIX else 0

    def settle() -> int:
        """Wait until the sidecar has no work and holds what it held at first; gives its memory in bytes."""
        until(lambda: (state := watching.ask("ping").body)["queued"] + state["working"] == 0, "it has no work")
        until(lambda: held() == at_first, f"{at_first} threads and open files, as at first")
        return process.memory_info().rss

    with closing(Raw(connection)) as watching, ThreadPoolExecutor(CLIENTS) as clients:
        watching.ask("ping")  # connected
        at_first = held()
        list(clients.map(visit, repeat(connection), range(WARM_UP)))
        before = settle()
        codes = list(clients.map(visit, repeat(connection), range(WARM_UP, WARM_UP + MEASURED)))
        growth = settle() - before
        assert "cancelled" in codes  # and not all of them too late
        assert growth < MAX_GROWTH, f"{growth / JOBS / MEASURED / 1000:.1f} kB a job stay"
        watching.ask("shutdown")
    out, err = sidecar.process.communicate(timeout=PATIENCE)
    assert (sidecar.process.returncode, out, err) == (0, "", "")


def visit(connection: Connection, number: int) -> str:
    """All that a client does before it goes: ten jobs and some nonsense. Gives the code that its cancelled job got."""
    strange(connection)
    with closing(Raw(connection)) as raw:
        new, other, third = (generate(babble(0.3, seed=3 * number + kind)) for kind in range(3))
        first = ends(raw, new)[0]
        assert first.type == "result" and not first.body["cached"]
        assert ends(raw, new)[0].body == first.body  # the same job
        again = Message("generate", new.body, buffers=new.buffers)
        assert ends(raw, again)[0].body["cached"]
        sad = {"heard": first.body["heard"], "guidance": {"kind": "label", "emotion": "sad"}}
        assert ends(raw, Message("decode", sad))[0].type == "result"

        refused = Message("generate", {**new.body, "region": "nose"}, buffers=new.buffers)
        unknown = Message("decode", {"heard": "nothing"})
        sound = {**new.body["sound"], "sha256": "0" * 64}
        damaged = Message("generate", {"sound": sound}, buffers=new.buffers)
        codes = [end.body["code"] for end in ends(raw, refused, unknown, damaged)]
        assert codes == ["setting", "not_heard", "checksum"]
        raw.socket.send_multipart([b"no msgpack", b"a frame too many"])
        assert raw.receive().body["code"] == "bad_message"

        end, reply = ends(raw, other, Message("cancel", {"job": other.id}))
        code = end.body.get("code", "done")
        assert (reply.body["state"], code) in (("cancelled", "cancelled"), ("finished", "done"))
        raw.send(Message("decode", sad))
        raw.send(third)
        raw.receive()  # one has been accepted; and now it leaves
        return code


def strange(connection: Connection) -> None:
    """Somebody who does not belong here: another protocol, then another token."""
    host, port = connection.address.removeprefix("tcp://").split(":")
    with socket.create_connection((host, int(port)), PATIENCE) as browser, suppress(ConnectionError):
        browser.sendall(b"GET / HTTP/1.1\r\n\r\n")
        while browser.recv(1024):  # until it is thrown out
            pass
    with closing(Raw(connection, token="0" * 64)) as stranger:
        assert not stranger.socket.poll(20)  # milliseconds; sending could block for ever, as nobody takes it


def ends(raw: Raw, *requests: Message) -> list[Message]:
    """Send them all, and give the last message of each."""
    for request in requests:
        raw.send(request)
    last: dict[str, Message] = {}
    while len(last) < len(requests):
        message = raw.receive()
        if message.type in FINAL or message.type.endswith("_reply"):
            last[message.parent] = message
    return [last[request.id] for request in requests]
