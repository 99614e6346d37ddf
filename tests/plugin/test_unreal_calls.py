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
    words = ["--seconds", 0.25, "--runs", 1, "--sound", sample, "--bundle", tiny_bundle]
    monkeypatch.setattr(sys, "argv", ["unreal_calls.py", *map(str, words)])
    monkeypatch.setattr(sys, "path", list(sys.path))
    runpy.run_path(str(root / "benchmarks" / "unreal_calls.py"), run_name="__main__")
    said = capsys.readouterr().out
    assert "0.25 s of speech, 15 frames" in said and "arrays, linear keys" in said
    assert "channels: MovieSceneScriptingFloatChannel.add_key" in said
