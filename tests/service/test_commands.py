"""`medtalk serve` and those who ask it, as a user types them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from medtalk import read_rig
from medtalk_wire import Client, Sound

COMMAND = [sys.executable, "-m", "medtalk"]
posix = pytest.mark.skipif(os.name != "posix", reason="signals and permissions are those of POSIX")


@pytest.fixture(autouse=True)
def no_other_sidecar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which sidecars are looked for: nobody else's."""
    monkeypatch.setenv("MEDTALK_RUNTIME", str(tmp_path / "runtime"))
    return tmp_path / "runtime"


def one_line(done) -> str:
    """The one line on stderr of a command that failed."""
    assert done.code == 1 and done.out == "", done
    assert len(done.err.splitlines()) == 1 and done.err.startswith("medtalk: "), done.err
    return done.err


def events(log: Path) -> list[dict]:
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()]


# --- serve


def test_serve_says_when_it_is_ready(start, tiny_bundle):
    sidecar = start("--bundle", tiny_bundle)
    address = sidecar.connection.address
    assert re.fullmatch(rf"medtalk serve: {address}, bundle tiny, cpu, ready in \d+\.\d\d s", sidecar.line)
    if os.name == "posix":
        assert stat.S_IMODE(sidecar.file.stat().st_mode) == 0o600


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_cleanly(start, tiny_bundle, number):
    sidecar = start("--bundle", tiny_bundle)
    sidecar.process.send_signal(number)
    out, err = sidecar.process.communicate(timeout=60)
    assert (sidecar.process.returncode, out, err) == (0, "", "")
    assert not sidecar.file.exists()


def test_it_ends_when_nobody_asks(start, tiny_bundle):
    sidecar = start("--bundle", tiny_bundle, "--idle-exit", "0.2")
    assert sidecar.process.wait(60) == 0
    assert not sidecar.file.exists()


def test_a_limit_is_a_setting(start, medtalk, tiny_bundle, sound, tmp_path):
    sidecar = start("--bundle", tiny_bundle, "--limit", "max_seconds=1", "--limit", "max_queue=2")
    limits = json.loads(medtalk("ping", "--server", sidecar.file, "--json").out)["limits"]
    assert (limits["max_seconds"], limits["max_queue"], limits["max_channels"]) == (1.0, 2, 8)
    done = medtalk("generate", sound, "--server", sidecar.file, "-o", tmp_path / "a.csv")
    assert one_line(done) == f"medtalk: {sound} lasts 2.0 s; the limit is 1 s. Split it into shorter files.\n"


