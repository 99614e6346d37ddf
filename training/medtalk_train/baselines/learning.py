"""Trains one of the baselines on the ground of a run: Adam, a budget, early stopping, a checkpoint now and then.

The validation is the same for all methods: the mean square error of the rigs that they generate for sentences that they
do not learn from (`data.watched`).
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from medtalk.errors import TrainingError
from medtalk.files import write_atomic
from medtalk.model.baselines.method import Method, Sizes, build
from medtalk_train.baselines import BASELINES, diffposetalk, emoface, emotalk, faceformer
from medtalk_train.baselines.data import Clips, Passages, exchanges, passages, scale_of, sentences, watched
from medtalk_train.baselines.losses import square
from medtalk_train.stages.batches import Draw
from medtalk_train.stages.resume import MODEL, is_done, need

if TYPE_CHECKING:
    from medtalk_train.run import Run
    from medtalk_train.stages.ground import Ground

log = logging.getLogger(__name__)

SIZES = ("compact", "paper")
FRAMES = 240
"""Length of a passage: 4 s."""
EVERY = 50
"""Steps between two validations."""
RATES = {"compact": 1e-3, "paper": 1e-4}
"""Adam's rate by size; the papers have 1e-4."""
WARM, LAST, CLIP = 50, 0.05, 1.0
"""Steps in which the rate rises, the share of it that is left when the budget is used up, and the norm that gradients
are clipped to."""
LOSSES, RESULT, CHECKPOINT = "losses.json", "result.json", "last.pt"
_FORM = 2  # of the key: another number where the same settings would learn in another way


@dataclass(frozen=True)
class Budget:
    """What a training may take; whatever is used up first ends it.

    seconds: of optimiser steps, in wall-clock time of all sittings together; neither validation nor the reading of data
    counts. steps: of the optimiser. patience: validations, one every `EVERY` steps, without a lower error, after which
    the training has converged. `TrainingError` for 0 or less.
    """

    seconds: float = math.inf
    steps: int | None = None
    patience: int = 10

    def __post_init__(self) -> None:
        valid = self.seconds > 0 and (self.steps is None or self.steps >= 1) and self.patience >= 1
        if not valid:  # a NaN is not above 0 either
            raise TrainingError(
                f"A budget of {self.seconds:g} s, {self.steps} steps and a patience of {self.patience} trains nothing.",
                "Give more than 0 of each.",
            )


@dataclass(frozen=True)
class Learned:
    """A trained method: its network with the weights that were best, how long it learned, and `best`, its lowest
    validation error."""

    network: Method
    steps: int
    seconds: float
    best: float


class _Objective(NamedTuple):
    losses: Callable[[Any, Any], dict[str, Tensor]]
    draw: Callable[[Ground, int, int], Draw]  # of a ground, for so many clips of so many frames
    frames: Callable[[Any], int]  # of the sizes


def _clips(ground: Ground, _: int, frames: int) -> Draw:
    return Passages(sentences(ground), frames)


