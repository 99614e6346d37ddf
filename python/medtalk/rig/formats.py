"""Rig files, by their ending.

.npz               everything, lossless: values, frame rate, channel names, words, phones, meta (never pickle)
.csv               header `time` and the 174 names, and the three of the head if it turns; seconds and values
.txt               the layout of the paper's data: 174 columns, no header. It holds no frame rate: theirs is 60
.json              for small clips and web pages: fps, channels, words, phones, meta, values
.arkit.csv         the layout of the Live Link Face app: timecode, 52 blendshapes, 9 rotations
.a2f.json          the weights that Audio2Face exports, with the 52 names of ARKit
.expressions.csv   `time` and the `CTRL_expressions_` curves of current MetaHumans, and those of the head; written only
.curves.csv        the same curves as Unreal's RigMapper imports them: curve, frame, value; written only
.glb               the head of the package, animated, as glTF 2.0; written only

Text holds nine digits, which is enough to get the same float32 back. Whatever is read is checked: names, counts,
numbers, time; a RigError names the file, the line and what is valid. Files are written whole or not at all.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from medtalk.errors import MedtalkError, RigError, about, require
from medtalk.files import check_file, write_atomic
from medtalk.inputs import open_input, path_text, read_input
from medtalk.rig.arkit import from_arkit, to_arkit
from medtalk.rig.audio2face import ROWS, audio2face_lines, parse_audio2face
from medtalk.rig.boards import head_curves, to_expressions
from medtalk.rig.channels import CHANNEL_NAMES, N_CHANNELS
from medtalk.rig.document import MAX_ENTRY_BYTES, Document
from medtalk.rig.livelink import livelink_lines, parse_livelink
from medtalk.rig.rigmapper import rigmapper_lines
from medtalk.rig.sequence import FPS, HEAD, MAX_FRAMES, RigSequence, check_rate, frozen
from medtalk.rig.tables import MAX_BYTES, frame_rate, lines_of, number_format, rows_of

JSON_FORMAT = "medtalk-rig"
HEARD = "heard."
"""How the names of what a `.npz` keeps beside a rig begin (`medtalk.saved`)."""
VERSION = 1
MAX_JSON_BYTES = 256 << 20
"""Of a .json, which is read as a whole: half an hour at 60 fps."""


def rig_ending(path: str | Path) -> str:
    """The ending of a rig file, in lower case; RigError for any other, with those that are valid."""
    require(path, str | PathLike, "The rig file", "a path", RigError)
    name = Path(path).name.lower()
    for ending in sorted(_FORMATS, key=len, reverse=True):  # ".arkit.csv" before ".csv"
        if name.endswith(ending) and name != ending:
            return ending
    raise RigError(f"{path} does not have the ending of a rig file.", f"Valid are {' '.join(_FORMATS)}")


def check_output(path: str | Path, *, force: bool = False) -> None:
    """Raise, before any work is done, what `write_rig` would: RigError for the ending, OutputError for the place."""
    rig_ending(path)
    check_file(path, force=force)


def write_rig(path: str | Path, rig: RigSequence, *, force: bool = False) -> Path:
    """Write a rig in the format of the path's ending, whole or not at all, over what was there. Returns the path.

    A file that is read-only is replaced with `force` only.

    Only .npz and .json keep words, phones and meta; .txt and .curves.csv do not keep the frame rate; .arkit.csv,
    .a2f.json, .expressions.csv and .curves.csv hold what those boards can say, .glb what the head can show. All but
    .txt and .a2f.json keep how the head turns.
    Raises RigError for an unknown ending or a rig too long for it, OutputError if the file cannot be written.
    """
    require(rig, RigSequence, "The rig", "a RigSequence", RigError)
    write = _FORMATS[rig_ending(path)][1]
    return write_atomic(path, lambda temporary: write(temporary, rig), force=force)


def read_rig(path: str | Path, fps: float | None = None) -> RigSequence:
    """Read a rig file by its ending.

    fps: frame rate of a file that does not store its own: .txt, a .csv of one frame, an .arkit.csv of less than a
    second, an .a2f.json without exportFps (60 by default). The other files know theirs, and it is not looked at.
    Raises RigError for whatever does not fit, in one line with file, line number and what is valid.
    """
    read = _FORMATS[rig_ending(path)][0]
    rate, file = FPS if fps is None else check_rate(fps), Path(path)
    if read is None:
        raise RigError(
            f"{path} cannot be read: {rig_ending(path)} is written only, since it does not determine every channel.",
            f"Read the rig that it was made from: {' '.join(e for e in RIG_ENDINGS if _FORMATS[e][0])}",
        )
    with about(path_text(path)):
        return read(file, rate)


def _rig(path: Path, *parts: Any) -> RigSequence:
    """The rig of what a file holds; the checks of a rig know no file."""
    try:
        return RigSequence(*parts)
    except MedtalkError as error:
        raise RigError(f"{path}: {error.message}", error.hint) from error


# --- .npz


def npz_arrays(rig: RigSequence) -> dict[str, Any]:
    """The entries of a rig's `.npz`."""
    arrays: dict[str, Any] = {
        "version": np.int64(VERSION),
        "values": rig.values,
        "fps": np.float64(rig.fps),
        "channels": np.array(CHANNEL_NAMES),
        "meta": np.array(json.dumps(dict(rig.meta), ensure_ascii=False)),
        "words": np.array(json.dumps(rig.words, ensure_ascii=False)),
        "phones": np.array(json.dumps(rig.phones, ensure_ascii=False)),
    }
    if rig.head is not None:
        arrays["head"] = rig.head
    return arrays


