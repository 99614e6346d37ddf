"""Rig files without numpy, which Unreal's Python lacks: .npz is written and read, .json and .csv are read.

An .npz is a zip of .npy files. What is read is checked: channels, shapes, numbers, sizes.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import math
import struct
import sys
import zipfile
import zlib
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medtalk_board.channels import CHANNEL_NAMES
from medtalk_board.head import CURVES
from medtalk_unreal.errors import PluginError

_VERSION = 1  # of the .npz, see medtalk.rig.formats
_WIDTH = len(CHANNEL_NAMES)
_MAX_BYTES = 1 << 30  # of an array: more than an hour of a face
_AGAIN = "Bake it again with MEDTalk."
_CUT = f"It may be cut short. {_AGAIN}"


@dataclass(frozen=True)
class Rig:
    """The movement of a board: `values` row by row, 174 a row, at `fps`; `meta` says where it comes from. `head` is how
    the head turns, three angles a row as `medtalk_wire.Result` has them, or None."""

    values: array[float]
    fps: float
    meta: dict[str, Any]
    head: array[float] | None = None

    @property
    def frames(self) -> int:
        return len(self.values) // _WIDTH

    @property
    def rows(self) -> memoryview:
        """The values as (T, 174) float32."""
        return _shaped(self.values, _WIDTH)

    @property
    def turns(self) -> memoryview | None:
        """The head as (T, 3) float32."""
        return _shaped(self.head, len(CURVES)) if self.head is not None else None


def _shaped(values: Any, width: int) -> memoryview:
    flat: Any = memoryview(values)
    return flat.cast("B").cast("f", (len(values) // width, width))


# --- reading


def read(path: Path) -> Rig:
    """The rig in a file that `can_read`. Raises `PluginError`: it is gone, cut, of another channel list, or no rig."""
    parse = _READERS[ending(path.name)]
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PluginError(f"The rig {path} cannot be read: {error.strerror}.", _AGAIN) from error
    try:
        rig = parse(data)
    except PluginError as error:
        raise PluginError(f"The rig {path}: {error.message}", error.hint) from error
    except (
        zipfile.BadZipFile, zlib.error, struct.error, csv.Error, KeyError, IndexError, TypeError, ValueError, EOFError,
        SyntaxError, OverflowError, NotImplementedError, RecursionError,
    ) as error:  # fmt: skip
        raise PluginError(f"The file {path} is no complete rig.", _CUT) from error
    _check(path, rig)
    return rig


def can_read(name: str) -> bool:
    """Whether a file of that name keeps a whole rig in a way that is read here."""
    return ending(name) in _READERS


def ending(name: str) -> str:
    """The ending of a rig file: of "A.arkit.csv" it is ".arkit.csv"."""
    low = name.lower()
    return next((long for long in _OTHERS if low.endswith(long)), Path(low).suffix)


def _check(path: Path, rig: Rig) -> None:
    if not rig.frames or len(rig.values) % _WIDTH:
        raise PluginError(f"The rig {path} has no whole frame.", _CUT)
    if rig.head is not None and len(rig.head) != len(CURVES) * rig.frames:
        raise PluginError(f"The head of the rig {path} does not have its frames.", _CUT)
    if not 0 < rig.fps <= 1000:
        raise PluginError(f"The rig {path} has {rig.fps:g} frames a second.", _AGAIN)
    if not all(map(math.isfinite, rig.values)) or not all(map(math.isfinite, rig.head or ())):
        raise PluginError(f"The rig {path} has values that are not numbers.", _AGAIN)


def _check_channels(names: Sequence[Any]) -> None:
    """Raise `PluginError` for another list of channels: its rows would move other muscles."""
    if tuple(names) != CHANNEL_NAMES:
        at = next((i for i, pair in enumerate(zip(names, CHANNEL_NAMES, strict=False)) if pair[0] != pair[1]), None)
        what = f"its channel {at + 1} is {str(names[at])[:60]!r}" if at is not None else f"it has {len(names)} channels"
        raise PluginError(
            f"It is of another list of channels: {what}.", "Bake it again with the MEDTalk that this plugin came with."
        )


def _from_npz(data: bytes) -> Rig:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}

        def part(name: str) -> tuple[tuple[int, ...], str, bytes]:
            entry = entries[f"{name}.npy"]
            if entry.file_size > _MAX_BYTES:
                raise ValueError(name)
            return _from_npy(archive.read(entry))

        if _number(part("version")) != _VERSION:
            raise PluginError("It is of another version of MEDTalk.", "Update the plugin.")
        _check_channels(_from_texts(part("channels")))
        meta = json.loads(_from_texts(part("meta"))[0])
        head = _floats(part("head"), len(CURVES)) if "head.npy" in entries else None
        return Rig(_floats(part("values"), _WIDTH), _number(part("fps")), dict(meta), head)


def _from_json(data: bytes) -> Rig:
    content = json.loads(data)
    if not isinstance(content, dict) or content.get("format") != "medtalk-rig":
        raise PluginError("It is JSON, but not a rig.", _AGAIN)
    _check_channels(content["channels"])
    head = content.get("head")
    return Rig(
        _table(content["values"], _WIDTH), float(content["fps"]), dict(content.get("meta") or {}),
        None if head is None else _table(head, len(CURVES)),
    )  # fmt: skip


def _from_csv(data: bytes) -> Rig:
    header, *rows = csv.reader(io.StringIO(data.decode("utf-8-sig")))
    names = [name.strip() for name in header[1:]]
    turns = tuple(names[_WIDTH:]) == CURVES
    _check_channels(names[:_WIDTH] if turns else names)
    table = [[float(cell) for cell in row] for row in rows if row]
    times = [row[0] for row in table]
    head = _table([row[1 + _WIDTH :] for row in table], len(CURVES)) if turns else None
    return Rig(_table([row[1 : 1 + _WIDTH] for row in table], _WIDTH), _rate(times), {}, head)


def _rate(times: Sequence[float]) -> float:
    """Frames a second of the times of rows: a common rate, where that explains them."""
    if len(times) < 2:
        raise PluginError("A .csv of one frame has no frame rate.", "Bake it as .npz.")
    measured = (len(times) - 1) / (times[-1] - times[0])
    common = (float(round(measured)), round(measured * 1.001) * 1000 / 1001)
    return next((rate for rate in common if abs(rate / measured - 1) < 1e-4), measured)


_READERS: Mapping[str, Callable[[bytes], Rig]] = {".npz": _from_npz, ".json": _from_json, ".csv": _from_csv}
READABLE = tuple(_READERS)
"""The endings of files that are read, the best first."""
_OTHERS = (".arkit.csv", ".expressions.csv", ".curves.csv", ".a2f.json")  # of boards that do not say all


def _table(rows: Sequence[Sequence[float]], width: int) -> array[float]:
    values = array("f")
    for row in rows:
        if len(row) != width:
            raise ValueError("a row of another length")
        values.extend(row)
    return values


def _from_npy(data: bytes) -> tuple[tuple[int, ...], str, bytes]:
    """Shape, kind and bytes of an array in the format .npy 1.0 or 2.0."""
    if data[:6] != b"\x93NUMPY":
        raise ValueError("no .npy")
    form, start = ("<H", 10) if data[6] == 1 else ("<I", 12)
    (size,) = struct.unpack_from(form, data, 8)
    facts = ast.literal_eval(data[start : start + size].decode("latin1"))
    shape, kind = tuple(facts["shape"]), str(facts["descr"])
    width = int(kind[2:]) * (4 if kind[1] == "U" else 1)
    content = data[start + size :]
    if facts["fortran_order"] or len(content) != width * math.prod(shape):
        raise ValueError("an array of another size")
    return shape, kind, content


def _number(part: tuple[tuple[int, ...], str, bytes]) -> float:
    return float(struct.unpack({"<i8": "<q", "<f8": "<d"}[part[1]], part[2])[0])


def _floats(part: tuple[tuple[int, ...], str, bytes], width: int) -> array[float]:
    shape, kind, content = part
    if kind != "<f4" or len(shape) != 2 or shape[1] != width:
        raise ValueError("an array of another kind")
    values = array("f", content)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def _from_texts(part: tuple[tuple[int, ...], str, bytes]) -> list[str]:
    _, kind, content = part
    if kind[:2] != "<U":
        raise ValueError("an array of another kind")
    width = 4 * int(kind[2:])
    return [content[at : at + width].decode("utf-32-le").rstrip("\0") for at in range(0, len(content), width)]


# --- writing


def npz(rig: Rig) -> bytes:
    """A rig as the bytes of an .npz file; `medtalk.rig.read_rig` reads it."""
    values = array("f", rig.values)
    if struct.pack("=H", 1) != struct.pack("<H", 1):
        values.byteswap()
    meta = json.dumps(rig.meta, ensure_ascii=False)
    parts = {
        "version": _npy((), "<i8", struct.pack("<q", _VERSION)),
        "values": _npy((rig.frames, len(CHANNEL_NAMES)), "<f4", values.tobytes()),
        "fps": _npy((), "<f8", struct.pack("<d", rig.fps)),
        "channels": _npy((len(CHANNEL_NAMES),), *_texts(CHANNEL_NAMES)),
        "meta": _npy((), *_texts((meta,))),
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def _texts(texts: tuple[str, ...]) -> tuple[str, bytes]:
    """The kind and the bytes of an array of texts: UTF-32, filled up with zeros."""
    width = max(map(len, texts))
    return f"<U{width}", b"".join(text.encode("utf-32-le").ljust(4 * width, b"\0") for text in texts)


def _npy(shape: tuple[int, ...], kind: str, data: bytes) -> bytes:
    """An array in the format .npy 1.0."""
    header = f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape!r}, }}".encode("latin1")
    header += b" " * (-(10 + len(header) + 1) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data
