"""Makes the moving picture of the README, docs/face.webp: one sentence, three moods.

    python -m docs.make_pictures

after a change of the head, its look or the model. Look at it before it is committed.
"""

from __future__ import annotations

from pathlib import Path

from medtalk.face.draw import camera
from medtalk.face.film import Film
from medtalk.face.video import write_animation
from medtalk.perform import load
from medtalk.rig.head import load_head

ROOT = Path(__file__).parents[1]
MOODS = ("angry", "happy", "sad")
SPAN = 0.2, 3.2  # seconds
FPS, SIZE = 20.0, 260


def main() -> None:
    performance = load().perform(ROOT / "assets" / "audio" / "sample.wav")
    takes = [(mood, performance.decode(performance.model.guide(mood)).slice(*SPAN)) for mood in MOODS]
    head = load_head()
    path = write_animation(ROOT / "docs" / "face.webp", Film(head, takes, camera(head), FPS, SIZE))
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
