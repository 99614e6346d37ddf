"""The sidecar as its clients meet it: what it adds to the engine; how fast it starts, answers, cancels; jobs a second.

    OMP_NUM_THREADS=1 python benchmarks/service.py [--bundle DIR] [--sound FILE] [--runs N] [--quick]

A real `medtalk serve --threads 1` and the real client on one machine, with the model in this process beside them; the
variable keeps numpy's own threads off the other cores. Each sound is new to the sidecar unless its line says otherwise.
Goals are those of the median, and of the least progress.

What the sidecar adds to the engine is measured in three ways:

- *wall - work + checksum* is the one to judge the code by. From the client's wall time, from samples in its hand to a
  rig in its hand, goes `timing.work` of the same call; the checksum, which is in that work and none of the engine's, is
  timed here on the same bytes and put back. Taken off is what anybody pays who has the engine in his process: samples
  to speech, hearing, decoding, meta data. It is no difference of two runs, so others on the machine hardly move it.
- *beyond bare* is what `perform` and `decode` in this process, in turns with the sidecar, do not take: in time, and
  in time of the processor (a mean; what two processes do at once counts twice). Nothing is left out, not even that a
  sidecar writes what it keeps to fresh memory until its cache is full. But it is a small difference of large numbers,
  and the same engine differs by several per cent from one process to the next.
- *known: beyond bare* is the same for a sound that the sidecar knows, against `decode` of the kept performance here: it
  has all that the sidecar adds, without the network that hears and most of the noise.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import psutil
import soundfile
from rich.console import Console
from rich.table import Table

import medtalk
from medtalk.audio import Speech, read_speech
from medtalk.perform import Model
from medtalk.rates import RATE
from medtalk_wire import Client, Finishing, Job, Settings, Sound, find_connection

LONG = 600
CLIENTS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default=None)
    parser.add_argument("--sound", type=Path, default=Path("assets/audio/sample.wav"), help="repeated to each length")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="3 runs, and 5 minutes in place of 10")
    settings = parser.parse_args()
    runs, long = (3, 300) if settings.quick else (settings.runs, LONG)
    sounds = Sounds(read_speech(settings.sound).samples)
    report = Report()
    bundle = ["--bundle", settings.bundle] if settings.bundle else []

    for _ in range(max(3, runs // 4)):
        with Sidecar(bundle) as sidecar:
            report.note("ready", sidecar.ready)
    report.line("process start to the ready line, s", "ready", "2", scale=1.0, digits=2)

    model = medtalk.load(settings.bundle, threads=1)
    with Sidecar(bundle) as sidecar, sidecar.client() as client:
        client.wait(client.hello())
        memory = [("when ready", sidecar.megabytes())]
        for seconds in (10, 60):
            overhead(report, sidecar, client, model, sounds, seconds, runs, as_file=False)
        overhead(report, sidecar, client, model, sounds, 60, runs, as_file=True)
        memory.append(("after the sounds of 10 and 60 s", sidecar.megabytes()))
        answers(report, client, sounds, runs)
        took = long_job(report, client, sidecar, sounds, long)
        memory.append((f"after a sound of {long} s", sidecar.megabytes()))
        for seconds in (60, long):
            cancels(report, client, sounds, seconds, took * seconds / long, runs)
        memory.append(("after the cancelled jobs", sidecar.megabytes()))
        jobs_a_second(report, sidecar, model, sounds, 2 * runs)
        memory.append((f"after the jobs of {CLIENTS} clients", sidecar.megabytes()))
        for when, megabytes in memory:
            report.row(f"memory of the sidecar {when}, MB", f"{megabytes:.0f}")
    Console(width=130).print(report.table)


class Report:
    """Seconds noted by name, and the table of them."""

    def __init__(self) -> None:
        self.table = Table("what", "p50", "p95", "most", "goal", title="service")
        self._noted: dict[str, list[float]] = {}

    def note(self, name: str, seconds: float) -> None:
        self._noted.setdefault(name, []).append(seconds)

    def line(self, what: str, name: str, goal: str = "", scale: float = 1000.0, digits: int = 1) -> None:
        """A row of what was noted under `name`, which begins anew; in milliseconds by default."""
        values = scale * np.array(self._noted.pop(name))
        p50, p95 = np.percentile(values, [50, 95])
        self.row(what, *(f"{value:.{digits}f}" for value in (p50, p95, values.max())), goal=goal)

    def row(self, what: str, p50: str, p95: str = "", most: str = "", goal: str = "") -> None:
        self.table.add_row(what, p50, p95, most, goal)


class Sounds:
    """A voice, and new sounds from it: no two are the same."""

    def __init__(self, line: np.ndarray) -> None:
        self._line = line
        self._made = 0

    def new(self, seconds: float) -> np.ndarray:
        """(n,) float32 at 16 kHz."""
        self._made += 1
        samples = np.resize(self._line, round(seconds * RATE))
        samples[self._made] += 1e-4
        return samples


class Sidecar:
    """A `medtalk serve` of its own: `file` tells how to reach it, and `ready` is the seconds from the start of the
    process to its ready line."""

    def __init__(self, options: Sequence[str]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.file = Path(self._folder.name, "sidecar.json")
        command = [sys.executable, "-m", "medtalk", "serve", "--threads", "1", "--port", "0"]
        start = time.perf_counter()
        self.process = subprocess.Popen(
            [*command, "--connection-file", str(self.file), *options], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        if not self.process.stdout.readline():
            sys.exit("The sidecar did not start.")
        self.ready = time.perf_counter() - start

    def client(self) -> Client:
        return Client(find_connection(str(self.file)), name="benchmark")

    def megabytes(self) -> float:
        return psutil.Process(self.process.pid).memory_info().rss / 1e6

    def processor(self) -> float:
        """Seconds of processor time that it has used; a mean of many differences is finer than the clock's 10 ms."""
        used = psutil.Process(self.process.pid).cpu_times()
        return used.user + used.system

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._folder.cleanup()


