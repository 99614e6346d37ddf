"""Rig files, by their ending.

.npz               everything, lossless: values, frame rate, channel names, words, phones, meta (never pickle)
.csv               header `time` and the 174 names; seconds and values
.txt               the layout of the paper's data: 174 columns, no header. It holds no frame rate: theirs is 60
.json              for small clips and web pages: fps, channels, words, phones, meta, values
.arkit.csv         the layout of the Live Link Face app: timecode, 52 blendshapes, 9 rotations
.expressions.csv   `time` and the `CTRL_expressions_` curves of current MetaHumans; written only

Text holds nine digits, which is enough to get the same float32 back. Whatever is read is checked: names, counts,
numbers, time; a RigError names the file, the line and what is valid. Files are written whole or not at all.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from medtalk.errors import MedtalkError, OutputError, RigError
from medtalk.files import check_folder, write_atomic
from medtalk.rig.arkit import from_arkit, to_arkit
from medtalk.rig.boards import to_expressions
from medtalk.rig.channels import N_CHANNELS, NAMES
from medtalk.rig.livelink import livelink_lines, parse_livelink
from medtalk.rig.sequence import FPS, RigSequence, check_fps
from medtalk.rig.tables import MAX_BYTES, MAX_FRAMES, MAX_JSON_BYTES, frame_rate, lines_of, number_format, rows_of

JSON_FORMAT = "medtalk-rig"
VERSION = 1


def rig_ending(path: str | Path) -> str:
    """The ending of a rig file, in lower case; RigError for any other, with those that are valid."""
    name = Path(path).name.lower()
    for ending in sorted(_FORMATS, key=len, reverse=True):  # ".arkit.csv" before ".csv"
        if name.endswith(ending) and name != ending:
            return ending
    raise RigError(f"{path} has no ending of a rig file.", f"Valid are {' '.join(_FORMATS)}")


def check_output(path: str | Path) -> None:
    """Raise, before any work is done, what `write_rig` would: RigError for the ending, OutputError for the place."""
    rig_ending(path)
    if Path(path).is_dir():
        raise OutputError(f"{path} is a folder, not a file.", "Give a file name.")
    check_folder(path)


def write_rig(path: str | Path, rig: RigSequence) -> Path:
    """Write a rig in the format of the path's ending, whole or not at all, over what was there. Returns the path.

    Only .npz and .json keep words, phones and meta; .txt does not keep the frame rate, .arkit.csv and .expressions.csv
    hold what those boards can say. Raises RigError for an unknown ending, OutputError if the file cannot be written.
    """
    write = _FORMATS[rig_ending(path)][1]
    return write_atomic(path, lambda temporary: write(temporary, rig))


def read_rig(path: str | Path, fps: float | None = None) -> RigSequence:
    """Read a rig file by its ending.

    fps: frame rate of a file that does not tell its own: .txt, a .csv of one frame, an .arkit.csv of less than a
    second (60 by default). The other files know theirs, and it is not looked at.
    Raises RigError for whatever does not fit, in one line with file, line number and what is valid.
    """
    read = _FORMATS[rig_ending(path)][0]
    rate = FPS if fps is None else check_fps(fps)
    file = Path(path)
    if read is None:
        raise RigError(
            f"{path} holds raw expression curves, which are written only: not every control can be told from them.",
            f"Read the rig that it was made from: {' '.join(e for e in RIG_ENDINGS if _FORMATS[e][0])}",
        )
    try:
        size = file.stat().st_size
        if file.is_dir():
            raise RigError(f"{path} is a folder, not a rig file.")
        if not size:
            raise RigError(f"{path} is empty.", "It may not have been written to its end; make it again.")
        limit = MAX_JSON_BYTES if read is _read_json else MAX_BYTES
        if size > limit:
            raise RigError(f"{path} has {size} bytes; a rig file of this kind may have at most {limit}.")
        return read(file, rate)
    except OSError as error:
        raise RigError(f"Cannot read {path}: {error.strerror or error}.") from error
    except MedtalkError as error:
        if str(path) in error.message:
            raise
        raise RigError(f"{path}: {error.message}", error.hint) from error  # from a check that knows no file


# --- .npz


def _write_npz(path: Path, rig: RigSequence) -> None:
    arrays: dict[str, Any] = {
        "version": np.int64(VERSION),
        "values": rig.values,
        "fps": np.float64(rig.fps),
        "channels": np.array(NAMES),
        "meta": np.array(json.dumps(dict(rig.meta), ensure_ascii=False)),
        "words": np.array(json.dumps(rig.words, ensure_ascii=False)),
        "phones": np.array(json.dumps(rig.phones, ensure_ascii=False)),
    }
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def _read_npz(path: Path, _: float) -> RigSequence:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MAX_BYTES:  # a small file may unpack to anything
            raise RigError(f"{path} unpacks to {unpacked} bytes; a rig file may have at most {MAX_BYTES}.")
        with np.load(path, allow_pickle=False) as archive:
            missing = [key for key in ("version", "values", "fps", "channels", "meta") if key not in archive.files]
            if missing:
                raise RigError(f"{path} has no {missing[0]!r} in it, so it is not a rig of ours.")
            version, values, fps = archive["version"], archive["values"], archive["fps"]
            channels, meta = archive["channels"].tolist(), json.loads(str(archive["meta"]))
            words, phones = (
                json.loads(str(archive[key])) if key in archive.files else () for key in ("words", "phones")
            )
        _check_version(path, version.item())
        _check_names(path, channels, NAMES)
        if values.dtype != np.float32:
            raise RigError(f"{path}: its values are {values.dtype}; they must be float32.")
        return RigSequence(values, fps.item(), meta, words, phones)
    except (MedtalkError, OSError):
        raise
    except Exception as error:  # bytes from anywhere: whatever zipfile or numpy stumbles over, the file is not whole
        raise RigError(
            f"{path} is not a whole .npz rig file ({_first_line(error)}).", "It may be cut short; make it again."
        ) from error


# --- .csv, .expressions.csv


def _write_csv(path: Path, rig: RigSequence) -> None:
    _write_curves(path, rig, NAMES, rig.values)


def _write_expressions(path: Path, rig: RigSequence) -> None:
    _write_curves(path, rig, *to_expressions(rig))


def _write_curves(path: Path, rig: RigSequence, names: Sequence[str], values: np.ndarray) -> None:
    row = number_format(len(names))
    lines = (f"{time!r},{row % tuple(frame)}" for time, frame in zip(rig.times.tolist(), values.tolist(), strict=True))
    _write_lines(path, [",".join(("time", *names))], lines)


def _read_csv(path: Path, fps: float) -> RigSequence:
    lines = lines_of(path)
    number, header = next(lines)
    names = [name.strip() for name in header.split(",")]
    if names[:1] != ["time"]:
        raise RigError(
            f"{path}, line {number}: a .csv rig starts with a header, `time` and the {N_CHANNELS} channel names; "
            f"this starts with {names[0][:40]!r}.",
            "Columns without a header are a .txt rig.",
        )
    _check_names(f"{path}, line {number}", names[1:], NAMES)
    table, at = rows_of(path, lines, N_CHANNELS + 1)
    return RigSequence(table[:, 1:], frame_rate(path, table[:, 0], at, default=fps))


# --- .txt


def _write_txt(path: Path, rig: RigSequence) -> None:
    row = number_format(N_CHANNELS)
    _write_lines(path, [], (row % tuple(frame) for frame in rig.values.tolist()))


def _read_txt(path: Path, fps: float) -> RigSequence:
    table, _ = rows_of(path, lines_of(path), N_CHANNELS)
    return RigSequence(table, fps)


# --- .json


def _write_json(path: Path, rig: RigSequence) -> None:
    head = json.dumps(
        {
            "format": JSON_FORMAT,
            "version": VERSION,
            "fps": rig.fps,
            "channels": list(NAMES),
            "words": rig.words,
            "phones": rig.phones,
            "meta": dict(rig.meta),
        },
        ensure_ascii=False,
    )
    row = f"[{number_format(N_CHANNELS)}]"
    last = len(rig) - 1
    lines = (row % tuple(frame) + ("," if t < last else "") for t, frame in enumerate(rig.values.tolist()))
    _write_lines(path, [f'{head[:-1]}, "values": ['], lines, ["]}"])


def _read_json(path: Path, _: float) -> RigSequence:
    def refuse(constant: str) -> float:
        raise RigError(f"{path}: {constant} is no number; all values must be finite.")

    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"), parse_constant=refuse)
    except UnicodeDecodeError as error:
        raise RigError(f"{path} is not text.") from error
    except json.JSONDecodeError as error:
        raise RigError(
            f"{path}, line {error.lineno}: not JSON ({error.msg}).", "It may be cut short; make it again."
        ) from error
    except RecursionError as error:
        raise RigError(f"{path}: nested far deeper than a rig is.") from error
    if not isinstance(document, dict) or document.get("format") != JSON_FORMAT:
        raise RigError(f'{path} is JSON, but no rig: a rig says "format": "{JSON_FORMAT}".')
    _check_version(path, document.get("version"))
    _check_names(path, document.get("channels"), NAMES)
    rows, fps, meta = document.get("values"), document.get("fps"), document.get("meta", {})
    if isinstance(fps, bool) or not isinstance(fps, int | float):
        raise RigError(f'{path}: "fps" must be a number.')
    if not isinstance(meta, dict):
        raise RigError(f'{path}: "meta" must be an object.')
    if not isinstance(rows, list) or not 0 < len(rows) <= MAX_FRAMES:
        raise RigError(f'{path}: "values" must be a list of 1 to {MAX_FRAMES} frames.')
    for t, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != N_CHANNELS:
            count = len(row) if isinstance(row, list) else "no"
            raise RigError(f"{path}: frame {t} has {count} values; each must have {N_CHANNELS}.")
        if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in row):
            raise RigError(f"{path}: frame {t} has something other than numbers in it.")
    try:
        words, phones = document.get("words", []), document.get("phones", [])
        return RigSequence(np.array(rows, np.float64), fps, meta, words, phones)
    except OverflowError as error:
        raise RigError(f"{path}: a number in it is too large.") from error


# --- .arkit.csv


def _write_arkit(path: Path, rig: RigSequence) -> None:
    _write_lines(path, [], livelink_lines(to_arkit(rig)[1], rig.fps))


def _read_arkit(path: Path, fps: float) -> RigSequence:
    return from_arkit(*parse_livelink(path, lines_of(path), fps))


# --- what they share


def _write_lines(path: Path, head: Iterable[str], body: Iterable[str], tail: Iterable[str] = ()) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for part in (head, body, tail):
            file.writelines(f"{line}\n" for line in part)


def _check_names(where: str | Path, found: Any, wanted: Sequence[str]) -> None:
    if not isinstance(found, list) or len(found) != len(wanted):
        count = len(found) if isinstance(found, list) else 0
        raise RigError(
            f"{where}: {count} channel names; a rig has {len(wanted)}.", "`medtalk channels` lists them in order."
        )
    for column, (name, expected) in enumerate(zip(found, wanted, strict=True), start=1):
        if name != expected:
            raise RigError(
                f"{where}: channel {column} is {str(name)[:60]!r} where {expected} is expected.",
                "`medtalk channels` lists them in order.",
            )


def _check_version(where: str | Path, version: Any) -> None:
    if version != VERSION:
        raise RigError(f"{where} is of format version {version}; this program reads {VERSION}.", "Update medtalk.")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


_Reader = Callable[[Path, float], RigSequence]
_Writer = Callable[[Path, RigSequence], None]
_FORMATS: dict[str, tuple[_Reader | None, _Writer]] = {
    ".csv": (_read_csv, _write_csv),
    ".txt": (_read_txt, _write_txt),
    ".npz": (_read_npz, _write_npz),
    ".json": (_read_json, _write_json),
    ".arkit.csv": (_read_arkit, _write_arkit),
    ".expressions.csv": (None, _write_expressions),
}
RIG_ENDINGS: tuple[str, ...] = tuple(_FORMATS)
"""The endings that `write_rig` takes; `read_rig` takes all but the last."""
