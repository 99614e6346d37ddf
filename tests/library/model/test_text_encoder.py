"""The compact text encoder: its shapes, its limits, the order of words, its ONNX graph."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medtalk.features.words import NO_WORDS, tokenise
from medtalk.model.text_encoder import STRONGEST, WEAKEST, TextEncoder, TextEncoderConfig
from medtalk_train.wording.train import check_graph, encoder, graph_bytes


@pytest.fixture(scope="module")
def model() -> TextEncoder:
    torch.manual_seed(3)
    return TextEncoder().eval()


def read(model: TextEncoder, text: str) -> tuple[np.ndarray, float]:
    with torch.no_grad():
        weights, strength = model(torch.from_numpy(tokenise(text))[None])
    return weights[0].numpy(), float(strength[0])


def test_weights_and_strength(model: TextEncoder) -> None:
    tokens = torch.from_numpy(np.stack([tokenise("very happy indeed"), tokenise("slightly sad now")]))
    weights, strength = model(tokens)
    assert weights.shape == (2, 7) and strength.shape == (2,)
    torch.testing.assert_close(weights.sum(1), torch.ones(2))
    assert (strength >= WEAKEST).all() and (strength <= STRONGEST).all()


def test_strength_stays_within_its_limits() -> None:
    model = TextEncoder().eval()
    with torch.no_grad():
        model.strength.bias.fill_(100.0)
        assert read(model, "furious")[1] == pytest.approx(STRONGEST)
        model.strength.bias.fill_(-100.0)
        assert read(model, "furious")[1] == pytest.approx(WEAKEST)


def test_the_order_of_words_counts(model: TextEncoder) -> None:
    one, two = (read(model, text)[0] for text in ("angry not sad", "sad not angry"))
    assert np.abs(one - two).max() > 1e-4


def test_a_text_reads_the_same_alone_and_in_a_batch(model: TextEncoder) -> None:
    tokens = torch.from_numpy(np.stack([tokenise("very happy indeed"), tokenise("slightly sad now")]))
    with torch.no_grad():
        together, alone = model(tokens)[0], model(tokens[:1])[0]
    torch.testing.assert_close(together[:1], alone)


def test_texts_without_words_and_long_ones_are_read(model: TextEncoder) -> None:
    for text in ("", "!?", "開心", "word " * 600):
        weights, strength = read(model, text)
        assert np.isfinite(weights).all() and np.isfinite(strength)
    np.testing.assert_array_equal(tokenise(""), NO_WORDS)


def test_it_is_small(model: TextEncoder) -> None:
    assert sum(each.numel() for each in model.parameters()) * 4 < 1e6
    assert TextEncoderConfig(**model.config.to_dict()) == model.config  # type: ignore[arg-type]


def test_the_graph_equals_torch_at_any_length(model: TextEncoder) -> None:
    graph = graph_bytes(model)
    assert check_graph(model, graph) < 1e-5
    weights, strength = encoder(graph)("not angry at all, just a little tired")
    expected, felt = read(model, "not angry at all, just a little tired")
    np.testing.assert_allclose(weights, expected, atol=1e-5)
    assert strength == pytest.approx(felt, abs=1e-5)
