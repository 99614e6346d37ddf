"""The stand-in as 5.4 to 5.8: what a version lacks is not there, what it hides cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fake_unreal import stub
from tests.fake_unreal.editor import Editor, stand_in

VERSIONS = ["5.4", "5.5", "5.6", "5.7", "5.8"]


@pytest.mark.engine("5.8")
def test_a_test_chooses_its_editor(editor: Editor, unreal: Any) -> None:
    assert unreal.SystemLibrary.get_engine_version().startswith("5.8")
    assert '"EngineAssociation": "5.8"' in (editor.project_dir / "Show.uproject").read_text()


@pytest.mark.parametrize("engine", VERSIONS)
def test_a_run_chooses_its_editor(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDTALK_ENGINE", engine)
    with stand_in() as unreal:
        assert unreal.playing.PLAYING.version == engine


def test_what_was_taken_away_comes_back() -> None:
    with stand_in("5.6") as unreal:
        before = {name: set(dir(getattr(unreal, name))) for name in dir(unreal)}
        kinds = dict(unreal.MovieSceneControlRigParameterSection._ways)
    for version in VERSIONS:
        with stand_in(version):
            pass
    with stand_in("5.6") as unreal:
        assert {name: set(dir(getattr(unreal, name))) for name in dir(unreal)} == before
        assert unreal.MovieSceneControlRigParameterSection._ways == kinds


def test_a_method_takes_less_in_an_earlier_version(editor: Editor, unreal: Any, section: Any) -> None:
    """What it takes more is its default then."""
    playing = unreal.playing.PLAYING
    was = "(time: FrameNumber, new_value: float) -> MovieSceneScriptingFloatKey"
    playing.earlier = {"MovieSceneScriptingFloatChannel.add_key": was}
    channel = section.get_channel("CTRL_C_jaw.Y")
    channel.add_key(unreal.FrameNumber(1), 0.5)
    with pytest.raises(TypeError, match=r"takes at most 2 arguments \(3 given\)"):
        channel.add_key(unreal.FrameNumber(1), 0.5, 0.0)
    assert editor.keys(section, "CTRL_C_jaw.Y") == [(800, 0.5)]


def test_an_editor_that_there_is_not() -> None:
    with pytest.raises(ValueError, match=r"no editor '5\.3', only 5\.4, 5\.5"), stand_in("5.3"):
        pass


def test_the_table_says_where_each_row_is_from(unreal: Any) -> None:
    """And speaks of classes, members and versions that there are."""
    from unreal import engines  # type: ignore[attr-defined]
    from unreal.signatures import CLASSES  # type: ignore[import-not-found]

    rows = engines.changes()
    assert len({row.what for row in rows}) == len(rows)
    for row in rows:
        owner, _, member = row.what.partition(".")
        assert row.change in engines.CHANGES and row.since in VERSIONS and row.source, row
        said = CLASSES[owner]
        assert not member or any(member in said.get(part, ()) for part in ("methods", "properties", "members")), row


def test_what_came_after_the_stub_is_in_the_table(unreal: Any) -> None:
    """A class or member of later.json is one that 5.6 has not."""
    from unreal import engines, signatures  # type: ignore[attr-defined]

    added = {row.what for row in engines.changes() if row.change == "added" and row.since in ("5.7", "5.8")}
    for name, said in signatures._LATER["classes"].items():
        if not stub.in_stub(name):
            assert name in added or said["plugin"] in engines._PLUGINS, "the stub was made without those"
            continue
        members = {member for part in said.values() for member in part}
        assert {f"{name}.{member}" for member in members} <= added


@pytest.mark.parametrize("engine", VERSIONS)
@pytest.mark.parametrize("engine_plugins", [(), ("MetaHuman",)])
def test_epic_s_moods_are_there_where_their_plugin_is_and_change_their_names(
    unreal: Any, engine: str, engine_plugins: tuple[str, ...]
) -> None:
    """docs 5.6 and 5.7 of AudioDrivenAnimationMood."""
    if not engine_plugins or engine in ("5.4", "5.5"):
        assert not hasattr(unreal, "AudioDrivenAnimationMood")
        return
    names = {mood.name: mood.value for mood in unreal.AudioDrivenAnimationMood}
    new = engine in ("5.7", "5.8")
    assert len(names) == (13 if new else 8)
    assert ("HAPPINESS" in names, "HAPPY" in names) == (new, not new)
    assert ("SADNESS" in names, "SAD" in names) == (new, not new)
    assert getattr(unreal.AudioDrivenAnimationMood, "SADNESS" if new else "SAD").value == 2
    with pytest.raises(AttributeError):
        _ = unreal.AudioDrivenAnimationMood.HAPPY if new else unreal.AudioDrivenAnimationMood.HAPPINESS


@pytest.mark.parametrize("engine", VERSIONS)
def test_marked_frames_take_a_time_unit_from_5_5_on(editor: Editor, unreal: Any, sequence: Any, engine: str) -> None:
    """Before, they count ticks; that way is deprecated since. (docs C++ 5.3 and 5.5)"""
    mark = unreal.MovieSceneMarkedFrame(label="happy", frame_number=unreal.FrameNumber(800))
    sequence.add_marked_frame(mark)
    assert [one.frame_number.value for one in sequence.get_marked_frames()] == [800]
    if engine == "5.4":
        assert not hasattr(sequence, "get_marked_frames_from_sequence") and not editor.log.lines
        return
    assert [one.frame_number.value for one in sequence.get_marked_frames_from_sequence()] == [1]
    line = "DeprecationWarning: MovieSceneSequence: Function 'get_marked_frames' on 'MovieSceneSequence' is deprecated"
    assert len(editor.log.warnings) == 2 and editor.log.warnings[1] == line


@pytest.mark.parametrize("engine", VERSIONS)
def test_what_an_export_of_an_animation_can_be_told(editor: Editor, unreal: Any, engine: str) -> None:
    """docs 5.4, 5.5 and 5.7 of AnimSeqExportOption."""
    options = unreal.AnimSeqExportOption()
    for name, since in (("export_transforms", "5.4"), ("custom_start_frame", "5.5"), ("custom_frame_rate", "5.6")):
        if engine >= since:
            options.get_editor_property(name)
            continue
        with pytest.raises(Exception, match=f"Failed to find property '{name}'"):
            options.get_editor_property(name)
        assert not hasattr(options, name)


@pytest.mark.engine("5.8")
def test_a_rig_without_a_blueprint_has_controls_but_no_class(editor: Editor, unreal: Any) -> None:
    """docs 5.8 of ControlRigRuntimeAsset."""
    rig = editor.add_runtime_rig()
    key = unreal.RigElementKey(unreal.RigElementType.CONTROL, "CTRL_C_jaw")
    assert rig.get_editor_property("hierarchy").find_control(key).key.name == "CTRL_C_jaw"
    assert not hasattr(rig, "generated_class") and not hasattr(rig, "get_control_rig_class")
    assert not isinstance(rig, unreal.ControlRigBlueprint)


@pytest.mark.engine("5.5")
def test_a_class_that_a_version_has_not(editor: Editor, unreal: Any) -> None:
    assert not hasattr(unreal, "MetaHumanComponentUE")
    with pytest.raises(AttributeError):
        _ = unreal.MetaHumanComponentUE


@pytest.mark.parametrize("engine", VERSIONS)
def test_the_rig_of_a_section_is_hidden_from_5_8_on(unreal: Any, section: Any, engine: str) -> None:
    """The property has no Edit or Blueprint flag any more, and Python denies such. (docs 5.8; second look, A1)"""
    if engine != "5.8":
        assert section.get_editor_property("control_rig_class").get_name() == "Face_ControlBoard_CtrlRig_C"
        with pytest.raises(Exception, match="Failed to find property 'control_rig_asset_reference'"):
            section.get_editor_property("control_rig_asset_reference")
        return
    line = (
        "MovieSceneControlRigParameterSection: Property 'ControlRigClass' for attribute 'control_rig_class' on"
        " 'MovieSceneControlRigParameterSection' is protected and cannot be read"
    )
    with pytest.raises(Exception, match=line):
        section.get_editor_property("control_rig_class")
    assert isinstance(section.get_editor_property("control_rig_asset_reference"), unreal.ControlRigAssetStrongReference)
