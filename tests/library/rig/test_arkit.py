"""ARKit blendshapes, both ways.

Weights are compared over there and back, on made ones, on a captured face (tests/data), and where they are, on the
longer recordings beside the repository.
"""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from medtalk.errors import RigError
from medtalk.rig import ARKIT, ARKIT_NAMES, RigSequence, from_arkit, indices, read_rig, to_arkit
from medtalk.rig.arkit import ARKIT_MATRIX, STILL_JAW
from medtalk.rig.channels import INDEX, MAXIMUM, MINIMUM, N_CHANNELS
from medtalk.rig.livelink import parse_livelink
from medtalk.rig.tables import lines_of

TOGETHER = "?_mouth_lipsTogether[DU]"


def shape(name: str) -> int:
    return ARKIT_NAMES.index(name)


def test_matrix_equals_the_table(shared: Path) -> None:
    theirs = np.zeros((N_CHANNELS, 52))
    with (shared / "arkit_to_faceboard.csv").open() as file:
        for row in csv.DictReader(file):
            theirs[INDEX[f"{row['control']}-{row['axis']}"], shape(row["arkit_blendshape"])] = float(row["value_at_1"])
    np.testing.assert_array_equal(ARKIT_MATRIX, theirs)


def test_names_are_in_the_order_of_the_app() -> None:
    assert len(set(ARKIT_NAMES)) == 52
    places = {"EyeBlinkLeft": 0, "EyeBlinkRight": 7, "JawForward": 14, "JawRight": 15, "JawLeft": 16, "JawOpen": 17}
    assert {name: shape(name) for name in places} == places
    assert ARKIT_NAMES[-3:] == ("NoseSneerLeft", "NoseSneerRight", "TongueOut")
    assert set(ARKIT["CTRL_C_jaw-translateX"]) == {"JawLeft", "JawRight"}


def test_weights_are_the_bounded_least_squares_solution() -> None:
    values = np.random.default_rng(3).uniform(-1.2, 1.4, (40, N_CHANNELS))
    for other in ("C_eye", "?_mouth_lipBiteD", "?_mouth_lipsPressU"):  # what is added before or after the fit
        values[:, indices(other)] = 0.0
    names, weights = to_arkit(RigSequence(values))
    assert names == ARKIT_NAMES
    assert weights.dtype == np.float32
    assert ((weights >= 0.0) & (weights <= 1.0)).all()
    clipped = values.copy()
    clipped[:, indices("[LR]_eye")] = np.clip(clipped[:, indices("[LR]_eye")], -1.0, 1.0)
    for frame, ours in zip(clipped, weights.astype(np.float64), strict=True):
        best = lsq_linear(ARKIT_MATRIX, frame, bounds=(0.0, 1.0), tol=1e-12).x
        assert ours[shape("MouthClose")] == pytest.approx(best[shape("MouthClose")] * best[shape("JawOpen")], abs=1e-6)
        ours[shape("MouthClose")] = best[shape("MouthClose")]
        cost = np.square(ARKIT_MATRIX @ best - frame).sum()
        assert np.square(ARKIT_MATRIX @ ours - frame).sum() == pytest.approx(cost, rel=1e-6)


def test_what_rests_is_nothing_at_all() -> None:
    """What is left of rounding would stand in every file as 2.3e-14, and otherwise on another machine."""
    rng = np.random.default_rng(8)
    weights = rng.uniform(0.0, 1.0, (300, 52)) * (rng.uniform(size=(300, 52)) < 0.3)
    found = to_arkit(from_arkit(weights))[1]
    assert (found == 0.0).mean() > 0.4 and found[found > 0.0].min() > 1e-9


def test_opposites_are_never_on_together() -> None:
    values = np.random.default_rng(4).uniform(MINIMUM, MAXIMUM, (60, N_CHANNELS))
    weights = to_arkit(RigSequence(values))[1]
    for one, other in (("JawLeft", "JawRight"), ("EyeBlinkLeft", "EyeWideLeft"), ("EyeLookUpLeft", "EyeLookDownLeft")):
        assert not (weights[:, shape(one)] * weights[:, shape(other)]).any()


def capture(**weights: float) -> np.ndarray:
    """(1, 52) weights by name; "@" stands for both sides."""
    frame = np.zeros((1, 52))
    for name, weight in weights.items():
        for side in ("Left", "Right") if name.endswith("_") else ("",):
            frame[0, shape(name.rstrip("_") + side)] = weight
    return frame


def one(weights: np.ndarray, name: str) -> float:
    return float(weights[0, shape(name)])


def board(rig: RigSequence, pattern: str) -> np.ndarray:
    """(T,) mean of channels."""
    return rig.values[:, indices(pattern)].mean(axis=1)


def rig_of(**values: float) -> RigSequence:
    """A frame of the channels `?_mouth_NAME`, or of the jaw, by name."""
    frame = np.zeros((1, N_CHANNELS))
    for name, value in values.items():
        frame[0, indices("C_jaw.Y" if name == "jaw" else f"?_mouth_{name}")] = value
    return RigSequence(frame)


