"""What the 174 channels are called on the face boards of Unreal, and which raw expression curves they drive.

mh3          the board that the 174 names come from (Maya of that time)
mh4          the board of current MetaHumans: four tongue controls have other names, the neck multipliers are gone
expressions  the raw curves under a board, `CTRL_expressions_...` in an AnimSequence
arkit        the 52 blendshapes of ARKit: `medtalk.rig.arkit`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from medtalk.errors import RigError
from medtalk.rig.arkit import ARKIT
from medtalk.rig.channels import CHANNELS, Channel
from medtalk.rig.sequence import RigSequence

BOARDS = ("mh3", "mh4", "expressions", "arkit")
EXPRESSION_PREFIX = "CTRL_expressions_"

# mh3 control -> mh4 control where the name differs; same axes, same signs. mh4 also has a C_tongue_roll, but that is a
# new control with one axis, which nothing of ours drives; the old one lives on as bendTwist.
_MH4_NAMES = {
    "CTRL_C_tongue": "CTRL_C_tongue_move",
    "CTRL_C_tongue_tip": "CTRL_C_tongue_tipMove",
    "CTRL_C_tongue_narrowWide": "CTRL_C_tongue_wideNarrow",
    "CTRL_C_tongue_roll": "CTRL_C_tongue_bendTwist",
}


def _board_name(channel: Channel, renamed: Mapping[str, str]) -> str | None:
    if not channel.keyed:
        return None
    _, dot, axis = channel.short.partition(".")
    return renamed.get(channel.control, channel.control) + dot + axis


MH3: dict[str, str | None] = {channel.name: _board_name(channel, {}) for channel in CHANNELS}
"""Channel name -> what to key on the older board, as Unreal writes it (`CTRL_C_jaw.Y`); None: nothing."""
MH4: dict[str, str | None] = {channel.name: _board_name(channel, _MH4_NAMES) for channel in CHANNELS}
"""The same for the current board."""

# Which expression a channel drives, where its name does not say it. "@" is the side; of two, the first belongs to -1
# and the second to +1. A channel that is missing here drives one expression of its own name (brow_down: browDown@).
_EXPRESSION_NAMES: dict[str, str] = {
    "C_eye_parallelLook": "eyeParallelLookDirection",
    "C_jaw.X": "jawLeft jawRight",
    "C_jaw.Y": "jawOpen",
    "C_jaw_fwdBack": "jawFwd jawBack",
    "C_mouth.X": "mouthRight mouthLeft",
    "C_mouth.Y": "mouthDown mouthUp",
    "C_mouth_lipShiftD": "mouthLowerLipShiftRight mouthLowerLipShiftLeft",
    "C_mouth_lipShiftU": "mouthUpperLipShiftRight mouthUpperLipShiftLeft",
    "C_mouth_stickyD": "mouthStickyDC",
    "C_mouth_stickyU": "mouthStickyUC",
    "C_teethD.X": "teethRightD teethLeftD",
    "C_teethD.Y": "teethDownD teethUpD",
    "C_teethU.X": "teethRightU teethLeftU",
    "C_teethU.Y": "teethDownU teethUpU",
    "C_teeth_fwdBackD": "teethFwdD teethBackD",
    "C_teeth_fwdBackU": "teethFwdU teethBackU",
    "C_tongue.X": "tongueRight tongueLeft",
    "C_tongue.Y": "tongueDown tongueUp",
    "C_tongue_inOut": "tongueOut tongueIn",
    "C_tongue_narrowWide": "tongueNarrow tongueWide",
    "C_tongue_roll.X": "tongueRollRight tongueRollLeft",
    "C_tongue_roll.Y": "tongueRollDown tongueRollUp",
    "C_tongue_tip.X": "tongueTipRight tongueTipLeft",
    "C_tongue_tip.Y": "tongueTipDown tongueTipUp",
    "brow_raiseOut": "browRaiseOuter@",
    "eye_blink": "eyeWiden@ eyeBlink@",
    "eye_eyelidD": "eyeLowerLidDown@ eyeLowerLidUp@",
    "eye_eyelidU": "eyeUpperLidUp@ eyeRelax@",
    "eye_pupil": "eyePupilNarrow@ eyePupilWide@",
    "eyelashes_tweakerIn": "eyelashesUpIN@ eyelashesDownIN@",
    "eyelashes_tweakerOut": "eyelashesUpOUT@ eyelashesDownOUT@",
    "mouth_corner.X": "mouthCornerNarrow@ mouthCornerWide@",
    "mouth_corner.Y": "mouthCornerDown@ mouthCornerUp@",
    "mouth_cornerSharpnessD": "mouthCornerRounderD@ mouthCornerSharpenD@",
    "mouth_cornerSharpnessU": "mouthCornerRounderU@ mouthCornerSharpenU@",
    "mouth_lipBiteD": "mouthLowerLipBite@",
    "mouth_lipBiteU": "mouthUpperLipBite@",
    "mouth_lipsPressU": "mouthLipsPress@",
    "mouth_lipsRollD": "mouthLowerLipRollOut@ mouthLowerLipRollIn@",
    "mouth_lipsRollU": "mouthUpperLipRollOut@ mouthUpperLipRollIn@",
    "mouth_lipsTowardsTeethD": "mouthLowerLipTowardsTeeth@",
    "mouth_lipsTowardsTeethU": "mouthUpperLipTowardsTeeth@",
    "mouth_purseD": "mouthLipsPurseD@",
    "mouth_purseU": "mouthLipsPurseU@",
    "mouth_pushPullD": "mouthLipsPullD@ mouthLipsPushD@",
    "mouth_pushPullU": "mouthLipsPullU@ mouthLipsPushU@",
    "mouth_stickyInnerD": "mouthStickyDIN@",
    "mouth_stickyInnerU": "mouthStickyUIN@",
    "mouth_stickyOuterD": "mouthStickyDOUT@",
    "mouth_stickyOuterU": "mouthStickyUOUT@",
    "mouth_suckBlow": "mouthCheekSuck@ mouthCheekBlow@",
    "mouth_thicknessD": "mouthLipsThickD@ mouthLipsThinD@",
    "mouth_thicknessU": "mouthLipsThickU@ mouthLipsThinU@",
    "mouth_tightenD": "mouthLipsTightenD@",
    "mouth_tightenU": "mouthLipsTightenU@",
    "mouth_towardsD": "mouthLipsTowardsD@",
    "mouth_towardsU": "mouthLipsTowardsU@",
    "neck_digastricUpDown": "neckDigastricDown neckDigastricUp",
    "neck_throatExhaleInhale": "neckThroatExhale neckThroatInhale",
    "neck_throatUpDown": "neckThroatDown neckThroatUp",
    "nose.X": "noseNostrilCompress@ noseNostrilDilate@",
    "nose.Y": "noseNostrilDepress@ noseWrinkle@",
    # The eyes turn through their joints, about 40 degrees sideways and down and 30 up at 1; linear in the angle, so
    # linear in the value. C_eye turns both (see expression_curves).
    "eye.X": "eyeLookRight@ eyeLookLeft@",
    "eye.Y": "eyeLookDown@ eyeLookUp@",
}
# On mh4 the same control bends and twists the tongue.
_MH4_EXPRESSIONS = {
    "C_tongue_roll.X": "tongueTwistRight tongueTwistLeft",
    "C_tongue_roll.Y": "tongueBendDown tongueBendUp",
}
# Movements in phases: each phase rises and falls between these values of the control, peaking in the middle one.
_PHASES: dict[str, tuple[str, tuple[tuple[float, ...], ...]]] = {
    "C_neck_swallow": ("neckSwallowPh", ((0.0, 0.2, 0.4), (0.2, 0.4, 0.6), (0.4, 0.6, 0.8), (0.6, 0.8, 1.0))),
    "mouth_lipSticky": ("mouthLipsSticky@Ph", ((0.0, 0.33, 0.66), (0.33, 0.66, 1.0), (0.66, 1.0))),
}


@dataclass(frozen=True)
class ExpressionCurve:
    """One raw expression: the sum of some channels through a piecewise linear function, held outside its points.

    name: without the prefix `CTRL_expressions_`. channels: indices of the channels, one except for the eyes.
    points: (control value, expression value), ascending.
    """

    name: str
    channels: tuple[int, ...]
    points: tuple[tuple[float, float], ...]

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """(T,) float32 of a rig's values (T, 174)."""
        at, to = zip(*self.points, strict=True)
        return np.interp(values[:, self.channels].sum(axis=1), at, to).astype(np.float32)


