"""Commands: the paper's experiments."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from medtalk.errors import TrainingError
from medtalk_train.cli.options import (
    Corpus,
    Emotional,
    Kokoro,
    People,
    Quiet,
    Recipe,
    Speech,
    Whisper,
    Writer,
    app,
    open_log,
    recordings_in,
)

Out = Annotated[Path, typer.Option("--out", "-o", help="The page, such as docs/results.md; pictures go beside it.")]
Cells = Annotated[Path, typer.Option("--work", "-w", help="Folder of the cells; created if missing.")]
Spend = Annotated[
    str, typer.Option("--budget", help="Training time of each method and seed: 90s, 30m, 2h; or 500steps.")
]
Prepared = Annotated[
    Path | None,
    typer.Option("--prepared", help="A run whose corpus, features and backbone are done. Default: one in WORK."),
]
Data = Annotated[list[Path], typer.Option("--data", help="Folder of takes, in place of the recipe's data; repeatable.")]
Seeds = Annotated[int, typer.Option("--seeds", min=1, max=99, help="How many times each method is trained.")]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, max=64, help="Cells at a time, each on one core.")]
Clips = Annotated[
    int, typer.Option("--clips", min=2, max=84, help="Held-back clips to measure on.")
]  # others stop trainings
Again = Annotated[bool, typer.Option("--again", help="Train cells that failed from the start.")]


def _make(
    table: str,
    cells: list[Any],
    *,
    recipe: Recipe,
    out: Out,
    work: Cells,
    budget: Spend,
    prepared: Prepared = None,
    data: Data = [],  # noqa: B006 (typer's way of a list; it is never changed)
    corpus: Corpus = None,
    whisper: Whisper = None,
    kokoro: Kokoro = None,
    people: People = None,
    writer: Writer = None,
    emotional: Emotional = None,
    speech: Speech = None,
    clips: Clips = 84,
    jobs: Jobs = 1,
    again: Again = False,
    quiet: Quiet = False,
) -> None:
    """Train and measure the cells of a table, and write its part of the page."""
    from medtalk_train.synthetic.ground import Sources
    from medtalk_train.tables.contest import open_contest, outcome, train
    from medtalk_train.tables.show import show
    from medtalk_train.tables.writing import check_place, write

    open_log(quiet)
    check_place(out)
    sources = Sources(corpus, whisper, kokoro, people, writer, emotional)
    contest = open_contest(recipe, work, budget, sources, prepared, data, recordings_in(speech), clips)
    judge = train(contest, cells, jobs, again, progress=not quiet and jobs == 1 and sys.stderr.isatty())
    found = outcome(contest, cells, judge)
    write(table, out, _command(), contest, found)
    if not quiet:
        show(table, found)
    if found.failed:
        failed = [f"{cell['row']}, seed {cell['seed']}" for cell in found.cells if "reason" in cell]
        raise TrainingError(
            f"{len(failed)} of {len(cells)} cells failed: {'; '.join(failed)}.",
            f"The reasons are in {out}; the same command tries them once more.",
        )


def _experiment(help: str) -> Callable[[Callable[..., list[Any]]], None]:
    """Make a command of a function that names the cells of a table, with its own options and those of `_make`."""

    def register(cells_of: Callable[..., list[Any]]) -> None:
        own, shared = ({**inspect.signature(of, eval_str=True).parameters} for of in (cells_of, _make))
        del shared["table"], shared["cells"]

        def command(**given: Any) -> None:
            cells = cells_of(**{name: given[name] for name in own})
            _make(cells_of.__name__, cells, **{name: given[name] for name in shared})

        options = sorted((own | shared).values(), key=lambda option: option.default is not option.empty)
        command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in options]
        )
        app.command(cells_of.__name__, help=help)(command)

    return register


@_experiment("Table 1: MEDTalk and the baselines, trained and measured alike.")
def table1(
    methods: Annotated[str, typer.Option(help="Some of them, with commas between. Default: all.")] = "",
    seeds: Seeds = 3,
) -> list[Any]:
    from medtalk_train.tables.cells import METHODS, Cell

    chosen = _some_of(methods, METHODS, "method")
    return [Cell(method, seed) for method in chosen for seed in range(1, seeds + 1)]


@_experiment("Table 3: MEDTalk without each of its parts.")
def table3(
    without: Annotated[str, typer.Option(help="Some of the parts, with commas between. Default: all five.")] = "",
    seeds: Seeds = 3,
) -> list[Any]:
    from medtalk_train.tables.cells import ABLATIONS, MEDTALK, Cell

    chosen = ("", *_some_of(without, ABLATIONS, "part"))
    return [Cell(MEDTALK, seed, part) for part in chosen for seed in range(1, seeds + 1)]


@_experiment("What the settings of a recipe do: MEDTalk with each of some changes to them.")
def options(
    recipe: Recipe,
    change: Annotated[
        list[str],
        typer.Option(help="Such as stage2.loss.closures=0, or people.hours=0; several with ; between. Repeatable."),
    ],
    seeds: Seeds = 3,
) -> list[Any]:
    from medtalk_train.recipe import changed, load_recipe
    from medtalk_train.tables.cells import MEDTALK, Cell

    changes = dict.fromkeys(change)
    for each in changes:
        changed(load_recipe(recipe), each)
    return [Cell(MEDTALK, seed, change=each) for each in ("", *changes) for seed in range(1, seeds + 1)]


def _some_of(text: str, valid: tuple[str, ...], what: str) -> tuple[str, ...]:
    if not text:
        return valid
    chosen = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    if unknown := [name for name in chosen if name not in valid]:
        raise TrainingError(f"There is no {what} {unknown[0][:40]!r}.", f"Valid are {', '.join(valid)}.")
    return chosen


def _command() -> str:
    """The command as it was written."""
    import shlex

    return shlex.join(["medtalk-train", *sys.argv[1:]])
