"""The face of a MetaHuman and its control board: found, checked, and put into a sequence where it is missing.

Nothing is known by a path alone. A face is a component that the MetaHuman names, or one called Face, or one whose mesh
is animated by a board; a board is a rig that has CTRL_C_jaw. What is returned holds objects of the editor and must not
outlive the call.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import unreal

from medtalk_board.channels import CHANNELS
from medtalk_board.targets import Board, board_channels
from medtalk_unreal import compat
from medtalk_unreal.errors import PluginError

KNOWN_BOARDS = (
    "/MetaHumanCharacter/Face/Face_ControlBoard_CtrlRig",  # 5.6 and later
    "/Game/MetaHumans/Common/Face/Face_ControlBoard_CtrlRig",
)
FACE = "Face"
_OF_BLUEPRINT = "_GEN_VARIABLE"  # behind the name of a component that a Blueprint gives its actors
HEAD = "mha_head_ik_ctrl"
"""The control of a board that turns the head (boards of MetaHuman Animator); Epic's own export keys it."""
HEAD_SWITCH = "mha_head_ik_switch_ctrl"
"""The control that lets it do so, a whole number."""
_BOARD_TRACK = unreal.MovieSceneControlRigParameterTrack
_A_BOARD = 0.5  # of the channels; less is another rig that shares a few names
_UNKNOWN = Board("", (None,) * len(CHANNELS), ())
_SELECT = "Select the MetaHuman in the level, then try again."


@dataclass(frozen=True)
class FaceRig:
    """A face and its rig.

    name: of the actor, for messages. actor, component: None where only the sequence knows them. binding, track: in the
    sequence, None where they must be made. board: without names where they are not known before the track is there.
    """

    name: str
    actor: unreal.Actor | None
    component: unreal.SkeletalMeshComponent | None
    binding: unreal.MovieSceneBindingProxy | None
    track: unreal.MovieSceneControlRigParameterTrack | None
    rig_class: unreal.Class | None
    rig_path: str
    board: Board
    warnings: tuple[str, ...] = ()

    @property
    def in_level(self) -> tuple[unreal.Actor, unreal.SkeletalMeshComponent, unreal.SkeletalMesh]:
        """The actor, its face and the mesh of that. Raises `PluginError` where they are not in the open level."""
        mesh = compat.mesh(self.component) if self.component is not None else None
        if self.actor is None or self.component is None or mesh is None:
            raise PluginError(f"The face of {self.name} is not in the level that is open.", _SELECT)
        return self.actor, self.component, mesh

    @property
    def section_if_any(self) -> unreal.MovieSceneSection | None:
        """The section that takes keys, or None."""
        if self.track is None:
            return None
        sections = list(self.track.get_sections())
        return (self.track.get_section_to_key() or sections[0]) if sections else None

    @property
    def section(self) -> unreal.MovieSceneSection:
        """The section that takes keys. Raises `PluginError` where there is none."""
        section = self.section_if_any
        if section is None:
            raise PluginError(f"The sequence has no control board for {self.name}.", "Generate a take first.")
        return section


NOBODY = FaceRig("", None, None, None, None, None, "", _UNKNOWN)
"""A face of which nothing is known yet."""


def find_actor(path: str) -> unreal.Actor:
    """The actor of that path name in the open level; `PluginError` where there is none."""
    for actor in compat.actors():
        if actor.get_path_name() == path:
            return actor
    spawned = unreal.find_object(None, path)  # by Sequencer; it is not among the actors of the level
    if isinstance(spawned, unreal.Actor) and unreal.SystemLibrary.is_valid(spawned):
        return spawned
    raise PluginError(f"The actor {path.rpartition('.')[2]} is not in the level that is open.", _SELECT)


def find_face(actor: unreal.Actor) -> unreal.SkeletalMeshComponent | None:
    """The face component of an actor, or None."""
    return face_among(actor.get_components_by_class(unreal.SkeletalMeshComponent), compat.metahuman_face(actor))


