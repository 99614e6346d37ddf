"""Commands: the paper's experiments."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from medtalk_train.synthetic.ground import Sources

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


@app.command(help="Table 1: MEDTalk and the baselines, trained and measured alike.")
def table1(
    recipe: Recipe,
    out: Out,
    work: Cells,
    budget: Spend,
    methods: Annotated[str, typer.Option(help="Some of them, with commas between. Default: all.")] = "",
    prepared: Prepared = None,
    data: Data = [],  # noqa: B006 (typer's way of a list; it is never changed)
    corpus: Corpus = None,
    whisper: Whisper = None,
    kokoro: Kokoro = None,
    people: People = None,
    writer: Writer = None,
    emotional: Emotional = None,
    speech: Speech = None,
    seeds: Seeds = 3,
    clips: Clips = 84,
    jobs: Jobs = 1,
    again: Again = False,
    quiet: Quiet = False,
) -> None:
    from medtalk_train.synthetic.ground import Sources
    from medtalk_train.tables.cells import METHODS, Cell

    chosen = _some_of(methods, METHODS, "method")
    cells = [Cell(method, seed) for method in chosen for seed in range(1, seeds + 1)]
    sources = Sources(corpus, whisper, kokoro, people, writer, emotional)
    _make("table1", cells, recipe, out, work, budget, prepared, data, sources, speech, clips, jobs, again, quiet)


@app.command(help="Table 3: MEDTalk without each of its parts.")
def table3(
    recipe: Recipe,
    out: Out,
    work: Cells,
    budget: Spend,
    without: Annotated[str, typer.Option(help="Some of the parts, with commas between. Default: all five.")] = "",
    prepared: Prepared = None,
    data: Data = [],  # noqa: B006 (typer's way of a list; it is never changed)
    corpus: Corpus = None,
    whisper: Whisper = None,
    kokoro: Kokoro = None,
    people: People = None,
    writer: Writer = None,
    emotional: Emotional = None,
    speech: Speech = None,
    seeds: Seeds = 3,
    clips: Clips = 84,
    jobs: Jobs = 1,
    again: Again = False,
    quiet: Quiet = False,
) -> None:
    from medtalk_train.synthetic.ground import Sources
    from medtalk_train.tables.cells import ABLATIONS, MEDTALK, Cell

    chosen = ("", *_some_of(without, ABLATIONS, "part"))
    cells = [Cell(MEDTALK, seed, part) for part in chosen for seed in range(1, seeds + 1)]
    sources = Sources(corpus, whisper, kokoro, people, writer, emotional)
    _make("table3", cells, recipe, out, work, budget, prepared, data, sources, speech, clips, jobs, again, quiet)


@app.command(help="What the settings of a recipe do: MEDTalk with each of some changes to them.")
def options(
    recipe: Recipe,
    out: Out,
    work: Cells,
    budget: Spend,
    change: Annotated[
        list[str],
        typer.Option(help="Such as stage2.loss.closures=0, or people.hours=0; several with ; between. Repeatable."),
    ],
    prepared: Prepared = None,
    data: Data = [],  # noqa: B006 (typer's way of a list; it is never changed)
    corpus: Corpus = None,
    whisper: Whisper = None,
    kokoro: Kokoro = None,
    people: People = None,
    writer: Writer = None,
    emotional: Emotional = None,
    speech: Speech = None,
    seeds: Seeds = 3,
    clips: Clips = 84,
    jobs: Jobs = 1,
    again: Again = False,
    quiet: Quiet = False,
) -> None:
    from medtalk_train.recipe import changed, load_recipe
    from medtalk_train.synthetic.ground import Sources
    from medtalk_train.tables.cells import MEDTALK, Cell

    changes = dict.fromkeys(change)
    for each in changes:
        changed(load_recipe(recipe), each)
    cells = [Cell(MEDTALK, seed, change=each) for each in ("", *changes) for seed in range(1, seeds + 1)]
    sources = Sources(corpus, whisper, kokoro, people, writer, emotional)
    _make("options", cells, recipe, out, work, budget, prepared, data, sources, speech, clips, jobs, again, quiet)


def _make(
    table: str, cells: list, recipe: Path, out: Path, work: Path, budget: str, prepared: Path | None, data: list[Path],
    sources: Sources, speech: Path | None, clips: int, jobs: int, again: bool, quiet: bool,
) -> None:  # fmt: skip
    from medtalk_train.tables.contest import open_contest, outcome, train
    from medtalk_train.tables.show import show
    from medtalk_train.tables.writing import check_place, write

    open_log(quiet)
    check_place(out)
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
