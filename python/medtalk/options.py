"""Options that several commands have in common."""

from __future__ import annotations

from typing import Annotated

import typer

_debug = False


def _set_debug(value: bool) -> None:
    global _debug
    _debug = value


def debugging() -> bool:
    """Whether the user asked for tracebacks."""
    return _debug


Debug = Annotated[bool, typer.Option("--debug", help="Show the Python traceback of an error.", callback=_set_debug)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
