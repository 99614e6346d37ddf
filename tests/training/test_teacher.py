import dataclasses
import itertools

import numpy as np
import pytest

from medtalk.features.alignment import AlignedWord
from medtalk.features.phones import PHONE_INDEX, PHONES
from medtalk.guidance import LABELS
from medtalk.model.intensity import intensity
from medtalk.quality.articulation import jitter, measure
from medtalk.rig.channels import INDEX, MAXIMUM, MINIMUM, S_LIP, S_UP
from medtalk_train.synthetic.corpus.read import Utterance
from medtalk_train.synthetic.corpus.spoken import spoken
from medtalk_train.synthetic.teacher import affect, emotion, poses
from medtalk_train.synthetic.teacher.lips import lip_curves
from medtalk_train.synthetic.teacher.poses import KINDS, MOST, channels_of, table, vector
from medtalk_train.synthetic.teacher.style import Style

JAW = INDEX["CTRL_C_jaw-translateY"]


def phones(text: str, each: float = 0.1) -> list[tuple[float, float, int]]:
    return [(i * each, (i + 1) * each, PHONE_INDEX[name]) for i, name in enumerate(text.split())]


SENTENCE = phones("sil m aa t ah l uw k s f ao r b iy g aa n t uw s sil", 0.12)
FRAMES = 150


def test_closures_close_fully_and_open_again() -> None:
    close = measure(lip_curves(SENTENCE, FRAMES), "close")
    for start, end, phone in SENTENCE:
        if PHONES[phone] in "pbm":
            assert close[int(start * 60) + 1 : int(end * 60)].min() > 0.7
    middle = [int((s + e) / 2 * 60) for s, e, p in SENTENCE if PHONES[p] in ("ao", "uw", "s", "g")]
    assert max(close[middle]) < 0.1


def test_bites_rounding_and_jaw_follow_their_phones() -> None:
    rig = lip_curves(SENTENCE, FRAMES)
    at = {PHONES[p]: int((s + e) / 2 * 60) for s, e, p in SENTENCE}
    assert np.argmax(measure(rig, "bite")) == pytest.approx(at["f"], abs=2)
    assert measure(rig, "round")[at["uw"]] > 2.5 * measure(rig, "round")[int(0.3 * 60)]
    assert rig[at["aa"], JAW] > 0.25 > 0.15 > rig[at["s"], JAW]


def test_rounding_is_anticipated() -> None:
    rig = measure(lip_curves(phones("s s s t uw"), 30), "round")
    assert rig[17] > rig[8] * 1.5  # lips round through the t before the vowel


def test_shortest_phones_and_no_phones() -> None:
    assert not lip_curves([], 10).any() and lip_curves(SENTENCE, 0).shape == (0, 174)
    tiny = lip_curves([(0.0, 0.001, PHONE_INDEX["b"]), (0.001, 0.5, PHONE_INDEX["aa"])], 30)
    assert np.isfinite(tiny).all() and measure(tiny, "close")[0] > 0.5


def test_motion_is_smooth_and_in_range() -> None:
    rig = lip_curves(SENTENCE, FRAMES, Style.draw(np.random.default_rng(1)))
    assert (rig >= MINIMUM - 1e-6).all() and (rig <= MAXIMUM + 1e-6).all()
    assert jitter([rig]) < 0.06


EACH = [(label, kind) for label in LABELS for kind in range(KINDS)]


def face_of(label: str, kind: int, strength: float = 1.0, lips: np.ndarray | None = None) -> np.ndarray:
    lips = np.zeros((1, 174), np.float32) if lips is None else lips
    return emotion.compose(lips, LABELS.index(label), strength, kinds=np.eye(KINDS, dtype=np.float32)[kind])


@pytest.mark.parametrize("label", LABELS)
def test_lips_meet_and_teeth_bite_in_every_kind_of_face(label: str) -> None:
    """In millimetres on the head, at strength 1 and 2; and no press of an expression closes what is open."""
    from medtalk.quality.contacts import contacts
    from medtalk.quality.events import frame_phones
    from medtalk.quality.surface import surface

    lips, spoken_phones = lip_curves(SENTENCE, FRAMES), [(start, end, PHONES[p]) for start, end, p in SENTENCE]
    faces = [face_of(label, kind, strength, lips) for kind in range(KINDS) for strength in (1.0, 2.0)]
    shown = surface(np.concatenate(faces))
    found = contacts(shown, np.tile(frame_phones(spoken_phones, FRAMES), len(faces)))
    assert len(found.closures) == len(found.bites) * 2 == 2 * len(faces)
    assert all(each.right for each in (*found.closures, *found.touches, *found.bites))


