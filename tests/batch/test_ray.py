"""The engine `ray`, with real clusters, machines that are lost, and processes that are killed."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import soundfile

from medtalk.batch.manifest import folder_lines
from medtalk.batch.plan import Job, plan
from medtalk.batch.ray_driver import Actor
from medtalk.batch.ray_engine import RayEngine
from medtalk.batch.work import Making
from medtalk.errors import BundleError, OutputError, ServiceError
from medtalk.version import __version__
from medtalk_wire.settings import Settings
from tests.helpers.sounds import babble

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(os.name != "posix", reason="signals of POSIX, and its process table"),
]
SOUNDS = 10
_PATIENCE = 180.0


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of ten short sounds."""
    folder = tmp_path_factory.mktemp("voices")
    for number in range(SOUNDS):
        soundfile.write(folder / f"s{number}.wav", babble(0.6 + 0.1 * number), 16000)
    return folder


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """What the machines of a cluster and its users have in common."""
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    return {**os.environ, **token, "RAY_worker_niceness": "0"}


class Machine:
    """What Ray takes for a machine: `ray start` in a process of its own. `address` is that of its cluster."""

    def __init__(self, environment: dict[str, str], cpus: int, address: str = "") -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="r", dir="/tmp")  # a socket's path has 107 bytes at most
        words = ["start", "--block", "--num-cpus", cpus, "--object-store-memory", 80_000_000, "--disable-usage-stats"]
        if address:
            words += ["--address", address]
        else:
            words += ["--head", "--port", 0, "--include-dashboard=false", "--temp-dir", self._folder.name]
        command = [sys.executable, "-m", "ray.scripts.scripts", *map(str, words)]
        self._log = Path(self._folder.name, "log")
        with self._log.open("w") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        until(lambda: "--block" in self._log.read_text() or self.process.poll() is not None, "Ray did not start")
        assert self.process.poll() is None, self._log.read_text()
        self.address = address or self._log.read_text().partition("--address='")[2].partition("'")[0]

    def lose(self) -> None:
        """Let it vanish at once, with all that it does."""
        for process in family(self.process.pid):
            process.kill()
        self.process.wait()
        self._folder.cleanup()


@pytest.fixture(scope="module")
def cluster(environment: dict[str, str]) -> Iterator[Machine]:
    """A cluster of two workers that tests share."""
    head = Machine(environment, 2)
    yield head
    assert head.process.poll() is None, "a test has ended the shared cluster"
    head.lose()


@pytest.fixture
def begin(tiny_bundle: Path, voices: Path, tmp_path: Path, environment: dict[str, str]) -> Iterator[Callable[..., Any]]:
    """Starts a bake of the sounds in a session of its own."""
    begun: list[subprocess.Popen[str]] = []

    def start(*words: object, source: Path = voices, **more: str) -> subprocess.Popen[str]:
        command = ["-m", "medtalk", "bake", source, "-o", tmp_path / "out", "--bundle", tiny_bundle, *words]
        begun.append(
            subprocess.Popen(
                [sys.executable, *map(str, command)], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env={**environment, **more}, start_new_session=True,
            )
        )  # fmt: skip
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.communicate()


