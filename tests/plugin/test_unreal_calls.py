"""The benchmark of the calls of `unreal` still runs: nothing else would tell, because nobody runs it every day."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest


def test_it_runs_and_its_keys_are_as_near_as_it_says(
    root: Path, sample: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a short take. It ends by itself where an error is beyond its tolerance."""
    words = ["--seconds", 0.25, "--engines", "5.4", "5.8", "--sound", sample, "--bundle", tiny_bundle]
    monkeypatch.setattr(sys, "argv", ["unreal_calls.py", *map(str, words)])
    monkeypatch.setattr(sys, "path", list(sys.path))
    runpy.run_path(str(root / "benchmarks" / "unreal_calls.py"), run_name="__main__")
    said = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in said.splitlines() if line.startswith("│")]
    first = {row[2]: row for row in rows if row[0] == "5.4"}
    last = {row[2]: row for row in rows if row[0] == "5.8"}
    assert set(first) == {"channels", "arrays", "layers"} and set(last) == {*first, "import"}
    assert int(last["import"][6]) < int(last["channels"][6]), "no object for a key"
    assert int(last["import"][5]) < int(last["arrays"][5]) and int(last["layers"][3]) > int(last["channels"][3])
    assert "MovieSceneScriptingFloatChannel.add_key" in said
