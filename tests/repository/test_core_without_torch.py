"""The light core needs no torch. `make test` runs this file a second time where torch is not installed at all."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

HEAVY = ("torch", "safetensors", "transformers", "lightning", "onnx", "matplotlib")
COMMAND = "from medtalk.cli.app import main; main()"


def python(code: str, *arguments: object, without: tuple[str, ...] = HEAVY) -> subprocess.CompletedProcess[str]:
    """Runs `code` in a new interpreter that cannot import the packages `without`."""
    prologue = f"import sys; sys.modules.update(dict.fromkeys({without!r}))\n"
    words = [sys.executable, "-W", "error", "-c", prologue + code, *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True)


@pytest.fixture(scope="module")
def rig(sample, tmp_path_factory):
    """The sample's rig, as the command makes it."""
    out = tmp_path_factory.mktemp("light") / "line.npz"
    done = python(COMMAND, "generate", sample, "--emotion", "angry", "-o", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert out.stat().st_size > 10_000
    return out


@pytest.mark.parametrize(
    "ending", [".csv", ".txt", ".json", ".arkit.csv", ".a2f.json", ".expressions.csv", ".curves.csv", ".glb"]
)
def test_a_recording_becomes_a_rig(rig, tmp_path, ending):
    out = tmp_path / f"line{ending}"
    done = python(COMMAND, "convert", rig, out)
    assert (done.returncode, done.stderr) == (0, "")
    assert out.stat().st_size > 10_000


def test_the_quality_of_a_take(rig, sample):
    done = python(COMMAND, "qa", rig, "--audio", sample)
    assert (done.returncode, done.stderr) == (0, "") and "contact recall" in done.stdout


def test_the_library_needs_nothing_more(sample):
    done = python(
        "import medtalk, sys\n"
        "rig = medtalk.load().perform(sys.argv[1], 'so be it').decode('sad')\n"
        "print(*rig.values.shape, *(name for name in sys.modules if name.startswith('torch.')))",
        sample,
    )
    assert done.stderr == ""
    frames, channels = map(int, done.stdout.split())
    assert frames > 60 and channels == 174


def test_the_bundle_judges_the_voice_and_another_ear_needs_torch(sample, tmp_path):
    out = tmp_path / "line.npz"
    words = (COMMAND, "generate", sample, "--emotion", "auto", "-o", out)
    done = python(*words, "--backbone", f"emotion2vec_plus={tmp_path}")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and not out.exists()
    assert "need torch, which is not installed" in done.stderr and "'medtalk[full]', or name an emotion" in done.stderr
    done = python(*words)
    assert (done.returncode, done.stderr) == (0, "") and ", heard: " in done.stdout and out.exists()
    told = python("import medtalk; print(*medtalk.load().guidance)").stdout.split()
    assert [kind for kind in told if kind != "image"] == ["label", "text", "auto"]  # pictures if MediaPipe is there


def test_importing_medtalk_imports_next_to_nothing():
    slow = ("numpy", "scipy", "onnxruntime", "soundfile", "soxr", "typer", "rich")
    done = python(f"import medtalk; print(*[name for name in {slow} if name in sys.modules])")
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_the_command_line_starts_without_the_engine():
    slow = ("scipy", "onnxruntime", "numpy", "zmq", "msgpack", "msgspec", "rich")
    done = python(f"import medtalk.cli.app; print(*[name for name in {slow} if name in sys.modules])")
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_a_local_run_needs_no_sockets(sample, tmp_path):
    out = tmp_path / "line.npz"
    done = python(COMMAND, "generate", sample, "-o", out, without=(*HEAVY, "zmq", "msgpack", "msgspec"))
    assert (done.returncode, done.stderr) == (0, "")
    assert out.is_file()


def test_the_torch_engine_says_what_is_missing():
    done = python(
        "import medtalk\n"
        "try:\n    medtalk.load(engine='torch')\n"
        "except medtalk.MedtalkError as error:\n    print(error.code, error)"
    )
    assert done.stderr == ""
    assert done.stdout.startswith("missing_extra ") and "pip install 'medtalk[full]'" in done.stdout


def test_a_picture_says_what_is_missing(rig, sample, tmp_path):
    done = python(COMMAND, "plot", rig, sample, tmp_path / "a.png")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1 and "pip install 'medtalk[report]'" in done.stderr


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("medtalk", "python/medtalk"),
        ("medtalk_board", "unreal_plugin/MEDTalk/Content/Python/medtalk_board"),
        ("medtalk_wire", "unreal_plugin/MEDTalk/Content/Python/medtalk_wire"),
        ("medtalk_train", "training/medtalk_train"),
        ("medtalk_assets", "assets"),
        ("medtalk_plugin", "unreal_plugin"),
    ],
)
def test_the_whole_source_is_installed(root, package, source):
    spec = find_spec(package)
    assert spec is not None and spec.origin is not None
    installed = Path(spec.origin).parent
    files = [path.relative_to(root / source) for path in (root / source).rglob("*") if path.is_file()]
    missing = [str(path) for path in files if "__pycache__" not in path.parts and not (installed / path).is_file()]
    assert files and missing == []


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is here; `make light` runs this where it is not")
def test_nothing_heavy_is_installed():
    assert [name for name in HEAVY if find_spec(name)] == []
