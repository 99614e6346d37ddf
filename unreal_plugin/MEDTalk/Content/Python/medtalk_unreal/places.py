"""The sequence of a take: the one that is chosen, the one of an earlier run, or a new one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import unreal

from medtalk_unreal import compat, facerig, spawned
from medtalk_unreal.edits import Edit, asset_path, place
from medtalk_unreal.errors import PluginError
from medtalk_unreal.facerig import FaceRig

_NAMED = re.compile(r"\{([^{}]*)\}")
SEQUENCE_NAME = "LS_{face}_{sound}"
"""The name of a new sequence."""


@dataclass(frozen=True)
class Where:
    """The sequence and the face of a take.

    sequence: asset path; None makes one in `sequence_folder`, or takes the one that an earlier run made there of the
    same sound. actor: path name of the MetaHuman in the level; None is the one that the sequence has. replace: an
    earlier take of the same name gives way. blueprint: asset path of a MetaHuman that is spawned in the sequence, None
    spawns nobody; camera: add one that frames the face. frame_rate: of a new sequence, frames a second or "project".
    sequence_name: of a new sequence, with {face} and {sound}.
    """

    sequence: str | None = None
    sequence_folder: str = "/Game/MEDTalk"
    actor: str | None = None
    replace: bool = True
    blueprint: str | None = None
    camera: bool = False
    frame_rate: str = "project"
    sequence_name: str = SEQUENCE_NAME


@dataclass(frozen=True)
class Place:
    """What is there of a target: the sequence, None where it must be made at `path`; the face."""

    path: str
    sequence: unreal.LevelSequence | None
    face: FaceRig


def find(target: Where, name: str, source: str) -> Place:
    """The target as it is, checked as far as no span is needed."""
    path, sequence = compat.package(target.sequence or ""), None
    if path:
        sequence = find_sequence(path)
    else:
        folder = folder_of(target.sequence_folder, source)
    face = _face(target, sequence)
    if not path:
        title = filled("sequence_name", target.sequence_name, {"face": face.name, "sound": name})
        path = place(asset_path(folder, title), source, target.replace)
        sequence = compat.load(path)
        if sequence is not None:
            face = _face(target, sequence)
    if sequence is not None:
        check_sequence(sequence)
    return Place(path, sequence, face)


def _face(target: Where, sequence: unreal.LevelSequence | None) -> FaceRig:
    """The face of a target, as it is; nobody is spawned."""
    if target.blueprint:
        return spawned.resolve(sequence, target.blueprint)
    return facerig.resolve(sequence, target.actor)


def make_face(target: Where, place: Place, sequence: unreal.LevelSequence) -> FaceRig:
    """The face with binding, track and section in the sequence, spawned and made where they are missing."""
    face = place.face
    if target.blueprint and face.track is None:
        face = spawned.make(sequence, target.blueprint)
    return facerig.make(sequence, face)


def folder_of(folder: str, source: str) -> str:
    """A project folder; its {folder} becomes the folder of the take's source. Raises `PluginError` if it is invalid."""
    own = source.rpartition("/")[0]
    if "{folder}" in folder and not own:
        raise PluginError(f"The folder {folder!r:.60} needs the folder of a sound.", "The take has no sound.")
    return asset_path(filled("sequence_folder", folder, {"folder": own}))


def filled(field: str, text: str, values: Mapping[str, str]) -> str:
    """A text with its names in braces replaced. Raises `PluginError` that says which of them is wrong."""
    names = [f"{{{name}}}" for name in values]
    valid = f"Valid {'is' if len(names) == 1 else 'are'} {' and '.join(names)}."
    what = f"The {field.replace('_', ' ')} {text[:60]!r}"
    for name in _NAMED.findall(text):
        if name not in values:
            raise PluginError(f"{what} has {{{name[:30]}}}.", valid)
    if any(one in _NAMED.sub("", text) for one in "{}"):
        raise PluginError(f"{what} has a brace without its other one.", valid)
    if not text.strip():
        raise PluginError(f"The {field.replace('_', ' ')} is empty.", valid)
    return _NAMED.sub(lambda match: values[match[1]], text)


def new_rate(target: Where) -> Fraction:
    """Frames a second that a new sequence will have."""
    return Fraction(target.frame_rate) if target.frame_rate != "project" else compat.project_rate()


def find_sequence(path: str) -> unreal.LevelSequence:
    """The LevelSequence at a path; `PluginError` where there is none."""
    return compat.load_as(unreal.LevelSequence, path, "sequence", "Choose a Level Sequence.")


def check_sequence(sequence: unreal.LevelSequence) -> None:
    """Raise `PluginError` for a sequence that takes no keys."""
    name = sequence.get_name()
    if sequence.is_read_only():
        raise PluginError(f"The sequence {name} is read-only.", "Switch Read Only off in its Sequencer tool bar.")
    if compat.is_focused(sequence) and unreal.LevelSequenceEditorBlueprintLibrary.is_level_sequence_locked():
        raise PluginError(f"The sequence {name} is locked.", "Unlock it: the padlock in the tool bar of Sequencer.")


def make_sequence(change: Edit, target: Where, path: str, source: str) -> unreal.LevelSequence:
    """A new sequence at a path, marked as made of `source`, that keeps time by its sound where Unreal can do that."""
    sequence = change.make_asset(path, unreal.LevelSequence, unreal.LevelSequenceFactoryNew(), source)
    if target.frame_rate != "project":  # else it has that of the project already
        sequence.set_display_rate(compat.frame_rate(float(target.frame_rate)))
    compat.clock_by_audio(sequence)
    return sequence


def open_in_sequencer(sequence: unreal.LevelSequence) -> None:
    """Open the sequence in Sequencer by itself, if it is not. Raises `PluginError` where that cannot be."""
    check_by_itself(sequence)
    if not compat.show(sequence):
        raise PluginError(
            f"{sequence.get_name()} cannot be opened in Sequencer.",
            "Set Writer to Channel keys, which needs none.",
        )


def check_by_itself(sequence: unreal.LevelSequence) -> None:
    """Raise `PluginError` for a sequence that is edited as a part of another one: only channels get keys there."""
    if compat.is_focused(sequence) and not compat.is_open(sequence):
        name, root = sequence.get_name(), compat.current_sequence()
        within = f" of {root.get_name()}" if root else ""
        raise PluginError(
            f"The sequence {name} is open as a part{within}.",
            f"Set Writer to Channel keys, or open {name} by itself.",
        )
