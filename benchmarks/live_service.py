"""Streams of the sidecar as a client meets them: from the moment of a frame's sound to the frame, over loopback.

    OMP_NUM_THREADS=1 python benchmarks/live_service.py [--bundle DIR] [--sound FILE] [--seconds S] [--quick]

A real `medtalk serve --threads 1` and the real client on one machine. Each stream is a process that sends 20 ms of
sound each 20 ms, as a microphone does, and takes frames as they come. It is measured alone, beside jobs that keep the
sidecar busy, and beside another stream. A frame's sound is there when its last sample is, at k / 60 s; look-ahead and
step are in the figure, 72 to 112 ms. The load shows what else the machine does, which matters most.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.service import Sidecar, Sounds, pcm
from medtalk.audio import read_speech
from medtalk.rates import RATE
from medtalk_wire import Client, Frames, Settings, find_connection

BLOCK = RATE // 50
"""Samples of a message."""
SETTLED = 30
"""Frames that are not counted: the first step of a model is slower."""
LONG = 300.0
"""Seconds of the sounds of jobs."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default=None)
    parser.add_argument("--sound", type=Path, default=Path("assets/audio/sample.wav"), help="repeated to each length")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each stream")
    parser.add_argument("--quick", action="store_true", help="5 seconds of each")
    settings = parser.parse_args()
    seconds = 5.0 if settings.quick else settings.seconds
    line = read_speech(settings.sound).samples
    table = Table("what", "p50, ms", "p95", "p99", "most", "frames", "lost, ms", "dropped", "load", title="streams")
    with Sidecar(["--bundle", settings.bundle] if settings.bundle else []) as sidecar:
        for what, streams, jobs in (("one stream", 1, 0), ("one stream and jobs", 1, 1), ("two streams", 2, 0)):
            for row in measured(sidecar, line, seconds, streams, jobs):
                table.add_row(what, *row)
    Console(width=130).print(table)


def measured(sidecar: Sidecar, line: np.ndarray, seconds: float, streams: int, jobs: int) -> list[list[str]]:
    """The cells of each stream."""
    context = multiprocessing.get_context("spawn")
    found, stop = context.Queue(), context.Event()
    begin = context.Barrier(streams + 1)
    own = [(stream, (str(sidecar.file), line, seconds, begin, found)) for _ in range(streams)]
    own += [(work, (str(sidecar.file), line, stop)) for _ in range(jobs)]
    processes = [context.Process(target=target, args=arguments) for target, arguments in own]
    for process in processes:
        process.start()
    begin.wait()
    rows = []
    for _ in range(streams):
        delays, lost, dropped = found.get(timeout=60.0 + 3.0 * seconds)
        figures = [*np.percentile(delays, [50, 95, 99]), delays.max(), len(delays), 1e3 * lost / RATE, dropped]
        rows.append([*(f"{each:.0f}" for each in figures), f"{psutil.getloadavg()[0]:.1f}"])
    stop.set()
    for process in processes:
        process.join()
    return rows


def stream(file: str, line: np.ndarray, seconds: float, begin: Any, found: Any) -> None:
    """A process that streams in real time; it gives the delays of frames in ms, and samples lost and frames dropped."""
    sound, delays = np.resize(line, round(seconds * RATE)), []
    with Client(find_connection(file)) as client:
        live = client.stream(Settings(emotion="happy"), dtype="float32", live=True)
        while live.state != "accepted":
            client.poll(0.05)
        begin.wait()
        start = time.perf_counter()

        def note(frames: Frames) -> None:
            now = time.perf_counter() - start
            delays.extend(1e3 * (now - shown) for shown in frames.times)

        for at in range(0, len(sound), BLOCK):
            while (left := start + (at + BLOCK) / RATE - time.perf_counter()) > 0:
                for frames in live.frames(left):
                    note(frames)
            live.push(sound[at : at + BLOCK])
        for frames in live.rest():
            note(frames)
        found.put((np.array(delays[SETTLED:]), live.lost, live.dropped))


def work(file: str, line: np.ndarray, stop: Event) -> None:
    """A process that gives the sidecar one long job after the other."""
    sounds = Sounds(line)
    with Client(find_connection(file)) as client:
        while not stop.is_set():
            job = client.generate(pcm(sounds.new(LONG)))
            while not (job.ended or stop.is_set()):
                client.poll(0.1)
        client.cancel(job)
        client.poll(0.2)


if __name__ == "__main__":
    main()
