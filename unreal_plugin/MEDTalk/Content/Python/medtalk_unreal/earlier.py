"""What an earlier run left of a take: its section with the animator's changes, its sound, or keys of an older version.

A take that was moved is generated again where it lies now. Only another start frame than the one that was asked for
before moves it: then that is meant. Trimmed ends stay trimmed, and the sound stays where the animator has it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import unreal

from medtalk_unreal import audiotrack, handedits, sections
from medtalk_unreal.errors import PluginError
from medtalk_unreal.facerig import FaceRig
from medtalk_unreal.handedits import Found
from medtalk_unreal.keys import ChannelWriter
from medtalk_unreal.sections import Owner, Section, Track
from medtalk_unreal.span import Span, frame_of, tick_of

_BEGAN = 0.5  # of the channels with keys there have one at the very start, if they are those of a take


@dataclass(frozen=True)
class Earlier:
    """What is there of a take; nothing for a new one. stays: it was asked for at the same start frame as before."""

    section: Section | None = None
    found: Found | None = None
    audio: unreal.MovieSceneAudioSection | None = None
    stays: bool = False

    @property
    def channels(self) -> list[str]:
        """The channels that the take had keys on."""
        return [*self.found.written.curves] if self.found is not None else []

    def end(self, span: Span) -> int:
        """The tick up to which keys give way to the take: if the earlier one was longer, its last keys go, too."""
        return max(span.end, span.first + self.found.written.length if self.found is not None else 0)

    def first(self, sequence: unreal.LevelSequence, start_frame: int) -> int:
        """The tick where the take begins now."""
        if self.found is not None and self.stays:
            return self.found.first
        return tick_of(start_frame, sequence)


def look(
    sequence: unreal.LevelSequence, face: FaceRig, owner: Owner, sound: unreal.SoundWave | None, start_frame: int
) -> Earlier:
    """What is there of a take. Raises `PluginError` where it is locked."""
    section = section_of(sequence, face, owner, start_frame)
    audio = audiotrack.own(sequence, face.name, owner.take, sound, start_frame) if sound is not None else None
    if section is None:
        return Earlier(audio=audio)
    found = handedits.find(sequence, section)
    return Earlier(section, found, audio, found is not None and found.written.asked == start_frame)


def start_frame(sequence: unreal.LevelSequence, section: Section, asked: int) -> int:
    """The display frame where a take begins when it is asked for at a frame: as `Earlier.first`, for less work."""
    there = handedits.located(sequence, section)
    return frame_of(there[1], sequence) if there is not None and there[0].asked == asked else asked


def section_of(sequence: unreal.LevelSequence, face: FaceRig, owner: Owner, start_frame: int) -> Section | None:
    """The section of a take, or None. Raises `PluginError` where it is locked."""
    section = sections.of_take(sequence, face.track, owner, start_frame)
    if section is not None:
        layer = f" ({owner.layer})" if owner.layer else ""
        _check_unlocked(sequence, section, f"The section of {owner.take}{layer} on the control board of {face.name}")
    return section


def check_room(sequence: unreal.LevelSequence, face: FaceRig, start_frame: int) -> None:
    """Raise `PluginError` where a new take would have to go into a section that is locked, as far as is known then."""
    if face.track is not None and not sections.may_override():
        below = _endless(sequence, sections.in_the_way(face.track, None, start_frame, start_frame + 1))
        if below is not None:
            _check_unlocked(sequence, below, f"The section of the control board of {face.name}")


def notes(earlier: Earlier, name: str, mode: str) -> list[str]:
    """What the user should know of a take that is written again."""
    section, lines = earlier.section, []
    if section is None:
        return lines
    if not section.is_active():
        lines.append(f"The section of {name} is muted: its keys have no effect. Right-click it, Properties, Is Active.")
    if earlier.found is None and sections.has_keys(section) and mode != "drop":
        lines.append(
            f"The keys of {name} are not those that were written, so your changes cannot be told from the take: they "
            "were removed. Undo brings them back."
        )
    return lines


# --- making room


def place(
    sequence: unreal.LevelSequence, face: FaceRig, earlier: Earlier, owner: Owner, span: Span, channels: Sequence[str]
) -> tuple[Section, list[str]]:
    """The section that the keys of a take go into, at its place, and what the user should know.

    channels: those that will be written. The keys of the earlier take are gone from them where the take moves.
    """
    track = face.track
    assert track is not None, "facerig.make() gives a track"
    if earlier.section is None:
        lines = _clear_old(sequence, face, earlier, channels)
        section, more = _new(sequence, face, owner, span)
        lines += more
    else:
        section = earlier.section
        others = sections.around(track, section)
        lines = _move(sequence, face, earlier, span, channels)
        lines += _settle(sequence, face, owner, section, others)
    track.modify()
    track.set_section_to_key(section)  # what the animator keys now belongs to the take
    return section, lines


def lay_sound(
    sequence: unreal.LevelSequence, face: FaceRig, earlier: Earlier, name: str, sound: unreal.SoundWave, span: Span,
    sound_start: float,
) -> list[str]:  # fmt: skip
    """The sound beside the take; that of an earlier one stays where it is, unless another start was asked for."""
    audio, found = earlier.audio, earlier.found
    if audio is None or found is None or not earlier.stays or not audio.has_start_frame() or not audio.has_end_frame():
        title = audiotrack.title(face.name, name)
        audiotrack.lay(sequence, title, audio, sound, span.start_frame, span.end_frame, sound_start)
        return []
    start, length = audio.get_start_frame(), audio.get_end_frame() - audio.get_start_frame()
    before, now = found.written.end_frame - found.written.start_frame, span.end_frame - span.start_frame
    if length == before != now:
        audio.modify()
        audio.set_end_frame(start + now)
    if start == span.start_frame:
        return []
    keys = span.start_frame
    return [f"The sound of {name} begins at frame {start} and its keys at {keys}: they stay where you have them."]


def _new(sequence: unreal.LevelSequence, face: FaceRig, owner: Owner, span: Span) -> tuple[Section, list[str]]:
    """A section for a new take, above what lies there."""
    track, name = face.track, owner.take
    assert track is not None
    if owner.layer:
        adds = unreal.MovieSceneBlendType.ADDITIVE
        return sections.make(sequence, track, owner, span.start_frame, span.end_frame, adds), []
    section = sections.make(sequence, track, owner, span.start_frame, span.end_frame)
    way = sections.in_the_way(track, section, span.start_frame, span.end_frame)
    adding = _adding(sequence, track, owner, [*sections.around(track, section).values()])
    below = _endless(sequence, way)
    if below is None or sections.put_above(section):
        return section, _put_above(sequence, face, name, section, way) + adding
    # Averaged with a section that has no end, the face would move by half.
    sections.drop(sequence, track, section)
    _check_unlocked(sequence, below, f"The section of the control board of {face.name}")
    below.modify()
    return below, [
        f"{name} has no section of its own, because that of {face.name} has no end and this Unreal would average the "
        "two: its keys are in that one, in place of those that were there.",
        *adding,
    ]


def _put_above(
    sequence: unreal.LevelSequence, face: FaceRig, name: str, section: Section, way: Sequence[Section]
) -> list[str]:
    """Have a section of a take above others that are in its way; what to tell the user."""
    if not way:
        return []
    if sections.put_above(section):
        return [f"{name} lies above {_other(sequence, way)} of {face.name}, and overrides it there."]
    return [f"{name} overlaps {_other(sequence, way)} of {face.name}: Unreal shows the average. Mute one."]


def _settle(
    sequence: unreal.LevelSequence, face: FaceRig, owner: Owner, section: Section, before: Collection[str]
) -> list[str]:
    """Have a section that was moved, or is longer now, above what it overlaps since then; what to tell the user.

    before: paths of the sections that it overlapped already. What the animator made of those stays.
    """
    track = face.track
    assert track is not None
    met = [one for path, one in sections.around(track, section).items() if path not in before]
    if any(one.get_row_index() == section.get_row_index() for one in met):
        sections.name_it(sequence, track, section, owner)
    if owner.layer:
        return []
    lines = _put_above(sequence, face, owner.take, section, [one for one in met if sections.is_in_the_way(one)])
    return lines + _adding(sequence, track, owner, met)


def _adding(sequence: unreal.LevelSequence, track: Track, owner: Owner, over: Sequence[Section]) -> list[str]:
    """For the user: the layer of another take, among sections that overlap a take, shows on that one, too."""
    alone = sum(other == owner for other, _ in sections.of_board(sequence, track)) == 1
    for one in over:
        other = sections.owner_of(sequence, one)
        if other is None or not other.layer or not one.is_active() or not sections.adds(one):
            continue
        if not alone or replace(other, layer="") != owner:
            return [
                f"The section {other.take} ({other.layer}) lies there, too, and may add to {owner.take}: mute that "
                "layer, or move one of the two."
            ]
    return []


def _endless(sequence: unreal.LevelSequence, way: Sequence[Section]) -> Section | None:
    """The endless section of the user among some, or None."""
    return next((one for one in way if sections.is_endless(one) and sections.owner_of(sequence, one) is None), None)


def _check_unlocked(sequence: unreal.LevelSequence, section: Section, what: str) -> None:
    if section.is_locked():
        raise PluginError(
            f"{what} is locked.", f"Unlock it in {sequence.get_name()}: right-click it, Properties, Locked."
        )


def _other(sequence: unreal.LevelSequence, way: Sequence[Section]) -> str:
    owners = [owner.take for one in way if (owner := sections.owner_of(sequence, one)) is not None]
    return f"the take {owners[0]}" if owners else "another section of the board"


def _move(
    sequence: unreal.LevelSequence, face: FaceRig, earlier: Earlier, span: Span, channels: Sequence[str]
) -> list[str]:
    """Have an earlier section at the span, as far as it is not trimmed."""
    section, found = earlier.section, earlier.found
    assert section is not None
    section.modify()
    start, end, lines = span.start_frame, span.end_frame, []
    if found is not None:
        writer = ChannelWriter(sequence, face, section)
        if span.first != found.first:
            for name in channels:
                writer.clear(name, found.first, found.first + found.written.length)
            sections.shift(section, span.first - found.first)
        before, length = frame_of(found.first, sequence), found.written.end_frame - found.written.start_frame
        if section.has_start_frame():
            start += section.get_start_frame() - before
        if section.has_end_frame():
            end += section.get_end_frame() - (before + length)
        if start >= end:
            start, end = span.start_frame, span.end_frame
        if (start, end) != (span.start_frame, span.end_frame):
            lines.append(f"The section of the take stays trimmed: it plays frames {start} to {end - 1}.")
    sections.bound(section, start, end)
    return lines


def _clear_old(sequence: unreal.LevelSequence, face: FaceRig, earlier: Earlier, channels: Sequence[str]) -> list[str]:
    """Take away the keys that an older version wrote into the one section that the board had, where its sound lies."""
    audio, section = earlier.audio, face.section
    if audio is None or not audio.has_start_frame() or not audio.has_end_frame():
        return []
    if sections.owner_of(sequence, section) is not None or section.is_locked():
        return []
    end_frame = audio.get_end_frame()
    for _, other in audiotrack.find(sequence, face.name):  # what was laid over the end of it is not its own
        if other.has_start_frame() and audio.get_start_frame() < other.get_start_frame() < end_frame:
            end_frame = other.get_start_frame()
    first, end = tick_of(audio.get_start_frame(), sequence), tick_of(end_frame, sequence)
    writer = ChannelWriter(sequence, face, section)
    there = {name: ticks for name in channels if (ticks := writer.ticks(name, first, end))}
    if sum(ticks[0] == first for ticks in there.values()) < _BEGAN * len(there):
        return []
    section.modify()
    for name in there:
        writer.clear(name, first, end)
    if not there:
        return []
    return ["The take was of an older version, which kept no record: your changes to its keys were removed."]
