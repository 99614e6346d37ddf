"""What is wrong with a production: lines that are missing or stale, files that no line knows, sounds and takes.

Each remark has a weight, by which the worst come first: a line that is missing before one that only looks odd.
"""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import soundfile

from medtalk.audio import read_speech
from medtalk.batch.ledger import FAILED, NAME, Record, read_records
from medtalk.batch.manifest import Line
from medtalk.batch.plan import Job, Refused, state_of
from medtalk.errors import MedtalkError
from medtalk.rates import RATE
from medtalk.rig import RIG_ENDINGS
from medtalk.version import __version__

WEIGHTS: dict[str, tuple[float, str]] = {
    "refused": (10.0, "the row cannot be done"),
    "missing": (9.0, "no rig"),
    "failed": (8.0, "the last try failed"),
    "sound": (7.0, "the sound cannot be read"),
    "silent": (6.0, "next to nothing is heard"),
    "stale": (5.0, "made of another sound, setting or bundle"),
    "clipped": (4.0, "the sound is clipped"),
    "duration": (3.5, "too long or short for its text"),
    "rate": (3.0, "the sound has less than 16 kHz"),
    "look": (2.0, "the take has something to look at"),
    "conflict": (1.8, "a hand edit lies on another take than it was made on"),
    "language": (1.5, "a line that other languages have"),
    "edited": (1.0, "changed by hand since it was baked"),
    "name": (0.8, "its sound is named unlike the others"),
    "version": (0.5, "made by another version of MEDTalk"),
    "orphan": (0.3, "a file that no line knows"),
}
"""Kinds of remarks: their weights and what they mean."""

QUIET_DB = -50.0
"""Of full scale: under it, the loudest tenth of a second is next to nothing."""
_FULL = 0.999
CLIPPED_SHARE = 1e-3
"""Of the samples at full scale: from here on it is heard."""
LOWEST_RATE = 16000
ODD_PACE = 2.5
"""How much longer or shorter than usual a line may be for its text, in its language."""
SHORTEST_TEXT = 12
"""Characters of a text that tell anything about its duration."""
_MOST_NAMED = 5
_OF_THE_BAKE = ("channel", "edit_mode")
"""What a recipe names beside the settings of a line: an audit takes it as the records say."""


@dataclass(frozen=True)
class Remark:
    """Something to look at: the line's first output, id and row ("" and 0 for no line), what kind, and why.

    much: how bad it is among its kind, 0 to 1.
    """

    out: str
    id: str
    row: int
    kind: str
    why: str
    much: float = 0.0

    @property
    def weight(self) -> float:
        """By which the worst come first: a kind before the next one, whatever they are among themselves."""
        return round(WEIGHTS[self.kind][0] + 0.1 * min(self.much, 1.0), 4)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "weight": self.weight}


@dataclass(frozen=True)
class Heard:
    """A sound's facts: seconds, samples a second, the loudest tenth of a second in dB of full scale, share clipped."""

    seconds: float
    rate: int
    loudest: float
    clipped: float


def audit(
    lines: Sequence[Line],
    jobs: Sequence[Job],
    refused: Sequence[Refused],
    folder: Path,
    bundle: str,
    listen: bool = True,
) -> list[Remark]:
    """All remarks on a production, the worst first.

    Args:
        lines: of the manifest.
        jobs: the lines that can be done, and those that cannot (`refused`), as `medtalk.batch.plan.plan` gives them.
        folder: the output folder.
        bundle: hash of the bundle that lines should be made with.
        listen: read the sounds too.
    """
    records, notes = read_records(folder) if folder.is_dir() else ({}, [])
    remarks = [Remark("", each.line.id, each.line.number, "refused", each.error.message) for each in refused]
    remarks += [Remark("", "", 0, "failed", note) for note in notes]
    for job in jobs:
        remarks += _on_results(job, records, folder, bundle)
    if listen:
        remarks += _on_sounds(jobs)
    remarks += _on_languages(lines)
    remarks += _on_names(jobs)
    remarks += _orphans(jobs, folder)
    worst = dict.fromkeys((remark.out for remark in remarks), 0.0)
    for remark in remarks:
        worst[remark.out] += remark.weight if remark.out else 0.0
    return sorted(remarks, key=lambda remark: (-remark.weight, -worst[remark.out], remark.row, remark.out))


def _remark(job: Job, kind: str, why: str, much: float = 0.0) -> Remark:
    return Remark(job.out[0], job.id, job.number, kind, why, much)


def _on_results(job: Job, records: Mapping[str, Record], folder: Path, bundle: str) -> Iterator[Remark]:
    record = next((records[name] for name in job.out if name in records), None)
    if record is None:
        yield _remark(job, "missing", "It was not made yet.")
        return
    if record["state"] == FAILED:
        yield _remark(job, "failed", record.get("error", {}).get("message", "The reason is not known."))
        return
    made_by = {name: value for name, value in record.get("settings", {}).items() if name in _OF_THE_BAKE}
    state = state_of(replace(job, recipe={**job.recipe, **made_by}), records, folder, bundle)
    gone = [name for name in job.out if not os.path.isfile(folder / name)]
    if gone:
        yield _remark(job, "missing", f"{', '.join(gone)} is gone.")
    elif state.why:
        yield _remark(job, "stale", state.why)
    if state.edited:
        yield _remark(job, "edited", f"{', '.join(state.edited)} was changed by hand.")
    if record.get("medtalk", __version__) != __version__:
        yield _remark(job, "version", f"Made by MEDTalk {record['medtalk']}; this is {__version__}.")
    quality = record.get("quality", {})
    if not quality.get("good", True):
        findings = quality.get("findings") or [quality.get("summary", "")]
        often = len(findings) / max(record.get("seconds", 1.0), 1.0)
        yield _remark(job, "look", "; ".join(findings), often)
    if conflicts := record.get("conflicts"):
        yield _remark(job, "conflict", "; ".join(conflicts[:_MOST_NAMED]), len(conflicts) / 100)


