"""A camera that frames the face of a take: spawned by the sequence, before the face, shown by its camera cuts."""

from __future__ import annotations

import math
from typing import Any

import unreal

from medtalk_unreal import compat, facerig, spawned
from medtalk_unreal.errors import PluginError
from medtalk_unreal.facerig import FaceRig

NAME = "MEDTalk Camera"
FOCAL_LENGTH = 85.0
"""Millimetres: that of a portrait."""
VISIBLE = 7.0
"""The height of the picture at the face, in distances between its eyes: a head with its neck and some air."""
_BELOW = 0.4  # of the distance between the eyes: how far the middle of a face lies below them
_EYES = ("FACIAL_L_Eye", "FACIAL_R_Eye")  # bones of every MetaHuman's face
_CUTS = unreal.MovieSceneCameraCutTrack


def frame(sequence: unreal.LevelSequence, face: FaceRig, start: int, end: int) -> list[str]:
    """Let a camera show the face in display frames `start` to `end`, the last one exclusive; notes for the user.

    A camera of an earlier take stays where it is, and is shown longer. A sequence with other camera cuts gets none,
    and where Unreal makes none, a note says so: the take does not need it.
    """
    cuts = [cut for track in sequence.find_tracks_by_type(_CUTS) for cut in track.get_sections()]
    if cuts:
        ours = _ours(sequence, cuts)
        if ours is None:
            return [f"{sequence.get_name()} has camera cuts already; no camera was added."]
        ours.modify()
        ours.set_range(min(ours.get_start_frame(), start), max(ours.get_end_frame(), end))
        return []
    compat.show(sequence)  # only there are spawned faces, and cameras
    eyes = _eyes(sequence, face)
    if eyes is None:
        return [f"The eyes of {face.name} were not found; no camera was added."]
    try:
        binding = spawned.add(sequence, unreal.CineCameraActor.static_class(), NAME)
    except PluginError as error:
        return [f"{error} The take has no camera."]
    height = _set_lens(binding)
    if height is None:
        binding.remove()
        return [f"The camera that Unreal made in {sequence.get_name()} cannot be set up; no camera was added."]
    _set_place(binding, *_place(*eyes, height))
    tracks = sequence.find_tracks_by_type(_CUTS)
    section: Any = (tracks[0] if len(tracks) else sequence.add_track(_CUTS)).add_section()
    section.set_range(start, end)
    section.set_camera_binding_id(sequence.get_binding_id(binding))
    return []


def _ours(sequence: unreal.LevelSequence, cuts: list[Any]) -> Any:
    """The cut to the camera of an earlier take, or None."""
    own = [one.get_id().to_string() for one in sequence.get_bindings() if one.get_name() == NAME]
    for cut in cuts:
        guid = cut.get_camera_binding_id().get_editor_property("guid").to_string()
        if guid in own and cut.has_start_frame() and cut.has_end_frame():
            return cut
    return None


def _eyes(sequence: unreal.LevelSequence, face: FaceRig) -> tuple[unreal.Vector, unreal.Vector] | None:
    """Where the left and the right eye of a face are in the world, in centimetres; None where nobody can tell."""
    component = face.component
    if component is None and face.binding is not None:
        bound = facerig.bound_objects(sequence, face.binding)
        component = next((one for one in bound if isinstance(one, unreal.SkeletalMeshComponent)), None)
    if component is None or not all(component.does_socket_exist(bone) for bone in _EYES):
        return None
    left, right = (component.get_socket_location(bone) for bone in _EYES)
    apart = math.hypot(left.x - right.x, left.y - right.y)
    return (left, right) if apart > 0.1 else None


def _place(left: unreal.Vector, right: unreal.Vector, sensor: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Location in centimetres, and roll, pitch and yaw in degrees, of an upright camera that looks at a face.

    sensor: millimetres, the height of the film.
    """
    apart = math.dist((left.x, left.y, left.z), (right.x, right.y, right.z))
    across = math.hypot(left.x - right.x, left.y - right.y)
    # Up times left is ahead, in Unreal's axes: X ahead, Y right, Z up.
    ahead = ((right.y - left.y) / across, (left.x - right.x) / across)
    distance = FOCAL_LENGTH * VISIBLE * apart / sensor
    middle = [(a + b) / 2 for a, b in ((left.x, right.x), (left.y, right.y), (left.z, right.z))]
    at = (middle[0] + distance * ahead[0], middle[1] + distance * ahead[1], middle[2] - _BELOW * apart)
    return at, (0.0, 0.0, math.degrees(math.atan2(-ahead[1], -ahead[0])))


def _set_lens(binding: unreal.MovieSceneBindingProxy) -> float | None:
    """Give the camera of a binding its lens, with all of the face in focus; the height of its film in millimetres, None
    where Unreal hands out no camera."""
    camera = binding.get_object_template()
    lens: Any = camera.get_cine_camera_component() if isinstance(camera, unreal.CineCameraActor) else None
    if lens is None:
        return None
    lens.set_editor_property("current_focal_length", FOCAL_LENGTH)
    focus = lens.get_editor_property("focus_settings")
    focus.set_editor_property("focus_method", unreal.CameraFocusMethod.DISABLE)
    lens.set_editor_property("focus_settings", focus)
    return lens.get_editor_property("filmback").sensor_height


def _set_place(
    binding: unreal.MovieSceneBindingProxy, location: tuple[float, ...], rotation: tuple[float, ...]
) -> None:
    """Put what a binding spawns at a place: as the values of a transform track, which the user can key."""
    kind = unreal.MovieScene3DTransformTrack
    tracks = binding.find_tracks_by_type(kind)
    track = tracks[0] if len(tracks) else binding.add_track(kind)
    sections = track.get_sections()
    section = sections[0] if len(sections) else track.add_section()
    section.set_start_frame_bounded(False)
    section.set_end_frame_bounded(False)
    rows = (("Location", location), ("Rotation", rotation), ("Scale", (1.0, 1.0, 1.0)))
    wanted = {f"{part}.{axis}": value for part, row in rows for axis, value in zip("XYZ", row, strict=True)}
    for channel in section.get_all_channels():
        if str(channel.channel_name) in wanted:
            channel.set_default(wanted[str(channel.channel_name)])  # pyright: ignore[reportAttributeAccessIssue]
