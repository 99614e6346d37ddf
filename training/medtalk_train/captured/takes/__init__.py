"""Data sets to train on, each laid out in its own way: one reader for each layout, all of which make takes."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from medtalk.errors import TrainingError
from medtalk_train.captured.takes import emoface, flat, ravdess, rendered, rigs, synthetic
from medtalk_train.captured.takes.neutral import calibrated
from medtalk_train.captured.takes.take import (
    SOUNDS,
    FaceTake,
    Folder,
    LazyArray,
    Problem,
    counted,
    hold_back,
    named,
    rig_stem,
)

__all__ = ["READERS", "FaceTake", "Folder", "LazyArray", "Problem", "hold_back", "layout", "read_takes"]

READERS: dict[str, ModuleType] = {
    "synthetic": synthetic, "flat": flat, "ravdess": ravdess, "rendered": rendered, "rigs": rigs, "emoface": emoface,
}  # fmt: skip
"""By kind, in the order in which they are tried."""


def layout(folder: Folder, kind: str = "") -> str:
    """The kind of a data set; `TrainingError` if no reader fits, or for a kind that does not exist."""
    if kind and kind not in READERS:
        raise TrainingError(f"Unknown kind of data {kind!r}; valid are {', '.join(sorted(READERS))}.")
    found = kind or next((name for name, reader in READERS.items() if reader.fits(folder)), "")
    if not found:
        raise TrainingError(_unknown(folder), "See docs/training/paper.md, Data.")
    return found


def _unknown(folder: Folder) -> str:
    """Why no reader fits a folder."""
    if not folder.files:
        return f"{folder.path} is empty."
    stems = {file: rig_stem(file) or "" for file in folder.files}
    rigs = [file for file, stem in stems.items() if ravdess.numbers(stem) or named(stem)[0] is not None]
    if rigs and not folder.sounds:
        return (
            f"{folder.path} holds takes without sound: {counted(len(rigs), 'rig')} such as {rigs[0].name}, and no "
            f"{', '.join(SOUNDS[:-1])} or {SOUNDS[-1]}."
        )
    return f"{folder.path} is not laid out as a known data set: {', '.join(sorted(READERS))}."


def read_takes(path: str | Path, kind: str = "", parallel: bool = False, calibrate: bool = False) -> list[FaceTake]:
    """All takes of a data set; `TrainingError` if a file's name or pair is wrong, or there are none.

    With `calibrate` their rigs are without the neutral pose of each speaker: see `neutral`.
    """
    folder = Folder(path)
    takes: list[FaceTake] = READERS[layout(folder, kind)].read(folder, parallel)
    if folder.problems:
        first = folder.problems[0]
        raise TrainingError(
            f"{path} has {counted(len(folder.problems), 'problem')}, such as: {first.file} {first.what}.",
            f"Run medtalk-train check {path}.",
        )
    if not takes:
        raise TrainingError(f"{path} holds no takes.", "See docs/training/paper.md, Data.")
    return calibrated(takes) if calibrate else takes
