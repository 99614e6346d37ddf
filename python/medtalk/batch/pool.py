"""Processes that do jobs, each with its own model. One that dies costs its jobs a second try, and no other anything.

Jobs and records travel through pipes. A process ends when the one that began it is gone. There is a library's pool for
this in Python itself; it gives up all jobs when one process dies.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from medtalk.errors import MedtalkError
from medtalk.signals import STOPPING

Job = TypeVar("Job")
_CONTEXT = multiprocessing.get_context("spawn")  # a fork would take the threads' locks along
_TRIES = 2
_READY, _DONE, _BROKEN = "ready", "done", "broken"
_START_SECONDS = 600.0  # for a model from a slow disk
_END_SECONDS = 5.0


@dataclass(frozen=True)
class Died:
    """A job whose process died each time, or took too long; `reason` is a sentence."""

    reason: str


class Pool(Generic[Job]):
    """Up to `size` processes; each makes its worker by `open_worker()` and then calls `worker.make(job)` for each job.

    A worker with a number `batch` above 1 gets as many jobs at a time, for `worker.make_all(jobs)`, which yields what
    it makes of each in turn.

    Args:
        open_worker: travels to the processes, so it is a method or function of a module.
        size: how many.
        timeout: seconds that a job may take; None for as long as it takes.
    """

    def __init__(self, open_worker: Callable[[], Any], size: int, timeout: float | None = None) -> None:
        self._open, self._size, self._timeout = open_worker, size, timeout
        self._workers: list[_Worker[Job]] = []
        self._stopping = False
        self._stillborn = 0  # processes in a row that died while they opened their worker

    def stop(self) -> None:
        """Hand out no more jobs: those at work are finished."""
        self._stopping = True

    def run(self, jobs: Iterable[Job]) -> Generator[tuple[Job, Any]]:
        """Each job with what its worker made of it, or `Died`; in the order in which they are done. Closed, it ends the
        processes.

        Raises:
            MedtalkError: a worker could not be opened, which no job can mend.
        """
        waiting = iter(jobs)
        again: deque[tuple[Job, int]] = deque()  # alone: one of those that were together has killed the process
        more = True
        atexit.register(self._end)  # before Python itself waits for the processes
        try:
            while True:
                while not self._stopping and (more or again) and self._has_room():
                    if again:
                        job, tries = again.popleft()
                    elif (job := next(waiting, None)) is not None:
                        tries = 1
                    else:
                        more = False
                        break
                    worker = self._free()
                    others = islice(waiting, worker.batch - 1) if tries == 1 else ()
                    worker.begin([job, *others], tries)
                at_work = any(worker.jobs for worker in self._workers)
                if not at_work and (self._stopping or not (more or again)):
                    return
                yield from self._wait(again)
        finally:
            self._end()
            atexit.unregister(self._end)

    def _has_room(self) -> bool:
        return len(self._workers) < self._size or any(not worker.jobs for worker in self._workers)

    def _free(self) -> _Worker[Job]:
        """A worker without a job, a new one if all have some."""
        for worker in self._workers:
            if not worker.jobs:
                return worker
        self._workers.append(_Worker(self._open))
        return self._workers[-1]

    def _wait(self, again: deque[tuple[Job, int]]) -> Iterator[tuple[Job, Any]]:
        """Wait for something to happen; the jobs that are done then. Those that are to be tried again go to `again`."""
        busy = [worker for worker in self._workers if worker.jobs]
        ready = wait([end for worker in busy for end in (worker.pipe, worker.process.sentinel)], timeout=1.0)
        for worker in busy:
            if worker.pipe in ready or worker.process.sentinel in ready:
                answer = worker.answer()
            elif (answer := worker.late(self._timeout)) is None:
                continue
            if answer is _READY:
                self._stillborn = 0
            elif isinstance(answer, Died):
                yield from self._buried(worker, answer, again)
            else:
                yield worker.jobs.popleft(), answer

    def _buried(self, worker: _Worker[Job], died: Died, again: deque[tuple[Job, int]]) -> Iterator[tuple[Job, Any]]:
        """What becomes of the jobs of a worker that has died, or must."""
        worker.kill()
        self._workers.remove(worker)
        if not worker.ready:  # its jobs are not to blame
            self._stillborn += 1
            again.extend((job, worker.tries) for job in worker.jobs)
            if self._stillborn >= _TRIES and self._workers:
                self._size = len(self._workers)  # the others go on
            elif self._stillborn >= _TRIES:
                raise MedtalkError(f"The model cannot be loaded. {died.reason}")
        elif worker.tries < _TRIES:  # also if it took too long: the drive may have stalled for all lines at work
            again.extend((job, worker.tries + 1) for job in worker.jobs)
        else:
            yield from ((job, died) for job in worker.jobs)

    def _end(self) -> None:
        """End the processes: those without a job as soon as they see it, the others at once."""
        for worker in self._workers:
            worker.pipe.close()
        deadline = time.monotonic() + _END_SECONDS
        try:
            for worker in self._workers:
                if not worker.jobs:
                    worker.process.join(max(0.0, deadline - time.monotonic()))
        finally:  # also if a signal comes meanwhile
            for worker in self._workers:
                worker.kill()
            self._workers.clear()


class _Worker(Generic[Job]):
    """A process, and the jobs that it has."""

    def __init__(self, open_worker: Callable[[], Any]) -> None:
        self.pipe, theirs = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(target=_work, args=(theirs, open_worker), daemon=True)
        with undisturbed(), _one_core():
            self.process.start()
        theirs.close()
        self.jobs: deque[Job] = deque()
        self.tries = 0
        self.batch = 1
        self.ready = False
        self._since = time.monotonic()

    def begin(self, jobs: Sequence[Job], tries: int) -> None:
        self.jobs, self.tries = deque(jobs), tries
        if self.ready:  # a new one loads its model first
            self._since = time.monotonic()
        with suppress(OSError):  # it has died, which `answer` finds
            self.pipe.send(list(jobs))

    def answer(self) -> Any:
        """What has come: the record of its first job, `Died`, or `_READY` for the word that the model is loaded.

        Raises MedtalkError where the worker could not be opened.
        """
        try:
            kind, content = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join(_END_SECONDS)
            return Died(_reason(self.process.exitcode))
        if kind == _BROKEN:
            raise content
        self._since = time.monotonic()
        if kind == _READY:
            self.ready, self.batch = True, content
            return _READY
        return content

    def late(self, timeout: float | None) -> Died | None:
        """`Died` where it takes too long: the loading of the model, or its jobs, of which the first is long if they are
        worked on together."""
        taken = time.monotonic() - self._since
        if not self.ready:
            return Died(f"It took more than {_START_SECONDS:g} s.") if taken > _START_SECONDS else None
        if timeout is None or taken <= timeout * len(self.jobs):
            return None
        return Died(f"It took more than {timeout:g} s. Give it more with --timeout, or look at the drive of its sound.")

    def kill(self) -> None:
        if self.process.is_alive():
            self.process.kill()
            self.process.join(_END_SECONDS)
            let_go(self.process)


def let_go(process: BaseProcess) -> None:
    """Have Python not wait for a process at its own end, if it still lives: reading a drive that is gone, none ends."""
    if process.is_alive():
        multiprocessing.process._children.discard(process)  # type: ignore[attr-defined]


@contextmanager
def undisturbed() -> Iterator[None]:
    """A process that begins in the block gets no signal of its terminal before it can refuse it."""
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # its own start would let the signals through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _one_core() -> Iterator[None]:
    """numpy in a process that begins in the block computes on one core, unless the user says otherwise."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = before or "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]


