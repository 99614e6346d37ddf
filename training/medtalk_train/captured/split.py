"""Which takes of which data set are held back: no two speakers are taken for one because they are called alike."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace

from medtalk.errors import TrainingError
from medtalk_train.captured.takes import FaceTake, hold_back

log = logging.getLogger(__name__)

_TENTH = 10
_FEWEST = 2
"""Contents that must be left to learn from: an exchange needs two."""


def split(sets: Sequence[Sequence[FaceTake]], held: Sequence[str] = ()) -> list[list[tuple[FaceTake, bool]]]:
    """Each take of each data set, its name, group and speaker led by the set's number ("0/anna"), and whether it is
    held back: those of the speakers `held`, led so or not, else as `hold_back` draws.

    Of rendered faces, which have no speaker, a tenth of the contents is held back in any case, by the hash of their
    groups: in all emotions, so that no content is on both sides. A set of so few contents that fewer than two would be
    left keeps all of them, and a warning says so.

    Raises TrainingError for a speaker who is not there, or whom a name alone does not tell from another.
    """
    led = [[_led(take, number) for take in takes] for number, takes in enumerate(sets)]
    if held:
        found = hold_back(led, [_whom(name, sets) for name in held])
    else:  # by the names alone, as ever: another number would draw others
        drawn = hold_back(sets)
        found = [[(take, kept) for take, (_, kept) in zip(takes, draws, strict=True)]
                 for takes, draws in zip(led, drawn, strict=True)]  # fmt: skip
    return [_draw_rendered(takes, number) for number, takes in enumerate(found)]


def set_of(name: str) -> int:
    """The number of a take's set, which leads its name."""
    return int(name.partition("/")[0])


def _led(take: FaceTake, number: int) -> FaceTake:
    named = {part: f"{number}/{value}" for part in ("name", "group", "speaker") if (value := getattr(take, part))}
    return replace(take, **named)


def _whom(name: str, sets: Sequence[Sequence[FaceTake]]) -> str:
    """A speaker's name with the number of the set."""
    number, slash, rest = name.partition("/")
    if slash and number.isdecimal() and int(number) < len(sets) and _knows(sets[int(number)], rest):
        return f"{int(number)}/{rest}"
    places = [str(number) for number, takes in enumerate(sets) if _knows(takes, name)]
    if len(places) > 1:
        raise TrainingError(
            f"Several data sets have a speaker called {name!r}: number {' and '.join(places)}.",
            f"Write {' or '.join(f'{place}/{name}' for place in places)} under held.",
        )
    return f"{places[0]}/{name}" if places else name


def _knows(takes: Sequence[FaceTake], speaker: str) -> bool:
    return any(take.speaker == speaker for take in takes)


def _draw_rendered(takes: Sequence[tuple[FaceTake, bool]], number: int) -> list[tuple[FaceTake, bool]]:
    """The takes of a set, those that were rendered held back by their contents."""
    contents = {_content(take) for take, _ in takes if take.sound is None}
    drawn = {content for content in contents if _drawn(content)}
    if drawn and len(contents - drawn) < _FEWEST:
        log.warning("data[%d] has %d rendered sentences, too few to hold any of them back", number, len(contents))
        drawn = set()
    return [(take, _content(take) in drawn if take.sound is None else held) for take, held in takes]


def _content(take: FaceTake) -> str:
    return take.group or take.name


def _drawn(content: str) -> bool:
    return int.from_bytes(hashlib.sha256(content.encode()).digest()[:8], "big") % _TENTH == 0
