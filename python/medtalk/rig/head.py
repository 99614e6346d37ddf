"""A head that the 174 channels drive: the surface that pages draw, pictures show and lips are measured on.

The asset (`assets/head/head.bin`, CC0, made by `docs/make_head.py`) is a gzip of a little-endian uint32 n, n
bytes of JSON, and arrays that begin at multiples of 4; the JSON says where each lies, with its type and shape.

A pose is plain arithmetic, so that a page does the same in JavaScript (`medtalk/face/web/head.js`):

1. the table (`medtalk.rig.head_table`) turns channels into weights of shapes; a closed lid takes from the shapes that
   would push the other one through it. Positions are the resting face plus the weighted shapes;
2. the eyes turn about their centres, and lids that shapes have pushed into an eyeball lie on it;
3. the lower lip is pulled to the edge of the upper teeth (bite), then either lip to the other (seal), column by column
   of the mouth, as far as the channels ask, whatever the jaw does. Lips that would pass through each other meet;
4. the head turns on its neck.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from medtalk.rig import head_table as table
from medtalk.rig.channels import N_CHANNELS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

BROW = (0.15, 0.095, 0.07)
"""sRGB of the hair of the brows, which `Head.paint` lays over the skin."""
IRIS, RING, PUPIL = (0.30, 0.37, 0.37), (0.09, 0.11, 0.12), (0.015, 0.015, 0.02)
IRIS_ANGLE, PUPIL_ANGLE = 0.41, 0.15
"""Radians from the axis of the eye to the edges of iris and pupil."""
LASH_MM = (15.6, 22.0)
"""How far from the centre of the eye the lashes begin and end."""
UPPER_SHARE = 0.35
"""Of the way to each other that the upper lip goes; the lower lip, which the jaw carries, goes the rest."""
TOOTH_LIP = (0.0, 1.2, 2.2)
"""Where a bitten lower lip lies, in mm from the edge of the upper teeth: it touches them from the front."""


LID_MM = 0.4
"""How far above an eyeball the lids lie at least, where they do so at rest: squint and cheek together push further."""


@dataclass(frozen=True, eq=False)
class Eye:
    """An eyeball: `center` (3,) and `radius` in mm, the `axis` (3,) of its look at rest, and its `vertices`."""

    center: NDArray[np.float32]
    axis: NDArray[np.float32]
    radius: float
    vertices: NDArray[np.intp]


@dataclass(frozen=True, eq=False, repr=False)
class Head:
    """The mesh and its shapes. Millimetres, x to the character's left, y up, z forward, the origin between the ears.

    Attributes:
        vertices: the resting face, (V, 3).
        triangles: (F, 3), counter-clockwise from outside.
        colors: sRGB of the vertices, (V, 3) uint8.
        material: index into `Head.MATERIALS`, (V,) uint8.
        paint: how much of the skin is brow, (H, W) uint8, over `paint_box` (x0, y0, x1, y1 in mm) of the resting face
            from the front; the first row is the lowest.
        shapes: names of the shapes.
        marks: landmarks by name: vertices, from the character's right to the left, brows from inside out.
        eyes: "left" and "right".
        neck: the point about which the head turns.
        deltas: of each shape, the vertices (n,) that it moves and by how many mm, (n, 3).
        pulled: the vertices (P,) that follow the lips' seal and bite.
    """

    MATERIALS: ClassVar[tuple[str, ...]] = ("skin", "mouth", "tongue", "teeth", "eye", "lash")

    vertices: NDArray[np.float32]
    triangles: NDArray[np.uint16]
    colors: NDArray[np.uint8]
    material: NDArray[np.uint8]
    paint: NDArray[np.uint8]
    paint_box: tuple[float, float, float, float]
    shapes: tuple[str, ...]
    marks: Mapping[str, NDArray[np.intp]]
    eyes: Mapping[str, Eye]
    neck: NDArray[np.float32]
    deltas: tuple[tuple[NDArray[np.intp], NDArray[np.float32]], ...]
    pulled: NDArray[np.intp]
    _pulls: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]  # column, weight above and below
    _lines: Mapping[str, tuple[NDArray[np.intp], NDArray[np.float32]]]  # of the lips and teeth, see `_points`

    def weights(self, values: ArrayLike) -> NDArray[np.float32]:
        """What each shape gets, (T, S), for channels (T, 174)."""
        values = _frames(values)
        weights = np.maximum(values, 0.0) @ self._positive + np.maximum(-values, 0.0) @ self._negative
        for shape, channel, share in table.CLOSED_LIDS:
            weights[:, self.shapes.index(shape)] *= 1.0 - share * np.clip(values[:, channel], 0.0, 1.0)
        return weights.astype(np.float32)

    def pose(self, values: ArrayLike, turn: ArrayLike | None = None) -> NDArray[np.float32]:
        """Where the vertices are, in mm: (T, V, 3) for channels (T, 174), (V, 3) for those of one frame (174,).

        turn: yaw (to the character's left), pitch (up) and roll (to its right shoulder) in degrees, (3,) or (T, 3).
        """
        frames = _frames(values)
        placed = self.trace(frames, np.arange(len(self.vertices)))
        if turn is not None:
            placed = self._turned(placed, np.broadcast_to(np.asarray(turn, np.float32), (len(frames), 3)))
        return placed if np.ndim(values) == 2 else placed[0]

    def trace(self, values: ArrayLike, vertices: ArrayLike) -> NDArray[np.float32]:
        """Where some vertices (n,) are, (T, n, 3) in mm, for channels (T, 174): cheap for few, whatever T is."""
        frames = _frames(values)
        wanted = np.asarray(vertices, np.intp)
        weights = self.weights(frames)
        bitten, gap, seals = self._lips(frames, weights)
        down, up = UPPER_SHARE * seals[0] * gap, (UPPER_SHARE - 1.0) * seals[1] * gap
        crossed = gap[..., 1] > 0.0  # the lower lip above the upper: they meet in between, whatever was asked
        down[..., 1] = np.where(crossed, UPPER_SHARE * gap[..., 1], down[..., 1])
        up[..., 1] = np.where(crossed, (UPPER_SHARE - 1.0) * gap[..., 1], up[..., 1])

        placed = self._shaped(weights, wanted)
        self._turn_eyes(placed, frames, wanted)
        self._lay_lids(placed, wanted)
        column, above, below = self._pulls
        place = np.full(len(self.vertices), -1)
        place[self.pulled] = np.arange(len(self.pulled))
        at = np.flatnonzero(place[wanted] >= 0)
        pull = place[wanted[at]]
        first = column[pull].astype(np.intp)
        share = (column[pull] - first)[:, None]
        for weight, move in ((above, down), (below, bitten + up)):
            own = move[:, first] * (1.0 - share) + move[:, first + 1] * share
            placed[:, at] += weight[pull, None] * own
        return placed

    def gap(self, values: ArrayLike) -> NDArray[np.float32]:
        """How far the lips are apart, (T, C) in mm, in each of the C columns from the character's right to the left.

        Signed: below 0 they are pressed together, before they are kept from passing through each other.
        """
        frames = _frames(values)
        _, gap, seals = self._lips(frames, self.weights(frames))
        left = 1.0 - UPPER_SHARE * seals[0] - (1.0 - UPPER_SHARE) * seals[1]
        return (-gap * left)[..., 1].astype(np.float32)

    def line(self, positions: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        """The points (..., C, 3) of a line ("upper" or "lower" lip, edge of the "teeth") on positions (..., V, 3)."""
        pairs, share = self._lines[name]
        first, second = (positions[..., pairs[:, end], :] for end in (0, 1))
        return (first + (second - first) * share[:, None]).astype(np.float32)

    def normals(self, positions: NDArray[np.float32]) -> NDArray[np.float32]:
        """Unit normals of the vertices, (..., V, 3), for positions of that shape."""
        a, b, c = (positions[..., self.triangles[:, corner], :] for corner in range(3))
        face = np.cross(b - a, c - a)
        flat = face.reshape(-1, len(self.triangles), 3)
        out = np.empty((len(flat), len(self.vertices), 3), np.float32)
        corners = self.triangles.T.ravel()
        for number, frame in enumerate(flat):
            for axis in range(3):
                out[number, :, axis] = np.bincount(corners, np.tile(frame[:, axis], 3), len(self.vertices))
        out /= np.maximum(np.linalg.norm(out, axis=-1, keepdims=True), 1e-9)
        return out.reshape(positions.shape)

    def eye_turns(self, values: ArrayLike) -> NDArray[np.float32]:
        """Degrees to the character's left and up, (T, 2, 2): left eye, then right."""
        frames = _frames(values)
        look = np.stack([frames[:, list(pair)] for pair in (table.LEFT_EYE, table.RIGHT_EYE)], axis=1)
        look = np.clip(look + frames[:, None, list(table.BOTH_EYES)], -1.0, 1.0)
        sideways = look[..., 0] * table.EYE_DEGREES["sideways"]
        upward = np.where(look[..., 1] > 0.0, table.EYE_DEGREES["up"], table.EYE_DEGREES["down"]) * look[..., 1]
        return np.stack([sideways, upward], axis=-1).astype(np.float32)

    @cached_property
    def _positive(self) -> NDArray[np.float32]:
        return self._matrix(+1)

    @cached_property
    def _negative(self) -> NDArray[np.float32]:
        return self._matrix(-1)

    def _matrix(self, sign: int) -> NDArray[np.float32]:
        """(174, S): what a channel that is 1, or -1, gives to the shapes."""
        matrix = np.zeros((N_CHANNELS, len(self.shapes)), np.float32)
        for channel, direction, shape, gain in table.LINEAR:
            if direction == sign:
                matrix[channel, self.shapes.index(shape)] += gain
        return matrix

    def _lips(
        self, frames: NDArray[np.float32], weights: NDArray[np.float32]
    ) -> tuple[NDArray, NDArray, list[NDArray]]:
        """How far the bite moves the lower lip and the way from upper to lower lip after it, (T, C, 3) mm each, and how
        strongly either lip is drawn to the other, (T, C, 1) each."""
        upper, lower, teeth = (self._line(weights, name) for name in ("upper", "lower", "teeth"))
        bite = self._columns(frames, table.BITE)[..., None]
        bitten = bite * (teeth + np.array(TOOTH_LIP, np.float32) - lower)
        seals = [self._columns(frames, pulls)[..., None] for pulls in (table.SEAL_UPPER, table.SEAL_LOWER)]
        return bitten, lower + bitten - upper, seals

    def _columns(self, frames: NDArray[np.float32], profile: tuple[table.Pull, ...]) -> NDArray[np.float32]:
        """(T, C) how strongly each column of the mouth is pulled, 0..1."""
        count = self._lines["upper"][1].shape[0]
        at = np.linspace(-1.0, 1.0, count)
        total = np.zeros((len(frames), count), np.float32)
        for channel, where in profile:
            total += np.maximum(frames[:, channel : channel + 1], 0.0) * np.float32(table.columns(where, at))
        return np.minimum(total, np.float32(1.0))

    def _line(self, weights: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        """(T, C, 3) the points of a line: of either lip, or of the teeth's edge."""
        pairs, share = self._lines[name]
        ends = self._shaped(weights, pairs.ravel()).reshape(len(weights), *pairs.shape, 3)
        return (ends[:, :, 0] * (1.0 - share[:, None]) + ends[:, :, 1] * share[:, None]).astype(np.float32)

    def _shaped(self, weights: NDArray[np.float32], wanted: NDArray[np.intp]) -> NDArray[np.float32]:
        """(T, n, 3) the resting face and the weighted shapes."""
        at, back = np.unique(wanted, return_inverse=True)
        place = np.full(len(self.vertices), -1)
        place[at] = np.arange(len(at))
        active = np.flatnonzero(weights.any(axis=0))
        shapes = np.zeros((len(active), len(at), 3), np.float32)
        for shape, number in zip(shapes, active.tolist(), strict=True):
            of, delta = self.deltas[number]
            near = place[of] >= 0
            shape[place[of[near]]] = delta[near]
        moved = (weights[:, active] @ shapes.reshape(len(active), 3 * len(at))).reshape(len(weights), len(at), 3)
        every = len(at) == len(wanted) and bool((at == wanted).all())
        return (self.vertices[wanted] + (moved if every else moved[:, back])).astype(np.float32, copy=False)

    def _turn_eyes(self, placed: NDArray[np.float32], frames: NDArray[np.float32], wanted: NDArray[np.intp]) -> None:
        turns = np.radians(self.eye_turns(frames))
        for number, eye in enumerate(self.eyes.values()):
            at = np.flatnonzero(np.isin(wanted, eye.vertices))
            if len(at):
                yaw, pitch = turns[:, number, 0], turns[:, number, 1]
                placed[:, at] = (placed[:, at] - eye.center) @ _rotation(yaw, pitch, 0.0 * yaw) + eye.center

    def _lay_lids(self, placed: NDArray[np.float32], wanted: NDArray[np.intp]) -> None:
        for eye, lids in zip(self.eyes.values(), self.lids, strict=True):
            at = np.flatnonzero(np.isin(wanted, lids))
            if len(at):
                out, least = placed[:, at] - eye.center, eye.radius + LID_MM
                far = np.linalg.norm(out, axis=-1, keepdims=True)
                placed[:, at] = np.where(far < least, eye.center + out * (least / np.maximum(far, 1e-6)), placed[:, at])

    @cached_property
    def lids(self) -> list[NDArray[np.intp]]:
        """The vertices of the skin around each eye that lie above its eyeball at rest, and stay above it."""
        skin = self.material == self.MATERIALS.index("skin")
        far = [np.linalg.norm(self.vertices - eye.center, axis=1) for eye in self.eyes.values()]
        return [
            np.flatnonzero(skin & (away > eye.radius + LID_MM) & (away < 2.0 * eye.radius))
            for away, eye in zip(far, self.eyes.values(), strict=True)
        ]

    def _turned(self, placed: NDArray[np.float32], turn: NDArray[np.float32]) -> NDArray[np.float32]:
        """The whole head turned; the neck follows from none at its edge to all at the skull."""
        low, high = float(self.vertices[:, 1].min()), float(self.neck[1])
        share = np.clip((self.vertices[:, 1] - low) / (high - low), 0.0, 1.0)
        share = (share * share * (3.0 - 2.0 * share)).astype(np.float32)[:, None]
        turned = (placed - self.neck) @ _rotation(*np.radians(turn).T) + self.neck
        return (placed + share * (turned - placed)).astype(np.float32)


def _rotation(yaw: NDArray, pitch: NDArray, roll: NDArray) -> NDArray[np.float32]:
    """(T, 3, 3) to multiply rows with: roll about z, then pitch about x, then yaw about y; radians."""
    zero, one = 0.0 * yaw, 0.0 * yaw + 1.0
    (cy, sy), (cp, sp), (cr, sr) = ((np.cos(each), np.sin(each)) for each in (yaw, -pitch, roll))
    about_y = np.stack([cy, zero, -sy, zero, one, zero, sy, zero, cy], axis=-1).reshape(-1, 3, 3)
    about_x = np.stack([one, zero, zero, zero, cp, sp, zero, -sp, cp], axis=-1).reshape(-1, 3, 3)
    about_z = np.stack([cr, sr, zero, -sr, cr, zero, zero, zero, one], axis=-1).reshape(-1, 3, 3)
    return (about_z @ about_x @ about_y).astype(np.float32)


def _frames(values: ArrayLike) -> NDArray[np.float32]:
    frames = np.atleast_2d(np.asarray(values, np.float32))
    assert frames.ndim == 2 and frames.shape[1] == N_CHANNELS, "channels are (T, 174) or (174,)"
    return frames


@cache
def head_bytes() -> bytes:
    """The file of the head."""
    return (files("medtalk_assets") / "head" / "head.bin").read_bytes()


@cache
def load_head() -> Head:
    """The head of the package."""
    data = gzip.decompress(head_bytes())
    start = 4 + int.from_bytes(data[:4], "little")
    header: dict[str, Any] = json.loads(data[4:start])

    def array(name: str) -> NDArray[Any]:
        entry = header["arrays"][name]
        kind, shape = np.dtype(entry["dtype"]), entry["shape"]
        flat = np.frombuffer(data, kind, int(np.prod(shape)), start + entry["offset"])
        return flat.reshape(shape)

    index, delta = array("shape_index").astype(np.intp), array("shape_delta")
    deltas = []
    for shape in header["shapes"]:
        part = slice(shape["first"], shape["first"] + shape["count"])
        deltas.append((index[part], delta[part].astype(np.float32) * np.float32(shape["scale"])))
    lines = {
        name: (array(f"{name}_vertices").astype(np.intp), array(f"{name}_share"))
        for name in ("upper", "lower", "teeth")
    }
    x0, y0, x1, y1 = header["paint"]["box"]
    return Head(
        vertices=array("vertices").astype(np.float32) * np.float32(header["unit"]),
        triangles=array("triangles"),
        colors=array("colors"),
        material=array("material"),
        paint=array("paint"),
        paint_box=(x0, y0, x1, y1),
        shapes=tuple(shape["name"] for shape in header["shapes"]),
        marks=MappingProxyType({name: np.array(marks, np.intp) for name, marks in header["marks"].items()}),
        eyes=MappingProxyType(
            {
                side: Eye(
                    np.array(eye["center"], np.float32),
                    np.array(eye["axis"], np.float32),
                    eye["radius"],
                    np.array(eye["vertices"], np.intp),
                )
                for side, eye in header["eyes"].items()
            }
        ),
        neck=np.array(header["neck"], np.float32),
        deltas=tuple(deltas),
        _lines=lines,
        pulled=array("pull_vertex").astype(np.intp),
        _pulls=(array("pull_column"), array("pull_upper"), array("pull_lower")),
    )
