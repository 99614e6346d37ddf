"""The paper's four training stages (Sec. 4.1) timed on made-up takes, against its "within 1 hour" on one RTX 3090.

    python benchmarks/stages.py [--takes 700] [--device auto] [--steps 20] [--runs 3]

The takes are noise, rigs too, in the widths that the frozen backbones give (768, 768 and 512), and as long as short
sentences: how fast a network learns does not depend on what. They are read off the disk and batched as a run does it.
What the backbones themselves take, once for all stages, is not in it.

Each phase warms up once. Then it runs for `--steps` batches and for three times as many, `--runs` times each; what the
median of the long runs takes longer is the time of a step, without the start of Lightning. The whole is that times the
batches of the recipe. Where the start drowns the difference, the table says that it needs more `--steps`.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from medtalk.errors import MedtalkError
from medtalk.guidance import LABELS
from medtalk.model.medtalk import MEDTalk
from medtalk.rates import FPS
from medtalk.rig.channels import N_CHANNELS
from medtalk_train.captured.batches import AlignedTakes, ByTurns, Passages, Recorded, Row, UnlikeTakes, WholeTakes
from medtalk_train.captured.cache import Cache
from medtalk_train.recipe import Recipe, load_recipe
from medtalk_train.stages.fit import Stage, fit
from medtalk_train.stages.stages import ContentMapping, CrossReconstruction, GuidanceStage, IntensityModelling

SECONDS = (1.5, 4.5)
"""Of a made-up take; the sentences of EmoFace's data are short."""
TOKENS = 24
"""Of a made-up transcript."""
SEED = 1
UNMEASURABLE = "not measurable: more --steps"


@dataclass(frozen=True)
class Phase:
    """A stage, or a phase of stage 1: what learns, for one epoch, and how many batches the recipe gives it."""

    name: str
    learner: Stage
    batches: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=Path("paper"), help="a recipe on captured faces")
    parser.add_argument("--takes", type=int, default=700, help="made-up takes, in all seven emotions")
    parser.add_argument("--steps", type=int, default=20, help="batches of the shorter of both runs of a phase")
    parser.add_argument("--runs", type=int, default=3, help="runs of each length, of which the median counts")
    parser.add_argument(
        "--device", choices=("auto", "cpu", "gpu"), default="auto", help="auto: the GPU if there is one"
    )
    settings = parser.parse_args()
    if min(settings.steps, settings.runs) < 1 or settings.takes < 2 * len(LABELS):
        parser.error(f"--steps and --runs are 1 or more, --takes {2 * len(LABELS)} or more")
    gpu = torch.cuda.is_available()
    if settings.device == "gpu" and not gpu:
        sys.exit("torch sees no CUDA GPU here.")
    accelerator = "gpu" if gpu and settings.device != "cpu" else "cpu"
    try:
        recipe = load_recipe(settings.recipe)
    except MedtalkError as error:
        sys.exit(str(error))
    if recipe.pretrained is None:
        sys.exit(f"{settings.recipe} does not learn from captured faces; valid is paper, or a copy of it.")
    where = torch.cuda.get_device_name() if accelerator == "gpu" else f"CPU, {torch.get_num_threads()} threads"
    table = Table("phase", "batches", "ms a batch", "minutes", title=f"{recipe.name}, {settings.takes} takes, {where}")
    total: float | None = 0.0
    with tempfile.TemporaryDirectory() as folder:
        takes = made_up(Path(folder, "takes"), settings.takes)
        for phase in phases(recipe, takes):
            took = step_seconds(phase.learner, settings.steps, settings.runs, Path(folder), accelerator)
            whole = None if took is None else took * phase.batches
            total = None if total is None or whole is None else total + whole
            step = UNMEASURABLE if took is None else f"{1000 * took:.1f}"
            table.add_row(phase.name, f"{phase.batches}", step, minutes(whole))
    table.add_section()
    table.add_row("all", "", "", minutes(total))
    Console().print(table)
    if accelerator == "gpu":
        print(f"most memory of the GPU: {torch.cuda.max_memory_allocated() / 1e9:.2f} GB")


