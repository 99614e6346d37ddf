"""RigSequence: time, parts, mirror, blend."""

from __future__ import annotations

import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from medtalk.errors import RigError, SettingError
from medtalk.rig import AREAS, RigSequence, Timed
from medtalk.rig.channels import INDEX

JAW = INDEX["CTRL_C_jaw-translateY"]


def random_rig(frames: int = 90, fps: float = 60.0, seed: int = 0) -> RigSequence:
    return RigSequence(np.random.default_rng(seed).uniform(0.0, 1.0, (frames, 174)), fps, {"seed": seed})


def jaw(curve: np.ndarray, fps: float = 60.0) -> RigSequence:
    values = np.zeros((len(curve), 174))
    values[:, JAW] = curve
    return RigSequence(values, fps)


def test_it_is_a_copy_that_cannot_change() -> None:
    values, meta = np.zeros((3, 174), np.float32), {"parts": [1]}
    rig = RigSequence(values, meta=meta)
    values[0, 0] = 1.0
    meta["parts"].append(2)
    assert rig.values[0, 0] == 0.0
    assert rig.meta == {"parts": [1]}
    with pytest.raises(ValueError, match="read-only"):
        rig.values[0, 0] = 1.0
    with pytest.raises(AttributeError):
        rig.fps = 30.0  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(TypeError):
        rig.meta["more"] = 1  # pyright: ignore[reportIndexIssue]
    assert rig.with_meta(more=1).meta == {"parts": [1], "more": 1}


def turning(frames: int = 90, fps: float = 60.0) -> RigSequence:
    """A rig whose head turns smoothly."""
    t = np.arange(frames) / fps
    head = np.stack([8.0 * np.sin(3.0 * t), -5.0 * np.cos(2.0 * t), 3.0 * t / t[-1]], axis=1)
    return RigSequence(np.zeros((frames, 174)), fps, head=head)


def test_a_head_is_a_copy_that_cannot_change() -> None:
    head = np.ones((2, 3))
    rig = RigSequence(np.zeros((2, 174)), head=head)
    head[0, 0] = 5.0
    assert rig.head is not None and rig.head.dtype == np.float32 and rig.head[0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        rig.head[0, 0] = 1.0
    assert random_rig().head is None
    again = pickle.loads(pickle.dumps(rig))
    np.testing.assert_array_equal(again.head, rig.head)
    np.testing.assert_array_equal(rig.with_meta(more=1).head, rig.head)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (np.zeros((3, 3)), r"\(2, 3\); this is \(3, 3\)"),
        (np.zeros((2, 2)), r"\(2, 2\)"),
        ([[0.0, 0.0, 0.0], [0.0, np.nan, 0.0]], "HeadPitch of frame 1 is nan"),
        ([[0.0, 0.0, -91.0], [0.0, 0.0, 0.0]], "HeadRoll of frame 0 is -91.* at most 90 degrees"),
        ("left", "must be numbers"),
    ],
)
def test_heads_that_no_neck_turns_are_refused(head: Any, message: str) -> None:
    with pytest.raises(RigError, match=message):
        RigSequence(np.zeros((2, 174)), head=head)


@pytest.mark.parametrize("fps", [24.0, 120.0])
def test_a_head_is_resampled_with_the_face(fps: float) -> None:
    rig, exact = turning(), turning(round(1.5 * fps), fps)
    head = rig.resample(fps).head
    assert head is not None and exact.head is not None and len(head) == round(1.5 * fps)
    np.testing.assert_allclose(head[2:-4, :2], exact.head[2:-4, :2], atol=0.02)
    single = RigSequence(np.zeros((1, 174)), head=np.array([[1.0, 2.0, 3.0]])).resample(120.0).head
    np.testing.assert_array_equal(single, [[1.0, 2.0, 3.0]] * 2)


def test_a_head_is_cut_and_mirrored_with_the_face() -> None:
    rig = turning()
    assert rig.head is not None
    np.testing.assert_array_equal(rig.slice(0.5, 1.0).head, rig.head[30:60])
    np.testing.assert_array_equal(rig.mirror().head, rig.head * (-1.0, 1.0, -1.0))
    np.testing.assert_array_equal(rig.mirror().mirror().head, rig.head)
    assert random_rig().slice(0.5, 1.0).head is random_rig().mirror().head is None


