"""What the commands print: errors on stderr, one line each; tables and facts on stdout."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_alone = threading.Lock()


def say(line: str) -> None:
    """Print a line on stderr, whole: threads may say something at the same time."""
    with _alone:
        print(f"{line}\n", end="", file=sys.stderr, flush=True)


def complain(message: str) -> None:
    """Say one line to people."""
    say(f"medtalk: {shown(' '.join(message.split()))}")


def shown(text: str) -> str:
    """`text` without the control characters that a file name could send to a terminal."""
    return "".join(sign if sign.isprintable() or "\ud800" <= sign <= "\udfff" else repr(sign)[1:-1] for sign in text)


def clean_up(folders: Iterable[Path]) -> None:
    """Remove the unfinished files of killed runs in these folders, and say so."""
    from medtalk.files import sweep

    for folder in folders:
        if removed := sweep(folder):
            files = f"{len(removed)} unfinished files" if len(removed) > 1 else "an unfinished file"
            complain(f"Removed {files} from {folder}, left by a run that was killed.")


def human(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(map(human, value)) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{name} {human(part)}" if not isinstance(part, dict) else f"{name} ({human(part)})"
                         for name, part in value.items()) or "-"  # fmt: skip
    return shown(" ".join(str(value).split())) or "-"


def length(seconds: float) -> str:
    """Seconds as every command prints them, a half rounded up: "4.9 s" for 4.85."""
    return f"{math.floor(round(10.0 * seconds, 6) + 0.5) / 10.0:.1f} s"


def count(number: int, noun: str) -> str:
    """ "1 frame", "2 frames"."""
    return f"{number} {noun}{'s' * (number != 1)}"


def print_table(rows: list[dict[str, Any]]) -> None:
    cells = [list(rows[0]), *([("-" if cell is None else human(cell)) for cell in row.values()] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@contextmanager
def progress(steps: int, hidden: bool) -> Iterator[Callable[[int, str, float], None]]:
    """A bar on stderr while the block runs, where a person looks on.

    The function given takes the number of the step (from 0), what it works on, and the fraction of it that is done.
    """
    if hidden or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import Progress

    # Lines of results must not break the bar, nor may they be drawn into it when stdout is a file.
    with Progress(console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()) as bar:
        task = bar.add_task("", total=steps)
        yield lambda step, name, done: bar.update(task, completed=step + done, description=name)
