"""`medtalk models`: what is here, and what cannot be had, in a line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medtalk.models import KNOWN, size
from tests.checkpoints import make_wav2vec2


def in_the_cache(caches: Path, make_folder: Path) -> None:
    """A repository of the hub, as its cache has it."""
    repository = caches / "hub" / "models--facebook--wav2vec2-base-960h"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40)
    (repository / "snapshots").mkdir()
    make_folder.rename(repository / "snapshots" / ("0" * 40))


def test_what_is_on_the_machine(medtalk, empty_caches: Path, tmp_path: Path, network: list[str]) -> None:
    rows = json.loads(medtalk("models", "list", "--json").out)
    assert [row["part"] for row in rows] == [model.part for model in KNOWN]
    assert all(row["place"] is None and row["licence"] and row["use"] for row in rows)
    folder = tmp_path / "made"
    make_wav2vec2(folder)
    bytes_of_it = size(folder)
    in_the_cache(empty_caches, folder)
    found = {row["part"]: row for row in json.loads(medtalk("models", "list", "--json").out)}["wav2vec2"]
    assert found["MB"] == round(bytes_of_it / 1e6, 1) and "wav2vec2-base-960h" in found["place"]
    assert "wav2vec2" in medtalk("models", "list").out and network == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Give names of"),
        (["--all", "clip"], "Give names of"),
        (["gpt"], "valid are emotion2vec, clip, wav2vec2, roberta, whisper"),
        (["roberta"], "cannot be fetched"),
    ],
)
def test_what_cannot_be_fetched(medtalk, empty_caches: Path, network: list[str], words: list[str], said: str) -> None:
    done = medtalk("models", "pull", *words)
    assert done.code == 1 and len(done.err.splitlines()) == 1 and said in done.err and done.out == ""
