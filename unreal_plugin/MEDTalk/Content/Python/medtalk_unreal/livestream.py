"""The stream of a live face: one process of `medtalk live`, started, followed, steered and ended. Nothing here waits.

It speaks by lines of JSON in its log: its status, and what becomes of a recording. It is steered by lines on its
input, and ends with that: an editor that dies leaves no microphone open.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import unreal

from medtalk_unreal import interpreter, ticks
from medtalk_unreal import settings as settings_file
from medtalk_unreal.errors import CancelledError, PluginError
from medtalk_unreal.interpreter import Program
from medtalk_unreal.liveorder import LiveOrder, number
from medtalk_unreal.ticks import Patience
from medtalk_wire.errors import RequestError
from medtalk_wire.process import is_alive

START_SECONDS = 120.0  # a model on a slow disk
STOP_SECONDS = 30.0  # a recording is written meanwhile
SILENT_SECONDS = 6.0  # without a status: it hangs, or the machine does
FAREWELL_SECONDS = 1.5  # for which the editor may wait when it ends
_EVERY = 0.25  # seconds between two looks at the mood of the form
_SAYS = "medtalk: "
_LASTS = "does not take the frames"  # until it says that it takes them again
NOTE_SECONDS = 20.0  # for which any other line is shown
_OLD = "The MEDTalk of that Python is too old, or not whole."


@dataclass
class Streaming:
    """The state of the stream. `phase` is "off", "starting", "live", "ending" or "failed"; `text` a line for the user;
    `heard` its last status; `recording` the file that is recorded into, "" for none."""

    phase: str = "off"
    text: str = "Ready."
    heard: dict[str, Any] = field(default_factory=dict)
    recording: str = ""


@dataclass(frozen=True)
class Recorded:
    """A recording that is written: the files of its rig and its sound, the latter None where there is none."""

    rig: Path
    sound: Path | None


class LiveStream:
    """One for each editor; see `the_stream`. `watch(state)` is called whenever its state has changed."""

    def __init__(self) -> None:
        self.state = Streaming()
        self.watch: Callable[[Streaming], None] = lambda state: None
        self.recorded: Callable[[Recorded], None] = lambda recorded: None
        self.missed: Callable[[str, str], None] = lambda file, why: None
        """Called with the file of a recording that is not written, and why."""
        self._mood: Callable[[], dict[str, Any] | None] = lambda: None
        self._told: dict[str, Any] = {}  # the mood
        self._program: Program | None = None
        self._task: ticks.Task | None = None
        self._read = 0  # bytes of its log
        self._last = 0.0  # when it was heard last
        self._error: RequestError | None = None  # that ends it
        self._stopping = False
        self._note = ""  # on what it has refused, or what does not work
        self._refusal = ""
        self._noted = 0.0  # when the note was made; infinite for one that stays
        self._of_sound = False

    @property
    def running(self) -> bool:
        """Whether a stream is on its way."""
        return self._task is not None and not self._task.ended

    def start(self, order: LiveOrder, mood: Callable[[], dict[str, Any] | None]) -> None:
        """Begin to stream an order that is `led`; the tick goes on with it.

        mood: gives the guidance that is wanted now, None to leave it. Raises `PluginError` if it cannot be done.
        """
        if self.running:
            raise PluginError("The live preview is running already.", "Press Stop first.")
        settings = settings_file.load()
        order.check(settings)
        python = interpreter.find(settings)
        words, log = order.words(settings), f"live-{os.getpid()}.log"
        _clear_logs()
        self._program = Program(python, words, log, steered=True)
        self._mood, self._told = mood, order.guidance
        self._stopping, self._error = False, None
        self._note = self._refusal = ""
        self._read, self._last = 0, time.monotonic()
        self._of_sound = bool(order.sound)
        self.state = Streaming("starting", "Starting: the model is loaded.")
        unreal.log(f"MEDTalk: live preview to {order.host}:{order.port} as {order.subject}; its log is {log}.")
        self._task = ticks.begin(self._steps(self._program), self._ended)
        self.watch(self.state)

    def stop(self) -> None:
        """Ask it to end; a recording is written first. It ends by force if it hangs."""
        if not self.running or self._program is None:
            return
        self._stopping = True
        self._change(phase="ending", text="Stopping.")
        self._program.tell("stop")
        self._program.end_input()

    def record(self, file: Path) -> None:
        """Begin to record into a rig file. Raises `PluginError` where nothing is streamed, or it hangs."""
        self._check_live()
        if self.state.recording:
            raise PluginError("It is recording already.", "Press Stop Recording first.")
        self.state.recording = file.as_posix()
        self.state.heard.pop("recording", None)  # the seconds of the one before, if it was written a moment ago
        self._tell({"record": file.as_posix()})

    def stop_recording(self) -> None:
        """End the recording; `recorded` hears of its files. Raises `PluginError` where there is none."""
        self._check_live()
        if not self.state.recording:
            raise PluginError("Nothing is being recorded.", "Press Record first.")
        self._tell({"record": None})

    def close(self) -> None:
        """The end of the editor: the stream ends with it. One that writes a recording may finish that by itself."""
        program, self._program = self._program, None
        if program is None:
            return
        if program.running:
            program.tell("stop")
            program.end_input()
            end = time.monotonic() + FAREWELL_SECONDS
            while program.running and time.monotonic() < end:
                time.sleep(0.02)
            if program.running and (not self.state.recording or self._silent):
                program.kill()
        self.state.recording = ""
        if self._task is not None:
            self._task.cancel()

    # --- the steps

    def _steps(self, program: Program) -> ticks.Steps:
        patience, ending, looked = Patience(START_SECONDS), None, time.monotonic()
        try:
            while program.running:
                yield
                self._listen(program)
                if self._stopping:
                    ending = ending or Patience(STOP_SECONDS)
                    if ending.over:
                        break
                elif self.state.phase == "starting":
                    if patience.over:
                        raise PluginError(
                            f"The live preview has not begun within {START_SECONDS:g} s.",
                            f"Its log is {program.log}. Is the machine busy?",
                        )
                elif self._silent:
                    silent = time.monotonic() - self._last
                    self._change(text=f"It has not answered for {silent:.0f} s: is the machine busy? Else press Stop.")
                elif time.monotonic() - looked > _EVERY:
                    looked = time.monotonic()
                    self._steer()
        finally:
            if program.running and self._program is program:  # it hangs, or was cancelled
                program.kill()
            program.end_input()
        self._listen(program)
        if program.process.returncode and not self._stopping:
            raise _failure(program, self._error)

    def _ended(self, task: ticks.Task) -> None:
        """For `ticks`: the steps have ended, however it was."""
        self._program, lost = None, self.state.recording
        if lost:
            self.state.recording = ""
            self.missed(lost, "The stream ended before it was written.")
        if task.error is None or isinstance(task.error, CancelledError):
            ended = "The sound has ended." if self._of_sound else "The live preview has ended."
            self._change(phase="off", text="Stopped." if self._stopping else ended)
            return
        unreal.log_error(f"MEDTalk: the live preview has ended: {task.error}")
        self._change(phase="failed", text=f"{task.error} Press Start to try again.")

    def _listen(self, program: Program) -> None:
        """Hear all that it has said since; the editor may not have ticked for long."""
        while (read := interpreter.hear(program.log, self._read, self._hear)) > self._read:
            self._read = read

    def _hear(self, line: str) -> None:
        """A line of the program."""
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):  # a warning of a package, or the words of Python itself
            unreal.log(f"MEDTalk: live: {line[:500]}")
            if line.startswith(_SAYS):  # a line for the user: what does not work, or does again
                good = line.endswith(("again.", "back."))
                self._note = "" if good else line.removeprefix(_SAYS)
                self._noted = math.inf if _LASTS in line else time.monotonic()
            return
        self._last = time.monotonic()
        self._error = interpreter.error_in(line) or self._error
        if isinstance(refused := said.get("refused"), dict):
            self._refused(refused)
        elif isinstance(done := said.get("recorded"), dict):
            self.state.recording = ""
            self.recorded(Recorded(Path(str(done.get("rig"))), Path(str(done["sound"])) if done.get("sound") else None))
        elif "seconds" in said and self.state.phase in ("starting", "live"):
            if time.monotonic() - self._noted > NOTE_SECONDS:
                self._note = ""
            self._change(phase="live", heard=said, text=describe(said, self._note))

    def _refused(self, refused: dict[str, Any]) -> None:
        line = f"{refused.get('message', '')} {refused.get('hint', '')}".strip()
        unreal.log_warning(f"MEDTalk: live preview: {line}")
        if refused.get("about") and refused["about"] == self.state.recording:
            lost, self.state.recording = self.state.recording, ""
            self.missed(lost, line)
        else:
            self._note = self._refusal = line  # until the next mood
            self._noted = math.inf

    def _steer(self) -> None:
        """Tell it the mood of the form, if that is another one now."""
        wanted = self._mood()
        if wanted is not None and wanted != self._told:
            self._told = wanted
            if self._refusal:
                self._note = self._refusal = ""
            self._tell(wanted)

    def _tell(self, what: dict[str, Any]) -> None:
        if self._program is not None:
            self._program.tell(json.dumps(what))

    @property
    def _silent(self) -> bool:
        return time.monotonic() - self._last > SILENT_SECONDS

    def _check_live(self) -> None:
        if self.state.phase != "live":
            raise PluginError("Nothing is streamed.", "Press Start, and wait until it listens.")
        if self._program is not None:
            self._listen(self._program)  # the editor may not have ticked for a while
        if self._silent:  # its input may be full: to write there would hold the editor
            raise PluginError("The live preview hangs.", "Press Stop, then Start.")

    def _change(self, **values: Any) -> None:
        changed = {name: value for name, value in values.items() if getattr(self.state, name) != value}
        for name, value in changed.items():
            setattr(self.state, name, value)
        if changed:
            self.watch(self.state)


def describe(status: dict[str, Any], note: str = "") -> str:
    """A status of the stream in words."""
    seconds = number(status.get("seconds"))
    words = [f"Live for {seconds:.0f} s." if math.isfinite(seconds) else "Live."]
    level = number(status.get("level_db"))
    speaks = "speaking" if status.get("speaking") else "silent"
    words.append(f"{speaks.capitalize()}, {level:.0f} dB." if math.isfinite(level) else f"{speaks.capitalize()}.")
    latency = status.get("latency_ms")
    delay = number(latency.get("p50") if isinstance(latency, dict) else latency)
    if math.isfinite(delay):
        words.append(f"The face follows after {delay:.0f} ms.")
    if status.get("device") == "gone":
        words.append("The microphone is gone: plug it in again.")
    elif (lost := number(status.get("lost"))) > 0:
        words.append(f"{lost:.1f} s of sound were lost.")
    dropped = number(status.get("dropped"))
    if dropped > 0:
        words.append(f"{dropped:.0f} frames were dropped: the machine is too busy.")
    recorded = number(status.get("recording"))
    if math.isfinite(recorded):
        words.append(f"Recording, {recorded:.0f} s.")
    return " ".join([*words, *([note] if note else [])])


def _failure(program: Program, error: RequestError | None) -> PluginError:
    """Why it has ended. error: what it has said of that."""
    where, code = f"Its log is {program.log}.", program.process.returncode
    if error is not None and error.code == "missing_extra":
        what = f"Step 'package': {error.message}"
        return PluginError(what, f"{error.hint} Or choose Tools, section MEDTalk: Set Up, which installs it.")
    if error is not None:
        return PluginError(error.message, error.hint or where, error.about)
    if code == 2:  # of its command line: it knows the command or an option not
        return PluginError(_OLD, f"Choose Tools, section MEDTalk: Set Up, or update it. {where}")
    if program.last_line().startswith("{"):  # its status: it had no time for a last word
        return PluginError(f"The process of the live preview has ended with code {code}.", where)
    return program.failure()


def _clear_logs() -> None:
    """Remove the logs of editors that have ended."""
    for log in settings_file.folder().glob("live-*.log"):
        pid = log.stem.partition("-")[2]
        if pid.isdigit() and int(pid) != os.getpid() and not is_alive(int(pid)):
            with suppress(OSError):
                log.unlink()


the_stream = LiveStream()
