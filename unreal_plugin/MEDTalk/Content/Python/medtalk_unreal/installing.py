"""Set up: a Python environment with the package medtalk, made from wheels, without a terminal. Nothing here waits.

The environment is a folder of the user (`root`), which all projects share. A file `ready.json` in it is written last
and says what it holds. An environment without that file, or one that does not run, is never used. The Python that it
is made from is Unreal's own, with venv and pip: the engine makes its environment for plugins with them, in the same
way (PipInstall.cpp, SetupPipEnv). If that fails, the usual places are searched.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import sys
import time
import zipfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import unreal

from medtalk_unreal import interpreter
from medtalk_unreal import settings as settings_file
from medtalk_unreal.errors import PluginError
from medtalk_unreal.interpreter import Program
from medtalk_unreal.settings import folder
from medtalk_unreal.sidecar import the_sidecar
from medtalk_unreal.ticks import Patience, Task, begin
from medtalk_wire.files import write_whole

Tell = Callable[[str], None]

PLUGIN = Path(__file__).parents[3]
OLDEST, LATEST = (3, 11), (3, 14)
NEEDED_BYTES = 1_000_000_000  # an environment has 460 MB; pip unpacks beside it
PATIENCE_SECONDS = 1800.0  # a slow network
AGAIN = "Then choose Set Up again."

EXTRA = "live"
"""What the live preview needs beside the core: a microphone. Set Up succeeds without it, and says so."""

_PROBE = "import sys, venv, ensurepip; print(*sys.version_info[:2])"
_LEFT_SECONDS = 86400.0  # after which an unfinished environment is not somebody's work any more
_PACKAGE = re.compile(r"(?:Collecting|Processing|Downloading|Installing collected packages:?)\s+(\S+)")

_task: Task | None = None


class MachineError(PluginError):
    """What no other Python and no package index would mend: the disk, the rights, a virus scanner."""


def start(tell: Tell, ended_by: Callable[[Task], None] | None = None) -> Task:
    """Begin `steps` in the editor's ticks, and test the connection after them.

    Raises `PluginError` if they are on their way already.
    """
    global _task
    check_idle()
    _task = begin(_and_tested(tell), ended_by)
    return _task


def running() -> bool:
    """Whether a set-up is on its way."""
    return _task is not None and not _task.ended


def check_idle() -> None:
    """Raise `PluginError` while a set-up is on its way."""
    if running():
        raise PluginError("MEDTalk is being set up already.", "Its tab shows how far it is.")


def cancel() -> None:
    """End the set-up; nothing is left of it."""
    if _task is not None:
        _task.cancel()


def steps(tell: Tell) -> Generator[None, None, str]:
    """Steps that make an environment, or find one that an earlier set-up made, and put it into the settings.

    The path of its Python. `tell` hears of each step. Raises `PluginError` that names the step which failed and what to
    do; then nothing is changed, and nothing of a new environment is left.
    """
    wheel = _wheel()
    place = root()
    _clear(place)
    python = yield from _made(place, wheel)
    if python:
        tell(f"MEDTalk is set up for this user already: {python}.")
    else:
        _check_disk(place)
        python = yield from _make(place, wheel, tell)
    yield from _extra(python, wheel, tell)
    settings = settings_file.load()
    settings_file.save(replace(settings, python=python))
    if settings_file.load().python != python:
        raise PluginError(
            f"The settings in {folder()} cannot be written.", "Is the folder read-only, or the disk full?"
        )
    tell("MEDTalk is set up: the settings name this Python now.")
    return python


def root() -> Path:
    """The user's folder of environments; it may not exist yet."""
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "MEDTalk"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "MEDTalk"
    return Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "MEDTalk"


def wheel_folders() -> tuple[Path, Path]:
    """Where wheels may be: beside the plugin (`medtalk plugin install --with-sidecar`), or put there by hand."""
    return PLUGIN / "Wheels", folder() / "wheels"


def pythons() -> Iterator[str]:
    """Paths of Pythons that may be there, the best first: Unreal's own, then what the user has installed."""
    own = unreal.get_interpreter_executable_path()
    versions = range(LATEST[1], OLDEST[1] - 1, -1)
    known: list[str | Path | None] = [unreal.Paths.convert_relative_path_to_full(own) if own else None]
    if sys.platform == "win32":
        for base in (Path(os.environ.get("LOCALAPPDATA", "")) / "Programs" / "Python", os.environ.get("PROGRAMFILES")):
            known += [Path(base) / f"Python3{minor}" / "python.exe" for minor in versions if base]
    elif sys.platform == "darwin":
        framework = Path("/Library/Frameworks/Python.framework/Versions")
        known += [framework / f"3.{minor}" / "bin" / "python3" for minor in versions]
        known += [Path("/opt/homebrew/bin") / f"python3.{minor}" for minor in versions]
    known += [shutil.which(f"python3.{minor}") for minor in versions] + [
        shutil.which("python3"),
        shutil.which("python"),
    ]
    yield from dict.fromkeys(str(path) for path in known if path and Path(path).is_file())


