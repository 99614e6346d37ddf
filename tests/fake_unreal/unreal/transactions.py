"""Undo steps and the progress window of a slow task."""

from __future__ import annotations

from typing import Any

from .state import EDITOR, EditorCrash
from .values import Text, _WrapperBase


class _Scoped(_WrapperBase):
    """What counts and checks as the objects do."""

    def _count(self, name: str) -> None:
        editor = EDITOR.state
        label = f"{type(self).__name__}.{name}"
        editor.check_thread(label)
        if editor.depth == 0:
            editor.calls[label] += 1


class ScopedEditorTransaction(_Scoped):
    """One undo step: what is modified between enter and exit. It cannot stay open over ticks."""

    def __init__(self, desc: Any) -> None:
        self._desc = str(Text._taken(desc))
        self._cancelled = False

    def __enter__(self) -> ScopedEditorTransaction:
        self._count("__enter__")
        if EDITOR.transaction_depth == 0 and not EDITOR.dragging:  # else it is a part of what the user does
            EDITOR.transaction, EDITOR.transaction_name = {}, self._desc
        EDITOR.transaction_depth += 1
        return self

    def __exit__(self, *error: Any) -> bool:
        EDITOR.transaction_depth -= 1
        if EDITOR.transaction_depth == 0:
            states, EDITOR.transaction = EDITOR.transaction, None
            if states and not self._cancelled:
                EDITOR.state.committed(EDITOR.transaction_name, states)
        return False

    def cancel(self) -> None:
        """Forgets the step; what was changed stays changed."""
        self._count("cancel")
        self._cancelled = True
        EDITOR.transaction = {}


class ScopedSlowTask(_Scoped):
    """A progress window. The user presses Cancel when the `editor` says so."""

    def __init__(self, work: float, desc: Any = "", enabled: bool = True) -> None:
        if isinstance(work, bool) or not isinstance(work, (int, float)):
            raise TypeError(f"work must be a number, not {type(work).__name__}")
        self._work, self._desc, self._enabled = float(work), str(Text._taken(desc)), enabled
        self._done, self._frames = 0.0, 0
        self._open = self._can_cancel = False

    def __enter__(self) -> ScopedSlowTask:
        self._count("__enter__")
        self._open = True
        EDITOR.slow_tasks.append(self._desc)
        return self

    def __exit__(self, *error: Any) -> bool:
        self._open = False
        return False

    def _check(self, what: str) -> None:
        self._count(what)
        if not self._open:
            raise EditorCrash(f"ScopedSlowTask.{what} outside its scope")

    def make_dialog_delayed(self, delay: float, can_cancel: bool = False, allow_in_pie: bool = False) -> None:
        self._check("make_dialog_delayed")
        EDITOR.progress_in_ticks += [self._desc] if EDITOR.ticking else []
        self._can_cancel = can_cancel

    def make_dialog(self, can_cancel: bool = False, allow_in_pie: bool = False) -> None:
        self._check("make_dialog")
        EDITOR.progress_in_ticks += [self._desc] if EDITOR.ticking else []
        self._can_cancel = can_cancel

    def enter_progress_frame(self, work: float = 1.0, desc: Any = "") -> None:
        self._check("enter_progress_frame")
        Text._taken(desc)
        self._done += work
        self._frames += 1
        if self._done > self._work + 1e-3:
            EDITOR.log.add("Error", f"A slow task of {self._work} was given {self._done}: {self._desc}")

    def should_cancel(self) -> bool:
        self._check("should_cancel")
        after = EDITOR.cancel_slow_task_after
        return self._can_cancel and not EDITOR.unattended and after is not None and self._frames >= after
