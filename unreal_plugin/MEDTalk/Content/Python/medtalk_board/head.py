"""How a head that turns is written: as Epic's curves of the head, and on any control that turns it.

HeadYaw, HeadPitch and HeadRoll of a MetaHuman are a rotator of the bone of the head, in degrees. That bone has its X
axis up, its Y axis forward and its Z axis to the character's right, as the constants of Epic's own conversion say
(`FMetaHumanHeadTransform`, Unreal 5.7 and 5.8). So the names are not what a viewer sees: HeadRoll turns to the left,
HeadYaw nods down, and HeadPitch tilts to the right shoulder.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

CURVES = ("HeadYaw", "HeadPitch", "HeadRoll")
SWITCH = "HeadControlSwitch"
"""The curve that is 1 where the others count."""

Axes = Sequence[Sequence[float]]
"""Where the axes X, Y and Z of a bone or a control point while the head looks ahead: (forward, right, up) of each."""
BONE: Axes = ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
"""Of the bone of the head."""


def rotator(yaw: float, pitch: float, roll: float, axes: Axes = BONE) -> tuple[float, float, float]:
    """Yaw, pitch and roll, about the axes Z, Y and X of something that turns with the head: those of its bone are the
    values of `CURVES`.

    The head is turned by yaw (to its left), pitch (up) and roll (to its right shoulder); all in degrees. It is rolled,
    then pitched, then turned; the rotator says the same in other axes.
    """
    (cy, sy), (cp, sp), (cr, sr) = (
        (math.cos(angle), math.sin(angle)) for angle in map(math.radians, (-yaw, pitch, roll))
    )
    # Where forward, right and up go, each as (forward, right, up).
    ahead = (cp * cy, cp * sy, sp)
    right = (sr * sp * cy - cr * sy, sr * sp * sy + cr * cy, -sr * cp)
    up = (-cr * sp * cy - sr * sy, sr * cy - cr * sp * sy, cr * cp)

    def moved(axis: Sequence[float]) -> list[float]:
        return [sum(part * to[at] for part, to in zip(axis, (ahead, right, up), strict=True)) for at in range(3)]

    # Where the three axes go, each as seen along the three.
    x, y, z = ([sum(a * b for a, b in zip(gone, along, strict=True)) for along in axes] for gone in map(moved, axes))
    return (
        math.degrees(math.atan2(x[1], x[0])),
        math.degrees(math.asin(max(-1.0, min(1.0, x[2])))),
        math.degrees(math.atan2(-y[2], z[2])),
    )


def axes_of(x: float, y: float, z: float, w: float) -> Axes:
    """The axes of something with the rotation of a quaternion in a mesh that looks along Y, as those of Unreal do."""
    columns = (
        (1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)),
        (2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)),
        (2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)),
    )
    return [(along_y, -along_x, along_z) for along_x, along_y, along_z in columns]
