"""Files of marks over time: the spans of a timeline (JSON, CSV), an intensity curve (CSV)."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medtalk.errors import SettingError, about
from medtalk.inputs import path_text, read_input
from medtalk.limits import check_range
from medtalk.timeline import Span, seconds_of, span_of, spans_of
from medtalk_wire.settings import SPAN_FIELDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_BYTES = 16 << 20
"""Of such a file: an hour of one value a frame is 4 MB."""
TIMELINE_ENDINGS = (".json", ".csv")
_PARTED = "Where numbers have decimal commas, part the cells by semicolons."
_COLUMNS = tuple(name for name in SPAN_FIELDS if name != "image_name")


def read_timeline(path: str | Path) -> tuple[Span, ...]:
    """The spans in a file.

    `.json` holds a list of mappings as `medtalk.timeline.spans_of` takes them, or {"spans": [...]}. `.csv` has a header
    with any of start, end, emotion, text, image, intensity, fade in any order and case; an empty cell stands for the
    default. An intensity there is a number or points "1.5=0.4 2=1.2". Semicolons may part the cells, and numbers have
    decimal commas. Pictures are found from the file's folder.

    Raises:
        SettingError, GuidanceError: names the file, the row or span, and what is valid.
    """
    shown = path_text(path)
    if not shown.lower().endswith(TIMELINE_ENDINGS):
        raise SettingError(f"The timeline {shown} is not of a known kind.", f"Valid are {' '.join(TIMELINE_ENDINGS)}.")
    text = _text(path, "timeline")
    with about(shown):
        name = Path(shown).name
        rows = _json_spans(text, name) if shown.lower().endswith(".json") else list(_csv_spans(text, name))
        if not rows:
            raise SettingError(
                f"{name} holds no spans.", "Give one or more, each with a start and an emotion, text or image."
            )
        spans = []
        for where, row in rows:
            if isinstance(row, dict) and isinstance(picture := row.get("image"), str) and picture:
                row = {**row, "image": Path(path).parent / picture}
            spans.append(span_of(row, where))
        return spans_of(spans, name)


def read_curve(path: str | Path) -> NDArray[np.float32]:
    """The intensity curve in a CSV: one value a row (T,), one for each 60 fps frame, or rows of time and value (N, 2).

    A header is passed over. Times are seconds or minutes as in 1:02.5, each later than the one before. Raises
    `SettingError`, which names the file and row.
    """
    name = Path(path_text(path)).name
    rows = list(_rows(_text(path, "intensity curve")))
    with about(path_text(path)):
        if rows and not any(cell[:1].isdecimal() or cell[:1] in "+-." for cell in rows[0][1] if cell):
            rows = rows[1:]
        if not rows:
            raise SettingError(f"{name} holds no values.", "Give rows of time,value, or one value for each frame.")
        width = len(rows[0][1])
        values = []
        for line, cells in rows:
            where = f"{name}, row {line}"
            if len(cells) != width or width > 2:
                raise SettingError(
                    f"{where} has {len(cells)} cells; valid are time,value or one value in each row.", _PARTED
                )
            cells = [_dotted(cell) for cell in cells]
            value = _cell_value(cells[-1], where)
            values.append(value if width == 1 else (seconds_of(cells[0], f"{where}: time"), value))
            if width == 2 and len(values) > 1 and values[-1][0] <= values[-2][0]:
                raise SettingError(f"{where} is not later than the row before it.", "Sort the rows by their time.")
    return np.array(values, np.float32)


def _cell_value(cell: str, where: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        raise SettingError(f"{where}: the value {cell[:40]!r} is not a number.") from None
    check_range(value, f"{where}: the value")
    return value


def _json_spans(text: str, name: str) -> list[tuple[str, Any]]:
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise SettingError(f"{name}, line {error.lineno}: not JSON ({error.msg}).") from None
    except (RecursionError, ValueError):  # ValueError: an integer of thousands of digits
        raise SettingError(f"{name} is not the JSON of a timeline.") from None
    if isinstance(content, dict) and set(content) == {"spans"}:
        content = content["spans"]
    if not isinstance(content, list):
        raise SettingError(f'{name} is not a timeline; valid are a list of spans, or {{"spans": [...]}}.')
    return [(f"{name}, span {number}", each) for number, each in enumerate(content, start=1)]


def _csv_spans(text: str, name: str) -> Iterator[tuple[str, Any]]:
    rows = _rows(text)
    line, header = next(rows, (1, []))
    columns = [cell.lower() for cell in header]
    if unknown := [cell for cell in columns if cell not in _COLUMNS]:
        raise SettingError(
            f"{name}, row {line} has the column {unknown[0][:40]!r}; valid are {','.join(_COLUMNS)}.",
            "Begin the file with their names.",
        )
    if len(set(columns)) < len(columns):
        raise SettingError(f"{name}, row {line} names a column twice.")
    for line, cells in rows:
        where = f"{name}, row {line}"
        if len(cells) > len(columns):
            raise SettingError(
                f"{where} has {len(cells)} cells for {len(columns)} columns.",
                f'Put a mixture in quotes: "happy:0.7,sad:0.3". {_PARTED}',
            )
        given: dict[str, Any] = {column: cell for column, cell in zip(columns, cells, strict=False) if cell}
        if given.get("end", "").lower() == "end":
            del given["end"]
        for column in {"start", "end", "fade", "intensity"} & set(given):
            given[column] = _dotted(given[column])
        if "fade" in given:
            given["fade"] = seconds_of(given["fade"], f"{where}: fade")
        if "intensity" in given:
            given["intensity"] = _cell_intensity(given["intensity"], f"{where}: intensity")
        yield where, given


def _cell_intensity(cell: str, what: str) -> float | list[tuple[str, float]]:
    try:
        if "=" not in cell:
            return float(cell)
        return [(time, float(value)) for time, _, value in (point.partition("=") for point in cell.split())]
    except ValueError:
        raise SettingError(f"{what} is {cell[:40]!r}; valid are a number, or points such as 1.5=0.4 2=1.2.") from None


def _dotted(cell: str) -> str:
    """The numbers of a cell with decimal points where it has decimal commas."""
    return cell if "." in cell else re.sub(r"(?<=\d),(?=\d)", ".", cell)


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line and cells of each row of a CSV that is not blank; commas part the cells where semicolons and tabs do not."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    mark = next((mark for mark in ";\t," if mark in first), ",")
    reader = csv.reader(text.splitlines(), delimiter=mark, skipinitialspace=True)
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield reader.line_num, stripped
    except csv.Error as error:
        raise SettingError(f"Row {reader.line_num} is not CSV: {error}.") from None


def _text(path: str | Path, what: str) -> str:
    data = read_input(path, what, SettingError, MAX_BYTES)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SettingError(f"The {what} {path_text(path)} is not UTF-8 text.", "Save it as UTF-8.") from None
