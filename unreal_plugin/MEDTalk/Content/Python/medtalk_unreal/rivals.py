"""What else moves a face where a take is to lie: other rigs, animations, the aim of the eyes."""

from __future__ import annotations

import unreal

from medtalk_unreal import compat, facerig
from medtalk_unreal.facerig import FaceRig
from medtalk_unreal.sections import reaches

_SWITCH = "ctrl_lookatswitch"
_SWITCHES = (unreal.MovieSceneScriptingBoolChannel, unreal.MovieSceneScriptingFloatChannel)


def conflicts(face: FaceRig, first: int, last: int, muted: bool = False) -> tuple[list[str], list[str]]:
    """Other animation of the face in display frames `first` to `last`: what prevents keys, and notes.

    muted: `mute_animation` will be called.
    """
    wrong: list[str] = []
    notes: list[str] = []
    if face.binding is None:
        return wrong, notes
    own = face.track.get_path_name() if face.track else ""
    animation = unreal.MovieSceneSkeletalAnimationTrack
    for track in face.binding.get_tracks():
        is_rig = isinstance(track, unreal.MovieSceneControlRigParameterTrack)
        if track.get_path_name() == own or not (is_rig or isinstance(track, animation)):
            continue
        title = str(track.get_display_name())
        sections = list(track.get_sections())
        hit = [section for section in sections if section.is_active() and reaches(section, first, last + 1)]
        if is_rig and not facerig.is_fk(facerig.rig_of(face.binding.sequence, track)):
            if hit:
                notes.append(f"Another rig ({title}) also moves the face of {face.name} there.")
        elif hit and is_rig:
            wrong.append(f"An FK rig ({title}) moves the face of {face.name} there.")
        elif hit and not muted:
            notes.append(
                f"An animation ({title}) also moves the face of {face.name} there. If it shows in place of the keys, "
                "mute it, or switch Mute Animation on."
            )
        elif not hit:
            kind = "FK rig" if is_rig else "animation"
            notes.append(f"The face of {face.name} also has an {kind} ({title}), which is not active there.")
    if face.track is not None and any(map(_looks_at, face.track.get_sections())):
        notes.append("CTRL_lookAtSwitch is on: the eyes follow its aim, not the keys.")
    return wrong, notes


def mute_animation(face: FaceRig, first: int, last: int) -> list[str]:
    """Make the animation sections of the face in display frames `first` to `last` inactive; what the user should know.

    Epic's own bake to a control rig does the same.
    """
    assert face.binding is not None, "make() gives a binding"
    lines = []
    for track in face.binding.find_tracks_by_type(unreal.MovieSceneSkeletalAnimationTrack):
        hit = [section for section in track.get_sections() if section.is_active() and reaches(section, first, last + 1)]
        locked = [section for section in hit if section.is_locked()]
        for section in hit:
            if not section.is_locked():
                section.modify()
                section.set_is_active(False)
        title = str(track.get_display_name())
        if len(hit) > len(locked):
            lines.append(f"The animation ({title}) of the face of {face.name} is muted now: its section is not active.")
        if locked:
            lines.append(f"The animation ({title}) of the face of {face.name} is locked, so it was not muted.")
    return lines


def _looks_at(section: unreal.MovieSceneSection) -> bool:
    for channel in section.get_all_channels():
        if str(channel.channel_name).lower() == _SWITCH and isinstance(channel, _SWITCHES):
            values = [key.get_value() for key in compat.keys(channel)]
            return any(values) if values else bool(channel.has_default() and channel.get_default())
    return False
