"""The expression of a face as a mixture of the faces of our emotions.

A landmarker does not see what a blendshape means: of MediaPipe's 52, some stay at 0 whatever a face does (NoseSneer,
CheekSquint), others show a third of it (BrowOuterUp, MouthFrown), and one reads .3 at rest (EyeSquint). So a reading is
not compared with our pose tables, but with what the same landmarker reads from faces that are posed by them. Those
readings are in `assets/poses/seen.json`; `benchmarks/pictures.py --write` makes them from the tables and the head.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from medtalk.rig import ARKIT_NAMES

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Where somebody looks, and to which side the jaw and the mouth go, is no emotion.
_ELSEWHERE = ("EyeLook", "JawLeft", "JawRight", "MouthLeft", "MouthRight")
SHAPES = tuple(
    dict.fromkeys(
        name.removesuffix("Left").removesuffix("Right") for name in ARKIT_NAMES if not name.startswith(_ELSEWHERE)
    )
)
"""The blendshapes that are looked at: both sides of one together, since a turned head reads as a crooked face."""

_NOISE = 0.12  # of a reading: people differ at rest, beside what small turns and other lights change
_LEAST = 0.3  # of a strength; a weaker face is partly neutral, as a face at rest reads .1 to .25 of something
_MOST = 2.0
_CLEAR = 0.05  # less of a label is noise


@dataclass(frozen=True)
class Expression:
    """What a face shows.

    Attributes:
        weights: of the labels, summing to 1.
        strength: in units of the pose tables, 0.3 to 2.
        explained: how much of the reading these faces make up for, 0..1.
    """

    weights: Mapping[str, float]
    strength: float
    explained: float


@dataclass(frozen=True, eq=False)
class _Seen:
    """The readings of our faces, over `SHAPES`."""

    labels: tuple[str, ...]  # of each face; a label has several kinds
    rest: NDArray[np.float64]  # (S,)
    scale: NDArray[np.float64]  # (S,): a reading counts the more, the less it changes for no reason
    faces: NDArray[np.float64]  # (F, S) less `rest`


def looked_at(shapes: NDArray) -> NDArray[np.float64]:
    """ARKit weights (..., 52) as (..., S), in the order of `SHAPES`."""
    weights = np.asarray(shapes, np.float64)
    sides = [
        [ARKIT_NAMES.index(name + side) for side in ("", "Left", "Right") if name + side in ARKIT_NAMES]
        for name in SHAPES
    ]
    return np.stack([weights[..., each].mean(axis=-1) for each in sides], axis=-1)


@cache
def _seen() -> _Seen:
    text = resources.files("medtalk_assets").joinpath("poses", "seen.json").read_text("utf-8")
    table: dict[str, Any] = json.loads(text)

    def row(values: Mapping[str, float]) -> list[float]:
        return [values.get(name, 0.0) for name in SHAPES]

    faces = [(label, row(face)) for label, kinds in table["faces"].items() for face in kinds.values()]
    return _Seen(
        tuple(label for label, _ in faces),
        np.array(row(table["rest"])),
        1.0 / (np.array(row(table["noise"])) + _NOISE),
        np.array([face for _, face in faces]),
    )


def expression(shapes: NDArray, rest: str = "neutral") -> Expression:
    """The mixture of our faces that comes closest to a reading, each with a weight of 0 or more.

    Args:
        shapes: ARKit weights (52,), in the order of `ARKIT_NAMES`, as MediaPipe reads them.
        rest: the label that stands for what is too weak to be an expression.
    """
    from scipy.optimize import nnls

    seen = _seen()
    wanted = (looked_at(shapes) - seen.rest) * seen.scale
    shares, left = nnls((seen.faces * seen.scale).T, wanted)
    amounts: dict[str, float] = {}
    for label, share in zip(seen.labels, shares, strict=True):
        amounts[label] = amounts.get(label, 0.0) + float(share)
    whole = sum(amounts.values())
    amounts = {label: amount for label, amount in amounts.items() if amount > _CLEAR * whole}
    strength = sum(amounts.values())
    if strength < _LEAST:
        amounts[rest], strength = _LEAST - strength, _LEAST
    size = float(wanted @ wanted)
    return Expression(
        {label: amount / strength for label, amount in amounts.items()},
        min(strength, _MOST),
        1.0 - left * left / size if size else 1.0,
    )
