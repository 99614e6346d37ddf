"""Notifications in the corner of the editor, through an `EditorUtilityTask`: the only way from Python.

While such a task runs, Unreal takes the editor for one that a script runs unattended: it opens no dialogs, and answers
its questions with their defaults (FMessageDialog, FSlateApplication::AddModalWindow). So by default a task ends at the
moment it begins, and stays as a notification that says how the work ended. A setting shows the progress, with Cancel;
then Unreal opens no dialogs meanwhile.

A task may be ended once, and only while it runs; Unreal checks that.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import unreal

from medtalk_unreal import details
from medtalk_unreal.dialogs import TITLE
from medtalk_unreal.work import Status

_on_cancel: Callable[[], None] | None = None  # of the task that shows the progress
_path = ""  # its path name, "" for none
_said = ""  # its last text

if hasattr(unreal, "EditorUtilityTask"):

    @unreal.uclass()
    class MEDTalkToast(unreal.EditorUtilityTask):
        """A notification; `stays` is one that shows the progress."""

        title = unreal.uproperty(str)
        stays = unreal.uproperty(bool)
        runs = unreal.uproperty(bool)
        good = unreal.uproperty(bool)

        @unreal.ufunction(override=True)
        def get_task_title_override(self):
            return unreal.Text(details.get(self, "title"))

        @unreal.ufunction(override=True)
        def receive_begin_execution(self):
            if details.get(self, "stays") and self.get_path_name() == _path:  # else the work has ended meanwhile
                self.set_editor_property("runs", True)
            else:
                _finish(self)

        @unreal.ufunction(override=True)
        def receive_cancel_requested(self):
            _forget()  # Unreal ends it after this
            if _on_cancel is not None:
                _on_cancel()


def watching(show: Callable[[Status], None], cancel: Callable[[], None], progress: bool) -> Callable[[Status], None]:
    """`show` of a generation's status, with a notification of its end; with `progress` one that stays until then, and
    has Cancel."""
    begun = not progress

    def watch(status: Status) -> None:
        nonlocal begun
        show(status)
        if status.state == "running":
            if not begun:  # only now: a request that is refused must not leave a task behind
                begun = True
                _begin(cancel)
            _say(status.text)
            return
        _end(status.state == "done")
        if status.state != "cancelled":
            note(status.text, status.state == "done")

    return watch


def note(text: str, good: bool) -> None:
    """A notification that stays for a moment."""
    _register(f"{TITLE}: {text}", good=good)


def _begin(cancel: Callable[[], None]) -> None:
    global _on_cancel, _path
    _end()
    _on_cancel, _path = cancel, _register(TITLE, stays=True)


def _say(text: str) -> None:
    global _said
    task = _running()
    if task is not None and text != _said:
        _said = text
        task.set_task_notification_text(text)


def _end(good: bool = True) -> None:
    task = _running()
    _forget()
    if task is not None:
        task.set_editor_property("good", good)
        _finish(task)


def _forget() -> None:
    global _path, _said
    _path = _said = ""


def _running() -> Any:
    """The task that runs, looked up anew; None for none, or one that Unreal has not begun yet."""
    task = unreal.find_object(None, _path) if _path else None
    return task if task is not None and details.get(task, "runs") else None


def _register(title: str, *, stays: bool = False, good: bool = True) -> str:
    """Have Unreal begin a task in its next tick; its path name, "" where there are none."""
    tasks = getattr(unreal, "EditorUtilitySubsystem", None)
    kind = globals().get("MEDTalkToast")
    subsystem = unreal.get_editor_subsystem(tasks) if tasks is not None else None
    if kind is None or subsystem is None or not hasattr(subsystem, "register_and_execute_task"):
        return ""
    task = details.make(kind, f"{TITLE} Notification")
    task.set_editor_properties({"title": title, "stays": stays, "good": good})
    subsystem.register_and_execute_task(task)
    return task.get_path_name()


def _finish(task: Any) -> None:
    """End a task that runs. Some versions let it say that it went wrong."""
    if not details.get(task, "good"):
        with suppress(TypeError):
            task.finish_executing_task(False)
            return
    task.finish_executing_task()
