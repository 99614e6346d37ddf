"""One line of a production, done in a process that has loaded the model once."""

from __future__ import annotations

import filecmp
import hashlib
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from medtalk.audio import Speech, read_bytes, read_speech
from medtalk.batch.ledger import DONE, FAILED
from medtalk.batch.plan import Job, fingerprint, is_same
from medtalk.bundle import Bundle
from medtalk.edits import apply, read_edits
from medtalk.errors import AudioError, MedtalkError, OutputError
from medtalk.files import make_folder, output_error
from medtalk.inputs import path_text
from medtalk.perform import Model, Performance, load
from medtalk.quality import report
from medtalk.rig import RigSequence, write_rig
from medtalk.tags import spoken
from medtalk.take import guided, informed, take
from medtalk.version import __version__

_MOST_FINDINGS = 5
_BATCH = 32  # sounds, of which a GPU hears those together that are about as long


@dataclass(frozen=True)
class Making:
    """How lines are made: which model, where the files go, and whether takes are judged. It travels to each process."""

    folder: Path
    bundle: Path | None = None
    device: str = "auto"
    backbones: Mapping[str, Path] = field(default_factory=dict)
    offline: bool = False
    channel: int | None = None
    quality: bool = True
    force: bool = False
    edit_mode: str = "offset"

    def __post_init__(self) -> None:
        """Make its paths absolute: the process that it travels to may have another working folder."""
        object.__setattr__(self, "folder", self.folder.absolute())
        object.__setattr__(self, "bundle", self.bundle and self.bundle.absolute())
        object.__setattr__(self, "backbones", {name: place.absolute() for name, place in self.backbones.items()})

    def open(self) -> Maker:
        """The maker, with its model loaded; raises what `medtalk.load` does."""
        return Maker(self)


