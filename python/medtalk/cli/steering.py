"""Lines on stdin that guide a live face: a mood, a JSON object, or "stop"."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections import deque
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from medtalk.errors import MedtalkError, SettingError
from medtalk.guidance import check_text

if TYPE_CHECKING:
    from medtalk.cli.recording import Recorder
    from medtalk.live import Live

STOP = "stop"
END = {STOP: True}
"""What `read_line` makes of "stop"."""
_WITHIN = "within"
NAMES = ("emotion", "text", "intensity", "timeline", _WITHIN, STOP)
"""What an object may say: those of `Live.guide`, but pictures, and the end."""
RECORD = "record"
"""The name of an object that is about a recording (`medtalk.cli.recording`)."""
_MOST_BYTES = 1 << 16  # of a line
_MOST_LINES = 1000


class Steering:
    """Reads lines on a thread of its own, which ends with the program. An empty line means nothing, and so does the end
    of stdin, unless the program is bound to that: then it means "stop"."""

    def __init__(self, bound: bool = False) -> None:
        self.bound = bound
        try:
            self._descriptor = sys.stdin.fileno()
        except (AttributeError, OSError, ValueError):
            raise SettingError("--steer reads stdin, which is closed.", "Leave it out.") from None
        self._lines: deque[str] = deque(maxlen=_MOST_LINES)
        threading.Thread(target=self._read, name="medtalk steering", daemon=True).start()

    def lines(self) -> list[str]:
        """The lines that came since the last call."""
        found = []
        while self._lines:
            found.append(self._lines.popleft())
        return found

    def _read(self) -> None:
        # os.read, since a thread that waits in sys.stdin stops Python from ending.
        rest = b""
        while True:
            try:
                data = os.read(self._descriptor, 1 << 12)
            except OSError:
                data = b""
            *lines, rest = (rest + data).split(b"\n")
            if not data:
                lines, rest = [*lines, rest], b""
            self._lines.extend(text for line in lines if (text := line.decode("utf-8", "replace").strip()))
            if not data:
                if self.bound:
                    self._lines.append(STOP)
                return
            if len(rest) > _MOST_BYTES:  # its end will be a line that is refused
                rest = rest[-1:]


def steer(live: Live, line: str, recorder: Recorder | None = None) -> dict[str, Any] | None:
    """Guide a live face as a line says; what was asked for, which is `END` where the stream is to end, and None for a
    line that was about a recording, which needs a `recorder`.

    Raises:
        SettingError: an object that is not valid.
        GuidanceError: no such mood, or one that cannot be had live. Nothing has changed then.
    """
    asked = read_line(line, NAMES if recorder is None else (*NAMES, RECORD))
    if recorder is not None and recorder.steer(asked):
        return None
    if STOP in asked:
        if asked != END:
            raise SettingError(f"--steer: {STOP} stands alone, and is true.", 'Write {"stop": true}, or stop.')
        return asked
    if all(value is None for name, value in asked.items() if name != _WITHIN):
        raise SettingError(f"--steer: {line[:60]!r} changes nothing.", _HINT)
    try:
        live.guide(**asked)
    except TypeError as error:  # a list where a number is wanted, and the like
        raise SettingError(f"--steer: {str(error)[:120]}.", _HINT) from error
    return asked


_HINT = 'Write a mood, such as angry:0.6, or {"text": "slightly annoyed", "intensity": 1.2}.'


def read_line(line: str, names: Collection[str]) -> dict[str, Any]:
    """What a line asks for, by these names. SettingError where that is not valid."""
    if line.lower() == STOP:
        return END
    if not line.startswith("{"):
        return {"emotion": line}
    try:
        asked = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise SettingError(f"--steer: {line[:60]!r} is not valid JSON.", _HINT) from error
    if unknown := [name for name in asked if name not in names]:
        raise SettingError(f"--steer: unknown name {unknown[0][:40]!r}; valid are {', '.join(NAMES)}.", _HINT)
    if not asked:
        raise SettingError("--steer: the object is empty.", _HINT)
    if isinstance(asked.get("text"), str):
        asked["text"] = check_text(asked["text"])
    return asked


def complaint(error: MedtalkError) -> str:
    """The message for a line that cannot be followed; the stream goes on."""
    text = str(error)
    return text if text.startswith("--steer") else f"--steer: {text}"
