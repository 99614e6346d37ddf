"""Decides whether a step is done, and whether it can start."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from medtalk.errors import TrainingError
from medtalk.files import write_atomic

log = logging.getLogger(__name__)

MODEL = "model.safetensors"
KEY = "key.json"
COMPLETE = "complete"


def need(path: Path, step: str) -> Path:
    """The path; `TrainingError` if the step that makes it has not run."""
    if not path.exists():
        raise TrainingError(f"{path} does not exist yet.", f"Run medtalk-train {step} first.")
    return path


def is_done(folder: Path, key: str, result: str) -> bool:
    """Whether a step has made `result` in its folder from what `key` stands for.

    If not, the folder is there afterwards and carries the key. It is empty if it was made from something else; if it
    was made from the same, a cut step goes on in it.
    """
    known = (folder / KEY).read_text("utf-8") if (folder / KEY).exists() else None
    if known == key and (folder / result).exists():
        log.info("%s is done", folder.name)
        return True
    if known is not None and known != key:
        log.info("%s starts again: its recipe or an input has changed", folder.name)
        shutil.rmtree(folder)
    folder.mkdir(exist_ok=True)
    write_atomic(folder / KEY, lambda to: to.write_text(key, "utf-8"))
    return False
