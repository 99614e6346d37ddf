"""Values that are copied: names, texts, containers, enums, structs."""

from __future__ import annotations

import ast
import copy
import weakref
from collections.abc import Callable, Iterable, Iterator, MutableSequence
from typing import TYPE_CHECKING, Any, ClassVar

from .bind import _Binder, bound, property_error
from .convert import TYPES, giving, refuse, taking, zero
from .signatures import CLASSES, type_of
from .state import EDITOR, EditorCrash


class _WrapperBase:
    """Base of all types of Unreal."""

    __slots__ = ()


class Name(_WrapperBase):
    """A name: case does not matter. It equals a str of the same letters, but it hashes otherwise."""

    __slots__ = ("_text",)

    def __init__(self, value: Name | str = "None") -> None:
        if not isinstance(value, (Name, str)):
            raise refuse(value, "Name")
        self._text = str(value) or "None"

    @classmethod
    def cast(cls, object: object) -> Name:
        return cls._taken(object)

    @classmethod
    def _taken(cls, value: Any) -> Name:
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            return cls(value)
        raise refuse(value, "Name")

    def is_none(self) -> bool:
        return self._text.lower() == "none"

    def is_valid(self) -> bool:
        return True

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f'Name("{self._text}")'

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (Name, str)) and str(other).lower() == self._text.lower()

    def __hash__(self) -> int:
        return hash(("FName", self._text.lower()))


class Text(_WrapperBase):
    """A text for people."""

    __slots__ = ("_text",)

    def __init__(self, value: Text | str = "") -> None:
        if not isinstance(value, (Text, str)):
            raise refuse(value, "Text")
        self._text = str(value)

    @classmethod
    def cast(cls, object: object) -> Text:
        return cls._taken(object)

    @classmethod
    def _taken(cls, value: Any) -> Text:
        if isinstance(value, cls):
            return value
        if isinstance(value, (str, Name)):
            return cls(str(value))
        raise refuse(value, "Text")

    def is_empty(self) -> bool:
        return not self._text

    def format(self, *args: Any, **named_args: Any) -> Text:
        return Text(self._text.format(*args, **named_args))

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f'Text("{self._text}")'

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (Text, str)) and str(other) == self._text

    def __hash__(self) -> int:
        return hash(("FText", self._text))


def _element(kind: Any) -> ast.expr:
    """The element type of `unreal.Array(str)` as a signature writes it."""
    return type_of(kind.__name__)


class _Elements(_WrapperBase):
    """What Array and Set share: elements of one type; what is taken out is a copy."""

    _kind: ast.expr
    _items: list[Any]
    _generation: int | None

    def __init__(self, type: Any) -> None:
        self._fill(_element(type), [])

    def _fill(self, kind: ast.expr, items: list[Any]) -> None:
        self._kind, self._items = kind, items
        self._generation = None

    @classmethod
    def _taken(cls, kind: ast.expr, value: Any) -> Any:
        if isinstance(value, (str, bytes)) or not hasattr(value, "__len__") or not hasattr(value, "__iter__"):
            raise refuse(value, cls.__name__)
        take = taking(kind)
        made = cls.__new__(cls)
        made._fill(kind, [take(one) for one in value])
        return made

    @classmethod
    def _given(cls, kind: ast.expr, value: Any) -> Any:
        made = cls.__new__(cls)
        made._fill(kind, list(value._items if isinstance(value, _Elements) else value))
        editor = EDITOR.state
        if editor.scope and any(isinstance(one, TYPES["_ObjectBase"]) for one in made._items[:1]):
            made._generation = editor.generation
            editor.handed.append(weakref.ref(made))
        return made

    def _checked(self) -> list[Any]:
        if self._generation is not None and self._generation != EDITOR.state.generation:
            raise EditorCrash(f"an {type(self).__name__} of objects was kept from an earlier tick or menu click")
        return self._items

    def _out(self, value: Any) -> Any:
        return giving(self._kind)(value)

    def __len__(self) -> int:
        return len(self._checked())

    def __iter__(self) -> Iterator[Any]:
        return iter([self._out(one) for one in self._checked()])

    def __contains__(self, value: Any) -> bool:
        return any(one == value for one in self._items)

    def _copied(self) -> Any:
        made = type(self).__new__(type(self))
        made._fill(self._kind, [copy_value(one) for one in self._items])
        return made

    def copy(self) -> Any:
        return self._copied()

    def __repr__(self) -> str:
        return repr(list(self))


