"""How far a bake is, how fast it goes and how long it will take: a bar on a terminal, now and then a line in a log."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from medtalk.cli.printing import complain, count

if TYPE_CHECKING:
    from medtalk.batch.bake import Counts

LOG_SECONDS = 60.0
"""Between two lines in a log."""


@contextmanager
def pace(counts: Counts, hidden: bool, as_json: bool = False) -> Iterator[Callable[[], None]]:
    """Shows the counts on stderr (for machines: stdout); what it gives is to be called whenever they have changed."""
    if as_json:
        yield _now_and_then(lambda: print(json.dumps({"progress": _facts(counts)}), flush=True))
    elif hidden:
        yield lambda: None
    elif sys.stderr.isatty():
        with _bar(counts) as refresh:
            yield refresh
    else:
        yield _now_and_then(lambda: complain(f"{_share(counts)}, {_words(counts)}."))


def _facts(counts: Counts) -> dict[str, float | None]:
    left = None if counts.left is None else round(counts.left, 1)
    done = counts.made + counts.failed
    return {
        "done": done,
        "of": done + counts.todo,
        "lines_per_hour": round(3600 * counts.rate, 1),
        "seconds_left": left,
    }


def _share(counts: Counts) -> str:
    done = counts.made + counts.failed
    return f"{done} of {count(done + counts.todo, 'line')}"


def _words(counts: Counts) -> str:
    words = f"{3600 * counts.rate:.0f} lines/h" + (f", {counts.failed} failed" if counts.failed else "")
    return words if counts.left is None else f"{words}, {_duration(counts.left)} left"


def _duration(seconds: float) -> str:
    """ "50 s", "12 min", "3 h 05 min"."""
    if seconds < 60.0:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60.0), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def _now_and_then(say: Callable[[], None]) -> Callable[[], None]:
    last = time.monotonic()

    def refresh() -> None:
        nonlocal last
        if (now := time.monotonic()) - last >= LOG_SECONDS:
            last = now
            say()

    return refresh


@contextmanager
def _bar(counts: Counts) -> Iterator[Callable[[], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("loading the model", total=None)

        def refresh() -> None:
            done = counts.made + counts.failed
            bar.update(task, total=done + counts.todo, completed=done, description=_words(counts))

        yield refresh
