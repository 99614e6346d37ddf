"""The sequence of a take: the one that is chosen, the one of an earlier run, or a new one."""

from __future__ import annotations

from dataclasses import dataclass

import unreal

from medtalk_unreal import compat, facerig
from medtalk_unreal.edits import Edit, asset_path, place
from medtalk_unreal.errors import PluginError
from medtalk_unreal.facerig import FaceRig

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
        asset_path(target.sequence_folder)
    face = facerig.resolve(sequence, target.actor)
    if not path:
        path = place(asset_path(target.sequence_folder, f"LS_{face.name}_{name}"), source, target.replace)
        sequence = compat.load(path)
        if sequence is not None:
            face = facerig.resolve(sequence, target.actor)
    if sequence is not None:
        check_sequence(sequence)
    return Place(path, sequence, face)


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


def make_sequence(change: Edit, path: str, source: str, fps: float) -> unreal.LevelSequence:
    """A new sequence of display rate `fps` at a path, marked as made of `source`."""
    sequence = change.make_asset(path, unreal.LevelSequence, unreal.LevelSequenceFactoryNew(), source)
    sequence.set_display_rate(compat.frame_rate(fps))
    return sequence


def open_in_sequencer(sequence: unreal.LevelSequence) -> None:
    """Open the sequence in Sequencer by itself, if it is not. Raises `PluginError` where that cannot be."""
    check_by_itself(sequence)
    if not compat.show(sequence):
        raise PluginError(
            f"{sequence.get_name()} cannot be opened in Sequencer.", "Choose the key writer channels, which needs none."
        )


def check_by_itself(sequence: unreal.LevelSequence) -> None:
    """Raise `PluginError` for a sequence that is edited as a part of another one: only channels get keys there."""
    if compat.is_focused(sequence) and not compat.is_open(sequence):
        name, root = sequence.get_name(), compat.current_sequence()
        within = f" of {root.get_name()}" if root else ""
        raise PluginError(
            f"The sequence {name} is open as a part{within}.",
            f"Choose the key writer channels, or open {name} by itself.",
        )
