"""Each question of the self-test tells editors apart: the stand-in answers it one way and the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.running import do


def answer(editor: Any, name: str, actor: Any = None) -> dict[str, Any]:
    """The answer to one question, for a MetaHuman in the level."""
    from medtalk_unreal import menus, selftest
    from medtalk_unreal.questions.every import all_of_them

    path = (actor or editor.add_metahuman("mh4")).get_path_name()
    task = do(editor, selftest.ask(all_of_them(menus.MENUS)[name][1], path))
    assert task.error is None, task.error
    return task.result


@pytest.fixture(autouse=True)
def few_keys(editor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from medtalk_unreal.questions import keys

    monkeypatch.setattr(keys, "MANY", 1500)
    monkeypatch.setattr(keys, "KEYS", 1000)


# The board


@pytest.mark.engine("5.7")
def test_a_section_that_tells_its_class(editor: Any) -> None:
    found = answer(editor, "rig_class")
    assert found["outcome"] == "answered" and "Exception" not in found["control_rig_class"]
    assert "Failed to find property" in found["control_rig_asset_reference"]


@pytest.mark.engine("5.8")
def test_a_section_that_keeps_its_class_to_itself(editor: Any) -> None:
    found = answer(editor, "rig_class")
    assert found["outcome"] == "answered" and "protected" in found["control_rig_class"]
    assert found["class_of_the_rig"].endswith("Face_ControlBoard_CtrlRig_C")


@pytest.mark.parametrize("needs", [False, True])
def test_rigs_of_a_closed_sequence(editor: Any, needs: bool) -> None:
    editor.state.rigs_need_sequencer = needs
    assert answer(editor, "closed_rigs")["rigs"] == (0 if needs else 1)


@pytest.mark.parametrize(
    ("name", "errors", "selected"), [("made_while_closed", 1, 0), ("made_in_another", 0, 1), ("made_while_open", 0, 1)]
)
def test_what_making_a_board_logs(editor: Any, name: str, errors: int, selected: int) -> None:
    found = answer(editor, name)
    assert found["made"] is True and not found["opens_another"]
    assert len(found["errors"]) == errors and found["sections_selected"] == selected
    assert all("Can not open Sequencer" in line for line in found["errors"])


def test_without_a_log_file_nobody_knows(editor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editor.state.log, "write", lambda _: None)
    assert answer(editor, "made_while_closed")["errors"] is None


@pytest.mark.parametrize("there", [False, True])
def test_hidden_controls(editor: Any, there: bool) -> None:
    editor.state.hidden_are_channels = there
    found = answer(editor, "masked")
    assert found["mask_says_hidden"] is True and found["hidden_one_is_among_them"] is there
    assert found["channels_afterwards"] == found["channels"]


@pytest.mark.parametrize("there", [False, True])
def test_the_head_of_the_board(editor: Any, there: bool) -> None:
    editor.state.head_control = there
    found = answer(editor, "head")
    assert ("mha_head_ik_ctrl" in found["of_the_board"]) is there and "Face" in found["of_the_rigs"]


@pytest.mark.parametrize("bounded", [False, True])
def test_a_new_section(editor: Any, bounded: bool) -> None:
    editor.state.rig_section_bounded = bounded
    found = answer(editor, "section_range")
    assert found["has_start"] is found["has_end"] is bounded


def test_the_board_of_an_earlier_take(editor: Any) -> None:
    found = answer(editor, "second_take")
    assert found["found"] is True and found["channels"] > 150
    assert answer(editor, "rig_asset", editor.add_metahuman("mh4", "Bob"))["hierarchy"] is True


# Keys


@pytest.mark.parametrize("name", ["many_keys_open", "many_keys_closed"])
def test_many_keys(editor: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from medtalk_unreal.questions import keys

    actor = editor.add_metahuman("mh4")
    found = answer(editor, name, actor)
    assert found["keys"] == 1500 and found["seconds_all"] > found["seconds_2000"] > 0
    monkeypatch.setattr(keys, "_LONGEST", 0.0)  # an editor in which it would take for ever
    assert answer(editor, name, actor)["keys"] == 500


def test_array_setters_in_a_closed_sequence(editor: Any) -> None:
    assert answer(editor, "closed_sequence")["written"] is False


# Sections


@pytest.mark.engine("5.8")
def test_a_second_section(editor: Any) -> None:
    found = answer(editor, "second_section")
    assert found["added"] and found["range_taken"] and found["row_taken"]
    assert found["blend_of_the_first"] == "ABSOLUTE" and found["blend_of_the_second"] == "ADDITIVE"
    assert found["blends"] == {"absolute": True, "override": True, "additive": True, "relative": False}


@pytest.mark.engine("5.4")
def test_an_editor_in_which_nothing_overrides(editor: Any) -> None:
    actor = editor.add_metahuman("mh4")
    assert "override" not in answer(editor, "second_section", actor)["blends"]
    assert "override" not in answer(editor, "blends", actor)


@pytest.mark.parametrize("wins", [False, True])
def test_how_two_sections_blend(editor: Any, wins: bool) -> None:
    editor.state.override_wins = wins
    found = answer(editor, "blends")
    assert (found["alone"], found["absolute"], found["additive"]) == (0.2, 0.3, 0.6)
    assert found["override"] == (0.4 if wins else 0.2) and found["relative"] == "not supported"


@pytest.mark.parametrize("on", [False, True])
def test_outside_of_a_section(editor: Any, on: bool) -> None:
    editor.state.sections_reach_on = on
    found = answer(editor, "outside")
    assert found["inside"] == 0.4
    assert found["before"] == found["after"] == (0.4 if on else 0.0)


@pytest.mark.parametrize("there", [False, True])
def test_the_weight_of_a_section(unreal: Any, editor: Any, there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls see it where the user has ticked it in the section's menu, or an editor shows it from the start."""
    kind = unreal.controlrig.MovieSceneControlRigParameterTrack
    add = kind._add

    def adding(track: Any) -> Any:
        section = add(track)
        unreal.blending.show_weight(section)
        return section

    if there:
        monkeypatch.setattr(kind, "_add", adding)
    found = answer(editor, "weight")
    assert found["weight"] is there
    assert not there or (found["default"] == 1.0 and found["half"] == 0.4 and found["scales"] is True)


