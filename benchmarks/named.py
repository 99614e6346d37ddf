"""Named measurements on the sample recording: the command line of a benchmark, and its table."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from rich.console import Console
from rich.table import Table

from medtalk.perform import load
from medtalk.rig import RigSequence

SAMPLE = Path(__file__).parents[1] / "assets" / "audio" / "sample.wav"


def measure_named(measurements: Mapping[str, Callable[[int], str]], usage: str | None, title: str) -> None:
    """Print a table of those measurements that the command line names; each takes the number of runs."""
    parser = argparse.ArgumentParser(description=usage, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="measurements to take; all if left out")
    parser.add_argument("--runs", type=int, default=3)
    wanted = parser.parse_args()
    table = Table("what", "it is", title=title)
    for name, measure in measurements.items():
        if not wanted.names or name.startswith(tuple(wanted.names)):
            table.add_row(name, measure(wanted.runs))
    Console().print(table)


@cache
def take(label: str = "happy") -> RigSequence:
    """The sample in one of the seven emotions."""
    performance = load().perform(SAMPLE)
    return performance.decode(performance.model.guide(label))
