"""The losses against their equations, and each option for what it is there for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from medtalk.backbones.chunks import at_rig_rate
from medtalk.backbones.pretrained import Pretrained
from medtalk.backbones.roberta import Roberta
from medtalk.backbones.wav2vec2 import Wav2Vec2
from medtalk.guidance import LABELS
from medtalk.model.config import ModelConfig
from medtalk.model.medtalk import MEDTalk
from medtalk.rig.channels import S_LIP
from medtalk_train.settings import Ablation, RigLossOptions, Stage3Options
from medtalk_train.stages.batches import SentenceBatch
from medtalk_train.stages.losses import SEALS, RigLoss, channel_weights, similarity
from medtalk_train.stages.stages import IntensityModelling


def rigs(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(3)
    return torch.rand(*shape, 174), torch.rand(*shape, 174)


def test_without_options_it_is_the_mean_square_error() -> None:
    found, truth = rigs(2, 5)
    torch.testing.assert_close(RigLoss(RigLossOptions())(found, truth), torch.nn.functional.mse_loss(found, truth))


def test_padding_does_not_count() -> None:
    found, truth = rigs(2, 6)
    mask = torch.tensor([[1.0] * 6, [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]])
    options = RigLossOptions(event_weight=2.0, velocity_weight=0.5, closures=1.0)
    error = RigLoss(options)
    spoiled = found.clone()
    spoiled[1, 2:] = 1e3
    torch.testing.assert_close(error(spoiled, truth, mask), error(found, truth, mask))
    assert error(spoiled, truth) > 100


def test_an_event_weighs_more_than_rest() -> None:
    error = RigLoss(RigLossOptions(event_weight=4.0))
    lips = int(S_LIP[0])
    truth = torch.zeros(2, 1, 174)
    truth[1, 0, lips] = 1.0
    found = truth.clone()
    found[:, 0, lips] += 0.2
    rest, event = error(found[0], truth[0]), error(found[1], truth[1])
    torch.testing.assert_close(event / rest, torch.tensor(5.0))


def test_the_velocity_sees_jitter_that_the_square_error_does_not() -> None:
    error, plain = RigLoss(RigLossOptions(velocity_weight=1.0)), RigLoss(RigLossOptions())
    truth = torch.zeros(1, 8, 174)
    steady, shaking = truth + 0.1, truth + 0.1 * torch.tensor([1.0, -1.0] * 4)[None, :, None]
    torch.testing.assert_close(plain(steady, truth), plain(shaking, truth))
    assert error(shaking, truth) > 2 * error(steady, truth)


def test_closures_have_a_floor_and_a_ceiling_and_weigh_no_more_than_their_channels() -> None:
    error, plain = RigLoss(RigLossOptions(closures=1.0)), RigLoss(RigLossOptions())
    seals = torch.from_numpy(SEALS.copy())
    shut, open_ = torch.zeros(1, 3, 174), torch.zeros(1, 3, 174)
    shut[..., seals] = 1.0
    for truth, value, punished in (
        (shut, 0.9, False), (shut, 1.1, False), (shut, 0.5, True), (open_, 0.04, False), (open_, 0.5, True),
    ):  # fmt: skip
        found = truth.clone()
        found[..., seals] = value
        added = error(found, truth) - plain(found, truth)
        assert (added > 1e-6) == punished
        # a mean over the seals alone would weigh them 260 times any other channel
        assert added <= plain(found, truth) * 1.01
    doubt = torch.full((1, 3, 174), 0.3)  # a closure by halves is none of their business
    torch.testing.assert_close(error(doubt * 0.5, doubt), plain(doubt * 0.5, doubt))


def test_channel_weights_are_limited_and_average_one() -> None:
    spread = np.full(174, 0.1)
    spread[:10], spread[10:20], spread[20:30] = 0.001 + 1e-6, 1.0, 0.0
    weights = channel_weights(spread, 4.0)
    assert float(weights.mean()) == pytest.approx(1.0, rel=1e-4)
    relative = weights / weights[50]
    assert float(relative[0]) == pytest.approx(4.0) and float(relative[10]) == pytest.approx(0.25)
    assert float(relative[25]) == pytest.approx(1.0)
    assert torch.equal(channel_weights(spread, 0.0), torch.ones(174))


def test_similarity() -> None:
    """Eq. 6."""
    x = torch.randn(2, 4, 16)
    assert float(similarity(3 * x, x)) == pytest.approx(0.0, abs=1e-6)
    assert float(similarity(-x, x)) == pytest.approx(2.0, abs=1e-6)


def test_padding_is_no_part_of_a_whole_clips_similarity() -> None:
    found, truth = rigs(2, 6)
    mask = torch.tensor([[1.0] * 6, [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]])
    together = similarity(found, truth, mask, whole=True)
    alone = [similarity(found[b : b + 1, :n], truth[b : b + 1, :n], whole=True) for b, n in ((0, 6), (1, 2))]
    torch.testing.assert_close(together, torch.stack(alone).mean())
    assert not torch.allclose(together, similarity(found, truth, mask))


def test_stage_3_has_the_losses_of_the_authors_release(shared: Path) -> None:
    """Eq. 8 to 12 on the parity fixture: its sound, its constant text, and its rig as the truth."""
    parity = shared / "parity"
    meta = json.loads((parity / "meta.json").read_text())
    model = MEDTalk(ModelConfig.paper(meta["hidden"])).eval()
    state = torch.load(parity / "audio_semantic.pth", weights_only=True)
    model.load_state_dict({name: state[name] for name in state.keys() & model.state_dict().keys()}, strict=False)
    with np.load(parity / "label_io.npz") as file:
        truth = {name: torch.from_numpy(file[name]) for name in file.files}
    heard = Wav2Vec2(Pretrained("w", parity / "wav2vec2", offline=True)).features(truth["audio"].numpy())
    text = Roberta(Pretrained("r", parity / "roberta", offline=True)).features_of_ids(meta["text_token_ids_used"])
    frames = len(truth["rig"])
    batch = SentenceBatch(
        content=torch.from_numpy(heard)[None],
        posteriors=torch.zeros(1, frames, 0),
        emotion_features=torch.from_numpy(at_rig_rate(truth["emotion2vec"], len(truth["audio"])))[None],
        lengths=torch.tensor([frames]),
        mask=torch.ones(1, frames),
        words=torch.from_numpy(text)[None],
        absent=torch.zeros(1, len(text), dtype=torch.bool),
        word_times=torch.full((1, len(text), 2), -1.0),
        label=torch.tensor([LABELS.index(meta["emotion"])]),
        kinds=torch.ones(1, 1),
        strength=torch.zeros(1, frames),
        scale=torch.ones(1),
        rig=truth["rig"][None],
        description=torch.zeros(1, 0),
        picture=torch.zeros(1, 0),
        guide=torch.zeros(1),
    )
    stage = IntensityModelling(
        model, Stage3Options(whole_similarity=True), lambda _: batch, 1, Ablation(), np.ones(174)
    )
    losses = stage.losses(batch)
    found = [losses[name].item() for name in ("reconstruction", "similarity", "intensity", "loss")]
    np.testing.assert_allclose(found, truth["fim_losses"], atol=1e-4)
