"""Real sidecars under a stand-in editor: the ticks go on until something is true."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

stops = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="Windows cannot freeze a process")
PATIENCE = 300.0
"""Seconds after which a test gives up: a guard against hanging, not a measure."""


def tick_until(editor: Any, true: Callable[[], Any], what: str) -> None:
    """Let the editor tick until `true()`."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"waited in vain: {what}\n{editor.log.text}"
        editor.tick()
        time.sleep(0.002)


def do(editor: Any, steps: Any) -> Any:
    """Steps to their end, in the editor's ticks; the task."""
    from medtalk_unreal import ticks

    task = ticks.begin(steps)
    tick_until(editor, lambda: task.ended, "the steps' end")
    return task


def saved(editor: Any) -> Path:
    """`Saved/MEDTalk` of the project."""
    return Path(editor.project_dir) / "Saved" / "MEDTalk"


def pid_of_sidecar(editor: Any) -> int:
    """The process of the sidecar that the connection file tells of."""
    return json.loads((saved(editor) / "sidecar.json").read_text())["pid"]


def is_alive(pid: int) -> bool:
    """Whether the process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.fixture
def configured(editor: Any, tiny_bundle: Path) -> Iterator[Any]:
    """An editor whose settings name this Python and a small bundle; sidecars that it starts are ended."""
    from medtalk_unreal import settings

    settings.save(settings.PluginSettings(python=sys.executable, bundle=str(tiny_bundle)))
    yield editor
    from medtalk_unreal import sidecar, ticks

    ticks.cancel_all()
    program = sidecar.the_sidecar._program
    sidecar.the_sidecar.leave()
    if program is not None:
        program.kill()


@pytest.fixture
def empty_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A Python that has no packages."""
    import venv

    monkeypatch.delenv("PYTHONPATH", raising=False)
    venv.create(tmp_path / "empty", symlinks=os.name != "nt")
    return str(tmp_path / "empty" / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
