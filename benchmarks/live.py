"""How fast and how good the live face is: the work of a step, latency, memory, drift, and lips beside the offline ones.

    python benchmarks/live.py [--bundle DIR] [--speech DIR ...] [--look-ahead S] [--step S] [--seconds N] [--json FILE]
                              [--only time|memory|hour|quality]

Streams run in real time on one core, alone, beside a process that keeps the same core busy, and two on the one core.
Needs Linux, and ``pip install -e .[train]`` for the table of lips (the measures live beside the training). Other work
on the machine shows in the figures: run it on an idle one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # numpy's share of "one core"; it reads this once

import numpy as np
from rich.console import Console
from rich.table import Table

import medtalk
from medtalk.audio import read_speech
from medtalk.rates import FPS, RATE

ROOT = Path(__file__).parents[1]
DATA = ROOT / "tests" / "data"
PARTS = ("time", "memory", "hour", "quality")
LATENCY_MS, FALSE_A_MINUTE, F1, AUC_LOST = 120, 6, 0.90, 0.03
"""What is aimed at, at the default setting."""
BUSY = "while True: pass"
QUIET_S = 4.0
"""Seconds at the beginning of a stream whose steps do not count: libraries are loaded there."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default=None, help="a bundle's folder; default the one that ships")
    parser.add_argument("--speech", type=Path, action="append", help="recordings with phones.json; default tests/data")
    parser.add_argument("--look-ahead", type=float, default=0.08)
    parser.add_argument("--step", type=float, default=0.04)
    parser.add_argument("--seconds", type=float, default=30.0, help="of each stream in real time")
    parser.add_argument("--json", type=Path, default=None, help="write the figures here too")
    parser.add_argument("--only", choices=PARTS, action="append", help="leave out the other parts")
    parser.add_argument("--child", choices=("paced", "memory", "hour"), help=argparse.SUPPRESS)
    settings = parser.parse_args()
    settings.speech = settings.speech or [DATA]
    if settings.child:
        print(json.dumps({"paced": paced, "memory": memory, "hour": hour}[settings.child](settings)))
        return
    found: dict[str, object] = {}
    for part in settings.only or PARTS:
        found[part] = {"time": times, "memory": memories, "hour": hours, "quality": quality}[part](settings)
    if settings.json:
        settings.json.write_text(json.dumps(found, indent=1))


def line(seconds: float) -> np.ndarray:
    """So much speech: the recordings of the tests, again and again."""
    sounds = [read_speech(DATA / name).samples for name in ("sonnet.flac", "jfk.flac")]
    return np.resize(np.concatenate(sounds), round(seconds * RATE))


def stream(settings: argparse.Namespace) -> medtalk.live.Live:
    model = medtalk.load(settings.bundle, threads=1)
    return model.live("happy", look_ahead=settings.look_ahead, step=settings.step)


