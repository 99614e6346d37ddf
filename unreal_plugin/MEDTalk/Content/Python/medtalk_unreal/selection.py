"""What is selected in Sequencer, as a request: the sound of an audio section, and the face that speaks it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import unreal

from medtalk_unreal import compat, facerig
from medtalk_unreal import sound as sounds
from medtalk_unreal.errors import PluginError
from medtalk_unreal.settings import PluginSettings

_SELECT = "Select one audio section in Sequencer, and the MetaHuman that speaks it if there are several."
_NEAR = 1e-3  # seconds that cost nobody a word: a section's ends lie on ticks, a sound's on samples


def from_sequencer(settings: PluginSettings) -> dict[str, Any]:
    """The fields of a `Request` that the selection in Sequencer gives, for `dataclasses.replace`.

    They are the sound of the selected audio section and the part of it that the section plays; the sequence that is
    edited, which may be a shot of the one that is open; the section's start; and the actor, "" for the only face of the
    sequence. Raises `PluginError` where nothing of that kind is selected.
    """
    sequence = compat.focused_sequence()
    if sequence is None:
        raise PluginError("No sequence is open.", _SELECT)
    selected = unreal.LevelSequenceEditorBlueprintLibrary.get_selected_sections()
    sections = [section for section in selected if isinstance(section, unreal.MovieSceneAudioSection)]
    if len(sections) != 1:
        many = f"{len(sections)} audio sections are" if sections else "No audio section is"
        raise PluginError(f"{many} selected in {sequence.get_name()}.", _SELECT)
    section, wave = sections[0], sections[0].get_sound()
    if not isinstance(wave, unreal.SoundWave):
        kind = f"plays a {type(wave).__name__}" if wave is not None else "has no sound"
        raise PluginError(f"The selected audio section {kind}.", "Select one that plays a SoundWave.")
    facts = sounds.look(wave.get_path_name(), settings.max_seconds)
    start_frame, start, end = _part(sequence, section, facts.seconds)
    return {
        "sounds": (facts.path,),
        "sequence": compat.package(sequence.get_path_name()),
        "actor": _actor(sequence, section),
        "blueprint": "",
        "skeleton": "",
        "start_frame": start_frame,
        "sound_start": start,
        "sound_end": end,
    }


def _part(
    sequence: unreal.LevelSequence, section: unreal.MovieSceneAudioSection, seconds: float
) -> tuple[int, float, float]:
    """The display frame at which a section begins, and from and to which second of the sound it plays from there.

    The whole sound is 0 to 0, as in a request. Frames are whole; the part is what is heard from the frame on.
    """
    if not section.has_start_frame():
        raise PluginError("The selected audio section has no start.", _SELECT)
    fps, resolution = compat.rate(sequence.get_display_rate()), compat.rate(sequence.get_tick_resolution())
    offset = float(section.get_start_offset().value / resolution)
    began = section.get_start_frame_seconds()
    frame = round(began * fps)
    start = max(0.0, offset + float(frame / fps) - began)
    end = start + section.get_end_frame_seconds() - float(frame / fps) if section.has_end_frame() else seconds
    if end - start < sounds.MIN_SECONDS or start > seconds - sounds.MIN_SECONDS:
        raise PluginError(
            f"The selected audio section plays {max(0.0, min(end, seconds) - start):.3g} s of its sound.",
            f"At least {sounds.MIN_SECONDS:g} s are needed: make it longer.",
        )
    return frame, start if start > _NEAR else 0.0, end if end < seconds - _NEAR else 0.0


def _actor(sequence: unreal.LevelSequence, section: unreal.MovieSceneSection) -> str:
    """The path name of the MetaHuman that is to speak, "" for the only one of the sequence.

    It is the selected one, else the one that the section's track belongs to, else the one selected in the level.
    """
    if len(facerig.names(sequence)) == 1:
        return ""
    for binding in _bindings(sequence, section):
        for actor in _actors(sequence, binding):
            if facerig.find_face(actor) is not None:
                return actor.get_path_name()
    level = unreal.get_editor_subsystem(unreal.EditorActorSubsystem)
    for actor in level.get_selected_level_actors() if level is not None else ():
        if facerig.find_face(actor) is not None:
            return actor.get_path_name()
    facerig.resolve(sequence, None)  # says what is wrong: none, or several
    return ""


def _bindings(
    sequence: unreal.LevelSequence, section: unreal.MovieSceneSection
) -> Iterator[unreal.MovieSceneBindingProxy]:
    """The selected bindings, then the one that the section is on."""
    yield from unreal.LevelSequenceEditorBlueprintLibrary.get_selected_bindings()
    wanted = section.get_path_name()
    for binding in sequence.get_bindings():
        for track in binding.find_tracks_by_type(unreal.MovieSceneAudioTrack):
            if any(one.get_path_name() == wanted for one in track.get_sections()):
                yield binding


def _actors(sequence: unreal.LevelSequence, binding: unreal.MovieSceneBindingProxy) -> Iterator[unreal.Actor]:
    """The actors of a binding, or those that its components belong to."""
    for one in facerig.bound_objects(sequence, binding):
        owner = one.get_owner() if isinstance(one, unreal.ActorComponent) else one
        if isinstance(owner, unreal.Actor):
            yield owner
