"""Channels of a section and their keys. Channels and keys are wrappers, made anew by each call that hands them out."""

from __future__ import annotations

import ctypes
from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from .bind import nullable
from .enums import MovieSceneKeyInterpolation, RichCurveInterpMode
from .objects import Object
from .playing import PLAYING
from .state import EDITOR, EditorCrash
from .structs import FrameTime
from .timing import in_ticks, in_unit, rate
from .values import Name

_MODES = {
    MovieSceneKeyInterpolation.LINEAR: RichCurveInterpMode.RCIM_LINEAR,
    MovieSceneKeyInterpolation.CONSTANT: RichCurveInterpMode.RCIM_CONSTANT,
}


class ChannelData:
    """The keys of a channel: handle -> [tick, value, interpolation]. A moved key may lie on the tick of another."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.keys: dict[int, list[Any]] = {}
        self.next = 0
        self.default: Any = None
        self.at_tick: dict[int, int] | None = None  # tick -> handle; None once a key was moved

    def _copied(self) -> ChannelData:
        made = ChannelData(self.kind)
        made.keys = {handle: list(key) for handle, key in self.keys.items()}
        made.next, made.default = self.next, self.default
        return made

    def add(self, tick: int, value: Any, interpolation: Any) -> int:
        self.next += 1
        self.keys[self.next] = [tick, self.stored(value), interpolation]
        if self.at_tick is not None:
            self.at_tick[tick] = self.next
        return self.next

    def stored(self, value: Any) -> Any:
        """Floats are single precision."""
        return ctypes.c_float(value).value if self.kind == "float" else value

    def put(self, tick: int, value: Any, interpolation: Any) -> int:
        """A key that lies there gets the value and keeps its interpolation, else there is a new one; its handle."""
        if self.at_tick is None:
            self.at_tick = {key[0]: handle for handle, key in self.keys.items()}
        handle = self.at_tick.get(tick)
        if handle not in self.keys:
            handle = self.at_tick[tick] = self.add(tick, value, interpolation)
        self.keys[handle][1] = self.stored(value)
        return handle

    def sorted(self) -> list[tuple[int, list[Any]]]:
        """(handle, key) in the order of time."""
        return sorted(self.keys.items(), key=lambda item: (item[1][0], item[0]))

    def times(self) -> list[int]:
        return [key[0] for _, key in self.sorted()]

    def values(self) -> list[Any]:
        return [key[1] for _, key in self.sorted()]

    def at(self, tick: float) -> Any:
        """The value at a tick: straight between keys, held outside; the default where there are none."""
        return self.at_all([tick])[0]

    def at_all(self, ticks: Sequence[float]) -> list[Any]:
        """The values at some ticks."""
        keys = [key for _, key in self.sorted()]
        times = [key[0] for key in keys]
        return [self._between(keys, bisect_right(times, tick), tick) for tick in ticks]

    def _between(self, keys: list[list[Any]], after: int, tick: float) -> Any:
        if not keys:
            return self.default if self.default is not None else (False if self.kind == "bool" else 0.0)
        if after == 0:
            return keys[0][1]
        first = keys[after - 1]
        if after == len(keys) or first[2] is MovieSceneKeyInterpolation.CONSTANT or self.kind != "float":
            return first[1]
        second = keys[after]
        return first[1] + (second[1] - first[1]) * float((tick - first[0]) / (second[0] - first[0]))


def _nearest(number: Fraction) -> int:
    return (number + Fraction(1, 2)).__floor__()


class MovieSceneScriptingKey(Object):
    """A key: it knows its channel and its handle, and crashes the editor once the key is removed."""

    def _of(self, section: Any, channel: str, handle: int) -> Any:
        self._section, self._channel, self._handle = section, channel, handle
        return self

    def _key(self) -> list[Any]:
        data = data_of(self._section, self._channel)
        if self._handle not in data.keys:
            raise EditorCrash(f"a removed key of {self._channel} was used")
        return data.keys[self._handle]

    def _time(self, unit: Any) -> Any:
        frame, part = in_unit(self._section._sequence(), self._key()[0], unit)
        return FrameTime((frame,), part)

    def _move(self, frame: Any, sub_frame: float, unit: Any) -> None:
        self._key()[0] = in_ticks(self._section._sequence(), frame, sub_frame, unit)
        data_of(self._section, self._channel).at_tick = None

    def _put(self, value: Any) -> None:
        self._key()[1] = data_of(self._section, self._channel).stored(value)


class MovieSceneScriptingFloatKey(MovieSceneScriptingKey):
    def get_time(self, time_unit: Any) -> Any:
        return self._time(time_unit)

    def set_time(self, new_frame_number: Any, sub_frame: float, time_unit: Any) -> None:
        self._move(new_frame_number, sub_frame, time_unit)

    def get_value(self) -> float:
        return self._key()[1]

    def set_value(self, new_value: float) -> None:
        self._put(new_value)

    def get_interpolation_mode(self) -> Any:
        return _MODES.get(self._key()[2], RichCurveInterpMode.RCIM_CUBIC)

    def set_interpolation_mode(self, new_value: Any) -> None:
        back = {mode: interpolation for interpolation, mode in _MODES.items()}
        self._key()[2] = back.get(new_value, MovieSceneKeyInterpolation.AUTO)


class MovieSceneScriptingBoolKey(MovieSceneScriptingKey):
    def get_time(self, time_unit: Any) -> Any:
        return self._time(time_unit)

    def set_time(self, new_frame_number: Any, sub_frame: float, time_unit: Any) -> None:
        self._move(new_frame_number, sub_frame, time_unit)

    def get_value(self) -> bool:
        return self._key()[1]

    def set_value(self, new_value: bool) -> None:
        self._put(new_value)


def data_of(section: Any, name: str) -> ChannelData:
    """The data of a channel; a section that is gone takes the editor with it."""
    if "_dead" in section.__dict__:
        raise EditorCrash(f"a channel of {section._name} was used after that was gone: {section.__dict__['_dead']}")
    return section._channels[name]


class MovieSceneScriptingChannel(Object):
    """A channel of a section. `channel_name` is its name; get_name() is that of the wrapper, with a number."""

    _properties = "channel_name"
    _key_class: Any = MovieSceneScriptingKey

    def _of(self, section: Any, name: str) -> Any:
        self._section, self._channel = section, name
        self._name = EDITOR.state.unique_name(name)
        self._values["channel_name"] = Name(name)
        return self

    def _data(self) -> ChannelData:
        return data_of(self._section, self._channel)

    def _keys(self) -> list[Any]:
        return [self._wrap(handle) for handle, _ in self._data().sorted()]

    def _wrap(self, handle: int) -> Any:
        return self._key_class().__dict__["_self"]._of(self._section, self._channel, handle)

    def _remove(self, key: Any) -> None:
        if key._section == self._section and key._channel == self._channel:
            self._data().keys.pop(key._handle, None)

    def _sampled(self, span: Any, frame_rate: Any) -> list[Any]:
        sequence = self._section._sequence()
        said = span._values
        step = sequence._tick / rate(frame_rate)
        count = (Fraction(said["exclusive_end"] - said["inclusive_start"]) / step).__ceil__()
        first = _nearest(said["inclusive_start"] / step)  # times snap to the grid of the rate (second look, B12)
        whole = step.denominator == 1
        return self._data().at_all([(first + at) * (step.numerator if whole else step) for at in range(count)])


def _tick_of(section: Any, time: Any, sub_frame: float, unit: Any) -> int:
    """Where a new key lies. Up to 5.7 the part of a frame is ignored, in spite of the documentation (second look)."""
    return in_ticks(section._sequence(), time, sub_frame if PLAYING.at_least("5.8") else 0.0, unit)


class MovieSceneScriptingFloatChannel(MovieSceneScriptingChannel):
    """Single precision numbers. add_key on a tick that has a key changes its value alone (second look, section 3)."""

    _key_class = MovieSceneScriptingFloatKey

    def add_key(self, time: Any, new_value: float, sub_frame: float, time_unit: Any, interpolation: Any) -> Any:
        tick = _tick_of(self._section, time, sub_frame, time_unit)
        return self._wrap(self._data().put(tick, new_value, interpolation))

    def get_keys(self) -> Any:
        return self._keys()

    def get_keys_by_index(self, indices: Any) -> Any:
        keys = self._data().sorted()
        return [self._wrap(keys[index][0]) for index in indices if 0 <= index < len(keys)]

    def get_num_keys(self) -> int:
        return len(self._data().keys)

    @nullable("key")
    def remove_key(self, key: Any) -> None:
        if key is not None:
            self._remove(key)

    def set_default(self, default_value: float) -> None:
        self._data().default = self._data().stored(default_value)

    def remove_default(self) -> None:
        self._data().default = None

    def has_default(self) -> bool:
        return self._data().default is not None

    def get_default(self) -> float:
        return self._data().default or 0.0

    def evaluate_keys(self, range: Any, frame_rate: Any) -> Any:
        return self._sampled(range, frame_rate)


class MovieSceneScriptingBoolChannel(MovieSceneScriptingChannel):
    _key_class = MovieSceneScriptingBoolKey

    def add_key(self, time: Any, new_value: bool, sub_frame: float, time_unit: Any) -> Any:
        tick = _tick_of(self._section, time, sub_frame, time_unit)
        return self._wrap(self._data().put(tick, new_value, MovieSceneKeyInterpolation.CONSTANT))

    def get_keys(self) -> Any:
        return self._keys()

    def get_num_keys(self) -> int:
        return len(self._data().keys)

    @nullable("key")
    def remove_key(self, key: Any) -> None:
        if key is not None:
            self._remove(key)

    def set_default(self, default_value: bool) -> None:
        self._data().default = default_value

    def has_default(self) -> bool:
        return self._data().default is not None

    def get_default(self) -> bool:
        return bool(self._data().default)

    def evaluate_keys(self, range: Any, frame_rate: Any) -> Any:
        return self._sampled(range, frame_rate)


class MovieSceneScriptingIntegerChannel(MovieSceneScriptingChannel):
    def get_num_keys(self) -> int:
        return len(self._data().keys)

    def set_default(self, default_value: int) -> None:
        self._data().default = default_value

    def has_default(self) -> bool:
        return self._data().default is not None

    def get_default(self) -> int:
        return int(self._data().default or 0)


class MovieSceneScriptingDoubleChannel(MovieSceneScriptingChannel):
    """Of transforms."""

    def get_num_keys(self) -> int:
        return len(self._data().keys)

    def set_default(self, default_value: float) -> None:
        self._section._touch()
        self._data().default = default_value

    def has_default(self) -> bool:
        return self._data().default is not None

    def get_default(self) -> float:
        return float(self._data().default or 0.0)


_KINDS = {
    "double": MovieSceneScriptingDoubleChannel,
    "bool": MovieSceneScriptingBoolChannel,
    "integer": MovieSceneScriptingIntegerChannel,
}


def wrap_channel(section: Any, name: str) -> Any:
    """A fresh wrapper of a channel."""
    python = _KINDS.get(section._channels[name].kind, MovieSceneScriptingFloatChannel)
    return python().__dict__["_self"]._of(section, name)
