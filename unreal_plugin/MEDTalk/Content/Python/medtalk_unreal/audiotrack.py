"""The sound of a take in a sequence: an audio track whose name says which take it is.

By that name a later run finds its own take again, and the reading back the takes that there are.
"""

from __future__ import annotations

from collections.abc import Iterator

import unreal

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
) -> None:
    """Put a sound at a place: the section that it has already, or a new one on a track called `name`."""
    if section is None:
        track = sequence.add_track(unreal.MovieSceneAudioTrack)
        track.set_display_name(name)
        added = track.add_section()
        if not isinstance(added, unreal.MovieSceneAudioSection):
            raise PluginError(f"Unreal could not create an audio section for {sound.get_name()}.")
        section = added
        section.set_sound(sound)
        section.set_looping(False)
    section.modify()
    section.set_start_offset(unreal.FrameNumber(0))
    section.set_range(start_frame, end_frame)
