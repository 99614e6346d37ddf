"""What a test may see and change of the stand-in that Unreal itself shows to nobody, or not at once.

Keys, rates, tracks and components as they are, and what a user or another plugin would have done to them.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

# sequences ------------------------------------------------------------------------------------------------------------


def display_rate(sequence: Any) -> Fraction:
    """Frames a second."""
    return sequence._display


def tick_rate(sequence: Any) -> Fraction:
    """Ticks a second."""
    return sequence._tick


def set_tick_rate(sequence: Any, rate: Fraction) -> None:
    """Give a sequence another tick resolution; keys stay on their ticks."""
    sequence._tick = rate


def mark(sequence: Any, frame: int, label: str) -> None:
    """The user marks a display frame."""
    from unreal import FrameNumber, MovieSceneMarkedFrame  # pyright: ignore

    tick = frame * sequence._tick // sequence._display
    sequence._marks.append(MovieSceneMarkedFrame(FrameNumber(int(tick)), label))


def tracks(sequence: Any) -> list[Any]:
    """The tracks of the sequence itself, not of its bindings: the sounds."""
    return list(sequence._tracks)


def title(track: Any) -> str:
    """The name of a track."""
    return track._title


def sections(track: Any) -> list[Any]:
    """The sections of a track."""
    return list(track._sections)


def track_of(section: Any) -> Any:
    """The track of a section."""
    return section._outer


def extent(section: Any) -> tuple[int | None, int | None]:
    """The first tick of a section and the one behind its last; None where it has no end."""
    return section._range


def move(section: Any, by: int) -> None:
    """Drag a section by ticks: its keys go with it."""
    section._touch()
    section._range = tuple(None if end is None else end + by for end in section._range)
    for data in section._channels.values():
        data.at_tick = None
        for key in data.keys.values():
            key[0] += by


def set_tag(asset: Any, name: str, value: str) -> None:
    """Give an asset a metadata tag, outside of any undo step."""
    asset.__dict__.setdefault("_tags", {})[name.lower()] = value


def rig_of(section: Any) -> Any:
    """The control rig that a section's track animates."""
    return section._outer._rig


def bindings(sequence: Any) -> list[tuple[Any, ...]]:
    """Id, name, title and parent's id of each binding, in the order of ids."""
    return [(guid, one.name, one.title, one.parent) for guid, one in sorted(sequence._bindings.items())]


def whole(sequence: Any) -> tuple[Any, ...]:
    """All that a sequence holds, as values that can be compared."""
    found = [
        (track._title, dict(track._rows), track._to_key, [whole_section(one) for one in track._sections])
        for track in sequence._all_tracks()
    ]
    shown = [getattr(sequence, f"get_{what}_range_{end}")() for what in ("view", "work") for end in ("start", "end")]
    return sequence._playback, sequence._display, sequence._tick, shown, bindings(sequence), found


def whole_section(section: Any) -> tuple[Any, ...]:
    """All that a section holds, as values that can be compared."""
    keys = {name: [tuple(key) for key in data.keys.values()] for name, data in section._channels.items()}
    defaults = {name: data.default for name, data in section._channels.items()}
    sound = [_copy(section.__dict__.get(name)) for name in ("_sound", "_offset", "_looping", "_quiet")]
    return section._range, section._row, section._blend, section._tint, dict(section._values), keys, defaults, sound


def _copy(value: Any) -> Any:
    """A struct as it is now; anything else as it is."""
    return value.copy() if hasattr(value, "to_tuple") else value


# channels -------------------------------------------------------------------------------------------------------------


def channels(section: Any) -> list[str]:
    """The names of a section's channels; none for a section that is not of a control rig."""
    return list(section._channels)


def add_key(section: Any, channel: str, tick: int, value: float) -> None:
    """A key of the user's, as one is set in the curve editor."""
    from unreal import MovieSceneKeyInterpolation  # pyright: ignore

    section._channels[channel].add(tick, value, MovieSceneKeyInterpolation.AUTO)


