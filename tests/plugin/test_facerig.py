"""The face and its board are found by what they can do, and bindings that are there are used."""

from __future__ import annotations

import math
from typing import Any

import pytest

from medtalk.rig.channels import INDEX, MAXIMUM, MINIMUM
from tests.fake_unreal import inside
from tests.plugin.takes import KEYED, board_section, moving, write


def resolve(editor: Any, sequence: Any, actor: Any) -> Any:
    from medtalk_unreal import facerig

    return facerig.resolve(sequence, actor.get_path_name() if actor else None)


def mesh(editor: Any, name: str = "Ada") -> Any:
    return editor.asset(f"/Game/MetaHumans/{name}/Face/SKM_{name}_Face")


def rig_at(editor: Any, path: str, board: str = "mh4") -> Any:
    """A face board at another place than usual."""
    return editor.add_rig(board, path)


def face_binding(sequence: Any) -> Any:
    (found,) = [one for one in sequence.get_bindings() if one.get_name() == "Face"]
    return found


# --- the board


@pytest.mark.parametrize("board", ["mh3", "mh4"])
def test_the_mesh_names_its_board(editor: Any, board: str) -> None:
    face = resolve(editor, None, editor.add_metahuman(board))
    assert (face.name, face.board.generation, face.warnings) == ("BP_Ada", board, ())
    assert face.rig_path == editor.unreal.boards.RIGS[board]


@pytest.mark.parametrize("board", ["mh3", "mh4"])
def test_known_places_where_the_mesh_names_none(editor: Any, board: str) -> None:
    """5.4 and 5.5: /Game/MetaHumans/Common; 5.6 to 5.8: the plugin's content."""
    actor = editor.add_metahuman(board, rig=False)
    path = editor.add_rig(board).get_path_name().partition(".")[0]
    face = resolve(editor, None, actor)
    assert face.rig_path == path and face.board.generation == board
    assert len(face.warnings) == 1 and path in face.warnings[0]


def test_the_asset_registry_and_the_board_nearest_to_the_mesh(editor: Any) -> None:
    actor = editor.add_metahuman(rig=False)
    for path in ("/Game/Zoo/Face_ControlBoard_CtrlRig", "/Game/MetaHumans/Ada/Common/Face_ControlBoard_CtrlRig"):
        rig_at(editor, path)
    assert resolve(editor, None, actor).rig_path == "/Game/MetaHumans/Ada/Common/Face_ControlBoard_CtrlRig"


def test_a_rig_that_is_no_board_is_passed_over(editor: Any) -> None:
    actor = editor.add_metahuman(rig=False)
    inside.put(mesh(editor), default_animating_rig=rig_at(editor, "/Game/Rigs/Body_CtrlRig", ""))
    editor.add_rig("mh4")
    assert resolve(editor, None, actor).rig_path == "/MetaHumanCharacter/Face/Face_ControlBoard_CtrlRig"


def test_a_project_without_a_board(editor: Any) -> None:
    from medtalk_unreal.errors import PluginError

    actor = editor.add_metahuman(rig=False)
    with pytest.raises(PluginError, match=r"BP_Ada has no control board\. Its mesh has no Default Animating Rig"):
        resolve(editor, None, actor)


def test_the_track_that_is_there_comes_before_all_else(editor: Any) -> None:
    """A user may have put a board of his own on the face."""
    actor, sequence = editor.add_metahuman(), editor.new_sequence()
    own = rig_at(editor, "/Game/Mine/My_ControlBoard")
    parent = sequence.add_possessable(actor)
    binding = sequence.add_possessable(inside.components(actor)[2])
    binding.set_parent(parent)
    library = editor.unreal.ControlRigSequencerLibrary
    library.find_or_create_control_rig_track(editor.state.world, sequence, own.get_control_rig_class(), binding, False)
    write(editor, moving(3), sequence=sequence, actor=actor)
    assert resolve(editor, sequence, actor).rig_path == "/Game/Mine/My_ControlBoard"
    assert len(face_binding(sequence).get_tracks()) == 1


@pytest.mark.parametrize("board", ["mh3", "mh4"])
def test_limits_are_those_of_the_rig(editor: Any, board: str) -> None:
    from medtalk_unreal import facerig

    face = resolve(editor, None, editor.add_metahuman(board))
    found = facerig.limits(face)
    assert found == list(zip(MINIMUM.tolist(), MAXIMUM.tolist(), strict=True))


