"""The benchmark of the paper's stages, on few and small takes: every phase learns, and the table counts its batches."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from medtalk_train.recipe import load_recipe


@pytest.fixture
def stages(root: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    return importlib.import_module("stages")


def test_every_phase_of_the_recipe_takes_time(stages: ModuleType, tmp_path: Path) -> None:
    recipe = load_recipe("paper")
    small = {"batch": 1, "frames": 24}
    recipe = replace(
        recipe,
        model={"latent": 16, "hidden": 16, "label_hidden": 16},
        stage1=replace(recipe.stage1, **small),
        stage2=replace(recipe.stage2, **small),
        stage3=replace(recipe.stage3, batch=1),
        stage4=replace(recipe.stage4, batch=1),
    )
    batches = {}
    for phase in stages.phases(recipe, stages.made_up(tmp_path / "takes", 14)):
        batches[phase.name] = phase.batches
        before = [weight.clone() for weight in phase.learner.trained.parameters()]
        assert stages.step_seconds(phase.learner, 1, tmp_path, "cpu") < 10
        assert any((a != b).any() for a, b in zip(before, phase.learner.trained.parameters(), strict=True))
    assert batches == {"1, self": 3000, "1, overlap": 3000, "1, cycle": 3000, "2": 5000, "3": 6000, "4": 4500}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--steps", "0"], "--steps is 1 or more"),
        (["--takes", "3"], "--takes 14 or more"),
        (["--recipe", "compact"], "does not learn from captured faces"),
        (["--recipe", "nothing"], "There is no recipe nothing"),
        (["--device", "gpu"], "torch sees no CUDA GPU here"),
    ],
)
def test_settings_that_cannot_be_are_one_line(
    stages: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    monkeypatch.setattr("sys.argv", ["stages.py", *words])
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(SystemExit) as ended:
        stages.main()
    assert message in f"{ended.value.code}{capsys.readouterr().err}"
