"""Tasks with a notification: when they begin, what they cost, how they end."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def kind(unreal: Any, editor: Any) -> Any:
    """A task that runs until it is ended."""

    class Task(unreal.EditorUtilityTask):
        heard = unreal.uproperty(bool)

        @unreal.ufunction(override=True)
        def get_task_title_override(self):
            return unreal.Text("Work")

        @unreal.ufunction(override=True)
        def receive_cancel_requested(self):
            self.set_editor_property("heard", True)

    return unreal.uclass()(Task)


def registered(unreal: Any, kind: Any) -> Any:
    task = unreal.new_object(kind)
    unreal.get_editor_subsystem(unreal.EditorUtilitySubsystem).register_and_execute_task(task)
    return task


def test_a_task_begins_in_the_next_tick_and_no_dialog_opens_until_it_ends(unreal: Any, editor: Any, kind: Any) -> None:
    task = registered(unreal, kind)
    assert editor.state.notifications == [] and unreal.find_object(None, task.get_path_name()) is not None
    editor.tick()
    (toast,) = editor.state.notifications
    assert (toast.title, toast.text, toast.success) == ("Task Work", "Running", None)
    task.set_task_notification_text("Half.")
    ask = "Sure?", "Delete it?", unreal.AppMsgType.YES_NO, unreal.AppReturnType.NO
    assert toast.text == "Half." and unreal.EditorDialog.show_message(*ask) == unreal.AppReturnType.NO
    assert editor.dialogs.messages == [] and not unreal.EditorDialog.show_object_details_view("Form", task)
    task.finish_executing_task()
    unreal.EditorDialog.show_message(*ask)
    assert (toast.text, toast.success) == ("Complete", True) and len(editor.dialogs.messages) == 1
    assert unreal.find_object(None, task.get_path_name()) is None


def test_cancel_ends_the_task_after_its_own_word(unreal: Any, editor: Any, kind: Any, crash: Any) -> None:
    task = registered(unreal, kind)
    editor.tick()
    editor.state.notifications[0].cancel = True
    assert task.was_cancel_requested()
    editor.tick()
    assert task.get_editor_property("heard") and editor.state.notifications[0].success is True
    with pytest.raises(crash, match="does not run"):
        task.finish_executing_task()


def test_a_task_that_waits_cannot_be_ended(unreal: Any, editor: Any, kind: Any, crash: Any) -> None:
    with pytest.raises(crash):
        registered(unreal, kind).finish_executing_task()


def test_tasks_run_one_after_the_other(unreal: Any, editor: Any, kind: Any) -> None:
    first, _ = registered(unreal, kind), registered(unreal, kind)
    editor.tick(n=3)
    assert len(editor.state.notifications) == 1
    first.finish_executing_task()
    editor.tick()
    assert len(editor.state.notifications) == 2