class Array(_Elements, MutableSequence):
    """A list of one type. It is no `list`: json and isinstance see the difference."""

    def __init__(self, type: Any) -> None:
        super().__init__(type)

    def __class_getitem__(cls, item: Any) -> Any:
        return cls

    @classmethod
    def cast(cls, type: Any, obj: Iterable[Any]) -> Array:
        return cls._taken(_element(type), obj)

    def __getitem__(self, index: Any) -> Any:
        found = self._checked()[index]
        return [self._out(one) for one in found] if isinstance(index, slice) else self._out(found)

    def __setitem__(self, index: Any, value: Any) -> None:
        self._items[index] = taking(self._kind)(value)

    def __delitem__(self, index: Any) -> None:
        del self._items[index]

    def insert(self, index: int, value: Any) -> None:
        self._items.insert(index, taking(self._kind)(value))

    def sort(self, key: Callable[[Any], Any] | None = None, reverse: bool = False) -> None:
        self._items.sort(key=key, reverse=reverse)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (Array, list, tuple)) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


class Set(_Elements):
    """A set of one type."""

    def __init__(self, type: Any) -> None:
        super().__init__(type)

    def add(self, value: Any) -> None:
        value = taking(self._kind)(value)
        if value not in self._items:
            self._items.append(value)


class _EnumMeta(type):
    def __new__(mcs, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> Any:
        made: Any = super().__new__(mcs, name, bases, body)
        TYPES[name] = made
        made._members = {}
        for member, value in CLASSES.get(name, {}).get("members", {}).items():
            made._members[member] = made._make(member, value)
            setattr(made, member, made._members[member])
        return made

    def __iter__(cls: Any) -> Iterator[Any]:
        return iter(cls._members.values())

    if TYPE_CHECKING:  # the members come from the signatures

        def __getattr__(cls, name: str) -> Any: ...


class EnumBase(_WrapperBase, metaclass=_EnumMeta):
    """Base of all enums; the members come from the signatures."""

    _members: dict[str, Any]
    name: str
    value: int

    def __init__(self) -> None:
        raise TypeError(f"{type(self).__name__} has members; none is made")

    @classmethod
    def _make(cls, name: str, value: int) -> Any:
        made = cls.__new__(cls)
        made.name, made.value = name, value
        return made

    @classmethod
    def cast(cls, object: object) -> Any:
        return taking(_element(cls))(object)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}.{self.name}: {self.value}>"

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self


def copy_value(value: Any) -> Any:
    """A value as Unreal copies it: structs and containers anew, objects as they are."""
    return value._copied() if isinstance(value, (StructBase, _Elements)) else value


def stored(value: Any) -> Any:
    """A value as Unreal stores it in a property: a struct is a copy that nobody was handed."""
    made = copy_value(value)
    if isinstance(made, StructBase) and made._generation is not None:
        made._generation = None
        EDITOR.state.handed.pop()  # it was put there last
    return made


def _field(owner: str, name: str, kind: str, way: str) -> property:
    give, node = None, type_of(kind)

    def get(self: Any) -> Any:
        nonlocal give
        give = give or giving(node)
        self._checked()
        return give(copy_value(self._values[name]))

    def put(self: Any, value: Any) -> None:
        self._put(name, value)

    return property(get, put if way == "RW" else None)


