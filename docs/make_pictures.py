"""Makes the moving pictures: one sentence in three moods for the README, and in the seven labels for docs/life.md.

    python -m docs.make_pictures

after a change of the head, its look or the model. Look at them before they are committed.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from medtalk.face.draw import camera
from medtalk.face.film import Film
from medtalk.face.video import write_animation
from medtalk.guidance import LABELS
from medtalk.perform import load
from medtalk.rig.head import load_head

ROOT = Path(__file__).parents[1]


class Picture(NamedTuple):
    """A moving picture: its file in docs, its moods, which part of the sample it shows (s), its size."""

    name: str
    moods: tuple[str, ...]
    span: tuple[float, float]
    fps: float
    pixels: int


PICTURES = (
    Picture("face.webp", ("angry", "happy", "sad"), (0.2, 3.2), 20.0, 260),
    Picture("moods.webp", LABELS, (0.2, 3.2), 12.0, 200),
)


def main() -> None:
    performance, head = load().perform(ROOT / "assets" / "audio" / "sample.wav"), load_head()
    for picture in PICTURES:
        takes = [(mood, performance.decode(mood).slice(*picture.span)) for mood in picture.moods]
        film = Film(head, takes, camera(head), picture.fps, picture.pixels)
        path = write_animation(ROOT / "docs" / picture.name, film)
        print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
