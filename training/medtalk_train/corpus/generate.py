"""Generates the corpus: some hours of speech by three engines, with the time of every phone.

The corpus is a plan and its execution. Chunk ``n`` of seed ``s`` depends on ``s`` and ``n`` alone, so a corpus is the
same for any number of processes and after any interruption. All engines are mixed in every chunk, so that every
beginning of a corpus is a fair sample of it.

On disk (see `read.Corpus`): ``audio.i16``, ``index.jsonl`` and ``corpus.json`` (seed and statistics).
"""

from __future__ import annotations

import json
import logging
import multiprocessing
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from medtalk.backbones.phones import PHONE_INDEX, SILENCE
from medtalk.errors import OutputError, TrainingError
from medtalk.files import write_atomic

from . import espeak, festival, flite, text
from .phones import NotSpoken, Span
from .plan import CHUNK, Job, plan_chunk

RATE = 16000
SHORTEST, LONGEST = 1.2, 12.0  # s
LEVEL = 10 ** (-23 / 20)  # root mean square over speech, of full scale
_PEAK = 0.98
_SILENT = 1e-4
_LEAST_PHONES = 4
_MOST_FAILED_CHUNKS = 4  # chunks in a row without one good utterance

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Made:
    """One utterance as it goes to disk: int16 samples at 16 kHz and its phones."""

    job: Job
    samples: np.ndarray
    phones: list[Span]


def say(words: str, engine: str = "flite", voice: str = "slt", **settings: float) -> tuple[np.ndarray, list[Span]]:
    """Speaks one sentence; gives (float32 samples (n,) at 16 kHz, phone spans contiguous from 0 to the end).

    ``engine`` is ``espeak``, ``flite`` or ``festival``; ``settings`` are those of its ``speak`` function. Raises
    TrainingError where engine or voice is missing, or the sentence cannot be spoken.
    """
    speakers: dict[str, Callable[..., tuple[np.ndarray, int, list[Span]]]] = {
        "flite": flite.speak,
        "festival": festival.speak,
        "espeak": espeak.speak,
    }
    if engine not in speakers:
        raise TrainingError(f"Speech engine {engine!r} is unknown; valid are espeak, flite, festival.")
    try:
        return finish(*speakers[engine](words, voice, **settings))
    except NotSpoken as error:
        raise TrainingError(f"{engine} could not speak the sentence: {error}.", "Choose other words.") from error


def finish(
    samples: np.ndarray, rate: int, phones: list[Span], lead: float = 0.0, tail: float = 0.0
) -> tuple[np.ndarray, list[Span]]:
    """To 16 kHz, -23 dBFS over speech, ``lead`` and ``tail`` seconds of silence around it; refuses bad utterances.

    Raises NotSpoken for a length outside 1.2 to 12 s, too few phones, silence, or phones that do not fill the sound.
    """
    if rate != RATE:
        samples = soxr.resample(samples, rate, RATE)
    before, after = round(lead * RATE), round(tail * RATE)
    samples = np.concatenate([np.zeros(before, np.float32), samples.astype(np.float32), np.zeros(after, np.float32)])
    seconds = len(samples) / RATE
    if not SHORTEST <= seconds <= LONGEST:
        raise NotSpoken(f"{seconds:.1f} s is outside {SHORTEST} to {LONGEST} s", "length")
    silence = PHONE_INDEX[SILENCE]
    shift = before / RATE
    moved = [(start + shift, end + shift, index) for start, end, index in phones]
    if before and moved:
        moved = [(0.0, moved[0][1], silence), *moved[1:]] if moved[0][2] == silence else [(0.0, shift, silence), *moved]
    if moved:
        if moved[-1][2] == silence or not after:
            moved[-1] = (moved[-1][0], seconds, moved[-1][2])
        else:
            moved.append((moved[-1][1], seconds, silence))
    if sum(index != silence for _, _, index in moved) < _LEAST_PHONES:
        raise NotSpoken("there are no phones", "no phones")
    spoken = np.zeros(len(samples), bool)
    for start, end, index in moved:
        if end <= start:
            raise NotSpoken("the phones are out of order", "phones out of order")
        if index != silence:
            spoken[int(start * RATE) : int(end * RATE)] = True
    level = float(np.sqrt(np.mean(np.square(samples[spoken]), dtype=np.float64)))
    if not np.isfinite(level) or level < _SILENT:
        raise NotSpoken("there is only silence", "silence")
    gain = min(LEVEL / level, _PEAK / float(np.abs(samples).max()))
    return (samples * gain).astype(np.float32), moved


