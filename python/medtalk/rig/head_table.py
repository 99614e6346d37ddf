"""How the 174 channels move the head of `medtalk.rig.head`: the one table for pictures, pages and measures.

A line is `channel: shape gain, ...`: what the channel at 1 gives to shapes of the head. "-" before a channel is its
negative side at -1. "@" is L or R in channels, Left or Right in shapes; a channel pattern without a side means both.
"""

from __future__ import annotations

import numpy as np

from medtalk.rig.channels import CHANNELS, indices

_LINES = """
@_brow_down: browDown@ 1
@_brow_lateral: browLateral@ 1
@_brow_raiseIn: browInnerUp@ 1
@_brow_raiseOut: browOuterUp@ 1
@_eye_blink: eyeBlink@ .86, lidLowerUp@ .28
-@_eye_blink: eyeWide@ 1
@_eye_eyelidU: eyeBlink@ .45
-@_eye_eyelidU: eyeWide@ .7
@_eye_eyelidD: lidLowerUp@ 1
-@_eye_eyelidD: lidLowerUp@ -.6
@_eye_squintInner: eyeSquint@ 1
@_eye_faceScrunch: eyeSquint@ .7, cheekSquint@ .6, browDown@ .5, noseSneer@ .4
@_eye_lidPress: eyeSquint@ .4, lidLowerUp@ .2
@_eye_cheekRaise: cheekSquint@ 1
@_eye.Y: eyeLookUp@ 1
-@_eye.Y: eyeLookDown@ 1
C_eye.Y: eyeLookUpLeft 1, eyeLookUpRight 1
-C_eye.Y: eyeLookDownLeft 1, eyeLookDownRight 1
@_nose.Y: noseSneer@ 1
-@_nose.Y: nostrilDown@ 1
@_nose.X: nostrilOut@ 1
-@_nose.X: nostrilOut@ -.7
@_nose_nasolabialDeepen: nasolabial@ 1
@_nose_wrinkleUpper: noseWrinkle@ 1
@_ear_up: earUp@ 1
C_jaw.Y: jawOpen 1
C_jaw.X: jawRight 1
-C_jaw.X: jawLeft 1
C_jaw_fwdBack: jawForward -.5
-C_jaw_fwdBack: jawForward 1
C_jaw_openExtreme: jawOpen .4
@_jaw_ChinRaiseD: mouthShrugLower@ 1
@_jaw_ChinRaiseU: mouthShrugUpper@ 1
@_jaw_chinCompress: chinCompress .5
@_jaw_clench: jawClench@ 1
C_mouth.X: mouthLeft 1
-C_mouth.X: mouthRight 1
C_mouth.Y: mouthUp 1
-C_mouth.Y: mouthUp -1
C_mouth_lipShiftU: lipUpperShiftLeft 1
-C_mouth_lipShiftU: lipUpperShiftLeft -1
C_mouth_lipShiftD: lipLowerShiftLeft 1
-C_mouth_lipShiftD: lipLowerShiftLeft -1
@_mouth_corner.X: mouthCornerOut@ 1
-@_mouth_corner.X: mouthCornerOut@ -1
@_mouth_corner.Y: mouthCornerUp@ 1
-@_mouth_corner.Y: mouthCornerUp@ -1
@_mouth_cornerPull: mouthSmile@ 1
@_mouth_sharpCornerPull: mouthSmile@ .6, mouthDimple@ .4
@_mouth_cornerDepress: mouthFrown@ 1
@_mouth_dimple: mouthDimple@ 1
@_mouth_stretch: mouthStretch@ 1
@_mouth_stretchLipsClose: mouthStretch@ .3
@_mouth_funnelU: mouthFunnelUpper@ 1
@_mouth_funnelD: mouthFunnelLower@ 1
@_mouth_purseU: mouthPuckerUpper@ 1
@_mouth_purseD: mouthPuckerLower@ 1
@_mouth_towardsU: lipUpperTowards@ 1
@_mouth_towardsD: lipLowerTowards@ 1
@_mouth_lipBiteD: mouthUpperUp@ .35, mouthRollLower@ .2, mouthCornerUp@ .3
@_mouth_lipBiteU: mouthRollUpper@ .8
@_mouth_lipsTowardsTeethU: lipUpperForward@ -.6
@_mouth_lipsTowardsTeethD: lipLowerForward@ -.6
@_mouth_lipsPressU: mouthPress@ .5
@_mouth_pressU: mouthPress@ .5
@_mouth_pressD: mouthPress@ .5
@_mouth_tightenU: lipUpperThin@ 1
@_mouth_tightenD: lipLowerThin@ 1
@_mouth_lipsBlow: lipUpperForward@ .7, lipLowerForward@ .7
@_mouth_lowerLipDepress: mouthLowerDown@ 1
@_mouth_upperLipRaise: mouthUpperUp@ 1
@_mouth_lipsRollU: mouthRollUpper@ 1
-@_mouth_lipsRollU: mouthRollUpper@ -.5
@_mouth_lipsRollD: mouthRollLower@ 1
-@_mouth_lipsRollD: mouthRollLower@ -.5
@_mouth_pushPullU: lipUpperForward@ 1
-@_mouth_pushPullU: lipUpperForward@ -1
@_mouth_pushPullD: lipLowerForward@ 1
-@_mouth_pushPullD: lipLowerForward@ -1
@_mouth_suckBlow: cheekPuff@ 1
-@_mouth_suckBlow: cheekPuff@ -.5
@_mouth_thicknessU: lipUpperThin@ 1
-@_mouth_thicknessU: lipUpperThin@ -1
@_mouth_thicknessD: lipLowerThin@ 1
-@_mouth_thicknessD: lipLowerThin@ -1
C_teethU.X: teethUpperLeft 1
-C_teethU.X: teethUpperLeft -1
C_teethU.Y: teethUpperUp 1
-C_teethU.Y: teethUpperUp -1
C_teethD.X: teethLowerLeft 1
-C_teethD.X: teethLowerLeft -1
C_teethD.Y: teethLowerUp 1
-C_teethD.Y: teethLowerUp -1
C_teeth_fwdBackU: teethUpperForward -1
-C_teeth_fwdBackU: teethUpperForward 1
C_teeth_fwdBackD: teethLowerForward -1
-C_teeth_fwdBackD: teethLowerForward 1
C_tongue.X: tongueLeft 1
-C_tongue.X: tongueLeft -1
C_tongue.Y: tongueUp 1
-C_tongue.Y: tongueUp -1
-C_tongue_inOut: tongueOut 1
C_tongue_inOut: tongueOut -.35
C_tongue_tip.X: tongueTipLeft 1
-C_tongue_tip.X: tongueTipLeft -1
C_tongue_tip.Y: tongueTipUp 1
-C_tongue_tip.Y: tongueTipUp -1
C_tongue_roll.X: tongueTwistLeft 1
-C_tongue_roll.X: tongueTwistLeft -1
C_tongue_roll.Y: tongueBendUp 1
-C_tongue_roll.Y: tongueBendUp -1
C_tongue_narrowWide: tongueWide 1
-C_tongue_narrowWide: tongueWide -1
C_tongue_press: tonguePress 1
neck_throatUpDown: throatUp 1
-neck_throatUpDown: throatUp -1
neck_digastricUpDown: throatUp .5
-neck_digastricUpDown: throatUp -.5
C_neck_swallow: throatUp 1
@_neck_stretch: neckStretch@ 1
"""


