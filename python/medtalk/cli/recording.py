"""Recordings of a live face: of all of it, or of a part that is asked for while it goes on, as by {"record": PATH or
null} on stdin.

Each step is reported as an object: {"recording": PATH} at the start, {"recorded": {...}} at the end, {"refused": {...}}
when it cannot start or be written. The face goes on in every case.
"""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medtalk.cli.printing import complain, say
from medtalk.cli.tape import Tape
from medtalk.errors import MedtalkError, OutputError, SettingError
from medtalk.live import Frames
from medtalk.rates import FPS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from medtalk.live import Live

_HINT = 'Write {"record": "TAKE.npz"} to begin, and {"record": null} to end.'


def tell(line: dict[str, Any]) -> None:
    """Say an object as a line of JSON."""
    say(json.dumps(line))


def refuse(error: MedtalkError, about: str = "", told: Callable[[dict[str, Any]], None] = tell) -> None:
    """Tell of what was asked for and cannot be done."""
    told({"refused": {**error.facts(), **({"about": about} if about else {})}})


class Recorder:
    """Takes what a live face hears and shows from one moment to another, each time into a tape of its own.

    make: a tape for a path. facts: what is known of the stream, for the rig. told: hears what becomes of recordings. A
    tape is written in a thread, because that takes longer than a step. failed: whether the last is not written, or not
    whole.
    """

    def __init__(
        self,
        live: Live,
        make: Callable[[Path], Tape],
        facts: Callable[[], dict[str, Any]],
        told: Callable[[dict[str, Any]], None] = tell,
    ) -> None:
        self.failed = False
        self._live, self._make, self._facts, self._told = live, make, facts, told
        self._tape: Tape | None = None
        self._asked = ""  # its path, as it was asked for
        self._problem = ""  # of the tape, as it was said
        self._first = 0  # the first frame that is kept
        self._end: int | None = None  # the frame at which it ends, once it is to end
        self._skip = 0  # samples that come before the first frame that is kept
        self._steered: list[dict[str, Any]] = []
        self._writing: threading.Thread | None = None

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
                self.begin(path)
        except MedtalkError as error:
            refuse(error, "" if path is None else str(path), self._told)
        return True

    def begin(self, path: str) -> None:
        """Begin a recording with the next frame; an error of `Tape`, or SettingError, where it cannot be."""
        if self._tape is not None:
            raise SettingError("It is recording already.", 'End it first: {"record": null}.')
        try:
            good = b"\0" not in os.fsencode(path)
        except UnicodeError:
            good = False
        if not good:
            raise SettingError(f"{path[:60]!r} cannot be the name of a file.", _HINT)
        self._tape, self._asked, self._problem, self._steered, self._end = self._make(Path(path)), path, "", [], None
        seconds = self._live.seconds
        self._first = math.ceil(seconds * FPS)
        self._skip = round((self._first / FPS - seconds) * self._live.rate)
        self._told({"recording": path})

    def guided(self, asked: dict[str, Any]) -> None:
        """The face was guided otherwise: the take says so, in seconds from its own beginning."""
        if self._tape is not None and self._end is None:
            self._steered.append({"time": round(max(self._live.frames - self._first, 0) / FPS, 3), **asked})

    def hear(self, samples: NDArray[np.float32]) -> None:
        """The next samples, before the face hears them."""
        if self._tape is None or self._end is not None:
            return
        cut = min(self._skip, len(samples))
        self._skip -= cut
        self._tape.hear(samples[cut:])
        self._complain(self._tape)

    def add(self, frames: Frames) -> None:
        """The next frames: they are of sound that was heard a moment ago."""
        if self._tape is None:
            return
        end = frames.first + len(frames)
        last = end if self._end is None else min(self._end, end)
        part = slice(max(self._first - frames.first, 0), max(last - frames.first, 0))
        head = None if frames.head is None else frames.head[part]
        self._tape.add(Frames(max(frames.first, self._first), frames.values[part], head))
        self._complain(self._tape)
        if last == self._end:
            self._write(self._tape)

    def end(self) -> None:
        """End the recording: it is written when the frames of its last sound are there."""
        if self._tape is None or self._end is not None:
            raise SettingError("Nothing is being recorded.", _HINT)
        self._end = math.floor(self._live.seconds * FPS)
        if self._live.frames >= self._end:
            self._write(self._tape)

    def close(self) -> None:
        """The stream has ended, however it was: what is being recorded is written, and this waits for that."""
        if self._tape is not None:
            self._write(self._tape)
        if self._writing is not None:
            self._writing.join()

    def _complain(self, tape: Tape) -> None:
        """Say at once what goes wrong with it."""
        if tape.problem != self._problem:
            self._problem = tape.problem
            complain(tape.problem)

    def _write(self, tape: Tape) -> None:
        self._tape = None
        meta = self._facts()
        if self._steered:
            meta["steered"] = self._steered
        self._writing = threading.Thread(target=self._written, args=(tape, self._asked, meta), name="medtalk recording")
        self._writing.start()

    def _written(self, tape: Tape, asked: str, meta: dict[str, Any]) -> None:
        said = tape.problem
        try:
            written = tape.write(meta)
            self.failed = bool(tape.problem)
            if tape.problem != said:
                complain(tape.problem)
            facts = {"rig": str(written), "sound": str(tape.sound) if tape.sounds else "", "frames": tape.frames}
            self._told({"recorded": {**facts, "seconds": tape.frames / FPS, "note": tape.problem}})
        except Exception as error:  # the program that asked for it waits for an answer
            self.failed = True
            known = isinstance(error, MedtalkError)
            refuse(error if known else OutputError(f"{asked} cannot be written ({error!r})."), asked, self._told)
        finally:
            tape.close()
