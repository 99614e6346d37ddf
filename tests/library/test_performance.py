import json

import numpy as np
import pytest
import soundfile

import medtalk
from medtalk.audio import Speech
from medtalk.engine import open_engine
from medtalk.errors import GuidanceError, SettingError
from medtalk.features.prosody import prosody
from medtalk.finishing import PAPER, Finishing
from medtalk.guidance import LABELS
from medtalk.perform import Model, Performance
from medtalk.rig.channels import AREAS, MAXIMUM, MINIMUM, N_CHANNELS, indices
from medtalk_board.channels import REGIONS

RAW = Finishing(smooth=False, blink=False, gaze=False, limits=False, life=False)


@pytest.fixture(scope="module")
def model(tiny_bundle) -> Model:
    return medtalk.load(tiny_bundle)


@pytest.fixture
def performance(model, sound) -> Performance:
    return model.perform(sound)


def test_shapes_and_time(performance):
    assert len(performance) == 120 and performance.seconds == 2.0
    assert performance.content.shape == (120, 256)
    assert performance.posteriors.shape == (120, 35)
    assert performance.intensity.shape == performance.activity.shape == (120,)
    np.testing.assert_allclose(performance.posteriors.sum(axis=1), 1.0, atol=1e-5)
    assert performance.intensity.min() >= 0.0
    rig = performance.decode()
    assert rig.values.shape == (120, N_CHANNELS) and rig.fps == 60
    assert np.isfinite(rig.values).all()
    assert (rig.values >= MINIMUM).all() and (rig.values <= MAXIMUM).all()


def test_the_head_turns_with_the_full_face_unless_it_is_switched_off(performance):
    rig = performance.decode("happy")
    assert rig.head is not None and rig.head.shape == (120, 3) and np.ptp(rig.head, axis=0).max() > 0.5
    np.testing.assert_array_equal(performance.decode("happy").head, rig.head)
    assert np.abs(performance.decode("happy", finishing=Finishing(seed=1)).head - rig.head).max() > 0.5
    for still in (Finishing(head=False), Finishing(amounts={"head": 0.0}), PAPER):
        assert performance.decode("happy", finishing=still).head is None
    assert performance.decode("happy", region="mouth").head is None
    half = performance.decode("happy", finishing=Finishing(amounts={"head": 0.5})).head
    np.testing.assert_allclose(half, 0.5 * rig.head, atol=1e-5)
    # but for the eyes, which turn against it, the face is the same
    face = np.setdiff1d(np.arange(N_CHANNELS), AREAS["eye"])
    still = performance.decode("happy", finishing=Finishing(head=False))
    np.testing.assert_array_equal(still.values[:, face], rig.values[:, face])


@pytest.mark.parametrize("samples", [1600, 4801, 16266, 31999])
def test_frames_are_the_whole_sixtieths_of_a_second(model, samples):
    speech = Speech.from_array(np.random.default_rng(1).normal(0, 0.1, samples).astype(np.float32), 16000)
    assert len(model.perform(speech).decode()) == samples * 60 // 16000


def test_decoding_does_no_audio_work(performance, monkeypatch):
    first = performance.decode("angry")

    def refuse(*_args, **_options):
        raise AssertionError("audio work in decode")

    for name in ("hear", "intensity", "label_vectors", "guide_by_text", "guide_by_image"):
        monkeypatch.setattr(performance.model.engine, name, refuse)
    for name in (
        "medtalk.features.whisper_mel.log_mel",
        "medtalk.features.prosody.prosody",
        "medtalk.perform.read_speech",
    ):
        monkeypatch.setattr(name, refuse)
    assert np.array_equal(performance.decode("angry").values, first.values)
    assert not np.array_equal(performance.decode("happy").values, first.values)


def test_the_same_again_and_another_seed(model, sound):
    first, again = (model.perform(sound).decode("sad", finishing=Finishing(seed=seed)) for seed in (3, 3))
    assert np.array_equal(first.values, again.values)
    other = model.perform(sound).decode("sad", finishing=Finishing(seed=4))
    assert not np.array_equal(first.values, other.values)


