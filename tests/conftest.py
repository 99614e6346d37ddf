"""Fixtures for all tests: reference recordings, small sounds, small bundles, the command line in this process, and a
guard that sees every use of the network. Which tests run is up to `tests.helpers.chosen`."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

from tests.helpers.sounds import babble

if TYPE_CHECKING:
    from tests.helpers.booth import Booth
    from tests.helpers.sidecars import Sidecar

ROOT = Path(__file__).parents[1]

pytest_plugins = ["tests.helpers.chosen"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Iterator[None]:
    """After a test and its fixtures, what commands in this process do with signals is as it was: the tests of another
    file come next, and one in which a signal came would end each of their commands."""
    from medtalk import signals

    handlers = {number: signal.getsignal(number) for number in signals.STOPPING}
    result = yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    signals._stopped_by = None
    return result


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Reference recordings, tables and weights, which are not part of the repository; see also `speech_data`."""
    return Path(os.environ["MEDTALK_REFERENCE"])


@pytest.fixture(scope="session")
def speech_data() -> Path:
    """Two recordings in the public domain with phone times and transcripts, which are part of the repository."""
    return ROOT / "tests" / "data"


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """`voice.wav`, 2 s at 16 kHz."""
    import soundfile

    path = tmp_path / "voice.wav"
    soundfile.write(path, babble(2.0), 16000)
    return path


@pytest.fixture
def long_sound(tmp_path: Path) -> Path:
    """`speech.wav`, 12 s at 16 kHz: long enough for blinks."""
    import soundfile

    path = tmp_path / "speech.wav"
    soundfile.write(path, babble(12.0), 16000)
    return path


@pytest.fixture
def silence(tmp_path: Path) -> Path:
    """`silence.wav`, 12 s of zeros at 16 kHz."""
    import soundfile

    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(12 * 16000, np.float32), 16000)
    return path


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB, too small for a rig; needs the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and shutil.which("mount")
    if not mounted or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]).returncode:
        pytest.skip("mounting a small disk needs root and the right to mount")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture(scope="session")
def sample() -> Path:
    """The sample recording that ships with the package."""
    from importlib.resources import files

    return Path(str(files("medtalk_assets"))) / "audio" / "sample.wav"


@pytest.fixture(scope="session")
def shipped_bundle() -> Path:
    """The bundle that ships with the package."""
    from medtalk.bundle import default_bundle

    return default_bundle()


@pytest.fixture(scope="session")
def whisper_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two layers of random weights of the sizes of Whisper base, as `medtalk-train` reads them by their path."""
    import torch
    from safetensors.torch import save_file

    from medtalk_train.synthetic.whisper_weights import encoder_shapes

    torch.manual_seed(8)
    shapes = encoder_shapes(2)
    weights = {
        name: torch.ones(shape) if "_ln.weight" in name else torch.randn(shape) * shape[-1] ** -0.5
        for name, shape in shapes.items()
    }
    path = tmp_path_factory.mktemp("whisper") / "base.safetensors"
    save_file({name: tensor.half() for name, tensor in weights.items()}, path)
    return path


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole small bundle of random weights, made with torch. Not to be changed: see `own_bundle`."""
    import torch

    from medtalk.model.config import ModelConfig
    from medtalk.model.ear import Ear, EarConfig, EarHead
    from medtalk.model.medtalk import MEDTalk
    from medtalk_train.settings import LiveOptions
    from medtalk_train.synthetic.export import export_bundle
    from medtalk_train.synthetic.live import write_head

    torch.manual_seed(4)
    ear = Ear(EarConfig(width=32, heads=2, layers=2, hidden=24, features=15))
    config = ModelConfig(content_features=16 + 35, hidden=32, kinds=3)
    folder, live = tmp_path_factory.mktemp("bundles") / "tiny", tmp_path_factory.mktemp("live")
    modules = MEDTalk(config).eval()
    write_head(live, EarHead(ear.config), LiveOptions(), 4, {})
    export_bundle(modules, ear.eval(), config, folder, {"name": "tiny"}, live=live)
    return folder


