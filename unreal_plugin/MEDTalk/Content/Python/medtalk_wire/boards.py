"""The 174 channels of a MetaHuman face board, what current boards call them, and the raw expressions that they drive.

The one table of the project: the library (`medtalk.rig`) and the Unreal plugin take everything about a channel from
here. Standard library only.

A channel is one axis of one control. Order and spelling are those of the paper's data, from the older board ("mh3"),
which are plain ASCII order. Entries 25 and 26 are `CTRL_C_tongue_roll`; the list that travels with the paper's code
names them `CTRL_C_tongue_tip` a second time, which keys the tip twice and loses the roll.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

GENERATIONS = ("mh3", "mh4")
"""The face boards: of the Maya files that the 174 names come from, and of current MetaHumans."""
EXPRESSION_PREFIX = "CTRL_expressions_"

# Sides, region, axes, controls. "C" is a middle control, "LR" one on either side, "" a control without a side.
# An axis with "±" runs from -1 to 1, because an opposite pair of expressions hangs on it; any other from 0 to 1.
_TABLE: tuple[tuple[str, str, str, str], ...] = (
    ("LR", "brow", "Y", "brow_down brow_lateral brow_raiseIn brow_raiseOut"),
    ("C", "eye", "±X ±Y", "eye"),
    ("C", "eye", "Y", "eye_parallelLook"),
    ("LR", "eye", "±X ±Y", "eye"),
    ("LR", "eye", "±Y", "eye_blink eye_eyelidD eye_eyelidU eye_pupil eyelashes_tweakerIn eyelashes_tweakerOut"),
    ("LR", "eye", "Y", "eye_faceScrunch eye_lidPress eye_squintInner"),
    ("LR", "cheek", "Y", "eye_cheekRaise"),
    ("LR", "nose", "±X ±Y", "nose"),
    ("LR", "nose", "Y", "nose_nasolabialDeepen nose_wrinkleUpper"),
    ("LR", "ear", "Y", "ear_up"),
    ("C", "jaw", "±X Y", "jaw"),
    ("C", "jaw", "±Y", "jaw_fwdBack"),
    ("C", "jaw", "Y", "jaw_openExtreme"),
    ("LR", "jaw", "Y", "jaw_ChinRaiseD jaw_ChinRaiseU jaw_chinCompress jaw_clench"),
    ("C", "mouth", "±X ±Y", "mouth"),
    ("C", "mouth", "±Y", "mouth_lipShiftD mouth_lipShiftU"),
    ("C", "mouth", "Y", "mouth_stickyD mouth_stickyU"),
    ("LR", "mouth", "±X ±Y", "mouth_corner"),
    ("LR", "mouth", "Y", "mouth_cornerDepress mouth_cornerPull mouth_sharpCornerPull mouth_dimple mouth_stretch"),
    ("LR", "mouth", "±Y", "mouth_cornerSharpnessD mouth_cornerSharpnessU"),
    ("LR", "mouth", "Y", "mouth_funnelD mouth_funnelU mouth_purseD mouth_purseU mouth_towardsD mouth_towardsU"),
    ("LR", "mouth", "Y", "mouth_lipBiteD mouth_lipBiteU mouth_lipsTowardsTeethD mouth_lipsTowardsTeethU"),
    ("LR", "mouth", "Y", "mouth_lipsTogetherD mouth_lipsTogetherU mouth_lipsPressU mouth_pressD mouth_pressU"),
    ("LR", "mouth", "Y", "mouth_tightenD mouth_tightenU mouth_stretchLipsClose mouth_lipsBlow"),
    ("LR", "mouth", "Y", "mouth_lowerLipDepress mouth_upperLipRaise"),
    ("LR", "mouth", "Y", "mouth_lipSticky mouth_stickyInnerD mouth_stickyInnerU mouth_stickyOuterD mouth_stickyOuterU"),
    ("LR", "mouth", "±Y", "mouth_lipsRollD mouth_lipsRollU mouth_pushPullD mouth_pushPullU"),
    ("LR", "mouth", "±Y", "mouth_suckBlow mouth_thicknessD mouth_thicknessU"),
    ("C", "teeth", "±X ±Y", "teethD teethU"),
    ("C", "teeth", "±Y", "teeth_fwdBackD teeth_fwdBackU"),
    ("C", "tongue", "±X ±Y", "tongue tongue_roll tongue_tip"),
    ("C", "tongue", "±Y", "tongue_inOut tongue_narrowWide"),
    ("C", "tongue", "Y", "tongue_press"),
    ("C", "neck", "Y", "neck_swallow"),
    ("LR", "neck", "Y", "neck_mastoidContract neck_stretch"),
    ("", "neck", "±Y", "neck_digastricUpDown neck_throatExhaleInhale neck_throatUpDown"),
    # A switch and multipliers of corrective shapes: no expressions, so nothing keys them unless told to.
    ("", "switch", "Y", "lookAtSwitch"),
    ("", "switch", "Y", "neckCorrectivesMultiplyerD neckCorrectivesMultiplyerM neckCorrectivesMultiplyerU"),
)

# Sideways, and therefore turned over by a mirror, although the axis is called Y.
_SIDEWAYS_Y = {"CTRL_C_mouth_lipShiftD", "CTRL_C_mouth_lipShiftU"}


@dataclass(frozen=True)
class Channel:
    """One axis of one control of the face board.

    index: place in a rig's 174 columns. name: `control-axis`, as in the paper's list. minimum, maximum: what the board
    allows. mirror: index of the channel that takes this one's place when left and right are exchanged (itself for
    middle channels), with mirror_sign -1 where the value changes its sign. keyed: False for switches and multipliers,
    which are never written to a board by default. short: the name that patterns match: `L_brow_down`, and `C_jaw.Y`
    for one axis of two.
    """

    index: int
    name: str
    control: str
    axis: str
    region: str
    minimum: float
    maximum: float
    mirror: int
    mirror_sign: int
    keyed: bool
    short: str


def _controls() -> dict[str, tuple[str, list[tuple[str, float]]]]:
    """Control name -> region and its axes with their minima."""
    controls: dict[str, tuple[str, list[tuple[str, float]]]] = {}
    for sides, region, axes, names in _TABLE:
        parsed = [(f"translate{axis[-1]}", -1.0 if axis.startswith("±") else 0.0) for axis in axes.split()]
        for name in names.split():
            for side in sides or ("",):
                control = f"CTRL_{side}_{name}" if side else f"CTRL_{name}"
                assert control not in controls, f"{control} is in the table twice"
                controls[control] = (region, parsed)
    return controls


def _channels() -> tuple[Channel, ...]:
    entries = sorted(
        (f"{control}-{axis}", control, axis, region, minimum, len(axes))
        for control, (region, axes) in _controls().items()
        for axis, minimum in axes
    )
    index = {entry[0]: i for i, entry in enumerate(entries)}
    swapped = {"CTRL_L_": "CTRL_R_", "CTRL_R_": "CTRL_L_"}
    channels = []
    for i, (name, control, axis, region, minimum, axes) in enumerate(entries):
        partner = swapped.get(name[:7], name[:7]) + name[7:]
        # Both eyes look to the character's left at X = +1, so theirs turn over; the X of mouth corners and nostrils
        # is outwards on either side and does not.
        sideways = axis == "translateX" and (control.startswith("CTRL_C_") or region == "eye")
        sign = -1 if sideways or control in _SIDEWAYS_Y else 1
        short = control.removeprefix("CTRL_") + (f".{axis[-1]}" if axes == 2 else "")
        channels.append(
            Channel(i, name, control, axis, region, minimum, 1.0, index[partner], sign, region != "switch", short)
        )
    return tuple(channels)


TABLE: tuple[Channel, ...] = _channels()
CHANNELS: tuple[str, ...] = tuple(channel.name for channel in TABLE)
"""The names, in the order of a rig's 174 columns."""
CHANNEL_HASH: str = hashlib.sha256("\n".join(CHANNELS).encode()).hexdigest()
"""What a sidecar and its client compare before anything is keyed."""