def face_among(parts: Iterable[unreal.Object], named: str = "") -> unreal.SkeletalMeshComponent | None:
    """The face among the components of an actor, or among those that a Blueprint gives its actors; or None.

    named: how the MetaHuman itself calls it, "" if it does not.
    """
    components = [component for component in parts if isinstance(component, unreal.SkeletalMeshComponent)]
    name = named.lower()
    tests: tuple[Callable[[unreal.SkeletalMeshComponent], bool], ...] = (
        lambda component: component.get_name().removesuffix(_OF_BLUEPRINT).lower() == name,
        lambda component: component.get_name().removesuffix(_OF_BLUEPRINT) == FACE,
        lambda component: (rig := compat.default_rig(component)) is not None and _is_board(rig),
    )
    for test in tests:
        for component in components:
            if compat.mesh(component) is not None and test(component):
                return component
    return None


def resolve(sequence: unreal.LevelSequence | None, actor_path: str | None) -> FaceRig:
    """The face to animate, as it is; nothing is made. `PluginError` where there is none, more than one, or no board.

    sequence: a LevelSequence or None. actor_path: the MetaHuman, None for the one that the sequence has.
    """
    if actor_path:
        actor = find_actor(actor_path)
        component = find_face(actor)
        if component is None:
            raise PluginError(f"{actor.get_actor_label()} has no MetaHuman face.", _SELECT)
        binding = in_sequence(sequence, component, actor) if sequence else None
        return _with_rig(FaceRig(actor.get_actor_label(), actor, component, binding, None, None, "", _UNKNOWN))
    if sequence is None:
        raise PluginError("No MetaHuman is selected, nor a sequence that has one.", _SELECT)
    faces = list(_faces(sequence))
    if not faces:
        spawns = any(binding.get_object_template() is not None for binding in sequence.get_bindings())
        hidden = spawns and not compat.is_focused(sequence)
        hint = f"Open {sequence.get_name()} in Sequencer: what it spawns is there only then." if hidden else _SELECT
        raise PluginError(f"{sequence.get_name()} has no MetaHuman{' in the level' if hidden else ''}.", hint)
    if len(faces) > 1:
        names = ", ".join(sorted(face.name for face in faces))
        raise PluginError(f"{sequence.get_name()} has {len(faces)} MetaHumans: {names}.", "Select one in the level.")
    return _with_rig(faces[0])


def of_binding(sequence: unreal.LevelSequence, binding: unreal.MovieSceneBindingProxy) -> FaceRig | None:
    """The face of a binding of an actor, None where it has none, or where its actor is not there to be asked."""
    own = {binding.get_id().to_string(), *(child.get_id().to_string() for child in binding.get_child_possessables())}
    actors = {one.get_path_name() for one in bound_objects(sequence, binding)}
    for face in _faces(sequence):
        bound = face.binding is not None and face.binding.get_id().to_string() in own
        if bound or (face.actor is not None and face.actor.get_path_name() in actors):
            return _with_rig(face)
    return None


def names(sequence: unreal.LevelSequence) -> list[str]:
    """The names of the faces that a sequence has."""
    return [face.name for face in _faces(sequence)]


def make(sequence: unreal.LevelSequence, face: FaceRig) -> FaceRig:
    """The face with binding, track and section in the sequence, made where they are missing."""
    binding = face.binding
    if binding is None:
        binding = bind(sequence, face)
    track = face.track
    if track is None:
        assert face.rig_class is not None, "resolve() gives a rig where there is no track"
        track = unreal.ControlRigSequencerLibrary.find_or_create_control_rig_track(
            compat.world(), sequence, face.rig_class, binding, False
        )
        if track is None:
            raise PluginError(f"Unreal could not create a Control Rig track with {face.rig_path} for {face.name}.")
        if not list(track.get_sections()) and track.add_section() is None:
            raise PluginError(f"The Control Rig track of {face.name} has no section, and none can be added.")
    made = replace(face, binding=binding, track=track)
    return replace(made, board=_board_of(made.name, _names(sequence, track)))


def section_channels(section: unreal.MovieSceneSection) -> dict[str, unreal.MovieSceneScriptingFloatChannel]:
    """The float channels of a section by name. `channel_name`, because `get_name` has a number behind it."""
    return {
        str(channel.channel_name): channel
        for channel in section.get_all_channels()
        if isinstance(channel, unreal.MovieSceneScriptingFloatChannel)
    }


