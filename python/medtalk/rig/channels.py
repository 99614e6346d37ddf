"""The 174 channels of a MetaHuman face board as the library uses them: arrays, patterns, sets.

The table itself, with every fact about a channel, is `medtalk_board`, which the Unreal plugin shares.

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

from fnmatch import fnmatchcase

import numpy as np

from medtalk.errors import RigError
from medtalk_board.channels import CHANNEL_HASH, CHANNEL_NAMES, CHANNELS, REGIONS, Channel

__all__ = [
    "AREAS",
    "CHANNELS",
    "CHANNEL_HASH",
    "CHANNEL_NAMES",
    "INDEX",
    "MAXIMUM",
    "MINIMUM",
    "MIRROR",
    "MIRROR_SIGN",
    "N_CHANNELS",
    "N_CONTROLS",
    "N_TWO_AXES",
    "S_EMO",
    "S_INT",
    "S_LIP",
    "S_UP",
    "Channel",
    "indices",
]

N_CHANNELS = 174
N_CONTROLS = 160
N_TWO_AXES = 14


def _frozen(values: list[int] | list[float], dtype: type) -> np.ndarray:
    array = np.array(values, dtype=dtype)
    array.flags.writeable = False
    return array


INDEX: dict[str, int] = {channel.name: channel.index for channel in CHANNELS}
MINIMUM = _frozen([channel.minimum for channel in CHANNELS], np.float32)  # (174,)
MAXIMUM = _frozen([channel.maximum for channel in CHANNELS], np.float32)  # (174,)
MIRROR = _frozen([channel.mirror for channel in CHANNELS], np.intp)  # (174,)
MIRROR_SIGN = _frozen([channel.mirror_sign for channel in CHANNELS], np.float32)  # (174,)
AREAS: dict[str, np.ndarray] = {
    area: _frozen([channel.index for channel in CHANNELS if channel.area == area], np.intp)
    for area in dict.fromkeys(channel.area for channel in CHANNELS)
}


def indices(*patterns: str) -> np.ndarray:
    """Indices, ascending and each once, of the channels that any of the patterns names.

    A pattern is matched, with `*`, `?` and `[LR]`, against the control's name without `CTRL_`; one axis of a control
    with two is written `C_jaw.Y`, and `C_jaw` alone means both. Raises RigError for a pattern that names nothing.
    """
    indices: set[int] = set()
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
        indices |= matches
    return _frozen(sorted(indices), np.intp)


def in_region(values: np.ndarray, region: str) -> np.ndarray:
    """A rig (T, 174) with the channels outside a region of `REGIONS` at 0; the rig itself where that is all of them."""
    if region == "full":
        return values
    kept = np.zeros_like(values)
    for area in REGIONS[region]:
        kept[:, AREAS[area]] = values[:, AREAS[area]]
    return kept


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

assert len(CHANNELS) == len(INDEX) == N_CHANNELS
assert len({channel.control for channel in CHANNELS}) == N_CONTROLS == N_CHANNELS - N_TWO_AXES
assert S_INT.tolist() == [29, 30, 31, 32, 36, 43, 53, 98, 99, 100, 101, 105, 112, 122], "the paper's numbers"
