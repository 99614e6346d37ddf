"""The benchmark of the full engine on small weights: both of its ways, their agreement, and its table.

Nobody runs it every day, so nothing else would tell that the release's order of work and ours are the same no more.
"""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from rich.console import Console

# Whisper leaves its vocabulary's file open.
pytestmark = pytest.mark.filterwarnings("ignore:.*multilingual.tiktoken:pytest.PytestUnraisableExceptionWarning")

SMALL = dict(width=48, heads=4, layers=2, convolutions=32, prenet=1, depth=2, vocabulary=64, whisper_width=64,
             whisper_layers=1)  # fmt: skip


@pytest.fixture
def engine(root: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    return importlib.import_module("engine")


def test_both_ways_give_one_rig(engine: ModuleType, sample: Path, tmp_path: Path, network: list[str]) -> None:
    weights = importlib.import_module("weights")
    with torch.random.fork_rng():
        weights.build(tmp_path / "weights", weights.Sizes(**SMALL))
    made = sorted(path.name for path in (tmp_path / "weights").iterdir())
    assert made == ["audio_semantic.pth", "bundle", "emotion2vec", "roberta", "wav2vec2", "whisper.pt"]

    task = engine.Task("", str(tmp_path / "weights"), str(sample), seconds=1.5, threads=torch.get_num_threads())
    rigs, told = {}, {}
    for way in ("release", "ours"):
        told[way] = engine.work(replace(task, way=way, rig=str(tmp_path / "rig.npy")))
        rigs[way] = np.load(tmp_path / "rig.npy")
    assert rigs["ours"].shape == (90, 174) and rigs["ours"].std(0).mean() > 0.1
    np.testing.assert_allclose(rigs["ours"], rigs["release"], atol=engine.TOLERANCE)
    assert set(told["release"]) == {"took", "unheard", "memory"} and set(told["ours"]) == {"took", "again", "memory"}
    assert 0 < told["release"]["unheard"] < told["release"]["took"]
    assert network == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--sound", "nowhere.wav"], "there is no sound nowhere.wav"),
        (["--runs", "0"], "--runs and --threads are 1 or more"),
        (["--seconds", "ten"], "no list of seconds"),
    ],
)
def test_settings_that_cannot_be_are_told_before_the_weights_are_built(
    engine: ModuleType, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], words: list[str], message: str,
) -> None:  # fmt: skip
    monkeypatch.setattr("sys.argv", ["engine.py", "--work", str(tmp_path / "w"), "--sound", str(sample), *words])
    monkeypatch.setattr(engine, "run", lambda task: pytest.fail("it began"))
    with pytest.raises(SystemExit) as stopped:
        engine.main()
    assert stopped.value.code == 2 and message in capsys.readouterr().err


def test_the_table_tells_what_did_not_fit(engine: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    table = engine.new_table("CPU")
    ours = {"took": 2.0, "again": 0.012, "memory": 1.5}
    engine.add_row(table, 10, {"took": 9.0, "unheard": 5.0, "memory": 3.0}, ours, 3e-6)
    engine.add_row(table, 600, {"error": "out of memory"}, ours, None)
    Console(width=130).print(table)
    rows = [line.replace("│", "").split() for line in capsys.readouterr().out.splitlines() if "│" in line]
    assert rows == [
        ["10", "s", "9.00", "5.00", "2.00", "4.5", "(2.5)", "12", "3.0", "1.5", "3e-06"],
        ["600", "s", "out", "of", "memory", "2.00", "12", "1.5"],
    ]