def show_controls(face: FaceRig, section: unreal.MovieSceneSection, channels: Iterable[int]) -> tuple[FaceRig, int]:
    """Have a section show the controls of these channels that its filter hides: Unreal has no channels for them else.

    The face with the board that the section has then, and how many controls were hidden. The others stay so.
    """
    there = section_channels(section)
    names = [name for index in channels if (name := face.board.targets[index]) and name not in there]
    library = unreal.ControlRigSequencerLibrary
    controls = dict.fromkeys(name.partition(".")[0] for name in names)
    hidden = [control for control in controls if not library.get_controls_mask(section, control)]
    if hidden:
        section.modify()
        library.set_controls_mask(section, hidden, True)
        there = section_channels(section)
    return replace(face, board=board_channels(there)) if names else face, len(hidden)


def switch_head(section: unreal.MovieSceneSection, on: bool) -> bool:
    """Let the head control of a section turn the head, as Epic's own export does, or not; False where it cannot be."""
    for channel in section.get_all_channels():
        if str(channel.channel_name).lower() == HEAD_SWITCH and hasattr(channel, "set_default"):
            channel.set_default(int(on))  # pyright: ignore[reportAttributeAccessIssue]
            return True
    return False


def live_rig(sequence: unreal.LevelSequence, face: FaceRig) -> unreal.ControlRig | None:
    """The ControlRig that Sequencer runs on the face's track, None where the sequence is not open there."""
    return rig_of(sequence, face.track) if face.track is not None and compat.is_focused(sequence) else None


def rig_of(sequence: unreal.MovieSceneSequence, track: unreal.MovieSceneTrack) -> unreal.ControlRig | None:
    """The ControlRig of a track of a sequence, open or not; None for a track of another kind.

    Its class is asked for here and nowhere else: from 5.8 on Python must not read `control_rig_class` of a section.
    """
    wanted = track.get_path_name()
    for proxy in unreal.ControlRigSequencerLibrary.get_control_rigs(sequence):  # pyright: ignore[reportArgumentType]
        if proxy.track is not None and proxy.track.get_path_name() == wanted:
            return proxy.control_rig
    return None


def board_of(asset: unreal.Object | None) -> Board:
    """The board that a rig asset is; one without names where it cannot be asked, or is None."""
    hierarchy = compat.rig_hierarchy(asset) if asset is not None else None
    return board_channels(_channel_names(hierarchy)) if hierarchy is not None else _UNKNOWN


def limits(face: FaceRig) -> list[tuple[float, float]]:
    """The rig's limits of the 174 channels; where it cannot be asked, the usual ones."""
    usual = [(channel.minimum, channel.maximum) for channel in CHANNELS]
    hierarchy = compat.rig_hierarchy(compat.load(face.rig_path))
    if hierarchy is None and face.binding is not None and face.track is not None:
        rig = rig_of(face.binding.sequence, face.track)
        hierarchy = rig.get_hierarchy() if rig is not None else None
    if hierarchy is None:
        return usual
    ranges, asked = list(usual), {}
    for index, name in enumerate(face.board.targets):
        if name is None:
            continue
        control, _, axis = name.partition(".")
        if control not in asked:
            asked[control] = _control_limits(hierarchy, control, two=bool(axis))
        if limits := asked[control].get(axis):
            ranges[index] = limits
    return ranges


# --- in the sequence


def bound_objects(sequence: unreal.LevelSequence, binding: unreal.MovieSceneBindingProxy) -> list[unreal.Object]:
    """The objects of a binding. A component is bound inside its actor, so that one is looked up first."""
    parent = binding.get_parent()
    contexts = bound_objects(sequence, parent) if parent.is_valid() else [compat.world()]
    objects = [one for context in contexts for one in sequence.locate_bound_objects(binding, context)]
    if not objects and compat.is_focused(sequence):  # a spawnable is there only while its sequence is open
        objects = list(unreal.LevelSequenceEditorBlueprintLibrary.get_bound_objects(sequence.get_binding_id(binding)))
    return [one for one in objects if one is not None]


