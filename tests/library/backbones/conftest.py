"""Fixtures: small pretrained backbones of random weights, made once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.helpers.sounds import babble


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the backbones made here: `wav2vec2`, `stable`, `roberta`, `clip`, `emotion2vec`, `whisper.pt`."""
    import torch

    from medtalk.backbones.emotion2vec import import_funasr
    from tests.helpers import checkpoints

    import_funasr()  # quietly
    root = tmp_path_factory.mktemp("backbones")
    torch.manual_seed(5)
    checkpoints.make_wav2vec2(root / "wav2vec2")
    checkpoints.make_wav2vec2(root / "stable", stable=True)
    checkpoints.make_roberta(root / "roberta")
    checkpoints.make_clip(root / "clip")
    checkpoints.make_emotion2vec(root / "emotion2vec")
    checkpoints.make_whisper(root / "whisper.pt")
    return root


@pytest.fixture(scope="session")
def voice() -> np.ndarray:
    """Something like speech, 1.51 s at 16 kHz; read-only, as the samples of a `Speech` are."""
    samples = babble(1.51)
    samples.flags.writeable = False
    return samples
