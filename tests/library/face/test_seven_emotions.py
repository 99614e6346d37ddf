"""The sample in seven emotions, against the committed picture that somebody looked at."""

import numpy as np
import pytest

from tests.helpers import seven_emotions

pytestmark = pytest.mark.slow

LABELS = 7
AGAIN = "If the face is meant to have changed: python -m tests.helpers.seven_emotions, and look at the picture."


@pytest.fixture(scope="module")
def tiles():
    """Drawn and committed, (7, 8, side, side, 3) each, of the faces alone."""

    def cut(sheet: np.ndarray) -> np.ndarray:
        side, pitch = seven_emotions.TILE, seven_emotions.TILE + 2
        left = sheet.shape[1] - 8 - seven_emotions.COLUMNS * pitch
        rows = [8 + row * (side + 22) for row in range(LABELS)]
        columns = [left + column * pitch for column in range(seven_emotions.COLUMNS)]
        cut = [[sheet[y : y + side, x : x + side] for x in columns] for y in rows]
        return np.array(cut).astype(float)

    return cut(seven_emotions.draw()), cut(seven_emotions.read())


def _coarse(tiles: np.ndarray) -> np.ndarray:
    """In squares of four pixels: what a lossy picture keeps."""
    rows, columns, side = tiles.shape[:3]
    return tiles.reshape(rows, columns, side // 4, 4, side // 4, 4, 3).mean(axis=(3, 5))


def test_faces_look_as_they_did(tiles):
    drawn, committed = map(_coarse, tiles)
    assert np.abs(drawn - committed).mean() < 3.0, AGAIN
    assert np.quantile(np.abs(drawn - committed).max(axis=-1), 0.99) < 20.0, AGAIN


def test_each_emotion_is_nearest_to_its_own_picture(tiles):
    """None is taken for another while it speaks; in the pause before, all moods look much alike."""
    drawn, committed = map(_coarse, tiles)
    apart = np.abs(drawn[:, None, 1:] - committed[None, :, 1:]).mean(axis=(2, 3, 4, 5))
    assert list(apart.argmin(axis=1)) == list(range(LABELS)), AGAIN
