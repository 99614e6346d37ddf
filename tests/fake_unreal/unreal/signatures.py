"""The signatures that the stand-in binds its calls with.

signatures.json is what the stub says, of 5.6; a test compares it. later.json is what came later, from Epic's pages.
"""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parents[1]
_SAID = json.loads((_HERE / "signatures.json").read_text(encoding="utf-8"))
_LATER = json.loads((_HERE / "later.json").read_text(encoding="utf-8"))
CLASSES: dict[str, dict[str, Any]] = _SAID["classes"]
for _name, _more in _LATER["classes"].items():
    _known = CLASSES.setdefault(_name, {})
    for _part, _value in _more.items():
        _known[_part] = {**_known.get(_part, {}), **_value} if isinstance(_value, dict) else _value
FUNCTIONS: dict[str, str] = _SAID["functions"]


@dataclass(frozen=True)
class Parameter:
    """type: as the stub writes it. default: its source, None where it has to be given."""

    name: str
    type: ast.expr
    default: str | None


@dataclass(frozen=True)
class Signature:
    parameters: tuple[Parameter, ...]
    rest: str  # the name of *args, or ""
    options: str  # the name of **kwargs, or ""
    returns: ast.expr


def parse(text: str) -> Signature:
    """`(a: int, b: str = "x") -> bool` in parts."""
    node = ast.parse(f"def f{text}: ...").body[0]
    assert isinstance(node, ast.FunctionDef)
    found = node.args.args
    defaults: list[ast.expr | None] = [None] * (len(found) - len(node.args.defaults)) + list(node.args.defaults)
    parameters = tuple(
        Parameter(argument.arg, argument.annotation or ast.Name("object"), default and ast.unparse(default))
        for argument, default in zip(found, defaults, strict=True)
    )
    rest, options = node.args.vararg, node.args.kwarg
    returns = node.returns or ast.Constant(None)
    return Signature(parameters, rest.arg if rest else "", options.arg if options else "", returns)


def type_of(text: str) -> ast.expr:
    """The type of a property as its documentation writes it (`int32`, `type(Class)`, `Array[float]`)."""
    return ast.parse("Class" if text.startswith("type(") else text, mode="eval").body
