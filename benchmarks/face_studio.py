"""The studio in a browser: from a control that moves to the new face on the screen.

    OMP_NUM_THREADS=1 python benchmarks/face_studio.py [--sound FILE] [--seconds N] [--runs N] [--browser FILE]

Needs Playwright and a Chromium. It draws by software here, on the cores that the engine has too, which takes most of
the time; a graphics card takes a millisecond.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path
from threading import Thread

os.environ.setdefault("OMP_NUM_THREADS", "1")  # numpy reads this once

import numpy as np
import soundfile
from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.table import Table

import medtalk
from medtalk.audio import read_speech
from medtalk.limits import ServiceLimits
from medtalk.rates import RATE
from medtalk.studio.server import Server, listen
from medtalk.studio.session import Session

GOAL = 200
"""Milliseconds."""
TEXT = "And so my fellow Americans ask not what your country can do for you ask what you can do for your country. " * 3
DRAW = "studio.change({curve: studio.heard.map((value) => value * (0.5 + x))}, null)"
# What is asked for before the clock runs, and what moves then: x goes from 0 to 1 over the runs.
CHANGES = {
    "another label": ("", "studio.change({weights: {[x > 0.5 ? 'angry' : 'happy']: 1}}, null)"),
    "one of seven sliders": (
        "studio.change({weights: Object.fromEntries(studio.about.labels.map((label) => [label, 0.1]))}, null)",
        "studio.change({weights: {...studio.history.now.weights, happy: 0.1 + 0.9 * x}}, null)",
    ),
    "a description": ("", "studio.change({weights: {}, text: `${x > 0.5 ? 'a little' : 'very'} annoyed`}, null)"),
    "the intensity, words known": (
        f"studio.change({{text: '', weights: {{sad: 1}}, transcript: '{TEXT}'}}, null)",
        "studio.change({intensity: 0.5 + x}, null)",
    ),
    "the curve, drawn": ("", DRAW),
    "the curve of two takes": ("studio.keep()", DRAW),
}  # fmt: skip
_TRIP = """async ([act, x]) => {
    const {player} = studio, {gl} = player.stage;
    let drawn = 0;
    const wait = () => {  // until the pixels are there
        gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
        drawn = performance.now();
    };
    wait();
    player.addEventListener("drawn", wait);
    const taken = new Promise((done) => document.addEventListener("taken", done, {once: true}));
    const began = performance.now();
    act(x);
    await taken;
    player.removeEventListener("drawn", wait);
    return drawn - began;
}"""
_REST_MS = 600
"""Between two changes: for what the browser still paints, and less than until a take is judged."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sound", type=Path, default=Path("assets/audio/sample.wav"), help="repeated to the length")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--browser", default="/usr/bin/chromium")
    settings = parser.parse_args()
    table = Table("ms from a change to the new face", "median", "least", "most", "goal", title="studio")
    for what, times in studio_round_trip(settings.sound, settings.seconds, settings.runs, settings.browser).items():
        cells = [statistics.median(times), min(times), max(times)]
        table.add_row(what, *(f"{each:.0f}" for each in cells), str(GOAL))
    Console(width=120).print(table)


def studio_round_trip(
    sound: Path, seconds: float = 30.0, runs: int = 15, browser: str = "/usr/bin/chromium"
) -> Mapping[str, list[float]]:
    """Milliseconds from a change until the new face is drawn, by what is changed: `runs` each.

    The sound is repeated to a line of so many seconds. The engine has one core, the browser draws by software.
    """
    session = Session(medtalk.load(threads=1), ServiceLimits())
    with tempfile.TemporaryDirectory() as folder, listen() as listener:
        line = Path(folder) / "line.wav"
        soundfile.write(line, np.resize(read_speech(sound).samples, round(seconds * RATE)), RATE)
        server = Server(listener, session, session.keep(line.name, line.read_bytes()))
        thread = Thread(target=server.run)
        thread.start()
        try:
            return _in_browser(server.address, runs, browser)
        finally:
            server.stop()
            thread.join()
            session.close()


def _in_browser(address: str, runs: int, browser: str) -> dict[str, list[float]]:
    arguments = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-sandbox"]
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=browser, args=arguments) as opened:
        page = opened.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        page.wait_for_selector(".toolbar .sound:not(:empty)")
        page.uncheck("[name=plays]")
        return {what: _round_trips(page, *change, runs) for what, change in CHANGES.items()}


def _round_trips(page: Page, before: str, change: str, runs: int) -> list[float]:
    def change_to(act: str, x: float) -> float:
        page.wait_for_timeout(_REST_MS)
        return page.evaluate(f"async (x) => await ({_TRIP})([(x) => {act}, x])", x)

    if before == "studio.keep()":
        page.evaluate(before)
    elif before:
        change_to(before, 0.0)
    return [change_to(change, run / (runs - 1)) for run in range(runs)]


if __name__ == "__main__":
    main()
