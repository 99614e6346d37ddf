"""Names of the 174 channels on the face boards of Unreal, and the raw expression curves that they drive.

mh3          the board that the 174 names come from (Maya of that time)
mh4          the board of current MetaHumans: four tongue controls have other names, the neck multipliers are gone
expressions  the raw curves under a board, `CTRL_expressions_...` in an AnimSequence
arkit        the 52 blendshapes of ARKit: `medtalk.rig.arkit`
head         the head that pages and pictures draw: `medtalk.rig.head_table`

The tables are in `medtalk_board`, which the Unreal plugin shares.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from medtalk.errors import RigError
from medtalk.rig.arkit import ARKIT
from medtalk.rig.channels import CHANNEL_NAMES, CHANNELS
from medtalk.rig.head_table import HEAD, HOW
from medtalk.rig.sequence import RigSequence
from medtalk_board import head
from medtalk_board.expressions import PREFIX, Expression, expressions
from medtalk_board.targets import GENERATIONS, TARGETS

BOARDS = ("mh3", "mh4", "expressions", "arkit", "head")

MH3: dict[str, str | None] = dict(zip(CHANNEL_NAMES, TARGETS["mh3"], strict=True))
"""Channel name -> what to key on the older board, as Unreal writes it (`CTRL_C_jaw.Y`); None: nothing."""
MH4: dict[str, str | None] = dict(zip(CHANNEL_NAMES, TARGETS["mh4"], strict=True))
"""The same for the current board."""


class ExpressionCurve(Expression):
    """One raw expression, for all frames at once."""

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
    if board not in GENERATIONS:
        raise RigError(f"{board!r} is not a face board with expressions. Valid are mh3 and mh4.")
    return tuple(ExpressionCurve(curve.name, curve.channels, curve.points) for curve in expressions(board))


EXPRESSIONS: dict[str, tuple[str, ...]] = {
    channel.name: tuple(PREFIX + curve.name for curve in expression_curves() if channel.index in curve.channels)
    for channel in CHANNELS
}
"""Channel name -> the curves that it drives on the current board (mh4)."""


def to_expressions(rig: RigSequence, board: str = "mh4") -> tuple[tuple[str, ...], np.ndarray]:
    """A rig as raw expression curves: their names, with the prefix of an AnimSequence, and values (T, M) float32, 0..1.

    The two boards differ only in what the tongue's roll is called. Switches and multipliers have no curve.
    """
    curves = expression_curves(board)
    values = np.stack([curve(rig.values) for curve in curves], axis=1)
    return tuple(PREFIX + curve.name for curve in curves), values


def head_curves(rig: RigSequence) -> tuple[tuple[str, ...], np.ndarray]:
    """How the head of a rig turns as curves of a MetaHuman: names and values (T, 4) float32; none for a still head.

    HeadYaw, HeadPitch and HeadRoll are degrees in the axes of the bone of the head (`medtalk_board.head`), and
    HeadControlSwitch is 1, without which Unreal does not read them.
    """
    if rig.head is None:
        return (), np.zeros((len(rig), 0), np.float32)
    rows = [(*head.rotator(*turn), 1.0) for turn in rig.head.tolist()]
    return (*head.CURVES, head.SWITCH), np.array(rows, np.float32)


def board_rows(board: str) -> list[dict[str, Any]]:
    """The mapping onto a board as rows for JSON, one a channel.

    Keys: index, name, control, axis, region, min, max, target. `target` is a name on that board (several, where one
    channel drives more than one thing, with a space between), or None where the board has nothing for the channel
    or it must not be keyed. The head's rows also have `drawn`: "as named", "not drawn", or what is drawn in its stead.
    Raises RigError for an unknown board.
    """
    if board not in BOARDS:
        raise RigError(f"No board is called {board!r}. Valid are {', '.join(BOARDS)}.")
    targets: Mapping[str, str | tuple[str, ...] | None] = {
        "mh3": MH3,
        "mh4": MH4,
        "expressions": EXPRESSIONS,
        "arkit": ARKIT,
        "head": HEAD,
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
                "region": channel.area,
                "min": channel.minimum,
                "max": channel.maximum,
                "target": (target if isinstance(target, str) else " ".join(target or ())) or None,
            }
            | ({"drawn": HOW[channel.name]} if board == "head" else {})
        )
    return rows
