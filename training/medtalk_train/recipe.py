"""Recipes: a YAML file with every setting of a training run, checked in full before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from medtalk.backbones.pretrained import CLIP, EMOTION2VEC, ROBERTA, WAV2VEC2, WHISPER
from medtalk.errors import TrainingError
from medtalk.features.phones import N_PHONES
from medtalk.inputs import read_input
from medtalk.model.config import ModelConfig

if TYPE_CHECKING:
    from medtalk.model.ear import EarConfig

T = TypeVar("T")

DEVICES = ("auto", "cpu", "gpu")
_MOST_BYTES = 1 << 20
SHIPPED = {file.stem: file for file in sorted((Path(__file__).parent / "recipes").glob("*.yaml"))}
"""Files of the recipes that ship, by name."""
KINDS = ("emoface", "flat", "ravdess", "rendered", "rigs", "synthetic")
"""Layouts of data: see `medtalk_train.captured.takes`."""


@dataclass(frozen=True)
class Ablation:
    """Table 3: what to leave out."""

    overlap: bool = True
    """Overlap exchange (Eq. 3) in stage 1."""
    cycle: bool = True
    """Cycle exchange (Eq. 4) in stage 1."""
    disentangle: bool = True
    """Stage 1 at all; without it the decoder learns from pairs of sound and rig in stages 2 and 3."""
    intensity: bool = True
    """Intensity frame by frame; without it the emotion vector is the same over the clip."""
    text: bool = True
    """Words for the intensity; without it every clip has the "no words" token."""


@dataclass(frozen=True)
class RigLossOptions:
    """Terms added to the plain mean square error of a rig; all zero is the paper's."""

    event_weight: float = 0.0
    """Lip channels weigh 1 + this * |target|: closures, bites and rounding are rare, and a plain mean forgets them."""
    velocity_weight: float = 0.0
    """Weight of the square error of frame-to-frame differences: sharp onsets stay sharp."""
    standardise: float = 0.0
    """Channels weigh by the inverse of their spread, limited to this factor either way: small movements count too."""
    closures: float = 0.0
    """Weight of the square by which a closure or bite stays under 85 % of its target, where that is above 0.5, and by
    which one shows where there is none: a floor and a ceiling, over the same denominator as the error."""


@dataclass(frozen=True)
class StageOptions:
    """Options of all stages."""

    epochs: int = 10
    steps: int = 100
    """Batches an epoch."""
    batch: int = 16
    """Windows (stage 1, 2) or sentences (stage 3, 4) a batch."""
    frames: int = 192
    """Length of a window; stages 3 and 4 leave out sentences longer than four of them."""
    rate: float = 1e-3
    """Adam's learning rate."""
    decay: float = 0.9
    """StepLR: the rate is multiplied by this ..."""
    decay_every: int = 1
    """... after so many epochs: the paper's drop rate r is 10 (Sec. 4.1), its authors' release has 1."""
    max_strength: float = 1.7
    """Emotion strengths are multiplied by up to this, so that run-time intensities up to 1.5 were met in training."""
    loss: RigLossOptions = field(default_factory=RigLossOptions)


@dataclass(frozen=True)
class Stage1Options(StageOptions):
    """Cross reconstruction: `epochs` of self-reconstruction, then the two exchanges."""

    epochs: int = 15
    overlap_epochs: int = 15
    cycle_epochs: int = 15
    rate: float = 1e-4
    decay: float = 0.995
    hours: float = 2.0
    """How much of the corpus gives its lips."""
    keep_earlier: bool = False
    """Later phases keep the losses of the earlier ones instead of replacing them."""
    lip_gain: float = 0.0
    """Lips are scaled by a factor drawn from 1 +- this, for speakers who move more or less."""


@dataclass(frozen=True)
class Stage2Options(StageOptions):
    """Audio content mapping."""

    similarity_weight: float = 0.1
    whole_similarity: bool = False
    """One cosine over all frames of a clip together, as in the authors' release, not the mean of one a frame."""
    posteriors_into_acm: bool = False
    """ACM sees the phone posteriors beside the features of the ear."""
    feature_dropout: float = 0.0
    """Share of the ear's features withheld from ACM in training: what it builds on them for synthetic voices alone does
    not carry over to real ones."""
    effort: bool = True
    """ACM sees how loudly somebody speaks; without it a shout opens the mouth as a whisper does."""
    known_share: float = 0.0
    """Share of windows whose phones are known, so that ACM follows a transcript's phones too."""


