"""A bundle that understands pictures: a picture leads the emotion."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import medtalk
from tests.helpers.pictures import picture
from tests.helpers.studios import Studio, unpack


@pytest.fixture(scope="module")
def seeing_studio(full_bundle: Path, seeing_backbones: dict[str, Path], sample: Path) -> Iterator[Studio]:
    only = {name: place for name, place in seeing_backbones.items() if name != "emotion2vec_plus"}
    with Studio(medtalk.load(full_bundle, device="cpu", backbones=only, offline=True), sample) as running:
        yield running


def test_a_picture_leads(seeing_studio: Studio) -> None:
    about = seeing_studio.get("start").json
    assert "image" in about["guidance"]
    shown = seeing_studio.keep(picture(), "face.png", kind="picture")
    asked = {"sound": about["sound"]["id"], "picture": shown, "guidance": {"kind": "image", "labels": {"sad": 0.25}}}
    header, _ = unpack(seeing_studio.post("take", asked).body)
    assert header["meta"]["guidance"]["image"] == "face.png" and header["meta"]["emotion"]["sad"] == 0.25


def test_a_picture_that_is_none(seeing_studio: Studio) -> None:
    sound = seeing_studio.get("start").json["sound"]["id"]
    shown = seeing_studio.keep(b"no picture", "face.png", kind="picture")
    answer = seeing_studio.post("take", {"sound": sound, "picture": shown})
    assert (answer.status, answer.json["code"]) == (400, "guidance") and "face.png" in answer.json["message"]
    path = urlsplit(seeing_studio.address).path + "keep?kind=picture&name=face.png"
    assert seeing_studio.raw("POST", path, headers={"Content-Length": str(100 << 20)}).status == 413
