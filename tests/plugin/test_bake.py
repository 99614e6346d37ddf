"""AnimSequences: recorded by Unreal from a sequence, or written as curves without one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from medtalk.rig import RigSequence, to_expressions
from medtalk.rig.boards import head_curves
from tests.fake_unreal import inside
from tests.plugin.takes import KEYED, as_take, moving, state_of, write

MESH = "/Game/MetaHumans/Ada/Face/SKM_Ada_Face"
FRAMES = 20


def rig() -> np.ndarray:
    """A rig whose switches are off."""
    values = np.zeros((FRAMES, 174), np.float32)
    values[:, KEYED] = moving(FRAMES)[:, KEYED]
    return values


def curves(editor: Any, path: str, seconds: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Names and values (seconds, curves) of an AnimSequence."""
    library, anim = editor.unreal.AnimationLibrary, editor.asset(path)
    names = [str(n) for n in library.get_animation_curve_names(anim, editor.unreal.RawCurveTrackTypes.RCT_FLOAT)]
    values = [[library.get_float_value_at_time(anim, name, float(at)) for name in names] for at in seconds]
    return names, np.array(values)


def bake_curves(editor: Any, values: np.ndarray, path: str = "/Game/Anims", name: str = "AS_line", **more: Any) -> Any:
    from medtalk_unreal import bake

    with editor.plugin_code():
        return bake.bake_curves(as_take(values), more.pop("skeleton", MESH), path, name, **more)


@pytest.mark.parametrize("generation", ["mh3", "mh4"])
def test_direct_curves_are_those_of_the_library(editor: Any, generation: str) -> None:
    editor.add_metahuman(generation)
    editor.state.commandlet = editor.state.unattended = True
    report = bake_curves(editor, rig(), generation=generation)
    names, found = curves(editor, "/Game/Anims/AS_line", np.arange(FRAMES) / 60)
    wanted_names, wanted = to_expressions(RigSequence(rig()), generation)
    assert tuple(names) == wanted_names
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    anim = editor.asset("/Game/Anims/AS_line")
    assert inside.frames(anim) == (FRAMES, 60)
    assert (report.asset, report.curves, report.frames, report.fps) == ("/Game/Anims/AS_line", len(names), FRAMES, 60)
    assert "AS_line" in report.lines()[0] and editor.log.errors == []
    assert inside.open_brackets(anim) == 0


def test_a_head_that_turns_becomes_epics_curves(editor: Any) -> None:
    from medtalk_unreal import bake

    editor.add_metahuman()
    head = np.linspace((-10.0, 4.0, 2.0), (12.0, -6.0, -3.0), FRAMES).astype(np.float32)
    with editor.plugin_code():
        take = replace(as_take(rig()), head=head.data)
        report = bake.bake_curves(take, MESH, "/Game/Anims", "AS_line")
    names, found = curves(editor, "/Game/Anims/AS_line", np.arange(FRAMES) / 60)
    ours = RigSequence(rig(), head=head)
    wanted_names, wanted = head_curves(ours)
    assert tuple(names) == (*to_expressions(ours)[0], *wanted_names)
    np.testing.assert_allclose(found[:, -4:], wanted, atol=1e-4)
    assert report.head and "HeadControlSwitch is 1" in report.lines()[1]
    still = bake_curves(editor, rig())
    assert not still.head and len(still.lines()) == 1


@pytest.mark.parametrize("generation", ["mh3", "mh4"])
def test_direct_curves_are_those_of_the_mesh(editor: Any, generation: str) -> None:
    editor.add_metahuman(generation)
    bake_curves(editor, rig())
    names, _ = curves(editor, "/Game/Anims/AS_line", np.zeros(1))
    assert tuple(names) == to_expressions(RigSequence(rig()), generation)[0]
    skeleton = "/Game/MetaHumans/Common/Face/Face_Archetype_Skeleton"
    bake_curves(editor, rig(), name="AS_other", skeleton=skeleton)
    names, _ = curves(editor, "/Game/Anims/AS_other", np.zeros(1))
    assert tuple(names) == to_expressions(RigSequence(rig()), "mh4")[0]


def test_direct_curves_with_fewer_keys(editor: Any) -> None:
    editor.add_metahuman()
    whole = bake_curves(editor, rig())
    _, wanted = curves(editor, whole.asset, np.arange(FRAMES) / 60)
    few = bake_curves(editor, rig(), tolerance=0.05)
    _, found = curves(editor, few.asset, np.arange(FRAMES) / 60)
    assert few.keys < whole.keys and np.abs(found - wanted).max() <= 0.05 + 1e-6


