"""The engine `ray`, with real clusters, machines that are lost, and processes that are killed."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import soundfile

from medtalk.batch.manifest import folder_lines
from medtalk.batch.plan import Job, plan
from medtalk.batch.pool import Died
from medtalk.batch.ray_driver import Actor
from medtalk.batch.ray_engine import RayEngine
from medtalk.batch.work import Maker, Making
from medtalk.errors import BundleError, OutputError, ServiceError
from medtalk.version import __version__
from medtalk_wire.settings import Settings
from tests.helpers.sounds import babble

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(os.name != "posix", reason="signals of POSIX, and its process table"),
]
SOUNDS, LINES, MANY = 10, 40, 2000
_PATIENCE = 180.0


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of ten short sounds."""
    folder = tmp_path_factory.mktemp("voices")
    for number in range(SOUNDS):
        soundfile.write(folder / f"s{number}.wav", babble(0.6 + 0.1 * number), 16000)
    return folder


def table(voices: Path, path: Path, count: int) -> Path:
    """A manifest of so many lines."""
    rows = [f"L{n},{voices}/s{n % SOUNDS}.wav" for n in range(count)]
    path.write_text("\n".join(["id,audio", *rows]))
    return path


@pytest.fixture
def some(voices: Path, tmp_path: Path) -> Path:
    """A manifest of lines that take a while."""
    return table(voices, tmp_path / "lines.csv", LINES)


@pytest.fixture
def many(voices: Path, tmp_path: Path) -> Path:
    """A manifest of more lines than a test waits for."""
    return table(voices, tmp_path / "lines.csv", MANY)


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
def begin(tiny_bundle: Path, tmp_path: Path, environment: dict[str, str]) -> Iterator[Callable[..., Any]]:
    """Starts a bake by Ray in a session of its own."""
    begun: list[subprocess.Popen[str]] = []

    def start(source: Path, *words: object, **more: str) -> subprocess.Popen[str]:
        command = ["-m", "medtalk", "bake", source, "-o", tmp_path / "out", "--bundle", tiny_bundle, *words]
        command += ["--engine", "ray"]
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


def folder_of(processes: list[psutil.Process]) -> Path:
    """The folder of a bake's own cluster."""
    words = " ".join(named(processes, "gcs_server")[0].cmdline())
    (folder,) = set(re.findall(r"/tmp/ray-[^/ ]+", words))
    assert Path(folder).is_dir()
    return Path(folder)


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


def ids(records: list[dict[str, Any]]) -> list[str]:
    return sorted(record["id"] for record in records)


EACH = sorted(f"L{n}" for n in range(LINES))


def test_a_worker_that_is_killed_costs_nothing(begin, cluster, medtalk, tiny_bundle, some, tmp_path):
    process = begin(some, "--address", cluster.address)
    until(lambda: len(lines(tmp_path / "out")) >= 2, "no line was done")
    named(family(cluster.process.pid), "ray::Actor")[0].kill()
    code, out, err = end_of(process)
    assert (code, err) == (0, "") and made(out) == [LINES, 0, 0, 0, 0]
    records = lines(tmp_path / "out")
    assert ids(records) == EACH
    assert medtalk("bake", some, "-o", tmp_path / "here", "--bundle", tiny_bundle, "--jobs", 1).code == 0
    by_processes = {path.name: path.read_bytes() for path in (tmp_path / "here").glob("*.npz")}
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").glob("*.npz")} == by_processes
    code, out, err = end_of(begin(some, "--address", cluster.address))
    assert (code, err) == (0, "") and made(out) == [0, LINES, 0, 0, 0]
    assert lines(tmp_path / "out") == records


def test_a_machine_that_is_lost_costs_nothing(begin, cluster, environment, some, tmp_path):
    other = Machine(environment, 1, cluster.address)
    try:
        process = begin(some, "--address", cluster.address)
        until(lambda: len(lines(tmp_path / "out")) >= 2, "no line was done")
        assert named(family(other.process.pid), "ray::Actor"), "the other machine has no worker"
    finally:
        other.lose()
    code, out, err = end_of(process)
    assert (code, err) == (0, "") and made(out) == [LINES, 0, 0, 0, 0] and ids(lines(tmp_path / "out")) == EACH


@dataclass(frozen=True)
class Stalling(Making):
    """Its workers wait for ever for one sound, as on a drive that stalls."""

    def open(self) -> Maker:
        sys.addaudithook(_stall)
        return super().open()


