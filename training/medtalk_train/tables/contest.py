"""All cells of a table, one after another or several at a time, and what comes of them together."""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medtalk.bundle import load_bundle
from medtalk.errors import MedtalkError, TrainingError
from medtalk.files import make_folder
from medtalk_train.measure.compare import lines, speeds
from medtalk_train.recipe import load_recipe
from medtalk_train.run import BUNDLE, PREPARATION, Run, place
from medtalk_train.settings import DataOptions
from medtalk_train.stages.ground import CLIPS
from medtalk_train.synthetic.ground import Sources
from medtalk_train.tables.budget import read_budget
from medtalk_train.tables.cells import (
    FAILURE,
    MEDTALK,
    Cell,
    Contest,
    Judge,
    attempt,
    by_row,
    code_of,
    fail,
    is_measured,
    result,
)
from medtalk_train.tables.statistics import difference, spread

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

    from medtalk_train.baselines.learning import Budget

log = logging.getLogger(__name__)

PAIRED = ("MLE", "MEE")
"""Figures of which the difference to MEDTalk has an interval."""
TRUTH = "truth"
LINES = {"mean": "still face, mean", "median": "still face, median", "truth": TRUTH}
"""What stands beside the methods: each clip's own true face held at its mean and its median, and that face itself."""


@dataclass(frozen=True)
class Outcome:
    """A table: its rows as `results.json` has them, and its cells.

    rows: name, kind ("method", "line"), figures {name: [mean, sd or None, seeds]}, failed {seed: reason}, notes, and
    where it can be told difference {name: [mean, low, high]}. "converged" of the figures is a number of cells.
    """

    rows: list[dict[str, Any]]
    cells: list[dict[str, Any]]

    @property
    def failed(self) -> bool:
        return any("reason" in cell for cell in self.cells)


def open_contest(
    recipe: str | Path,
    work: Path,
    budget: str,
    sources: Sources,
    prepared: Path | None = None,
    data: Sequence[Path] = (),
    speech: Path | None = None,
    clips: int = CLIPS,
    progress: bool = False,
) -> Contest:
    """The contest of a command line, all that can be wrong with it told before anything is trained.

    Args:
        recipe: a file, or the name of one that ships.
        work: folder of the cells, and of the preparation where there is no other.
        budget: as `read_budget` reads it.
        sources: what the preparation takes from elsewhere.
        prepared: folder of a run that is prepared; without it one is made in `work`/prepared.
        data: folders of takes, in place of those of the recipe.
        speech, clips: see `Contest`.

    Raises:
        TrainingError: any of it is not valid, not there, or does not fit the rest.
        OutputError: `work` cannot be made.
    """
    spend, settings = read_budget(budget), load_recipe(recipe)
    if data:
        if settings.pretrained is None:
            raise TrainingError(
                f"The recipe {settings.name} learns from synthetic speech; --data needs pretrained backbones.",
                "Take the recipe paper, or a copy of it.",
            )
        settings = replace(settings, data=tuple(DataOptions(str(folder)) for folder in data))
    place(settings.device, settings.devices)
    folder = work / "prepared" if prepared is None else prepared
    if prepared is not None and not prepared.is_dir():
        raise TrainingError(f"The folder {prepared} does not exist.", "Give that of a run, or leave --prepared out.")
    contest = Contest(settings, work, folder, sources, spend, clips, speech)
    _ = contest.recordings
    make_folder(work)
    if prepared is None:
        run = Run(settings, folder, progress, sources)
        run.check()
        for step in PREPARATION:
            run.step(step)
    ground = Run(settings, work, progress, sources, folder).ground
    for stage in (1, 2, 3, 4):
        ground.key(stage)  # raises if a step of the preparation is missing
    return contest


def train(contest: Contest, cells: Sequence[Cell], jobs: int = 1, again: bool = False, progress: bool = False) -> Judge:
    """Train and measure what is not done; `again` discards what failed, which else goes on where it stopped.

    Returns:
        What measured the cells, with the clips.
    """
    judge = Judge(contest)
    left = [cell for cell in cells if not is_measured(contest, cell)]
    for cell in left:
        if again and (contest.folder(cell) / FAILURE).exists():
            shutil.rmtree(contest.folder(cell))
    for cell in left:
        with suppress(MedtalkError):  # which the cell meets again, and keeps
            contest.preparation(cell)  # two cells at a time must not train one ear
    if jobs > 1 and len(left) > 1:
        side_by_side(contest, left, jobs)
    else:
        for number, cell in enumerate(left, start=1):
            log.info("cell %d of %d: %s", number, len(left), cell.name)
            attempt(contest, cell, judge, progress)
    return judge


