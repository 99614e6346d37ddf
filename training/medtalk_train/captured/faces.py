"""The faces of stage 1: self-reconstruction and cycle learn from every capture, the overlap from aligned ones.

Eq. 2 and the last two terms of Eq. 4 need nothing but faces, "an arbitrary set of motion sequences". Eq. 3 needs one
content in two emotions, frame by frame, which nobody captures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from medtalk.rates import FPS
from medtalk_train.captured.aligned import Grid, enough, within
from medtalk_train.captured.batches import AlignedTakes, Recorded, UnlikeTakes
from medtalk_train.stages.batches import Draw

ALIGNED, RENDERED, WARPED, TEACHER = "aligned", "rendered", "warped", "teacher"


@dataclass(frozen=True)
class Faces:
    """What stage 1 learns from.

    Attributes:
        takes: what self and cycle learn from: the captured ones, else rendered ones; None if no data serve stage 1.
        overlap: whose faces the grids are: `ALIGNED`, `RENDERED`, `WARPED` or `TEACHER`.
        of: the takes of the grids; None for the teacher's.
        grids: what they are made of; empty for the teacher's.
        aligned: how many of `takes` are frame-aligned as they are.
    """

    takes: Recorded | None
    overlap: str = TEACHER
    of: Recorded | None = None
    grids: Sequence[Grid] = field(default=(), repr=False)
    aligned: int = 0

    @property
    def apart(self) -> bool:
        """Whether some of `takes` are in no grid."""
        return self.takes is not None and (self.of is not self.takes or len(within(self.grids)) < len(self.takes.rows))

    def pairs(self, batch: int, frames: int) -> Draw | None:
        return None if self.takes is None else UnlikeTakes(self.takes, batch, frames)

    def aligned_takes(self, batch: int, frames: int) -> Draw | None:
        """Grids; None where they are the teacher's."""
        return None if self.of is None else AlignedTakes(self.of, self.grids, batch, frames)

    def summary(self) -> list[str]:
        """What stage 1 learned from, for the log and the model card."""
        if self.takes is None:
            return ["Stage 1 learned from the teacher's faces alone: no take of the data serves it"]
        rows, grids = self.takes.rows, len(within(self.grids))
        what = "takes" if rows[0].captured else "rendered takes"
        speakers = len({row.speaker for row in rows})
        first = (
            f"Stage 1 learned self-reconstruction and the cycle from {len(rows)} {what} of {speakers} speakers "
            f"({self.takes.frames / FPS / 60:.1f} minutes)"
        )
        enough = f"only {self.aligned} of {len(rows)} takes are frame-aligned across emotions"
        overlap = {
            ALIGNED: f"the {grids} of them that say the same in several emotions, frame by frame",
            RENDERED: f"{grids} rendered takes",
            WARPED: f"{grids} of them that say the same, aligned by their sound; {enough}",
            TEACHER: f"the teacher's faces; {enough}",
        }[self.overlap]
        return [first, f"It learned the overlap exchange from {overlap}"]


def choose(
    captured: Recorded | None, rendered: Recorded | None, warped: Sequence[Mapping[str, Any]], overlap: str = ""
) -> Faces:
    """What there is for stage 1, the best first; `overlap` asks for one kind of grids, if there are any."""
    takes = captured or rendered
    if takes is None:
        return Faces(None)
    aligned = len(within(takes.aligned))
    kinds = {
        ALIGNED: (takes, takes.aligned if overlap or enough(takes.aligned, len(takes.rows)) else []),
        RENDERED: (rendered, [] if rendered is None else rendered.aligned),
        WARPED: (captured, [] if captured is None else captured.warped(warped)),
    }
    for kind, (of, grids) in kinds.items():
        if of is not None and grids and overlap in ("", kind):
            return Faces(takes, kind, of, grids, aligned)
    return Faces(takes, aligned=aligned)
