"""Keys on the channels of a section: reduced, cleared and written, in one of three ways.

ChannelWriter  adds key by key to the channels of the section: says the time in ticks and that keys are linear.
ArrayWriter    gives curves to the control rig, which sets its controls: fewer calls, but each key goes the way of a key
               that the user sets. Some editors take tens of milliseconds for that; the self-test measures. Its sequence
               must be open in Sequencer.
ImportWriter   writes a table that the plugin RigMapper imports in one call: no call and no object for each key. Every
               frame of the sequence gets a key, and none is reduced.

All give the same values at every frame. A curve of one key holds: a take that is written behind it must not bend it.
"""

from __future__ import annotations

import math
import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import unreal

from medtalk_unreal import compat, facerig
from medtalk_unreal.errors import PluginError
from medtalk_unreal.facerig import FaceRig

_AT_ONCE = 50  # keys in one call of the array setters: between calls the user may cancel
_LOOK_AHEAD = 1000  # keys; a line that passes more of them is cut, so that the time stays in proportion


@dataclass(frozen=True)
class Curve:
    """The keys of one channel: its name in the section, ticks (ascending) and values."""

    name: str
    ticks: Sequence[int]
    values: Sequence[float]

    def held(self, tick: int) -> Curve:
        """The same with its last value once more at a later tick."""
        return Curve(self.name, [*self.ticks, tick], [*self.values, self.values[-1]])

    def at(self, tick: int) -> float:
        """The value at a tick: linear between the keys, held outside."""
        after = bisect_right(self.ticks, tick)
        if after == 0 or after == len(self.ticks):
            return self.values[min(after, len(self.ticks) - 1)]
        t0, t1 = self.ticks[after - 1 : after + 1]
        v0, v1 = self.values[after - 1 : after + 1]
        return v0 + (v1 - v0) * (tick - t0) / (t1 - t0)


def reduce_keys(times: Sequence[float], values: Sequence[float], tolerance: float) -> list[int]:
    """Indices of the values to key, so that straight lines between them miss no value by more than `tolerance`.

    The first and the last are among them, except where all values lie within `tolerance` of the first: that needs one
    key. With a tolerance of 0 every value of a curve that moves is kept.
    """
    first = values[0]
    if max(values) - first <= tolerance and first - min(values) <= tolerance:
        return [0]
    if tolerance <= 0:
        return list(range(len(values)))
    kept, last = [0], len(values) - 1
    while kept[-1] < last:
        kept.append(_farthest(times, values, tolerance, kept[-1]))
    return kept


def _farthest(times: Sequence[float], values: Sequence[float], tolerance: float, start: int) -> int:
    """The last index that a line from `start` may end at: its slope must suit all that it passes."""
    time, value = times[start], values[start]
    end, low, high = start + 1, -math.inf, math.inf
    for index in range(start + 1, min(len(values), start + _LOOK_AHEAD)):
        apart, rise = times[index] - time, values[index] - value
        if low <= rise / apart <= high:
            end = index
        low, high = max(low, (rise - tolerance) / apart), min(high, (rise + tolerance) / apart)
        if low > high:
            break
    return end


class ChannelWriter:
    """Writes key by key into the channels of a section, by default of that of the face that takes keys.

    made: the curves whose keys lie elsewhere than the given ones, once `finish` was called; None where nobody knows.
    """

    made: dict[str, Curve] | None

    def __init__(
        self, sequence: unreal.LevelSequence, face: FaceRig, section: unreal.MovieSceneSection | None = None
    ) -> None:
        self._section = section or face.section
        self._channels = facerig.section_channels(self._section)
        self.made = {}
        self._unit = compat.ticks()

    def clear(self, name: str, first: int, end: int) -> bool:
        """Remove the keys of a channel from tick `first` up to `end`; whether it has any from `end` on.

        A channel that is not there has none.
        """
        channel = self._channels.get(name)
        if channel is None:
            return False
        keys, later = self._within(channel, first, end)
        for key in reversed(keys):
            channel.remove_key(key)
        return later

    def ticks(self, name: str, first: int, end: int) -> list[int]:
        """The ticks of a channel's keys from tick `first` up to `end`."""
        if name not in self._channels:
            return []
        return [
            key.get_time(self._unit).frame_number.value for key in self._within(self._channels[name], first, end)[0]
        ]

    def _within(
        self, channel: unreal.MovieSceneScriptingFloatChannel, first: int, end: int
    ) -> tuple[list[unreal.MovieSceneScriptingFloatKey], bool]:
        """The keys of a channel from tick `first` up to `end`, and whether there are any from `end` on.

        A channel keeps its keys in the order of time, so that few of them have to be asked for it.
        """
        keys = compat.keys(channel)

        def tick(key: unreal.MovieSceneScriptingFloatKey) -> int:
            return key.get_time(self._unit).frame_number.value

        after = bisect_left(keys, end, key=tick)
        return keys[bisect_left(keys, first, hi=after, key=tick) : after], after < len(keys)

    def write(self, curves: Sequence[Curve], pause: Callable[[], None]) -> int:
        """Write the curves of one control where no keys are; how many keys that were. `pause` is called on the way."""
        modes = unreal.MovieSceneKeyInterpolation
        for curve in curves:
            channel = self._channels[curve.name]
            mode = modes.LINEAR if len(curve.ticks) > 1 else modes.CONSTANT
            for tick, value in zip(curve.ticks, curve.values, strict=True):
                channel.add_key(unreal.FrameNumber(tick), value, 0.0, self._unit, mode)
        return sum(len(curve.ticks) for curve in curves)

    def finish(self) -> int:
        """Called once, after the last curve: how many keys were written only now."""
        return 0


