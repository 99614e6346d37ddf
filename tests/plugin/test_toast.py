"""Notifications of a generation: at its end, or all the way with Cancel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.plugin.clicking import finish, make, press, status
from tests.plugin.running import tick_until
from tests.plugin.takes import a_sound


@pytest.fixture
def stage(desk: Any) -> Any:
    """A desk with a MetaHuman that is selected."""
    desk.select_actors(desk.add_metahuman("mh4"))
    return desk


def want_progress() -> None:
    from dataclasses import replace

    from medtalk_unreal import settings

    settings.save(replace(settings.load(), progress=True))


def test_the_end_is_a_notification_that_costs_no_dialog(stage: Any, tmp_path: Path) -> None:
    press(stage, [a_sound(stage, tmp_path, 0.3)])
    dialogs_opened: list[bool] = []
    tick_until(
        stage,
        lambda: dialogs_opened.append(not stage.state.unattended_script) or stage.state.notifications,
        "the notification",
    )
    (toast,) = stage.state.notifications
    assert toast.title.startswith("Task MEDTalk: 1 take written, ") and toast.success is True
    assert all(dialogs_opened) and not stage.state.unattended_script


@pytest.mark.engine("5.6")  # 5.4 cannot be told of it
def test_what_went_wrong_is_a_notification_too(stage: Any, tmp_path: Path) -> None:
    press(stage, [a_sound(stage, tmp_path, 0.3)], persona="nobody")
    tick_until(stage, lambda: stage.state.notifications, "the notification")
    (toast,) = stage.state.notifications
    assert "has no persona called 'nobody'" in toast.title and toast.success is False


@pytest.mark.engine("5.4")
def test_where_a_task_cannot_say_that_it_failed(stage: Any, tmp_path: Path) -> None:
    press(stage, [a_sound(stage, tmp_path, 0.3)], persona="nobody")
    tick_until(stage, lambda: stage.state.notifications, "the notification")
    assert stage.state.notifications[0].success is True and "nobody" in stage.state.notifications[0].title


def test_progress_with_all_its_words(stage: Any, tmp_path: Path) -> None:
    want_progress()
    press(stage, [a_sound(stage, tmp_path, 0.5)])
    said: set[str] = set()
    shown = stage.state.notifications
    tick_until(stage, lambda: said.update(one.text for one in shown) or len(shown) == 2, "the end")
    assert any(text.startswith("Writing the keys of line") for text in said) and len(said) > 3
    first, second = stage.state.notifications
    assert (first.title, first.success) == ("Task MEDTalk", True) and "1 take written" in second.title
    assert not stage.state.unattended_script and stage.log.errors == []


def test_cancel_in_the_notification(stage: Any, tmp_path: Path) -> None:
    from medtalk_unreal import generate

    want_progress()
    form = press(stage, [a_sound(stage, tmp_path, 0.5)])
    tick_until(stage, lambda: stage.state.notifications, "the notification")
    stage.state.notifications[0].cancel = True
    stage.tick()
    assert generate.running() is None and status(form) == "Cancelled."
    stage.tick(n=3)
    assert len(stage.state.notifications) == 1 and not stage.state.unattended_script
    assert stage.sequences() == [] and stage.log.errors == []


def test_work_that_ends_before_its_notification_begins(stage: Any, tmp_path: Path) -> None:
    from medtalk_unreal import generate

    want_progress()
    press(stage, [a_sound(stage, tmp_path, 0.5)])
    stage.tick(n=2)
    assert stage.state.notifications == [], "it begins in the next tick"
    generate.cancel()
    stage.tick(n=3)
    (toast,) = stage.state.notifications
    assert toast.success is True and not stage.state.unattended_script, "it does not stay for ever"


def test_a_request_that_is_refused_leaves_no_notification(stage: Any, tmp_path: Path) -> None:
    want_progress()
    stage.select_actors()
    press(stage, [a_sound(stage, tmp_path, 0.5)])
    assert "No MetaHuman is selected" in stage.dialogs.messages[0][1]
    stage.tick(n=3)
    assert stage.state.notifications == [] and not stage.state.unattended_script


def test_without_such_tasks_all_is_as_before(stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import unreal

    monkeypatch.delattr(unreal, "EditorUtilitySubsystem")
    want_progress()
    assert "1 take written" in make(stage, [a_sound(stage, tmp_path, 0.3)])
    finish(stage)
    stage.tick(n=2)
    assert stage.state.notifications == [] and stage.log.errors == []
