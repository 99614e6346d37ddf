"""The training's Eq. 2-4 and 8-12 against a second, plain reading of the paper, on nets small enough to see through."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from medtalk.model.config import ModelConfig
from medtalk.model.medtalk import MEDTalk
from medtalk.rig.channels import S_INT, indices
from medtalk_train.settings import Ablation, Stage1Options, Stage3Options
from medtalk_train.stages.batches import Exchange, SentenceBatch
from medtalk_train.stages.stages import CrossReconstruction, IntensityModelling

SMALL = ModelConfig(content_features=51, hidden=32, words=False)


class Linear(nn.Module):
    """E_e or E_c: a matrix, which mixes emotion and content."""

    def __init__(self, matrix: Tensor) -> None:
        super().__init__()
        self.matrix = matrix

    def forward(self, rig: Tensor) -> Tensor:
        return rig @ self.matrix


class Product(nn.Module):
    """D: no sum of a part of e and a part of c, so that which e meets which c shows in the loss."""

    def forward(self, emotion: Tensor, content: Tensor) -> Tensor:
        return emotion + content + emotion * content.flip(-1)


@pytest.fixture
def stage() -> CrossReconstruction:
    torch.manual_seed(0)
    made = CrossReconstruction(MEDTalk(SMALL), Stage1Options(), lambda _: torch.empty(0), 1, Ablation(), np.ones(174))
    made.model.emo_encoder = Linear(torch.randn(174, 174) / 15)  # type: ignore[assignment]
    made.model.cont_encoder = Linear(torch.randn(174, 174) / 15)  # type: ignore[assignment]
    made.model.decoder = Product()  # type: ignore[assignment]
    return made


@pytest.fixture
def grid() -> Tensor:
    """(2 emotions, 2 contents, B, L, 174)"""
    return torch.rand(2, 2, 3, 5, 174, generator=torch.Generator().manual_seed(1))


def exchange(stage: CrossReconstruction, emotion_of: Tensor, content_of: Tensor) -> Tensor:
    """D(E_e(one rig), E_c(another))"""
    model = stage.model
    return model.decoder(model.emo_encoder(emotion_of), model.cont_encoder(content_of))


def loss(stage: CrossReconstruction, name: str, grid: Tensor) -> float:
    return float(getattr(stage, name)(grid, stage.model.emo_encoder(grid), stage.model.cont_encoder(grid)))


def mse(found: Tensor, truth: Tensor) -> float:
    return float((found - truth).square().mean())


def test_self_reconstruction(stage: CrossReconstruction, grid: Tensor) -> None:
    """Eq. 2."""
    expected = np.mean([mse(exchange(stage, grid[k, j], grid[k, j]), grid[k, j]) for k in (0, 1) for j in (0, 1)])
    assert loss(stage, "self_reconstruction", grid) == pytest.approx(expected, rel=1e-4)


def test_overlap_exchange(stage: CrossReconstruction, grid: Tensor) -> None:
    """Eq. 3: what is shared is taken from the other rig that shares it."""
    pairs = [(k, j) for k in (0, 1) for j in (0, 1)]
    content = [mse(exchange(stage, grid[k, j], grid[1 - k, j]), grid[k, j]) for k, j in pairs]
    emotion = [mse(exchange(stage, grid[k, 1 - j], grid[k, j]), grid[k, j]) for k, j in pairs]
    assert loss(stage, "overlap", grid) == pytest.approx(np.mean(content + emotion), rel=1e-4)


def test_cycle_exchange(stage: CrossReconstruction, grid: Tensor) -> None:
    """Eq. 4: the second exchange is made from the results of the first, not from the rigs that are known."""
    e1c1, e2c2 = grid[0, 0], grid[1, 1]
    e1c2, e2c1 = exchange(stage, e1c1, e2c2), exchange(stage, e2c2, e1c1)
    back = exchange(stage, e1c2, e2c1), exchange(stage, e2c1, e1c2)
    errors = [mse(back[0], e1c1), mse(back[1], e2c2), mse(e1c2, grid[0, 1]), mse(e2c1, grid[1, 0])]
    found = loss(stage, "cycle", grid)
    assert found == pytest.approx(np.mean(errors), rel=1e-4)
    for other in ("self_reconstruction", "overlap"):
        assert abs(loss(stage, other, grid) / found - 1) > 0.02, "no other loss would pass for it"


def test_the_cycle_of_pairs(stage: CrossReconstruction, grid: Tensor) -> None:
    """The last two terms of Eq. 4, on two rigs of which neither the other emotion nor the other content is known."""
    pair = torch.stack([grid[0, 0], grid[1, 1]])
    model = stage.model
    found = float(stage.cycle_of_pairs(pair, model.emo_encoder(pair), model.cont_encoder(pair)))
    e1c2, e2c1 = exchange(stage, pair[0], pair[1]), exchange(stage, pair[1], pair[0])
    errors = [mse(exchange(stage, e1c2, e2c1), pair[0]), mse(exchange(stage, e2c1, e1c2), pair[1])]
    assert found == pytest.approx(np.mean(errors), rel=1e-4)
    reconstruction = float(stage.self_reconstruction(pair, model.emo_encoder(pair), model.cont_encoder(pair)))
    assert abs(reconstruction / found - 1) > 0.02, "self-reconstruction would not pass for it"


def test_the_losses_of_pairs(stage: CrossReconstruction, grid: Tensor) -> None:
    """Self and cycle are of the pairs, the overlap of the grid; the cycle is of both, where a grid was drawn."""
    pair, model = torch.rand(2, 3, 5, 174, generator=torch.Generator().manual_seed(4)), stage.model
    embedded = model.emo_encoder(pair), model.cont_encoder(pair)
    reconstruction, back = (float(f(pair, *embedded)) for f in (stage.self_reconstruction, stage.cycle_of_pairs))
    aligned = {name: loss(stage, name, grid) for name in ("overlap", "cycle")}
    cycle = 0.5 * (back + aligned["cycle"])
    for phases, expected in (
        (["self"], {"self": reconstruction}),
        (["overlap"], {"overlap": aligned["overlap"]}),
        (["cycle"], {"cycle": cycle}),
    ):
        stage.phases = phases
        found = {name: float(value) for name, value in stage.losses(Exchange(pair, grid)).items()}
        assert found == pytest.approx({**expected, "loss": sum(expected.values())}, rel=1e-4)
    assert float(stage.losses(Exchange(pair, None))["cycle"]) == pytest.approx(back, rel=1e-4)
    stage.phases = ["overlap"]
    assert stage.losses(Exchange(pair, None)) == {}, "there is nothing to measure it on"


def test_what_is_apart_is_kept(grid: Tensor) -> None:
    torch.manual_seed(0)

    def made(apart: bool) -> CrossReconstruction:
        options = Stage1Options(epochs=0, overlap_epochs=1, cycle_epochs=0)
        return CrossReconstruction(
            MEDTalk(SMALL), options, lambda _: grid, 1, Ablation(), np.ones(174), lambda _: grid[0], apart
        )

    for apart in (False, True):
        stage = made(apart)
        stage.phases = ["self", "overlap", "cycle"]
        assert stage.active == ["self"]
        assert stage.keep == apart, "the paper's phases follow one another on the same faces"


def test_nets_that_only_copy_do_not_cycle(stage: CrossReconstruction, grid: Tensor) -> None:
    """E_e keeps everything and D forgets the content: perfect by Eq. 2, worthless by Eq. 3 and 4."""

    class Copy(nn.Module):
        def forward(self, emotion: Tensor, content: Tensor) -> Tensor:
            return emotion

    stage.model.emo_encoder, stage.model.decoder = Linear(torch.eye(174)), Copy()  # type: ignore[assignment]
    assert loss(stage, "self_reconstruction", grid) == pytest.approx(0.0, abs=1e-10)
    assert loss(stage, "overlap", grid) > 0.05
    wrong = 0.25 * (mse(grid[0, 0], grid[0, 1]) + mse(grid[1, 1], grid[1, 0]))
    assert loss(stage, "cycle", grid) == pytest.approx(wrong, rel=1e-4)


def clips(frames: int = 7) -> SentenceBatch:
    torch.manual_seed(2)
    mask = torch.ones(2, frames)
    mask[1, 4:] = 0.0
    return SentenceBatch(
        content=torch.rand(2, frames, 51),
        posteriors=torch.zeros(2, frames, 0),
        emotion_features=torch.rand(2, frames, 51),
        lengths=mask.sum(1).long(),
        mask=mask,
        words=torch.rand(2, 3, SMALL.text_features),
        absent=torch.zeros(2, 3, dtype=torch.bool),
        word_times=torch.full((2, 3, 2), -1.0),
        label=torch.tensor([1, 3]),
        kinds=torch.ones(2, 1),
        strength=torch.rand(2, frames),
        scale=torch.ones(2),
        rig=torch.rand(2, frames, 174) * mask[..., None],
        description=torch.zeros(2, 0),
        picture=torch.zeros(2, 0),
        guide=torch.zeros(2),
    )


@pytest.fixture
def modelling() -> IntensityModelling:
    torch.manual_seed(3)
    options = Stage3Options(similarity_weight=0.2, intensity_weight=0.3)
    return IntensityModelling(MEDTalk(SMALL).eval(), options, lambda _: None, 1, Ablation(), np.ones(174))


def test_the_losses_of_stage_3(modelling: IntensityModelling) -> None:
    """Eq. 10-12: each by itself, and their sum, in which every term counts for its own."""
    batch, model = clips(), modelling.model
    losses = {name: value.item() for name, value in modelling.losses(batch).items()}
    with torch.no_grad():
        felt = model.fusion_predictor(batch.emotion_features, batch.words, batch.absent, batch.lengths)
        emotion = model.emotion(model.emotion_embedding(batch.label)[:, None], felt)
        found = model.decoder(emotion, model.content(batch.content, batch.posteriors))
        aimed = model.emo_encoder(batch.rig)
    real = batch.mask.numpy() > 0
    rigs = [values.numpy()[real] for values in (found, batch.rig)]
    recon = np.mean((rigs[0] - rigs[1]) ** 2)
    a, b = emotion.numpy()[real], aimed.numpy()[real]
    alike = np.mean(1 - (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1))
    sums = [0.1 * np.abs(rig[:, S_INT]).sum(-1) for rig in rigs]  # Eq. 8, with the release's factor
    strong = np.mean((sums[0] - sums[1]) ** 2)
    assert losses["reconstruction"] == pytest.approx(recon, rel=1e-4)
    assert losses["similarity"] == pytest.approx(alike, rel=1e-4)
    assert losses["intensity"] == pytest.approx(strong, rel=1e-4) and strong > 1e-3
    assert losses["loss"] == pytest.approx(recon + 0.2 * alike + 0.3 * strong, rel=1e-4)


def test_learning_brings_the_intensity_nearer(modelling: IntensityModelling) -> None:
    """Steps down the loss that differs by its weight on L_int alone: more of it, less error of intensity."""
    errors = []
    for weight in (0.0, 30.0):
        torch.manual_seed(3)
        options = Stage3Options(similarity_weight=0.0, intensity_weight=weight)
        stage = IntensityModelling(MEDTalk(SMALL).eval(), options, lambda _: None, 1, Ablation(), np.ones(174))
        optimiser = torch.optim.Adam([p for p in stage.model.parameters() if p.requires_grad], 1e-3)
        for _ in range(20):
            optimiser.zero_grad()
            losses = stage.losses(clips())
            losses["loss"].backward()
            optimiser.step()
        errors.append(losses["intensity"].item())
    assert errors[1] < 0.8 * errors[0]


def test_blinks_stay_out_of_the_intensity_where_asked(modelling: IntensityModelling) -> None:
    """Eq. 11: a target that blinks is the same as one that does not, but one with wide eyes is not."""
    batch = clips()
    lids = indices("[LR]_eye_blink").tolist()
    faces = {}
    for name, value in (("rest", 0.0), ("shut", 1.0), ("wide", -0.8)):
        rig = batch.rig.clone()
        rig[..., lids] = value
        faces[name] = batch._replace(rig=rig)
    for blinks in (True, False):
        modelling.blinks = blinks
        losses = {name: modelling.losses(each)["intensity"].item() for name, each in faces.items()}
        assert (abs(losses["rest"] - losses["shut"]) < 1e-6) == (not blinks)
        assert abs(losses["rest"] - losses["wide"]) > 1e-4
