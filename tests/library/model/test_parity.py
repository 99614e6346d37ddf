"""The authors' release, run on random weights, against our modules under the same names (facts: parity fixture)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from medtalk.model.config import ModelConfig
from medtalk.model.medtalk import MEDTalk

TOLERANCE = 1e-4
WIDTH = 48
"""Of the backbones that the release was run on."""
BACKBONES = ("audio_content_encoder.", "text_encoder.", "clip_encoder.")


@pytest.fixture(scope="module")
def parity(shared: Path) -> Path:
    return shared / "parity"


@pytest.fixture(scope="module")
def model() -> MEDTalk:
    return MEDTalk(ModelConfig.paper(WIDTH)).eval()


def load(model: MEDTalk, path: Path) -> set[str]:
    """Load what a checkpoint has but its backbones; gives the keys that were loaded."""
    state = torch.load(path, weights_only=True)
    own = {name: tensor for name, tensor in state.items() if not name.startswith(BACKBONES)}
    report = model.load_state_dict(own, strict=False)
    assert report.unexpected_keys == []
    return set(own)


def test_checkpoints_have_the_names_and_shapes_of_our_modules(root: Path, model: MEDTalk) -> None:
    shapes = json.loads((root / "tests" / "data" / "state_dict_shapes.json").read_text())
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
    # the stored embeddings are those of the stage-3 checkpoint, whose nets have weights of their own
    load(model, parity / "audio_semantic.pth")
    with np.load(parity / "label_io.npz") as file:
        truth = dict(file)
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
