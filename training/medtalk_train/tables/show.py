"""A table on the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from medtalk_train.measure.compare import FINISHED
from medtalk_train.tables.contest import Outcome
from medtalk_train.tables.page import COST, ERRORS, MOTION, number

LEFT = ("FRD absolute", "training seconds", *(column.figure for column in MOTION if FINISHED in column.figure))
"""Figures for which a terminal has no room."""


def show(title: str, outcome: Outcome, console: Console | None = None) -> None:
    """Print the figures that any row has, the errors with their spread, and each failed cell with its reason."""
    console = console or Console()
    for columns in (ERRORS, MOTION, COST):
        kept = [c for c in columns if c.figure not in LEFT and any(c.figure in r["figures"] for r in outcome.rows)]
        rows = [row for row in outcome.rows if any(c.figure in row["figures"] for c in kept)]
        table = Table(title, box=SIMPLE_HEAD, pad_edge=False)
        for column in kept:
            table.add_column(column.title, justify="right", no_wrap=True)
        for row in rows:
            found = [row["figures"].get(column.figure) for column in kept]
            if columns is not ERRORS:
                found = [each and [each[0], None, each[2]] for each in found]
            table.add_row(row["name"], *(number(f, c.digits) for f, c in zip(found, kept, strict=True)))
        if rows:
            console.print(table)
    for row in outcome.rows:
        for seed, why in row["failed"].items():
            console.print(f"{row['name']}, seed {seed} failed: {why}", markup=False, highlight=False)
