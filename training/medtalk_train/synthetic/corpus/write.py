"""Writes a corpus: one sound file and one index that grow together, from a seed, and go on after a cut.

Robots, Kokoro and real people all write this format (see `read.Corpus`): ``audio.i16``, ``index.jsonl`` and
``corpus.json`` (seed and statistics).
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from medtalk.errors import OutputError, TrainingError
from medtalk.features.phones import PHONE_INDEX, SILENCE
from medtalk.files import write_atomic
from medtalk.rates import RATE
from medtalk_train.synthetic.corpus.phones import NotSpoken, Span
from medtalk_train.synthetic.corpus.plan import Line

SHORTEST, LONGEST = 1.2, 12.0  # s
LEVEL = 10 ** (-23 / 20)  # root mean square over speech, of full scale
_PEAK = 0.98
_SILENT = 1e-4
_LEAST_PHONES = 4
_MOST_REFUSED = 96  # utterances in a row without a good one

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Made:
    """One utterance as it goes to disk: int16 samples at 16 kHz and its phones."""

    line: Line
    samples: np.ndarray
    phones: list[Span]

    @property
    def id(self) -> int:
        """Its number in the plan."""
        return self.line.id


@dataclass(frozen=True)
class Refused:
    """One utterance that is left out; ``reason`` is a short word to count by, ``message`` says more."""

    id: int
    reason: str
    message: str


Result = Made | Refused


def make(line: Line, samples: np.ndarray, rate: int, phones: list[Span]) -> Made:
    """An utterance ready for the disk; arguments and refusals are those of `finish`."""
    samples, phones = finish(samples, rate, phones, lead=line.lead, tail=line.tail)
    return Made(line, np.round(samples * 32767.0).astype("<i2"), phones)


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


def fill(
    folder: Path | str,
    seed: int,
    results: Callable[[int], Iterator[Result]],
    hours: float | None = None,
    progress: bool = True,
    count: int | None = None,
) -> dict:
    """Appends what ``results(first id)`` yields, in order of the ids, to the corpus in ``folder``, or begins it.

    It ends at ``hours`` of speech, or with the results; ``count``, one more than their last id, then drives the
    progress bar. Gives the statistics that also lie in ``corpus.json``. Raises TrainingError for a folder that holds a
    corpus of another seed, or where nothing succeeds; OutputError where it cannot be written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _claim(folder, seed)
        seconds, last = _resume(folder)
        refused: Counter[str] = Counter()
        wanted = hours * 3600 if hours is not None else None
        if wanted is None or seconds < wanted:
            _append(folder, results(last + 1), seconds, wanted, count, progress, refused)
        return _summary(folder, seed, refused)
    except OSError as error:
        raise OutputError(f"The corpus cannot be written into {folder}: {error}.", "Choose another folder.") from error


def _append(
    folder: Path,
    results: Iterator[Result],
    seconds: float,
    wanted: float | None,
    count: int | None,
    progress: bool,
    refused: Counter[str],
) -> None:
    from rich.progress import Progress

    in_a_row = 0
    with (
        (folder / "audio.i16").open("ab") as audio,
        (folder / "index.jsonl").open("a", encoding="utf-8") as index,
        Progress(disable=not progress) as bar,
    ):
        task = bar.add_task("speech", total=count if wanted is None else wanted)
        for number, result in enumerate(results, 1):
            if isinstance(result, Refused):
                refused[result.reason] += 1
                in_a_row += 1
                if result.reason != "length":
                    log.warning("refused %d: %s", result.id, result.message)
                if in_a_row >= _MOST_REFUSED:
                    reasons = ", ".join(f"{reason} ({times})" for reason, times in refused.most_common(3))
                    raise TrainingError(f"{in_a_row} utterances in a row were refused: {reasons}.", "See the log.")
                continue
            in_a_row = 0
            start = audio.tell() // 2
            audio.write(result.samples.tobytes())
            audio.flush()  # sound first: an index line always has its sound
            index.write(json.dumps(_row(result, start), ensure_ascii=False) + "\n")
            index.flush()
            seconds += len(result.samples) / RATE
            bar.update(task, completed=result.id + 1 if wanted is None else min(seconds, wanted))
            if number % 100 == 0:
                log.info("%.2f h", seconds / 3600)
            if wanted is not None and seconds >= wanted:
                break


def _row(made: Made, start: int) -> dict:
    line = made.line
    return {
        "id": line.id,
        "engine": line.engine,
        "voice": line.voice,
        "language": line.language,
        "split": line.split,
        "text": line.text,
        "start": start,
        "samples": len(made.samples),
        "phones": [[round(a, 5), round(b, 5), c] for a, b, c in made.phones],
    }


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
    by_language: Counter[str] = Counter()
    count = 0
    with (folder / "index.jsonl").open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            count += 1
            by_engine[row["engine"]] += row["samples"]
            by_split[row["split"]] += row["samples"]
            by_language[row["language"]] += row["samples"]
    summary = {
        "seed": seed,
        "utterances": count,
        "hours": round(sum(by_split.values()) / RATE / 3600, 4),
        "hours_by_engine": _hours(by_engine),
        "hours_by_split": _hours(by_split),
        "hours_by_language": _hours(by_language),
        "refused_in_last_run": dict(refused),
    }
    _write_json(folder / "corpus.json", summary)
    return summary


def _hours(samples: Counter[str]) -> dict[str, float]:
    return {name: round(value / RATE / 3600, 4) for name, value in sorted(samples.items())}


def _write_json(path: Path, content: dict) -> None:
    def write(to: Path) -> None:
        to.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    write_atomic(path, write)
