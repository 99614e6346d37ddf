"""Recordings that begin and end while a live face goes on, as `--steer` asks for them: {"record": PATH or null}.

What becomes of one is told as a line of JSON on stderr: {"recording": PATH}, {"recorded": {...}}, or {"refused": {...}}
where it cannot be begun or written; the face goes on in every case.
"""

from __future__ import annotations

import json
import math
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medtalk.cli.tape import Tape
from medtalk.errors import MedtalkError, SettingError
from medtalk.live import Frames
from medtalk.rates import FPS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.live import Live

_HINT = 'Write {"record": "TAKE.npz"} to begin, and {"record": null} to end.'


class Recorder:
    """Takes what a live face hears and shows from one moment to another, each time into a tape of its own.

    make: a tape for a path. facts: what is known of the stream, for the rig. A tape is written in a thread, because
    that takes longer than a step; the program ends after it.
    """

    def __init__(self, live: Live, make: Callable[[Path], Tape], facts: Callable[[], dict[str, Any]]) -> None:
        self._live, self._make, self._facts = live, make, facts
        self._tape: Tape | None = None
        self._path = Path()
        self._next = 0  # the frame that is kept next
        self._end: int | None = None  # the frame at which it ends, once it is to end
        self._skip = 0  # samples that come before the first frame that is kept

    @property
    def seconds(self) -> float | None:
        """How long the recording is by now, None while there is none."""
        return None if self._tape is None or self._end is not None else self._tape.frames / FPS

    def steer(self, asked: dict[str, Any]) -> bool:
        """Do what an object on stdin asks for, if it is about a recording; whether it is."""
        if "record" not in asked:
            return False
        path = asked["record"]
        try:
            if len(asked) > 1 or not (path is None or (isinstance(path, str) and path.strip())):
                raise SettingError("--steer: record stands alone, with a path or null.", _HINT)
            if path is None:
                self.end()
            else:
                self._begin(Path(path))
        except MedtalkError as error:
            refuse(error, about="" if path is None else str(path))
        return True

    def hear(self, samples: NDArray[np.float32]) -> None:
        """The next samples, before the face hears them."""
        if self._tape is None or self._end is not None:
            return
        cut = min(self._skip, len(samples))
        self._skip -= cut
        self._tape.hear(samples[cut:])

    def add(self, frames: Frames) -> None:
        """The next frames: they are of sound that was heard a moment ago."""
        if self._tape is None or not len(frames):
            return
        low = max(self._next - frames.first, 0)
        high = len(frames) if self._end is None else min(self._end - frames.first, len(frames))
        if low < high:
            if (gap := frames.first + low - self._next) > 0:  # of sound that was lost: the face held still
                self._keep(frames, np.full(gap, low))
            self._keep(frames, np.arange(low, high))
            self._next = frames.first + high
        if self._end is not None and frames.first + len(frames) >= self._end:
            self._write()

    def end(self) -> None:
        """End the recording: it is written when the frames of its last sound are there."""
        if self._tape is None or self._end is not None:
            raise SettingError("Nothing is being recorded.", _HINT)
        self._end = math.floor(self._live.seconds * FPS)
        if self._live.frames >= self._end:
            self._write()

    def close(self) -> None:
        """The stream has ended, and given all of its frames: what is being recorded is written."""
        if self._tape is not None:
            self._write()

    def _begin(self, path: Path) -> None:
        if self._tape is not None:
            raise SettingError("It is recording already.", 'End it first: {"record": null}.')
        self._tape, self._path, self._end = self._make(path), path, None
        seconds = self._live.seconds
        self._next = math.ceil(seconds * FPS)
        self._skip = round((self._next / FPS - seconds) * self._live.rate)
        tell({"recording": str(path)})

    def _keep(self, frames: Frames, rows: NDArray[np.intp]) -> None:
        assert self._tape is not None
        head = None if frames.head is None else frames.head[rows]
        self._tape.add(Frames(self._next, frames.values[rows], head))

    def _write(self) -> None:
        tape, self._tape = self._tape, None
        assert tape is not None
        meta, path = self._facts(), self._path
        threading.Thread(target=_write, args=(tape, path, meta), name="medtalk recording").start()


def _write(tape: Tape, path: Path, meta: dict[str, Any]) -> None:
    try:
        meta = {**meta, "source": {**meta.get("source", {}), "seconds": tape.frames / FPS}}
        written = tape.write(meta)
        facts = {"rig": str(written), "sound": str(tape.sound), "frames": tape.frames, "seconds": tape.frames / FPS}
        tell({"recorded": {**facts, "note": tape.problem}})
    except MedtalkError as error:
        refuse(error, about=str(path))
    finally:
        tape.close()


def refuse(error: MedtalkError, about: str = "") -> None:
    """Tell of what was asked for and cannot be done."""
    tell({"refused": {**error.facts(), **({"about": about} if about else {})}})


def tell(line: dict[str, Any]) -> None:
    """Print a line of JSON on stderr, whole: a thread may tell something, too."""
    sys.stderr.write(json.dumps(line) + "\n")
    sys.stderr.flush()
