import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medtalk.errors import GuidanceError
from medtalk.guidance import LABELS, SYNONYMS, Description, check_text, emotion_weights, label_name


def test_one_label_has_the_whole_weight():
    assert {label: emotion_weights(label) for label in LABELS} == {label: {label: 1.0} for label in LABELS}


@pytest.mark.parametrize(
    ("word", "label"),
    [("anger", "angry"), ("Surprise", "surprised"), (" SAD ", "sad"), ("afraid", "fear"), ("joy", "happy"),
     ("disgusted", "disgust"), ("calm", "neutral")],
)  # fmt: skip
def test_synonyms_and_case(word, label):
    assert label_name(word) == label


def test_a_sum_below_one_is_filled_with_neutral():
    assert emotion_weights("happy:0.25") == {"happy": 0.25, "neutral": 0.75}
    assert emotion_weights("happy:0") == {"neutral": 1.0}


def test_a_sum_above_one_is_scaled():
    assert emotion_weights("surprised:3,happy:1") == {"happy": 0.25, "surprised": 0.75}
    assert emotion_weights("happy,sad") == {"happy": 0.5, "sad": 0.5}


def test_synonyms_in_a_mapping_are_added_up():
    assert emotion_weights({"anger": 0.5, "angry": 0.25}) == {"angry": 0.75, "neutral": 0.25}


def test_an_unknown_label_lists_the_valid_ones_and_guesses():
    with pytest.raises(GuidanceError) as error:
        emotion_weights("suprised")
    assert all(label in str(error.value) for label in LABELS)
    assert "Did you mean surprised?" in str(error.value)


@pytest.mark.parametrize(
    "text",
    ["", ",", "happy,", "happy:", "happy:x", "happy:nan", "happy:inf", "happy:-0.1", "happy,joy",
     "happy:1e308,sad:1e308"],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(text):
    with pytest.raises(GuidanceError):
        emotion_weights(text)


@given(st.dictionaries(st.sampled_from([*LABELS, *SYNONYMS]), st.floats(0.0, 1e6), max_size=8))
def test_weights_always_sum_to_one(weights):
    found = emotion_weights(weights)
    assert math.isclose(sum(found.values()), 1.0, rel_tol=1e-6)
    assert set(found) <= set(LABELS)
    assert all(weight > 0.0 for weight in found.values())


def test_a_description_leaves_out_what_is_only_suspected() -> None:
    mood = Description.of("cross", [0.62, 0.02, 0.0, 0.0, 0.03, 0.31, 0.02], 0.8)
    assert list(mood.weights) == ["angry", "sad"] and sum(mood.weights.values()) == pytest.approx(1.0)
    assert mood.weights["angry"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(("text", "said"), [("", "empty"), (" \n", "empty"), ("x" * 10_001, "at most 10000")])
def test_descriptions_that_are_none(text: str, said: str) -> None:
    with pytest.raises(GuidanceError, match=said):
        check_text(text)
    assert check_text("  calm ") == "calm"
