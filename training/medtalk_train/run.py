"""A training run in a folder: each step knows whether it is done, and starts again when an input of it changed."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file

from medtalk.errors import TrainingError
from medtalk.files import sha256_file, write_atomic
from medtalk.model.medtalk import MEDTalk
from medtalk_train.recipe import Recipe
from medtalk_train.settings import Ablation
from medtalk_train.stages.ground import CLIPS, Ground
from medtalk_train.stages.resume import MODEL, is_done, need
from medtalk_train.synthetic.ground import Sources, SyntheticGround

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from medtalk.bundle import Bundle
    from medtalk.model.ear import Ear
    from medtalk_train.stages.fit import Stage
    from medtalk_train.stages.pace import Pace

log = logging.getLogger(__name__)

PREPARATION = ("corpus", "voices", "people", "features", "backbone")
STAGES = ("stage1", "stage2", "stage3", "stage4")
STEPS = (*PREPARATION, *STAGES, "wording", "emotions", "live", "export")
BUNDLE = "bundle"


def place(device: str, devices: int) -> tuple[str, int]:
    """Lightning's accelerator for a recipe's setting, and how many of it."""
    gpus = torch.cuda.device_count()
    if device == "cpu" or (device == "auto" and not gpus):
        return "cpu", max(devices, 1)
    if not gpus or devices > gpus:
        raise TrainingError(
            f"There are {gpus} GPUs here; the recipe asks for {devices or 'one'}.",
            "Lower devices." if gpus else "Try device: auto.",
        )
    return "gpu", devices or gpus


class Run:
    """A recipe, the ground that it stands on, and the folder that the results go to."""

    def __init__(
        self,
        recipe: Recipe,
        work: str | Path,
        progress: bool = True,
        sources: Sources | None = None,
        prepared: str | Path | None = None,
    ) -> None:
        """`prepared`: the folder of another run, whose preparation this one stands on; None makes its own.

        `TrainingError` if the recipe's devices are not there.
        """
        self.accelerator, self.devices = place(recipe.device, recipe.devices)
        self.recipe, self.work, self.progress, self.sources = recipe, Path(work), progress, sources or Sources()
        self.work.mkdir(parents=True, exist_ok=True)
        self.ground = _ground(recipe, Path(prepared or work), progress, self.sources, self.accelerator)
        if recipe.threads:
            torch.set_num_threads(recipe.threads)

    def check(self) -> None:
        """Raise the TrainingError of what a later step would miss, before hours are spent on the earlier ones."""
        self.ground.check()

    def step(self, name: str, again: bool = False) -> None:
        """Run one of `STEPS`, unless it is done.

        Raises:
            TrainingError: an earlier step is missing, or the name is not a step.
        """
        if name not in STEPS:
            raise TrainingError(f"There is no step {name!r}; valid are {', '.join(STEPS)}.")
        if again and not (name == "corpus" and self.sources.corpus):  # a corpus elsewhere is not ours
            shutil.rmtree(self.work / (BUNDLE if name == "export" else name), ignore_errors=True)
        log.info("%s ...", name)
        if name in STAGES:
            self.stage(STAGES.index(name) + 1)
        elif name == "export":
            self.export()
        else:
            self.ground.steps.get(name, lambda: None)()

    def stage(self, number: int, pace: Pace | None = None) -> None:
        """Train one of the paper's four stages; one that has nothing to learn leaves the networks as they were.

        `pace` is how long an epoch lasts, where a budget says so; whoever gives one tells runs of others apart.
        """
        from medtalk_train.stages.fit import CHECKPOINT, fit, quiet

        folder, about = self.work / f"stage{number}", self.ground.key(number)
        before = sha256_file(self._weights(number - 1)) if number > 1 else ""
        key = {"options": self.options(number), "about": about, "before": before}
        if is_done(folder, json.dumps(key, indent=1, sort_keys=True), MODEL):
            return
        if number == 1:
            with quiet():
                torch.manual_seed(self.recipe.seed)
            model = MEDTalk(self.ground.config)
        else:
            model = self.model(number - 1)
        learner = self.learner(number, model)
        if learner is not None:
            learner.pace = pace
            fit(learner, folder, self.progress, self.accelerator, self.devices)
            if number == 1:
                self._report(self.rebuilt(model))
        write_atomic(folder / MODEL, lambda to: save_file(model.state_dict(), to))
        (folder / CHECKPOINT).unlink(missing_ok=True)

    def model(self, stage: int) -> MEDTalk:
        """The networks as a stage left them."""
        path = self._weights(stage)
        model = MEDTalk(self.ground.config)
        try:
            model.load_state_dict(load_file(path))
        except RuntimeError as error:
            raise TrainingError(
                f"{path} has other sizes than the recipe.", f"Run medtalk-train stage{stage}."
            ) from error
        return model.eval()

    def rebuilt(self, model: MEDTalk) -> dict[str, float]:
        """How well the spaces of stage 1 rebuild recorded faces that are held back.

        Nothing without such faces, or where the ablation has no spaces.
        """
        from medtalk_train.stages.rebuilt import rebuilt

        return rebuilt(model, self.ground.recorded()) if self.recipe.ablation.disentangle else {}

    @staticmethod
    def _report(figures: Mapping[str, float]) -> None:
        from medtalk_train.stages.rebuilt import PREFIX, too_low

        for name, value in figures.items():
            scale = "1 is the face itself, 0 a face that stands still" if name.startswith(PREFIX) else "0 is none"
            log.info("%s: %.3f (%s)", name, value, scale)
        if warning := too_low(figures):
            log.warning("%s", warning)

    def export(self, metrics: Mapping[str, float] | None = None) -> Bundle:
        """Write `bundle/` from stage 4."""
        model = self.finished()
        return self.ground.export(model, {**(metrics or {}), **self.rebuilt(model)}, self.work / BUNDLE)

    def finished(self) -> MEDTalk:
        """The networks as a bundle has them.

        Channels that no face moves stay at 0, not at what the decoder's fit left there; and an intensity that the
        ablation left untrained is 1.
        """
        model = self.model(4)
        still = torch.from_numpy(self.ground.still())
        with torch.no_grad():
            model.decoder.fc2.weight[still] = 0.0
            model.decoder.fc2.bias[still] = 0.0
            if not self.recipe.ablation.intensity:
                model.fusion_predictor.predictor.weight.zero_()
                model.fusion_predictor.predictor.bias.fill_(1.0)
        return model

    def live(self, ear: Ear, again: bool = False) -> Path:
        """The step "live" for the ear of some bundle in place of the run's own; the folder of what it made."""
        if not isinstance(self.ground, SyntheticGround):
            raise TrainingError("The recipe has no ear of its own, which streams could be heard with.")
        if again:
            shutil.rmtree(self.work / "live", ignore_errors=True)
        return self.ground.live_of(ear)

    def evaluate(
        self,
        bundle: Bundle,
        speech: Path | None = None,
        clips: int = CLIPS,
        transcripts: Path | None = None,
        captures: Sequence[Path] = (),
    ) -> dict[str, float]:
        """Metrics of a bundle, on what the ground holds back and on recordings; see `measure.evaluate`.

        With what the bundle says of how well its spaces rebuild recorded faces.
        """
        from medtalk_train.measure.evaluate import evaluate
        from medtalk_train.stages.rebuilt import POSE, PREFIX

        held = self.ground.held(bundle, clips)
        if held is None:
            log.warning("no take is held back, so there is nothing to judge the bundle on")
            return {}
        known = bundle.manifest.get("metrics", {})
        rebuilt = {name: value for name, value in known.items() if name.startswith((PREFIX, POSE))}
        return evaluate(bundle, held, speech, clips, transcripts, captures) | rebuilt

    def options(self, stage: int) -> dict[str, Any]:
        """The part of the recipe that a stage depends on."""
        recipe = self.recipe.to_dict()
        own = recipe[f"stage{stage}"]
        if self.recipe.pretrained is None:
            own.pop("blinks", None)  # faces of rules have none: a run of before this setting goes on
        if own.get("effort"):
            del own["effort"]  # so goes one of before that setting
        return {
            "stage": own,
            "scale": recipe["stage3"]["intensity_scale_augmentation"] if stage == 4 else None,
            "model": self.ground.config.to_dict(),
            "ablation": recipe["ablation"],
            "seed": recipe["seed"],
        }

    def _weights(self, stage: int) -> Path:
        return need(self.work / f"stage{stage}" / MODEL, f"stage{stage}")

    def learner(self, number: int, model: MEDTalk) -> Stage | None:
        """The stage over the networks and their ground; None if it has nothing to learn."""
        learner = self._learner(number, model)
        if learner is not None:
            learner.validation = self.ground.validation(number)
        return learner

    def _learner(self, number: int, model: MEDTalk) -> Stage | None:
        from medtalk_train.stages.stages import ContentMapping, CrossReconstruction, GuidanceStage, IntensityModelling

        recipe, ground = self.recipe, self.ground

        def common() -> tuple[int, Ablation, NDArray[np.float32]]:
            return recipe.seed, recipe.ablation, ground.spread(number)

        if number == 1:
            # the ablation without disentangling leaves the encoders and the decoder as they were born
            disentangle = recipe.ablation.disentangle
            if not disentangle:
                return None
            pairs = ground.pairs()
            grids = ground.grids() if recipe.ablation.overlap or pairs is None else None
            return CrossReconstruction(model, recipe.stage1, grids, *common(), pairs, ground.apart())
        if number == 2:
            return ContentMapping(model, recipe.stage2, ground.windows(), *common())
        if number == 3:
            blinks = recipe.pretrained is None or recipe.stage3.blinks
            return IntensityModelling(model, recipe.stage3, ground.sentences(), *common(), blinks)
        draw = ground.guided()
        return None if draw is None else GuidanceStage(model, recipe.stage4, draw, *common(), ground.pictures())


def _ground(recipe: Recipe, work: Path, progress: bool, sources: Sources, accelerator: str) -> Ground:
    if recipe.pretrained is None:
        return SyntheticGround(recipe, work, progress, sources)
    from medtalk_train.captured.ground import CapturedGround

    return CapturedGround(recipe, work, progress, sources, "cuda" if accelerator == "gpu" else "cpu")
