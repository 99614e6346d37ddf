"""A take on the head as a binary glTF 2.0 (`.glb`), for Blender, Godot, three.js and the usual viewers.

The mesh has a morph target for each shape of the head that the take moves, by name, and one animation: the weights, and
the turns of the eyes and of the head, a key a frame. The head turns as a whole, with its neck, which pages bend. Lips
that seal and bite, and lids that lie on an eye, are no sum of shapes, so what is left of them becomes targets of its
own: the principal components, over the take, of the pose of the head less that sum. As many are taken as bring every
vertex of every frame within `TOLERANCE_MM`; the file says how far it really is (`extras.error_mm`).

Only what every reader knows is used: no extension is required. Metres, y up, the face to +z.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medtalk.errors import RigError
from medtalk.rig.glb import ARRAY, ELEMENTS, GlbFile
from medtalk.rig.head import BROW, IRIS, IRIS_ANGLE, LASH_MM, PUPIL, PUPIL_ANGLE, RING, Head, load_head

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.rig.sequence import RigSequence

TOLERANCE_MM = 0.1
"""Far under what is seen: a pixel of a head that fills a screen of 1080 lines is .25 mm."""
MOST_CORRECTIVES = 48  # of the lips, and of the lids
MAX_BYTES = 512 << 20
"""Of a file: an hour at 60 fps is about 80 MB."""

_STILL = 1e-4  # a shape that never gets more is left out
_BLOCK = 2000  # frames that are posed together
_BASIS = 600  # frames that the components are taken from
_METRES = np.float32(0.001)
_FLAT = 0.02  # of a normal: what turns less is left out

_WHITE, _EYE_ANGLE = (0.91, 0.90, 0.886), 0.8
_ROUGH = {"skin": 0.6, "mouth": 0.5, "tongue": 0.5, "teeth": 0.3, "eye": 0.1, "lash": 1.0}


def write_glb(path: Path, rig: RigSequence) -> None:
    """Write a take on the head at its own frame rate.

    Raises:
        RigError: the file would be larger than `MAX_BYTES`.
    """
    path.write_bytes(glb(rig))


def glb(rig: RigSequence) -> bytes:
    """The bytes of the file; RigError if there would be too many."""
    head = load_head()
    if 4 * len(rig) * (len(head.shapes) + 2 * MOST_CORRECTIVES) > MAX_BYTES:
        raise RigError(
            f"{len(rig)} frames are too many for .glb: over {MAX_BYTES >> 20} MiB.",
            "Write a part of the rig, or a lower frame rate.",
        )
    weights, targets, error = _targets(head, rig.values)
    file = GlbFile()
    face = _face(head, file, targets)
    eyes = [_eye(head, file, side) for side in head.eyes]
    _scene(head, file, [face, *eyes])
    times = file.array((np.arange(len(rig)) / rig.fps).astype(np.float32)[:, None], bounds=True)
    turns = head.eye_turns(rig.values)
    moves = [(1, "weights", weights.reshape(-1, 1))]
    moves += [(2 + number, "rotation", _quaternions(turns[:, number])) for number in range(len(eyes))]
    if rig.head is not None:
        moves.append((0, "rotation", _quaternions(rig.head)))
    file.animate(times, moves)
    file.json["asset"] |= {
        "copyright": "The head is CC0 1.0 (MakeHuman; faceunits by Mika Suominen).",
        "extras": {"frames": len(rig), "fps": rig.fps, "error_mm": round(error, 4)},
    }
    return file.bytes()


@dataclass(frozen=True, eq=False)
class Target:
    """A morph target: `delta` (n, 3) in mm at the vertices `of` (n,)."""

    name: str
    of: NDArray[np.intp]
    delta: NDArray[np.float32]


def _targets(head: Head, values: NDArray) -> tuple[NDArray[np.float32], list[Target], float]:
    """Weights (T, N), their targets, and how far in mm the worst vertex of the worst frame is from the head's pose."""
    weights = head.weights(values)
    used = np.flatnonzero(np.abs(weights).max(axis=0) > _STILL)
    targets = [Target(head.shapes[shape], *head.deltas[shape]) for shape in used.tolist()]
    some = np.unique(np.linspace(0, len(values) - 1, _BASIS).round().astype(int))
    all_weights, error = [weights[:, used]], 0.0
    for name, of in (("lips", head.pulled), ("lids", np.unique(np.concatenate(head.lids)))):
        rest = _Rest(head, of)
        components = rest.components(values[some])
        found = [np.zeros((0, len(components)), np.float32)]
        for first in range(0, len(values), _BLOCK):
            left = rest.left(values[first : first + _BLOCK])
            found.append(left @ components.T)
            error = max(error, _largest(left - found[-1] @ components))
        coefficients = np.concatenate(found)
        size = np.maximum(np.abs(coefficients).max(axis=0), 1e-9)  # so that weights stay within -1 to 1
        targets += [
            Target(f"{name}{number:02d}", of, (component * each).reshape(-1, 3).astype(np.float32))
            for number, (component, each) in enumerate(zip(components, size, strict=True), start=1)
        ]
        all_weights.append(coefficients / size)
    return np.concatenate(all_weights, axis=1).astype(np.float32), targets, error


