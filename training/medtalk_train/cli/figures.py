"""The command `figures`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    from medtalk_train.figures.material import Material, Other

    for folder, what in ((work, "run"), (corpus, "corpus"), (speech, "recordings"), (table, "table")):
        if folder is not None and not folder.is_dir():
            raise TrainingError(f"The folder {folder} of the {what} does not exist.", "Check the path.")
    named = {name: Other(place) for name, place in _named(method, "--method").items()}
    methods = ({} if table is None else methods_in(table)) | named
    numbers = _numbers(only)
    material = Material(
        bundle, corpus or (work / "corpus" if work else None), speech, methods, _named(backbone, "--backbone"), offline
    )

    def tell(drawn: Drawn, seconds: float) -> None:
        if not quiet:
            print(
                f"{', '.join(str(out / name) for name in drawn.pictures)}: {drawn.title}, {seconds:.0f} s", flush=True
            )

    given = [("-o", out), ("--bundle", bundle), ("--work", work), ("--corpus", corpus),
             ("--speech", speech), ("--method", method), ("--table", table)]  # fmt: skip
    page = make(material, out, numbers, _command(given), tell)
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


def _command(options: Sequence[tuple[str, Any]]) -> str:
    """The command for the page, with names in place of paths that only this machine has."""
    words = ["medtalk-train", "figures"]
    for option, value in options:
        for each in value if isinstance(value, list) else [value] if value is not None else []:
            words += [option, _told(option, str(each))]
    return " ".join(words)


def _told(option: str, value: str) -> str:
    name, equals, place = value.rpartition("=")
    stands_for = {"-o": "FOLDER", "--method": "BUNDLE"}.get(option, option.strip("-").upper())
    return f"{name}{equals}{stands_for}" if os.path.isabs(place) else shlex.quote(value)
