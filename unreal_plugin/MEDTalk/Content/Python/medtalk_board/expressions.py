"""The raw expressions that the channels drive: the curves `CTRL_expressions_...` of an AnimSequence."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from medtalk_board.channels import CHANNELS

PREFIX = "CTRL_expressions_"

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
    # linear in the value. C_eye turns both (see expressions).
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
class Expression:
    """One raw expression: the sum of some channels through a piecewise linear function, held outside its points.

    name: without the prefix `CTRL_expressions_`. channels: indices of the channels, one except for the eyes.
    points: (control value, expression value), ascending.
    """

    name: str
    channels: tuple[int, ...]
    points: tuple[tuple[float, float], ...]

    def at(self, value: float) -> float:
        """The expression's value where its channels add up to `value`."""
        x0, y0 = self.points[0]
        if value <= x0:
            return y0
        for x1, y1 in self.points[1:]:
            if value <= x1:
                return y0 + (y1 - y0) * (value - x0) / (x1 - x0)
            x0, y0 = x1, y1
        return y0


@lru_cache(maxsize=2)
def expressions(generation: str = "mh4") -> tuple[Expression, ...]:
    """All raw expressions that our channels drive on a board, in the order of the channels.

    What mh4 has beyond mh3 is not among them: nothing of ours drives it, and it rests at 0. Raises KeyError for another
    board than mh3 and mh4.
    """
    names = _EXPRESSION_NAMES | {"mh3": {}, "mh4": _MH4_EXPRESSIONS}[generation]
    both_eyes = {"eye.X": "C_eye.X", "eye.Y": "C_eye.Y"}
    by_short = {channel.short: channel.index for channel in CHANNELS}
    curves: list[Expression] = []
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
                curves.append(Expression(f"{stem.replace('@', side)}{number}", sources, points))
            continue
        driven = names.get(base, _own_name(base)).replace("@", side).split()
        if len(driven) == 2:
            curves.append(Expression(driven[0], sources, ((-1.0, 1.0), (0.0, 0.0), (1.0, 0.0))))
            curves.append(Expression(driven[1], sources, ((-1.0, 0.0), (0.0, 0.0), (1.0, 1.0))))
        else:
            curves.append(Expression(driven[0], sources, ((0.0, 0.0), (1.0, 1.0))))
    return tuple(curves)


def _own_name(base: str) -> str:
    """`eye_lidPress` -> `eyeLidPress@`; a middle control's leading "C_" goes."""
    words = base.removeprefix("C_").split("_")
    return words[0] + "".join(word[0].upper() + word[1:] for word in words[1:]) + "@"
