"""What the two face boards and the rig of a body are made of: controls, their kinds, limits and channels.

Written by hand, and on purpose not taken from the table that the plugin and the library share: a mistake there must
show on the board. Tests compare it with the reference files where those are. What the controls move is in
data/expressions.csv, which is by hand, too.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

_EXPRESSIONS = Path(__file__).parents[1] / "data" / "expressions.csv"

RIGS = {
    "mh3": "/Game/MetaHumans/Common/Face/Face_ControlBoard_CtrlRig",
    "mh4": "/MetaHumanCharacter/Face/Face_ControlBoard_CtrlRig",
    "body": "/Game/MetaHumans/Common/Common/MetaHuman_ControlRig",
}

# Controls with X and Y, all from -1 to 1 but where _JAW_LIMITS says otherwise: middle ones, and those of both sides.
_PAIRS = "C_eye C_jaw C_mouth C_teethD C_teethU L_eye R_eye L_mouth_corner R_mouth_corner L_nose R_nose"
_JAW_LIMITS = (-1.0, 0.0), (1.0, 1.0)
_PAIRS_OF = {"mh3": "C_tongue C_tongue_roll C_tongue_tip", "mh4": "C_tongue_move C_tongue_bendTwist C_tongue_tipMove"}

# Floats on both sides, from 0 to 1 and from -1 to 1.
_SIDES = """
    brow_down brow_lateral brow_raiseIn brow_raiseOut ear_up
    eye_cheekRaise eye_faceScrunch eye_lidPress eye_squintInner nose_nasolabialDeepen nose_wrinkleUpper
    jaw_ChinRaiseD jaw_ChinRaiseU jaw_chinCompress jaw_clench neck_mastoidContract neck_stretch
    mouth_cornerDepress mouth_cornerPull mouth_dimple mouth_funnelD mouth_funnelU mouth_lipBiteD mouth_lipBiteU
    mouth_lipSticky mouth_lipsBlow mouth_lipsPressU mouth_lipsTogetherD mouth_lipsTogetherU
    mouth_lipsTowardsTeethD mouth_lipsTowardsTeethU mouth_lowerLipDepress mouth_pressD mouth_pressU
    mouth_purseD mouth_purseU mouth_sharpCornerPull mouth_stickyInnerD mouth_stickyInnerU
    mouth_stickyOuterD mouth_stickyOuterU mouth_stretch mouth_stretchLipsClose mouth_tightenD mouth_tightenU
    mouth_towardsD mouth_towardsU mouth_upperLipRaise
"""
_SIDES_BOTH_WAYS = """
    eye_blink eye_eyelidD eye_eyelidU eye_pupil eyelashes_tweakerIn eyelashes_tweakerOut
    mouth_cornerSharpnessD mouth_cornerSharpnessU mouth_lipsRollD mouth_lipsRollU mouth_pushPullD mouth_pushPullU
    mouth_suckBlow mouth_thicknessD mouth_thicknessU
"""
# Floats of the middle, the same two kinds.
_MIDDLE = (
    "C_eye_parallelLook C_jaw_openExtreme C_mouth_stickyD C_mouth_stickyU C_neck_swallow C_tongue_press lookAtSwitch"
)
_MIDDLE_BOTH_WAYS = """
    C_jaw_fwdBack C_mouth_lipShiftD C_mouth_lipShiftU C_teeth_fwdBackD C_teeth_fwdBackU C_tongue_inOut
    neck_digastricUpDown neck_throatExhaleInhale neck_throatUpDown
