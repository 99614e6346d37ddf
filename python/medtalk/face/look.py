"""How the head looks: colours, lights, and the light that a point of its surface sends to the eye.

The preview page has the same look in GLSL (`web/`). Light is reckoned with a gamma of 2: a colour is squared before it
is lit, and the square root of the result is shown.
"""

from __future__ import annotations

import numpy as np

from medtalk.rig.head import BROW, IRIS, IRIS_ANGLE, LASH_MM, PUPIL, PUPIL_ANGLE, RING

__all__ = ["BROW", "IRIS", "IRIS_ANGLE", "LASH_MM", "PUPIL", "PUPIL_ANGLE", "RING"]  # the page's shader has them too

Floats = np.ndarray

LASH = (0.10, 0.07, 0.06)
"""sRGB of the lashes."""
KEY, FILL = (-0.42, 0.50, 0.76), (0.80, 0.10, 0.45)
"""Where the lights are, x to the right of the picture, y up, z to the viewer: they move with the camera."""
KEY_LIGHT, FILL_LIGHT = (1.08, 1.00, 0.92), (0.13, 0.16, 0.21)
SKY_LIGHT, RIM_LIGHT = (0.16, 0.17, 0.19), (0.12, 0.13, 0.15)
WRAP = (0.42, 0.24, 0.18)
"""How far light creeps round into the shadow: red the farthest, which makes skin look soft."""
GLINT = (-0.12, 0.11, 0.986)
"""The normal that mirrors the key light: lower than it is, so that the upper lids leave a glint in the eyes."""
GLOSS = {"skin": (0.055, 16.0), "mouth": (0.10, 40.0), "tongue": (0.14, 30.0), "teeth": (0.22, 60.0),
         "eye": (1.10, 300.0), "lash": (0.0, 1.0)}  # fmt: skip
"""Strength and sharpness of each material's highlight."""
HOLLOW = {"mouth": 4.0, "tongue": 1.6, "teeth": 0.5}
"""How quickly it gets dark behind the lips."""
FADE_MM = 38.0
"""Of the neck, over which it goes into the background."""
BACKGROUND = (0.235, 0.250, 0.280), (0.120, 0.128, 0.148)
"""sRGB at the middle and in the corners."""


def smoothstep(low: float, high: float, x: Floats) -> Floats:
    """0 below `low`, 1 above `high`, and smooth between, as in GLSL."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def light(albedo: Floats, normal: Floats, gloss: Floats, shadow: Floats) -> Floats:
    """The light of points, (3, n) linear.

    albedo: (3, n) linear. normal: (3, n) of unit length in the space of the view. gloss: (2, n) as in `GLOSS`.
    shadow: (n,) 1 in the open to 0 in the dark.
    """
    key, fill = _unit(KEY), _unit(FILL)
    wrap, key_light = column(WRAP), column(KEY_LIGHT)
    diffuse = np.clip((key @ normal + wrap) / (1.0 + wrap), 0.0, 1.0)
    side = np.clip(fill @ normal, 0.0, 1.0)
    sky = 0.65 + 0.35 * normal[1]
    lit = albedo * (diffuse * key_light + side * column(FILL_LIGHT) + sky * column(SKY_LIGHT))
    shine = gloss[0] * np.clip(_unit(GLINT) @ normal, 0.0, 1.0) ** gloss[1]
    edge = 1.0 - np.clip(normal[2], 0.0, 1.0)
    edge *= edge * edge
    return (lit + shine * key_light + edge * column(RIM_LIGHT) * (0.1 + albedo)) * shadow


def iris(albedo: Floats, direction: Floats, axis: Floats, blur: float) -> Floats:
    """The albedo (3, n) of points on an eyeball, of which `albedo` is the white.

    direction, axis: (3, n) and (3,) from the eye's centre, of unit length, of the eye at rest: so the iris turns with
    the eye. blur: radians over which its edges are soft, about a pixel.
    """
    angle = np.arccos(np.clip(axis @ direction, -1.0, 1.0))
    side, up = direction[0] - axis[0], direction[1] - axis[1]
    around = np.arctan2(up, side)
    radius = angle / IRIS_ANGLE
    fibres = 1.0 + 0.10 * np.sin(23.0 * around + 3.0 * np.sin(7.0 * around)) * smoothstep(0.3, 0.6, radius)
    bright = (1.25 - 0.55 * up / IRIS_ANGLE) * fibres  # what falls in from above lights the lower half
    colour = column(IRIS) ** 2 * bright
    colour += (column(RING) ** 2 - colour) * smoothstep(0.72, 1.0, radius)
    colour += (column(PUPIL) ** 2 - colour) * (1.0 - smoothstep(-blur, blur, angle - PUPIL_ANGLE))
    return colour + (albedo - colour) * smoothstep(-1.6 * blur, 1.6 * blur, angle - IRIS_ANGLE)


def lash(place: Floats) -> Floats:
    """(n,) how much of the sight lashes cover at places (3, n), mm from the centre of the eye at rest.

    At the lid they are one dark line, towards their tips they part into hairs and end.
    """
    along = smoothstep(*LASH_MM, np.sqrt((place * place).sum(0)))
    hairs = 0.5 + 0.5 * np.sin(70.0 * np.arctan2(place[1], place[0]))
    thin = 1.0 - 0.55 * smoothstep(-1.0, -3.0, place[1])
    return thin * (1.0 - along) * (1.0 + (hairs - 1.0) * smoothstep(0.1, 0.6, along))


def lid_shadow(normal: Floats) -> Floats:
    """(n,) how much light the upper lid leaves to points of the eyeball, by their normals (3, n)."""
    return 0.92 - 0.60 * smoothstep(0.05, 0.55, normal[1])


def mouth_shadow(depth: Floats, gap: float, hollow: Floats) -> Floats:
    """(n,) how much light reaches points `depth` (n,) mm behind the lips, which are `gap` mm apart.

    hollow: (n,) of `HOLLOW`.
    """
    gap = max(gap, 0.5)
    return gap / (gap + hollow * np.maximum(depth, 0.0))


def background(height: int, width: int) -> Floats:
    """(3, H, W) linear."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    far = np.hypot((x + 0.5) / width - 0.5, (y + 0.5) / height - 0.42)
    middle, corner = (column(colour)[..., None] ** 2 for colour in BACKGROUND)
    return middle + (corner - middle) * smoothstep(0.0, 0.75, far)


def _array(values: Floats | tuple[float, ...]) -> Floats:
    return np.asarray(values, np.float32)


def column(values: tuple[float, ...]) -> Floats:
    """(3, 1) of three values."""
    return _array(values)[:, None]


def _unit(values: Floats | tuple[float, ...]) -> Floats:
    array = _array(values)
    return array / np.linalg.norm(array)
