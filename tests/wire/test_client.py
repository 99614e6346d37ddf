"""The client and a sidecar that is there: results, errors, limits, channels, cancelling, manners in an editor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import zmq

from medtalk_wire import Client, Finishing, ProtocolError, RequestError, Settings, SidecarError, Sound

CHANNEL_HASH = "c0" * 32  # of little_sidecar.py


def test_a_sound_is_animated(start, connect, voice: Sound) -> None:
    client = connect(start(), channel_hash=CHANNEL_HASH, name="a test")
    seen = []
    curve, steps = np.ones(2, np.float32), Finishing(seed=3)
    settings = Settings(emotion={"happy": 1}, transcript="Hi.", span=(0, None), curve=curve, finishing=steps)
    result = client.wait(client.generate(voice, settings), lambda job: seen.append((job.state, job.fraction)))
    assert ("done", 1.0) in seen
    assert (result.frames, result.fps, result.seconds, result.heard, result.cached) == (3, 60.0, 0.05, "h1", False)
    assert result.rig.shape == (3, 174) and result.rig[2, 173] == 3 * 174 - 1
    np.testing.assert_array_equal(np.asarray(result.rig).ravel(), np.arange(3 * 174, dtype=np.float32))
    assert result.intensity.tolist() == [0.5, 1.5]
    asked = result.meta["asked"]
    assert asked["sound"] == {"kind": "file", "name": "voice.wav", "sha256": voice.fields["sha256"]}
    assert asked["guidance"] == {"kind": "label", "emotion": {"happy": 1.0}} and asked["span"] == [0.0, None]
    assert asked["finishing"]["smooth"] is True and asked["finishing"]["seed"] == 3
    again = client.wait(client.decode(result.heard, Settings(fps=30)))
    assert again.meta["asked"]["heard"] == "h1" and "sound" not in again.meta["asked"]


def test_words_and_phones_come_with_their_times(start, connect, voice: Sound) -> None:
    client = connect(start())
    result = client.wait(client.generate(voice, Settings(transcript="timed")))
    assert result.words == (("timed", 0.0, 0.05),) and result.phones[1] == ("aa", 0.02, 0.05)
    older = client.wait(client.generate(voice))
    assert (older.words, older.phones) == ((), ())


def test_a_result_outlives_its_client(start, voice: Sound) -> None:
    sidecar = start()
    with Client(sidecar.connection) as client:
        result = client.wait(client.generate(voice))
    sidecar.kill()
    assert result.rig[1, 0] == 174.0 and result.intensity[1] == 1.5


def test_an_editor_polls_without_waiting(start, connect, until, voice: Sound) -> None:
    client = connect(start())
    jobs = [client.generate(voice), client.generate(Sound.on_server("/sounds/line.wav")), client.ping(), client.hello()]
    assert {job.state for job in jobs} == {"sent"}
    until(lambda: [client.poll(), all(job.ended for job in jobs)][1])
    assert [job.state for job in jobs] == ["done"] * 4
    assert jobs[2].result["working"] == 0 and jobs[3].result["channel_hash"] == CHANNEL_HASH


def test_requests_that_are_no_jobs_have_the_replys_body(start, connect) -> None:
    sidecar = start()
    client = connect(sidecar)
    instance = sidecar.connection.instance
    assert client.wait(client.ping())["instance"] == instance == client.wait(client.hello())["instance"]
    assert client.wait(client.shutdown()) == {"instance": instance}
    assert sidecar.process.wait(30) == 0


def test_the_sidecars_error_is_raised_as_one_line(start, connect, voice: Sound) -> None:
    client = connect(start("error"))
    job = client.generate(voice)
    with pytest.raises(RequestError) as raised:
        client.wait(job)
    assert job.state == "failed" and job.error is raised.value
    assert (raised.value.code, str(raised.value)) == ("guidance", "No such emotion. Try happy.")
    assert client.wait(client.ping()), "others go on"


def test_what_is_said_of_an_ended_job_changes_nothing(start, connect, voice: Sound) -> None:
    client = connect(start("talks-on"))
    job = client.generate(voice)
    client.wait(job)
    client.wait(client.ping())  # came after all that was said of the job
    assert (job.state, job.fraction, job.error) == ("done", 1.0, None)


def test_types_of_a_later_minor_version_are_ignored(start, connect, voice: Sound) -> None:
    for behaviour in ("strange", "later-version"):
        client = connect(start(behaviour))
        assert client.wait(client.generate(voice)).frames == 3


# Limits, which are asked before anything is sent


@pytest.mark.parametrize(
    ("sound", "settings", "code", "said"),
    [
        (Sound.from_bytes(bytes(1001), "big.wav"), Settings(), "limit", "big.wav has 1001 bytes"),
        (Sound.from_bytes(bytes(9)), Settings(transcript="ä" * 51), "limit", "transcript has 102 bytes"),
        (Sound.from_bytes(bytes(9)), Settings(emotion="happy" * 21), "limit", "emotion has 105 bytes"),
        (Sound.from_bytes(bytes(9)), Settings(curve=bytes(1004)), "limit", "intensity curve has 1004 bytes"),
        (Sound.on_server("/a.wav"), Settings(), "unsupported", "as path"),
        (Sound.from_bytes(bytes(9)), Settings(text="furious"), "unsupported", "does not accept guidance of kind text"),
        (Sound.from_bytes(bytes(9)), Settings(emotion="auto"), "unsupported", "does not accept guidance of kind auto"),
        (Sound.from_bytes(bytes(9)), Settings(language="en" * 51, transcript="a"), "limit", "language has 102 bytes"),
        (Sound.from_bytes(bytes(9)), Settings(language="en"), "unsupported", "does not transcribe speech"),
        (Sound.from_bytes(bytes(9)), Settings(image=bytes(501), image_name="a.png"), "limit", "a.png has 501 bytes"),
        (Sound.from_bytes(bytes(9)), Settings(image=b"x", image_name="ä" * 51), "limit", "picture's name has 102"),
        (Sound.from_bytes(bytes(9)), Settings(transcript="a" * (1 << 20)), "limit", "1048576 bytes"),
    ],
)
def test_what_is_beyond_a_limit_fails_unsent(start, connect, sound, settings, code: str, said: str) -> None:
    sidecar = start("small")
    client = connect(sidecar)
    early = client.generate(sound, settings)
    client.wait(client.ping())
    late = client.generate(sound, settings)
    for job in (early, late):
        assert job.state == "failed" and job.error.code == code and said in str(job.error)
    assert not sidecar.got("generate")
    assert client.wait(client.generate(Sound.from_bytes(bytes(1000)), Settings(transcript="ä" * 50))).frames == 3


# Channels, versions, nonsense


@pytest.mark.parametrize("behaviour", ["channels", "result-channels"])
def test_no_result_of_other_channels(start, connect, voice: Sound, behaviour: str) -> None:
    sidecar = start(behaviour)
    client = connect(sidecar, channel_hash=CHANNEL_HASH)
    jobs = [client.generate(voice), client.generate(voice)]
    for job in jobs:
        with pytest.raises(RequestError, match="a different channel table") as raised:
            client.wait(job)
        assert raised.value.code == "channels" and job.result is None
    assert bool(sidecar.got("generate")) == (behaviour == "result-channels")


@pytest.mark.parametrize(
    ("behaviour", "error", "said"),
    [
        ("version", ProtocolError, "speaks protocol 2.0"),
        ("garbage", ProtocolError, "not msgpack"),
        ("hello-without-limits", ProtocolError, "hello_reply's limits"),
        ("hello-error", RequestError, "No. Look."),
        ("error-without-parent", RequestError, "Unreadable."),
    ],
)
def test_nonsense_fails_all_jobs_and_the_client_lives(
    start, connect, until, voice: Sound, behaviour: str, error: type[SidecarError], said: str
) -> None:
    client = connect(start(behaviour))
    jobs = [client.generate(voice), client.generate(voice)]
    until(lambda: all(job.ended for job in jobs), client)
    for job in jobs:
        assert type(job.error) is error and said in str(job.error)
    start("good")
    assert client.wait(client.generate(voice)).frames == 3


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [("bad-result", "rig is not"), ("bad-words", "words are not a list"), ("bad-progress", "fraction is a str")],
)
def test_a_wrong_answer_fails_its_own_job(start, connect, voice: Sound, behaviour: str, said: str) -> None:
    client = connect(start(behaviour))
    bad, good = client.generate(voice, Settings(transcript="bad")), client.generate(voice)
    with pytest.raises(ProtocolError, match=said):
        client.wait(bad)
    assert client.wait(good).frames == 3


# Cancelling


def test_a_job_is_cancelled_by_the_sidecar(start, connect, until, voice: Sound) -> None:
    sidecar = start("works-on")
    client = connect(sidecar)
    job = client.generate(voice)
    until(lambda: job.fraction > 0, client)
    client.cancel(job)
    client.cancel(job)
    with pytest.raises(RequestError, match="It was cancelled") as raised:
        client.wait(job)
    assert raised.value.code == "cancelled" and sidecar.got("cancel") and len(sidecar.got("cancel")) == 1


def test_a_job_that_the_sidecar_does_not_know_is_cancelled(start, connect, until, voice: Sound) -> None:
    client = connect(start("mute"))
    job = client.generate(voice)
    until(lambda: job.state == "accepted", client)
    client.cancel(job)
    with pytest.raises(RequestError, match="was cancelled"):
        client.wait(job)


def test_a_job_that_was_not_sent_is_cancelled_at_once(start, connect, voice: Sound) -> None:
    sidecar = start()
    client = connect(sidecar)
    job = client.generate(voice)
    client.cancel(job)
    assert job.ended and job.error.code == "cancelled"
    client.wait(client.ping())
    assert not sidecar.got("generate")


def test_a_job_ends_though_nobody_answers_the_cancellation(start, connect, until, voice: Sound) -> None:
    sidecar = start("mute-to-cancel")
    client = connect(sidecar, patience=1.5)
    job = client.generate(voice)
    until(lambda: job.state == "accepted", client)
    client.cancel(job)
    with pytest.raises(RequestError) as raised:
        client.wait(job)
    assert raised.value.code == "cancelled" and len(set(sidecar.got("cancel"))) == 1


def test_an_interrupted_script_cancels_its_job(start, connect, voice: Sound) -> None:
    sidecar = start("works-on")
    client = connect(sidecar)
    job = client.generate(voice)

    def interrupt(job) -> None:
        if job.fraction > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.wait(job, interrupt)
    assert job.error.code == "cancelled" and sidecar.got("cancel")


@pytest.mark.skipif(os.name != "posix", reason="sends a signal as a terminal does")
def test_ctrl_c_ends_a_script_that_waits(start, until) -> None:
    sidecar = start("works-on")
    script = (
        "import sys; from medtalk_wire import *\n"
        "with Client(find_connection(sys.argv[1])) as client:\n"
        "    client.wait(client.generate(Sound.from_bytes(b'abc')), lambda job: print(job.state, flush=True))\n"
    )
    words = [sys.executable, "-c", script, str(sidecar.file)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        while "accepted" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.stderr.read().endswith("KeyboardInterrupt\n")
    assert process.returncode == -signal.SIGINT
    until(lambda: sidecar.got("cancel"))


# Manners


def test_no_thread_is_started(start, connect) -> None:
    before = threading.enumerate()
    client = connect(start())
    client.wait(client.generate(Sound.from_bytes(bytes(3 << 20))))
    assert threading.enumerate() == before


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files in /proc")
def test_nothing_is_left_open(start, until, voice: Sound) -> None:
    def files() -> set[str]:
        return {path.name for path in Path("/proc/self/fd").iterdir()}

    sidecar = start("mute")
    zmq.Context.instance()  # whoever uses pyzmq in this process keeps it
    before = files()
    for _ in range(3):
        client = Client(sidecar.connection)
        job = client.generate(voice)
        until(lambda job=job: job.state == "accepted", client)
        client.close()
        client.close()
        assert job.error is not None and job.error.code == "cancelled"
        with pytest.raises(SidecarError, match="closed"):
            client.ping()
    assert len(files()) <= len(before)


def test_a_context_that_was_given_is_left_alone(start, voice: Sound) -> None:
    with zmq.Context() as context:
        with Client(start().connection, context=context) as client:
            assert client.wait(client.generate(voice)).frames == 3
        assert not context.closed


def test_many_sounds_wait_their_turn(start, connect) -> None:
    """More than fit into any buffer go out bit by bit, and one that has not left can be taken back."""
    sidecar = start()
    client = connect(sidecar)
    client.wait(client.ping())
    sidecar.freeze()
    jobs = [client.generate(Sound.from_bytes(bytes([n]) * (1 << 20))) for n in range(40)]
    client.cancel(jobs[-1])
    assert jobs[-1].ended, "it was still here"
    sidecar.thaw()
    for job in jobs[:-1]:
        assert client.wait(job).frames == 3
    assert sidecar.got("generate") == [job.id for job in jobs[:-1]]


def test_wrong_use_is_told(start, connect, voice: Sound) -> None:
    sidecar = start("mute")
    client = connect(sidecar)
    with pytest.raises(ValueError, match="another client"):
        client.wait(connect(sidecar).generate(voice))
    with pytest.raises(ValueError, match="patience"):
        Client(sidecar.connection, patience=0)
    with pytest.raises(RequestError, match="cannot be written"):
        client.generate(voice, Settings(transcript="\ud800"))
    with pytest.raises(RequestError, match="cannot be written"):
        client.generate(voice, Settings(finishing=Finishing(seed=1 << 70)))


def test_a_client_that_is_forgotten_leaves_without_hanging(tmp_path: Path) -> None:
    """In a process of its own, for a context that waits for its sockets would hang this one."""
    program = (
        "import gc\n"
        "from medtalk_wire import Client, Connection\n"
        "for _ in range(20):\n"
        "    client = Client(Connection('tcp://127.0.0.1:9', 'x'))\n"
        "    client.ping()\n"
        "    client.circle = [client]  # as a traceback would hold it\n"
        "    del client\n"
        "    gc.collect()\n"
        "kept = Client(Connection('tcp://127.0.0.1:9', 'x'))\n"
        "kept.ping()\n"
        "print('left')\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert (done.stdout, done.stderr, done.returncode) == ("left\n", "", 0)