@pytest.mark.parametrize("label, kind", EACH)
def test_no_strength_drives_a_channel_to_its_limit(label: str, kind: int) -> None:
    lips = lip_curves(SENTENCE, FRAMES)
    for strength, most in ((2.0, 0.01), (4.0, 0.02)):
        face = face_of(label, kind, strength, lips)
        assert (face >= MINIMUM).all() and (face <= MAXIMUM).all()
        added = np.abs(lips) < 0.9  # a closure may be whole
        at_limit = ((face > 0.999 * MAXIMUM) | ((face < 0.999 * MINIMUM) & (MINIMUM < 0))) & added & (MAXIMUM > 0)
        assert at_limit.mean() < most


def test_the_smile_lasts_through_closures() -> None:
    lips = lip_curves(SENTENCE, FRAMES)
    closed, corners = measure(lips, "close") > 0.7, channels_of("cornerPull")
    smile = face_of("happy", 0, 1.0, lips)[:, corners].mean(axis=1)
    assert smile[closed].min() > 0.5 and face_of("sad", 0, 1.0, lips)[closed][:, corners].max() < 0.2


def test_anger_speaks_wide_and_sadness_narrow() -> None:
    lips = lip_curves(SENTENCE, FRAMES)
    jaw = {label: np.ptp(emotion.compose(lips, LABELS.index(label), 1.0)[:, JAW]) for label in LABELS}
    assert jaw["angry"] > 1.05 * jaw["neutral"] and max(jaw["sad"], jaw["fear"]) < 0.9 * jaw["neutral"]


def test_kinds_differ_in_kind_and_mix() -> None:
    """Not one pose in three strengths: no kind of a label points where another does."""
    for label in LABELS:
        faces = [face_of(label, kind)[0] for kind in range(KINDS)]
        for one, other in itertools.combinations(faces, 2):
            cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
            assert cosine < 0.92, label
    half = emotion.compose(np.zeros((1, 174), "f4"), 0, 1.0, kinds=np.array([0.5, 0.5, 0.0], "f4"))
    np.testing.assert_allclose(half, (face_of("angry", 0) + face_of("angry", 1)) / 2, atol=0.02)


def test_random_kinds_are_mostly_one_and_sometimes_even() -> None:
    rng = np.random.default_rng(0)
    drawn = np.stack([emotion.draw_kinds(rng) for _ in range(400)])
    np.testing.assert_allclose(drawn.sum(axis=1), 1.0, atol=1e-5)
    assert (drawn.max(axis=1) > 0.7).mean() > 0.4 and 0.1 < np.isclose(drawn.max(axis=1), 1 / KINDS).mean() < 0.3
    np.testing.assert_allclose(drawn.mean(axis=0), 1 / KINDS, atol=0.06)


def test_emotions_show_in_the_upper_face_and_the_mouth() -> None:
    lips = lip_curves(SENTENCE, FRAMES)
    neutral = emotion.compose(lips, LABELS.index("neutral"), 0.8)
    for label in range(7):
        if LABELS[label] == "neutral":
            continue
        face = emotion.compose(lips, label, 0.8)
        assert np.abs(face - neutral)[:, S_LIP].mean() < lips[:, S_LIP].std(axis=0).mean()
        assert np.abs(face - neutral)[:, S_UP].mean() > 2 * np.abs(face - neutral)[:, S_LIP].mean()
        weak = intensity(emotion.compose(lips, label, 0.4)).mean()
        assert weak < intensity(face).mean() < intensity(emotion.compose(lips, label, 1.2)).mean()


def test_zero_strength_is_the_articulation_alone() -> None:
    lips = lip_curves(SENTENCE, FRAMES)
    np.testing.assert_allclose(emotion.compose(lips, 0, 0.0), lips, atol=1e-6)


def prosody_rows(loudness: float, pitch: float = 0.0, level: float = 0.0, frames: int = 120) -> np.ndarray:
    rows = np.zeros((frames, 16), np.float32)
    rows[:, 2], rows[:, 5], rows[:, 13], rows[:, 14] = loudness, pitch, level, 1.0
    rows[:, 11], rows[:, 15] = 0.7, 0.6
    return rows


def test_louder_higher_and_more_excited_is_stronger() -> None:
    swell = np.concatenate([prosody_rows(-1.0), prosody_rows(0.0)])
    curve = emotion.strength(swell)
    assert curve[160:].mean() > curve[20:100].mean() + 0.1
    high = np.concatenate([prosody_rows(-0.5, -0.3), prosody_rows(-0.5, 0.8)])
    assert emotion.strength(high)[160:].mean() > emotion.strength(high)[20:100].mean() + 0.1
    assert emotion.strength(prosody_rows(-0.5, level=1.0)).mean() > emotion.strength(prosody_rows(-0.5)).mean() + 0.1


