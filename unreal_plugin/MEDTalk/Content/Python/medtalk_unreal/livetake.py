"""A recording of the live preview as a take: its files, their import, and what was left of an earlier session.

The stream writes the rig and its sound as files in `Saved/MEDTalk/live`. A note beside them says that they are no take
yet: an editor that dies, or an import that fails, loses nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import unreal

from medtalk_unreal import compat, generate, interpreter, places, rigfile, sound, ticks
from medtalk_unreal import settings as settings_file
from medtalk_unreal.edits import asset_name, asset_path, check_editable
from medtalk_unreal.errors import CancelledError, PluginError
from medtalk_unreal.liveorder import LiveOrder
from medtalk_unreal.take import Take, check_target, write_take
from medtalk_unreal.work import PLAYING, Status, until_editable
from medtalk_wire.process import is_alive
from medtalk_wire.settings import MAX_FPS

AGAIN = "Press Write Take to try again."
_NOTE = ".take"
_SAME_RATE = 1e-3  # frames a second


def folder() -> Path:
    """The folder of recordings; made if it is missing. Raises `PluginError` where that cannot be."""
    path = settings_file.folder() / "live"
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise PluginError(f"The folder {path} cannot be made: {error.strerror}.") from error
    return path


def begin(order: LiveOrder) -> Path:
    """The file that a new recording goes into; a note beside it says that it is no take yet.

    Raises `PluginError` where no take could be written, or no file.
    """
    check_editable()
    order.check_target()
    sounds = asset_path(order.sound_folder) if order.import_sound else ""
    place, title = folder(), asset_name(order.take_name)
    check_target(order.target(), title, "")
    for number in count(1):
        name = f"{title}_{number:02d}"
        if any(place.glob(f"{name}.*")) or (sounds and compat.load(f"{sounds}/{name}") is not None):
            continue
        note = place / f"{name}{_NOTE}"
        try:
            with open(note, "x", encoding="utf-8") as stream:  # of two editors one gets it
                json.dump({"pid": os.getpid()}, stream)
        except FileExistsError:
            continue
        except OSError as error:
            raise PluginError(f"{note} cannot be written: {error.strerror}.", "Is the disk full?") from error
        return note.with_suffix(".npz")
    raise AssertionError("numbers have no end")


def drop(file: Path) -> None:
    """A recording came to nothing: forget its note, unless there is a rig after all."""
    if not file.is_file():
        with suppress(OSError):
            file.with_suffix(_NOTE).unlink(missing_ok=True)


def left(busy: str = "") -> list[Path]:
    """The rigs of recordings that are no takes yet, the oldest first. busy: one that is being recorded.

    Those that another editor is at are not among them.
    """
    found = []
    for note in sorted((settings_file.folder() / "live").glob(f"*{_NOTE}")):
        rig, pid = note.with_suffix(".npz"), _read(note).get("pid")
        other = isinstance(pid, int) and pid != os.getpid() and is_alive(pid)
        if rig.is_file() and rig.as_posix() != busy and not other:
            found.append(rig)
    return found


def remind() -> None:
    """A line in the log at the start of the editor, if an earlier session has left a recording."""
    saved = Path(unreal.Paths.convert_relative_path_to_full(unreal.Paths.project_saved_dir()))
    if (saved / "MEDTalk" / "live").is_dir() and (rigs := left()):
        names = ", ".join(rig.stem for rig in rigs)
        unreal.log_warning(
            f"MEDTalk: {names} of the live preview is no take yet. Choose Live Preview, then press Write Take."
        )


class LiveTake:
    """A recording on its way into a sequence: `work.Work`. `watch(status)` is called whenever the status has changed.

    rig: a file that `rigfile.can_read`, with its sound beside it as .wav, if there is one. order: says where it goes.
    """

    def __init__(self, rig: Path, order: LiveOrder, watch: Callable[[Status], None] = lambda status: None) -> None:
        self.status = Status()
        self._rig, self._order, self._watch = rig, order, watch

    def check(self) -> None:
        """Check all but the rig. Raises `PluginError`."""
        if not self._rig.is_file() or not rigfile.can_read(self._rig.name):
            valid = ", ".join(rigfile.READABLE)
            raise PluginError(f"{self._rig} is not a recording.", f"Choose a rig file: {valid}.")
        self._order.check_target()
        if compat.playing():
            return  # it waits for the end of that
        check_target(self._order.target(), self._rig.stem, "")

    def steps(self) -> Generator[None, None, Status]:
        """The steps, for `ticks`. Raises `PluginError` where the take cannot be written; the files stay."""
        order, name = self._order, self._rig.stem
        yield from until_editable(lambda: self._say("waiting", PLAYING))
        target, settings = order.target(), settings_file.load()
        rate = check_target(target, name, "") or places.new_rate(target)
        self._say("reading", f"Reading the recording {name}.")
        yield
        rig = rigfile.read(self._rig)
        seconds = rig.frames / rig.fps
        if seconds > settings.max_seconds:
            raise PluginError(
                f"The recording {name} lasts {seconds:.0f} s; at most {settings.max_seconds:g} s are written.",
                "Raise Longest Sound in the MEDTalk settings.",
            )
        if 1 <= rate <= MAX_FPS and abs(rig.fps - rate) > _SAME_RATE:
            rig = yield from self._at(float(rate))
        self._say("writing", f"Writing the keys of {name}.")
        yield from until_editable(lambda: self._say("waiting", PLAYING))
        wave = self._sound()
        made_of = "" if wave else f"live:{name}"
        take = Take(name, rig.rows, rig.fps, wave or None, rig.meta, rig.turns, made_of=made_of)
        self.status.reports.append(write_take(take, target))
        unreal.SystemLibrary.collect_garbage()  # every key was an object
        with suppress(OSError):
            self._rig.with_suffix(_NOTE).unlink(missing_ok=True)
        return self.status

    def ended(self, task: ticks.Task) -> None:
        """For `ticks`: the steps have ended, however it was."""
        if task.error is None:
            (report,) = self.status.reports
            for line in report.lines():
                unreal.log(f"MEDTalk: {line}")
            for line in getattr(report, "warnings", ()):
                unreal.log_warning(f"MEDTalk: {line}")
            self.status.state, self.status.fraction = "done", 1.0
            self._say("done", report.lines()[0])
            return
        self.status.state = "cancelled" if isinstance(task.error, CancelledError) else "failed"
        self._say(self.status.phase, f"{task.error} The recording stays: {self._rig}. {AGAIN}")
        if self.status.state == "failed":
            unreal.log_error(f"MEDTalk: {self.status.text}")

    def _at(self, rate: float) -> Generator[None, None, rigfile.Rig]:
        """Steps to the rig at the frame rate of its sequence, so that keys lie on frames."""
        python = interpreter.find(settings_file.load())
        other = self._rig.with_name(f"{self._rig.stem}.fps.npz")
        words = ["-m", "medtalk", "convert", self._rig.as_posix(), other.as_posix(), "--fps", f"{rate!r}", "--force"]
        try:
            yield from interpreter.ask(python, words)
            return rigfile.read(other)
        finally:
            with suppress(OSError):
                other.unlink(missing_ok=True)

    def _sound(self) -> str:
        """The path name of the SoundWave of the recording, imported if it is not yet; "" where none is wanted."""
        file, order = self._rig.with_suffix(".wav"), self._order
        if not order.import_sound or not file.is_file():
            return ""
        place, name = asset_path(order.sound_folder), asset_name(self._rig.stem)
        if compat.load(f"{place}/{name}") is not None:  # of an attempt before
            return f"{place}/{name}.{name}"
        return sound.import_file(file, place, name)

    def _say(self, phase: str, text: str) -> None:
        self.status.phase, self.status.text = phase, text
        self._watch(self.status)


def write(rig: Path, order: LiveOrder, watch: Callable[[Status], None]) -> None:
    """Begin to write a take, after what is on its way. Raises `PluginError` if it cannot be done."""
    work = LiveTake(rig, order, watch)
    work.check()
    if generate.running() is None:
        generate.begin(work)
        return

    def wait() -> ticks.Steps:
        work.status.text = f"{rig.stem} waits until the other take is written."
        watch(work.status)
        while generate.running() is not None:
            yield
        generate.begin(work)

    ticks.begin(wait(), lambda task: work.ended(task) if task.error is not None else None)


def _read(note: Path) -> dict[str, Any]:
    """What is noted beside a recording; nothing where the note is gone or damaged."""
    try:
        content = json.loads(note.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
