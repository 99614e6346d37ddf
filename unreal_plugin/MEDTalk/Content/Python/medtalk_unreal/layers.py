"""The emotion of a take as a layer of its own: an additive section above the mouth, whose Weight is the intensity.

The section of the take holds the face without the emotion, and the layer the difference to the whole face, so that the
two together show the take. A Weight of 0 takes the emotion away, and no sidecar is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import unreal

from medtalk_unreal import earlier, facerig, sections
from medtalk_unreal.earlier import Earlier
from medtalk_unreal.facerig import FaceRig
from medtalk_unreal.handedits import HandEdits
from medtalk_unreal.pen import Pen
from medtalk_unreal.sections import Owner, Section, Track
from medtalk_unreal.span import Span

EMOTION = "emotion"
"""The layer of an `Owner`."""
BARELY = 1e-6
"""The intensity of a face without emotion: not 0, because blinks, gaze and the breath go with the mood, and would come
at other times."""
_NOTHING = 1e-5  # of a control: where the emotion moves less it has no keys
_WEIGHT = "Weight"


@dataclass(frozen=True)
class Split:
    """A channel's values without the emotion, and what the emotion adds; clamped: how many of the whole were held at
    the limits of the board."""

    base: list[float]
    added: list[float]
    clamped: int


def split(whole: Sequence[float], base: Sequence[float], low: float, high: float) -> Split:
    """The two parts of a channel; they add up to what the board can show of the whole."""
    held = [min(max(value, low), high) for value in whole]
    under = [min(max(value, low), high) for value in base]
    clamped = sum(a != b for a, b in zip(held, whole, strict=True))
    return Split(under, [a - b for a, b in zip(held, under, strict=True)], clamped)


def place(
    sequence: unreal.LevelSequence, face: FaceRig, there: Earlier, owner: Owner, span: Span, base: Section
) -> Section:
    """The section of the layer, beside that of the take, which goes on taking the animator's keys."""
    track = face.track
    assert track is not None, "facerig.make() gives a track"
    section, _ = earlier.place(sequence, face, there, owner, span, [*there.channels])
    track.set_section_to_key(base)
    return section


def write(pen: Pen, edits: HandEdits, added: Mapping[str, Sequence[float]]) -> int:
    """Write the layer: channel -> what the emotion adds for each row; how many keys. The other channels have none."""
    keys = 0
    for name, values in added.items():
        if max(map(abs, values)) <= max(pen.tolerance, _NOTHING) and not edits.on_channel(name):
            pen.clear(name)
        else:
            keys += pen.write(pen.curves(name, values))
    return keys


def drop(sequence: unreal.LevelSequence, track: Track | None, owner: Owner, start_frame: int) -> list[str]:
    """Take the layer of an earlier take away, which now is written as one; what to tell the user."""
    section = sections.of_take(sequence, track, owner, start_frame)
    if section is None or track is None:
        return []
    track.modify()
    track.remove_section(section)  # its tag stays: Undo brings the section back, but not the metadata
    line = f"The layer of the emotion of {owner.take} was removed, with the keys of its Weight: the take is one again."
    return [line]


def lines(section: Section, owner: Owner) -> list[str]:
    """For the user: where the intensity is."""
    told = f"{owner.take}: the emotion has a section of its own; its Weight is how much of it shows, 1 all."
    if _WEIGHT in facerig.section_channels(section):
        return [told]
    return [f"{told} To key it, right-click that section and tick Weight."]