def _write_npz(path: Path, rig: RigSequence) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, **npz_arrays(rig))


def _read_npz(path: Path, _: float) -> RigSequence:
    with open_input(path, "rig file", RigError, MAX_BYTES) as (stream, size, _shown):
        if not size:
            raise _empty(path)
        try:
            return _from_npz(path, stream)
        except (MedtalkError, OSError):
            raise
        except Exception as error:  # bytes from anywhere: whatever zipfile or numpy stumbles over
            raise RigError(
                f"{path} is not a complete .npz rig file ({_first_line(error)}).", "It may be cut short; make it again."
            ) from error


def _from_npz(path: Path, stream: BinaryIO) -> RigSequence:
    with zipfile.ZipFile(stream) as archive:
        _check_sizes(path, archive)
    stream.seek(0)
    with np.load(stream, allow_pickle=False) as archive:
        missing = [key for key in ("version", "values", "fps", "channels", "meta") if key not in archive.files]
        if missing and any(name.startswith(HEARD) for name in archive.files):
            raise RigError(f"{path} holds a performance, but no rig.", "Make one with `medtalk decode`.")
        if missing:
            raise RigError(f"{path} has no {missing[0]!r} in it, so it is not a MEDTalk rig.")
        _check_version(path, archive["version"].item())
        _check_names(path, archive["channels"].tolist(), CHANNEL_NAMES)
        values, fps = archive["values"], archive["fps"].item()
        meta = json.loads(str(archive["meta"]))
        words, phones = (json.loads(str(archive[key])) if key in archive.files else () for key in ("words", "phones"))
        head = archive["head"] if "head" in archive.files else None
    return _rig(path, frozen(values), fps, meta, words, phones, head)


def keeps_heard(path: str | Path) -> bool:
    """Whether a rig file that can be read keeps what was heard beside the rig (`medtalk.load_performance`)."""
    if rig_ending(path) != ".npz":
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.startswith(HEARD) for name in archive.namelist())