@dataclass(frozen=True)
class Stage3Options(StageOptions):
    """Fusion intensity modelling."""

    epochs: int = 20
    similarity_weight: float = 0.1
    whole_similarity: bool = False
    intensity_weight: float = 0.1
    strength_weight: float = 0.0
    """Weight of the predicted intensity's square error against the teacher's own strength: anchors the curve's scale
    (1 is plainly felt), which Eq. 11 leaves free."""
    intensity_scale_augmentation: float = 0.0
    """Half of the clips get the teacher's strength and the predicted intensity times a factor drawn from 0 to this:
    what --intensity does at run time. 0 is off."""
    transcript_dropout: float = 0.5
    """Share of clips whose words are withheld."""
    styles: bool = False
    """Targets of random speakers instead of the average one."""
    blinks: bool = False
    """Lids that close count in the intensity of captured faces (Eq. 8, 11), as in the paper and its authors' release.
    Without it they do not: a blink would be the strongest moment of many takes, and is not felt. It makes no difference
    to the synthetic corpus, whose faces never blink: there they always count."""


@dataclass(frozen=True)
class Stage4Options(StageOptions):
    """Guidance by descriptions."""

    epochs: int = 15
    similarity_weight: float = 0.1
    whole_similarity: bool = False
    label_share: float = 0.0
    """Share of the batches that are guided by labels, so that E_fuse does not unlearn them: takes of stage 3, which
    taught the labels."""


@dataclass(frozen=True)
class FeatureOptions:
    """How much of what the frozen backbone heard stages 2 to 4 learn from."""

    hours: float = 2.0


@dataclass(frozen=True)
class BackboneOptions:
    """The head of our own ear."""

    steps: int = 2000
    batch: int = 16
    """Windows a step."""
    seconds: float = 2.0
    """Length of a window."""
    rate: float = 2e-3
    """AdamW's largest learning rate; it warms up over 10 % of the steps and falls along a cosine."""
    weight_decay: float = 0.05
    average: float = 0.995
    """Decay of the moving average of the weights."""
    noise: float = 0.3
    """Gaussian noise on the states, in standard deviations of each."""
    smoothing: float = 0.05
    """Label smoothing."""
    nonspeech: int = 400
    """Sounds in which nobody speaks."""
    shares: Mapping[str, float] | None = None
    """Share of the windows from each engine of the corpora ("people", "kokoro", "espeak" ...); None is as much as there
    is of each."""
    layers: int = 4
    """Of Whisper; the head sees the last two."""
    hidden: int = 192
    features: int = 64
    dropout: float = 0.1

    def ear(self) -> EarConfig:
        """Sizes of the ear."""
        from medtalk.model.ear import EarConfig  # which needs torch

        return EarConfig(layers=self.layers, hidden=self.hidden, features=self.features, dropout=self.dropout)


@dataclass(frozen=True)
class WordingOptions:
    """The text encoder of a compact bundle: descriptions in words to labels and strength."""

    epochs: int = 14
    texts: int = 100_000
    """In each epoch."""
    fresh: int = 3
    """Epochs after which there are new ones: to make them takes longer than to learn from them."""
    batch: int = 256
    rate: float = 5e-3
    """Highest of a schedule that rises and falls once."""
    decay: float = 1e-2
    piece_dropout: float = 0.12
    """Share of the words' pieces that are left out."""
    strength_weight: float = 1.0
    """Of the strength's loss beside the labels'."""
    without: float = 0.0
    """Share of the lexicon that is never shown, to measure words that were never met."""


@dataclass(frozen=True)
class EmotionOptions:
    """What hears emotions in voices, in a compact bundle."""

    copies: int = 1
    """Of each acted sentence, by another person in another room."""
    people: float = 0.5
    """How far differences between people and rooms are ignored."""
    shrinkage: float = 0.5
    """Ridge, in units of the mean spread."""
    caution: float = 1.6
    """Raises the temperature beyond what fits strangers of the same corpus."""


