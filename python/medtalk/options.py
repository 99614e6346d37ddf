"""What several commands have in common: options, and how they are judged and what is wrong is told."""

from __future__ import annotations

import sys
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


def backbone_folders(given: Iterable[str]) -> dict[str, Path]:
    """The folders of `--backbone NAME=DIR`, by name."""
    folders = {}
    for entry in given:
        name, equals, folder = entry.partition("=")
        if not (name and equals and folder):
            raise SettingError(f"--backbone is {entry[:60]!r}; valid is NAME=DIR.", "Write emotion2vec=FOLDER.")
        folders[name] = Path(folder)
    return folders


def check_fps(fps: float) -> None:
    """`SettingError` for a `--fps` beyond what a rig may have."""
    from medtalk.performance import MAX_FPS, MIN_FPS

    if not MIN_FPS <= fps <= MAX_FPS:
        raise SettingError(f"--fps is {fps:g}; valid are {MIN_FPS:g} to {MAX_FPS:g}.")


def complain(message: str) -> None:
    """Tell what is wrong, in one line on stderr."""
    print("medtalk:", shown(" ".join(message.split())), file=sys.stderr)


def shown(text: str) -> str:
    """`text` for a terminal, which signs in the name of a file could command."""
    return "".join(sign if sign.isprintable() or "\ud800" <= sign <= "\udfff" else repr(sign)[1:-1] for sign in text)


def clean_up(folders: Iterable[Path]) -> None:
    """Remove what killed runs left unfinished in these folders, and say so."""
    from medtalk.files import sweep

    for folder in folders:
        if removed := sweep(folder):
            files = f"{len(removed)} unfinished files" if len(removed) > 1 else "an unfinished file"
            complain(f"Removed {files} from {folder}, which a run that was killed had left.")