def test_what_serve_refuses(medtalk, tiny_bundle, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refusals = {
            f"Port {port} is taken": ("--port", port),
            "needs keys": ("--host", "0.0.0.0"),
            "valid are 1 to 65535": ("--port", 70000),
            "no_bundle": ("--bundle", tmp_path / "no_bundle"),
            "Unknown device": ("--device", "gpu"),
            "threads is 0": ("--threads", 0),
            "idle time": ("--idle-exit", -1),
            "medtalk keys new": ("--keys", tmp_path / "no_keys"),
            "no_sounds does not exist": ("--sounds", tmp_path / "no_sounds"),
            "Cannot write the connection file": ("--connection-file", tmp_path),
            "Cannot write the log": ("--log", tmp_path),
            "max_queue is 0": ("--limit", "max_queue=0"),
            "max_bytes is 99": ("--limit", f"max_bytes={'9' * 400}"),
            "Unknown limit": ("--limit", "fun=0"),
        }
        for told, words in refusals.items():
            # One that starts all the same ends by itself, and the test fails.
            done = medtalk("serve", "--bundle", tiny_bundle, "--port", 0, "--idle-exit", 5, *words)
            assert told in one_line(done), words


# --- generate --server


def test_serve_tells_programs_why_it_cannot_start(medtalk, tiny_bundle, tmp_path):
    """By code, which the plugin maps to a step: no program need read its English."""
    (tmp_path / "file").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        failures = {
            "port": ("--port", taken.getsockname()[1]),
            "bundle": ("--port", 0, "--bundle", tmp_path / "nowhere"),
            "backbone": ("--port", 0, "--backbone", f"emotion2vec_plus={tmp_path / 'nowhere'}"),
            "connection_file": ("--port", 0, "--connection-file", tmp_path / "file" / "c.json"),
        }
        for code, words in failures.items():
            done = medtalk("serve", "--bundle", tiny_bundle, *words, "--json")
            error = json.loads(done.err)["error"]
            assert done.code == 1 and done.out == "" and error["code"] == code, done.err
            assert set(error) == {"code", "message", "hint", "about"} and error["message"]
    plain = medtalk("serve", "--bundle", tmp_path / "nowhere")
    assert one_line(plain).startswith("medtalk: "), "a later command of the same process asks anew"


def test_a_failure_says_what_it_is_about(medtalk, sidecar, sound, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound")
    for where in ((), ("--server", sidecar.file)):
        done = medtalk("generate", bad, sound, "-o", f"{tmp_path}/", "--json", *where)
        error = json.loads(done.out.splitlines()[0])["error"]
        assert (done.code, error["about"]) == (1, str(bad)) and str(bad) in error["message"]


@pytest.mark.parametrize("options", [
    [], ["--emotion", "happy:.2,fear:.1", "--intensity", "1.7", "--seed", "3"], ["--fps", "23.976"],
    ["--region", "mouth", "--transcript", "I hate this!"],
    ["--no-blink", "--no-gaze", "--no-limits", "--no-smooth", "--no-life", "--channel", "0"], ["--finishing", "paper"],
])  # fmt: skip
def test_the_sidecars_rig_is_the_local_one(medtalk, sidecar, tiny_bundle, long_sound, tmp_path, options):
    local, remote = tmp_path / "local.npz", tmp_path / "remote.npz"
    here = medtalk("generate", long_sound, "--bundle", tiny_bundle, "--threads", 1, "-o", local, *options)
    there = medtalk("generate", long_sound, "--server", sidecar.file, "-o", remote, *options)
    assert (here.code, there.code, there.err) == (0, 0, "")
    speed = re.compile(r"\d+ times")
    assert speed.sub("", there.out) == speed.sub("", here.out).replace("local.npz", "remote.npz")
    a, b = read_rig(local), read_rig(remote)
    assert np.array_equal(a.values, b.values) and (a.fps, a.meta) == (b.fps, b.meta)


def test_json_is_that_of_a_local_run(medtalk, sidecar, tiny_bundle, sound, tmp_path):
    here, there = (
        json.loads(medtalk("generate", sound, *where, "-o", tmp_path / "a.csv", "--json").out)
        for where in (("--bundle", tiny_bundle), ("--server", sidecar.file))
    )
    for own in ("elapsed", "speed"):
        assert here.pop(own) > 0 and there.pop(own) > 0
    assert here == there


def test_the_ways_to_name_a_sidecar(start, medtalk, tiny_bundle, sound, tmp_path, no_other_sidecar):
    no_other_sidecar.mkdir(mode=0o700)
    sidecar = start("--bundle", tiny_bundle, "--connection-file", no_other_sidecar / "own.json")
    sidecar.file = no_other_sidecar / "own.json"
    address = sidecar.connection.address
    out = tmp_path / "a.csv"
    for words in (["--server", sound], [sound, "--server"], [sound, "--server", "-q"], [sound, "--server=auto"],
                  ["--server", address, sound], [f"--server={address}", sound],
                  ["--server", address.removeprefix("tcp://"), sound], ["--server", sidecar.file, sound]):  # fmt: skip
        done = medtalk("generate", "-o", out, *words)
        assert (done.code, done.err) == (0, ""), words
        assert out.stat().st_size > 10_000
        out.unlink()


def test_a_sound_that_cannot_be_used_is_told_as_in_a_local_run(medtalk, sidecar, tiny_bundle, sound, tmp_path):
    noise = tmp_path / "no ise.wav"
    noise.write_bytes(b"this is no sound")
    (tmp_path / "empty.wav").touch()
    soundfile.write(tmp_path / "short.wav", np.zeros(100, np.float32), 16000)
    out = tmp_path / "a.csv"
    for words in ([noise], [tmp_path / "empty.wav"], [tmp_path / "short.wav"], [tmp_path / "missing.wav"], [tmp_path],
                  [sound, "--channel", 3], [sound, "--emotion", "hapy"], [sound, "--fps", 0], [sound, "--seed", -1],
                  [sound, "--transcript", tmp_path / "missing.txt"]):  # fmt: skip
        here = medtalk("generate", *words, "-o", out, "--bundle", tiny_bundle)
        there = medtalk("generate", *words, "-o", out, "--server", sidecar.file)
        assert one_line(here) == one_line(there)
    assert not out.exists()


def test_a_bad_sound_among_good_ones(medtalk, sidecar, sound, tmp_path):
    bad, good = tmp_path / "bad.wav", tmp_path / "good.wav"
    bad.write_text("this is no sound")
    good.write_bytes(sound.read_bytes())
    (tmp_path / "rigs").mkdir()
    done = medtalk("generate", sound, bad, good, "--server", sidecar.file, "-o", tmp_path / "rigs", "--json")
    assert done.code == 1 and len(done.err.splitlines()) == 1 and str(bad) in done.err
    first, second, third = map(json.loads, done.out.splitlines())
    assert first["sound"] == str(sound) and third["sound"] == str(good)
    assert second["error"]["code"] == "audio" and str(bad) in second["error"]["message"]
    assert sorted(path.name for path in (tmp_path / "rigs").iterdir()) == ["good.csv", "voice.csv"]


def test_options_that_cannot_go_together(medtalk, sidecar, sound, tmp_path):
    for words in (["--server", sidecar.file, "--bundle", tmp_path], ["--server", sidecar.file, "--threads", 1],
                  ["--keys", tmp_path]):  # fmt: skip
        assert "--server" in one_line(medtalk("generate", sound, "-o", tmp_path / "a.csv", *words))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.mark.parametrize("words", [["generate", "voice.wav", "-o", "a.csv"], ["ping"], ["stop"]])
@pytest.mark.parametrize("where", ["nobody", "address", "file"])
def test_nobody_answers(medtalk, sidecar, sound, tmp_path, monkeypatch, words, where):
    monkeypatch.chdir(tmp_path)
    address = {"nobody": "auto", "address": f"127.0.0.1:{free_port()}", "file": str(tmp_path / "gone.json")}[where]
    done = medtalk(*words, "--server", address)
    assert "medtalk serve" in one_line(done)
    assert not (tmp_path / "a.csv").exists()


def test_a_sidecar_that_has_died(start, medtalk, tiny_bundle, sound, tmp_path):
    """Its connection file is still there; nobody listens."""
    sidecar = start("--bundle", tiny_bundle)
    sidecar.process.kill()
    sidecar.process.wait(60)
    (tmp_path / "rigs").mkdir()
    done = medtalk("generate", sound, "--server", sidecar.file, "-o", tmp_path / "rigs")
    assert "medtalk serve" in one_line(done)
    assert list((tmp_path / "rigs").iterdir()) == []


def a_long_sound(folder: Path) -> Path:
    """Long enough to be caught at it."""
    path = folder / "long.wav"
    noise = 0.1 * np.random.default_rng(0).standard_normal(8000)
    soundfile.write(path, np.tile(noise, 3500), 8000)
    return path


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGINT, 130)])
def test_ending_the_command_cancels_the_job(start, medtalk, tiny_bundle, tmp_path, number, code):
    log = tmp_path / "log.json"
    sidecar = start("--bundle", tiny_bundle, "--log", log)
    words = [*COMMAND, "generate", a_long_sound(tmp_path), "--server", sidecar.file, "-o", tmp_path / "a.csv"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not json.loads(medtalk("ping", "--server", sidecar.file, "--json").out)["working"]:
            assert process.poll() is None
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (code, "", "medtalk: interrupted\n" if code == 130 else "")
    assert not (tmp_path / "a.csv").exists()
    assert [event["code"] for event in events(log) if event["event"] == "ended"] == ["cancelled"]


def test_a_full_queue_is_waited_for(start, medtalk, tiny_bundle, sound, tmp_path):
    """Behind the jobs of another client, which leaves before they are done."""
    log = tmp_path / "log.json"
    sidecar = start("--bundle", tiny_bundle, "--limit", "max_queue=1", "--log", log)
    (tmp_path / "rigs").mkdir()
    words = [*COMMAND, "generate", sound, "--server", sidecar.file, "-o", tmp_path / "rigs", "--json"]
    with Client(sidecar.connection) as other:
        data = a_long_sound(tmp_path).read_bytes()
        jobs = [other.generate(Sound.from_bytes(data)) for _ in range(2)]
        while not (jobs[0].fraction and jobs[1].state == "accepted"):
            other.poll(0.1)
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            while not any(event.get("code") == "queue_full" for event in events(log)):
                assert process.poll() is None
                other.poll(0.01)
            for job in jobs:
                other.cancel(job)
            while not all(job.ended for job in jobs):
                other.poll(0.1)
            out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "") and json.loads(out)["frames"] == 120
    assert (tmp_path / "rigs" / "voice.csv").exists()


