"""What holds for all pretrained backbones: where they are looked for, what is said, cancelling, half precision."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from medtalk.backbones import pretrained
from medtalk.backbones.clip import Clip
from medtalk.backbones.emotion2vec import Emotion2vec
from medtalk.backbones.pretrained import Pretrained
from medtalk.backbones.roberta import Roberta
from medtalk.backbones.wav2vec2 import Wav2Vec2
from medtalk.backbones.whisper import Transcriber
from medtalk.errors import BackboneError, CancelledError, SettingError
from medtalk.watch import Watch

pytestmark = pytest.mark.filterwarnings("ignore:.*multilingual.tiktoken:pytest.PytestUnraisableExceptionWarning")

KINDS: dict[str, tuple[type, str, str]] = {
    "wav2vec2": (Wav2Vec2, "wav2vec2", pretrained.WAV2VEC2),
    "emotion2vec": (Emotion2vec, "emotion2vec", pretrained.EMOTION2VEC),
    "whisper": (Transcriber, "whisper.pt", pretrained.WHISPER),
    "roberta": (Roberta, "roberta", pretrained.ROBERTA),
    "clip": (Clip, "clip", pretrained.CLIP),
}
each = pytest.mark.parametrize("kind", KINDS)
PICTURE = Image.new("RGB", (40, 30), "red")
WORK: dict[str, Callable] = {
    "wav2vec2": lambda model, voice: model.features(voice),
    "emotion2vec": lambda model, voice: model.features(voice),
    "whisper": lambda model, voice: model.transcribe(voice),
    "roberta": lambda model, voice: model.features("we say it"),
    "clip": lambda model, voice: np.stack([model.encode_text("red"), model.encode_image(PICTURE)]),
}


@each
def test_what_is_missing_offline_is_one_line_and_no_network(kind: str, empty_caches: Path, network: list[str]) -> None:
    model, _, name = KINDS[kind]
    with pytest.raises(BackboneError) as caught:
        model(Pretrained(name, offline=True))
    assert str(caught.value) == (
        f"The weights of {name} are not on this machine, and offline nothing is downloaded. Run `medtalk "
        "backbones pull "
        f"{name}` where there is a network, or give the folder that holds them."
    )
    assert network == []


@each
def test_what_cannot_be_fetched_is_one_line(
    kind: str, empty_caches: Path, network: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # before each further try
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr("modelscope_hub._download_control._DownloadControl.sleep", lambda *_: None)
    model, _, name = KINDS[kind]
    with pytest.raises(BackboneError, match=f"{name} are not on this machine and cannot be downloaded") as caught:
        model(Pretrained(name))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500
    assert "retries" not in str(caught.value), "what a library tried is nobody's concern"
    assert network, "the guard sees the network"


@each
def test_a_path_that_is_not_there(kind: str, tmp_path: Path, network: list[str]) -> None:
    model, _, name = KINDS[kind]
    for path in (tmp_path / "gone", Path("a\0b")):
        with pytest.raises(BackboneError, match=f"with the weights of {name}. Give another"):
            model(Pretrained(name, path))
    assert network == []


@each
def test_a_folder_of_something_else(kind: str, tmp_path: Path, network: list[str]) -> None:
    model, place, name = KINDS[kind]
    path = tmp_path / place
    if path.suffix:
        path.write_bytes(b"nothing of the kind")
    else:
        path.mkdir()
        (path / "config.json").write_text("{}")
    with pytest.raises(BackboneError) as caught:
        model(Pretrained(name, path))
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    assert network == []


def test_repositories_in_the_cache_are_used_offline(
    folders: Path, empty_caches: Path, network: list[str], voice: np.ndarray
) -> None:
    for name, folder in (("somebody/wav2vec2", "wav2vec2"), ("timm/vit_base_patch32_clip_224.openai", "clip")):
        repository = empty_caches / "hub" / f"models--{name.replace('/', '--')}"
        (repository / "refs").mkdir(parents=True)
        (repository / "refs" / "main").write_text("abc")
        (repository / "snapshots").mkdir()
        (repository / "snapshots" / "abc").symlink_to(folders / folder)
    Wav2Vec2(Pretrained("somebody/wav2vec2", offline=True)).features(voice)
    snapshot = empty_caches / "modelscope" / "models" / "iic--emotion2vec_base" / "snapshots" / "master"
    snapshot.parent.mkdir(parents=True)
    snapshot.symlink_to(folders / "emotion2vec")
    Emotion2vec(Pretrained(pretrained.EMOTION2VEC, offline=True)).features(voice)
    # found, though its small weights do not fit into the real architecture
    with pytest.raises(
        BackboneError, match="cannot be used as ViT-B-32-quickgelu/openai: text pos_embed width changed"
    ):
        Clip(Pretrained(pretrained.CLIP, offline=True))
    assert network == []


@each
def test_cancelled_work_ends_at_the_next_module(kind: str, folders: Path, voice: np.ndarray) -> None:
    model, place, name = KINDS[kind]
    loaded = model(Pretrained(name, folders / place))
    with Watch() as watch:
        entered = []
        for module in loaded._model.modules():
            if not list(module.children()):
                module.register_forward_pre_hook(lambda *_: entered.append(1))
                module.register_forward_hook(lambda *_: watch.cancel())
        with pytest.raises(CancelledError):
            WORK[kind](loaded, voice)
        assert entered == [1]
    with Watch() as watch, pytest.raises(CancelledError):
        watch.cancel()
        model(Pretrained(name, folders / place))


@each
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_gives_about_the_same_as_float32(
    kind: str, dtype: str, folders: Path, voice: np.ndarray
) -> None:
    model, place, name = KINDS[kind]
    if kind == "whisper":  # in half precision on a GPU only
        assert model(Pretrained(name, folders / place, dtype=dtype))._half is False
        return
    full = WORK[kind](model(Pretrained(name, folders / place)), voice)
    half = WORK[kind](model(Pretrained(name, folders / place, dtype=dtype)), voice)
    assert half.dtype == np.float32 and not (half == full).all()
    np.testing.assert_allclose(half, full, atol=0.15 if dtype == "bfloat16" else 0.02)


def test_settings() -> None:
    with pytest.raises(SettingError, match="valid are cpu, cuda and cuda:N"):
        Pretrained("a", device="tpu")
    with pytest.raises(SettingError, match="valid are float32, bfloat16, float16"):
        Pretrained("a", dtype="int8")
    with pytest.raises(SettingError, match="'cuda:99': torch does not see it"):
        Wav2Vec2(Pretrained("a", device="cuda:99"))


def test_each_missing_package_is_named() -> None:
    packages = ("transformers", "funasr", "modelscope", "whisper", "open_clip", "huggingface_hub")
    code = f"""
