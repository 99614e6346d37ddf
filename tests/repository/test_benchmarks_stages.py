"""The benchmark of the paper's stages, on few and small takes: every phase learns, and the table counts its batches."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

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
        took = stages.step_seconds(phase.learner, 1, 1, tmp_path, "cpu")
        assert took is None or 0 < took < 10
        assert any((a != b).any() for a, b in zip(before, phase.learner.trained.parameters(), strict=True))
    assert batches == {"1, self": 3000, "1, overlap": 3000, "1, cycle": 3000, "2": 5000, "3": 6000, "4": 4500}


def runs_of(stages: ModuleType, monkeypatch: pytest.MonkeyPatch, seconds: Callable[[int, int], float]) -> list[int]:
    """Puts a clock in place of training, by which a run of so many steps, the n-th, takes so long; notes the steps."""
    runs: list[int] = []
    now = [0.0]

    def fit(stage: SimpleNamespace, *_: object, **__: object) -> None:
        now[0] += seconds(stage.options.steps, len(runs))
        runs.append(stage.options.steps)

    monkeypatch.setattr(stages, "fit", fit)
    monkeypatch.setattr(stages, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    return runs


def test_a_step_is_the_difference_of_medians(
    stages: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A stage that needs a second to start and .1 s a step, longer for the first time, and once disturbed."""
    runs = runs_of(stages, monkeypatch, lambda steps, n: 1 + 0.1 * steps + {0: 3.0, 2: 2.0, 5: 2.0}.get(n, 0.0))
    learner = SimpleNamespace(options=load_recipe("paper").stage2)
    assert stages.step_seconds(learner, 5, 3, tmp_path, "cpu") == pytest.approx(0.1)
    assert runs == [5, 5, 5, 5, 15, 15, 15]


def test_what_cannot_be_measured_is_not_0(
    stages: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each run starts a little faster than the one before, and its steps take no time."""
    runs_of(stages, monkeypatch, lambda _, n: 1.0 - 0.001 * n)
    monkeypatch.setattr("sys.argv", ["stages.py", "--takes", "14", "--device", "cpu", "--runs", "5"])
    stages.main()
    out = capsys.readouterr().out
    assert out.count("not measurable: more --steps") == 6 and "0.0" not in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--steps", "0"], "--steps and --runs are 1 or more"),
        (["--runs", "0"], "--steps and --runs are 1 or more"),
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
