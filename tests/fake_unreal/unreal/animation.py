"""Animation sequences: curves, and what bakes a sequence into them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from . import boards
from .assets import Factory
from .blending import shown
from .controlrig import MovieSceneControlRigParameterTrack
from .objects import BlueprintFunctionLibrary, Interface, Object
from .state import EDITOR
from .timing import rate
from .values import Name

PREFIX = "CTRL_expressions_"


class AnimationAsset(Object):
    pass


class AnimSequenceBase(AnimationAsset):
    """Curves by name: (times, values)."""

    _properties = "controller skeleton"

    def _get_skeleton(self) -> Any:
        return self._skeleton

    def _set_up(self) -> None:
        self._curves: dict[str, tuple[list[float], list[float]]] = {}
        self._rate, self._frames = Fraction(30), 1
        self._skeleton: Any = None
        made = AnimationDataController(self, "Controller").__dict__["_self"]
        self._values["controller"] = made

    def _curve(self, name: Any) -> tuple[list[float], list[float]] | None:
        return self._curves.get(str(name).lower())


class AnimSequence(AnimSequenceBase):
    pass


class AnimSequenceFactory(Factory):
    """Needs a skeleton."""

    _properties = "target_skeleton"

    def _make(self, kind: type) -> Any:
        skeleton = self._values.get("target_skeleton")
        if skeleton is None:
            EDITOR.log.add("Warning", "AnimSequenceFactory has no target skeleton")
            return None
        made = kind()
        made._skeleton = skeleton
        return made


class AnimSeqExportOption(Object):
    _properties = "*"


class AnimationDataController(Interface):
    """Changes the data of one animation, between brackets."""

    def _set_up(self) -> None:
        self._open = 0

    def open_bracket(self, title: Any, should_transact: bool) -> None:
        self._open += 1

    def close_bracket(self, should_transact: bool) -> None:
        if not self._open:
            raise Exception("Attempt to close bracket when there was none previously opened")
        self._open -= 1

    def set_frame_rate(self, frame_rate: Any, should_transact: bool) -> None:
        self._outer._rate = rate(frame_rate)

    def set_number_of_frames(self, new_length_in_frames: Any, should_transact: bool) -> None:
        if new_length_in_frames._values["value"] <= 0:
            raise Exception("Invalid number of frames")
        self._outer._frames = new_length_in_frames._values["value"]

    def add_curve(self, curve_id: Any, curve_flags: int, should_transact: bool) -> bool:
        return self._outer._curves.setdefault(str(curve_id._values["_name"]).lower(), ([], [])) is not None

    def set_curve_keys(self, curve_id: Any, curve_keys: Any, should_transact: bool) -> bool:
        name = str(curve_id._values["_name"]).lower()
        if name not in self._outer._curves:
            return False
        keys = [one._values for one in curve_keys._items]
        self._outer._curves[name] = ([key["time"] for key in keys], [key["value"] for key in keys])
        return True

    def remove_all_curves_of_type(self, supported_curve_type: Any, should_transact: bool) -> None:
        self._outer._curves.clear()


class AnimationLibrary(BlueprintFunctionLibrary):
    """Curves by name. Keys go into curves that are there."""

    @staticmethod
    def add_curve(animation_sequence_base: Any, curve_name: Any, curve_type: Any, meta_data_curve: bool) -> None:
        animation_sequence_base._curves.setdefault(str(curve_name).lower(), ([], []))
        animation_sequence_base.__dict__.setdefault("_spelled", {})[str(curve_name).lower()] = str(curve_name)

    @staticmethod
    def add_float_curve_keys(animation_sequence_base: Any, curve_name: Any, times: Any, values: Any) -> None:
        found = animation_sequence_base._curve(curve_name)
        if len(times._items) != len(values._items):
            EDITOR.log.add("Warning", f"Number of times and values do not match for {curve_name}")
        elif found is None:
            EDITOR.log.add("Warning", f"Curve {curve_name} does not exist")
        else:
            found[0].extend(times._items)
            found[1].extend(values._items)

    @staticmethod
    def remove_all_curve_data(animation_sequence_base: Any) -> None:
        animation_sequence_base._curves.clear()

    @staticmethod
    def remove_curve(animation_sequence_base: Any, curve_name: Any, remove_name_from_skeleton: bool) -> None:
        animation_sequence_base._curves.pop(str(curve_name).lower(), None)

    @staticmethod
    def does_curve_exist(animation_sequence_base: Any, curve_name: Any, curve_type: Any) -> bool:
        return animation_sequence_base._curve(curve_name) is not None

    @staticmethod
    def get_animation_curve_names(animation_sequence_base: Any, curve_type: Any) -> Any:
        spelled = animation_sequence_base.__dict__.get("_spelled", {})
        return [Name(spelled.get(name, name)) for name in animation_sequence_base._curves]

    @staticmethod
    def get_float_keys(animation_sequence_base: Any, curve_name: Any) -> Any:
        return animation_sequence_base._curve(curve_name) or ([], [])

    @staticmethod
    def get_float_value_at_time(animation_sequence_base: Any, curve_name: Any, time: float) -> float:
        times, values = animation_sequence_base._curve(curve_name) or ([], [])
        return float(np.interp(time, times, values)) if times else 0.0

    @staticmethod
    def get_num_frames(animation_sequence_base: Any) -> int:
        return animation_sequence_base._frames

    @staticmethod
    def get_sequence_length(animation_sequence_base: Any) -> float:
        return float(animation_sequence_base._frames / animation_sequence_base._rate)


def board_curves(sequence: Any, track: Any, seconds: list[float]) -> dict[str, np.ndarray]:
    """What a face board's keys drive at some times: expression curve -> values."""
    found = {}
    ticks = [float(second * sequence._tick) for second in seconds]
    for name, expression in boards.expressions(track._rig_class._board).items():
        moved = [channel for channel in expression.channels if channel in track._sections[0]._channels]
        values = [sum(shown(track, channel, tick) for channel in moved) for tick in ticks]
        at, to = zip(*expression.points, strict=True)
        found[PREFIX + name] = np.interp(values, at, to)
    return found


