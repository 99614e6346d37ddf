"""What a rig does to the head of the package, in millimetres: lips, teeth, corners, brows, lids.

The head is 220 mm high, as large as a person's, so that a millimetre here is one of a face. Every measure is a curve
over time of a few landmarks; an hour of curves takes a minute and little memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from medtalk.rates import FPS
from medtalk.rig.channels import N_CHANNELS
from medtalk.rig.head import load_head

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FRAMES = 3600  # looked at together
_LIPS = ("lip_upper", "lip_lower", "corner_left", "corner_right")
_SIDES = ("left", "right")
_LIDS = tuple(f"lid_{lid}_{side}" for side in _SIDES for lid in ("upper", "lower"))
_MARKS = (*_LIPS, "teeth_edge", "brow_left", "brow_right", *_LIDS)
_PAIRS = ("corner", "brow")
_NEAR_MM = 10.0


@dataclass(frozen=True, eq=False)
class Surface:
    """Curves over the frames of a rig at 60 fps, float32, in mm unless they say otherwise.

    Attributes:
        gap: (T,) between the inner lips, the median of the middle half of the mouth; below 0 they press each other, and
            the head keeps them from passing through each other.
        teeth: (T,) from the edge of the lower lip to the edge of the upper teeth, up and back, the median of the middle
            half.
        spread: (T,) between the corners of the mouth, more than at rest.
        brows: (T, 2) height of the left and the right brow over rest.
        lids: (T, 2) between upper and lower lid, left and right.
        speed: (T,) of the lips, the mean of their landmarks, in mm a second.
        apart: (T,) asymmetry: how far corners and brows of the left are from the mirrored right, beyond what they are
            at rest.
    """

    gap: NDArray[np.float32]
    teeth: NDArray[np.float32]
    spread: NDArray[np.float32]
    brows: NDArray[np.float32]
    lids: NDArray[np.float32]
    speed: NDArray[np.float32]
    apart: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.gap)


def surface(values: NDArray) -> Surface:
    """The curves of a rig (T, 174) at 60 fps, T >= 1."""
    values = np.asarray(values, np.float32)
    rest = _Places.of(np.zeros((1, N_CHANNELS), np.float32))
    parts, last = [], None
    for first in range(0, len(values), _FRAMES):
        places = _Places.of(values[first : first + _FRAMES])
        parts.append(_curves(places, rest, last))
        last = places.lips[-1]
    names = [each.name for each in fields(Surface)]
    return Surface(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


@dataclass(frozen=True, eq=False)
class _Places:
    """Where the landmarks are, by name, (T, n, 3), and `gap`, (T, C)."""

    at: dict[str, NDArray[np.float32]]
    gap: NDArray[np.float32]

    @classmethod
    def of(cls, values: NDArray[np.float32]) -> _Places:
        head = load_head()
        every = np.concatenate([head.marks[name] for name in _MARKS])
        placed = head.trace(values, every)
        edges = np.cumsum([len(head.marks[name]) for name in _MARKS])[:-1]
        return cls(dict(zip(_MARKS, np.split(placed, edges, axis=1), strict=True)), head.gap(values))

    @property
    def lips(self) -> NDArray[np.float32]:
        return np.concatenate([self.at[name] for name in _LIPS], axis=1)

    @property
    def width(self) -> NDArray[np.float32]:
        return np.linalg.norm(self.at["corner_left"] - self.at["corner_right"], axis=-1)[:, 0]


def _curves(places: _Places, rest: _Places, before: NDArray | None) -> Surface:
    at = places.at
    lips = places.lips
    steps = np.diff(lips, axis=0, prepend=lips[:1] if before is None else before[None])
    sides = [[(at[f"{what}_{side}"] - rest.at[f"{what}_{side}"]).mean(axis=1) for side in _SIDES] for what in _PAIRS]
    mirrored = np.array((-1.0, 1.0, 1.0), np.float32)
    lids = [[np.median(at[f"lid_{lid}_{side}"][..., 1], axis=1) for lid in ("upper", "lower")] for side in _SIDES]
    return Surface(
        gap=_middle(places.gap),
        teeth=_middle(np.linalg.norm((at["teeth_edge"] - at["lip_lower"])[..., 1:], axis=-1)),
        spread=places.width - rest.width,
        brows=np.stack([moved[:, 1] for moved in sides[_PAIRS.index("brow")]], axis=1),
        lids=np.stack([upper - lower for upper, lower in lids], axis=1),
        speed=np.linalg.norm(steps, axis=-1).mean(axis=1) * np.float32(FPS),
        apart=np.mean([np.linalg.norm(left - mirrored * right, axis=-1) for left, right in sides], axis=0),
    )


def _middle(columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """(T,) the median of the middle half of the columns of a mouth (T, C)."""
    count = columns.shape[1]
    return np.median(columns[:, count // 4 : count - count // 4], axis=1)


def lip_vertices() -> NDArray[np.intp]:
    """The vertices of the lips and the skin within a centimetre of them."""
    head = load_head()
    marks = head.vertices[np.concatenate([head.marks[name] for name in _LIPS])]
    near = np.linalg.norm(head.vertices[:, None] - marks[None], axis=-1).min(axis=1) <= _NEAR_MM
    return np.flatnonzero(near & (head.material == head.MATERIALS.index("skin")))


def blocks(frames: int) -> Iterator[slice]:
    """Slices of so many frames, each short enough to be looked at as a whole."""
    return (slice(first, first + _FRAMES) for first in range(0, frames, _FRAMES))
