"""The 174 channels of a MetaHuman face board: names, ranges, regions, mirrors, in the order of a rig's columns.

A channel is one axis of one control. Order and spelling are those of the paper's data, from the older board ("mh3"),
which are plain ASCII order. Entries 25 and 26 are `CTRL_C_tongue_roll`; the list that travels with the paper's code
names them `CTRL_C_tongue_tip` a second time, which keys the tip twice and loses the roll.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

# Sides, area, axes, controls. "C" is a middle control, "LR" one on either side, "" a control without a side.
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
    # A switch and multipliers of corrective shapes: no expressions, so nothing keys them unless asked to.
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
    area: str
    minimum: float
    maximum: float
    mirror: int
    mirror_sign: int
    keyed: bool
    short: str


def _controls() -> dict[str, tuple[str, list[tuple[str, float]]]]:
    """Control name -> area and its axes with their minima."""
    controls: dict[str, tuple[str, list[tuple[str, float]]]] = {}
    for sides, area, axes, names in _TABLE:
        parsed = [(f"translate{axis[-1]}", -1.0 if axis.startswith("±") else 0.0) for axis in axes.split()]
        for name in names.split():
            for side in sides or ("",):
                control = f"CTRL_{side}_{name}" if side else f"CTRL_{name}"
                assert control not in controls, f"{control} is in the table twice"
                controls[control] = (area, parsed)
    return controls


def _channels() -> tuple[Channel, ...]:
    entries = sorted(
        (f"{control}-{axis}", control, axis, area, minimum, len(axes))
        for control, (area, axes) in _controls().items()
        for axis, minimum in axes
    )
    index = {entry[0]: i for i, entry in enumerate(entries)}
    swapped = {"CTRL_L_": "CTRL_R_", "CTRL_R_": "CTRL_L_"}
    channels = []
    for i, (name, control, axis, area, minimum, axes) in enumerate(entries):
        partner = swapped.get(name[:7], name[:7]) + name[7:]
        # Both eyes look to the character's left at X = +1, so theirs turn over; the X of mouth corners and nostrils
        # is outwards on either side and does not.
        sideways = axis == "translateX" and (control.startswith("CTRL_C_") or area == "eye")
        sign = -1 if sideways or control in _SIDEWAYS_Y else 1
        short = control.removeprefix("CTRL_") + (f".{axis[-1]}" if axes == 2 else "")
        channels.append(
            Channel(i, name, control, axis, area, minimum, 1.0, index[partner], sign, area != "switch", short)
        )
    return tuple(channels)


CHANNELS: tuple[Channel, ...] = _channels()
CHANNEL_NAMES: tuple[str, ...] = tuple(channel.name for channel in CHANNELS)
"""The names, in the order of a rig's 174 columns."""
CHANNEL_HASH: str = hashlib.sha256("\n".join(CHANNEL_NAMES).encode()).hexdigest()
"""The hash that a sidecar and its client compare before anything is keyed."""

# Wrong order or a lost channel would animate the wrong muscle without any error, so it stops the import.
assert len(CHANNELS) == 174 and len({channel.control for channel in CHANNELS}) == 160, "174 channels of 160 controls"
assert list(CHANNEL_NAMES) == sorted(set(CHANNEL_NAMES)), "ASCII order, each name once"
assert CHANNEL_HASH == "a6d332a2fef892438b225122bfd2c665dd6b5e5072d49f7720ab95041dad8256", "bundles are bound to it"
assert CHANNEL_NAMES[25:27] == ("CTRL_C_tongue_roll-translateX", "CTRL_C_tongue_roll-translateY")
assert all(CHANNELS[channel.mirror].mirror == channel.index for channel in CHANNELS), "mirroring twice changes nothing"

REGIONS: dict[str, tuple[str, ...]] = {
    "full": tuple(dict.fromkeys(channel.area for channel in CHANNELS if channel.keyed)),
    "mouth": ("mouth", "jaw", "tongue", "teeth"),
    "upper": ("brow", "eye", "nose", "cheek", "ear"),
}
"""Part of the face -> its areas in the table."""


def in_region(region: str) -> tuple[int, ...]:
    """Indices of the channels that are keyed in a region; switches and multipliers are in none.

    Raises KeyError for a region that is not in `REGIONS`.
    """
    areas = REGIONS[region]
    return tuple(channel.index for channel in CHANNELS if channel.area in areas)
