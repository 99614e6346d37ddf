"""Tables of curves of a MetaHuman's expressions, as Unreal and its RigMapper read and write them, to compare with.

They do not determine the channels, so they are no rig; but a rig determines them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medtalk.errors import RigError, about
from medtalk.inputs import path_text, read_input
from medtalk.rig import CHANNELS, RigSequence, read_rig, rig_ending, to_expressions
from medtalk.rig.boards import expression_curves, head_curves

LONG, WIDE = ".curves.csv", ".expressions.csv"
_MAX_BYTES = 1 << 30
_MAX_FRAMES = 1_000_000
_RATES = (60.0, 50.0, 48.0, 30.0, 25.0, 24.0)
_LONG_HEADER = ["curve_name", "frame_number", "value"]


@dataclass(frozen=True, eq=False)
class Curves:
    """Curves by name: values (T, M) float32; fps None where the table does not say it; the area of each of them."""

    names: tuple[str, ...]
    values: np.ndarray
    fps: float | None = None
    areas: tuple[str, ...] = ()


def of_rig(rig: RigSequence) -> Curves:
    """A rig's curves of expressions, and those of its head if that turns, in degrees."""
    (names, values), (turns, angles) = to_expressions(rig), head_curves(rig)
    areas = [CHANNELS[curve.channels[0]].area for curve in expression_curves()]
    kept = len(turns) - 1 if turns else 0  # the last one is a switch
    values = np.concatenate([values, angles[:, :kept]], axis=1)
    return Curves((*names, *turns[:kept]), values, rig.fps, (*areas, *["head"] * kept))


def rate_of(frames: int, rig: RigSequence) -> float:
    """The frame rate of a table that does not say it: that at which it lasts as long as the rig, or the rig's own."""
    rates = [rig.fps, *(rate for rate in _RATES if rate <= rig.fps)]
    return min(rates, key=lambda rate: (abs(frames - rig.seconds * rate) > 1.0, rates.index(rate)))


def read_export(path: Path) -> RigSequence | Curves:
    """What Unreal exported: a rig file, or a table of curves (.curves.csv, .expressions.csv).

    Raises:
        RigError: neither, or damaged.
    """
    ending = rig_ending(path)
    if ending not in (LONG, WIDE):
        return read_rig(path)
    shown = path_text(path)
    with about(shown):
        try:
            text = read_input(path, "table of curves", RigError, _MAX_BYTES).decode("utf-8-sig")
            rows = list(csv.reader(io.StringIO(text), skipinitialspace=True))
            rows = [row for row in rows if row]
            return _long(rows) if ending == LONG else _wide(rows)
        except (ValueError, IndexError, csv.Error, OverflowError) as error:
            raise RigError(f"{shown} is not a table of curves ({error}).", "Export it again.") from None


def _long(rows: Sequence[Sequence[str]]) -> Curves:
    """A curve, a frame and a value a line; between keys a straight line, before and behind them held."""
    if [name.strip() for name in rows[0]] != _LONG_HEADER:
        raise ValueError(f"its header is not {', '.join(_LONG_HEADER)}")
    keys: dict[str, dict[int, float]] = {}
    for name, frame, value in rows[1:]:
        keys.setdefault(name.strip(), {})[int(frame)] = float(value)
    if not keys:
        raise ValueError("it has no curve")
    frames = 1 + max(max(curve) for curve in keys.values())
    if min(min(curve) for curve in keys.values()) < 0 or frames > _MAX_FRAMES:
        raise ValueError("a frame is out of range")
    at = np.arange(frames)
    columns = [np.interp(at, sorted(curve), [curve[frame] for frame in sorted(curve)]) for curve in keys.values()]
    return _checked(tuple(keys), np.stack(columns, axis=1), None)


def _wide(rows: Sequence[Sequence[str]]) -> Curves:
    """Seconds, and a column for each curve."""
    names = [name.strip() for name in rows[0]]
    if names[:1] != ["time"] or len(rows) < 2:
        raise ValueError("it has no column `time`, or no frame")
    table = np.array([[float(cell) for cell in row] for row in rows[1:]])
    if table.shape[1] != len(names):
        raise ValueError("a line has more or fewer columns than the header")
    steps = np.diff(table[:, 0])
    if len(steps) and not (steps > 0.0).all():
        raise ValueError("its times are not in order")
    fps = round(len(steps) / float(table[-1, 0] - table[0, 0]), 3) if len(steps) else None
    return _checked(tuple(names[1:]), table[:, 1:], fps)


def _checked(names: tuple[str, ...], values: np.ndarray, fps: float | None) -> Curves:
    if not np.isfinite(values).all():
        raise ValueError("a value is not a number")
    return Curves(names, values.astype(np.float32), fps)