def test_limits_that_the_user_has_changed_or_switched_off(editor: Any) -> None:
    from medtalk_unreal import facerig

    actor, rig = editor.add_metahuman(), editor.add_rig()
    before = facerig.limits(resolve(editor, None, actor))
    editor.limit(rig, "CTRL_C_jaw", (-0.5, 0.0), (0.25, 0.6))
    editor.limit(rig, "CTRL_L_eye_blink", (-1.0,), (1.0,), free=True)
    after = facerig.limits(resolve(editor, None, actor))
    changed = {
        "CTRL_C_jaw-translateX": (-0.5, 0.25),
        "CTRL_C_jaw-translateY": (0.0, 0.6),
        "CTRL_L_eye_blink-translateY": (-math.inf, math.inf),
    }
    assert after == [changed.get(name, before[index]) for name, index in INDEX.items()]


# --- the face


def test_the_component_that_the_metahuman_names(editor: Any) -> None:
    from medtalk_unreal import facerig

    actor = editor.add_metahuman()
    face, told = inside.components(actor)[2:4]
    inside.rename(face, "Head")
    inside.put(told, face_component_name="head")  # names of Unreal know no letter case
    found = facerig.find_face(actor)
    assert found is not None and found.get_name() == "Head"


def test_a_component_of_another_name_with_a_board(editor: Any) -> None:
    from medtalk_unreal import facerig

    actor = editor.add_metahuman("mh3")
    inside.rename(inside.components(actor)[2], "Kopf")
    found = facerig.find_face(actor)
    assert found is not None and found.get_name() == "Kopf"


def test_a_lone_face_in_the_level(editor: Any) -> None:
    actor, sequence = editor.add_face_actor(), editor.new_sequence()
    write(editor, moving(3), sequence=sequence, actor=actor)
    (binding,) = sequence.get_bindings()
    assert [type(track).__name__ for track in binding.get_tracks()] == ["MovieSceneControlRigParameterTrack"]
    write(editor, moving(3), sequence=sequence, actor=actor)
    assert len(sequence.get_bindings()) == 1


def test_an_actor_without_a_face_and_one_that_is_not_there(editor: Any) -> None:
    from medtalk_unreal import facerig
    from medtalk_unreal.errors import PluginError

    with pytest.raises(PluginError, match="Cube has no MetaHuman face"):
        resolve(editor, None, editor.add_actor())
    with pytest.raises(PluginError, match="The actor BP_Eve_C_0 is not in the level"):
        facerig.resolve(None, "/Game/Maps/Main.Main:PersistentLevel.BP_Eve_C_0")
    with pytest.raises(PluginError, match="No MetaHuman is selected"):
        facerig.resolve(None, None)


# --- bindings


def test_nothing_is_bound_until_it_is_made(editor: Any) -> None:
    actor, sequence = editor.add_metahuman(), editor.new_sequence()
    face = resolve(editor, sequence, actor)
    assert face.binding is None and face.track is None and not sequence.get_bindings()


def test_the_face_is_bound_under_its_actor(editor: Any) -> None:
    actor, sequence = editor.add_metahuman(), editor.new_sequence()
    write(editor, moving(3), sequence=sequence, actor=actor)
    assert face_binding(sequence).get_parent().get_name() == "BP_Ada" and len(sequence.get_bindings()) == 2


def test_the_rig_replaces_what_is_there_and_is_not_layered(editor: Any) -> None:
    """The keys are whole poses; a layered rig would add them to what else moves the face."""
    actor, sequence = editor.add_metahuman(), editor.new_sequence()
    write(editor, moving(3), sequence=sequence, actor=actor)
    rig = inside.rig_of(board_section(editor, sequence))
    assert editor.unreal.ControlRigSequencerLibrary.is_layered_control_rig(rig) is False


@pytest.mark.parametrize("dragged", [True, False])
def test_bindings_that_are_there_are_used(editor: Any, dragged: bool) -> None:
    actor, sequence = editor.add_metahuman(), editor.new_sequence()
    if dragged:  # with Body and Face, as Sequencer does it
        editor.open(sequence)
        editor.unreal.get_editor_subsystem(editor.unreal.LevelSequenceEditorSubsystem).add_actors([actor])
    else:
        sequence.add_possessable(actor)
    before = {one.get_id().to_string() for one in sequence.get_bindings()}
    for _ in range(2):
        write(editor, moving(3), sequence=sequence, actor=actor)
    after = {one.get_id().to_string() for one in sequence.get_bindings()}
    assert before <= after and len(after) == (3 if dragged else 2)
    assert face_binding(sequence).get_parent().get_name() == "BP_Ada"