@lru_cache(maxsize=2)
def expression_curves(board: str = "mh4") -> tuple[ExpressionCurve, ...]:
    """All raw expressions that our channels drive on a board ("mh3" or "mh4"), in the order of the channels.

    What mh4 has beyond mh3 is not among them: nothing of ours drives it, and it rests at 0.
    Raises RigError for another board.
    """
    if board not in ("mh3", "mh4"):
        raise RigError(f"Expressions hang on a face board; {board!r} is none. Valid are mh3 and mh4.")
    names = _EXPRESSION_NAMES | (_MH4_EXPRESSIONS if board == "mh4" else {})
    both_eyes = {"eye.X": "C_eye.X", "eye.Y": "C_eye.Y"}
    by_short = {channel.short: channel.index for channel in CHANNELS}
    curves: list[ExpressionCurve] = []
    for channel in CHANNELS:
        if not channel.keyed or channel.short in both_eyes.values():
            continue
        side = channel.short[0] if channel.short[:2] in ("L_", "R_") else ""
        base = channel.short[2:] if side else channel.short
        sources = (channel.index, *((by_short[both_eyes[base]],) if base in both_eyes else ()))
        if base in _PHASES:
            stem, phases = _PHASES[base]
            for number, at in enumerate(phases, start=1):
                points = tuple(zip(at, (0.0, 1.0, 0.0), strict=False))
                curves.append(ExpressionCurve(f"{stem.replace('@', side)}{number}", sources, points))
            continue
        expressions = names.get(base, _own_name(base)).replace("@", side).split()
        if len(expressions) == 2:
            curves.append(ExpressionCurve(expressions[0], sources, ((-1.0, 1.0), (0.0, 0.0), (1.0, 0.0))))
            curves.append(ExpressionCurve(expressions[1], sources, ((-1.0, 0.0), (0.0, 0.0), (1.0, 1.0))))
        else:
            curves.append(ExpressionCurve(expressions[0], sources, ((0.0, 0.0), (1.0, 1.0))))
    return tuple(curves)


