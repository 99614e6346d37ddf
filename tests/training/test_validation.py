"""Losses of what is held back: in the log of every stage, the same for the same weights, and without any effect."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from medtalk.model.config import ModelConfig
from medtalk.model.medtalk import MEDTalk
from medtalk_train.settings import Ablation, Stage1Options, Stage3Options
from medtalk_train.stages.batches import SentenceBatch
from medtalk_train.stages.fit import VALIDATION_BATCHES, fit
from medtalk_train.stages.stages import CrossReconstruction, IntensityModelling

SMALL = ModelConfig(content_features=51, hidden=16, latent=16, label_hidden=16, text_features=16, fusion_width=16,
                    guidance_features=16, heads=2, words=False)  # fmt: skip


class Clips:
    """Batches of stage 3; counts how many were drawn, and of which numbers."""

    def __init__(self, shift: float = 0.0) -> None:
        self.shift = shift
        self.drawn: list[float] = []

    def __call__(self, rng: np.random.Generator) -> SentenceBatch:
        def some(*shape: int) -> Tensor:
            return torch.from_numpy(rng.random(shape, np.float32)) + self.shift

        rig = some(2, 8, 174)
        self.drawn.append(float(rig[0, 0, 0]))
        return SentenceBatch(
            content=some(2, 8, 51), posteriors=torch.zeros(2, 8, 0), emotion_features=some(2, 8, 51),
            lengths=torch.tensor([8, 8]), mask=torch.ones(2, 8), words=some(2, 3, 16),
            absent=torch.zeros(2, 3, dtype=torch.bool), word_times=torch.full((2, 3, 2), -1.0),
            label=torch.tensor([1, 3]), kinds=torch.ones(2, 1), strength=some(2, 8), scale=torch.ones(2), rig=rig,
            description=torch.zeros(2, 0), picture=torch.zeros(2, 0), guide=torch.zeros(2),
        )  # fmt: skip


def third(draw: Clips, held: Clips | None) -> IntensityModelling:
    """A stage whose CMF drops out, so that whatever takes a random number shows in the weights."""
    torch.manual_seed(3)
    options = Stage3Options(epochs=3, steps=3)
    stage = IntensityModelling(MEDTalk(SMALL), options, draw, 1, Ablation(), np.ones(174))
    stage.validation = held
    return stage


def losses(folder: Path) -> dict[str, list[float]]:
    return json.loads((folder / "losses.json").read_text())


def test_validation_changes_nothing_in_what_is_learned(tmp_path: Path) -> None:
    draws = [Clips(), Clips()]
    stages = [third(draws[0], None), third(draws[1], Clips(0.3))]
    for number, stage in enumerate(stages):
        fit(stage, tmp_path / str(number), progress=False)
    assert draws[0].drawn == draws[1].drawn and len(draws[0].drawn) == 9
    ours, theirs = (stage.model.state_dict() for stage in stages)
    for name in ours:
        assert torch.equal(ours[name], theirs[name]), name
    without, with_ = losses(tmp_path / "0"), losses(tmp_path / "1")
    assert not any(name.startswith("val") for name in without), "absent where nothing is held back"
    assert {name: values for name, values in with_.items() if not name.startswith("val")} == without
    assert {f"val {name}" for name in without} == set(with_) - set(without)
    logged = b"".join(file.read_bytes() for file in (tmp_path / "1").rglob("events.*"))
    assert b"val reconstruction" in logged, "TensorBoard has them too"


def test_the_same_batches_every_epoch_and_after_a_cut(tmp_path: Path) -> None:
    drawn: dict[str, list[float]] = {"whole": [], "cut": [], "rest": []}

    def first(name: str, epochs: int) -> CrossReconstruction:
        def held(rng: np.random.Generator) -> Tensor:
            grid = torch.from_numpy(rng.random((2, 2, 1, 4, 174), np.float32))
            drawn[name].append(float(grid.sum()))
            return grid

        torch.manual_seed(0)
        options = Stage1Options(epochs=epochs, overlap_epochs=0, cycle_epochs=0, steps=2)

        def draw(rng: np.random.Generator) -> Tensor:
            return torch.from_numpy(rng.random((2, 2, 1, 4, 174), np.float32))

        stage = CrossReconstruction(MEDTalk(SMALL), options, draw, 1, Ablation(), np.ones(174))
        stage.validation = held
        return stage

    fit(first("whole", 3), tmp_path / "whole", progress=False)
    assert len(set(drawn["whole"])) == VALIDATION_BATCHES and len(drawn["whole"]) == 3 * VALIDATION_BATCHES
    fit(first("cut", 1), tmp_path / "cut", progress=False)
    fit(first("rest", 3), tmp_path / "cut", progress=False)
    assert drawn["cut"] + drawn["rest"] == drawn["whole"]
    found = losses(tmp_path / "cut")
    assert found == losses(tmp_path / "whole") and len(found["val self"]) == 3


def test_what_is_held_back_is_measured_without_dropout(tmp_path: Path) -> None:
    """With a rate of 0 nothing is learned: every epoch's validation is the same to the last digit."""
    held = Clips(0.3)
    stage = third(Clips(), held)
    stage.options = Stage3Options(epochs=3, steps=3, rate=0.0)
    fit(stage, tmp_path, progress=False)
    found = losses(tmp_path)
    assert len(set(found["val loss"])) == 1 and len(set(found["loss"])) == 3
    draws = [held(np.random.default_rng((1, 3, 1 << 31, step))) for step in range(VALIDATION_BATCHES)]
    with torch.inference_mode():
        expected = np.mean([float(stage.eval().losses(batch)["loss"]) for batch in draws])
    assert found["val loss"][0] == pytest.approx(expected, rel=1e-5)


def test_overfitting_shows(tmp_path: Path) -> None:
    """Two faces learned by heart: the loss falls, that of other faces does not follow."""
    faces = torch.rand(2, 2, 1, 4, 174, generator=torch.Generator().manual_seed(0))
    others = torch.rand(2, 2, 1, 4, 174, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(0)
    options = Stage1Options(epochs=12, overlap_epochs=0, cycle_epochs=0, steps=20, rate=3e-3)
    stage = CrossReconstruction(MEDTalk(SMALL), options, lambda _: faces, 1, Ablation(), np.ones(174))
    stage.validation = lambda _: others
    fit(stage, tmp_path, progress=False)
    found = losses(tmp_path)
    assert found["self"][-1] < 0.5 * found["self"][1] and found["val self"][-1] > 0.8 * found["val self"][1]


def test_no_loss_is_made_up_for_an_epoch_that_had_none(tmp_path: Path) -> None:
    """The paper's phases of stage 1 follow one another: each has its own loss alone."""

    def draw(rng: np.random.Generator) -> Tensor:
        return torch.from_numpy(rng.random((2, 2, 1, 4, 174), np.float32))

    torch.manual_seed(0)
    options = Stage1Options(epochs=2, overlap_epochs=2, cycle_epochs=2, steps=2, keep_earlier=False)
    stage = CrossReconstruction(MEDTalk(SMALL), options, draw, 1, Ablation(), np.ones(174))
    stage.validation = draw
    fit(stage, tmp_path, progress=False)
    found = {name: [value is not None for value in values] for name, values in losses(tmp_path).items()}
    for number, name in enumerate(("self", "overlap", "cycle")):
        assert found[name] == found[f"val {name}"] == [epoch // 2 == number for epoch in range(6)]
    assert found["loss"] == found["val loss"] == [True] * 6
