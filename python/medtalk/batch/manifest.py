"""The lines of a production: the rows of a loc table (CSV, TSV, JSONL), or the sounds of a folder.

Headers are matched as people write them: case, blanks and dashes do not count, and usual names stand for ours. Beside
the columns of a line (id, audio, text, language, character, out) each setting of a take may have a column of its name.
`text` is what is said, as in any loc table; the setting `text`, a mood in words, is the column `description`.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from medtalk.audio import SOUND_ENDINGS
from medtalk.batch.sources import find_sources
from medtalk.errors import MedtalkError, SettingError, about
from medtalk.inputs import path_text, read_input
from medtalk.marks import read_curve, read_timeline
from medtalk.persona import check_persona, read_persona
from medtalk.timeline import spans_of
from medtalk_wire.settings import Finishing, Knob, Settings, knobs

MAX_BYTES = 1 << 30
"""Of a manifest."""
ENDINGS = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson")
_JSON_LINES = (".jsonl", ".ndjson")

NAMES: dict[str, tuple[str, ...]] = {
    "id": ("lineid", "dialogueid", "stringid", "textid", "locid", "key", "stringkey", "lockey", "cue", "name"),
    "audio": (
        "sound", "file", "audiofile", "soundfile", "filename", "audiofilename", "wav", "wavfile", "wavefile", "vo",
        "vofile", "vofilename", "voicefile", "voicefilename", "soundwave", "dialoguewave", "path", "audiopath",
        "filepath", "soundcue",
    ),
    "transcript": (
        "text", "line", "dialogue", "dialog", "subtitle", "script", "words", "spokentext", "spokendialogue",
        "dialoguetext", "dialogueline", "linetext", "voiceline", "voline", "sourcestring", "caption",
    ),
    "language": ("lang", "locale", "culture", "languagecode"),
    "character": ("speaker", "actor", "role", "charactername", "speakername", "speakingvoice"),
    "out": ("output", "target", "rig", "outfile"),
    "emotion": ("mood", "feeling"),
    "text": ("description", "direction", "voiceactordirection", "emotiontext", "moodtext"),
    "image": ("picture",),
    "intensity": ("moodintensity", "strength"),
    "curve": ("intensitycurve",),
}  # fmt: skip
"""Columns and settings by the names that they have in tables, without blanks and dashes; `text` is one for words."""
_OF_THE_LINE = ("id", "audio", "character", "out")
_KNOBS: dict[str, Knob] = {knob.name: knob for knob in (*knobs(Settings), *knobs(Finishing))}
_NOT_COLUMNS = ("image_name", "span", "closures", "smoothing")
_FILES = ("image", "timeline", "curve", "persona")
_YES = ("1", "true", "yes", "y", "on", "x", "ja", "wahr", "oui", "vrai")  # as a spreadsheet writes it here and there
_NO = ("0", "false", "no", "n", "off", "nein", "falsch", "non", "faux")
_HALF = re.compile("[\ud800-\udfff]")
"""A surrogate, which JSON can write and no file or encoding can hold."""
_NO_NAME = re.compile("[\x00-\x1f\ud800-\udfff]")
_DECIMAL_COMMA = re.compile(r"(:\s*\d+),(?=\d)")


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _columns() -> dict[str, str]:
    """Plain header -> our name, the names that a table is most likely to mean first."""
    ours = [name for name in (*_OF_THE_LINE, *_KNOBS) if name not in _NOT_COLUMNS]
    found = {_plain(name): name for name in ours}
    del found["text"]
    found |= {other: name for name, others in NAMES.items() for other in others}
    return found


COLUMNS = _columns()
"""Header, plain, to the name of the column or setting."""
_RANKS = {header: rank for rank, header in enumerate(COLUMNS)}


@dataclass(frozen=True)
class Line:
    """A line of a production.

    Attributes:
        number: of its row, from 1; the header and blank rows do not count.
        where: how messages call it, such as "lines.csv, row 12".
        id: what it is called; "" takes the name of its sound.
        sound: its file, "" in a row without.
        character: who speaks.
        out: its file below the output folder, perhaps without an ending; "" takes the id.
        language: as the row has it.
        settings: those that the row gives, by name.
        problem: what is wrong with the row, and keeps it from being done.
    """

    number: int
    where: str
    id: str
    sound: str
    character: str = ""
    out: str = ""
    language: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    problem: MedtalkError | None = None


@dataclass(frozen=True)
class Manifest:
    """The lines of a table or folder, notes for the user, and the files that were read beside the sounds."""

    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()
    inputs: tuple[Path, ...] = ()


def read_manifest(path: str | Path, sounds: str | Path | None = None) -> Manifest:
    """The lines of a table, or of a folder of sounds.

    Args:
        path: a `.csv`, `.tsv` or `.txt` with a header, whose cells commas, semicolons or tabs part; a `.jsonl` with an
            object a line; or a folder.
        sounds: the folder that the paths of sounds are below; None is that of the table.

    Raises:
        SettingError: not a manifest: another ending, no header, no column of sounds, not text.
        AudioError: a folder without a sound.
    """
    place = Path(path)
    if place.is_dir():
        return folder_lines(place)
    if sounds is not None and not Path(sounds).is_dir():
        raise SettingError(f"The folder of sounds {sounds} does not exist.", "Check --sounds.")
    shown = path_text(path)
    if not shown.lower().endswith(ENDINGS):
        raise SettingError(
            f"{shown} is not a manifest.", f"Valid are a folder of sounds, and tables: {' '.join(ENDINGS)}."
        )
    with about(shown):
        text = _decoded(read_input(path, "manifest", SettingError, MAX_BYTES), shown)
        rows = _json_rows(text) if shown.lower().endswith(_JSON_LINES) else _table_rows(text, place.name)
        reader = _Reader(place.name, place.parent, place.parent if sounds is None else Path(sounds))
        lines = tuple(reader.line(number, row) for number, row in enumerate(rows, start=1))
        if not lines:
            raise SettingError(f"{place.name} has no rows.", "Give a header, and a row for each line.")
        if "audio" not in reader.understood:
            raise SettingError(
                f"{place.name} has no column of sounds. It has {_listed(reader.headers) or 'none'}.",
                f"Name one of them audio (or {', '.join(NAMES['audio'][:3])}).",
            )
    return Manifest(lines, reader.notes(), (place, *reader.inputs))


def folder_lines(folder: Path, pattern: str = "") -> Manifest:
    """The sounds in and below a folder, as lines.

    pattern: columns in the names of the files, such as "{character}_{emotion}_{id}"; a sound whose name does not fit
    is a line with a problem.
    """
    sources, notes = find_sources([folder])
    named = _pattern(pattern) if pattern else None
    reader = _Reader(folder.name, folder, folder)
    lines = []
    for number, source in enumerate(sources, start=1):
        stem = source.below.with_suffix("").as_posix()
        row: dict[str, Any] = {"audio": source.below.as_posix(), "out": stem}
        match = named.fullmatch(source.below.stem) if named else None
        line = reader.line(number, row | (match.groupdict() if match else {}), str(source.below))
        if named and not match:
            problem = SettingError(f"The name of {source.below} does not fit {pattern}.", "Rename it, or leave it out.")
            line = replace(line, problem=problem)
        lines.append(line)
    return Manifest(tuple(lines), tuple(notes))


def _pattern(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w*)\}", pattern)
    names = parts[1::2]
    if wrong := [name for name in names if COLUMNS.get(_plain(name)) is None]:
        raise SettingError(
            f"The pattern {pattern} has {{{wrong[0]}}}; valid are {{id}}, {{character}}, {{emotion}} and other columns."
        )
    if not names or len(set(names)) < len(names):
        raise SettingError(f"The pattern {pattern} names no column, or one twice.", "Write {character}_{emotion}_{id}.")
    text = "".join(f"(?P<{part}>.+?)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
    return re.compile(text)


def _decoded(data: bytes, shown: str) -> str:
    """Text of a table: UTF-8, or UTF-16 with its mark, as Excel's Unicode text has it."""
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingError(
            f"{shown} is not UTF-8 text (byte {error.start}).", "Save it as UTF-8 (Excel: CSV UTF-8)."
        ) from None