def _check_sizes(path: Path, archive: zipfile.ZipFile) -> None:
    """RigError for arrays that are larger than those of a rig, before any is read: a small file may hold anything."""
    for entry in archive.infolist():
        if entry.filename.startswith(HEARD):
            continue  # not read here
        with archive.open(entry) as file:
            version = np.lib.format.read_magic(file)
            header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = header(file)
        if entry.filename != "values.npy":
            size = max(math.prod(shape) * dtype.itemsize, entry.file_size)
            if size > MAX_ENTRY_BYTES:
                raise RigError(f"{path}: {entry.filename[:40]!r} has {size} bytes; at most {MAX_ENTRY_BYTES} are read.")
        elif dtype != np.float32:
            raise RigError(f"{path}: its values are {str(dtype)[:40]}; they must be float32.")
        elif len(shape) != 2 or shape[1] != N_CHANNELS or not 0 < shape[0] <= MAX_FRAMES:
            raise RigError(
                f"{path}: its values are of shape {str(shape)[:40]}; they must be (T, {N_CHANNELS}) with T from 1 to "
                f"{MAX_FRAMES}."
            )


# --- .csv, .expressions.csv, .curves.csv


def _write_csv(path: Path, rig: RigSequence) -> None:
    if rig.head is None:
        _write_curves(path, rig, CHANNEL_NAMES, rig.values)
    else:
        _write_curves(path, rig, (*CHANNEL_NAMES, *HEAD), np.concatenate([rig.values, rig.head], axis=1))


def _write_expressions(path: Path, rig: RigSequence) -> None:
    _write_curves(path, rig, *_metahuman(rig))


def _write_rigmapper(path: Path, rig: RigSequence) -> None:
    _write_lines(path, [], rigmapper_lines(*_metahuman(rig)))


def _metahuman(rig: RigSequence) -> tuple[tuple[str, ...], np.ndarray]:
    """The curves of a MetaHuman's face, and those of its head where that turns: names and values (T, M)."""
    (names, values), (more, turns) = to_expressions(rig), head_curves(rig)
    return (*names, *more), np.concatenate([values, turns], axis=1)


def _write_curves(path: Path, rig: RigSequence, names: Sequence[str], values: np.ndarray) -> None:
    row = number_format(len(names))
    lines = (f"{time!r},{row % frame}" for time, frame in zip(rig.times.tolist(), _frames(values), strict=True))
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
    turns = tuple(names[1 + N_CHANNELS :]) == HEAD
    _check_names(f"{path}, line {number}", names[1:], (*CHANNEL_NAMES, *HEAD) if turns else CHANNEL_NAMES)
    table, at = rows_of(path, lines, len(names))
    head = table[:, 1 + N_CHANNELS :] if turns else None
    rate = frame_rate(path, table[:, 0], at, default=fps)
    return _rig(path, table[:, 1 : 1 + N_CHANNELS], rate, {}, (), (), head)


# --- .txt


def _write_txt(path: Path, rig: RigSequence) -> None:
    row = number_format(N_CHANNELS)
    _write_lines(path, [], (row % frame for frame in _frames(rig.values)))


def _read_txt(path: Path, fps: float) -> RigSequence:
    table, _ = rows_of(path, lines_of(path), N_CHANNELS)
    return _rig(path, table, fps)


# --- .json


def _write_json(path: Path, rig: RigSequence) -> None:
    head = json.dumps(
        {
            "format": JSON_FORMAT,
            "version": VERSION,
            "fps": rig.fps,
            "channels": list(CHANNEL_NAMES),
            "words": rig.words,
            "phones": rig.phones,
            "meta": dict(rig.meta),
        },
        ensure_ascii=False,
    )
    turns = [] if rig.head is None else ['], "head": [', *_rows(rig.head)]
    _write_lines(path, [f'{head[:-1]}, "values": ['], _rows(rig.values), [*turns, "]}"])
    _check_json(path, rig)


def _rows(values: np.ndarray) -> Iterator[str]:
    """The lines of the frames of (T, C), each a list."""
    row, last = f"[{number_format(values.shape[1])}]", len(values) - 1
    return (row % frame + ("," if t < last else "") for t, frame in enumerate(_frames(values)))


