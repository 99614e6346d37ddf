"""A bundle that understands pictures: a picture leads the emotion, of a take and of a live stream."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import medtalk
from medtalk.backbones.pretrained import FACE_LANDMARKER
from tests.helpers.pictures import picture
from tests.helpers.sounds import babble
from tests.helpers.studios import Studio, unpack
from tests.library.backbones.test_face_landmarker import file_of, smiling
from tests.studio.test_live import Tab, smile


@pytest.fixture(scope="module")
def seeing_studio(full_bundle: Path, seeing_backbones: dict[str, Path], sample: Path) -> Iterator[Studio]:
    only = {name: place for name, place in seeing_backbones.items() if name != "emotion2vec_plus"}
    with Studio(medtalk.load(full_bundle, device="cpu", backbones=only, offline=True), sample) as running:
        yield running


@pytest.fixture(scope="module")
def playing_studio(shared: Path) -> Iterator[Studio]:
    """With the bundle that ships, which can be played live, and Google's network to see faces."""
    pytest.importorskip("mediapipe", reason="the extra picture is not installed")
    network = shared / "face" / f"{FACE_LANDMARKER}.task"
    with Studio(medtalk.load(backbones={FACE_LANDMARKER: network}, offline=True, threads=1)) as running:
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


def test_a_picture_leads_a_live_stream(playing_studio: Studio) -> None:
    shown = playing_studio.keep(file_of(smiling()), "smile.png", kind="picture")
    picture_of = {"picture": shown, "guidance": {"kind": "image"}}
    neutral, led = Tab(playing_studio, "neutral"), Tab(playing_studio, "led", **picture_of)
    for tab in (neutral, led):
        tab.until("opened")
        tab.speak(babble(0.5))
    neutral.say(guide=picture_of)
    assert neutral.until("guided") == {}
    before = len(neutral.rows)
    neutral.speak(babble(1.0, seed=2))
    ended = [tab.end() for tab in (neutral, led)]
    smiles = [tab.values[:, smile()].mean(axis=1) for tab in (neutral, led)]
    assert smiles[0][-15:].mean() > smiles[0][before - 10 : before].mean() + 0.1
    assert smiles[1].mean() > smiles[0][:before].mean() + 0.1, "from the first frame on"
    asked = {"sound": ended[1]["sound"]["id"], "streamed": ended[1]["streamed"]}
    assert unpack(playing_studio.post("take", asked).body)[0]["meta"]["guidance"]["image"] == "smile.png"
    for tab in (neutral, led):
        tab.socket.close()


def test_a_picture_that_is_none_changes_no_live_stream(playing_studio: Studio) -> None:
    tab = Tab(playing_studio)
    tab.until("opened")
    for data in (b"no picture", picture(300, 300)):  # the other is snow: no face is seen in it
        shown = playing_studio.keep(data, "face.png", kind="picture")
        tab.say(guide={"picture": shown, "guidance": {"kind": "image"}})
        refused = tab.until("refused")
        assert refused["code"] == "guidance" and "face.png" in refused["message"]
    tab.speak(babble(0.3))
    assert tab.end()["seconds"] == pytest.approx(0.3, abs=0.05)
    tab.socket.close()
