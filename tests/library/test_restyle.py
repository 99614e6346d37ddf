"""The spaces of a bundle, and takes in another emotion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import medtalk
from medtalk.bundle import load_bundle
from medtalk.engine.spaces import Spaces
from medtalk.errors import BundleError, GuidanceError, RigError, SettingError
from medtalk.finishing import Finishing
from medtalk.perform import Performance
from medtalk.quality.surface import surface
from medtalk.restyle import Rebuilt, bare, finishing_of, like, poor, rebuilt, restyle
from medtalk.rig import RigSequence
from medtalk.rig.channels import INDEX, N_CHANNELS, S_EMO, S_LIP, S_UP, indices

LIDS = indices("[LR]_eye_blink")
LOOKS = indices("[LR]_eye.[XY]")


@pytest.fixture(scope="module")
def model() -> medtalk.Model:
    return medtalk.load(threads=1)


@pytest.fixture(scope="module")
def spaces(model: medtalk.Model) -> Spaces:
    return Spaces(model.bundle)


@pytest.fixture(scope="module")
def voice(model: medtalk.Model, sample: Path) -> Performance:
    return model.perform(sample, sample.with_suffix(".txt").read_text("utf-8"))


@pytest.fixture(scope="module")
def neutral(voice: Performance) -> RigSequence:
    return voice.decode("neutral")


def apart(one: RigSequence, other: RigSequence, channels: np.ndarray) -> float:
    """Mean distance in channels, blinks and looks left out."""
    return float(np.abs(bare(one.values)[0] - bare(other.values)[0])[:, channels].mean())


def gap(rig: RigSequence) -> np.ndarray:
    return np.maximum(surface(rig.values).gap, 0.0)


# --- the spaces


def test_the_spaces_are_those_of_the_networks(spaces: Spaces, voice: Performance, model: medtalk.Model) -> None:
    from medtalk_train.synthetic.export import networks_of

    networks = networks_of(model.bundle).model
    rig = torch.from_numpy(voice.decode("happy").values.copy())
    with torch.no_grad():
        emotion, content = networks.emo_encoder(rig), networks.cont_encoder(rig)
        back, vector = networks.reconstruct(rig, rig), networks.emotion_embedding(torch.tensor([4]))
        felt = networks.emotion(vector[None], torch.from_numpy(voice.intensity.copy())[None])[0]
    np.testing.assert_allclose(spaces.emotion(rig.numpy()), emotion, atol=1e-5)
    np.testing.assert_allclose(spaces.content(rig.numpy()), content, atol=1e-5)
    np.testing.assert_allclose(
        spaces.decode(emotion.numpy(), content.numpy()), networks.decoder(emotion, content).detach(), atol=1e-5
    )
    np.testing.assert_allclose(spaces.rebuild(rig.numpy()), back, atol=1e-5)
    np.testing.assert_allclose(spaces.guided(vector[0].detach().numpy(), voice.intensity), felt, atol=1e-4)
    one = spaces.decode(emotion[0].numpy(), content.numpy())  # one emotion for all frames
    np.testing.assert_allclose(one[7], spaces.decode(emotion[:1].numpy(), content[7:8].numpy())[0], atol=1e-6)


def test_spaces_of_both_kinds_of_bundles(full_bundle: Path, tiny_bundle: Path) -> None:
    faces = np.random.default_rng(0).uniform(0.0, 1.0, (5, N_CHANNELS)).astype(np.float32)
    labels, guided = Spaces(load_bundle(full_bundle)), Spaces(load_bundle(full_bundle), guided=True)
    assert labels.has_guided and labels.content(faces).shape == labels.emotion(faces).shape == (5, 256)
    assert np.abs(labels.content(faces) - guided.content(faces)).max() > 0.01  # the authors' are two networks
    tiny = load_bundle(tiny_bundle)
    assert not Spaces(tiny).has_guided and Spaces(tiny).rebuild(faces).shape == (5, N_CHANNELS)
    with pytest.raises(BundleError, match="do not fit"):
        Spaces(tiny, guided=True)


def test_what_is_no_rig_has_no_embedding(spaces: Spaces) -> None:
    for wrong in (np.zeros((3, 52)), np.zeros(N_CHANNELS), np.full((2, N_CHANNELS), np.nan)):
        with pytest.raises(RigError, match="no embedding"):
            spaces.content(wrong)


def test_a_bundle_without_its_weights_says_what_to_install(own_bundle: Path) -> None:
    (own_bundle / "weights.safetensors").unlink()
    with pytest.raises(BundleError, match=r"came without weights.safetensors.*medtalk\[full\]"):
        Spaces(load_bundle(own_bundle))


# --- blinks and looks


def test_blinks_and_looks_are_taken_off_and_put_back(voice: Performance) -> None:
    off = voice.decode("sad", finishing=Finishing(blink=False, gaze=False, head=False))
    rig = voice.decode("sad", finishing=Finishing(head=False))
    assert np.abs(rig.values[:, LIDS] - off.values[:, LIDS]).max() > 0.3, "it blinks"
    face, eyes = bare(rig.values)
    assert not face[:, LOOKS].any() and eyes.shut.max() > 0.9
    assert np.abs(face - off.values)[:, S_UP].max() < 0.15 and np.abs(face - off.values)[:, S_UP].mean() < 0.003
    np.testing.assert_allclose(eyes.over(face), rig.values, atol=1e-5)


def test_eyes_that_close_slowly_do_not_blink() -> None:
    values = np.zeros((240, N_CHANNELS), np.float32)
    values[:, LIDS] = np.interp(np.arange(240), [0, 90, 180, 240], [0.0, 0.9, 0.9, 0.0])[:, None]
    face, eyes = bare(values)
    assert not eyes.shut.any() and np.array_equal(face, values)


# --- how well it was rebuilt


def test_rebuilt_in_numbers() -> None:
    rng = np.random.default_rng(1)
    face = np.zeros((400, N_CHANNELS), np.float32)
    face[:, S_LIP] = rng.normal(0.3, 0.2, (400, len(S_LIP)))
    mean = np.broadcast_to(face.mean(axis=0), face.shape)
    assert rebuilt(face, face)["mouth"] == Rebuilt(1.0, 0.0)
    assert rebuilt(face, mean)["mouth"].r2 == pytest.approx(0.0, abs=1e-4)
    assert rebuilt(face, 0.5 * (face + mean))["mouth"].r2 == pytest.approx(0.75, abs=1e-4)
    still = rebuilt(face, face + np.float32(0.04))["upper"]
    assert still.r2 is None and still.error == pytest.approx(0.04, abs=1e-6) and still.poor
    assert not Rebuilt(-2.0, 0.01).poor and Rebuilt(0.2, 0.06).poor and not Rebuilt(0.9, 0.06).poor


def test_its_own_takes_are_rebuilt_and_told(neutral: RigSequence, model: medtalk.Model, spaces: Spaces) -> None:
    done = restyle(neutral, model, model.guide("angry"), spaces=spaces)
    told = done.meta["restyled"]["rebuilt"]
    assert told["mouth"]["r2"] > 0.98 and told["mouth"]["error"] < 0.005 and not poor(done)
    assert done.meta["emotion"] == {"angry": 1.0} and done.meta["source"] == neutral.meta["source"]
    assert done.words == neutral.words and done.phones == neutral.phones


def test_a_face_of_another_kind_is_told(model: medtalk.Model, spaces: Spaces, shared: Path) -> None:
    captured = medtalk.read_rig(shared / "recorded" / "angry_gd04_001_021.txt")
    done = restyle(captured, model, model.guide("sad"), spaces=spaces)
    told = done.meta["restyled"]["rebuilt"]
    assert poor(done) == ["mouth", "upper"] and told["mouth"]["r2"] < 0.2 and told["upper"]["r2"] < 0.2


def test_faces_at_random_are_told(model: medtalk.Model, spaces: Spaces) -> None:
    values = np.random.default_rng(3).uniform(0.0, 1.0, (90, N_CHANNELS)).astype(np.float32)
    assert poor(restyle(RigSequence(values), model, model.guide("sad"), spaces=spaces)) == ["mouth", "upper"]


# --- another emotion


@pytest.mark.parametrize("mood", ["happy", "angry", "surprised"])
def test_a_neutral_take_becomes_the_take_of_another_mood(
    mood: str, neutral: RigSequence, voice: Performance, model: medtalk.Model, spaces: Spaces
) -> None:
    """Beside doing nothing, a restyled take is much nearer to the take that the sound gives in that mood."""
    wanted = voice.decode(mood)
    heard = restyle(neutral, model, model.guide(mood), spaces=spaces, sound=voice)
    assert apart(heard, wanted, S_EMO) < 0.05 * apart(neutral, wanted, S_EMO)
    assert apart(heard, wanted, S_LIP) < 0.25 * apart(neutral, wanted, S_LIP)
    assert np.abs(gap(heard) - gap(wanted)).mean() < 0.35 * np.abs(gap(neutral) - gap(wanted)).mean()
    unheard = restyle(neutral, model, model.guide(mood), spaces=spaces)
    assert apart(unheard, wanted, S_EMO) < 0.35 * apart(neutral, wanted, S_EMO)
    assert apart(unheard, wanted, S_LIP) < 0.65 * apart(neutral, wanted, S_LIP)


def test_and_back_again(neutral: RigSequence, model: medtalk.Model, spaces: Spaces, voice: Performance) -> None:
    happy = voice.decode("happy")
    back = restyle(happy, model, model.guide("neutral"), spaces=spaces, sound=voice)
    assert apart(back, neutral, S_EMO) < 0.1 * apart(happy, neutral, S_EMO)
    assert apart(back, neutral, S_LIP) < 0.5 * apart(happy, neutral, S_LIP)


def test_closures_and_eyes_and_head_stay(neutral: RigSequence, model: medtalk.Model, spaces: Spaces) -> None:
    done = restyle(neutral, model, model.guide("surprised"), spaces=spaces)
    shut = gap(neutral) < 0.1
    assert shut.sum() > 10 and gap(done)[shut].max() < 0.5 and gap(done).max() > gap(neutral).max()
    assert done.head is not None and neutral.head is not None and np.array_equal(done.head, neutral.head)
    assert np.allclose(done.values[:, LOOKS], neutral.values[:, LOOKS], atol=1e-6)
    blinking = bare(neutral.values)[1].shut.min(axis=1) > 0.9
    assert blinking.any() and done.values[blinking][:, LIDS].min() > 0.85
    anew = restyle(neutral, model, model.guide("surprised"), spaces=spaces, remake=True)
    assert anew.head is not None and not np.array_equal(anew.head, neutral.head)
    assert np.abs(anew.values[:, LOOKS] - neutral.values[:, LOOKS]).max() > 0.02


def test_intensity_scales_it_and_0_is_a_calm_face(neutral: RigSequence, model: medtalk.Model, spaces: Spaces) -> None:
    guidance, quiet = model.guide("happy"), replace(finishing_of(neutral), life=False)
    level = [
        float(np.abs(bare(restyle(neutral, model, guidance, spaces=spaces, intensity=scale, finishing=quiet).values)[0]
                     [:, S_EMO]).mean())
        for scale in (0.0, 0.5, 1.0, 1.5)
    ]  # fmt: skip
    assert level == sorted(level) and level[0] < 0.15 * level[2]
    with pytest.raises(SettingError, match="0 to 4"):
        restyle(neutral, model, guidance, spaces=spaces, intensity=5.0)


def test_like_another_take(neutral: RigSequence, voice: Performance, model: medtalk.Model, spaces: Spaces) -> None:
    wanted = voice.decode("angry")
    each = like(wanted, "angry.npz", spaces, len(neutral))
    assert each.embedding.shape == (len(neutral), 256) and each.mood == {"angry": 1.0}
    done = restyle(neutral, model, each, spaces=spaces)
    assert apart(done, wanted, S_EMO) < 0.1 * apart(neutral, wanted, S_EMO)
    assert apart(done, wanted, S_LIP) < 0.5 * apart(neutral, wanted, S_LIP)
    assert done.meta["guidance"] == {"like": "angry.npz", "frames": "each"}
    mean = like(wanted.slice(1.0, 4.0), "angry.npz", spaces, len(neutral))
    assert mean.embedding.shape == (256,)
    steady = restyle(neutral, model, mean, spaces=spaces)
    assert apart(steady, wanted, S_EMO) < 0.4 * apart(neutral, wanted, S_EMO)
    half = restyle(neutral, model, mean, spaces=spaces, intensity=0.5)
    assert 0.3 < apart(half, neutral, S_EMO) / apart(steady, neutral, S_EMO) < 0.7
    with pytest.raises(SettingError, match="frames"):
        restyle(neutral.slice(0.0, 2.0), model, each, spaces=spaces)


@pytest.mark.parametrize("emotion", ["happy:0.6,sad:0.4", {"confident": 1.0}])
def test_mixtures_and_moods(emotion: object, neutral: RigSequence, model: medtalk.Model, spaces: Spaces) -> None:
    done = restyle(neutral, model, model.guide(emotion), spaces=spaces)  # type: ignore[arg-type]
    assert sum(done.meta["emotion"].values()) == pytest.approx(1.0)
    assert apart(done, neutral, S_EMO) > 0.01


def test_at_its_own_rate(neutral: RigSequence, model: medtalk.Model, spaces: Spaces) -> None:
    slow = neutral.resample(23.976)
    done = restyle(slow, model, model.guide("happy"), spaces=spaces)
    assert (len(done), done.fps) == (len(slow), slow.fps)
    fast = restyle(neutral, model, model.guide("happy"), spaces=spaces)
    # The length seeds the life of a face, so that of the upper face differs a little.
    assert apart(done, fast.resample(23.976), S_EMO) < 0.3 * apart(slow, done, S_EMO)
    assert apart(done, fast.resample(23.976), S_LIP) < 0.5 * apart(slow, done, S_LIP)
    one = restyle(RigSequence(neutral.values[60:61]), model, model.guide("happy"), spaces=spaces)
    assert len(one) == 1 and one.values[0, INDEX["CTRL_L_mouth_cornerPull-translateY"]] > 0.2


def test_once_more(neutral: RigSequence, model: medtalk.Model, spaces: Spaces) -> None:
    """A restyled take is a take: it can be restyled, and its eyes and head made anew."""
    happy = restyle(neutral, model, model.guide("happy"), spaces=spaces)
    again = restyle(happy, model, model.guide("sad"), spaces=spaces)
    assert finishing_of(again) == finishing_of(neutral)
    assert apart(again, restyle(neutral, model, model.guide("sad"), spaces=spaces), S_EMO) < 0.01
    anew = restyle(again, model, model.guide("sad"), spaces=spaces, remake=True)
    assert anew.head is not None and bare(anew.values)[1].looks.any()


def test_a_mouth_alone_stays_one(voice: Performance, model: medtalk.Model, spaces: Spaces) -> None:
    mouth = voice.decode("neutral", region="mouth")
    for guidance in (model.guide("happy"), like(voice.decode("happy"), "h", spaces, len(mouth))):
        done = restyle(mouth, model, guidance, spaces=spaces)
        assert not done.values[:, S_UP].any() and done.meta["region"] == "mouth"
        assert np.abs(done.values - mouth.values).max() > 0.1


def test_what_cannot_be(neutral: RigSequence, model: medtalk.Model, spaces: Spaces, voice: Performance) -> None:
    with pytest.raises(SettingError, match="lasts"):
        restyle(neutral.slice(0.0, 2.0), model, model.guide("sad"), spaces=spaces, sound=voice)
    with pytest.raises(GuidanceError, match="--sound"):
        restyle(neutral, model, model.guide("auto"), spaces=spaces)


def test_a_bundle_of_the_authors(full_bundle: Path, small_backbones: dict[str, Path], neutral: RigSequence) -> None:
    model = medtalk.load(full_bundle, backbones={"clip": small_backbones["clip"]}, offline=True, device="cpu")
    by_label = restyle(neutral, model, model.guide("happy"))
    by_text = restyle(neutral, model, model.guide(text="slightly annoyed"))
    assert by_label.values.shape == by_text.values.shape == neutral.values.shape
    assert np.abs(by_label.values - by_text.values).max() > 0.01
    assert by_text.meta["guidance"] == {"text": "slightly annoyed"}
