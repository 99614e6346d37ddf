"""The start of the editor with the plugin in it, and its end."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

INIT = Path(__file__).parents[2] / "unreal_plugin" / "MEDTalk" / "Content" / "Python" / "init_unreal.py"


def start() -> None:
    runpy.run_path(str(INIT))


ENTRIES = 20  # in the menu of a sound, Tools and the bar of Sequencer, as docs/unreal.md lists them


def entries(editor: Any) -> list[str]:
    return [entry for entry in editor.menu_entries() if "/MEDTalk." in entry]


def test_the_menus_are_there_and_nothing_heavy_was_imported(editor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] in ("zmq", "msgpack", "numpy")]:
        monkeypatch.delitem(sys.modules, name)
    start()
    assert editor.log.errors == []
    assert len(entries(editor)) == ENTRIES
    assert not {"zmq", "msgpack", "numpy"} & set(sys.modules)
    assert not editor.state.post_ticks, "nothing to do, and yet there is a tick"


def test_a_second_start_changes_nothing(editor: Any) -> None:
    start()
    before = entries(editor)
    start()
    assert entries(editor) == before and len(editor.state.shutdowns) == 1


@pytest.mark.parametrize("options", ["-run=cook -targetplatform=Windows", "-RUN=pythonscript -script=a.py"])
def test_a_commandlet_gets_the_nodes_only(editor: Any, options: str) -> None:
    editor.state.command_line += f" {options}"
    start()
    assert entries(editor) == [] and not editor.state.shutdowns and not editor.state.post_ticks
    assert "MEDTalkLibrary" in editor.state.classes
    assert editor.log.errors == []


def test_an_unattended_editor_gets_no_menus(editor: Any) -> None:
    editor.state.unattended = True
    start()
    assert entries(editor) == [] and editor.log.errors == []


def test_a_failure_is_one_line_and_the_editor_starts(editor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import unreal

    monkeypatch.delattr(unreal, "ToolMenus")
    start()
    assert len(editor.log.errors) == 1 and editor.log.errors[0].startswith("MEDTalk could not start: ")


def test_the_end_leaves_nothing(editor: Any) -> None:
    import medtalk_unreal
    from medtalk_unreal import ticks

    start()

    def endless():
        while True:
            yield

    task = ticks.begin(endless())
    medtalk_unreal.shutdown()
    assert task.ended and entries(editor) == []
    assert not editor.state.post_ticks and not editor.state.shutdowns
    medtalk_unreal.shutdown()
    start()
    assert len(entries(editor)) == ENTRIES
