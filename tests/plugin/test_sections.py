"""The section of a take: found again, bounded, marked, on a row that is free, above what lies there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fake_unreal import inside


@pytest.fixture
def track(section: Any) -> Any:
    """The track of a face board, with the endless section that it came with."""
    return inside.track_of(section)


def made(sequence: Any, track: Any, take: str = "line", start: int = 0, end: int = 40, **more: Any) -> Any:
    from medtalk_unreal import sections

    return sections.make(sequence, track, sections.Owner(take, **more), start, end)


def test_the_empty_section_of_a_track_is_taken_over(sequence: Any, section: Any, track: Any) -> None:
    found = made(sequence, track)
    assert found == section and inside.sections(track) == [section]
    assert (section.get_start_frame(), section.get_end_frame()) == (0, 40)


def test_a_section_with_a_key_is_the_users(sequence: Any, section: Any, track: Any, unreal: Any) -> None:
    inside.add_key(section, "CTRL_lookAtSwitch", 0, 1.0)
    found = made(sequence, track)
    assert found != section and not section.has_end_frame()
    assert found.get_blend_type().blend_type == unreal.MovieSceneBlendType.ABSOLUTE
    assert (found.get_row_index(), section.get_row_index()) == (1, 0)
    assert str(track.get_track_row_display_name(1)) == "MEDTalk: line"


def test_takes_behind_each_other_share_a_row(sequence: Any, track: Any) -> None:
    first = made(sequence, track, "first")
    second, third = made(sequence, track, "second", 40, 80), made(sequence, track, "third", 79, 90)
    assert [one.get_row_index() for one in (first, second, third)] == [0, 0, 1]
    assert str(track.get_track_row_display_name(1)) == "MEDTalk: third"


def test_a_section_is_found_by_its_take_sound_and_layer(sequence: Any, track: Any) -> None:
    from medtalk_unreal import sections

    wanted = [("line", "", ""), ("line", "/Game/A", ""), ("line", "/Game/A", "emotion"), ("other", "", "")]
    found = [made(sequence, track, take, sound=sound, layer=layer) for take, sound, layer in wanted]
    again = [sections.of_take(sequence, track, sections.Owner(*one)) for one in wanted]
    assert again == found and sections.of_take(sequence, track, sections.Owner("none")) is None
    later = made(sequence, track, "other", 50, 60)
    assert sections.of_take(sequence, track, sections.Owner("other"), 50) == later
    assert sections.of_take(sequence, track, sections.Owner("other"), 0) == found[-1]


def test_a_section_that_got_the_name_of_a_deleted_one_is_not_ours(sequence: Any, track: Any) -> None:
    from medtalk_unreal import sections

    gone = made(sequence, track)
    track.remove_section(gone)
    new = track.add_section()
    inside.rename(new, gone.get_name())
    assert sections.owner_of(sequence, new) is None
    assert sections.of_take(sequence, track, sections.Owner("line")) is None


@pytest.mark.engine("5.6")
def test_a_section_overrides_what_lies_below_where_unreal_can(
    editor: Any, sequence: Any, track: Any, unreal: Any
) -> None:
    from medtalk_unreal import sections

    section = made(sequence, track)
    assert sections.put_above(section)
    assert section.get_blend_type().blend_type == unreal.MovieSceneBlendType.OVERRIDE


@pytest.mark.engine("5.4")
def test_where_it_cannot_it_says_so(sequence: Any, track: Any, unreal: Any) -> None:
    from medtalk_unreal import sections

    section = made(sequence, track)
    assert not sections.put_above(section)
    assert section.get_blend_type().blend_type == unreal.MovieSceneBlendType.ABSOLUTE


def test_what_is_in_the_way(sequence: Any, section: Any, track: Any, unreal: Any) -> None:
    from medtalk_unreal import sections

    inside.add_key(section, "CTRL_C_jaw.Y", 0, 1.0)
    own = made(sequence, track)
    added = track.add_section()  # additive, as the second one of a track is
    assert added.get_blend_type().blend_type == unreal.MovieSceneBlendType.ADDITIVE
    assert sections.in_the_way(track, own, 0, 40) == [section]
    section.set_range(40, 50)
    assert sections.in_the_way(track, own, 0, 40) == []
    assert sections.in_the_way(track, own, 0, 41) == [section]
    section.set_is_active(False)
    assert sections.in_the_way(track, own, 0, 41) == []