def test_parts_without_a_head_look_straight_on() -> None:
    still, rig = random_rig(), turning()
    assert rig.head is not None
    both = RigSequence.concatenate([still, rig, still], 0.25).head
    assert both is not None and len(both) == 3 * 90 - 30
    assert not both[:75].any() and not both[-75:].any()
    np.testing.assert_allclose(both[90:150], rig.head[15:75], atol=1e-6)
    assert np.abs(np.diff(both, axis=0)).max() < 1.0
    assert RigSequence.concatenate([still, still]).head is None


def test_a_head_is_blended_with_the_whole_face_only() -> None:
    still, rig = random_rig(), turning()
    assert rig.head is not None
    np.testing.assert_allclose(np.asarray(still.blend(rig, weight=0.5).head), 0.5 * np.asarray(rig.head), atol=1e-6)
    np.testing.assert_array_equal(rig.blend(still, ["mouth"]).head, rig.head)
    assert still.blend(rig, ["mouth"]).head is still.blend(still).head is None


def test_time() -> None:
    rig = random_rig(90)
    assert (len(rig), rig.seconds, rig.values.dtype) == (90, 1.5, np.float32)
    assert rig.times[-1] == 89 / 60


def test_it_survives_pickling() -> None:
    rig = random_rig()
    again = pickle.loads(pickle.dumps(rig))
    assert (again.fps, again.meta) == (rig.fps, rig.meta)
    np.testing.assert_array_equal(again.values, rig.values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((3, 173)), r"\(3, 173\)"),
        (np.zeros(174), r"\(174,\)"),
        (np.zeros((0, 174)), "T >= 1"),
        (np.full((1, 174), np.nan), "finite"),
        (np.full((1, 174), 1e300), "finite"),
        ([["a"] * 174], "numbers"),
    ],
)
def test_values_that_are_no_rig_are_refused(values: np.ndarray, message: str) -> None:
    with pytest.raises(RigError, match=message):
        RigSequence(values)


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf"), 1001, "fast"])
def test_frame_rates_that_make_no_sense_are_refused(fps: float) -> None:
    with pytest.raises(SettingError, match="frame rate"):
        RigSequence(np.zeros((1, 174)), fps)
    with pytest.raises(SettingError, match="frame rate"):
        random_rig().resample(fps)


def test_meta_that_json_cannot_say_is_refused() -> None:
    with pytest.raises(RigError, match="meta"):
        RigSequence(np.zeros((1, 174)), meta={"made": object()})


@pytest.mark.parametrize("fps", [1.0, 23.976, 24.0, 25.0, 29.97, 30.0, 50.0, 59.94, 90.0, 120.0, 240.0])
@pytest.mark.parametrize("frames", [1, 2, 101, 600])
def test_resampling_keeps_the_length_in_seconds(frames: int, fps: float) -> None:
    rig = random_rig(frames).resample(fps)
    assert len(rig) == max(1, round(frames * fps / 60.0))
    assert rig.fps == fps
    assert rig.meta == {"seed": 0}
    assert rig.values.min() >= 0.0
    assert rig.values.max() <= 1.0


@pytest.mark.parametrize("fps", [24.0, 25.0, 29.97, 30.0, 59.94, 75.0, 120.0])
def test_resampling_keeps_time(fps: float) -> None:
    # A movement known at any time: where it is does not depend on the frame rate.
    def movement(time: np.ndarray) -> np.ndarray:
        return 0.5 + 0.4 * np.sin(2 * np.pi * 0.7 * time)

    rig = jaw(movement(np.arange(600) / 60.0)).resample(fps)
    inner = slice(2, -3)  # the end has no frame after it to average with
    np.testing.assert_allclose(rig.values[inner, JAW], movement(rig.times)[inner], atol=2e-3)


