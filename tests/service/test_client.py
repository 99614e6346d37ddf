"""The client that ships against real sidecars, which are killed, frozen and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import medtalk
from medtalk.audio import Speech
from medtalk.rates import RATE
from medtalk.rig.channels import CHANNEL_HASH
from medtalk_wire import (
    Client,
    Finishing,
    Job,
    RequestError,
    Settings,
    SidecarError,
    SilentError,
    Sound,
    UnreachableError,
)
from tests.helpers.sidecars import PATIENCE, Sidecar, until
from tests.helpers.sounds import babble

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")


def pcm(samples: np.ndarray) -> Sound:
    return Sound.from_pcm(samples.tobytes(), RATE, samples.shape, "float32")


@pytest.fixture(scope="module")
def minutes() -> np.ndarray:
    """Ten minutes of sound."""
    return np.tile(babble(10.0, seed=41), 60)


@pytest.fixture
def own(start: Callable[..., Sidecar], tiny_bundle: Path) -> Sidecar:
    """A sidecar that the test may kill."""
    return start("--bundle", tiny_bundle)


@pytest.fixture
def client(own: Sidecar) -> Iterator[Client]:
    """A client of `own` that is soon out of patience."""
    with Client(own.connection, channel_hash=CHANNEL_HASH, patience=3.0) as client:
        yield client


def wait_for(client: Client, job: Job, true: Callable[[Job], bool]) -> None:
    """Poll until `true(job)`."""

    def polled() -> bool:
        client.poll(0.01)
        return true(job) or job.ended

    until(polled, "the job gets on")
    assert true(job), f"the job ended: {job.error}"


def restart(sidecar: Sidecar, bundle: Path, keep: list[Sidecar]) -> None:
    """Another sidecar, on another port and with another token, in the same connection file."""
    keep.append(Sidecar(sidecar.file.parent, "--bundle", bundle).wait_until_ready())


@pytest.fixture
def others() -> Iterator[list[Sidecar]]:
    running: list[Sidecar] = []
    yield running
    for sidecar in running:
        sidecar.close()


def test_the_rig_is_the_librarys(sidecar: Sidecar, tiny_bundle: Path) -> None:
    line = babble(2.0, seed=42)
    performance = medtalk.load(tiny_bundle, threads=1).perform(Speech.from_array(line, RATE))
    with Client(sidecar.connection, channel_hash=CHANNEL_HASH) as client:
        settings = Settings(emotion="angry", intensity=1.3, finishing=Finishing(seed=5))
        result = client.wait(client.generate(pcm(line), settings))
        expected = performance.decode("angry", 1.3, medtalk.Finishing(seed=5))
        np.testing.assert_allclose(np.asarray(result.rig), expected.values, atol=1e-6)
        edited = np.linspace(0.0, 1.0, len(performance), dtype=np.float32)
        again = client.wait(client.decode(result.heard, Settings(emotion={"sad": 0.8}, curve=edited, fps=30.0)))
        expected = performance.with_intensity(edited).decode({"sad": 0.8}).resample(30.0)
        np.testing.assert_allclose(np.asarray(again.rig), expected.values, atol=1e-6)
        assert again.cached and not result.cached


def test_the_servers_errors_come_with_their_codes(sidecar: Sidecar, tmp_path: Path) -> None:
    with Client(sidecar.connection, channel_hash=CHANNEL_HASH) as client:
        for request, code in (
            (lambda: client.generate(pcm(babble(0.5)), Settings(emotion="hungry")), "guidance"),
            (lambda: client.generate(Sound.on_server(tmp_path)), "audio"),
            (lambda: client.generate(Sound.from_bytes(b"no sound at all")), "audio"),
            (lambda: client.decode("nothing"), "not_heard"),
        ):
            with pytest.raises(RequestError) as caught:
                client.wait(request())
            assert caught.value.code == code and caught.value.message
        with Client(sidecar.connection, channel_hash="0" * 64) as other, pytest.raises(RequestError) as caught:
            other.wait(other.generate(pcm(babble(0.5))))
        assert caught.value.code == "channels"


def test_an_oversize_sound_is_not_even_sent(start: Callable[..., Sidecar], tiny_bundle: Path) -> None:
    small = start("--bundle", tiny_bundle, "--limit", "max_bytes=100000")
    with Client(small.connection) as client:
        with pytest.raises(RequestError, match="100") as caught:
            client.wait(client.generate(pcm(babble(3.0))))
        assert caught.value.code == "limit"
        assert client.wait(client.generate(pcm(babble(1.0)))).frames == 60


@pytest.mark.parametrize("phase", ["sent", "accepted", "working"])
def test_a_sidecar_killed_at_each_phase(
    own: Sidecar, client: Client, minutes: np.ndarray, phase: str, tiny_bundle: Path, others: list[Sidecar]
) -> None:
    assert client.wait(client.ping())["working"] == 0
    job = client.generate(pcm(minutes))
    if phase == "sent":
        client.poll()
    else:
        wait_for(client, job, lambda job: job.state == "accepted" and (phase == "accepted" or job.fraction > 0))
    own.close()
    with pytest.raises((UnreachableError, SilentError)) as caught:
        client.wait(job)
    assert caught.value.hint and "\n" not in str(caught.value)
    restart(own, tiny_bundle, others)
    assert client.wait(client.generate(pcm(babble(0.5)))).frames == 30


@posix
def test_a_frozen_sidecar(own: Sidecar, client: Client, minutes: np.ndarray) -> None:
    job = client.generate(pcm(minutes))
    wait_for(client, job, lambda job: job.fraction > 0)
    own.process.send_signal(signal.SIGSTOP)
    with pytest.raises(SilentError):
        client.wait(job)
    own.process.send_signal(signal.SIGCONT)
    assert client.wait(client.generate(pcm(babble(0.5)))).frames == 30


def test_a_sidecar_started_again_between_request_and_reply(
    own: Sidecar, client: Client, minutes: np.ndarray, tiny_bundle: Path, others: list[Sidecar]
) -> None:
    job = client.generate(pcm(minutes[: 60 * RATE]))
    wait_for(client, job, lambda job: job.state == "accepted")
    own.close()
    restart(own, tiny_bundle, others)
    assert client.wait(job).frames == 3600
    assert client.wait(client.hello())["instance"] == others[0].connection.instance != ""


def test_an_editor_that_does_not_tick_for_long(client: Client, minutes: np.ndarray) -> None:
    job = client.generate(pcm(minutes))
    wait_for(client, job, lambda job: job.state == "accepted")
    time.sleep(4.0)  # longer than its patience
    assert client.wait(job).frames == 36_000


def test_cancelling_through_the_client(client: Client, minutes: np.ndarray) -> None:
    job = client.generate(pcm(minutes))
    wait_for(client, job, lambda job: job.fraction > 0)
    client.cancel(job)
    with pytest.raises(RequestError) as caught:
        client.wait(job)
    assert caught.value.code == "cancelled"
    assert client.wait(client.generate(pcm(babble(0.5)))).frames == 30


def test_a_wrong_token(sidecar: Sidecar) -> None:
    import dataclasses

    stranger = dataclasses.replace(sidecar.connection, token="0" * 64, file=None)
    with Client(stranger, patience=20.0) as client, pytest.raises(SidecarError) as caught:
        client.wait(client.ping())
    assert caught.value.code == "refused"


def test_the_client_needs_neither_numpy_nor_medtalk(sidecar: Sidecar, root: Path, tmp_path: Path) -> None:
    """As in Unreal: the package alone on the path, with pyzmq and msgpack."""
    program = tmp_path / "script.py"
    program.write_text(
        "import sys, struct\n"
        "sys.modules['numpy'] = sys.modules['medtalk'] = None  # importing them fails\n"
        "from medtalk_wire import Client, Settings, Sound, find_connection\n"
        "with Client(find_connection(sys.argv[1])) as client:\n"
        "    sound = Sound.from_pcm(struct.pack('<16000f', *[0.1 * (k % 100 < 50) for k in range(16000)]), 16000,\n"
        "                           (16000,), 'float32')\n"
        "    result = client.wait(client.generate(sound, Settings(emotion='happy')))\n"
        "    print(result.frames, len(result.rig.tolist()[0]), len(result.intensity))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", program, sidecar.file], capture_output=True, text=True, timeout=PATIENCE
    )
    assert (done.stdout, done.stderr) == ("60 174 60\n", "")
