"""What the sections of a track make together of a channel, at a tick.

Absolute ones are averaged by their weights; the one on the topmost row that overrides takes their place; additive ones
are added, each times its weight. A section counts between its ends alone: outside, nothing moves the control. All of
this is memory of the engine's blending; the self-test asks for it.
"""

from __future__ import annotations

from typing import Any

from .enums import MovieSceneBlendType
from .state import EDITOR

ADDED = (MovieSceneBlendType.ADDITIVE, MovieSceneBlendType.RELATIVE, MovieSceneBlendType.ADDITIVE_FROM_BASE)


def at(track: Any, channel: str, tick: float) -> Any:
    """The value; 0 (or False) where no section has one."""
    there = [one for one in track._sections if channel in one._channels and _counts(one, tick)]
    if not there:
        return 0.0
    if there[0]._channels[channel].kind != "float":
        return there[-1]._channels[channel].at(tick)
    absolute = [one for one in there if one._blend is MovieSceneBlendType.ABSOLUTE]
    over = [one for one in there if one._blend.name == "OVERRIDE" and EDITOR.override_wins]  # not in every version
    if over:
        absolute = [min(over, key=lambda one: one._row)]
    whole = sum(_weight(one, tick) for one in absolute)
    value = sum(_weight(one, tick) * one._channels[channel].at(tick) for one in absolute) / whole if whole else 0.0
    return value + sum(_weight(one, tick) * one._channels[channel].at(tick) for one in there if one._blend in ADDED)


def _counts(section: Any, tick: float) -> bool:
    first, end = section._range
    inside = (first is None or tick >= first) and (end is None or tick < end)
    return section._values["is_active"] and (inside or EDITOR.sections_reach_on)


def _weight(section: Any, tick: float) -> float:
    data = section._channels.get("Weight")
    return data.at(tick) if data is not None else 1.0