@pytest.mark.parametrize("again", [False, True])
def test_the_name_of_a_deleted_section(unreal: Any, editor: Any, again: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = unreal.controlrig.MovieSceneControlRigParameterTrack
    remove = kind.remove_section

    def removing(track: Any, section: Any) -> None:
        remove(track, section)
        editor.state.names[type(section).__name__] -= 1

    if again:
        monkeypatch.setattr(kind, "remove_section", removing)
    assert answer(editor, "section_names")["the_same"] is again


@pytest.mark.parametrize("undone", [False, True])
def test_undo_and_what_a_sequence_remembers(editor: Any, undone: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    undo = editor.state.undo

    def undoing() -> str:
        _, states = editor.state.undo_stack[-1]
        name = undo()
        for thing, before in states.values() if undone else ():
            thing.__dict__["_tags"] = before.get("_tags", {})
        return name

    monkeypatch.setattr(editor.state, "undo", undoing)
    assert answer(editor, "tags")["undone"] is undone


# Animations


@pytest.mark.parametrize("wins", [False, True])
def test_an_animation_and_the_board(editor: Any, wins: bool) -> None:
    editor.state.animation_wins = wins
    found = answer(editor, "animation_wins")
    assert found["wins"] == ("animation" if wins else "board")


def test_a_face_that_does_not_move_answers_nothing(editor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editor.state, "curve_value", lambda *_: None)
    for name in ("jaw", "animation_wins"):
        assert answer(editor, name, editor.add_metahuman("mh4", name.title()))["outcome"] == "skipped"


# The editor


@pytest.mark.parametrize(
    "there",
    [
        pytest.param(False, marks=pytest.mark.engine("5.7")),
        pytest.param(True, marks=pytest.mark.engine("5.7", "RigMapper")),
    ],
)
def test_the_import_of_rigmapper(editor: Any, there: bool) -> None:
    found = answer(editor, "import")
    assert found["plugin"] is found["imports"] is found["definition"] is there


@pytest.mark.parametrize("there", [False, True])
def test_a_sequence_that_keeps_time_by_its_sound(
    unreal: Any, editor: Any, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not there:
        monkeypatch.delattr(unreal, "UpdateClockSource")
    assert answer(editor, "clock")["by_sound"] is there


@pytest.mark.parametrize("there", [False, True])
def test_a_toast(unreal: Any, editor: Any, there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not there:
        monkeypatch.delattr(unreal, "EditorUtilitySubsystem")
        monkeypatch.delattr(unreal, "EditorUtilityTask")
    found = answer(editor, "toast")
    assert found["can_be_begun"] is there and (found["task"] is not None) is there


@pytest.mark.parametrize(
    "there",
    [
        pytest.param(False, marks=pytest.mark.engine("5.8")),
        pytest.param(True, marks=pytest.mark.engine("5.8", "LiveLink", "AppleARKitFaceSupport")),
    ],
)
def test_live_link(editor: Any, there: bool) -> None:
    actor = editor.add_metahuman("mh4")
    assert answer(editor, "live_link", actor)["variables"] == []
    editor.add_live_link(actor)
    editor.state.subjects = ["iPhone"]
    found = answer(editor, "live_link", actor)
    assert found["lacks"] == ([] if there else ["Live Link", "Apple ARKit Face Support"])
    assert found["variables"] == ["ARKitFaceSubj", "UseARKitFace"] and found["subjects"] == ["iPhone"][: int(there)]


@pytest.mark.parametrize("listed", [False, True])
def test_plugins_that_come_into_a_game(
    editor: Any, listed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medtalk_unreal.questions import editor as module

    entry = {"Name": "ControlRig", "Enabled": True, **({"TargetAllowList": ["Editor"]} if listed else {})}
    (tmp_path / "MEDTalk.uplugin").write_text(json.dumps({"Plugins": [entry]}))
    monkeypatch.setattr(module, "_DESCRIPTOR", tmp_path / "MEDTalk.uplugin")
    assert answer(editor, "packaging")["in_games_too"] == ([] if listed else ["ControlRig"])


def test_in_a_commandlet_no_board_is_made(editor: Any) -> None:
    """It would take the editor down: there is no Slate."""
    actor = editor.add_metahuman("mh4")
    editor.state.commandlet, editor.state.command_line = True, "-run=pythonscript"
    for name in ("jaw", "rig_class", "made_while_closed", "blends", "export"):
        assert answer(editor, name, actor)["outcome"] == "skipped"
    assert answer(editor, "sockets", actor)["echo"] is True
