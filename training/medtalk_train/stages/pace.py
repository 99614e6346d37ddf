"""How long an epoch lasts where a budget says so: the phases and rates of a stage keep their form, whatever it has."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic

import lightning as L
from lightning.pytorch.callbacks import Callback
from torch.utils.data import IterableDataset

from medtalk.files import write_atomic
from medtalk_train.stages.batches import Batch, Steps

SPENT = "spent.json"


@dataclass
class Pace:
    """The length of each epoch of a stage: seconds of optimiser steps, or steps, whichever ends first; one at least.

    What a batch takes to be drawn does not count, nor does validation. `spent` are the seconds of the present epoch.
    """

    seconds: float = float("inf")
    steps: float = float("inf")
    spent: float = field(default=0.0, compare=False)


class Paced(IterableDataset[Batch], Generic[Batch]):
    """The batches of one epoch, as `Steps` numbers them, until its time or its steps are over."""

    def __init__(self, steps: Steps[Batch], pace: Pace) -> None:
        self.steps, self.pace = steps, pace

    def __iter__(self) -> Iterator[Batch]:
        step, self.pace.spent = 0, 0.0
        while step == 0 or (step < self.pace.steps and self.pace.spent < self.pace.seconds):
            yield self.steps[step]
            step += 1


class Stopwatch(Callback):
    """Tells a pace what is spent, and keeps what each epoch took in a file: {"seconds": [...], "steps": [...]}."""

    def __init__(self, path: Path, pace: Pace) -> None:
        self.path, self.pace, self.start, self.steps = path, pace, 0.0, 0

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.steps = trainer.global_step

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self.start = time.monotonic()

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.pace.spent += time.monotonic() - self.start

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        found, past = {"seconds": self.pace.spent, "steps": trainer.global_step - self.steps}, spent(self.path)
        history = {name: [*past[name][: trainer.current_epoch], value] for name, value in found.items()}
        write_atomic(self.path, lambda to: to.write_text(json.dumps(history), "utf-8"))


def spent(path: Path) -> dict[str, list[float]]:
    """What is in a file of `Stopwatch`; empty lists where there is none."""
    return json.loads(path.read_text("utf-8")) if path.exists() else {"seconds": [], "steps": []}