def side_by_side(contest: Contest, cells: Sequence[Cell], jobs: int) -> None:
    """Train each cell in a process of its own, `jobs` at a time: one that is killed for its memory ends alone."""
    contest = replace(contest, recipe=replace(contest.recipe, threads=1))
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    context, waiting = multiprocessing.get_context("spawn"), list(cells)
    running: dict[int, tuple[SpawnProcess, Cell]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                cell = waiting.pop(0)
                log.info("%s, %d left", cell.name, len(waiting))
                process = context.Process(target=_alone, args=(contest, cell), name=cell.name)
                process.start()
                running[process.sentinel] = process, cell
            for sentinel in wait(list(running)):
                process, cell = running.pop(sentinel)  # type: ignore[call-overload]
                process.join()
                if process.exitcode:
                    how = f"signal {-process.exitcode}" if process.exitcode < 0 else f"exit code {process.exitcode}"
                    fail(contest, cell, f"Its process ended with {how}; was the memory enough?")
    finally:
        for process, _ in running.values():
            process.terminate()
        for process, _ in running.values():
            process.join()


def _alone(contest: Contest, cell: Cell) -> None:
    from medtalk.signals import end_by_exception

    end_by_exception()
    logging.basicConfig(level=logging.WARNING)
    attempt(contest, cell, Judge(contest))


def outcome(contest: Contest, cells: Sequence[Cell], judge: Judge) -> Outcome:
    """What the cells say together, beside faces that stand still and the truth.

    Raises:
        TrainingError: no cell could be trained.
    """
    found = [_told(result(contest, cell), cell, contest.budget) for cell in cells]
    whole = [(cell, each) for cell, each in zip(cells, found, strict=True) if "reason" not in each]
    if not whole:
        raise TrainingError(f"Every cell failed; the first: {found[0]['reason']}")
    first: dict[str, Cell] = {}
    for cell, _ in whole:
        first.setdefault(cell.row, cell)
    models = {row: judge.model(load_bundle(contest.folder(cell) / BUNDLE)) for row, cell in first.items()}
    seconds = speeds(models, judge.clips)
    rows = [_row(name, of_row, seconds.get(name)) for name, of_row in by_row(found).items()]
    _relate(rows)
    rules = contest.recipe.pretrained is None
    beside = {LINES[name]: compared for name, compared in lines(judge.clips, contest.recordings, rules).items()}
    for name, compared in beside.items():
        figures = {what: [value, None, 1] for what, value in compared.figures.items()}
        rows.append({"name": name, "kind": "line", "figures": figures, "failed": {}, "notes": []})
    groups = {name: [c["clips"] for c in group if "reason" not in c] for name, group in by_row(found).items()}
    _compare(rows, groups | {name: [compared.clips] for name, compared in beside.items()})
    return Outcome(rows, found)


def _told(each: dict[str, Any], cell: Cell, budget: Budget) -> dict[str, Any]:
    if "reason" not in each and cell.method != MEDTALK:  # whose stages do not end early
        most = float("inf") if budget.steps is None else budget.steps
        each["converged"] = each["seconds"] < budget.seconds and each["steps"] < most
    if "code" in each and each["code"] != code_of(cell):
        log.warning("%s was trained by an earlier version of its code", cell.name)
        each["earlier code"] = True
    return each


def _row(name: str, cells: Sequence[Mapping[str, Any]], seconds: float | None) -> dict[str, Any]:
    whole = [cell for cell in cells if "reason" not in cell]
    figures: dict[str, Any] = {}
    for what in dict.fromkeys(what for cell in whole for what in cell["figures"]):
        figures[what] = list(spread([cell["figures"][what] for cell in whole if what in cell["figures"]]))
    for what in ("steps", "seconds"):
        if whole:
            figures[f"training {what}"] = list(spread([float(cell[what]) for cell in whole]))
    ended = [bool(cell["converged"]) for cell in whole if "converged" in cell]
    if ended:
        figures["converged"] = [float(sum(ended)), None, len(ended)]
    if seconds is not None:
        figures["seconds a second"] = [seconds, None, 1]
    failed = {str(cell["seed"]): cell["reason"] for cell in cells if "reason" in cell}
    earlier = any(cell.get("earlier code") for cell in cells)
    notes = ["trained by an earlier version of its code"] if earlier else []
    return {"name": name, "kind": "method", "figures": figures, "failed": failed, "notes": notes}


def _relate(rows: Sequence[dict[str, Any]]) -> None:
    """Adds how long each method computes beside MEDTalk, which a busy machine leaves as it is."""
    ours = next((row["figures"].get("seconds a second") for row in rows if row["name"] == MEDTALK), None)
    for row in rows:
        theirs = row["figures"].get("seconds a second")
        if ours and theirs:
            row["figures"]["against medtalk"] = [theirs[0] / ours[0], None, 1]


def _compare(rows: Sequence[dict[str, Any]], clips: Mapping[str, Sequence[Mapping[str, list[float]]]]) -> None:
    """Adds to each row how its errors differ from MEDTalk's; clips: row -> of each seed the errors of each clip."""
    ours = clips.get(MEDTALK, ())
    for row in rows:
        theirs = clips.get(row["name"], ())
        if row["name"] in (MEDTALK, TRUTH) or not ours or not theirs or len(ours[0]["MLE"]) < 2:
            continue
        row["difference"] = {
            what: list(difference([each[what] for each in ours], [each[what] for each in theirs])) for what in PAIRED
        }
