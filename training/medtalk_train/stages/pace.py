"""How long an epoch lasts where a budget says so: the phases and rates of a stage keep their form, whatever it has."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from torch.utils.data import IterableDataset

from medtalk.files import write_atomic
from medtalk_train.stages.batches import Batch, Steps

SPENT = "spent.json"


@dataclass
class Pace:
    """The length of each epoch of a stage: seconds of optimiser steps, or steps, whichever ends first; one at least.

    What a batch takes to be drawn does not count, nor does validation. An epoch ends with a whole step, so it takes
    more than its seconds; those after it have so much less, or the small excesses of many epochs would add up.

    Attributes:
        seconds, steps: of each epoch.
        excess: seconds that earlier stages took beyond theirs.
        left: seconds that the present epoch has.
        spent: seconds that it has taken so far.
    """

    seconds: float = float("inf")
    steps: float = float("inf")
    excess: float = field(default=0.0, compare=False)
    left: float = field(default=float("inf"), compare=False)
    spent: float = field(default=0.0, compare=False)

    def over(self, epochs: Sequence[float]) -> float:
        """Seconds that the earlier stages and these epochs of this one took beyond theirs; less than 0 if fewer."""
        return self.excess + sum(taken - self.seconds for taken in epochs)


class Paced(IterableDataset[Batch], Generic[Batch]):
    """The batches of one epoch, as `Steps` numbers them, until its time or its steps are over."""

    def __init__(self, steps: Steps[Batch], pace: Pace) -> None:
        self.steps, self.pace = steps, pace

    def __iter__(self) -> Iterator[Batch]:
        step, self.pace.spent = 0, 0.0
        while step == 0 or (step < self.pace.steps and self.pace.spent < self.pace.left):
            yield self.steps[step]
            step += 1


class Stopwatch(Callback):
    """Tells a pace what is spent, and keeps what each epoch took in a file: {"seconds": [...], "steps": [...]}."""

    def __init__(self, path: Path, pace: Pace) -> None:
        self.path, self.pace, self.start, self.steps = path, pace, 0.0, 0

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.steps = trainer.global_step
        self.pace.left = self.pace.seconds - self.pace.over(spent(self.path)["seconds"][: trainer.current_epoch])

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self.start = _now(trainer.strategy.root_device)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.pace.spent += _now(trainer.strategy.root_device) - self.start

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        found, past = {"seconds": self.pace.spent, "steps": trainer.global_step - self.steps}, spent(self.path)
        history = {name: [*past[name][: trainer.current_epoch], value] for name, value in found.items()}
        write_atomic(self.path, lambda to: to.write_text(json.dumps(history), "utf-8"))


def spent(path: Path) -> dict[str, list[float]]:
    """What is in a file of `Stopwatch`; empty lists where there is none."""
    return json.loads(path.read_text("utf-8")) if path.exists() else {"seconds": [], "steps": []}


def _now(device: torch.device) -> float:
    """Seconds, once the device has finished its work: a GPU works on while Python goes ahead."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.monotonic()
