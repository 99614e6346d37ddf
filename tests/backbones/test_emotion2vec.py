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
from medtalk.backbones.emotion2vec import Emotion2vec, import_funasr
from medtalk.backbones.pretrained import Pretrained, undisturbed
from medtalk.errors import AudioError, BackboneError
from tests.checkpoints import WIDTH, make_emotion2vec


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


def test_memory_is_given_back(folders: Path, voice: np.ndarray) -> None:
    model = Emotion2vec(Pretrained("e", folders / "emotion2vec"))
    model.features(voice)
    assert model._model.alibi_biases == {}


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
    with pytest.raises(BackboneError, match="is no list of them"):
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