def _table_rows(text: str, name: str) -> Iterator[dict[str, Any]]:
    lines = list(io.StringIO(text, newline=""))
    begun = next((number for number, line in enumerate(lines) if line.strip()), 0)
    head = lines[begun] if lines else ""
    if head.lower().startswith("sep="):  # as Excel has it
        mark, begun = head[4:5], begun + 1
    else:
        mark = max("\t;,", key=lambda mark: (head.count(mark), mark == ","))
    csv.field_size_limit(1 << 24)
    reader = csv.reader(islice(lines, begun, None), delimiter=mark, skipinitialspace=mark != "\t")
    headers: list[str] = []
    before = begun
    try:
        for cells in reader:
            first, before = before, begun + reader.line_num
            several = before > first + 1 or before == len(lines)
            if several and not _is_closed("".join(lines[first:before]), mark):
                raise SettingError(
                    f"{name}, line {first + 1}: a quote is opened, and never closed.", 'Close it, or write "" for it.'
                )
            cells = [cell.strip() for cell in cells]
            if not any(cells):
                continue
            if not headers:
                headers = _unlike(cells, name)
                continue
            row: dict[str, Any] = {header: cell for header, cell in zip_longest(headers, cells, fillvalue="") if header}
            if any(cells[len(headers) :]):
                row[""] = f"it has {len(cells)} cells for {len(headers)} columns"
            yield row
    except csv.Error as error:
        raise SettingError(f"{name}, line {begun + reader.line_num} is not CSV: {error}.") from None


