"""A small production that was baked once, and copies of it for tests to change and bake again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.helpers.sounds import babble

HEADER = "id,audio,character,emotion,intensity"


@dataclass
class Production:
    """A table, its sounds, and the folder of the rigs."""

    folder: Path
    bundle: Path
    medtalk: Callable[..., Any] | None = None
    begun: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def table(self) -> Path:
        return self.folder / "lines.csv"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def sound(self, number: int) -> Path:
        return self.folder / "vo" / f"s{number}.wav"

    def write(self, lines: int = 4, sounds: int = 4) -> Production:
        """Make the table, and short sounds, if they are not there."""
        self.sound(0).parent.mkdir(parents=True, exist_ok=True)
        for number in range(sounds):
            if not self.sound(number).exists():
                soundfile.write(self.sound(number), babble(0.5 + 0.1 * number), 16000)
        rows = (f"L{n},vo/s{n % sounds}.wav,{'Anna' if n % 2 else 'Bo'},sad,1" for n in range(lines))
        self.table.write_text("\n".join([HEADER, *rows]) + "\n")
        return self

    def words(self, *words: object, source: Path | None = None) -> list[str]:
        jobs = () if "--jobs" in words else ("--jobs", 1)
        return [
            str(word) for word in ("bake", source or self.table, "-o", self.out, "--bundle", self.bundle, *jobs, *words)
        ]

    def bake(self, *words: object, source: Path | None = None) -> Any:
        """Bake in this process: its code, and what it printed."""
        assert self.medtalk is not None
        return self.medtalk(*self.words(*words, source=source))

    def begin(self, *words: object, before: tuple[str, ...] = (), **options: Any) -> subprocess.Popen[str]:
        """Begin a bake as a process of its own; `before`: words in front of the command."""
        command = [*before, sys.executable, "-m", "medtalk", *self.words(*words)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self.begun.append(subprocess.Popen(command, **pipes | options))
        return self.begun[-1]

    def ledger(self, name: str = "results.jsonl") -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.out / name).read_text("utf-8").splitlines()]

    def stamps(self) -> dict[str, int]:
        """When each rig was written."""
        return {path.stem: path.stat().st_mtime_ns for path in self.out.rglob("*.npz")}

    def wait_for_lines(self, number: int) -> None:
        """Wait until the ledger has so many."""
        path, end = self.out / "results.jsonl", time.monotonic() + 60.0
        while not path.exists() or path.read_bytes().count(b"\n") < number:
            assert time.monotonic() < end, "nothing was done for a minute"
            time.sleep(0.01)


def made(text: str) -> list[int]:
    """The numbers of the summary: made, done before, failed, changed by hand, left."""
    return [int(cell) for cell in text.splitlines()[-1].split()[:5]]


@pytest.fixture(scope="session")
def baked(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Production:
    """Four lines that are done, with the formats npz and csv. Not to be changed: see `production`."""
    whole = Production(tmp_path_factory.mktemp("production"), tiny_bundle).write()
    out, err = whole.begin("--format", "npz", "--format", "csv").communicate(timeout=120)
    assert (err, made(out)) == ("", [4, 0, 0, 0, 0])
    return whole


@pytest.fixture
def production(baked: Production, medtalk: Callable[..., Any], tmp_path: Path) -> Iterator[Production]:
    """A copy of `baked`."""
    shutil.copytree(baked.folder, tmp_path / "production")
    own = Production(tmp_path / "production", baked.bundle, medtalk)
    yield own
    _end(own)


@pytest.fixture
def raw(tiny_bundle: Path, medtalk: Callable[..., Any], tmp_path: Path) -> Iterator[Production]:
    """A production of which nothing is done yet: `write` makes its table."""
    own = Production(tmp_path / "production", tiny_bundle, medtalk)
    yield own
    _end(own)


def _end(own: Production) -> None:
    for process in own.begun:
        process.kill()
        process.communicate()
