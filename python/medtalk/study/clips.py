"""The clips of a study: takes of the same sound by each condition, found in folders by their names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from medtalk.audio import SOUND_ENDINGS
from medtalk.errors import RigError, StudyError
from medtalk.face.beside import own_sound
from medtalk.rig import RigSequence, read_rig, rig_ending

ENDINGS = (".npz", ".csv")
"""The rig files that count as takes of a folder; .json and .txt may be anything."""


@dataclass(frozen=True)
class Clip:
    """One sound as every condition animates it.

    Attributes:
        name: of its files, without an ending.
        sound: its file.
        takes: the rig and its file, by condition, in the order of the conditions.
    """

    name: str
    sound: Path
    takes: Mapping[str, tuple[Path, RigSequence]]


def find_clips(conditions: Mapping[str, Path], sounds: Path | None = None) -> tuple[list[Clip], list[str]]:
    """The clips that every condition has, by name, and lines about those that are left out.

    conditions: the folder of each. sounds: a folder with the sound of each clip under its name; if left out, the sound
    lies beside a take. Raises StudyError for fewer than two conditions, a folder that is not there, two conditions with
    the same folder, no clip in common and a clip without a sound, and RigError for a take that cannot be read.
    """
    if len(conditions) < 2:
        raise StudyError("A study needs at least two conditions.", "Give two or more as NAME=FOLDER.")
    files = {name: _takes(name, folder) for name, folder in conditions.items()}
    _check_folders(conditions)
    everywhere = set.intersection(*(set(found) for found in files.values()))
    notes = list(_missing(files))
    if not everywhere:
        raise StudyError(
            "No clip has a take of every condition.", "Takes belong together by name: a/line1.npz and b/line1.npz."
        )
    clips = []
    for name in sorted(everywhere):
        takes = {condition: (found[name], read_rig(found[name])) for condition, found in files.items()}
        clips.append(Clip(name, _sound(name, takes.values(), sounds), takes))
    return clips, notes


def _takes(condition: str, folder: Path) -> dict[str, Path]:
    """The takes of a folder by the names of their clips; of two files with one name, the .npz."""
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        reason = "does not exist" if isinstance(error, FileNotFoundError) else error.strerror or str(error)
        raise StudyError(f"The folder {folder} of {condition} {reason}.", "Give a folder of takes.") from None
    found: dict[str, Path] = {}
    for ending in reversed(ENDINGS):
        found |= {path.name[: -len(ending)]: path for path in files if _ending(path) == ending}
    if not found:
        raise StudyError(f"The folder {folder} of {condition} has no takes.", f"Takes end with {' or '.join(ENDINGS)}.")
    return found


def _ending(path: Path) -> str:
    try:
        return rig_ending(path)
    except RigError:
        return ""


def _check_folders(conditions: Mapping[str, Path]) -> None:
    known: dict[str, str] = {}
    for name, folder in conditions.items():
        if other := known.get(place := os.path.realpath(folder)):
            raise StudyError(f"{other} and {name} have the same folder {folder}.", "Each needs takes of its own.")
        known[place] = name


def _missing(files: Mapping[str, Mapping[str, Path]]) -> Iterable[str]:
    every = sorted(set().union(*files.values()))
    for condition, found in files.items():
        if absent := [name for name in every if name not in found]:
            more = f" and {len(absent) - 8} more" if len(absent) > 8 else ""
            what = "a clip that others have, which is" if len(absent) == 1 else "clips that others have, which are"
            yield f"{condition} lacks {what} left out: {', '.join(absent[:8])}{more}."


def _sound(name: str, takes: Iterable[tuple[Path, RigSequence]], sounds: Path | None) -> Path:
    """The sound of a clip: of the folder of sounds, else beside a take by its meta or its name."""
    if sounds is not None:
        found = [path for path in (sounds / (name + ending) for ending in SOUND_ENDINGS) if path.is_file()]
        if not found:
            raise StudyError(f"{sounds} has no sound of the clip {name}.", f"Name it {name}.wav.")
        return found[0]
    for path, rig in takes:
        stem = path.name[: -len(rig_ending(path))]
        beside = (path.with_name(stem + ending) for ending in SOUND_ENDINGS)
        sound = own_sound(path, rig) or next((each for each in beside if each.is_file()), None)
        if sound is not None:
            return sound
    raise StudyError(
        f"The clip {name} has no sound beside any of its takes.", "Put it there, or give a folder with --audio."
    )
