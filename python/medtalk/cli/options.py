"""Options that several commands have, and how they are checked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from medtalk.errors import SettingError

_debug = False


def _set_debug(value: bool) -> None:
    global _debug
    _debug = value


def debugging() -> bool:
    """Whether the user asked for tracebacks."""
    return _debug


Debug = Annotated[bool, typer.Option("--debug", help="Show the Python traceback of an error.", callback=_set_debug)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Backbones = Annotated[
    list[str] | None,
    typer.Option(
        "--backbone", metavar="NAME=DIR",
        help="Folder with the weights of a backbone, as `medtalk models list` calls it (emotion2vec, ...), or the file "
        "of whisper; may be repeated.",
    ),
]  # fmt: skip
Force = Annotated[bool, typer.Option("--force", help="Replace files that are read-only.")]
Offline = Annotated[bool, typer.Option("--offline", help="Never reach the network for backbones.")]

ServerAddress = Annotated[
    str | None,
    typer.Option(
        "--server", metavar="ADDRESS", help="HOST:PORT or connection file of the sidecar; left out: the one that runs."
    ),
]
Keys = Annotated[Path | None, typer.Option(readable=False, metavar="DIR", help="Keys for a sidecar elsewhere.")]


def backbone_folders(given: Iterable[str]) -> dict[str, Path]:
    """The folders of `--backbone NAME=DIR`, by name."""
    folders = {}
    for entry in given:
        name, equals, folder = entry.partition("=")
        if not (name and equals and folder):
            raise SettingError(f"--backbone is {entry[:60]!r}; valid is NAME=DIR.", "Write emotion2vec=FOLDER.")
        folders[name] = Path(folder)
    return folders
