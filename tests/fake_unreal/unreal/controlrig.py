"""Control rigs: the asset, the instance in a track, and the library that keys it."""

from __future__ import annotations

from typing import Any

from . import blending, boards
from .channels import ChannelData
from .enums import MovieSceneBlendType, MovieSceneKeyInterpolation
from .hierarchy import RigHierarchy
from .objects import BlueprintFunctionLibrary, EngineSubsystem, Object, new_class
from .sequencer import proxy
from .state import EDITOR, EditorCrash
from .structs import SmartReduceParams, Vector2D
from .timing import in_ticks
from .tracks import MovieSceneNameableTrack, MovieSceneSection
from .values import StructBase


class BlueprintCore(Object):
    pass


class Blueprint(BlueprintCore):
    def generated_class(self) -> Any:
        return self._class


class SubobjectDataHandle(StructBase):
    pass


class SubobjectData(StructBase):
    pass


class SubobjectDataSubsystem(EngineSubsystem):
    """What a Blueprint is made of; the first is the default object of its class (public code)."""

    def k2_gather_subobject_data_for_blueprint(self, context: Any) -> Any:
        found = []
        for part in (context._class._default(), *context._class._parts()):
            if not part._name.startswith("Default__"):
                part._name = f"{part._name}_GEN_VARIABLE"
            handle = SubobjectDataHandle()
            handle._values["part"] = part
            found.append(handle)
        return found


class SubobjectDataBlueprintFunctionLibrary(BlueprintFunctionLibrary):
    @staticmethod
    def get_data(data_handle: Any) -> Any:
        data = SubobjectData()
        data._values["part"] = data_handle._values["part"]
        return data

    @staticmethod
    def get_object(data: Any, even_if_pending_kill: bool) -> Any:
        return data._values["part"]


class RigVMBlueprint(Blueprint):
    pass


class ControlRigBlueprint(RigVMBlueprint):
    """A control rig asset; `_board` says which controls it has."""

    _properties = "hierarchy"

    def _get_hierarchy(self) -> Any:
        if "_hierarchy" not in self.__dict__:
            self._hierarchy = RigHierarchy(self, "Hierarchy").__dict__["_self"]
            self._hierarchy._board = self._board
            self._hierarchy._limited = self._limited
        return self._hierarchy

    def _of(self, board: str) -> Any:
        self._board = board
        self._limited: dict[str, Any] = {}
        return self

    def _finish(self) -> Any:
        """Once it has a path: makes the class of its instances."""
        made = new_class(f"{self._name}_C", ControlRig, f"{self._package}.{self._name}_C")
        made._board, made._limited = self._board, self._limited
        self._class = made
        return self

    def get_control_rig_class(self) -> Any:
        return self._class


class RigVMRuntimeAsset(Object):
    pass


class ControlRigRuntimeAsset(RigVMRuntimeAsset):
    """A control rig without a Blueprint, from 5.8 on: it has controls, but no class of its own (docs 5.8)."""

    _get_hierarchy = ControlRigBlueprint._get_hierarchy
    _of = ControlRigBlueprint._of

    def _finish(self) -> Any:
        return self


class RigVMHost(Object):
    pass


class ControlRig(RigVMHost):
    """The instance that a track evaluates."""

    _board = "mh4"

    def _set_up(self) -> None:
        self._limited: dict[str, Any] = {}

    def _of(self, kind: Any) -> Any:
        self._class, self._board = kind, kind._board
        self._limited = kind.__dict__.get("_limited", {})
        self._name = kind._name.removesuffix("_C")
        return self

    def get_class(self) -> Any:
        return self._class

    def get_hierarchy(self) -> Any:
        if "_hierarchy" not in self.__dict__:
            self._hierarchy = RigHierarchy(self, "RigHierarchy").__dict__["_self"]
            self._hierarchy._board, self._hierarchy._limited = self._board, self._limited
        return self._hierarchy

    def supports_backwards_solve(self) -> bool:
        return True


class FKControlRig(ControlRig):
    """The rig that keys bones; it has none of a face board's controls."""


class MovieSceneParameterSection(MovieSceneSection):
    """Parameter curves: what these make are channels of their own, not those of the controls."""

    def add_scalar_parameter_key(self, parameter_name: Any, time: Any, value: float) -> None:
        self._channels.setdefault(f"{parameter_name}_parameter", ChannelData("float")).add(
            time._values["value"], value, MovieSceneKeyInterpolation.AUTO
        )


class MovieSceneControlRigParameterSection(MovieSceneParameterSection):
    """The keys of a control rig: a channel for each axis of each control."""

    _properties = "control_rig_class is_active is_locked"

    def _set_up(self) -> None:
        super()._set_up()
        kind = self._outer._rig_class if isinstance(self._outer, MovieSceneControlRigParameterTrack) else None
        self._values["control_rig_class"] = kind
        board = kind._board if kind is not None else ""
        for control in boards.controls(board).values() if board else ():
            for channel in control.channels:
                self._channels[channel] = ChannelData("bool" if control.kind == "bool" else "float")
        if board not in ("", "body") and EDITOR.head_control:
            for part in ("Location", "Rotation", "Scale"):
                self._channels |= {f"mha_head_ik_ctrl.{part}.{axis}": ChannelData("float") for axis in "XYZ"}
            self._channels["mha_head_ik_switch_ctrl"] = ChannelData("integer")


