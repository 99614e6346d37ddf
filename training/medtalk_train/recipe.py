"""Recipes: a YAML file with every setting of a training run, checked in full before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from medtalk.errors import TrainingError
from medtalk.features.phones import N_PHONES
from medtalk.inputs import read_input
from medtalk.model.config import ModelConfig
from medtalk_train.settings import (
    Ablation,
    BackboneOptions,
    DataOptions,
    EmotionOptions,
    FeatureOptions,
    LiveOptions,
    PretrainedOptions,
    Stage1Options,
    Stage2Options,
    Stage3Options,
    Stage4Options,
    WordingOptions,
)

T = TypeVar("T")

DEVICES = ("auto", "cpu", "gpu")
_MOST_BYTES = 1 << 20
SHIPPED = {file.stem: file for file in sorted((Path(__file__).parent / "recipes").glob("*.yaml"))}
"""Files of the recipes that ship, by name."""
KINDS = ("emoface", "flat", "ravdess", "rendered", "rigs", "synthetic")
"""Layouts of data: see `medtalk_train.captured.takes`."""


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
    live: LiveOptions = field(default_factory=LiveOptions)

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
