"""The client and a sidecar that is not there, dies, freezes, forgets, is started again or will not let us in."""

from __future__ import annotations

import os
import shutil
import socket
import time
from pathlib import Path

import pytest
import zmq.auth

from medtalk_wire import (
    Connection,
    ProtocolError,
    RefusedError,
    RequestError,
    SidecarError,
    SilentError,
    Sound,
    UnreachableError,
    find_connection,
)
from medtalk_wire.connection import write_connection

posix = pytest.mark.skipif(os.name != "posix", reason="freezes a process with a signal")


def free_port() -> int:
    """A port of this machine at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stale_file(file: Path, token: str = "old") -> Connection:
    """A connection file that a sidecar has left behind."""
    write_connection(
        file, address=f"tcp://127.0.0.1:{free_port()}", token=token, pid=1, version="0.1.0", instance="old", started=1.0
    )
    return find_connection(str(file))


# Nobody there


def test_nobody_listens(connect, voice: Sound, tmp_path: Path) -> None:
    client = connect(stale_file(tmp_path / "a.json"), patience=0.5)
    jobs = [client.generate(voice), client.ping()]
    for job in jobs:
        with pytest.raises(UnreachableError, match=r"cannot be reached: nothing is listening there.*medtalk serve"):
            client.wait(job)


def test_a_sidecar_that_is_slow_to_start(start, connect, until, voice: Sound, tmp_path: Path) -> None:
    client = connect(stale_file(tmp_path / "run" / "sidecar.json"))
    job = client.generate(voice)
    client.poll(0.5)
    assert job.state == "sent"
    start()
    assert client.wait(job).frames == 3


def test_a_sidecar_that_is_slow_to_start_where_it_was(start, connect, voice: Sound) -> None:
    """Same port and token: there is nothing to read from the file, the connection comes by itself."""
    first = start("good", "--token", "known")
    address, port = Connection(first.connection.address, "known"), first.port
    first.kill()
    client = connect(address)
    job = client.generate(voice)
    client.poll(0.5)
    start("good", "--token", "known", "--port", port)
    assert client.wait(job).frames == 3


# Not let in


def test_another_token_is_refused_at_once(start, connect, voice: Sound) -> None:
    sidecar = start()
    client = connect(Connection(sidecar.connection.address, "wrong"))
    jobs = [client.generate(voice), client.ping()]
    for job in jobs:
        with pytest.raises(RefusedError, match="does not know our token"):
            client.wait(job)
    assert not sidecar.got("hello")


def test_a_token_that_has_changed_is_read_again(start, connect, voice: Sound) -> None:
    first = start()
    old = first.connection
    first.kill()
    second = start("good", "--port", first.port)
    client = connect(old)
    assert client.wait(client.generate(voice)).meta["instance"] == second.connection.instance


def test_a_token_that_is_written_late_is_waited_for(start, connect, until, voice: Sound, tmp_path: Path) -> None:
    """A sidecar that is started again listens before it writes its file."""
    first = start()
    client = connect(first)
    assert client.wait(client.generate(voice)).frames == 3
    mine = tmp_path / "mine.json"
    shutil.copy2(first.file, mine)
    slow = connect(find_connection(str(mine)))
    slow.wait(slow.ping())
    first.kill()
    second = start("good", "--port", first.port)
    job = slow.generate(voice)
    slow.poll(0.5)
    assert not job.ended
    os.replace(second.file, mine)
    assert slow.wait(job).frames == 3


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Keys as `medtalk keys new` makes them: of the sidecar, of a client it knows; and of a stranger in `stranger/`."""
    folder = tmp_path / "keys"
    for name in ("", "clients", "stranger"):
        (folder / name).mkdir()
    zmq.auth.create_certificates(folder, "server")
    zmq.auth.create_certificates(folder, "client")
    (folder / "client.key").rename(folder / "clients" / "client.key")
    zmq.auth.create_certificates(folder / "stranger", "client")
    shutil.copy(folder / "server.key", folder / "stranger")
    return folder


