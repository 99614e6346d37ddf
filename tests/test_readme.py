"""The README's commands and code are run as they stand, and so are the commands of `make demo`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"<!-- test -->\n```(sh|python)\n(.*?)```\n(?:<!-- prints -->\n```\n(.*?)```)?", README, re.S)
BIN = Path(sys.executable).parent


@pytest.fixture
def desk(tmp_path, sample) -> Path:
    """A folder with the recordings that the README speaks of."""
    for name in ("line.wav", "other.wav"):
        shutil.copy(sample, tmp_path / name)
    return tmp_path


def run(words: list[str], folder: Path) -> str:
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def without_numbers(text: str) -> str:
    return re.sub(r"\d+(\.\d+)?", "N", text)


@pytest.mark.parametrize(("language", "block", "printed"), BLOCKS, ids=[f"{i}-{b[0]}" for i, b in enumerate(BLOCKS)])
def test_blocks_of_the_readme(desk, language, block, printed):
    if language == "python":
        run([sys.executable, "-W", "error", "-c", block], desk)
        return
    out = run(["bash", "-euc", block], desk)
    if printed:
        assert without_numbers(out) == without_numbers(printed)
    for written in re.findall(r"-o (\S+\.(?:csv|npz))|convert \S+ (\S+)", block):
        assert (desk / next(filter(None, written))).stat().st_size > 10_000


def test_both_languages_and_the_first_output_are_covered():
    assert {language for language, _, _ in BLOCKS} == {"sh", "python"}
    assert BLOCKS[0][2].startswith("line.csv: ")


def test_what_the_readme_points_to_is_there():
    for target in re.findall(r"`make (\w+)`", README):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.M), target
    for path in ("training/recipes/compact.yaml", ".ci/run", ".ci/debian_packages.txt", "python/medtalk/model"):
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
