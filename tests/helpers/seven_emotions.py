"""The sheet of the sample recording in the seven emotions, which is committed as a picture.

    python -m tests.helpers.seven_emotions

writes tests/data/seven_emotions.webp anew, after a change of the head, its look, the model or the finishing that was
looked at. A test compares what is drawn with it, loosely.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np

PICTURE = Path(__file__).parents[1] / "data" / "seven_emotions.webp"
TILE = 112
COLUMNS = 8


def draw() -> np.ndarray:
    """The sheet, (H, W, 3) uint8."""
    from medtalk.face.draw import camera
    from medtalk.face.sheet import draw_sheet, moments
    from medtalk.guidance import LABELS
    from medtalk.perform import load
    from medtalk.rig.head import load_head

    performance = load().perform(Path(str(files("medtalk_assets"))) / "audio" / "sample.wav")
    takes = [(label, performance.decode(performance.model.guide(label))) for label in LABELS]
    head = load_head()
    return np.asarray(draw_sheet(head, takes, [moments(takes[0][1], COLUMNS)] * len(takes), camera(head), TILE))


def read() -> np.ndarray:
    """The sheet as committed, (H, W, 3) uint8."""
    from PIL import Image

    with Image.open(PICTURE) as picture:
        return np.asarray(picture.convert("RGB"))


def main() -> None:
    from PIL import Image

    Image.fromarray(draw()).save(PICTURE, quality=84, method=6)
    print(f"{PICTURE}: {PICTURE.stat().st_size} bytes. Look at it.")


if __name__ == "__main__":
    main()
