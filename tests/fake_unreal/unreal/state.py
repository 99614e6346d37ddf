"""The state of the editor that the stand-in plays: one `EDITOR`, made anew for each test.

EditorCrash is what kills a real editor (an engine check, an access violation): no `except Exception` may catch it.
"""

from __future__ import annotations

import gc
import threading
import traceback
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .playing import PLAYING


class EditorCrash(BaseException):
    """What would take a real editor down."""


class Log:
    """The output log: (level, line); level is "Display", "Warning" or "Error"."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def add(self, level: str, line: str) -> None:
        self.lines.append((level, line))

    def write(self, path: Path) -> None:
        """The file, as the editor writes it: time, frame, category, level (but "Display"), line."""
        path.parent.mkdir(parents=True, exist_ok=True)
        shown = [
            line if "Log" in line.split(":")[0] else f"LogPython: {'' if level == 'Display' else level + ': '}{line}"
            for level, line in self.lines
        ]
        path.write_text("".join(f"[2026.01.01-00.00.00:000][  0]{line}\n" for line in shown), "utf-8")

    def of(self, level: str) -> list[str]:
        return [line for found, line in self.lines if found == level]

    @property
    def errors(self) -> list[str]:
        return self.of("Error")

    @property
    def warnings(self) -> list[str]:
        return self.of("Warning")

    @property
    def text(self) -> str:
        return "\n".join(line for _, line in self.lines)


class EditorState:
    """Everything that the stand-in knows. Tests reach it through the `editor` fixture."""

    def __init__(self, project_dir: Path) -> None:
        self.project_dir = project_dir
        self.thread = threading.get_ident()
        self.log = Log()
        self.command_line = f'"{project_dir.as_posix()}/Show.uproject"'
        self.unattended = False
        self.commandlet = False
        self.engine_version = PLAYING.build
        self.calls: Counter[str] = Counter()
        self.depth = 0  # of API calls inside API calls; only the outermost is counted
        self.scope = 0  # > 0 while the editor runs plugin code: wrappers that it takes then end with it
        self.generation = 0
        self.handed: list[weakref.ref[Any]] = []  # what plugin code got of objects, since it began
        self.ticking = 0
        # by noun, filled by the modules
        self.assets: dict[str, Any] = {}  # package path in lower case -> asset
        self.folders: set[str] = {"/Game"}
        self.dirty: set[str] = set()
        self.saved: Counter[str] = Counter()
        self.metadata: dict[tuple[str, str], str] = {}
        self.loading_assets = False
        self.actors: list[Any] = []
        self.world: Any = None
        self.binaries = project_dir / "Engine" / "Binaries"
        self.console: list[str] = []
        self.browser_path: str | None = "/Game"
        self.evaluated: float | None = None
        self.tabs_work = True
        self.linear_keys = False  # the user's setting for new keys: linear, not automatic
        self.read_only: set[str] = set()  # packages whose file cannot be written
        self.importer: Callable[[Any], None] = lambda task: None
        self.playing = False  # in the editor: nothing can be loaded or changed
        self.dragging = False  # the user is in the middle of an undo step
        self.selected_actors: list[Any] = []
        self.selected_assets: list[Any] = []
        self.sequence: Any = None  # open in Sequencer
        self.focused: Any = None  # the sub-sequence that is edited
        self.shown_at_rigs: list[Any] = []  # what Sequencer showed each time a rig's track was made
        self.parts: list[Any] = []  # the sections that lead to it, where the editor knows
        self.selected_sections: list[Any] = []  # in the open Sequencer
        self.selected_bindings: list[Any] = []
        self.spawned: dict[str, Any] = {}  # guid -> the actor of a spawnable, while its sequence is edited
        self.console_variables: dict[str, Any] = {"LevelSequence.DefaultDisplayRate": "30fps"}
        self.sequence_locked = False
        self.position = 0.0  # display frames
        self.transaction: dict[int, tuple[Any, dict[str, Any]]] | None = None
        self.transaction_name = ""
        self.transaction_depth = 0
        self.undo_stack: list[tuple[str, dict[int, tuple[Any, dict[str, Any]]]]] = []
        self.redo_stack: list[tuple[str, dict[int, tuple[Any, dict[str, Any]]]]] = []
        self.toasts: list[str] = []  # notifications in the corner of the editor
        self.garbage_waits = False  # to be collected at the end of the frame
        self.objects = self.most_objects = 0  # made since garbage was last collected, and the most there were
        self.post_ticks: dict[Any, Callable[[float], None]] = {}
        self.pre_ticks: dict[Any, Callable[[float], None]] = {}
        self.core_ticks: dict[str, Callable[[], None]] = {}  # what the editor itself does between frames
        self.notifications: list[Any] = []  # of tasks
        self.unattended_script = False  # Unreal takes the editor for one that a script runs
        self.urls: list[str] = []  # opened in the browser
        self.subjects: list[str] = []  # that Live Link receives
        self.shutdowns: dict[Any, Callable[[], None]] = {}
        self.quit = False
        self.keep_alive = False
        self.subsystems: dict[str, Any] = {}
        self.menus: Any = None
        self.open_tabs: list[Any] = []
        self.dialogs: Any = None
        self.slow_task: Any = None
        self.cancel_slow_task_after: int | None = None  # frames of a slow task until the user presses Cancel
        self.slow_tasks: list[str] = []
        # FeedbackContextEditor.cpp guards its frame against a progress window in a Slate tick, and calls it wrong use
        self.progress_in_ticks: list[str] = []
        self.classes: dict[str, type] = {}  # made by @unreal.uclass
        self.names: Counter[str] = Counter()  # for unique object names
        # what is not known of the real editor, to be switched in tests
        self.rig_section_bounded = False
        self.rigs_need_sequencer = False  # whether get_control_rigs finds none in a closed sequence
        self.hidden_are_channels = False  # whether controls that a section's filter hides are channels all the same
        self.override_wins = True  # whether an overriding section takes the place of absolute ones, or counts nothing
        self.sections_reach_on = False  # whether a section counts outside of its ends too
        self.animation_wins = False  # over a board on the same face
        self.head_control = False  # whether boards turn the head, as those of MetaHuman Animator do
        self.class_objects: dict[type, Any] = {}

    def single(self, kind: Any) -> Any:
        """The one object of a class that there is one of."""
        if kind.__name__ not in self.subsystems:
            self.subsystems[kind.__name__] = kind()
        return self.subsystems[kind.__name__]

    def modal(self, what: str) -> None:
        """A modal window opens."""
        if self.ticking:
            raise EditorCrash(f"{what} opened in a Slate tick")
        if self.unattended:
            raise EditorCrash(f"{what} would wait for ever: the editor is unattended")

    def run_ticks(self, seconds: float) -> None:
        """Calls the Slate callbacks; what they raise is only logged.

        While Python is on the stack, as behind a modal window that it opened, none is called: the engine's
        CanTickPython forbids it. (PinWright/pinwright-ue says so in a comment; second look, B9)
        """
        if self.scope:
            return
        for between in list(self.core_ticks.values()):
            between()
        self.ticking += 1
        depth, self.depth = self.depth, 0
        try:
            for callbacks in (self.pre_ticks, self.post_ticks):
                for handle, callback in list(callbacks.items()):
                    if handle not in callbacks:
                        continue
                    with self.plugin_code():
                        try:
                            callback(seconds)
                        except Exception:
                            self.log.add("Error", traceback.format_exc())
        finally:
            self.ticking -= 1
            self.depth = depth

    def find_object(self, path: str) -> Any:
        """An asset, an actor or a component by its full path name; None."""
        if path.endswith("'"):
            path = path[:-1].partition("'")[2]
        for actor in self.actors:
            for one in (actor, *actor._components):
                if one._path().lower() == path.lower():
                    return one
        for one in self.open_tabs:
            if one._path() == path:
                return one
        tasks = self.subsystems.get("EditorUtilitySubsystem")
        if tasks is not None and (task := tasks._find(path)) is not None:
            return task
        asset = self.assets.get(path.partition(".")[0].lower())
        if asset is not None and ":" in path:  # what lies in a sequence
            inside = [one for track in getattr(asset, "_all_tracks", list)() for one in (track, *track._sections)]
            return next((one for one in inside if one._path() == path), None)
        return asset

    def check_thread(self, what: str) -> None:
        if threading.get_ident() != self.thread:
            raise EditorCrash(f"{what} was called off the game thread")

    @contextmanager
    def plugin_code(self) -> Iterator[None]:
        """The editor runs code of a plugin: a menu entry, a tick, a button. What it takes must not be kept.

        That it is not kept is looked at where the code ends well: an error on its way out holds all frames.
        """
        self.scope += 1
        ended_well = False
        try:
            yield
            ended_well = True
        finally:
            self.scope -= 1
            if self.scope == 0:
                self.generation += 1
                handed, self.handed = self.handed, []
                if ended_well and _alive(handed):
                    gc.collect()  # frames of an error that was dealt with may hold each other
                    if kept := _alive(handed):
                        raise EditorCrash(f"kept after the tick or menu click: {', '.join(map(_held, kept))}")

    def touch(self, thing: Any) -> None:
        """`thing` is about to change: its state goes into the open transaction, once."""
        if self.transaction is not None and id(thing.__dict__) not in self.transaction:
            self.transaction[id(thing.__dict__)] = (thing, copied(thing.__dict__))

    def undo(self) -> str:
        """Takes the last transaction back; its name. A toast says so, and it can be done again. (second look, B8)

        The metadata of an asset stay as they are: they belong to its package, and the call that sets one marks the
        asset alone as changed. (public copies of EditorAssetSubsystem.cpp)
        """
        return self._swap(self.undo_stack, self.redo_stack, "Undo")

    def redo(self) -> str:
        """Does the transaction again that was taken back last; its name."""
        return self._swap(self.redo_stack, self.undo_stack, "Redo")

    def _swap(self, taken: list[Any], given: list[Any], verb: str) -> str:
        name, states = taken.pop()
        given.append((name, {key: (thing, copied(thing.__dict__)) for key, (thing, _) in states.items()}))
        for thing, state in states.values():
            tags = thing.__dict__.get("_tags")
            thing.__dict__.clear()
            thing.__dict__.update(state if tags is None else {**state, "_tags": tags})
        self.toasts.append(f"{verb}: {name}")
        return name

    def committed(self, name: str, states: dict[int, tuple[Any, dict[str, Any]]]) -> None:
        """A transaction has ended: it can be taken back, and what was taken back before cannot be done again."""
        self.undo_stack.append((name, states))
        self.redo_stack.clear()

    def forget_steps(self, asset: Any) -> None:
        """An asset is deleted by force: where the undo history holds a part of it, all of that is reset.

        (memory: ForceDeleteObjects resets the transactions; second look, B8)
        """
        for _, states in (*self.undo_stack, *self.redo_stack):
            if any(_within(thing, asset) for thing, _ in states.values()):
                self.undo_stack.clear()
                self.redo_stack.clear()
                return

    def made(self) -> None:
        """There is one more object, until garbage is collected."""
        self.objects += 1
        self.most_objects = max(self.most_objects, self.objects)

    def unique_name(self, base: str) -> str:
        number = self.names[base]
        self.names[base] += 1
        return f"{base}_{number}"


def _within(thing: Any, asset: Any) -> bool:
    while thing is not None and thing != asset:
        thing = thing.__dict__.get("_outer")
    return thing is not None


def _alive(handed: list[weakref.ref[Any]]) -> list[Any]:
    return [one for one in (reference() for reference in handed) if one is not None]


def _held(thing: Any) -> str:
    """What is kept, and by what."""
    holders = [one for one in gc.get_referrers(thing) if type(one).__name__ != "list"]
    names = [getattr(one, "__qualname__", type(one).__name__) for one in holders]
    return f"{thing!r} (by {', '.join(names) or 'a list'})"


def copied(value: Any) -> Any:
    """Containers and records copied all through, objects as they are."""
    if isinstance(value, dict):
        return {key: copied(one) for key, one in value.items()}
    if type(value) in (list, tuple, set):
        return type(value)(copied(one) for one in value)
    return value._copied() if hasattr(type(value), "_copied") else value


class _Holder:
    """`EDITOR.state` is the one editor; a class of its own so that every module sees the change."""

    state: EditorState

    def __getattr__(self, name: str) -> Any:
        if name == "state":
            raise EditorCrash("no editor runs: take the `editor` fixture")
        return getattr(self.state, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "state":
            object.__setattr__(self, name, value)
        else:
            setattr(self.state, name, value)


EDITOR: Any = _Holder()


def start(project_dir: Path) -> EditorState:
    """A fresh editor."""
    EDITOR.state = EditorState(project_dir)
    return EDITOR.state
