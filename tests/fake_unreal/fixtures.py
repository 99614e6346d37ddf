"""Fixtures of the stand-in editor, for a conftest.py to import."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fake_unreal.editor import Editor, stand_in


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """The version of the editor: that of `@pytest.mark.engine("5.8")`, of MEDTALK_ENGINE, or 5.6."""
    mark = request.node.get_closest_marker("engine")
    return str(mark.args[0]) if mark else ""


@pytest.fixture
def engine_plugins(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The plugins of Unreal that are enabled beyond the usual ones: `@pytest.mark.engine("5.7", "RigMapper")`."""
    mark = request.node.get_closest_marker("engine")
    return mark.args[1:] if mark else ()


@pytest.fixture
def unreal(engine: str, engine_plugins: tuple[str, ...]) -> Iterator[Any]:
    """The stand-in as `import unreal` finds it; take `editor` to have an editor run."""
    with stand_in(engine, *engine_plugins) as module:
        yield module


@pytest.fixture
def editor(unreal: Any, tmp_path: Path) -> Iterator[Editor]:
    """A fresh editor with an empty level."""
    running = Editor(unreal, tmp_path / "Show")
    yield running
    running.shut_down()


@pytest.fixture
def sequence(editor: Editor) -> Any:
    return editor.new_sequence(30)


@pytest.fixture
def section(editor: Editor, sequence: Any) -> Any:
    """The section of a face board on an mh4 MetaHuman."""
    return editor.add_board(sequence, editor.add_metahuman("mh4"))


@pytest.fixture
def crash(unreal: Any) -> type[BaseException]:
    """What takes the editor down. No `except Exception` may catch it."""
    assert not issubclass(unreal.state.EditorCrash, Exception)
    return unreal.state.EditorCrash
