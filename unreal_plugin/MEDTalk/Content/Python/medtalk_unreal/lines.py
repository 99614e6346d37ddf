"""The lines of a production, baked by `medtalk bake`, as assets: one Level Sequence or AnimSequence a line.

It needs no sidecar and no model. A line is done in one tick, and is one undo step, as a take that is generated. Its
asset is saved at once, so that an editor that dies loses the line it is at. A line that fails is listed with its
reason, and the rest goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

import unreal

from medtalk_unreal import compat, generate, made, results, rigfile, sound, ticks
from medtalk_unreal.bake import bake_curves
from medtalk_unreal.edits import asset_name
from medtalk_unreal.errors import CancelledError, PluginError
from medtalk_unreal.order import Order
from medtalk_unreal.results import Line
from medtalk_unreal.take import Take, TakeReport, write_take
from medtalk_unreal.work import PLAYING, Report, Status, until_editable

_SLICE = 0.02  # seconds of a tick that may go by with lines that are done
_KEYS = 50_000  # each is an object of Unreal until garbage is collected


@dataclass(frozen=True)
class Failure:
    """A line that could not be made, and why."""

    line: str
    error: str


class Baking:
    """An order on its way. `watch(status)` is called whenever the status has changed."""

    def __init__(self, order: Order, watch: Callable[[Status], None] = lambda status: None) -> None:
        self.status = Status()
        self.failures: list[Failure] = []
        self.made: list[dict[str, Any]] = []
        self._order, self._watch = order, watch
        self._sounds: dict[str, dict[str, list[str]]] = {}  # folder -> name in lower case -> paths
        self._keys = 0  # written since garbage was collected

    def check(self) -> None:
        """Check everything but the lines. Raises `PluginError`."""
        self._order.check()

    def steps(self) -> Generator[None, None, Status]:
        """The steps, for `ticks`. Raises `PluginError` if nothing at all can be done."""
        order = self._order
        yield from self._until_editable()
        self._say("reading", 0.0, "Reading the results.")
        every, notes = yield from results.read(Path(order.results))
        for note in notes:
            unreal.log_warning(f"MEDTalk: {note}")
        lines = [line for line in every if order.wants(line)]
        if not lines:
            names = ", ".join(sorted({line.character for line in every if line.character})[:20]) or "nobody"
            what = f"None of the {len(every)} lines of {order.results} is meant; they are of {names}."
            raise PluginError(what, "Choose another character or language.")
        yield
        book, taken, until = made.Book(), dict[str, Line](), time.monotonic() + _SLICE
        for number, line in enumerate(lines):
            self._say("lines", number / len(lines), f"{line.out}, {number + 1} of {len(lines)}.")
            try:
                asset = order.asset(line)
                first = taken.setdefault(asset.lower(), line)
                if first is not line:
                    what = f"It would be {asset}, as {first.out} is."
                    raise PluginError(what, "Put {folder}, {language} or {character} into its name or folder.")
                slow = yield from self._bake(book, line, asset)
            except CancelledError:
                raise
            except Exception as fault:
                # No error is kept: its frames hold objects of the editor.
                said = str(fault if isinstance(fault, PluginError) else ticks.fault(fault))
                self.failures.append(Failure(line.out, said))
                self.status.failures.append(f"{line.out}: {said}")
                unreal.log_error(f"MEDTalk: {line.out}: {said}")
                slow = False
            if slow or time.monotonic() > until:
                yield
                until = time.monotonic() + _SLICE
        unreal.SystemLibrary.collect_garbage()
        return self.status

    def ended(self, task: ticks.Task) -> None:
        """For `ticks`: the steps have ended, however it was."""
        status = self.status
        count = f"{len(self.made)} asset{'' if len(self.made) == 1 else 's'} made{status.left()}"
        if task.error is None:
            failed = f"; {len(status.failures)} failed: {status.failures[0]}" if status.failures else "."
            status.state = "done"
            self._say("done", 1.0, f"{count}{failed}")
            unreal.log(f"MEDTalk: {status.text}")
        else:
            status.state = "cancelled" if isinstance(task.error, CancelledError) else "failed"
            self._say(status.phase, status.fraction, f"{task.error} {count} before.")
            if status.state == "failed":
                unreal.log_error(f"MEDTalk: {status.text}")

    def _bake(self, book: made.Book, line: Line, asset: str) -> Generator[None, None, bool]:
        """Steps that make the asset of a line, where it is not done; whether it was made."""
        order = self._order
        with book.writing(asset, "", line=line.out) as record:
            if line.failed:
                raise PluginError(line.failed)
            try:
                rig = made.fingerprint(line.rig, book.of(asset).get("rig") or {}, line.known)
            except OSError as error:
                raise PluginError(f"The rig {line.rig} cannot be read: {error.strerror}.", "Bake it again.") from error
            wave = "" if order.skeleton else self._sound(line)
            record["key"] = made.key_of(rig["sha256"], order.writing(), wave)
            if left := book.left(asset, record["key"], _source(line), order.hand_edits, order.again):
                self.status.leave(asset, left)
                record["key"] = ""
                return False
            yield from self._until_editable()
            report = self._write(line, wave, asset)
            record |= {"rig": rig, "keys": report.keys}
        warnings = report.warnings if isinstance(report, TakeReport) else ()
        for text in warnings:
            unreal.log_warning(f"MEDTalk: {line.out}: {text}")
        if isinstance(report, TakeReport):
            for text in report.edits:
                unreal.log(f"MEDTalk: {text}")
        self.made.append({"line": line.out, "asset": asset, "keys": report.keys, "warnings": list(warnings)})
        self._keys += report.keys
        if self._keys > _KEYS:
            self._keys = 0
            unreal.SystemLibrary.collect_garbage()  # at the end of this frame
        return True

    def _write(self, line: Line, wave: str, asset: str) -> Report:
        """Write the rig of a line into its asset."""
        order, rig = self._order, rigfile.read(line.rig)
        turns = rig.turns if order.head != "off" else None
        take = Take(line.id, rig.rows, rig.fps, wave or None, rig.meta, turns, made_of=_source(line))
        if order.skeleton:
            folder, _, name = asset.rpartition("/")
            return bake_curves(take, order.skeleton, folder, name, order.tolerance)
        view = compat.View.now()
        try:
            if order.blueprint and (there := compat.load(asset)) is not None:
                compat.show(there)  # what it spawns is there only then
            return write_take(take, order.target(line))
        finally:
            view.again()  # hundreds of sequences are not to stay open

    def _sound(self, line: Line) -> str:
        """The path name of the SoundWave of a line, imported if the order wants that; "" for none."""
        folder = self._order.sounds(line)
        if not folder:
            return ""
        if folder not in self._sounds:
            there = self._sounds[folder] = {}
            for path in sound.in_folder(folder):
                there.setdefault(path.rpartition(".")[2].lower(), []).append(path)
        file = PureWindowsPath(line.sound)  # which reads the paths of other systems, too
        title = asset_name(file.stem or line.id)
        found = self._sounds[folder].get(title.lower()) or self._sounds[folder].get(asset_name(line.id).lower()) or []
        if len(found) == 1:
            return found[0]
        if found:
            what = f"{len(found)} sounds in {folder} are called {title}: it has none."
            unreal.log_warning(f"MEDTalk: {line.out}: {what} Put {{language}} into the folder of the sounds.")
            return ""
        if not self._order.import_sounds:
            return ""
        if not Path(line.sound).is_file():
            unreal.log_warning(f"MEDTalk: {line.out}: its sound {line.sound} is not on this machine: it has none.")
            return ""
        path = sound.import_file(Path(line.sound), folder, title)
        self._sounds[folder][title.lower()] = [path]
        return path

    def _until_editable(self) -> Generator[None, None, None]:
        yield from until_editable(lambda: self._say("waiting", self.status.fraction, PLAYING))

    def _say(self, phase: str, fraction: float, text: str) -> None:
        status = self.status
        status.phase, status.fraction, status.text = phase, fraction, text
        self._watch(status)


def _source(line: Line) -> str:
    """The source of an asset that is made of a line."""
    return f"results:{line.out}"


def start(order: Order, watch: Callable[[Status], None] = lambda status: None) -> Baking:
    """Begin an order, if nothing else is on its way; the tick goes on with it. `PluginError` if it cannot be done."""
    baking = Baking(order, watch)
    generate.begin(baking)
    return baking


def result(baking: Baking) -> Mapping[str, Any]:
    """What became of an order, for programs."""
    status = baking.status
    return {
        "state": status.state, "text": status.text, "made": baking.made, "kept": status.kept, "edited": status.edited,
        "failed": [{"line": one.line, "error": one.error} for one in baking.failures],
    }  # fmt: skip