def in_sequence(
    sequence: unreal.LevelSequence, component: unreal.SkeletalMeshComponent, actor: unreal.Actor
) -> unreal.MovieSceneBindingProxy | None:
    """The binding of a face, or None."""
    wanted = {component.get_path_name()}
    if isinstance(actor, unreal.SkeletalMeshActor):
        wanted.add(actor.get_path_name())
    for binding in sequence.get_bindings():
        if any(one.get_path_name() in wanted for one in bound_objects(sequence, binding)):
            return binding
    return None


def bind(sequence: unreal.LevelSequence, face: FaceRig) -> unreal.MovieSceneBindingProxy:
    actor, component, _ = face.in_level
    actor_path, owner = actor.get_path_name(), None
    for binding in sequence.get_bindings():
        if any(one.get_path_name() == actor_path for one in bound_objects(sequence, binding)):
            owner = binding
    if owner is None:
        owner = sequence.add_possessable(actor)
    if isinstance(actor, unreal.SkeletalMeshActor):
        return owner
    binding = sequence.add_possessable(component)
    if not binding.get_parent().is_valid():
        binding.set_parent(owner)
    return binding


def _faces(sequence: unreal.LevelSequence) -> Iterator[FaceRig]:
    """The faces that a sequence has, each once."""
    seen: set[str] = set()
    for binding in sequence.get_bindings():
        parent = binding.get_parent()
        title = str((parent if parent.is_valid() else binding).get_display_name())
        track = _board_track(binding)
        objects = bound_objects(sequence, binding)
        component = next((one for one in objects if isinstance(one, unreal.SkeletalMeshComponent)), None)
        actor = next((one for one in objects if isinstance(one, unreal.Actor)), None)
        if actor is not None and component is None:
            component = find_face(actor)
            if component is not None and not isinstance(actor, unreal.SkeletalMeshActor):
                face = in_sequence(sequence, component, actor)
                if face is not None:
                    continue  # its own binding comes, or came
                binding = None
        elif component is not None:
            actor = component.get_owner()
            if track is None and component.get_name() != getattr(find_face(actor), "get_name", str)():
                continue  # the body
        known = component or track
        if known is None or known.get_path_name() in seen:
            continue
        seen.add(known.get_path_name())
        yield FaceRig(actor.get_actor_label() if actor else title, actor, component, binding, None, None, "", _UNKNOWN)


def _board_track(binding: unreal.MovieSceneBindingProxy) -> unreal.MovieSceneControlRigParameterTrack | None:
    """The track of a face board on a binding, or None."""
    for track in binding.find_tracks_by_type(unreal.MovieSceneControlRigParameterTrack):
        if not isinstance(track, _BOARD_TRACK) or not list(track.get_sections()):
            continue
        if _is_whole(board_channels(_names(binding.sequence, track))):
            return track
    return None


def _names(sequence: unreal.MovieSceneSequence, track: unreal.MovieSceneTrack) -> list[str]:
    """The channels that a rig's track has, with those that a filter of its sections hides."""
    names: list[str] = []
    for section in track.get_sections():  # to look at a channel makes an object of it: as few sections as will do
        names += section_channels(section)
        if not board_channels(names).missing:
            return names
    rig = rig_of(sequence, track)
    return [*_channel_names(rig.get_hierarchy()), *names] if rig is not None else names


# --- the rig


def _with_rig(face: FaceRig) -> FaceRig:
    """The face with its board: of the track, of the mesh, at a known place, anywhere in the project."""
    track = _board_track(face.binding) if face.binding else None
    if face.binding is not None and track is not None:
        found = replace(face, track=track)
        board = _board_of(face.name, _names(face.binding.sequence, track))
        kind = _class_of(found)
        path = compat.package(kind.get_path_name()) if kind is not None else ""
        return replace(found, rig_class=kind, rig_path=path, board=board)
    _, component, face_mesh = face.in_level
    named = compat.default_rig(component)
    boards = [named, *map(compat.load, _places(face_mesh.get_path_name()))]
    boards = [one for one in boards if one is not None and _is_board(one)]
    if not boards:
        raise PluginError(
            f"The face of {face.name} has no control board.",
            "Its mesh has no Default Animating Rig, and the project has no Face_ControlBoard_CtrlRig.",
        )
    asset = next((one for one in boards if compat.rig_class(one) is not None), None)
    if asset is None:
        raise PluginError(
            f"Unreal gives plugins no way to put the control board {boards[0].get_name()} into a sequence.",
            f"Drag {face.name} from the level into Sequencer, which adds its board, then try again.",
        )
    warnings: tuple[str, ...] = ()
    if named is None or asset.get_path_name() != named.get_path_name():
        warnings = (f"The face mesh of {face.name} names no control board; {asset.get_path_name()} is used.",)
    path = compat.package(asset.get_path_name())
    return replace(face, rig_class=compat.rig_class(asset), rig_path=path, board=board_of(asset), warnings=warnings)


