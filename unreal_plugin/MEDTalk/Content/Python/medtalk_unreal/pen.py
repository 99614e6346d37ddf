"""The pen that writes a take into a section: its curves, held at limits, with the animator's changes, reduced."""

from __future__ import annotations

import math
from collections.abc import Sequence

from medtalk_unreal.edits import Edit
from medtalk_unreal.handedits import HandEdits
from medtalk_unreal.keys import ChannelWriter, Curve, reduce_keys
from medtalk_unreal.span import Span


class Pen:
    """Writes curves in place of the keys from the start of a span to tick `end`.

    frame_step: only every so many rows get keys. tolerance: how far reduced keys may be off; 0 keeps all. Afterwards
    `clamped` says in how many keys each channel was held at its limits.
    """

    def __init__(
        self, change: Edit, writer: ChannelWriter, edits: HandEdits, span: Span, end: int, frame_step: int,
        tolerance: float,
    ) -> None:  # fmt: skip
        self.clamped: dict[str, int] = {}
        self._change, self._writer, self._edits = change, writer, edits
        self._first, self._end, self.tolerance = span.first, end, tolerance
        self._span, self._step = span, frame_step
        self._rows = _rows(span.ticks, frame_step)
        self._ticks = [span.ticks[row] for row in self._rows]

    def beside(self, writer: ChannelWriter, edits: HandEdits | None = None, end: int | None = None) -> Pen:
        """A pen for the same rows and another writer; by default with the same edits, up to the same tick."""
        end = self._end if end is None else end
        return Pen(self._change, writer, edits or self._edits, self._span, end, self._step, self.tolerance)

    def curves(
        self, name: str, values: Sequence[float], low: float = -math.inf, high: float = math.inf, scale: float = 1.0
    ) -> list[Curve]:
        """The curve to write on a channel whose keys are cleared, of a value for each row; none for no keys.

        scale: of the values beside those of a control.
        """
        column, beyond = _held_within([values[row] for row in self._rows], low, high)
        whole = Curve(name, self._ticks, column)
        edited = self._edits.on(whole)
        tolerance = scale * self.tolerance if edited is whole else 0.0  # else the edits could not be told next time
        self._edits.wrote(_reduced(whole, tolerance))
        if edited is not whole:
            column, beyond = _held_within(edited.values, low, high)
            edited = Curve(name, edited.ticks, column)
        if beyond:
            self.clamped[name] = beyond
        later = self._writer.clear(name, self._first, self._end)
        if not edited.ticks:
            return []
        curve = _reduced(edited, tolerance)
        # One key holds a channel only as long as no other key comes after it.
        return [curve.held(self._ticks[-1]) if later and len(curve.ticks) == 1 < len(self._ticks) else curve]

    def clear(self, name: str) -> None:
        """Leave a channel without keys."""
        self._writer.clear(name, self._first, self._end)
        self._edits.left_out(name)

    def write(self, curves: Sequence[Curve]) -> int:
        """Write the curves of one control; how many keys that were."""
        return self._writer.write(curves, self._change.pause) if curves else 0


def _reduced(curve: Curve, tolerance: float) -> Curve:
    kept = reduce_keys(curve.ticks, curve.values, tolerance)
    return Curve(curve.name, [curve.ticks[at] for at in kept], [curve.values[at] for at in kept])


def _rows(ticks: Sequence[int], step: int) -> list[int]:
    """The rows that may get keys: every so many, the last, and of those on one tick the first."""
    chosen = sorted({*range(0, len(ticks), step), len(ticks) - 1})
    return [row for at, row in enumerate(chosen) if at == 0 or ticks[row] > ticks[chosen[at - 1]]]


def _held_within(column: Sequence[float], low: float, high: float) -> tuple[list[float], int]:
    """The values within the limits, and how many were not."""
    held = [min(max(value, low), high) for value in column]
    return held, sum(a != b for a, b in zip(held, column, strict=True))