class _Rest:
    """What is no sum of shapes at the vertices `of` (n,): the pulls of the lips, and lids that lie on an eye."""

    def __init__(self, head: Head, of: NDArray[np.intp]) -> None:
        self._head, self.of = head, of
        place = np.full(len(head.vertices), -1)
        place[self.of] = np.arange(len(self.of))
        self._shapes = np.zeros((len(head.shapes), len(self.of), 3), np.float32)
        for shape, (of, delta) in zip(self._shapes, head.deltas, strict=True):
            near = place[of] >= 0
            shape[place[of[near]]] = delta[near]

    def left(self, values: NDArray) -> NDArray[np.float32]:
        """(T, 3 n) in mm: the pose of channels (T, 174), less the resting face and its shapes."""
        head = self._head
        linear = head.weights(values) @ self._shapes.reshape(len(self._shapes), -1)
        moved = head.trace(values, self.of) - head.vertices[self.of]
        return (moved.reshape(len(values), -1) - linear).astype(np.float32, copy=False)

    def components(self, values: NDArray) -> NDArray[np.float32]:
        """(K, 3 n) orthonormal principal components of `left`, as few as `TOLERANCE_MM` lets do."""
        sample = self.left(values)
        basis = np.linalg.svd(sample, full_matrices=False)[2][:MOST_CORRECTIVES]
        found = sample @ basis.T
        enough = (k for k in range(len(basis)) if _largest(sample - found[:, :k] @ basis[:k]) <= TOLERANCE_MM)
        return basis[: next(enough, len(basis))]


def _largest(left: NDArray) -> float:
    """The longest of the vectors in (T, 3 n)."""
    return float(np.sqrt((left.reshape(-1, 3) ** 2).sum(axis=1).max()))


def _quaternions(turns: NDArray[np.float32]) -> NDArray[np.float32]:
    """(T, 4) x y z w of turns (T, 2 or 3): degrees to the left about y, up about x, to the right shoulder about z."""
    yaw, pitch, *rolls = np.radians(turns.astype(np.float64)).T / 2
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), -np.sin(pitch)
    x, y, z, w = cy * sp, sy * cp, -sy * sp, cy * cp
    for roll in rolls:
        cr, sr = np.cos(roll), np.sin(roll)
        x, y, z, w = x * cr + y * sr, y * cr - x * sr, z * cr + w * sr, w * cr - z * sr
    return np.stack([x, y, z, w], axis=1).astype(np.float32)


# --- the mesh


def _face(head: Head, file: GlbFile, targets: Sequence[Target]) -> int:
    """The mesh of all but the eyes, a primitive for each material; all share their vertices. Returns its number."""
    eyes = np.concatenate([eye.vertices for eye in head.eyes.values()])
    kept = np.setdiff1d(np.arange(len(head.vertices)), eyes)
    place = np.full(len(head.vertices), -1)
    place[kept] = np.arange(len(kept))
    normals = head.normals(head.vertices)
    shared = {
        "POSITION": file.array(head.vertices[kept] * _METRES, ARRAY, bounds=True),
        "NORMAL": file.array(normals[kept], ARRAY),
        "COLOR_0": file.array(_colors(head)[kept], ARRAY, normalized=True),
    }
    brows = {"TEXCOORD_0": file.array(_over_the_brows(head)[kept], ARRAY)}
    morphs = []
    for target in targets:
        moved = head.vertices.copy()
        moved[target.of] += target.delta
        turned = head.normals(moved) - normals
        bent = np.flatnonzero(np.abs(turned).max(axis=1) > _FLAT)
        morphs.append(
            {
                "POSITION": file.sparse(place, target.of, target.delta * _METRES, len(kept), bounds=True),
                "NORMAL": file.sparse(place, bent, turned[bent], len(kept)),
            }
        )
    kind = head.material[head.triangles].min(axis=1)
    primitives = []
    for number in np.unique(kind).tolist():
        name = head.MATERIALS[number]
        if name == "eye":
            continue
        corners = place[head.triangles[kind == number]].astype(np.uint16).reshape(-1, 1)
        painted = name == "skin"
        material = file.material(name, _ROUGH[name], _brows(head) if painted else None, sheer=name == "lash")
        primitive = {
            "attributes": shared | (brows if painted else {}),
            "indices": file.array(corners, ELEMENTS),
            "material": material,
        }
        primitives.append(primitive | ({"targets": morphs} if morphs else {}))
    names = {"extras": {"targetNames": [target.name for target in targets]}} if morphs else {}
    return file.add("meshes", {"name": "face", "primitives": primitives} | names)