class _StructMeta(type):
    def __new__(mcs, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> Any:
        body.setdefault("__slots__", ())
        said = CLASSES.get(name)
        if said and name != "StructBase":
            for one, item in list(body.items()):
                if not one.startswith("_") and (callable(item) or isinstance(item, (staticmethod, classmethod))):
                    body[one] = bound(name, one, item)
            for one, way in said["attributes"].items():
                body[one] = _field(name, one, said["properties"][one][0], way)
        made: Any = super().__new__(mcs, name, bases, body)
        if said:
            made._kinds = {one: type_of(kind) for one, (kind, _) in said["properties"].items()}
            made._ways = {one: way for one, (_, way) in said["properties"].items()}
            made._binder = _Binder(name, said["methods"].get("__init__", "() -> None"))
        TYPES[name] = made
        return made


_PLAIN = frozenset((int, float, bool, str, type(None)))  # most of what structs hold, looked at before the others


class StructBase(_WrapperBase, metaclass=_StructMeta):
    """Base of all structs: values, copied wherever they cross. The fields come from the signatures."""

    __slots__ = ("__weakref__", "_generation", "_values")
    _kinds: ClassVar[dict[str, ast.expr]] = {}
    _ways: ClassVar[dict[str, str]] = {}
    _binder: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        EDITOR.state.check_thread(type(self).__name__)
        values = dict(zip(self._binder.names, self._binder(args, kwargs), strict=True))
        self._values = {name: values[name] if name in values else zero(kind) for name, kind in self._kinds.items()}
        self._own()

    def _own(self) -> None:
        """A struct that holds an object lives no longer than the object may be held."""
        editor = EDITOR.state
        holds = editor.scope and any(
            type(one) not in _PLAIN and isinstance(one, TYPES["_ObjectBase"]) for one in self._values.values()
        )
        self._generation = editor.generation if holds else None
        if holds:
            editor.handed.append(weakref.ref(self))

    def _checked(self) -> Any:
        if self._generation is not None and self._generation != EDITOR.state.generation:
            raise EditorCrash(f"a {type(self).__name__} was kept from an earlier tick or menu click")
        return self

    def _put(self, name: str, value: Any) -> None:
        kind = self._kinds[name]
        self._values[name] = taking(kind, nullable=zero(kind) is None)(value)

    def _copied(self) -> Any:
        self._checked()
        made = object.__new__(type(self))
        made._values = {
            name: value if type(value) in _PLAIN else copy_value(value) for name, value in self._values.items()
        }
        made._own()
        return made

    @classmethod
    def cast(cls, object: object) -> Any:
        return taking(_element(cls))(object)

    def copy(self) -> Any:
        return self._copied()

    def __copy__(self) -> Any:
        return self._copied()

    def assign(self, other: object) -> None:
        self._values = type(self).cast(other)._values

    def to_tuple(self) -> tuple[Any, ...]:
        return tuple(copy.copy(self)._values.values())

    def get_editor_property(self, name: Any) -> Any:
        if str(name) not in self._kinds:
            raise property_error(type(self).__name__, str(name))
        self._checked()
        return giving(self._kinds[str(name)])(copy_value(self._values[str(name)]))

    def set_editor_property(self, name: Any, value: Any, notify_mode: Any = None) -> None:
        if str(name) not in self._kinds:
            raise property_error(type(self).__name__, str(name))
        if self._ways[str(name)] == "RO":
            raise Exception(f"{type(self).__name__}: Property '{name}' is read-only and cannot be set")
        self._put(str(name), value)

    def set_editor_properties(self, properties: Any) -> None:
        for name, value in properties.items():
            self.set_editor_property(name, value)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._values == other._values  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((type(self).__name__, *map(repr, self._values.values())))

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}: {value!r}" for name, value in self._values.items())
        return f"<Struct '{type(self).__name__}' {{{inner}}}>"


for _kind in (_WrapperBase, Name, Text, Array, Set):
    TYPES[_kind.__name__] = _kind
