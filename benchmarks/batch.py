"""Whole productions: lines an hour, cores, Ray beside processes, a second bake of ten thousand lines, memory, a soak.

    python benchmarks/batch.py [--lines N] [--jobs N] [--runs N] [--done N] [--bundle DIR] [--work DIR] [--quick]
    python benchmarks/batch.py --soak 2000 --work DIR [--bundle DIR]

Real `medtalk bake` commands in processes of their own. Lines are cuts of the sample recording, each a sound of its own.
Rates are those of the steady state: from the first line of the last worker that began to the last line, by the ledger's
times; the start (the model, for Ray a cluster) stands beside them. Engines are run in turns, so that a change of the
machine's speed meets all of them; figures are medians.

The done lines are baked once and then copied: sounds, rigs and records, each under a name of its own. For a second bake
that is the same as lines that were baked.

The soak is a long bake whose processes are watched. It may be stopped and begun again: it does the rest.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil
import soundfile
from rich.console import Console
from rich.table import Table

from medtalk.audio import read_speech
from medtalk.rates import RATE

SECONDS = 5.0
SAMPLE = Path("assets/audio/sample.wav")
_LEDGER = "results.jsonl"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default=None)
    parser.add_argument("--sound", type=Path, default=SAMPLE, help="cut into lines")
    parser.add_argument("--lines", type=int, default=200, help="of 5 s in each bake")
    parser.add_argument("--jobs", type=int, default=2, help="processes, beside one")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--done", type=int, default=10_000, help="lines of the second bake")
    parser.add_argument("--soak", type=int, default=0, metavar="LINES", help="of 0.5 to 2 s; and nothing else")
    parser.add_argument("--work", type=Path, default=None, help="folder of the soak, or for all files; kept")
    parser.add_argument("--quick", action="store_true", help="20 lines, one run, 500 done lines")
    settings = parser.parse_args()
    if settings.quick:
        settings.lines, settings.runs, settings.done = 20, 1, 500
    voice = read_speech(settings.sound).samples
    words = ["--bundle", settings.bundle] if settings.bundle else []
    with tempfile.TemporaryDirectory() as temporary:
        work = (settings.work or Path(temporary)).absolute()
        if settings.soak:
            Console(width=120).print(soak(work, voice, settings.soak, settings.jobs, words))
            return
        table = Table("what", "median", "least", "most", "goal", title=f"batch: {os.cpu_count()} cores")
        rates(table, work, voice, settings.lines, settings.jobs, settings.runs, words)
        second_bake(table, work, voice, settings.done, settings.jobs, settings.runs, words)
        Console(width=120).print(table)


# -- sounds and bakes


def cut(folder: Path, voice: np.ndarray, count: int, least: float, most: float) -> Path:
    """A folder of `count` sounds of `least` to `most` seconds, no two the same; those that are there stay."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(3)
    for number in range(count):
        at, seconds = rng.integers(len(voice)), rng.uniform(least, most)
        path = folder / f"line{number:06}.wav"
        if not path.exists():
            samples = np.roll(np.resize(voice, len(voice) + int(most * RATE)), -at)[: round(seconds * RATE)]
            soundfile.write(path, samples, RATE)
    return folder


@dataclass
class Watch:
    """What was seen of a bake's processes: MB by process, open files, and how many lines there were."""

    lines: list[int] = field(default_factory=list)
    parent: list[float] = field(default_factory=list)
    workers: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    temporary: list[int] = field(default_factory=list)

    def look(self, process: psutil.Process, out: Path) -> None:
        try:
            own = [process, *process.children(recursive=True)]
            sizes = [each.memory_info().rss / 1e6 for each in own]
            files = sum(each.num_fds() for each in own)
        except psutil.Error:  # one has ended meanwhile
            return
        self.lines.append(lines_of(out))
        self.parent.append(sizes[0])
        self.workers.append(max(sizes[1:], default=0.0))
        self.files.append(files)
        self.temporary.append(sum(entry.name.startswith(".medtalk-") for entry in os.scandir(out)))