def test_affect_words_lift_the_strength_where_they_fall() -> None:
    rows = prosody_rows(-0.5, frames=240)
    plain = emotion.strength(rows, "and then we went to the house by the river again")
    loaded = emotion.strength(rows, "and then we went to the house by the horrible river")
    lift = loaded - plain
    assert lift[:90].max() < 0.02 and lift[150:235].max() > 0.2
    assert affect.word_weights("hated hat hell hello") == [("hated", 1.0), ("hat", 0.0), ("hell", 0.6), ("hello", 0.0)]


def test_affect_words_lift_where_they_are_spoken_if_that_is_known() -> None:
    rows = prosody_rows(0.0)
    words = [AlignedWord("Horrible", 1.0, 1.3, True, 0.0, (0, 8)), AlignedWord("hate", -1.0, -1.0, False, 0.0, (9, 13))]
    lift = emotion.strength(rows, "Horrible hate", words=words) - emotion.strength(rows)
    assert lift[60:78].min() > 0.2 and lift[:30].max() < 0.02 and lift[110:].max() < 0.02


@pytest.mark.parametrize("language, known", [("en", True), ("en-us", True), ("cs", False)])
def test_words_of_a_corpus_get_the_times_of_its_phones(language: str, known: bool) -> None:
    names = "sil w iy h ey t sil r ey n".replace("ey", "eh ih").split()
    spans = tuple((k * 0.1, (k + 1) * 0.1, PHONE_INDEX[name]) for k, name in enumerate(names))
    utterance = Utterance(0, "x", "x", language, "train", "We hate rain.", 0, round(len(names) * 1600), spans)
    found = spoken(utterance)
    assert (found is not None) == known
    if found is not None:
        times = [(round(w.start, 2), round(w.end, 2)) for w in found.words]
        np.testing.assert_allclose(times, [(0.1, 0.3), (0.3, 0.7), (0.8, 1.2)], atol=0.04)
    other = dataclasses.replace(utterance, language="en", text="Nothing of the kind was ever said in here.")
    assert spoken(other) is None


def test_silence_is_calm() -> None:
    rows = prosody_rows(-3.0)
    rows[:, 14] = 0.0
    assert emotion.strength(rows).max() <= emotion.LOWEST + 1e-6


def test_styles_are_reproducible_and_differ() -> None:
    lips = lip_curves(SENTENCE, FRAMES)
    one, again, other = (Style.draw(np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(emotion.compose(lips, 3, 0.8, one), emotion.compose(lips, 3, 0.8, again))
    assert np.abs(emotion.compose(lips, 3, 0.8, one) - emotion.compose(lips, 3, 0.8, other)).max() > 0.01


def test_pose_tables_are_complete_and_in_range() -> None:
    assert set(table("visemes")) == set(PHONES) and set(table("emotions")) == set(LABELS)
    assert all(len(kinds) == KINDS for kinds in table("emotions").values())
    for pose in (
        *table("visemes").values(),
        *(pose for kinds in table("emotions").values() for pose in kinds.values()),
    ):
        values = vector(pose)
        assert (values >= MOST * MINIMUM).all() and (values <= MOST * MAXIMUM).all()
    with pytest.raises(KeyError, match="no_such"):
        channels_of("no_such")


def test_noses_wrinkle_where_au_9_is_meant() -> None:
    wrinkled = {f"{label} {kind}" for label, kinds in table("emotions").items() for kind, pose in kinds.items()
                if "nose_wrinkleUpper" in pose}  # fmt: skip
    assert wrinkled == {"angry hot", "disgust revolted", "disgust sour"}


def test_emotions_point_at_the_pose_library(shared) -> None:
    import json

    from medtalk.rig.channels import CHANNEL_NAMES, indices

    library = json.loads((shared / "poses" / "metahuman_pose_library.json").read_text())
    # without the wrinkle, which every pose of the library has at 1
    upper = np.setdiff1d(indices("?_brow_*", "?_eye*", "?_nose*"), indices("?_nose_wrinkleUpper"))
    words = dict(angry="Anger", disgust="Disgust", fear="Fear", happy="Joy", sad="Sadness", surprised="Surprise")
    means = {
        label: np.mean(
            [[p.get(n.replace("-", "."), 0.0) for n in CHANNEL_NAMES] for k, p in library.items() if f"/{word}-" in k],
            axis=0,
        )[upper]
        for label, word in words.items()
    }
    for label in words:
        ours = np.mean([vector(pose) for pose in table("emotions")[label].values()], axis=0)[upper]
        cosines = {k: ours @ v / np.linalg.norm(ours) / np.linalg.norm(v) for k, v in means.items()}
        assert max(cosines, key=cosines.__getitem__) == label and cosines[label] > 0.75


def test_the_key_of_the_tables_changes_with_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a run would keep faces of an earlier table."""
    keys = [poses.key_of_tables()]
    for changed in ("visemes", "emotions"):
        monkeypatch.setattr(poses, "_text", lambda name, changed=changed: f"{name} {name == changed}")
        keys.append(poses.key_of_tables())
    assert len(set(keys)) == 3
