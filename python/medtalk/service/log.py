"""The sidecar's log: one JSON object a line, nothing unless asked for."""

from __future__ import annotations

import io
import json
import logging
import os
import queue
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import QueueHandler, QueueListener
from typing import Any, TextIO

from medtalk.errors import OutputError

log = logging.getLogger("medtalk.service")
log.propagate = False
_WAITING = 10_000  # lines that may wait to be written
_LAST_SECONDS = 0.5  # for the last of them
log.addHandler(logging.NullHandler())


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {"time": f"{seconds}.{int(record.msecs):03d}Z", "level": record.levelname.lower()}
        line |= {"event": record.getMessage(), **getattr(record, "facts", {})}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class _Writer(logging.StreamHandler[TextIO]):
    """Writes the log `name`; counts the lines that it cannot write (a full disk), and says so once."""

    def __init__(self, stream: TextIO, name: str) -> None:
        super().__init__(stream)
        self.lost = 0
        self._log = name

    def createLock(self) -> None:
        self.lock = None  # one thread writes

    def handleError(self, record: logging.LogRecord) -> None:
        self.lost += 1
        if self.lost == 1:
            error = sys.exc_info()[1]
            reason = getattr(error, "strerror", None) or error
            line = (
                f"medtalk: Cannot write the log {self._log}: {reason}. The sidecar keeps running; lines are missing.\n"
            )
            # Not by sys.stderr: if nobody reads it, this thread hangs here, and Python could not end.
            with suppress(OSError):
                os.write(2, line.encode("utf-8", "backslashreplace"))


class _Door(QueueHandler):
    """Hands records to the thread that writes; counts those that it has no room for."""

    lost = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record  # it stays in this process: no need to make it ready for another

    def handleError(self, record: logging.LogRecord) -> None:
        self.lost += 1


@contextmanager
def open_log(target: str | None) -> Iterator[None]:
    """Within the block, write the log to the file `target`, behind what it holds, or to stderr for "-"; None: nowhere.

    A thread writes it: a pipe that nobody reads, or a disk that hangs or is full, must not stop the sidecar. Lines
    beyond what may wait, or that cannot be written, are lost.
    """
    if target is None:
        yield
        return
    try:
        # Not sys.stderr itself: Python could not end while a line hangs in it.
        stream = open(os.dup(2) if target == "-" else target, "a", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        raise OutputError(f"Cannot write the log {target}: {error.strerror or error}.") from error
    writer = _Writer(stream, target)
    writer.setFormatter(_JsonLines())
    door = _Door(queue.Queue(_WAITING))
    listener = QueueListener(door.queue, writer)
    listener.start()
    log.addHandler(door)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        if lost := door.lost + writer.lost:
            note("lost", lines=lost)
        log.removeHandler(door)
        thread = listener._thread  # its own `stop` would wait for ever
        assert thread is not None
        with suppress(queue.Full):
            listener.enqueue_sentinel()
        thread.join(_LAST_SECONDS)
        if thread.is_alive():
            writer.stream = io.StringIO()  # logging flushes all streams when Python ends, and would hang in it too
        else:
            with suppress(OSError):  # of the disk that is full still
                stream.close()


def note(event: str, **facts: Any) -> None:
    """Log `event` with what is known about it: `job`, `client`, `code`, seconds."""
    log.info(event, extra={"facts": facts})