def _eye(head: Head, file: GlbFile, side: str) -> int:
    """The mesh of an eyeball about its centre. Returns its number."""
    eye = head.eyes[side]
    place = np.full(len(head.vertices), -1)
    place[eye.vertices] = np.arange(len(eye.vertices))
    corners = place[head.triangles[(place[head.triangles] >= 0).all(axis=1)]].astype(np.uint16).reshape(-1, 1)
    away = head.vertices[eye.vertices] - eye.center
    direction = away / np.linalg.norm(away, axis=1, keepdims=True)
    angle = np.arccos(np.clip(direction @ eye.axis, -1.0, 1.0))
    side_up = direction[:, :2] / np.maximum(np.linalg.norm(direction[:, :2], axis=1, keepdims=True), 1e-6)
    across = 0.5 + (side_up * (1.0, -1.0)) * angle[:, None] / (2.0 * _EYE_ANGLE)
    primitive = {
        "attributes": {
            "POSITION": file.array(away * _METRES, ARRAY, bounds=True),
            "NORMAL": file.array(head.normals(head.vertices)[eye.vertices], ARRAY),
            "TEXCOORD_0": file.array(across.astype(np.float32), ARRAY),
        },
        "indices": file.array(corners, ELEMENTS),
        "material": file.material("eye", _ROUGH["eye"], _iris()),
    }
    return file.add("meshes", {"name": f"eye_{side}", "primitives": [primitive]})


def _scene(head: Head, file: GlbFile, meshes: Sequence[int]) -> None:
    """The node `head` at the neck, which may be turned, and below it the face and the eyes."""
    neck = head.neck.astype(np.float64) * float(_METRES)
    centers = [np.zeros(3), *(eye.center.astype(np.float64) * float(_METRES) for eye in head.eyes.values())]
    children = list(range(1, 1 + len(meshes)))
    file.add("nodes", {"name": "head", "translation": neck.tolist(), "children": children})
    for name, mesh, center in zip(("face", *(f"eye_{side}" for side in head.eyes)), meshes, centers, strict=True):
        file.add("nodes", {"name": name, "mesh": mesh, "translation": (center - neck).tolist()})
    file.json |= {"scene": 0, "scenes": [{"name": "take", "nodes": [0]}]}


def _colors(head: Head) -> NDArray[np.uint16]:
    """(V, 4) linear, with the lashes fading out towards their tips."""
    colors = np.ones((len(head.vertices), 4))
    colors[:, :3] = _linear(head.colors / 255.0)
    lash = head.material == head.MATERIALS.index("lash")
    far = np.min([np.linalg.norm(head.vertices[lash] - eye.center, axis=1) for eye in head.eyes.values()], axis=0)
    near, tip = LASH_MM
    colors[lash, 3] = 1.0 - np.clip((far - near) / (tip - near), 0.0, 1.0)
    return np.round(colors * 65535).astype(np.uint16)


def _over_the_brows(head: Head) -> NDArray[np.float32]:
    """(V, 2) where each vertex lies in the picture of the brows, seen from the front; the rest at its edge."""
    x0, y0, x1, y1 = head.paint_box
    u, v = (head.vertices[:, 0] - x0) / (x1 - x0), (y1 - head.vertices[:, 1]) / (y1 - y0)
    place = np.clip(np.stack([u, v], axis=1), 0.0, 1.0)
    place[head.vertices[:, 2] < 0.0] = 0.0
    return place.astype(np.float32)


def _brows(head: Head) -> bytes:
    """The picture by which the colour of the skin is multiplied."""
    skin = _linear(head.colors[head.material == head.MATERIALS.index("skin")].mean(axis=0) / 255.0)
    share = head.paint[::-1, :, None] / 255.0
    return _png(_encoded(1.0 + share * (np.minimum(_linear(np.array(BROW)) / skin, 1.0) - 1.0)))


def _iris(size: int = 128) -> bytes:
    """The picture of an eye from the front, as far as `_EYE_ANGLE`."""
    side, up = np.meshgrid(*2 * [(np.arange(size) + 0.5) / size * 2.0 - 1.0])
    angle, around = _EYE_ANGLE * np.hypot(side, up), np.arctan2(-up, side)
    soft = 1.5 * _EYE_ANGLE / size
    radius = angle / IRIS_ANGLE
    fibres = 1.0 + 0.10 * np.sin(23.0 * around + 3.0 * np.sin(7.0 * around)) * _step(0.3, 0.6, radius)
    color = _linear(np.array(IRIS)) * fibres[..., None]
    for other, share in (
        (RING, _step(0.72, 1.0, radius)),
        (PUPIL, 1.0 - _step(-soft, soft, angle - PUPIL_ANGLE)),
        (_WHITE, _step(-soft, soft, angle - IRIS_ANGLE)),
    ):
        color = color + (_linear(np.array(other)) - color) * share[..., None]
    return _png(_encoded(color))


def _step(low: float, high: float, x: NDArray) -> NDArray:
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _linear(srgb: NDArray) -> NDArray:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _encoded(linear: NDArray) -> NDArray[np.uint8]:
    curve = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1.0 / 2.4) - 0.055)
    return np.round(np.clip(curve, 0.0, 1.0) * 255).astype(np.uint8)


def _png(picture: NDArray[np.uint8]) -> bytes:
    """A picture (H, W, 3) as a PNG."""
    height, width, _ = picture.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), picture.reshape(height, -1)], axis=1)  # filter 0: as it is

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts
