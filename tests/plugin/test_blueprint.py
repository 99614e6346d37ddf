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


def test_from_start_to_result(configured: Any, node: Any, tmp_path: Path) -> None:
    request = {
        "sounds": list(add_sounds(configured, tmp_path, 1.0)), "actor": configured.add_metahuman("mh3").get_path_name(), "emotion": "sad"
    }  # fmt: skip
    assert node("start_face_animation", json.dumps(request)) == {"state": "running"}
    assert node("poll_face_animation")["state"] == "running"
    tick_until(configured, lambda: node("poll_face_animation")["state"] != "running", "the end")
    result = node("get_face_animation_result")
    assert result["state"] == "done" and result["takes"][0]["keys"] > 174 and result["failures"] == []


def test_cancel(configured: Any, node: Any, tmp_path: Path) -> None:
    request = {
        "sounds": list(add_sounds(configured, tmp_path, 1.0)),
        "actor": configured.add_metahuman("mh4").get_path_name(),
    }
    node("start_face_animation", json.dumps(request))
    assert node("cancel_face_animation")["state"] == "cancelled"


@pytest.mark.parametrize(
    ("request_text", "said"),
    [
        ("", "no JSON"),
        ("[1]", "is a JSON object"),
        ('{"sound": []}', "Unknown name 'sound'"),
        ('{"sounds": "/Game/Line"}', "list of texts"),
        ('{"sounds": [7]}', "list of texts"),
        ('{"start_frame": 1.5}', "start_frame"),
        ('{"blink": 1}', "blink"),
        ("{}", "No sound is selected"),
        ('{"sounds": ["/Game/Nowhere"]}', "not in the project"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_a_bad_request_is_one_line(node: Any, request_text: str, said: str) -> None:
    answer = node("start_face_animation", request_text)
    assert answer["state"] == "failed" and said in answer["error"] and "\n" not in answer["error"]


def test_before_anything_was_started(node: Any) -> None:
    for name in ("poll_face_animation", "cancel_face_animation", "get_face_animation_result"):
        assert "Nothing was started" in node(name)["error"]