def test_a_blendshape_alone_sets_what_the_table_says() -> None:
    rig = from_arkit(np.eye(52))
    np.testing.assert_allclose(rig.values, np.clip(ARKIT_MATRIX.T, MINIMUM, MAXIMUM), atol=1e-7)


@pytest.mark.parametrize("jaw", [0.0, 0.04, 0.3, 1.0])
def test_lips_that_meet_close_the_open_jaw_and_no_more(jaw: float) -> None:
    for together in (0.0, 0.5, 1.0):
        weights = to_arkit(rig_of(jaw=jaw, lipsTogetherU=together, lipsTogetherD=together))[1]
        assert one(weights, "MouthClose") == pytest.approx(together * jaw, abs=1e-6)
        assert one(weights, "JawOpen") == pytest.approx(jaw)


def test_lips_never_pass_through_each_other() -> None:
    values = np.random.default_rng(6).uniform(MINIMUM, MAXIMUM, (500, N_CHANNELS))
    weights = to_arkit(RigSequence(values))[1]
    assert (weights[:, shape("MouthClose")] <= weights[:, shape("JawOpen")]).all()


@pytest.mark.parametrize("jaw", [0.04, 0.06, 0.15, 0.6, 1.0])
def test_a_captured_closure_closes(jaw: float) -> None:
    for close, together in ((jaw, 1.0), (1.2 * jaw, 1.0), (0.5 * jaw, 0.5), (0.0, 0.0)):
        rig = from_arkit(capture(JawOpen=jaw, MouthClose=min(close, 1.0)))
        assert board(rig, TOGETHER)[0] == pytest.approx(together)
        assert board(rig, "C_jaw.Y")[0] == pytest.approx(jaw)


def test_resting_lips_do_not_flap() -> None:
    rng = np.random.default_rng(7)
    frames = np.zeros((600, 52))
    for name in ("JawOpen", "MouthClose"):
        frames[:, shape(name)] = np.maximum(rng.normal(0.01, 0.002, 600), 0.0)
    together = board(from_arkit(frames), TOGETHER)
    assert together.max() < 0.4
    assert together.std() < 0.06
    assert not board(from_arkit(capture(JawOpen=0.0, MouthClose=0.0)), TOGETHER)[0]


def test_the_seal_is_continuous_in_jaw_and_lips() -> None:
    grid = np.linspace(0.0, 0.1, 201)
    frames = np.zeros((201, 201, 52))
    frames[..., shape("JawOpen")], frames[..., shape("MouthClose")] = np.meshgrid(grid, grid)
    together = board(from_arkit(frames.reshape(-1, 52)), TOGETHER).reshape(201, 201)
    assert max(np.abs(np.diff(together, axis=axis)).max() for axis in (0, 1)) < 0.05  # at steps of .0005
    assert (np.diff(together, axis=0) >= -1e-6).all()  # more MouthClose never parts the lips


@pytest.mark.parametrize("together", [0.0, 0.5, 1.0])
def test_a_bite_shows_and_comes_back(together: float) -> None:
    f = rig_of(jaw=0.08, lipBiteD=0.75, upperLipRaise=0.16, lipsTogetherU=together, lipsTogetherD=together)
    weights = to_arkit(f)[1]
    assert one(weights, "MouthRollLower") == pytest.approx(0.75)
    assert one(weights, "MouthUpperUpLeft") == pytest.approx(0.16 + 0.4 * 0.75)
    assert one(weights, "MouthClose") == pytest.approx(0.08 * (1.0 - 0.25 * (1.0 - together)))
    np.testing.assert_allclose(from_arkit(weights).values, f.values, atol=1e-5)


def test_what_is_read_as_a_bite() -> None:
    def bite(**weights: float) -> float:
        return float(board(from_arkit(capture(JawOpen=0.1, **weights)), "?_mouth_lipBiteD")[0])

    assert bite(MouthRollLower=0.6, MouthUpperUp_=0.4, MouthClose=0.08) == pytest.approx(0.6)
    assert bite(MouthRollLower=0.6, MouthUpperUp_=0.04, MouthClose=0.08) == pytest.approx(0.1)
    assert bite(MouthRollLower=0.6, MouthUpperUp_=0.4, MouthClose=0.02) == pytest.approx(0.2)
    assert not bite(MouthRollLower=0.6, MouthClose=0.1)  # pressed lips
    assert not bite(MouthUpperUp_=0.6, MouthClose=0.08)  # a sneer
    assert not bite(MouthRollLower=0.6, MouthUpperUp_=0.4)  # the lip is rolled in, but hangs below the teeth
    assert not bite(MouthRollLower=0.6, MouthUpperUpLeft=0.4, MouthClose=0.08)  # one side is raised


def test_a_closure_with_a_rolled_lip_stays_a_closure() -> None:
    rig = from_arkit(capture(JawOpen=0.1, MouthClose=0.1, MouthRollLower=0.3, MouthUpperUp_=0.1))
    assert board(rig, TOGETHER)[0] == pytest.approx(1.0)


