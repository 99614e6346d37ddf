"""What is to be done: each line with its settings and files, checked before any work; and what is done already."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from medtalk.batch.ledger import BEGUN, DONE, Record, known_files
from medtalk.batch.manifest import Line
from medtalk.batch.recipe import differences, recipe
from medtalk.edits import ENDING
from medtalk.errors import MedtalkError, OutputError, SettingError
from medtalk.files import sha256_file
from medtalk.persona import check_persona, read_persona, without
from medtalk.rig import RIG_ENDINGS, rig_ending
from medtalk.take import checked
from medtalk_wire.settings import Finishing, Settings, knobs

_STEPS = {knob.name for knob in knobs(Finishing)}


@dataclass(frozen=True)
class Job:
    """A line that can be done: all that a process needs for it.

    out: its files, relative to the output folder, with "/"; the first one is its name in the ledger. recipe: its
    settings as plain JSON. edits: its file of hand edits, "" for none. old: what its files were when a bake made them
    last, by name: a file that is another one now is left; None replaces whatever lies there. All other paths are
    absolute: the process that does it may have another working folder.
    """

    number: int
    where: str
    id: str
    character: str
    language: str
    sound: str
    out: tuple[str, ...]
    settings: Settings
    recipe: Mapping[str, Any]
    edits: str = ""
    old: Mapping[str, Mapping[str, Any]] | None = None


@dataclass(frozen=True)
class Refused:
    """A line that cannot be done, and why."""

    line: Line
    error: MedtalkError


def plan(
    lines: Sequence[Line],
    usual: Settings,
    formats: Sequence[str] = (".npz",),
    cast: Mapping[str, Any] | None = None,
    edits: Path | None = None,
    made_by: Mapping[str, Any] | None = None,
    rows: tuple[int, int | None] | None = None,
) -> tuple[list[Job], list[Refused]]:
    """The jobs of lines, and those that cannot be done. Nothing is read but pictures.

    Args:
        lines: of a manifest.
        usual: settings of all lines; a row's own win.
        formats: endings of the files of each line, unless its `out` has one.
        cast: persona by character, for lines without one of their own.
        edits: folder of hand edits, with the names of the rigs.
        made_by: what else each line's recipe names, such as the channel of the sounds.
        rows: first and last row of a chunk, None for an open end. Of other lines only the names of their files are
            looked at. None is all lines.
    """
    jobs: list[Job] = []
    refused: list[Refused] = []
    taken: dict[str, Line] = {}
    several = len({line.language for line in lines if line.language}) > 1
    people = {name.casefold(): persona for name, persona in (cast or {}).items()}
    first_row, last_row = (rows[0], rows[1] or len(lines)) if rows else (1, len(lines))
    for line in lines:
        inside = first_row <= line.number <= last_row
        try:
            if line.problem is not None:
                raise line.problem
            out = _outputs(line, formats, several)
            for name in out:
                # Windows and Mac take names that differ in case, or in how an accent is written, for one.
                first = taken.setdefault(unicodedata.normalize("NFC", name).casefold(), line)
                if first is not line:
                    raise OutputError(
                        f"{line.where} would write {name}, as {first.where} does.", "Give it its own out."
                    )
            if not inside:
                continue
            settings = _settings(line, usual, people)
            own = _edits_of(out[0], edits)
            recipes = recipe(settings) | dict(made_by or {})
            if own is not None:
                recipes["edits"] = sha256_file(own)[:16]
            jobs.append(
                Job(
                    line.number, line.where, line.id or Path(line.sound).stem, line.character, line.language,
                    os.path.abspath(line.sound), out, settings, recipes, str(own or ""),
                )
            )  # fmt: skip
        except MedtalkError as error:
            if inside:
                refused.append(Refused(line, error))
        except (OSError, ValueError, OverflowError) as error:  # a picture that cannot be read, a number beyond all
            if inside:
                refused.append(Refused(line, SettingError(f"{line.where} cannot be done: {error}.")))
    return jobs, refused


def sparing(jobs: Sequence[Job], folder: Path, inputs: Iterable[str | Path]) -> tuple[list[Job], list[Refused]]:
    """The jobs, without those that would write over what is read; and these.

    folder: of the rigs. inputs: files that are read, beside the sounds and hand edits of the jobs.
    """
    real = cache(os.path.realpath)

    def place(path: str) -> str:
        head, name = os.path.split(os.path.abspath(path))
        return os.path.normcase(os.path.join(real(head), name))

    every = chain(map(str, inputs), (each for job in jobs for each in (job.sound, job.edits)))
    read = {place(path) for path in every if path.lower().endswith(RIG_ENDINGS)}
    spared: list[Job] = []
    refused: list[Refused] = []
    for job in jobs if read else ():
        if lost := next((name for name in job.out if place(f"{folder}/{name}") in read), None):
            error = OutputError(f"{job.where} would write {folder / lost}, which is read.", "Give it another out.")
            refused.append(Refused(Line(job.number, job.where, job.id, job.sound), error))
        else:
            spared.append(job)
    return (spared, refused) if read else (list(jobs), [])


def read_cast(content: object, where: str, folder: Path = Path()) -> dict[str, Any]:
    """The personas of a cast, {character: persona}; a persona is a name, a file below `folder`, or an object.

    Raises:
        SettingError: not such an object, or a persona that does not exist.
    """
    if not isinstance(content, Mapping):
        raise SettingError(f'{where} is not a cast; valid is {{"Anna": "host", "Guard": "officer.json"}}.')
    return {str(name): _persona(persona, folder) for name, persona in content.items()}


def _persona(persona: object, folder: Path) -> dict[str, Any]:
    if not isinstance(persona, str):
        return check_persona(persona)
    return read_persona(folder / persona if persona.lower().endswith(".json") else persona)


def _settings(line: Line, usual: Settings, people: Mapping[str, Any]) -> Settings:
    given = dict(line.settings)
    if "persona" not in given and (persona := people.get(line.character.casefold())) is not None:
        given["persona"] = persona
    if given.get("persona") is not None:
        given["persona"] = without(given["persona"], {name for name in given if name != "persona"})
    if "emotion" in given and not given.keys() & {"text", "image"}:  # a row's own mood, not one beside the usual one's
        given |= {"text": "", "image": b""}
    elif given.keys() & {"text", "image"} and "emotion" not in given:
        given["emotion"] = None
    steps = {name: given.pop(name) for name in tuple(given) if name in _STEPS}
    try:
        return _with_places(checked(replace(usual, **given, finishing=replace(usual.finishing, **steps))))
    except MedtalkError as error:
        error.message = f"{line.where}: {error.message}"
        raise


def _with_places(settings: Settings) -> Settings:
    """The settings with absolute paths of their pictures."""
    if isinstance(settings.image, Path):
        settings = replace(settings, image=settings.image.absolute())
    if any(isinstance(span.image, Path) for span in settings.timeline or ()):
        spans = settings.timeline or ()
        placed = (
            replace(each, image=each.image.absolute()) if isinstance(each.image, Path) else each for each in spans
        )
        settings = replace(settings, timeline=tuple(placed))
    return settings


def _edits_of(out: str, folder: Path | None) -> Path | None:
    """The file of hand edits of a line, if there is one."""
    if folder is None:
        return None
    path = folder.absolute() / f"{out[: -len(rig_ending(out))]}{ENDING}"
    return path if os.path.isfile(path) else None  # unlike `Path.is_file` also where the name is too long


def _outputs(line: Line, formats: Sequence[str], several: bool) -> tuple[str, ...]:
    """The files of a line; `several`: there are several languages, whose lines may have the same ids."""
    if not line.out:  # an id may hold what no file name can
        name = _file_name(line.id or Path(line.sound).stem) or "line"
        folder = _file_name(line.language) if several else ""
        return tuple(f"{folder}/{name}{ending}" if folder else f"{name}{ending}" for ending in formats)
    path = PurePosixPath(line.out.replace("\\", "/"))
    if path.is_absolute() or PureWindowsPath(path).drive or ".." in path.parts or not path.name:
        raise OutputError(f"{line.where}: {line.out[:60]} does not lie in the output folder.", "Give a path below it.")
    if path.name.lower().endswith(RIG_ENDINGS):
        rig_ending(path.name)
        return (str(path),)
    return tuple(f"{path}{ending}" for ending in formats)


def _file_name(text: str) -> str:
    """A text without what some system allows in no name of a file."""
    return "".join("_" if sign in '<>:"|?*/\\' or ord(sign) < 32 else sign for sign in text).strip(". ")


@dataclass(frozen=True)
class State:
    """Whether a job must be done. why: the reason, "" where it is done. edited: its files with changes by hand that
    would be lost."""

    why: str = ""
    edited: tuple[str, ...] = ()


def state_of(job: Job, records: Mapping[str, Record], folder: Path, bundle: str) -> State:
    """Whether a job is done as the records say: by this sound, these settings and this bundle, and its files are there.

    A file whose size and time are those of its record is not read again; `bundle` is the hash of the bundle.
    """
    there = [name for name in job.out if os.path.isfile(folder / name)]
    record = next((records[name] for name in job.out if name in records), None)
    if record is None:
        return State("; ".join([_not_made(job, records), *(f"{name} lies there, made by no bake" for name in there)]))
    known = known_files(job.out, records)
    settings = record.get("settings", {})
    if "edits" in settings and "edits" not in job.recipe:  # they were taken along, and would be lost now
        edited = tuple(there)
    else:  # whether a line that was begun left its new files, or somebody changed them, only the new bytes can tell
        suspects = (name for name in there if name in known and records[name].get("error", {}).get("code") != BEGUN)
        edited = tuple(name for name in suspects if not is_same(folder / name, known[name]))
    if record["state"] != DONE:
        return State(f"failed before: {record.get('error', {}).get('message', '')}", edited)
    reasons = differences(settings, job.recipe)
    if record.get("bundle") != bundle:
        reasons.append("another bundle")
    if not is_same(Path(job.sound), record.get("input", {})):
        reasons.append("the sound has changed")
    for name in job.out:
        if name not in known or records[name] is not record:
            reasons.append(f"{name} was not made with it")
        elif name not in there:
            reasons.append(f"{name} is gone")
    return State("; ".join(reasons), edited)


def _not_made(job: Job, records: Mapping[str, Record]) -> str:
    stem = job.out[0][: -len(rig_ending(job.out[0]))]
    other = next((ending for ending in RIG_ENDINGS if stem + ending in records), None)
    return f"not made yet, only {stem}{other}" if other else "not made yet"


def fingerprint(path: Path) -> dict[str, Any]:
    """What a ledger keeps of a file: bytes, time of change (ns), SHA-256. Raises OSError."""
    status = path.stat()
    return {"bytes": status.st_size, "changed": status.st_mtime_ns, "sha256": sha256_file(path)}


def is_same(path: Path, known: Mapping[str, Any]) -> bool:
    """Whether a file is as a fingerprint has it: its size and time tell, or else its bytes. One that cannot be read is
    another one."""
    try:
        status = path.stat()
        if status.st_size != known.get("bytes"):
            return False
        return status.st_mtime_ns == known.get("changed") or sha256_file(path) == known.get("sha256")
    except OSError:
        return False
