"""Training the compact acoustic encoder: phones and mouth curves from augmented speech with phone times.

The recipe was measured (design notes of the voice model): cross entropy on phone classes keeps the posteriors sharp,
regression of the teacher's mouth curves and their velocity gives features that ACM can read, a moving average of the
weights is what ships.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

from medtalk.backbones.acoustic import AcousticConfig, AcousticEncoder
from medtalk.backbones.mel import RATE, RIG_FPS
from medtalk.backbones.phones import N_PHONES
from medtalk.errors import TrainingError
from medtalk_train import augment
from medtalk_train.corpus.read import Corpus
from medtalk_train.teacher.lips import GROUPS, lip_curves
from medtalk_train.teacher.poses import channels_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

# One side of the face is enough for the curves: the teacher's average speaker is symmetric.
CURVES = [channels_of(key)[0] for group in GROUPS for key in group.keys] + [
    channels_of(key)[0] for key in ("lipsTogetherU", "lipsPressU", "lipBiteD")
]


@dataclass(frozen=True)
class BackboneOptions:
    """Settings of the ``backbone`` stage of a recipe."""

    steps: int = 6500
    batch: int = 16
    """Windows a step."""
    seconds: float = 4.0
    """Length of a window."""
    rate: float = 2e-3
    """AdamW's largest learning rate; it warms up over 4 % of the steps and falls along a cosine."""
    weight_decay: float = 0.02
    average: float = 0.998
    """Decay of the moving average of the weights."""
    phone_weight: float = 0.7
    velocity_weight: float = 0.5
    event_weight: float = 2.0
    """How much more a frame weighs in a channel's regression where the channel is high (closure, bite, rounding)."""
    workers: int = 1
    """Processes that augment; 0 does it in the training process."""
    precision: str = "bf16-mixed"
    width: int = 160
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4, 8)
    dropout: float = 0.1


