"""Tasks with a notification in the corner of the editor.

Source: EditorUtilityTask.cpp and EditorUtilitySubsystem.cpp (Engine/Source/Editor/Blutility), 5.2 and 5.8, which agree:

* A task that is registered begins in the next tick of the core, if no other runs.
* While it runs, GIsRunningUnattendedScript is set: FMessageDialog gives its default, and FSlateApplication opens no
  modal window that is not of a slow task (MessageDialog.cpp, SlateApplication.cpp; asserted by PinWright/pinwright-ue).
* Cancel is looked at in that tick: receive_cancel_requested is called, then the task is ended by the editor.
* To end a task that does not run breaks a check, so the editor dies.
* Its title is "Task " and what it says; when it has ended, the text is "Complete".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .objects import EditorSubsystem, Object
from .state import EDITOR, EditorCrash


@dataclass
class Toast:
    """A notification: `success` is None while its task runs."""

    title: str
    text: str = "Running"
    success: bool | None = None
    cancel: bool = False
    """The user has pressed Cancel."""


class EditorUtilityTask(Object):
    """Subclasses of Python override what begins with `receive` and `get`."""

    _lasting = True

    def _set_up(self) -> None:
        self._toast: Toast | None = None
        self._manager: Any = None

    def receive_begin_execution(self) -> None:
        """The task begins."""

    def receive_cancel_requested(self) -> None:
        """The user has pressed Cancel."""

    def get_task_title_override(self) -> Any:
        return ""

    def was_cancel_requested(self) -> bool:
        return self._toast is not None and self._toast.cancel

    def set_task_notification_text(self, text: Any) -> None:
        if self._toast is not None and self._toast.success is None:
            self._toast.text = str(text)

    def finish_executing_task(self, success: bool) -> None:
        self._finish(success)

    def _finish(self, success: bool) -> None:
        if self._manager is None or self._toast is None:
            raise EditorCrash("a task was ended that does not run")
        self._manager._active, self._manager = None, None
        self._toast.text, self._toast.success = "Complete", success
        EDITOR.unattended_script = False

    def _begin(self) -> None:
        EDITOR.unattended_script = True
        title = str(_called(self, "get_task_title_override") or type(self).__name__)
        self._toast = Toast(f"Task {title}")
        EDITOR.notifications.append(self._toast)
        _called(self, "receive_begin_execution")

    def _tick(self) -> None:
        if self._toast is not None and self._toast.cancel:
            _called(self, "receive_cancel_requested")
            self._finish(True)


def _called(task: Any, name: str) -> Any:
    """What the class says to a call of the editor."""
    item = type(task)._functions.get(name)
    if item is None:
        return getattr(task, name)()
    with EDITOR.plugin_code():
        return item.function(task)


class EditorUtilitySubsystem(EditorSubsystem):
    """Begins tasks one after the other."""

    def _set_up(self) -> None:
        self._waiting: list[Any] = []
        self._active: Any = None

    def register_and_execute_task(self, new_task: Any, optional_parent_task: Any) -> None:
        if new_task._manager is not None:
            raise EditorCrash("a task was registered twice")
        new_task._manager = self
        self._waiting.append(new_task)
        EDITOR.core_ticks["tasks"] = self._tick

    def _tick(self) -> None:
        if self._active is None and self._waiting:
            self._active = self._waiting.pop(0)
            self._active._begin()
        if self._active is not None:
            self._active._tick()

    def _find(self, path: str) -> Any:
        held = [*self._waiting, *([self._active] if self._active is not None else [])]
        return next((one for one in held if one._path() == path), None)
