from __future__ import annotations

import logging
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from medtalk.audio import frame_count
from medtalk.backbones import banded
from medtalk.backbones.chunks import at_rig_rate
from medtalk.backbones.emotion2vec import Emotion2vec, import_funasr
from medtalk.backbones.pretrained import Pretrained, undisturbed
from medtalk.errors import AudioError, BackboneError
from tests.helpers.checkpoints import WIDTH, make_emotion2vec
from tests.helpers.sounds import babble


def build(folder: Path):
    """As FunASR itself loads a folder."""
    return import_funasr()(model=str(folder), device="cpu", disable_update=True, disable_log=True, disable_pbar=True)


def state_of_the_process() -> list[object]:
    root = logging.getLogger()
    return [
        torch.get_num_threads(), torch.random.get_rng_state().tolist(), random.getstate(),
        np.random.get_state()[1].tolist(), root.level, root.handlers[:],  # pyright: ignore
    ]  # fmt: skip


def test_features_are_the_librarys(
    folders: Path, voice: np.ndarray, network: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    model = Emotion2vec(Pretrained("e", folders / "emotion2vec", offline=True))
    features = model.features(voice)
    assert features.shape == (90, WIDTH) == (frame_count(len(voice)), model.width) and features.dtype == np.float32
    assert capfd.readouterr() == ("", "") and network == []
    with undisturbed():
        auto = build(folders / "emotion2vec")
        given = auto.generate(np.array(voice), granularity="frame", extract_embedding=True)[0]["feats"]  # (75, width)
    assert len(given) == 75
    places = np.linspace(0, len(given) - 1, len(features))
    expected = np.stack([np.interp(places, np.arange(len(given)), column) for column in given.T], axis=1)
    np.testing.assert_allclose(features, expected, atol=1e-4)


def test_the_process_stays_as_it_was(folders: Path, voice: np.ndarray) -> None:
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        before = state_of_the_process()
        Emotion2vec(Pretrained("e", folders / "emotion2vec")).features(voice)
        assert state_of_the_process() == before
        with undisturbed():
            build(folders / "emotion2vec")
            # what there is to guard against
            changed = [old != new for old, new in zip(before, state_of_the_process(), strict=True)]
            assert all(changed[:4])
        assert state_of_the_process() == before
    finally:
        torch.set_num_threads(threads)


@torch.inference_mode()
def library(model: Emotion2vec, samples: np.ndarray) -> np.ndarray:
    """Features as FunASR's own forward gives them, with all pairs of frames, at the rig's frames."""
    sound = torch.tensor(samples)
    heard = model._model.extract_features(torch.nn.functional.layer_norm(sound, sound.shape)[None])["x"][0]
    return at_rig_rate(heard, len(samples))


@pytest.fixture
def emotion2vec(folders: Path) -> Emotion2vec:
    return Emotion2vec(Pretrained("e", folders / "emotion2vec"))


@pytest.mark.parametrize("chunk", [1, 37, 64, 100_000])
def test_chunks_of_any_length_give_the_same(emotion2vec: Emotion2vec, chunk: int) -> None:
    samples = babble(3.217)[:-3] + np.linspace(0.5, -0.2, 51469, dtype=np.float32)
    np.testing.assert_allclose(emotion2vec.features(samples, chunk), library(emotion2vec, samples), atol=5e-5)


@pytest.mark.parametrize("per_layer", [False, True])
def test_scales_of_the_distances(emotion2vec: Emotion2vec, voice: np.ndarray, per_layer: bool) -> None:
    plain, audio = emotion2vec.features(voice), emotion2vec._model.modality_encoders["AUDIO"]
    generator = torch.Generator().manual_seed(0)
    scales = torch.rand((3 if per_layer else 1, 1, 4, 1, 1), generator=generator) * 4 - 0.5  # below 0 counts as 0
    audio.alibi_scale = torch.nn.Parameter(scales, requires_grad=False)
    assert np.abs(emotion2vec.features(voice) - plain).max() > 0.01
    np.testing.assert_allclose(emotion2vec.features(voice, 32), library(emotion2vec, voice), atol=5e-5)


def test_beyond_reach_there_is_nothing_to_see(emotion2vec: Emotion2vec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(banded, "REACH", 100)
    audio = emotion2vec._model.modality_encoders["AUDIO"]
    audio.alibi_scale.fill_(30)  # as steep for 100 frames as 1 is for 3000
    samples = babble(5.0)
    assert emotion2vec._bands(249)[0].reach == 100
    np.testing.assert_allclose(emotion2vec.features(samples, 16), library(emotion2vec, samples), atol=1e-4)
    monkeypatch.setattr(banded, "FARTHEST", 8)
    near = emotion2vec.features(samples, 16)
    assert np.abs(near - library(emotion2vec, samples)).max() > 1e-3
    np.testing.assert_allclose(emotion2vec.features(samples, 50), near, atol=5e-5)  # whatever else is in a chunk


def test_several_clips_at_once(emotion2vec: Emotion2vec) -> None:
    clips = [babble(seconds, seed=seed) for seed, seconds in enumerate((1.2, 0.9, 1.2, 0.025))]
    for together, clip in zip(emotion2vec.features_of(clips, 32), clips, strict=True):
        np.testing.assert_allclose(together, emotion2vec.features(clip), atol=5e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision(emotion2vec: Emotion2vec, folders: Path, voice: np.ndarray, dtype: str) -> None:
    features = Emotion2vec(Pretrained("e", folders / "emotion2vec", dtype=dtype)).features(voice, 32)
    assert features.dtype == np.float32
    assert np.abs(features - emotion2vec.features(voice)).mean() < 0.05


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("layer_norm_first", True, "layer_norm_first is True; valid is False"),
        ("extractor_mode", "default", "extractor_mode is default; valid is layer_norm"),
        ("use_alibi_encoder", False, "use_alibi_encoder is False"),
        ("num_alibi_heads", 2, "num_alibi_heads is 2; valid is 4"),
        ("num_extra_tokens", 0, "without extra tokens"),
    ],
)
def test_models_that_compute_in_another_way(
    folders: Path, tmp_path: Path, key: str, value: object, message: str
) -> None:
    folder = Path(shutil.copytree(folders / "emotion2vec", tmp_path / "other"))
    config = yaml.safe_load((folder / "config.yaml").read_text())
    model = config["model_conf"]
    (model if key in model else model["modalities"]["audio"])[key] = value
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(BackboneError, match=message):
        Emotion2vec(Pretrained("e", folder))


@pytest.mark.parametrize(
    "convolutions",
    [
        "[(32, 10, 5)] + [(__import__('pathlib').Path('{mark}').touch() or 32, 3, 2)]",
        "[(9999,9999,9999)]*99999999",
        "9**9**9",
        "[(32, 10, 5)] + " * 100 + "[(32, 3, 2)]",
    ],
)
def test_a_configuration_with_code_in_it_is_refused(tmp_path: Path, convolutions: str) -> None:
    mark = tmp_path / "mark"
    folder = make_emotion2vec(tmp_path / "evil", convolutions.replace("{mark}", str(mark)))
    (folder / "base.pt").write_bytes(b"")
    with pytest.raises(BackboneError, match="is not a list of convolutions"):
        Emotion2vec(Pretrained("e", folder))
    assert not mark.exists()


def test_code_and_packages_of_a_folder_are_left_alone(folders: Path, tmp_path: Path) -> None:
    folder, mark = Path(shutil.copytree(folders / "emotion2vec", tmp_path / "evil")), tmp_path / "mark"
    (folder / "own.py").write_text(f"open({str(mark)!r}, 'w').close()")
    (folder / "requirements.txt").write_text("medtalk-does-not-exist")
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config |= {"trust_remote_code": True, "remote_code": str(folder / "own.py")}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    Emotion2vec(Pretrained("e", folder))
    assert not mark.exists()


def test_weights_that_do_not_fit(folders: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(folders / "emotion2vec", tmp_path / "cut"))
    state = torch.load(folder / "base.pt", weights_only=True)["model"]
    torch.save({"model": {k: v for k, v in state.items() if not k.startswith("blocks.1.attn.")}}, folder / "base.pt")
    with pytest.raises(BackboneError, match="lacks 4 of the weights"):
        Emotion2vec(Pretrained("e", folder))
    torch.save({"model": {**state, "blocks.1.attn.proj.bias": torch.zeros(3)}}, folder / "base.pt")
    with pytest.raises(BackboneError, match="size mismatch"):
        Emotion2vec(Pretrained("e", folder))
    (folder / "base.pt").unlink()
    with pytest.raises(BackboneError, match=r"has no base\.pt"):
        Emotion2vec(Pretrained("e", folder))
    (folder / "config.yaml").write_text("model: Paraformer\n")
    (folder / "base.pt").touch()
    with pytest.raises(BackboneError, match="of the kind Paraformer"):
        Emotion2vec(Pretrained("e", folder))


def test_a_sound_too_short(folders: Path) -> None:
    model = Emotion2vec(Pretrained("e", folders / "emotion2vec"))
    assert model.features(np.ones(400, np.float32)).shape == (1, WIDTH)
    with pytest.raises(AudioError, match="at least 400"):
        model.features(np.zeros(399, np.float32))
