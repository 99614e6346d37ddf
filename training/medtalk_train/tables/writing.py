"""What a command leaves: its part of the page, `results.json`, and the pictures, in a folder beside the page."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from medtalk.errors import TrainingError
from medtalk.files import check_file, check_folder, write_atomic
from medtalk.inputs import read_input
from medtalk.version import __version__
from medtalk_train.tables import budget
from medtalk_train.tables.cells import Contest
from medtalk_train.tables.contest import Outcome
from medtalk_train.tables.figures import draw_differences, draw_errors, draw_losses
from medtalk_train.tables.page import section, with_section

RESULTS = "results.json"
_MOST_BYTES = 64 << 20


def check_place(page: Path) -> None:
    """Raise the error of a page or a `results.json` that could not be written or read, before anything is trained."""
    if page.suffix.lower() != ".md":
        raise TrainingError(f"The page {page} is no Markdown.", "Give a name that ends in .md.")
    for file in (page, beside(page) / RESULTS):
        there = next(folder for folder in file.absolute().parents if folder.exists())
        (check_file if there == file.absolute().parent else check_folder)(there / file.name)
    read_page(page)
    read_results(beside(page) / RESULTS)


def beside(page: Path) -> Path:
    """The folder of the pictures and of `results.json`: docs/results of docs/results.md."""
    return page.with_suffix("")


def write(table: str, page: Path, command: str, contest: Contest, outcome: Outcome) -> None:
    """Write everything of a table: pictures and `results.json` first, the page that names them last."""
    folder = beside(page)
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {"Errors by method": f"{table}-errors.png"}
    draw_errors(outcome.rows, folder / pictures["Errors by method"])
    for what, name, draw, of in (
        ("Differences to MEDTalk", f"{table}-differences.png", draw_differences, outcome.rows),
        ("Losses over the time of training", f"{table}-losses.png", draw_losses, outcome.cells),
    ):
        if draw(of, folder / name):
            pictures[what] = name
        else:
            (folder / name).unlink(missing_ok=True)
    about = facts(command, contest)
    results = read_results(folder / RESULTS)
    results[table] = {"about": about, "rows": outcome.rows, "cells": outcome.cells}
    text = json.dumps(results, indent=1, sort_keys=True)
    write_atomic(folder / RESULTS, lambda to: to.write_text(text + "\n", "utf-8"))
    paths = {what: f"{folder.name}/{name}" for what, name in pictures.items()}
    whole = with_section(read_page(page), table, section(table, about, outcome.rows, paths))
    write_atomic(page, lambda to: to.write_text(whole, "utf-8"))


def facts(command: str, contest: Contest) -> dict[str, str]:
    """What a table was made by, on and with."""
    synthetic = contest.recipe.pretrained is None
    return {
        "command": command,
        "ground": "synthetic" if synthetic else "captured",
        "made on": date.today().isoformat(),
        "data": _data(contest),
        "budget": f"{budget.written(contest.budget)} a method and seed",
        "measured on": f"{contest.clips} held-back clips at most"
        + (f"; events on {len(contest.recordings)} recordings of {contest.speech.name}" if contest.speech else ""),
        "machine": f"{_cores()} cores, {_processor()}",
        "versions": f"medtalk {__version__}, torch {version('torch')}, Python {platform.python_version()}",
    }


def _data(contest: Contest) -> str:
    if contest.recipe.pretrained is not None:
        return ", ".join(entry.kind or Path(entry.folder).name for entry in contest.recipe.data)
    corpora = [
        contest.sources.corpus or contest.prepared / "corpus",
        *(contest.prepared / n for n in ("voices", "people")),
    ]
    found = [
        json.loads((each / "corpus.json").read_text("utf-8")) for each in corpora if (each / "corpus.json").exists()
    ]
    hours = [f"{amount:.1f} h of {engine}" for each in found for engine, amount in each["hours_by_engine"].items()]
    most = f"{contest.recipe.features.hours:g} h at most"
    return f"speech with phone times ({', '.join(hours)}), of it {most}; faces by rules"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def read_page(page: Path) -> str:
    """The page, "" where there is none. `TrainingError` if it is no text."""
    if not page.exists():
        return ""
    try:
        return read_input(page, "page of results", TrainingError, _MOST_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise TrainingError(
            f"The page {page} is not in UTF-8: {error}.", "Save it as UTF-8, or give another."
        ) from error


def read_results(path: Path) -> dict[str, Any]:
    """`results.json`, {} where there is none.

    Raises:
        TrainingError: it is damaged.
    """
    if not path.exists():
        return {}
    try:
        found: Any = json.loads(read_input(path, "file of results", TrainingError, _MOST_BYTES))
    except ValueError as error:
        raise TrainingError(f"{path} is damaged: {error}.", "Remove it; the cells make it anew.") from error
    if not isinstance(found, Mapping):
        raise TrainingError(f"{path} holds no tables.", "Remove it; the cells make it anew.")
    return dict(found)
