"""Contacts against phone times: right ones, missing ones, false ones, and the signed lag."""

from __future__ import annotations

import numpy as np
import pytest

from medtalk.quality import events
from medtalk.quality.articulation import CLOSED
from medtalk.quality.contacts import CONTACT_MM, Contacts, contacts, figures, lag_ms
from medtalk.quality.surface import surface
from medtalk.rig.sequence import RigSequence
from tests.library.quality.faces import PHONES, SEAL, changed, shifted, speaking


def judged(rig: RigSequence) -> Contacts:
    return contacts(surface(rig.values), labels(len(rig)))


def labels(frames: int) -> np.ndarray:
    return events.frame_phones([(p.start, p.end, p.text) for p in PHONES], frames)


def test_a_sentence_that_is_right() -> None:
    found = judged(speaking())
    assert [each.name for each in found.closures] == list("mbpbp")
    assert all(each.right for each in (*found.closures, *found.touches, *found.bites))
    assert [each.name for each in found.bites] == ["f", "v"]
    assert found.figures()["contact recall"] == found.figures()["contact precision"] == 1.0
    assert found.figures()["false contacts/min"] == 0.0
    assert all(50.0 < duration < 300.0 for duration in found.durations)


def test_recall_is_that_of_the_events() -> None:
    """On lips that are half right: the same definition, on another curve."""
    rig = changed(speaking(("b",)), 1.15, 1.25, SEAL, 1.0)
    gap = surface(rig.values).gap
    said = labels(len(rig))
    curve = np.where(said == events.SILENCE, -np.inf, -gap)
    expected = events.count([(curve, said)], CLOSED, -CONTACT_MM - 1e-9)
    found = judged(rig)
    assert 0.0 < expected.recall < 1.0
    assert found.figures()["contact recall"] == pytest.approx(expected.recall)
    assert len(found.touches) == expected.shown


def test_a_false_contact_is_found_at_its_time() -> None:
    """In the ae of "back", .45 s after its b."""
    found = judged(changed(speaking(), 1.17, 1.23, SEAL, 1.0))
    (false,) = [each for each in found.touches if not each.right]
    assert (false.start, false.end) == pytest.approx((1.17, 1.23), abs=0.02)
    assert found.figures()["false contacts/min"] == pytest.approx(1 / found.minutes)
    assert found.figures()["contact recall"] == 1.0


def test_lips_that_shut_between_phrases_are_no_contact() -> None:
    rest = changed(speaking(), 3.5, 4.0, SEAL, 1.0)
    assert judged(rest).touches == judged(speaking()).touches


def test_a_missing_closure_is_found_with_its_gap() -> None:
    found = judged(speaking(("p",)))
    missing = [each for each in found.closures if not each.right]
    assert {each.name for each in missing} == {"p"} and all(each.mm > 1.0 for each in missing)
    assert [each.start for each in missing] == [p.start for p in PHONES if p.text == "p"]
    assert judged(speaking(("f",))).bites[0].right is False and judged(speaking(("f",))).bites[1].right


@pytest.mark.parametrize("frames", [-12, -5, 3, 9, 15])
def test_the_lag_has_its_sign_and_size(frames: int) -> None:
    here, there = judged(speaking()).lag, judged(shifted(speaking(), frames)).lag
    assert here is not None and there is not None and abs(here) <= 20.0
    assert there - here == pytest.approx(1000 * frames / 60, abs=20.0)


def test_no_lag_of_what_does_not_move() -> None:
    said = labels(240)
    assert lag_ms(np.zeros(240), np.isin(said, list(CLOSED)), said != events.SILENCE) is None
    assert lag_ms(np.ones(1), np.ones(1, bool), np.ones(1, bool)) is None
    rounded = np.full(240, 3.3, np.float32)
    rounded[::3] += 4e-7
    assert lag_ms(rounded, np.isin(said, list(CLOSED)), said != events.SILENCE) is None
    assert "lip lag, ms" not in judged(RigSequence(np.zeros((240, 174)))).figures()


def test_a_still_mouth_closes_on_everything() -> None:
    """Why recall is never read without what stands beside it."""
    still = judged(RigSequence(np.zeros((240, 174)))).figures()
    assert still["contact recall"] == 1.0 and still["open vowels shut"] == 1.0
    assert still["lip gap in speech, mm"] == pytest.approx(0.0, abs=0.3)


def test_clips_are_pooled_by_their_events() -> None:
    good, bad = judged(speaking()), judged(speaking(("p", "b", "m")))
    together = figures([good, bad])
    assert together["contact recall"] == pytest.approx(0.5)
    assert together["false contacts/min"] == 0.0
    assert figures([]) == {}
