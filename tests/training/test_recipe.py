"""Recipes: those that ship can be read, and what is wrong in one is said before hours are spent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medtalk.errors import MedtalkError, TrainingError
from medtalk.model.config import ModelConfig
from medtalk_train.cli import app
from medtalk_train.recipe import changed, load_recipe
from medtalk_train.settings import PretrainedOptions, RigLossOptions


@pytest.mark.parametrize("name", ["compact", "plain", "tiny", "paper", "paper_tiny"])
def test_shipped_recipes(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name


def test_the_plain_recipe_is_the_papers() -> None:
    recipe = load_recipe("plain")
    assert recipe.stage1.rate == 1e-4 and recipe.stage1.decay == 0.995 and not recipe.stage1.keep_earlier
    for stage in (recipe.stage1, recipe.stage2, recipe.stage3, recipe.stage4):
        assert stage.loss == RigLossOptions()
    for stage in (recipe.stage2, recipe.stage3, recipe.stage4):
        assert (stage.rate, stage.decay, stage.similarity_weight) == (1e-3, 0.9, 0.1)
    for stage in (recipe.stage1, recipe.stage2, recipe.stage3):
        assert stage.decay_every == 10, "the paper's drop rate r"
    assert recipe.stage3.intensity_weight == 0.1 and recipe.stage3.strength_weight == 0.0
    assert not recipe.stage2.posteriors_into_acm
    assert recipe.model_config().content_features == 65


def test_the_paper_recipe_is_the_papers() -> None:
    recipe = load_recipe("paper")
    first, *others = (recipe.stage1, recipe.stage2, recipe.stage3, recipe.stage4)
    assert (first.rate, first.decay, first.epochs, first.overlap_epochs, first.cycle_epochs) == (
        1e-4,
        0.995,
        15,
        15,
        15,
    )
    assert [(s.rate, s.decay, s.epochs, s.similarity_weight) for s in others] == [
        (1e-3, 0.9, 10, 0.1), (1e-3, 0.9, 20, 0.1), (1e-3, 0.9, 15, 0.1),
    ]  # fmt: skip
    assert all(s.decay_every == 10 for s in (first, *others)), "the paper's drop rate r"
    assert recipe.stage3.intensity_weight == 0.1 and all(s.loss == RigLossOptions() for s in (first, *others))
    assert all(s.whole_similarity for s in others), "as the release has it: see test_losses"
    assert recipe.stage4.label_share > 0, "a bundle has one E_fuse for labels and descriptions"
    assert recipe.pretrained == PretrainedOptions()
    assert recipe.paper_config() == ModelConfig.paper()
    assert [(entry.kind, entry.stages) for entry in recipe.data] == [("emoface", (1, 2, 3)), ("ravdess", (4,))]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pretrained: {}", "names no data"),
        ("pretrained: {roberta: 3}", "pretrained.roberta is 3; valid is text"),
        ("pretrained: {bert: x}", r"pretrained\.bert.*Valid are.*roberta"),
        ("data: [{folder: x}]", "data needs the section pretrained"),
        ("pretrained: {}\ndata: x", "a list of mappings"),
        ("pretrained: {}\ndata: [{path: x}]", r"data\[0\]\.path.*Valid are: calibrate, folder"),
        ("pretrained: {}\ndata: [{kind: vhs, folder: x}]", r"data\[0\]\.kind is 'vhs'; valid are emoface"),
        ("pretrained: {}\ndata: [{kind: rigs}]", r"data\[0\]\.folder is missing"),
        ("pretrained: {}\ndata: [{folder: x}]\nmodel: {text_features: 3}", "model.text_features cannot be chosen"),
        ("pretrained: {}\ndata: [{folder: x}]\nmodel: {heads: 7}", "heads"),
        ("pretrained: {}\ndata: [{folder: x, stages: [5]}]", r"data\[0\]\.stages is \[5\]; valid are some of 1"),
        ("pretrained: {}\ndata: [{folder: x, stages: [2, 3]}]", "no data for stage 4"),
        ("pretrained: {}\ndata: [{folder: x}]\nstage2: {posteriors_into_acm: true}", "posteriors_into_acm needs"),
        ("pretrained: {}\ndata: [{folder: x}]\nheld: aa", "held must be a list"),
        ("pretrained: {}\ndata: [{folder: x, warp: 1}]", r"data\[0\]\.warp is 1; valid is true or false"),
        ("stage3: {blinks: 2}", "stage3.blinks is 2; valid is true or false"),
        ("devices: -1", "devices is -1; valid are 0"),
        ("device: tpu", "device is 'tpu'; valid are auto, cpu, gpu"),
    ],
)
def test_wrong_settings_of_the_papers_way(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(MedtalkError, match=said) as error:
        load_recipe(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stage1: {epoch: 3}", "stage1.epoch.*Valid are.*epochs"),
        ("stage9: {}", "stage9"),
        ("stage2: {loss: {event: 1}}", r"stage2\.loss\.event"),
        ("stage2: {epochs: many}", "a whole number"),
        ("stage2: {rate: fast}", "a number"),
        ("ablation: {text: 0}", "true or false"),
        ("stage1: 3", "must be a mapping"),
        ("backbone: {stepps: 3}", r"backbone\.stepps"),
        ("backbone: {steps: many}", r"backbone\.steps is 'many'; valid is a whole number"),
        ("wording: {epoch: 1}", r"wording\.epoch\. Valid are.*epochs"),
        ("model: {heads: 7}", "heads"),
        ("- 1", "not a mapping"),
        ("a: [", "not valid YAML"),
    ],
)
def test_wrong_settings(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(Exception, match=said) as error:
        load_recipe(path)
    assert type(error.value).__module__ == "medtalk.errors"
    assert "\n" not in str(error.value)


def test_a_missing_recipe(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", "comapct"):
        with pytest.raises(TrainingError, match=r"no recipe.* that ships: compact, paper, paper_tiny, plain, tiny\."):
            load_recipe(path)
    with pytest.raises(TrainingError, match="is a folder"):
        load_recipe(tmp_path)
    (tmp_path / "utf16.yaml").write_bytes("seed: 1".encode("utf-16"))
    with pytest.raises(TrainingError, match="not UTF-8"):
        load_recipe(tmp_path / "utf16.yaml")


def test_a_file_of_your_own_goes_before_one_that_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("compact").mkdir()
    assert load_recipe("compact").corpus["hours"] == 4.0, "a folder is no recipe"
    Path("plain").write_text("corpus: {hours: 0.5}")
    assert load_recipe("plain").corpus == {"hours": 0.5}


def test_a_copy_of_a_recipe_that_ships(tmp_path: Path) -> None:
    copy = tmp_path / "mine.yaml"
    assert CliRunner().invoke(app, ["recipe", "paper", str(copy)]).exit_code == 0
    assert load_recipe(copy) == load_recipe("paper")
    copy.write_text("seed: 3")
    for words, said in ((["paper", str(copy)], "already exists"), (["papr", "x.yaml"], "Valid are compact, paper,")):
        with pytest.raises(TrainingError, match=said):
            CliRunner().invoke(app, ["recipe", *words], catch_exceptions=False)
    assert load_recipe(copy).seed == 3


def test_numbers_without_a_point_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("stage2: {rate: 1e-3, decay: 1}")
    recipe = load_recipe(path)
    assert recipe.stage2.rate == 1e-3 and recipe.stage2.decay == 1.0 and recipe.name == "r"


def test_settings_are_changed_one_by_one() -> None:
    recipe = load_recipe("compact")
    found = changed(recipe, "stage2.loss.closures=0; people.hours=0; backbone.shares.people=0.5; ablation.text=false")
    assert (found.stage2.loss.closures, recipe.stage2.loss.closures) == (0.0, 1.0)
    assert found.stage2.loss.event_weight == recipe.stage2.loss.event_weight == 2.0
    assert found.people == {"hours": 0} and found.backbone.shares == {**(recipe.backbone.shares or {}), "people": 0.5}
    assert not found.ablation.text and changed(recipe, "") == recipe


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stage2.loss.closure=0", "Unknown setting stage2.loss.closure"),
        ("stage9.rate=0", "Unknown setting stage9"),
        ("seed.more=1", "Unknown setting seed.more"),
        ("stage2.rate", "is not understood"),
        ("=1", "is not understood"),
        ("stage2.rate=fast", "Setting stage2.rate is 'fast'; valid is a number"),
        ("stage2.effort=1", "Setting stage2.effort is 1; valid is true or false"),
        ("stage2=[1", "is not understood"),
        ("device=tpu", "Setting device is 'tpu'"),
    ],
)
def test_settings_that_cannot_be_changed(text: str, message: str) -> None:
    with pytest.raises(TrainingError, match=re.escape(message)):
        changed(load_recipe("compact"), text)