def paced(settings: argparse.Namespace) -> dict[str, list[float]]:
    """A stream in real time: ms of each step's work, and ms from each frame's own moment to its being there."""
    live, size = stream(settings), round(settings.step * RATE)
    sound = line(settings.seconds + QUIET_S)
    work, late = [], []
    begun = time.perf_counter()
    for number in range(len(sound) // size):
        arrives = begun + (number + 1) * settings.step
        time.sleep(max(arrives - time.perf_counter(), 0.0))
        start = time.perf_counter()
        frames = live.push(sound[number * size : (number + 1) * size])
        end = time.perf_counter()
        if number * settings.step >= QUIET_S:
            work.append(1000.0 * (end - start))
            late += (1000.0 * (end - begun - frames.times)).tolist()
    return {"work": work, "late": late}


def memory(settings: argparse.Namespace) -> dict[str, float]:
    """MB of the process after a minute and after ten."""
    live, minute, found = stream(settings), line(60.0), {}
    for number in range(1, 11):
        live.push(minute)
        if number in (1, 10):
            found[f"{number} min"] = _resident()
    return found


def hour(settings: argparse.Namespace) -> dict[str, float]:
    """An hour, of which all but the last minute in a hurry: frames too many, and how late the last minute's jaw is."""
    live, minute = stream(settings), line(60.0)
    for _ in range(59):
        live.push(minute, hurry=True)
    first = live.frames
    last = np.concatenate([live.push(minute).values, live.finish().values])[59 * 60 * FPS - first :]
    fresh = stream(settings)
    own = np.concatenate([fresh.push(minute).values, fresh.finish().values])
    jaw = medtalk.rig.channels.indices("C_jaw.Y")[0]
    found, wanted = last[:, jaw] - last[:, jaw].mean(), own[:, jaw] - own[:, jaw].mean()
    reach = 30
    fits = [float(found[reach + k : len(found) - reach + k] @ wanted[reach:-reach]) for k in range(-reach, reach + 1)]
    return {"frames too many": live.frames - 3600 * FPS, "jaw late, frames": int(np.argmax(fits)) - reach}


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def children(settings: argparse.Namespace, kind: str, count: int = 1, busy: bool = False) -> list[dict]:
    """What so many processes like this one print, all of them on one core."""
    core = str(max(os.sched_getaffinity(0)))
    command = [sys.executable, __file__, "--child", kind, "--look-ahead", str(settings.look_ahead)]
    command += ["--step", str(settings.step), "--seconds", str(settings.seconds)]
    command += ["--bundle", settings.bundle] if settings.bundle else []
    pinned = ["taskset", "-c", core]
    other = subprocess.Popen([*pinned, sys.executable, "-c", BUSY]) if busy else None
    try:
        running = [subprocess.Popen([*pinned, *command], stdout=subprocess.PIPE, text=True) for _ in range(count)]
        return [json.loads(each.communicate()[0]) for each in running]
    finally:
        if other is not None:
            other.kill()
            other.wait()


def times(settings: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Work of the steps and latency, ms, in each company."""
    step, out = 1000.0 * settings.step, {}
    for name, count, busy in (("alone", 1, False), ("beside a busy process", 1, True), ("two streams", 2, False)):
        found = children(settings, "paced", count, busy)
        work = np.concatenate([each["work"] for each in found])
        late = np.concatenate([each["late"] for each in found])
        out[name] = {
            **{f"work p{share}": float(np.percentile(work, share)) for share in (50, 95, 99)},
            "xruns": int((work > step).sum()),
            "steps": len(work),
            **{f"latency p{share}": float(np.percentile(late, share)) for share in (50, 95, 99)},
        }
    show(
        f"steps of {step:.0f} ms with a look-ahead of {1000 * settings.look_ahead:.0f} ms, on one core, ms (aimed at: "
        f"work p99 {step / 2:.0f}, latency {LATENCY_MS})",
        out,
        1,
    )
    return out


def memories(settings: argparse.Namespace) -> dict[str, float]:
    (found,) = children(settings, "memory")
    show("memory of the process, MB", {"one stream": found}, 1)
    return found


def hours(settings: argparse.Namespace) -> dict[str, float]:
    (found,) = children(settings, "hour")
    show("after an hour", {"one stream": found}, 0)
    return found


def quality(settings: argparse.Namespace) -> dict[str, dict[str, float]]:
    """The finished mouth on recordings with phone times: offline, live, and one that does nothing; and rest."""
    from medtalk_train.measure import nonspeech
    from medtalk_train.measure.evaluate import mouth
    from medtalk_train.measure.recordings import read_recordings

    model = medtalk.load(settings.bundle, threads=1)
    recordings = [each for folder in settings.speech for each in read_recordings(folder)]

    def played(sound: np.ndarray, look_ahead: float) -> np.ndarray:
        live = model.live(look_ahead=look_ahead, step=settings.step)
        return np.concatenate([live.push(sound).values, live.finish().values])

    rigs = {"offline": [model.perform(each.speech).decode("neutral").values for each in recordings]}
    for ahead in sorted({0.0, settings.look_ahead, 2 * settings.look_ahead}):
        rigs[f"live, {1000 * ahead:.0f} ms"] = [played(each.speech.samples, ahead) for each in recordings]
    rigs["a still mouth"] = [np.zeros_like(rig) for rig in rigs["offline"]]
    out = {name: _short(mouth(shown, recordings)) for name, shown in rigs.items()}
    show(f"lips on {_about(recordings)} (aimed at: F1 {F1}, false {FALSE_A_MINUTE}, AUC {AUC_LOST} lost)", out, 3)
    resting = nonspeech.rest(lambda sound: played(sound, settings.look_ahead))
    show("jaw p95 where nobody speaks", {"live": {name.split(", ")[1]: value for name, value in resting.items()}}, 3)
    return {**out, "rest": resting}


_COLUMNS = {
    "closure F1": "close F1", "closure recall": "recall", "closure precision": "precision",
    "closure false/min": "false/min", "closure lag, frames": "lag", "bite F1": "bite F1", "rounding F1": "round F1",
    "open vowels shut": "vowels shut", "AUC mean": "AUC", "MLE / still mouth, phones known": "MLE / still",
    "jitter": "jitter",
}  # fmt: skip


def _short(figures: dict[str, float]) -> dict[str, float]:
    return {heading: figures[name] for name, heading in _COLUMNS.items() if name in figures}


def _about(recordings: Sequence) -> str:
    seconds = sum(each.speech.seconds for each in recordings)
    return f"{len(recordings)} recordings, {seconds:.0f} s"


def show(title: str, rows: dict[str, dict[str, float]], digits: int) -> None:
    """Print a table of rows by name."""
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    table = Table("", *columns, title=title)
    for name, row in rows.items():
        cells = (row.get(column) for column in columns)
        table.add_row(
            name, *("" if cell is None else f"{cell:.{0 if isinstance(cell, int) else digits}f}" for cell in cells)
        )
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
