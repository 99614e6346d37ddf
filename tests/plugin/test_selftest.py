"""The self-test answers each question, also where there is no MetaHuman, and puts everything back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.plugin.running import do, saved


@pytest.fixture(autouse=True)
def few_keys(editor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from medtalk_unreal.questions import keys

    monkeypatch.setattr(keys, "MANY", 500)
    monkeypatch.setattr(keys, "KEYS", 100)


@pytest.fixture
def few_questions(editor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of each kind: test_questions.py asks all of them."""
    from medtalk_unreal import selftest

    every = selftest.all_of_them
    some = ("jaw", "undo", "export", "sockets", "ticks", "menus")
    monkeypatch.setattr(selftest, "all_of_them", lambda menus: {name: every(menus)[name] for name in some})


def to_the_end(editor: Any, steps: Any) -> Any:
    """Steps to their end, however long that takes on a busy machine; the task."""
    from medtalk_unreal import ticks

    task = ticks.begin(steps)
    for _ in range(5000):
        if task.ended:
            return task
        editor.tick()
    raise AssertionError(editor.log.text)


def ask(editor: Any, version: str = "5.6.1") -> dict[str, Any]:
    from medtalk_unreal import menus, selftest

    lines: list[str] = []
    task = to_the_end(editor, selftest.steps(menus.MENUS, lines.append))
    assert task.error is None, task.error
    assert len(lines) == len(selftest.all_of_them(())) + 1
    assert json.loads((saved(editor) / f"selftest-{version}.json").read_text()) == task.result
    return task.result


def test_every_question_is_answered(editor: Any) -> None:
    editor.add_metahuman("mh4")
    report = ask(editor)
    assert report["ok"] and report["face"]["generation"] == "mh4"
    answers = report["questions"]
    assert {answer["outcome"] for answer in answers.values()} == {"answered"}
    assert answers["undo"]["undone"] is True
    assert answers["load_animation"]["done"] is True and answers["load_animation"]["keys"] > 20
    assert answers["jaw"]["opens"] is True
    assert answers["add_key_twice"]["keys_after"] in (1, 2)
    assert answers["speed"]["microseconds_per_key_channels"] > 0
    assert answers["sockets"]["echo"] is True
    assert answers["ticks"]["ticks"] == 20
    assert report["engine"].startswith("5.6.1") and report["plugin"] and "asking" not in report
    assert {"Sequencer.MainToolBar", "LevelEditor.MainMenu.Tools"} < set(answers["menus"])


def test_without_a_metahuman_its_questions_are_skipped(editor: Any) -> None:
    report = ask(editor)
    assert report["ok"] and report["face"] is None
    outcomes = {name: answer["outcome"] for name, answer in report["questions"].items()}
    assert outcomes["jaw"] == outcomes["export"] == "skipped"
    assert outcomes["sockets"] == outcomes["packages"] == outcomes["menus"] == "answered"


@pytest.mark.usefixtures("few_questions")
def test_everything_is_put_back(editor: Any) -> None:
    editor.add_metahuman("mh4")
    sequence = editor.new_sequence(24)
    editor.open(sequence)
    before = set(editor.state.assets)
    ask(editor)
    assert set(editor.state.assets) == before
    assert editor.state.sequence == sequence
    assert not editor.tabs


def test_cancelled_half_way_it_still_puts_everything_back(editor: Any) -> None:
    from medtalk_unreal import selftest, ticks

    editor.add_metahuman("mh4")
    before = set(editor.state.assets)
    task = ticks.begin(selftest.steps((), lambda _: None))
    editor.tick(n=6)
    assert set(editor.state.assets) != before
    task.cancel()
    assert task.ended and set(editor.state.assets) == before
    left = json.loads((saved(editor) / "selftest-5.6.1.json").read_text())
    assert left["ok"] is False and left["asking"] not in left["questions"]  # what an editor died of


@pytest.mark.engine("5.4")
def test_the_oldest_editor_answers(editor: Any) -> None:
    editor.add_metahuman("mh3")
    report = ask(editor, "5.4.4")
    assert report["ok"], report


@pytest.mark.engine("5.8")
def test_the_latest_editor_answers_and_logs_no_error_but_those_asked_for(editor: Any) -> None:
    editor.add_metahuman("mh4")
    report = ask(editor, "5.8.0")
    assert report["ok"], report
    assert editor.log.errors == [line.partition("]")[2].partition("]")[2] for line in
                                 report["questions"]["made_while_closed"]["errors"]]  # fmt: skip


def test_a_disk_that_takes_no_report(editor: Any) -> None:
    from medtalk_unreal import selftest

    (saved(editor) / "selftest-5.6.1.json").mkdir(parents=True)
    task = do(editor, selftest.steps((), lambda _: None))
    assert str(task.error).startswith("The report ") and "cannot be written" in str(task.error)


def test_the_users_own_folder_is_not_touched(editor: Any) -> None:
    import unreal

    from medtalk_unreal import selftest
    from medtalk_unreal.questions import scratch

    unreal.EditorAssetLibrary.make_directory(scratch.FOLDER)
    task = do(editor, selftest.steps((), lambda _: None))
    assert "already" in str(task.error) and not (saved(editor) / "selftest-5.6.1.json").exists()
    assert unreal.EditorAssetLibrary.does_directory_exist(scratch.FOLDER)


@pytest.mark.parametrize(("value", "outcome"), [(-0.5, "failed"), (0.0, "skipped"), (None, "skipped")])
@pytest.mark.usefixtures("few_questions")
def test_a_jaw_that_closes_is_a_failure(
    editor: Any, monkeypatch: pytest.MonkeyPatch, value: float | None, outcome: str
) -> None:
    editor.add_metahuman("mh4")
    monkeypatch.setattr(editor.state, "curve_value", lambda *_: value, raising=False)
    report = ask(editor)
    assert report["questions"]["jaw"]["outcome"] == outcome and report["ok"] == (outcome != "failed")


@pytest.mark.usefixtures("few_questions")
def test_an_undo_that_undoes_nothing_is_a_failure(editor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from medtalk_unreal import compat

    editor.add_metahuman("mh4")
    monkeypatch.setattr(compat, "undo", lambda: None)
    report = ask(editor)
    assert report["questions"]["undo"]["outcome"] == "failed" and not report["ok"]


@pytest.mark.usefixtures("few_questions")
def test_a_question_that_fails_does_not_stop_the_others(editor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import unreal

    monkeypatch.delattr(unreal, "SequencerTools")
    editor.add_metahuman("mh4")
    from medtalk_unreal import selftest

    report = do(editor, selftest.steps((), lambda _: None)).result
    assert not report["ok"]
    assert report["questions"]["export"]["outcome"] == "failed"
    assert report["questions"]["ticks"]["outcome"] == "answered"