def test_a_second_bake_replaces_the_first_and_nothing_else(editor: Any) -> None:
    from medtalk_unreal.errors import PluginError

    editor.add_metahuman()
    bake_curves(editor, rig())
    report = bake_curves(editor, rig()[:5])
    assert report.frames == 5 and report.keys <= 5 * report.curves
    editor.unreal.EditorAssetLibrary.remove_metadata_tag(editor.asset(report.asset), "MEDTalk.source")
    before = inside.curves(editor.asset(report.asset))
    with pytest.raises(PluginError, match="was not baked here"):
        bake_curves(editor, rig())
    assert inside.curves(editor.asset(report.asset)) == before


@pytest.mark.parametrize("skeleton", ["/Game/Nothing", "/Game/Cinematics/Shot"])
def test_a_skeleton_that_is_none(editor: Any, skeleton: str) -> None:
    from medtalk_unreal.errors import PluginError

    editor.add_metahuman()
    editor.new_sequence()
    before = editor.assets()
    with pytest.raises(PluginError, match="is not a Skeleton"):
        bake_curves(editor, rig(), skeleton=skeleton)
    assert editor.assets() == before


@pytest.mark.parametrize("after", [0, 1, 50])
def test_cancel_leaves_no_curves(editor: Any, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from medtalk_unreal import edits
    from medtalk_unreal.errors import CancelledError

    monkeypatch.setattr(edits, "LONG", 0)
    editor.add_metahuman()
    before = editor.assets()
    editor.state.cancel_slow_task_after = after
    with pytest.raises(CancelledError):
        bake_curves(editor, rig())
    new = set(editor.assets()) - set(before)
    assert len(new) == (after > 0) and not any(inside.curves(editor.asset(path)) for path in new)
    editor.state.cancel_slow_task_after = None
    assert bake_curves(editor, rig()).curves and len(editor.assets()) == len(before) + 1


def test_cancel_of_a_second_bake_leaves_the_first(editor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from medtalk_unreal import edits
    from medtalk_unreal.errors import CancelledError

    monkeypatch.setattr(edits, "LONG", 0)
    editor.add_metahuman()
    anim = editor.asset(bake_curves(editor, rig()).asset)
    before = inside.curves(anim)
    editor.state.cancel_slow_task_after = 50
    with pytest.raises(CancelledError):
        bake_curves(editor, rig()[:5])
    assert inside.curves(anim) == before and inside.frames(anim)[0] == FRAMES


def bake_sequence(editor: Any, sequence: Any, actor: Any, **more: Any) -> Any:
    from medtalk_unreal import bake

    with editor.plugin_code():
        path = actor.get_path_name() if actor else None
        return bake.bake_sequence(sequence.get_path_name(), path, "/Game/Anims", "AS_shot", **more)


@pytest.mark.parametrize("opened", [False, True])
def test_unreal_records_the_take(editor: Any, opened: bool) -> None:
    actor, sequence = editor.add_metahuman(), editor.new_sequence(60)
    write(editor, rig(), sequence=sequence, actor=actor, start_frame=30)
    if opened:
        editor.open(sequence)
    before = state_of(editor)[1]
    report = bake_sequence(editor, sequence, None, frames=(30, 30 + FRAMES), fps=60)
    names, found = curves(editor, report.asset, np.arange(FRAMES) / 60)
    wanted_names, wanted = to_expressions(RigSequence(rig()))
    order = [wanted_names.index(name) for name in names]  # the stand-in knows a part of them, from a table of its own
    np.testing.assert_allclose(found, wanted[:, order], atol=1e-5)
    assert (report.frames, report.curves) == (FRAMES, len(names)) and len(names) > 50
    assert state_of(editor)[1] == before, "the sequence is as it was"
    skeleton = editor.asset(MESH).get_editor_property("skeleton")
    assert editor.asset(report.asset).get_editor_property("skeleton") == skeleton
    bake_sequence(editor, sequence, actor)  # the whole playback range, over the first
    assert inside.frames(editor.asset(report.asset))[0] == 300


def test_what_cannot_be_recorded(editor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from medtalk_unreal import bake
    from medtalk_unreal.errors import PluginError

    actor, sequence = editor.add_metahuman(), editor.new_sequence(60)
    before = editor.assets()
    with pytest.raises(PluginError, match="no control board for BP_Ada"):
        bake_sequence(editor, sequence, actor)
    write(editor, rig(), sequence=sequence, actor=actor)
    for answer, match in ((False, "could not record"), (True, "recorded no expression")):
        monkeypatch.setattr(bake, "_export", lambda *_, answer=answer: answer)
        with pytest.raises(PluginError, match=match):
            bake_sequence(editor, sequence, actor)
        (empty,) = set(editor.assets()) - set(before)
        assert not inside.curves(editor.asset(empty)), "Unreal deletes no asset quietly, so an empty one stays"