@dataclass(frozen=True)
class PretrainedOptions:
    """The paper's frozen backbones (Sec. 4.1): of each the name that its library knows, or its folder."""

    wav2vec2: str = WAV2VEC2
    layer: int = 0
    """The state of wav2vec2 that ACM hears: 0 is what enters the transformer, as in the authors' release, whose twelve
    layers act on nothing. A layer in the middle, such as 9, knows what is said around a frame, and costs the time of
    the layers up to it."""
    emotion2vec: str = EMOTION2VEC
    roberta: str = ROBERTA
    whisper: str = WHISPER
    """Transcribes takes whose words are not known; "" leaves them unknown. A name or a .pt file."""
    language: str = ""
    """What Whisper takes for spoken; "" finds it out for each take."""
    clip: str = CLIP
    """"" trains no guidance by descriptions and pictures."""
    offline: bool = False
    """Never reach the network."""
    cache: str = ""
    """A folder of features that several runs share; "" keeps them in the run's own."""


@dataclass(frozen=True)
class DataOptions:
    """A set of takes to train on; see `medtalk_train.captured.takes`."""

    folder: str = ""
    """Where it lies. The synthetic corpus is the run's own if this is left out."""
    kind: str = ""
    """One of `KINDS`; "" finds it out. "rendered" faces have no sound: they serve stage 1 alone, whatever `stages`
    says."""
    parallel: bool = False
    """Takes that have one name but for the emotion are frame-aligned, as stage 1 needs them. Takes of one and the same
    sound are taken for that in any case."""
    warp: bool = False
    """Takes of one sentence in several emotions are aligned by their sound, by dynamic time warping, for the overlap
    exchange of stage 1 where no data are frame-aligned. They need transcripts, or Whisper."""
    calibrate: bool = False
    """Takes the neutral pose of each speaker out of the rigs; see `medtalk_train.captured.takes.neutral`."""
    stages: tuple[int, ...] = (1, 2, 3, 4)
    """Which stages learn from it; the paper has EmoFace in the first three and RAVDESS in the last."""


