"""A bake: the jobs that are not done yet go to an engine, and what comes back goes into the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from medtalk.batch.ledger import BEGUN, DONE, FAILED, Ledger, Record, known_files
from medtalk.batch.plan import Job, State, is_same, state_of
from medtalk.batch.pool import Died
from medtalk.errors import DiskFullError
from medtalk.files import sweep


class Engine(Protocol):
    """What does jobs: processes here (`pool.Pool`), or a cluster."""

    def run(self, jobs: Iterable[Job]) -> Generator[tuple[Job, Any]]:
        """Each job with its record or `Died`, in any order. Closed, it ends the work."""
        ...

    def stop(self) -> None:
        """Hand out no more jobs."""
        ...


@dataclass
class Counts:
    """How far a bake is. `seconds` and `sound_seconds` are of work in the processes, and of the sounds made."""

    total: int = 0
    kept: int = 0
    made: int = 0
    failed: int = 0
    edited: int = 0
    look: int = 0
    seconds: float = 0.0
    sound_seconds: float = 0.0
    started: float = field(default_factory=time.monotonic)

    @property
    def todo(self) -> int:
        """Jobs that are not done, nor have failed."""
        return self.total - self.kept - self.made - self.failed - self.edited

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.started

    @property
    def rate(self) -> float:
        """Lines a second, since the beginning."""
        return (self.made + self.failed) / max(self.elapsed, 1e-9)

    @property
    def left(self) -> float | None:
        """Seconds that the rest takes at this rate; None while nothing is done yet."""
        return self.todo / self.rate if self.rate else None


def due(
    jobs: Sequence[Job], records: Mapping[str, Record], folder: Path, bundle: str, again: bool = False
) -> list[tuple[Job, State]]:
    """The jobs with what is to be done about each, as the ledger's records say. `again`: all of them are made."""
    states = []
    for job in jobs:
        state = state_of(job, records, folder, bundle)
        states.append((job, State("asked for again", state.edited) if again and not state.why else state))
    return states


def bake(
    states: Sequence[tuple[Job, State]],
    engine: Engine,
    ledger: Ledger,
    counts: Counts,
    overwrite: bool = False,
    told: Callable[[Mapping[str, Any]], None] = lambda record: None,
) -> Counts:
    """Do what is due, and write a record for each line as soon as it is done.

    Args:
        states: of `due`.
        engine: what does the jobs.
        ledger: open, of the output folder.
        counts: kept up to date, for a progress bar.
        overwrite: make a line again whose files were changed by hand since, or were made by no bake; else it is left:
            one that is known to be edited is counted so, and another fails.
        told: called with each record.

    Raises:
        OutputError: the ledger cannot be written.
        DiskFullError: no later line would fare better; what was done is in the ledger.
    """
    counts.total = len(states)
    jobs = []
    for job, state in states:
        if not state.why:
            counts.kept += 1
        elif state.edited and not overwrite:
            counts.edited += 1
        else:
            jobs.append(job if overwrite else replace(job, old=known_files(job.out, ledger.records)))
    if not jobs:
        return counts
    with ExitStack() as stack:
        for folder in {(ledger.path.parent / name).parent for job in jobs for name in job.out}:
            sweep(folder)
            stack.callback(sweep, folder)  # of processes that were ended
        # Closed whatever happens: no process goes on when the ledger is closed.
        for job, made in stack.enter_context(closing(engine.run(_begun(jobs, ledger)))):
            record = _died(job, made) if isinstance(made, Died) else made
            if record["state"] == FAILED:  # its old files still lie there, and may be edited by hand
                record["files"] = _left(known_files(job.out, ledger.records).values(), ledger.path.parent)
            ledger.write(record)
            _count(counts, record)
            told(record)
            if record.get("error", {}).get("code") == DiskFullError.code:
                raise DiskFullError(record["error"]["message"], "Free some space and run the same command again.")
    return counts


def _count(counts: Counts, record: Record) -> None:
    counts.seconds += record.get("elapsed", 0.0)
    if record["state"] == DONE:
        counts.made += 1
        counts.sound_seconds += record["seconds"]
        counts.look += not record.get("quality", {}).get("good", True)
    else:
        counts.failed += 1


def _begun(jobs: Sequence[Job], ledger: Ledger) -> Iterator[Job]:
    """The jobs, each with a record that its files may be new ones, if the ledger knows old ones.

    Without it a line whose new files were written when the bake was killed would look changed by hand for ever.
    """
    for job in jobs:
        if old := known_files(job.out, ledger.records):
            ledger.write(_failure(job, BEGUN, "It was begun, and not finished.") | {"files": list(old.values())})
        yield job


def _left(files: Iterable[Mapping[str, Any]], folder: Path) -> list[Mapping[str, Any]]:
    """Those of some files that are still as they were."""
    return [entry for entry in files if is_same(folder / entry["file"], entry)]


def _died(job: Job, died: Died) -> dict[str, Any]:
    return _failure(job, "died", died.reason)


def _failure(job: Job, code: str, message: str) -> dict[str, Any]:
    return {
        "out": list(job.out), "row": job.number, "id": job.id, "character": job.character, "language": job.language,
        "sound": job.sound,
        "settings": dict(job.recipe), "state": FAILED, "elapsed": 0.0,
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "error": {"code": code, "message": message, "hint": "", "about": job.sound},
    }  # fmt: skip
