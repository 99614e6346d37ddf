"""The ledger of `medtalk bake`, `results.jsonl`: which lines of a production have rigs, and which have failed.

The last record of a line counts: that of the bake with the highest number, as for `medtalk bake` itself. A line of the
ledger that is cut or damaged is lost, and no more: the next bake makes it again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from medtalk_unreal import rigfile
from medtalk_unreal.errors import PluginError

NAME = "results.jsonl"
_LEDGER = re.compile(r"results(\.\d+-(\d+|end))?\.jsonl")  # chunks of a farm have one each
_LANGUAGE = re.compile(r"[a-z]{2,3}([-_]\w+)*", re.IGNORECASE)
_AT_ONCE = 500  # records that are read in a tick


@dataclass(frozen=True)
class Line:
    """A line of a production. out: its first file without the ending, below the folder, with "/"; `rig` its file that
    is read here, with what the ledger knows of that; `sound` the file it was made from, on the machine that made it.
    failed: why there is no rig, "" where there is one.
    """

    out: str
    id: str
    character: str
    language: str
    sound: str
    rig: Path
    known: dict[str, Any]
    failed: str = ""

    @property
    def folder(self) -> str:
        """The folder of its file below that of the bake; "" for none."""
        return self.out.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The name of its file, without the ending."""
        return self.out.rpartition("/")[2]


def ledgers(place: Path) -> list[Path]:
    """The ledgers of a bake: the file itself, or those in a folder, by name. Raises `PluginError` for none."""
    if place.is_file():
        return [place]
    try:
        found = [path for path in place.iterdir() if _LEDGER.fullmatch(path.name)] if place.is_dir() else []
    except OSError as error:
        raise PluginError(f"The folder {place} cannot be read: {error.strerror}.") from error
    if not found:
        what = f"The folder {place} has no {NAME}" if place.is_dir() else f"{place} is not there"
        raise PluginError(f"{what}.", "Choose the folder that medtalk bake has written.")
    return sorted(found)


def read(place: Path) -> Generator[None, None, tuple[list[Line], list[str]]]:
    """Steps that read the lines of a bake, in the order of its rows; and a note on each ledger with damaged lines.

    Raises `PluginError` where there is no ledger, or one that cannot be read.
    """
    every: list[dict[str, Any]] = []
    notes = []
    files = ledgers(place)
    for path in files:
        lost = 0
        try:
            with open(path, encoding="utf-8", errors="replace") as stream:
                for number, text in enumerate(stream):
                    if number % _AT_ONCE == 0:
                        yield
                    if not text.strip():
                        continue
                    record = _record(text)
                    if record is None:
                        lost += 1
                    else:
                        every.append(record)
        except OSError as error:
            raise PluginError(f"The ledger {path} cannot be read: {error.strerror}.") from error
        if lost:
            lines = f"{lost} line{'s' if lost > 1 else ''}"
            notes.append(f"{path}: {lines} cannot be read. Run medtalk bake again: it makes what is lost.")
    every.sort(key=lambda record: _whole(record, "bake"))  # within a bake the order is that of the ledger
    records = {record["out"][0]: record for record in every}
    folder = files[0].parent
    return [_line(folder, record) for record in sorted(records.values(), key=_place)], notes


def _record(text: str) -> dict[str, Any] | None:
    """A record of the ledger; None for what is none."""
    try:
        record = json.loads(text)
        out = record["out"]
        good = record["state"] in ("done", "failed") and isinstance(out, list) and bool(out)
        return record if good and all(isinstance(name, str) and _is_below(name) for name in out) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _is_below(name: str) -> bool:
    """Whether a file of the ledger lies below its folder: a ledger comes from anywhere."""
    path = PurePosixPath(name.replace("\\", "/"))
    return bool(path.name) and ".." not in path.parts and not path.is_absolute() and not PureWindowsPath(name).drive


def _place(record: dict[str, Any]) -> tuple[int, str]:
    return _whole(record, "row"), record["out"][0]


def _whole(record: dict[str, Any], name: str) -> int:
    value = record.get(name)
    return value if isinstance(value, int) else 0


def _line(folder: Path, record: dict[str, Any]) -> Line:
    first = record["out"][0]
    out = first[: len(first) - len(rigfile.ending(first))]
    failed = ""
    readable = [name for name in record["out"] if rigfile.can_read(name)]
    readable.sort(key=lambda name: rigfile.READABLE.index(rigfile.ending(name)))
    if record["state"] == "failed":
        error = record.get("error")
        said = error.get("message") if isinstance(error, dict) else error
        failed = f"medtalk bake has failed: {said or 'it does not say why'}"
    elif not readable:
        failed = f"Its files {', '.join(record['out'])} are not read here. Bake it with --format npz."
    rig = readable[0] if readable else first
    files = record.get("files")
    files = [one for one in files if isinstance(one, dict)] if isinstance(files, list) else []
    known = next((one for one in files if one.get("file") == rig), {})
    top = out.split("/")[0] if "/" in out else ""
    guessed = top if _LANGUAGE.fullmatch(top) else ""  # records of old have none
    language = _text(record, "language") if "language" in record else guessed
    sound, name = _text(record, "sound"), out.rpartition("/")[2]
    return Line(
        out, _text(record, "id") or name, _text(record, "character"), language, sound, folder / rig, known, failed
    )


def _text(record: dict[str, Any], name: str) -> str:
    return str(record.get(name) or "")
