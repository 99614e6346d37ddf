"""Which emotion a face shows, judged on the surface of the head by poses that are not ours.

The judge is fitted on a library of MetaHuman poses: every expression at several strengths, laid over mouths that are
speaking. It never sees our tables, so it can say whether a take shows what it was asked to show. It looks at the mean
of a take, as somebody does who sees it without sound.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medtalk.guidance import LABELS, NEUTRAL
from medtalk.rig.channels import CHANNEL_NAMES, MAXIMUM, MINIMUM, N_CHANNELS, indices
from medtalk.rig.head import load_head

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS = dict(angry="Anger", disgust="Disgust", fear="Fear", happy="Joy", sad="Sadness", surprised="Surprise")
"""Label -> what the library calls it."""
_STRENGTHS = (0.3, 0.5, 0.75, 1.0)
_MOUTHS = 5  # mouths that speak, for each pose and strength
_VISEMES = 6  # that a mouth is the mean of, as the mean of a take is of many
_COMPONENTS, _SHRINKAGE = 16, 0.1
_EVERY = 20  # vertex of the skin that is looked at
_FRAMES_EVERY = 6  # frame of a take
# 1 in every expression of the library, joy too: a slider that was left there, not an emotion.
_STANDING = indices("?_nose_wrinkleUpper")


@dataclass(frozen=True, eq=False)
class FaceJudge:
    """Linear discriminants of the seven labels.

    Attributes:
        vertices: of the head that it looks at.
        mean, basis: of the principal components of their displacements.
        weights, offsets: of the discriminants, (C, 7) and (7,).
    """

    vertices: NDArray[np.intp]
    mean: NDArray
    basis: NDArray
    weights: NDArray
    offsets: NDArray

    @classmethod
    def fit(cls, library: Path, without: int = -1) -> FaceJudge:
        """A judge by the poses of a folder's `metahuman_pose_library.json`.

        `without` leaves one of the four poses of each label out (0 is the faintest).
        """
        poses, visemes = read_library(library)
        rng = np.random.default_rng(0)
        faces, truth = [], []
        for number, label in enumerate(LABELS):
            for at, pose in enumerate(poses.get(label, np.zeros((4, N_CHANNELS)))):
                for strength in _STRENGTHS:
                    if at != without:
                        faces.append(spoken(pose * strength, visemes, rng, _MOUTHS))
                        truth += [number] * _MOUTHS
        return cls._of(np.concatenate(faces), np.array(truth))

    @classmethod
    def _of(cls, faces: NDArray, truth: NDArray) -> FaceJudge:
        skin = np.flatnonzero(load_head().material == load_head().MATERIALS.index("skin"))[::_EVERY]
        marks = np.concatenate(list(load_head().marks.values()))
        vertices = np.unique(np.concatenate([skin, marks]))
        moved = _moved(faces, vertices)
        mean = moved.mean(axis=0)
        basis = np.linalg.svd(moved - mean, full_matrices=False)[2][:_COMPONENTS].T
        seen = (moved - mean) @ basis
        centres = np.stack([seen[truth == k].mean(axis=0) for k in range(len(LABELS))])
        within = np.cov((seen - centres[truth]).T)
        within = (1.0 - _SHRINKAGE) * within + _SHRINKAGE * np.trace(within) / len(within) * np.eye(len(within))
        weights = np.linalg.solve(within, centres.T)
        return cls(vertices, mean, basis, weights, -0.5 * np.einsum("kc,ck->k", centres, weights))

    def scores(self, faces: NDArray) -> NDArray:
        """(N, 7) how much each face (N, 174) looks like each label."""
        return (_moved(faces, self.vertices) - self.mean) @ self.basis @ self.weights + self.offsets

    def label(self, values: NDArray) -> str:
        """The label that a take (T, 174) shows: of the mean of its surface."""
        moved = _moved(values[::_FRAMES_EVERY], self.vertices).mean(axis=0)
        return LABELS[int(((moved - self.mean) @ self.basis @ self.weights + self.offsets).argmax())]


def read_library(folder: Path) -> tuple[Mapping[str, NDArray], NDArray]:
    """The poses of each label, (4, 174) from faint to strong, and the visemes, (V, 174), of a folder."""
    library = json.loads((folder / "metahuman_pose_library.json").read_text("utf-8"))
    keys = [name.replace("-", ".") for name in CHANNEL_NAMES]
    vectors = {name: np.array([pose.get(key, 0.0) for key in keys], np.float32) for name, pose in library.items()}
    poses = {
        label: np.stack([vectors[name] for name in sorted(vectors) if name.startswith(f"expressions/{word}-")])
        for label, word in WORDS.items()
    }
    for each in poses.values():
        each[:, _STANDING] = 0.0
    assert set(poses) == set(LABELS) - {NEUTRAL}
    return poses, np.stack([vectors[name] for name in sorted(vectors) if name.startswith("visemes/")])


def spoken(pose: NDArray, visemes: NDArray, rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    """(count, 174) a pose laid over mouths that speak: means of some of the visemes, at half of their size."""
    mouths = np.stack([visemes[rng.choice(len(visemes), _VISEMES, replace=False)].mean(axis=0) for _ in range(count)])
    return np.clip(pose + 0.5 * mouths, MINIMUM, MAXIMUM).astype(np.float32)


def _moved(faces: NDArray, vertices: NDArray[np.intp]) -> NDArray:
    """(N, 3 n) how far the vertices are from rest."""
    head = load_head()
    return (head.trace(faces, vertices) - head.vertices[vertices]).reshape(len(faces), -1)
