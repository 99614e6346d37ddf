"""A training run in a folder: each step knows whether it is done, and starts anew when what it stands on changed.

What a stage learns from is its `ground`: here the synthetic corpus and a backbone of our own, in `paper` recorded faces
and the paper's backbones.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file

from medtalk.backbones.phones import N_PHONES
from medtalk.errors import TrainingError
from medtalk.files import sha256_file, write_atomic
from medtalk.model.config import ModelConfig
from medtalk.model.medtalk import MEDTalk
from medtalk_train.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from medtalk.bundle import Bundle
    from medtalk_train.data import Heard, Script
    from medtalk_train.fit import Draw, Stage

log = logging.getLogger(__name__)

STEPS = ("corpus", "backbone", "features", "stage1", "stage2", "stage3", "stage4", "export")
MODEL = "model.safetensors"
KEY = "key.json"
COMPLETE = "complete"
CLIPS = 84
"""Of those held back, how many a bundle is judged on."""


def open_run(recipe: Recipe, work: str | Path, progress: bool = True, corpus: str | Path | None = None) -> Run:
    """The run of a recipe, of the kind that it asks for; see `Run`."""
    if recipe.pretrained is None:
        return Run(recipe, work, progress, corpus)
    from medtalk_train.paper import PaperRun

    return PaperRun(recipe, work, progress, corpus)


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
    """A recipe and the folder that its results go to: corpus, backbone, features, stage1 to stage4, bundle."""

    def __init__(
        self, recipe: Recipe, work: str | Path, progress: bool = True, corpus: str | Path | None = None
    ) -> None:
        """`corpus`: a corpus elsewhere, to use in place of the run's own.

        `TrainingError` if the recipe's devices are not there.
        """
        self.accelerator, self.devices = place(recipe.device, recipe.devices)
        self.recipe, self.work, self.progress = recipe, Path(work), progress
        self.corpus_folder = Path(corpus) if corpus else self.work / "corpus"
        self.work.mkdir(parents=True, exist_ok=True)
        if recipe.threads:
            torch.set_num_threads(recipe.threads)

    def step(self, name: str, again: bool = False) -> None:
        """Run one of `STEPS`, unless it is done.

        Raises:
            TrainingError: an earlier step is missing, or the name is no step.
        """
        if name not in STEPS:
            raise TrainingError(f"There is no step {name!r}; valid are {', '.join(STEPS)}.")
        folder = self.work / ("bundle" if name == "export" else name)
        if again and not (name == "corpus" and self.corpus_folder != folder):  # a corpus elsewhere is not ours
            shutil.rmtree(folder, ignore_errors=True)
        log.info("%s ...", name)
        getattr(self, name)()

    # what stages 1 to 4 stand on

    def corpus(self) -> None:
        """Speech with phone times; goes on where a cut generation stopped."""
        from medtalk_train.corpus.generate import generate

        about = self.corpus_folder / "corpus.json"
        wanted = float(self.recipe.corpus.get("hours", 1.0))
        if about.exists() and json.loads(about.read_text("utf-8")).get("hours", 0.0) >= wanted * 0.999:
            return
        options = {"seed": self.recipe.seed, **self.recipe.corpus}
        try:
            generate(self.corpus_folder, progress=self.progress, **options)
        except TypeError as error:
            raise TrainingError(f"The recipe's corpus section does not fit: {error}.") from error

    def backbone(self) -> None:
        """The acoustic encoder, `backbone/backbone.pt`."""
        from medtalk_train.backbone import BackboneOptions, train_backbone
        from medtalk_train.fit import quiet

        folder = self.work / "backbone"
        options = BackboneOptions(**{**self.recipe.backbone, **self._tuples()})
        known = (folder / KEY).read_text("utf-8") if (folder / KEY).exists() else None
        if known is None and (folder / "backbone.pt").exists():
            return  # put there by hand: the user's own
        about = sha256_file(self._need(self.corpus_folder / "index.jsonl", "corpus"))
        key = json.dumps({"options": asdict(options), "corpus": about, "seed": self.recipe.seed}, indent=1)
        if known == key and (folder / "backbone.pt").exists():
            return
        if known is not None and known != key:
            log.info("backbone starts anew: its recipe or the corpus has changed")
            shutil.rmtree(folder)
        folder.mkdir(exist_ok=True)
        write_atomic(folder / KEY, lambda to: to.write_text(key, "utf-8"))
        with quiet():
            train_backbone(self.corpus_folder, options, folder, self.recipe.seed, self.progress)

    def features(self) -> None:
        """What the frozen backbone hears, `features/`."""
        from medtalk_train.features import extract

        backbone = self._need(self.work / "backbone" / "backbone.pt", "backbone")
        extract(
            self.corpus_folder,
            backbone,
            self.work / "features",
            self.recipe.features.hours,
            self.recipe.seed,
            self.progress,
        )
        self.__dict__.pop("heard", None)

    @cached_property
    def script(self) -> Script:
        """Sentences of stage 1."""
        from medtalk_train.corpus.read import Corpus
        from medtalk_train.data import Script

        return Script.of_corpus(Corpus(self.corpus_folder), self.recipe.stage1.hours)

    @cached_property
    def heard(self) -> Heard:
        """Sentences with features of stages 2 to 4."""
        from medtalk_train.data import Heard
        from medtalk_train.features import Features

        self._need(self.work / "features" / COMPLETE, "features")
        features = Features(self.work / "features")
        return Heard(features, features.split("train"))

    @property
    def config(self) -> ModelConfig:
        width = int(self.recipe.backbone.get("width", 160))
        return self.recipe.model_config(width, N_PHONES)

    # what the four stages learn from

    def grids(self) -> Draw:
        """Batches of stage 1."""
        from medtalk_train.data import Grids

        options = self.recipe.stage1
        return Grids(self.script, options.batch, options.frames, options.max_strength, options.lip_gain)

    def windows(self) -> Draw:
        """Batches of stage 2."""
        from medtalk_train.data import Windows

        options = self.recipe.stage2
        return Windows(self.heard, options.batch, options.frames, options.max_strength)

    def sentences(self) -> Draw:
        """Batches of stage 3."""
        from medtalk_train.data import Sentences

        options = self.recipe.stage3
        return Sentences(
            self.heard, options.batch, 4 * options.frames, self._scale(), self._dropout(), styles=options.styles
        )

    def guided(self) -> Draw:
        """Batches of stage 4: strengths come from the words here; labels keep the scales they had in stage 3."""
        from medtalk_train.data import Sentences

        options = self.recipe.stage4
        return Sentences(
            self.heard, options.batch, 4 * options.frames, self._scale(), self._dropout(),
            describe=True, label_share=options.label_share,
        )  # fmt: skip

    def pictures(self) -> bool:
        """Whether there are pictures of faces for stage 4."""
        return False

    def spread(self, stage: int) -> NDArray:
        """(174,) how far each channel moves in the faces of a stage."""
        from medtalk_train.data import channel_spread

        return channel_spread(self.script if stage == 1 else self.heard, self.recipe.seed)

    def ground(self, stage: int) -> str:
        """A hash of what a stage learns from; `TrainingError` if that is not there yet."""
        if stage == 1:
            self._need(self.corpus_folder / "index.jsonl", "corpus")
            return sha256_file(self.corpus_folder / "corpus.json")
        self._need(self.work / "features" / COMPLETE, "features")
        path = self._need(self.work / "features" / "features.json", "features")
        index = self._need(self.work / "features" / "features.jsonl", "features")
        return hashlib.sha256(path.read_bytes() + index.read_bytes()).hexdigest()

    # the paper's four stages

    def stage1(self) -> None:
        """E_e, E_c, D. The ablation without disentangling leaves them as they were born."""

        def build(model: MEDTalk) -> Stage:
            from medtalk_train.stages import CrossReconstruction

            return CrossReconstruction(model, self.recipe.stage1, self.grids(), *self._common(1))

        self._stage(1, build if self.recipe.ablation.disentangle else None)

    def stage2(self) -> None:
        """ACM."""

        def build(model: MEDTalk) -> Stage:
            from medtalk_train.stages import ContentMapping

            return ContentMapping(model, self.recipe.stage2, self.windows(), *self._common(2))

        self._stage(2, build)

    def stage3(self) -> None:
        """CMF with words, label embedding, E_fuse."""

        def build(model: MEDTalk) -> Stage:
            from medtalk_train.stages import IntensityModelling

            return IntensityModelling(model, self.recipe.stage3, self.sentences(), *self._common(3))

        self._stage(3, build)

    def stage4(self) -> None:
        """P_text, and E_fuse with it."""

        def build(model: MEDTalk) -> Stage:
            from medtalk_train.stages import Guidance

            return Guidance(model, self.recipe.stage4, self.guided(), *self._common(4), self.pictures())

        self._stage(4, build)

    def export(self, metrics: Mapping[str, float] | None = None) -> Bundle:
        """Write `bundle/` from stage 4."""
        from medtalk_train.backbone import load_backbone
        from medtalk_train.export import export_bundle

        acoustic = load_backbone(self._need(self.work / "backbone" / "backbone.pt", "backbone"))
        model = self.model(4)
        self._rest(model)
        about = json.loads((self.corpus_folder / "corpus.json").read_text("utf-8"))
        engines = ", ".join(about.get("hours_by_engine", {}))
        meta = {
            "name": self.recipe.name,
            "training_data": f"{about.get('hours', 0):.1f} h of synthetic speech ({engines}) with known phone times, "
            "faces made by rules; no recording and no capture of a person",
            "metrics": metrics or {},
            "untrained": ["clip_image_map"],
            "notes": [
                f"Made by `medtalk-train all --recipe training/recipes/{self.recipe.name}.yaml --work RUN`, seed "
                f"{self.recipe.seed}. Articulation is measured on the finished neutral output of real recordings with "
                "phone times, all else against the rules' own faces on synthetic voices that training never heard.",
                *([self.recipe.notes.strip()] if self.recipe.notes else []),
            ],
        }
        return export_bundle(model, acoustic, model.config, self.work / "bundle", meta)

    def evaluate(self, bundle: Bundle, speech: Path | None = None, clips: int = CLIPS) -> dict[str, float]:
        """Metrics of the run's bundle, on what was held back and on recordings with phone times."""
        from medtalk_train.evaluate import evaluate

        return evaluate(bundle, self.corpus_folder, speech, clips)

    def still(self) -> NDArray[np.bool_]:
        """(174,) channels that no face moves."""
        from medtalk_train.data import channel_spread

        return channel_spread(self.script, self.recipe.seed, windows=256) == 0.0

    def _rest(self, model: MEDTalk) -> None:
        """Channels that no face moves shall stay at 0, not at what the decoder's fit left there; and an intensity that
        the ablation left untrained shall be 1."""
        still = torch.from_numpy(self.still())
        with torch.no_grad():
            model.decoder.fc2.weight[still] = 0.0
            model.decoder.fc2.bias[still] = 0.0
            if not self.recipe.ablation.intensity:
                model.fusion_predictor.predictor.weight.zero_()
                model.fusion_predictor.predictor.bias.fill_(1.0)

    def model(self, stage: int) -> MEDTalk:
        """The networks as a stage left them."""
        path = self._need(self.work / f"stage{stage}" / MODEL, f"stage{stage}")
        model = MEDTalk(self.config)
        try:
            model.load_state_dict(load_file(path))
        except RuntimeError as error:
            raise TrainingError(
                f"{path} has other sizes than the recipe.", f"Run medtalk-train stage{stage}."
            ) from error
        return model.eval()

    # how a stage runs

    def _stage(self, number: int, build: Callable[[MEDTalk], Stage] | None) -> None:
        from medtalk_train.fit import CHECKPOINT, fit, quiet

        folder, about = self.work / f"stage{number}", self.ground(number)
        before = (
            sha256_file(self._need(self.work / f"stage{number - 1}" / MODEL, f"stage{number - 1}"))
            if number > 1
            else ""
        )
        key = json.dumps({"options": self._options(number), "about": about, "before": before}, indent=1, sort_keys=True)
        known = (folder / KEY).read_text("utf-8") if (folder / KEY).exists() else None
        if known == key and (folder / MODEL).exists():
            log.info("stage%d is done", number)
            return
        if known is not None and known != key:
            log.info("stage%d starts anew: its recipe or what it stands on has changed", number)
            shutil.rmtree(folder)
        folder.mkdir(exist_ok=True)
        write_atomic(folder / KEY, lambda to: to.write_text(key, "utf-8"))
        if number == 1:
            with quiet():
                torch.manual_seed(self.recipe.seed)
            model = MEDTalk(self.config)
        else:
            model = self.model(number - 1)
        if build is not None:
            fit(build(model), folder, self.progress, self.accelerator, self.devices)
        write_atomic(folder / MODEL, lambda to: save_file(model.state_dict(), to))
        (folder / CHECKPOINT).unlink(missing_ok=True)

    def _options(self, number: int) -> dict[str, Any]:
        recipe = self.recipe.to_dict()
        return {
            "stage": recipe[f"stage{number}"],
            "scale": recipe["stage3"]["intensity_scale_augmentation"] if number == 4 else None,
            "model": self.config.to_dict(),
            "ablation": recipe["ablation"],
            "seed": recipe["seed"],
        }

    def _common(self, stage: int) -> tuple[int, Any, Any]:
        return self.recipe.seed, self.recipe.ablation, self.spread(stage)

    def _scale(self) -> float:
        # without the intensity the clip's emotion is static, and so is its strength
        return self.recipe.stage3.intensity_scale_augmentation if self.recipe.ablation.intensity else 0.0

    def _dropout(self) -> float:
        return self.recipe.stage3.transcript_dropout if self.recipe.ablation.text else 1.0

    def _tuples(self) -> dict[str, Any]:
        # YAML has lists where the options have tuples
        return {name: tuple(value) for name, value in self.recipe.backbone.items() if isinstance(value, list)}

    def _need(self, path: Path, step: str) -> Path:
        if not path.exists():
            raise TrainingError(f"{path} is not there yet.", f"Run medtalk-train {step} first.")
        return path
