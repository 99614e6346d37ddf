"""The Python that has the package `medtalk`: programs that it runs for us, while the editor goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from pathlib import Path

from medtalk_unreal.errors import PluginError
from medtalk_unreal.settings import PluginSettings, folder
from medtalk_unreal.ticks import Patience
from medtalk_wire.errors import RequestError

SETTINGS = "Tools, section MEDTalk: Settings"
SET_UP = "Choose Tools, section MEDTalk: Set Up"
INSTALL = f"{SET_UP}, or run `medtalk plugin install PROJECT.uproject`."
CHECK_SECONDS = 60.0
RECORD = Path(__file__).parents[1] / "medtalk_install.json"

_LAST_BYTES = 1 << 16


class Program:
    """A program of that Python; what it says goes into a file of `Saved/MEDTalk`. steered: it listens to `tell`."""

    def __init__(self, python: str, words: Sequence[str], log: str, *, steered: bool = False) -> None:
        self.log = folder() / log
        # An editor's own settings of its Python are not meant for this one.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"}
        try:
            with open(self.log, "wb") as output:
                self.process = subprocess.Popen(
                    [python, *words],
                    stdin=subprocess.PIPE if steered else subprocess.DEVNULL,
                    bufsize=0,
                    stdout=output,
                    stderr=output,
                    env={**environment, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"},
                    cwd=self.log.parent,
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                    start_new_session=True,  # Ctrl-C in the shell of the editor is not meant for it
                )
        except OSError as error:
            raise PluginError(
                f"Step 'Python': {python} cannot be run: {error.strerror}.", f"Name another in {SETTINGS}."
            ) from error

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def kill(self) -> None:
        """End it by force, with those that it started: they would go on."""
        self.end_input()
        if sys.platform != "win32" and self.running:
            os.killpg(self.process.pid, signal.SIGKILL)  # it has a group of its own
        self.process.kill()
        self.process.wait()

    def tell(self, line: str) -> None:
        """Write a line to its input. Raises nothing if the program has ended; its follower notices that."""
        if self.process.stdin is not None:
            with suppress(OSError, ValueError):
                self.process.stdin.write(f"{line}\n".encode())

    def end_input(self) -> None:
        """Let its input end: a program that lives by it ends too."""
        if self.process.stdin is not None:
            with suppress(OSError):
                self.process.stdin.close()

    def last_line(self) -> str:
        """The last line of its output."""
        line = self._last_line()
        return str(error_in(line) or line)

    def failure(self) -> PluginError:
        """The reason why it ended, by its output: the step that failed, and what to do."""
        line = self._last_line()
        where = f"Its full output is in {self.log}."
        if error := error_in(line):
            step = STEPS.get(error.code, "start")
            return PluginError(f"Step '{step}': {error.message}", f"{error.hint} {where}", error.about)
        if self.process.returncode == 1 and "No module named" in line:  # Python's own words; it has no code for it
            return PluginError(f"Step 'package': {line}.", f"{INSTALL} Another Python can be named in {SETTINGS}.")
        reason = line or f"it ended with code {self.process.returncode} and printed nothing."
        return PluginError(f"Step 'start': {reason}", where)

    def _last_line(self) -> str:
        try:
            with open(self.log, "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _LAST_BYTES))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return ""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1].removeprefix("medtalk: ") if lines else ""


STEPS = {
    "bundle": "bundle",
    "backbone": "backbones",
    "missing_extra": "package",
    "port": "port",
    "connection_file": "connection file",
}
"""Code of the error that ends `medtalk serve --json` -> the step that failed; all others are "start"."""


def error_in(line: str) -> RequestError | None:
    """The error in a line of `medtalk serve --json` or `medtalk live --status`; None for any other line."""
    try:
        error = json.loads(line)["error"]
        return RequestError(*(str(error[name]) for name in ("code", "message", "hint", "about")))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def find(settings: PluginSettings) -> str:
    """The path of that Python: of the settings, $MEDTALK_PYTHON, or what `medtalk plugin install` wrote down.

    `PluginError` if none of these is set, or it does not exist.
    """
    candidates = {
        SETTINGS: settings.python,
        "$MEDTALK_PYTHON": os.environ.get("MEDTALK_PYTHON", ""),
        str(RECORD): _recorded(),
    }
    by, python = next(((by, python) for by, python in candidates.items() if python), ("", ""))
    if not python:
        raise PluginError(
            "Step 'Python': no Python with the package medtalk is set.",
            f"{INSTALL} Or name it in {SETTINGS}.",
        )
    if not Path(python).is_file():
        raise PluginError(
            f"Step 'Python': there is no {python}; {by} names it.", f"{SET_UP}, or name another in {SETTINGS}."
        )
    return python


def _recorded() -> str:
    try:
        return str(json.loads(RECORD.read_text("utf-8"))["python"])
    except (OSError, ValueError, TypeError, KeyError):
        return ""  # the folder was dropped into the project


def hear(log: Path, start: int, tell: Callable[[str], None]) -> int:
    """Tell of the whole lines that a program has written into its log from the byte `start` on; the byte to go on
    with."""
    try:
        with open(log, "rb") as file:
            file.seek(start)
            new = file.read(_LAST_BYTES)
    except OSError:
        return start
    whole = new[: new.rfind(b"\n") + 1]
    for line in whole.decode("utf-8", "replace").splitlines():
        tell(line.strip())
    return start + len(whole)


def ask(python: str, words: Sequence[str], log: str = "check.log") -> Generator[None, None, str]:
    """Steps that run a short program; the last line of its output. log: of its own, for one that may run beside
    another."""
    program = Program(python, words, log)
    patience = Patience(CHECK_SECONDS)
    try:
        while program.running:
            if patience.over:
                raise PluginError(
                    f"Step 'time-out': {python} has not answered within {CHECK_SECONDS:g} s.", "Is the machine busy?"
                )
            yield
    finally:
        if program.running:
            program.kill()
    if program.process.returncode:
        raise program.failure()
    return program.last_line()
