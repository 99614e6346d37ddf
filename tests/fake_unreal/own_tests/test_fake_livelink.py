"""Live Link: what Python sees of it, and the variables of a MetaHuman's Blueprint (see livelink.py)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fake_unreal import inside


@pytest.mark.engine("5.6", "LiveLink")
def test_live_link_lists_its_subjects(editor: Any, unreal: Any) -> None:
    """docs 5.1 of LiveLinkBlueprintLibrary."""
    ask = unreal.LiveLinkBlueprintLibrary.get_live_link_enabled_subject_names
    assert list(ask(True)) == []
    editor.state.subjects = ["iPhone"]
    assert [str(one.name) for one in ask(include_virtual_subject=False)] == ["iPhone"]
    with pytest.raises(TypeError):
        ask()
    assert not hasattr(unreal, "AppleARKitFaceMeshComponent"), "that plugin is not enabled"


def test_without_the_plugins_python_has_nothing_of_them(unreal: Any) -> None:
    assert not hasattr(unreal, "LiveLinkBlueprintLibrary") and not hasattr(unreal, "AppleARKitFaceMeshComponent")
    assert str(unreal.LiveLinkSubjectName("Ada").name) == "Ada", "the struct is the engine's own"


def test_the_variables_of_a_blueprint_are_properties_of_its_actors(editor: Any, unreal: Any) -> None:
    """By their own names, also with spaces; they can be undone. (dumps of MetaHumans of 5.0 to 5.7)"""
    ada, eve = editor.add_metahuman(), editor.add_metahuman(name="Eve")
    editor.add_live_link(ada, "LLink Face Subj", "UseARKitFace")
    with pytest.raises(Exception, match="Failed to find property"):
        eve.get_editor_property("UseARKitFace")
    assert ada.get_editor_property("UseARKitFace") is False
    with unreal.ScopedEditorTransaction("Set"):
        ada.modify()
        ada.set_editor_property("LLink Face Subj", unreal.LiveLinkSubjectName("MEDTalk"))
    assert ada.get_editor_property("LLink Face Subj").name == "MEDTalk"
    editor.undo()
    assert ada.get_editor_property("LLink Face Subj").name == "None"


def test_a_mesh_moves_in_the_viewport_when_it_is_told_to(editor: Any) -> None:
    face = editor.face_of(editor.add_metahuman())
    assert not inside.updates_in_editor(face)
    face.set_update_animation_in_editor(True)
    assert inside.updates_in_editor(face)
