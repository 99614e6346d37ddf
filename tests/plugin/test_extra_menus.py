"""AnimSequences and takes as files: from the menu, the form and the job file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medtalk.rig import read_rig
from tests.plugin.running import saved, tick_until
from tests.plugin.takes import a_sound, moving, on_board, write
from tests.plugin.test_generate import add_sounds
from tests.plugin.test_headless import run
from tests.plugin.test_menus import SOUNDS, TOOLS, form_of

SHOT = "/Game/Cinematics/LS_Shot"


@pytest.fixture
def shot(editor: Any, tmp_path: Path) -> Any:
    """An editor with the plugin's menus and a sequence with a take of 1 s."""
    import medtalk_unreal

    actor, sequence = editor.add_metahuman("mh4"), editor.new_sequence(60, SHOT)
    sound = a_sound(editor, tmp_path)
    write(editor, moving(60), sequence=sequence, actor=actor, sound=sound)
    medtalk_unreal.startup()
    return editor


def test_bake_from_the_menu(shot: Any) -> None:
    shot.open(SHOT)
    shot.click(TOOLS, "MEDTalk.bake")
    assert shot.log.errors == [] and len(shot.dialogs.messages) == 1
    made = shot.asset("/Game/Cinematics/AS_Shot")
    assert made is not None and "AS_Shot" in shot.dialogs.messages[0][1]
    shot.click(TOOLS, "MEDTalk.bake")
    assert shot.log.errors == [], "a second bake replaces the first"


def test_export_from_the_menu(shot: Any) -> None:
    shot.open(SHOT)
    shot.click(TOOLS, "MEDTalk.export")
    assert shot.log.errors == []
    file = saved(shot) / "recorded" / "LS_Shot" / "line.npz"
    np.testing.assert_allclose(read_rig(file).values, on_board(shot, SHOT, 60), atol=1e-6)
    assert file.with_suffix(".wav").is_file()


@pytest.mark.parametrize("action", ["bake", "export"])
def test_what_cannot_be_done_is_one_line(shot: Any, action: str) -> None:
    shot.open(shot.new_sequence(30, "/Game/Cinematics/Empty"))
    before = shot.assets()
    shot.click(TOOLS, f"MEDTalk.{action}")
    assert len(shot.dialogs.messages) == 1 == len(shot.log.errors)
    assert "has no MetaHuman" in shot.dialogs.messages[0][1] and shot.assets() == before


def test_of_two_metahumans_it_is_the_selected_one(shot: Any, tmp_path: Path) -> None:
    """One file of each, so that the second does not replace the first."""
    eve = shot.add_metahuman("mh4", "Eve")
    write(shot, moving(60, 1), sequence=shot.asset(SHOT), actor=eve, sound=a_sound(shot, tmp_path, 1.0, "other"))
    shot.open(SHOT)
    for action in ("bake", "export", "look"):
        shot.click(TOOLS, f"MEDTalk.{action}")
        assert "2 MetaHumans" in shot.dialogs.messages[-1][1] and "Select one" in shot.dialogs.messages[-1][1]
    shot.log.lines.clear()
    for actor in (eve.get_path_name().replace("Eve", "Ada"), eve):
        shot.select_actors(actor)
        for action in ("bake", "export"):
            shot.click(TOOLS, f"MEDTalk.{action}")
    assert shot.log.errors == []
    for name in ("BP_Ada", "BP_Eve"):
        assert shot.asset(f"/Game/Cinematics/AS_Shot_{name}") is not None
        assert (saved(shot) / "recorded" / "LS_Shot" / name / "line.npz").is_file()


