"""Lines on a Ray cluster: the engine of a bake, which leaves all that is Ray's to a process of its own (`ray_driver`).

Ray takes over the signals of the process that it is in, prints there, and ends it after a minute without its cluster.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Generator, Iterable
from contextlib import ExitStack, suppress
from itertools import chain
from typing import Any

from medtalk.batch.plan import Job
from medtalk.batch.pool import undisturbed
from medtalk.batch.ray_driver import BROKEN, DONE, MORE, Errand, drive, remove
from medtalk.batch.work import Making
from medtalk.errors import MissingExtraError, ServiceError
from medtalk.files import marked

_CONTEXT = multiprocessing.get_context("spawn")
_END_SECONDS = 20.0  # in which Ray ends the processes of a cluster of its own


class RayEngine:
    """Does jobs on a Ray cluster, or on one of its own on this machine, which is begun for the first job.

    Args:
        making: how lines are made; its folder, which must exist, is to be that of every machine.
        size: actors; None takes one for each CPU (for `cuda`, GPU) of the cluster.
        address: of the cluster, as `ray.init` takes it; None starts one here.
        timeout: seconds that a line may take; None for as long as it takes.
        verbose: let Ray print on this process's stdout and stderr.

    Raises:
        MissingExtraError: Ray is not installed.
    """

    def __init__(
        self,
        making: Making,
        size: int | None = None,
        address: str | None = None,
        timeout: float | None = None,
        verbose: bool = False,
    ) -> None:
        if importlib.util.find_spec("ray") is None:
            raise MissingExtraError(
                "The engine ray needs Ray, which is not installed.", "Run pip install 'medtalk[batch]'."
            )
        self._making, self._size, self._address = making, size, address
        self._timeout, self._verbose = timeout, verbose
        self._stopping = False

    def stop(self) -> None:
        """Hand out no more jobs: those at work are finished."""
        self._stopping = True

    def run(self, jobs: Iterable[Job]) -> Generator[tuple[Job, Any]]:
        """Each job with its record, or `Died`; in the order in which they are done. Closed, it ends the work.

        Raises:
            ServiceError: the cluster cannot be reached, or has gone.
            MedtalkError: a machine of the cluster cannot load the model, or has another output folder.
        """
        waiting = iter(jobs)
        first = next(waiting, None)
        if first is None:
            return
        waiting = chain([first], waiting)
        with ExitStack() as stack:
            mark = stack.enter_context(marked(self._making.folder))
            own = None
            if self._address is None:
                own = tempfile.mkdtemp(prefix="ray-", dir=_short_folder())
                stack.callback(remove, own)
            errand = Errand(self._making, mark, self._size, self._address, self._timeout, own)
            pipe, theirs = _CONTEXT.Pipe()
            process = _CONTEXT.Process(target=drive, args=(theirs, errand, self._verbose), daemon=True)
            with undisturbed():
                process.start()
            theirs.close()
            stack.callback(_end, process)
            stack.callback(pipe.close)
            at_work: dict[int, Job] = {}
            while True:
                try:
                    kind, content = pipe.recv()
                except (EOFError, OSError):
                    raise ServiceError(
                        "unreachable", "Ray has ended before the lines were done.", "Run the same command again."
                    ) from None
                if kind == MORE:
                    job = None if self._stopping else next(waiting, None)
                    if job is not None:
                        at_work[job.number] = job
                    pipe.send(job)
                elif kind == DONE:
                    number, made = content
                    yield at_work.pop(number), made
                elif kind == BROKEN:
                    raise content
                else:
                    return


def _short_folder() -> str | None:
    """Where Ray's sockets may lie, whose paths have 107 bytes at most: the usual folder may be a long one."""
    return os.environ.get("RAY_TMPDIR") or ("/tmp" if os.name == "posix" else None)


def _end(process: Any) -> None:
    """End the driver, which ends the cluster of its own, and then what is left of its session."""
    process.join(_END_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
    if sys.platform != "win32":
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    process.close()