@dataclass(frozen=True)
class Recipe:
    """A whole run. `corpus`, `voices` and `people` are handed on to their own modules.

    With `pretrained` the networks stand on the paper's backbones and learn from `data`; without it they stand on a
    backbone of our own and learn from the synthetic corpus.
    """

    name: str
    notes: str = ""
    """A paragraph for the model card."""
    seed: int = 1
    threads: int = 0
    """Cores for torch; 0 leaves it to torch."""
    device: str = "auto"
    """"cpu", "gpu", or "auto": the GPUs if there are any."""
    devices: int = 0
    """How many GPUs (or processes of the CPU) learn together; 0 is all GPUs, or one CPU."""
    pretrained: PretrainedOptions | None = None
    data: tuple[DataOptions, ...] = ()
    held: tuple[str, ...] = ()
    """Speakers kept out of training, for the evaluation; if none is named, a tenth of each set's, by hash. Where two
    sets have a speaker of that name, the number of the set leads it, from 0: "1/anna"."""
    corpus: Mapping[str, Any] = field(default_factory=dict)
    voices: Mapping[str, Any] = field(default_factory=dict)
    """Natural voices; none if `hours` is left out."""
    people: Mapping[str, Any] = field(default_factory=dict)
    """Recordings of people; `hours` may say how much is enough."""
    backbone: BackboneOptions = field(default_factory=BackboneOptions)
    features: FeatureOptions = field(default_factory=FeatureOptions)
    model: Mapping[str, Any] = field(default_factory=dict)
    ablation: Ablation = field(default_factory=Ablation)
    stage1: Stage1Options = field(default_factory=Stage1Options)
    stage2: Stage2Options = field(default_factory=Stage2Options)
    stage3: Stage3Options = field(default_factory=Stage3Options)
    stage4: Stage4Options = field(default_factory=Stage4Options)
    wording: WordingOptions = field(default_factory=WordingOptions)
    emotions: EmotionOptions = field(default_factory=EmotionOptions)

    @property
    def largest_scale(self) -> float:
        """Of stage 3 and 4; without the intensity a clip's emotion is static, and so is its strength."""
        return self.stage3.intensity_scale_augmentation if self.ablation.intensity else 0.0

    @property
    def transcript_dropout(self) -> float:
        """Share of clips whose words are withheld, all of them where the ablation leaves out the text."""
        return self.stage3.transcript_dropout if self.ablation.text else 1.0

    def model_config(self) -> ModelConfig:
        """Sizes of the networks behind our own ear: its features, the vocal effort and, if wanted, posteriors."""
        content = self.backbone.features + 1 + (N_PHONES if self.stage2.posteriors_into_acm else 0)
        return ModelConfig.from_dict({**self.model, "content_features": content})

    def paper_config(self, content: int = 768, emotion: int = 768, text: int = 768, guidance: int = 512) -> ModelConfig:
        """Sizes of the networks behind the paper's backbones, whose features are so wide."""
        sizes = ModelConfig.paper(text).to_dict()
        sizes |= {"content_features": content, "emotion_features": emotion, "guidance_features": guidance}
        return ModelConfig.from_dict({**sizes, **self.model})

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def load_recipe(path: str | Path) -> Recipe:
    """Read a recipe: a file, or one that ships (`SHIPPED`) by its name.

    Raises:
        TrainingError: it cannot be read, or has a setting that does not exist or is of the wrong type.
    """
    import yaml

    path = Path(path)
    if not path.is_file():
        path = SHIPPED.get(str(path), path)
    if not path.exists():
        ships = ", ".join(SHIPPED)
        raise TrainingError(f"There is no recipe {path}.", f"Give a file, or the name of one that ships: {ships}.")
    try:
        values = yaml.safe_load(read_input(path, "recipe", TrainingError, _MOST_BYTES).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise TrainingError(f"The recipe {path} is not UTF-8 text.", "Save it as UTF-8.") from error
    except yaml.YAMLError as error:
        raise TrainingError(f"The recipe {path} is not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise TrainingError(f"The recipe {path} is not a mapping of settings.")
    recipe = _build(Recipe, {"name": path.stem, **values}, "")
    _check(recipe)
    return recipe


def changed(recipe: Recipe, text: str) -> Recipe:
    """A recipe with other settings, written as "stage2.loss.closures=0"; several with semicolons between.

    Raises:
        TrainingError: a setting that does not exist, or a value that it cannot have.
    """
    import yaml

    for setting in filter(None, (each.strip() for each in text.split(";"))):
        name, given, written = setting.partition("=")
        try:
            value = yaml.safe_load(written)
        except yaml.YAMLError:
            given = ""
        if not given or not name.strip():
            raise TrainingError(f"The setting {setting[:60]!r} is not understood.", "Write stage2.loss.closures=0.")
        recipe = _put(recipe, name.strip().split("."), value, "")
    _check(recipe)
    return recipe


def _put(section: Any, names: list[str], value: object, where: str) -> Any:
    """A section, a dataclass or a mapping, with another value in it."""
    name, *rest = names
    if isinstance(section, Mapping):
        return {**section, name: _put(section.get(name, {}), rest, value, f"{where}{name}.") if rest else value}
    known = {f.name for f in fields(section)} if is_dataclass(section) else set()
    if name not in known or isinstance(section, type):
        raise TrainingError(f"Unknown setting {where}{name}.", f"Valid are: {', '.join(sorted(known)) or 'none'}.")
    if rest:
        present = getattr(section, name)
        found = _put({} if present is None else present, rest, value, f"{where}{name}.")
    else:
        found = getattr(_build(type(section), {**_NAMED.get(type(section), {}), name: value}, where), name)
    return replace(section, **{name: found})


_NAMED: Mapping[type, Mapping[str, Any]] = {Recipe: {"name": ""}}
"""What a section cannot be without."""


def _check(recipe: Recipe) -> None:
    """Raise the TrainingError of settings that do not fit: now, not after the backbone's hour."""
    if recipe.device not in DEVICES:
        raise TrainingError(f"Setting device is {recipe.device!r}; valid are {', '.join(DEVICES)}.")
    if recipe.devices < 0:
        raise TrainingError(f"Setting devices is {recipe.devices}; valid are 0, for all, and more.")
    if recipe.pretrained is None:
        if recipe.data:
            raise TrainingError("Setting data needs the section pretrained.", "Write `pretrained: {}` for the paper's.")
        recipe.model_config()
    else:
        _check_paper(recipe)
        recipe.paper_config()


def _check_paper(recipe: Recipe) -> None:
    """`TrainingError` for settings that have no meaning on recorded faces and the paper's backbones."""
    if not recipe.data:
        raise TrainingError(
            "The recipe names no data.", "Write something like `data: [{folder: DIR}]`, or kind: synthetic."
        )
    for number, entry in enumerate(recipe.data):
        if entry.kind not in ("", *KINDS):
            raise TrainingError(f"Setting data[{number}].kind is {entry.kind!r}; valid are {', '.join(KINDS)}.")
        if not entry.folder and entry.kind != "synthetic":
            raise TrainingError(f"Setting data[{number}].folder is missing.")
        if not entry.stages or not set(entry.stages) <= {1, 2, 3, 4}:
            raise TrainingError(f"Setting data[{number}].stages is {list(entry.stages)}; valid are some of 1, 2, 3, 4.")
    learned = {stage for entry in recipe.data for stage in entry.stages}
    needed = (2, 3, 4) if recipe.pretrained and recipe.pretrained.clip else (2, 3)
    if missing := [stage for stage in needed if stage not in learned]:
        raise TrainingError(f"The recipe names no data for stage {missing[0]}.", "Add it to `stages:` of some data.")
    fixed = ("words", "content_context", "content_features", "emotion_features", "text_features", "fusion_width",
             "guidance_features", "kinds")  # fmt: skip
    if wrong := [name for name in fixed if name in recipe.model]:
        raise TrainingError(
            f"Setting model.{wrong[0]} cannot be chosen with pretrained backbones: they determine it.", "Leave it out."
        )
    stage3 = recipe.stage3
    for name, set_ in {
        "stage2.posteriors_into_acm": recipe.stage2.posteriors_into_acm,
        "stage2.effort": not recipe.stage2.effort,
        "stage3.strength_weight": stage3.strength_weight,
        "stage3.intensity_scale_augmentation": stage3.intensity_scale_augmentation,
        "stage3.styles": stage3.styles,
    }.items():
        if set_:
            raise TrainingError(
                f"Setting {name} needs the phones and faces of the synthetic corpus alone; it is not for pretrained "
                "backbones.",
                "Leave it out.",
            )


def _build(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    """A dataclass from a mapping, nested ones too, with a clear word about what does not fit."""
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - set(known)):
        raise TrainingError(f"Unknown setting {where}{unknown[0]}.", f"Valid are: {', '.join(sorted(known))}.")
    whole: bool = issubclass(kind, Recipe)
    default = kind(**({"name": ""} if whole else {}))
    out: dict[str, Any] = {}
    for name, value in values.items():
        present = getattr(default, name)
        if whole and name == "pretrained":
            present = PretrainedOptions()
        if whole and name == "data":
            if not isinstance(value, list) or not all(isinstance(entry, Mapping) for entry in value):
                raise TrainingError(
                    "Setting data must be a list of mappings.", "Write something like `data: [{folder: DIR}]`."
                )
            value = tuple(_build(DataOptions, entry, f"data[{i}].") for i, entry in enumerate(value))
        elif is_dataclass(present):
            if not isinstance(value, Mapping):
                raise TrainingError(f"Setting {where}{name} must be a mapping.")
            # Options that a section leaves out keep that section's own defaults.
            value = _build(type(present), value, f"{where}{name}.")
        elif isinstance(present, Mapping) or present is None:
            if not isinstance(value, Mapping):
                raise TrainingError(f"Setting {where}{name} must be a mapping.")
        elif isinstance(present, tuple):
            if not isinstance(value, list | tuple):
                raise TrainingError(f"Setting {where}{name} must be a list.")
            value = tuple(map(str, value)) if whole else tuple(value)
        elif isinstance(present, bool) or isinstance(value, bool):
            if not (isinstance(present, bool) and isinstance(value, bool)):
                raise TrainingError(f"Setting {where}{name} is {value!r}; valid is {_valid(present)}.")
        elif isinstance(present, float) and isinstance(value, int | float | str):
            value = _number(value, where + name)  # YAML reads 1e-3 as text
        elif not isinstance(value, type(present)):
            raise TrainingError(f"Setting {where}{name} is {value!r}; valid is {_valid(present)}.")
        out[name] = value
    return kind(**out)


def _number(value: float | str, name: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise TrainingError(f"Setting {name} is {value!r}; valid is a number.") from None


def _valid(present: object) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    return names.get(type(present), type(present).__name__)
