"""What the commands share: the app, options with one meaning, a run from them, and how figures are printed."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medtalk.errors import TrainingError

if TYPE_CHECKING:
    from medtalk_train.run import Run

app = typer.Typer(
    name="medtalk-train",
    help="Train a MEDTalk bundle: corpus, backbone, features, the paper's four stages, export. A step that is done is "
    "skipped, one that was cut goes on where it stopped.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Recipe = Annotated[
    Path, typer.Option("--recipe", "-r", help="Settings: a file, or the name of a recipe that ships, such as compact.")
]
Work = Annotated[
    Path | None,
    typer.Option("--work", "-w", help="Folder of the run; created if missing. Default: runs/NAME of the recipe."),
]
Corpus = Annotated[Path | None, typer.Option("--corpus", help="A corpus to use instead of WORK/corpus.")]
Whisper = Annotated[
    Path | None,
    typer.Option("--whisper", help="Whisper base: openai's .pt, or a folder of transformers or faster-whisper."),
]
Kokoro = Annotated[Path | None, typer.Option("--kokoro", help="Folder of Kokoro, for natural voices.")]
People = Annotated[Path | None, typer.Option("--people", help="Folder of recordings of people.")]
Writer = Annotated[Path | None, typer.Option("--writer", help="A faster-whisper folder, to transcribe the people.")]
Emotional = Annotated[
    Path | None, typer.Option("--emotional", help="Folder of emodb, for emotions in voices; needs --people.")
]
Again = Annotated[bool, typer.Option("--again", help="Discard the step's earlier result and start again.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only errors.")]
Speech = Annotated[
    Path | None,
    typer.Option(
        "--speech",
        help="Recordings with phone times (phones.json). Default: speech_dev of $MEDTALK_REFERENCE, if that is set.",
    ),
]
Transcripts = Annotated[Path | None, typer.Option("--transcripts", help="JSON with the words of these, {name: text}.")]
Captures = Annotated[list[Path], typer.Option("--captures", help="Folder of sounds with captured faces; repeatable.")]


def open_run(
    recipe: Path,
    work: Path | None,
    quiet: bool,
    corpus: Path | None = None,
    whisper: Path | None = None,
    kokoro: Path | None = None,
    people: Path | None = None,
    writer: Path | None = None,
    emotional: Path | None = None,
) -> Run:
    """The run of a recipe in a folder, and the log that it writes."""
    from medtalk_train.recipe import load_recipe
    from medtalk_train.run import Run
    from medtalk_train.synthetic.ground import Sources

    open_log(quiet)
    return Run(
        load_recipe(recipe),
        work or Path("runs") / recipe.stem,
        progress=not quiet and sys.stderr.isatty(),
        sources=Sources(corpus, whisper, kokoro, people, writer, emotional),
    )


@contextmanager
def counting(what: str, quiet: bool) -> Iterator[Callable[[], None]]:
    """On a terminal, a line that counts what is done; what it gives is called after each."""
    from rich.progress import Progress

    with Progress(transient=True, disable=quiet or not sys.stderr.isatty()) as progress:
        task = progress.add_task(what, total=None)
        yield lambda: progress.advance(task)


def open_log(quiet: bool) -> None:
    """Print what is logged."""
    logging.basicConfig(
        level=logging.WARNING if quiet else logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S"
    )
    for name in ("lightning.pytorch", "lightning.fabric"):  # they print by themselves; once is enough
        logging.getLogger(name).propagate = False


def recordings_in(speech: Path | None) -> Path | None:
    """The folder of recordings with phone times; None if none is set."""
    from medtalk_train.measure.recordings import reference

    if speech is None:
        return reference("speech_dev")
    if not speech.is_dir():
        raise TrainingError(f"The folder {speech} does not exist.", "Give one with recordings and phones.json.")
    return speech


def report(metrics: dict[str, float], path: Path | None, title: str, quiet: bool) -> None:
    """Write figures as JSON, if there is a path, and print them as a table."""
    from medtalk.files import write_atomic

    if path is not None:
        write_atomic(path, lambda to: to.write_text(json.dumps(metrics, indent=1) + "\n", "utf-8"))
    if not quiet:
        from rich.console import Console
        from rich.table import Table

        table = Table("what", "value", title=title)
        for name, value in metrics.items():
            table.add_row(name, f"{value:.4f}")
        Console().print(table)
