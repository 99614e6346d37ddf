"""Objects: identity, names, properties; wrappers that die with the tick, the level or the asset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .bind import bound, property_error
from .convert import TYPES, canonical, giving, taking, wrapper, zero
from .playing import PLAYING
from .signatures import CLASSES, type_of
from .state import EDITOR, copied
from .values import Name, _WrapperBase, copy_value, stored


class _ObjectMeta(type):
    """Binds the methods of a class by the stub's signatures and gives it the stub's properties."""

    def __new__(mcs, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> Any:
        said = CLASSES.get(name) if str(body.get("__module__", "")).startswith("unreal.") else None
        if said:
            for one, item in list(body.items()):
                if not one.startswith("_") and (callable(item) or isinstance(item, (staticmethod, classmethod))):
                    body[one] = bound(name, one, item)
            for one, way in said["attributes"].items():
                body[one] = _attribute(one, way)
        made: Any = super().__new__(mcs, name, bases, body)
        if said:
            made._kinds = dict(getattr(made, "_kinds", {}))
            made._ways = dict(getattr(made, "_ways", {}))
            for one, (kind, way) in said["properties"].items():
                made._kinds[one], made._ways[one] = type_of(kind), way
            TYPES[name] = made
        elif name == "_ObjectBase":
            TYPES[name] = made
        return made

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__call__(*args, **kwargs)
        made._post_init()
        return wrapper(made)


def camel(name: str) -> str:
    """A property as C++ names it."""
    return "".join(part.title() for part in name.split("_"))


def _attribute(name: str, way: str) -> property:
    def get(self: Any) -> Any:
        return self.get_editor_property(name)

    def put(self: Any, value: Any) -> None:
        self.set_editor_property(name, value)

    return property(get, put if way == "RW" else None)


class _ObjectBase(_WrapperBase, metaclass=_ObjectMeta):
    """What all objects have. The state lies in `__dict__`, which all wrappers of one object share."""

    __slots__ = ("__dict__", "__weakref__", "_generation")
    _lasting = False  # may Python keep it between ticks
    _kinds: ClassVar[dict[str, Any]] = {}
    _ways: ClassVar[dict[str, str]] = {}
    _metas: ClassVar[dict[str, dict[str, str]]] = {}  # of properties that Python declared
    _functions: ClassVar[dict[str, Any]] = {}  # ufunctions
    _outer: Any
    if TYPE_CHECKING:  # the state that the classes keep

        def __getattr__(self, name: str) -> Any: ...

    def __init__(self, outer: Any = None, name: Any = "None") -> None:
        EDITOR.state.check_thread(type(self).__name__)
        EDITOR.state.made()
        self._generation = None
        self._self = self
        self._outer = canonical(outer) if outer is not None else None
        plain = str(name)
        self._name = EDITOR.state.unique_name(type(self).__name__) if plain in ("", "None") else plain
        self._values: dict[str, Any] = {}
        self._set_up()

    def _set_up(self) -> None:
        """What a new object of the class starts with."""

    def _post_init(self) -> None:
        pass

    def _checked(self) -> Any:
        return canonical(self)

    def _touch(self) -> None:
        EDITOR.state.touch(self)

    def _kill(self, why: str) -> None:
        vars(self)["_dead"] = why

    def _path(self) -> str:
        if "_package" in self.__dict__:
            return f"{self._package}.{self._name}"
        if self._outer is None:
            return f"/Engine/Transient.{self._name}"
        return f"{self._outer._path()}{':' if '_package' in self._outer.__dict__ else '.'}{self._name}"

    def _duplicate(self) -> Any:
        made = type(self)()
        vars(made).update(copied({k: v for k, v in vars(self).items() if k not in ("_self", "_wrapper")}))
        return made

    @classmethod
    def cast(cls, object: object) -> Any:
        if not isinstance(object, cls):
            raise TypeError(f"Cannot cast type '{type(object).__name__}' to '{cls.__name__}'")
        return object

    @classmethod
    def get_default_object(cls) -> Any:
        return cls(name=f"Default__{cls.__name__}")

    @classmethod
    def static_class(cls) -> Any:
        return _class_of(cls)

    def get_class(self) -> Any:
        return self.__dict__.get("_made_by") or _class_of(type(self))

    def get_outer(self) -> Any:
        return self._outer

    def get_name(self) -> str:
        return self._name

    def get_fname(self) -> Any:
        return Name(self._name)

    def get_full_name(self) -> str:
        return f"{type(self).__name__} {self._path()}"

    def get_path_name(self) -> str:
        return self._path()

    def get_world(self) -> Any:
        found = self
        while found is not None and type(found).__name__ != "World":
            found = found._outer
        return found

    def modify(self, always_mark_dirty: bool = True) -> bool:
        if EDITOR.state.transaction is None:
            return False
        self._touch()
        return True

    def get_editor_property(self, name: str) -> Any:
        return self._read(name)

    def set_editor_property(self, name: str, value: Any, notify_mode: Any) -> None:
        self._write(name, value)

    def set_editor_properties(self, properties: Any) -> None:
        for name, value in properties.items():
            self._write(str(name), value)

    def call_method(self, name: str) -> Any:
        return getattr(self, name)()

    def _read(self, name: str) -> Any:
        if name not in self._kinds:
            raise property_error(type(self).__name__, name)
        self._check_property(name, "read")
        if name not in self._values:
            self._values[name] = zero(self._kinds[name])
        reader = getattr(self, f"_get_{name}", None)
        value = reader() if reader else self._values[name]
        return giving(self._kinds[name])(copy_value(value))

    def _write(self, name: str, value: Any) -> None:
        if name not in self._kinds:
            raise property_error(type(self).__name__, name)
        self._check_property(name, "written")
        if self._ways[name] == "RO":
            raise Exception(f"{type(self).__name__}: Property '{name}' is read-only and cannot be set")
        kind = self._kinds[name]
        try:
            taken = taking(kind, nullable=zero(kind) is None)(value)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}: Failed to convert type for property '{name}': {error}") from None
        self._touch()
        self._values[name] = stored(taken)
        writer = getattr(self, f"_set_{name}", None)
        if writer:
            writer(taken)

    def _check_property(self, name: str, done: str) -> None:
        """What the editor says of a property that it hides, or that is on its way out."""
        own = type(self).__name__
        said = f"{own}: Property '{camel(name)}' for attribute '{name}' on '{own}' is"
        if self._ways[name] == "protected":
            raise Exception(f"{said} protected and cannot be {done}")
        if PLAYING.deprecated and any(f"{one.__name__}.{name}" in PLAYING.deprecated for one in type(self).__mro__):
            EDITOR.log.add("Warning", f"DeprecationWarning: {said} deprecated")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ObjectBase) and self.__dict__ is other.__dict__

    def __hash__(self) -> int:
        return id(self.__dict__)

    def __repr__(self) -> str:
        return f"<Object '{self.__dict__.get('_name')}' Class '{type(self).__name__}'>"


class Object(_ObjectBase):
    """Base of all classes of Unreal."""


class Field(Object):
    pass


class Struct(Field):
    pass


class Class(Struct):
    """A class as a value; `_python` is its type."""

    _lasting = True
    _python: type

    def _set_up(self) -> None:
        self._python = Object

    def _parts(self) -> list[Any]:
        """The components that its actors get."""
        actor = self._python(name=f"{self._name}_Parts").__dict__["_self"]
        self.__dict__.get("_build", lambda one: None)(actor)
        return list(actor.__dict__.get("_components", ()))

    def _default(self) -> Any:
        """Its default object."""
        if "_cdo" not in self.__dict__:
            self._cdo = self._python(name=f"Default__{self._name}").__dict__["_self"]
        return self._cdo

    def _path(self) -> str:
        return self.__dict__.get("_class_path") or f"/Script/{CLASSES[self._name]['module']}.{self._name}"

    def get_class_path_name(self) -> Any:
        return TYPES["TopLevelAssetPath"](self._path())


def _class_of(python: type) -> Any:
    """The one Class of a Python type."""
    known = EDITOR.state.class_objects
    if python not in known:
        made = Class(name=python.__name__)
        made._python = python
        if python.__name__ not in CLASSES:
            made._class_path = f"/Engine/PythonTypes.{python.__name__}"
        known[python] = made
    return known[python]


def new_class(name: str, python: type, path: str) -> Any:
    """A class that an asset makes: a Blueprint's, a control rig's."""
    made = Class(name=name)
    made._python = python
    made._class_path = path
    return made


class Package(Object):
    pass


class World(Object):
    """The map that is open."""


class Level(Object):
    pass


class Interface(Object):
    pass


class BlueprintFunctionLibrary(Object):
    """Base of libraries of static functions."""


class Subsystem(Object):
    _lasting = True


class EditorSubsystem(Subsystem):
    pass


class EngineSubsystem(Subsystem):
    pass
