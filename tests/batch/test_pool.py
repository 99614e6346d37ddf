"""Processes that die, hang and fail, with real processes."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from medtalk.batch.pool import Died, Pool
from medtalk.errors import BundleError, MedtalkError, SettingError

pytestmark = pytest.mark.process


@dataclass
class Worker:
    """Does what a job says: a word, and a file that remembers that it was begun."""

    folder: Path

    def make(self, job: tuple[str, str]) -> Any:
        name, what = job
        mark = self.folder / name
        before = mark.exists()
        mark.touch()
        if what == "die" or (what == "die once" and not before):
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "hang":
            time.sleep(3600)
        if what == "fault":
            raise RuntimeError("oh")
        if what == "threads":
            return name, os.environ["OMP_NUM_THREADS"]
        return name, os.getpid()


@dataclass
class Several(Worker):
    """A worker that likes three jobs at a time, and makes none of them where one has a fault."""

    batch: int = 3

    def make_all(self, jobs: Sequence[tuple[str, str]]) -> Iterator[Any]:
        if any(what == "die" for _, what in jobs):
            os.kill(os.getpid(), signal.SIGKILL)
        if any(what == "fault" for _, what in jobs):
            raise RuntimeError("oh")
        for name, _ in jobs:
            yield name, [name for name, _ in jobs]


def die() -> Worker:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def die_sometimes(folder: Path) -> Worker:
    """A second worker cannot be opened, as where the memory is enough for one."""
    try:
        (folder / "first").mkdir()
    except FileExistsError:
        die()
    return Worker(folder)


def slow(folder: Path) -> Worker:
    time.sleep(1.0)
    return Worker(folder)


def refuse() -> Worker:
    raise BundleError("No bundle.", "Get one.")


def pool(folder: Path, size: int = 2, **options: Any) -> Pool[tuple[str, str]]:
    return Pool(partial(Worker, folder), size, **options)


def test_every_job_is_done_once(tmp_path: Path) -> None:
    done = dict(pool(tmp_path).run([(f"j{n}", "") for n in range(40)]))
    assert [done[(f"j{n}", "")][0] for n in range(40)] == [f"j{n}" for n in range(40)]
    assert 1 <= len({pid for _, pid in done.values()}) <= 2 and os.getpid() not in {pid for _, pid in done.values()}


def test_a_process_computes_on_one_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert [made for _, made in pool(tmp_path).run([("a", "threads")])] == [("a", "1")]
    assert "OMP_NUM_THREADS" not in os.environ


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no such signal")
def test_a_process_that_dies_costs_a_second_try(tmp_path: Path) -> None:
    jobs = [("a", ""), ("b", "die once"), ("c", "die"), ("d", ""), ("e", "")]
    done = {name: made for (name, _), made in pool(tmp_path).run(jobs)}
    assert sorted(done) == ["a", "b", "c", "d", "e"]
    assert [done[name][0] for name in "abde"] == ["a", "b", "d", "e"]
    assert isinstance(done["c"], Died) and "SIGKILL" in done["c"].reason and "fewer --jobs" in done["c"].reason


def test_a_job_that_hangs_and_one_with_a_fault(tmp_path: Path) -> None:
    jobs = [("a", "hang"), ("b", "fault"), ("c", "")]
    done = {name: made for (name, _), made in pool(tmp_path, timeout=3.0).run(jobs)}
    assert isinstance(done["a"], Died) and done["a"].reason.startswith("It took more than 3 s.")
    assert done["b"] == Died("A fault of MEDTalk: RuntimeError: oh") and done["c"][0] == "c"


def test_a_process_that_does_not_end_holds_up_nobody(tmp_path: Path) -> None:
    """As one that reads a drive that is gone: no signal ends it. Python itself would wait for it at its end."""
    code = (
        "import multiprocessing, time; from medtalk.batch.pool import let_go\n"
        "if __name__ == '__main__':\n"
        "    process = multiprocessing.get_context('spawn').Process(target=time.sleep, args=(600,)); process.start()\n"
        "    let_go(process); print(process.pid, process.is_alive())\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with open(tmp_path / "out", "w+") as out:  # the process that is left keeps it open
        assert subprocess.run([sys.executable, script], stdout=out, timeout=60, env=environment).returncode == 0
        out.seek(0)
        number, lives = out.read().split()
    os.kill(int(number), signal.SIGKILL)  # which says that it has outlived the other
    assert lives == "True"


def test_a_worker_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="No bundle"):
        list(Pool(refuse, 2).run([1, 2]))
    error = pickle.loads(pickle.dumps(SettingError("A.", "B.", "C")))
    assert (error.message, error.hint, error.about) == ("A.", "B.", "C")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no such signal")
def test_workers_that_die_before_they_begin(tmp_path: Path) -> None:
    """No job is to blame: the run ends with a reason, unless others can go on."""
    with pytest.raises(MedtalkError, match=r"The model cannot be loaded\. .* SIGKILL\. Perhaps the memory"):
        list(Pool(die, 2).run([1, 2, 3]))
    jobs = [(f"j{n}", "") for n in range(30)]
    done = dict(Pool(partial(die_sometimes, tmp_path), 2).run(jobs))
    assert sorted(done) == sorted(jobs) and not any(isinstance(made, Died) for made in done.values())


def test_no_process_is_begun_for_no_job() -> None:
    assert list(Pool(refuse, 2).run([])) == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no such signal")
def test_several_jobs_at_a_time(tmp_path: Path) -> None:
    """The first goes alone, as nobody knows then what the worker likes. Of a batch with a fault each is done alone."""
    jobs = [("a", ""), ("b", ""), ("c", ""), ("d", ""), ("e", ""), ("f", "fault"), ("g", ""), ("h", "")]
    done = {name: made for (name, _), made in Pool(partial(Several, tmp_path), 1).run(jobs)}
    assert [done[name][1] for name in "bcd"] == [["b", "c", "d"]] * 3 and isinstance(done["a"][1], int)
    assert done["f"] == Died("A fault of MEDTalk: RuntimeError: oh") and done["e"][0] == "e" and done["g"][0] == "g"
    done = {
        name: made for (name, _), made in Pool(partial(Several, tmp_path), 1).run([("x", ""), *jobs[:2], ("d", "die")])
    }
    assert isinstance(done["d"], Died) and [done[name][0] for name in "xab"] == ["x", "a", "b"]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_signal_for_all_is_not_for_a_process_that_begins(tmp_path: Path) -> None:
    """Ctrl-C in a terminal reaches all its processes, also those that have not come to refuse it."""
    code = (
        "import sys; from functools import partial; from pathlib import Path; from medtalk.batch.pool import Pool\n"
        "from tests.batch.test_pool import slow; import signal; signal.signal(signal.SIGINT, lambda *_: None)\n"
        "if __name__ == '__main__':\n"
        "    run = Pool(partial(slow, Path(sys.argv[1])), 1).run([('a', ''), ('b', '')]); print(len(list(run)))\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    process = subprocess.Popen(
        [sys.executable, script, tmp_path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    end = time.monotonic() + 30.0
    while process.poll() is None and time.monotonic() < end:
        if len(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()) > 1:
            os.killpg(process.pid, signal.SIGINT)  # again and again
        time.sleep(0.02)
    assert process.communicate() == ("2\n", "")


def test_what_was_begun_is_finished_after_a_stop(tmp_path: Path) -> None:
    some = pool(tmp_path)
    done = []
    for (name, _), _made in some.run([(f"j{n}", "") for n in range(50)]):
        done.append(name)
        some.stop()
    assert 1 <= len(done) <= 2 and {path.name for path in tmp_path.iterdir()} == set(done)


def test_no_process_outlives_the_pool(tmp_path: Path) -> None:
    seen: list[int] = []
    run = pool(tmp_path).run([(f"j{n}", "") for n in range(10)])
    seen.append(next(run)[1][1])
    assert Path(f"/proc/{seen[0]}").exists()
    run.close()
    assert not Path(f"/proc/{seen[0]}").exists()
