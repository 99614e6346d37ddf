"""Work that another thread can follow and stop.

The caller opens a `Watch` around it; the loops inside call `stage` and `checkpoint`, which do nothing
where nobody watches. So a cancelled job ends at the next checkpoint, in the middle of a network too, and no function on
the way needs a parameter for it.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Self

from medtalk.errors import CancelledError

_current: ContextVar[Watch | None] = ContextVar("medtalk_watch", default=None)


class Watch:
    """Follows the work done inside `with watch:`; every method may be called from any thread."""

    def __init__(self) -> None:
        self.phase = ""
        """What is being done, as the last `stage` named it."""
        self._low = self._high = self._reached = 0.0
        self._expected = 0.0  # seconds that the stage may take, where its progress is unknown
        self._since = 0.0
        self._cancelled = False
        self._stops: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._token: Token[Watch | None] | None = None

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._token is not None
        _current.reset(self._token)

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled

    def cancel(self) -> None:
        """Let the work end with `CancelledError` at its next checkpoint, and stop at once what can be interrupted."""
        with self._lock:
            self._cancelled = True
            for stop in self._stops:
                stop()

    def fraction(self) -> float:
        """How much is done, 0 to 1; never falls. Inside a stage that cannot tell, an estimate by the clock."""
        with self._lock:
            if self._expected:
                passed = 1.0 - math.exp(-(time.monotonic() - self._since) / self._expected)
                self._reached = max(self._reached, self._low + (self._high - self._low) * passed)
            return self._reached

    def _enter(self, phase: str, until: float, expected: float) -> None:
        with self._lock:
            self.phase = phase
            self._low, self._high = self._high, until
            self._reached = max(self._reached, self._low)
            self._expected, self._since = expected, time.monotonic()

    def _reach(self, part: float) -> None:
        with self._lock:
            self._reached = max(self._reached, self._low + (self._high - self._low) * part)

    @contextmanager
    def _stopping(self, stop: Callable[[], None]) -> Iterator[None]:
        with self._lock:
            self._stops.append(stop)
            if self._cancelled:
                stop()
        try:
            yield
        finally:
            with self._lock:
                self._stops.remove(stop)


def stage(phase: str, until: float, expected: float = 0.0) -> None:
    """Begin a stage of the watched work, and a checkpoint.

    Args:
        phase: what a user sees.
        until: the fraction of the whole that is done when it ends, 0 to 1.
        expected: seconds that it may take, for a stage without checkpoints that report progress.
    """
    checkpoint()
    if watch := _current.get():
        watch._enter(phase, until, expected)


def checkpoint(part: float | None = None) -> None:
    """Raise `CancelledError` if the watched work is to stop; `part`, 0 to 1, is how much of the stage is done."""
    if watch := _current.get():
        if watch.cancelled:
            raise CancelledError("The work was cancelled.")
        if part is not None:
            watch._reach(part)


@contextmanager
def telling(tell: Callable[[float], object], every: float = 0.1) -> Iterator[None]:
    """While the block runs, `tell`, in a thread of its own, how much of it is done, 0 to 1, every so many seconds."""
    watch, over = Watch(), threading.Event()

    def follow() -> None:
        while not over.wait(every):
            tell(watch.fraction())

    thread = threading.Thread(target=follow, name="medtalk-progress", daemon=True)
    with watch:
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@contextmanager
def interruptible(stop: Callable[[], None]) -> Iterator[None]:
    """While the block runs, cancelling calls `stop`, from the thread that cancels."""
    watch = _current.get()
    if watch is None:
        yield
        return
    with watch._stopping(stop):
        yield
    checkpoint()
