"""The command `figures`."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medtalk.errors import TrainingError
from medtalk_train.cli.options import Corpus, Quiet, app

if TYPE_CHECKING:
    from medtalk_train.figures.figure import Drawn


@app.command(help="Figures 4 to 8 of the paper, of a bundle: pictures, numbers, and a page OUT.md.")
def figures(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the pictures, such as docs/figures.")],
    bundle: Annotated[Path | None, typer.Option(help="Folder of the bundle; the one that ships if left out.")] = None,
    work: Annotated[Path | None, typer.Option("--work", "-w", help="Folder of a run; its corpus is used.")] = None,
    corpus: Corpus = None,
    speech: Annotated[
        Path | None,
        typer.Option(help="Recordings with phone times (phones.json), which are drawn: only what may be published."),
    ] = None,
    method: Annotated[
        list[str], typer.Option(metavar="NAME=BUNDLE", help="Another bundle for figure 7; repeatable.")
    ] = [],  # noqa: B006 (typer's way of a list; it is never changed)
    table: Annotated[
        Path | None, typer.Option(help="Folder of medtalk-train table1, whose methods are rows of figure 7.")
    ] = None,
    only: Annotated[str, typer.Option(metavar="N,N,...", help="Some of the figures, 4 to 8.")] = "",
    backbone: Annotated[
        list[str],
        typer.Option(metavar="NAME=PATH", help="Weights of a backbone, such as face_landmarker=FILE; repeatable."),
    ] = [],  # noqa: B006
    offline: Annotated[bool, typer.Option("--offline", help="Never download backbones.")] = False,
    quiet: Quiet = False,
) -> None:
    from medtalk_train.figures.make import make, methods_in
    from medtalk_train.figures.material import Material

    for folder, what in ((work, "run"), (corpus, "corpus"), (speech, "recordings"), (table, "table")):
        if folder is not None and not folder.is_dir():
            raise TrainingError(f"The folder {folder} of the {what} does not exist.", "Check the path.")
    if work is not None and corpus is None:
        corpus = work / "corpus"
    methods = ({} if table is None else methods_in(table)) | _named(method, "--method")
    numbers = _numbers(only)
    material = Material(bundle, corpus, speech, methods, _named(backbone, "--backbone"), offline)

    def tell(drawn: Drawn, seconds: float) -> None:
        if not quiet:
            print(
                f"{', '.join(str(out / name) for name in drawn.pictures)}: {drawn.title}, {seconds:.0f} s", flush=True
            )

    page = make(material, out, numbers, _command(), tell)
    if not quiet:
        print(page)


def _numbers(only: str) -> list[int]:
    try:
        return [int(part) for part in only.split(",")] if only else []
    except ValueError:
        raise TrainingError(f"--only is {only[:40]!r}; valid are numbers with commas, such as 4,5.") from None


def _named(entries: list[str], option: str) -> dict[str, Path]:
    named = {}
    for entry in entries:
        name, equals, place = entry.partition("=")
        if not (name and equals and place):
            raise TrainingError(f"{option} is {entry[:60]!r}; valid is NAME=PATH.", f"Write {option} NAME=PATH.")
        if name in named:
            raise TrainingError(f"{option} names {name[:40]} twice.", "Give each a name of its own.")
        named[name] = Path(place)
    return named


def _command() -> str:
    """The command as it was given, for the page: without --only, and with names in place of paths of this machine."""
    kept, option = ["medtalk-train"], ""
    for word in sys.argv[1:]:
        if word.startswith("--") and "=" in word:  # --corpus=PATH
            name, _, value = word.partition("=")
            kept += [] if name == "--only" else [f"{name}={_told(name, value)}"]
            option = ""
        elif option:
            kept += [] if option == "--only" else [option, _told(option, word)]
            option = ""
        elif word in ("--offline", "--quiet", "-q") or not word.startswith("-"):
            kept.append(word)
        else:
            option = word
    return " ".join(word if re.fullmatch(r"[\w=<>/.,:+-]+", word) else shlex.quote(word) for word in kept)


def _told(option: str, value: str) -> str:
    """An option's value; a name for a path that only this machine has."""
    name, equals, place = value.partition("=")
    path, before = (place, f"{name}=") if equals else (value, "")
    return f"{before}{option.strip('-').upper()}" if os.path.isabs(path) else value
