"""The twelve moods: their names, what they are mixed of, and what their faces are."""

from __future__ import annotations

import numpy as np
import pytest

import medtalk
from medtalk import Finishing
from medtalk.errors import GuidanceError
from medtalk.guidance import KINDS, LABELS, MOODS, Labels, emotion_weights, guidance_of, label_name, mood_name
from medtalk.moods import RECIPES, in_labels
from medtalk.rig.channels import MAXIMUM, MINIMUM, S_EMO, S_UP, indices
from medtalk_board.moods import MIXED

EPIC = (
    "Neutral Happiness Sadness Disgust Anger Surprise Fear Confidence Excitement Boredom Playfulness Confusion".split()
)
RAW = Finishing(smooth=False, blink=False, gaze=False, limits=False, life=False)


@pytest.fixture(scope="module")
def performance(sample) -> medtalk.Performance:  # type: ignore[no-untyped-def]
    return medtalk.load().perform(sample, "")


def test_epics_moods_are_understood() -> None:
    assert {mood_name(each) for each in EPIC} == set(MOODS) and len(MOODS) == 12
    assert emotion_weights("CONFUSION:0.5,Boredom:0.25") == {"neutral": 0.25, "bored": 0.25, "confused": 0.5}
    assert guidance_of("confident:0.7,sad:0.3") == Labels({"sad": 0.3, "confident": 0.7})


def test_an_unknown_mood_lists_all_and_guesses() -> None:
    with pytest.raises(GuidanceError) as error:
        guidance_of("confidant")
    assert all(mood in str(error.value) for mood in MOODS) and "Did you mean confident?" in str(error.value)
    with pytest.raises(GuidanceError) as error:
        guidance_of("happy:0.5,")
    assert all(mood in str(error.value) for mood in MOODS)


def test_a_mixed_mood_is_no_label() -> None:
    """What a network has learned has seven names; training takes no others."""
    with pytest.raises(GuidanceError, match="The mood bored is no label") as error:
        label_name("boredom")
    assert all(label in str(error.value) for label in LABELS)


def test_moods_in_labels() -> None:
    assert in_labels({"happy": 0.25, "neutral": 0.75}) == {"happy": 0.25, "neutral": 0.75}
    for mood in MOODS:
        weights = in_labels({mood: 1.0})
        assert sum(weights.values()) == pytest.approx(1.0) and set(weights) <= set(LABELS)


@pytest.mark.parametrize("mood", MOODS)
def test_its_parts_are_shares_of_one_face(performance: medtalk.Performance, mood: str) -> None:
    parts = guidance_of({mood: 0.6, "neutral": 0.4}).parts(performance)
    own = [part for part in parts if part.dynamics == RECIPES[mood].dynamics]
    assert sum(float(np.mean(part.weight)) for part in parts) == pytest.approx(1.0)
    share = 1.0 if mood == "neutral" else 0.6
    assert sum(float(np.mean(part.weight)) for part in own) == pytest.approx(share)
    assert {part.label for part in own} == {face.label for face in RECIPES[mood].faces}


@pytest.mark.parametrize("mood", MIXED)
def test_a_mixture_with_a_mixed_mood_is_even(performance: medtalk.Performance, mood: str) -> None:
    alone, sad = (performance.decode(what, finishing=RAW).values for what in (mood, "sad"))
    mixed = performance.decode({mood: 0.7, "sad": 0.3}, finishing=RAW).values
    free = S_UP  # closures are laid over the rest
    np.testing.assert_allclose(mixed[:, free], (0.7 * alone + 0.3 * sad)[:, free], atol=1e-5)


