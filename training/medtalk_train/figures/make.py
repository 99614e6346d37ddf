"""All figures of a bundle, and the page that shows them with the command of each."""

from __future__ import annotations

import json
import textwrap
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from medtalk.bundle import MANIFEST
from medtalk.errors import TrainingError
from medtalk.files import make_folder, write_atomic
from medtalk.guidance import LABELS
from medtalk_train.figures import guided, intensity, methods, spaces, swap
from medtalk_train.figures.figure import Drawn
from medtalk_train.figures.material import Material, Other
from medtalk_train.run import BUNDLE
from medtalk_train.tables.budget import written
from medtalk_train.tables.cells import METHODS, budget_of
from medtalk_train.tables.page import name_of

FIGURES: Mapping[int, ModuleType] = {module.NUMBER: module for module in (intensity, spaces, swap, methods, guided)}
"""The paper's number of each figure, and what draws it."""


def make(
    material: Material,
    folder: Path,
    only: Iterable[int] = (),
    command: str = "medtalk-train figures",
    tell: Callable[[Drawn, float], None] | None = None,
) -> Path:
    """Draw figures into a folder, and write the page FOLDER.md over all that lie there.

    Args:
        material: what they show.
        folder: made if missing; pictures and FIGURE.json of other figures stay.
        only: numbers of the figures; all if empty.
        command: what the page says that made them, without `--only`.
        tell: called with each figure and the seconds it took.

    Returns:
        the page.

    Raises:
        TrainingError: an unknown number, or too little to show.
        OutputError: the folder cannot be written.
    """
    numbers = sorted(set(only)) or list(FIGURES)
    if unknown := [number for number in numbers if number not in FIGURES]:
        raise TrainingError(f"There is no figure {unknown[0]}.", f"Valid are {', '.join(map(str, FIGURES))}.")
    make_folder(folder)
    made = []
    for number in numbers:
        started = time.perf_counter()
        drawn = FIGURES[number].draw(material, folder)
        drawn.write(folder)
        made.append(drawn)
        if tell is not None:
            tell(drawn, time.perf_counter() - started)
    about = folder / "about.json"
    kept: dict[str, Any] = json.loads(about.read_text("utf-8")) if about.exists() else {}
    facts = {"command": command, "bundle": material.model.bundle.name, "sha256": material.model.bundle.sha256[:12]}
    kept |= {str(drawn.number): facts for drawn in made}
    write_atomic(about, lambda to: to.write_text(json.dumps(kept, indent=1) + "\n", "utf-8"))
    there = [Drawn.read(path) for path in sorted(folder.glob("figure*.json"))]
    target = folder.parent / f"{folder.name}.md"
    return write_atomic(target, lambda to: to.write_text(page(there, kept, folder.name), "utf-8"))


def page(drawn: Sequence[Drawn], about: Mapping[str, Mapping[str, str]], place: str) -> str:
    """The page of figures, in Markdown; `place` is the folder of the pictures beside it."""
    about_all = (
        "Figures 4 to 8 of MEDTalk, drawn from a bundle of ours by `medtalk-train figures`; the numbers are those of "
        f"`{place}/figureN.json`. Faces are drawn on the head of this repository, which is no MetaHuman. Where it says "
        "*teacher*, the truth is made by rules ([compact.md](training/compact.md)), not captured: that figures look "
        "like the paper's shows that the method does what it is for, not that faces are as good as captured ones. A "
        "CORPUS is made by `medtalk-train corpus`, a TABLE by `medtalk-train table1`; the pictures of "
        "Figure 8 are read where `medtalk backbones pull face_landmarker` was run."
    )
    parts = ["# The paper's figures", textwrap.fill(about_all, 120, break_long_words=False, break_on_hyphens=False)]
    for each in drawn:
        facts = about.get(str(each.number), {})
        parts.append(f"## Figure {each.number}. {each.title}")
        parts += [f"![Figure {each.number}: {each.title}]({place}/{name})" for name in each.pictures]
        parts += [textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False) for text in each.shown]
        parts.append(_table(each.numbers))
        if facts:  # a note is written by hand, and goes when the figure is drawn again
            parts.append(
                f"```sh\n{facts['command']} --only {each.number}\n```\n\nBundle `{facts['bundle']}`, "
                f"`{facts['sha256']}`{facts.get('note', '')}."
            )
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(numbers: Mapping[str, Any]) -> str:
    """Numbers by row and column, as a table of Markdown."""
    rows = {name: row for name, row in numbers.items() if isinstance(row, Mapping)}
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    columns.sort(key=_place)
    if not rows:
        return ""
    digits = {column: _digits([row[column] for row in rows.values() if column in row]) for column in columns}
    wide = len(columns) > len(rows)
    names, over = (columns, list(rows)) if wide else (list(rows), columns)

    def cell(name: str, other: str) -> str:
        row, column = (other, name) if wide else (name, other)
        return f"{rows[row][column]:.{digits[column]}f}" if column in rows[row] else ""

    lines = [f"| | {' | '.join(over)} |", f"|---|{'---|' * len(over)}"]
    lines += [f"| {name} | {' | '.join(cell(name, other) for other in over)} |" for name in names]
    return "\n".join(lines)


def _place(column: str) -> int:
    """Labels in their order, and their strength behind them; other columns stay where they are, before these."""
    return (*LABELS, "strength").index(column) + 1 if column in (*LABELS, "strength") else 0


def _digits(values: Sequence[float]) -> int:
    """Decimals of the values of one kind."""
    if all(float(value).is_integer() for value in values) and max(map(abs, values)) > 1:
        return 0
    return 4 if max(map(abs, values)) < 0.1 else 3


def methods_in(folder: Path) -> dict[str, Other]:
    """The methods of Table 1 in a folder that `medtalk-train table1` works in, each with its first seed and its budget.

    Raises TrainingError where there are none.
    """
    found = {}
    for method in METHODS:
        cells = {int(cell.name.rpartition("-")[2]): cell for cell in folder.glob(f"cells/{method}-*")
                 if cell.name.rpartition("-")[2].isdigit() and (cell / BUNDLE / MANIFEST).exists()}  # fmt: skip
        if cells:
            first = cells[min(cells)]
            budget = budget_of(first)
            about = "" if budget is None else f"trained for {written(budget)}"
            found[name_of(method).strip("*")] = Other(first / BUNDLE, about)
    if not found:
        raise TrainingError(f"{folder} holds no trained methods.", "Give the --work of medtalk-train table1.")
    return found
