"""Processes that die, hang and fail, with real processes."""

from __future__ import annotations

import os
import pickle
import signal
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from medtalk.batch.pool import Died, Pool
from medtalk.errors import BundleError, SettingError

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
        return name, os.getpid()


def refuse() -> Worker:
    raise BundleError("No bundle.", "Get one.")


def pool(folder: Path, size: int = 2, **options: Any) -> Pool[tuple[str, str]]:
    return Pool(partial(Worker, folder), size, **options)


def test_every_job_is_done_once(tmp_path: Path) -> None:
    done = dict(pool(tmp_path).run([(f"j{n}", "") for n in range(40)]))
    assert [done[(f"j{n}", "")][0] for n in range(40)] == [f"j{n}" for n in range(40)]
    assert 1 <= len({pid for _, pid in done.values()}) <= 2 and os.getpid() not in {pid for _, pid in done.values()}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no such signal")
def test_a_process_that_dies_costs_a_second_try(tmp_path: Path) -> None:
    jobs = [("a", ""), ("b", "die once"), ("c", "die"), ("d", ""), ("e", "")]
    done = {name: made for (name, _), made in pool(tmp_path).run(jobs)}
    assert sorted(done) == ["a", "b", "c", "d", "e"]
    assert [done[name][0] for name in "abde"] == ["a", "b", "d", "e"]
    assert isinstance(done["c"], Died) and "SIGKILL" in done["c"].reason and "fewer --jobs" in done["c"].reason


def test_a_job_that_hangs_and_one_with_a_fault(tmp_path: Path) -> None:
    jobs = [("a", "hang"), ("b", "fault"), ("c", "")]
    done = {name: made for (name, _), made in pool(tmp_path, timeout=0.5).run(jobs)}
    assert isinstance(done["a"], Died) and done["a"].reason.startswith("It took more than 0.5 s.")
    assert done["b"] == Died("A fault of MEDTalk: RuntimeError: oh") and done["c"][0] == "c"


def test_a_worker_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="No bundle"):
        list(Pool(refuse, 2).run([1, 2]))
    error = pickle.loads(pickle.dumps(SettingError("A.", "B.", "C")))
    assert (error.message, error.hint, error.about) == ("A.", "B.", "C")


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