@posix
def test_ending_the_command_while_the_queue_is_full(start, tiny_bundle, sound, tmp_path):
    log = tmp_path / "log.json"
    sidecar = start("--bundle", tiny_bundle, "--limit", "max_queue=1", "--log", log)
    with Client(sidecar.connection) as other:
        data = a_long_sound(tmp_path).read_bytes()
        jobs = [other.generate(Sound.from_bytes(data)) for _ in range(2)]
        while not (jobs[0].fraction and jobs[1].state == "accepted"):
            other.poll(0.1)
        words = [*COMMAND, "generate", sound, "--server", sidecar.file, "-o", tmp_path / "a.csv"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            while not any(event.get("code") == "queue_full" for event in events(log)):
                assert process.poll() is None
                other.poll(0.01)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "medtalk: interrupted\n") and not (tmp_path / "a.csv").exists()


def test_a_sidecar_that_ends_meanwhile(start, medtalk, tiny_bundle, sound, tmp_path):
    sidecar = start("--bundle", tiny_bundle)
    (tmp_path / "rigs").mkdir()
    long = a_long_sound(tmp_path)
    words = [*COMMAND, "generate", long, sound, "--server", sidecar.file, "-o", tmp_path / "rigs", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not json.loads(medtalk("ping", "--server", sidecar.file, "--json").out)["working"]:
            assert process.poll() is None
        assert medtalk("stop", "--server", sidecar.file).code == 0
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1 and len(err.splitlines()) == 1
    assert json.loads(out)["error"]["code"] == "stopping"  # and nothing about the second sound: nobody is there for it
    assert list((tmp_path / "rigs").iterdir()) == []


# --- ping, stop


def test_ping(medtalk, sidecar):
    facts = json.loads(medtalk("ping", "--server", sidecar.file, "--json").out)
    connection = sidecar.connection
    assert (facts["address"], facts["instance"], facts["pid"]) == (
        connection.address,
        connection.instance,
        sidecar.process.pid,
    )
    assert facts["limits"]["max_fps"] == 240
    assert facts["bundle"]["name"] == "tiny" and facts["device"] == "cpu"
    assert facts["uptime"] > 0 and facts["round_trip_ms"] > 0 and (facts["queued"], facts["working"]) == (0, 0)
    done = medtalk("ping", "--server", sidecar.file)
    assert (done.code, done.err) == (0, "")
    version = re.escape(facts["version"])
    assert re.fullmatch(
        rf"{connection.address}: medtalk {version}, bundle tiny on cpu, up \d+ s, 0 waiting, 0 working, \d+\.\d ms\n",
        done.out,
    )


def test_stop_waits_until_it_has_gone(start, medtalk, tiny_bundle):
    sidecar = start("--bundle", tiny_bundle)
    address = sidecar.connection.address
    assert medtalk("stop", "--server", sidecar.file) == (0, f"{address}: the sidecar has ended\n", "")
    assert not sidecar.file.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])))
    assert sidecar.process.wait(60) == 0


