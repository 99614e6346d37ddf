"""Tables of numbers in text files, read strictly: what does not fit is refused with the file and the line."""

from __future__ import annotations

import io
import math
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from medtalk.errors import RigError
from medtalk.inputs import open_input
from medtalk.rig.sequence import MAX_FILE_FPS, MAX_FRAMES

MAX_BYTES = 2 << 30
MAX_LINE = 1 << 16
"""Characters of a line, or of a frame in JSON."""

# Times written with three digits are off by up to half a millisecond; more is not rounding.
_ROUNDING_S = 6e-4
# How far, in frames, times may lie from a regular grid that is not a common rate.
_SLACK_FRAMES = 0.05


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """(line number, line without its end) of a text file; blank lines at the end are left out.

    Raises RigError for what is not UTF-8 text, lines longer than any rig's, and blank lines between others.
    """
    blank = number = 0
    try:
        with open_input(path, "rig file", RigError, MAX_BYTES) as (stream, _, _):
            file = io.TextIOWrapper(stream, "utf-8-sig", newline=None)
            while line := file.readline(MAX_LINE):
                number += 1
                if len(line) == MAX_LINE:
                    raise RigError(
                        f"{path}, line {number}: over {MAX_LINE} characters long, so this is not a rig file."
                    )
                if "\0" in line:
                    raise RigError(f"{path}, line {number}: not text.")
                if not line.strip():
                    blank = blank or number
                    continue
                if blank:
                    raise RigError(f"{path}, line {blank}: blank, and more lines follow.")
                yield number, line.rstrip("\n")
    except UnicodeDecodeError as error:
        raise RigError(f"{path} is not text.") from error
    if blank == 1 or not number:
        raise RigError(f"{path} is empty.", "It may be incomplete; make it again.")


def numbers_of(path: Path, number: int, cells: Sequence[str]) -> list[float]:
    """The cells of line `number` as finite floats, or RigError."""
    try:
        row = list(map(float, cells))
    except ValueError:
        row = []
    if not row or not math.isfinite(sum(row)):
        for column, cell in enumerate(cells, start=1):
            try:
                value = float(cell)
            except ValueError:
                value = None
            if value is None:
                what = f"{cell.strip()[:40]!r} is not a number"
            elif not math.isfinite(value):
                what = f"{value} is not finite"
            else:
                continue
            raise RigError(f"{path}, line {number}, column {column}: {what}.", "Every cell must be a finite number.")
    return row


def rows_of(path: Path, lines: Iterator[tuple[int, str]], columns: int) -> tuple[np.ndarray, list[int]]:
    """All remaining lines as (T, columns) float64, and the line number of each row. RigError unless T >= 1."""
    values, at = array("d"), []
    for number, line in lines:
        cells = line.split(",")
        if len(cells) != columns:
            hint = "The file may be cut short there." if len(cells) < columns else "Only commas separate columns."
            raise RigError(f"{path}, line {number}: {len(cells)} columns; it must have {columns}.", hint)
        if len(at) == MAX_FRAMES:
            raise RigError(f"{path}: more than {MAX_FRAMES} frames, the most that a rig file may have.")
        values.extend(numbers_of(path, number, cells))
        at.append(number)
    if not at:
        raise RigError(f"{path} has no frames, only a header.", "It may be cut short; make it again.")
    return np.frombuffer(values, np.float64).reshape(-1, columns), at


def frame_rate(path: Path, times: np.ndarray, at: Sequence[int], default: float) -> float:
    """The frame rate of regular times (T,) in seconds, in the lines `at`; `default` for a single frame.

    Times that were rounded when written are taken for the common rate that explains them. Raises RigError where time
    does not rise or its steps differ.
    """
    if len(times) == 1:
        return default
    if backwards := np.flatnonzero(np.diff(times) <= 0.0).tolist():
        later = backwards[0] + 1
        raise RigError(
            f"{path}, line {at[later]}: time goes from {times[later - 1]:g} to {times[later]:g} s; it must rise.",
            "Sort the lines and remove duplicates.",
        )
    frames = np.arange(len(times))
    measured = (len(times) - 1) / float(times[-1] - times[0])

    def off(rate: float) -> np.ndarray:
        return np.abs(times - times[0] - frames / rate)

    common = [rate for rate in (float(round(measured)), round(measured) * 1000.0 / 1001.0) if rate > 0.0]
    precise = off(measured).max() <= 1e-9 * max(1.0, abs(float(times[-1])))
    for rate in common:
        near = abs(rate / measured - 1.0) <= 1e-9 if precise else off(rate).max() <= min(_ROUNDING_S, 0.4 / rate)
        if near:
            return rate
    if off(measured).max() > _SLACK_FRAMES / measured:
        steps = np.diff(times)
        worst = int(np.abs(steps - np.median(steps)).argmax())
        raise RigError(
            f"{path}, line {at[worst + 1]}: a step of {steps[worst]:g} s where the others are {np.median(steps):g} s; "
            "frames must be evenly spaced."
        )
    if measured > MAX_FILE_FPS:
        raise RigError(
            f"{path}: {measured:g} frames a second; at most {MAX_FILE_FPS:g} are allowed.", "Is time in seconds?"
        )
    return float(f"{measured:.12g}")


def number_format(columns: int) -> str:
    """A % format for a line of numbers; nine digits give the same float32 back."""
    return ",".join(["%.9g"] * columns)
