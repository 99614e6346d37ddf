"""Fixtures for all tests: reference recordings, small sounds, small bundles, the command line in this process, and a
guard that sees every use of the network."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from tests.helpers.browser import missing as missing_browser
from tests.helpers.needs import loads_torch, needs
from tests.helpers.sounds import babble

if TYPE_CHECKING:
    from tests.helpers.sidecars import Sidecar

ROOT = Path(__file__).parents[1]


_LEFT_OUT = pytest.StashKey[list[str]]()
_MISSING = pytest.StashKey[str]()
_started: list[str] = []
"""What the running test has started as a process."""


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_LEFT_OUT] = []
    sys.addaudithook(_see)


def _see(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"):
        program = str(arguments[0]) if arguments else event
        if Path(program).name not in ("uname", "ldconfig"):  # by the standard library, once
            _started.append(program)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Without the tests that need torch, do not even import their modules: that alone would load it."""
    module = collection_path.match("test_*.py") and "not torch" in config.option.markexpr
    return True if module and _loads_torch(collection_path) else None


def _loads_torch(module: Path) -> bool:
    """Whether a module of tests does; all of training is about torch."""
    return module.parent.name == "training" or loads_torch(module)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Mark every test with what it needs; of those that -m then chooses, leave out what needs something missing."""
    for item in items:
        for mark in _marks(item):
            item.add_marker(mark)
    if hasattr(config, "workerinput"):
        _long_ones_first(items)
    yield
    _leave_out(config, items, "speech_engines", _missing_engine)
    _leave_out(config, items, "reference", _missing_reference)
    _leave_out(config, items, "browser", missing_browser)


_LONGEST = 20
_COST = {"browser": 4.0, "process": 2.0, "torch": 1.0, "unreal": 0.3}
"""Seconds that a test with such a mark takes, roughly."""


def _long_ones_first(items: list[pytest.Item]) -> None:
    """Where several processes take files in turn, those that take long come first: then none is left alone with one."""
    cost: dict[Path, float] = defaultdict(float)
    for item in items:
        cost[item.path] += max((_COST[mark] for mark in _COST if item.get_closest_marker(mark)), default=0.05)
    items.sort(key=lambda item: (-cost[item.path], item.path))


def _marks(item: pytest.Item) -> set[str]:
    assert isinstance(item, pytest.Function)
    fixtures = [each.func for found in item._fixtureinfo.name2fixturedefs.values() for each in found]
    marks = needs([item.function, *fixtures])
    marks |= {"torch"} if _loads_torch(item.path) else set()
    marks |= {"process"} if item.get_closest_marker("speech_engines") else set()
    marks |= {"unreal"} if "unreal" in item.fixturenames else set()
    return marks | ({"reference"} if "shared" in item.fixturenames else set())


def _leave_out(config: pytest.Config, items: list[pytest.Item], mark: str, missing: Callable[[], str]) -> None:
    """Leave out the tests with this mark where something is missing; CI, which asks for all tests, fails there."""
    marked = [item for item in items if item.get_closest_marker(mark)]
    if not marked or not (line := missing()):
        return
    if os.environ.get("MEDTALK_EVERY_TEST"):
        if not hasattr(config, "workerinput"):
            raise pytest.UsageError(f"CI leaves no test out. {line}")
        for item in marked:  # a worker that fails while it collects is taken for one that broke down
            item.stash[_MISSING] = f"CI leaves no test out. {line}"
        return
    items[:] = [item for item in items if item not in marked]
    config.hook.pytest_deselected(items=marked)
    files = ", ".join(sorted({item.path.name for item in marked}))
    config.stash[_LEFT_OUT].append(f"{len(marked)} tests of {files} were left out. {line}")


def pytest_runtest_logstart() -> None:
    _started.clear()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if line := item.stash.get(_MISSING, ""):
        pytest.fail(line, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Where tests are chosen by what they need, one that needs more than its marks say fails."""
    result = yield
    if "not torch" in item.config.option.markexpr and "torch" in sys.modules:
        pytest.exit(f"{item.nodeid} loads torch and is not marked `torch`.", 1)
    if _started and "not process" in item.config.option.markexpr:
        pytest.fail(f"It starts a process and is not marked `process`: {_started[0]}")
    return result


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist tells what it has left out: all of them collect the same, and none has a terminal."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["left_out"] = session.config.stash[_LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker has ended."""
    told = node.config.stash[_LEFT_OUT]
    told += [line for line in getattr(node, "workeroutput", {}).get("left_out", ()) if line not in told]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash[_LEFT_OUT]:
        terminalreporter.write_line(line, yellow=True)
    if config.option.durations:
        took: dict[str, float] = defaultdict(float)
        for report in itertools.chain.from_iterable(terminalreporter.stats.values()):
            if isinstance(report, pytest.TestReport):
                took[report.nodeid.partition("::")[0]] += report.duration
        longest = sorted(took, key=lambda file: -took[file])[:_LONGEST]
        terminalreporter.write_line(
            "files that took longest: " + ", ".join(f"{each} {took[each]:.0f} s" for each in longest)
        )


def _missing_engine() -> str:
    """What is missing of the speech engines of the training corpus and their texts, in a line; "" for nothing."""
    from medtalk.errors import TrainingError
    from medtalk_train.synthetic.corpus import espeak, festival, flite, text

    try:
        espeak.check()
        flite.check()
        festival.check()
        for language in text.SOURCES:
            text.sentences(language)
    except TrainingError as error:
        return f"{error} All that they need: sudo apt-get install -y $(cat .ci/debian_packages.txt)"
    return ""


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


def _missing_reference() -> str:
    """Why there is no reference data, in a line; "" where there is some."""
    named = os.environ.get("MEDTALK_REFERENCE", "")
    if named and Path(named).is_dir():
        return ""
    wrong = f"MEDTALK_REFERENCE is {named}, which is no folder." if named else "MEDTALK_REFERENCE is not set."
    return f"{wrong} It names the folder of reference data: see CONTRIBUTING.md."


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
    from medtalk.model.ear import Ear, EarConfig
    from medtalk.model.medtalk import MEDTalk
    from medtalk_train.synthetic.export import export_bundle

    torch.manual_seed(4)
    ear = Ear(EarConfig(width=32, heads=2, layers=2, hidden=24, features=15))
    config = ModelConfig(content_features=16 + 35, hidden=32, kinds=3)
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    export_bundle(MEDTalk(config).eval(), ear.eval(), config, folder, {"name": "tiny"})
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
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with pytest.raises(SystemExit) as stopped:
                cli.main()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        out, err = capsys.readouterr()
        return Result(int(stopped.value.code or 0), out, err)

    return run
