"""How large the page of `medtalk preview` is and how quick it is in Chromium, which draws here without a GPU.

    python -m benchmarks.face_page [NAME ...] [--runs 3]

NAME picks measurements by the beginning of their names. On a machine with a GPU a frame takes far less.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.named import SAMPLE, measure_named, take
from medtalk.face.packed import pack_sound, pack_take
from medtalk.face.page import write_page
from medtalk.rig import RigSequence
from tests.helpers.browser import Browser

FRAMES_OF_AN_HOUR = 216_000


def packed(label: str) -> bytes:
    return pack_take(take(label), label)


def size(*labels: str) -> Callable[[int], str]:
    def measure(_: int) -> str:
        with tempfile.TemporaryDirectory() as folder:
            path = write_page(Path(folder, "page.html"), [packed(label) for label in labels])
            return f"{path.stat().st_size / 1000:.0f} kB"

    return measure


def hour() -> bytes:
    """A take of an hour in which 120 channels move."""
    time_of = np.arange(FRAMES_OF_AN_HOUR, dtype=np.float32)[:, None]
    values = np.zeros((FRAMES_OF_AN_HOUR, 174), np.float32)
    values[:, :120] = 0.5 + 0.5 * np.sin(time_of * np.linspace(0.01, 0.2, 120, dtype=np.float32))
    return pack_take(RigSequence(values), "hour")


@contextmanager
def opened(blob: bytes, width: int = 1400, height: int = 900) -> Iterator[tuple[Any, float]]:
    """The page of a take, and the seconds until its first frame was drawn."""
    with tempfile.TemporaryDirectory() as folder, Browser() as browser:
        path = write_page(Path(folder, "page.html"), [blob], pack_sound(SAMPLE))
        start = time.perf_counter()
        with browser.open(path, width, height) as page:
            yield page, time.perf_counter() - start


def first_frame(runs: int) -> str:
    def once() -> float:
        with opened(packed("happy")) as (_, seconds):
            return seconds

    return f"{min(once() for _ in range(runs)):.2f} s"


def milliseconds(page: Any, work: str, times: int) -> float:
    """Of a piece of JavaScript, the mean of so many times; what it draws is waited for."""
    return page.evaluate(f"""() => {{
      const gl = player.stage.gl, pixel = new Uint8Array(4), start = performance.now();
      for (let i = 0; i < {times}; i++) {{
        {work};
        gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
      }}
      return (performance.now() - start) / {times};
    }}""")


def frames(width: int, height: int) -> Callable[[int], str]:
    def measure(runs: int) -> str:
        with opened(packed("happy"), width, height) as (page, _):
            took = min(milliseconds(page, "player.seek(i / 20)", 40) for _ in range(runs))
            pose = min(
                milliseconds(page, "player.stage.head.normals(player.stage.head.pose(player.values[0]))", 100)
                for _ in range(runs)
            )
            pixels = page.evaluate("[player.stage.canvas.width, player.stage.canvas.height]")
            return f"{1000 / took:.0f} a second at {pixels[0]}x{pixels[1]}; {pose:.1f} ms of each are pose and normals"

    return measure


def long(_: int) -> str:
    with opened(hour()) as (page, seconds):
        whole = milliseconds(page, "player.redraw()", 3)
        seek = milliseconds(page, "player.seek(1000 + i)", 10)
        return f"{seconds:.1f} s to open, {whole:.0f} ms to draw all of its curves, {seek:.0f} ms a seek"


MEASUREMENTS: dict[str, Callable[[int], str]] = {
    "page without its sound, one take": size("happy"),
    "page without its sound, four takes": size("happy", "sad", "angry", "fear"),
    "first frame": first_frame,
    "frames": frames(1400, 900),
    "hour of 120 curves": long,
}


if __name__ == "__main__":
    measure_named(MEASUREMENTS, __doc__, "The page")