def _stall(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and str(arguments[0]).endswith("s1.wav"):
        time.sleep(3600)


def test_a_line_that_takes_too_long_is_given_up(asked, tiny_bundle, voices, tmp_path):
    engine = RayEngine(Stalling(tmp_path, tiny_bundle), 1, asked, timeout=8.0)
    found = {job.id: record for job, record in engine.run(jobs_of(voices)[:4])}
    assert isinstance(found["s1"], Died) and found["s1"].reason.startswith("It took more than 8 s.")
    assert [found[name]["state"] for name in ("s0", "s2", "s3")] == ["done"] * 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_what_was_begun(begin, cluster, medtalk, tiny_bundle, many, tmp_path, number):
    own = number == signal.SIGINT  # a terminal sends it to all processes of the command
    process = begin(many, *(["--jobs", 2] if own else ["--address", cluster.address]))
    until(lambda: len(lines(tmp_path / "out")) >= 2, "no line was done")
    processes = family(process.pid)
    os.killpg(process.pid, number) if own else process.send_signal(number)
    code, out, err = end_of(process)
    assert code == 1 and err == "medtalk: Stopping: the lines at work are finished. Once more ends at once.\n"
    done = lines(tmp_path / "out")
    assert 2 <= len(done) == made(out)[0] < MANY and made(out)[4] == MANY - len(done)
    assert sorted(path.stem for path in (tmp_path / "out").glob("*.npz")) == ids(done)
    until(lambda: not alive(processes), "processes of the cluster are left")
    rest = medtalk("bake", many, "-o", tmp_path / "out", "--bundle", tiny_bundle, "--dry-run")
    assert rest.out == f"{MANY - len(done)} lines to make, {len(done)} done already\n"


@pytest.mark.parametrize("name", ["gcs_server", "raylet"])
def test_a_cluster_that_goes_ends_the_bake(begin, medtalk, tiny_bundle, many, tmp_path, name):
    far = tmp_path / ("far" * 40)  # too long for the sockets of Ray
    far.mkdir()
    process = begin(many, "--jobs", 2, TMPDIR=str(far), HOME=str(far))
    until(lambda: len(lines(tmp_path / "out")) >= 2, "no line was done")
    processes = family(process.pid)
    (victim,) = [each for each in named(processes, name) if Path(each.exe()).name == name]
    folder = folder_of(processes)
    victim.kill()
    code, _, err = end_of(process)
    assert code == 1 and err.startswith("medtalk: The Ray cluster has gone.") and len(err.splitlines()) == 1
    done = ids(lines(tmp_path / "out"))
    assert 2 <= len(done) < MANY and len(set(done)) == len(done)
    assert set(done) <= {path.stem for path in (tmp_path / "out").glob("*.npz")}
    until(lambda: not alive(processes), "processes of the cluster are left")
    assert not list(far.rglob("*")) and not folder.exists()

    def bake(*words: object) -> Any:
        return medtalk("bake", many, "-o", tmp_path / "out", "--bundle", tiny_bundle, "--jobs", 1, *words)

    assert bake("--dry-run").out == f"{MANY - len(done)} lines to make, {len(done)} done already\n"
    assert made(bake("--rows", f"{MANY}").out) == [1, 0, 0, 0, 0]
    assert not list((tmp_path / "out").glob(".medtalk-*"))


def test_a_bake_that_is_killed_leaves_no_cluster(begin, many, tmp_path):
    process = begin(many, "--jobs", 1)
    until(lambda: len(lines(tmp_path / "out")) >= 1, "no line was done")
    processes = family(process.pid)
    folder = folder_of(processes)
    process.kill()
    until(lambda: not alive(processes), "processes of the cluster are left")
    until(lambda: not folder.exists(), "files of the cluster are left")


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nowhere"])
def test_a_wrong_address_is_one_line(begin, voices, tmp_path, address):
    code, _, err = end_of(begin(voices, "--address", address))
    assert code == 1 and f"The Ray cluster {address} cannot be reached" in err and len(err.splitlines()) == 1
    assert "Check --address" in err and lines(tmp_path / "out") == []


def test_without_ray(medtalk, monkeypatch, tiny_bundle, voices, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    done = medtalk("bake", voices, "-o", tmp_path / "out", "--bundle", tiny_bundle, "--engine", "ray")
    assert done.code == 1 and "pip install 'medtalk[batch]'" in done.err and len(done.err.splitlines()) == 1


def jobs_of(folder: Path) -> list[Job]:
    return plan(folder_lines(folder).lines, Settings())[0]


@pytest.fixture
def asked(cluster: Machine, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the cluster, for an engine that begins in this process."""
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        monkeypatch.setenv(name, environment[name])
    return cluster.address


def test_a_model_that_cannot_be_loaded_ends_the_bake(asked, voices, tmp_path):
    engine = RayEngine(Making(tmp_path, tmp_path / "no_bundle"), 2, asked)
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