# --- keys


def test_a_sidecar_with_keys(start, medtalk, tiny_bundle, sound, tmp_path):
    keys, others = tmp_path / "keys", tmp_path / "others"
    assert medtalk("keys", "new", keys).out.splitlines() == [
        str(keys / name)
        for name in ("server.key_secret", "server.key", "client/client.key_secret", "clients/client.key",
                     "client/server.key")
    ]  # fmt: skip
    medtalk("keys", "new", others)
    sidecar = start("--bundle", tiny_bundle, "--host", "0.0.0.0", "--keys", keys)
    port = re.search(r":(\d+)", sidecar.line)
    assert port is not None
    address = f"127.0.0.1:{port[1]}"
    out = tmp_path / "a.npz"
    done = medtalk("generate", sound, "--server", address, "--keys", keys / "client", "-o", out, "-q")
    assert done == (0, "", "")
    assert len(read_rig(out)) == 120
    stranger = others / "client"  # who knows the sidecar's key
    (stranger / "server.key").write_bytes((keys / "server.key").read_bytes())
    assert "does not know our key" in one_line(medtalk("ping", "--server", address, "--keys", stranger))
    assert str(keys / "client") in one_line(medtalk("ping", "--server", address, "--keys", keys))
    done = medtalk("stop", "--server", address, "--keys", keys / "client")
    assert (done.code, done.out) == (0, f"tcp://{address}: the sidecar has ended\n")
    assert sidecar.process.wait(60) == 0


