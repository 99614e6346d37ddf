"""How Epic's curves of the head are to be read.

HeadYaw, HeadPitch and HeadRoll of a MetaHuman are a rotator of the bone of the head, in degrees. That bone has its X
axis up, its Y axis forward and its Z axis to the character's right, as the constants of Epic's own conversion say
(`FMetaHumanHeadTransform`, Unreal 5.7 and 5.8). So the names are not what a viewer sees: HeadRoll turns to the left,
HeadYaw nods down, and HeadPitch tilts to the right shoulder.
"""

from __future__ import annotations

import math

CURVES = ("HeadYaw", "HeadPitch", "HeadRoll")
SWITCH = "HeadControlSwitch"
"""The curve that is 1 where the others count."""


def rotator(yaw: float, pitch: float, roll: float) -> tuple[float, float, float]:
    """The values of `CURVES` for a head turned by yaw (to its left), pitch (up) and roll (to its right shoulder).

    All in degrees. The head is rolled, then pitched, then turned; the rotator, in the axes of its bone, says the same.
    """
    (cy, sy), (cp, sp), (cr, sr) = (
        (math.cos(angle), math.sin(angle)) for angle in map(math.radians, (yaw, pitch, roll))
    )
    # Where the axes of the bone go, each as (up, forward, right).
    up = (cr * cp, sr * sy - cr * sp * cy, sr * cy + cr * sp * sy)
    right = (-sr * cp, cr * sy + sr * sp * cy, cr * cy - sr * sp * sy)
    forward_right = -cp * sy
    return (
        math.degrees(math.atan2(up[1], up[0])),
        math.degrees(math.asin(max(-1.0, min(1.0, up[2])))),
        math.degrees(math.atan2(-forward_right, right[2])),
    )