def processes(bundle: Bundle, device: str) -> int:
    """How many processes do lines best: one a GPU, as each hears several sounds together, or else one a core."""
    if bundle.kind == "medtalk" and device == "auto" and find_spec("torch"):
        import torch  # which this kind of bundle needs

        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda"):
        return 1
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Maker:
    """Makes lines with one model, on one core or a GPU.

    Attributes:
        batch: how many lines it likes to get at a time: a GPU hears several sounds together (`make_all`).
    """

    def __init__(self, making: Making) -> None:
        self._making = making
        self._model: Model = load(
            making.bundle, threads=1, device=making.device, backbones=making.backbones, offline=making.offline
        )
        self.batch = 1 if self._model.engine.device == "cpu" else _BATCH

    def make(self, job: Job) -> dict[str, Any]:
        """Make a line, and say in a record how it went. What is wrong with the line is in the record, not raised."""
        return next(self._records([job]))

    def make_all(self, jobs: Sequence[Job]) -> Iterator[dict[str, Any]]:
        """Make lines whose sounds are heard together where that is faster: their records, in turn, each as soon as its
        files are written. What is wrong with a sound is raised: then make each of those that are left alone.
        """
        for _, alike in groupby(jobs, self._language):
            yield from self._records(list(alike))

    def _records(self, jobs: Sequence[Job]) -> Iterator[dict[str, Any]]:
        started = time.perf_counter()
        try:
            heard = self._hear(jobs)
        except MedtalkError as error:
            if len(jobs) > 1:
                raise
            yield self._record(jobs[0], started, {"state": FAILED, "error": error.facts()})
            return
        share = (time.perf_counter() - started) / len(jobs)
        for job, (source, performance) in zip(jobs, heard, strict=True):
            started = time.perf_counter() - share
            try:
                result = {"state": DONE, "input": source} | self._decoded(job, source, performance)
            except MedtalkError as error:
                result = {"state": FAILED, "error": error.facts()}
            yield self._record(job, started, result)

    def _record(self, job: Job, started: float, result: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "out": list(job.out), "row": job.number, "id": job.id, "character": job.character, "language": job.language,
            "sound": job.sound,
            "settings": dict(job.recipe), "bundle": self._model.bundle.sha256, "medtalk": __version__, **result,
            "elapsed": round(time.perf_counter() - started, 4),
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }  # fmt: skip

    def _hear(self, jobs: Sequence[Job]) -> list[tuple[dict[str, Any], Performance]]:
        """For each job the fingerprint of the very bytes that were heard, and what was heard."""
        sounds = [_read(Path(job.sound), self._making.channel) for job in jobs]
        heard = self._model.perform_all(
            [speech for _, speech in sounds],
            [spoken(job.settings.transcript) for job in jobs],
            language=self._language(jobs[0]),
        )
        return [(source, performance) for (source, _), performance in zip(sounds, heard, strict=True)]

    def _language(self, job: Job) -> str | None:
        """The language that is spoken, for a bundle that transcribes. Any table may say what its lines are in."""
        return job.settings.language or None if "whisper" in self._model.bundle.backbones else None

    def _decoded(self, job: Job, source: Mapping[str, Any], performance: Performance) -> dict[str, Any]:
        making, settings = self._making, job.settings
        rig = take(informed(performance, settings), guided(self._model, settings), settings)
        conflicts: list[str] = []
        if job.edits:
            done = apply(rig, read_edits(job.edits), making.edit_mode)
            rig = done.rig
            conflicts = [str(each) for each in done.conflicts]
        if _look(Path(job.sound)) != {name: source[name] for name in ("bytes", "changed")}:
            raise AudioError(f"{job.sound} has changed meanwhile.", "Run the same command again.")
        if job.old is not None:
            self._check_old(job, job.old, rig)
        files = []
        for name in job.out:
            path = making.folder / name
            make_folder(path.parent)
            write_rig(path, rig, force=making.force)
            files.append({"file": name, **fingerprint(path)})
        found: dict[str, Any] = {"files": files, "seconds": rig.seconds, "frames": len(rig)}
        found |= {name: rig.meta[name] for name in ("emotion", "note") if rig.meta.get(name)}
        if conflicts:
            found["conflicts"] = conflicts
        if making.quality:
            judged = report(rig, performance.speech)
            found["quality"] = {
                "good": judged.good,
                "summary": judged.summary,
                "findings": [str(finding) for finding in judged.findings[:_MOST_FINDINGS]],
            }
        return found

    def _check_old(self, job: Job, old: Mapping[str, Mapping[str, Any]], rig: RigSequence) -> None:
        """Raise OutputError where a file lies that is neither as it was made last, nor what would be made now, which a
        bake that was killed may have left without a record."""
        for name in job.out:
            path = self._making.folder / name
            if not os.path.isfile(path) or (name in old and is_same(path, old[name])):
                continue
            try:
                with TemporaryDirectory() as folder:
                    same = filecmp.cmp(write_rig(Path(folder) / path.name, rig), path, shallow=False)
            except OSError as error:
                raise output_error(path, error) from error
            if not same:
                what = "was changed by hand since" if name in old else "was made by no bake that the ledger knows"
                raise OutputError(
                    f"{path} {what}, so it is left.", "Move it away, or let --overwrite-edits replace it."
                )


def _read(sound: Path, channel: int | None) -> tuple[dict[str, Any], Speech]:
    """A sound, and the fingerprint of the bytes that it was read from."""
    source, data = _look(sound), read_bytes(sound)
    speech = read_speech(data, channel=channel, name=path_text(sound))
    return source | {"sha256": hashlib.sha256(data).hexdigest()}, speech


def _look(sound: Path) -> dict[str, Any]:
    try:
        status = sound.stat()
    except OSError as error:
        raise AudioError(f"The sound {sound} cannot be read: {error.strerror}.", "Check the path.") from error
    return {"bytes": status.st_size, "changed": status.st_mtime_ns}
