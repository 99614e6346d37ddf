"""The README's commands and code are run as they stand, and so are the commands of `make demo`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(
    r"<!-- test( beside a sidecar)? -->\n```(sh|python)\n(.*?)```\n(?:<!-- prints -->\n```\n(.*?)```)?", README, re.S
)
BIN = Path(sys.executable).parent
UNFIT = "medtalk: The transcript does not fit the sound, which alone decides.\n"
"""The sample says something else than the README's line."""


@pytest.fixture
def desk(tmp_path, sample, monkeypatch) -> Path:
    """A folder with the recordings that the README speaks of. A sidecar's connection file would lie in it too."""
    monkeypatch.setenv("MEDTALK_RUNTIME", str(tmp_path / "runtime"))
    for name in ("line.wav", "other.wav"):
        shutil.copy(sample, tmp_path / name)
    return tmp_path


def run(words: list[str], folder: Path) -> str:
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr in ("", UNFIT), done.stdout + done.stderr
    return done.stdout


@contextmanager
def serving(runtime: Path) -> Iterator[str]:
    """The README's sidecar runs while the block does; gives the line that it prints."""
    words = [BIN / "medtalk", "serve", "--port", "0"]
    environment = {**os.environ, "MEDTALK_RUNTIME": str(runtime)}
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline()
        finally:
            process.kill()


def without_numbers(text: str) -> str:
    return re.sub(r"\d+(\.\d+)?", "N", text)


@pytest.mark.parametrize(
    ("sidecar", "language", "block", "printed"), BLOCKS, ids=[f"{i}-{b[1]}" for i, b in enumerate(BLOCKS)]
)
def test_blocks_of_the_readme(desk, sidecar, language, block, printed):
    words = [sys.executable, "-W", "error", "-c", block] if language == "python" else ["bash", "-euc", block]
    with serving(desk / "runtime") if sidecar else nullcontext():
        out = run(words, desk)
    if printed:
        assert without_numbers(out) == without_numbers(printed)
    for written in re.findall(r"-o (\S+\.(?:csv|npz))|convert \S+ (\S+)", block):
        assert (desk / next(filter(None, written))).stat().st_size > 10_000


def test_both_languages_and_the_first_output_are_covered():
    assert {block[:2] for block in BLOCKS} == {
        (where, what) for where in ("", " beside a sidecar") for what in ("sh", "python")
    }
    assert BLOCKS[0][3].startswith("line.csv: ")


def test_what_the_sidecar_prints(tmp_path):
    shown = re.findall(r"<!-- printed by the sidecar -->\n```\n(.*?)```", README, re.S)
    with serving(tmp_path) as line:
        assert [without_numbers(line)] == list(map(without_numbers, shown))


def test_what_the_readme_points_to_is_there():
    for target in re.findall(r"`make (\w+)`", README):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.M), target
    for path in (".ci/run", ".ci/debian_packages.txt", "python/medtalk/model"):
        assert path in README and (ROOT / path).exists(), path


def test_the_commands_of_make_demo(tmp_path):
    plan = subprocess.run(["make", "-n", "demo"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    commands = [line for line in plan.splitlines() if re.match(r"\.venv-demo/bin/(medtalk|python -m medtalk)", line)]
    assert len(commands) == 2
    for command in commands:
        command = command.replace(".venv-demo/bin", str(BIN)).replace(" demo/", f" {tmp_path}/")
        out = run(command.split(), ROOT)
        assert "times real time" in out or "sample.png" in out
    assert (tmp_path / "sample.csv").stat().st_size > 100_000
    assert (tmp_path / "sample.png").read_bytes().startswith(b"\x89PNG")