@dataclass(frozen=True)
class Baked:
    """A bake: seconds in all and until the first line, lines a second in the steady state."""

    seconds: float
    start: float
    rate: float
    watch: Watch


def lines_of(out: Path) -> int:
    path = out / _LEDGER
    return path.read_bytes().count(b"\n") if path.exists() else 0


def bake(source: Path, out: Path, *words: object, every: float = 0.5) -> Baked:
    """Bake a folder with a command, and watch it; ends this program where that fails."""
    command = [sys.executable, "-m", "medtalk", "bake", source, "-o", out, "-q", *words]
    out.mkdir(parents=True, exist_ok=True)
    before, watch = lines_of(out), Watch()
    began = time.time()
    process = subprocess.Popen([str(word) for word in command])
    seen = psutil.Process(process.pid)
    while process.poll() is None:
        watch.look(seen, out)
        time.sleep(every)
    seconds = time.time() - began
    if process.returncode:
        sys.exit(f"medtalk bake ended with code {process.returncode}.")
    records = [json.loads(line) for line in (out / _LEDGER).read_text("utf-8").splitlines()[before:]]
    times = sorted(datetime.fromisoformat(record["time"]).timestamp() for record in records)
    if len(times) < 8:
        return Baked(seconds, 0.0, 0.0, watch)
    warm = len(times) // 4  # all workers are at work by then
    return Baked(seconds, times[0] - began, (len(times) - 1 - warm) / (times[-1] - times[warm]), watch)


# -- the figures


def row(table: Table, what: str, values: Sequence[float], form: str = ".2f", goal: str = "") -> None:
    figures = (median(values), min(values), max(values))
    table.add_row(what, *(f"{figure:{form}}" for figure in figures), goal)


def rates(
    table: Table, work: Path, voice: np.ndarray, lines: int, jobs: int, runs: int, words: Sequence[object]
) -> None:
    """Lines an hour with one process, several, and Ray, and what their memory does meanwhile."""
    source = cut(work / "five", voice, lines, SECONDS, SECONDS)
    ways: dict[str, list[object]] = {
        "one": ["--jobs", 1], "several": ["--jobs", jobs], "ray": ["--jobs", jobs, "--engine", "ray"],
    }  # fmt: skip
    found: dict[str, list[Baked]] = {name: [] for name in ways}
    for _ in range(runs):
        for name, way in ways.items():
            shutil.rmtree(work / name, ignore_errors=True)
            found[name].append(bake(source, work / name, *way, *words))
    same_files(work / "one", work / "ray")
    label = {"one": "1 process", "several": f"{jobs} processes", "ray": f"Ray, {jobs} actors"}
    for name, baked in found.items():
        row(table, f"lines of {SECONDS:.0f} s an hour, {label[name]}", [3600.0 * each.rate for each in baked], ".0f")
    pairs = list(zip(found["one"], found["several"], found["ray"], strict=True))
    row(table, f"{jobs} processes / 1 process", [b.rate / a.rate for a, b, _ in pairs], goal=f"{0.9 * jobs:.1f}")
    row(table, "Ray takes longer than processes, %", [100 * (b.rate / c.rate - 1) for _, b, c in pairs], ".1f", "10")
    for name, baked in found.items():
        row(table, f"command to the first line, s, {label[name]}", [each.start for each in baked])
    watches = [each.watch for each in found["several"]]
    row(table, "memory of a worker, MB", [max(watch.workers) for watch in watches], ".0f")
    row(table, "memory of the command, MB", [max(watch.parent) for watch in watches], ".0f")
    size = sum(path.stat().st_size for path in (work / "one").glob("*.npz")) / lines
    row(table, f"a rig of {SECONDS:.0f} s on the disk, kB", [size / 1e3], ".0f")
    row(table, "a line in the ledger, kB", [(work / "one" / _LEDGER).stat().st_size / lines / 1e3])


def same_files(one: Path, other: Path) -> None:
    """End this program where two bakes differ in a byte of a rig."""
    if {p.name: p.read_bytes() for p in one.glob("*.npz")} != {p.name: p.read_bytes() for p in other.glob("*.npz")}:
        sys.exit("Ray and processes have made different rigs.")


