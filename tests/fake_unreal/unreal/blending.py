"""What a track shows where its sections overlap.

docs (EMovieSceneBlendType): absolute ones are averaged by weight, additive ones are summed up on top, an override wins
over what is below. Engine's behaviour (public copies): a section of a control rig has a Weight channel of default 1,
which calls and Sequencer see only after the user has ticked it in the section's menu; a channel without keys and
default has no part in the average.
"""

from __future__ import annotations

from typing import Any

from .channels import ChannelData
from .enums import MovieSceneBlendType
from .state import EDITOR

WEIGHT = "Weight"
_OVERRIDE = "OVERRIDE"


def show_weight(section: Any) -> None:
    """The user ticks Weight in the menu of a section."""
    if WEIGHT not in section._channels:
        section._channels[WEIGHT] = ChannelData("float")
        section._channels[WEIGHT].default = 1.0


def shown(track: Any, channel: str, tick: float) -> float:
    """The value of a channel of a control rig's track at a tick, 0 where nothing says anything."""
    there = [section for section in track._sections if _counts(section, channel, tick)]
    if there and there[0]._channels[channel].kind != "float":
        return there[-1]._channels[channel].at(tick)
    average = [(_weight(one, tick), one) for one in there if one._blend is MovieSceneBlendType.ABSOLUTE]
    total = sum(weight for weight, _ in average)
    value = sum(weight * one._channels[channel].at(tick) for weight, one in average) / total if total else 0.0
    for one in there:
        weight, own = _weight(one, tick), one._channels[channel].at(tick)
        if one._blend is MovieSceneBlendType.ADDITIVE:
            value += weight * own
        elif one._blend.name == _OVERRIDE and EDITOR.override_wins:
            value += weight * (own - value)
    return value


def _counts(section: Any, channel: str, tick: float) -> bool:
    start, end = section._range
    data = section._channels.get(channel)
    inside = ((start is None or start <= tick) and (end is None or tick < end)) or EDITOR.sections_reach_on
    return inside and section._values["is_active"] and data is not None and bool(data.keys or data.default is not None)


def _weight(section: Any, tick: float) -> float:
    data = section._channels.get(WEIGHT)
    return data.at(tick) if data is not None else 1.0
