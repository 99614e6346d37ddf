"""A reading of a face as a mixture of our faces: `assets/poses/seen.json`, without MediaPipe."""

from __future__ import annotations

import hashlib
import json
from importlib import resources
from typing import Any

import numpy as np
import pytest

from medtalk.features.expression import SHAPES, expression, looked_at
from medtalk.guidance import LABELS, NEUTRAL
from medtalk.rig import ARKIT_NAMES

POSES = resources.files("medtalk_assets").joinpath("poses")
SEEN: dict[str, Any] = json.loads(POSES.joinpath("seen.json").read_text("utf-8"))
FACES = [(label, kind, face) for label, kinds in SEEN["faces"].items() for kind, face in kinds.items()]


def reading(face: dict[str, float], strength: float = 1.0) -> np.ndarray:
    """ARKit weights (52,) of a face of the table."""
    weights = np.zeros(52)
    for place, name in enumerate(ARKIT_NAMES):
        shape = name.removesuffix("Left").removesuffix("Right")
        if shape in SHAPES and not name.startswith(("MouthLeft", "MouthRight", "JawLeft", "JawRight")):
            weights[place] = SEEN["rest"].get(shape, 0.0) + strength * face.get(shape, 0.0)
    return weights


def test_the_readings_are_of_our_faces() -> None:
    table = hashlib.sha256(POSES.joinpath("emotions.json").read_bytes()).hexdigest()
    assert SEEN["emotions"] == table, "emotions.json has changed: run `python benchmarks/pictures.py --write` once more"
    assert list(SEEN["faces"]) == [label for label in LABELS if label != NEUTRAL]
    assert set(SEEN["rest"]) | {shape for _, _, face in FACES for shape in face} <= set(SHAPES)


@pytest.mark.parametrize(("label", "kind", "face"), FACES, ids=[f"{label}-{kind}" for label, kind, _ in FACES])
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_a_face_is_found_again(label: str, kind: str, face: dict[str, float], strength: float) -> None:
    found = expression(reading(face, strength))
    assert found.weights == pytest.approx({label: 1.0}, abs=1e-6)
    assert found.strength == pytest.approx(strength) and found.explained == pytest.approx(1.0)


def test_a_mixture_is_found_again() -> None:
    happy, surprised = (next(iter(SEEN["faces"][label].values())) for label in ("happy", "surprised"))
    mixed = {shape: 0.6 * happy.get(shape, 0.0) + 0.4 * surprised.get(shape, 0.0) for shape in SHAPES}
    found = expression(reading(mixed))
    assert found.weights["happy"] == pytest.approx(0.6, abs=0.02)
    assert found.weights["surprised"] == pytest.approx(0.4, abs=0.02) and found.strength == pytest.approx(1.0, abs=0.05)


def test_a_face_at_rest_is_neutral() -> None:
    found = expression(reading({}))
    assert found.weights == {NEUTRAL: 1.0} and found.strength == pytest.approx(0.3) and found.explained == 1.0
    faint = expression(reading(next(iter(SEEN["faces"]["happy"].values())), 0.15))
    assert faint.weights == pytest.approx({"happy": 0.5, NEUTRAL: 0.5}, abs=0.01)


def test_what_no_label_shows_is_left_over() -> None:
    smile = reading(next(iter(SEEN["faces"]["happy"].values())))
    smile[ARKIT_NAMES.index("TongueOut")] = 1.0
    found = expression(smile)
    assert found.weights["happy"] > 0.9 and 0.2 < found.explained < 0.6


def test_gaze_is_no_emotion_and_a_turned_face_no_crooked_one() -> None:
    smile = reading(next(iter(SEEN["faces"]["happy"].values())))
    turned = smile.copy()
    turned[[ARKIT_NAMES.index(name) for name in ("EyeLookOutLeft", "EyeLookInRight", "JawLeft", "MouthLeft")]] = 0.8
    left, right = (ARKIT_NAMES.index(f"MouthSmile{side}") for side in ("Left", "Right"))
    turned[left] += 0.1
    turned[right] -= 0.1
    np.testing.assert_allclose(looked_at(turned), looked_at(smile))
    assert expression(np.minimum(2.9 * smile, 2.9)).strength == 2.0, "a caricature is as strong as a strength may be"