class MovieSceneControlRigParameterTrack(MovieSceneNameableTrack):
    """A rig on a binding. Its first section is absolute and has defaults; the next ones are additive and have none
    (engine's behaviour).
    """

    _section_class = MovieSceneControlRigParameterSection
    _blend_types = ("ABSOLUTE", "ADDITIVE", "OVERRIDE")

    def _set_up(self) -> None:
        super()._set_up()
        self._rig_class: Any = None
        self._rig: Any = None
        self._layered = False

    def _add(self) -> Any:
        made = super()._add()
        if len(self._sections) > 1:
            made._blend = MovieSceneBlendType.ADDITIVE
        else:
            for data in made._channels.values():
                data.default = False if data.kind == "bool" else 0
        return made

    def _put(self, kind: Any, layered: bool = False) -> Any:
        self._rig_class, self._layered = kind, layered
        self._rig = kind._python(self).__dict__["_self"]._of(kind)
        self._title = self._rig._name
        section = self._add()
        if EDITOR.rig_section_bounded:
            section._range = self._sequence()._playback
        return self


class ControlRigSequencerBindingProxy(StructBase):
    pass


class ControlRigAssetStrongReference(StructBase):
    """A class or a ControlRigRuntimeAsset; Python sees neither (docs 5.8: no properties)."""