def test_resampling_to_the_same_rate_is_the_same() -> None:
    rig = random_rig()
    assert rig.resample(60.0) is rig


def test_resampling_upwards_passes_through_the_frames_and_overshoots_nowhere() -> None:
    rig = jaw(np.array([0.0, 0.0, 1.0, 1.0, 0.0, 0.3, 0.0]))
    doubled = rig.resample(120.0)
    np.testing.assert_allclose(doubled.values[::2], rig.values, atol=1e-7)
    assert doubled.values.min() >= 0.0
    assert doubled.values.max() <= 1.0


def test_resampling_downwards_loses_no_short_movement() -> None:
    # Closed for one frame, at every place: none may vanish, and each counts the same.
    for fps in (24.0, 30.0, 25.0):
        areas = []
        for place in range(20, 40):
            curve = np.zeros(60)
            curve[place] = 1.0
            rig = jaw(curve).resample(fps)
            assert rig.values.max() > 0.2
            areas.append(rig.values[:, JAW].sum(dtype=np.float64) / fps)
            centre = (rig.values[:, JAW] * rig.times).sum() / rig.values[:, JAW].sum()
            assert centre == pytest.approx(place / 60.0, abs=0.5 / fps)
        np.testing.assert_allclose(areas, 1.0 / 60.0, rtol=0.35)


def test_downwards_by_two_is_the_mean_over_a_new_frame() -> None:
    curve = np.random.default_rng(1).uniform(size=40)
    rig = jaw(curve).resample(30.0)
    wanted = 0.25 * curve[1:-2:2] + 0.5 * curve[2:-1:2] + 0.25 * curve[3::2]
    np.testing.assert_allclose(rig.values[1:, JAW], wanted, atol=1e-6)


def test_slice() -> None:
    rig = random_rig(90)
    np.testing.assert_array_equal(rig.slice(0.5, 1.0).values, rig.values[30:60])
    np.testing.assert_array_equal(rig.slice(1.0).values, rig.values[60:])
    for start, end in ((-0.1, 1.0), (0.0, 2.0), (1.0, 0.5), (0.5, 0.501), (float("nan"), 1.0)):
        with pytest.raises(RigError, match=r"[Cc]ut"):
            rig.slice(start, end)


def test_slices_concatenate_to_the_whole() -> None:
    rig = random_rig(90)
    whole = RigSequence.concatenate([rig.slice(0.0, 0.5), rig.slice(0.5, 0.75), rig.slice(0.75)])
    np.testing.assert_array_equal(whole.values, rig.values)


def test_crossfade_goes_smoothly_from_one_to_the_other() -> None:
    joined = RigSequence.concatenate([jaw(np.zeros(60)), jaw(np.ones(60))], crossfade_s=0.25).values[:, JAW]
    assert len(joined) == 105
    assert (joined[:45] == 0.0).all()
    assert (joined[60:] == 1.0).all()
    assert (np.diff(joined[44:61]) > 0.0).all()
    assert np.abs(np.diff(joined)).max() < 0.12
    same = random_rig(60)
    np.testing.assert_allclose(RigSequence.concatenate([same, same], 1.0).values, same.values, atol=1e-7)


def test_what_cannot_be_concatenated() -> None:
    rig = random_rig(30)
    for parts, fade, message in (
        ([], 0.0, "nothing"),
        ([rig, rig.resample(30)], 0.0, "30 fps"),
        ([rig, rig], 0.6, "cross-fade"),
        ([rig, rig], -0.1, "cross-fade"),
        ([rig, rig], float("nan"), "cross-fade"),
    ):
        with pytest.raises(RigError, match=message):
            RigSequence.concatenate(parts, fade)


def test_mirror_exchanges_the_sides() -> None:
    values = np.zeros((1, 174))
    values[0, INDEX["CTRL_L_brow_down-translateY"]] = 0.6
    values[0, INDEX["CTRL_C_jaw-translateX"]] = 0.3
    values[0, INDEX["CTRL_L_eye-translateX"]] = 0.5
    mirrored = RigSequence(values).mirror().values[0]
    assert mirrored[INDEX["CTRL_R_brow_down-translateY"]] == np.float32(0.6)
    assert mirrored[INDEX["CTRL_L_brow_down-translateY"]] == 0.0
    assert mirrored[INDEX["CTRL_C_jaw-translateX"]] == np.float32(-0.3)
    assert mirrored[INDEX["CTRL_R_eye-translateX"]] == -0.5


