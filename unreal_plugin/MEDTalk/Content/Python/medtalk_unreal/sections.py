"""The section of a take on the track of a face board: found again, or made.

A take has a section of its own, bounded, so that it can be moved, trimmed, muted and deleted as one thing. The sequence
remembers in its metadata whose a section is, under the section's own path: that stays when the asset is renamed or
copied. A tint marks it, too, because Unreal may give the name of a deleted section to a new one, which has none.

Sections of one track that are absolute are averaged where they overlap, and the first one of a track counts with every
control, also without keys. So a section that holds nothing is taken over, and one that lies above another overrides it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import unreal

from medtalk_unreal import compat
from medtalk_unreal.errors import PluginError

Section = unreal.MovieSceneSection
Track = unreal.MovieSceneControlRigParameterTrack

_OWNER = "MEDTalk.section."  # the tag of a section, with its path in the sequence behind it
_TINT = (255, 155, 60, 110)  # red, green, blue, alpha


@dataclass(frozen=True)
class Owner:
    """Whose a section is. sound: package path of the SoundWave, "" without; layer: of a take that has several."""

    take: str
    sound: str = ""
    layer: str = ""


def of_board(sequence: unreal.LevelSequence, track: Track | None) -> Iterator[tuple[Owner, Section]]:
    """The sections of all takes on a track, in the order of the track."""
    for section in track.get_sections() if track is not None else ():
        if owner := owner_of(sequence, section):
            yield owner, section


def of_take(sequence: unreal.LevelSequence, track: Track | None, owner: Owner, start_frame: int = 0) -> Section | None:
    """The section that an earlier run wrote for the same take, or None.

    Where the same sound was laid as a new take, too, the one at this start is meant, or else the last.
    """
    sections = [section for other, section in of_board(sequence, track) if other == owner]
    sections.sort(key=lambda one: one.has_start_frame() and one.get_start_frame() == start_frame)
    return sections[-1] if sections else None


def owner_of(sequence: unreal.LevelSequence, section: Section) -> Owner | None:
    """Whose a section is; None for one that was not made here."""
    if not section.get_color_tint().a:
        return None
    try:
        return Owner(**json.loads(_tag(sequence, _OWNER + path_of(section)) or "null"))
    except (TypeError, ValueError):
        return None


def path_of(section: Section) -> str:
    """The path of a section inside its sequence."""
    return str(section.get_path_name()).partition(":")[2]


def make(
    sequence: unreal.LevelSequence,
    track: Track,
    owner: Owner,
    start_frame: int,
    end_frame: int,
    blend: unreal.MovieSceneBlendType = unreal.MovieSceneBlendType.ABSOLUTE,
) -> Section:
    """A section from a display frame up to another one, without keys: an empty one of the track, or a new one.

    It blends as `blend` says, and lies on the first row that is free there. Raises `PluginError` if Unreal makes none.
    """
    track.modify()
    others = list(track.get_sections())
    absolute = blend == unreal.MovieSceneBlendType.ABSOLUTE
    free = next((one for one in others if _is_free(sequence, one, len(others) == 1)), None) if absolute else None
    section = free or track.add_section()
    if section is None:
        raise PluginError(f"Unreal could not add a section to the control board for {owner.take}.")
    section.modify()
    section.set_blend_type(blend)
    section.set_range(start_frame, end_frame)
    name_it(sequence, track, section, owner)
    return section


def name_it(sequence: unreal.LevelSequence, track: Track, section: Section, owner: Owner) -> None:
    """Mark a section as that of a take, on a row that is free there, whose name says so."""
    unreal.EditorAssetLibrary.set_metadata_tag(sequence, _OWNER + path_of(section), json.dumps(asdict(owner)))
    red, green, blue, alpha = _TINT
    section.set_color_tint(unreal.Color(r=red, g=green, b=blue, a=alpha))
    others = [one for one in track.get_sections() if one.get_path_name() != section.get_path_name()]
    taken = {one.get_row_index() for one in others if overlap(one, section)}
    row = next(row for row in range(len(others) + 1) if row not in taken)
    section.set_row_index(row)
    shared = any(one.get_row_index() == row for one in others)
    layer = f" ({owner.layer})" if owner.layer else ""
    track.set_track_row_display_name("MEDTalk" if shared else f"MEDTalk: {owner.take}{layer}", row)


def drop(sequence: unreal.LevelSequence, track: Track, section: Section) -> None:
    """Take away a section that was just made; for one of an earlier run its tag must stay, because of Undo."""
    unreal.EditorAssetLibrary.remove_metadata_tag(sequence, _OWNER + path_of(section))
    track.remove_section(section)


def bound(section: Section, start_frame: int, end_frame: int) -> None:
    """Have a section from a display frame up to another one; one that is so is not touched."""
    same = section.has_start_frame() and section.get_start_frame() == start_frame
    if not (same and section.has_end_frame() and section.get_end_frame() == end_frame):
        section.set_range(start_frame, end_frame)


def shift(section: Section, by: int) -> None:
    """Move all keys of a section by ticks."""
    unit = compat.ticks()
    for channel in section.get_all_channels():
        if hasattr(channel, "get_keys"):
            for key in compat.keys(channel):
                key.set_time(unreal.FrameNumber(key.get_time(unit).frame_number.value + by), 0.0, unit)


def may_override() -> bool:
    """Whether this Unreal has sections that override others; whether a track takes them, only `put_above` knows."""
    return hasattr(unreal.MovieSceneBlendType, "OVERRIDE")


def put_above(section: Section) -> bool:
    """Let a section override the absolute ones that it overlaps; False where this Unreal cannot: they are averaged."""
    if not may_override():
        return False
    override = unreal.MovieSceneBlendType.OVERRIDE
    section.set_blend_type(override)
    return section.get_blend_type().blend_type == override  # a track that does not support it keeps what it had


def in_the_way(track: Track, section: Section | None, start_frame: int, end_frame: int) -> list[Section]:
    """Other active sections with values of their own from a display frame up to another one."""
    own = section.get_path_name() if section is not None else ""
    others = (one for one in track.get_sections() if one.get_path_name() != own)
    return [one for one in others if is_in_the_way(one) and reaches(one, start_frame, end_frame)]


def is_in_the_way(section: Section) -> bool:
    """Whether a section is active, and has values of its own instead of adding some."""
    return section.is_active() and not adds(section)


def adds(section: Section) -> bool:
    """Whether a section adds to others."""
    kinds = unreal.MovieSceneBlendType
    return section.get_blend_type().blend_type in (kinds.ADDITIVE, kinds.RELATIVE, kinds.ADDITIVE_FROM_BASE)


def around(track: Track, section: Section) -> dict[str, Section]:
    """Path -> each other section of a track that has a frame in common with one."""
    own = section.get_path_name()
    others = {str(one.get_path_name()): one for one in track.get_sections() if one.get_path_name() != own}
    return {path: one for path, one in others.items() if overlap(one, section)}


def is_endless(section: Section) -> bool:
    """Whether a section has no end on either side, as the one that Unreal makes with a track."""
    return not section.has_start_frame() and not section.has_end_frame()


def overlap(one: Section, other: Section) -> bool:
    """Whether two sections have a frame in common."""
    after = one.has_start_frame() and other.has_end_frame() and one.get_start_frame() >= other.get_end_frame()
    before = one.has_end_frame() and other.has_start_frame() and one.get_end_frame() <= other.get_start_frame()
    return not after and not before


def has_keys(section: Section) -> bool:
    """Whether any channel of a section has keys."""
    return any(getattr(channel, "get_num_keys", int)() for channel in section.get_all_channels())


def reaches(section: Section, start_frame: int, end_frame: int) -> bool:
    """Whether a section has frames from a display frame up to another one."""
    before = section.has_end_frame() and section.get_end_frame() <= start_frame
    return not before and not (section.has_start_frame() and section.get_start_frame() >= end_frame)


def _is_free(sequence: unreal.LevelSequence, section: Section, only: bool) -> bool:
    """Whether nobody has put anything into a section: it came with the track."""
    usable = section.is_active() and not section.is_locked() and (only or is_endless(section))
    usable = usable and section.get_blend_type().blend_type == unreal.MovieSceneBlendType.ABSOLUTE
    return usable and owner_of(sequence, section) is None and not has_keys(section)


def _tag(sequence: unreal.LevelSequence, name: str) -> str:
    return str(unreal.EditorAssetLibrary.get_metadata_tag(sequence, name))
