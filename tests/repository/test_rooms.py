"""The rooms of the house: imports go down, never up and never in a circle, not even inside a function or for types.

docs/architecture.md draws what is listed here.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "unreal_plugin" / "MEDTalk" / "Content" / "Python"
SOURCES = {
    "medtalk_board": PLUGIN, "medtalk_wire": PLUGIN, "medtalk_unreal": PLUGIN, "medtalk": ROOT / "python",
    "medtalk_train": ROOT / "training",
}  # fmt: skip

# Each room may import those before it. A room is a package, or a module that stands alone in one.
FLOORS: Sequence[str] = """
medtalk_board medtalk_wire medtalk_unreal
medtalk.version medtalk.errors medtalk.rates medtalk.signals medtalk.watch medtalk.inputs medtalk.files medtalk.limits
medtalk.sound medtalk.media medtalk.audio
medtalk.rig medtalk.features medtalk.finishing medtalk.kinds medtalk.dynamics medtalk.moods medtalk.guidance
medtalk.persona medtalk.timeline medtalk.marks medtalk.tags medtalk.bundle
medtalk.model medtalk.backbones medtalk.engine medtalk.official medtalk.live medtalk.perform medtalk.saved medtalk
medtalk.microphone medtalk.senders medtalk.take medtalk.edits medtalk.retime medtalk.restyle medtalk.plot
medtalk.quality medtalk.face medtalk.study medtalk.batch medtalk.recorded medtalk.service medtalk.studio medtalk.cli
medtalk.__main__
medtalk_train medtalk_train.onnx_graph medtalk_train.settings medtalk_train.recipe medtalk_train.wording
medtalk_train.stages medtalk_train.synthetic medtalk_train.pronunciation medtalk_train.captured medtalk_train.measure
medtalk_train.run medtalk_train.baselines medtalk_train.tables medtalk_train.figures medtalk_train.cli
""".split()

# Ends of the house: nothing but these may import them.
ENDS = {"medtalk_unreal": set(), "medtalk.cli": {"medtalk.__main__"}, "medtalk_train.cli": set()}

# What the light packages may have beside the standard library and our own.
LIGHT = {
    "medtalk_board": set(), "medtalk_wire": {"zmq", "msgpack"}, "medtalk_unreal": {"unreal", "zmq", "msgpack"},
    "medtalk.features": {"numpy", "scipy"}, "medtalk.limits": {"numpy"}, "medtalk.errors": set(),
    "medtalk.watch": set(), "medtalk.rig": {"numpy", "scipy"}, "medtalk.finishing": {"numpy", "scipy"},
    "medtalk.kinds": {"numpy"}, "medtalk.dynamics": {"numpy", "scipy"}, "medtalk.moods": set(),
    "medtalk.persona": set(), "medtalk.guidance": {"numpy"}, "medtalk.timeline": {"numpy"}, "medtalk.marks": {"numpy"},
}  # fmt: skip


@cache
def sources() -> dict[str, str]:
    """Name -> source of every module."""
    found = {}
    for package, folder in SOURCES.items():
        for path in sorted((folder / package).rglob("*.py")):
            name = ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
            found[name] = path.read_text("utf-8")
    return found


@cache
def targets(name: str, source: str) -> frozenset[str]:
    """What a module imports: modules of ours as such, of all others the top name."""
    found: set[str] = set()
    known = sources()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{name}: imports are absolute here"
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            wanted = [each if each in known else node.module for each in inner]
        else:
            continue
        found |= {each if each in known else each.split(".")[0] for each in wanted}
    return frozenset(found - {name})


def room(name: str) -> str:
    """The room of a module."""
    package, _, inner = name.partition(".")
    return f"{package}.{inner.split('.')[0]}" if inner and package in ("medtalk", "medtalk_train") else package


def check(changed: dict[str, str]) -> int:
    """AssertionError for an import of something above, `CycleError` for a circle; how many modules there are.

    changed: other sources of some modules.
    """
    graph = {name: targets(name, source) for name, source in (sources() | changed).items()}
    for name, imported in graph.items():
        inside = {room(each) for each in imported & set(graph)} - {room(name)}
        above = [each for each in inside if FLOORS.index(each) > FLOORS.index(room(name))]
        assert not above, f"{name} imports {above}, which lie above it"
        ends = [each for each in inside if room(name) not in ENDS.get(each, {room(name)})]
        assert not ends, f"{name} imports {ends}"
        foreign = {each for each in imported - set(graph) if each not in sys.stdlib_module_names}
        heavy = foreign - LIGHT.get(room(name), foreign)
        assert not heavy, f"{name} imports {heavy}"
        assert "typer" not in foreign or room(name) in ("medtalk.cli", "medtalk_train.cli"), f"{name} imports typer"
    list(TopologicalSorter({name: imported & set(graph) for name, imported in graph.items()}).static_order())
    return len(graph)


def test_imports_go_down_and_never_in_a_circle() -> None:
    assert check({}) > 200


def test_every_room_is_on_the_list() -> None:
    assert {room(name) for name in sources()} == set(FLOORS)


@pytest.mark.parametrize(
    ("package", "module", "line", "error"),
    [
        ("medtalk_wire", "job.py", "import medtalk_unreal.forms", AssertionError),
        ("medtalk_board", "channels.py", "def f():\n    from medtalk_wire import errors", AssertionError),
        ("medtalk_board", "channels.py", "import numpy", AssertionError),
        ("medtalk_unreal", "forms.py", "def f():\n    from medtalk_unreal import menus", CycleError),
        ("medtalk_wire", "protocol.py", "from medtalk_wire.link import Link", CycleError),
        ("medtalk", "features/words.py", "import torch", AssertionError),
        ("medtalk", "guidance.py", "if TYPE_CHECKING:\n    from medtalk.perform import Performance", AssertionError),
        ("medtalk", "service/server.py", "import typer", AssertionError),
        ("medtalk", "plot.py", "import medtalk_unreal.compat", AssertionError),
        ("medtalk_train", "run.py", "from medtalk.cli import options", AssertionError),
        ("medtalk_train", "wording/grammar.py", "from medtalk_train import run", AssertionError),
    ],
)
def test_an_import_that_goes_up_or_round_is_seen(package: str, module: str, line: str, error: type[Exception]) -> None:
    name = f"{package}.{module.removesuffix('.py').replace('/', '.')}"
    with pytest.raises(error):
        check({name: f"{sources()[name]}\n{line}\n"})