# Wrong order or a lost channel would animate the wrong muscle without any error, so it stops the import.
assert len(TABLE) == 174 and len({channel.control for channel in TABLE}) == 160, "174 channels of 160 controls"
assert list(CHANNELS) == sorted(set(CHANNELS)), "ASCII order, each name once"
assert CHANNEL_HASH == "a6d332a2fef892438b225122bfd2c665dd6b5e5072d49f7720ab95041dad8256", "bundles are bound to it"
assert CHANNELS[25:27] == ("CTRL_C_tongue_roll-translateX", "CTRL_C_tongue_roll-translateY")
assert all(TABLE[channel.mirror].mirror == channel.index for channel in TABLE), "mirroring twice changes nothing"

PROCESS_MASKS: dict[str, tuple[str, ...]] = {
    "full": tuple(dict.fromkeys(channel.region for channel in TABLE if channel.keyed)),
    "mouth": ("mouth", "jaw", "tongue", "teeth"),
    "upper": ("brow", "eye", "nose", "cheek", "ear"),
}
"""Part of the face -> its regions in the table."""


def masked(process_mask: str) -> tuple[int, ...]:
    """Indices of the channels that a process mask lets through; switches and multipliers are in none.

    Raises KeyError for a mask that is not in `PROCESS_MASKS`.
    """
    regions = PROCESS_MASKS[process_mask]
    return tuple(channel.index for channel in TABLE if channel.region in regions)