def _linear() -> tuple[tuple[int, int, str, float], ...]:
    rows = []
    for line in _LINES.strip().splitlines():
        pattern, _, shapes = line.partition(": ")
        sign = -1 if pattern.startswith("-") else 1
        for side, name in (("L", "Left"), ("R", "Right")) if "@" in line else (("", ""),):
            (channel,) = indices(pattern.lstrip("-").replace("@", side))
            for entry in shapes.replace("@", name).split(", "):
                shape, gain = entry.split()
                rows.append((int(channel), sign, shape, float(gain)))
    return tuple(rows)


LINEAR: tuple[tuple[int, int, str, float], ...] = _linear()
"""(channel, side of its zero, shape, gain)."""

CLOSED_LIDS: tuple[tuple[str, int, float], ...] = tuple(
    (f"{shape}{name}", int(indices(f"{side}_eye_blink")[0]), share)
    for shape, share in (("eyeSquint", 0.85), ("cheekSquint", 0.4), ("eyeLookDown", 1.0))
    for side, name in (("L", "Left"), ("R", "Right"))
)
"""(shape, channel of the blink, share): what a full blink takes from a shape, so that lids do not pass each other."""

Pull = tuple[int, str]
"""A channel, and in which columns of the mouth it pulls; see `columns`."""


def _pulls(text: str) -> tuple[Pull, ...]:
    pulls = []
    for entry in text.split():
        pattern, _, where = entry.partition(":")
        for side in ("L", "R") if "@" in pattern else ("",):
            (channel,) = indices(pattern.replace("@", side))
            pulls.append((int(channel), where + side))
    return tuple(pulls)


