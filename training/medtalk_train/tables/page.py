"""docs/results.md: each table is a part between two marks, which its command writes anew, and it alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from medtalk_train.measure.compare import FINISHED
from medtalk_train.tables.published import WHY_APART, published

HEAD = """# Results of the paper's experiments

Each part is written by the command that it names, which replaces its own part and leaves the others;
[how it is made](training/tables.md). `results.json` has every cell.
"""
PARTS = ("table1", "table3", "options")
"""In their order on the page."""
TITLES = {
    "table1": "Table 1: methods",
    "table3": "Table 3: MEDTalk without its parts",
    "options": "Options of the recipe: MEDTalk with other settings",
}
NONE = "–"


class Column(NamedTuple):
    """A figure of a row, what its column is called, and how many digits it has after the point."""

    figure: str
    title: str
    digits: int


ERRORS = (
    Column("MLE", "MLE", 4), Column("MEE", "MEE", 4), Column("EIE", "EIE", 3), Column("FRD", "FRD", 4),
    Column("FRD absolute", "FRD, absolute", 4),
)  # fmt: skip
MOTION = (
    Column("closure F1", "closure F1", 2), Column("bite F1", "bite F1", 2), Column("rounding F1", "rounding F1", 2),
    Column("AUC mean", "AUC", 3), Column(f"closure F1{FINISHED}", "closure F1, finished", 2),
    Column(f"AUC mean{FINISHED}", "AUC, finished", 3), Column("jitter", "jitter", 3),
    Column("upper-face components", "components", 1),
)  # fmt: skip
COST = (
    Column("training seconds", "trained for, s", 0), Column("training steps", "steps", 0),
    Column("converged", "cells converged", 0),
    Column("seconds a second", "compute, s a second", 3), Column("against medtalk", "relative to MEDTalk", 2),
    Column("parameters", "weights", 0), Column("MB", "MB", 2),
)  # fmt: skip


def name_of(row: str) -> str:
    """A row as a reader has it."""
    names = {
        "medtalk": "**MEDTalk**", "faceformer": "FaceFormer", "emotalk": "EmoTalk", "emoface": "EmoFace",
        "diffposetalk": "DiffPoseTalk",
    }  # fmt: skip
    return names.get(row, f"`{row}`" if "=" in row else row)


def section(
    table: str, about: Mapping[str, str], rows: Sequence[Mapping[str, Any]], pictures: Mapping[str, str]
) -> str:
    """The part of a table, as Markdown without its marks.

    Args:
        table: one of `PARTS`.
        about: what it was made by, on and with; "ground" is "synthetic" or "captured".
        rows: of an `Outcome`.
        pictures: what they show -> their path from the page.
    """
    facts = [f"| {name} | {cell(text)} |" for name, text in about.items() if name not in ("command", "ground")]
    parts = [
        f"## {TITLES[table]}",
        f"```sh\n{about['command']}\n```",
        "\n".join(["| | |", "|---|---|", *facts]),
        unfinished(rows),
        "Errors against the held-back faces, mean ± standard deviation over seeds. Small is good; FRD is good near 0:",
        grid(ERRORS, rows, failures=True),
        "The mouth on recordings with phone times, where there are any, and how the held-back faces move:",
        grid(MOTION, rows),
        "What it costs:",
        grid(COST, [row for row in rows if row["kind"] == "method"]),
        "How much larger the error is than MEDTalk's, mean over clips with the interval of 95 % (bold where it leaves "
        "out 0):",
        differences(rows),
        *(f"![{what}]({path})" for what, path in pictures.items()),
        "\n".join(f"- {line}" for line in [*notes(table, about["ground"]), *_own_notes(rows)]),
        *(["### What the paper has", published(table), WHY_APART] if table != "options" else []),
    ]
    return "\n\n".join(part for part in parts if part)


def grid(columns: Iterable[Column], rows: Sequence[Mapping[str, Any]], failures: bool = False) -> str:
    """A table of the columns that any row has; with `failures` a line for each cell that failed."""
    kept = [column for column in columns if any(column.figure in row["figures"] for row in rows)]
    if not kept:
        return ""
    lines = [_line(["", *(column.title for column in kept)]), _line(["---", *("---:" for _ in kept)])]
    for row in rows:
        lines.append(_line([name_of(row["name"]), *(number(row["figures"].get(c.figure), c.digits) for c in kept)]))
        if failures:
            lines += [
                _line([f"{name_of(row['name'])}, seed {seed}", cell(f"failed: {why}"), *[""] * (len(kept) - 1)])
                for seed, why in row["failed"].items()
            ]
    return "\n".join(lines)


def number(figure: Sequence[Any] | None, digits: int) -> str:
    """[mean, sd or None, seeds] as "mean ± sd"."""
    if figure is None:
        return NONE
    mean, sd, _ = figure
    return f"{mean:,.{digits}f}" + (f" ± {sd:,.{digits}f}" if sd is not None else "")


def differences(rows: Sequence[Mapping[str, Any]]) -> str:
    """A table of the rows that have a difference."""
    own = [row for row in rows if row.get("difference")]
    if not own:
        return ""
    names = list(own[0]["difference"])
    lines = [_line(["", *(f"Δ {name}" for name in names)]), _line(["---", *("---:" for _ in names)])]
    for row in own:
        found = []
        for mean, low, high in row["difference"].values():
            text = f"{mean:+.4f} [{low:+.4f}, {high:+.4f}]"
            found.append(f"**{text}**" if low > 0 or high < 0 else text)
        lines.append(_line([name_of(row["name"]), *found]))
    return "\n".join(lines)


def unfinished(rows: Iterable[Mapping[str, Any]]) -> str:
    """Which methods the budget cut short, and what the errors do not say then; "" where all converged."""
    told = {name_of(row["name"]): row["figures"]["converged"] for row in rows if "converged" in row["figures"]}
    short = {name: (int(of - early), of) for name, (early, _, of) in told.items() if early < of}
    if not short:
        return ""
    each = "; ".join(f"{name}, {'all' if late == of else f'{late} of'} {of}" for name, (late, of) in short.items())
    return (
        f"**The budget ended these cells before they had converged**: {each}. Their validation error had still fallen "
        "within the last ten validations, so their errors say how far a method comes in this time, not how good it "
        "becomes."
    )


def notes(table: str, ground: str) -> list[str]:
    """What the figures are, and what they cannot show."""
    lines = [
        "Every method has the same frozen ear, the same data and the same seconds of optimiser steps by the wall "
        "clock: one that is slower a step gets fewer of them. MEDTalk's stages share the time as the recipe shares its "
        "batches among them; their rates fall to the end of the budget, and the last weights count. A baseline keeps "
        "the weights with the lowest validation error, on sentences that it does not learn from. Once this error has "
        "not fallen for ten validations, the training has converged and ends early.",
        "Figures are of the networks alone: closures and rest decided from phones, smoothing and life are off, but "
        "in what is called finished. A mouth hears the sound; words reach MEDTalk's intensity only.",
        "The interval is over clips (bootstrap). Clips of one voice are alike, so it is rather too narrow; it says "
        "nothing of the seeds.",
        "components: principal components that 95 % of the upper face's variance needs within an emotion. 1 is a face "
        "that only grows stronger and weaker. F1 and AUC of a face that stands still are those of no event.",
        "Compute: from samples to a rig in torch, the shared ear included, a clip at a time, on one core or the GPU "
        "that trained, the methods taking turns. Weights: without the shared ear.",
    ]
    if ground == "synthetic":
        lines.append(
            "**What synthetic data can show.** The truth is a teacher that makes faces by rules from phone times and a "
            "strength, and most voices are synthetic. The method that learns the rules best wins. The figures show "
            "whether a method hears the phones, follows the given emotion and keeps the two apart. They do not show "
            "which method looks most like a person: the data has no captured face."
        )
    else:
        lines.append("The truth is captured; speakers that are held back were never met in training.")
    if table == "table1":
        lines.append(
            "The baselines are written from their papers, at 174 channels and with the label in place of style codes; "
            "neither code nor weights are the authors'. MEDTalk's recipe was chosen on this ground in many trials, the "
            "baselines' settings were not: that favours MEDTalk."
        )
    elif table == "options":
        lines.append(
            "A row has the recipe's settings but for those that it names. What is finished has closures and rest that "
            "are decided from the phones of the ear: settings of the stages hardly show there, those of the ear do."
        )
    else:
        lines.append(
            "Without overlap or cycle the time of that phase goes to the others; without disentangling stage 1 has "
            "none."
        )
    return lines


def _own_notes(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return [f"{name_of(row['name'])}: {note}." for row in rows for note in row["notes"]]


def cell(text: str) -> str:
    """Text that breaks no table."""
    return " ".join(text.split()).replace("|", "\\|")


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def with_section(page: str, table: str, text: str) -> str:
    """A page with the part of a table in place of the one that was there; what lies outside the marks stays."""
    found = {name: _found(page, name) for name in PARTS}
    marked = f"<!-- {table} -->\n{text}\n<!-- /{table} -->"
    if found[table] is not None:
        return page.replace(found[table] or "", marked)
    page = page if page.strip() else HEAD
    for later in PARTS[PARTS.index(table) + 1 :]:
        if after := found[later]:
            return page.replace(after, f"{marked}\n\n{after}")
    return f"{page.rstrip()}\n\n{marked}\n"


def _found(page: str, table: str) -> str | None:
    found = re.search(rf"<!-- {table} -->\n.*?\n<!-- /{table} -->", page, re.S)
    return found[0] if found else None