def made_up(folder: Path, count: int) -> Recorded:
    """Takes of noise; every seven of them say the same in the seven emotions, as stage 1 needs them."""
    rng, cache = np.random.default_rng(SEED), Cache(folder)

    def noise(part: str, number: int, *shape: int) -> str:
        return cache.file(part, str(number), lambda: rng.random(shape, np.float32))

    rows = []
    for number in range(count):
        sentence, label = divmod(number, len(LABELS))
        frames = int(np.random.default_rng((SEED, sentence)).uniform(*SECONDS) * FPS)
        rows.append(
            Row(
                name=f"0/{number}",
                speaker="somebody",
                label=label,
                held=False,
                stages=[1, 2, 3, 4],
                group=f"0/{sentence}",
                frames=frames,
                content=noise("content", number, frames, 768),
                emotion=noise("emotion", number, frames, 768),
                rig=noise("rig", number, frames, N_CHANNELS),
                transcript="made up",
                words=noise("words", number, TOKENS, 768),
                description=noise("description", number, 512),
                picture=noise("picture", number, 512),
            )
        )
    return Recorded(cache, rows, noise("no_words", 0, 3, 768))


def phases(recipe: Recipe, takes: Recorded) -> Iterator[Phase]:
    """Every phase of the recipe over the takes, one at a time: each freezes the networks in its own way."""
    one, two, three, four = recipe.stage1, recipe.stage2, recipe.stage3, recipe.stage4
    model, common = MEDTalk(recipe.paper_config()), (SEED, recipe.ablation, takes.spread)
    grids = AlignedTakes(takes, takes.aligned, one.batch, one.frames)
    pairs = UnlikeTakes(takes, one.batch, one.frames)
    lengths = {"self": one.epochs, "overlap": one.overlap_epochs, "cycle": one.cycle_epochs}
    for name, epochs in lengths.items():
        only = {"epochs": 0, "overlap_epochs": 0, "cycle_epochs": 0}
        only["epochs" if name == "self" else f"{name}_epochs"] = 1
        learner = CrossReconstruction(model, replace(one, **only), grids, *common, pairs)
        yield Phase(f"1, {name}", learner, epochs * one.steps)
    windows = Passages(takes, two.batch, two.frames)
    yield Phase("2", ContentMapping(model, replace(two, epochs=1), windows, *common), two.epochs * two.steps)
    sentences = WholeTakes(takes, three.batch, 4 * three.frames, recipe.transcript_dropout)
    yield Phase(
        "3", IntensityModelling(model, replace(three, epochs=1), sentences, *common), three.epochs * three.steps
    )
    guides = WholeTakes(takes, four.batch, 4 * four.frames, recipe.transcript_dropout, guided=True)
    guided = ByTurns(replace(guides, by_label=True), guides, four.label_share)
    yield Phase("4", GuidanceStage(model, replace(four, epochs=1), guided, *common, True), four.epochs * four.steps)


def step_seconds(learner: Stage, steps: int, runs: int, folder: Path, accelerator: str) -> float | None:
    """Seconds of one batch: what three times `steps` take longer than `steps`, by the medians of the runs.

    None where they take no longer.
    """

    def seconds(count: int) -> float:
        stage = copy.copy(learner)
        stage.options = replace(learner.options, steps=count)
        with tempfile.TemporaryDirectory(dir=folder) as run:
            start = time.perf_counter()
            fit(stage, Path(run), progress=False, accelerator=accelerator)
            if accelerator == "gpu":
                torch.cuda.synchronize()
            return time.perf_counter() - start

    seconds(steps)  # the first run of a phase builds what later ones find
    short, long = ([seconds(count) for _ in range(runs)] for count in (steps, 3 * steps))
    longer = statistics.median(long) - statistics.median(short)
    return longer / (2 * steps) if longer > 0 else None


def minutes(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds / 60:.1f}"


if __name__ == "__main__":
    main()