def test_without_an_actor_it_is_the_one_in_the_sequence(editor: Any) -> None:
    from medtalk_unreal.errors import PluginError

    ada, bob, sequence = editor.add_metahuman(), editor.add_metahuman(name="Bob"), editor.new_sequence()
    with pytest.raises(PluginError, match="Shot has no MetaHuman"):
        resolve(editor, sequence, None)
    sequence.add_possessable(editor.add_actor())
    sequence.add_possessable(ada)
    assert resolve(editor, sequence, None).name == "BP_Ada"
    write(editor, moving(3), sequence=sequence)
    assert resolve(editor, sequence, None).board.generation == "mh4"
    write(editor, moving(3), sequence=sequence, actor=bob)
    with pytest.raises(PluginError, match="Shot has 2 MetaHumans: BP_Ada, BP_Bob"):
        resolve(editor, sequence, None)


def test_a_sequence_whose_level_is_not_open(editor: Any) -> None:
    """The track is enough: keys need no actor."""
    actor, sequence = editor.add_metahuman(), editor.new_sequence()
    write(editor, moving(3), sequence=sequence, actor=actor)
    editor.delete(actor)
    face = resolve(editor, sequence, None)
    assert face.name == "BP_Ada" and face.component is None
    report = write(editor, moving(3, 2), sequence=sequence)
    assert report.keys == len(KEYED) * 3 and len(sequence.get_bindings()) == 2


def test_a_layer_that_the_user_keys_is_left_alone(editor: Any) -> None:
    """An additive section of his, empty yet: the take goes into its own, which is keyed from then on."""
    actor, sequence = editor.add_metahuman(), editor.new_sequence()
    write(editor, moving(3), sequence=sequence, actor=actor)
    first = board_section(editor, sequence)
    track = inside.track_of(first)
    second = track.add_section()
    track.set_section_to_key(second)
    for name in ("line", "next"):
        report = write(editor, moving(3, 2), sequence=sequence, actor=actor, name=name, start_frame=500)
    assert not editor.keyed(second) and len(editor.keys(first, "CTRL_C_jaw.Y")) == 3
    assert track.get_section_to_key() == inside.sections(track)[-1] != first and len(inside.sections(track)) == 3
    assert any("next lies above the take line" in warning for warning in report.warnings)


# --- versions of Unreal


def test_what_older_and_newer_editors_call_otherwise(editor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from medtalk_unreal import compat

    unreal = editor.unreal
    actor = editor.add_metahuman()
    component, asset = inside.components(actor)[2], editor.add_rig()
    hierarchy: Any = compat.rig_hierarchy(asset)

    def kind() -> Any:
        settings = compat.control_settings(hierarchy, key)
        return settings.control_type if settings else None

    key = unreal.RigElementKey(unreal.RigElementType.CONTROL, "CTRL_C_jaw")
    kinds = {kind()}
    with monkeypatch.context() as patch:
        patch.delattr(unreal.RigHierarchy, "find_control")  # only the controller tells
        kinds.add(kind())
        patch.setattr(
            unreal.RigHierarchy, "get_control_settings", lambda self, key: unreal.RigControlSettings(), raising=False
        )
        assert compat.control_settings(hierarchy, key) == unreal.RigControlSettings()
    assert kinds == {unreal.RigControlType.VECTOR2D}
    with monkeypatch.context() as patch:
        patch.delattr(unreal.SkeletalMeshComponent, "get_default_animating_rig")
        patch.delattr(unreal, "MetaHumanComponentUE")
        assert compat.default_rig(component) == asset and compat.metahuman_face(actor) == ""
    with monkeypatch.context() as patch:
        patch.setattr(unreal, "SequenceTimeUnit", unreal.MovieSceneTimeUnit, raising=False)
        patch.delattr(unreal, "MovieSceneTimeUnit")
        assert compat.ticks() is unreal.SequenceTimeUnit.TICK_RESOLUTION
    assert compat.rig_class(component) is None and compat.rig_hierarchy(component) is None


@pytest.mark.parametrize(
    ("fps", "rate"),
    [(24, (24, 1)), (30.0, (30, 1)), (60, (60, 1)), (29.97, (30000, 1001)), (23.976, (24000, 1001)),
     (59.94, (60000, 1001)), (12.5, (25, 2))],
)  # fmt: skip
def test_frame_rates(editor: Any, fps: float, rate: tuple[int, int]) -> None:
    from medtalk_unreal import compat

    found = compat.frame_rate(fps)
    assert (found.numerator, found.denominator) == rate and float(compat.rate(found)) == pytest.approx(fps, 1e-4)
