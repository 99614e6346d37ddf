"""The settings of a take as JSON that says all of them, so that the take can be made again, and back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from medtalk.errors import RigError
from medtalk.persona import without
from medtalk.timeline import Span, spans_of
from medtalk_wire.settings import Finishing, Settings, knobs

_SETTINGS = {knob.name: knob for knob in knobs(Settings)}
_STEPS = {knob.name: knob for knob in knobs(Finishing)}
_MOODS = {"emotion", "text", "image"}

Keep = Callable[[bytes | Path, str], str]
"""Keeps a picture, bytes or a file, with its name, and says what its file is called now."""


def to_json(settings: Settings, keep: Keep) -> dict[str, Any]:
    """The settings that differ from the default, by name, as JSON can say them; `keep` is called with each picture."""
    found = {}
    for name, knob in (_SETTINGS | _STEPS).items():
        value = getattr(settings if name in _SETTINGS else settings.finishing, name)
        plain = keep(value, settings.image_name) if name == "image" and value else _plain(value, keep)
        if plain != _plain(knob.default, keep):
            found[name] = plain
    if isinstance(settings.image, Path):
        found.pop("image_name", None)  # its file says it
    return found


def from_json(found: Mapping[str, Any], pictures: Path) -> Settings:
    """The settings that `to_json` gave, with the pictures of a folder. Their values are for `take.checked` to judge.

    Raises RigError for a name that this version does not know, and what `spans_of` does.
    """
    if unknown := [name for name in found if name not in _SETTINGS and name not in _STEPS]:
        raise RigError(f"It has the setting {unknown[0][:40]!r}, which this medtalk does not know.", "Update medtalk.")
    given = dict(found)
    if isinstance(name := given.get("image"), str):
        given["image"] = _picture(name, pictures)
    if isinstance(spans := given.get("timeline"), list):
        given["timeline"] = spans_of(
            [
                {**span, "image": _picture(span["image"], pictures)}
                if isinstance(span, dict) and isinstance(span.get("image"), str)
                else span
                for span in spans
            ]
        )
    if isinstance(curve := given.get("curve"), list):
        try:
            given["curve"] = np.array(curve, np.float32)
        except (TypeError, ValueError):
            raise RigError("Its intensity curve is not a list of numbers.", "Record it again.") from None
    steps = {name: given.pop(name) for name in tuple(given) if name in _STEPS}
    try:
        return Settings(**given, finishing=Finishing(**steps))
    except TypeError as error:  # a value that no setting could have, such as a list for a map
        raise RigError(f"Its settings cannot be read ({error}).", "Record it again.") from None


def overridden(settings: Settings, given: Settings, asked: Collection[str]) -> Settings:
    """Settings with those named in `asked` taken from `given`. A mood of one kind takes the place of one of another."""
    named = {name: getattr(given, name) for name in asked if name in _SETTINGS}
    steps = {name: getattr(given.finishing, name) for name in asked if name in _STEPS}
    if "image" in named:
        named["image_name"] = given.image_name
    if moods := _MOODS & named.keys():
        named |= {name: getattr(Settings(), name) for name in _MOODS - moods}
    if settings.persona is not None and "persona" not in named:
        named["persona"] = without(settings.persona, asked)
    return replace(settings, **named, finishing=replace(settings.finishing, **steps))


def _picture(name: str, folder: Path) -> Path:
    if Path(name).name != name or "\\" in name:
        raise RigError(f"Its picture {name[:60]!r} does not lie beside it.", "Record it again.")
    return folder / name


def _plain(value: Any, keep: Keep) -> Any:
    if isinstance(value, np.ndarray):
        return [_number(each) if np.ndim(each) == 0 else [*map(_number, each)] for each in value]
    if isinstance(value, Span):
        span = value.mapping()
        if "image" in span:
            span["image"] = keep(span["image"], span.pop("image_name", ""))
        return _plain(span, keep)
    if isinstance(value, bytes):
        return ""  # none; where there is one it is kept
    if isinstance(value, Mapping):
        return {str(name): _plain(each, keep) for name, each in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [_plain(each, keep) for each in value]
    return value


def _number(value: Any) -> float:
    """A float32 by the shortest decimal that gives it back."""
    return float(str(np.float32(value)))
