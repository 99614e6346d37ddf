"""The form of a folder of results: from the click to the assets, and back into the form the next time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.plugin.bakes import assets_of
from tests.plugin.clicking import TOOLS, finish, status

MESH = "/Game/MetaHumans/Ada/Face/SKM_Ada_Face"


@pytest.fixture
def shown(editor: Any, unreal: Any, rigs: Path) -> Any:
    """The form, after a click, with the results chosen in it."""
    import medtalk_unreal

    medtalk_unreal.startup()
    return open_form(editor, results=unreal.DirectoryPath(str(rigs)))


def open_form(editor: Any, **values: Any) -> Any:
    editor.click(TOOLS, "MEDTalk.results")
    (form,) = [one for one in editor.tabs if type(one).__name__ == "MEDTalkBakeForm"]
    form.set_editor_properties(values)
    return form


def test_from_a_click_to_assets(editor: Any, unreal: Any, shown: Any) -> None:
    editor.select_actors(editor.add_metahuman())
    shown.set_editor_properties({"character": "Anna", "sequence_folder": unreal.DirectoryPath("/Game/VO/{language}")})
    editor.press(shown, "bake")
    finish(editor)
    assert status(shown) == "2 assets made." and editor.sequences() == ["/Game/VO/de/LS_L1", "/Game/VO/en/LS_L1"]
    assert editor.dialogs.messages == [] and editor.log.errors == []
    editor.tick(n=3)
    (toast,) = editor.state.notifications
    assert toast.success is True and "MEDTalk: 2 assets made." in toast.title
    form = open_form(editor)
    said = [str(form.get_editor_property(name)) for name in ("character", "language", "sequence_name")]
    assert said == ["Anna", "", "LS_{name}"]
    assert form.get_editor_property("sequence_folder").path == "/Game/VO/{language}"
    assert form.get_editor_property("results").path == shown.get_editor_property("results").path
    assert form.get_editor_property("face_mesh").get_path_name().startswith(MESH)


def test_animations(editor: Any, shown: Any) -> None:
    from medtalk_unreal.choices import NO_SEQUENCE

    editor.add_metahuman()
    shown.set_editor_properties({"target": NO_SEQUENCE, "character": "Bo"})
    editor.press(shown, "bake")
    assert "No face mesh is chosen." in editor.dialogs.messages.pop()[1]
    shown.set_editor_property("face_mesh", editor.asset(MESH))
    editor.press(shown, "bake")
    finish(editor)
    assert status(shown).startswith("1 asset made; 1 failed: en/L3: medtalk bake has failed")
    assert [record["state"] for record in assets_of(editor)] == ["made", "failed"]


def test_cancel_and_one_at_a_time(editor: Any, shown: Any) -> None:
    from medtalk_unreal import generate

    editor.press(shown, "bake")
    assert "No MetaHuman is selected in the level. Select one, or" in editor.dialogs.messages.pop()[1]
    editor.select_actors(editor.add_metahuman())
    editor.press(shown, "bake")
    editor.press(shown, "bake")
    assert "already being generated" in editor.dialogs.messages.pop()[1]
    editor.tick(n=2)
    editor.press(shown, "cancel")
    assert generate.running() is None and status(shown).startswith("Cancelled. ")


def test_a_dialog_where_there_are_no_tabs(editor: Any, unreal: Any, rigs: Path) -> None:
    import medtalk_unreal

    medtalk_unreal.startup()
    editor.state.tabs_work = False
    editor.select_actors(editor.add_metahuman())

    def fill(form: Any) -> bool:
        form.set_editor_properties({"results": unreal.DirectoryPath(str(rigs)), "character": "Bo"})
        editor.press(form, "bake")
        assert status(form) == "It begins when this window closes."
        return False

    editor.dialogs.forms.append(fill)
    editor.click(TOOLS, "MEDTalk.results")
    finish(editor)
    assert editor.sequences() == ["/Game/MEDTalk/en/LS_L2"]
