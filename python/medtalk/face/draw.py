"""The head as a picture, without a GPU and without a library that a machine may lack.

What is seen is sampled four times a pixel, but light is reckoned once a pixel where all four show the same surface.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from typing import TYPE_CHECKING

import numpy as np

from medtalk.errors import SettingError
from medtalk.face import look, raster

if TYPE_CHECKING:
    from medtalk.rig.head import Eye, Head

LEAST, MOST = 32, 2048
"""Pixels of the sides of a picture."""
_EYE_MM = 900.0  # from the camera to what it looks at: a portrait, without a large nose
_CREASE = 0.6  # of upward slope between two sides of one
_SHARED_MM = 1.2  # samples of one pixel that are no farther apart in depth show one surface


@dataclass(frozen=True)
class Camera:
    """What is seen: `centre` (x, y, z) in mm of the head's space is in the middle, `height` mm fill the picture.

    yaw, pitch: degrees. A positive yaw shows the character's left cheek, a positive pitch looks from above.
    """

    centre: tuple[float, float, float]
    height: float
    yaw: float = 0.0
    pitch: float = 0.0

    def turned(self, yaw: float, pitch: float = 0.0) -> Camera:
        """The same from another side. Raises SettingError for angles that are not within a half turn."""
        if not (abs(yaw) <= 180.0 and abs(pitch) <= 90.0):
            raise SettingError(f"Looking from {yaw:g}, {pitch:g} degrees; valid are -180 to 180 and -90 to 90.")
        return replace(self, yaw=yaw, pitch=pitch)

    @property
    def matrix(self) -> np.ndarray:
        """(3, 3) from the head's space to that of the view: x to the right, y up, z to the viewer."""
        yaw, pitch = np.radians(self.yaw), np.radians(self.pitch)
        about_y = [[np.cos(yaw), 0.0, -np.sin(yaw)], [0.0, 1.0, 0.0], [np.sin(yaw), 0.0, np.cos(yaw)]]
        about_x = [[1.0, 0.0, 0.0], [0.0, np.cos(pitch), -np.sin(pitch)], [0.0, np.sin(pitch), np.cos(pitch)]]
        return (np.array(about_x) @ np.array(about_y)).astype(np.float32)


def camera(head: Head, name: str = "face") -> Camera:
    """The camera that `name` says: the whole face, or the mouth. Raises SettingError for another name."""
    lips = head.vertices[[*head.marks["lip_upper"], *head.marks["lip_lower"]]].mean(0)
    if name == "mouth":
        return Camera((0.0, float(lips[1]), float(lips[2])), 82.0)
    if name != "face":
        raise SettingError(f"There is no camera {name[:40]!r}; valid are face and mouth.")
    eyes = head.vertices[head.material == head.MATERIALS.index("eye")].mean(0)
    # It turns about a point inside the skull, so that a profile stays in the middle.
    return Camera((0.0, float(0.55 * eyes[1] + 0.45 * lips[1]), 0.4 * float(eyes[2])), 236.0)


