"""The controls of a rig as its hierarchy shows them: kinds, limits, values."""

from __future__ import annotations

from typing import Any

from . import boards
from .enums import RigControlType, RigControlValueType, RigElementType
from .objects import Object
from .structs import Quat, Transform, Vector2D
from .values import Name, StructBase

_TYPES = {
    "float": RigControlType.FLOAT,
    "vector2d": RigControlType.VECTOR2D,
    "bool": RigControlType.BOOL,
    "transform": RigControlType.EULER_TRANSFORM,
}


class RigElementKey(StructBase):
    pass


class RigControlLimitEnabled(StructBase):
    pass


class RigControlValue(StructBase):
    """A value of any kind; Python cannot look in."""


class RigControlSettings(StructBase):
    pass


class RigBaseElement(StructBase):
    pass


class RigTransformElement(RigBaseElement):
    pass


class RigMultiParentElement(RigTransformElement):
    pass


class RigControlElement(RigMultiParentElement):
    pass


def _value(numbers: tuple[float, ...]) -> Any:
    made = RigControlValue()
    made._values["_numbers"] = tuple(numbers)
    return made


def _numbers(value: Any) -> tuple[float, ...]:
    return value._values.get("_numbers", (0.0, 0.0))


class RigHierarchy(Object):
    """The controls of a rig."""

    def _set_up(self) -> None:
        self._board = "mh4"
        self._limited: dict[str, boards.Control] = {}  # by the user, on this rig
        self._current: dict[str, Any] = {}

    def _controls(self) -> dict[str, boards.Control]:
        return {**boards.controls(self._board), **self._limited} if self._board else {}

    def _find(self, key: Any) -> boards.Control | None:
        if key._values["type"] is not RigElementType.CONTROL:
            return None
        return self._controls().get(str(key._values["name"]).lower())

    def get_controls(self, traverse: bool) -> Any:
        return [RigElementKey(RigElementType.CONTROL, one.name) for one in self._controls().values()]

    def contains(self, key: Any) -> bool:
        return self._find(key) is not None

    def find_control(self, key: Any) -> Any:
        found, made = self._find(key), RigControlElement()
        if found is not None:
            made._values.update(key=key, settings=_settings(found))
        return made

    def get_control_value(self, key: Any, value_type: Any) -> Any:
        found = self._find(key)
        if found is None:
            return _value((0.0, 0.0))
        if value_type is RigControlValueType.MINIMUM:
            return _value(found.lowest)
        if value_type is RigControlValueType.MAXIMUM:
            return _value(found.highest)
        return self._current.get(found.name, _value((0.0,) * max(1, len(found.lowest))))

    def get_global_transform(self, key: Any, initial: bool) -> Any:
        """Of a control at rest, in the space of the rig; the identity for an unknown one (docs)."""
        found, made = self._find(key), Transform()
        made._values["rotation"] = Quat(*(found.rest if found is not None else (0.0, 0.0, 0.0, 1.0)))
        return made

    def set_control_value(
        self, key: Any, value: Any, value_type: Any, setup_undo: bool, print_python_commands: bool
    ) -> None:
        found = self._find(key)
        if found is not None:
            self._current[found.name] = value

    def is_controller_available(self) -> bool:
        return True

    def get_controller(self, create_if_needed: bool) -> Any:
        made = RigHierarchyController(self, "Controller").__dict__["_self"]
        return made

    @staticmethod
    def get_float_from_control_value(value: Any) -> float:
        return _numbers(value)[0]

    @staticmethod
    def get_vector2d_from_control_value(value: Any) -> Any:
        numbers = _numbers(value)
        return Vector2D(*(numbers if len(numbers) == 2 else (numbers[0], 0.0)))

    @staticmethod
    def make_control_value_from_float(value: float) -> Any:
        return _value((value,))

    @staticmethod
    def make_control_value_from_vector2d(value: Any) -> Any:
        return _value((value._values["x"], value._values["y"]))


def _settings(control: boards.Control) -> Any:
    made = RigControlSettings()
    bounded = RigControlLimitEnabled(not control.free, not control.free)
    made._put("limit_enabled", [bounded for _ in control.lowest])
    made._values.update(
        control_type=_TYPES[control.kind],
        display_name=Name(control.name),
        minimum_value=_value(control.lowest),
        maximum_value=_value(control.highest),
    )
    return made


class RigHierarchyController(Object):
    def get_control_settings(self, key: Any) -> Any:
        found = self._outer._find(key)
        return _settings(found) if found is not None else RigControlSettings()
