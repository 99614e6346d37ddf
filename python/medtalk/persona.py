"""Personas: presets with a name, as JSON files. One says how somebody usually is: mood, strength, life, style.

    {"name": "officer", "emotion": "angry:0.35,confident:0.4", "intensity": 0.9, "kinds": {"angry": "cold"},
     "amounts": {"head": 0.5}, "lean": 0.2, "seed": 7}

Every name is optional. What is asked for beside a persona wins over it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from medtalk.errors import MedtalkError, SettingError, require
from medtalk.finishing import Finishing
from medtalk.guidance import check_kinds, guidance_of
from medtalk.inputs import path_text, read_input
from medtalk.limits import MAX_INTENSITY, check_range
from medtalk_wire import settings as wire
from medtalk_wire.settings import DEFAULT, Settings

NAMES = ("name", "emotion", "intensity", "seed", "lean", "amounts", "kinds")
"""What a persona may say."""
_STEPS = ("seed", "lean", "amounts")
_MAX_BYTES = 1 << 16


def shipped() -> tuple[str, ...]:
    """The names of the personas that come with MEDTalk."""
    return tuple(sorted(path.stem for path in _folder().glob("*.json")))


def read_persona(source: str | Path) -> dict[str, Any]:
    """The checked persona of a name that ships, or of a JSON file.

    Raises:
        SettingError: no such name or file, or a file that is not a persona.
        GuidanceError: it names a mood or kind that does not exist.
    """
    named = isinstance(source, str) and source.strip().lower() in shipped()
    path = _folder() / f"{str(source).strip().lower()}.json" if named else Path(source)
    if not named and path.suffix.lower() != ".json":
        raise SettingError(
            f"No persona is called {path_text(path)[:60]!r}; valid are {', '.join(shipped())}, or a JSON file.",
            "A persona of your own is a file: --persona FILE.json.",
        )
    shown = path_text(path)
    try:
        content = json.loads(
            read_input(path, "persona", SettingError, _MAX_BYTES).decode("utf-8-sig"), object_pairs_hook=_once
        )
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON
        raise SettingError(
            f"{shown} is not valid JSON: {error}.", f"Write an object with {', '.join(NAMES)}."
        ) from None
    try:
        return check_persona(content)
    except MedtalkError as error:
        error.message = f"{shown}: {error.message}"
        raise


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of JSON's pairs; ValueError for a name that is there twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice[:40]!r} is there twice")
    return found


def check_persona(persona: object) -> dict[str, Any]:
    """A copy of a persona whose every value is valid; raises as `read_persona` does."""
    if not isinstance(persona, Mapping):
        raise SettingError(
            f"A persona is of type {type(persona).__name__}; valid is an object.", f"Names: {', '.join(NAMES)}."
        )
    if unknown := [str(name) for name in persona if name not in NAMES]:
        raise SettingError(f"A persona has the unknown name {unknown[0][:40]!r}; valid are {', '.join(NAMES)}.")
    require(persona.get("name", ""), str, "A persona's name", "a text")
    if "emotion" in persona:
        guidance_of(persona["emotion"])
    if "intensity" in persona and check_range(persona["intensity"], "intensity", MAX_INTENSITY).ndim:
        raise SettingError("A persona's intensity is a list; valid is a number.")
    Finishing(**{step: persona[step] for step in _STEPS if step in persona})
    return {**persona, "kinds": check_kinds(persona.get("kinds", {}))}


def without(persona: Mapping[str, Any], asked: Collection[str]) -> dict[str, Any]:
    """A persona without what is asked for beside it, by the names of the settings, also where that is the default."""
    guided = {"emotion", "text", "image"} & set(asked)
    return {name: value for name, value in persona.items() if name not in asked and not (guided and name == "emotion")}


def dressed(settings: Settings) -> Settings:
    """The settings with what their persona gives: wherever they are as by default.

    Raises what `check_persona` does.
    """
    if settings.persona is None:
        return settings
    persona = check_persona(settings.persona)
    guided = settings.emotion is not None or settings.text or settings.image
    given = {} if guided or "emotion" not in persona else {"emotion": persona["emotion"]}
    if "intensity" in persona and settings.intensity == DEFAULT.intensity:
        given["intensity"] = float(persona["intensity"])
    steps, usual = settings.finishing, wire.Finishing()
    chosen = {name: persona[name] for name in ("seed", "lean") if name in persona}
    chosen = {name: value for name, value in chosen.items() if getattr(steps, name) == getattr(usual, name)}
    amounts = {**persona.get("amounts", {}), **steps.amounts}
    return replace(settings, persona=persona, finishing=replace(steps, **chosen, amounts=amounts), **given)


def _folder() -> Path:
    return Path(str(files("medtalk_assets"))) / "personas"
