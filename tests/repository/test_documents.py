"""README.md and docs/: their commands and code are run as they stand, and so are the commands of `make demo`."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer.main

from docs import make_cli
from medtalk.cli.app import _with_server as with_server
from medtalk.cli.app import app

ROOT = Path(__file__).parents[2]
FOLDERS = ("", "docs", "docs/decisions", "examples", "training", "assets/models/compact")
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for folder in FOLDERS
    for path in sorted((ROOT / folder).glob("*.md"))
}
README = PAGES["README.md"]
BIN = Path(sys.executable).parent
UNFIT = "medtalk: The transcript does not match the sound; the lips follow the sound alone.\n"
"""The sample says something else than the documents' line."""


class Block(NamedTuple):
    """A block of code that is marked to be run."""

    page: str
    sidecar: str
    language: str
    code: str
    printed: str


BLOCKS = [
    Block(page, *found)
    for page, text in PAGES.items()
    for found in re.findall(
        r"<!-- test( beside a sidecar)? -->\n```(sh|python)\n(.*?)```\n(?:<!-- prints -->\n```\n(.*?)```)?", text, re.S
    )
]

COMMANDS = [
    (page, words)
    for page, text in PAGES.items()
    for _, block in re.findall(r"```(sh|bat)\n(.*?)```", text, re.S)
    for words in re.findall(r"^(?:\S*[\\/])?medtalk (.+)$", block, re.M)
]


@pytest.fixture
def desk(tmp_path, sample, monkeypatch) -> Path:
    """A folder with the recordings that the documents speak of. A sidecar's connection file would lie in it too."""
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
    """A sidecar runs while the block does; gives the line that it prints."""
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


@pytest.mark.parametrize("block", BLOCKS, ids=[f"{block.page}-{i}-{block.language}" for i, block in enumerate(BLOCKS)])
def test_blocks_of_code(desk: Path, block: Block) -> None:
    python = [sys.executable, "-W", "error", "-c", block.code]
    with serving(desk / "runtime") if block.sidecar else nullcontext():
        out = run(python if block.language == "python" else ["bash", "-euc", block.code], desk)
    if block.printed:
        assert without_numbers(out) == without_numbers(block.printed)
    for written in re.findall(r"-o (\S+\.(?:csv|npz))|convert \S+ (\S+)", block.code):
        assert (desk / next(filter(None, written))).stat().st_size > 10_000


def test_the_pages_with_code_are_covered() -> None:
    pages = {"README.md", "docs/guide.md", "docs/library.md", "docs/live.md", "docs/sidecar.md"}
    assert {block.page for block in BLOCKS} == pages
    assert {block.language for block in BLOCKS if block.sidecar} == {"sh", "python"}
    assert any(block.printed.startswith("line.csv: ") for block in BLOCKS if block.page == "README.md")


def test_the_readme_is_one_screen() -> None:
    assert len(README.split()) <= 700


def test_what_the_sidecar_prints(tmp_path: Path) -> None:
    shown = re.findall(r"<!-- printed by the sidecar -->\n```\n(.*?)```", PAGES["docs/sidecar.md"], re.S)
    with serving(tmp_path) as line:
        assert [without_numbers(line)] == list(map(without_numbers, shown))


def test_targets_of_make() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = {target for text in PAGES.values() for target in re.findall(r"`make (\w+)`", text)}
    assert {"demo", "test"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.M), target


def anchors(page: str) -> set[str]:
    """What a link to a heading of a page may be."""
    headings = re.findall(r"^#+ (.+)$", page, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", PAGES[page]):
        path, _, anchor = target.partition("#")
        file = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file.read_text("utf-8")), target


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "SECURITY.md", "docs/decisions/0009-the-order-of-the-channels.md"])
def test_files_that_are_named_are_there(page: str) -> None:
    plugin = "unreal_plugin/MEDTalk/Content/Python"
    paths = re.findall(r"`((?:python|tests|docs|training|unreal_plugin|medtalk_\w+|\.ci)/[\w./-]+)`", PAGES[page])
    assert paths
    for path in paths:
        assert (ROOT / path).exists() or (ROOT / plugin / path).exists(), path


@pytest.mark.parametrize(("page", "words"), COMMANDS)
def test_commands_are_understood(page: str, words: str) -> None:
    """Also those in blocks that are not run."""
    left = with_server(shlex.split(words.replace("\\", "/"), comments=True))
    command: Any = typer.main.get_command(app)
    while left and left[0] in getattr(command, "commands", {}):
        command = command.commands[left.pop(0)]
    command.make_context("medtalk", left)


def test_the_page_of_the_commands_is_what_the_program_says() -> None:
    assert PAGES["docs/cli.md"] == make_cli.page(), "run `make docs`"
    for command in ("generate", "bundle import-official", "keys new", "serve"):
        assert f"\n## medtalk {command}\n" in PAGES["docs/cli.md"]


def test_the_commands_of_make_demo(tmp_path: Path) -> None:
    plan = subprocess.run(["make", "-n", "demo"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    commands = [line for line in plan.splitlines() if re.match(r"\.venv-demo/bin/(medtalk|python -m medtalk)", line)]
    assert len(commands) == 3
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    (tmp_path / "demo").mkdir()
    out = "".join(run(command.replace(".venv-demo/bin", str(BIN)).split(), tmp_path) for command in commands)
    shown = re.search(r"<!-- printed by make demo -->\n```\n(.*?)```", README, re.S)
    assert shown and without_numbers(out) == without_numbers(shown[1])
    assert (tmp_path / "demo" / "sample.npz").stat().st_size > 10_000
    assert "</html>" in (tmp_path / "demo" / "sample.html").read_text("utf-8")
    assert (tmp_path / "demo" / "sample.png").read_bytes().startswith(b"\x89PNG")
