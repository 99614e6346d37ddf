"""The full MEDTalk against the authors' release: time and memory of both on the same weights, and that they agree.

    python benchmarks/engine.py [--seconds 10,30,60,300,600] [--device cpu] [--quick]

The weights are random, in the published sizes (see weights.py): they are built on the first run, 2.3 GB in the folder
--work, and kept. The release is its order of work, written anew (release.py), all models loaded. Each figure is from a
process of its own; of several runs the least counts, as others on the machine only add to it. Memory is the most that
the process had at any moment, loading included, or of a GPU's memory the most that was in use.

- *release*: a sound to a smoothed rig. Another emotion takes it as long again. *Without Whisper* is the same less its
  transcript, whose words reach no network in the release. Whisper's random weights know no end of a sentence: it writes
  4 tokens a second of sound, about what speech has, and never tries again.
- *ours*: `perform` and `decode`. *Another emotion* is `decode` alone.
- *difference*: the largest of any value of the two rigs, whose values are about as large as a real one's or larger.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import medtalk
from medtalk.audio import Speech, read_speech
from medtalk.rates import RATE

# This process imports no torch: a child's peak of memory begins at its parent's.

TOLERANCE = 1e-4
"""How far the rigs may be apart in float32."""
ONCE = 60
"""Seconds of a sound above which one run is enough."""
BATCH, CLIP = 16, 10
"""Sounds of a batch, and seconds of each."""
Result = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """What a process is started for.

    way: "build" (the weights), "release", "ours" or "batch". rig: where to write the rig.
    """

    way: str
    folder: str
    sound: str = ""
    seconds: float = 0.0
    device: str = "cpu"
    dtype: str = "float32"
    runs: int = 1
    threads: int = 1
    memory: float = 0.0
    rig: str = ""


def main() -> None:
    if sys.argv[1:2] == ["--task"]:
        return _child(Task(**json.loads(sys.argv[2])))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=_lengths, default=[10, 30, 60, 300, 600], help="of the sounds, with commas")
    parser.add_argument("--quick", action="store_true", help="10 and 30 s, 2 runs")
    parser.add_argument("--runs", type=int, default=3, help=f"of sounds up to {ONCE} s; longer ones run once")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: CPU, and GPU if any")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="cores, on a CPU")
    parser.add_argument("--memory", type=float, default=16.0, help="GB that a process may take, on a CPU")
    parser.add_argument("--sound", type=Path, default=Path("assets/audio/sample.wav"), help="repeated to each length")
    parser.add_argument("--work", type=Path, default=cache / "medtalk" / "benchmark", help="where the weights are kept")
    settings = parser.parse_args()
    if not settings.sound.is_file():
        parser.error(f"there is no sound {settings.sound}")
    if min(settings.runs, settings.threads) < 1:
        parser.error("--runs and --threads are 1 or more")
    if settings.quick:
        settings.seconds, settings.runs = [10, 30], 2
    task = Task("build", str(settings.work), str(settings.sound), threads=settings.threads, memory=settings.memory)
    try:
        gpu = run(task).get("gpu")
        if settings.device == "cuda" and not gpu:
            sys.exit("torch sees no CUDA GPU here.")
        places = [("cpu", "float32"), ("cuda", "float32"), ("cuda", "bfloat16")]
        for device, dtype in places:
            if device == settings.device or (settings.device == "auto" and (device == "cpu" or gpu)):
                where = gpu if device == "cuda" else f"CPU, {settings.threads} threads"
                compare(replace(task, device=device, dtype=dtype), settings.seconds, settings.runs, f"{where}, {dtype}")
    except KeyboardInterrupt:
        sys.exit(f"Interrupted. What was built is kept in {settings.work}.")


def compare(task: Task, lengths: Sequence[float], runs: int, title: str) -> None:
    """Measure both ways at each length and print the table; ends the process where their rigs are apart."""
    table, worst, failed = new_table(title), 0.0, ""
    with tempfile.TemporaryDirectory() as folder:
        for seconds in lengths:
            one = replace(task, seconds=seconds, runs=runs if seconds <= ONCE else 1)
            rigs = {way: Path(folder, f"{way}.npy") for way in ("ours", "release")}
            ours = run(replace(one, way="ours", rig=str(rigs["ours"])))
            if failed:  # a longer sound takes more of everything
                release = {"error": failed}
            else:
                release = run(replace(one, way="release", rig=str(rigs["release"])))
                failed = release.get("error", "")
            apart = None
            if "error" not in ours and "error" not in release:
                apart = float(np.abs(np.load(rigs["ours"]) - np.load(rigs["release"])).max())
                worst = max(worst, apart)
            add_row(table, seconds, release, ours, apart)
    Console(width=130).print(table)
    if task.device != "cpu" and "error" not in (batch := run(replace(task, way="batch", runs=runs))):
        print(f"{BATCH} sounds of {CLIP} s: one by one {batch['alone']:.2f} s, together {batch['together']:.2f} s")
    if task.dtype == "float32" and worst > TOLERANCE:
        sys.exit(f"The rigs are {worst:.1e} apart; {TOLERANCE:.0e} is allowed.")


def new_table(title: str) -> Table:
    table = Table(title=title)
    for name in ("sound", "release, s", "without\nWhisper, s", "ours, s", "times faster\n(no Whisper)",
                 "another emotion,\nours, ms", "memory,\nrelease, GB", "memory,\nours, GB", "difference"):  # fmt: skip
        table.add_column(name, justify="right")
    return table


def add_row(table: Table, seconds: float, release: Result, ours: Result, apart: float | None) -> None:
    """A row of what `work` told of both ways, or of why one told nothing."""
    row = [f"{seconds:g} s"]
    row += [release["error"], ""] if "error" in release else [f"{release[key]:.2f}" for key in ("took", "unheard")]
    row += [ours["error"]] if "error" in ours else [f"{ours['took']:.2f}"]
    both = "error" not in release and "error" not in ours
    row += [f"{release['took'] / ours['took']:.1f} ({release['unheard'] / ours['took']:.1f})" if both else ""]
    row += ["" if "error" in ours else f"{1000 * ours['again']:.0f}"]
    row += ["" if "error" in result else f"{result['memory']:.1f}" for result in (release, ours)]
    table.add_row(*row, "" if apart is None else f"{apart:.0e}")


def run(task: Task) -> Result:
    """What `work` tells in a process of its own: its result, or {"error": ...} where memory did not suffice.

    Any other failure ends this process with one line.
    """
    what = f"{task.way}, {task.device}, {task.dtype}, {task.seconds:g} s" if task.seconds else task.way
    print(f"{what} ...", file=sys.stderr, flush=True)
    command = [sys.executable, __file__, "--task", json.dumps(asdict(task))]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == -9:  # by the system, where no limit of ours came first
        return {"error": "out of memory"}
    if done.returncode:
        sys.exit(f"{what}: {(done.stderr.strip() or 'it ended without a word').splitlines()[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def _child(task: Task) -> None:
    """Work under the limit of memory; the last line of the output tells the result."""
    if task.device == "cpu":  # the driver of a GPU reserves far more than it uses
        limit = int(task.memory * 1e9)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    try:
        told = work(task)
    except (MemoryError, RuntimeError) as error:  # torch's own for a GPU is a RuntimeError, too
        if not isinstance(error, MemoryError) and not any(word in str(error) for word in ("memory", "bad_alloc")):
            raise
        told = {"error": f"over {task.memory:g} GB" if task.device == "cpu" else "out of memory"}
    print(json.dumps(told))


def work(task: Task) -> Result:
    """What a task tells.

    "build": gpu, the name of the first one or None. "release", "ours": took, the seconds of a run; unheard, those
    without Whisper, or again, of another emotion. "batch": seconds alone and together. All but "build" also tell the
    memory in GB.
    """
    import torch

    folder = Path(task.folder)
    if task.way == "build":
        from weights import build

        build(folder)
        return {"gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None}
    voice = read_speech(task.sound).samples
    with torch.autocast(task.device, torch.bfloat16, enabled=task.dtype == "bfloat16"):
        told = {"release": _release, "ours": _ours, "batch": _batch}[task.way](task, folder, voice)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return told | {"memory": (own if task.device == "cpu" else torch.cuda.max_memory_allocated()) / 1e9}


def _release(task: Task, folder: Path, voice: NDArray[np.float32]) -> Result:
    from release import Release

    release = Release(folder, task.device, task.threads)
    release(np.resize(voice, 2 * RATE), "angry")  # warms up
    samples, took, unheard = np.resize(voice, round(task.seconds * RATE)), [], []
    for _ in range(task.runs):
        seconds, rig = _timed(release, samples, "angry")
        took.append(seconds)
        unheard.append(seconds - release.whisper_seconds)
        np.save(task.rig, rig)
    return {"took": min(took), "unheard": min(unheard)}


def _ours(task: Task, folder: Path, voice: NDArray[np.float32]) -> Result:
    from medtalk.finishing import PAPER

    model = _model(task, folder)
    model.perform(_speech(voice, 2.0)).decode("angry")  # warms up
    speech, took, again = _speech(voice, task.seconds), [], []
    for _ in range(task.runs):
        heard, performance = _timed(model.perform, speech)
        decoded, rig = _timed(performance.decode, "angry", finishing=PAPER)
        took.append(heard + decoded)
        again.append(_timed(performance.decode, "happy", finishing=PAPER)[0])
        np.save(task.rig, rig.values)
    return {"took": min(took), "again": min(again)}


def _batch(task: Task, folder: Path, voice: NDArray[np.float32]) -> Result:
    model = _model(task, folder)
    speeches = [_speech(np.roll(voice, number * RATE), CLIP) for number in range(BATCH)]
    model.perform_all(speeches)  # warms up
    alone = [sum(_timed(model.perform, speech)[0] for speech in speeches) for _ in range(task.runs)]
    together = [_timed(model.perform_all, speeches)[0] for _ in range(task.runs)]
    return {"alone": min(alone), "together": min(together)}


def _model(task: Task, folder: Path) -> medtalk.Model:
    threads = task.threads if task.device == "cpu" else None
    backbones = {"emotion2vec": folder / "emotion2vec"}
    return medtalk.load(folder / "bundle", device=task.device, threads=threads, backbones=backbones, offline=True)


def _speech(voice: NDArray[np.float32], seconds: float) -> Speech:
    return Speech.from_array(np.resize(voice, round(seconds * RATE)), RATE)


def _timed(call: Callable[..., Any], *words: Any, **options: Any) -> tuple[float, Any]:
    """Seconds of a call, and what it gave."""
    start = time.perf_counter()
    result = call(*words, **options)
    return time.perf_counter() - start, result


def _lengths(text: str) -> list[float]:
    try:
        lengths = sorted({float(word) for word in text.split(",")})
    except ValueError:
        lengths = []
    if not lengths or not all(1.0 <= seconds <= 3600.0 for seconds in lengths):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of seconds, 1 to 3600 each, as 10,30")
    return lengths


if __name__ == "__main__":
    main()