class ControlRigSequencerLibrary(BlueprintFunctionLibrary):
    """Control rigs in Sequencer. What sets or gets values wants the sequence open, and does nothing otherwise."""

    @staticmethod
    def load_anim_sequence_into_control_rig_section(
        movie_scene_section: Any, anim_sequence: Any, skel_mesh_comp: Any, start_frame: Any, time_unit: Any,
        key_reduce: bool, tolerance: float, interpolation: Any, reset_controls: bool,
    ) -> bool:  # fmt: skip
        """Solves the jaw alone back."""
        times, values = anim_sequence._curves.get("ctrl_expressions_jawopen", ([], []))
        first = in_ticks(movie_scene_section._sequence(), start_frame, 0.0, time_unit)
        for time, value in zip(times, values, strict=True):
            tick = first + round(time * float(movie_scene_section._sequence()._tick))
            movie_scene_section._channels["CTRL_C_jaw.Y"].add(tick, value, interpolation)
        return bool(times)

    @staticmethod
    def find_or_create_control_rig_track(
        world: Any, level_sequence: Any, control_rig_class: Any, binding: Any, is_layered_control_rig: bool
    ) -> Any:
        record = binding._binding()
        if record is None or level_sequence._read_only or not hasattr(control_rig_class, "_board"):
            return None
        for track in record.tracks:
            if isinstance(track, MovieSceneControlRigParameterTrack) and track._rig_class == control_rig_class:
                return track
        if EDITOR.commandlet:  # it closes the open menus first, of Slate, which a commandlet has not (second look, B1)
            raise EditorCrash("find_or_create_control_rig_track without Slate")
        if EDITOR.sequence is None:  # PinWright/pinwright-ue expects this line in its tests
            EDITOR.log.add("Error", "LogControlRig: Error: Can not open Sequencer for the LevelSequence None")
        track = binding.add_track(MovieSceneControlRigParameterTrack)
        made = track._put(control_rig_class, is_layered_control_rig)
        EDITOR.shown_at_rigs.append(EDITOR.focused)
        if EDITOR.sequence is not None:  # whichever it is (second look, B2)
            EDITOR.selected_sections = list(track._sections)
        return made

    @staticmethod
    def get_control_rigs(level_sequence: Any) -> Any:
        """Walks the tracks: the sequence need not be open (second look, A1)."""
        found = []
        if EDITOR.rigs_need_sequencer and level_sequence not in (EDITOR.sequence, EDITOR.focused):
            return []
        for guid, record in level_sequence._bindings.items():
            for track in record.tracks:
                if isinstance(track, MovieSceneControlRigParameterTrack) and track._rig is not None:
                    made = ControlRigSequencerBindingProxy()
                    made._values.update(proxy=proxy(level_sequence, guid), control_rig=track._rig, track=track)
                    found.append(made)
        return found

    @staticmethod
    def get_controls_mask(section: Any, control_name: Any) -> bool:
        return str(control_name).lower() not in section._hidden

    @staticmethod
    def set_controls_mask(section: Any, control_names: Any, visible: bool) -> None:
        section._touch()
        names = {str(name).lower() for name in control_names}
        section._hidden = section._hidden - names if visible else section._hidden | names

    @staticmethod
    def show_all_controls(section: Any) -> None:
        section._touch()
        section._hidden = set()

    @staticmethod
    def hide_all_controls(section: Any) -> None:
        section._touch()
        section._hidden = {name.partition(".")[0].lower() for name in section._channels}

    @staticmethod
    def is_fk_control_rig(control_rig: Any) -> bool:
        return isinstance(control_rig, FKControlRig)

    @staticmethod
    def is_layered_control_rig(control_rig: Any) -> bool:
        return control_rig._outer._layered

    @staticmethod
    def set_local_control_rig_float(
        level_sequence: Any,
        control_rig: Any,
        control_name: Any,
        frame: Any,
        value: float,
        time_unit: Any,
        set_key: bool,
    ) -> None:
        if set_key:
            _key(level_sequence, control_rig, control_name, [frame], [(value,)], time_unit, "float")

    @staticmethod
    def set_local_control_rig_floats(
        level_sequence: Any, control_rig: Any, control_name: Any, frames: Any, values: Any, time_unit: Any
    ) -> None:
        rows = [(value,) for value in values._items]
        _key(level_sequence, control_rig, control_name, frames._items, rows, time_unit, "float")

    @staticmethod
    def set_local_control_rig_vector2d(
        level_sequence: Any, control_rig: Any, control_name: Any, frame: Any, value: Any, time_unit: Any, set_key: bool
    ) -> None:
        if set_key:
            row = (value._values["x"], value._values["y"])
            _key(level_sequence, control_rig, control_name, [frame], [row], time_unit, "vector2d")

    @staticmethod
    def set_local_control_rig_vector2_ds(
        level_sequence: Any, control_rig: Any, control_name: Any, frames: Any, values: Any, time_unit: Any
    ) -> None:
        rows = [(value._values["x"], value._values["y"]) for value in values._items]
        _key(level_sequence, control_rig, control_name, frames._items, rows, time_unit, "vector2d")

    @staticmethod
    def get_local_control_rig_float(
        level_sequence: Any, control_rig: Any, control_name: Any, frame: Any, time_unit: Any
    ) -> float:
        return _read(level_sequence, control_rig, control_name, [frame], time_unit)[0][0]

    @staticmethod
    def get_local_control_rig_floats(
        level_sequence: Any, control_rig: Any, control_name: Any, frames: Any, time_unit: Any
    ) -> Any:
        return [row[0] for row in _read(level_sequence, control_rig, control_name, frames._items, time_unit)]

    @staticmethod
    def get_local_control_rig_vector2_ds(
        level_sequence: Any, control_rig: Any, control_name: Any, frames: Any, time_unit: Any
    ) -> Any:
        found = _read(level_sequence, control_rig, control_name, frames._items, time_unit)
        return [Vector2D(*(row if len(row) == 2 else (row[0], 0.0))) for row in found]

    @staticmethod
    def export_anim_sequence_from_sequencer(
        anim_sequence: Any, export_option: Any, binding: Any, create_link: bool
    ) -> bool:
        sequence = EDITOR.focused
        return sequence is not None and EDITOR.bake(sequence, anim_sequence, export_option, binding)

    @staticmethod
    def smart_reduce(movie_scene_section: Any) -> Any:
        return SmartReduceParams() if EDITOR.sequence is not None else None


def _evaluated(sequence: Any, rig: Any, name: Any) -> tuple[Any, Any]:
    """(section to key, control) of an open sequence, (None, None) where the real call does nothing."""
    control = rig.get_hierarchy()._controls().get(str(name).lower())
    if control is None or EDITOR.sequence is None or sequence not in (EDITOR.sequence, EDITOR.focused):
        return None, None
    track = rig._outer
    return (track._to_key or (track._sections[0] if track._sections else None)), control


def _key(sequence: Any, rig: Any, name: Any, frames: list[Any], rows: list[Any], unit: Any, kind: str) -> None:
    section, control = _evaluated(sequence, rig, name)
    if len(frames) != len(rows):
        raise Exception("Number of frames and values must be the same")
    if section is None or control.kind != kind or section._values["is_locked"]:
        return
    section._touch()
    mode = MovieSceneKeyInterpolation.LINEAR if EDITOR.linear_keys else MovieSceneKeyInterpolation.AUTO
    for frame, row in zip(frames, rows, strict=True):
        tick = in_ticks(sequence, frame, 0.0, unit)
        for channel, number in zip(control.channels, control.held(*row), strict=True):
            section._channels[channel].put(tick, number, mode)


def _read(sequence: Any, rig: Any, name: Any, frames: list[Any], unit: Any) -> list[tuple[float, ...]]:
    section, control = _evaluated(sequence, rig, name)
    if section is None:
        return [(0.0,) for _ in frames]
    ticks = [in_ticks(sequence, frame, 0.0, unit) for frame in frames]
    return [
        control.held(*(blending.shown(section._outer, channel, tick) for channel in control.channels)) for tick in ticks
    ]
