"""What turns the head of a MetaHuman in a sequence: the head control of its face board, or that of its body's rig.

The head of a body is keyed where nobody else animates it: on a section of its own, which adds to what the rig of the
body has there. A rig that is made for it is layered, so that the body keeps its pose.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

import unreal

from medtalk_board.head import BONE, Axes, axes_of
from medtalk_unreal import compat, earlier, facerig, handedits, sections
from medtalk_unreal.earlier import Earlier
from medtalk_unreal.errors import PluginError
from medtalk_unreal.facerig import FaceRig
from medtalk_unreal.pen import Pen
from medtalk_unreal.span import Span

CONTROL = "head_ctrl"
"""The control of MetaHuman_ControlRig that turns the head."""
LAYER = "head"
"""The layer of an `Owner`."""
KNOWN_RIG = "/Game/MetaHumans/Common/Common/MetaHuman_ControlRig"
_BODY = "Body"
_ELSE = "Switch Head Movement off, or key the head of the face board."
_TURNS = tuple(f"Rotation.{axis}" for axis in "ZYX")  # yaw, pitch and roll of a rotator
BOARD = tuple(f"{facerig.HEAD}.{turn}" for turn in _TURNS)
"""The channels of the head control of a face board."""


@dataclass(frozen=True)
class Head:
    """A control that turns a head, and the section for its keys. axes: how the control lies. how: for the report.
    there: what an earlier take has left in a section of its own. lines: for the user.
    """

    control: str
    section: unreal.MovieSceneSection
    axes: Axes
    how: str
    there: Earlier = field(default_factory=Earlier)
    lines: tuple[str, ...] = ()

    @property
    def channels(self) -> list[str]:
        """The channels for the yaw, pitch and roll of a rotator in its axes."""
        return [f"{self.control}.{turn}" for turn in _TURNS]


def of_board(face: FaceRig, section: unreal.MovieSceneSection) -> Head:
    """The head control of a face board, switched on in a section. `PluginError` for a board without one."""
    head = Head(
        facerig.HEAD, section, BONE,
        f"on {facerig.HEAD}; {facerig.HEAD_SWITCH} is on. An animation of the body may turn it as well.",
    )  # fmt: skip
    if not {*head.channels} <= {*facerig.section_channels(section)} or not facerig.switch_head(section, True):
        raise PluginError(
            f"The board of {face.name} has no {facerig.HEAD}, so the head does not turn, but the eyes turn against it:",
            "key the head of the body, switch Head Movement off, or bake an Anim Sequence, which gets its curves.",
        )
    return head


def of_body(sequence: unreal.LevelSequence, face: FaceRig, owner: sections.Owner, span: Span, again: bool) -> Head:
    """The head control of the body's rig, for the keys of a take; what is missing is made.

    again: in place of those of an earlier take. Raises `PluginError`, and nothing is made, where there is no such rig,
    where somebody animates the body there, and where the section of the earlier take is locked.
    """
    body = _body(sequence, face)
    binding, track, rig = body.binding, None, None
    if binding is not None:
        track = _rig_track(binding)
        _check_free(sequence, face, binding, track, owner, span.start_frame, span.end_frame)
    if track is None:
        rig, axes = _rig(body)
    else:
        axes = _live_axes(sequence, track)
    if axes is None:
        raise PluginError(f"The rig of the body of {face.name} does not say how its {CONTROL} lies.", _ELSE)
    how = f"on {CONTROL} of the body's rig."
    section = sections.of_take(sequence, track, owner, span.start_frame) if again else None
    if section is not None and section.is_locked():
        raise PluginError(
            f"The section of {owner.take} on the body of {face.name} is locked, so the head turns as before:",
            f"unlock it in {sequence.get_name()} (right-click it, Properties, Locked) and generate again.",
        )
    if track is None:
        assert rig is not None, "_rig() gives one"
        track, section = _lay(sequence, body, rig, owner, span)
        return Head(CONTROL, section, _live_axes(sequence, track) or axes, how)
    if section is None:
        adds = unreal.MovieSceneBlendType.ADDITIVE
        section = sections.make(sequence, track, owner, span.start_frame, span.end_frame, adds)
        return Head(CONTROL, section, axes, how)
    head = Head(CONTROL, section, axes, how, Earlier(section, handedits.find(sequence, section)))
    keyed = track.get_section_to_key()
    _, lines = earlier.place(sequence, replace(body, track=track), head.there, owner, span, head.channels)
    if keyed is not None:
        track.set_section_to_key(keyed)  # the user keys the body where he did
    return replace(head, lines=tuple(f"{CONTROL}: {line}" for line in lines))


def give_way(
    pen: Pen, sequence: unreal.LevelSequence, face: FaceRig, section: sections.Section, there: Earlier,
    owner: sections.Owner, start_frame: int, now: str,
) -> list[str]:  # fmt: skip
    """Take back how an earlier take turned the head, where it is turned otherwise now, or not at all; what to tell the
    user.

    there: the earlier take.
    """
    lines = []
    if now != "control" and {*BOARD} <= {*there.channels}:
        for name in BOARD:
            pen.clear(name)
        facerig.switch_head(section, False)
        if there.found is not None and {*BOARD} & {*there.found.changes}:
            lines.append(f"The keys of {facerig.HEAD} were removed, with your changes to them. Undo brings them back.")
    if now == "body":
        return lines
    with suppress(PluginError):  # no body, no keys
        binding = _body(sequence, face).binding
        track = _rig_track(binding) if binding is not None else None
        turned = sections.of_take(sequence, track, owner, start_frame)
        if track is None or turned is None:
            return lines
        if turned.is_locked():
            lines.append(
                f"The section of {owner.take} on the body of {face.name} is locked, so it stays and turns the head: "
                "mute it, or unlock and delete it."
            )
            return lines
        track.modify()
        track.remove_section(turned)  # its tag stays, as that of a layer
        lines.append(
            f"The section of {owner.take} on the body of {face.name} was removed, with all keys in it. Undo brings it "
            "back."
        )
    return lines


def _body(sequence: unreal.LevelSequence, face: FaceRig) -> FaceRig:
    """The body that belongs to a face, with its binding if it has one."""
    if face.actor is None:
        raise PluginError(f"The body of {face.name} is not in the level that is open: its head gets no keys.", _ELSE)
    name = (compat.metahuman_body(face.actor) or _BODY).lower()
    for component in face.actor.get_components_by_class(unreal.SkeletalMeshComponent):
        if isinstance(component, unreal.SkeletalMeshComponent) and component.get_name().lower() == name:
            binding = facerig.in_sequence(sequence, component, face.actor)
            return FaceRig(face.name, face.actor, component, binding, None, None, "", face.board)
    raise PluginError(f"{face.name} has no body: its head gets no keys.", _ELSE)


def _rig(body: FaceRig) -> tuple[unreal.Class, Axes]:
    """The class of the body's rig, and how its head control lies: the rig that its mesh names, that at the known place,
    or any in the project."""
    assert body.component is not None, "a body is found as a component"
    for asset in (compat.default_rig(body.component), *map(compat.load, _places())):
        kind = compat.rig_class(asset) if asset is not None else None
        axes = _axes(compat.rig_hierarchy(asset))
        if kind is not None and axes is not None:
            return kind, axes
    raise PluginError(f"The body of {body.name} has no rig with a {CONTROL}: its head gets no keys.", _ELSE)


def _places() -> Iterator[str]:
    yield KNOWN_RIG
    yield from compat.rigs_called("metahuman_controlrig")


def _lay(
    sequence: unreal.LevelSequence, body: FaceRig, rig: unreal.Class, owner: sections.Owner, span: Span
) -> tuple[sections.Track, sections.Section]:
    """A layered track for the body's rig, and its section for a take. Raises `PluginError`, and leaves nothing."""
    compat.show(sequence)  # Unreal makes a rig's track for the sequence that it shows
    binding = body.binding or facerig.bind(sequence, body)
    track = unreal.ControlRigSequencerLibrary.find_or_create_control_rig_track(
        compat.world(), sequence, rig, binding, True
    )
    made = isinstance(track, unreal.MovieSceneControlRigParameterTrack)
    try:
        if not made:
            raise PluginError(f"Unreal could not create a Control Rig track for the body of {body.name}.", _ELSE)
        return track, sections.make(sequence, track, owner, span.start_frame, span.end_frame)
    except PluginError:
        if made:
            binding.remove_track(track)
        if body.binding is None:
            binding.remove()
        raise


