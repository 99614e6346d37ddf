"""Sections that overlap: what their track shows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fake_unreal import inside

JAW = "CTRL_C_jaw.Y"


def more(unreal: Any, section: Any, kind: str, value: float) -> Any:
    """Another section of the track, of a kind, from tick 100 to 200, with a key."""
    made = inside.track_of(section).add_section()
    made.set_blend_type(getattr(unreal.MovieSceneBlendType, kind))
    made._range = (100, 200)
    inside.add_key(made, JAW, 0, value)
    return made


@pytest.mark.parametrize(("kind", "seen"), [("ABSOLUTE", 0.5), ("ADDITIVE", 0.6), ("OVERRIDE", 0.8)])
def test_what_overlaps_is_averaged_added_or_overridden(unreal: Any, section: Any, kind: str, seen: float) -> None:
    inside.add_key(section, JAW, 0, 0.2)
    second = more(unreal, section, kind, {"ABSOLUTE": 0.8, "ADDITIVE": 0.4, "OVERRIDE": 0.8}[kind])
    track = inside.track_of(section)
    assert inside.shown(track, JAW, [50, 150, 250]) == pytest.approx([0.2, seen, 0.2])
    second.set_is_active(False)
    assert inside.shown(track, JAW, [150]) == pytest.approx([0.2])


def test_the_weight_is_hidden_until_the_user_wants_it(unreal: Any, section: Any) -> None:
    """The dump of a real section has no channel of that name among its 209."""
    inside.add_key(section, JAW, 0, 0.2)
    added = more(unreal, section, "ADDITIVE", 0.4)
    track = inside.track_of(section)
    assert added.get_channel("Weight") is None
    inside.show_weight(added)
    assert added.get_channel("Weight").get_default() == 1.0 and inside.shown(track, JAW, [150]) == pytest.approx([0.6])
    inside.add_key(added, "Weight", 150, 0.5)
    assert inside.shown(track, JAW, [150]) == pytest.approx([0.4])
