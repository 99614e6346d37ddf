"""Presets: values of the form under a name, and which preset an actor had last. `Saved/MEDTalk/presets.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import unreal

from medtalk_unreal.errors import PluginError
from medtalk_unreal.request import Request
from medtalk_unreal.settings import PluginSettings, folder
from medtalk_wire.files import write_whole

_NAME = "presets.json"
_LONGEST = 60  # characters of a name


@dataclass(frozen=True)
class Presets:
    """`saved` is name -> the values of a request, `actors` label of an actor -> name of its preset."""

    saved: dict[str, dict[str, Any]] = field(default_factory=dict)
    actors: dict[str, str] = field(default_factory=dict)

    def request(self, name: str, settings: PluginSettings) -> Request:
        """What a preset asks for. Raises `PluginError` if there is none, or its values no longer work."""
        if name not in self.saved:
            raise PluginError(f"There is no preset called {name[:_LONGEST]!r}.", "Choose one in Preset.")
        try:
            request = Request.read(self.saved[name])
            request.check(settings)
        except PluginError as error:
            raise PluginError(f"The preset {name} no longer works: {error.message}", "Save it again.") from error
        return request

    def of_actor(self, label: str) -> str:
        """The preset that an actor had last, "" for none."""
        name = self.actors.get(label, "")
        return name if name in self.saved else ""


def load() -> Presets:
    """The presets as they were saved; what is damaged is left out."""
    path = folder() / _NAME
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Presets()
    except (OSError, ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        unreal.log_warning(f"MEDTalk: {path} cannot be read; there are no presets.")
        return Presets()
    saved, actors = content.get("saved"), content.get("actors")
    return Presets(
        {name: one for name, one in saved.items() if isinstance(one, dict)} if isinstance(saved, dict) else {},
        {label: one for label, one in actors.items() if isinstance(one, str)} if isinstance(actors, dict) else {},
    )


def save(name: str, request: Request) -> None:
    """Keep the values of a request under a name, in place of those that are there. Raises `PluginError`."""
    if not name or len(name) > _LONGEST:
        raise PluginError("The preset has no name." if not name else "The name is too long.", "Write one in Save As.")
    before = load()
    _write(replace(before, saved={**before.saved, name: request.to_remember()}))


def delete(name: str) -> None:
    """Forget a preset. Raises `PluginError`."""
    before = load()
    if name not in before.saved:
        raise PluginError(f"There is no preset called {name[:_LONGEST]!r}.", "Choose one in Preset.")
    _write(replace(before, saved={one: values for one, values in before.saved.items() if one != name}))


def remember(label: str, name: str) -> None:
    """Remember which preset an actor had, "" for none. A disk that is full costs a line in the log, no more."""
    before = load()
    if before.of_actor(label) != name:
        try:
            _write(replace(before, actors={**before.actors, label: name}))
        except PluginError as error:
            unreal.log_warning(f"MEDTalk: {error}")


def _write(presets: Presets) -> None:
    path = folder() / _NAME
    try:
        write_whole(path, json.dumps({"saved": presets.saved, "actors": presets.actors}, indent=1))
    except OSError as error:
        raise PluginError(f"{path} cannot be written: {error.strerror}.", "Nothing was saved.") from error