def family(pid: int) -> list[psutil.Process]:
    """A process and all that it began, and they."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def named(processes: list[psutil.Process], name: str) -> list[psutil.Process]:
    found = []
    for process in processes:
        try:
            if name in " ".join(process.cmdline()[:2]):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def until(true: Callable[[], Any], otherwise: str) -> None:
    end = time.monotonic() + _PATIENCE
    while not true():
        assert time.monotonic() < end, otherwise
        time.sleep(0.05)


def lines(out: Path) -> list[dict[str, Any]]:
    """The records of the ledger, each of which must be whole."""
    path = out / "results.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def made(text: str) -> list[int]:
    """The numbers of the summary: made, done before, failed, changed by hand, left."""
    return [int(cell) for cell in text.splitlines()[-1].split()[:5]]


def end_of(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=_PATIENCE)
    return process.returncode, out, err


def test_a_worker_that_is_killed_costs_nothing(begin, cluster, tmp_path, medtalk, tiny_bundle, voices):
    process = begin("--engine", "ray", "--address", cluster.address)
    until(lambda: len(lines(tmp_path / "out")) >= 2, "no line was done")
    victim = named(family(cluster.process.pid), "ray::Actor")[0]
    victim.kill()
    code, out, err = end_of(process)
    assert (code, err) == (0, "") and made(out) == [SOUNDS, 0, 0, 0, 0]
    records = lines(tmp_path / "out")
    assert sorted(record["id"] for record in records) == sorted(f"s{n}" for n in range(SOUNDS))
    assert medtalk("bake", voices, "-o", tmp_path / "here", "--bundle", tiny_bundle, "--jobs", 1).code == 0
    by_processes = {record["id"]: record["files"][0]["sha256"] for record in lines(tmp_path / "here")}
    assert {record["id"]: record["files"][0]["sha256"] for record in records} == by_processes
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        ["results.jsonl", *(f"s{n}.npz" for n in range(SOUNDS))]
    )
    code, out, err = end_of(begin("--engine", "ray", "--address", cluster.address))
    assert (code, err) == (0, "") and made(out) == [0, SOUNDS, 0, 0, 0]
    assert lines(tmp_path / "out") == records


def test_a_machine_that_is_lost_costs_nothing(begin, cluster, environment, tmp_path):
    other = Machine(environment, 1, cluster.address)
    try:
        process = begin("--engine", "ray", "--address", cluster.address)
        until(lambda: named(family(other.process.pid), "ray::Actor.make"), "the other machine had no line")
    finally:
        other.lose()
    code, out, err = end_of(process)
    assert (code, err) == (0, "") and made(out) == [SOUNDS, 0, 0, 0, 0]
    assert sorted(record["id"] for record in lines(tmp_path / "out")) == sorted(f"s{n}" for n in range(SOUNDS))


def test_a_line_that_takes_too_long_is_given_up(begin, cluster, voices, tmp_path):
    os.mkfifo(tmp_path / "never.wav")  # nobody ever writes it
    table = tmp_path / "lines.csv"
    table.write_text("\n".join(["id,audio", f"N,{tmp_path}/never.wav", *(f"L{n},{voices}/s{n}.wav" for n in range(3))]))
    process = begin("--engine", "ray", "--address", cluster.address, "--timeout", 4, source=table)
    code, out, err = end_of(process)
    assert code == 1 and err == "medtalk: N.npz: It took more than 4 s.\n" and made(out) == [3, 0, 1, 0, 0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_what_was_begun(begin, cluster, medtalk, tiny_bundle, voices, tmp_path, number):
    own = number == signal.SIGINT  # a terminal sends it to all processes of the command
    process = begin("--engine", "ray", *(["--jobs", 2] if own else ["--address", cluster.address]))
    until(lambda: len(lines(tmp_path / "out")) >= 2, "no line was done")
    processes = family(process.pid)
    os.killpg(process.pid, number) if own else process.send_signal(number)
    code, out, err = end_of(process)
    assert code == 1 and err == "medtalk: Stopping: the lines at work are finished. Once more ends at once.\n"
    done = lines(tmp_path / "out")
    assert 2 <= len(done) == made(out)[0] < SOUNDS and made(out)[4] == SOUNDS - len(done)
    assert {path.stem for path in (tmp_path / "out").glob("*.npz")} == {record["id"] for record in done}
    until(lambda: not alive(processes), "processes of the cluster are left")
    again = medtalk("bake", voices, "-o", tmp_path / "out", "--bundle", tiny_bundle, "--jobs", 1)
    assert made(again.out)[:2] == [SOUNDS - len(done), len(done)]


@pytest.mark.parametrize("name", ["gcs_server", "raylet"])
def test_a_cluster_that_goes_ends_the_bake(begin, medtalk, tiny_bundle, voices, tmp_path, name):
    far = tmp_path / ("far" * 40)  # too long for the sockets of Ray
    far.mkdir()
    folders = set(Path("/tmp").glob("ray-*"))
    process = begin("--engine", "ray", "--jobs", 2, TMPDIR=str(far), HOME=str(far))
    until(lambda: len(lines(tmp_path / "out")) >= 2, "no line was done")
    processes = family(process.pid)
    (victim,) = [each for each in named(processes, name) if Path(each.exe()).name == name]
    victim.kill()
    code, _, err = end_of(process)
    assert code == 1 and err.startswith("medtalk: The Ray cluster has gone.") and len(err.splitlines()) == 1
    done = lines(tmp_path / "out")
    assert 2 <= len(done) < SOUNDS and {record["state"] for record in done} == {"done"}
    assert len({record["id"] for record in done}) == len(done)
    until(lambda: not alive(processes), "processes of the cluster are left")
    assert not list(far.rglob("*")) and set(Path("/tmp").glob("ray-*")) <= folders
    again = medtalk("bake", voices, "-o", tmp_path / "out", "--bundle", tiny_bundle, "--jobs", 1)
    assert made(again.out)[:2] == [SOUNDS - len(done), len(done)]
    assert sorted({record["id"] for record in lines(tmp_path / "out")}) == sorted(f"s{n}" for n in range(SOUNDS))
    assert not list((tmp_path / "out").glob(".medtalk-*"))


def test_a_bake_that_is_killed_leaves_no_cluster(begin, tmp_path):
    process = begin("--engine", "ray", "--jobs", 1)
    until(lambda: len(lines(tmp_path / "out")) >= 1, "no line was done")
    processes = family(process.pid)
    process.kill()
    until(lambda: not alive(processes), "processes of the cluster are left")


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nowhere"])
def test_a_wrong_address_is_one_line(begin, tmp_path, address):
    code, _, err = end_of(begin("--engine", "ray", "--address", address))
    assert code == 1 and f"The Ray cluster {address} cannot be reached" in err and len(err.splitlines()) == 1
    assert "Check --address" in err and lines(tmp_path / "out") == []


def test_without_ray(medtalk, monkeypatch, tiny_bundle, voices, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    done = medtalk("bake", voices, "-o", tmp_path / "out", "--bundle", tiny_bundle, "--engine", "ray")
    assert done.code == 1 and "pip install 'medtalk[batch]'" in done.err and len(done.err.splitlines()) == 1


def jobs_of(folder: Path) -> list[Job]:
    return plan(folder_lines(folder).lines, Settings())[0]


def test_a_model_that_cannot_be_loaded_ends_the_bake(cluster, environment, voices, tmp_path, monkeypatch):
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        monkeypatch.setenv(name, environment[name])
    engine = RayEngine(Making(tmp_path, tmp_path / "no_bundle"), 2, cluster.address)
    with pytest.raises(BundleError, match=r"On the machine \S+: "):
        list(engine.run(jobs_of(voices)))
    assert not list(tmp_path.iterdir())


def test_a_machine_that_does_not_fit_says_so(tiny_bundle, tmp_path):
    making, mark = Making(tmp_path, tiny_bundle), tmp_path / "mark"
    answer = Actor(making, mark, __version__).open()
    assert isinstance(answer, OutputError) and f"The folder {tmp_path} on the machine" in str(answer)
    mark.touch()
    answer = Actor(making, mark, "0.1").open()
    assert isinstance(answer, ServiceError) and "this one has 0.1" in str(answer)
