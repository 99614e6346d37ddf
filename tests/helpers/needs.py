"""What a test needs, read off its code: whether it starts a process or a browser, and whether it loads torch.

Looked at are the function of the test, those of its fixtures, and what these name in `tests`. A module loads torch if
an import at its top does, or one of a module of ours that it imports. This cannot see what the product's code does when
it runs: chosen.py watches that, and a test that starts a process or loads torch unmarked fails there until it is marked
by hand.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from inspect import unwrap
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

_ROOT = Path(__file__).parents[2]
_ROOTS = [_ROOT / folder for folder in ("", "python", "training", "unreal_plugin/MEDTalk/Content/Python")]
_TORCH = {"torch", "torchaudio", "torchvision", "transformers", "lightning", "funasr", "whisper"}
_BROWSER = {"playwright.sync_api"}
_PROCESS = {"subprocess", "multiprocessing", "fork", "posix_spawn", *_BROWSER}


def needs(functions: Iterable[Callable[..., Any]]) -> set[str]:
    """Which of the marks `process`, `browser` and `torch` a test has, by its function and those of its fixtures."""
    seen: set[object] = set()
    return {mark for function in functions for code in _codes(function, seen) for mark in _marks(code)}


def loads_torch(path: Path) -> bool:
    """Whether the import of this file loads torch."""
    return any(map(_loads_torch, _imported(path)))


def _codes(used: Any, seen: set[object]) -> Iterator[CodeType]:
    """The code of a function or class, and of what it names in `tests`."""
    if id(used) in seen:
        return
    seen.add(id(used))
    if isinstance(used, type):
        for member in vars(used).values():
            yield from _codes(getattr(member, "fget", member), seen)
    function = unwrap(used) if callable(used) else used
    if not isinstance(function, FunctionType):
        return
    for code in _nested(function.__code__):
        yield code
        for name in code.co_names:
            other = function.__globals__.get(name)
            if str(getattr(other, "__module__", "")).startswith("tests."):
                yield from _codes(other, seen)


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


@cache
def _marks(code: CodeType) -> frozenset[str]:
    """What a piece of code alone needs; an import names a package of ours, and perhaps modules in it."""
    names = code.co_names
    modules = {*names, *(f"{package}.{name}" for package in names if _file(package) for name in names)}
    marks = {
        "process": _PROCESS.intersection(names),
        "browser": _BROWSER.intersection(names),
        "torch": any(map(_loads_torch, modules)),
    }
    return frozenset(mark for mark, needed in marks.items() if needed)


@cache
def _loads_torch(module: str) -> bool:
    """Whether a module loads torch, by its imports and theirs."""
    waiting, seen = [module], {""}
    while waiting:
        if (name := waiting.pop()) in seen:
            continue
        seen.add(name)
        if name.partition(".")[0] in _TORCH or name == "safetensors.torch":
            return True
        if file := _file(name):
            waiting += _imported(file)
    return False


@cache
def _file(module: str) -> Path | None:
    """The file of a module of ours."""
    for root in _ROOTS:
        path = root / module.replace(".", "/")
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if module and file.is_file():
                return file
    return None


@cache
def _imported(path: Path) -> frozenset[str]:
    """The modules that a file imports as it is imported itself, with the packages around them."""
    names: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = ".".join([*_package(path, node.level), *filter(None, [node.module])])
            names.update(name for alias in node.names for name in (module, f"{module}.{alias.name}"))
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    parts = [name.split(".") for name in names]
    return frozenset(".".join(words[:count]) for words in parts for count in range(1, len(words) + 1))


def _package(path: Path, level: int) -> tuple[str, ...]:
    """The package that the dots of a relative import mean; of no dots, none."""
    root = max((root for root in _ROOTS if path.is_relative_to(root)), key=lambda root: len(root.parts))
    return path.parents[level - 1].relative_to(root).parts if level else ()
