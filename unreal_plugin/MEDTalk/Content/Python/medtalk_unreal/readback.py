"""Takes read back from a sequence: a rig as .npz, as the library `medtalk` reads it, with its sound.

What the user has changed since is in it: it is the curves of the board that are read, not the rig that was written.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import unreal

from medtalk_board.channels import CHANNEL_NAMES
from medtalk_unreal import audiotrack, compat, facerig, settings, sound
from medtalk_unreal.blended import Blended
from medtalk_unreal.edits import described
from medtalk_unreal.errors import PluginError
from medtalk_unreal.facerig import FaceRig
from medtalk_unreal.places import find_sequence
from medtalk_unreal.rigfile import Rig, npz
from medtalk_wire.files import write_whole


@dataclass(frozen=True)
class FoundTake:
    """A take in a sequence. sound: path of its SoundWave. Display frames; `end_frame` is the one after the last."""

    name: str
    sound: str
    first_frame: int
    end_frame: int


def default_folder(sequence: str, face: str = "") -> Path:
    """The default folder for the takes of a sequence. face: which of several MetaHumans it is."""
    folder = settings.folder() / "recorded" / compat.package(sequence).rpartition("/")[2]
    return folder / _stem(face) if face else folder


def find_takes(sequence: str, actor: str | None = None) -> list[FoundTake]:
    """The takes of a MetaHuman in a sequence, in order; they are known by the names of their audio tracks."""
    level_sequence = find_sequence(sequence)
    takes = []
    for name, section in audiotrack.find(level_sequence, facerig.resolve(level_sequence, actor).name):
        if section.has_start_frame() and section.has_end_frame():
            path = compat.package(section.get_sound().get_path_name())
            takes.append(FoundTake(name, path, section.get_start_frame(), section.get_end_frame()))
    return sorted(takes, key=lambda take: (take.first_frame, take.name))


def read_rig(
    sequence: str, actor: str | None, first_frame: int, end_frame: int, fps: float = 0.0, name: str = ""
) -> Rig:
    """The movement of a face board from a display frame up to another one.

    fps: of the rig, the display rate by default. Channels that the board has not, or that were never keyed, rest.
    Raises `PluginError` where there is no board, or no frame.
    """
    if end_frame <= first_frame:
        raise PluginError(f"From frame {first_frame} to {end_frame} there is nothing to read.")
    level_sequence = find_sequence(sequence)
    face = facerig.resolve(level_sequence, actor)
    if face.track is None:
        raise PluginError(
            f"{level_sequence.get_name()} has no control board for {face.name}.", "Generate a take first."
        )
    rate = compat.frame_rate(fps) if fps else level_sequence.get_display_rate()
    board = Blended(level_sequence, face.track, first_frame, end_frame, rate)
    channels = board.names() or set(facerig.section_channels(face.section))
    values = array("f", bytes(4 * board.frames * len(CHANNEL_NAMES)))
    keyed = 0
    hidden = [target for target in face.board.targets if target is not None and target not in channels]
    if hidden:
        what = f"The filter of the section of {face.name} hides {len(hidden)} channels"
        unreal.log_warning(f"MEDTalk: {what}; they rest in what is read.")
    for index, target in enumerate(face.board.targets):
        if target in channels:
            keyed += board.keyed(target)
            values[index :: len(CHANNEL_NAMES)] = array("f", board.column(target))
    if not keyed:
        raise PluginError(
            f"The control board of {face.name} in {level_sequence.get_name()} has no keys.", "Generate a take first."
        )
    if not all(map(math.isfinite, values)):
        raise PluginError(f"The curves of {face.name} have values that are not numbers.")
    return Rig(values, float(compat.rate(rate)), _meta(level_sequence, face, first_frame, end_frame, name))


def export(sequence: str, actor: str | None, folder: str | Path, name: str = "", fps: float = 0.0) -> list[Path]:
    """Write the takes of a MetaHuman, or the one called `name`, into a folder: an .npz and, with it, a .wav each.

    Returns the files. Raises `PluginError`, after which the files that are written are whole.
    """
    takes = [take for take in find_takes(sequence, actor) if name in ("", take.name)]
    if not takes:
        what = f"take called {name!r}" if name else "take with a sound"
        raise PluginError(f"{compat.package(sequence)} has no {what}.", "Generate one first.")
    return export_takes(sequence, actor, folder, takes, fps)


def export_takes(
    sequence: str, actor: str | None, folder: str | Path, takes: Iterable[FoundTake], fps: float = 0.0
) -> list[Path]:
    """Write takes that were found of a MetaHuman, as `export` does."""
    files: list[Path] = []
    place, used = Path(folder), set()
    for take in takes:
        rig = read_rig(sequence, actor, take.first_frame, take.end_frame, fps, take.name)
        data, _ = sound.read(take.sound)
        stem = _stem(take.name) or "take"
        while stem.lower() in used:  # the same sound was laid more than once
            stem += "_"
        used.add(stem.lower())
        for path, content in ((place / f"{stem}.npz", npz(rig)), (place / f"{stem}.wav", data)):
            try:
                write_whole(path, content)
            except OSError as error:
                raise PluginError(f"{path} cannot be written: {error.strerror}.", "Choose another folder.") from error
            files.append(path)
    return files


def _stem(name: str) -> str:
    """A name that every file system takes."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)


def _meta(sequence: unreal.LevelSequence, face: FaceRig, first_frame: int, end_frame: int, name: str) -> dict[str, Any]:
    return {
        "source": "unreal", "engine": str(unreal.SystemLibrary.get_engine_version()), "take": name,
        "sequence": compat.package(sequence.get_path_name()), "face": face.name, "rig": face.rig_path,
        "board": face.board.generation, "missing": list(face.board.missing),
        "first_frame": first_frame, "end_frame": end_frame, "generated": described(sequence, name),
    }  # fmt: skip