def second_bake(
    table: Table, work: Path, voice: np.ndarray, count: int, jobs: int, runs: int, words: Sequence[object]
) -> None:
    """A bake of lines that are all done, by their times and by their content."""
    source, out = work / "done", work / "done_rigs"
    several = min(50, count)
    cut(source, voice, several, 0.5, 1.0)
    bake(source, out, "--jobs", jobs, *words)
    copy_lines(source, out, several, count)
    for what, goal, prepare in (
        (f"bake of {count} done lines, s", "5", lambda: None),
        (f"bake of {count} done lines whose times have changed, s", "", lambda: touch([source, out])),
    ):
        seconds = []
        for _ in range(runs):
            prepare()
            began = time.perf_counter()
            bake_none(source, out, count, *words)
            seconds.append(time.perf_counter() - began)
        row(table, what, seconds, goal=goal)


def copy_lines(source: Path, out: Path, several: int, count: int) -> None:
    """Copy the first lines of a production until there are `count`, in its ledger too."""
    records = [json.loads(line) for line in (out / _LEDGER).read_text("utf-8").splitlines()]
    by_name = {record["out"][0]: record for record in records}
    with (out / _LEDGER).open("a", encoding="utf-8") as ledger:
        for number in range(several, count):
            old, new = f"line{number % several:06}", f"line{number:06}"
            record: dict[str, Any] = json.loads(json.dumps(by_name[f"{old}.npz"]).replace(old, new))
            sound, rig = source / f"{new}.wav", out / f"{new}.npz"
            shutil.copy(source / f"{old}.wav", sound)
            shutil.copy(out / f"{old}.npz", rig)
            record["input"]["changed"], record["row"] = sound.stat().st_mtime_ns, number + 1
            record["files"][0]["changed"] = rig.stat().st_mtime_ns
            ledger.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")


def touch(folders: Sequence[Path]) -> None:
    now = time.time()
    for folder in folders:
        for entry in os.scandir(folder):
            if not entry.name.endswith(".jsonl"):
                os.utime(entry.path, (now, now))


def bake_none(source: Path, out: Path, count: int, *words: object) -> None:
    command = [sys.executable, "-m", "medtalk", "bake", source, "-o", out, *words]
    done = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1].split()[:2] == ["0", str(count)], done.stdout


def soak(work: Path, voice: np.ndarray, count: int, jobs: int, words: Sequence[object]) -> Table:
    """A long bake; a table of what its processes hold at its beginning and end."""
    temporary = work / "temporary"
    temporary.mkdir(parents=True, exist_ok=True)
    os.environ["TMPDIR"] = str(temporary)
    source, out = cut(work / "soak", voice, count, 0.5, 2.0), work / "soak_rigs"
    before = lines_of(out)
    baked = bake(source, out, "--jobs", jobs, *words, every=2.0)
    watch = baked.watch
    table = Table("what", "first quarter", "last quarter", "most", title=f"soak: lines {before + 1} to {lines_of(out)}")
    settled = [at for at, lines in enumerate(watch.lines) if lines > before + 10 * jobs]
    quarter = max(1, len(settled) // 4)
    for what, values in (
        ("memory of the command, MB", watch.parent), ("memory of the largest worker, MB", watch.workers),
        ("open files of all", watch.files), ("temporary files beside the rigs", watch.temporary),
    ):  # fmt: skip
        chosen = [values[at] for at in settled] or [0]
        table.add_row(
            what, *(f"{each:.1f}" for each in (median(chosen[:quarter]), median(chosen[-quarter:]), max(chosen)))
        )
    left = [path for folder in (out, temporary) for path in folder.rglob("*") if path.is_file()]
    strays = [path.name for path in left if path.suffix != ".npz" and path.name != _LEDGER]
    table.add_row("lines an hour", "", f"{3600 * baked.rate:.0f}", "")
    table.add_row("rigs; other files at the end", "", str(len(left) - 1 - len(strays)), str(len(strays)))
    return table


if __name__ == "__main__":
    main()
