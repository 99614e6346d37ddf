from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import Wav2Vec2FeatureExtractor, Wav2Vec2Model

from medtalk.audio import frame_count
from medtalk.backbones.pretrained import Pretrained
from medtalk.backbones.wav2vec2 import Wav2Vec2
from medtalk.errors import AudioError, BackboneError, SettingError
from tests.helpers.checkpoints import WIDTH
from tests.helpers.sounds import babble


class AtRigRate(torch.nn.Module):
    """The convolutions of a wav2vec2, brought to `frames`: with it the library's own forward is the paper's."""

    def __init__(self, inner: torch.nn.Module, frames: int) -> None:
        super().__init__()
        self.inner, self.frames = inner, frames

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.interpolate(self.inner(sound), self.frames, mode="linear", align_corners=True)


@torch.no_grad()
def library(folder: Path, samples: np.ndarray, layer: int) -> np.ndarray:
    """`hidden_states[layer]` of the whole model as transformers runs it, in one pass."""
    model = Wav2Vec2Model.from_pretrained(folder, local_files_only=True).eval()
    model.feature_extractor = AtRigRate(model.feature_extractor, frame_count(len(samples)))  # pyright: ignore
    extractor = Wav2Vec2FeatureExtractor(do_normalize=True)
    inputs = extractor(np.array(samples), sampling_rate=16000, return_tensors="pt")["input_values"]
    return model(inputs, output_hidden_states=True).hidden_states[layer][0].numpy()


@pytest.mark.parametrize("kind", ["wav2vec2", "stable"])
@pytest.mark.parametrize("layer", [0, 1, 3])
def test_the_state_of_a_layer_is_the_librarys(
    folders: Path, voice: np.ndarray, network: list[str], kind: str, layer: int
) -> None:
    ours = Wav2Vec2(Pretrained(kind, folders / kind, offline=True), layer)
    features = ours.features(voice)
    assert features.shape == (90, WIDTH) == (frame_count(len(voice)), ours.width) and features.dtype == np.float32
    np.testing.assert_allclose(features, library(folders / kind, voice, layer), atol=1e-5)
    assert network == []


@pytest.mark.parametrize("kind", ["wav2vec2", "stable"])
@pytest.mark.parametrize("chunk", [7, 37, 64, 100_000])
def test_chunks_of_any_length_give_the_same(folders: Path, kind: str, chunk: int) -> None:
    model = Wav2Vec2(Pretrained(kind, folders / kind), 1)
    samples = babble(3.217)[:-3] + np.linspace(0.5, -0.2, 51469, dtype=np.float32)  # its mean and level change
    np.testing.assert_allclose(model.features(samples, chunk), library(folders / kind, samples, 1), atol=1e-5)


@pytest.mark.parametrize("samples", [400, 401, 719, 720, 1067])
def test_sounds_of_a_frame_or_two(folders: Path, samples: int) -> None:
    model, sound = Wav2Vec2(Pretrained("w", folders / "wav2vec2")), babble(0.1)[:samples]
    np.testing.assert_allclose(model.features(sound), library(folders / "wav2vec2", sound, 0), atol=1e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision(folders: Path, voice: np.ndarray, dtype: str) -> None:
    whole, half = (Wav2Vec2(Pretrained("w", folders / "wav2vec2", dtype=kind)) for kind in ("float32", dtype))
    features = half.features(voice, 32)
    assert features.dtype == np.float32
    assert np.abs(features - whole.features(voice)).mean() < 0.05


@pytest.mark.parametrize("layer", [0, 1])
def test_layers_beyond_are_neither_loaded_nor_run(folders: Path, voice: np.ndarray, tmp_path: Path, layer: int) -> None:
    whole = Wav2Vec2(Pretrained("w", folders / "wav2vec2"), layer)
    assert len(whole._model.encoder.layers) == layer
    cut = Path(shutil.copytree(folders / "wav2vec2", tmp_path / "cut"))
    state = load_file(cut / "model.safetensors")
    kept = {name: value for name, value in state.items() if ".layers.2." not in name}
    assert len(kept) < len(state)
    save_file(kept, cut / "model.safetensors", {"format": "pt"})
    assert (Wav2Vec2(Pretrained("w", cut), layer).features(voice) == whole.features(voice)).all()
    with pytest.raises(BackboneError, match="lacks 16 of the weights"):
        Wav2Vec2(Pretrained("w", cut), 3)


def test_loudness_and_offset_do_not_matter(folders: Path, voice: np.ndarray) -> None:
    model = Wav2Vec2(Pretrained("w", folders / "wav2vec2"))
    np.testing.assert_allclose(
        model.features(np.float32(0.1) * voice + np.float32(0.2)), model.features(voice), atol=1e-3
    )


def test_older_spelling_of_weight_norm(folders: Path, voice: np.ndarray, tmp_path: Path) -> None:
    old = Path(shutil.copytree(folders / "wav2vec2", tmp_path / "old"))
    prefix = "encoder.pos_conv_embed.conv."
    state = load_file(old / "model.safetensors")
    for new, name in (
        ("parametrizations.weight.original0", "weight_g"),
        ("parametrizations.weight.original1", "weight_v"),
    ):
        key = prefix + new if prefix + new in state else prefix + name
        state[prefix + name] = state.pop(key)
    save_file(state, old / "model.safetensors", {"format": "pt"})
    expected = Wav2Vec2(Pretrained("w", folders / "wav2vec2")).features(voice)
    np.testing.assert_allclose(Wav2Vec2(Pretrained("w", old)).features(voice), expected, atol=1e-6)


@pytest.mark.parametrize("layer", [-1, 4])
def test_a_layer_that_is_not_there(folders: Path, layer: int) -> None:
    with pytest.raises(SettingError, match="0 to 3"):
        Wav2Vec2(Pretrained("w", folders / "wav2vec2"), layer)


def test_another_kind_of_model_is_refused(folders: Path) -> None:
    with pytest.raises(BackboneError, match="of the kind bert, not wav2vec2"):
        Wav2Vec2(Pretrained("w", folders / "roberta"))


def test_sounds_that_cannot_be_heard(folders: Path) -> None:
    model = Wav2Vec2(Pretrained("w", folders / "wav2vec2"))
    assert model.features(np.zeros(400, np.float32)).shape == (1, WIDTH)
    for samples in (np.zeros(399, np.float32), np.zeros((2, 800), np.float32), np.full(800, np.float32(np.nan))):
        with pytest.raises(AudioError):
            model.features(samples)
