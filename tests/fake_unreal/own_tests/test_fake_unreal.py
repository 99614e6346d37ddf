"""The stand-in has nothing that Unreal has not, and the plugin uses nothing that its descriptor does not ask for."""

from __future__ import annotations

import ast
import csv
import inspect
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fake_unreal import stub
from tests.fake_unreal.editor import PLUGIN

SIGNATURES = json.loads(stub.SIGNATURES.read_text(encoding="utf-8"))
CLASSES: dict[str, dict[str, Any]] = SIGNATURES["classes"]
pytestmark = pytest.mark.engine("5.6")  # of which the stub is
PLAIN = ("Name", "Text", "Array", "Set", "StructBase", "EnumBase", "ScopedSlowTask", "ScopedEditorTransaction")


def test_the_signatures_are_those_of_the_stub() -> None:
    """Every class, base, plugin, method, parameter, default, property and enum member, and every function."""
    wanted = stub.signatures()
    assert sorted(CLASSES) == sorted(wanted["classes"]), "run: python -m tests.fake_unreal.stub"
    for name, said in wanted["classes"].items():
        assert CLASSES[name] == said, f"{name}; run: python -m tests.fake_unreal.stub"
    assert SIGNATURES["functions"] == wanted["functions"]
    assert len(CLASSES) > 150 and len(SIGNATURES["functions"]) > 20


def test_it_takes_nothing_from_the_project() -> None:
    """Else a test would compare a table of ours with itself."""
    folder = stub.SOURCES.parent
    trees = [ast.parse(path.read_text("utf-8")) for path in (*folder.glob("*.py"), *stub.SOURCES.glob("*.py"))]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    assert len(trees) > 25 and not [name for name in names if name.startswith("medtalk")]


def test_the_stand_in_is_what_is_imported(unreal: Any) -> None:
    """Although the package with the stub is installed under the same name."""
    assert Path(unreal.__file__).parent == stub.SOURCES
    import unreal as imported

    assert imported is unreal and hasattr(unreal, "state")


def test_every_class_and_function_is_there_and_no_other(unreal: Any) -> None:
    modules = {path.stem for path in stub.SOURCES.glob("*.py")}
    public = {name for name in vars(unreal) if not name.startswith("_")} - modules - {"annotations"}
    assert public | {"uclass", "_ObjectBase"} == {*CLASSES, *SIGNATURES["functions"]}


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_class_has_the_methods_members_and_bases_of_the_stub(unreal: Any, name: str) -> None:
    made = getattr(unreal, name)
    bases = [base.__name__ for base in made.__mro__[1:] if base.__name__ in CLASSES]
    assert set(bases) <= set(stub.ancestors(name)), bases
    if "members" in CLASSES[name]:
        assert {member.name: member.value for member in made} == CLASSES[name]["members"] != {}
        assert all(getattr(made, member.name) is member for member in made)
        return
    known: set[str] = set()
    for owner in (name, *stub.ancestors(name)):
        known |= {*stub.stub_class(owner)["methods"], *stub.stub_class(owner)["attributes"]}
    assert {attribute for attribute in vars(made) if not attribute.startswith("_")} <= known


def assert_same_arguments(function: Any, signature: str, skip: int = 0) -> None:
    """Glue code binds its own arguments; everything else is bound by the signatures as the stand-in is imported."""
    said = ast.parse(f"def f{signature}: ...").body[0]
    assert isinstance(said, ast.FunctionDef)
    found = list(inspect.signature(function).parameters.values())[skip:]
    plain = [one for one in found if one.kind is one.POSITIONAL_OR_KEYWORD]
    assert [one.name for one in plain] == [one.arg for one in said.args.args]
    defaults = [one.default for one in plain if one.default is not one.empty]
    # An enum as a default is None in the glue code.
    wanted = [one.value if isinstance(one, ast.Constant) else None for one in said.args.defaults]
    assert defaults == wanted


@pytest.mark.parametrize("name", PLAIN)
def test_glue_code_takes_the_arguments_of_the_stub(unreal: Any, name: str) -> None:
    for method, signature in CLASSES[name]["methods"].items():
        item = inspect.getattr_static(getattr(unreal, name), method)
        static = isinstance(item, (staticmethod, classmethod))
        assert static == (method in CLASSES[name]["static"]), method
        assert_same_arguments(item.__func__ if static else item, signature, skip=1)