def test_keys_let_in(start, connect, voice: Sound, keys: Path) -> None:
    sidecar = start("good", "--keys", keys)
    for where in (sidecar.connection.address, str(sidecar.file)):
        client = connect(find_connection(where, keys))
        assert client.wait(client.generate(voice)).frames == 3


def test_strangers_keys_are_refused(start, connect, voice: Sound, keys: Path) -> None:
    address = start("good", "--keys", keys).connection.address
    client = connect(find_connection(address, keys / "stranger"))
    with pytest.raises(RefusedError, match="does not know our key"):
        client.wait(client.generate(voice))


def test_keys_of_another_sidecar_are_refused(start, connect, voice: Sound, keys: Path) -> None:
    address = start("good", "--keys", keys).connection.address
    zmq.auth.create_certificates(keys, "server")
    client = connect(find_connection(address, keys))
    with pytest.raises(RefusedError, match="its key differs from our"):
        client.wait(client.generate(voice))


def test_a_token_where_keys_are_asked_for(start, connect, voice: Sound, keys: Path) -> None:
    client = connect(start("good", "--keys", keys))
    with pytest.raises(RefusedError, match="Give the folder of its keys"):
        client.wait(client.generate(voice))


def test_keys_where_a_token_is_asked_for(start, connect, voice: Sound, keys: Path) -> None:
    client = connect(find_connection(start().connection.address, keys))
    with pytest.raises(RefusedError, match=r"[Ll]eave the keys out"):
        client.wait(client.generate(voice))


@pytest.mark.parametrize("behaviour", ["http", "hangs-up"])
def test_what_is_no_sidecar(start, connect, voice: Sound, behaviour: str) -> None:
    client = connect(start(behaviour))
    with pytest.raises((ProtocolError, RefusedError), match="not a sidecar"):
        client.wait(client.generate(voice))


# Silence


@posix
def test_a_frozen_sidecar(start, connect, until, voice: Sound) -> None:
    sidecar = start("works-on")
    client = connect(sidecar, patience=2.0)
    accepted = client.generate(voice)
    until(lambda: accepted.fraction > 0, client)
    sidecar.freeze()
    sent = client.generate(voice)
    for job in (accepted, sent):
        with pytest.raises(SilentError, match=r"has sent nothing since \d\d:\d\d:\d\d. Is it frozen\?.*medtalk ping"):
            client.wait(job)


@posix
def test_a_sidecar_that_was_frozen_from_the_beginning(start, connect, voice: Sound) -> None:
    sidecar = start()
    sidecar.freeze()
    client = connect(sidecar, patience=0.5)
    with pytest.raises(SilentError, match="has sent nothing"):
        client.wait(client.generate(voice))


@posix
def test_a_sidecar_that_thaws_in_time(start, connect, until, voice: Sound, quick) -> None:
    sidecar = start("work")
    client = connect(sidecar)
    job = client.generate(voice)
    until(lambda: job.fraction > 0, client)
    sidecar.freeze()
    client.poll(1.0)
    client.poll(1.0)
    sidecar.thaw()
    assert client.wait(job).frames == 3


@pytest.mark.parametrize("behaviour", ["mute", "deaf"])
def test_a_sidecar_that_lives_and_says_nothing_of_the_job(
    start, connect, until, voice: Sound, behaviour: str, quick
) -> None:
    sidecar = start(behaviour)
    client = connect(sidecar, patience=2.0)
    job = client.generate(voice)
    with pytest.raises(SilentError, match="is alive, but has sent nothing about this generate"):
        client.wait(job)
    assert len(sidecar.got("generate")) > 1 and set(sidecar.got("generate")) == {job.id}


@pytest.mark.parametrize("behaviour", ["loses-request", "loses-result"])
def test_what_was_lost_is_asked_for_again(start, connect, voice: Sound, behaviour: str, quick) -> None:
    sidecar = start(behaviour)
    client = connect(sidecar)
    job = client.generate(voice)
    assert client.wait(job).frames == 3
    assert sidecar.got("generate") == [job.id, job.id]