def _reason(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        memory = " Perhaps the memory was full: use fewer --jobs." if name == "SIGKILL" else ""
        return f"The process that made it was ended by {name}.{memory}"
    return f"The process that made it ended with code {code}."


def _work(pipe: Connection, open_worker: Callable[[], Any]) -> None:
    """A process: a worker, and its jobs until the pipe is closed. Signals that stop a program are for the one that
    began it, which lets the jobs at work be finished."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        worker = open_worker()
        batch = getattr(worker, "batch", 1)
    except MedtalkError as error:
        pipe.send((_BROKEN, error))
        return
    except MemoryError:
        pipe.send((_BROKEN, MedtalkError("The memory is too small for the model.", "Use fewer --jobs.")))
        return
    try:
        pipe.send((_READY, batch))
        while True:
            for made in _made(worker, pipe.recv()):
                pipe.send((_DONE, made))
    except (EOFError, OSError):
        os._exit(0)


def _end_with_parent() -> None:
    """What would be made now would be written into the work of the next bake, and stand in no ledger."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _made(worker: Any, jobs: Sequence[Any]) -> Iterator[Any]:
    done = 0
    if len(jobs) > 1:
        with suppress(Exception):  # one of them is to blame: which, it shows alone
            for made in worker.make_all(jobs):
                done += 1
                yield made
    for job in jobs[done:]:
        try:
            yield worker.make(job)
        except MemoryError:
            yield Died("The memory was full. Use fewer --jobs.")
        except Exception as error:  # a fault of ours costs a line, not the night
            yield Died(f"A fault of MEDTalk: {type(error).__name__}: {error}")
