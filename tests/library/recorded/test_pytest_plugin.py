"""`pytest --medtalk-rigs DIR` in a studio's own suite, and what it costs where it is not asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

OPTIONS = ("-p", "no:cacheprovider", "-p", "medtalk.recorded.pytest_plugin")


@pytest.fixture
def suite(tmp_path: Path, root: Path) -> Path:
    """A suite with a test, and recorded rigs beside it."""
    shutil.copytree(root / "tests" / "rigs", tmp_path / "rigs")
    (tmp_path / "test_other.py").write_text("def test_other():\n    pass\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\naddopts = --strict-config\n")
    return tmp_path


def run(suite: Path, root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """pytest, as a studio runs it, with the plugin as its entry point loads it."""
    more = ("--medtalk-sounds", str(root / "tests" / "data")) if "--medtalk-rigs" in words else ()
    return subprocess.run(
        [sys.executable, "-m", "pytest", *OPTIONS, *words, *more], cwd=suite, capture_output=True, text=True,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""},
    )  # fmt: skip


def test_a_test_for_each_recorded_rig(suite: Path, root: Path) -> None:
    (suite / "rigs" / "sample.rig").unlink()
    done = run(suite, root, "-v", "--medtalk-rigs", "rigs")
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("rigs/angry.rig::angry", "rigs/sad.rig::sad", "test_other.py::test_other"):
        assert f"{name} PASSED" in done.stdout
    assert "3 passed" in done.stdout
    done = run(suite, root, "-q", "rigs", "--medtalk-rigs", "rigs", "-k", "angry")
    assert "1 passed, 1 deselected" in done.stdout, "none is collected twice"
    for chosen in ("rigs/sad.rig::sad", "rigs/sad.rig", "test_other.py::test_other"):
        done = run(suite, root, "-v", "--medtalk-rigs", "rigs", chosen)
        assert f"{chosen}" in done.stdout and "1 passed" in done.stdout, "only what is chosen"


def test_a_path_with_brackets(suite: Path, root: Path) -> None:
    (suite / "rigs").rename(suite / "rigs [1]")
    for path in ("sample.rig", "sad.rig"):
        (suite / "rigs [1]" / path).unlink()
    done = run(suite, root, "-v", "--medtalk-rigs", "rigs [1]", "test_other.py")
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout + done.stderr
    assert "rigs [1]/angry.rig::angry PASSED" in done.stdout
    done = run(suite, root, "-q", "--medtalk-rigs", "rigs [1]")
    assert "2 passed" in done.stdout, "none is collected twice"


def test_a_failure_says_what_moved(suite: Path, root: Path) -> None:
    (suite / "rigs" / "sample.rig").unlink()
    (suite / "rigs" / "angry.npz").write_bytes(b"PK")
    sad = suite / "rigs" / "sad.rig"
    # a mood moves more than other processors' results are allowed to
    sad.write_text(sad.read_text("utf-8").replace('"happy:0.6,confident:0.4"', '"angry:0.6,confident:0.4"'), "utf-8")
    done = run(suite, root, "-q", "--medtalk-rigs", "rigs", "-rf")
    assert done.returncode == 1 and "2 failed, 1 passed" in done.stdout
    assert "angry.rig: cannot be verified: " in done.stdout and "is not the file that was recorded" in done.stdout
    assert "sad.rig: changed: " in done.stdout and "  by area: " in done.stdout and "on the head: " in done.stdout
    assert "Traceback" not in done.stdout and "pytest_plugin.py" not in done.stdout
    done = run(suite, root, "-q", "--medtalk-rigs", "rigs/sad.rig", "--medtalk-tolerance", "9", "--medtalk-tolerance",
               "head:90")  # fmt: skip
    assert done.returncode == 0 and "2 passed" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--medtalk-rigs", "nope"), "nope does not exist"),
        (("--medtalk-rigs", "rigs", "--medtalk-tolerance", "x"), "valid are a number from 0 and AREA:NUMBER"),
    ],
)
def test_what_is_wrong_is_a_line(suite: Path, root: Path, words: tuple[str, ...], said: str) -> None:
    done = run(suite, root, *words)
    assert done.returncode == 4 and said in done.stderr and "Traceback" not in done.stderr


def test_it_costs_nothing_unless_it_is_asked_for(suite: Path, root: Path) -> None:
    (suite / "test_other.py").write_text(
        "import sys\n\ndef test_other():\n"
        "    assert 'medtalk.recorded.pytest_plugin' in sys.modules and 'numpy' not in sys.modules\n"
        "    ours = {name for name in sys.modules if name.startswith('medtalk')}\n"
        "    assert len(ours) == 4, ours\n"
    )
    done = run(suite, root, "-q")
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout


def test_the_entry_point(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    (module,) = project["entry-points"]["pytest11"].values()
    assert hasattr(import_module(module), "pytest_addoption")