def test_a_job_bakes_and_exports(shot: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    job = {
        "result": (tmp_path / "new" / "result.json").as_posix(),
        "bakes": [{"sequence": SHOT}, {"sequence": SHOT, "actor": "BP_Ada", "folder": "/Game/Baked", "name": "AS_Ada"}],
        "exports": [{"sequence": SHOT}, {"sequence": SHOT, "folder": (tmp_path / "rigs").as_posix(), "name": "line"}],
    }
    result = run(shot, monkeypatch, job, tmp_path)
    assert result["ok"], result
    assets = [one["asset"] for one in result["bakes"]]
    assert assets == ["/Game/Cinematics/AS_Shot", "/Game/Baked/AS_Ada"] and set(assets) <= set(shot.state.saved)
    for done in result["exports"]:
        rig, sound = map(Path, done["files"])
        assert read_rig(rig).values.shape == (60, 174) and sound.is_file()
    assert rig.parent == tmp_path / "rigs"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"sequence": "/Game/Nowhere"}, "/Game/Nowhere is not in the project"),
        ({}, "is not in the project"),
        ({"sequence": SHOT, "actor": "Nobody"}, "No actor of the level is called 'Nobody'"),
        ({"sequence": SHOT, "shot": "a"}, "Unknown name 'shot'"),
        ({"sequence": 3}, "a JSON object with text values"),
        (SHOT, "a JSON object with text values"),
    ],
)
@pytest.mark.parametrize("kind", ["bakes", "exports"])
def test_a_job_that_cannot_be_done_keeps_no_other_from_it(
    shot: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, content: Any, said: str
) -> None:
    result = run(shot, monkeypatch, {kind: [content, {"sequence": SHOT}]}, tmp_path)
    assert not result["ok"]
    assert [done["state"] for done in result[kind]] == ["failed", "done"]
    assert said in result[kind][0]["text"] and len(shot.log.errors) == 1


def test_a_bake_that_cannot_be_saved(shot: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shot.make_read_only("/Game/Cinematics/AS_Shot")
    result = run(shot, monkeypatch, {"bakes": [{"sequence": SHOT}]}, tmp_path)
    assert not result["ok"] and "cannot be saved" in result["bakes"][0]["text"]


def test_animations_of_the_same_name(configured: Any, tmp_path: Path) -> None:
    """Each sound has its own, and finds it again."""
    from medtalk_unreal import generate, settings
    from medtalk_unreal.errors import PluginError
    from medtalk_unreal.request import Request

    configured.add_metahuman("mh4")
    (one,) = add_sounds(configured, tmp_path, 0.5)
    other = configured.add_sound(tmp_path / "line0.wav", "/Game/Other/line0").get_path_name()
    request = Request(sounds=(one, other), skeleton="/Game/MetaHumans/Ada/Face/SKM_Ada_Face")
    with pytest.raises(PluginError, match="is not a project folder"):
        generate.check(replace(request, sounds=(one,), sequence_folder="C:/anims"), settings.load())
    for wanted, there in ((request, 2), (request, 2), (replace(request, replace=False), 4)):
        generate.start(wanted)
        tick_until(configured, lambda: generate.running() is None, "the end of the generation")
        made = [configured.asset(f"/Game/MEDTalk/AS_line0{end}") for end in ("", "_2", "_3", "_4", "_5")]
        assert [one is not None for one in made] == [True] * there + [False] * (5 - there)


def test_curves_without_a_sequence_from_the_form(configured: Any, tmp_path: Path) -> None:
    import medtalk_unreal
    from medtalk_unreal import choices, generate

    medtalk_unreal.startup()
    configured.select_actors(configured.add_metahuman("mh4"))
    configured.select_assets(*add_sounds(configured, tmp_path, 0.5))
    configured.click(SOUNDS, "MEDTalk.generate")
    form = form_of(configured, "MEDTalkGenerateForm")
    mesh = form.get_editor_property("face_mesh")
    assert mesh.get_name() == "SKM_Ada_Face", "that of the selected MetaHuman is offered"
    form.set_editor_property("target", choices.NO_SEQUENCE)
    form.set_editor_property("face_mesh", None)
    configured.press(form, "generate")
    assert "No face mesh" in configured.dialogs.messages.pop()[1] and generate.running() is None
    form.set_editor_property("face_mesh", mesh)
    configured.press(form, "generate")
    tick_until(configured, lambda: generate.running() is None, "the end of the generation")
    assert configured.dialogs.messages == [] and configured.sequences() == []
    assert configured.asset("/Game/MEDTalk/AS_line0") is not None
    kept = json.loads((saved(configured) / "settings.json").read_text("utf-8"))["form"]
    assert "skeleton" not in kept
