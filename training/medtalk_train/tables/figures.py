"""The pictures beside a table: errors with their spread, and the losses over the time of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from medtalk.files import write_atomic

SHOWN = ("MLE", "MEE", "EIE")
_DPI = 90
_OURS, _OTHER, _LINE = "#c2410c", "#475569", "#cbd5e1"


def draw_errors(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Bars of `SHOWN` by row, with whiskers of a standard deviation over seeds.

    rows: of an `Outcome`; the truth, whose errors are 0, is left out.
    """
    shown = [row for row in rows if all(name in row["figures"] for name in SHOWN) and row["name"] != "truth"]
    figure, axes = _figure(1, len(SHOWN), (9.0, 0.9 + 0.32 * len(shown)))
    for axis, name in zip(axes, SHOWN, strict=True):
        found = [row["figures"][name] for row in shown]
        colours = [_OURS if row["name"] == "medtalk" else _LINE if row["kind"] == "line" else _OTHER for row in shown]
        axis.barh(range(len(shown)), [mean for mean, _, _ in found], color=colours, height=0.65)
        for place, (mean, sd, _) in enumerate(found):
            if sd is not None:
                axis.errorbar(mean, place, xerr=sd, color="black", capsize=3, linewidth=1)
        axis.set_title(name, fontsize=10)
        axis.set_yticks(range(len(shown)), [row["name"] for row in shown] if axis is axes[0] else [], fontsize=8)
        axis.invert_yaxis()
    _write(figure, path)


def draw_differences(rows: Sequence[Mapping[str, Any]], path: Path) -> bool:
    """How much larger each error is than MEDTalk's, with its interval; False where there is nothing to draw."""
    shown = [row for row in rows if row.get("difference")]
    if not shown:
        return False
    names = list(shown[0]["difference"])
    figure, axes = _figure(1, len(names), (9.0, 0.9 + 0.32 * len(shown)))
    for axis, name in zip(axes, names, strict=True):
        for place, row in enumerate(shown):
            mean, low, high = row["difference"][name]
            colour = _OTHER if low > 0 or high < 0 else _LINE
            axis.plot([low, high], [place, place], color=colour, linewidth=3, solid_capstyle="round")
            axis.plot(mean, place, "o", color="black", markersize=4)
        axis.axvline(0.0, color="black", linewidth=0.8)
        axis.set_title(f"Δ {name}: less MEDTalk's", fontsize=10)
        axis.set_yticks(range(len(shown)), [row["name"] for row in shown] if axis is axes[0] else [], fontsize=8)
        axis.set_ylim(len(shown) - 0.5, -0.5)
    _write(figure, path)
    return True


def draw_losses(cells: Sequence[Mapping[str, Any]], path: Path) -> bool:
    """The losses of the first seed of each row over the minutes of training, dashed on what is held back.

    False where no cell has any.
    """
    first: dict[str, Mapping[str, Any]] = {}
    for cell in cells:
        if cell.get("curves"):
            first.setdefault(str(cell["row"]), cell)
    if not first:
        return False
    columns = min(3, len(first))
    figure, axes = _figure(-(-len(first) // columns), columns, (9.0, 2.3 * -(-len(first) // columns)))
    for axis in axes[len(first) :]:
        axis.set_visible(False)
    for axis, (name, cell) in zip(axes, first.items(), strict=False):
        known: dict[str, Any] = {}
        for what, (seconds, losses) in cell["curves"].items():
            (line,) = axis.plot([each / 60.0 for each in seconds], losses, ".-", linewidth=1, markersize=3)
            if learned := known.get(what.partition(",")[0]):  # what is held back looks like what is learned, but dashed
                line.set(color=learned.get_color(), linestyle="--")
            else:
                line.set_label(what)
            known[what] = line
        axis.set_title(name, fontsize=10)
        axis.set_yscale("log")
        axis.tick_params(labelsize=7, which="both")
        axis.set_xlabel("minutes of training", fontsize=8)
        axis.legend(fontsize=7, frameon=False)
    _write(figure, path)
    return True


def _figure(rows: int, columns: int, inches: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=inches, layout="constrained")
    FigureCanvasAgg(figure)
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    return figure, axes


def _write(figure: Figure, path: Path) -> None:
    write_atomic(path, lambda to: figure.savefig(to, format="png", dpi=_DPI))
