"""The sound of a take in a sequence: an audio track whose name says which take it is.

By that name a later run finds its own take again, and the reading back the takes that there are.
"""

from __future__ import annotations

from collections.abc import Iterator

import unreal

from medtalk_unreal import compat
from medtalk_unreal.errors import PluginError


def title(face: str, take: str) -> str:
    """The name of the audio track of a take on a face."""
    return f"MEDTalk {face}: {take}"


def find(sequence: unreal.LevelSequence, face: str) -> Iterator[tuple[str, unreal.MovieSceneAudioSection]]:
    """Name and audio section of each take on a face."""
    start = title(face, "")
    for track in sequence.find_tracks_by_type(unreal.MovieSceneAudioTrack):
        name = str(track.get_display_name())
        if name.startswith(start):
            for section in track.get_sections():
                if isinstance(section, unreal.MovieSceneAudioSection) and section.get_sound() is not None:
                    yield name.removeprefix(start), section


def own(
    sequence: unreal.LevelSequence, face: str, take: str, sound: unreal.SoundWave, start_frame: int
) -> unreal.MovieSceneAudioSection | None:
    """The section that an earlier run laid for the same take, or None. Raises `PluginError` if it is locked."""
    path = sound.get_path_name()
    sections = [one for name, one in find(sequence, face) if name == take and one.get_sound().get_path_name() == path]
    # Where the same sound was laid as a new take, too, the one at this place is meant.
    sections.sort(key=lambda one: one.has_start_frame() and one.get_start_frame() == start_frame)
    if sections and sections[-1].is_locked():
        raise PluginError(f"The audio section of {take} is locked.", "Unlock it in the sequence.")
    return sections[-1] if sections else None


def lay(
    sequence: unreal.LevelSequence,
    name: str,
    section: unreal.MovieSceneAudioSection | None,
    sound: unreal.SoundWave,
    start_frame: int,
    end_frame: int,
    sound_start: float = 0.0,
) -> None:
    """Put a sound at a place: the section that it has already, or a new one on a track called `name`.

    sound_start: seconds of the sound that are left out. Where the user's own section plays the same already, a new one
    is inactive: nobody wants to hear it twice.
    """
    resolution = compat.rate(sequence.get_tick_resolution())
    offset = round(sound_start * resolution)
    if section is None:
        silent = _plays(sequence, sound, start_frame, offset)
        track = sequence.add_track(unreal.MovieSceneAudioTrack)
        track.set_display_name(name)
        added = track.add_section()
        if not isinstance(added, unreal.MovieSceneAudioSection):
            raise PluginError(f"Unreal could not create an audio section for {sound.get_name()}.")
        section = added
        section.set_sound(sound)
        section.set_looping(False)
        if silent:
            section.set_is_active(False)
    section.modify()
    section.set_start_offset(unreal.FrameNumber(offset))
    section.set_range(start_frame, end_frame)


def _plays(sequence: unreal.LevelSequence, sound: unreal.SoundWave, start_frame: int, offset: int) -> bool:
    """Whether an audio section of the sequence or of a binding plays the sound at a frame, from `offset` ticks on."""
    resolution, fps = compat.rate(sequence.get_tick_resolution()), compat.rate(sequence.get_display_rate())
    began = start_frame / fps - offset / resolution  # seconds at which the whole sound would begin
    path = sound.get_path_name()
    for owner in (sequence, *sequence.get_bindings()):
        for track in owner.find_tracks_by_type(unreal.MovieSceneAudioTrack):
            for section in track.get_sections():
                if not isinstance(section, unreal.MovieSceneAudioSection) or not section.is_active():
                    continue
                other = section.get_sound()
                if other is None or other.get_path_name() != path or not section.has_start_frame():
                    continue
                start = section.get_start_frame_seconds() - section.get_start_offset().value / resolution
                if abs(start - began) * fps <= 1:
                    return True
    return False