def _places(mesh: str) -> Iterator[str]:
    """Paths that may hold a board: the known places, then all of the project, the one nearest to the mesh first."""
    yield from KNOWN_BOARDS

    def shared(path: str) -> int:
        return next((i for i, (a, b) in enumerate(zip(path, mesh, strict=False)) if a != b), len(mesh))

    yield from sorted(compat.face_boards(), key=lambda path: (-shared(path), path))


def _is_board(asset: unreal.Object) -> bool:
    hierarchy = compat.rig_hierarchy(asset)
    if hierarchy is None:
        return compat.rig_class(asset) is not None and "controlboard" in asset.get_name().lower()
    return _is_whole(board_channels(_channel_names(hierarchy)))


def _is_whole(board: Board) -> bool:
    there = sum(target is not None for target in board.targets)
    return there >= _A_BOARD * (there + len(board.missing))


def _board_of(name: str, channels: Collection[str]) -> Board:
    board = board_channels(channels)
    if not _is_whole(board):
        raise PluginError(
            f"The rig on the face of {name} is not a control board: {len(board.missing)} of its controls are missing.",
            "Remove its track, or bake it to the Face_ControlBoard_CtrlRig.",
        )
    return board


def _channel_names(hierarchy: unreal.RigHierarchy) -> Sequence[str]:
    """The names that the channels of a section of this rig will have."""
    names: list[str] = []
    for key in hierarchy.get_controls():
        settings = compat.control_settings(hierarchy, key)
        kind = settings.control_type if settings else None
        if kind == unreal.RigControlType.VECTOR2D:
            names += [f"{key.name}.X", f"{key.name}.Y"]
        else:
            names.append(str(key.name))
    return names


def _control_limits(hierarchy: unreal.RigHierarchy, control: str, two: bool) -> dict[str, tuple[float, float]]:
    """Axis ("" for the only one) -> limits of a control; nothing where it cannot be asked."""
    key = unreal.RigElementKey(unreal.RigElementType.CONTROL, control)
    settings = compat.control_settings(hierarchy, key) if hierarchy.contains(key) else None
    if settings is None:
        return {}
    kinds = unreal.RigControlValueType
    low, high = (hierarchy.get_control_value(key, kind) for kind in (kinds.MINIMUM, kinds.MAXIMUM))
    if two:
        points = [unreal.RigHierarchy.get_vector2d_from_control_value(value) for value in (low, high)]
        pairs = {"X": (points[0].x, points[1].x), "Y": (points[0].y, points[1].y)}
    else:
        bottom, top = (unreal.RigHierarchy.get_float_from_control_value(value) for value in (low, high))
        pairs = {"": (bottom, top)}
    endless = float("inf")
    limited = {}
    for (axis, (bottom, top)), enabled in zip(pairs.items(), settings.limit_enabled, strict=False):
        limited[axis] = (bottom if enabled.minimum else -endless, top if enabled.maximum else endless)
    return limited


def _class_of(face: FaceRig) -> unreal.Class | None:
    """The class of the rig on a face's track, None where it cannot be asked; keys need none."""
    assert face.binding is not None and face.track is not None, "a track lies on a binding"
    rig = rig_of(face.binding.sequence, face.track)
    if rig is not None:
        return rig.get_class()
    try:
        return face.section.get_editor_property("control_rig_class")
    except Exception:  # 5.8: protected
        return None


def is_fk(rig: unreal.ControlRig | None) -> bool:
    """Whether a rig is the one that keys bones, and so wins over what else moves them."""
    return rig is not None and unreal.ControlRigSequencerLibrary.is_fk_control_rig(rig)
