"""Classes that Python gives to the editor: @unreal.uclass, uproperty, ufunction."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from .bind import api
from .convert import TYPES, giving, taking, zero
from .objects import Object
from .signatures import type_of
from .state import EDITOR
from .values import _Elements, copy_value


class PropertyDef:
    """What `unreal.uproperty` gives: the type and the meta data of a property."""

    def __init__(self, type: Any, meta: Any, getter: Any, setter: Any) -> None:
        self.kind = _kind(type)
        self.meta = dict(meta or {})


class FunctionDef:
    """What `unreal.ufunction` makes of a function."""

    def __init__(
        self,
        func: Any,
        meta: Any,
        ret: Any,
        params: Any,
        override: Any,
        static: Any,
        pure: Any,
        getter: Any,
        setter: Any,
    ) -> None:
        self.function = func
        self.meta = dict(meta or {})
        self.returns = ret
        self.parameters = [_kind(one) for one in params or ()]
        self.override, self.static, self.pure = bool(override), bool(static), bool(pure)


def _kind(type: Any) -> Any:
    """The type of a property as a signature writes it: `str`, `unreal.Array(str)`, a class."""
    if isinstance(type, _Elements):
        return type_of(f"{type.__class__.__name__}[{_name(type._kind)}]")
    if type not in (bool, int, float, str) and getattr(type, "__name__", "") not in TYPES:
        raise TypeError(f"{type!r} is no type that a property can have")
    return type_of(type.__name__)


def _name(node: Any) -> str:
    return getattr(node, "id", "object")


def uclass() -> Callable[[type], type]:
    """The decorator of a class."""

    def mark(type: type) -> type:
        generate_class(type)
        return type

    return mark


def uproperty(type: Any, meta: Any = None, getter: Any = None, setter: Any = None) -> Any:
    return PropertyDef(type, meta, getter, setter)


def ufunction(
    meta: Any = None,
    ret: Any = None,
    params: Any = None,
    override: Any = None,
    static: Any = None,
    pure: Any = None,
    getter: Any = None,
    setter: Any = None,
) -> Callable[[Any], FunctionDef]:
    def mark(func: Any) -> FunctionDef:
        return FunctionDef(func, meta, ret, params, override, static, pure, getter, setter)

    return mark


@api
def generate_class(class_type: type) -> None:
    made: Any = class_type
    if not issubclass(made, Object):
        raise Exception(f"{made.__name__} does not derive from an Unreal class")
    made._lasting = True
    made._kinds, made._ways = dict(made._kinds), dict(made._ways)
    made._metas, made._functions = dict(made._metas), dict(made._functions)
    for name, item in list(vars(made).items()):
        if isinstance(item, PropertyDef):
            made._kinds[name], made._ways[name], made._metas[name] = item.kind, "RW", item.meta
            setattr(made, name, _attribute(name))
        elif isinstance(item, FunctionDef):
            _check(made, name, item)
            made._functions[name] = item
            setattr(made, name, staticmethod(item.function) if item.static else item.function)
    TYPES[made.__name__] = made
    EDITOR.classes[made.__name__] = made


def _check(made: Any, name: str, item: FunctionDef) -> None:
    takes = [one for one in inspect.signature(item.function).parameters.values() if one.kind is not one.VAR_KEYWORD]
    count = len(takes) - (0 if item.static else 1)
    if item.override:
        if not any(hasattr(base, name) for base in made.__mro__[1:]):
            raise Exception(f"{made.__name__}.{name} overrides nothing")
    elif count != len(item.parameters):
        raise Exception(f"{made.__name__}.{name}: {len(item.parameters)} params for {count} arguments")
    if item.meta.get("CallInEditor") and (item.parameters or item.static):
        raise Exception(f"{made.__name__}.{name}: a button takes no arguments")


def _attribute(name: str) -> property:
    def get(self: Any) -> Any:
        EDITOR.state.check_thread(name)
        if name not in self._values:
            self._values[name] = zero(self._kinds[name])
        return giving(self._kinds[name])(copy_value(self._values[name]))

    def put(self: Any, value: Any) -> None:
        EDITOR.state.check_thread(name)
        kind = self._kinds[name]
        self._values[name] = taking(kind, nullable=zero(kind) is None)(value)

    return property(get, put)


def call(made: Any, name: str, *arguments: Any) -> Any:
    """Calls a static ufunction as a Blueprint node does: a result of another type than announced is lost."""
    item = made._functions[name]
    values = [taking(kind)(value) for kind, value in zip(item.parameters, arguments, strict=False)]
    with EDITOR.state.plugin_code():
        result = item.function(*values)
    if item.returns is None:
        return None
    try:
        return taking(_kind(item.returns))(result)
    except TypeError:
        EDITOR.log.add("Error", f"{made.__name__}.{name} returned a {type(result).__name__}")
        return None


@api
def new_object(type: Any, outer: Any, name: Any, base_type: Any) -> Any:
    kind = type._python if hasattr(type, "_python") else type
    return kind(outer, str(name) or "None")


@api
def get_default_object(type: Any) -> Any:
    if hasattr(type, "_class_path"):  # a class that an asset makes
        return type._default()
    return type.get_default_object() if hasattr(type, "get_default_object") else None


@api
def flush_generated_type_reinstancing() -> None:
    """Nothing waits here."""
