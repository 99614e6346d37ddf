"""What is drawn, looked at as a person would: lips, brows, eyes, sides."""

import numpy as np
import pytest

from medtalk.errors import SettingError
from medtalk.face.draw import Camera, Drawing, camera
from medtalk.rig import indices

SIZE = 160


def _channels(**values):
    """(174,) of channels named with _ for every sign, such as C_jaw_Y."""
    frame = np.zeros(174, np.float32)
    for pattern, value in values.items():
        frame[indices(pattern)] = value
    return frame


def _inside(head, drawing, frame) -> float:
    """The share of the picture that shows the inside of the mouth or teeth."""
    materials = head.material[head.triangles[:, 0]]
    inner = np.isin(materials, [head.MATERIALS.index(name) for name in ("mouth", "tongue", "teeth")])
    seen = drawing.visible(head.pose(frame))
    return float((inner[seen] & (seen >= 0)).mean())


def _at(rig, phone: str) -> np.ndarray:
    """The frame in the middle of the longest of a phone."""
    longest = max((each for each in rig.phones if each.text == phone), key=lambda each: each.end - each.start)
    return rig.values[round(0.5 * (longest.start + longest.end) * rig.fps)]


@pytest.fixture(scope="module")
def mouth(head):
    return Drawing(head, camera(head, "mouth"), SIZE, SIZE)


@pytest.fixture(scope="module")
def face(head):
    return Drawing(head, camera(head), SIZE, SIZE)


def test_lips_that_close_hide_the_mouth_whatever_the_jaw_does(head, mouth):
    open_jaw, sealed = {"C_jaw.Y": 0.5}, {"C_jaw.Y": 0.5, "?_mouth_lipsTogether?": 1.0}
    assert _inside(head, mouth, _channels(**open_jaw)) > 0.05
    assert _inside(head, mouth, _channels(**sealed)) < 0.001


@pytest.mark.parametrize("emotion", ["neutral", "happy", "angry"])
def test_a_take_closes_its_lips_at_p_and_opens_them_at_a_vowel(head, mouth, takes, emotion):
    closed, opened = _at(takes[emotion], "p"), _at(takes[emotion], "ae")
    assert _inside(head, mouth, closed) < 0.002
    assert _inside(head, mouth, opened) > 0.015
    # and so it looks: nothing dark and no teeth between the lips
    rest = head.pose(np.zeros(174, np.float32))
    changed = mouth.draw(head.pose(opened)).astype(int) - mouth.draw(rest)
    shut = mouth.draw(head.pose(closed)).astype(int) - mouth.draw(rest)
    middle = np.s_[SIZE // 3 : 2 * SIZE // 3, SIZE // 3 : 2 * SIZE // 3]
    assert np.abs(changed[middle]).mean() > 1.5 * np.abs(shut[middle]).mean()


def test_an_emotion_changes_the_brows(head, face, takes):
    """In the band of the brows more than in that of the ears below."""
    still = face.draw(head.pose(_at(takes["neutral"], "m"))).astype(int)
    for emotion in ("angry", "surprised"):
        moved = np.abs(face.draw(head.pose(_at(takes[emotion], "m"))) - still).max(axis=2)
        brows = _box(head, face, [*head.marks["brow_left"], *head.marks["brow_right"]])
        assert (moved[brows] > 24).mean() > 0.05, emotion


def _box(head, drawing, vertices):
    """The part of the picture around vertices of the resting face."""
    x, y = (drawing._seen(head.vertices)[vertices, axis] / 2 for axis in (0, 1))
    return np.s_[int(y.min()) - 4 : int(y.max()) + 5, int(x.min()) - 4 : int(x.max()) + 5]


def test_eyes_that_look_aside_take_the_iris_with_them(head):
    eye = head.eyes["left"]
    x, y, z = map(float, eye.center)
    drawing = Drawing(head, Camera((x, y, z), 28.0), SIZE, SIZE)

    def pupil(frame):
        dark = drawing.draw(head.pose(frame)).max(axis=2)[SIZE // 4 : 3 * SIZE // 4] < 20
        return np.nonzero(dark)[1].mean()

    straight = pupil(_channels())
    to_the_left = pupil(_channels(**{"C_eye.X": 0.6}))  # the character's left is to the right of the picture
    assert straight == pytest.approx(SIZE / 2, abs=25)
    assert to_the_left > straight + 10


def test_a_positive_yaw_shows_the_left_cheek(head, face):
    left = head.vertices[head.triangles].mean(axis=1)[:, 0] > 0.0
    turned = Drawing(head, camera(head).turned(35.0), SIZE, SIZE)
    rest = head.vertices
    from_the_front, from_the_side = (each.visible(rest) for each in (face, turned))
    shares = [left[seen[seen >= 0]].mean() for seen in (from_the_front, from_the_side)]
    assert shares[0] == pytest.approx(0.5, abs=0.02) and shares[1] > 0.65


def test_a_pitch_looks_from_above(head, face):
    above = Drawing(head, camera(head).turned(0.0, 30.0), SIZE, SIZE)
    top = head.vertices[head.triangles].mean(axis=1)[:, 1] > 90.0
    assert top[above.visible(head.vertices)].mean() > 1.3 * top[face.visible(head.vertices)].mean()


def test_a_small_picture_is_a_large_one_shrunk_also_at_the_edges(head):
    small, large = (Drawing(head, camera(head), size, size) for size in (96, 384))
    frame = head.pose(_channels(**{"C_jaw.Y": 0.3}))
    picture, fine = small.draw(frame), large.draw(frame).astype(float)
    assert picture.shape == (96, 96, 3) and picture.dtype == np.uint8
    assert np.array_equal(picture, small.draw(frame))
    shrunk = fine.reshape(96, 4, 96, 4, 3).mean(axis=(1, 3))
    assert np.abs(shrunk - picture).mean() < 2.0
    seen = (small.visible(frame) >= 0).reshape(96, 2, 96, 2).mean(axis=(1, 3))
    edge = (seen > 0.0) & (seen < 1.0)
    jagged = fine[2::4, 2::4]
    assert np.abs(shrunk - picture)[edge].mean() < 0.5 * np.abs(shrunk - jagged)[edge].mean()


def test_wide_pictures(head):
    wide = Drawing(head, camera(head), 200, 100).draw(head.vertices)
    square = Drawing(head, camera(head), 100, 100).draw(head.vertices)
    assert wide.shape == (100, 200, 3)
    middle = wide[:, 50:150].astype(int)
    assert np.abs(middle - square)[20:80, 30:70].mean() < 1.0


@pytest.mark.parametrize("size", [(31, 480), (480, 2049), (0, 0), (-5, 480)])
def test_impossible_sizes(head, size):
    with pytest.raises(SettingError, match="valid are 32 to 2048"):
        Drawing(head, camera(head), *size)


def test_impossible_cameras(head):
    with pytest.raises(SettingError, match="valid are face and mouth"):
        camera(head, "feet")
    for angles in ((181.0, 0.0), (0.0, -91.0), (float("nan"), 0.0)):
        with pytest.raises(SettingError, match="-180 to 180"):
            camera(head).turned(*angles)