import sys
sys.modules.update(dict.fromkeys({packages}))
from importlib import import_module
from pathlib import Path
from medtalk.errors import MissingExtraError
for name in ("wav2vec2", "roberta", "whisper", "clip"):
    try:
        import_module("medtalk.backbones." + name)
    except MissingExtraError as error:
        print(error)
from medtalk.backbones.emotion2vec import import_funasr, locate
from medtalk.backbones.pretrained import Pretrained
for work in (lambda: locate(Pretrained("a")), import_funasr):
    try:
        work()
    except MissingExtraError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert done.stderr == "" and len(lines) == 6
    for line, package in zip(
        lines, ("transformers", "transformers", "whisper", "open_clip", "modelscope", "funasr"), strict=True
    ):
        assert f"need {package}, which is not installed. Run pip install 'medtalk[full]'" in line


def test_what_a_library_raises_is_one_line_but_for_memory(tmp_path: Path) -> None:
    def load(error: Exception) -> None:
        with pretrained.loading(Pretrained("n"), tmp_path):
            raise error

    with pytest.raises(BackboneError, match=r"cannot be used as n: a b\. Run") as caught:
        load(RuntimeError("a\n b."))
    assert caught.value.code == "backbone"
    with pytest.raises(torch.OutOfMemoryError):
        load(torch.OutOfMemoryError("full"))


def test_two_threads_may_load_at_once(folders: Path, voice: np.ndarray) -> None:
    found: list[np.ndarray] = []
    root = logging.getLogger()
    before = (root.level, root.handlers[:])
    threads = [
        threading.Thread(target=lambda: found.append(Wav2Vec2(Pretrained("w", folders / "wav2vec2")).features(voice)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2 and (found[0] == found[1]).all()
    assert (root.level, root.handlers) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_not_swallowed_by_a_library(number: signal.Signals) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    kept, after = signal.signal(number, stop), []
    try:
        with pytest.raises(KeyboardInterrupt), pretrained.undisturbed():
            with suppress(BaseException):  # as FunASR's `except:` does
                signal.raise_signal(number)
            after.append("loaded")
        assert signal.getsignal(number) is stop and after == ["loaded"]
    finally:
        signal.signal(number, kept)
