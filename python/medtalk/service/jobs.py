"""Jobs, and the queue in which clients take turns."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from medtalk.service.schema import JobRequest
from medtalk.watch import Watch


@dataclass(eq=False)
class Job:
    """One `generate` or `decode` on its way. `client` is the routing id of whoever asked last."""

    id: str
    client: bytes
    request: JobRequest
    watch: Watch = field(default_factory=Watch)
    received: float = field(default_factory=time.monotonic)
    started: float = 0.0
    last_sent: float = 0.0
    """When the client was last sent something about it (monotonic seconds)."""
    gone: float | None = None
    """Since when its client cannot be reached."""


class FairQueue:
    """Jobs that wait: clients take turns, each with its oldest job."""

    def __init__(self) -> None:
        self._clients: OrderedDict[bytes, deque[Job]] = OrderedDict()
        self.bytes = 0

    def of(self, client: bytes) -> Sequence[Job]:
        """The jobs of one client, oldest first."""
        return tuple(self._clients.get(client, ()))

    def __len__(self) -> int:
        return sum(map(len, self._clients.values()))

    def __iter__(self) -> Iterator[Job]:
        return (job for jobs in self._clients.values() for job in jobs)

    def put(self, job: Job) -> None:
        """Queue a job behind the others of its client."""
        self._clients.setdefault(job.client, deque()).append(job)
        self.bytes += job.request.nbytes

    def take(self) -> Job | None:
        """The next job, or None."""
        for client, jobs in self._clients.items():
            job = jobs[0]
            self._clients.move_to_end(client)
            self._leave(job, client)
            return job
        return None

    def remove(self, job: Job) -> bool:
        """Remove a job; whether it was there."""
        for client, jobs in self._clients.items():
            if job in jobs:
                self._leave(job, client)
                return True
        return False

    def move(self, job: Job, client: bytes) -> None:
        """`job`, if it waits here, now waits behind the others of `client`."""
        if job.client != client and self.remove(job):
            job.client = client
            self.put(job)

    def ahead(self, job: Job) -> int:
        """The number of jobs before this one."""
        mine = self._clients[job.client].index(job)
        count, before = mine, True
        for client, jobs in self._clients.items():
            if client == job.client:
                before = False
                continue
            count += min(len(jobs), mine + before)
        return count

    def _leave(self, job: Job, client: bytes) -> None:
        jobs = self._clients[client]
        jobs.remove(job)
        self.bytes -= job.request.nbytes
        if not jobs:
            del self._clients[client]