def pcm(samples: np.ndarray) -> Sound:
    return Sound.from_pcm(samples, RATE, samples.shape, "float32")


def wav(samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV", subtype="FLOAT")
    return file.getvalue()


def overhead(
    report: Report,
    sidecar: Sidecar,
    client: Client,
    model: Model,
    sounds: Sounds,
    seconds: int,
    runs: int,
    *,
    as_file: bool,
) -> None:
    """What the sidecar adds to the engine; see the top of this file."""
    walls, bares, processor = [], [], []
    for run in range(runs + 1):
        samples = sounds.new(seconds)
        data = wav(samples) if as_file else samples.data

        def ask(samples: np.ndarray = samples, data: bytes | memoryview = data) -> Any:
            return client.wait(client.generate(Sound.from_bytes(data) if as_file else pcm(samples)))

        sidecar_used, client_used, start = sidecar.processor(), time.process_time(), time.perf_counter()
        result = ask()
        wall = time.perf_counter() - start
        used = sidecar.processor() - sidecar_used + time.process_time() - client_used
        assert not result.cached
        start = time.perf_counter()
        hashlib.sha256(data).hexdigest()
        checksum = time.perf_counter() - start
        bare_used, start = time.process_time(), time.perf_counter()
        performance = model.perform(read_speech(memoryview(data)) if as_file else Speech.from_array(samples, RATE))
        rig = performance.decode()
        bare = time.perf_counter() - start
        bare_used = time.process_time() - bare_used
        assert np.allclose(result.rig, rig.values, atol=1e-5)
        start = time.perf_counter()
        again = ask()
        known = time.perf_counter() - start
        assert again.cached
        start = time.perf_counter()
        performance.decode()
        decode = time.perf_counter() - start
        if run:  # the first warms up
            walls.append(wall)
            bares.append(bare)
            processor.append(used - bare_used)
            report.note("call", wall - result.timing["work"] + checksum)
            report.note("known", known - decode)
    what = f"{seconds} s as {'WAV' if as_file else 'PCM'}"
    goal = "5" if seconds == 60 and not as_file else ""
    report.line(f"{what}: wall - work + checksum, ms", "call", goal, digits=2)
    report.row(f"{what}: beyond bare, processor, ms (mean)", f"{1e3 * np.mean(processor):.1f}")
    wall, bare = np.median(walls), np.median(bares)
    report.row(f"{what}: beyond bare, ms: {1e3 * wall:.1f} - {1e3 * bare:.1f}", f"{1e3 * (wall - bare):.1f}")
    report.row(f"{what}: wall / bare", f"{wall / bare:.3f}")
    report.line(f"{what}: known: beyond bare, ms", "known", digits=2)


def answers(report: Report, client: Client, sounds: Sounds, runs: int) -> None:
    """Work that was done before, and no work at all."""
    sound = pcm(sounds.new(30))
    heard = client.wait(client.generate(sound)).heard
    for seed in range(runs):
        timed(report, "decode", client, client.decode(heard, Settings(emotion="angry", finishing=Finishing(seed=seed))))
        timed(report, "repeated", client, client.generate(sound, Settings(finishing=Finishing(seed=seed))))
    for _ in range(20 * runs):
        timed(report, "ping", client, client.ping())
    report.line("decode of a kept sound of 30 s, ms", "decode", "50")
    report.line("the same sound of 30 s again, ms", "repeated", "50")
    report.line("ping while nothing is worked on, ms", "ping", digits=2)


def timed(report: Report, name: str, client: Client, job: Job) -> Any:
    start = time.perf_counter()
    result = client.wait(job)
    report.note(name, time.perf_counter() - start)
    return result


def long_job(report: Report, client: Client, sidecar: Sidecar, sounds: Sounds, seconds: int) -> float:
    """How the sidecar answers while it works on a long sound; gives the seconds that it works."""
    sound, told = pcm(sounds.new(seconds)), []
    ended = threading.Event()

    def ping() -> None:
        with sidecar.client() as other:
            while not ended.wait(0.005):
                timed(report, "ping", other, other.ping())

    pinging = threading.Thread(target=ping)
    pinging.start()
    start = time.perf_counter()
    job = client.generate(sound)
    while not job.ended:
        client.poll(10.0)  # until one message or more has come
        told.append(time.perf_counter())
    result = client.wait(job)
    took = told.pop() - start
    ended.set()
    pinging.join()
    report.row(f"a sound of {seconds} s, s", f"{took:.2f}")
    report.line(f"ping while a sound of {seconds} s is worked on, ms", "ping", digits=2)
    windows = np.arange(told[0], told[-1] - 1.0, 0.01)
    least = min((int(np.searchsorted(told, at + 1.0) - np.searchsorted(told, at)) for at in windows), default=0)
    report.row(
        f"progress a second meanwhile, least of any second (longest gap {1e3 * np.diff(told).max():.0f} ms)",
        f"{least}", goal="5",
    )  # fmt: skip
    return result.timing["work"]


def cancels(report: Report, client: Client, sounds: Sounds, seconds: int, took: float, runs: int) -> None:
    """Cancel at random moments of a job, which takes `took` seconds."""
    rng = np.random.default_rng(seconds)
    short = client.wait(client.generate(pcm(sounds.new(1)))).heard
    slowest = (0.0, "")
    for _ in range(runs):
        sound, moment = pcm(sounds.new(seconds)), time.perf_counter() + rng.uniform(0.0, 0.95) * took
        job = client.generate(sound)
        while not job.ended and (left := moment - time.perf_counter()) > 0:
            client.poll(left)
        if job.ended:  # it was faster this time
            continue
        where = f"{job.phase or 'upload'} {100 * job.fraction:.0f} %"
        start = time.perf_counter()
        client.cancel(job)
        while not job.ended:
            client.poll(0.1)
        cancelled = time.perf_counter() - start
        if job.error is None:
            continue
        sent = time.perf_counter() - start
        free = sent + client.wait(client.decode(short)).timing["queued"]
        report.note("cancelled", cancelled)
        report.note("free", free)
        slowest = max(slowest, (free, where))
    report.line(f"cancel of a sound of {seconds} s, to its error at the client, ms", "cancelled", "200")
    report.line(f"and until the next job is worked on, ms (most at: {slowest[1]})", "free")


def jobs_a_second(report: Report, sidecar: Sidecar, model: Model, sounds: Sounds, count: int) -> None:
    """Sounds of 5 s, from one client and from eight at a time, and with the engine alone."""
    samples = [sounds.new(5) for _ in range(count)]
    start = time.perf_counter()
    for one in samples:
        model.perform(Speech.from_array(one, RATE)).decode()
    report.row("jobs a second of 5 s: the engine in this process", f"{count / (time.perf_counter() - start):.1f}")
    for clients in (1, CLIENTS):
        fresh = [[pcm(sounds.new(5)) for _ in range(max(1, count // clients))] for _ in range(clients)]
        for state in ("new", "known"):
            speed = together(sidecar, fresh)
            report.row(f"jobs a second of 5 s: {clients} clients, {state} sounds", f"{speed:.1f}")


def together(sidecar: Sidecar, work: Sequence[Sequence[Sound]]) -> float:
    """A client for each list of sounds, all at the same time; gives the jobs a second of all."""
    ready = threading.Barrier(len(work) + 1)

    def run(own: Sequence[Sound]) -> None:
        with sidecar.client() as client:
            client.wait(client.hello())
            ready.wait()
            for sound in own:
                client.wait(client.generate(sound))

    threads = [threading.Thread(target=run, args=(own,)) for own in work]
    for thread in threads:
        thread.start()
    ready.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    return sum(map(len, work)) / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
