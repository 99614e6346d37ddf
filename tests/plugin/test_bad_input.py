"""Bad input around a take that no model sees: what is in the way, what may not be written, who else has a tick."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from tests.fake_unreal.editor import PLUGIN
from tests.plugin.takes import board_section, moving, state_of, write


@pytest.fixture
def stage(editor: Any) -> tuple[Any, Any, Any]:
    """An editor, a sequence that is not open, a MetaHuman."""
    return editor, editor.new_sequence(30), editor.add_metahuman()


# --- sections and files


def test_a_locked_section_of_the_take(stage: Any) -> None:
    from medtalk_unreal.errors import PluginError

    editor, sequence, actor = stage
    write(editor, moving(4), sequence=sequence, actor=actor)
    board_section(editor, sequence).set_is_locked(True)
    before = state_of(editor)
    with pytest.raises(PluginError, match=r"The section .* is locked\. Unlock it in Shot") as caught:
        write(editor, moving(4), sequence=sequence, actor=actor)
    assert state_of(editor) == before and "\n" not in str(caught.value)


def test_a_muted_section_of_the_take(stage: Any) -> None:
    editor, sequence, actor = stage
    write(editor, moving(4), sequence=sequence, actor=actor)
    board_section(editor, sequence).set_is_active(False)
    report = write(editor, moving(4), sequence=sequence, actor=actor)
    assert any("its keys have no effect" in line for line in report.warnings)


def test_the_section_of_another_take_in_the_way(stage: Any) -> None:
    """Both stay, and the user hears which one shows."""
    editor, sequence, actor = stage
    write(editor, moving(40), name="first", sequence=sequence, actor=actor)
    report = write(editor, moving(40), name="second", sequence=sequence, actor=actor, start_frame=10)
    assert len(editor.sections(sequence)) == 2 and any("take first" in line for line in report.warnings)


@pytest.mark.parametrize("protected", [True, False])
def test_a_sequence_that_source_control_keeps(stage: Any, protected: bool) -> None:
    """It can be edited, and not saved."""
    editor, sequence, actor = stage
    file = Path(editor.unreal.SystemLibrary.get_system_path(sequence))
    file.parent.mkdir(parents=True)
    file.touch(0o444 if protected else 0o644)
    report = write(editor, moving(4), sequence=sequence, actor=actor)
    said = [line for line in report.warnings if "write-protected" in line]
    assert len(said) == protected and report.keys


def test_a_project_that_cannot_be_written(editor: Any) -> None:
    """A file lies where the project's folder Saved would have to be."""
    from medtalk_unreal import forms
    from medtalk_unreal.dialogs import guarded

    editor.start_plugin()
    (editor.project_dir / "Saved").write_text("in the way")
    with editor.plugin_code():
        guarded(forms.open_generate)
    ((_, message),) = editor.dialogs.messages
    assert "cannot be made" in message and "\n" not in message and "The plugin failed" not in message
    assert editor.tabs == []


# --- the engine


@pytest.mark.parametrize("version", ["5.3.2-29314046+++UE5+Release-5.3", "4.27.2-18319896+++UE4+Release-4.27"])
def test_an_engine_that_is_too_old(editor: Any, version: str) -> None:
    editor.state.engine_version = version
    runpy.run_path(str(PLUGIN / "init_unreal.py"))
    (line,) = editor.log.errors
    assert line == f"MEDTalk needs Unreal 5.4 or later; this is {version.partition('-')[0]}."
    assert not editor.state.classes and not editor.state.shutdowns and not editor.state.post_ticks
    assert not [entry for entry in editor.menu_entries() if "MEDTalk" in entry]


@pytest.mark.parametrize("version", ["5.4.4-35576357+++UE5+Release-5.4", "5.10.0-1+++UE5+Main", "later"])
def test_an_engine_that_is_new_enough(editor: Any, version: str) -> None:
    editor.state.engine_version = version
    runpy.run_path(str(PLUGIN / "init_unreal.py"))
    assert editor.log.errors == [] and "MEDTalkLibrary" in editor.state.classes


# --- ticks


def test_the_tick_of_another_plugin_throws(editor: Any) -> None:
    from medtalk_unreal import ticks

    def throws(_: float) -> None:
        raise RuntimeError("another plugin")

    register = editor.unreal.register_slate_post_tick_callback
    register(throws)

    def steps() -> Any:
        yield
        yield
        return "done"

    task = ticks.begin(steps())
    register(throws)
    editor.tick(n=3)
    assert task.result == "done" and len(editor.state.post_ticks) == 2


def _raising(error: Exception) -> Any:
    yield
    raise error


@pytest.mark.parametrize("where", ["steps", "end", "both"])
def test_a_fault_of_ours_leaves_no_tick(editor: Any, where: str) -> None:
    from medtalk_unreal import ticks

    def ended(task: Any) -> None:
        if where != "steps":
            raise RuntimeError("at the end")

    def well() -> Any:
        yield
        yield
        yield
        return "well"

    other = well()
    task = ticks.begin(_raising(RuntimeError("in a step")) if where != "end" else iter_once(), ended)
    beside = ticks.begin(other)
    editor.tick(n=5)
    assert task.ended and beside.result == "well" and not editor.state.post_ticks
    assert len(editor.log.errors) == (where != "steps")
    assert all(line.startswith("MEDTalk: ") and "\n" not in line for line in editor.log.errors)


def iter_once() -> Any:
    yield


def test_a_form_that_cannot_show_its_status_does_not_keep_the_next_click(editor: Any) -> None:
    """The watcher throws in the middle and in the end: the generation ends, and another may begin."""
    from medtalk_unreal import generate
    from medtalk_unreal.request import Request

    mesh = editor.add_metahuman() and "/Game/MetaHumans/Ada/Face/SKM_Ada_Face"
    sound = editor.add_samples("/Game/Sounds/Line", bytes(32000)).get_path_name()

    def watch(status: Any) -> None:
        raise RuntimeError("the tab is gone")

    generation = generate.start(Request(sounds=(sound,), skeleton=mesh), watch)
    editor.tick(n=5)
    assert generate.running() is None and generation.status.state == "failed" and not editor.state.post_ticks


# --- an editor without tabs


@pytest.mark.parametrize(
    ("pressed", "ok", "begins"),
    [
        ((), True, True),
        (("generate",), True, True),
        (("generate",), False, True),
        (("generate", "cancel"), False, False),
    ],
)
def test_the_form_as_a_dialog_begins_once(editor: Any, pressed: tuple[str, ...], ok: bool, begins: bool) -> None:
    """Nothing of ours ticks while it is open: Generate in it counts when it closes."""
    from medtalk_unreal import forms, generate

    editor.start_plugin()
    editor.state.tabs_work = False
    editor.select_actors(editor.add_metahuman())
    sound = editor.add_samples("/Game/Sounds/Line", bytes(32000)).get_path_name()

    def user(form: Any) -> bool:
        for button in pressed:
            editor.press(form, button)
        assert generate.running() is None
        return ok

    editor.dialogs.forms.append(user)
    with editor.plugin_code():
        forms.open_generate([sound])
    assert (generate.running() is not None) == begins
    assert editor.dialogs.messages == [] and editor.log.errors == []
    generate.cancel()
