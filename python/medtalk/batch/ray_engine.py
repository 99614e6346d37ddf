"""Lines as tasks of Ray actors: each loads the model once. Scheduling, retries and lost nodes are Ray's own business.

Every machine of the cluster needs the same package, and the sounds and the output folder under the same paths.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable
from typing import Any

from medtalk.batch.plan import Job
from medtalk.batch.pool import Died
from medtalk.batch.work import Making
from medtalk.errors import MissingExtraError, ServiceError

_AHEAD = 2  # jobs that an actor has at a time: one at work, one waiting, so that none sits idle
_RETRIES = 2


class RayEngine:
    """Does jobs on a Ray cluster, or on one of its own on this machine. Use it in a `with` block.

    Args:
        making: how lines are made; its folder must be that of every machine.
        size: actors; None takes one for each CPU of the cluster.
        address: of the cluster, as `ray.init` takes it; None starts one here.

    Raises:
        MissingExtraError: Ray is not installed.
        ServiceError: the cluster cannot be reached.
    """

    def __init__(self, making: Making, size: int | None = None, address: str | None = None) -> None:
        try:
            import ray
        except ImportError:
            raise MissingExtraError(
                "The engine ray needs Ray, which is not installed.", "Run pip install 'medtalk[batch]'."
            ) from None
        self._ray, self._making, self._size = ray, making, size
        self._stopping = False
        own = {"num_cpus": size} if address is None and size else {}
        try:
            ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, include_dashboard=False, **own)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise ServiceError(
                "unreachable", f"The Ray cluster {address} cannot be reached: {error}", "Check --address."
            ) from None

    def __enter__(self) -> RayEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self._ray.shutdown()

    def stop(self) -> None:
        """Hand out no more jobs: those at work are finished."""
        self._stopping = True

    def run(self, jobs: Iterable[Job]) -> Generator[tuple[Job, Any]]:
        """Each job with its record, or `Died`; in the order in which they are done."""
        ray = self._ray
        size = self._size or max(1, int(ray.cluster_resources().get("CPU", 1)))
        # An actor that dies is started anew, elsewhere if its node is gone, and what it had is tried again.
        remote = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=_RETRIES)(_Actor)
        actors = [remote.remote(self._making) for _ in range(size)]
        at_work: dict[Any, tuple[Job, int]] = {}
        load = [0] * size
        waiting = iter(jobs)
        more = True
        while True:
            while more and not self._stopping and min(load) < _AHEAD:
                job = next(waiting, None)
                if job is None:
                    more = False
                    break
                number = load.index(min(load))
                at_work[actors[number].make.remote(job)] = job, number
                load[number] += 1
            if not at_work:
                return
            ready, _ = ray.wait(list(at_work), num_returns=1)
            job, number = at_work.pop(ready[0])
            load[number] -= 1
            try:
                yield job, ray.get(ready[0])
            except ray.exceptions.RayError as error:
                yield job, Died(_first_line(error))


class _Actor:
    """A maker in a process of Ray."""

    def __init__(self, making: Making) -> None:
        self._maker = making.open()

    def make(self, job: Job) -> dict[str, Any]:
        return self._maker.make(job)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"Ray gave it up: {lines[0] if lines else type(error).__name__}"[:300]
