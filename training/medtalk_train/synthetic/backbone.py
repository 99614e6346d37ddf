"""Training the ear's head: phones from the states of frozen Whisper, on speech with phone times.

A small head on Whisper's third and fourth layer hears real voices although most of what it learned from are
synthesisers (shared facts: close F1 .96 after half an hour of robots). Noise on the states keeps it from learning the
synthesisers by heart; a moving average of the weights is what ships.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

from medtalk.errors import TrainingError
from medtalk.features import listening
from medtalk.features.phones import N_PHONES
from medtalk.model.ear import Ear, EarConfig, EarHead, WhisperLayers
from medtalk_train.settings import BackboneOptions
from medtalk_train.synthetic.states import States

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

_UNKNOWN = -100  # the class of padding, which the loss passes over


class StateWindows(IterableDataset):
    """Endless batches of (states (B, S, 2 width) float32, phone class (B, S)) from the training voices."""

    def __init__(self, states: States, options: BackboneOptions, seed: int, start: int = 0) -> None:
        self.states, self.options, self.seed, self.start = states, options, seed, start
        self.clips = states.split("train")
        if not self.clips:
            raise TrainingError("There are no training voices.", "Make a larger corpus.")
        self.size = max(1, round(options.seconds * listening.FPS))
        known = [states.utterances[i] for i in self.clips]
        self.chances = shares_of([u.engine for u in known], [u.samples for u in known], options.shares)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        step = self.start
        while True:
            yield self.draw(np.random.default_rng((self.seed, step)))  # of its number alone: resumable
            step += 1

    def draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """One batch."""
        values = np.zeros((self.options.batch, self.size, self.states.width), np.float32)
        classes = np.full((self.options.batch, self.size), _UNKNOWN, np.int64)
        for row, which in enumerate(rng.choice(len(self.clips), self.options.batch, p=self.chances)):
            clip = self.states[self.clips[which]]
            first = int(rng.integers(0, max(1, len(clip.states) - self.size + 1)))
            piece = slice(first, first + self.size)
            own = clip.states[piece]
            values[row, : len(own)], classes[row, : len(own)] = own, clip.classes[piece]
        return torch.from_numpy(values), torch.from_numpy(classes)


def shares_of(
    engines: Sequence[str], samples: Sequence[int], shares: Mapping[str, float] | None
) -> NDArray[np.float64]:
    """The chance of each clip to be drawn: by its length, and by the share of its engine where there are shares."""
    sizes, names = np.array(samples, np.float64), np.array(engines)
    for engine, share in (shares or {}).items():
        own = names == engine
        if own.any():
            sizes[own] *= share / sizes[own].sum()
        elif share:
            log.warning("the corpora have nothing of %s, which the recipe gives a share of %g", engine, share)
    if shares and (unknown := sorted(set(engines) - set(shares))):
        raise TrainingError(f"The recipe's shares leave out {', '.join(unknown)}.", "Give each engine a share.")
    return sizes / sizes.sum()


class BackboneTraining(L.LightningModule):
    """The head; logs its loss and accuracy."""

    spread: Tensor

    def __init__(self, options: BackboneOptions, spread: Tensor) -> None:
        """`spread` (2 width,): standard deviation of each state."""
        super().__init__()
        self.options = options
        self.head = EarHead(options.ear())
        self.register_buffer("spread", spread)

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        states, classes = batch
        _, logits = self.head(states + self.options.noise * self.spread * torch.randn_like(states))
        loss = F.cross_entropy(
            logits.reshape(-1, N_PHONES), classes.reshape(-1), ignore_index=_UNKNOWN,
            label_smoothing=self.options.smoothing,
        )  # fmt: skip
        accuracy = (logits.argmax(-1) == classes)[classes != _UNKNOWN].float().mean()
        self.log_dict({"loss": loss, "accuracy": accuracy})
        self.log("acc", accuracy, prog_bar=True, logger=False)
        return loss

    def configure_optimizers(self) -> Any:
        optimiser = torch.optim.AdamW(self.parameters(), self.options.rate, weight_decay=self.options.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, self.options.rate, total_steps=self.options.steps + 1, pct_start=0.1
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def train_backbone(
    whisper: WhisperLayers, states: States, options: BackboneOptions, folder: Path, seed: int = 0, progress: bool = True
) -> Path:
    """Train the ear's head; resumes where an earlier run was cut.

    Args:
        whisper: the frozen layers that `states` came from.
        folder: gets ``backbone.pt`` (the whole ear and its sizes), checkpoints and TensorBoard logs.

    Returns:
        The path of ``backbone.pt``.
    """
    last = folder / "backbone-checkpoints" / "last.ckpt"
    windows = StateWindows(states, options, seed, steps_done(last))
    sample, classes = windows.draw(np.random.default_rng(seed))
    model = BackboneTraining(options, sample[classes != _UNKNOWN].std(dim=0))
    fit_head(model, windows, last, options.steps, options.average, seed, progress)
    ear = Ear(options.ear())
    ear.whisper.load_state_dict(whisper.state_dict())
    ear.head.load_state_dict(model.head.state_dict())
    path = folder / "backbone.pt"
    torch.save({"config": ear.config.to_dict(), "ear": ear.state_dict(), "options": asdict(options)}, path)
    return path


def steps_done(last: Path) -> int:
    """Steps of a training whose last checkpoint this is; 0 if there is none."""
    return int(torch.load(last, weights_only=False)["global_step"]) if last.exists() else 0


def fit_head(
    model: L.LightningModule, windows: IterableDataset, last: Path, steps: int, average: float, seed: int,
    progress: bool,
) -> None:  # fmt: skip
    """Train a head on the CPU; goes on at the checkpoint `last`, and leaves a moving average of its weights in it."""
    if steps_done(last) >= steps:  # a trainer with nothing left to do would leave the weights of the last step
        model.load_state_dict(torch.load(last, weights_only=False)["state_dict"])
        return
    L.seed_everything(seed, workers=True, verbose=False)
    trainer = L.Trainer(
        max_steps=steps,
        accelerator="cpu",
        gradient_clip_val=1.0,
        logger=TensorBoardLogger(last.parents[1], "logs", last.parent.name.removesuffix("-checkpoints")),
        callbacks=[
            EMAWeightAveraging(decay=average),
            ModelCheckpoint(last.parent, save_last=True, save_top_k=0, every_n_train_steps=min(250, steps)),
            *([TQDMProgressBar(50)] if progress else []),
        ],
        enable_progress_bar=progress,
        enable_model_summary=False,
        log_every_n_steps=25,
        use_distributed_sampler=False,
    )
    loader = DataLoader(windows, batch_size=None, num_workers=0)
    trainer.fit(model, loader, ckpt_path=str(last) if last.exists() else None, weights_only=False)


def load_backbone(path: Path) -> Ear:
    """The trained ear of a ``backbone.pt``, in evaluation mode."""
    try:
        saved = torch.load(path, weights_only=True)
        ear = Ear(EarConfig(**saved["config"]))
        ear.load_state_dict(saved["ear"])
    except Exception as error:  # a damaged file fails in any of a dozen ways
        raise TrainingError(f"{path} is not a trained backbone.", "Run medtalk-train backbone --again.") from error
    return ear.eval()


@torch.inference_mode()
def heard(ear: Ear, states: NDArray, frames: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Features (T, F) and phone posteriors (T, 35) at 60 fps of a clip's states (S, 2 width)."""
    from medtalk.engine.compact import softmax

    features, logits = ear.head(torch.from_numpy(np.asarray(states, np.float32))[None])
    features, logits = (listening.at_rate(part[0].numpy(), frames) for part in (features, logits))
    return features, softmax(logits)
