"""When frames are sent: each at its time, the late ones left out in order, on a thread of each sender's own."""

from __future__ import annotations

import itertools
import threading
import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from medtalk.live import Frames

LATE_SECONDS = 0.1
"""A frame that is later than this is not sent if a newer one waits: a face that lags stays wrong, one that jumps is
right again."""
OLD_SECONDS = 1.0
"""A frame that is later than this is never sent: it is better that a face stands still than that it tells old news."""
_LAST_SECONDS = 0.02
"""Before a frame is due, for which the thread sleeps: on Windows a condition waits up to 16 ms longer than asked."""
_MOST_WAITING = 120  # frames, two seconds: what is sent to takes nothing any more
_LATENCIES = 3600  # frames, a minute, of which `latencies` tells
_MOST_MS = 10_000  # all longer ones count as this; nothing is sent so late


class Closed(Exception):
    """Whoever took the packets of a sender has gone; with a text where that is a fault."""


class Sender(Protocol):
    """What an `Outlet` needs."""

    name: str
    """What messages call it."""

    def packets(self, frames: Frames, heard: Sequence[float]) -> list[bytes]:
        """One packet for each frame. heard: (N,) when the sound of each frame was heard (`time.perf_counter`)."""
        ...

    def send(self, packet: bytes) -> None:
        """Send one. Whatever the network says is the sender's own affair; only `Closed` ends it."""
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...


class _Waiting(NamedTuple):
    due: float
    heard: float
    packet: bytes


class Outlet:
    """Sends the packets of a `sender` at their times (of `time.perf_counter`), on a thread that ends with `close`; or
    `at_once`, as they are put, without one.

    dropped: frames so far that were not sent. closed: whether the sender's receiver has gone; problem: why, where that
    is a fault.
    """

    def __init__(self, sender: Sender, *, at_once: bool = False) -> None:
        self.sender = sender
        self.dropped = 0
        self.closed, self.problem = False, ""
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._ending = False
        self._latencies: deque[float] = deque(maxlen=_LATENCIES)
        self._counts: Counter[int] = Counter()  # frames by their latency in ms, of all
        self._thread: threading.Thread | None = None
        if not at_once:
            self._thread = threading.Thread(target=self._run, name=f"medtalk {sender.name}", daemon=True)
            self._thread.start()

    def put(self, packets: Sequence[bytes], due: Sequence[float], heard: Sequence[float]) -> None:
        """Hand over packets, each to be sent when it is `due`; `heard` is when the sound of it was. Never waits,
        unless packets are sent at once."""
        if self.closed:
            return
        if self._thread is None:
            for packet in packets:
                self._send(_Waiting(0.0, 0.0, packet))
            return
        with self._changed:
            self._waiting.extend(map(_Waiting, due, heard, packets))
            while len(self._waiting) > _MOST_WAITING:
                self._waiting.popleft()
                self.dropped += 1
            self._changed.notify()

    def latencies(self) -> list[float]:
        """Seconds from the sound of each frame to its sending, of the frames since the last call (at most a minute)."""
        with self._changed:
            found = list(self._latencies)
            self._latencies.clear()
        return found

    def overall(self, *shares: float) -> list[int]:
        """Milliseconds from the sound of a frame to its sending, of all frames that were sent: those that these shares
        of the frames, 0 to 1, do not exceed. Empty where none was sent."""
        with self._changed:
            counts = sorted(self._counts.items())
        ends = list(itertools.accumulate(count for _, count in counts))
        if not ends:
            return []
        return [counts[bisect_left(ends, share * ends[-1])][0] for share in shares]

    def close(self, seconds: float = 1.0) -> None:
        """Send what waits, which takes until the last is due but at most `seconds`, and end."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(seconds)
        with self._changed:
            self.dropped += len(self._waiting)
            self._waiting.clear()
            self._changed.notify()
        if self._thread is None:
            self.sender.close()

    def _run(self) -> None:
        try:
            while not self.closed and (waiting := self._next()) is not None:
                time.sleep(max(waiting.due - time.perf_counter(), 0.0))
                self._send(waiting)
        finally:  # here, since it may be sending when `close` has waited long enough
            self.sender.close()

    def _send(self, waiting: _Waiting) -> None:
        try:
            self.sender.send(waiting.packet)
        except Exception as error:  # whatever it is, it is said, and ends this way out only
            with self._changed:
                self.closed = True
                self.problem = str(error) if isinstance(error, Closed) else f"{self.sender.name} has failed: {error!r}."
                self._waiting.clear()
            return
        with self._changed:
            latency = time.perf_counter() - waiting.heard
            self._latencies.append(latency)
            self._counts[min(round(1e3 * latency), _MOST_MS)] += 1

    def _next(self) -> _Waiting | None:
        """The next packet, shortly before it is due; None at the end."""
        with self._changed:
            while True:
                now = time.perf_counter()
                while self._waiting and self._waiting[0].due < now - (
                    LATE_SECONDS if len(self._waiting) > 1 else OLD_SECONDS
                ):
                    self._waiting.popleft()
                    self.dropped += 1
                if not self._waiting:
                    if self._ending:
                        return None
                    self._changed.wait()
                elif (wait := self._waiting[0].due - now - _LAST_SECONDS) > 0.0:
                    self._changed.wait(wait)
                else:
                    return self._waiting.popleft()