def hear(sound: str | Path) -> Heard:
    """The facts of a sound; OSError or AudioError where it cannot be read."""
    try:
        samples, rate = soundfile.read(sound, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        return _hear_media(sound)
    return _heard(samples, rate)


def _hear_media(sound: str | Path) -> Heard:
    """What soundfile does not read, as the bake hears it: one channel of 16 kHz."""
    speech = read_speech(sound)
    return replace(_heard(speech.samples[:, None], RATE), rate=speech.source_rate)


def _heard(samples: np.ndarray, rate: int) -> Heard:
    mono = samples.mean(axis=1) if samples.shape[1] > 1 else samples[:, 0]
    size = max(1, rate // 10)
    whole = mono[: len(mono) // size * size].reshape(-1, size) if len(mono) >= size else mono[None]
    power = float((np.einsum("ts,ts->t", whole, whole) / max(1, whole.shape[1])).max(initial=0.0))
    clipped = 0.0
    if samples.size and max(samples.max(), -samples.min()) >= _FULL:
        clipped = float((np.abs(samples) >= _FULL).mean())
    return Heard(len(mono) / rate, rate, 10.0 * math.log10(power + 1e-12), clipped)


def _on_sounds(jobs: Sequence[Job]) -> list[Remark]:
    remarks: list[Remark] = []
    heard: list[tuple[Job, Heard]] = []

    def look(job: Job) -> Heard | str:
        try:
            return hear(job.sound)
        except (OSError, RuntimeError, ValueError, MedtalkError) as error:
            return str(error)

    with ThreadPoolExecutor() as pool:
        for job, found in zip(jobs, pool.map(look, jobs), strict=True):
            if isinstance(found, str):
                remarks.append(_remark(job, "sound", found))
                continue
            heard.append((job, found))
            if found.loudest < QUIET_DB:
                remarks.append(_remark(job, "silent", f"Its loudest moment is at {found.loudest:.0f} dB."))
            if found.clipped > CLIPPED_SHARE:
                why = f"{100 * found.clipped:.1f} % of its samples are at full scale."
                remarks.append(_remark(job, "clipped", why, 10.0 * found.clipped))
            if found.rate < LOWEST_RATE:
                remarks.append(_remark(job, "rate", f"It has {found.rate} samples a second."))
    return remarks + _on_pace(heard)


def _on_pace(heard: Sequence[tuple[Job, Heard]]) -> list[Remark]:
    """Lines whose seconds do not fit their text, beside the usual pace of the language."""
    paces: dict[str, list[tuple[Job, float, float]]] = defaultdict(list)
    for job, found in heard:
        text = (job.settings.transcript or "").strip()
        if len(text) >= SHORTEST_TEXT and found.seconds > 0.0:
            paces[job.language].append((job, len(text) / found.seconds, found.seconds))
    remarks = []
    for lines in paces.values():
        usual = median(pace for _, pace, _ in lines)
        for job, pace, seconds in lines if len(lines) >= 5 else ():
            if not 1.0 / ODD_PACE <= pace / usual <= ODD_PACE:
                kind = "long" if pace < usual else "short"
                expected = seconds * pace / usual
                why = f"It lasts {seconds:.1f} s, {kind} for its text: about {expected:.1f} s would be usual."
                remarks.append(_remark(job, "duration", why, abs(math.log10(pace / usual))))
    return remarks


def _on_languages(lines: Sequence[Line]) -> list[Remark]:
    """Ids that some languages have and others lack."""
    have: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        if line.id and line.language:
            have[line.language].add(line.id)
    every = set().union(*have.values()) if len(have) > 1 else set()
    remarks = []
    for language, ids in sorted(have.items()):
        if lacking := sorted(every - ids):
            more = f" and {len(lacking) - _MOST_NAMED} more" if len(lacking) > _MOST_NAMED else ""
            named = ", ".join(lacking[:_MOST_NAMED])
            why = f"{language} lacks {len(lacking)} of {len(every)} ids: {named}{more}."
            remarks.append(Remark("", "", 0, "language", why))
    return remarks


def _on_names(jobs: Sequence[Job]) -> list[Remark]:
    """Sounds whose names lack the id that nearly all others have in theirs: perhaps another line's sound."""
    odd = [job for job in jobs if job.id.casefold() not in Path(job.sound).stem.casefold()]
    if not 0 < len(odd) <= 0.2 * len(jobs):
        return []
    return [_remark(job, "name", f"Its sound is {Path(job.sound).name}, which lacks its id {job.id}.") for job in odd]


def _orphans(jobs: Sequence[Job], folder: Path) -> list[Remark]:
    if not folder.is_dir():
        return []
    known = {name for job in jobs for name in job.out}
    there = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    rigs = (name for name in there if name.lower().endswith(RIG_ENDINGS) and not Path(name).name.startswith(NAME))
    return [
        Remark(name, "", 0, "orphan", "No line of the manifest has this name.") for name in rigs if name not in known
    ]