def _read_json(path: Path, _: float) -> RigSequence:
    document = Document(path, _json_text(path)).read()
    if document.get("format") != JSON_FORMAT:
        raise RigError(f'{path} is JSON, but not a rig: a rig has "format": "{JSON_FORMAT}".')
    _check_version(path, document.get("version"))
    _check_names(path, document.get("channels"), CHANNEL_NAMES)
    values, fps, meta = document.get("values"), document.get("fps"), document.get("meta", {})
    if isinstance(fps, bool) or not isinstance(fps, int | float):
        raise RigError(f'{path}: "fps" must be a number.')
    if not isinstance(meta, dict):
        raise RigError(f'{path}: "meta" must be an object.')
    if values is None:
        raise RigError(f'{path}: "values" must be a list of 1 to {MAX_FRAMES} frames.')
    words, phones = document.get("words", []), document.get("phones", [])
    return _rig(path, frozen(values), fps, meta, words, phones, document.get("head"))


def _check_json(path: Path, rig: RigSequence) -> None:
    if path.stat().st_size > MAX_JSON_BYTES:
        raise RigError(
            f"{len(rig)} frames are too many for JSON: over {MAX_JSON_BYTES >> 20} MiB, which is not read.",
            "Write .npz, or a part of it.",
        )


def _json_text(path: Path) -> str:
    data = read_input(path, "JSON rig file", RigError, MAX_JSON_BYTES)
    if not data:
        raise _empty(path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RigError(f"{path} is not text.") from error


# --- .arkit.csv, .a2f.json


def _write_arkit(path: Path, rig: RigSequence) -> None:
    _write_lines(path, [], livelink_lines(to_arkit(rig)[1], rig.fps, rig.head))


def _read_arkit(path: Path, fps: float) -> RigSequence:
    weights, rate, head = parse_livelink(path, lines_of(path), fps)
    rig = from_arkit(weights, rate)
    return _rig(path, rig.values, rig.fps, {}, (), (), head)


def _write_audio2face(path: Path, rig: RigSequence) -> None:
    _write_lines(path, [], audio2face_lines(to_arkit(rig)[1], rig.fps))
    _check_json(path, rig)


def _read_audio2face(path: Path, fps: float) -> RigSequence:
    document = Document(path, _json_text(path), {ROWS: None}).read()
    weights, rate = parse_audio2face(path, document, fps)
    return _rig(path, from_arkit(weights).values, rate)


# --- .glb


def _write_glb(path: Path, rig: RigSequence) -> None:
    from medtalk.rig.gltf import write_glb  # brings the head

    write_glb(path, rig)


# --- what they share


def _write_lines(path: Path, head: Iterable[str], body: Iterable[str], tail: Iterable[str] = ()) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for part in (head, body, tail):
            file.writelines(f"{line}\n" for line in part)


def _frames(values: np.ndarray) -> Iterator[tuple[float, ...]]:
    """The rows of `values` one by one: all at once they would take eight times their memory."""
    return (tuple(frame.tolist()) for frame in values)


def _check_names(where: str | Path, names: Any, expected_names: Sequence[str]) -> None:
    if not isinstance(names, list) or len(names) != len(expected_names):
        count = len(names) if isinstance(names, list) else 0
        raise RigError(
            f"{where}: {count} channel names; a rig has {len(expected_names)}.",
            "`medtalk channels` lists them in order.",
        )
    for column, (name, expected) in enumerate(zip(names, expected_names, strict=True), start=1):
        if name != expected:
            raise RigError(
                f"{where}: channel {column} is {str(name)[:60]!r} where {expected} is expected.",
                "`medtalk channels` lists them in order.",
            )


def _check_version(where: str | Path, version: Any) -> None:
    if version != VERSION:
        raise RigError(
            f"{where} is of format version {str(version)[:20]}; this program reads {VERSION}.", "Update medtalk."
        )


def _empty(path: Path) -> RigError:
    return RigError(f"{path} is empty.", "It may be incomplete; make it again.")


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
    ".a2f.json": (_read_audio2face, _write_audio2face),
    ".expressions.csv": (None, _write_expressions),
    ".curves.csv": (None, _write_rigmapper),
    ".glb": (None, _write_glb),
}
RIG_ENDINGS: tuple[str, ...] = tuple(_FORMATS)
"""The endings that `write_rig` takes; `read_rig` takes those that determine every control."""