def set_key(section: Any, channel: str, tick: int, value: float) -> None:
    """Move the key of a channel at a tick to another value."""
    (key,) = [key for key in section._channels[channel].keys.values() if key[0] == tick]
    key[1] = value


def delete_keys(section: Any, channel: str, ticks: Iterable[int]) -> None:
    """Delete the keys of a channel at some ticks."""
    data = section._channels[channel]
    for handle in [handle for handle, key in data.keys.items() if key[0] in set(ticks)]:
        del data.keys[handle]


def clear_keys(section: Any, names: Iterable[str]) -> None:
    """Take all keys of some channels away."""
    for name in names:
        section._channels[name].keys.clear()


def drives(section: Any, channel: str) -> bool:
    """Whether a section has keys or a default on a channel."""
    data = section._channels.get(channel)
    return data is not None and (bool(data.keys) or data.default is not None)


def set_default(section: Any, channel: str, value: float) -> None:
    """What a channel without keys shows."""
    section._channels[channel].default = value


def remove_channel(section: Any, channel: str) -> None:
    """As on a board that lacks the control."""
    del section._channels[channel]


def shown(track: Any, channel: str, ticks: Iterable[float]) -> list[float]:
    """What a control rig's track shows on a channel at some ticks, all of its sections together."""
    from unreal.blending import shown  # pyright: ignore

    return [shown(track, channel, tick) for tick in ticks]


def show_weight(section: Any) -> None:
    """The user ticks Weight in a section's menu, so that Sequencer shows its channel."""
    from unreal.blending import show_weight  # pyright: ignore

    show_weight(section)


def interpolations(section: Any) -> set[Any]:
    """How the keys of a section are led into the next."""
    return {key[2] for data in section._channels.values() for key in data.keys.values()}


# animations -----------------------------------------------------------------------------------------------------------


def curves(animation: Any) -> dict[str, tuple[list[float], list[float]]]:
    """Name in lower case -> times and values of each curve; a copy."""
    return {name: (list(times), list(values)) for name, (times, values) in animation._curves.items()}


def frames(animation: Any) -> tuple[int, Fraction]:
    """How many frames, and how many a second."""
    return animation._frames, animation._rate


def open_brackets(animation: Any) -> int:
    """How many brackets of its controller were not closed."""
    return animation._values["controller"]._open


# objects --------------------------------------------------------------------------------------------------------------


def components(actor: Any) -> list[Any]:
    """The components of an actor, the root first."""
    return list(actor._components)


def updates_in_editor(component: Any) -> bool:
    """Whether a mesh shows its animation in the viewport too."""
    return bool(component.__dict__.get("_updates"))


def bones(mesh: Any) -> dict[str, tuple[float, float, float]]:
    """Name in lower case -> place of the bones of a mesh, in centimetres; to be changed."""
    return mesh._bone_places


def rename(thing: Any, name: str) -> None:
    """Give an object another name where it is."""
    thing._name = name


def put(thing: Any, **values: Any) -> None:
    """Set properties, also those that are read-only for Python."""
    thing._values.update(values)


def tags(asset: Any) -> dict[str, str]:
    """The metadata tags of an asset; a copy."""
    return dict(asset.__dict__.get("_tags", {}))


def path(thing: Any) -> str:
    """The path name of an object, which is not taken from the plugin's hands by asking."""
    return thing._path()


def metas(kind: type) -> dict[str, dict[str, str]]:
    """Property -> its metadata, of a class made with `uclass`."""
    return kind._metas  # pyright: ignore


def icon(editor: Any, menu: str, entry: str) -> tuple[str, str, str]:
    """The style, the name and the small name of an entry's icon."""
    return tuple(map(str, editor.unreal.menus.entries(menu)[entry]._values["_icon"]))  # pyright: ignore
