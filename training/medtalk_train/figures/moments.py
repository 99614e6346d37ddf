"""The moments that a row of heads shows: one for each thing that a mouth does, at the phone that does it longest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from medtalk.errors import TrainingError
from medtalk.face.sheet import KINDS
from medtalk.rates import FPS

if TYPE_CHECKING:
    from medtalk.rig import Timed
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

    No phone is shown twice. `frames` is how many of the line, from its beginning, are looked at.

    Raises TrainingError for a line without phones.
    """
    found, end = [], (line.frames if frames is None else frames) / FPS
    for mouth, names, count in zip(MOUTHS, KINDS, each, strict=True):
        own = [
            phone
            for phone in line.timed
            if phone.text in names and phone.end - phone.start <= _LONGEST_S and phone.end <= end
        ]
        longest: dict[str, Timed] = {}
        for phone in sorted(own, key=lambda phone: phone.start - phone.end):
            longest.setdefault(phone.text, phone)
        for phone in list(longest.values())[:count]:
            found.append(At(mouth, phone.text, min(round(0.5 * (phone.start + phone.end) * FPS), line.frames - 1)))
    if not found:
        raise TrainingError(f"The phones of {line.name} are not known.", "Give lines with phone times.")
    return found


def shared(lines: Sequence[Line], frames: int | None = None) -> list[list[At]]:
    """A moment of each kind of mouth that all lines have in their first frames, for each line.

    It is of one phone where they share any of the kind: the first of these in `KINDS`.
    """
    each = [chosen(line, [len(names) for names in KINDS], frames) for line in lines]
    found: list[list[At]] = [[] for _ in lines]
    for mouth, names in zip(MOUTHS, KINDS, strict=True):
        own = [{at.phone: at for at in some if at.mouth == mouth} for some in each]
        if all(own):
            common = next((name for name in names if all(name in some for some in own)), None)
            for row, some in zip(found, own, strict=True):
                row.append(next(iter(some.values())) if common is None else some[common])
    return found