@pytest.mark.parametrize("mood", MOODS)
def test_the_strength_is_calibrated(performance: medtalk.Performance, mood: str) -> None:
    """0 is no mood at all, 2 shows more than 1 and stays in the ranges of the board."""
    calm, none, plain, strong = (
        performance.decode(what, how, Finishing(blink=False, gaze=False)).values
        for what, how in (("neutral", 0.0), (mood, 0.0), (mood, 1.0), (mood, 2.0))
    )
    np.testing.assert_allclose(none, calm, atol=1e-5)
    spoken = performance.activity > 0.5
    change = [np.abs(each - calm)[spoken][:, S_UP].mean() for each in (plain, strong)]
    if mood != "neutral":
        assert change[0] > 0.02 and 1.3 < change[1] / change[0] < 2.3
    assert ((strong >= MINIMUM - 1e-6) & (strong <= MAXIMUM + 1e-6)).all()


def test_every_mood_has_a_face_of_its_own(performance: medtalk.Performance) -> None:
    spoken = performance.activity > 0.5
    faces = {mood: performance.decode(mood, 1.0, RAW).values[spoken][:, S_EMO].mean(axis=0) for mood in MOODS}
    for mood, face in faces.items():
        distances = {other: float(np.linalg.norm(face - each)) for other, each in faces.items() if other != mood}
        assert min(distances.values()) > 0.1, (mood, distances)


def test_moods_look_like_what_they_are_called(performance: medtalk.Performance) -> None:
    spoken = performance.activity > 0.5
    smile, lids, brows = (
        indices(*names)
        for names in (("[LR]_mouth_cornerPull",), ("[LR]_eye_blink",), ("[LR]_brow_raiseIn", "[LR]_brow_raiseOut"))
    )

    def mean(mood: str, channels: np.ndarray) -> float:
        return float(performance.decode(mood, 1.0, RAW).values[spoken][:, channels].mean())

    for mood in ("confident", "excited", "playful"):
        assert mean(mood, smile) > mean("neutral", smile) + 0.05
    assert mean("bored", lids) > mean("neutral", lids) + 0.05
    for mood in ("excited", "playful", "confused"):
        assert mean(mood, brows) > mean("neutral", brows) + 0.05


def test_life_can_be_switched_off(performance: medtalk.Performance) -> None:
    """Then a mood is the paper's: CMF's curve times the mean of a label's kinds, at every seed."""
    from dataclasses import replace

    first, second = (performance.decode("fear", 1.0, replace(RAW, seed=seed)).values for seed in (0, 1))
    np.testing.assert_array_equal(first, second)
    vectors = np.broadcast_to(performance.label_vectors[LABELS.index("fear")], (len(performance), 256))
    plain = performance.model.engine.decode(performance.content, vectors, performance.intensity)
    np.testing.assert_allclose(first[:, S_UP], plain[:, S_UP], atol=1e-5)


def test_the_seed_chooses_among_kinds(performance: medtalk.Performance) -> None:
    """With a model that has several kinds a label: here the vectors of three labels stand in as kinds of one."""
    from dataclasses import replace

    model = performance.model
    kinds = [model.label_vectors, np.roll(model.label_vectors, 1, 0), np.roll(model.label_vectors, 3, 0)]

    def faces(*kinds: np.ndarray, preferred: dict[str, str] | None = None) -> list[np.ndarray]:
        """The mean face of a take for each of 8 seeds."""
        ours = medtalk.Model(model.bundle, model.engine)
        ours.kind_vectors = np.stack(kinds, 1)
        several = replace(performance, model=ours)
        finishings = (Finishing(seed=seed, blink=False, gaze=False) for seed in range(8))
        takes = (several.decode("angry", 1.0, finishing, kinds=preferred) for finishing in finishings)
        return [take.values[:, S_UP].mean(axis=0) for take in takes]

    alone = np.array([faces(kind, kind, kind) for kind in kinds])

    def leaders(faces: list[np.ndarray]) -> list[int]:
        """For each seed the kind that the face is nearest to."""
        return [int(np.abs(alone[:, seed] - face).mean(axis=1).argmin()) for seed, face in enumerate(faces)]

    assert len(set(leaders(faces(*kinds)))) > 1
    for number, name in enumerate(KINDS["angry"]):
        assert leaders(faces(*kinds, preferred={"angry": name})) == [number] * 8