def _own_name(base: str) -> str:
    """`eye_lidPress` -> `eyeLidPress@`; a middle control's leading "C_" goes."""
    words = base.removeprefix("C_").split("_")
    return words[0] + "".join(word[0].upper() + word[1:] for word in words[1:]) + "@"


EXPRESSIONS: dict[str, tuple[str, ...]] = {
    channel.name: tuple(
        EXPRESSION_PREFIX + curve.name for curve in expression_curves() if channel.index in curve.channels
    )
    for channel in CHANNELS
}
"""Channel name -> the curves that it drives on the current board (mh4)."""


def to_expressions(rig: RigSequence, board: str = "mh4") -> tuple[tuple[str, ...], np.ndarray]:
    """A rig as raw expression curves: their names, with the prefix of an AnimSequence, and values (T, M) float32, 0..1.

    The two boards differ only in what the tongue's roll is called. Switches and multipliers have no curve.
    """
    curves = expression_curves(board)
    values = np.stack([curve(rig.values) for curve in curves], axis=1)
    return tuple(EXPRESSION_PREFIX + curve.name for curve in curves), values


def board_rows(board: str) -> list[dict[str, Any]]:
    """The mapping onto a board as rows for JSON, one a channel.

    Keys: index, name, control, axis, region, min, max, target. `target` is a name on that board (several, where one
    channel drives more than one thing, with a space between), or None where the board has nothing for the channel
    or it must not be keyed. Raises RigError for an unknown board.
    """
    if board not in BOARDS:
        raise RigError(f"No board is called {board!r}. Valid are {', '.join(BOARDS)}.")
    targets: Mapping[str, str | tuple[str, ...] | None] = {
        "mh3": MH3,
        "mh4": MH4,
        "expressions": EXPRESSIONS,
        "arkit": ARKIT,
    }[board]
    rows = []
    for channel in CHANNELS:
        target = targets[channel.name]
        rows.append(
            {
                "index": channel.index,
                "name": channel.name,
                "control": channel.control,
                "axis": channel.axis,
                "region": channel.region,
                "min": channel.minimum,
                "max": channel.maximum,
                "target": (target if isinstance(target, str) else " ".join(target or ())) or None,
            }
        )
    return rows
