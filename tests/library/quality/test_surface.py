"""The curves in millimetres: at rest, and where channels move the face in a known way."""

from __future__ import annotations

import numpy as np
import pytest

from medtalk.quality.surface import Surface, lip_vertices, surface
from medtalk.rig.channels import MIRROR, MIRROR_SIGN, indices
from medtalk.rig.head import load_head
from tests.library.quality.faces import speaking


def posed(**channels: float) -> Surface:
    """One frame; names with __ for a dot, either side."""
    values = np.zeros((1, 174), np.float32)
    for name, value in channels.items():
        pattern = name.replace("__", ".")
        values[:, indices(pattern if pattern.startswith("C_") else f"?_{pattern}")] = value
    return surface(values)


def test_a_face_at_rest() -> None:
    rest = surface(np.zeros((3, 174)))
    assert len(rest) == 3
    for curve in (rest.spread, rest.brows, rest.speed, rest.apart):
        assert not curve.any()
    assert np.abs(rest.gap).max() < 0.3, "lips that rest touch"
    assert (rest.lids > 1.0).all(), "eyes that rest are open"


def test_lips_open_with_the_jaw_and_seal_over_any() -> None:
    gaps = [posed(C_jaw__Y=jaw).gap[0] for jaw in (0.05, 0.1, 0.2, 0.4)]
    assert gaps == sorted(gaps) and gaps[-1] > 5.0
    for jaw in (0.1, 0.2, 0.4):
        assert posed(C_jaw__Y=jaw, **{"mouth_lipsTogether[DU]": 1.0}).gap[0] == pytest.approx(0.0, abs=0.1)


def test_a_bite_brings_the_lip_to_the_teeth() -> None:
    apart, bitten = posed(C_jaw__Y=0.15), posed(C_jaw__Y=0.15, mouth_lipBiteD=1.0)
    assert apart.teeth[0] > 8.0 > 3.0 > bitten.teeth[0]
    assert 3.5 < posed(C_jaw__Y=0.15, mouth_lipBiteD=0.4).teeth[0] < 8.0, "on its way"


def test_corners_brows_and_lids() -> None:
    assert posed(mouth_cornerPull=1.0).spread[0] > 3.0 > 0.0 > posed(**{"mouth_purse[DU]": 1.0}).spread[0]
    up, down = posed(brow_raiseIn=1.0, brow_raiseOut=1.0).brows[0], posed(brow_down=1.0).brows[0]
    assert (up > 2.0).all() and (down < -2.0).all()
    rest, shut = posed().lids[0], posed(eye_blink=1.0).lids[0]
    assert (shut < 0.2 * rest).all() and (posed(eye_blink=-1.0).lids[0] > rest).all()


def test_one_side_alone_is_apart_and_its_mirror_as_much() -> None:
    values = np.zeros((1, 174), np.float32)
    values[:, indices("L_mouth_cornerPull", "L_brow_down")] = 0.7
    mirrored = values[:, MIRROR] * MIRROR_SIGN
    left, right, both = (surface(rig).apart[0] for rig in (values, mirrored, values + mirrored))
    assert left > 2.0 and left == pytest.approx(right, rel=0.2)
    assert both < 0.5 * left


def test_speed_is_in_millimetres_a_second() -> None:
    """The jaw opens by as much in every frame, so the lips have the same speed, and it doubles with the step."""
    values = np.zeros((11, 174), np.float32)
    values[:, indices("C_jaw.Y")] = np.arange(11)[:, None] * 0.01
    slow, fast = surface(values).speed[1:], surface(2 * values).speed[1:]
    np.testing.assert_allclose(slow, slow[0], rtol=0.1)
    np.testing.assert_allclose(fast, 2 * slow, rtol=0.1)
    marks = load_head().marks["lip_lower"]
    way = np.linalg.norm(load_head().trace(values[10:], marks) - load_head().trace(values[:1], marks), axis=-1).max()
    assert 0.2 * way < slow.sum() / 60 < way, "the upper lip and the corners move less"


def test_a_long_rig_is_measured_in_parts_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = speaking().values
    whole = surface(rig)
    monkeypatch.setattr("medtalk.quality.surface._FRAMES", 50)
    parts = surface(rig)
    for name in ("gap", "teeth", "spread", "brows", "lids", "speed", "apart"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), atol=1e-4, err_msg=name)


def test_the_vertices_of_the_lips_move_with_the_mouth_only() -> None:
    head, lips = load_head(), lip_vertices()
    assert 50 < len(lips) < len(head.vertices) / 4
    values = np.zeros((3, 174), np.float32)
    values[1, indices("C_jaw.Y")] = 0.3
    values[2, indices("?_brow_down")] = 1.0
    rest, spoken, frowned = head.trace(values, lips)
    assert np.linalg.norm(spoken - rest, axis=-1).max() > 3.0 and np.allclose(frowned, rest)
