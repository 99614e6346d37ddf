"""The signals by which a user, a terminal or another program ends this one."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
_stopped_by: int | None = None


def stopping(platform: Any = signal) -> tuple[signal.Signals, ...]:
    """Those of Ctrl-C, `kill`, a terminal that closes and, on Windows, Ctrl-Break: as many as `platform` has."""
    return tuple(getattr(platform, name) for name in _NAMES if hasattr(platform, name))


STOPPING = stopping()


def on_stop(handler: Callable[[int, Any], Any], signals: Iterable[signal.Signals] = STOPPING) -> None:
    """Have `handler(number, frame)` called when one of the signals comes. Call it in the main thread."""
    for number in signals:
        # A program that was started with nohup outlives its terminal.
        if not (number.name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
            signal.signal(number, handler)


class Stopping:
    """Remembers a signal that comes while a server loads, and stops the server then. Make it in the main thread."""

    def __init__(self) -> None:
        self._asked = False
        self._stop: Callable[[], None] | None = None
        on_stop(self._ask)

    def by(self, stop: Callable[[], None]) -> None:
        """Have `stop` called when a signal comes, and at once if one has come."""
        self._stop = stop
        if self._asked:
            stop()

    def _ask(self, *_: object) -> None:
        self._asked = True
        if self._stop is not None:
            self._stop()


def end_by_exception() -> None:
    """Let the signals end this program by an exception, so that unfinished files are removed."""
    on_stop(_raise)


def stopped_by() -> int | None:
    """The number of the signal that ends this program; None while none has come."""
    return _stopped_by


def check_stop() -> None:
    """Raise the exception of a signal again: Python drops one that comes while it runs a callback of its own."""
    if _stopped_by is not None:
        _raise(_stopped_by, None)


def _raise(number: int, _: Any) -> NoReturn:
    global _stopped_by
    _stopped_by = number
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)
