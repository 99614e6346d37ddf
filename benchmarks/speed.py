"""How fast and how large: the engine on one core, the command line from process start to file, decoding again, memory.

    python benchmarks/speed.py [--bundle DIR] [--sound FILE]

Every figure is the median of several runs; the machine's noise shows in the spread beside it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # numpy's share of "one core"; it reads this once

import numpy as np
import soundfile
from rich.console import Console
from rich.table import Table

import medtalk
from medtalk.audio import Speech, read_speech
from medtalk.rates import RATE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default=None)
    parser.add_argument("--sound", type=Path, default=Path("assets/audio/sample.wav"), help="repeated to each length")
    parser.add_argument("--runs", type=int, default=5)
    settings = parser.parse_args()
    line = read_speech(settings.sound).samples
    table = Table("what", "median", "least", "most", "goal", title="speed")

    model = medtalk.load(settings.bundle, threads=1)
    half_minute = _speech(line, 30)
    seconds = _times(lambda: model.perform(half_minute).decode("angry"), settings.runs)
    table.add_row("30 s of sound, one core, times real time", *(f"{30 / s:.0f}" for s in seconds), "100")
    kept = model.perform(half_minute)
    seconds = _times(lambda: kept.decode("happy"), settings.runs)
    table.add_row("decode of a kept 30 s performance, ms", *(f"{1000 * s:.1f}" for s in seconds), "50")
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "line.wav"
        soundfile.write(sound, _speech(line, 10).samples, RATE)
        bundle = ["--bundle", settings.bundle] if settings.bundle else []
        command = [sys.executable, "-m", "medtalk", "generate", str(sound), "--emotion", "angry", "-q", *bundle]
        seconds = _times(lambda: subprocess.run([*command, "-o", f"{folder}/line.csv"], check=True), settings.runs)
        table.add_row("generate of a 10 s line, process start to file, s", *(f"{s:.2f}" for s in seconds), "2")
        for length in (60, 600):
            soundfile.write(sound, _speech(line, length).samples, RATE)
            used, took = _memory([*command, "-o", f"{folder}/long.npz"])
            table.add_row(f"{length} s of sound: peak memory, MB", f"{used:.0f}", "", "", "500" if length == 60 else "")
            table.add_row(f"{length} s of sound: process, s", f"{took:.2f}", "", "", "")
    Console(width=120).print(table)


def _speech(line: np.ndarray, seconds: int) -> Speech:
    return Speech.from_array(np.resize(line, seconds * RATE), RATE)


def _times(run: Callable[[], object], runs: int) -> tuple[float, float, float]:
    """Median, least, most seconds; the first run warms up and does not count."""
    run()
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken)), min(taken), max(taken)


def _memory(command: list[str]) -> tuple[float, float]:
    """Peak memory in MB and seconds of a process, asked of a small process that has no other child."""
    code = (
        "import resource, subprocess, sys, time; t = time.perf_counter(); subprocess.run(sys.argv[1:], check=True); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, time.perf_counter() - t)"
    )
    out = subprocess.run([sys.executable, "-c", code, *command], check=True, capture_output=True, text=True).stdout
    used, took = out.split()[-2:]
    return float(used), float(took)


if __name__ == "__main__":
    main()
