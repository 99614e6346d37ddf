"""Pillow, which the extra `report` brings, and its letters."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from medtalk.errors import MissingExtraError


def pillow(module: str) -> Any:
    """The module of Pillow that is called so; MissingExtraError where Pillow is not installed."""
    try:
        return import_module(f"PIL.{module}")
    except ModuleNotFoundError:
        raise MissingExtraError("Writing pictures needs Pillow.", "Run pip install 'medtalk[report]'.") from None


def font(size: int) -> Any:
    """The letters that Pillow carries, `size` pixels high."""
    return pillow("ImageFont").load_default(size)
