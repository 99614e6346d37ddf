"""How often `--image` names the emotion of a face, on pictures of the head that `medtalk.face` draws.

Faces are those of MetaHuman's pose library (six emotions in four strengths each, ../shared/reference) and our own of
`assets/poses/emotions.json`, at three strengths, turned a little, and in three lights. With `--write` it makes
`assets/poses/seen.json` instead: what MediaPipe reads from our own faces. Run that when those faces change.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medtalk.backbones.face_landmarker import FaceLandmarker
from medtalk.backbones.pretrained import FACE_LANDMARKER, Pretrained
from medtalk.errors import GuidanceError
from medtalk.face.draw import Drawing, camera
from medtalk.features.expression import SHAPES, expression, looked_at
from medtalk.files import write_atomic
from medtalk.guidance import LABELS, NEUTRAL
from medtalk.rig.channels import INDEX, MAXIMUM, MINIMUM, N_CHANNELS
from medtalk.rig.head import load_head
from medtalk_train.synthetic.teacher.poses import table, vector

REFERENCE = Path(os.environ.get("MEDTALK_REFERENCE", Path(__file__).parents[2] / "shared" / "reference"))
SEEN = Path(__file__).parents[1] / "assets" / "poses" / "seen.json"
STRENGTHS = (0.5, 0.75, 1.0)
LIBRARY = {
    "Anger": "angry",
    "Disgust": "disgust",
    "Fear": "fear",
    "Joy": "happy",
    "Sadness": "sad",
    "Surprise": "surprised",
}
TURNS = ((0.0, 0.0), (-12.0, 0.0), (12.0, 0.0), (0.0, 7.0), (0.0, -7.0))
VIEWS = (*((yaw, pitch, 1.0) for yaw, pitch in TURNS), (0.0, 0.0, 0.6), (0.0, 0.0, 1.3))
"""Yaw and pitch in degrees, and how bright."""
PIXELS, HEIGHT_MM = 320, 300.0


class Face(NamedTuple):
    """A face with its label; `name` is of the library's pose, or of our kind."""

    label: str
    name: str
    pose: NDArray[np.float32]


def own_faces() -> list[Face]:
    """Ours at strength 1, of every kind."""
    poses = {label: kinds_of(table("emotions")[label]) for label in LABELS}
    return [Face(label, kind, vector(dict(pose))) for label, kinds in poses.items() for kind, pose in kinds.items()]


def kinds_of(poses: Mapping[str, Any]) -> Mapping[str, Mapping[str, float]]:
    """The kinds of face of a label; a table that has one of each gives its pose alone."""
    return poses if isinstance(next(iter(poses.values())), Mapping) else {"plain": poses}


def library() -> list[Face]:
    """The six emotions of MetaHuman's pose library, without their combinations."""
    poses: dict[str, dict[str, float]] = json.loads((REFERENCE / "poses" / "metahuman_pose_library.json").read_text())
    faces = []
    for name, pose in poses.items():
        kind = name.removeprefix("expressions/")
        if label := LIBRARY.get(kind.partition("-")[0]):
            values = np.zeros(N_CHANNELS, np.float32)
            for channel, value in pose.items():
                if (place := INDEX.get(channel.replace(".", "-"))) is not None:
                    values[place] = value
            faces.append(Face(label, kind, values))
    return faces


def pictures(pose: NDArray[np.float32]) -> Iterator[Image.Image]:
    """A face from all `VIEWS`."""
    head = load_head()
    shown = replace(camera(head), height=HEIGHT_MM)
    placed = head.pose(np.clip(pose, MINIMUM, MAXIMUM)[None])[0]
    drawn = {at: Drawing(head, shown.turned(*at), PIXELS, PIXELS).draw(placed) for at in TURNS}
    for yaw, pitch, bright in VIEWS:
        yield Image.fromarray(np.clip(drawn[yaw, pitch] * bright, 0.0, 255.0).astype(np.uint8))