# --- the steps


def _and_tested(tell: Tell) -> Generator[None, None, None]:
    yield from steps(tell)
    yield from the_sidecar.test(tell)


def _wheel() -> Path:
    """The newest wheel of medtalk. It never comes from an index by its name: that is anybody's."""
    found = [file for place in wheel_folders() for file in place.glob("medtalk-*.whl")]
    if not found:
        raise PluginError(
            "The plugin came without the packages that Set Up installs.",
            f"Install it with `medtalk plugin install PROJECT.uproject --with-sidecar`, or put them into "
            f"{wheel_folders()[1]}.",
        )
    return max(found, key=lambda file: [int(number) for number in re.findall(r"\d+", file.name.split("-")[1])])


def _made(place: Path, wheel: Path) -> Generator[None, None, str]:
    """Steps to the Python of a finished environment of this wheel that runs; "" if there is none. Broken ones go."""
    for marker in sorted(place.glob("env-*/ready.json")):
        if _read(marker) != _facts(wheel):
            continue
        python = _python_in(marker.parent)
        try:
            yield from interpreter.ask(python, ["-I", "-m", "medtalk", "--version"])
            return python
        except PluginError:
            _remove(marker.parent)
    return ""


def _make(place: Path, wheel: Path, tell: Tell) -> Generator[None, None, str]:
    """Steps to the Python of a new environment; all of it goes if they fail or are cancelled."""
    home = place / f"env-{secrets.token_hex(4)}"
    try:
        try:
            home.mkdir(parents=True)
        except OSError as error:
            raise MachineError(
                f"{home} cannot be created: {error.strerror}.", f"Give yourself the right. {AGAIN}"
            ) from error
        yield from _environment(home, tell)
        tell(f"Step 3 of 4: installing {wheel.name.rpartition('-py')[0]} and what it needs. This takes some minutes.")
        yield from _packages(_python_in(home), wheel, tell)
        said = yield from _run(_python_in(home), ["-I", "-m", "medtalk", "--version"], "check.log")
        tell(f"Step 4 of 4: {said} runs.")
        try:
            write_whole(home / "ready.json", json.dumps(_facts(wheel)))
        except OSError as error:
            raise PluginError(f"{home} cannot be written: {error.strerror}.", f"Is the disk full? {AGAIN}") from error
        return _python_in(home)
    finally:
        if not (home / "ready.json").is_file():
            _remove(home)


def _environment(home: Path, tell: Tell) -> Generator[None, None, None]:
    """Steps that make an empty environment with the first Python that can."""
    reasons = []
    for python in pythons():
        try:
            version = yield from interpreter.ask(python, ["-I", "-c", _PROBE])
            if not OLDEST <= tuple(int(number) for number in version.split()) <= LATEST:
                raise PluginError(f"It is Python {version.replace(' ', '.')}.")
            tell(f"Step 1 of 4: Python {version.replace(' ', '.')} is here: {python}.")
            tell(f"Step 2 of 4: making an environment in {home}.")
            # With pip in one go, venv would not say why that failed.
            yield from _run(python, ["-I", "-m", "venv", "--clear", "--without-pip", str(home)], "setup.log")
            yield from _run(_python_in(home), ["-I", "-m", "ensurepip"], "setup.log")
            return
        except (PluginError, ValueError) as error:
            reasons.append(f"{python}: {error}")
            unreal.log_warning(f"MEDTalk: {reasons[-1]}")
            if isinstance(error, MachineError):
                raise
    why = f" ({reasons[0]})" if reasons else ""
    raise PluginError(
        f"No Python from {OLDEST[0]}.{OLDEST[1]} to {LATEST[0]}.{LATEST[1]} that can be used is on this machine{why}.",
        f"Install 3.12 from python.org. {AGAIN}",
    )


def _packages(python: str, wheel: Path, tell: Tell) -> Generator[None, None, None]:
    """Steps that install the wheel: from the folders of wheels alone, else with the package index for what it needs."""
    words = _pip()
    said: set[str] = set()

    def progress(line: str) -> None:
        if (match := _PACKAGE.match(line)) and (name := re.split(r"[-<>=!~;,\[(]", Path(match[1]).name)[0]) not in said:
            said.add(name)
            tell(f"  {name}")

    try:
        yield from _run(python, [*words, "--no-index", str(wheel)], "setup.log", progress)
        return
    except MachineError:
        raise
    except PluginError:
        if settings_file.load().offline:
            raise
    tell("The wheels beside the plugin are not all that this Python needs: the rest comes from the package index.")
    yield from _run(python, [*words, str(wheel)], "setup.log", progress)


def _extra(python: str, wheel: Path, tell: Tell) -> Generator[None, None, None]:
    """Steps that add the extra to an environment that is whole, where it lacks it: from the wheels, else the index."""
    if not _offers_extra(wheel):
        return
    words, what = [*_pip(), "--retries=1"], f"{wheel}[{EXTRA}]"
    try:
        try:
            yield from _run(python, [*words, "--no-index", what], "setup.log")
        except PluginError as error:
            if isinstance(error, MachineError) or settings_file.load().offline:
                raise
            yield from _run(python, [*words, what], "setup.log")
    except PluginError as error:
        unreal.log_warning(f"MEDTalk: {error}")
        tell(f"The live preview will not hear a microphone: its packages could not be had ({error.message})")