@pytest.mark.parametrize("name", ["uclass", "uproperty", "ufunction"])
def test_the_decorators_take_the_arguments_of_the_stub(unreal: Any, name: str) -> None:
    assert_same_arguments(getattr(unreal, name), SIGNATURES["functions"][name])


def test_the_boards_have_the_channels_of_real_ones(unreal: Any, shared: Path) -> None:
    from unreal import boards  # type: ignore[attr-defined]

    real = (shared / "ue_faceboard_channels.txt").read_text().split()
    found = [channel for control in boards.controls("mh4").values() for channel in control.channels]
    assert sorted(found) == sorted(real)


def test_the_older_board_has_the_channels_of_the_papers_list(unreal: Any, shared: Path) -> None:
    """The first two of its four `tongue_tip` are the roll."""
    from unreal import boards  # type: ignore[attr-defined]

    names = (shared / "metahuman_attr_names.txt").read_text().split()
    names[25:27] = ["CTRL_C_tongue_roll-translateX", "CTRL_C_tongue_roll-translateY"]
    pairs = {name.partition("-")[0] for name in names if name.endswith("X")}
    found = [channel for control in boards.controls("mh3").values() for channel in control.channels]
    parts = [name.split("-translate") for name in names]
    assert sorted(found) == sorted(f"{control}.{axis}" if control in pairs else control for control, axis in parts)


@pytest.mark.parametrize("board", ["mh3", "mh4"])
def test_the_boards_have_the_limits_and_names_of_real_ones(unreal: Any, shared: Path, board: str) -> None:
    """What drives expressions is called so on the board, and their ranges together are its range."""
    from unreal import boards  # type: ignore[attr-defined]

    ranges: dict[str, list[float]] = {}
    for channel, row in _driving(shared, board):
        ranges.setdefault(channel, []).extend([float(row["control_min"]), float(row["control_max"])])
    found = {
        channel: limits
        for control in boards.controls(board).values()
        for channel, *limits in zip(control.channels, control.lowest, control.highest, strict=False)
    }
    assert len(ranges) > 150
    assert {name: [min(ends), max(ends)] for name, ends in ranges.items()} == {name: found[name] for name in ranges}


@pytest.mark.parametrize("board", ["mh3", "mh4"])
def test_the_expressions_hang_on_channels_that_are_there(unreal: Any, board: str) -> None:
    channels = {channel for control in unreal.boards.controls(board).values() for channel in control.channels}
    known = unreal.boards.expressions(board)
    assert len(known) > 50 and all(set(one.channels) <= channels for one in known.values())
    assert all(list(one.points) == sorted(set(one.points)) for one in known.values())


@pytest.mark.parametrize("board", ["mh3", "mh4"])
def test_the_expressions_are_those_of_a_real_board(unreal: Any, shared: Path, board: str) -> None:
    """The eyes turn through joints, so that the reference has no rows of theirs."""
    known = unreal.boards.expressions(board)
    real = {row["expression"]: (channel, row) for channel, row in _driving(shared, board)}
    assert {name for name in known if name not in real} == {
        f"eyeLook{way}{side}" for way in ("Up", "Down", "Left", "Right") for side in "LR"
    }
    for name, one in known.items():
        if name in real:
            channel, row = real[name]
            points = [tuple(map(float, point.split(":"))) for point in list(row.values())[-1].split()]
            assert one.channels == (channel,)
            values = np.linspace(-1.0, 1.0, 21)
            (at, to), (real_at, real_to) = zip(*one.points, strict=True), zip(*points, strict=True)
            found, wanted = np.interp(values, at, to), np.interp(values, real_at, real_to)
            np.testing.assert_allclose(found, wanted, atol=0.011, err_msg=name)


def test_what_the_current_board_calls_otherwise_drives_the_same_expressions(unreal: Any, shared: Path) -> None:
    """But for the roll, whose expressions have other names, too: Roll Left is Twist Left, Roll Up is Bend Up."""
    from unreal import boards  # type: ignore[attr-defined]

    driven: dict[str, dict[str, set[str]]] = {"mh3": {}, "mh4": {}}
    for board, channels in driven.items():
        for channel, row in _driving(shared, board):
            expression = row["expression"].replace("RollLeft", "TwistLeft").replace("RollRight", "TwistRight")
            expression = expression.replace("RollUp", "BendUp").replace("RollDown", "BendDown")
            channels.setdefault(channel, set()).add(expression)
    names = (shared / "metahuman_attr_names.txt").read_text().split()
    names[25:27] = ["CTRL_C_tongue_roll-translateX", "CTRL_C_tongue_roll-translateY"]
    pairs = [(boards.channel_of(name, "mh3"), boards.channel_of(name, "mh4")) for name in names]
    driving = [pair for pair in pairs if pair[0] in driven["mh3"]]
    assert len(driving) > 150 and all(driven["mh3"][older] == driven["mh4"][current] for older, current in driving)


