"""The moments that a row of heads shows: one for each thing that a mouth does, at the phone that does it longest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from medtalk.errors import TrainingError
from medtalk.face.sheet import KINDS
from medtalk.rates import FPS

if TYPE_CHECKING:
    from medtalk_train.figures.material import Line

MOUTHS = ("closed", "bitten", "rounded", "open", "wide")
"""What the mouth does at the phones of each of `medtalk.face.sheet.KINDS`."""
_LONGEST_S = 0.35  # a phone that lasts longer is a slip of the aligner, or the end of a phrase


class At(NamedTuple):
    """A moment: what the mouth does there, the phone, and the frame at 60 fps."""

    mouth: str
    phone: str
    frame: int


def chosen(line: Line, each: Sequence[int] = (1, 1, 1, 1, 1), frames: int | None = None) -> list[At]:
    """So many moments of each kind of mouth, in the order of `MOUTHS`; kinds that a line lacks are left out.

    `frames` is how many of the line, from its beginning, are looked at.

    Raises TrainingError for a line without phones.
    """
    found, end = [], (line.frames if frames is None else frames) / FPS
    for mouth, names, count in zip(MOUTHS, KINDS, each, strict=True):
        own = [
            phone
            for phone in line.timed
            if phone.text in names and phone.end - phone.start <= _LONGEST_S and phone.end <= end
        ]
        longest = sorted(own, key=lambda phone: phone.start - phone.end)
        # A first one of each phone before a second of any.
        turns = [sum(other.text == phone.text for other in longest[:place]) for place, phone in enumerate(longest)]
        for _, _, phone in sorted(zip(turns, range(len(longest)), longest, strict=True))[:count]:
            found.append(At(mouth, phone.text, min(round(0.5 * (phone.start + phone.end) * FPS), line.frames - 1)))
    if not found:
        raise TrainingError(f"The phones of {line.name} are not known.", "Give lines with phone times.")
    return found


def shared(lines: Sequence[Line], frames: int | None = None) -> list[list[At]]:
    """A moment of each kind of mouth that all lines have in their first frames, for each line."""
    each = [chosen(line, frames=frames) for line in lines]
    kinds = [mouth for mouth in MOUTHS if all(any(at.mouth == mouth for at in own) for own in each)]
    return [[at for at in own if at.mouth in kinds] for own in each]