class Windows(IterableDataset):
    """Endless batches of (mel (B, 2 T, 80), phone class (B, T), curves (B, T, K)) from the training voices."""

    def __init__(self, folder: Path, options: BackboneOptions, seed: int, start: int = 0) -> None:
        self.corpus = Corpus(folder)
        self.items = [u for u in self.corpus.split("train")]
        self.options, self.seed, self.start = options, seed, start
        self.frames = int(options.seconds * RIG_FPS)
        self.curves = [
            lip_curves(u.phones, u.samples * RIG_FPS // RATE)[:, CURVES].astype(np.float16) for u in self.items
        ]
        self.phones = [frame_classes(u.phones, u.samples * RIG_FPS // RATE) for u in self.items]
        self.lengths = np.array([u.samples for u in self.items])

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        info = torch.utils.data.get_worker_info()
        stride, first = (info.num_workers, info.id) if info else (1, 0)
        step = self.start + first
        while True:
            rng = np.random.default_rng((self.seed, step))  # a step's data depends on its number alone: resumable
            rows = [self.window(rng, min(1.0, step / (0.15 * self.options.steps))) for _ in range(self.options.batch)]
            yield (
                torch.from_numpy(np.stack([r[0] for r in rows])),
                torch.from_numpy(np.stack([r[1] for r in rows])),
                torch.from_numpy(np.stack([r[2] for r in rows])),
            )
            step += stride

    def window(self, rng: np.random.Generator, amount: float) -> tuple[NDArray, NDArray, NDArray]:
        """One window: utterances strung together with short pauses until it is full, cut at a random place."""
        speed = float(np.exp(rng.uniform(-0.13, 0.13) * amount))
        need = int(self.frames * speed) + 2
        audio, phones, curves, have = [], [], [], 0
        skip: int | None = None
        while have < need:
            which = int(rng.integers(len(self.items)))
            total = len(self.phones[which])
            skip = int(rng.integers(0, max(1, total - need // 2))) if skip is None else 0
            frames = min(total - skip, need - have)
            first = skip * RATE // RIG_FPS
            last = (skip + frames) * RATE // RIG_FPS
            audio.append(self.corpus.audio(self.items[which])[first:last] * np.float32(10 ** rng.uniform(-0.15, 0.15)))
            phones.append(self.phones[which][skip : skip + frames])
            curves.append(self.curves[which][skip : skip + frames])
            have += frames
        samples = np.concatenate(audio)
        classes, targets = np.concatenate(phones), np.concatenate(curves).astype(np.float32)
        at = np.arange(self.frames) * speed
        whole = at.astype(np.int64)
        part = (at - whole)[:, None].astype(np.float32)
        following = np.minimum(whole + 1, len(targets) - 1)
        wanted = self.frames * RATE // RIG_FPS
        positions = np.arange(wanted) * speed
        stretched = np.interp(positions, np.arange(len(samples)), samples).astype(np.float32)
        mel = augment.features(stretched, rng, lambda n: self.babble(rng, n), amount)
        return mel, classes[np.round(at).astype(np.int64)], targets[whole] * (1.0 - part) + targets[following] * part

    def babble(self, rng: np.random.Generator, n: int) -> NDArray[np.float32]:
        audio = self.corpus.audio(self.items[int(rng.integers(len(self.items)))])
        return np.resize(audio, n)


class BackboneTraining(L.LightningModule):
    """The encoder with its heads; logs each loss."""

    def __init__(self, options: BackboneOptions, mean: NDArray, spread: NDArray) -> None:
        super().__init__()
        self.options = options
        self.encoder = AcousticEncoder(AcousticConfig(options.width, tuple(options.dilations), options.dropout))
        self.curve_head = nn.Linear(options.width, len(CURVES))
        self.register_buffer("mean", torch.from_numpy(mean.astype(np.float32)))
        self.register_buffer("spread", torch.from_numpy(spread.astype(np.float32)))

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], _: int) -> Tensor:
        mel, phones, curves = batch
        features, logits = self.encoder(mel)
        target = (curves - self.mean) / self.spread  # pyright: ignore[reportOperatorIssue]
        error = self.curve_head(features) - target
        weight = 1.0 + self.options.event_weight * target.clamp(0.0, 2.0) / 2.0
        regression = (weight * error.square()).mean()
        velocity = (error[:, 1:] - error[:, :-1]).square().mean()
        phone = F.cross_entropy(logits.reshape(-1, N_PHONES), phones.reshape(-1), label_smoothing=0.05)
        loss = regression + self.options.velocity_weight * velocity + self.options.phone_weight * phone
        accuracy = (logits.argmax(-1) == phones).float().mean()
        self.log_dict(
            {"loss": loss, "regression": regression, "velocity": velocity, "phone": phone, "accuracy": accuracy}
        )
        self.log("acc", accuracy, prog_bar=True, logger=False)
        self.log("mse", regression, prog_bar=True, logger=False)
        return loss

    def configure_optimizers(self) -> Any:
        optimiser = torch.optim.AdamW(self.parameters(), self.options.rate, weight_decay=self.options.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser,
            self.options.rate,
            total_steps=self.options.steps + 1,
            pct_start=0.04,
            div_factor=25,
            final_div_factor=40,
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def train_backbone(corpus: Path, options: BackboneOptions, folder: Path, seed: int = 0, progress: bool = True) -> Path:
    """Train the acoustic encoder; resumes where an earlier run was cut.

    Args:
        corpus: a generated corpus.
        folder: gets ``backbone.pt`` (the averaged weights and sizes), checkpoints and TensorBoard logs.

    Returns:
        The path of ``backbone.pt``.
    """
    L.seed_everything(seed, workers=True, verbose=False)
    last = folder / "backbone-checkpoints" / "last.ckpt"
    done = int(torch.load(last, weights_only=False)["global_step"]) if last.exists() else 0
    windows = Windows(corpus, options, seed, done)
    sample = np.concatenate(windows.curves[:800]).astype(np.float32)
    model = BackboneTraining(options, sample.mean(axis=0), np.maximum(sample.std(axis=0), 0.02))
    every = max(1, min(250, options.steps))
    trainer = L.Trainer(
        max_steps=options.steps,
        accelerator="cpu",
        precision=options.precision,  # pyright: ignore[reportArgumentType]
        gradient_clip_val=1.0,
        logger=TensorBoardLogger(folder, "logs", "backbone"),
        callbacks=[
            EMAWeightAveraging(decay=options.average),
            ModelCheckpoint(last.parent, save_last=True, save_top_k=0, every_n_train_steps=every),
            *([TQDMProgressBar(50)] if progress else []),
        ],
        enable_progress_bar=progress,
        enable_model_summary=False,
        log_every_n_steps=25,
        use_distributed_sampler=False,
    )
    loader = DataLoader(
        windows, batch_size=None, num_workers=options.workers, prefetch_factor=4 if options.workers else None
    )
    trainer.fit(model, loader, ckpt_path=str(last) if last.exists() else None, weights_only=False)
    path = folder / "backbone.pt"
    torch.save({"config": model.encoder.config.to_dict(), "encoder": model.encoder.state_dict(),
                "curve_head": model.curve_head.state_dict(), "options": asdict(options)}, path)  # fmt: skip
    return path


def load_backbone(path: Path) -> AcousticEncoder:
    """The trained encoder of a ``backbone.pt``, in evaluation mode."""
    try:
        saved = torch.load(path, weights_only=True)
        encoder = AcousticEncoder(AcousticConfig.from_dict(saved["config"]))
        encoder.load_state_dict(saved["encoder"])
    except Exception as error:  # a damaged file fails in any of a dozen ways
        raise TrainingError(f"{path} is not a trained backbone.", "Run medtalk-train backbone --again.") from error
    return encoder.eval()


def frame_classes(phones: Sequence[tuple[float, float, int]], frames: int) -> NDArray[np.int64]:
    """(T,) the phone class at each frame's time."""
    starts = np.array([start for start, _, _ in phones])
    kinds = np.array([kind for _, _, kind in phones], np.int64)
    return kinds[np.maximum(np.searchsorted(starts, np.arange(frames) / RIG_FPS + 1e-9, side="right") - 1, 0)]
