"""Processes that do jobs, each with its own model. One that dies costs its job a second try, and no other job anything.

Jobs and records travel through pipes. A process that finds its pipe closed ends: the one that began it is gone. There
is a library's pool for this in Python itself; it gives up all jobs when one process dies.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

from medtalk.errors import MedtalkError

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

    Args:
        open_worker: travels to the processes, so it is a method or function of a module.
        size: how many.
        timeout: seconds that a job may take; None for as long as it takes.
    """

    def __init__(self, open_worker: Callable[[], Any], size: int, timeout: float | None = None) -> None:
        self._open, self._size, self._timeout = open_worker, size, timeout
        self._workers: list[_Worker[Job]] = []
        self._stopping = False

    def stop(self) -> None:
        """Hand out no more jobs: those at work are finished."""
        self._stopping = True

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Any]]:
        """Each job with what its worker made of it, or `Died`; in the order in which they are done.

        Raises:
            MedtalkError: a worker could not be opened, which no job can mend.
        """
        waiting = iter(jobs)
        again: list[tuple[Job, int]] = []
        more = True
        try:
            while True:
                while not self._stopping and (more or again) and (worker := self._free()) is not None:
                    if again:
                        job, tries = again.pop()
                    else:
                        job, tries = next(waiting, None), 1
                        if job is None:
                            more = False
                            break
                    worker.begin(job, tries)
                at_work = any(worker.job is not None for worker in self._workers)
                if not at_work and (self._stopping or not (more or again)):
                    return
                yield from self._wait(again)
        finally:
            self._end()

    def _free(self) -> _Worker[Job] | None:
        for worker in self._workers:
            if worker.job is None:
                return worker
        if len(self._workers) < self._size:
            self._workers.append(_Worker(self._open))
            return self._workers[-1]
        return None

    def _wait(self, again: list[tuple[Job, int]]) -> Iterator[tuple[Job, Any]]:
        """Wait for something to happen; the jobs that are done then."""
        busy = [worker for worker in self._workers if worker.job is not None]
        ready = wait([end for worker in busy for end in (worker.pipe, worker.process.sentinel)], timeout=1.0)
        for worker in busy:
            if worker.pipe in ready or worker.process.sentinel in ready:
                answer = worker.answer()
            elif worker.late(self._timeout):
                worker.kill()
                answer = Died(f"It took more than {self._timeout:g} s.")
            else:
                continue
            if answer is None:  # the model is loaded, the job has begun
                continue
            job, tries = worker.job, worker.tries
            assert job is not None
            worker.job = None
            if isinstance(answer, Died):
                worker.kill()
                self._workers.remove(worker)
                if tries < _TRIES and not self._stopping:
                    again.append((job, tries + 1))
                    continue
            yield job, answer

    def _end(self) -> None:
        """End the processes: those without a job at once, the others if they do not end soon."""
        for worker in self._workers:
            worker.pipe.close()
        deadline = time.monotonic() + _END_SECONDS
        for worker in self._workers:
            if worker.job is not None:
                worker.kill()
            worker.process.join(max(0.0, deadline - time.monotonic()))
            worker.kill()
        self._workers.clear()


class _Worker(Generic[Job]):
    def __init__(self, open_worker: Callable[[], Any]) -> None:
        self.pipe, theirs = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(target=_work, args=(theirs, open_worker), daemon=True)
        self.process.start()
        theirs.close()
        self.job: Job | None = None
        self.tries = 0
        self._since: float | None = None

    def begin(self, job: Job, tries: int) -> None:
        self.job, self.tries = job, tries
        self._since = time.monotonic() if self._since is not None else None  # a new one loads its model first
        with suppress(OSError):  # it has died, which `answer` finds
            self.pipe.send(job)

    def answer(self) -> Any:
        """What has come: the record of the job, `Died`, or None for the word that the model is loaded.

        Raises MedtalkError where the worker could not be opened.
        """
        try:
            kind, content = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            return Died(_reason(self.process.exitcode))
        if kind == _BROKEN:
            raise content
        if kind == _READY:
            self._since = time.monotonic()
            return None
        return content

    def late(self, timeout: float | None) -> bool:
        return timeout is not None and self._since is not None and time.monotonic() - self._since > timeout

    def kill(self) -> None:
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _reason(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        memory = " Perhaps the memory was full: use fewer --jobs." if name == "SIGKILL" else ""
        return f"The process that made it was ended by {name}.{memory}"
    return f"The process that made it ended with code {code}."


def _work(pipe: Connection, open_worker: Callable[[], Any]) -> None:
    """A process: a worker, and its jobs until the pipe is closed. Ctrl-C is for the one that began it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        worker = open_worker()
    except MedtalkError as error:
        pipe.send((_BROKEN, error))
        return
    try:
        pipe.send((_READY, None))
        while True:
            job = pipe.recv()
            pipe.send((_DONE, _made(worker, job)))
    except (EOFError, OSError):
        os._exit(0)


def _made(worker: Any, job: Any) -> Any:
    try:
        return worker.make(job)
    except MemoryError:
        return Died("The memory was full. Use fewer --jobs.")
    except Exception as error:  # a fault of ours costs a line, not the night
        return Died(f"A fault of MEDTalk: {type(error).__name__}: {error}")