@pytest.fixture
def own_bundle(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A copy of `tiny_bundle` that a test may spoil."""
    return Path(shutil.copytree(tiny_bundle, tmp_path / "own_bundle"))


@pytest.fixture(scope="session")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of small files as the authors publish theirs, of random weights: see `checkpoints.make_official`."""
    import torch

    from tests.helpers import checkpoints

    torch.manual_seed(6)
    return checkpoints.make_official(tmp_path_factory.mktemp("official"))


@pytest.fixture(scope="session")
def full_bundle(official: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the kind medtalk, with networks for texts and pictures, imported from `official`."""
    from medtalk.official import import_official

    done = import_official(
        official / "audio_semantic.pth",
        tmp_path_factory.mktemp("bundles") / "full",
        clip=official / "clip_emotion.pth",
        wav2vec2=official / "wav2vec2",
        roberta=official / "roberta",
        name="full",
        offline=True,
    )
    return done.bundle.folder


@pytest.fixture(scope="session")
def small_backbones(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small pretrained backbones of random weights, by the part of a bundle that they are."""
    import torch

    from medtalk.backbones.emotion2vec import import_funasr
    from tests.helpers import checkpoints

    import_funasr()  # quietly
    root = tmp_path_factory.mktemp("small")
    torch.manual_seed(7)
    return {
        "emotion2vec": checkpoints.make_emotion2vec(root / "emotion2vec"),
        "roberta": checkpoints.make_roberta(root / "roberta"),
        "whisper": checkpoints.make_whisper(root / "whisper.pt"),
        "clip": checkpoints.make_clip(root / "clip"),
    }


@pytest.fixture(scope="session")
def seeing_backbones(small_backbones: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Those that `full_bundle` and the emotion `auto` need."""
    from tests.helpers import checkpoints

    plus = tmp_path_factory.mktemp("plus") / "emotion2vec_plus"
    checkpoints.make_emotion2vec(plus, labels=checkpoints.VOICE_LABELS)
    return {**{part: small_backbones[part] for part in ("emotion2vec", "clip")}, "emotion2vec_plus": plus}


@pytest.fixture(scope="session")
def seeing(
    full_bundle: Path, seeing_backbones: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sidecar]:
    """A sidecar with `full_bundle` that all tests share: it takes pictures, and hears the emotion in a voice."""
    from tests.helpers.sidecars import Sidecar

    words = [word for part, place in seeing_backbones.items() for word in ("--backbone", f"{part}={place}")]
    folder = tmp_path_factory.mktemp("seeing")
    sidecar = Sidecar(folder, "--bundle", full_bundle, "--offline", "--device", "cpu", *words).wait_until_ready()
    yield sidecar
    assert sidecar.process.poll() is None, "a test has killed the shared sidecar"
    sidecar.close()


@pytest.fixture
def empty_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Folder of the libraries' caches, where nothing is."""
    from modelscope_hub.config import set_default_config

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "modelscope"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    set_default_config(None)  # ModelScope reads the environment once
    yield tmp_path
    set_default_config(None)


@pytest.fixture
def booth(tmp_path: Path) -> Iterator[Booth]:
    """A microphone called booth, with a tone in it."""
    from tests.helpers.booth import Booth

    with Booth(tmp_path) as opened:
        yield opened


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What tried to reach the network; each such try fails."""
    tries: list[str] = []

    def refuse(*where: object, **_: object) -> None:
        tries.append(repr(where[-1]))
        raise socket.gaierror(socket.EAI_AGAIN, "no network in this test")

    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    return tries


class Result(NamedTuple):
    """What a command gave."""

    code: int
    out: str
    err: str


@pytest.fixture
def medtalk(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs the command line `medtalk` with the given words, in this process."""
    from medtalk.cli import app as cli

    def run(*words: object) -> Result:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["medtalk", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        out, err = capsys.readouterr()
        return Result(int(stopped.value.code or 0), out, err)

    return run
