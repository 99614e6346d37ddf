"""The ground of a compact bundle: speech with phone times, the teacher's faces, and an ear of our own."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medtalk.errors import TrainingError
from medtalk.files import sha256_file
from medtalk.model.config import ModelConfig
from medtalk_train.recipe import Recipe
from medtalk_train.stages.ground import Held
from medtalk_train.stages.resume import COMPLETE, is_done, need
from medtalk_train.synthetic.teacher.poses import KINDS, key_of_tables

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.bundle import Bundle
    from medtalk.model.ear import Ear, WhisperLayers
    from medtalk.model.medtalk import MEDTalk
    from medtalk_train.stages.batches import Draw
    from medtalk_train.synthetic.batches import Script, SpokenScript
    from medtalk_train.synthetic.states import States

log = logging.getLogger(__name__)

BACKBONE = "backbone.pt"
HELD = "held"
_VALIDATION_HOURS = 0.1
"""Of voices held back, for the losses beside those of training."""


@dataclass(frozen=True)
class Sources:
    """What a run takes from elsewhere, all of it optional but `whisper` where our own ear is trained.

    corpus: a corpus of robots that is there, in place of the run's own. whisper: Whisper base (`whisper_weights`).
    kokoro: the voices' model and their styles (`corpus.voices`). people: a folder of recordings of people, and
    writer: a faster-whisper folder that writes down what they say (`corpus.people`). emotional: emodb (`emotions`).
    """

    corpus: Path | None = None
    whisper: Path | None = None
    kokoro: Path | None = None
    people: Path | None = None
    writer: Path | None = None
    emotional: Path | None = None


class SyntheticGround:
    """See `Ground`. Its folders lie in that of the run: corpus, voices, people, features, backbone, wording.

    Attributes:
        data: what the steps have made, as far as it has been read.
    """

    def __init__(self, recipe: Recipe, work: Path, progress: bool = True, sources: Sources = Sources()) -> None:
        self.recipe, self.work, self.progress, self.sources = recipe, work, progress, sources
        self.corpus_folder = sources.corpus or work / "corpus"
        self.data = SyntheticData(self)

    @property
    def steps(self) -> Mapping[str, Callable[[], None]]:
        return {
            "corpus": self.corpus,
            "voices": self.voices,
            "people": self.people,
            "features": self.features,
            "backbone": self.backbone,
            "wording": self.wording,
            "emotions": self.emotions,
            "live": self.live,
        }

    @property
    def config(self) -> ModelConfig:
        return self.recipe.model_config()

    def check(self) -> None:
        if self.config.kinds not in (1, KINDS):
            raise TrainingError(f"Setting model.kinds is {self.config.kinds}; the teacher's labels have 1 or {KINDS}.")
        _ = self.whisper
        if self.sources.people is not None:
            self._writer()

    # what prepares it

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
        self.data = SyntheticData(self)

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

    def features(self) -> None:
        """The states of frozen Whisper for the corpora, `features/`."""
        from medtalk_train.synthetic.states import extract
        from medtalk_train.synthetic.whisper_weights import fingerprint

        folder, corpora = self.work / "features", self.corpora
        folder.mkdir(exist_ok=True)
        (folder / COMPLETE).unlink(missing_ok=True)
        common = (self.recipe.seed, self.progress, fingerprint(dict(self.whisper.state_dict())))
        for corpus, place in zip(corpora, self.feature_folders, strict=False):
            extract(corpus, self.whisper, place, *common)
        extract(None, self.whisper, self.feature_folders[-1], *common, self.recipe.backbone.nonspeech)
        (folder / COMPLETE).touch()
        self.data = SyntheticData(self)

    def backbone(self) -> None:
        """The ear with its trained head, `backbone/backbone.pt`."""
        from medtalk_train.stages.fit import quiet
        from medtalk_train.synthetic.backbone import train_backbone

        folder, options, seed = self.work / "backbone", self.recipe.backbone, self.recipe.seed
        need(self.work / "features" / COMPLETE, "features")
        key = json.dumps({"options": asdict(options), "states": self._features_key(), "seed": seed}, indent=1)
        if is_done(folder, key, BACKBONE):
            return
        with quiet():
            train_backbone(self.whisper, self.data.states, options, folder, seed, self.progress)
        self.data = SyntheticData(self)

    def wording(self) -> None:
        """The text encoder, `wording/`: descriptions in words to labels and strength."""
        from medtalk_train.wording.train import METRICS, make

        folder, options, seed = self.work / "wording", self.recipe.wording, self.recipe.seed
        if not is_done(folder, json.dumps({"options": asdict(options), "seed": seed}, indent=1), METRICS):
            make(folder, options, seed)

    def emotions(self) -> None:
        """What hears emotions in voices, `emotions/`, where there are acted and plain recordings."""
        sources, folder, seed = self.sources, self.work / "emotions", self.recipe.seed
        if sources.emotional is None or sources.people is None:
            log.warning("no emotions from voices: --emotional or --people names no folder")
            return
        from medtalk_train.synthetic.emotions import METRICS, make
        from medtalk_train.synthetic.whisper_weights import fingerprint

        options, heard = self.recipe.emotions, fingerprint(dict(self.whisper.state_dict()))
        key = json.dumps({"options": asdict(options), "seed": seed, "whisper": heard}, indent=1)
        if not is_done(folder, key, METRICS):
            make(folder, self.whisper, sources.emotional, sources.people, options, seed)

    def live(self) -> None:
        """The head that hears streams, `live/`."""
        self.live_of(self.data.ear)

    def live_of(self, ear: Ear) -> Path:
        """The same of another ear; gives the folder."""
        from medtalk_train.synthetic.live import make

        folder, recipe = self.work / "live", self.recipe
        make(folder, ear, self.corpora, recipe.live, recipe.backbone.shares, recipe.seed, self.progress)
        return folder

    @property
    def corpora(self) -> list[Path]:
        """Folders of the corpora that are there; that of the robots comes first and must be."""
        need(self.corpus_folder / "index.jsonl", "corpus")
        others = [self.work / name for name in ("voices", "people")]
        return [self.corpus_folder, *(folder for folder in others if (folder / "index.jsonl").exists())]

    @cached_property
    def whisper(self) -> WhisperLayers:
        """Whisper's frozen layers."""
        from medtalk.model.ear import WhisperLayers
        from medtalk_train.synthetic.whisper_weights import WHERE, load_encoder

        if self.sources.whisper is None:
            raise TrainingError("The ear stands on Whisper base; --whisper names none.", WHERE)
        config = self.recipe.backbone.ear()
        layers = WhisperLayers(config)
        layers.load_state_dict(load_encoder(self.sources.whisper, config.layers))
        return layers.eval()

    @property
    def feature_folders(self) -> list[Path]:
        """Of each corpus, and of the sounds in which nobody speaks."""
        names = ["corpus", *(folder.name for folder in self.corpora[1:]), "nonspeech"]
        return [self.work / "features" / name for name in names]

    def _writer(self) -> Path:
        if self.sources.writer is None:
            raise TrainingError("What the people say has to be written down.", "Name a faster-whisper with --writer.")
        return self.sources.writer

    def _features_key(self) -> str:
        about = [(folder / "states.json").read_bytes() for folder in self.feature_folders]
        return hashlib.sha256(b"".join(about)).hexdigest()

    # what the stages learn from

    def grids(self) -> Draw:
        return self._grids(self.data.script)

    def _grids(self, script: Script) -> Draw:
        from medtalk_train.synthetic.batches import Grids

        options = self.recipe.stage1
        return Grids(script, options.batch, options.frames, options.max_strength, options.lip_gain)

    def pairs(self) -> None:
        """None: every face is in a grid."""

    def apart(self) -> bool:
        return False

    def windows(self) -> Draw:
        return self._windows(self.data.spoken)

    def _windows(self, script: SpokenScript) -> Draw:
        from medtalk_train.synthetic.batches import Windows

        options = self.recipe.stage2
        return Windows(script, options.batch, options.frames, options.max_strength, options.known_share)

    def sentences(self) -> Draw:
        return self._sentences(self.data.spoken)

    def _sentences(self, script: SpokenScript) -> Draw:
        from medtalk_train.synthetic.batches import Sentences

        recipe, options = self.recipe, self.recipe.stage3
        return Sentences(
            script,
            options.batch,
            4 * options.frames,
            recipe.largest_scale,
            recipe.transcript_dropout,
            styles=options.styles,
            kinds=self.config.kinds > 1,
        )

    def guided(self) -> None:
        """Nothing: a compact bundle reads descriptions with its text encoder, which gives labels and their strength.

        P_text would be called by nobody, and E_fuse, which it needs to learn along, would lose by it: on the recipe
        `compact` MEE was .0117 with this stage and .0103 without, EIE .316 and .289 (84 sentences held back).
        """
        log.info("stage4 learns nothing: a compact bundle has a text encoder of its own")

    def pictures(self) -> bool:
        return False

    def validation(self, stage: int) -> Draw | None:
        """Of voices that training never hears."""
        if stage == 1:
            script = self.data.held_script
            return None if script is None else self._grids(script)
        spoken = self.data.held_spoken if stage in (2, 3) else None
        return None if spoken is None else self._windows(spoken) if stage == 2 else self._sentences(spoken)

    def recorded(self) -> Mapping[str, Sequence[NDArray[np.float32]]]:
        return {}

    def spread(self, stage: int) -> NDArray[np.float32]:
        from medtalk_train.synthetic.batches import channel_spread

        return channel_spread(self.data.script if stage == 1 else self.data.spoken, self.recipe.seed)

    def still(self) -> NDArray[np.bool_]:
        from medtalk_train.synthetic.batches import channel_spread

        return channel_spread(self.data.script, self.recipe.seed, windows=256) == 0.0

    def key(self, stage: int) -> str:
        if stage == 1:
            need(self.corpus_folder / "index.jsonl", "corpus")
            return f"{sha256_file(self.corpus_folder / 'corpus.json')} {key_of_tables()}"
        if stage == 4:
            return "nothing"
        need(self.work / "features" / COMPLETE, "features")
        ear = sha256_file(need(self.work / "backbone" / BACKBONE, "backbone"))
        return f"{self._features_key()} {ear} {self.recipe.features.hours:g} {key_of_tables()}"

    # what comes out

    def export(self, model: MEDTalk, metrics: Mapping[str, float], folder: Path) -> Bundle:
        from medtalk_train.synthetic.export import export_bundle
        from medtalk_train.synthetic.provenance import provenance
        from medtalk_train.wording.train import METRICS

        text = need(self.work / "wording" / METRICS, "wording").parent
        meta = provenance(self.recipe, self.corpora, metrics)
        voice = self.work / "emotions"
        voice = voice if (voice / METRICS).is_file() else None
        live = self.work / "live"
        live = live if (live / METRICS).is_file() else None
        return export_bundle(model, self.data.ear, model.config, folder, meta, text, voice, live)

    def held(self, bundle: Bundle, clips: int) -> Held:
        return Held(corpus=self.corpus_folder)


