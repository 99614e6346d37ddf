"""The adapters and our networks together against what the authors' release gave (facts: parity fixture)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from medtalk.audio import frame_count
from medtalk.backbones.chunks import at_rig_rate
from medtalk.backbones.pretrained import Pretrained
from medtalk.backbones.roberta import Roberta
from medtalk.backbones.wav2vec2 import Wav2Vec2
from medtalk.guidance import LABELS
from medtalk.model.config import ModelConfig
from medtalk.model.medtalk import MEDTalk

TOLERANCE = 1e-4
BACKBONES = ("audio_content_encoder.", "text_encoder.")


@torch.no_grad()
def test_sound_and_constant_text_give_the_releases_rig(shared: Path, network: list[str]) -> None:
    parity = shared / "parity"
    meta = json.loads((parity / "meta.json").read_text("utf-8"))
    state = torch.load(parity / "audio_semantic.pth", weights_only=True)
    net = MEDTalk(ModelConfig.paper(meta["hidden"])).eval()
    net.load_state_dict({k: v for k, v in state.items() if not k.startswith(BACKBONES)}, strict=False)
    with np.load(parity / "label_io.npz") as file:
        truth = dict(file)
    samples = truth["audio"].reshape(-1)
    assert frame_count(len(samples)) == meta["seq_len"]

    heard = Wav2Vec2(Pretrained("w", parity / "wav2vec2", offline=True)).features(samples)
    text = Roberta(Pretrained("r", parity / "roberta", offline=True)).features_of_ids(meta["text_token_ids_used"])
    assert text.shape == (3, meta["hidden"])
    emotion = torch.from_numpy(at_rig_rate(torch.from_numpy(truth["emotion2vec"]), len(samples)))[None]
    intensity = net.fusion_predictor(emotion, torch.from_numpy(text)[None])
    vector = net.emotion_embedding(torch.tensor([LABELS.index(meta["emotion"])]))[:, None]
    content = net.audio_content_map(torch.from_numpy(heard)[None])
    rig = net.decode(content, vector, intensity)[0]
    np.testing.assert_allclose(rig, truth["label_raw"], atol=TOLERANCE)
    assert network == []


def test_the_release_lost_the_text_and_we_do_not(shared: Path) -> None:
    meta = json.loads((shared / "parity" / "meta.json").read_text("utf-8"))
    roberta = Roberta(Pretrained("r", shared / "parity" / "roberta", offline=True))
    assert len(roberta.pieces(meta["text"])[0]) > len(meta["text_token_ids_used"]) == 3
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(
            roberta.features(meta["text"])[0], roberta.features_of_ids(meta["text_token_ids_used"])[0], atol=1e-3
        )
