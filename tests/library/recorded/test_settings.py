"""The settings of a take as JSON, whole, and back; and other settings over them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medtalk.errors import MedtalkError
from medtalk.persona import read_persona
from medtalk.recorded.settings import from_json, overridden, to_json
from medtalk.take import checked
from medtalk.timeline import spans_of
from medtalk_wire.settings import DEFAULT, Finishing, Settings, knobs

SPANS = spans_of(
    [
        {"start": 1, "end": 2.5, "emotion": "sad", "fade": 0.1},
        {"start": 3, "text": "annoyed", "intensity": [[3, 0.1], [4, 2]]},
    ]
)
OTHER: dict[str, Any] = {
    "emotion": "happy:0.7,surprised:0.3", "text": "", "image": b"", "image_name": "", "transcript": "so [angry] what",
    "language": "en", "intensity": 1.5, "timeline": SPANS, "curve": np.array([0.1, 0.2, 1 / 3], np.float32),
    "curve_mode": "multiply", "span": (0.5, 2.0), "fps": 30.0, "region": "mouth", "persona": read_persona("host"),
}  # fmt: skip
STEPS: dict[str, Any] = {
    "smooth": False, "blink": False, "gaze": False, "limits": False, "seed": 7, "smoothing": {"brow": 5},
    "closures": False, "life": False, "amounts": {"drift": 0.5}, "head": False, "lean": -0.5,
}  # fmt: skip


def no_picture(*_: object) -> str:
    raise AssertionError("there is no picture")


def again(settings: Settings, folder: Path = Path()) -> Settings:
    """Through JSON, as a file has it."""
    return from_json(json.loads(json.dumps(to_json(settings, no_picture))), folder)


def test_the_default_is_nothing() -> None:
    assert to_json(DEFAULT, no_picture) == {}
    assert to_json(checked(DEFAULT), no_picture) == {}


def test_every_setting_comes_back() -> None:
    """A new one that does not is seen here: the test needs a value of it."""
    assert set(OTHER) == {knob.name for knob in knobs(Settings)}
    assert set(STEPS) == {knob.name for knob in knobs(Finishing)}
    usual = vars(DEFAULT) | vars(DEFAULT.finishing)
    forgotten = [name for name, value in (OTHER | STEPS).items() if str(value) == str(usual[name])]
    assert forgotten == ["text", "image", "image_name"], "the mood is of one kind; pictures are tested below"
    found = again(Settings(**OTHER, finishing=Finishing(**STEPS)))
    for name, value in OTHER.items():
        back = getattr(found, name)
        if name == "curve":
            assert back.dtype == np.float32 and back.tolist() == value.tolist(), "bit by bit"
        elif name == "span":
            assert tuple(back) == value
        else:
            assert back == value, name
    assert vars(found.finishing) == STEPS
    checked(replace(found, text="", transcript=None))


def test_rows_of_a_curve_come_back() -> None:
    curve = np.array([[0.0, 0.3], [1.1, 2.0]], np.float32)
    assert again(Settings(curve=curve)).curve.tolist() == curve.tolist()


def test_pictures_are_kept_as_files(tmp_path: Path) -> None:
    smile = tmp_path / "smile.png"
    kept: list[tuple[Any, str]] = []

    def keep(picture: bytes | Path, name: str) -> str:
        kept.append((picture, name))
        return f"line.{len(kept)}.png"

    spans = spans_of([{"start": 1, "image": b"there", "image_name": "frown.png"}])
    found = to_json(Settings(image=smile, image_name="smile.png", timeline=spans), keep)
    assert kept == [(smile, "smile.png"), (b"there", "frown.png")]
    assert found == {"image": "line.1.png", "timeline": [{"start": 1.0, "image": "line.2.png"}]}
    back = from_json(found, tmp_path)
    assert back.image == tmp_path / "line.1.png" and back.timeline is not None
    assert back.timeline[0].image == tmp_path / "line.2.png"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"mood": "sad"}, "It has the setting 'mood', which this medtalk does not know. Update medtalk."),
        ({"image": "../../secret.png"}, "Its picture '../../secret.png' does not lie beside it."),
        ({"curve": ["a"]}, "Its intensity curve is not a list of numbers."),
        ({"timeline": [{"start": -1, "emotion": "sad"}]}, "span 1: start is -1"),
        ({"timeline": [{"start": 0, "image": "a/b.png"}]}, "does not lie beside it"),
    ],
)
def test_what_no_settings_are(found: dict[str, Any], said: str) -> None:
    with pytest.raises(MedtalkError) as error:
        from_json(found, Path())
    assert said in str(error.value)


def test_settings_over_others() -> None:
    usual = Settings(emotion="sad", text="tired", intensity=2.0, finishing=Finishing(seed=3, lean=0.5))
    given = Settings(emotion="happy", intensity=1.0, finishing=Finishing(seed=0, life=False))
    found = overridden(usual, given, {"intensity", "seed"})
    assert (found.emotion, found.text, found.intensity) == ("sad", "tired", 1.0), "also where that is the default"
    assert (found.finishing.seed, found.finishing.lean, found.finishing.life) == (0, 0.5, True)
    assert overridden(usual, given, set()).emotion == "sad"


def test_a_mood_takes_the_place_of_one_of_another_kind() -> None:
    usual = Settings(text="tired")
    found = overridden(usual, Settings(emotion="happy"), {"emotion"})
    assert (found.emotion, found.text) == ("happy", "")
    found = overridden(Settings(emotion="happy"), Settings(text="tired"), {"text"})
    assert (found.emotion, found.text) == (None, "tired")


def test_what_is_asked_for_wins_over_the_recorded_persona() -> None:
    usual = Settings(persona=read_persona("host"))
    found = checked(overridden(usual, Settings(emotion="sad", intensity=1.0), {"emotion", "intensity"}))
    assert (found.emotion, found.intensity) == ("sad", 1.0) and found.finishing.lean == 0.4
