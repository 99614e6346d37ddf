"""Names of the channels in the two generations of face boards in Unreal, and the generation of a board."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from medtalk_board.channels import CHANNELS

GENERATIONS = ("mh3", "mh4")
"""The face boards: of the Maya files that the 174 names come from, and of current MetaHumans."""

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
    for channel in CHANNELS:
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
