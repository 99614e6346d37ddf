"""`medtalk backbones`: what is here, and what cannot be had, in a line."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from medtalk.backbones.catalogue import KNOWN, size
from medtalk.backbones.pretrained import CLIP, EMOTION2VEC, EMOTION2VEC_PLUS
from tests.helpers.checkpoints import make_own, make_wav2vec2


def in_the_cache(caches: Path, make_folder: Path) -> None:
    """A repository of the hub, as its cache has it."""
    repository = caches / "hub" / "models--facebook--wav2vec2-base-960h"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40)
    (repository / "snapshots").mkdir()
    make_folder.rename(repository / "snapshots" / ("0" * 40))


def test_what_is_on_the_machine(medtalk, empty_caches: Path, tmp_path: Path, network: list[str]) -> None:
    rows = json.loads(medtalk("backbones", "list", "--json").out)
    assert [row["part"] for row in rows] == [model.part for model in KNOWN]
    assert all(row["place"] is None and row["licence"] and row["use"] for row in rows)
    folder = tmp_path / "made"
    make_wav2vec2(folder)
    bytes_of_it = size(folder)
    in_the_cache(empty_caches, folder)
    found = {row["part"]: row for row in json.loads(medtalk("backbones", "list", "--json").out)}["wav2vec2"]
    assert found["MB"] == round(bytes_of_it / 1e6, 1) and "wav2vec2-base-960h" in found["place"]
    assert "wav2vec2" in medtalk("backbones", "list").out and network == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Give names from"),
        (["--all", "clip"], "Give names from"),
        (["--all", "--bundle", "b"], "Give names from"),
        (["--bundle", "b"], "the folder b does not exist"),
        (["clip", "gpt"], "Download those of your own bundle with --bundle DIR"),
        (["gpt"], "valid are emotion2vec, emotion2vec_plus, clip, wav2vec2, roberta, whisper"),
        (["roberta"], "cannot be downloaded"),
    ],
)
def test_what_cannot_be_fetched(medtalk, empty_caches: Path, network: list[str], words: list[str], said: str) -> None:
    done = medtalk("backbones", "pull", *words)
    assert done.code == 1 and len(done.err.splitlines()) == 1 and said in done.err and done.out == ""


def test_no_network_is_one_line_whatever_the_hub_says(
    medtalk, empty_caches: Path, monkeypatch: pytest.MonkeyPatch, network: list[str]
) -> None:
    said: list[str] = []
    log, watching = logging.getLogger("modelscope_hub"), logging.Handler()
    monkeypatch.setattr(watching, "emit", lambda record: said.append(record.getMessage()))
    for pause in ("time.sleep", "modelscope_hub._download_control._DownloadControl.sleep"):
        monkeypatch.setattr(pause, lambda *_: None)  # between its tries
    log.addHandler(watching)
    try:
        done = medtalk("backbones", "pull", "emotion2vec_plus")
    finally:
        log.removeHandler(watching)
    assert done.code == 1 and len(done.err.splitlines()) == 1 and f"{EMOTION2VEC_PLUS} are not on" in done.err
    assert network and said == []


def test_what_a_bundle_uses(
    medtalk, empty_caches: Path, full_bundle: Path, tiny_bundle: Path, tmp_path: Path, network: list[str]
) -> None:
    own = make_own(tmp_path / "own", backbones={"roberta": "xlm-roberta-base", "emotion2vec": EMOTION2VEC})
    rows = {bundle: medtalk("backbones", "list", "--bundle", bundle, "--json") for bundle in (full_bundle, own)}
    told = [[(row["part"], row["name"]) for row in json.loads(done.out)] for done in rows.values()]
    assert told[0] == [("emotion2vec", EMOTION2VEC), ("clip", CLIP)]
    assert told[1] == [("roberta", "xlm-roberta-base"), ("emotion2vec", EMOTION2VEC)]
    assert json.loads(rows[own].out)[0]["licence"] == "see its page" and network == []
    assert medtalk("backbones", "list", "--bundle", tiny_bundle) == (0, "The bundle uses none.\n", "")
    assert medtalk("backbones", "list", "--bundle", tiny_bundle, "--json").out.strip() == "[]"
    assert medtalk("backbones", "pull", "--bundle", tiny_bundle) == (0, "The bundle uses none.\n", "")
    pulled = medtalk("backbones", "pull", "--bundle", own)
    assert pulled.code == 1 and len(pulled.err.splitlines()) == 1 and "xlm-roberta-base" in pulled.err


def test_a_cache_that_cannot_be_written(
    medtalk, empty_caches: Path, monkeypatch: pytest.MonkeyPatch, network: list[str]
) -> None:
    (empty_caches / "whisper").write_text("a file where the cache's folder should be")
    done = medtalk("backbones", "pull", "whisper")
    assert done.code == 1 and done.out == "" and len(done.err.splitlines()) == 1
    assert "The weights of base are not on this machine and cannot be downloaded: " in done.err
    assert "File exists" in done.err and network == []
