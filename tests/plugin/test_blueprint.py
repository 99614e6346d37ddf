"""The nodes: JSON in, JSON out, never an exception."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.running import tick_until
from tests.plugin.test_generate import add_sounds


@pytest.fixture
def node(configured: Any) -> Any:
    """Calls a node of our library as a Blueprint does; its answer as Python's own."""
    configured.start_plugin()
    return lambda name, *words: json.loads(configured.blueprint("MEDTalkLibrary", name, *words))


@pytest.fixture
def wanted(configured: Any, tmp_path: Path) -> str:
    """A request that can be done."""
    sounds, actor = add_sounds(configured, tmp_path, 1.0), configured.add_metahuman("mh3").get_path_name()
    return json.dumps({"sounds": list(sounds), "actor": actor, "emotion": "sad"})


def test_from_start_to_result(configured: Any, node: Any, wanted: str) -> None:
    assert node("start_face_animation", wanted) == {"state": "running"}
    assert node("poll_face_animation")["state"] == "running"
    tick_until(configured, lambda: node("poll_face_animation")["state"] != "running", "the end")
    result = node("get_face_animation_result")
    assert result["state"] == "done" and result["takes"][0]["keys"] > 174 and result["failures"] == []


def test_cancel(node: Any, wanted: str) -> None:
    node("start_face_animation", wanted)
    assert node("cancel_face_animation")["state"] == "cancelled"


def test_a_second_start_is_refused_and_the_first_goes_on(configured: Any, node: Any, wanted: str) -> None:
    node("start_face_animation", wanted)
    assert "already" in node("start_face_animation", wanted)["error"]
    tick_until(configured, lambda: node("poll_face_animation")["state"] != "running", "the end")
    assert node("poll_face_animation")["state"] == "done"


@pytest.mark.parametrize(
    ("request_text", "said"),
    [
        ("", "not valid JSON"),
        ("[1]", "must be a JSON object"),
        ('{"sound": []}', "Unknown name 'sound'"),
        ('{"sounds": 1}', "sounds is 1; it must be a list of texts."),
        ('{"sounds": "/Game/Line"}', "list of texts"),
        ('{"sounds": [7]}', "list of texts"),
        ('{"start_frame": 1.5}', "start_frame"),
        ('{"blink": 1}', "blink"),
        ("{}", "No sound is selected"),
        ('{"sounds": ["/Game/Nowhere"]}', "not in the project"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_a_bad_request_is_one_line(node: Any, request_text: str, said: str) -> None:
    answer = node("start_face_animation", request_text)
    assert answer["state"] == "failed" and said in answer["error"] and "\n" not in answer["error"]


def test_before_anything_was_started(node: Any) -> None:
    for name in ("poll_face_animation", "cancel_face_animation", "get_face_animation_result"):
        assert "Nothing has been started" in node(name)["error"]
