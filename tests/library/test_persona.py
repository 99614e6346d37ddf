"""Personas: files that say how somebody usually is, and what wins over them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import medtalk
from medtalk.errors import MedtalkError
from medtalk.guidance import MOODS, guidance_of
from medtalk.persona import NAMES, check_persona, dressed, read_persona, shipped, without
from medtalk.take import checked, take
from medtalk_wire import Settings, settings
from medtalk_wire.request import body_of

MINE = {
    "name": "mine", "emotion": "bored:0.5,sad:0.5", "intensity": 1.5, "seed": 7, "lean": 0.5,
    "amounts": {"gaze": 0.5}, "kinds": {"anger": "cold"},
}  # fmt: skip


def written(folder: Path, content: Any) -> Path:
    path = folder / "mine.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def test_some_ship() -> None:
    assert len(shipped()) >= 3
    for name in shipped():
        persona = read_persona(name.upper())
        assert persona["name"] == name
        assert checked(Settings(persona=persona)).emotion == persona["emotion"]


def test_a_file_is_a_persona(tmp_path: Path) -> None:
    persona = read_persona(written(tmp_path, MINE))
    assert persona == {**MINE, "kinds": {"angry": "cold"}}
    assert set(MINE) == set(NAMES)
    assert read_persona(written(tmp_path, {})) == {"kinds": {}}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "mine.json is not valid JSON"),
        ([], "mine.json: A persona is of type list"),
        ({"mood": "sad"}, "unknown name 'mood'; valid are name, emotion"),
        ({"emotion": "smug"}, "Unknown emotion 'smug'; valid are " + ", ".join(MOODS)),
        ({"intensity": 9}, "intensity"),
        ({"intensity": [1, 2]}, "intensity is a list"),
        ({"seed": -1}, "The seed -1 is not valid"),
        ({"lean": 2}, "The lean 2 is not valid; valid are numbers from -1 to 1"),
        ({"amounts": {"ears": 1}}, "'ears'; valid are"),
        ({"kinds": {"angry": "warm"}}, "Unknown kind 'warm' of angry; valid are hot, cold, contemptuous"),
        ({"kinds": {"bored": "warm"}}, "The mood bored is no label"),
        ({"kinds": "cold"}, "kinds"),
        ({"name": 7}, "name"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(tmp_path: Path, content: Any, said: str) -> None:
    with pytest.raises(MedtalkError) as error:
        read_persona(written(tmp_path, content))
    assert said in str(error.value) and "\n" not in str(error.value)


def test_what_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(MedtalkError, match=r"No persona is called 'nobody'; valid are .*weary"):
        read_persona("nobody")
    with pytest.raises(MedtalkError, match="does not exist"):
        read_persona(tmp_path / "none.json")


def test_it_gives_what_is_not_asked_for() -> None:
    got = checked(Settings(persona=MINE))
    assert (got.emotion, got.intensity) == (MINE["emotion"], 1.5)
    assert (got.finishing.seed, got.finishing.lean, got.finishing.amounts) == (7, 0.5, {"gaze": 0.5})
    steps = settings.Finishing(seed=3, amounts={"gaze": 2.0, "drift": 0.0})
    asked = checked(Settings(emotion="happy", intensity=0.5, persona=MINE, finishing=steps))
    assert (asked.emotion, asked.intensity, asked.finishing.seed) == ("happy", 0.5, 3)
    assert asked.finishing.amounts == {"gaze": 2.0, "drift": 0.0} and asked.finishing.lean == 0.5
    assert checked(Settings(text="in tears", persona=MINE)).emotion is None
    assert checked(got) == got or checked(got).emotion == got.emotion
    assert dressed(Settings()) == Settings() or dressed(Settings()).persona is None


def test_what_is_asked_for_wins_even_where_it_is_the_default() -> None:
    left = without(MINE, {"seed", "intensity", "emotion"})
    assert set(left) == {"name", "lean", "amounts", "kinds"}
    assert "emotion" not in without(MINE, {"text"})


def test_it_travels() -> None:
    body = body_of(Settings(persona=MINE))
    assert body["persona"] == MINE and body["guidance"] == {"kind": "label", "emotion": MINE["emotion"]}
    assert "persona" not in body_of(Settings())
    assert body_of(Settings(emotion="happy", persona=MINE))["guidance"]["emotion"] == "happy"
    with pytest.raises(Exception, match="wrong type"):
        body_of(Settings(persona={"seed": object()}))


def test_a_take_of_a_persona(sample: Path) -> None:
    performance = medtalk.load().perform(sample, "")
    got = checked(Settings(persona=MINE))
    rig = take(performance, guidance_of(got.emotion or "neutral"), got)
    assert rig.meta["persona"] == "mine" and rig.meta["emotion"] == {"sad": 0.5, "bored": 0.5}
    same = performance.decode(MINE["emotion"], 1.5, got.finishing, kinds={"angry": "cold"})  # type: ignore[arg-type]
    np.testing.assert_array_equal(rig.values, same.values)


def test_a_persona_must_be_a_map() -> None:
    with pytest.raises(MedtalkError, match="A persona is of type str"):
        check_persona("officer")
