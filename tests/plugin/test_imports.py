"""The plugin's three packages import downwards only, and no two modules import each other, not even in a function."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.fake_unreal.editor import PLUGIN

# Package -> what it may import beside the standard library and itself.
BELOW = {
    "medtalk_board": set(),
    "medtalk_wire": {"medtalk_board", "zmq", "msgpack"},
    "medtalk_unreal": {"medtalk_board", "medtalk_wire", "zmq", "msgpack", "unreal"},
}


def modules(root: Path, package: str) -> dict[str, ast.Module]:
    """Name -> source of each module of a package."""
    found = {}
    for path in sorted((root / package).rglob("*.py")):
        name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        found[name] = ast.parse(path.read_text("utf-8"))
    assert found, f"{root} has no {package}"
    return found


def imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import that runs: not those for a type checker, nor those of a file that is run as a program."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "__name__ == '__main__'"):
            continue
        else:
            yield from imports(node)


def targets(tree: ast.Module, known: set[str]) -> set[str]:
    """What a module imports: modules of `known`, and the top names of all others."""
    names: set[str] = set()
    for node in imports(tree):
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        else:
            assert node.level == 0 and node.module, "imports are absolute here"
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            wanted = [name if name in known else node.module for name in inner]
        names |= {name if name in known else name.split(".")[0] for name in wanted}
    return names


def graph(root: Path) -> dict[str, set[str]]:
    """Module -> what it imports, for all modules of the three packages."""
    trees = {name: tree for package in BELOW for name, tree in modules(root, package).items()}
    return {name: targets(tree, set(trees)) for name, tree in trees.items()}


def check(root: Path) -> None:
    """AssertionError for an import of something above; `CycleError` for a circle."""
    found = graph(root)
    for name, imported in found.items():
        package = name.split(".")[0]
        tops = {target.split(".")[0] for target in imported} - {package, *sys.stdlib_module_names}
        assert tops <= BELOW[package], f"{name} imports {sorted(tops - BELOW[package])}"
    list(TopologicalSorter({name: imported & set(found) for name, imported in found.items()}).static_order())


def test_imports_go_down_and_never_in_a_circle() -> None:
    assert len(graph(PLUGIN)) > 30
    check(PLUGIN)


@pytest.mark.parametrize(
    ("module", "line", "error"),
    [
        ("medtalk_wire/job.py", "import medtalk_unreal.forms", AssertionError),
        ("medtalk_board/channels.py", "def f():\n    from medtalk_wire import errors", AssertionError),
        ("medtalk_board/channels.py", "import numpy", AssertionError),
        ("medtalk_unreal/forms.py", "def f():\n    from medtalk_unreal import menus", CycleError),
        ("medtalk_wire/protocol.py", "from medtalk_wire.link import Link", CycleError),
    ],
)
def test_an_import_that_goes_up_or_round_is_seen(
    tmp_path: Path, module: str, line: str, error: type[Exception]
) -> None:
    for package in BELOW:
        for path in (PLUGIN / package).glob("*.py"):
            copy = tmp_path / package / path.name
            copy.parent.mkdir(exist_ok=True)
            copy.write_text(path.read_text("utf-8") + (f"\n{line}\n" if f"{package}/{path.name}" == module else ""))
    with pytest.raises(error):
        check(tmp_path)