def _unlike(headers: list[str], name: str) -> list[str]:
    """The headers; SettingError where one that means something is there twice."""
    known = [header for header in headers if _plain(header) in COLUMNS]
    if twice := next((header for header in known if headers.count(header) > 1), None):
        raise SettingError(f"{name} has two columns called {twice[:40]}.", "Name one of them otherwise.")
    return headers


def _is_closed(text: str, mark: str) -> bool:
    """Whether the quotes of a row are, which else has swallowed rows. Those of one line are left as they are."""
    try:
        list(csv.reader(io.StringIO(text, newline=""), delimiter=mark, skipinitialspace=mark != "\t", strict=True))
    except csv.Error as error:
        return "\n" not in text.rstrip("\r\n") and "unexpected end of data" not in str(error)
    return True


def _json_rows(text: str) -> Iterator[dict[str, Any]]:
    for line in text.split("\n"):  # a text may hold other signs that end a line elsewhere
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            row = {"": f"it is not JSON: {error}"}
        yield row if isinstance(row, dict) else {"": "it is not a JSON object"}


class _Reader:
    """Makes lines of rows, and remembers what it did not understand."""

    def __init__(self, name: str, folder: Path, sounds: Path) -> None:
        self._name, self._folder, self._sounds = name, folder, sounds
        self.headers: dict[str, None] = {}  # as written; a set in its order
        self.understood: dict[str, str] = {}  # our name -> a header that was read for it
        self._read: dict[tuple[str, ...], dict[str, str]] = {}
        self._personas: dict[str, Any] = {}
        self.inputs: set[Path] = set()

    def notes(self) -> tuple[str, ...]:
        """A note on the columns that are not used."""
        used = {header for named in self._read.values() for header in named.values()}
        unused = [header for header in self.headers if header not in used]
        if not unused:
            return ()
        near = get_close_matches(_plain(unused[0]), COLUMNS, 1)
        meant = f" Is {unused[0]} meant to be {near[0]}?" if near and _plain(unused[0]) not in COLUMNS else ""
        return (f"{self._name}: not used: {_listed(unused)}.{meant}",)

    def line(self, number: int, row: Mapping[str, Any], where: str = "") -> Line:
        """The line of a row; what is wrong with it is its `problem`."""
        where = where or f"{self._name}, row {number}"
        headers = self._headers(tuple(row))
        given = {name: row[header] for name, header in headers.items() if row[header] not in ("", None)}
        words, wrong = _words(given)
        if words["id"]:
            where = f"{where} ({words['id'][:40]})"
        settings: dict[str, Any] = {}
        problem = None
        try:
            if row.get(""):
                raise SettingError(f"{where}: {row['']}.", "Put cells with commas in quotes.")
            if wrong:
                raise SettingError(f"{where}: {wrong}", "Is a quote before it not closed?" if "break" in wrong else "")
            for name, value in given.items():
                if name in _KNOBS:
                    settings[name] = self._setting(name, value, f"{where}: {name}")
            self._check_words(settings)
            if not words["audio"]:
                raise SettingError(f"{where} has no sound.", "Give its audio.")
        except MedtalkError as error:
            problem = error
            problem.message = error.message if where in error.message else f"{where}: {error.message}"
        sound = str(self._path(words["audio"], self._sounds)) if words["audio"] else ""
        return Line(
            number, where, words["id"], sound, words["character"], words["out"], words["language"], settings, problem
        )

    def _headers(self, headers: tuple[str, ...]) -> dict[str, str]:
        """Our name -> header, for the headers of a row. Of several that mean the same the first in `COLUMNS` is it."""
        if (found := self._read.get(headers)) is None:
            known = [header for header in headers if _plain(header) in COLUMNS]
            known.sort(key=lambda header: -_RANKS[_plain(header)])
            found = self._read[headers] = {COLUMNS[_plain(header)]: header for header in known}
            self.headers |= dict.fromkeys(header for header in headers if header)
            self.understood |= found
        return found

    @staticmethod
    def _check_words(settings: dict[str, Any]) -> None:
        """The language of a line is for a transcription: beside words it only says what they are."""
        if "language" in settings:
            settings["language"] = re.split(r"[-_]", settings["language"])[0]
            if settings.get("transcript"):
                del settings["language"]

    def _path(self, text: str, folder: Path) -> Path:
        """A path of the table, also one that was written on Windows."""
        path = folder / text
        if "\\" in text and not path.exists():
            path = folder / text.replace("\\", "/")
        if not path.name.lower().endswith(SOUND_ENDINGS):
            self.inputs.add(path)
        return path

    def _setting(self, name: str, value: Any, what: str) -> Any:
        knob = _KNOBS[name]
        if name == "persona":
            return self._persona(value)
        if name == "timeline" and isinstance(value, list):
            return spans_of(value, what)
        if name in _FILES:
            if not isinstance(value, str):
                raise SettingError(f"{what} is {value!r:.40}; valid is a file.")
            path = self._path(value, self._folder)
            return path if name == "image" else read_timeline(path) if name == "timeline" else read_curve(path)
        if not isinstance(value, str):
            return value
        if name in ("emotion", "amounts"):
            value = _DECIMAL_COMMA.sub(r"\1.", value)  # sad:0,7,angry:0,3
        if name == "amounts":
            return _amounts(value, what)
        if knob.kind is bool:
            return _truth(value, what)
        if knob.kind in (int, float):
            return _number(value, knob.kind, what)
        return value

    def _persona(self, value: Any) -> Any:
        """A persona by name, file below the table's folder, or itself."""
        if not isinstance(value, str):
            return check_persona(value)
        if value not in self._personas:
            source = self._path(value, self._folder) if value.lower().endswith(".json") else value
            self._personas[value] = read_persona(source)
        return self._personas[value]