"""
_FLOATS_OF = {
    "mh3": "neckCorrectivesMultiplyerD neckCorrectivesMultiplyerM neckCorrectivesMultiplyerU",
    "mh4": "C_tongue_roll L_mouth_lipsPressD R_mouth_lipsPressD convergenceSwitch",
}
_FLOATS_BOTH_WAYS_OF = {
    "mh3": "C_tongue_narrowWide",
    "mh4": "C_tongue_wideNarrow C_tongue_thickThin L_mouth_thicknessInwardU L_mouth_thicknessInwardD"
    " R_mouth_thicknessInwardU R_mouth_thicknessInwardD",
}
_MH4_BOOLS = "faceGUIfollowHead eyesAimFollowHead"
_MH4_TRANSFORMS = "C_eyesAim L_eyeAim R_eyeAim"

# Some controls of MetaHuman_ControlRig, all transforms (names: a public project's list of all of them).
_BODY = "global_ctrl root_ctrl body_ctrl hips_ctrl spine_01_ctrl chest_ctrl neck_01_ctrl neck_02_ctrl head_ctrl"
# How their axes lie is not known; the head has those of its bone: X up, Y ahead, Z to the right of a mesh that looks
# along Y, as a quaternion x, y, z, w.
_HEAD_AT_REST = (0.0, -(0.5**0.5), 0.0, 0.5**0.5)

# What the current board calls otherwise than the 174 names do.
_RENAMED = {
    "CTRL_C_tongue": "CTRL_C_tongue_move",
    "CTRL_C_tongue_tip": "CTRL_C_tongue_tipMove",
    "CTRL_C_tongue_narrowWide": "CTRL_C_tongue_wideNarrow",
    "CTRL_C_tongue_roll": "CTRL_C_tongue_bendTwist",
}


@dataclass(frozen=True)
class Control:
    """kind: "float", "vector2d", "bool", "transform". limits: (lowest, highest) of each axis; `free`: not enforced.
    rest: the quaternion x, y, z, w that it has in the rig while nothing moves it.
    """

    name: str
    kind: str
    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    free: bool = False
    rest: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)

    @property
    def channels(self) -> tuple[str, ...]:
        if self.kind == "vector2d":
            return f"{self.name}.X", f"{self.name}.Y"
        if self.kind == "transform":
            return tuple(f"{self.name}.{part}.{axis}" for part in ("Location", "Rotation", "Scale") for axis in "XYZ")
        return (self.name,)

    def held(self, *numbers: float) -> tuple[float, ...]:
        """The numbers within the limits, as far as those are enforced."""
        if self.free:
            return numbers
        spans = zip(numbers, self.lowest, self.highest, strict=True)
        return tuple(min(max(number, low), high) for number, low, high in spans)


@cache
def controls(board: str) -> dict[str, Control]:
    """The controls of "mh3" or "mh4", or of the rig of a "body", by name in lower case."""
    if board == "body":
        body = [Control(name, "transform", (), ()) for name in _BODY.split()]
        return {one.name: replace(one, rest=_HEAD_AT_REST) if one.name == "head_ctrl" else one for one in body}
    found = [
        Control(name, "vector2d", *(_JAW_LIMITS if name == "CTRL_C_jaw" else ((-1.0, -1.0), (1.0, 1.0))))
        for name in _names(_PAIRS, _PAIRS_OF[board])
    ]
    one_way = _names(_on_both(_SIDES), _MIDDLE, _FLOATS_OF[board])
    found += [Control(name, "float", (0.0,), (1.0,)) for name in one_way]
    both_ways = _names(_on_both(_SIDES_BOTH_WAYS), _MIDDLE_BOTH_WAYS, _FLOATS_BOTH_WAYS_OF[board])
    found += [Control(name, "float", (-1.0,), (1.0,)) for name in both_ways]
    if board == "mh4":
        found += [Control(name, "bool", (0.0,), (1.0,)) for name in _names(_MH4_BOOLS)]
        found += [Control(name, "transform", (), ()) for name in _names(_MH4_TRANSFORMS)]
    return {control.name.lower(): control for control in found}


@dataclass(frozen=True)
class Expression:
    """What the sum of some channels moves: `points` are (channels' value, expression's value), ascending."""

    channels: tuple[str, ...]
    points: tuple[tuple[float, float], ...]


@cache
def expressions(board: str) -> dict[str, Expression]:
    """Those of "mh3" or "mh4" that the stand-in knows, by name."""
    lines = [line for line in _EXPRESSIONS.read_text("utf-8").splitlines() if not line.startswith("#")]
    found = {}
    for row in csv.DictReader(lines):
        if row["board"] in ("", board):
            points = [tuple(map(float, point.split(":"))) for point in row["points"].split()]
            found[row["expression"]] = Expression(tuple(row["channels"].split()), tuple((a, b) for a, b in points))
    return found


def _on_both(names: str) -> str:
    return " ".join(f"{side}_{name}" for side in "LR" for name in names.split())


def _names(*lists: str) -> list[str]:
    return [f"CTRL_{name}" for names in lists for name in names.split()]


def channel_of(name: str, board: str) -> str | None:
    """What a board calls one of the 174 (`CTRL_C_jaw-translateY`); None where nothing may key it or it is not there."""
    control, _, axis = name.partition("-translate")
    if "neckCorrectivesMultiplyer" in control or control == "CTRL_lookAtSwitch":
        return None
    if board == "mh4":
        control = _RENAMED.get(control, control)
    return f"{control}.{axis}" if controls(board)[control.lower()].kind == "vector2d" else control
