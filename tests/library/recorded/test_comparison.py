"""Two rigs beside each other: what moved, when, by how much, and what the lips do no more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medtalk.errors import SettingError
from medtalk.quality.contacts import contacts
from medtalk.quality.events import frame_phones
from medtalk.quality.surface import surface
from medtalk.recorded.comparison import Tolerance, compare, read_tolerance
from medtalk.rig import RigSequence
from tests.library.quality.faces import JAW, PHONES, SEAL, changed, speaking

GOOD = speaking()
TURNING = replace(GOOD, head=np.zeros((len(GOOD), 3), np.float32))


def test_a_rig_is_as_itself() -> None:
    found = compare(GOOD, GOOD)
    assert found.identical and found.same and not found.moved and not found.figures


def test_what_moved_most_and_when() -> None:
    found = compare(GOOD, changed(GOOD, 1.0, 1.1, JAW, 0.9))
    assert not found.same and [each.name for each in found.over] == ["C_jaw.Y"]
    (jaw,) = found.moved
    own = np.abs(0.9 - GOOD.values[60:66, JAW[0]].astype(float))
    assert jaw.area == "jaw" and jaw.largest == pytest.approx(own.max(), abs=1e-6)
    assert jaw.mean == pytest.approx(own.sum() / 240, abs=1e-6)
    assert jaw.rms == pytest.approx(np.sqrt((own**2).sum() / 240), abs=1e-6)
    assert jaw.seconds == pytest.approx((60 + own.argmax()) / 60)
    assert found.areas["jaw"][0] == jaw.largest and found.areas["brow"] == (0.0, 0.0, 0.0)


def test_the_tolerance_is_of_each_control() -> None:
    near, far = changed(GOOD, 0.0, 0.2, JAW, 0.009), changed(GOOD, 0.0, 0.2, JAW, 0.011)
    assert compare(GOOD, near).same and not compare(GOOD, near).identical
    assert not compare(GOOD, far).same
    assert compare(GOOD, far, Tolerance(0.02)).same
    assert compare(GOOD, far, Tolerance(areas={"jaw": 0.02})).same
    assert not compare(GOOD, far, Tolerance(0.5, {"jaw": 0.001})).same


def test_on_another_kind_of_machine_a_movement_may_come_a_little_earlier() -> None:
    across = Tolerance(across="made by a GPU")
    early = RigSequence(np.vstack([GOOD.values[2:], GOOD.values[-1:], GOOD.values[-1:]]), 60.0, GOOD.meta)
    found = compare(GOOD, early, across)
    assert not found.over and found.moved and not compare(GOOD, early).same
    later = RigSequence(np.vstack([GOOD.values[5:], *[GOOD.values[-1:]] * 5]), 60.0, GOOD.meta)
    assert compare(GOOD, later, across).over, "five frames are more than a little"
    short = changed(GOOD, 1.0, 1.03, JAW, 0.9)
    for pair in ((GOOD, short), (short, GOOD)):
        assert [each.name for each in compare(*pair, across).over] == ["C_jaw.Y"], "one that comes or goes is seen"
    fixed = Tolerance(0.2, across="made by a GPU")
    assert (fixed.seconds, fixed.of("jaw"), fixed.loosened) == (0.0, 0.2, "0.5° of the head allowed: made by a GPU")
    assert (across.of("head"), across.of("jaw"), Tolerance().of("jaw")) == (0.5, 0.05, 0.01)


def test_an_open_lip_is_an_event_in_words() -> None:
    (event,) = compare(GOOD, speaking(("b",)), Tolerance(5.0)).events[:1]
    assert event.kind == "closure lost" and event.start == pytest.approx(0.95, abs=0.02)
    assert event.message.startswith('b of "back": the lips stay ') and event.message.endswith(" mm apart now")
    back = compare(speaking(("b",)), GOOD, Tolerance(5.0))
    assert {each.kind for each in back.events} == {"closure gained"} and not back.same
    bites = compare(GOOD, speaking(("f", "v")), Tolerance(5.0)).events
    assert [each.kind for each in bites] == ["bite lost", "bite lost"]


def test_lips_that_shut_without_a_reason() -> None:
    shut = changed(GOOD, 1.17, 1.23, SEAL, 1.0)
    (event,) = compare(GOOD, shut, Tolerance(5.0)).events
    assert event.kind == "new false contact" and 'in "back"' in event.message
    (event,) = compare(shut, GOOD, Tolerance(5.0)).events
    assert event.kind == "false contact gone"


def test_noise_is_no_event() -> None:
    """Lips a hair's breadth over and under the bar of a contact."""
    labels = frame_phones([(phone.start, phone.end, phone.text) for phone in PHONES], len(GOOD))

    def false_contacts(rig: RigSequence) -> int:
        return sum(not each.right for each in contacts(surface(rig.values), labels).touches)

    low, high = 0.0, 1.0
    for _ in range(12):
        middle = 0.5 * (low + high)
        shut = false_contacts(changed(GOOD, 1.17, 1.23, SEAL, middle)) > 0
        low, high = (low, middle) if shut else (middle, high)
    over, under = (changed(GOOD, 1.17, 1.23, SEAL, value) for value in (low - 0.005, high + 0.005))
    assert (false_contacts(over), false_contacts(under)) == (0, 1)
    assert compare(over, under, Tolerance(5.0)).same and compare(under, over, Tolerance(5.0)).same


