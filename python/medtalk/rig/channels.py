"""The 174 channels of a MetaHuman face board: one table, from which everything about a channel follows.

A channel is one axis of one control. Order and spelling are those of the paper's data (the older board, "mh3"), which
are plain ASCII order. Entries 25 and 26 are `CTRL_C_tongue_roll`; the list that travels with the paper's code names
them `CTRL_C_tongue_tip` a second time, which keys the tip twice and loses the roll.

Also here: the sets over which the paper's metrics are taken (eq. 8, 15-18). It publishes only S_int; the other three
are our choice, kept fixed so that numbers stay comparable:

S_LIP  What speech itself moves: jaw opening and thrust, closing, pressing, rolling, biting, rounding and spreading of
       the lips, raising and lowering them, and the tongue. Corners, chin and tightened lips stay out because they
       carry expression; sideways jaw, mouth and tongue, teeth and puffed cheeks because normal speech leaves them.
S_UP   Brows, eyelids, inner squint, cheek raise and nose: what the upper face shows of an emotion. No gaze, pupils or
       eyelashes: they follow attention, light and the lids, not the emotion.
S_EMO  S_UP with the corners of the mouth, dimples, chin, tightened lips, clenched jaw and the neck's tendons. It shares
       no channel with S_LIP, so that "changing the emotion" and "moving the lips" are measured apart.
S_INT  The 14 channels of the intensity of a rig (eq. 8): brows, blink, inner squint, corner pull.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from medtalk.errors import RigError

N_CHANNELS = 174
N_CONTROLS = 160
N_TWO_AXES = 14

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
    which are never written to a board by default.
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

    @property
    def short(self) -> str:
        """The name that patterns match: `L_brow_down`, and `C_jaw.Y` for one axis of two."""
        short = self.control.removeprefix("CTRL_")
        return f"{short}.{self.axis[-1]}" if self.control in _TWO_AXES else short


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


_CONTROLS = _controls()
_TWO_AXES = frozenset(control for control, (_, axes) in _CONTROLS.items() if len(axes) == 2)


def _channels() -> tuple[Channel, ...]:
    entries = sorted(
        (f"{control}-{axis}", control, axis, region, minimum)
        for control, (region, axes) in _CONTROLS.items()
        for axis, minimum in axes
    )
    index = {entry[0]: i for i, entry in enumerate(entries)}
    swapped = {"CTRL_L_": "CTRL_R_", "CTRL_R_": "CTRL_L_"}
    channels = []
    for i, (name, control, axis, region, minimum) in enumerate(entries):
        partner = swapped.get(name[:7], name[:7]) + name[7:]
        # Both eyes look to the character's left at X = +1, so theirs turn over; the X of mouth corners and nostrils
        # is outwards on either side and does not.
        sideways = axis == "translateX" and (control.startswith("CTRL_C_") or region == "eye")
        sign = -1 if sideways or control in _SIDEWAYS_Y else 1
        channels.append(
            Channel(i, name, control, axis, region, minimum, 1.0, index[partner], sign, keyed=region != "switch")
        )
    return tuple(channels)


def _frozen(values: list[int] | list[float], dtype: type) -> np.ndarray:
    array = np.array(values, dtype=dtype)
    array.flags.writeable = False
    return array


CHANNELS: tuple[Channel, ...] = _channels()
NAMES: tuple[str, ...] = tuple(channel.name for channel in CHANNELS)
INDEX: dict[str, int] = {channel.name: channel.index for channel in CHANNELS}
MINIMUM = _frozen([channel.minimum for channel in CHANNELS], np.float32)  # (174,)
MAXIMUM = _frozen([channel.maximum for channel in CHANNELS], np.float32)  # (174,)
MIRROR = _frozen([channel.mirror for channel in CHANNELS], np.intp)  # (174,)
MIRROR_SIGN = _frozen([channel.mirror_sign for channel in CHANNELS], np.float32)  # (174,)
REGIONS: dict[str, np.ndarray] = {
    region: _frozen([channel.index for channel in CHANNELS if channel.region == region], np.intp)
    for region in dict.fromkeys(channel.region for channel in CHANNELS)
}
CHANNEL_HASH: str = hashlib.sha256("\n".join(NAMES).encode()).hexdigest()


def indices(*patterns: str) -> np.ndarray:
    """Indices, ascending and each once, of the channels that any of the patterns names.

    A pattern is matched, with `*`, `?` and `[LR]`, against the control's name without `CTRL_`; one axis of a control
    with two is written `C_jaw.Y`, and `C_jaw` alone means both. Raises RigError for a pattern that names nothing.
    """
    found: set[int] = set()
    for pattern in patterns:
        matches = {
            channel.index
            for channel in CHANNELS
            if fnmatchcase(channel.short, pattern) or fnmatchcase(channel.control.removeprefix("CTRL_"), pattern)
        }
        if not matches:
            raise RigError(
                f"No channel is called {pattern!r}.",
                "Patterns look like C_jaw.Y, L_brow_down or ?_mouth_lipsTogether?; `medtalk channels` lists all 174.",
            )
        found |= matches
    return _frozen(sorted(found), np.intp)


S_LIP = indices(
    *("C_jaw.Y", "C_jaw_fwdBack"),
    *("[LR]_mouth_lipsTogether[DU]", "[LR]_mouth_press[DU]", "[LR]_mouth_lipsPressU", "[LR]_mouth_lipsRoll[DU]"),
    *("[LR]_mouth_lipBite[DU]", "[LR]_mouth_lipsTowardsTeeth[DU]", "[LR]_mouth_sticky*", "C_mouth_sticky[DU]"),
    *("[LR]_mouth_funnel[DU]", "[LR]_mouth_purse[DU]", "[LR]_mouth_towards[DU]", "[LR]_mouth_pushPull[DU]"),
    *("[LR]_mouth_stretch", "[LR]_mouth_stretchLipsClose", "[LR]_mouth_lipSticky"),
    *("[LR]_mouth_lowerLipDepress", "[LR]_mouth_upperLipRaise"),
    *("C_tongue.Y", "C_tongue_roll.Y", "C_tongue_tip.Y", "C_tongue_inOut", "C_tongue_narrowWide", "C_tongue_press"),
)
S_UP = indices(
    "[LR]_brow_*",
    *("[LR]_eye_blink", "[LR]_eye_eyelid[DU]", "[LR]_eye_lidPress", "[LR]_eye_squintInner", "[LR]_eye_faceScrunch"),
    *("[LR]_eye_cheekRaise", "[LR]_nose", "[LR]_nose_*"),
)
S_EMO = indices(
    *(CHANNELS[i].short for i in S_UP),
    *("[LR]_mouth_corner*", "[LR]_mouth_sharpCornerPull", "[LR]_mouth_dimple", "[LR]_mouth_tighten[DU]"),
    *("[LR]_jaw_ChinRaise[DU]", "[LR]_jaw_chinCompress", "[LR]_jaw_clench"),
    *("[LR]_neck_stretch", "[LR]_neck_mastoidContract"),
)
S_INT = indices("[LR]_brow_*", "[LR]_eye_blink", "[LR]_eye_squintInner", "[LR]_mouth_cornerPull")

# Wrong order or a lost channel would animate the wrong muscle without any error, so it stops the import.
assert len(CHANNELS) == N_CHANNELS == len(INDEX), "174 channels, each name once"
assert len(_CONTROLS) == N_CONTROLS and len(_TWO_AXES) == N_TWO_AXES, "160 controls, 14 of them with two axes"
assert list(NAMES) == sorted(NAMES), "ASCII order"
assert CHANNEL_HASH == "a6d332a2fef892438b225122bfd2c665dd6b5e5072d49f7720ab95041dad8256", "bundles are bound to it"
assert NAMES[25:27] == ("CTRL_C_tongue_roll-translateX", "CTRL_C_tongue_roll-translateY")
assert np.array_equal(MIRROR[MIRROR], np.arange(N_CHANNELS)), "mirroring twice changes nothing"
assert S_INT.tolist() == [29, 30, 31, 32, 36, 43, 53, 98, 99, 100, 101, 105, 112, 122], "the paper's numbers"
