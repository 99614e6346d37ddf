"""Wraps what a class of the stand-in defines, so that a call is bound and checked by the signature of the stub."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

from . import convert
from .convert import TYPES, giving, taking
from .playing import PLAYING
from .signatures import CLASSES, FUNCTIONS, Signature, parse
from .state import EDITOR, EditorCrash

_MISSING = object()


def nullable(*names: str) -> Callable[[Any], Any]:
    """These parameters of a function take None for "no object"."""

    def mark(function: Any) -> Any:
        getattr(function, "__func__", function)._nullable = names
        return function

    return mark


def raw(function: Any) -> Any:
    """This function looks at objects that are gone, too."""
    function._raw = True
    return function


class _Binder:
    """Turns the arguments of a call into what the body wants, in order."""

    def __init__(self, label: str, text: str, nullables: tuple[str, ...] = ()) -> None:
        self.label = label
        self.text = text
        self.nullables = nullables
        self.defaults: dict[int, Any] = {}

    @functools.cached_property
    def signature(self) -> Signature:
        return parse(self.text)

    @functools.cached_property
    def names(self) -> list[str]:
        return [parameter.name for parameter in self.signature.parameters]

    @functools.cached_property
    def takes(self) -> list[Callable[[Any], Any]]:
        return [
            taking(parameter.type, nullable=parameter.default == "None" or parameter.name in self.nullables)
            for parameter in self.signature.parameters
        ]

    @functools.cached_property
    def gives(self) -> Callable[[Any], Any]:
        return giving(self.signature.returns)

    def default(self, index: int) -> Any:
        source = self.signature.parameters[index].default
        if source is None:
            raise TypeError(f"{self.label}() required argument '{self.names[index]}' (pos {index + 1}) not found")
        if index not in self.defaults:
            try:
                self.defaults[index] = self.takes[index](eval(source, dict(TYPES)))
            except NameError:  # an enum that the stand-in does not play
                self.defaults[index] = None
        value = self.defaults[index]
        return value._copied() if hasattr(value, "_copied") else value

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        takes = self.takes
        earlier = PLAYING.earlier.get(self.label, self.text)
        if earlier != self.text:  # of which these are a continuation
            values = _Binder(self.label, earlier, self.nullables)(args, kwargs)
            return [*values, *(self.default(index) for index in range(len(values), len(takes)))]
        if len(args) > len(takes):
            if self.signature.rest:
                return [*self(args[: len(takes)], kwargs), *args[len(takes) :]]
            raise TypeError(f"{self.label}() takes at most {len(takes)} arguments ({len(args)} given)")
        values = []
        for index, value in enumerate(args):
            values.append(self.take(index, value))
        used = 0
        for index in range(len(args), len(takes)):
            value = kwargs.get(self.names[index], _MISSING)
            if value is _MISSING:
                values.append(self.default(index))
            else:
                used += 1
                values.append(self.take(index, value))
        if used != len(kwargs):
            wrong = next((name for name in kwargs if name not in self.names[len(args) :]), "")
            raise TypeError(f"{self.label}(): '{wrong}' is an invalid keyword argument for this function")
        return values

    def take(self, index: int, value: Any) -> Any:
        try:
            return self.takes[index](value)
        except TypeError as error:
            raise TypeError(
                f"{self.label}: Failed to convert parameter '{self.names[index]}' when calling function: {error}"
            ) from None


def bound(owner: str, name: str, item: Any) -> Any:
    """The function `name` of a class body, wrapped."""
    static = isinstance(item, (staticmethod, classmethod))
    function = item.__func__ if static else item
    said = CLASSES[owner]
    if static != (name in said["static"]):
        raise TypeError(f"{owner}.{name} is {'not ' if static else ''}static in the stub")
    code = function.__code__
    names = list(code.co_varnames[: code.co_argcount])[0 if isinstance(item, staticmethod) else 1 :]
    wanted = [parameter.name for parameter in parse(said["methods"][name]).parameters]
    if names != wanted:
        raise TypeError(f"{owner}.{name} takes {wanted} in the stub, not {names}")
    label = f"{owner}.{name}"
    binder = _Binder(label, said["methods"][name], getattr(function, "_nullable", ()))
    crosses = _crossing(label, function, binder)
    if getattr(function, "_raw", False):

        def look(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return staticmethod(look) if static else look
    if isinstance(item, staticmethod):

        def call_static(*args: Any, **kwargs: Any) -> Any:
            return crosses((), args, kwargs)

        return staticmethod(functools.wraps(function)(call_static))
    if isinstance(item, classmethod):

        def call_class(cls: Any, *args: Any, **kwargs: Any) -> Any:
            return crosses((cls,), args, kwargs)

        return classmethod(functools.wraps(function)(call_class))

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return crosses((self._checked(),), args, kwargs)

    return functools.wraps(function)(call)


def _crossing(label: str, function: Any, binder: _Binder) -> Callable[..., Any]:
    def crosses(first: tuple[Any, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        editor = EDITOR.state
        if threading.get_ident() != editor.thread:
            raise EditorCrash(f"{label} was called off the game thread")
        values = binder(args, kwargs)
        if editor.depth == 0:
            editor.calls[label] += 1
            if label in PLAYING.deprecated:
                owner, _, name = label.partition(".")
                editor.log.add("Warning", f"DeprecationWarning: {owner}: Function '{name}' on '{owner}' is deprecated")
        editor.depth += 1
        try:
            result = function(*first, *values)
        finally:
            editor.depth -= 1
        return binder.gives(result)

    return crosses


def api(function: Any) -> Any:
    """A function of the module `unreal`."""
    name = function.__name__
    code = function.__code__
    wanted = [parameter.name for parameter in parse(FUNCTIONS[name]).parameters]
    if list(code.co_varnames[: code.co_argcount]) != wanted:
        raise TypeError(f"unreal.{name} takes {wanted} in the stub")
    crosses = _crossing(name, function, _Binder(name, FUNCTIONS[name], getattr(function, "_nullable", ())))

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return crosses((), args, kwargs)

    return call


def property_error(owner: str, name: str) -> Exception:
    return Exception(f"{owner}: Failed to find property '{name}' for attribute '{name}' on '{owner}'")


__all__ = ["api", "bound", "convert", "nullable", "property_error", "raw"]
