"""Results of `medtalk bake` for tests of the plugin: a real one, made once, and a copy for each test."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.helpers.sounds import babble
from tests.plugin.running import tick_until

HEADER = ("id", "audio", "character", "language", "text", "emotion")
ROWS = (
    ("L1", "en/L1.wav", "Anna", "en", "Hello", "happy"),
    ("L1", "de/L1.wav", "Anna", "de", "Hallo", "happy"),
    ("L2", "en/L2.wav", "Bo", "en", "No", "sad"),
    ("L3", "en/gone.wav", "Bo", "en", "Yes", "sad"),
)
LINES = ("de/L1", "en/L1", "en/L2")
"""Those that have rigs; the sound of the fourth does not exist."""


@pytest.fixture(scope="module")
def production(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sounds, `vo`, and what a bake has made of them, `rigs`. Not to be changed."""
    place = tmp_path_factory.mktemp("production")
    for number, (_, name, *_rest) in enumerate(ROWS[:3]):
        file = place / "vo" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, babble(0.2 + 0.05 * number, seed=number), 16000)
    with open(place / "lines.csv", "w", encoding="utf-8", newline="") as table:
        csv.writer(table).writerows([HEADER, *ROWS])
    words = ["bake", place / "lines.csv", "--sounds", place / "vo", "-o", place / "rigs", "--bundle", tiny_bundle]
    done = subprocess.run(
        [sys.executable, "-m", "medtalk", *map(str, words), "--jobs", "1"], capture_output=True, text=True
    )
    assert done.returncode == 1 and len(ledger_of(place / "rigs")) == len(ROWS), done.stderr
    return place


@pytest.fixture
def rigs(production: Path, tmp_path: Path) -> Path:
    """A copy of the rigs and their ledger, as they come from a farm."""
    return Path(shutil.copytree(production / "rigs", tmp_path / "rigs"))


def ledger_of(rigs: Path) -> list[dict[str, Any]]:
    """The records of a bake."""
    return [json.loads(line) for line in (rigs / "results.jsonl").read_text("utf-8").splitlines()]


def change_ledger(rigs: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Have a function change each record of a bake, in place."""
    records = ledger_of(rigs)
    for record in records:
        change(record)
    (rigs / "results.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")


def bake(editor: Any, rigs: Path, **values: Any) -> Any:
    """An order that was brought to its end, in the editor's ticks; for an actor of the level where it names nobody."""
    from medtalk_unreal import generate, lines
    from medtalk_unreal.order import Order

    if not {"actor", "blueprint", "skeleton"} & set(values):
        actors = [one for one in editor.state.actors if one.get_actor_label() == "BP_Ada"]
        values["actor"] = (actors[0] if actors else editor.add_metahuman()).get_path_name()
    with editor.plugin_code():
        baking = lines.start(Order(**{"results": str(rigs), "tolerance": 0.0, **values}))
    tick_until(editor, lambda: generate.running() is None, "the end of the bake")
    return baking


def assets_of(editor: Any) -> list[dict[str, Any]]:
    """The records of the plugin's ledger of assets."""
    path = Path(editor.project_dir) / "Saved" / "MEDTalk" / "assets.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
