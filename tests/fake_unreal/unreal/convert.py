"""What crosses the border between Python and the editor: arguments in (checked, copied), results out (wrapped).

As strict as the real border where it is strict, and stricter where it is kind: no int for a FrameNumber, no bool for a
number, no None for an object that the call needs.
"""

from __future__ import annotations

import ast
import functools
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from .state import EDITOR, EditorCrash

TYPES: dict[str, Any] = {}
"""Every type of the stand-in by name; the meta classes fill it."""

Converter = Callable[[Any], Any]
_NUMBERS = {"int", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "int8", "int16"}


def refuse(value: Any, wanted: str) -> TypeError:
    return TypeError(f"Cannot nativize '{type(value).__name__}' as '{wanted}'")


def canonical(value: Any) -> Any:
    """The object behind a wrapper that Python holds. Raises EditorCrash for one that the editor has thrown away."""
    state = value.__dict__
    made = value._generation
    if made is not None and made != EDITOR.state.generation:
        raise EditorCrash(f"{state['_name']} ({type(value).__name__}) was kept from an earlier tick or menu click")
    if "_dead" in state:
        raise EditorCrash(f"{state['_name']} ({type(value).__name__}) was used after it was gone: {state['_dead']}")
    return state["_self"]


def wrapper(value: Any) -> Any:
    """What Python gets for an object. Plugin code must not keep it beyond the tick or click in which it got it."""
    if value is None or value._lasting:
        return value
    editor = EDITOR.state
    if not editor.scope:
        return value.__dict__["_self"]
    state = value.__dict__
    made, reference = state.get("_wrapper", (None, None))
    twin = reference() if reference is not None and made == editor.generation else None
    if twin is None:
        twin = object.__new__(type(value))
        twin.__dict__ = state
        twin._generation = editor.generation
        reference = weakref.ref(twin)
        state["_wrapper"] = (editor.generation, reference)
        editor.handed.append(reference)
    return twin


def _float(value: Any) -> float:
    if isinstance(value, (float, int)) and not isinstance(value, bool):
        return float(value)
    raise refuse(value, "float")