def test_on_the_head_in_millimetres() -> None:
    found = compare(GOOD, changed(GOOD, 1.0, 1.5, JAW, 0.9))
    assert found.place is not None and found.place.mm > 3.0 and 1.0 <= found.place.seconds <= 1.5
    assert found.place.near in ("lower lip", "jaw", "chin")
    assert found.figures["LVE, mm"] > found.figures["vertex error, mm"] > 0.0 and found.figures["MLE"] >= 0.0
    assert {"MEE", "EIE", "FRD", "jitter recorded", "jitter"} <= set(found.figures)


def test_frames_and_rates() -> None:
    short = RigSequence(GOOD.values[:-2], 60.0, GOOD.meta, (), GOOD.phones)
    found = compare(GOOD, short)
    assert found.reasons == ("238 frames instead of 240",) and not found.moved and not found.identical
    assert compare(GOOD, short, Tolerance(frames=2)).same
    slow = GOOD.resample(30.0)
    found = compare(GOOD, slow)
    assert found.reasons == ("the frame rate is 30 instead of 60",) and not found.over, "at the lower of the rates"
    assert compare(slow, GOOD).reasons == ("the frame rate is 60 instead of 30",)
    half = RigSequence(slow.values[:60], 30.0)
    assert "it lasts 2.00 s instead of 4.00 s" in compare(GOOD, half).reasons


def test_the_turn_of_the_head() -> None:
    assert compare(TURNING, GOOD).reasons == ("the head turns no more",)
    assert compare(GOOD, TURNING).reasons == ("the head turns, which it did not",)
    turn = np.zeros((len(GOOD), 3), np.float32)
    turn[30, 1] = 3.0
    found = compare(TURNING, replace(GOOD, head=turn))
    (pitch,) = found.over
    assert (pitch.name, pitch.area, pitch.largest, pitch.seconds) == ("HeadPitch", "head", 3.0, 0.5)
    assert compare(TURNING, replace(GOOD, head=turn), Tolerance(areas={"head": 3.0})).same


def test_json_says_all() -> None:
    import json

    found = json.loads(json.dumps(compare(GOOD, changed(speaking(("b",)), 0, 1, JAW, 0.9)).to_dict()))
    assert found["moved"][0]["tolerance"] == 0.01 and found["areas"]["jaw"]["largest"] > 0.5
    assert found["events"] and found["head"]["mm"] > 0.0 and found["same"] is False


def test_tolerances_in_words() -> None:
    found = read_tolerance(["0.02", "brow:.05", " head:1 "])
    assert (found.of("jaw"), found.of("brow"), found.of("head")) == (0.02, 0.05, 1.0)
    assert (read_tolerance([]).of("jaw"), read_tolerance(["0.5"]).of("head")) == (0.01, 0.2)
    for entry in ("", "much", "-1", "nan", "inf", "elbow:1", "brow:", ":1", "brow:1:2"):
        with pytest.raises(SettingError, match="valid are a number from 0 and AREA:NUMBER"):
            read_tolerance([entry])