def _driving(shared: Path, board: str) -> Iterator[tuple[str, dict[str, str]]]:
    """(channel of a board, row) of each expression that it drives."""
    from unreal import boards  # type: ignore[attr-defined]

    with open(shared / "faceboard_to_expressions.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["board"] == board:
                control = boards.controls(board)[row["control"].lower()]
                axis = f".{row['axis'][-1]}" if control.kind == "vector2d" else ""
                yield control.name + axis, row


# What the plugin uses ------------------------------------------------------------------------------------------------


def plugin_sources() -> list[Path]:
    return [PLUGIN / "init_unreal.py", *sorted((PLUGIN / "medtalk_unreal").glob("*.py"))]


@cache
def used() -> dict[str, set[tuple[str, int, str]]]:
    """name -> (file, line, attribute or "") of every `unreal.<name>` in the plugin."""
    found: dict[str, set[tuple[str, int, str]]] = {}
    for path in plugin_sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            inner = getattr(node, "value", None)
            if _is_unreal(node):
                found.setdefault(node.attr, set()).add((path.name, node.lineno, ""))  # type: ignore[attr-defined]
            elif isinstance(node, ast.Attribute) and _is_unreal(inner):
                found.setdefault(inner.attr, set()).add((path.name, node.lineno, node.attr))  # type: ignore[union-attr]
        for name in _asked_by_name(tree):
            found.setdefault(name, set())
    return found


def _is_unreal(node: Any) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "unreal"


def _asked_by_name(tree: ast.AST) -> Iterator[str]:
    """`getattr(unreal, "Name", None)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("getattr", "hasattr"):
            first, second = [*node.args, None, None][:2]
            if isinstance(first, ast.Name) and first.id == "unreal" and isinstance(second, ast.Constant):
                yield str(second.value)


def test_the_plugin_uses_what_unreal_has(unreal: Any) -> None:
    """compat.py alone may name what other versions have; and what is used is played, so that tests can run it."""
    assert len(used()) > 40
    for name, places in used().items():
        where = {file for file, _, _ in places}
        if stub.in_stub(name):
            assert name in CLASSES or name in SIGNATURES["functions"], f"the stand-in lacks {name}, used in {where}"
        else:
            assert where <= {"compat.py"}, f"unreal.{name} is not in the stub, but used in {where}"
        for file, line, attribute in places:
            if attribute and name in CLASSES:
                assert hasattr(getattr(unreal, name), attribute), f"{file}:{line}: unreal.{name}.{attribute}"


def test_the_descriptor_asks_for_the_plugin_of_every_class_used() -> None:
    descriptor = json.loads((PLUGIN.parents[1] / "MEDTalk.uplugin").read_text(encoding="utf-8"))
    asked = {entry["Name"]: entry for entry in descriptor["Plugins"]}
    assert all(entry.get("Enabled") for entry in asked.values())
    needed = {"PythonScriptPlugin": {"init_unreal.py"}}
    for name, places in used().items():
        if stub.in_stub(name) and name in CLASSES and (plugin := stub.stub_class(name)["plugin"]):
            needed.setdefault(plugin, set()).add(name)
        # Methods of sequences, bindings, tracks and sections are extensions that this plugin brings.
        if re.match(r"MovieScene|LevelSequence$", name) and places:
            needed.setdefault("SequencerScripting", set()).add(name)
    # Classes that are asked for with getattr may be missing: their plugins need not be there.
    optional = {name for name, places in used().items() if not places}
    for plugin, names in needed.items():
        if names - optional:
            assert plugin in asked, f"{plugin} brings {sorted(names)[:5]}"
            assert not asked[plugin].get("Optional"), f"{plugin} is needed for {sorted(names)[:5]}"
    assert "RigVM" in asked, "the classes of Control Rig derive from its classes"
    assert set(asked) <= set(needed) | {"RigVM"}, "a plugin is asked for and not used"
