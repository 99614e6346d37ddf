"""How long the face takes to draw: a table of named measurements, on the sample recording.

    python benchmarks/face.py [NAME ...] [--runs 3]

Each is the least of some runs, as others on the machine only add to it; where it is busy, what the processors did says
more. NAME picks measurements by the beginning of their names.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from rich.console import Console
from rich.table import Table

from medtalk.face.draw import Drawing, camera
from medtalk.face.film import Film
from medtalk.face.sheet import draw_sheet, moments, write_sheet
from medtalk.face.video import read_sound, write_video
from medtalk.guidance import LABELS
from medtalk.perform import load
from medtalk.rig import RigSequence
from medtalk.rig.head import load_head

SAMPLE = Path(__file__).parents[1] / "assets" / "audio" / "sample.wav"
SECONDS = 10.0
"""Of the video."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="measurements to take; all if left out")
    parser.add_argument("--runs", type=int, default=3)
    wanted = parser.parse_args()
    table = Table("what", "it takes", title="The face")
    for name, measure in MEASUREMENTS.items():
        if not wanted.names or name.startswith(tuple(wanted.names)):
            table.add_row(name, measure(wanted.runs))
    Console().print(table)


@cache
def take(label: str = "happy") -> RigSequence:
    performance = load().perform(SAMPLE)
    return performance.decode(performance.model.guide(label))


def least(run: Callable[[], object], runs: int) -> tuple[float, float]:
    """Seconds, and seconds of the processors, of the quickest of so many runs; caches are warm."""
    results = []
    for _ in range(runs):
        start, busy = time.perf_counter(), time.process_time()
        run()
        results.append((time.perf_counter() - start, time.process_time() - busy))
    return min(results)


def frame(size: int) -> Callable[[int], str]:
    def measure(runs: int) -> str:
        head, values = load_head(), take().values
        drawing = Drawing(head, camera(head), size, size)
        drawing.draw(head.pose(values[0]))
        several = values[:: len(values) // 10]
        seconds, busy = least(lambda: [drawing.draw(head.pose(each)) for each in several], runs)
        return f"{1e3 * seconds / len(several):.0f} ms, {1e3 * busy / len(several):.0f} ms of a processor"

    return measure


def sheet(runs: int) -> str:
    head, takes = load_head(), [(label, take(label)) for label in LABELS]
    columns = moments(take())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "sheet.png")
        seconds, busy = least(lambda: write_sheet(path, draw_sheet(head, takes, columns, camera(head))), runs)
        return f"{seconds:.1f} s, {busy:.1f} s of a processor, {path.stat().st_size / 1e3:.0f} kB"


def video(runs: int) -> str:
    head = load_head()
    longer = RigSequence.concatenate([take()] * 3).slice(0.0, SECONDS)
    film = Film(head, [("take", longer)], camera(head))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "take.mp4")
        seconds, busy = least(lambda: write_video(path, film, read_sound(SAMPLE)), 1)
        return f"{seconds:.1f} s, {busy:.1f} s of processors, {path.stat().st_size / 1e3:.0f} kB"


MEASUREMENTS: dict[str, Callable[[int], str]] = {
    "frame of 320 pixels, posed and drawn without a GPU": frame(320),
    "frame of 480 pixels": frame(480),
    "sheet of seven takes in eight tiles of 200 pixels": sheet,
    f"video of {SECONDS:g} s in 480 pixels at 30 fps": video,
}


if __name__ == "__main__":
    main()
