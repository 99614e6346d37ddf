import dataclasses

import numpy as np
import pytest

from medtalk.features.alignment import AlignedWord
from medtalk.features.phones import PHONE_INDEX, PHONES
from medtalk.guidance import LABELS
from medtalk.model.intensity import intensity
from medtalk.quality.articulation import jitter, measure
from medtalk.quality.events import runs
from medtalk.rig.channels import INDEX, MAXIMUM, MINIMUM, S_LIP, S_UP
from medtalk_train.synthetic.batches import Grids, Script
from medtalk_train.synthetic.corpus.read import Utterance
from medtalk_train.synthetic.corpus.spoken import spoken
from medtalk_train.synthetic.teacher import affect, emotion
from medtalk_train.synthetic.teacher.lips import lip_curves
from medtalk_train.synthetic.teacher.poses import channels_of, table, vector
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


@pytest.mark.parametrize("label", LABELS)
def test_a_closure_stays_a_closure_in_every_emotion(label: str) -> None:
    lips = lip_curves(SENTENCE, FRAMES)
    for strength in (0.5, 1.0, 1.5):
        face = emotion.compose(lips, LABELS.index(label), strength)
        closed = measure(lips, "close") > 0.7
        np.testing.assert_allclose(measure(face, "close")[closed], measure(lips, "close")[closed], atol=0.02)
        opening = [c for key in ("lowerLipDepress", "upperLipRaise") for c in channels_of(key)]
        assert face[closed][:, opening].max() < 0.2


def test_emotions_move_the_upper_face_not_the_lips() -> None:
    lips = lip_curves(SENTENCE, FRAMES)
    neutral = emotion.compose(lips, LABELS.index("neutral"), 0.8, flashes=False)
    for label in range(7):
        if LABELS[label] == "neutral":
            continue
        face = emotion.compose(lips, label, 0.8, flashes=False)
        assert np.abs(face - neutral)[:, S_LIP].mean() < lips[:, S_LIP].std(axis=0).mean() / 3
        assert np.abs(face - neutral)[:, S_UP].mean() > 4 * np.abs(face - neutral)[:, S_LIP].mean()
        weak = intensity(emotion.compose(lips, label, 0.4, flashes=False)).mean()
        assert weak < intensity(face).mean() < intensity(emotion.compose(lips, label, 1.2, flashes=False)).mean()


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
    assert set(table("visemes")) == set(PHONES)
    assert set(LABELS) <= set(table("emotions"))
    for name in ("visemes", "emotions"):
        for pose in table(name).values():
            values = vector(pose)
            assert (values >= MINIMUM).all() and (values <= MAXIMUM).all()
    with pytest.raises(KeyError, match="no_such"):
        channels_of("no_such")


def test_emotions_point_at_the_pose_library(shared) -> None:
    import json

    from medtalk.rig.channels import CHANNEL_NAMES, indices

    library = json.loads((shared / "poses" / "metahuman_pose_library.json").read_text())
    upper = indices("?_brow_*", "?_eye*", "?_nose*")
    words = dict(angry="Anger", disgust="Disgust", fear="Fear", happy="Joy", sad="Sadness", surprised="Surprise")
    means = {
        label: np.mean(
            [[p.get(n.replace("-", "."), 0.0) for n in CHANNEL_NAMES] for k, p in library.items() if f"/{word}-" in k],
            axis=0,
        )[upper]
        for label, word in words.items()
    }
    for label in words:
        ours = vector(table("emotions")[label])[upper]
        cosines = {k: ours @ v / np.linalg.norm(ours) / np.linalg.norm(v) for k, v in means.items()}
        assert max(cosines, key=cosines.__getitem__) == label and cosines[label] > 0.85


@pytest.mark.parametrize("label", ["angry", "neutral"])
def test_micro_expressions_flash_on_one_side_where_the_feeling_rises(label: str) -> None:
    """About one in 1.5 s, .2 to .5 s long, small, of brows, lids, nose and dimples, and none without feeling."""
    frames = 6000
    lips = np.zeros((frames, 174), np.float32)
    rising = np.where(np.arange(frames) % 600 < 60, np.arange(frames) % 600 / 60, 1.0).astype(np.float32)
    style, felt = Style(seed=5), 0.2 + 0.6 * rising
    plain = emotion.compose(lips, LABELS.index(label), felt, style, flashes=False)
    flashes = emotion.compose(lips, LABELS.index(label), felt, style) - plain
    allowed = [c for key in emotion._FLASHES for c in channels_of(key)]
    assert not np.delete(flashes, allowed, axis=1).any()
    moving = np.abs(flashes).max(axis=1) > 1e-4
    events = runs(moving)
    assert 20 < len(events) < 110, "some run into each other, and some meet a limit"
    assert min(b - a for a, b in events) >= 10 and np.median([b - a for a, b in events]) < 45
    assert 0.01 < np.abs(flashes).max() <= 0.25
    pairs = [(flashes[:, left], flashes[:, right]) for left, right in map(channels_of, emotion._FLASHES)]
    lopsided = np.mean([np.abs(a - b).max() > 0.1 * max(np.abs(a).max(), np.abs(b).max()) for a, b in pairs if a.any()])
    assert lopsided > 0.5, "most show on one side more than on the other"
    rise = np.arange(frames) % 600 < 66
    assert moving[rise].mean() > 2 * moving[~rise].mean()
    still = emotion.compose(lips, LABELS.index(label), 0.0, style)
    assert not still.any(), "nobody flashes without feeling"


def test_stage_1_sees_micro_expressions(monkeypatch: pytest.MonkeyPatch) -> None:
    said = Utterance(0, "tone", "v", "en", "train", "", 0, 40000, tuple(SENTENCE))
    grids = Grids(Script([said] * 4, [1.0] * 4), 2, 240, 1.5)
    faces = grids(np.random.default_rng(0))
    monkeypatch.setattr(emotion, "_micro_expressions", lambda strength, style: np.zeros((len(strength), 174), "f4"))
    assert float((faces - grids(np.random.default_rng(0))).abs().max()) > 0.01