def test_what_keys_new_refuses(medtalk, tmp_path):
    assert medtalk("keys", "new", tmp_path / "keys", "--client", "anna").code == 0
    assert "anna already has keys" in one_line(medtalk("keys", "new", tmp_path / "keys", "--client", "anna"))
    assert "cannot be called" in one_line(medtalk("keys", "new", tmp_path / "keys", "--client", "../anna"))


def test_the_doctor_finds_it(medtalk, sidecar, tmp_path, monkeypatch):
    file = tmp_path / "1.json"
    file.touch(mode=0o600)
    file.write_bytes(sidecar.file.read_bytes())
    monkeypatch.setenv("MEDTALK_RUNTIME", str(tmp_path))
    findings = {line["part"]: line for line in map(json.loads, medtalk("doctor", "--json").out.splitlines())}
    assert findings["sidecar"]["state"] == "ok" and "tcp://127.0.0.1:" in findings["sidecar"]["what"]


@pytest.mark.parametrize("words", [["ping"], ["stop"], ["generate", "line.wav", "-o", "a.csv"]])
def test_a_host_without_a_port_is_not_taken_for_a_sound(medtalk, sound, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    sound.rename("line.wav")
    monkeypatch.setenv("MEDTALK_RUNTIME", str(tmp_path / "run"))
    done = medtalk(words[0], "--server", "render7", *words[1:])
    assert done.code == 1 and "has the token of a sidecar at tcp://render7:5717" in one_line(done)
