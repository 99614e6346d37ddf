"""Which editor the stand-in plays: 5.4, 5.5, 5.6, 5.7 or 5.8. The differences are rows of data/engines.csv.

The classes are built once, with all that any version has. `play` takes away what the wanted one lacks, so that plugin
code meets the AttributeError that it would meet there, and gives it back in the end.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .convert import TYPES
from .playing import PLAYING, VERSIONS, order
from .signatures import CLASSES

_TABLE = Path(__file__).parents[1] / "data" / "engines.csv"
CHANGES = ("added", "removed", "protected", "deprecated", "takes")
# Of Unreal, which a project has not unless somebody enables them.
_PLUGINS = ("AppleARKitFaceSupport", "LiveLink", "MetaHuman", "RigMapper")


@dataclass(frozen=True)
class Change:
    """what: `Class`, or `Class.member` (a method, property or enumerator). since: the first version where it is so.
    before: what a method of which other arguments are taken since then took before.
    """

    what: str
    change: str
    since: str
    before: str
    source: str


def chosen() -> str:
    """The version that a whole run asks for: MEDTALK_ENGINE, by default 5.6, of which the signatures are."""
    return os.environ.get("MEDTALK_ENGINE") or "5.6"


def changes() -> list[Change]:
    """The table."""
    lines = [line for line in _TABLE.read_text("utf-8").splitlines() if not line.startswith("#")]
    return [Change(**row) for row in csv.DictReader(lines)]


@contextmanager
def play(module: Any, version: str, *plugins: str) -> Iterator[None]:
    """Inside, `module` (`unreal`) is that of an editor of this version, with these plugins of Unreal.

    Raises ValueError for an unknown one.
    """
    if version not in VERSIONS:
        raise ValueError(f"no editor {version!r}, only {', '.join(VERSIONS)}")
    if wrong := set(plugins) - set(_PLUGINS):
        raise ValueError(f"no plugins {sorted(wrong)}, only {', '.join(_PLUGINS)}")
    so = [(row, order(version) >= order(row.since)) for row in changes()]
    undo: list[Callable[[], None]] = []
    before = vars(PLAYING).copy()
    PLAYING.version = version
    PLAYING.earlier = {row.what: row.before for row, now in so if row.change == "takes" and not now}
    PLAYING.deprecated = frozenset(row.what for row, now in so if now and row.change == "deprecated")
    try:
        for name, said in CLASSES.items():
            if said["plugin"] in _PLUGINS and said["plugin"] not in plugins:
                undo += _without(module, name)
        for row, now in so:
            if now == (row.change == "removed") and row.change in ("added", "removed"):
                undo += _without(module, row.what)
            elif now and row.change == "protected":
                undo += _protected(row.what)
        yield
    finally:
        for step in reversed(undo):
            step()
        vars(PLAYING).clear()
        vars(PLAYING).update(before)


def _without(module: Any, what: str) -> Iterator[Callable[[], None]]:
    owner, _, member = what.partition(".")
    if not member:
        if owner in vars(module):  # a plugin that is not there has taken it already
            yield from _popped(vars(module), owner)
        return
    kind = TYPES[owner]
    if member in vars(kind):
        item = vars(kind)[member]
        delattr(kind, member)
        yield lambda: setattr(kind, member, item)
    for one in _family(kind):
        for table in ("_kinds", "_ways", "_members"):
            if member in vars(one).get(table, {}):
                yield from _popped(vars(one)[table], member)


def _protected(what: str) -> Iterator[Callable[[], None]]:
    owner, _, member = what.partition(".")
    for one in _family(TYPES[owner]):
        yield from _put(one._ways, member, "protected")


def _family(kind: type) -> list[Any]:
    """A class and those that have its properties."""
    return [one for one in TYPES.values() if isinstance(one, type) and issubclass(one, kind)]


def _popped(table: Any, key: str) -> Iterator[Callable[[], None]]:
    item = table.pop(key)
    yield lambda: table.__setitem__(key, item)


def _put(table: Any, key: str, value: Any) -> Iterator[Callable[[], None]]:
    old = table[key]
    table[key] = value
    yield lambda: table.__setitem__(key, old)