# --- names on the boards

# mh3 control -> mh4 control where the name differs; same axes, same signs. mh4 also has a C_tongue_roll, but that is a
# new control with one axis, which nothing of ours drives; the old one lives on as bendTwist.
_MH4_NAMES = {
    "CTRL_C_tongue": "CTRL_C_tongue_move",
    "CTRL_C_tongue_tip": "CTRL_C_tongue_tipMove",
    "CTRL_C_tongue_narrowWide": "CTRL_C_tongue_wideNarrow",
    "CTRL_C_tongue_roll": "CTRL_C_tongue_bendTwist",
}


def _targets(renamed: Mapping[str, str]) -> tuple[str | None, ...]:
    names: list[str | None] = []
    for channel in TABLE:
        _, dot, axis = channel.short.partition(".")
        names.append(renamed.get(channel.control, channel.control) + dot + axis if channel.keyed else None)
    return tuple(names)


TARGETS: dict[str, tuple[str | None, ...]] = {"mh3": _targets({}), "mh4": _targets(_MH4_NAMES)}
"""Generation -> for each channel what Unreal calls it (`CTRL_C_jaw.Y`), None for what is never keyed."""


@dataclass(frozen=True)
class Board:
    """The 174 channels on a board that really exists.

    generation: "mh3" or "mh4". targets: for each channel the section's channel to key, in the board's own spelling, or
    None: never keyed, or not there. missing: what the generation should have and this board has not.
    """

    generation: str
    targets: tuple[str | None, ...]
    missing: tuple[str, ...]


def board_channels(present: Collection[str]) -> Board:
    """The board whose section channels are called `present`, as Unreal has them: letter case does not count."""
    spelled = {name.lower(): name for name in present}

    def found(generation: str) -> int:
        return sum(name is not None and name.lower() in spelled for name in TARGETS[generation])

    generation = max(reversed(GENERATIONS), key=found)  # a draw is a current board
    wanted = TARGETS[generation]
    targets = tuple(spelled.get(name.lower()) if name else None for name in wanted)
    missing = tuple(name for name, target in zip(wanted, targets, strict=True) if name and not target)
    return Board(generation, targets, missing)


# --- raw expressions

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
    by_short = {channel.short: channel.index for channel in TABLE}
    curves: list[Expression] = []
    for channel in TABLE:
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


def expression_curves(row: Sequence[float], generation: str = "mh4") -> dict[str, float]:
    """One frame of a rig (174 values) as curves of an AnimSequence: name, with its prefix, -> value, 0..1."""
    return {
        EXPRESSION_PREFIX + curve.name: curve.at(sum(row[index] for index in curve.channels))
        for curve in expressions(generation)
    }