def test_every_label_gives_another_face(performance):
    faces = [performance.decode(label, finishing=RAW).values for label in LABELS]
    for index, face in enumerate(faces):
        assert all(np.abs(face - other).max() > 1e-4 for other in faces[index + 1 :])


def test_without_intensity_all_emotions_are_one(performance):
    faces = [performance.decode(label, 0.0, RAW).values for label in ("angry", "happy")]
    np.testing.assert_allclose(faces[0], faces[1], atol=1e-6)


def test_an_intensity_curve_acts_frame_by_frame(performance):
    curve = np.where(np.arange(120) < 60, 0.5, 2.0)
    mixed = performance.decode("happy", curve, RAW).values
    np.testing.assert_allclose(mixed[:60], performance.decode("happy", 0.5, RAW).values[:60], atol=1e-6)
    np.testing.assert_allclose(mixed[60:], performance.decode("happy", 2.0, RAW).values[60:], atol=1e-6)


def test_an_edited_intensity_is_what_is_decoded(performance):
    edited = performance.with_intensity(performance.intensity * 2.0)
    np.testing.assert_allclose(
        edited.decode("fear", finishing=RAW).values, performance.decode("fear", 2.0, RAW).values, atol=1e-5
    )
    assert edited.content is performance.content
    constant = performance.with_intensity(0.25)
    assert constant.intensity.tolist() == [0.25] * 120


def test_a_performance_cannot_be_changed(performance):
    heard, lips = performance.heard, performance.closures
    own = [performance.content, performance.posteriors, performance.intensity, performance.activity]
    own += [heard.content, heard.emotion_features, heard.posteriors, heard.sound, lips.seal, lips.press, lips.bite]
    for values in own:
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 0.0
    curve = np.ones(120, np.float32)
    performance.with_intensity(curve)
    curve[0] = 2.0  # the caller's own array stays the caller's


@pytest.mark.parametrize("intensity", [np.nan, np.inf, -0.1, 4.01, "much", None, [1.0, 2.0], np.ones((120, 1))])
def test_impossible_intensities(performance, intensity):
    with pytest.raises(SettingError, match="intensity"):
        performance.decode("happy", intensity)


@pytest.mark.parametrize("curve", [np.full(120, np.nan), np.full(120, -1.0), np.ones(119)])
def test_impossible_intensity_curves(performance, curve):
    with pytest.raises(SettingError, match="intensity curve"):
        performance.with_intensity(curve)


def test_unknown_emotion_and_region(performance):
    with pytest.raises(GuidanceError, match="valid are angry"):
        performance.decode("sleepy")
    with pytest.raises(SettingError, match="valid are full, mouth, upper"):
        performance.decode(region="nose")


def test_regions_keep_their_channels_and_nothing_else(performance):
    # a part of a face has no head that turns, nor eyes that turn against it
    full = performance.decode("angry", finishing=Finishing(head=False)).values
    for region in ("mouth", "upper"):
        kept = np.concatenate([AREAS[area] for area in REGIONS[region]])
        others = np.setdiff1d(np.arange(N_CHANNELS), kept)
        part = performance.decode("angry", region=region).values
        assert np.array_equal(part[:, kept], full[:, kept])
        assert not part[:, others].any()
    assert not set(REGIONS["mouth"]) & set(REGIONS["upper"])


def test_silence_is_a_resting_face_with_blinks(silence):
    performance = medtalk.load().perform(silence)  # an ear of random weights hears phones in silence, too
    rig = performance.decode("angry", finishing=Finishing(gaze=False))
    moving = np.flatnonzero(np.abs(rig.values).max(axis=0) > 0.0)
    corners = indices("?_mouth_cornerPull", "?_mouth_cornerDepress")  # they drift
    assert set(moving) <= set(AREAS["eye"]) | set(AREAS["cheek"]) | set(AREAS["brow"]) | set(corners)
    blink = rig.values[:, [36, 105]]  # eye_blink, left and right
    assert blink.max() > 0.7 and np.median(blink) == 0.0
    assert not performance.decode("angry", finishing=RAW).values.any()