def readings(eye: FaceLandmarker, pose: NDArray[np.float32]) -> NDArray[np.float64]:
    """What is read from the pictures of a face, (V, 52); nan where none is found."""
    rows = []
    for picture in pictures(pose):
        try:
            rows.append(eye.read(picture).shapes)
        except GuidanceError:
            rows.append(np.full(52, np.nan))
    return np.array(rows)


def write(eye: FaceLandmarker) -> None:
    """Make `assets/poses/seen.json`."""

    def named(values: NDArray[np.float64]) -> dict[str, float]:
        return {name: round(float(value), 3) for name, value in zip(SHAPES, values, strict=True) if abs(value) >= 0.005}

    rest = looked_at(readings(eye, np.zeros(N_CHANNELS, np.float32)))
    faces: dict[str, dict[str, Any]] = {}
    changes = [rest.var(axis=0)]
    for face in own_faces():
        if face.label != NEUTRAL:
            seen = looked_at(readings(eye, face.pose))
            changes.append(seen.var(axis=0))
            faces.setdefault(face.label, {})[face.name] = named(seen.mean(axis=0) - rest.mean(axis=0))
    seen_json = {
        "about": "What MediaPipe's face landmarker reads from the head of assets/head with the faces of emotions.json "
        "at strength 1: means over small turns and three lights, less those of the head at rest; 'noise' is what turns "
        "and lights change. Made by `python benchmarks/pictures.py --write`: run it again when those faces change.",
        "emotions": key(),
        "rest": named(rest.mean(axis=0)),
        "noise": named(np.sqrt(np.mean(changes, axis=0))),
        "faces": faces,
    }
    write_atomic(SEEN, lambda to: to.write_text(json.dumps(seen_json, indent=1) + "\n", "utf-8"))


def key() -> str:
    """What the readings were made from: a hash of the faces."""
    return hashlib.sha256(resources.files("medtalk_assets").joinpath("poses", "emotions.json").read_bytes()).hexdigest()


def measure(eye: FaceLandmarker, title: str, faces: list[Face]) -> None:
    """Print how often the label is right, by strength, and which label is taken for which."""
    shown = [label for label in LABELS if label != NEUTRAL]
    taken: dict[str, dict[str, int]] = {label: {said: 0 for said in LABELS} for label in shown}
    right: dict[float, list[bool]] = {strength: [] for strength in STRENGTHS}
    strengths: dict[float, list[float]] = {strength: [] for strength in STRENGTHS}
    lost = 0
    for face in faces:
        for strength in STRENGTHS if face.label in taken else ():
            for row in readings(eye, strength * face.pose):
                if np.isnan(row).any():
                    lost += 1
                    right[strength].append(False)
                    continue
                seen = expression(row)
                said = max(seen.weights, key=lambda label: seen.weights[label])
                taken[face.label][said] += 1
                right[strength].append(said == face.label)
                strengths[strength].append(seen.strength)
    count = sum(map(len, right.values()))
    print(f"{title}: {count} pictures, {lost} without a face; chance 1/6 = .167, always neutral 0")
    for strength in STRENGTHS:
        share, mean = np.mean(right[strength]), np.mean(strengths[strength])
        print(f"  strength {strength:g}: right {share:.3f}, strength that is read {mean:.2f}")
    print("  " + "shown".ljust(10) + "".join(label.rjust(10) for label in LABELS))
    for label in shown:
        total = max(sum(taken[label].values()), 1)
        print("  " + label.ljust(10) + "".join(f"{taken[label][said] / total:10.2f}" for said in LABELS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=REFERENCE / "face" / "face_landmarker.task")
    parser.add_argument("--write", action="store_true", help="make assets/poses/seen.json")
    given = parser.parse_args()
    eye = FaceLandmarker(Pretrained(FACE_LANDMARKER, given.model))
    if given.write:
        write(eye)
        return
    measure(eye, "MetaHuman's pose library", library())
    measure(eye, "Our own faces", own_faces())


if __name__ == "__main__":
    main()
