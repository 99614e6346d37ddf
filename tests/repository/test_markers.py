"""The markers that tests/helpers/chosen.py sets: what `make quick` runs starts no process and loads no torch."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.needs import loads_torch, needs

WITHOUT_TORCH = """
import sys
import pytest
code = pytest.main(sys.argv[1:])
sys.exit("torch was loaded" if "torch" in sys.modules else code)
"""


def run(*words: object, root: Path, **environment: str) -> tuple[int, str]:
    command = [sys.executable, "-c", WITHOUT_TORCH, "-p", "no:cacheprovider", "-q", *map(str, words)]
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "MEDTALK_"))}
    done = subprocess.run(command, cwd=root, env=plain | environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_what_needs_no_torch_is_collected_without_it(root: Path) -> None:
    makefile = (root / "Makefile").read_text("utf-8")
    [quick] = re.findall(r'^quick:.*\n.* -m "(.*)"$', makefile, re.M)
    assert "not process and not torch" in quick
    code, out = run("--collect-only", "-m", quick, root=root)
    assert code == 0, out
    modules = set(re.findall(r"^(tests/\S+)::", out, re.M))
    assert {module.split("/")[1] for module in modules} >= {"board", "wire", "library", "cli", "service", "repository"}
    code, out = run("--collect-only", root / "tests/library/model", root=root)
    assert code != 0 and "torch was loaded" in out, "this would be seen"


@pytest.mark.parametrize(("body", "complaint"), [
    ("import torch", "loads torch and is not marked `torch`"),
    ("__import__('os').popen('true').close()", "starts a process and is not marked `process`: "),
])  # fmt: skip
def test_a_marker_that_is_missing_is_seen(root: Path, tmp_path: Path, body: str, complaint: str) -> None:
    """By the guard, as these names are hidden from `needs`."""
    (tmp_path / "conftest.py").write_text("from tests.helpers.chosen import *\n")
    (tmp_path / "test_it.py").write_text(f"def test_it():\n    exec({body!r})\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", root / "pyproject.toml"]
    words = ["--rootdir", tmp_path, "-m", "not process and not torch", tmp_path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([*command, *words], cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode != 0 and complaint in done.stdout + done.stderr, done.stdout + done.stderr


def _starts_a_process() -> None:
    subprocess.run(["true"])


def _loads_torch() -> None:
    from medtalk.model.medtalk import MEDTalk

    assert MEDTalk


def _needs_neither() -> None:
    from medtalk.rig import channels

    assert channels


def test_needs_are_read_off_the_code(root: Path) -> None:
    assert needs([_starts_a_process]) == {"process"}
    assert needs([_loads_torch]) == {"torch"}
    assert needs([_needs_neither]) == set()
    assert needs([lambda: _starts_a_process() or _loads_torch()]) == {"process", "torch"}
    assert loads_torch(root / "tests" / "library" / "model" / "test_medtalk.py")
    assert not loads_torch(root / "tests" / "board" / "test_channels.py")


def test_data_that_is_missing_fails_in_ci(root: Path) -> None:
    words = ("--collect-only", "tests/board")
    code, out = run(*words, root=root)
    assert code == 0 and "MEDTALK_REFERENCE is not set. It names the folder of reference data" in out
    code, out = run(*words, root=root, MEDTALK_EVERY_TEST="1")
    assert code != 0 and "CI leaves no test out. MEDTALK_REFERENCE is not set." in out
    code, out = run(*words, root=root, MEDTALK_REFERENCE="/nowhere")
    assert code == 0 and "MEDTALK_REFERENCE is /nowhere, which is no folder." in out


def test_what_workers_leave_out_is_told_too(root: Path) -> None:
    """`make test` has several processes take the files in turn."""
    makefile = (root / "Makefile").read_text("utf-8")
    [options] = re.findall(r"^test: .*\n\t.* -m pytest -n \$\(JOBS\) (.*)$", makefile, re.M)
    words = ("-n", "2", *options.split(), "tests/board")
    code, out = run(*words, root=root)
    assert code == 0 and out.count("MEDTALK_REFERENCE is not set. It names the folder of reference data") == 1
    code, out = run(*words, root=root, MEDTALK_EVERY_TEST="1")
    assert code != 0 and "CI leaves no test out. MEDTALK_REFERENCE is not set." in out


def test_no_test_lies_loose(root: Path) -> None:
    assert {path.name for path in (root / "tests").glob("*.py")} == {"conftest.py"}