def make_chunk(seed: int, number: int) -> list[Made | tuple[int, str, str]]:
    """Speaks all utterances of a chunk: what was made, or (id, reason, message) of what was refused."""
    jobs = plan_chunk(seed, number)
    sung = [job for job in jobs if job.engine == "festival"]
    read = [job for job in jobs if job.engine == "espeak"]
    ready = dict(
        zip(
            [job.id for job in sung],
            festival.speak_all([(job.text, job.settings["stretch"]) for job in sung], sung[0].voice) if sung else [],
            strict=True,
        )
    )
    requests = [(job.text, job.voice, {name: int(value) for name, value in job.settings.items()}) for job in read]
    ready.update(zip([job.id for job in read], espeak.speak_all(requests), strict=True))
    results: list[Made | tuple[int, str, str]] = []
    for job in jobs:
        try:
            if job.engine == "flite":
                extra = {name: value for name, value in job.settings.items() if name != "stretch"}
                raw = flite.speak(job.text, job.voice, job.settings["stretch"], extra)
            else:
                raw = ready[job.id]
                if isinstance(raw, NotSpoken):
                    raise raw
            samples, phones = finish(*raw, lead=job.lead, tail=job.tail)
        except NotSpoken as error:
            results.append((job.id, error.reason, str(error)))
        else:
            results.append(Made(job, np.round(samples * 32767.0).astype("<i2"), phones))
    return results


def check_engines() -> None:
    """Raises TrainingError, naming the Debian package, for the first engine, voice or text that is missing."""
    flite.check()
    festival.check()
    espeak.check()
    for language in text.SOURCES:
        text.sentences(language)


def generate(folder: Path | str, hours: float, seed: int = 1, progress: bool = True, jobs: int = 1) -> dict:
    """Writes a corpus of at least ``hours`` of speech into ``folder``, or goes on with one that is there.

    ``jobs`` processes speak at once. Gives the statistics that also lie in ``corpus.json``. Raises TrainingError for a
    missing engine or voice, or a folder that holds a corpus of another seed; OutputError where it cannot be written.
    """
    if not hours > 0 or jobs < 1:
        raise TrainingError(f"A corpus needs more than 0 hours and at least one job, not {hours} and {jobs}.")
    check_engines()
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _claim(folder, seed)
        seconds, last = _resume(folder)
        refused: Counter[str] = Counter()
        if seconds < hours * 3600:
            seconds = _append(folder, hours * 3600, seconds, last, seed, jobs, progress, refused)
        return _summary(folder, seed, refused)
    except OSError as error:
        raise OutputError(f"The corpus cannot be written into {folder}: {error}.", "Choose another folder.") from error