class ArrayWriter(ChannelWriter):
    """Gives each control its curves in one call. Both axes of a control get keys at the same times."""

    def __init__(
        self, sequence: unreal.LevelSequence, face: FaceRig, section: unreal.MovieSceneSection | None = None
    ) -> None:
        super().__init__(sequence, face, section)
        self._sequence = sequence
        rig = facerig.live_rig(sequence, face)
        if rig is None:
            raise PluginError(
                f"The control board of {face.name} does not run in Sequencer.",
                "Open the sequence in Sequencer, or set Writer to Channel keys.",
            )
        self._rig = rig

    def write(self, curves: Sequence[Curve], pause: Callable[[], None]) -> int:
        by_axis = {curve.name.partition(".")[2].upper(): curve for curve in curves}
        if set(by_axis) not in ({""}, {"X", "Y"}):  # one axis alone cannot be set without the other
            return super().write(curves, pause)
        ticks = sorted({tick for curve in curves for tick in curve.ticks})
        control = curves[0].name.partition(".")[0]
        library = unreal.ControlRigSequencerLibrary
        for start in range(0, len(ticks), _AT_ONCE):
            pause()
            some = ticks[start : start + _AT_ONCE]
            place = self._sequence, self._rig, control, [unreal.FrameNumber(tick) for tick in some]
            if "" in by_axis:
                library.set_local_control_rig_floats(*place, [by_axis[""].at(tick) for tick in some], self._unit)
            else:
                points = [unreal.Vector2D(by_axis["X"].at(tick), by_axis["Y"].at(tick)) for tick in some]
                library.set_local_control_rig_vector2_ds(*place, points, self._unit)
        for curve in curves:
            keys, _ = self._within(self._channels[curve.name], ticks[0], ticks[-1] + 1)
            self._straighten(keys)
            if self.made is not None:
                self.made[curve.name] = Curve(curve.name, ticks, [curve.at(tick) for tick in ticks])
        return len(ticks) * len(curves)

    def _straighten(self, keys: list[unreal.MovieSceneScriptingFloatKey]) -> None:
        """Make new keys linear (one alone: holding): the control rig has keyed all as the editor's settings say."""
        modes = unreal.RichCurveInterpMode
        mode = modes.RCIM_LINEAR if len(keys) > 1 else modes.RCIM_CONSTANT
        if keys and keys[0].get_interpolation_mode() != mode:
            for key in keys:
                key.set_interpolation_mode(mode)


class ImportWriter(ChannelWriter):
    """Collects all curves, and has the plugin RigMapper (Unreal 5.7 and later, experimental) import them at once.

    It knows whole display frames only, and takes the keys of a channel away that lie elsewhere in the section.
    """

    def __init__(
        self, sequence: unreal.LevelSequence, face: FaceRig, section: unreal.MovieSceneSection | None = None
    ) -> None:
        check_writer("import")
        super().__init__(sequence, face, section)
        self._a_frame = compat.rate(sequence.get_tick_resolution()) / compat.rate(sequence.get_display_rate())
        self._curves: list[Curve] = []

    def write(self, curves: Sequence[Curve], pause: Callable[[], None]) -> int:
        pause()
        self.check_room([curve.name for curve in curves], 0, 0)
        self._curves += curves
        return 0

    def check_room(self, names: Sequence[str], first: int, end: int) -> None:
        """Raise `PluginError` where channels have keys elsewhere than from tick `first` up to `end`."""
        for name in names:
            count = self._channels[name].get_num_keys() if name in self._channels else 0
            if count and len(self.ticks(name, first, end)) < count:
                raise PluginError(
                    "The import of keys would take other keys of the section away.", "Set Writer to Channel keys."
                )

    def finish(self) -> int:
        if not self._curves:
            return 0
        names = [_curve_name(curve.name) for curve in self._curves]
        first = math.ceil(min(curve.ticks[0] for curve in self._curves) / self._a_frame)
        last = math.floor(max(curve.ticks[-1] for curve in self._curves) / self._a_frame)
        ticks = [round(frame * self._a_frame) for frame in range(first, last + 1)]
        dense = [Curve(curve.name, ticks, [curve.at(tick) for tick in ticks]) for curve in self._curves]
        rows = [
            f"{name}, {frame}, {value:.7f}"
            for name, curve in zip(names, dense, strict=True)
            for frame, value in enumerate(curve.values, start=first)
        ]
        with tempfile.TemporaryDirectory(prefix="medtalk") as folder:
            table = Path(folder) / "keys.csv"
            table.write_text("\n".join(["curve_name, frame_number, value", *rows, ""]), "utf-8")
            done = compat.import_keys(self._section, str(table), names)
        channels = facerig.section_channels(self._section)  # the import may have made them anew
        missing = [curve.name for curve in self._curves if not channels[curve.name].get_num_keys()]
        if not done or missing:
            raise PluginError("Unreal did not import the keys.", "Set Writer to Channel keys.", ", ".join(missing))
        # Where a frame is no whole number of ticks, Unreal and we may not round alike.
        self.made = {curve.name: curve for curve in dense} if self._a_frame.denominator == 1 else None
        return len(rows)


def _curve_name(channel: str) -> str:
    """A channel as RigMapper calls it."""
    control, _, axis = channel.partition(".")
    return f"{control}.t{axis.lower()}" if axis else control


WRITERS: dict[str, type[ChannelWriter]] = {
    "channels": ChannelWriter, "arrays": ArrayWriter, "import": ImportWriter,
}  # fmt: skip


def check_writer(name: str) -> None:
    """Raise `PluginError` for a way that this Unreal does not have."""
    if name == "import" and not compat.can_import_keys():
        raise PluginError(
            "This Unreal cannot import keys from a table.",
            "Switch the plugin RigMapper on (Unreal 5.7 and later), or set Writer to Channel keys.",
        )