def _words(given: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    """The words of a row by column, "" for those that cannot be, and a sentence on the first that cannot; else ""."""
    words: dict[str, str] = dict.fromkeys((*_OF_THE_LINE, "language"), "")
    wrong = ""
    for name in (*words, *_FILES):
        value = given.get(name, "")
        if isinstance(value, str) and _NO_NAME.search(value.strip()):
            wrong = wrong or f"{name} holds a line break or another sign that cannot be."
        elif name not in words:  # a file, or what stands for it
            continue
        elif isinstance(value, str) or (type(value) in (int, float) and name != "language"):
            words[name] = str(value).strip()
        else:
            wrong = wrong or f"{name} is {value!r:.40}; valid is a text."
    for name, value in given.items():
        if isinstance(value, str) and _HALF.search(value):
            wrong = wrong or f"{name} holds half a sign, which is no text."
    return words, wrong


def _truth(text: str, what: str) -> bool:
    if text.casefold() in _YES:
        return True
    if text.casefold() in _NO:
        return False
    raise SettingError(f"{what} is {text[:40]!r}; valid are yes and no.")


def _number(text: str, kind: type, what: str) -> float:
    plain = text if "." in text else text.replace(",", ".")
    with suppress(ValueError):
        return kind(plain)
    with suppress(ValueError):
        if (number := float(plain)).is_integer():  # a table may write 7 as 7.0
            return int(number)
    raise SettingError(f"{what} is {text[:40]!r}, which is not a number.")


def _amounts(text: str, what: str) -> dict[str, float]:
    entries = [entry.partition(":") for entry in text.split(",")]
    return {part.strip(): _number(number, float, what) for part, _, number in entries}


def _listed(names: Any) -> str:
    shown = [str(name)[:40] for name in list(names)[:8]]
    more = len(list(names)) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
