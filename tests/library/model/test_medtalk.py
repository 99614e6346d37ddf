"""The networks' parts: shapes, equations, and what must not matter (padding, batching)."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medtalk.errors import BundleError
from medtalk.features.words import NO_WORDS, tokenise
from medtalk.model.config import ModelConfig
from medtalk.model.fusion import adjust
from medtalk.model.intensity import intensity
from medtalk.model.medtalk import MEDTalk
from medtalk.model.places import places
from medtalk.rig.channels import S_INT, indices


@pytest.fixture(scope="module")
def model() -> MEDTalk:
    torch.manual_seed(0)
    return MEDTalk().eval()


def tokens(*texts: str) -> torch.Tensor:
    rows = [tokenise(text) for text in texts]
    out = np.zeros((len(rows), max(map(len, rows)), 8), np.int64)
    for b, row in enumerate(rows):
        out[b, : len(row)] = row
    return torch.from_numpy(out)


def test_decoder_takes_emotion_first(model: MEDTalk) -> None:
    emotion, content = torch.randn(3, 256), torch.randn(3, 256)
    both = model.decoder.fc2(torch.relu(model.decoder.fc1(torch.cat([emotion, content], -1))))
    torch.testing.assert_close(model.decoder(emotion, content), both)


def test_adjusted_vectors_have_the_intensity_as_norm() -> None:
    """Eq. 9."""
    felt = torch.tensor([[0.0, 0.5, 1.7]])
    vector = torch.randn(1, 1, 256)
    found = adjust(vector, felt)
    torch.testing.assert_close(found.norm(dim=-1), felt)
    torch.testing.assert_close(found[0, 2] / 1.7, vector[0, 0] / vector.norm())


def test_adjusting_a_zero_vector_is_finite() -> None:
    vector = torch.zeros(1, 1, 256, requires_grad=True)
    found = adjust(vector, torch.ones(1, 4))
    assert torch.equal(found, torch.zeros(1, 4, 256))


def test_intensity_zero_is_the_same_face_in_every_emotion(model: MEDTalk) -> None:
    with torch.no_grad():
        content, none = torch.randn(1, 5, 256), torch.zeros(1, 5)
        faces = [model.decode(content, model.emotion_embedding(torch.tensor([[k]])), none) for k in range(7)]
    for face in faces[1:]:
        torch.testing.assert_close(face, faces[0])


def test_intensity_of_a_rig_in_numpy_and_torch() -> None:
    """Eq. 8 with the release's factor: only S_int counts, whatever the sign."""
    rig = np.zeros((2, 174), np.float32)
    rig[0, S_INT] = -0.5
    rig[1, np.setdiff1d(np.arange(174), S_INT)] = 1.0
    np.testing.assert_allclose(intensity(rig), [0.1 * 0.5 * 14, 0.0], atol=1e-6)
    np.testing.assert_allclose(intensity(torch.from_numpy(rig)).numpy(), intensity(rig), atol=1e-6)
    # lids count by what they open, where blinks are not asked for
    lids = indices("[LR]_eye_blink")
    rig[0, lids] = (0.9, -0.4)
    np.testing.assert_allclose(intensity(rig, blinks=True), [0.1 * (0.5 * 12 + 1.3), 0.0], atol=1e-6)
    np.testing.assert_allclose(intensity(rig, blinks=False), [0.1 * (0.5 * 12 + 0.4), 0.0], atol=1e-6)
    torch.testing.assert_close(
        intensity(torch.from_numpy(rig), blinks=False), torch.from_numpy(intensity(rig, blinks=False))
    )


def test_padding_changes_no_intensity(model: MEDTalk) -> None:
    """A short clip beside a long one in a batch gives what it gives alone."""
    frames, words = torch.randn(2, 50, 51), tokens("so good", "what a truly terrible day this has been")
    lengths = torch.tensor([20, 50])
    with torch.no_grad():
        together = model.intensity(frames, words, lengths)
        alone = model.intensity(frames[:1, :20], words[:1, :2])
    torch.testing.assert_close(together[:1, :20], alone, atol=1e-5, rtol=1e-4)


def test_words_and_their_order_move_the_intensity(model: MEDTalk) -> None:
    frames = torch.randn(1, 60, 51)
    with torch.no_grad():
        found = [
            model.intensity(frames, tokens(text)) for text in ("good day to you", "you to day good", "bad luck for me")
        ]
        none = model.intensity(frames, torch.from_numpy(NO_WORDS.copy())[None])
    for one, other in ((0, 1), (0, 2)):
        assert (found[one] - found[other]).abs().max() > 1e-3
    assert (found[0] - none).abs().max() > 1e-3


def test_places_run_from_zero_to_one() -> None:
    found = places(torch.tensor([1, 3]), 4)
    assert found.shape == (2, 4, 32)
    torch.testing.assert_close(found[1, 0], places(torch.tensor([9]), 9)[0, 0])
    torch.testing.assert_close(found[1, 2], places(torch.tensor([9]), 9)[0, 8])
    torch.testing.assert_close(found[1, 3], found[1, 2])
    torch.testing.assert_close(found[0], found[0, :1].expand(4, -1))


def test_a_plain_acm_does_not_see_posteriors() -> None:
    model = MEDTalk(ModelConfig(content_features=12, hidden=16, latent=16)).eval()
    features = torch.randn(1, 4, 12)
    first, second = (model.content(features, torch.rand(1, 4, 35)) for _ in range(2))
    assert torch.equal(first, second)


def test_the_papers_sizes_need_no_projection() -> None:
    config = ModelConfig.paper()
    assert (config.content_features, config.fusion_width, config.heads, config.guidance_features) == (768, 768, 8, 512)
    model = MEDTalk(config)
    assert not list(model.fusion_predictor.query_map.parameters())
    with pytest.raises(ValueError, match="no words of its own"):
        model.intensity(torch.zeros(1, 3, 768), torch.ones(1, 1, 8, dtype=torch.int64))


@pytest.mark.parametrize("sizes", [{"text_features": 32}, {"heads": 5}, {"widht": 3}])
def test_sizes_that_do_not_fit(sizes: dict[str, int]) -> None:
    with pytest.raises(BundleError):
        ModelConfig.from_dict({**ModelConfig().to_dict(), **sizes})


def test_kinds_of_a_label_are_mixed_as_vectors() -> None:
    torch.manual_seed(0)
    embedding = MEDTalk(ModelConfig(kinds=3)).eval().emotion_embedding
    with torch.no_grad():
        own = embedding(torch.arange(21)).reshape(7, 3, 256)
        found = embedding.mixed(torch.tensor([4, 0]), torch.tensor([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0]]))
    torch.testing.assert_close(found[0], 0.2 * own[4, 0] + 0.3 * own[4, 1] + 0.5 * own[4, 2])
    torch.testing.assert_close(found[1], own[0, 1])


def test_a_model_without_kinds_has_one_of_each_label(model: MEDTalk) -> None:
    """Sizes of bundles that were made before there were kinds load, and their seven vectors are the labels' own."""
    older = {name: value for name, value in model.config.to_dict().items() if name != "kinds"}
    assert ModelConfig.from_dict(older).kinds == ModelConfig.paper().kinds == 1
    labels = torch.arange(7)
    with torch.no_grad():
        torch.testing.assert_close(
            model.emotion_embedding.mixed(labels, torch.ones(7, 1)), model.emotion_embedding(labels)
        )
    with pytest.raises(BundleError, match="kinds is 0"):
        ModelConfig(kinds=0)
