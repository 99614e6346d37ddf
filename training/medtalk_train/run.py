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
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file

from medtalk.errors import TrainingError
from medtalk.files import sha256_file, write_atomic
from medtalk.model.config import ModelConfig
from medtalk.model.medtalk import MEDTalk
from medtalk_train.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from medtalk.bundle import Bundle
    from medtalk.model.ear import Ear, WhisperLayers
    from medtalk_train.stages.fit import Draw, Stage
    from medtalk_train.synthetic.batches import Heard, Script
    from medtalk_train.synthetic.states import States

log = logging.getLogger(__name__)

STEPS = ("corpus", "voices", "people", "features", "backbone", "stage1", "stage2", "stage3", "stage4", "export")
MODEL = "model.safetensors"
KEY = "key.json"
COMPLETE = "complete"
CLIPS = 84
"""Of those held back, how many a bundle is judged on."""


@dataclass(frozen=True)
class Sources:
    """What a run takes from elsewhere, all of it optional but `whisper` where our own ear is trained.

    corpus: a corpus of robots that is there, in place of the run's own. whisper: Whisper base (`whisper_weights`).
    kokoro: the voices' model and their styles (`corpus.voices`). people: a folder of recordings of people, and
    writer: a faster-whisper folder that writes down what they say (`corpus.people`).
    """

    corpus: Path | None = None
    whisper: Path | None = None
    kokoro: Path | None = None
    people: Path | None = None
    writer: Path | None = None