def _rig_track(binding: unreal.MovieSceneBindingProxy) -> unreal.MovieSceneControlRigParameterTrack | None:
    """The track of the body's rig, or None."""
    for track in binding.find_tracks_by_type(unreal.MovieSceneControlRigParameterTrack):
        if isinstance(track, unreal.MovieSceneControlRigParameterTrack):
            for section in track.get_sections():
                if f"{CONTROL}.{_TURNS[0]}" in facerig.section_channels(section):
                    return track
    return None


def _check_free(
    sequence: unreal.LevelSequence,
    face: FaceRig,
    binding: unreal.MovieSceneBindingProxy,
    own: unreal.MovieSceneControlRigParameterTrack | None,
    owner: sections.Owner,
    start_frame: int,
    end_frame: int,
) -> None:
    """Raise `PluginError` where somebody animates the head of the body between two display frames."""
    path = own.get_path_name() if own is not None else ""
    for track in binding.get_tracks():
        ours = track.get_path_name() == path
        if not ours and not isinstance(
            track, (unreal.MovieSceneControlRigParameterTrack, unreal.MovieSceneSkeletalAnimationTrack)
        ):
            continue
        for section in track.get_sections():
            if not section.is_active() or not sections.reaches(section, start_frame, end_frame):
                continue
            if ours and (sections.owner_of(sequence, section) is not None or not _is_turned(section)):
                continue
            raise PluginError(
                f"{track.get_display_name()} animates the body of {face.name} there: its head is left alone.", _ELSE
            )


def _is_turned(section: unreal.MovieSceneSection) -> bool:
    """Whether the head moves in a section: one key is a pose."""
    channels = facerig.section_channels(section)
    turns = [channels[name] for name in (f"{CONTROL}.{turn}" for turn in _TURNS) if name in channels]
    return any(channel.get_num_keys() > 1 for channel in turns)


def _live_axes(sequence: unreal.LevelSequence, track: sections.Track) -> Axes | None:
    """How the head control of a track's rig lies; None where nobody can tell."""
    live = facerig.rig_of(sequence, track)
    return _axes(live.get_hierarchy() if live is not None else None)


def _axes(hierarchy: unreal.RigHierarchy | None) -> Axes | None:
    """How the head control of a rig lies while the body stands; None for a rig that has none."""
    key = unreal.RigElementKey(unreal.RigElementType.CONTROL, CONTROL)
    if hierarchy is None or not hierarchy.contains(key):
        return None
    turn = hierarchy.get_global_transform(key, True).rotation
    return axes_of(turn.x, turn.y, turn.z, turn.w)
