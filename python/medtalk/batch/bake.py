"""A bake: the jobs that are not done yet go to an engine, and what comes back goes into the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from medtalk.batch.ledger import DONE, FAILED, Ledger, read_records
from medtalk.batch.plan import Job, State, state_of
from medtalk.batch.pool import Died
from medtalk.errors import DiskFullError
from medtalk.files import make_folder, sweep


class Engine(Protocol):
    """What does jobs: processes here (`pool.Pool`), or a cluster."""

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Any]]:
        """Each job with its record or `Died`, in any order."""
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
    def rate(self) -> float:
        """Lines a second, since the beginning."""
        return (self.made + self.failed) / max(time.monotonic() - self.started, 1e-9)


def due(
    jobs: Sequence[Job], folder: Path, bundle: str, again: bool = False
) -> tuple[list[tuple[Job, State]], list[str]]:
    """The jobs with what is to be done about each, and notes on the ledgers. `again`: all of them are made."""
    records, notes = read_records(folder) if folder.is_dir() else ({}, [])
    states = []
    for job in jobs:
        state = state_of(job, records.get(job.out[0]), folder, bundle)
        states.append((job, State("asked for again", state.edited) if again and not state.why else state))
    return states, notes


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
        overwrite: make a line again whose files were changed by hand since; else it is left, and counted as edited.
        told: called with each record.

    Raises:
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
            jobs.append(job)
    folders = {(ledger.path.parent / name).parent for job in jobs for name in job.out}
    for folder in folders:
        make_folder(folder)
        sweep(folder)
    for job, made in engine.run(jobs):
        record = _died(job, made) if isinstance(made, Died) else made
        ledger.write(record)
        counts.seconds += record.get("elapsed", 0.0)
        if record["state"] == DONE:
            counts.made += 1
            counts.sound_seconds += record["seconds"]
            counts.look += not record.get("quality", {}).get("good", True)
        else:
            counts.failed += 1
        told(record)
        if record.get("error", {}).get("code") == DiskFullError.code:
            raise DiskFullError(record["error"]["message"], "Free some space and run the same command again.")
    return counts


def _died(job: Job, died: Died) -> dict[str, Any]:
    return {
        "out": list(job.out), "row": job.number, "id": job.id, "character": job.character, "sound": job.sound,
        "settings": dict(job.recipe), "state": FAILED, "elapsed": 0.0,
        "time": time.strftime("%Y-%m-%dT%H:%M:%S.000+00:00", time.gmtime()),
        "error": {"code": "died", "message": died.reason, "hint": "", "about": job.sound},
    }  # fmt: skip
