"""A stand-in for Unreal's Python module, with state, for tests without an editor.

Every class, method, parameter and default is that of the `unreal-stub` package (signatures.json). Calls are checked as
strictly as the real module checks them or more so: see bind.py, convert.py. Where the real editor would die,
EditorCrash is raised, which is no Exception. ../README.md tells how to add a call.
"""

from __future__ import annotations

import typing as _typing

from . import (
    actors,
    animation,
    assets,
    channels,
    controlrig,
    dialogs,
    enums,
    hierarchy,
    livelink,
    menus,
    objects,
    rigmapper,
    sequencer,
    sounds,
    structs,
    system,
    tasks,
    tracks,
    transactions,
    values,
    window,
)
from . import (
    uclass as _uclass,
)
from .signatures import CLASSES as _CLASSES
from .signatures import FUNCTIONS as _FUNCTIONS

for _module in (
    values,
    enums,
    structs,
    objects,
    assets,
    sounds,
    actors,
    channels,
    tracks,
    sequencer,
    window,
    hierarchy,
    controlrig,
    rigmapper,
    livelink,
    animation,
    transactions,
    dialogs,
    menus,
    system,
    tasks,
    _uclass,
):
    for _name, _item in list(vars(_module).items()):
        if _name in _CLASSES or _name in _FUNCTIONS:
            globals()[_name] = _item
for _name in ("_module", "_name", "_item"):
    globals().pop(_name)
if _typing.TYPE_CHECKING:

    def __getattr__(name: str) -> _typing.Any: ...