@posix
def test_nobody_is_silent_while_we_sleep(start, connect, until, voice: Sound) -> None:
    """An editor that is minimised ticks rarely. The time in between is not the sidecar's."""
    sidecar = start("work")
    client = connect(sidecar, patience=2.0)
    job = client.generate(voice)
    until(lambda: job.state == "accepted", client)
    sidecar.freeze()
    time.sleep(2.5)
    client.poll()
    assert not job.ended
    sidecar.thaw()
    assert client.wait(job).frames == 3


def test_a_result_is_taken_though_the_sidecar_ended_since(start, connect, until, voice: Sound) -> None:
    sidecar = start("die-result")
    client = connect(sidecar)
    client.wait(client.ping())
    job = client.generate(voice)
    sidecar.process.wait(30)
    time.sleep(0.5)  # so that both the result and the loss lie there
    until(lambda: job.ended, client)
    assert client.wait(job).frames == 3


# Death


@pytest.mark.parametrize("behaviour", ["die-accepted", "die-progress"])
def test_a_sidecar_that_dies_is_gone(start, connect, voice: Sound, behaviour: str) -> None:
    client = connect(start(behaviour), patience=1.0)
    job = client.generate(voice)
    with pytest.raises(UnreachableError, match=r"is gone: nothing is listening there.*medtalk serve"):
        client.wait(job)


@pytest.mark.parametrize("behaviour", ["die-accepted", "die-progress"])
def test_a_sidecar_that_is_started_again_gets_the_jobs(start, connect, until, voice: Sound, behaviour: str) -> None:
    """On another port, with another token; it is met by the connection file."""
    other = free_port()
    first = start(behaviour)
    client = connect(first)
    jobs = [client.generate(voice), client.generate(voice)]
    until(lambda: first.process.poll() is not None, client)
    second = start("good", "--port", other)
    for job in jobs:
        assert client.wait(job).meta["instance"] == second.connection.instance
    assert second.got("generate") == [job.id for job in jobs]


def test_a_sidecar_that_is_killed_and_started_where_it_was(start, connect, until, voice: Sound) -> None:
    first = start("works-on")
    client = connect(first)
    job = client.generate(voice)
    until(lambda: job.fraction > 0, client)
    first.kill()
    start("good", "--port", first.port)
    assert client.wait(job).frames == 3


def test_an_idle_client_meets_the_next_sidecar(start, connect, voice: Sound) -> None:
    first = start()
    client = connect(first)
    client.wait(client.generate(voice))
    first.kill()
    second = start()
    assert client.wait(client.generate(voice)).meta["instance"] == second.connection.instance


def test_a_job_that_breaks_every_connection_is_given_up(start, connect, voice: Sound, quick) -> None:
    sidecar = start("breaks")
    client = connect(sidecar)
    with pytest.raises(UnreachableError, match="broke 5 times during this job"):
        client.wait(client.generate(voice))
    assert len(sidecar.got("generate")) == 5


def test_a_cancelled_job_is_not_sent_to_the_next_sidecar(start, connect, until, voice: Sound) -> None:
    first = start("mute-to-cancel")
    client = connect(first)
    job = client.generate(voice)
    until(lambda: job.state == "accepted", client)
    client.cancel(job)
    until(lambda: first.got("cancel"), client)
    first.kill()
    second = start()
    with pytest.raises(RequestError) as raised:
        client.wait(job)
    assert raised.value.code == "cancelled"
    assert client.wait(client.ping())["instance"] == second.connection.instance and not second.got("generate")


@posix
def test_a_shutdown_does_not_end_the_next_sidecar(start, connect, until, voice: Sound) -> None:
    first = start()
    client = connect(first)
    client.wait(client.ping())
    first.freeze()  # so that it gets the request and never answers
    old = first.connection.instance
    job = client.shutdown()
    first.kill()
    second = start()
    assert client.wait(job) == {"instance": old}
    assert client.wait(client.ping())["instance"] == second.connection.instance and not second.got("shutdown")


def test_a_client_that_is_closed_ends_its_jobs(start, connect, until, voice: Sound) -> None:
    client = connect(start("works-on"))
    job = client.generate(voice)
    until(lambda: job.state == "accepted", client)
    client.close()
    assert isinstance(job.error, SidecarError) and job.error.code == "cancelled"
