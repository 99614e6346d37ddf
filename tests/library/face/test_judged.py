"""The summary of a take on the page: by which phones it is good, and what is marked where."""

from __future__ import annotations

import numpy as np

from medtalk.face.judged import judge
from medtalk.face.packed import Fact
from medtalk.rig import RigSequence
from medtalk.rig.channels import indices
from tests.library.quality.faces import speaking


def test_a_good_take_says_by_which_phones() -> None:
    marks, facts = judge(speaking())
    assert not marks and facts[:2] == [
        Fact("quality", "good, by the rig's own phones", "good"),
        Fact("p b m", "100% meet"),
    ]
    assert judge(RigSequence(speaking().values)) == ([], [Fact("quality", "good, without phones", "good")])


def test_a_place_is_marked_and_a_whole_take_is_a_line() -> None:
    marks, facts = judge(speaking(("p",)))
    assert facts[0] == Fact("quality", "look here: missing closure × 2", "look")
    assert [(mark.kind, round(mark.start, 2)) for mark in marks] == [("missing", 1.85), ("missing", 3.05)]


def test_a_stare_is_marked_unless_it_is_the_whole_take() -> None:
    values = np.zeros((60 * 24, 174), np.float32)
    marks, facts = judge(RigSequence(values))
    assert not marks and facts[-1] == Fact("no blinks", "no blink for 24 s", "look")
    values[300:309, indices("?_eye_blink")] = 1.0
    (mark,), _ = judge(RigSequence(values))
    assert mark.kind == "no blinks" and mark.start > 5.0 and mark.end == 24.0