def open_run(recipe: Recipe, work: str | Path, progress: bool = True, sources: Sources = Sources()) -> Run:
    """The run of a recipe, of the kind that it asks for; see `Run`."""
    if recipe.pretrained is None:
        return Run(recipe, work, progress, sources)
    from medtalk_train.paper import PaperRun

    return PaperRun(recipe, work, progress, sources)


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
    """A recipe and the folder that its results go to: corpora, features, backbone, stage1 to stage4, bundle."""

    def __init__(self, recipe: Recipe, work: str | Path, progress: bool = True, sources: Sources = Sources()) -> None:
        """`TrainingError` if the recipe's devices are not there."""
        self.accelerator, self.devices = place(recipe.device, recipe.devices)
        self.recipe, self.work, self.progress = recipe, Path(work), progress
        self.sources = sources
        self.corpus_folder = sources.corpus or self.work / "corpus"
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

    def check(self) -> None:
        """Raise the TrainingError of what a later step would miss, before hours are spent on the earlier ones."""
        _ = self.whisper
        if self.sources.people is not None:
            self._writer()

    # what stages 1 to 4 stand on

    def corpus(self) -> None:
        """Speech with phone times; goes on where a cut generation stopped."""
        from medtalk_train.synthetic.corpus.generate import generate

        about = self.corpus_folder / "corpus.json"
        wanted = float(self.recipe.corpus.get("hours", 1.0))
        if about.exists() and json.loads(about.read_text("utf-8")).get("hours", 0.0) >= wanted * 0.999:
            return
        options = {"seed": self.recipe.seed, **self.recipe.corpus}
        try:
            generate(self.corpus_folder, progress=self.progress, **options)
        except TypeError as error:
            raise TrainingError(f"The recipe's corpus section does not fit: {error}.") from error

    def voices(self) -> None:
        """Natural voices, `voices/`, where the recipe wants hours of them and Kokoro is there."""
        if not self.recipe.voices.get("hours"):
            return
        if self.sources.kokoro is None:
            log.warning("no natural voices: --kokoro names no folder; the card will say so")
            return
        from medtalk_train.synthetic.corpus.voices import generate_voices

        options = {"seed": self.recipe.seed, **self.recipe.voices}
        try:
            generate_voices(self.work / "voices", kokoro=self.sources.kokoro, progress=self.progress, **options)
        except TypeError as error:
            raise TrainingError(f"The recipe's voices section does not fit: {error}.") from error

    def people(self) -> None:
        """Recordings of people with phone times, `people/`, where there are any."""
        if self.sources.people is None:
            log.warning("no recordings of people: --people names no folder; the card will say so")
            return
        from medtalk_train.synthetic.corpus.people import label_people

        options = {"seed": self.recipe.seed, **self.recipe.people}
        try:
            label_people(self.work / "people", self.sources.people, self._writer(), progress=self.progress, **options)
        except TypeError as error:
            raise TrainingError(f"The recipe's people section does not fit: {error}.") from error

    def _writer(self) -> Path:
        if self.sources.writer is None:
            raise TrainingError("What the people say has to be written down.", "Name a faster-whisper with --writer.")
        return self.sources.writer

    @property
    def corpora(self) -> list[Path]:
        """Folders of the corpora that are there; that of the robots comes first and must be."""
        self._need(self.corpus_folder / "index.jsonl", "corpus")
        others = [self.work / name for name in ("voices", "people")]
        return [self.corpus_folder, *(folder for folder in others if (folder / "index.jsonl").exists())]

    @cached_property
    def whisper(self) -> WhisperLayers:
        """Whisper's frozen layers."""
        from medtalk.model.ear import WhisperLayers
        from medtalk_train.synthetic.whisper_weights import WHERE, load_encoder

        if self.sources.whisper is None:
            raise TrainingError("The ear stands on Whisper base; --whisper names none.", WHERE)
        config = self.recipe.backbone_options().ear()
        layers = WhisperLayers(config)
        layers.load_state_dict(load_encoder(self.sources.whisper, config.layers))
        return layers.eval()

    def features(self) -> None:
        """What frozen Whisper hears of the corpora, `features/`."""
        from medtalk_train.synthetic.states import extract
        from medtalk_train.synthetic.whisper_weights import fingerprint

        options, folder, corpora = self.recipe.backbone_options(), self.work / "features", self.corpora
        folder.mkdir(exist_ok=True)
        (folder / COMPLETE).unlink(missing_ok=True)
        common = (self.recipe.seed, self.progress, fingerprint(dict(self.whisper.state_dict())))
        for corpus, place in zip(corpora, self._heard_folders, strict=False):
            extract(corpus, self.whisper, place, *common)
        extract(None, self.whisper, self._heard_folders[-1], *common, options.nonspeech)
        (folder / COMPLETE).touch()
        for name in ("states", "heard"):
            self.__dict__.pop(name, None)

    @cached_property
    def states(self) -> States:
        """What Whisper heard."""
        from medtalk_train.synthetic.states import States

        self._need(self.work / "features" / COMPLETE, "features")
        return States(self._heard_folders)

    @property
    def _heard_folders(self) -> list[Path]:
        names = ["corpus", *(folder.name for folder in self.corpora[1:]), "nonspeech"]
        return [self.work / "features" / name for name in names]

    def backbone(self) -> None:
        """The ear with its trained head, `backbone/backbone.pt`."""
        from medtalk_train.stages.fit import quiet
        from medtalk_train.synthetic.backbone import train_backbone

        folder, options = self.work / "backbone", self.recipe.backbone_options()
        self._need(self.work / "features" / COMPLETE, "features")
        key = json.dumps({"options": asdict(options), "states": self._heard_key(), "seed": self.recipe.seed}, indent=1)
        known = (folder / KEY).read_text("utf-8") if (folder / KEY).exists() else None
        if known == key and (folder / "backbone.pt").exists():
            return
        if known is not None and known != key:
            log.info("backbone starts anew: its recipe or what Whisper heard has changed")
            shutil.rmtree(folder)
        folder.mkdir(exist_ok=True)
        write_atomic(folder / KEY, lambda to: to.write_text(key, "utf-8"))
        with quiet():
            train_backbone(self.whisper, self.states, options, folder, self.recipe.seed, self.progress)
        for name in ("ear", "heard"):
            self.__dict__.pop(name, None)

    def _heard_key(self) -> str:
        about = [(folder / "states.json").read_bytes() for folder in self._heard_folders]
        return hashlib.sha256(b"".join(about)).hexdigest()

    @cached_property
    def ear(self) -> Ear:
        """The trained ear."""
        from medtalk_train.synthetic.backbone import load_backbone

        return load_backbone(self._need(self.work / "backbone" / "backbone.pt", "backbone"))

    @cached_property
    def script(self) -> Script:
        """Sentences of stage 1."""
        from medtalk_train.synthetic.batches import Script
        from medtalk_train.synthetic.corpus.read import Corpus

        return Script.of_corpus(Corpus(self.corpus_folder), self.recipe.stage1.hours, self.recipe.seed)

    @cached_property
    def heard(self) -> Heard:
        """Sentences of all corpora, with what the ear heard, for stages 2 to 4: a random choice of so many hours."""
        import numpy as np

        from medtalk_train.synthetic.batches import Heard

        train = np.random.default_rng(self.recipe.seed).permutation(self.states.split("train"))
        hours = np.cumsum([self.states.utterances[i].seconds for i in train]) / 3600.0
        return Heard(self.states, self.ear, train[: int(np.searchsorted(hours, self.recipe.features.hours)) + 1])

    @property
    def config(self) -> ModelConfig:
        return self.recipe.model_config(self.recipe.backbone_options())

    # what the four stages learn from

    def grids(self) -> Draw:
        """Batches of stage 1."""
        from medtalk_train.synthetic.batches import Grids

        options = self.recipe.stage1
        return Grids(self.script, options.batch, options.frames, options.max_strength, options.lip_gain)

    def windows(self) -> Draw:
        """Batches of stage 2."""
        from medtalk_train.synthetic.batches import Windows

        options = self.recipe.stage2
        return Windows(self.heard, options.batch, options.frames, options.max_strength, options.known_share)

    def sentences(self) -> Draw:
        """Batches of stage 3."""
        from medtalk_train.synthetic.batches import Sentences

        options = self.recipe.stage3
        return Sentences(
            self.heard, options.batch, 4 * options.frames, self._scale(), self._dropout(), styles=options.styles
        )

    def guided(self) -> Draw:
        """Batches of stage 4: strengths come from the words here; labels keep the scales they had in stage 3."""
        from medtalk_train.synthetic.batches import Sentences

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
        from medtalk_train.synthetic.batches import channel_spread

        return channel_spread(self.script if stage == 1 else self.heard, self.recipe.seed)

    def ground(self, stage: int) -> str:
        """A hash of what a stage learns from; `TrainingError` if that is not there yet."""
        if stage == 1:
            self._need(self.corpus_folder / "index.jsonl", "corpus")
            return sha256_file(self.corpus_folder / "corpus.json")
        self._need(self.work / "features" / COMPLETE, "features")
        ear = sha256_file(self._need(self.work / "backbone" / "backbone.pt", "backbone"))
        return f"{self._heard_key()} {ear} {self.recipe.features.hours:g}"

    # the paper's four stages

    def stage1(self) -> None:
        """E_e, E_c, D. The ablation without disentangling leaves them as they were born."""

        def build(model: MEDTalk) -> Stage:
            from medtalk_train.stages.stages import CrossReconstruction

            return CrossReconstruction(model, self.recipe.stage1, self.grids(), *self._common(1))

        self._stage(1, build if self.recipe.ablation.disentangle else None)

    def stage2(self) -> None:
        """ACM."""

        def build(model: MEDTalk) -> Stage:
            from medtalk_train.stages.stages import ContentMapping

            return ContentMapping(model, self.recipe.stage2, self.windows(), *self._common(2))

        self._stage(2, build)

    def stage3(self) -> None:
        """CMF with words, label embedding, E_fuse."""

        def build(model: MEDTalk) -> Stage:
            from medtalk_train.stages.stages import IntensityModelling

            return IntensityModelling(model, self.recipe.stage3, self.sentences(), *self._common(3))

        self._stage(3, build)

    def stage4(self) -> None:
        """P_text, and E_fuse with it."""

        def build(model: MEDTalk) -> Stage:
            from medtalk_train.stages.stages import Guidance

            return Guidance(model, self.recipe.stage4, self.guided(), *self._common(4), self.pictures())

        self._stage(4, build)

    def export(self, metrics: Mapping[str, float] | None = None) -> Bundle:
        """Write `bundle/` from stage 4."""
        from medtalk_train.synthetic.corpus.credits import CREDITS
        from medtalk_train.synthetic.export import export_bundle

        model = self.model(4)
        self._rest(model)
        corpora = [json.loads((corpus / "corpus.json").read_text("utf-8")) for corpus in self.corpora]
        hours = [f"{n:.1f} h of {engine}" for about in corpora for engine, n in about["hours_by_engine"].items()]
        # in the words of CORPUS.md
        parts = {"voices": "natural voices", "people": "recordings of people"}
        lacking = [what for name, what in parts.items() if self.work / name not in self.corpora]
        meta = {
            "name": self.recipe.name,
            "training_data": f"speech with phone times ({', '.join(hours)}); faces made by rules, no captured one",
            "metrics": metrics or {},
            "untrained": ["clip_image_map"],
            "notes": [
                f"Made by `medtalk-train all --recipe {self.recipe.name} --whisper WHISPER` and what "
                f"training/README.md names beside it, seed {self.recipe.seed}. Figures of closures, bites, rounding, "
                "AUC and all that is called known are of the finished neutral output on real recordings with phone "
                "times. MLE, MEE, EIE and FRD are measured against the rules' own faces, on synthetic voices that "
                "training never heard.",
                *(CREDITS[engine] for about in corpora for engine in about["hours_by_engine"] if engine in CREDITS),
                *([f"Trained without: {' and '.join(lacking)} (training/CORPUS.md)."] if lacking else []),
                *([self.recipe.notes.strip()] if self.recipe.notes else []),
            ],
        }
        return export_bundle(model, self.ear, model.config, self.work / "bundle", meta)

    def evaluate(self, bundle: Bundle, speech: Path | None = None, clips: int = CLIPS) -> dict[str, float]:
        """Metrics of the run's bundle, on what was held back and on recordings with phone times."""
        from medtalk_train.measure.evaluate import evaluate

        return evaluate(bundle, self.corpus_folder, speech, clips)

    def still(self) -> NDArray[np.bool_]:
        """(174,) channels that no face moves."""
        from medtalk_train.synthetic.batches import channel_spread

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
        from medtalk_train.stages.fit import CHECKPOINT, fit, quiet

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

    def _need(self, path: Path, step: str) -> Path:
        if not path.exists():
            raise TrainingError(f"{path} is not there yet.", f"Run medtalk-train {step} first.")
        return path
