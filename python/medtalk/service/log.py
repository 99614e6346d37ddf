"""The sidecar's log: one JSON object a line, nothing unless asked for."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

from medtalk.errors import OutputError

log = logging.getLogger("medtalk.service")
log.propagate = False
log.addHandler(logging.NullHandler())


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {"time": f"{seconds}.{int(record.msecs):03d}Z", "level": record.levelname.lower()}
        line |= {"event": record.getMessage(), **getattr(record, "facts", {})}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def start_log(target: str) -> None:
    """Write the log to the file `target`, behind what it holds already, or to stderr for "-"."""
    if target == "-":
        handler: logging.Handler = logging.StreamHandler(sys.stderr)
    else:
        try:
            handler = logging.FileHandler(target, encoding="utf-8")
        except OSError as error:
            raise OutputError(f"Cannot write the log {target}: {error.strerror or error}.") from error
    handler.setFormatter(_JsonLines())
    log.addHandler(handler)
    log.setLevel(logging.INFO)


def note(event: str, **facts: Any) -> None:
    """Log `event` with what is known about it: `job`, `client`, `code`, seconds."""
    log.info(event, extra={"facts": facts})
