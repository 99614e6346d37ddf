"""The queue is fair and knows it, the cache forgets the right ones: both against small models."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from medtalk.service.cache import ByteCache
from medtalk.service.jobs import FairQueue, Job
from tests.helpers.messages import VALID, read

REQUEST = read(VALID["decode"]).body
CLIENTS = st.sampled_from([b"a", b"b", b"c", b"d"])


class Queue(RuleBasedStateMachine):
    """The model: each client that waits has a stamp, of when it came or last had its turn; the oldest stamp is next."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = FairQueue()
        self.waiting: list[Job] = []  # in the order in which they came
        self.taken: list[Job] = []
        self.stamps: dict[bytes, int] = {}
        self.turns: dict[bytes, list[bytes]] = {}  # of others, since the client came or had its own
        self.clock = 0

    def come(self, job: Job) -> None:
        self.waiting.append(job)
        if job.client not in self.stamps:
            self.stamp(job.client)

    def leave(self, job: Job, client: bytes) -> None:
        self.waiting.remove(job)
        if not any(other.client == client for other in self.waiting if other is not job):
            del self.stamps[client], self.turns[client]

    def stamp(self, client: bytes) -> None:
        self.clock += 1
        self.stamps[client] = self.clock
        self.turns[client] = []

    def to_come(self) -> list[Job]:
        """All that wait, in the order in which they must be taken."""
        rest, stamps, clock, order = list(self.waiting), dict(self.stamps), self.clock, []
        while rest:
            client = min({job.client for job in rest}, key=lambda client: stamps[client])
            job = next(job for job in rest if job.client == client)
            clock += 1
            stamps[client] = clock
            rest.remove(job)
            order.append(job)
        return order

    @rule(client=CLIENTS, nbytes=st.integers(0, 1 << 40))
    def put(self, client: bytes, nbytes: int) -> None:
        job = Job(str(self.clock), client, replace(REQUEST, nbytes=nbytes))
        self.queue.put(job)
        self.come(job)

    @rule()
    def take(self) -> None:
        order = self.to_come()
        job = self.queue.take()
        assert job is (order[0] if order else None)
        if job is not None:
            for client, turns in self.turns.items():
                if client != job.client:
                    assert job.client not in turns, "a client had two turns while another waited for one"
                    turns.append(job.client)
            self.stamp(job.client)
            self.leave(job, job.client)
            self.taken.append(job)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(self.waiting))
        assert self.queue.remove(job)
        self.leave(job, job.client)
        self.taken.append(job)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), client=CLIENTS)
    def move(self, data: st.DataObject, client: bytes) -> None:
        job = data.draw(st.sampled_from(self.waiting))
        before = job.client
        self.queue.move(job, client)
        assert job.client == client
        if client != before:
            self.leave(job, before)
            self.come(job)

    @precondition(lambda self: self.taken)
    @rule(data=st.data(), client=CLIENTS)
    def who_does_not_wait_cannot_leave_or_move(self, data: st.DataObject, client: bytes) -> None:
        job = data.draw(st.sampled_from(self.taken))
        before = job.client
        assert not self.queue.remove(job)
        self.queue.move(job, client)
        assert job.client == before

    @invariant()
    def each_job_knows_how_many_are_ahead(self) -> None:
        assert [self.queue.ahead(job) for job in self.to_come()] == list(range(len(self.waiting)))

    @invariant()
    def all_that_wait_are_counted(self) -> None:
        assert len(self.queue) == len(self.waiting)
        assert {id(job) for job in self.queue} == {id(job) for job in self.waiting}
        assert self.queue.bytes == sum(job.request.nbytes for job in self.waiting)


Queue.TestCase.settings = settings(deadline=None, max_examples=150, stateful_step_count=60)
TestQueue = pytest.mark.slow(Queue.TestCase)


def test_a_client_with_many_jobs_does_not_hold_up_the_others() -> None:
    queue = FairQueue()
    jobs = [Job(name, name[0].encode(), REQUEST) for name in ("a1", "a2", "a3", "b1", "c1", "b2")]
    for job in jobs:
        queue.put(job)
    assert [queue.ahead(job) for job in jobs] == [0, 3, 5, 1, 2, 4]
    order = [queue.take() for _ in jobs]
    assert [job.id for job in order if job] == ["a1", "b1", "c1", "a2", "b2", "a3"]
    assert queue.take() is None and queue.bytes == 0


KEYS = st.sampled_from("abcdef")


@settings(deadline=None)
@given(st.integers(0, 20), st.lists(st.one_of(st.tuples(KEYS), st.tuples(KEYS, st.integers(0, 25))), max_size=60))
def test_the_cache_forgets_what_was_used_longest_ago(limit: int, steps: list[tuple]) -> None:
    cache: ByteCache[object] = ByteCache(limit)
    model: list[tuple[str, object, int]] = []  # what was used last is last
    for key, *size in steps:
        known = [entry for entry in model if entry[0] == key]
        others = [entry for entry in model if entry[0] != key]
        if not size:
            assert cache.get(key) is (known[0][1] if known else None)
            model = others + known
        else:
            value = object()
            cache.put(key, value, size[0])
            model = [*others, (key, value, size[0])] if size[0] <= limit else others
            while sum(entry[2] for entry in model) > limit:
                del model[0]
        assert len(cache) == len(model) and cache.bytes == sum(entry[2] for entry in model) <= limit
    for key, value, _ in model:
        assert cache.get(key) is value