SEAL_UPPER: tuple[Pull, ...] = _pulls(
    "@_mouth_lipsTogetherU:side @_mouth_stretchLipsClose:side "
    "C_mouth_stickyU:middle @_mouth_stickyInnerU:inner @_mouth_stickyOuterU:outer @_mouth_lipSticky:outer"
)
SEAL_LOWER: tuple[Pull, ...] = _pulls(
    "@_mouth_lipsTogetherD:side @_mouth_stretchLipsClose:side "
    "C_mouth_stickyD:middle @_mouth_stickyInnerD:inner @_mouth_stickyOuterD:outer @_mouth_lipSticky:outer"
)
"""What draws either lip to the other."""
BITE: tuple[Pull, ...] = _pulls("@_mouth_lipBiteD:front")
"""What draws the lower lip to the edge of the upper teeth."""


def columns(where: str, at: np.ndarray) -> np.ndarray:
    """(C,) how strongly a pull acts in columns at -1 (the character's right corner) to 1 (its left)."""
    kind, side = (where[:-1], where[-1]) if where[-1] in "LR" else (where, "")
    half = np.clip(0.5 + 2.0 * at, 0.0, 1.0) if side == "L" else np.clip(0.5 - 2.0 * at, 0.0, 1.0)
    far = np.abs(at)
    if kind == "side":
        return half
    if kind == "front":  # the corners lie too far from the teeth
        return half * np.clip((1.0 - far) / 0.4, 0.0, 1.0)
    peak = {"middle": 0.0, "inner": 0.4, "outer": 0.85}[kind]
    shape = np.clip(1.0 - np.abs(far - peak) / 0.4, 0.0, 1.0)
    return shape if kind == "middle" else shape * half


def _pair(control: str) -> tuple[int, int]:
    x, y = (int(indices(f"{control}.{axis}")[0]) for axis in "XY")
    return x, y


LEFT_EYE, RIGHT_EYE, BOTH_EYES = _pair("L_eye"), _pair("R_eye"), _pair("C_eye")
EYE_DEGREES = {"sideways": 40.0, "up": 30.0, "down": 40.0}
"""How far an eye turns at 1, as the eye joints of a MetaHuman do."""

APPROXIMATE: dict[str, str] = {
    "?_eye_eyelidU": "half of a blink, or of a wide eye",
    "?_eye_faceScrunch": "squint, cheek, brow and nose together",
    "?_eye_lidPress": "a squint",
    "C_jaw_fwdBack": "backwards half as far as forwards",
    "C_jaw_openExtreme": "more of the open jaw",
    "?_mouth_sharpCornerPull": "smile and dimple together",
    "?_mouth_lipBiteU": "the upper lip rolled in",
    "?_mouth_lipsPressU": "half of ARKit's press of that side",
    "?_mouth_press?": "half of ARKit's press of that side",
    "?_mouth_lipSticky": "sticks at the corner, without phases",
    "?_mouth_lipsBlow": "the lips pushed forward",
    "C_neck_swallow": "the larynx up, without phases",
    "neck_digastricUpDown": "the larynx, half as far",
}
"""Channel pattern -> what is drawn in its stead."""


def _drawn() -> dict[str, tuple[str, ...]]:
    drawn: dict[int, list[str]] = {}
    for channel in (*LEFT_EYE, *RIGHT_EYE, *BOTH_EYES):
        drawn[channel] = ["eyeTurn"]
    for channel, _, shape, _ in LINEAR:
        drawn.setdefault(channel, []).append(shape)
    for name, pulls in (("sealUpper", SEAL_UPPER), ("sealLower", SEAL_LOWER), ("bite", BITE)):
        for channel, _ in pulls:
            drawn.setdefault(channel, []).append(name)
    return {channel.name: tuple(dict.fromkeys(drawn.get(channel.index, ()))) for channel in CHANNELS}


HEAD: dict[str, tuple[str, ...]] = _drawn()
"""Channel name -> what draws it: shapes of the head, the eyes' turn, the lips' seal and bite."""


def _how() -> dict[str, str]:
    notes = {CHANNELS[index].name: note for pattern, note in APPROXIMATE.items() for index in indices(pattern)}
    return {name: notes.get(name, "as named") if drawn else "not drawn" for name, drawn in HEAD.items()}


HOW: dict[str, str] = _how()
"""Channel name -> "as named", "not drawn", or what is drawn in its stead."""
