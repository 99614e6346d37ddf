"""Words act where they are spoken, when their times are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medtalk.features.words import NO_WORDS, tokenise
from medtalk.model.config import ModelConfig
from medtalk.model.graphs import IntensityGraph
from medtalk.model.medtalk import MEDTalk
from medtalk.model.places import NEAR, word_bias, word_places

TEXT = "we went to the house by the horrible river and came home again at night"


@pytest.fixture(scope="module")
def model() -> MEDTalk:
    torch.manual_seed(0)
    return MEDTalk().eval()


def tokens(*texts: str) -> torch.Tensor:
    return torch.from_numpy(np.stack([tokenise(text) for text in texts]))


def even(count: int, seconds: float) -> torch.Tensor:
    """Times (1, N, 2) of words of equal length."""
    edges = torch.linspace(0.0, seconds, count + 1)
    return torch.stack([edges[:-1], edges[1:]], -1)[None]


def test_a_frame_listens_to_the_words_around_it() -> None:
    bias = word_bias(torch.tensor([[[0.1, 0.2], [0.5, 0.5], [-1.0, -1.0]]]), 60)[0]
    assert bias.shape == (60, 3)
    assert (bias[6:13, 0] == 0).all() and (bias[:, 2] == 0).all()
    assert bias[30, 1] == 0 and torch.isclose(bias[30 + round(NEAR * 60), 1], torch.tensor(-1.0), atol=1e-5)
    assert (bias[20:].diff(dim=0)[:, 0] < 0).all()


def test_words_without_times_are_where_they_were(model: MEDTalk) -> None:
    frames, words = torch.randn(1, 50, 51), tokens(TEXT)
    unknown = torch.full((1, words.shape[1], 2), -1.0)
    with torch.no_grad():
        torch.testing.assert_close(model.intensity(frames, words, times=unknown), model.intensity(frames, words))
        graph = IntensityGraph(model)
        torch.testing.assert_close(graph(frames, words, unknown), graph(frames, words))
        silent = model.intensity(frames, torch.from_numpy(NO_WORDS.copy())[None], times=unknown[:, :1])
    assert torch.isfinite(silent).all()


def test_places_of_timed_words_are_places_in_the_clip() -> None:
    count, frames = torch.tensor([3]), torch.tensor([61])
    spread = word_places(count, torch.tensor([[[0.0, 0.0], [0.4, 0.6], [1.0, 1.0]]]), frames)
    torch.testing.assert_close(spread, word_places(count, torch.full((1, 3, 2), -1.0), frames))


def test_padding_changes_nothing(model: MEDTalk) -> None:
    frames = torch.randn(2, 60, 51)
    words = torch.zeros(2, 15, 8, dtype=torch.int64)
    words[0], words[1, :2] = tokens(TEXT)[0], tokens("so good")[0]
    times = torch.full((2, 15, 2), -1.0)
    times[0], times[1, :2] = even(15, 1.0)[0], even(2, 0.5)[0]
    with torch.no_grad():
        together = model.intensity(frames, words, torch.tensor([60, 30]), times)
        alone = model.intensity(frames[1:, :30], words[1:, :2], times=times[1:, :2])
    torch.testing.assert_close(together[1:, :30], alone, atol=1e-5, rtol=1e-4)


def test_the_authors_network_knows_no_times() -> None:
    model = MEDTalk(ModelConfig.paper(48)).eval()
    frames, text = torch.randn(1, 9, 48), torch.randn(1, 3, 48)
    with torch.no_grad():
        timed = model.fusion_predictor(frames, text, times=even(3, 0.1))
        torch.testing.assert_close(timed, model.fusion_predictor(frames, text))


def test_an_affect_word_learns_to_lift_its_own_third() -> None:
    """At least three times as much as the rest of the clip, after a short training on curves that do so."""
    torch.manual_seed(1)
    rng = np.random.default_rng(1)
    model = MEDTalk(ModelConfig(dropout=0.0))
    assert model.word_encoder is not None
    trained = [*model.word_encoder.parameters(), *model.fusion_predictor.parameters()]
    optimizer = torch.optim.Adam(trained, 2e-3)
    plain = TEXT.replace("horrible", "little").split()
    frames, seconds = 180, 3.0

    def batch(spots: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        texts, goal = [], torch.full((len(spots), frames), 0.5)
        for b, spot in enumerate(spots):
            texts.append(" ".join([*plain[:spot], "horrible", *plain[spot + 1 :]] if spot >= 0 else plain))
            if spot >= 0:
                first, end = (round(k * frames / len(plain)) for k in (spot, spot + 1))
                goal[b, first:end] += 0.4
        return tokens(*texts), goal

    times = even(len(plain), seconds)
    for _ in range(150):
        words, goal = batch([int(rng.integers(-1, len(plain))) for _ in range(16)])
        found = model.intensity(0.1 * torch.randn(16, frames, 51), words, times=times.expand(16, -1, -1))
        loss = (found - goal).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        quiet = torch.zeros(1, frames, 51)
        base, lifted = (model.intensity(quiet, batch([spot])[0], times=times)[0] for spot in (-1, 7))
    lift = lifted - base
    inside, outside = lift[60:120].mean(), torch.cat([lift[:60], lift[120:]]).abs().mean()
    assert inside > 0.03 and inside > 3.0 * outside
