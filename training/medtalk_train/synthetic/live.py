"""Training the head that hears a stream: the ear's own head, fine-tuned on states that know little of what comes.

Whisper stays frozen. The targets are the phones, and the features that the ear's head gives for the whole utterance:
the networks behind the ear have learned on those, and stay as they are.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import IterableDataset

from medtalk.bundle import LIVE_WEIGHTS
from medtalk.errors import TrainingError
from medtalk.features import listening
from medtalk.features.phones import N_PHONES
from medtalk.files import sha256_file, write_atomic
from medtalk.model.ear import Ear, EarHead
from medtalk.model.live_ear import AROUND, Streaming, head_of
from medtalk_train.settings import LiveOptions
from medtalk_train.stages.fit import quiet
from medtalk_train.synthetic.backbone import fit_head, steps_done
from medtalk_train.synthetic.corpus.read import Corpus
from medtalk_train.synthetic.streams import STEP, Stream, Voices, hear, heard_as
from medtalk_train.synthetic.whisper_weights import fingerprint

METRICS = "metrics.json"
CHECKPOINTS = "live-checkpoints"
_KEY = "live.json"
_JUDGED = 6  # streams

Batch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


class StreamWindows(IterableDataset):
    """Endless batches of windows of streams.

    states (B, 2 + S, 2 width), the first two before the window; following (B, S / 2, 2, 2 width); heard (B, 2), 1
    where a following state was heard; classes (B, S); features (B, S, F), NaN where unknown.
    """

    def __init__(self, streams: Sequence[Stream], options: LiveOptions, seed: int, start: int = 0) -> None:
        self.streams, self.options, self.seed, self.start = streams, options, seed, start
        shortest = min(len(stream.states) for stream in streams)
        self.size = max(1, min(round(options.seconds * listening.FPS), shortest - AROUND - STEP) // STEP) * STEP

    def __iter__(self) -> Iterator[Batch]:
        step = self.start
        while True:
            yield self.draw(np.random.default_rng((self.seed, step)))  # of its number alone: resumable
            step += 1

    def draw(self, rng: np.random.Generator) -> Batch:
        """One batch."""
        rows = []
        for _ in range(self.options.batch):
            stream = self.streams[int(rng.integers(len(self.streams)))]
            step = int(rng.integers(1, (len(stream.states) - self.size) // STEP + 1))
            first = step * STEP
            piece = slice(first, first + self.size)
            rows.append(
                (
                    stream.states[first - AROUND : first + self.size],
                    stream.following[step : step + self.size // STEP],
                    np.arange(AROUND) < stream.ahead,
                    stream.classes[piece],
                    stream.features[piece],
                )
            )
        states, following, heard, classes, features = (np.stack(part) for part in zip(*rows, strict=True))
        parts = (states, following, heard.astype(np.float32), classes, features)
        return tuple(torch.from_numpy(p if p.dtype == np.int64 else p.astype(np.float32)) for p in parts)  # type: ignore


class LiveTraining(L.LightningModule):
    """The head; logs its losses and accuracy."""

    spread: Tensor
    variance: Tensor

    def __init__(self, head: EarHead, options: LiveOptions, spread: Tensor, variance: Tensor) -> None:
        """`spread` (2 width,): standard deviation of each state; `variance` (F,) of each feature."""
        super().__init__()
        self.options, self.head = options, head
        self.head.features.requires_grad_(False)  # what it makes of the hidden states is what others have learned on
        self.register_buffer("spread", spread)
        self.register_buffer("variance", variance)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        states, following, heard, classes, targets = batch
        noise = self.options.noise * self.spread
        states, following = (part + noise * torch.randn_like(part) for part in (states, following))
        features, logits = run_head(self.head, states, following, heard)
        phones = F.cross_entropy(
            logits.reshape(-1, N_PHONES), classes.reshape(-1), label_smoothing=self.options.smoothing
        )
        known = torch.isfinite(targets[..., 0])
        error = ((features - targets)[known] ** 2 / self.variance).mean()
        accuracy = (logits.argmax(-1) == classes).float().mean()
        self.log_dict({"loss": phones, "features": error, "accuracy": accuracy})
        self.log("acc", accuracy, prog_bar=True, logger=False)
        return phones + self.options.features_weight * error

    def configure_optimizers(self) -> Any:
        learned = [parameter for parameter in self.parameters() if parameter.requires_grad]
        optimiser = torch.optim.AdamW(learned, self.options.rate, weight_decay=self.options.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, self.options.rate, total_steps=self.options.steps + 1, pct_start=0.1
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def run_head(head: EarHead, states: Tensor, following: Tensor, heard: Tensor) -> tuple[Tensor, Tensor]:
    """Features (B, S, F) and logits (B, S, 35) of windows as `StreamWindows` draws them, each step with the states
    around it that it knows."""
    states, following = head.norm(states), head.norm(following)
    hidden = F.gelu(head.inward(states))  # (B, 2 + S, hidden)
    after = F.gelu(head.inward(following)) * heard[:, None, :, None]
    batch, steps = following.shape[:2]
    own = hidden.unfold(1, AROUND + STEP, STEP).transpose(2, 3)  # (B, S / 2, 4, hidden)
    around = torch.cat([own, after], dim=2).flatten(0, 1)
    features, logits = head_of(head, states[:, AROUND:].reshape(batch * steps, STEP, -1), around)
    return features.reshape(batch, steps * STEP, -1), logits.reshape(batch, steps * STEP, -1)


def train_live(
    ear: Ear, paths: Sequence[Path], options: LiveOptions, folder: Path, seed: int, progress: bool
) -> EarHead:
    """The live head, from the ear's own; goes on where an earlier run was cut."""
    last = folder / CHECKPOINTS / "last.ckpt"
    windows = StreamWindows([Stream.read(path) for path in paths], options, seed, steps_done(last))
    states, _, _, _, features = windows.draw(np.random.default_rng(seed))
    known = features[torch.isfinite(features[..., 0])]
    model = LiveTraining(deepcopy(ear.head), options, states.flatten(0, 1).std(0), known.var(0) + 1e-6)
    fit_head(model, windows, last, options.steps, options.average, seed, progress)
    return mixed(ear.head, model.head, options.own).eval()


