"""The object of a JSON rig, read frame by frame: as Python's own lists, numbers take many times their text."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from medtalk.errors import RigError
from medtalk.rig.channels import N_CHANNELS
from medtalk.rig.sequence import HEAD, MAX_FRAMES
from medtalk.rig.tables import MAX_LINE

MAX_ENTRY_BYTES = 16 << 20
"""Of all that a rig's file says beside its values: the words and phones of hours."""

TABLES: Mapping[str, int | None] = MappingProxyType({"values": N_CHANNELS, "head": len(HEAD)})
"""The members of a rig's JSON that hold frames."""

_BLANKS = re.compile(r"[ \t\n\r]*")


class Document:
    """The text of the JSON at `path`. Raises `RigError` unless it is the JSON of a rig and of no more than that.

    `tables` are the members that hold frames, and how many values a frame has; None lets the first frame say.
    """

    def __init__(self, path: Path, text: str, tables: Mapping[str, int | None] = TABLES) -> None:
        self._path, self._text, self._at, self._tables = path, text, 0, tables
        self._left = MAX_ENTRY_BYTES  # characters left for everything but frames
        self._decode = json.JSONDecoder(parse_constant=self._refuse).raw_decode

    def read(self) -> dict[str, Any]:
        """The members of the object; its tables as arrays (T, columns) float32."""
        document: dict[str, Any] = {}
        try:
            if self._next() != "{":
                raise RigError(f"{self._path} is not the JSON of a rig: it must be an object that holds its values.")
            self._at += 1
            while (mark := self._next()) != "}":
                if document and mark == ",":
                    self._at += 1
                    self._next()
                elif document:
                    raise json.JSONDecodeError("Expecting ',' delimiter", self._text, self._at)
                key = self._value(self._left)
                if not isinstance(key, str) or self._next() != ":":
                    raise json.JSONDecodeError("Expecting a name and ':'", self._text, self._at)
                self._at += 1
                self._next()
                document[key] = self._rows(key) if key in self._tables else self._value(self._left)
            self._at += 1
            if self._next():
                raise json.JSONDecodeError("Extra data", self._text, self._at)
        except json.JSONDecodeError as error:
            raise RigError(
                f"{self._path}, line {error.lineno}: not JSON ({error.msg}).", "It may be cut short; make it again."
            ) from error
        except RecursionError as error:
            raise RigError(f"{self._path}: nested far deeper than a rig is.") from error
        except (ValueError, OverflowError) as error:  # ValueError: an integer of thousands of digits
            raise RigError(f"{self._path}: a number in it is too large.") from error
        return document

    def _refuse(self, constant: str) -> float:
        raise RigError(f"{self._path}: {constant} is not a number; all values must be finite.")

    def _next(self) -> str:
        """The next character that is not blank, left in place; "" at the end."""
        self._at = _BLANKS.match(self._text, self._at).end()  # pyright: ignore[reportOptionalMemberAccess]
        return self._text[self._at : self._at + 1]

    def _value(self, longest: int) -> Any:
        """The value that begins here, of at most so many characters."""
        piece = self._text[self._at : self._at + longest]
        try:
            value, size = self._decode(piece)
        except json.JSONDecodeError as error:
            if self._at + longest < len(self._text):
                raise RigError(
                    f"{self._path}: not JSON, or it holds more than a rig does: {error.msg} near character {self._at}."
                ) from error
            raise json.JSONDecodeError(error.msg, self._text, self._at + error.pos) from error
        self._at += size
        self._left -= size
        return value

    def _rows(self, name: str) -> np.ndarray:
        """The frames from here on, each a list of numbers."""
        wanted = self._tables[name]
        if self._next() != "[":
            raise RigError(f'{self._path}: "{name}" must be a list of 1 to {MAX_FRAMES} frames.')
        values, left, count = array("f"), self._left, 0
        self._at += 1
        while (mark := self._next()) != "]":
            if count and mark == ",":
                self._at += 1
                self._next()
            elif count:
                raise json.JSONDecodeError("Expecting ',' delimiter", self._text, self._at)
            if count == MAX_FRAMES:
                raise RigError(f"{self._path}: more than {MAX_FRAMES} frames, the most that a rig file may have.")
            end = self._text.find("]", self._at, self._at + MAX_LINE)
            row = self._value(MAX_LINE if end < 0 else end + 1 - self._at)
            columns = wanted or (len(row) if isinstance(row, list) else 0) or 1
            if not isinstance(row, list) or len(row) != columns:
                width = len(row) if isinstance(row, list) else "no"
                raise RigError(f"{self._path}: frame {count} has {width} values; each must have {columns}.")
            wanted = columns
            if not {int, float}.issuperset(map(type, row)):
                raise RigError(f"{self._path}: frame {count} has something other than numbers in it.")
            values.fromlist(row)
            count += 1
        if not count:
            raise RigError(f'{self._path}: "{name}" must be a list of 1 to {MAX_FRAMES} frames.')
        self._at += 1
        self._left = left
        return np.frombuffer(values, np.float32).reshape(count, -1)
