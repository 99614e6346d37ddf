"""The neutral pose of an actor: what stands in a face always goes, what moves stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medtalk.errors import TrainingError
from medtalk.guidance import LABELS
from medtalk.rates import FPS, RATE
from medtalk.rig import ARKIT_NAMES, RigSequence, from_arkit, indices, read_rig, write_rig
from medtalk.rig.channels import MAXIMUM, MINIMUM
from medtalk_train.captured.takes import read_takes
from medtalk_train.captured.takes.check import check
from medtalk_train.captured.takes.neutral import MOST, neutral_pose, rest, without
from medtalk_train.recipe import load_recipe
from tests.training.test_faults import studio

BIAS = {"[LR]_brow_raiseIn": 0.3, "[LR]_eye_squintInner": 0.2, "C_jaw.Y": 0.06, "L_mouth_dimple": 0.25}


def biased(folder: Path, speaker: str) -> Path:
    """`studio`, in which one speaker's solver sees `BIAS` in a face at rest."""
    for rig in studio(folder).glob(f"*_{speaker}_*.txt"):
        values = read_rig(rig).values.copy()
        for pattern, value in BIAS.items():
            channels = indices(pattern)
            values[:, channels] = value + values[:, channels] * (1.0 - value)  # the solver's range still ends at 1
        write_rig(rig, RigSequence(values))
    return folder


def test_the_bias_goes_and_the_motion_stays(tmp_path: Path) -> None:
    studio(tmp_path / "sound")
    folder = biased(tmp_path / "data", "ada")
    meant = {take.name: take.rig.read() for take in read_takes(tmp_path / "sound")}
    given = {take.name: take for take in read_takes(folder)}
    got = {take.name: take for take in read_takes(folder, calibrate=True)}
    biased_channels = indices(*BIAS)
    for name, take in got.items():
        before = np.abs(given[name].rig.read() - meant[name])[:, biased_channels].mean()
        after = np.abs(take.rig.read() - meant[name])
        if take.speaker == "ada":
            assert before > 0.1 and after[:, biased_channels].mean() < 0.012, (name, before, after.max())
        assert after.mean() < 0.002 and after.max() < 0.05, name
    happy = got["happy_ada_20"].rig.read()[:, indices("L_mouth_cornerPull")[0]]
    assert np.corrcoef(happy, meant["happy_ada_20"][:, indices("L_mouth_cornerPull")[0]])[0, 1] > 0.999
    keys = {take.rig.key() for take in got.values()} | {take.rig.key() for take in given.values()}
    assert len(keys) == 2 * len(got), "features of the one are not taken for the other's"


def test_what_is_calibrated_rests_at_0(tmp_path: Path) -> None:
    folder = biased(tmp_path / "data", "ada")
    assert any("ada does not rest at 0" in note for note in check(folder).notes)
    for take in read_takes(folder, calibrate=True):
        write_rig(take.rig.file, RigSequence(take.rig.read()))
    assert not any("rest at 0" in note for note in check(folder).notes)


def test_an_actor_without_neutral_takes(tmp_path: Path) -> None:
    """What stands in every emotion alike is the actor's; what one emotion has alone is that emotion's."""
    folder = biased(tmp_path / "data", "ada")
    for file in list(folder.glob("neutral_*")):
        file.unlink()
    for take in read_takes(folder, calibrate=True):
        values = take.rig.read()
        if take.speaker == "ada":
            assert np.median(values[:, indices("[LR]_brow_raiseIn")]) == pytest.approx(0.0, abs=0.01)
        if LABELS[take.label] == "angry":
            assert values[:, indices("[LR]_brow_down")].max() > 0.6, "anger is not taken out"
    for file in list(folder.glob("happy_*")):
        file.unlink()
    first = read_takes(folder, calibrate=True)[0]
    with pytest.raises(
        TrainingError, match=r"All takes of ada are angry, none is neutral: the pose at rest cannot.*calibrate"
    ):
        first.rig.read()


def test_an_actor_whom_nobody_knows(tmp_path: Path) -> None:
    """Two people without a name have no pose in common."""
    folder = studio(tmp_path / "data")
    for file in list(folder.iterdir()):
        file.rename(file.with_name(file.name.replace("ada_", "ada").replace("bob_", "bob")))
    with pytest.raises(
        TrainingError, match=r"16 takes without a speaker, such as .*wav: whose neutral pose.*calibrate"
    ):
        read_takes(folder, calibrate=True)
    assert len(read_takes(folder)) == 16


def test_ends_of_the_range_stay_and_nothing_falls_below() -> None:
    rng = np.random.default_rng(1)
    pose = np.where(MINIMUM < 0, rng.uniform(-0.6, 0.6, 174), rng.uniform(0.0, 0.6, 174))
    out = without(np.stack([MINIMUM, MAXIMUM, pose, 0.5 * pose]), pose)
    assert out[0] == pytest.approx(MINIMUM, abs=1e-6) and out[1] == pytest.approx(MAXIMUM, abs=1e-6)
    assert out[2] == pytest.approx(0.0, abs=1e-6)
    assert (out >= MINIMUM).all() and (out <= MAXIMUM).all()
    assert (out[3][MINIMUM == 0.0] == 0.0).all(), "below the pose is rest, not a negative brow"


def test_lips_that_touch_at_rest_still_close() -> None:
    neutral = LABELS.index("neutral")
    at_rest = np.zeros(174)
    at_rest[indices("[LR]_mouth_lipsTogether[DU]")], at_rest[indices("[LR]_brow_down")] = 1.0, 0.9
    pose = neutral_pose([(neutral, at_rest)])
    assert pose is not None and not pose[indices("[LR]_mouth_lipsTogether[DU]")].any()
    assert pose[indices("[LR]_brow_down")] == pytest.approx(MOST), "more is no bias of a solver"
    assert neutral_pose([(0, at_rest), (0, at_rest)]) is None


def test_a_face_without_a_sound_rests_where_it_is_still() -> None:
    weights = np.zeros((4 * FPS, 52))
    weights[:, ARKIT_NAMES.index("BrowDownLeft")] = 0.2
    moving = slice(FPS, 3 * FPS)
    weights[moving, ARKIT_NAMES.index("JawOpen")] = 0.3 + 0.3 * np.sin(np.arange(2 * FPS) / 4.0)
    found = rest(from_arkit(weights).values, None)
    assert found[indices("L_brow_down")] == pytest.approx(0.2) and found[indices("C_jaw.Y")] == pytest.approx(0.0)


@pytest.mark.parametrize("gain", [1.0, 0.1, 0.01])
def test_a_jaw_that_speaks_is_no_rest_whatever_the_gain(gain: float) -> None:
    """A voice without a pause has no quiet frames: the jaw rests where it comes back to."""
    sound = (0.15 * np.sin(np.arange(4 * RATE) / 20.0)).astype(np.float32)
    values = np.zeros((4 * FPS, 174), np.float32)
    values[:, indices("C_jaw.Y")] = 0.8
    values[::8, indices("C_jaw.Y")] = 0.1
    assert rest(values, gain * sound)[indices("C_jaw.Y")] == pytest.approx(0.1)
    sound[RATE : 2 * RATE] *= 1e-3
    values[FPS : 2 * FPS, indices("C_jaw.Y")] = 0.0
    assert rest(values, gain * sound)[indices("C_jaw.Y")] == pytest.approx(0.0), "where it pauses"


def test_the_recipe_asks_for_it(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("pretrained: {}\ndata:\n  - {folder: DATA, calibrate: true}\n", "utf-8")
    assert load_recipe(file).data[0].calibrate is True
