"""What a form holds: a request put into it and read out of it, with what is selected and open in the editor."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import unreal

from medtalk_unreal import choices, compat, facerig
from medtalk_unreal.choices import CHOSEN, FROM_THE_VOICE, IN_SEQUENCE, NO_PERSONA, NO_PRESET, NO_SEQUENCE, SELECTED
from medtalk_unreal.details import get, key, path
from medtalk_unreal.errors import PluginError
from medtalk_unreal.request import MORE, Request
from medtalk_unreal.settings import PluginSettings
from medtalk_wire.settings import AUTO

_COMBOS = {
    "process_mask": choices.MASKS, "head": choices.HEADS, "layers": choices.LAYERS, "hand_edits": choices.HAND_EDITS,
    "frame_rate": choices.RATES, "sound_channel": choices.CHANNELS, "writer": choices.WRITERS,
}  # fmt: skip
"""Rows that show words of their own for the values of a request."""
_PLAIN = (
    "mixture", "mood_intensity", "marked_frames", "start_frame", "replace", "blink", "gaze", "camera", "one_each",
    "resume", "mute_animation", "moods_over_time", "frame_step", "tolerance", "sound_start", "sound_end",
    *(knob.name for knob in MORE),
)  # fmt: skip
"""Rows that show the values of a request themselves."""


def fill(form: Any, request: Request, settings: PluginSettings) -> None:
    """Put a request into a form; sequence and target are what the editor shows, where the request names none."""
    current = compat.load(request.sequence) if request.sequence else compat.focused_sequence()
    faces = [face for actor in selected_faces() if (face := facerig.find_face(actor)) is not None]
    target = SELECTED if (faces and not request.sequence) or current is None else IN_SEQUENCE
    form.set_editor_properties(
        {
            "sounds": [wave for wave in map(compat.load, request.sounds) if wave is not None],
            "actor": request.actor,
            "target": CHOSEN if request.actor else target,
            "sequence": current,
            "found": current.get_path_name() if current is not None and not request.sequence else "",
            "face_mesh": compat.mesh(faces[0]) if faces else None,
            "blueprint": compat.load(request.blueprint) if request.blueprint else None,
            "preset": NO_PRESET,
            "status": "Ready.",
            "takes_text": "text" in settings.guidance,
            "takes_image": "image" in settings.guidance,
        }
    )
    put(form, request)


def read(form: Any) -> Request:
    """The request in a form. `PluginError` if it is not clear whose face is meant."""
    sequence, blueprint, target = get(form, "sequence"), get(form, "blueprint"), get(form, "target")
    if sequence is not None and get(form, "one_each") and sequence.get_path_name() == get(form, "found"):
        sequence = None  # it is there because it was open, not because the user chose it
    actor = get(form, "actor") if target == CHOSEN else ""
    if target == SELECTED and blueprint is None:
        actor = selected_face(f"Select one, or set MetaHuman to: {IN_SEQUENCE}.")
    mesh = get(form, "face_mesh") if target == NO_SEQUENCE else None
    if mesh is None and target == NO_SEQUENCE:
        raise PluginError("No face mesh is chosen.", "It says for which skeleton: choose one in Advanced.")
    return replace(
        values(form),
        sounds=sounds_of(form),
        actor=actor,
        sequence=sequence.get_path_name() if sequence is not None else "",
        skeleton=mesh.get_path_name() if mesh is not None else "",
        blueprint=blueprint.get_path_name() if blueprint is not None else "",
    )


def put(form: Any, request: Request) -> None:
    """Put what a form remembers of a request into it."""
    form.set_editor_properties(
        {
            **{name: getattr(request, name) for name in (*_PLAIN, "text", "sequence_name")},
            **{name: key(table, getattr(request, name)) for name, table in _COMBOS.items()},
            "emotion": FROM_THE_VOICE if request.emotion in ("", AUTO) else request.emotion,
            "image": unreal.FilePath(request.image),
            "persona": request.persona or NO_PERSONA,
            "sequence_folder": unreal.DirectoryPath(request.sequence_folder),
        }
    )


def values(form: Any) -> Request:
    """What a form remembers of a request."""
    usual = Request()
    return Request(
        emotion="" if get(form, "emotion") == FROM_THE_VOICE else get(form, "emotion"),
        text=get(form, "text").strip() if get(form, "takes_text") else "",
        image=path(form, "image", "file_path") if get(form, "takes_image") else "",
        persona="" if get(form, "persona") == NO_PERSONA else get(form, "persona"),
        sequence_folder=get(form, "sequence_folder").path or usual.sequence_folder,
        sequence_name=get(form, "sequence_name").strip() or usual.sequence_name,
        **{name: get(form, name) for name in _PLAIN},
        **{name: table.get(get(form, name), getattr(usual, name)) for name, table in _COMBOS.items()},
    )


def sounds_of(form: Any) -> tuple[str, ...]:
    return tuple(wave.get_path_name() for wave in get(form, "sounds") if wave is not None)


def selected_face(hint: str) -> str:
    """The path name of the MetaHuman that is selected in the level. `PluginError` with that hint if none is, or with
    another one if several are."""
    actors = selected_faces()
    if not actors:
        raise PluginError("No MetaHuman is selected in the level.", hint)
    if len(actors) > 1:
        labels = ", ".join(found.get_actor_label() for found in actors)
        raise PluginError(f"{len(actors)} MetaHumans are selected: {labels}.", "Select one.")
    return actors[0].get_path_name()


def selected_faces() -> list[unreal.Actor]:
    """The actors selected in the level that have a MetaHuman's face."""
    actors = unreal.get_editor_subsystem(unreal.EditorActorSubsystem)
    selected = actors.get_selected_level_actors() if actors is not None else []
    return [actor for actor in selected if facerig.find_face(actor) is not None]