class SequencerTools(BlueprintFunctionLibrary):
    @staticmethod
    def export_anim_sequence(
        world: Any, sequence: Any, anim_sequence: Any, export_option: Any, binding: Any, create_link: bool
    ) -> bool:
        return bake(sequence, anim_sequence, export_option, binding)


def bake(sequence: Any, animation: Any, options: Any, binding: Any) -> bool:
    """The curves of a binding's face board over the playback range, as an animation."""
    record = binding._binding()
    if record is None or record.bound(sequence) is None:
        return False
    said = options._values
    start, end = (float(one / sequence._tick) for one in sequence._playback)
    if said.get("use_custom_time_range", False):
        display = rate(said["custom_display_rate"])
        start = float(said["custom_start_frame"]._values["value"] / display)
        end = float(said["custom_end_frame"]._values["value"] / display)
    fps = rate(said["custom_frame_rate"]) if said.get("use_custom_frame_rate", False) else sequence._display
    count = max(1, round((end - start) * float(fps)))
    animation._rate, animation._frames = fps, count
    times = [index / float(fps) for index in range(count + 1)]
    for track in record.tracks:
        if isinstance(track, MovieSceneControlRigParameterTrack) and track._sections:
            for name, values in board_curves(sequence, track, [start + time for time in times]).items():
                animation._curves[name.lower()] = (list(times), [float(value) for value in values])
                animation.__dict__.setdefault("_spelled", {})[name.lower()] = name
    return True


def curve_value(component: Any, name: str, default: float) -> Any:
    """What a curve of a mesh in the level shows: the open sequence at the position of the last tick."""
    sequence = EDITOR.sequence
    if sequence is None or EDITOR.evaluated is None:
        return None
    for record in sequence._bindings.values():
        if record.bound(sequence) != component:
            continue
        played = [one for track in record.tracks for one in track._sections if "params" in one._values]
        if played and EDITOR.animation_wins:
            animation = played[-1]._values["params"]._values["animation"]
            return AnimationLibrary.get_float_value_at_time(
                animation, name, EDITOR.evaluated / float(sequence._display)
            )
        for track in record.tracks:
            if isinstance(track, MovieSceneControlRigParameterTrack) and track._sections:
                curves = board_curves(sequence, track, [EDITOR.evaluated / float(sequence._display)])
                if name in curves:
                    return float(curves[name][0])
    return None