class Drawing:
    """Draws a head from one camera, with all that no frame changes made once. Any thread may use it.

    Raises SettingError for a side of less than 32 or more than 2048 pixels.
    """

    def __init__(self, head: Head, camera: Camera, width: int = 480, height: int = 480) -> None:
        for side in (width, height):
            if not LEAST <= side <= MOST:
                raise SettingError(f"A picture of {width}x{height} pixels; valid are {LEAST} to {MOST} a side.")
        self.head, self.camera, self.width, self.height = head, camera, width, height
        self._rest = _Rest.of(head)
        self._background = look.background(height, width)

    def visible(self, positions: np.ndarray) -> np.ndarray:
        """Which triangle of the head is seen where: (2H, 2W) int32, four samples a pixel, -1 where there is none.

        Lashes, through which one sees, are left out. positions: (V, 3) mm, as `Head.pose` gives them.
        """
        return raster.triangles_of(self._nearest(self._seen(positions))).reshape(2 * self.height, 2 * self.width)

    def draw(self, positions: np.ndarray) -> np.ndarray:
        """The picture of a posed head: (H, W, 3) uint8 RGB. positions: (V, 3) mm, as `Head.pose` gives them."""
        seen = self._seen(positions)
        nearest = self._nearest(seen)
        triangle = raster.triangles_of(nearest).reshape(2 * self.height, 2 * self.width)
        once, edges = self._parted(positions, triangle, raster.nearness_of(nearest).reshape(triangle.shape))
        rows, columns = np.divmod(np.flatnonzero(once), self.width)
        edge_rows, edge_columns = np.divmod(np.flatnonzero(edges), self.width)
        # One sample of each whole pixel, then the four of each that holds an edge.
        y = np.concatenate([2 * rows, *(2 * edge_rows + dy for dy in (0, 0, 1, 1))])
        x = np.concatenate([2 * columns, *(2 * edge_columns + dx for dx in (0, 1, 0, 1))])
        inside = triangle[y, x] >= 0
        lit = self._background[:, y // 2, x // 2]
        light, solid = self._light(positions, seen, triangle[y[inside], x[inside]], x[inside], y[inside])
        lit[:, inside] += (light - lit[:, inside]) * solid
        picture = self._background.copy()
        picture[:, rows, columns] = lit[:, : len(rows)]
        picture[:, edge_rows, edge_columns] = lit[:, len(rows) :].reshape(3, 4, -1).mean(1)
        self._lay_lashes(picture, seen, nearest)
        shown = (np.sqrt(np.clip(picture, 0.0, 1.0)) * 255.0 + 0.5).astype(np.uint8)
        return np.ascontiguousarray(shown.transpose(1, 2, 0))

    def _seen(self, positions: np.ndarray) -> np.ndarray:
        """(V, 3): x and y in samples of the picture, and nearness, which is straight on the screen."""
        view = (np.asarray(positions, np.float32) - np.array(self.camera.centre, np.float32)) @ self.camera.matrix.T
        near = _EYE_MM / (_EYE_MM - view[:, 2])
        scale = 2.0 * self.height / self.camera.height
        return np.stack([self.width + view[:, 0] * near * scale, self.height - view[:, 1] * near * scale, near], 1)

    def _nearest(self, seen: np.ndarray) -> np.ndarray:
        """The key of what is seen at each sample, lashes left out."""
        corners = seen[self.head.triangles]
        (ax, ay), (bx, by), (cx, cy) = corners[:, :, :2].transpose(1, 2, 0)
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)  # negative where the outside is seen, as y goes down
        shown = np.flatnonzero((area < 0.0) & ~self._rest.lashes)
        found = raster.fragments(corners, shown, 2 * self.width, 2 * self.height)
        return raster.nearest(*found, 4 * self.width * self.height)

    def _lay_lashes(self, picture: np.ndarray, seen: np.ndarray, nearest: np.ndarray) -> None:
        """Darken the picture (3, H, W) where lashes lie before what is seen: hairs, of which one may hide a part."""
        rest = self._rest
        corners = seen[self.head.triangles]
        samples, keys = raster.fragments(corners, np.flatnonzero(rest.lashes), 2 * self.width, 2 * self.height)
        near = raster.nearness_of(keys) * _EYE_MM > raster.nearness_of(nearest[samples]) * _EYE_MM - _SHARED_MM
        samples, triangle = samples[near], raster.triangles_of(keys[near])
        y, x = np.divmod(samples, 2 * self.width)
        place = self._between(rest.places, seen, triangle, x, y)
        left, right = (eye.center[:, None] for eye in rest.eyes)
        place -= np.where(place[0] > 0.0, left, right)
        clear = np.ones((2 * self.height, 2 * self.width), np.float32)
        np.multiply.at(clear, (y, x), 1.0 - look.lash(place))
        rows, columns = (np.unique(each // 2) for each in (y, x))
        if len(samples):
            part = np.ix_(rows, columns)
            share = reduce(np.add, _four(clear))[part] / 4.0
            hair = look.column(look.LASH)[..., None] ** 2
            picture[:, part[0], part[1]] = hair + (picture[:, part[0], part[1]] - hair) * share

    def _parted(
        self, positions: np.ndarray, triangle: np.ndarray, nearness: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The pixels (H, W) whose samples show one surface of the head, and those with an edge in them."""
        kinds = _four(self._rest.kind[triangle])  # -1, the last, is the background
        near = _four(nearness)
        low, high = reduce(np.minimum, kinds), reduce(np.maximum, kinds)
        apart = (reduce(np.maximum, near) - reduce(np.minimum, near)) * _EYE_MM  # about millimetres
        allowed = _SHARED_MM + 4.0 * self.camera.height / self.height
        # Lips that touch are one surface but for the crease between them.
        a, b, c = positions[self.head.triangles].transpose(1, 2, 0)
        flat = np.cross(b - a, c - a, axis=0)
        slope = np.append(flat[1] / np.maximum(np.sqrt((flat * flat).sum(0)), 1e-9), np.float32(0.0))
        slopes = _four(slope.astype(np.float32)[triangle])
        crease = reduce(np.maximum, slopes) - reduce(np.minimum, slopes) > _CREASE
        edges = (low != high) | (apart > allowed) | (crease & (high < len(self.head.MATERIALS)))
        return ~edges & (high < len(self.head.MATERIALS)), edges

    def _light(
        self, positions: np.ndarray, seen: np.ndarray, triangle: np.ndarray, x: np.ndarray, y: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The light (3, n) of samples, by the triangles that they show, and how solid the head is there (n,)."""
        rest, camera = self._rest, self.camera
        normals = camera.matrix @ self.head.normals(positions).T
        values = self._between(np.concatenate([normals, rest.albedo, rest.places]), seen, triangle, x, y)
        normal, albedo, place = values[:3], values[3:6], values[6:]
        normal /= np.sqrt(np.maximum((normal * normal).sum(0), 1e-12))
        kind = rest.kind[triangle]
        shadow = np.ones(len(kind), np.float32)
        self._paint_brows(albedo, place, kind)
        for eye in rest.eyes:
            ball = np.flatnonzero((kind == rest.eye) & (place[0] * eye.center[0] > 0.0))
            direction = place[:, ball] - eye.center[:, None]
            direction /= np.sqrt((direction * direction).sum(0))
            blur = camera.height / self.height / eye.radius
            albedo[:, ball] = look.iris(albedo[:, ball], direction, eye.axis, blur)
            shadow[ball] = look.lid_shadow(normal[:, ball])
        inner = np.flatnonzero(rest.hollow[kind])
        gap = np.linalg.norm(positions[rest.upper] - positions[rest.lower], axis=1).max()
        shadow[inner] = look.mouth_shadow(rest.lips_z - place[2, inner], float(gap), rest.hollow[kind[inner]])
        solid = look.smoothstep(rest.bottom, rest.bottom + look.FADE_MM, place[1])
        return look.light(albedo, normal, rest.gloss[:, kind], shadow), solid

    def _between(
        self, of_vertices: np.ndarray, seen: np.ndarray, triangle: np.ndarray, x: np.ndarray, y: np.ndarray
    ) -> np.ndarray:
        """Values (C, V) of the vertices, between them at samples: (C, n) float32."""
        triangles = self.head.triangles
        (ax, ay), (bx, by), (cx, cy) = seen[:, :2].astype(np.float64)[triangles].transpose(1, 2, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            # The shares of the second and third corner are planes over the picture.
            planes = np.array([cy - ay, ax - cx, ay - by, bx - ax]) / ((bx - ax) * (cy - ay) - (cx - ax) * (by - ay))
        planes = np.vstack([planes, -planes[0] * ax - planes[1] * ay, -planes[2] * ax - planes[3] * ay])
        second_x, second_y, third_x, third_y, second, third = planes.astype(np.float32).take(triangle, 1)
        x, y = x.astype(np.float32) + 0.5, y.astype(np.float32) + 0.5
        second = second + second_x * x + second_y * y
        third = third + third_x * x + third_y * y
        corners = triangles.T.take(triangle, 1)
        of_vertices = np.ascontiguousarray(of_vertices, np.float32)
        values = of_vertices.take(corners[0], 1) * (1.0 - second - third)
        values += of_vertices.take(corners[1], 1) * second
        values += of_vertices.take(corners[2], 1) * third
        return values

    def _paint_brows(self, albedo: np.ndarray, place: np.ndarray, kind: np.ndarray) -> None:
        rest = self._rest
        x0, y0, x1, y1 = rest.box
        x, y, z = place
        on = np.flatnonzero((kind == rest.skin) & (y > y0) & (y < y1) & (x > x0) & (x < x1) & (z > rest.paint_z))
        height, width = rest.paint.shape
        across = np.clip((x[on] - x0) / (x1 - x0) * width - 0.5, 0.0, width - 1.001)
        upward = np.clip((y[on] - y0) / (y1 - y0) * height - 0.5, 0.0, height - 1.001)
        i, j = upward.astype(np.intp), across.astype(np.intp)
        u, v = across - j, upward - i
        low = rest.paint[i, j] * (1 - u) + rest.paint[i, j + 1] * u
        high = rest.paint[i + 1, j] * (1 - u) + rest.paint[i + 1, j + 1] * u
        hair = np.array(look.BROW, np.float32)[:, None] ** 2
        albedo[:, on] += (hair - albedo[:, on]) * (low * (1 - v) + high * v).astype(np.float32)


@dataclass(frozen=True, eq=False)
class _Rest:
    """Of a head at rest, what every frame needs."""

    kind: np.ndarray  # (F + 1,) material of each triangle; the last, for -1, is one beyond them
    lashes: np.ndarray  # (F,) bool
    albedo: np.ndarray  # (3, V) linear
    places: np.ndarray  # (3, V) mm
    gloss: np.ndarray  # (2, materials)
    hollow: np.ndarray  # (materials,)
    eyes: tuple[Eye, Eye]
    skin: int
    eye: int
    upper: np.ndarray
    lower: np.ndarray
    lips_z: float
    bottom: float  # mm, of the neck
    paint: np.ndarray  # (H, W) 0 to 1
    box: tuple[float, float, float, float]
    paint_z: float

    @staticmethod
    @lru_cache(1)
    def of(head: Head) -> _Rest:
        names = head.MATERIALS
        kind = head.material[head.triangles[:, 0]]
        upper, lower = head.marks["lip_upper"], head.marks["lip_lower"]
        lips_z = float(head.vertices[[*upper, *lower], 2].mean())
        return _Rest(
            kind=np.append(kind, np.uint8(len(names))),
            lashes=kind == names.index("lash"),
            albedo=(head.colors.T.astype(np.float32) / 255.0) ** 2,
            places=head.vertices.T.astype(np.float32),
            gloss=np.array([look.GLOSS[name] for name in names], np.float32).T.copy(),
            hollow=np.array([look.HOLLOW.get(name, 0.0) for name in names], np.float32),
            eyes=(head.eyes["left"], head.eyes["right"]),
            skin=names.index("skin"),
            eye=names.index("eye"),
            upper=upper,
            lower=lower,
            lips_z=lips_z,
            bottom=float(head.vertices[:, 1].min()),
            paint=head.paint.astype(np.float32) / 255.0,
            box=head.paint_box,
            paint_z=lips_z - 45.0,
        )


def _four(samples: np.ndarray) -> list[np.ndarray]:
    """The four samples of each pixel, (H, W) each."""
    return [samples[y::2, x::2] for y in (0, 1) for x in (0, 1)]