def test_a_press_shows() -> None:
    assert one(to_arkit(rig_of(jaw=0.04, lipsPressU=0.4))[1], "MouthPressLeft") == pytest.approx(0.2)


def there_and_back(weights: np.ndarray) -> np.ndarray:
    """(T, 52) what comes back less what was there, where MouthClose was at most JawOpen."""
    possible = weights.copy()
    possible[:, shape("MouthClose")] = np.minimum(possible[:, shape("MouthClose")], possible[:, shape("JawOpen")])
    return to_arkit(from_arkit(weights))[1] - possible


def test_there_and_back() -> None:
    weights = np.random.default_rng(5).uniform(0.0, 0.3, (50, 52)).astype(np.float32)
    opposites = [f"Eye{what}{side}" for what in ("Wide", "LookDown", "LookIn") for side in ("Left", "Right")]
    for gone in ("JawLeft", "MouthLeft", *opposites):
        weights[:, shape(gone)] = 0.0
    weights[:, shape("JawOpen")] += STILL_JAW
    np.testing.assert_allclose(there_and_back(weights), 0.0, atol=1e-6)


def check_capture(weights: np.ndarray) -> None:
    """A captured face closes where its lips do, keeps still where it rests, and comes back as it was."""
    jaw, close = weights[:, shape("JawOpen")], weights[:, shape("MouthClose")]
    rig = from_arkit(weights)
    together = board(rig, TOGETHER)
    sealed, parted = (close > 0.95 * jaw) & (jaw > STILL_JAW), (close < 0.1 * jaw) & (jaw > STILL_JAW)
    assert sealed.sum() > 20 and parted.sum() > 20
    assert together[sealed].min() >= 0.94
    assert together[parted].max() <= 0.1
    back = there_and_back(weights)
    lips = [i for i, name in enumerate(ARKIT_NAMES) if name.startswith(_LIPS)]
    assert np.abs(back[:, lips]).max() < 0.016
    assert np.abs(back[jaw > STILL_JAW][:, lips]).max() < 1e-6
    again = to_arkit(rig)[1]
    assert (again[:, shape("MouthClose")] <= again[:, shape("JawOpen")]).all()


# Those that no other can push past the limits of the board.
_LIPS = ("JawOpen", "MouthClose", "MouthRoll", "MouthPress", "MouthUpperUp", "MouthLowerDown", "MouthSmile")


def test_a_captured_face(root: Path) -> None:
    file = root / "tests" / "data" / "live_link.arkit.csv"
    check_capture(parse_livelink(file, lines_of(file), 60.0)[0])
    assert read_rig(file).fps == pytest.approx(30.0, rel=1e-3)


@pytest.mark.parametrize("take", ["alex_rom_3", "alex_rom_4"])
def test_whole_captured_takes(shared: Path, tmp_path: Path, take: str) -> None:
    file = tmp_path / "take.csv"
    file.write_bytes(gzip.decompress((shared / "live_link" / f"{take}.csv.gz").read_bytes()))
    check_capture(parse_livelink(file, lines_of(file), 60.0)[0])


def test_a_take_of_the_board(shared: Path) -> None:
    """Channels that ARKit has come back; so do the lips' distance and the bite, as far as the jaw is open."""
    rig = read_rig(shared / "recorded" / "angry_gd04_001_021.txt")
    back = from_arkit(to_arkit(rig)[1])
    jaw = board(rig, "C_jaw.Y")
    for pattern, within in (("C_jaw.Y", 1e-6), (TOGETHER, 0.01), ("?_mouth_lipBiteD", 0.01)):
        difference = np.abs(board(back, pattern) - board(rig, pattern))
        assert difference[jaw > STILL_JAW].max() < within, pattern


def test_gaze_of_the_common_control_reaches_both_eyes() -> None:
    values = np.zeros((1, N_CHANNELS))
    values[0, INDEX["CTRL_C_eye-translateX"]] = 0.5
    weights = to_arkit(RigSequence(values))[1][0]
    on = {ARKIT_NAMES[i]: float(weights[i]) for i in np.flatnonzero(weights)}
    assert on == pytest.approx({"EyeLookOutLeft": 0.5, "EyeLookInRight": 0.5})


def test_from_arkit_keeps_the_limits_of_the_board() -> None:
    rig = from_arkit(np.ones((2, 52)), 30.0, {"from": "phone"})
    assert rig.fps == 30.0
    assert rig.meta == {"from": "phone"}
    assert ((rig.values >= MINIMUM) & (rig.values <= MAXIMUM)).all()


@pytest.mark.parametrize("weights", [np.zeros((3, 51)), np.zeros(52), np.zeros((0, 52)), np.full((1, 52), np.nan)])
def test_what_are_no_weights_is_refused(weights: np.ndarray) -> None:
    with pytest.raises(RigError, match="ARKit weights must be"):
        from_arkit(weights)
