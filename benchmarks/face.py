"""How long the face takes to draw: a table of named measurements, on the sample recording.

    python -m benchmarks.face [NAME ...] [--runs 3]

Each is the least of some runs, as others on the machine only add to it; where it is busy, what the processors did says
more. NAME picks measurements by the beginning of their names.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.named import SAMPLE, measure_named, take
from medtalk.face.draw import Drawing, camera
from medtalk.face.film import Film
from medtalk.face.sheet import draw_sheet, moments, write_sheet
from medtalk.face.video import read_sound, write_video
from medtalk.guidance import LABELS
from medtalk.rig import RigSequence
from medtalk.rig.head import load_head

SECONDS = 10.0
"""Of the video."""


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
    rows = [moments(take())] * len(takes)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "sheet.png")
        seconds, busy = least(lambda: write_sheet(path, draw_sheet(head, takes, rows, camera(head))), runs)
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
    measure_named(MEASUREMENTS, __doc__, "The face")