def _int(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        if not -(2**63) <= value < 2**64:
            raise OverflowError(f"{value} does not fit an integer of Unreal")
        return value
    raise refuse(value, "int")


def _int32(value: Any) -> int:
    if not -(2**31) <= _int(value) < 2**31:
        raise OverflowError(f"{value} does not fit an int32")
    return value


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise refuse(value, "bool")


def _str(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, TYPES["Name"]):
        return str(value)
    raise refuse(value, "str")


def _any(value: Any) -> Any:
    return value


def _callable(value: Any) -> Any:
    if not callable(value):
        raise refuse(value, "Callable")
    return value


def _class(value: Any) -> Any:
    if isinstance(value, TYPES["Class"]):
        return value
    if isinstance(value, type) and issubclass(value, TYPES["Object"]):
        return value.static_class()
    raise refuse(value, "Class")


def _type(value: Any) -> type:
    if isinstance(value, type):
        return value
    raise refuse(value, "type")


def _object(kind: type, value: Any) -> Any:
    if isinstance(value, kind):
        return canonical(value)
    raise refuse(value, kind.__name__)


def _struct(kind: Any, value: Any) -> Any:
    if isinstance(value, kind):
        return value.copy()
    if isinstance(value, Mapping):
        return kind(**{str(key): one for key, one in value.items()})
    if isinstance(value, (tuple, list)):
        return kind(*value)
    raise refuse(value, kind.__name__)


def _enum(kind: type, value: Any) -> Any:
    if isinstance(value, kind):
        return value
    raise refuse(value, kind.__name__)


_SIMPLE: dict[str, Converter] = {
    **dict.fromkeys(_NUMBERS, _int),
    "int": _int32,
    "int32": _int32,
    "float": _float,
    "double": _float,
    "bool": _bool,
    "str": _str,
    "object": _any,
    "Any": _any,
    "type": _type,
    "Class": _class,
}


def taking(node: ast.expr, nullable: bool = False) -> Converter:
    """The check of an argument of a type."""
    take = _taking(ast.unparse(node))
    return _or_none(take) if nullable else take


def _or_none(take: Converter) -> Converter:
    return lambda value: None if value is None else take(value)


@functools.cache
def _taking(text: str) -> Converter:
    node = ast.parse(text, mode="eval").body
    if isinstance(node, ast.Constant) and node.value is None:
        return _any
    if isinstance(node, ast.Name):
        if node.id in _SIMPLE:
            return _SIMPLE[node.id]
        if node.id in ("Name", "Text"):
            return TYPES[node.id]._taken
        kind = TYPES.get(node.id)
        if kind is None:
            return _any  # a type that the stand-in does not play
        if issubclass(kind, TYPES["EnumBase"]):
            return functools.partial(_enum, kind)
        if issubclass(kind, TYPES["StructBase"]):
            return functools.partial(_struct, kind)
        return functools.partial(_object, kind)
    assert isinstance(node, ast.Subscript), text
    outer = ast.unparse(node.value)
    inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if outer == "Callable":
        return _callable
    if outer in ("Array", "Set"):
        return functools.partial(TYPES[outer]._taken, inner[0])
    if outer == "Map":
        return functools.partial(_map, inner)
    if outer == "Optional":
        return _or_none(taking(inner[0]))
    if outer == "Union":
        return functools.partial(_union, tuple(ast.unparse(one) for one in inner))
    return _any  # Mapping, Iterable, type[...]: glue code that checks itself


def _map(inner: list[ast.expr], value: Any) -> dict[Any, Any]:
    if not isinstance(value, Mapping):
        raise refuse(value, "Map")
    return {taking(inner[0])(key): taking(inner[1])(one) for key, one in value.items()}


def _union(kinds: tuple[str, ...], value: Any) -> Any:
    for kind in kinds:
        try:
            return _taking(kind)(value)
        except TypeError:
            continue
    raise refuse(value, " or ".join(kinds))


def giving(node: ast.expr) -> Converter:
    """How a result of a type reaches Python."""
    return _giving(ast.unparse(node))


@functools.cache
def _giving(text: str) -> Converter:
    node = ast.parse(text, mode="eval").body
    if isinstance(node, ast.Subscript):
        outer = ast.unparse(node.value)
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if outer in ("Array", "Set"):
            return functools.partial(TYPES[outer]._given, inner[0])
        if outer == "Tuple":
            parts = [giving(one) for one in inner]
            return lambda value: tuple(give(one) for give, one in zip(parts, value, strict=True))
        if outer == "Optional":
            return _or_none(giving(inner[0]))
        return _give_any
    if isinstance(node, ast.Name):
        if node.id in ("Name", "Text"):
            return TYPES[node.id]._taken
        if node.id in ("float", "double"):
            return float
        if node.id in ("int", "int32", "bool", "str", "Class"):
            return _any
    return _give_any


def _give_any(value: Any) -> Any:
    if isinstance(value, TYPES["_ObjectBase"]):
        return wrapper(value)
    if isinstance(value, TYPES["StructBase"]):
        return value.copy()
    return value


def zero(node: ast.expr) -> Any:
    """The value of a property that nothing was given to."""
    if isinstance(node, ast.Subscript):
        outer = ast.unparse(node.value)
        if outer in ("Array", "Set"):
            return TYPES[outer]._taken(node.slice, ())
        return {} if outer == "Map" else None
    name = ast.unparse(node)
    if name in _NUMBERS:
        return 0
    if name in ("float", "double"):
        return 0.0
    if name in ("bool", "str"):
        return False if name == "bool" else ""
    kind = TYPES.get(name)
    if name in ("Name", "Text") and kind:
        return kind()
    if kind is not None and issubclass(kind, TYPES["StructBase"]):
        return kind()
    if kind is not None and issubclass(kind, TYPES["EnumBase"]):
        return next(iter(kind._members.values()))
    return None
