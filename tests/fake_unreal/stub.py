"""Reads signatures out of the `unreal-stub` package, and writes those that the stand-in has into signatures.json.

    python -m tests.fake_unreal.stub      # after a class, method or property was added to tests/fake_unreal/unreal

The stub is one file of 26 MB that does not parse as a whole, but each class block does alone. Nothing is imported: with
the stand-in on sys.path, `import unreal` is the stand-in.
"""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SIGNATURES = HERE / "signatures.json"
SOURCES = HERE / "unreal"

_TOP = re.compile(r"^(?:class|def) (\w+)", re.MULTILINE)
_PROPERTY = re.compile(r"^ *- ``(\w+)`` \((.*?)\): +\[(Read-Write|Read-Only|Write-Only)\]", re.MULTILINE)
_OWNER = re.compile(r"- \*\*(Plugin|Module)\*\*: (\w+)")
_MEMBER = re.compile(r"^    (\w+): \w+ = \.\.\. *#: (-?\d+)", re.MULTILINE)


@functools.cache
def stub_text() -> str:
    """The stub's source. Raises PackageNotFoundError where unreal-stub is not installed."""
    files = importlib.metadata.files("unreal-stub") or []
    path = next(file for file in files if file.parts[-2:] == ("unreal", "unreal.py"))
    return Path(str(path.locate())).read_text(encoding="utf-8-sig")


@functools.cache
def _places() -> dict[str, tuple[int, int]]:
    found = [(match.group(1), match.start()) for match in _TOP.finditer(stub_text())]
    ends = [start for _, start in found[1:]] + [len(stub_text())]
    return {name: (start, end) for (name, start), end in zip(found, ends, strict=True)}


def in_stub(name: str) -> bool:
    """Whether the stub has a class or function of this name."""
    return name in _places()


@functools.cache
def block(name: str) -> str:
    """The source of one class or function."""
    start, end = _places()[name]
    return stub_text()[start:end]


@functools.cache
def stub_class(name: str) -> dict[str, Any]:
    """What the stub says of a class: base, plugin, module, methods, static ones, properties, attributes, members."""
    node = next(n for n in ast.parse(_cut(block(name))).body if isinstance(n, ast.ClassDef))
    said = ast.get_docstring(node, clean=False) or ""
    owner = dict(_OWNER.findall(said))
    entry: dict[str, Any] = {
        "base": ast.unparse(node.bases[0]) if node.bases else "object",
        "plugin": owner.get("Plugin", ""),
        "module": owner.get("Module", ""),
        "methods": {},
        "static": [],
        "properties": {p: [kind, "RO" if way == "Read-Only" else "RW"] for p, kind, way in _PROPERTY.findall(said)},
        "attributes": {},
    }
    for item in node.body:
        if not isinstance(item, ast.FunctionDef):
            continue
        marks = [ast.unparse(mark) for mark in item.decorator_list]
        if "property" in marks:
            entry["attributes"].setdefault(item.name, "RO")
        elif any(mark.endswith(".setter") for mark in marks):
            entry["attributes"][item.name] = "RW"
        else:
            entry["methods"][item.name] = _signature(item)
            if "classmethod" in marks or "staticmethod" in marks:
                entry["static"].append(item.name)
    if entry["base"] == "EnumBase":
        entry["members"] = {match.group(1): int(match.group(2)) for match in _MEMBER.finditer(block(name))}
    return entry


def ancestors(name: str) -> list[str]:
    """The bases of a class, nearest first."""
    found: list[str] = []
    while in_stub(name) and (base := stub_class(name)["base"]) != "object":
        name = base
        found.append(base)
    return found


def find_method(name: str, method: str) -> tuple[str, bool] | None:
    """(signature, static) of a method of a class or of the nearest base that has it."""
    for owner in (name, *ancestors(name)):
        entry = stub_class(owner)
        if method in entry["methods"]:
            return entry["methods"][method], method in entry["static"]
    return None


def stub_function(name: str) -> str:
    """The signature of a module function."""
    node = next(n for n in ast.parse(_cut(block(name))).body if isinstance(n, ast.FunctionDef))
    return _signature(node, bound=False)


def _cut(source: str) -> str:
    """Without the top-level code that follows a block."""
    lines = source.splitlines()
    end = next((i for i, line in enumerate(lines[1:], 1) if line and not line[0].isspace()), len(lines))
    return "\n".join(lines[:end])


def _signature(node: ast.FunctionDef, bound: bool = True) -> str:
    arguments = node.args
    if bound and arguments.args:
        arguments.args = arguments.args[1:]
    return f"({ast.unparse(arguments)}) -> {ast.unparse(node.returns) if node.returns else 'None'}"


# What the stand-in has, read from its sources --------------------------------------------------------------------


def fake_classes() -> dict[str, ast.ClassDef]:
    """The public classes of the stand-in's sources."""
    found = {}
    for path in sorted(SOURCES.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name not in ("_WrapperBase",) and in_stub(node.name):
                found[node.name] = node
    return found


def fake_functions() -> list[str]:
    """The module functions of the stand-in: those of its sources that the stub has too."""
    found = set()
    for path in SOURCES.glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and in_stub(node.name):
                found.add(node.name)
    return sorted(found)


def signatures() -> dict[str, Any]:
    """What signatures.json has to say, from the stub."""
    classes = {}
    for name, node in sorted(fake_classes().items()):
        said = stub_class(name)
        entry = {key: said[key] for key in ("base", "plugin", "module")}
        if "members" in said:
            classes[name] = entry | {"members": said["members"]}
            continue
        methods, static = {}, []
        wanted = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
        if "StructBase" in (name, *ancestors(name)) or name.startswith("Scoped"):
            wanted.add("__init__")
        for method in sorted(wanted):
            if method.startswith("_") and method != "__init__":
                continue
            found = find_method(name, method)
            if found is None:
                raise SystemExit(f"{name}.{method} is not in the stub")
            methods[method] = found[0]
            if found[1]:
                static.append(method)
        kept = _kept_properties(node, said["properties"])
        classes[name] = entry | {
            "methods": methods,
            "static": static,
            "properties": {p: said["properties"][p] for p in kept},
            "attributes": {p: way for p in kept if (way := _attribute(name, p))},
        }
    return {"classes": classes, "functions": {name: stub_function(name) for name in fake_functions()}}


def _attribute(owner: str, name: str) -> str | None:
    """How a property shows as an attribute, of the class or of the nearest base that has it: "RO", "RW", None."""
    ways = (stub_class(one)["attributes"].get(name) for one in (owner, *ancestors(owner)))
    return next((way for way in ways if way), None)


def _kept_properties(node: ast.ClassDef, said: dict[str, list[str]]) -> list[str]:
    """All of a struct; of an object those that its `_properties` names (a string split at spaces, or "*")."""
    for item in node.body:
        if isinstance(item, ast.Assign) and getattr(item.targets[0], "id", "") == "_properties":
            text = ast.literal_eval(item.value)
            names = list(said) if text == "*" else text.split()
            if missing := [name for name in names if name not in said]:
                raise SystemExit(f"{node.name} has no properties {missing} in the stub")
            return names
    return list(said) if "StructBase" in (node.name, *ancestors(node.name)) else []


if __name__ == "__main__":
    SIGNATURES.write_text(json.dumps(signatures(), indent=1) + "\n", encoding="utf-8", newline="\n")
