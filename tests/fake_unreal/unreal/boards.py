"""What the two face boards are made of: controls, their kinds, limits and channels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from medtalk.rig.boards import MH3, MH4
from medtalk.rig.channels import CHANNELS

# What the current board has beyond the names of ours: floats and pairs that nothing writes, switches, aims.
_MH4_FLOATS = (
    "CTRL_C_tongue_roll CTRL_C_tongue_thickThin CTRL_L_mouth_lipsPressD CTRL_R_mouth_lipsPressD"
    " CTRL_L_mouth_thicknessInwardU CTRL_L_mouth_thicknessInwardD CTRL_R_mouth_thicknessInwardU"
    " CTRL_R_mouth_thicknessInwardD CTRL_convergenceSwitch CTRL_lookAtSwitch"
).split()
_MH4_BOOLS = "CTRL_faceGUIfollowHead CTRL_eyesAimFollowHead".split()
_MH4_TRANSFORMS = "CTRL_C_eyesAim CTRL_L_eyeAim CTRL_R_eyeAim".split()
RIGS = {
    "mh3": "/Game/MetaHumans/Common/Face/Face_ControlBoard_CtrlRig",
    "mh4": "/MetaHumanCharacter/Face/Face_ControlBoard_CtrlRig",
}


@dataclass(frozen=True)
class Control:
    """kind: "float", "vector2d", "bool", "transform". limits: (lowest, highest) of each axis."""

    name: str
    kind: str
    lowest: tuple[float, ...]
    highest: tuple[float, ...]

    @property
    def channels(self) -> tuple[str, ...]:
        if self.kind == "vector2d":
            return f"{self.name}.X", f"{self.name}.Y"
        if self.kind == "transform":
            return tuple(f"{self.name}.{part}.{axis}" for part in ("Location", "Rotation", "Scale") for axis in "XYZ")
        return (self.name,)


@cache
def controls(board: str) -> dict[str, Control]:
    """The controls of "mh3" or "mh4" by name in lower case."""
    names = MH3 if board == "mh3" else MH4
    limits: dict[str, list[tuple[float, float]]] = {}
    for channel in CHANNELS:
        name = names[channel.name]
        if name is None and board == "mh3":
            name = channel.control  # switches and multipliers: on the board, but not keyed
        if name is not None:
            limits.setdefault(name.partition(".")[0] if "." in name else name, []).append(
                (channel.minimum, channel.maximum)
            )
    found = [
        Control(
            name,
            "vector2d" if len(spans) == 2 else "float",
            tuple(low for low, _ in spans),
            tuple(high for _, high in spans),
        )
        for name, spans in limits.items()
    ]
    if board == "mh4":
        found += [Control(name, "float", (0.0,), (1.0,)) for name in _MH4_FLOATS]
        found += [Control(name, "bool", (0.0,), (1.0,)) for name in _MH4_BOOLS]
        found += [Control(name, "transform", (), ()) for name in _MH4_TRANSFORMS]
    return {control.name.lower(): control for control in found}


def control_of(board: str, channel: str) -> Control:
    """The control that a channel belongs to."""
    return controls(board)[channel.partition(".")[0].lower()]