def test_the_cues_are_those_of_the_sound(model, sound):
    performance = model.perform(sound)
    np.testing.assert_array_equal(performance.prosody, prosody(performance.speech.samples))
    found = performance.cues
    assert found is performance.cues and found.frames == len(performance) and found.phrases
    np.testing.assert_array_equal(found.activity, performance.activity)
    edited = performance.with_intensity(np.ones(len(performance)))
    assert edited.cues.accents == found.accents
    with pytest.raises(ValueError, match="read-only"):
        performance.prosody[0] = 1.0


def test_words_reach_the_intensity(model, sound):
    without, blank = model.perform(sound), model.perform(sound, "  \n")
    words = model.perform(sound, "I am so terribly angry!")
    assert np.array_equal(without.intensity, blank.intensity)
    assert not np.array_equal(without.intensity, words.intensity)
    assert np.array_equal(without.content, words.content)


def test_meta_tells_what_a_rig_was_made_from(model, sound):
    rig = model.perform(sound, "hello there").decode("joy:0.5", 1.5, Finishing(seed=9), "upper")
    meta = json.loads(json.dumps(dict(rig.meta)))
    assert meta["emotion"] == {"happy": 0.5, "neutral": 0.5} and meta["intensity"] == 1.5
    assert meta["source"]["name"] == "voice.wav" and len(meta["source"]["sha256"]) == 64
    assert meta["bundle"] == {"name": "tiny", "sha256": model.bundle.sha256}
    assert (meta["finishing"]["seed"], meta["region"], meta["transcript"]) == (9, "upper", "hello there")


def test_a_channel_of_a_file(tmp_path, sound):
    model = medtalk.load()
    voice = soundfile.read(sound, dtype="float32")[0]
    path = tmp_path / "two.wav"
    soundfile.write(path, np.stack([np.zeros_like(voice), voice], axis=1), 16000, subtype="FLOAT")
    mono = model.perform(Speech.from_array(voice, 16000))
    assert np.array_equal(model.perform(path, channel=1).content, mono.content)
    assert not model.perform(path, channel=0).activity.any()


def test_both_engines_give_the_same(model, tiny_bundle, sound):
    other = medtalk.load(tiny_bundle, engine="torch")
    assert type(other.engine) is not type(model.engine)
    ours, theirs = (each.perform(sound, "so what") for each in (model, other))
    # The graph of the ear has weights of 8 bits.
    assert ours.posteriors is not None and theirs.posteriors is not None
    np.testing.assert_allclose(ours.posteriors, theirs.posteriors, atol=1e-3)
    rigs = [each.decode("fear", 1.2, RAW).values for each in (ours, theirs)]
    np.testing.assert_allclose(rigs[0], rigs[1], atol=1e-3)
    same = other._performance(ours.speech, ours.transcript, ours.heard).decode("fear", 1.2, RAW)
    np.testing.assert_allclose(same.values, rigs[0], atol=1e-5)


def test_threads_do_not_change_the_result(tiny_bundle, sound):
    one, two = (medtalk.load(tiny_bundle, threads=n).perform(sound).decode("sad").values for n in (1, 2))
    np.testing.assert_allclose(one, two, atol=1e-6)


def test_unknown_engine_and_threads(model):
    with pytest.raises(SettingError, match="valid are auto, onnx, torch"):
        open_engine(model.bundle, "tensorflow")
    with pytest.raises(SettingError, match="threads"):
        open_engine(model.bundle, threads=0)


def test_a_bundle_without_a_text_encoder_says_so(model: Model) -> None:
    with pytest.raises(GuidanceError, match="does not understand descriptions"):
        model.guide(text="furious")


def test_a_sound_without_a_voice_has_a_note_in_its_rig(tiny_bundle):
    model = medtalk.load(tiny_bundle)
    silent = model.perform(Speech.from_array(np.zeros(16000), 16000, "a.wav"), "Hello there.")
    assert silent.note == silent.with_transcript("").note == "a.wav is silent: the face rests."
    assert silent.note in silent.decode("happy").meta["note"]