def test_mirroring_twice_is_the_same() -> None:
    rig = random_rig()
    assert not np.array_equal(rig.mirror().values, rig.values)
    np.testing.assert_array_equal(rig.mirror().mirror().values, rig.values)


def test_blend_by_region() -> None:
    one, other = random_rig(30, seed=1), random_rig(30, seed=2)
    mixed = one.blend(other, ["brow", "eye"])
    chosen = np.concatenate([AREAS["brow"], AREAS["eye"]])
    rest = np.setdiff1d(np.arange(174), chosen)
    np.testing.assert_allclose(mixed.values[:, chosen], other.values[:, chosen], atol=1e-7)
    np.testing.assert_array_equal(mixed.values[:, rest], one.values[:, rest])
    np.testing.assert_allclose(one.blend(other, weight=0.5).values, (one.values + other.values) / 2, atol=1e-7)
    ramp = one.blend(other, weight=np.linspace(0.0, 1.0, 30))
    np.testing.assert_array_equal(ramp.values[0], one.values[0])
    np.testing.assert_allclose(ramp.values[-1], other.values[-1], atol=1e-7)
    np.testing.assert_array_equal(one.blend(other, []).values, one.values)


def test_what_cannot_be_blended() -> None:
    rig = random_rig(30)
    cases: tuple[tuple[RigSequence, dict[str, Any], str], ...] = (
        (random_rig(31), {}, "Cannot blend"),
        (RigSequence(rig.values, 30.0), {}, "Cannot blend"),
        (rig, {"areas": ["forehead"]}, "mouth"),
        (rig, {"weight": 1.5}, "0..1"),
        (rig, {"weight": float("nan")}, "0..1"),
        (rig, {"weight": np.ones(29)}, "0..1"),
    )
    for other, settings, message in cases:
        with pytest.raises(RigError, match=message):
            rig.blend(other, **settings)


def test_television_rates_are_exact() -> None:
    fps = float(Fraction(60000, 1001))
    assert len(random_rig(600).resample(fps)) == round(600 * fps / 60)


# --- what is spoken when

SPOKEN = (Timed("hello", 0.1, 0.5), Timed("you", 0.5, 1.2))


def timed_rig() -> RigSequence:
    return RigSequence(random_rig().values, 60.0, {}, SPOKEN, (Timed("h", 0.1, 0.2),))


def test_words_stay_when_values_change() -> None:
    rig = timed_rig()
    for other in (rig.resample(24.0), rig.mirror(), rig.blend(random_rig(seed=1)), rig.with_meta(a=1)):
        assert (other.words, other.phones) == (rig.words, rig.phones)
    assert pickle.loads(pickle.dumps(rig)).words == SPOKEN


def test_words_of_a_slice_count_from_its_first_frame() -> None:
    part = timed_rig().slice(0.4, 1.0)
    assert [w.text for w in part.words] == ["hello", "you"] and part.phones == ()
    np.testing.assert_allclose([w[1:] for w in part.words], [(0.0, 0.1), (0.1, 0.6)], atol=1e-9)


def test_words_of_parts_follow_each_other() -> None:
    rig = timed_rig()
    both = RigSequence.concatenate([rig, rig], 0.5)
    assert [w.start for w in both.words] == [0.1, 0.5, 1.1, 1.5]


@pytest.mark.parametrize(
    "words",
    [[("a", 2.0, 1.0)], [("a", -1.0, 1.0)], [(1, 0.0, 1.0)], [("a", 0.0, float("nan"))], [("a", 0.0)], 7, ["a"]],
)
def test_impossible_times_are_refused(words: Any) -> None:
    with pytest.raises(RigError, match="of a rig is not a text"):
        RigSequence(random_rig().values, 60.0, {}, words)
