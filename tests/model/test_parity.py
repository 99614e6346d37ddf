"""The authors' release, run on random weights, against our modules under the same names (facts: parity fixture)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from medtalk.model.config import ModelConfig
from medtalk.model.fusion import adjust
from medtalk.model.intensity import intensity
from medtalk.model.medtalk import MEDTalk

TOLERANCE = 1e-4
BACKBONES = ("audio_content_encoder.", "text_encoder.", "clip_encoder.")


@pytest.fixture(scope="module")
def parity(shared: Path) -> Path:
    return shared / "parity"


@pytest.fixture(scope="module")
def model(parity: Path) -> MEDTalk:
    width = json.loads((parity / "meta.json").read_text())["hidden"]
    return MEDTalk(ModelConfig.paper(width)).eval()


def load(model: MEDTalk, path: Path) -> set[str]:
    """Load what a checkpoint has but its backbones; gives the keys that were loaded."""
    state = torch.load(path, weights_only=True)
    own = {name: tensor for name, tensor in state.items() if not name.startswith(BACKBONES)}
    report = model.load_state_dict(own, strict=False)
    assert report.unexpected_keys == []
    return set(own)


def test_checkpoints_have_the_names_and_shapes_of_our_modules(parity: Path, model: MEDTalk) -> None:
    shapes = json.loads((parity / "state_dict_shapes.json").read_text())
    ours = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    met = set()
    for file, keys in shapes.items():
        for name, shape in keys.items():
            # clip_emotion keeps an MLP in CMF's place; only imported weights need it
            if name.startswith(BACKBONES) or (file == "clip_emotion" and name.startswith("fusion_predictor")):
                continue
            assert ours[name] == shape, (file, name)
            met.add(name)
    assert met == set(ours), "no part of the paper's model is without a counterpart in the checkpoints"


@torch.no_grad()
def test_cross_reconstruction(parity: Path, model: MEDTalk) -> None:
    assert len(load(model, parity / "cross_recon.pth")) == 12
    truth = np.load(parity / "label_io.npz")
    rig = torch.from_numpy(truth["rig"])
    emotion, content = model.emo_encoder(rig), model.cont_encoder(rig)
    np.testing.assert_allclose(emotion, truth["emotion_embedding"], atol=TOLERANCE)
    np.testing.assert_allclose(content, truth["content_embedding"], atol=TOLERANCE)
    np.testing.assert_allclose(model.reconstruct(rig, rig), truth["reconstruction"], atol=TOLERANCE)


@torch.no_grad()
def test_cross_attention_is_multi_head_attention(parity: Path, model: MEDTalk) -> None:
    load(model, parity / "audio_semantic.pth")
    ours = model.fusion_predictor.cross_attn
    width = ours.out_proj.in_features
    torchs = torch.nn.MultiheadAttention(width, ours.heads, batch_first=True).eval()
    torchs.load_state_dict(ours.state_dict())
    frames, text = torch.randn(2, 9, width), torch.randn(2, 5, width)
    absent = torch.tensor([[False] * 5, [False, False, True, True, True]])
    expected, _ = torchs(frames, text, text, key_padding_mask=absent)
    torch.testing.assert_close(ours(frames, text, absent), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_label_to_rig(parity: Path, model: MEDTalk) -> None:
    """Everything behind the backbones: the release's intensity loss tells what its CMF and label embedding gave."""
    load(model, parity / "audio_semantic.pth")
    truth = np.load(parity / "label_io.npz")
    frames = int(json.loads((parity / "meta.json").read_text())["seq_len"])
    features = torch.from_numpy(truth["emotion2vec"]).T[None]
    features = torch.nn.functional.interpolate(features, size=frames, mode="linear", align_corners=True)[0].T[None]
    text = text_features(parity)
    felt = model.fusion_predictor(features, text)
    vector = model.emotion_embedding(torch.tensor([[0]]))
    emotion = model.semantic_emotion_map(adjust(vector, felt))
    rig = torch.from_numpy(truth["rig"])[None]
    alike = 1 - torch.nn.functional.cosine_similarity(emotion, model.emo_encoder(rig), dim=-1).mean()
    error = (felt - intensity(rig)).square().mean()
    _, similarity, strength, _ = truth["fim_losses"].tolist()
    assert float(alike) == pytest.approx(similarity, abs=TOLERANCE)
    assert float(error) == pytest.approx(strength, abs=TOLERANCE)


def text_features(parity: Path) -> torch.Tensor:
    transformers = pytest.importorskip("transformers", reason="the fixture's text backbone needs transformers")
    tokens = json.loads((parity / "meta.json").read_text())["text_token_ids_used"]
    encoder = transformers.AutoModel.from_pretrained(parity / "roberta").eval()
    return encoder(torch.tensor([tokens])).last_hidden_state
