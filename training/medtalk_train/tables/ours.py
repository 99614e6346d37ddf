"""MEDTalk under a budget: its stages share the time, each epoch as much of it as it has of the recipe's batches."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from medtalk.bundle import Bundle
from medtalk.errors import TrainingError
from medtalk_train.baselines.learning import Budget
from medtalk_train.run import BUNDLE, STAGES, Run
from medtalk_train.stages.fit import LOSSES
from medtalk_train.stages.pace import SPENT, Pace, spent
from medtalk_train.synthetic.ground import SyntheticGround

Curve = tuple[list[float], list[float]]
"""Seconds of training, and the loss there."""
CURVES = {"loss": "", "val loss": ", held back"}
"""Of the losses of a stage those that are shown, and what their curves are called after the stage."""


def paces(run: Run, budget: Budget) -> dict[int, Pace]:
    """Stage -> how long each of its epochs lasts, for the stages that learn.

    The recipe says how many batches a stage has, epochs times steps; that is its share of the budget. Its epochs stay
    as many as they are, so that its phases and the fall of its rate keep their form, however short they become.
    """
    recipe = run.recipe
    first, ablation = recipe.stage1, recipe.ablation
    epochs = {
        1: first.epochs + first.overlap_epochs * ablation.overlap + first.cycle_epochs * ablation.cycle,
        2: recipe.stage2.epochs,
        3: recipe.stage3.epochs,
        4: recipe.stage4.epochs,
    }
    steps = {k: getattr(recipe, f"stage{k}").steps for k in epochs}
    learning = [k for k in epochs if not (k == 1 and not ablation.disentangle) and epochs[k] and _guides(run, k)]
    whole = sum(epochs[k] * steps[k] for k in learning)
    most = float("inf") if budget.steps is None else budget.steps
    return {
        k: Pace(budget.seconds * steps[k] / whole, max(1, round(most * steps[k] / whole)) if budget.steps else most)
        for k in learning
    }


def _guides(run: Run, stage: int) -> bool:
    return stage < 4 or run.ground.guided() is not None


def learn(run: Run, budget: Budget) -> None:
    """Train the stages; a cut run goes on with the epoch that was cut, and has the time of that epoch again.

    What a stage takes beyond its time is taken from the next one's.

    Raises:
        TrainingError: it diverged.
    """
    each, excess = paces(run, budget), 0.0
    for number, name in enumerate(STAGES, start=1):
        pace = each.get(number)
        if pace is not None:
            pace.excess = excess
        run.stage(number, pace)
        if pace is not None:
            excess = pace.over(spent(run.work / name / SPENT)["seconds"])
        if not all(torch.isfinite(tensor).all() for tensor in run.model(number).state_dict().values()):
            raise TrainingError(f"It diverged in stage {number}: weights are not finite.", "Lower the stage's rate.")


def export(run: Run) -> Bundle:
    """The bundle of a cell. One of the synthetic ground reads no descriptions: nothing here measures them."""
    ground = run.ground
    if not isinstance(ground, SyntheticGround):
        return run.export()
    from medtalk_train.synthetic.export import export_bundle

    hours = ground.recipe.features.hours
    meta = {
        "name": f"{run.recipe.name}-{run.work.name}",
        "training_data": f"speech with phone times, {hours:g} hours at most; faces made by rules, no captured one",
        "untrained": ["clip_text_map", "clip_image_map"],
        "notes": [
            "A cell of a table (docs/training/tables.md), trained under a budget. The bundle that ships is better."
        ],
    }
    return export_bundle(run.finished(), ground.data.ear, ground.config, run.work / BUNDLE, meta)


def spent_by(run: Run) -> tuple[int, float]:
    """(steps, seconds of training) of all stages together."""
    found = [spent(folder / SPENT) for folder in _folders(run).values()]
    return int(sum(sum(each["steps"]) for each in found)), float(sum(sum(each["seconds"]) for each in found))


def curves(run: Run) -> dict[str, Curve]:
    """The losses of each stage over the seconds of the whole training."""
    out, before = {}, 0.0
    for name, folder in _folders(run).items():
        if not (folder / LOSSES).exists():
            continue
        losses = json.loads((folder / LOSSES).read_text("utf-8"))
        ends = (np.cumsum(spent(folder / SPENT)["seconds"]) + before).tolist()
        out |= {f"{name}{what}": (ends, losses[of]) for of, what in CURVES.items() if of in losses}
        before = ends[-1]
    return out


def _folders(run: Run) -> dict[str, Path]:
    return {name: run.work / name for name in STAGES}
