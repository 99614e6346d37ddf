"""The head that the channels drive: its table, its lips in millimetres, its eyes."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest

from medtalk.rig.channels import CHANNELS, indices
from medtalk.rig.head import Head, load_head
from medtalk.rig.head_table import APPROXIMATE, BITE, CLOSED_LIDS, HEAD, HOW, LINEAR, SEAL_LOWER, SEAL_UPPER, columns

TOGETHER = "?_mouth_lipsTogether?"
CONTACT = 0.8  # mm between lips that touch, measured between vertices: at the corners they lie in other columns


@pytest.fixture(scope="module")
def head() -> Head:
    return load_head()


def face(**settings: float) -> np.ndarray:
    """(174,); `C_jaw__Y=0.5` sets C_jaw.Y, a name without a side both sides, `lips_` every channel of that stem."""
    values = np.zeros(174, np.float32)
    for name, value in settings.items():
        pattern = name.replace("__", ".")
        values[indices(pattern if pattern[1] == "_" else f"?_{pattern}")] = value
    return values


def sealed(**settings: float) -> np.ndarray:
    values = face(**settings)
    values[indices(TOGETHER)] = 1.0
    return values


def apart(head: Head, values: np.ndarray) -> np.ndarray:
    """Millimetres between the drawn lips, column by column."""
    upper, lower = (head.line(head.pose(values), name) for name in ("upper", "lower"))
    return (upper - lower)[:, 1]


def test_the_asset_is_small_and_names_its_licence() -> None:
    folder = files("medtalk_assets") / "head"
    assert len((folder / "head.bin").read_bytes()) <= 300_000
    assert "CC0" in (folder / "README.md").read_text("utf-8")


def test_every_channel_is_drawn_or_named_as_not_drawn(head: Head) -> None:
    moved = {channel for channel, *_ in LINEAR}
    moved |= {channel for pulls in (BITE, SEAL_LOWER, SEAL_UPPER) for channel, _ in pulls}
    for channel in CHANNELS:
        values = np.zeros((2, 174), np.float32)
        values[:, channel.index] = 1.0, channel.minimum
        if (
            channel.name.split("-")[0].endswith(("lipsTogetherU", "lipsTogetherD"))
            or "ticky" in channel.name
            or "LipsClose" in channel.name
        ):
            values[:, indices("C_jaw.Y")] = 0.4  # closed lips cannot close
        rest = values.copy()
        rest[:, channel.index] = 0.0
        distance = np.abs(head.pose(values) - head.pose(rest)).max(axis=(1, 2))
        drawn = HOW[channel.name] != "not drawn"
        assert bool(HEAD[channel.name]) == drawn
        assert (distance[0] > 0.2) == drawn, channel.name
        if channel.minimum < 0.0 and drawn:
            assert distance[1] > 0.2, f"-{channel.name}"
    assert {shape for _, _, shape, _ in LINEAR} == set(head.shapes), "no shape is unused"
    assert all(len(indices(pattern)) for pattern in APPROXIMATE)
    assert {shape for shape, *_ in CLOSED_LIDS} <= set(head.shapes)


@pytest.mark.parametrize("jaw", [0.0, 0.1, 0.3, 0.6])
@pytest.mark.parametrize(
    "others",
    [
        {},
        {"mouth_cornerPull": 0.8},
        {"mouth_lowerLipDepress": 0.5},
        {"mouth_upperLipRaise": 0.5},
        {"mouth_funnel?": 0.5},
    ],
    ids=lambda others: "".join(others) or "alone",
)
def test_p_b_m_seal_the_lips_over_any_jaw(head: Head, jaw: float, others: dict[str, float]) -> None:
    assert np.abs(apart(head, sealed(C_jaw__Y=jaw, **others))).max() < CONTACT
    assert np.abs(head.gap(sealed(C_jaw__Y=jaw, **others))).max() < 0.01
    if jaw:
        assert apart(head, face(C_jaw__Y=jaw, **others)).max() > 15.0 * jaw


def test_half_a_seal_is_half_a_gap(head: Head) -> None:
    values = face(C_jaw__Y=0.4)
    whole = head.gap(values)
    values[indices(TOGETHER)] = 0.5
    np.testing.assert_allclose(head.gap(values), 0.5 * whole, atol=1e-4)


def test_one_side_of_the_lips_may_stick(head: Head) -> None:
    values = face(C_jaw__Y=0.3)
    values[indices("L_mouth_lipsTogether?")] = 1.0
    gap = apart(head, values)
    assert abs(gap[-3]) < CONTACT < 2.0 < gap[2], "columns run from the character's right to its left"


def test_lips_do_not_pass_through_each_other(head: Head) -> None:
    raised = face(jaw_ChinRaiseD=1.0, mouth_lipsRollU=0.5)
    assert head.gap(raised).min() < -1.0, "they would"
    assert apart(head, raised).min() > -0.4


@pytest.mark.parametrize("jaw", [0.03, 0.2])
def test_f_v_lay_the_lip_on_the_teeth_and_show_them(head: Head, jaw: float) -> None:
    placed = head.pose(face(C_jaw__Y=jaw, mouth_lipBiteD=1.0))
    lower, upper, teeth = (head.line(placed, name)[4:-4] for name in ("lower", "upper", "teeth"))
    assert np.linalg.norm(lower - teeth, axis=1).max() < 3.0
    assert (upper - lower)[:, 1].min() > 0.3, "the teeth show under the upper lip"
    resting = head.line(head.pose(face(C_jaw__Y=jaw)), "lower")[4:-4]
    assert np.linalg.norm(resting - teeth, axis=1).min() > 4.0


def test_faces_move_where_they_should(head: Head) -> None:
    def at(name: str, **settings: float) -> np.ndarray:
        return head.pose(face(**settings))[head.marks[name]].mean(axis=0) - head.vertices[head.marks[name]].mean(axis=0)

    smile = at("corner_left", mouth_cornerPull=1.0)
    assert smile[0] > 2.0 and smile[1] > 2.0
    assert at("corner_right", mouth_cornerPull=1.0)[0] < -2.0
    assert at("corner_left", mouth_cornerDepress=1.0)[1] < -2.0
    assert at("brow_left", brow_down=1.0)[1] < -2.0
    assert at("brow_left", brow_raiseIn=1.0, brow_raiseOut=1.0)[1] > 3.0
    assert at("chin", C_jaw__Y=0.5)[1] < -8.0
    assert at("corner_left", mouth_purseU=1.0, mouth_purseD=1.0)[0] < -2.0
    lids = [head.pose(face(eye_blink=value))[head.marks["lid_upper_left"]][2, 1] for value in (-1.0, 0.0, 1.0)]
    assert lids[0] > lids[1] + 2.0 and lids[1] > lids[2] + 4.0


def test_a_mirrored_rig_gives_a_mirrored_head(head: Head) -> None:
    rng = np.random.default_rng(1)
    values = rng.uniform(0.0, 0.4, 174).astype(np.float32)
    mirrored = np.array([values[c.mirror] * c.mirror_sign for c in CHANNELS], np.float32)
    ours, theirs = head.pose(values), head.pose(mirrored)
    for left, right in (("corner_left", "corner_right"), ("brow_left", "brow_right")):
        np.testing.assert_allclose(ours[head.marks[left]] * [-1, 1, 1], theirs[head.marks[right]], atol=1.0)


@pytest.mark.parametrize(
    ("turn", "mark", "moves"),
    [
        ((10.0, 0.0, 0.0), "nose", (1, 0, 0)),  # to its left: x
        ((0.0, 10.0, 0.0), "nose", (0, 1, 0)),  # up
        ((0.0, 0.0, 10.0), "top", (-1, 0, 0)),  # to its right shoulder
    ],
)
def test_the_head_turns_to_its_left_up_and_to_its_right_shoulder(
    head: Head, turn: tuple[float, ...], mark: str, moves: tuple[int, ...]
) -> None:
    vertex = head.vertices[:, 2 if mark == "nose" else 1].argmax()
    moved = head.pose(np.zeros(174), turn)[vertex] - head.vertices[vertex]
    assert moved @ moves > 20.0
    low = head.vertices[:, 1].argmin()
    np.testing.assert_allclose(head.pose(np.zeros(174), turn)[low], head.vertices[low], atol=1e-3)


def test_eyes_turn_rigidly_and_by_the_rigs_degrees(head: Head) -> None:
    eye = head.eyes["left"]
    rest = head.vertices[eye.vertices] - eye.center
    values = face(C_eye__X=0.5)
    values[indices("L_eye.Y")] = 0.5
    turned = head.pose(values)[eye.vertices] - eye.center
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), np.linalg.norm(rest, axis=1), atol=1e-3)
    moved, *_ = np.linalg.lstsq(rest, turned, rcond=None)
    look = eye.axis @ moved
    assert np.degrees(np.arctan2(look[0], look[2])) == pytest.approx(20.0, abs=0.5), "X is to the character's left"
    assert np.degrees(np.arcsin(look[1])) == pytest.approx(15.0, abs=0.5)
    np.testing.assert_allclose(head.eye_turns(values)[0], [[20.0, 15.0], [20.0, 0.0]], atol=1e-4)


def test_a_strong_smile_does_not_push_the_eyes_through_their_lids(head: Head) -> None:
    skin = np.flatnonzero(head.material == head.MATERIALS.index("skin"))
    strong = face(eye_squintInner=1.0, eye_cheekRaise=1.0, eye_eyelidD=0.5, mouth_cornerPull=1.0)
    smiling, still = head.pose(strong)[skin], head.pose(np.zeros(174))[skin]
    for eye in head.eyes.values():
        rest, now = (np.linalg.norm(each - eye.center, axis=1) for each in (head.vertices[skin], smiling))
        lids = (rest > eye.radius + 0.5) & (rest < 2.0 * eye.radius)
        assert now[lids].min() > eye.radius + 0.3
        assert (np.abs(now - rest)[lids] > 1.0).sum() > 10, "they move"
        np.testing.assert_array_equal(still[lids], head.vertices[skin][lids])


def test_the_head_turns_on_a_neck_that_stays(head: Head) -> None:
    left = head.pose(np.zeros(174), turn=(30.0, 0.0, 0.0))
    assert left[head.marks["nose_tip"]][0, 0] > 40.0
    up = head.pose(np.zeros(174), turn=(0.0, 20.0, 0.0))
    assert up[head.marks["nose_tip"]][0, 1] > head.vertices[head.marks["nose_tip"]][0, 1] + 20.0
    edge = head.vertices[:, 1] < head.vertices[:, 1].min() + 0.1
    np.testing.assert_allclose(left[edge], head.vertices[edge], atol=1e-3)


def test_a_trace_is_the_pose_of_its_vertices(head: Head) -> None:
    values = np.random.default_rng(0).uniform(-0.3, 0.6, (5, 174)).astype(np.float32)
    lids = head.marks["lid_lower_left"]
    some = np.r_[head.marks["lip_lower"], lids, head.eyes["right"].vertices[:3], head.marks["chin"]]
    np.testing.assert_allclose(head.trace(values, some), head.pose(values)[:, some], atol=1e-4)
    np.testing.assert_allclose(head.pose(values[2]), head.pose(values)[2], atol=1e-4)


def test_normals_are_of_unit_length_and_look_outwards(head: Head) -> None:
    normals = head.normals(head.vertices)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-3)
    assert normals[head.marks["nose_tip"]][0, 2] > 0.7
    stack = head.normals(np.stack([head.vertices, head.vertices * 1.1]))
    np.testing.assert_allclose(stack[1], normals, atol=1e-3)


def test_columns_say_where_a_pull_acts() -> None:
    at = np.linspace(-1.0, 1.0, 17)
    assert (columns("sideL", at) + columns("sideR", at) == 1.0).all()
    assert columns("middle", at)[8] == 1.0 and columns("middle", at)[[0, 16]].max() == 0.0
    assert columns("outerL", at)[:9].max() < 0.1 < columns("outerL", at)[15]
