"""Common to all stages: Adam and StepLR, frozen parts, deterministic batches, logs, checkpoints, resuming."""

from __future__ import annotations

import json
import logging
import warnings
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader

from medtalk.files import write_atomic
from medtalk.model.medtalk import MEDTalk
from medtalk_train.settings import StageOptions
from medtalk_train.stages.batches import Draw, Steps
from medtalk_train.stages.pace import SPENT, Pace, Paced, Stopwatch

CHECKPOINT = "last.ckpt"
LOSSES = "losses.json"
VALIDATION_BATCHES = 4
"""After each epoch, the same ones each time: enough to see over-fitting, a hundredth of an epoch's work."""
_VALIDATION = 1 << 31
"""In place of the epoch in the seed of a batch: no epoch of training draws these."""


class Stage(L.LightningModule):
    """One stage of the paper's training: some parts of a MEDTalk learn, the others are frozen.

    Attributes:
        validation: draws what training does not see, for the losses "val ..."; None where nothing is held back. They
            change nothing in what is learned.
        pace: how long an epoch lasts, where a budget says so and not the options' steps.
        logged: the names of the losses that this epoch has had so far.
    """

    number: int
    validation: Draw | None = None
    pace: Pace | None = None

    def __init__(self, model: MEDTalk, options: StageOptions, draw: Draw, seed: int, trained: list[nn.Module]) -> None:
        super().__init__()
        self.model, self.options, self.seed, self._draw = model, options, seed, draw
        self.logged: set[str] = set()
        self.trained = nn.ModuleList(trained)
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        for parameter in self.trained.parameters():
            parameter.requires_grad_(True)

    @property
    def draw(self) -> Draw:
        """What makes a batch of the epoch."""
        return self._draw

    @property
    def epochs(self) -> int:
        """Epochs of the whole stage."""
        return self.options.epochs

    @abstractmethod
    def losses(self, batch: Any) -> dict[str, Tensor]:
        """The losses of a batch by name; `loss` is the one that is minimised."""

    def validation_step(self, batch: Any, _: int) -> None:
        self._log({f"val {name}": value for name, value in self.losses(batch).items()})

    def val_dataloader(self) -> DataLoader | list[object]:
        if self.validation is None:
            return []
        steps = Steps(self.validation, VALIDATION_BATCHES, (self.seed, self.number, _VALIDATION))
        # with a generator of its own: a loader takes a number from torch's, from which training draws its dropout
        return DataLoader(steps, batch_size=None, num_workers=0, generator=torch.Generator())

    def training_step(self, batch: Any, _: int) -> Tensor:
        losses = self.losses(batch)
        self._log(losses)
        self.log("mse", losses["loss"], prog_bar=True, logger=False, batch_size=1)
        return losses["loss"]

    def _log(self, losses: dict[str, Tensor]) -> None:
        self.logged |= losses.keys()
        self.log_dict(losses, on_step=False, on_epoch=True, batch_size=1, sync_dist=self.trainer.world_size > 1)

    def on_train_epoch_start(self) -> None:
        self.logged.clear()
        # frozen parts must not drop out anything
        self.model.eval()
        for part in self.trained:
            part.train()

    def train_dataloader(self) -> DataLoader:
        # Rebuilt every epoch, so that a resumed run sees the batches that the cut one would have seen.
        trainer = self.trainer
        seed = (self.seed, self.number, self.current_epoch)
        steps = Steps(self.draw, self.options.steps, seed, trainer.global_rank, trainer.world_size)
        return DataLoader(Paced(steps, self.pace) if self.pace else steps, batch_size=None, num_workers=0)

    def configure_optimizers(self) -> Any:
        optimiser = torch.optim.Adam([p for p in self.parameters() if p.requires_grad], lr=self.options.rate)
        schedule = torch.optim.lr_scheduler.StepLR(optimiser, self.options.decay_every, self.options.decay)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "epoch"}}


class LossFile(Callback):
    """Keeps each epoch's mean losses in `losses.json`: {name: [epoch 0, epoch 1, ...]}, null where an epoch had no such
    loss; those of held-out data as "val NAME"."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        history: dict[str, list[float | None]] = {}
        if self.path.exists() and trainer.current_epoch:
            history = json.loads(self.path.read_text("utf-8"))
        assert isinstance(pl_module, Stage)
        # Lightning keeps the last value of a loss of earlier epochs
        found = {name: float(trainer.callback_metrics[name]) for name in pl_module.logged}
        for name in {*history, *found}:
            past = history.get(name, [])[: trainer.current_epoch]
            history[name] = [*past, *[None] * (trainer.current_epoch - len(past)), found.get(name)]
        text = json.dumps(history, indent=1, sort_keys=True)
        write_atomic(self.path, lambda to: to.write_text(text, "utf-8"))


def fit(stage: Stage, folder: Path, progress: bool = True, accelerator: str = "cpu", devices: int = 1) -> None:
    """Train a stage, going on from the last whole epoch that `folder` has a checkpoint of.

    The rest of a cut stage sees the batches that the whole one would have seen. Its weights are the same bit for bit
    only where nothing drops out: torch's random state is not in the checkpoint, and CMF drops out in stage 3.

    Args:
        stage: what learns; its weights are on the CPU afterwards.
        folder: of the checkpoint, the losses and the logs.
        progress: show a bar.
        accelerator: "cpu" or "gpu".
        devices: GPUs, or processes of the CPU, that learn together, each from batches of its own.
    """
    last = folder / CHECKPOINT
    with quiet():
        L.seed_everything(stage.seed + stage.number, workers=True, verbose=False)
        trainer = L.Trainer(
            max_epochs=stage.epochs,
            accelerator=accelerator,
            devices=devices,
            # Processes that are spawned end with the stage; those of plain DDP would run the whole command again.
            strategy="ddp_spawn" if devices > 1 else "auto",
            deterministic=True,
            logger=TensorBoardLogger(folder, "logs", ""),
            callbacks=[
                # last, so that what it saves includes the other callbacks' work of the epoch
                LossFile(folder / LOSSES),
                *([Stopwatch(folder / SPENT, stage.pace)] if stage.pace else []),
                *([TQDMProgressBar(20)] if progress else []),
                ModelCheckpoint(
                    folder,
                    CHECKPOINT.removesuffix(".ckpt"),
                    enable_version_counter=False,
                    save_on_train_epoch_end=True,
                ),
            ],
            limit_val_batches=0 if stage.validation is None else 1.0,
            num_sanity_val_steps=0,
            reload_dataloaders_every_n_epochs=1,
            enable_progress_bar=progress,
            enable_model_summary=False,
            log_every_n_steps=10,
            use_distributed_sampler=False,
        )
        # weights_only=False: the checkpoint is our own, and holds Lightning's loop state beside tensors
        trainer.fit(stage, ckpt_path=str(last) if last.exists() else None, weights_only=False)
    stage.model.cpu().eval()


@contextmanager
def quiet() -> Iterator[None]:
    """Without Lightning's advice on workers and hardware; its errors still come through."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
