"""One line of a production, done in a process that has loaded the model once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from medtalk.batch.ledger import DONE, FAILED
from medtalk.batch.plan import Job, fingerprint
from medtalk.edits import apply, read_edits
from medtalk.errors import AudioError, MedtalkError
from medtalk.files import make_folder
from medtalk.perform import Model, load
from medtalk.quality import report
from medtalk.rig import write_rig
from medtalk.tags import spoken
from medtalk.take import guided, informed, take
from medtalk.version import __version__

_MOST_FINDINGS = 5


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

    def open(self) -> Maker:
        """The maker, with its model loaded; raises what `medtalk.load` does."""
        return Maker(self)


class Maker:
    """Makes lines with one model, on one core or a GPU."""

    def __init__(self, making: Making) -> None:
        self._making = making
        self._model: Model = load(
            making.bundle, threads=1, device=making.device, backbones=making.backbones, offline=making.offline
        )

    def make(self, job: Job) -> dict[str, Any]:
        """Make a line, and say in a record how it went. What is wrong with the line is in the record, not raised."""
        started = time.perf_counter()
        record: dict[str, Any] = {
            "out": list(job.out), "row": job.number, "id": job.id, "character": job.character, "sound": job.sound,
            "settings": dict(job.recipe), "bundle": self._model.bundle.sha256, "medtalk": __version__,
        }  # fmt: skip
        try:
            record |= self._made(job) | {"state": DONE}
        except MedtalkError as error:
            record |= {"state": FAILED, "error": error.facts()}
        return record | {
            "elapsed": round(time.perf_counter() - started, 4),
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }

    def _made(self, job: Job) -> dict[str, Any]:
        making, sound = self._making, Path(job.sound)
        before = _look(sound)
        settings = job.settings
        performance = self._model.perform(
            sound, spoken(settings.transcript), channel=making.channel, language=settings.language or None
        )
        rig = take(informed(performance, settings), guided(self._model, settings), settings)
        conflicts: list[str] = []
        if job.edits:
            done = apply(rig, read_edits(job.edits), making.edit_mode)
            rig = done.rig
            conflicts = [str(each) for each in done.conflicts]
        if _look(sound)["sha256"] != before["sha256"]:
            raise AudioError(f"{sound} has changed while it was read.", "Run the same command again.")
        files = []
        for name in job.out:
            path = making.folder / name
            make_folder(path.parent)
            write_rig(path, rig, force=making.force)
            files.append({"file": name, **fingerprint(path)})
        found: dict[str, Any] = {"input": before, "files": files, "seconds": rig.seconds, "frames": len(rig)}
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


def _look(sound: Path) -> dict[str, Any]:
    try:
        return fingerprint(sound)
    except OSError as error:
        raise AudioError(f"The sound {sound} cannot be read: {error.strerror}.", "Check the path.") from error