def _pip() -> list[str]:
    """The command that installs from the folders of wheels, and from the index unless more forbids that."""
    words = ["-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--only-binary=:all:",
             "--no-warn-script-location", "--progress-bar=off"]  # fmt: skip
    for place in wheel_folders():
        words += ["--find-links", str(place)]
    return words


def _offers_extra(wheel: Path) -> bool:
    """Whether a wheel of medtalk has the extra: older ones have not."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            return f"Provides-Extra: {EXTRA}" in archive.read(name).decode("utf-8", "replace").splitlines()
    except (OSError, zipfile.BadZipFile, StopIteration):
        return False


def _run(python: str, words: Sequence[str], log: str, hear: Tell = lambda _: None) -> Generator[None, None, str]:
    """Steps that run a program to its end; the last line of its output. `hear` hears its lines as they come."""
    try:
        program = Program(python, words, log)
    except PluginError as error:
        if not Path(python).is_relative_to(root()):
            raise
        raise MachineError(
            f"The Python that was just made is gone or blocked: {python}.",
            f"Allow the folder {root()} in the virus scanner. {AGAIN}",
        ) from error
    patience, read = Patience(PATIENCE_SECONDS), 0
    try:
        while program.running:
            if patience.over:
                raise PluginError("Setting up takes too long.", f"Is the network slow? {AGAIN}")
            yield
            read = interpreter.hear(program.log, read, hear)
    finally:
        if program.running:
            program.kill()  # with pip, which venv runs
    interpreter.hear(program.log, read, hear)
    if program.process.returncode:
        raise _reason(program)
    return program.last_line()


# --- what goes wrong

_REASONS = (
    (r"No space left|not enough space|Disk quota exceeded|File too large|WinError 112|Errno 2[78]\b",
     "The disk is full.", "Free 1 GB.", MachineError),
    (r"being used by another process|WinError 32\b|WinError 225|virus|potentially unwanted",
     "Another program, such as a virus scanner, holds or blocks the files of the environment.",
     "Allow the folder in the scanner.", MachineError),
    (r"Permission denied|Access is denied|WinError 5\b|Errno 13\b|Read-only file system",
     "The environment may not be written, or a virus scanner blocks it.", "Give yourself the right.", MachineError),
    (r"NewConnectionError|Failed to establish|name resolution|getaddrinfo|Connection (refused|reset)|ProxyError|"
     r"SSLError|ConnectTimeout|ReadTimeout|Network is unreachable|CERTIFICATE_VERIFY_FAILED",
     "The package index cannot be reached.",
     "Connect to the network, or ask for a plugin that was installed with --with-sidecar.", PluginError),
    (r"No matching distribution|Could not find a version|is not a supported wheel",
     "The wheels are not made for this Python, or some are missing.",
     "Ask for a plugin that was installed with --with-sidecar for this platform.", PluginError),
    (r"No module named .?(venv|ensurepip)|ensurepip is not available",
     "This Python cannot make environments.", "", PluginError),
)  # fmt: skip


def _reason(program: Program) -> PluginError:
    """Why pip or venv failed, by what it printed: these have no codes."""
    try:
        text = program.log.read_text("utf-8", "replace")
    except OSError:
        text = ""
    where = f"Its full output is in {program.log}."
    for pattern, what, hint, kind in _REASONS:
        if re.search(pattern, text, re.IGNORECASE):
            return kind(what, f"{hint} {AGAIN} {where}".strip())
    last = program.last_line() or f"it ended with code {program.process.returncode}"
    return PluginError(f"A step of the set-up failed: {last.rstrip('.')}.", where)


def _check_disk(place: Path) -> None:
    there = next(path for path in (place, *place.parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < NEEDED_BYTES:
        raise MachineError(f"The disk of {there} has only {free / 1e9:.1f} GB left.", f"Free 1 GB. {AGAIN}")


# --- folders


def _python_in(home: Path) -> str:
    return str(home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"))


def _facts(wheel: Path) -> dict[str, object]:
    """What an environment holds: two builds of the same version have different sizes."""
    return {"wheel": wheel.name, "bytes": wheel.stat().st_size}


def _read(marker: Path) -> object:
    try:
        return json.loads(marker.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _clear(place: Path) -> None:
    """Remove what set-ups left that were killed; another editor may be at work on a younger one."""
    for home in place.glob("env-*"):
        if not (home / "ready.json").exists() and time.time() - home.stat().st_mtime > _LEFT_SECONDS:
            _remove(home)


def _remove(home: Path) -> None:
    """Remove an environment, its mark first: what a scanner still holds of it is never taken for a whole one."""
    with suppress(OSError):
        (home / "ready.json").unlink(missing_ok=True)
    shutil.rmtree(home, ignore_errors=True)