def _append(
    folder: Path, wanted: float, seconds: float, last: int, seed: int, jobs: int, progress: bool, refused: Counter[str]
) -> float:
    """Appends utterances after ``last`` until there are ``wanted`` seconds; gives the seconds that there are."""
    from rich.progress import Progress

    failed = 0
    with (
        (folder / "audio.i16").open("ab") as audio,
        (folder / "index.jsonl").open("a", encoding="utf-8") as index,
        Progress(disable=not progress) as bar,
    ):
        task = bar.add_task("speech", total=wanted, completed=round(seconds))
        for number, results in _chunks(seed, (last + 1) // CHUNK, jobs):
            good = 0
            for result in results:
                if isinstance(result, tuple):
                    _, reason, message = result
                    refused[reason] += 1
                    if reason not in ("length",):
                        log.warning("refused: %s", message)
                    continue
                good += 1
                if result.job.id <= last:
                    continue
                start = audio.tell() // 2
                audio.write(result.samples.tobytes())
                audio.flush()  # sound first: an index line always has its sound
                index.write(json.dumps(_row(result, start), ensure_ascii=False) + "\n")
                index.flush()
                seconds += len(result.samples) / RATE
                if seconds >= wanted:
                    break
            bar.update(task, completed=seconds)
            if number % 20 == 0:
                log.info("%.2f of %.2f h", seconds / 3600, wanted / 3600)
            failed = 0 if good else failed + 1
            if failed >= _MOST_FAILED_CHUNKS:
                raise TrainingError(f"The engines fail on every sentence: {dict(refused)}.", "Try `espeak-ng hello`.")
            if seconds >= wanted:
                break
    return seconds


def _row(made: Made, start: int) -> dict:
    job = made.job
    return {
        "id": job.id,
        "engine": job.engine,
        "voice": job.voice,
        "language": job.language,
        "split": job.split,
        "text": job.text,
        "start": start,
        "samples": len(made.samples),
        "phones": [[round(a, 5), round(b, 5), c] for a, b, c in made.phones],
    }


def _chunks(seed: int, first: int, jobs: int) -> Iterator[tuple[int, list[Made | tuple[int, str, str]]]]:
    """All chunks from ``first`` on, in order, spoken by ``jobs`` processes."""
    number = first
    if jobs == 1:
        while True:
            yield number, make_chunk(seed, number)
            number += 1
    # spawn: a fork of a caller that has threads could hang
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting: deque[tuple[int, Future]] = deque()
        try:
            while True:
                while len(waiting) < 2 * jobs:
                    waiting.append((number, pool.submit(make_chunk, seed, number)))
                    number += 1
                ready, future = waiting.popleft()
                yield ready, future.result()
        finally:
            for _, future in waiting:
                future.cancel()


def _claim(folder: Path, seed: int) -> None:
    """Writes the seed into a new corpus; refuses to mix two seeds."""
    path = folder / "corpus.json"
    if path.exists():
        there = json.loads(path.read_text()).get("seed")
        if there != seed:
            raise TrainingError(
                f"{folder} holds a corpus of seed {there}, not {seed}.", "Choose another folder or seed."
            )
    elif (folder / "index.jsonl").exists():
        raise TrainingError(f"{folder} holds a corpus without corpus.json.", "Choose another folder.")
    else:
        _write_json(path, {"seed": seed})


def _resume(folder: Path) -> tuple[float, int]:
    """Trims a torn tail of both files; gives the seconds that stay and the id of the last utterance (-1: none)."""
    audio, index = folder / "audio.i16", folder / "index.jsonl"
    audio.touch()
    index.touch()
    size = audio.stat().st_size // 2
    kept = samples = 0
    last = -1
    with index.open("rb") as lines:
        for line in lines:
            try:
                row = json.loads(line) if line.endswith(b"\n") else None
            except ValueError:
                row = None
            if row is None or row["start"] != samples or row["start"] + row["samples"] > size:
                break
            kept += len(line)
            samples += row["samples"]
            last = row["id"]
    with index.open("r+b") as file:
        file.truncate(kept)
    with audio.open("r+b") as file:
        file.truncate(samples * 2)
    return samples / RATE, last


def _summary(folder: Path, seed: int, refused: Counter[str]) -> dict:
    by_engine: Counter[str] = Counter()
    by_split: Counter[str] = Counter()
    count = 0
    with (folder / "index.jsonl").open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            count += 1
            by_engine[row["engine"]] += row["samples"]
            by_split[row["split"]] += row["samples"]
    summary = {
        "seed": seed,
        "utterances": count,
        "hours": round(sum(by_split.values()) / RATE / 3600, 4),
        "hours_by_engine": {name: round(value / RATE / 3600, 4) for name, value in sorted(by_engine.items())},
        "hours_by_split": {name: round(value / RATE / 3600, 4) for name, value in sorted(by_split.items())},
        "refused_in_last_run": dict(refused),
    }
    _write_json(folder / "corpus.json", summary)
    return summary


def _write_json(path: Path, content: dict) -> None:
    def write(to: Path) -> None:
        to.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    write_atomic(path, write)
