"""What a take is made by, as plain JSON: what a ledger keeps, and what tells whether a line must be made again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from medtalk.files import sha256_file
from medtalk.timeline import Span
from medtalk_wire.settings import Finishing, Settings, knobs

_LONGEST = 200  # characters of a value that are worth keeping


def recipe(settings: Settings) -> dict[str, Any]:
    """The settings that differ from the default, by name. Pictures are names and hashes; long values are hashes."""
    found = {}
    for owner, of in ((settings, Settings), (settings.finishing, Finishing)):
        for name, usual in _usual(of):
            plain = _plain(getattr(owner, name))
            if plain != usual:
                found[name] = _short(plain)
    return found


@cache
def _usual(of: type[Settings] | type[Finishing]) -> list[tuple[str, Any]]:
    return [(knob.name, _plain(knob.default)) for knob in knobs(of)]


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, np.ndarray):
        return np.round(value.astype(float), 6).tolist()
    if isinstance(value, Span):
        return _plain(value.mapping())
    if isinstance(value, Path):
        return f"{value.name} {_hash(value, value.stat().st_mtime_ns)}" if os.path.isfile(value) else value.name
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()[:16] if value else ""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


@lru_cache(maxsize=1024)
def _hash(path: Path, changed: int) -> str:  # one picture is that of many lines
    return sha256_file(path)[:16]


def _short(value: Any) -> Any:
    text = json.dumps(value, sort_keys=True)
    return value if len(text) <= _LONGEST else f"sha256 {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What is different between two recipes, each as "emotion: sad -> happy"."""
    names = sorted({*before, *now})
    return [
        f"{name}: {_said(before, name)} -> {_said(now, name)}" for name in names if before.get(name) != now.get(name)
    ]


def _said(recipe: Mapping[str, Any], name: str) -> str:
    return json.dumps(recipe[name], ensure_ascii=False)[:60].strip('"') if name in recipe else "default"