def _pairs(ground: Ground, batch: int, frames: int) -> Draw:
    draw = exchanges(ground, max(1, batch // 2), frames)
    if draw is None:
        log.warning("EmoTalk learns without its exchange: no takes say the same in several emotions, frame by frame")
    return draw or _clips(ground, batch, frames)


_OBJECTIVES = {
    "faceformer": _Objective(faceformer.losses, _clips, lambda _: FRAMES),
    "emotalk": _Objective(emotalk.losses, _pairs, lambda _: FRAMES),
    "emoface": _Objective(emoface.losses, _clips, lambda _: FRAMES),
    "diffposetalk": _Objective(diffposetalk.losses, _clips, lambda sizes: sizes.previous + sizes.window),
}
assert _OBJECTIVES.keys() == BASELINES.keys()


def learn(name: str, run: Run, folder: Path, budget: Budget, seed: int = 1, size: str = "compact") -> Learned:
    """Train a method, going on where a cut training stopped; one that is done is read.

    Args:
        name: of `BASELINES`.
        run: its ground gives features, data and split; its features and backbone must be done.
        folder: of the weights, the losses (`LOSSES`) and the checkpoint. Other settings or data start it anew.
        budget: of the training.
        seed: of the weights, the batches and the noise.
        size: of `SIZES`.

    Raises:
        TrainingError: another name or size, a ground that is not prepared, or losses that are not finite.
    """
    if name not in BASELINES:
        raise TrainingError(f"There is no baseline {name!r:.40}; valid are {', '.join(BASELINES)}.")
    if size not in SIZES:
        raise TrainingError(f"There is no size {size!r:.40}; valid are {', '.join(SIZES)}.")
    config = run.ground.config
    sizes = BASELINES[name].sized(size, *_widths(run))
    key = {
        "form": _FORM, "method": name, "sizes": sizes.to_dict(), "rate": RATES[size], "budget": asdict(budget),
        "seed": seed, "about": run.ground.key(3), "batch": run.recipe.stage3.batch, "labels": config.labels,
    }  # fmt: skip
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not is_done(folder, json.dumps(key, indent=1, sort_keys=True), RESULT):
        _Training(name, run, folder, budget, seed, sizes, RATES[size]).run()
    return read(folder)


def read(folder: Path) -> Learned:
    """What `learn` left in a folder.

    Raises:
        TrainingError: it is not done.
    """
    about = json.loads(need(folder / RESULT, "table1").read_text("utf-8"))
    network = build(BASELINES[about["method"]], about["sizes"], load_file(folder / MODEL)).eval()
    return Learned(network, about["steps"], about["seconds"], about["best"])


def _widths(run: Run) -> tuple[int, int]:
    """Widths of what a method hears: content and emotion features."""
    content, posteriors, _ = run.ground.windows()(np.random.default_rng(0))
    return content.shape[-1] + posteriors.shape[-1], run.ground.config.emotion_features


class _Training:
    """One training, from its beginning or its checkpoint to its end."""

    def __init__(self, name: str, run: Run, folder: Path, budget: Budget, seed: int, sizes: Sizes, rate: float) -> None:
        self.name, self.folder, self.budget, self.seed, self.rate = name, folder, budget, seed, rate
        self.device = torch.device("cuda" if run.accelerator == "gpu" else "cpu")
        self.objective, self.progress = _OBJECTIVES[name], run.progress
        batch = run.recipe.stage3.batch
        self.draw = self.objective.draw(run.ground, batch, self.objective.frames(sizes))
        self.watched = [passages(found, found.mask.shape[1], np.random.default_rng(0)) for found in watched(run.ground)]
        torch.manual_seed(seed)
        network = BASELINES[name](sizes)
        network.fit(scale_of(sentences(run.ground)))
        self.network = network.to(self.device)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=rate)
        self.step, self.seconds, self.best, self.stale = 0, 0.0, math.inf, 0
        self.weights: dict[str, Tensor] = {}
        self.history: dict[str, list[float]] = {}

    def run(self) -> None:
        """Until the budget is used up or nothing improves; the results are in the folder then."""
        if (self.folder / CHECKPOINT).exists():
            self._resume()
        while not self._over():
            sums: dict[str, float] = {}
            first = self.step
            while self.step - first < EVERY and not self._spent():
                for part, value in self._learn().items():
                    sums[part] = sums.get(part, 0.0) + value
            self._look({part: value / max(self.step - first, 1) for part, value in sums.items()})
        write_atomic(self.folder / MODEL, lambda to: save_file(self.weights, to))
        about = {
            "method": self.name, "sizes": self.network.sizes.to_dict(), "steps": self.step, "seconds": self.seconds,
            "best": self.best,
        }  # fmt: skip
        write_atomic(self.folder / RESULT, lambda to: to.write_text(json.dumps(about, indent=1), "utf-8"))
        (self.folder / CHECKPOINT).unlink(missing_ok=True)

    def _learn(self) -> dict[str, float]:
        batch = self.draw(np.random.default_rng((self.seed, self.step)))
        batch = type(batch)(*(tensor.to(self.device) for tensor in batch))
        torch.manual_seed(self.seed * 1_000_003 + self.step)  # a step that comes after a cut is the same
        began = time.monotonic()
        self.network.train()
        losses = self.objective.losses(self.network, batch)
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * self._share()
        self.optimiser.zero_grad()
        losses["loss"].backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
        self.optimiser.step()
        found = {part: value.item() for part, value in losses.items()}
        self.seconds += time.monotonic() - began
        self.step += 1
        if not math.isfinite(found["loss"]):
            raise TrainingError(f"The losses of {self.name} are not finite after {self.step} steps.", "Lower the rate.")
        return found

    def _share(self) -> float:
        """Of the rate: it rises, and falls along a cosine with what is used up of the budget; without end, it stays."""
        used = max(self.seconds / self.budget.seconds, self.step / (self.budget.steps or math.inf))
        fallen = LAST + (1.0 - LAST) * 0.5 * (1.0 + math.cos(math.pi * min(used, 1.0)))
        return fallen * min(1.0, (self.step + 1) / WARM)

    def _look(self, losses: dict[str, float]) -> None:
        """Validate the network, and keep all that a later sitting needs."""
        error = watched_error(self.network, self.watched)
        self.stale = 0 if error < self.best else self.stale + 1
        if error < self.best:
            self.best = error
            self.weights = {name: tensor.cpu().clone() for name, tensor in self.network.state_dict().items()}
        for name, value in {"step": self.step, "seconds": self.seconds, "validation": error, **losses}.items():
            self.history.setdefault(name, []).append(value)
        if self.progress:
            log.info("%s: step %d, validation %.3g, best %.3g", self.name, self.step, error, self.best)
        text = json.dumps(self.history, indent=1)
        write_atomic(self.folder / LOSSES, lambda to: to.write_text(text, "utf-8"))
        state = {name: getattr(self, name) for name in _KEPT}
        state |= {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict()}
        write_atomic(self.folder / CHECKPOINT, lambda to: torch.save(state, to))

    def _resume(self) -> None:
        state = torch.load(self.folder / CHECKPOINT, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        for name in _KEPT:
            setattr(self, name, state[name])
        self.weights = {name: tensor.cpu() for name, tensor in self.weights.items()}

    def _spent(self) -> bool:
        return self.seconds >= self.budget.seconds or self.step >= (self.budget.steps or math.inf)

    def _over(self) -> bool:
        return self._spent() or self.stale >= self.budget.patience


_KEPT = ("step", "seconds", "best", "stale", "weights", "history")


def watched_error(network: Method, batches: list[Clips]) -> float:
    """The mean square error of what a method generates, by its own way of generation, over real frames."""
    device = network.rest.device
    network.eval()
    errors = []
    for clips in batches:
        found = network.animate(clips.content.to(device), clips.emotion.to(device), clips.label.to(device))
        errors.append(float(square(found.cpu(), clips.rig, clips.mask)))
    return float(np.mean(errors))