def mixed(one: EarHead, other: EarHead, share: float) -> EarHead:
    """A head whose weights are `share` of one and the rest of another."""
    out = deepcopy(other)
    with torch.no_grad():
        for own, known in zip(out.parameters(), one.parameters(), strict=True):
            own.lerp_(known, share)
    return out


def make(
    folder: Path, ear: Ear, corpora: Sequence[Path], options: LiveOptions, shares: Mapping[str, float] | None,
    seed: int, progress: bool = True,
) -> dict[str, float]:  # fmt: skip
    """Make the streams, train the live head on them, and write it (`LIVE_WEIGHTS`) and its figures into `folder`.

    Args:
        ear: whose head it comes from, and whose Whisper hears.
        corpora: folders of speech with phone times.
        shares: of each engine, as in `BackboneOptions`.

    Returns:
        The figures: frame accuracy on voices held back, of the head before and after, for some look-aheads, and how
        far the features are from the ear's own over the whole, as a share of their variance.
    """
    heard = key_of(ear, corpora)
    paths = hear(corpora, ear, folder / "streams", options, shares, seed, heard)
    key = json.dumps({"options": asdict(options), "shares": dict(shares or {}), "seed": seed, "of": heard}, indent=1)
    known = folder / _KEY
    if known.exists() and known.read_text("utf-8") != key:
        shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
        (folder / METRICS).unlink(missing_ok=True)
    write_atomic(known, lambda to: to.write_text(key, "utf-8"))
    if not (folder / METRICS).is_file():
        with quiet():
            head = train_live(ear, paths, options, folder, seed, progress)
        write_head(folder, head, options, seed, _judged(corpora, ear, head, options, seed))
    return json.loads((folder / METRICS).read_text("utf-8"))["metrics"]


def write_head(folder: Path, head: EarHead, options: LiveOptions, seed: int, figures: Mapping[str, float]) -> None:
    """Write a live head and what is known of it, `METRICS` last."""
    state = {f"ear.live.{name}": tensor.half().contiguous() for name, tensor in head.state_dict().items()}
    write_atomic(folder / LIVE_WEIGHTS, lambda to: to.write_bytes(save(state)))
    about = {"options": {"seed": seed, **asdict(options)}, "metrics": dict(figures)}
    write_atomic(folder / METRICS, lambda to: to.write_text(json.dumps(about, indent=1) + "\n", "utf-8"))


def key_of(ear: Ear, corpora: Sequence[Path]) -> str:
    """What streams are made of, beside the options: the ear's weights and the indices of the corpora."""
    parts = [fingerprint(dict(ear.state_dict())), *(sha256_file(corpus / "index.jsonl") for corpus in corpora)]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def live_head(ear: Ear, folder: Path) -> EarHead:
    """The live head that `make` wrote into a folder, or that lies in a bundle's.

    Raises:
        TrainingError: there is none, or it is one of another ear.
    """
    path = folder / LIVE_WEIGHTS
    try:
        state = load(path.read_bytes())
        head = EarHead(ear.config)
        head.load_state_dict({name.removeprefix("ear.live."): tensor.float() for name, tensor in state.items()})
    except (OSError, RuntimeError, SafetensorError) as error:
        raise TrainingError(
            f"{path} holds no live head of this ear: {error!s:.120}.", "Run medtalk-train live."
        ) from error
    return head.eval()


@torch.inference_mode()
def _judged(corpora: Sequence[Path], ear: Ear, head: EarHead, options: LiveOptions, seed: int) -> dict[str, float]:
    """Frame accuracy and error of the features on streams of voices held back, of the ear's head ("before") and of the
    live one; nothing where there are no such voices."""
    held = [known for known in map(Corpus, corpora) if known.split("held")]
    if not held:
        return {}
    voices, heads = Voices(held, None, "held"), {", before": ear.head, "": head}
    found: dict[str, list[Tensor]] = {}
    for ahead in sorted({0, min(4, options.most_ahead), options.most_ahead}):
        for number in range(_JUDGED):
            rng = np.random.default_rng((seed, number, 1))  # the same sounds with each look-ahead
            stream = heard_as(voices, ear, options, rng, Streaming(STEP, ahead, options.histories[-1]))
            windows = StreamWindows([stream], replace(options, batch=1, seconds=options.stream), seed)
            states, following, heard, classes, targets = windows.draw(np.random.default_rng(0))
            known = torch.isfinite(targets[..., 0])
            for when, each in heads.items():
                features, logits = run_head(each, states, following, heard)
                error = (features - targets)[known] ** 2 / (targets[known].var(0) + 1e-6)
                name = f"look-ahead {20 * ahead} ms: {{}}{when}"
                found.setdefault(name.format("frame accuracy"), []).append(
                    (logits.argmax(-1) == classes)[known].float()
                )
                found.setdefault(name.format("features"), []).append(error.mean(1))
    return {name: float(torch.cat(values).mean()) for name, values in found.items()}