class SyntheticData:
    """The results of a ground's steps, each part read when it is first needed."""

    def __init__(self, ground: SyntheticGround) -> None:
        self._ground = ground

    @cached_property
    def states(self) -> States:
        """Whisper's states."""
        from medtalk_train.synthetic.states import States

        need(self._ground.work / "features" / COMPLETE, "features")
        return States(self._ground.feature_folders)

    @cached_property
    def ear(self) -> Ear:
        """The trained ear."""
        from medtalk_train.synthetic.backbone import load_backbone

        return load_backbone(need(self._ground.work / "backbone" / BACKBONE, "backbone"))

    @cached_property
    def script(self) -> Script:
        """Sentences of stage 1."""
        from medtalk_train.synthetic.batches import Script
        from medtalk_train.synthetic.corpus.read import Corpus

        recipe = self._ground.recipe
        return Script.of_corpus(Corpus(self._ground.corpus_folder), recipe.stage1.hours, recipe.seed)

    @cached_property
    def spoken(self) -> SpokenScript:
        """Sentences of all corpora, with what the ear heard, for stages 2 and 3: a random choice of so many hours."""
        from medtalk_train.synthetic.batches import SpokenScript

        recipe = self._ground.recipe
        train = np.random.default_rng(recipe.seed).permutation(self.states.split("train"))
        hours = np.cumsum([self.states.utterances[i].seconds for i in train]) / 3600.0
        return SpokenScript(self.states, self.ear, train[: int(np.searchsorted(hours, recipe.features.hours)) + 1])

    @cached_property
    def held_script(self) -> Script | None:
        """Sentences of voices held back, for the validation of stage 1; None if there are none."""
        from medtalk_train.synthetic.batches import Script
        from medtalk_train.synthetic.corpus.read import Corpus

        corpus = Corpus(self._ground.corpus_folder)
        if not corpus.split(HELD):
            return None
        return Script.of_corpus(corpus, _VALIDATION_HOURS, self._ground.recipe.seed, HELD)

    @cached_property
    def held_spoken(self) -> SpokenScript | None:
        """Sentences of voices held back, with what the ear heard, for the validation of stages 2 and 3."""
        from medtalk_train.synthetic.batches import SpokenScript

        held = np.random.default_rng(self._ground.recipe.seed).permutation(self.states.split(HELD))
        hours = np.cumsum([self.states.utterances[i].seconds for i in held]) / 3600.0
        chosen = [int(i) for i in held[: int(np.searchsorted(hours, _VALIDATION_HOURS)) + 1]]
        return SpokenScript(self.states, self.ear, chosen) if chosen else None
