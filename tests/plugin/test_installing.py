"""Set Up makes a real environment from local wheels, whole or not at all, while the editor ticks on."""

from __future__ import annotations

import json
import os
import resource
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.wheels import make_wheel
from tests.plugin.clicking import TOOLS
from tests.plugin.running import do, is_alive, saved, tick_until


def medtalk_wheel(
    folder: Path, version: str = "0.1.0", requires: str = "needed", more: str = "", extra: str = ""
) -> Path:
    """A package `medtalk` that says its version, and uses another one."""
    main = f"import needed\nprint('medtalk {version}')\n{more}" if requires else f"print('medtalk {version}')\n{more}"
    files = {"medtalk/__init__.py": "", "medtalk/__main__.py": main}
    return make_wheel(folder, "medtalk", version, files, requires, ("live", extra) if extra else ("", ""))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder, empty; pip finds no index but what a test names."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user"))
    with socket.socket() as closed:  # nobody listens there
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{closed.getsockname()[1]}/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")  # with none, pip does not say why
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "user" / "MEDTalk"


@pytest.fixture
def wheels(editor: Any) -> Path:
    """The project's folder of wheels, with all that medtalk needs."""
    folder = saved(editor) / "wheels"
    make_wheel(folder, "needed", "1.0", {"needed.py": ""})
    medtalk_wheel(folder)
    return folder


def set_up(editor: Any) -> tuple[Any, list[str]]:
    from medtalk_unreal import installing

    lines: list[str] = []
    task = do(editor, installing.steps(lines.append))
    return task, lines


def refused(editor: Any, place: Path) -> str:
    """The one line of a set-up that fails; it leaves no environment and no setting."""
    from medtalk_unreal import settings

    before = settings.load()
    task, _ = set_up(editor)
    assert task.error is not None
    assert not list(place.glob("env-*")) and settings.load() == before
    assert "\n" not in str(task.error)
    return str(task.error)


def test_an_environment_from_local_wheels(editor: Any, place: Path, wheels: Path) -> None:
    from medtalk_unreal import interpreter, settings

    task, lines = set_up(editor)
    assert task.error is None, task.error
    python = settings.load().python
    assert task.result == python == interpreter.find(settings.load()) and Path(python).is_relative_to(place)
    assert [line for line in lines if line.startswith("Step")] == [
        f"Step 1 of 4: Python {sys.version_info[0]}.{sys.version_info[1]} is here: {sys.executable}.",
        f"Step 2 of 4: making an environment in {Path(python).parents[1]}.",
        "Step 3 of 4: installing medtalk-0.1.0 and what it needs. This takes some minutes.",
        "Step 4 of 4: medtalk 0.1.0 runs.",
    ]
    assert "  needed" in lines
    assert do(editor, interpreter.ask(python, ["-m", "medtalk", "--version"])).result == "medtalk 0.1.0"
    wheel = wheels / "medtalk-0.1.0-py3-none-any.whl"
    marker = json.loads((Path(python).parents[1] / "ready.json").read_text())
    assert marker == {"wheel": wheel.name, "bytes": wheel.stat().st_size}
    # Another project of the user uses the same.
    settings.save(settings.PluginSettings())
    again, lines = set_up(editor)
    assert again.result == python == settings.load().python
    assert len(list(place.glob("env-*"))) == 1 and "already" in lines[0]
    # An update gets its own; 10 is newer than 1.
    medtalk_wheel(wheels, "0.10.0")
    newer, lines = set_up(editor)
    assert newer.error is None and newer.result != python and Path(python).is_file()
    assert "Step 4 of 4: medtalk 0.10.0 runs." in lines


@pytest.fixture
def made(editor: Any, place: Path, wheels: Path) -> Path:
    """An environment that an earlier set-up made."""
    task, _ = set_up(editor)
    return Path(task.result).parents[1]


@pytest.mark.parametrize("broken", ["a module", "its Python"])
def test_a_broken_one_is_made_anew(editor: Any, made: Path, broken: str) -> None:
    for file in [*made.rglob("needed.py")] if broken == "a module" else [*(made / "bin").glob("python*")]:
        file.unlink()
    task, lines = set_up(editor)
    assert task.error is None and Path(task.result).is_file()
    assert not made.exists() and any(line.startswith("Step 2") for line in lines)


def test_what_a_killed_editor_left_goes_and_what_is_young_stays(editor: Any, place: Path, wheels: Path) -> None:
    for name, age in (("env-old", 2 * 86400), ("env-young", 60)):
        (place / name / "lib").mkdir(parents=True)
        os.utime(place / name, (time.time() - age, time.time() - age))
    task, _ = set_up(editor)
    assert task.error is None
    assert not (place / "env-old").exists() and (place / "env-young").exists()


@pytest.mark.parametrize("moment", ["Step 2", "Step 3"])
def test_cancelled_nothing_is_left(editor: Any, place: Path, wheels: Path, moment: str) -> None:
    from medtalk_unreal import installing, settings

    lines: list[str] = []
    before = set(children(os.getpid()))  # such as the sidecar that tests share

    def ours() -> set[int]:
        return set(children(os.getpid())) - before

    task = installing.start(lines.append)
    tick_until(editor, lambda: lines and lines[-1].startswith(moment) and ours(), moment)
    running = ours()
    with pytest.raises(installing.PluginError, match="already"):
        installing.start(lines.append)
    installing.cancel()
    assert task.ended and str(task.error) == "Cancelled."
    tick_until(editor, lambda: not any(map(is_alive, running)), "the end of pip")
    assert not list(place.glob("env-*")) and settings.load().python == ""
    again, _ = set_up(editor)
    assert again.error is None


def children(pid: int) -> list[int]:
    """The processes that a process has started, and those of these."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *children(child)]
    return found


def test_the_test_of_the_connection_offers_it(editor: Any, place: Path, wheels: Path) -> None:
    """All clicks of an artist who has no Python: Test Connection, Set Up."""
    import medtalk_unreal
    from medtalk_unreal import settings

    medtalk_unreal.startup()
    editor.click(TOOLS, "MEDTalk.test")
    (form,) = editor.tabs
    tick_until(editor, lambda: "Step 'Python'" in said(form), "the test's end")
    assert "Set Up" in said(form)
    editor.press(form, "set_up")
    tick_until(editor, lambda: "Step 2" in said(form), "the set-up")
    editor.press(form, "set_up")
    assert "is being set up already" in editor.dialogs.messages[-1][1]
    editor.press(form, "cancel")
    tick_until(editor, lambda: said(form).endswith("Cancelled."), "the cancelling")
    assert not list(place.glob("env-*"))
    editor.press(form, "set_up")
    tick_until(editor, lambda: "is Python 3." in said(form), "the test after the set-up")
    assert Path(settings.load().python).is_relative_to(place) and editor.tabs == [form]
    editor.shut_down()


def said(form: Any) -> str:
    return str(form.get_editor_property("report"))


# What goes wrong


def test_without_wheels(editor: Any, place: Path) -> None:
    said = refused(editor, place)
    assert "--with-sidecar" in said and str(saved(editor) / "wheels") in said


def test_a_package_of_that_name_on_an_index_is_never_taken(editor: Any, place: Path, tmp_path: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    medtalk_wheel(tmp_path / "index")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    assert "came without the packages" in refused(editor, place)


def test_what_is_missing_comes_from_the_index(editor: Any, place: Path, wheels: Path, tmp_path: Path,
                                              monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    (wheels / "needed-1.0-py3-none-any.whl").unlink()
    make_wheel(tmp_path / "index" / "needed", "needed", "1.0", {"needed.py": ""})
    with serve(tmp_path / "index") as url:
        monkeypatch.setenv("PIP_INDEX_URL", url)
        task, lines = set_up(editor)
    assert task.error is None, task.error
    assert any("comes from the package index" in line for line in lines)


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """A package index of the files of a folder."""
    import functools
    import http.server
    import threading

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_no_network(editor: Any, place: Path, wheels: Path) -> None:
    (wheels / "needed-1.0-py3-none-any.whl").unlink()
    assert "The package index cannot be reached. Connect to the network" in refused(editor, place)


def test_offline_asks_no_index(editor: Any, place: Path, wheels: Path) -> None:
    from medtalk_unreal import settings

    settings.save(settings.PluginSettings(offline=True))
    (wheels / "needed-1.0-py3-none-any.whl").unlink()
    assert "some are missing" in refused(editor, place)


def test_no_python(editor: Any, place: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import unreal

    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(unreal, "get_interpreter_executable_path", lambda: "/nowhere/python")
    said = refused(editor, place)
    assert said.startswith("No Python from 3.11 to 3.14") and "python.org" in said


@pytest.mark.parametrize("fault", ["cannot run", "is old", "has no venv"])
def test_where_unreals_own_will_not_do_another_is_taken(
    editor: Any, place: Path, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    import unreal

    from medtalk_unreal import installing

    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(os.path.realpath(sys.executable))
    own = tmp_path / "own"
    own.write_text({
        "cannot run": "not a program",
        "is old": "#!/bin/sh\necho 3 10\n",
        "has no venv": "#!/bin/sh\necho \"ModuleNotFoundError: No module named 'ensurepip'\" >&2\nexit 1\n",
    }[fault])  # fmt: skip
    own.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(unreal, "get_interpreter_executable_path", lambda: str(own))
    lines: list[str] = []
    installing.start(lines.append)
    tick_until(editor, lambda: len(lines) > 1, "the second step")
    installing.cancel()
    assert lines[0].startswith("Step 1 of 4: Python 3.") and str(own) not in lines[0]
    assert any(str(own) in line for line in editor.log.warnings)


def test_a_disk_that_is_nearly_full(editor: Any, place: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from medtalk_unreal import installing

    monkeypatch.setattr(installing, "NEEDED_BYTES", shutil.disk_usage(wheels).total * 2)
    said = refused(editor, place)
    assert said.startswith("The disk of ") and "Free 1 GB." in said


def test_a_disk_that_fills_up(editor: Any, place: Path, wheels: Path) -> None:
    medtalk_wheel(wheels, "0.2.0", more="x = '" + "x" * 400_000 + "'\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    try:
        said = refused(editor, place)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert said.startswith("The disk is full. Free 1 GB.")


def test_a_folder_that_cannot_be_made(editor: Any, place: Path, wheels: Path) -> None:
    place.parent.mkdir(parents=True)
    place.write_text("a file")
    said = refused(editor, place)
    assert "cannot be created" in said


def test_a_scanner_that_takes_the_python_away(editor: Any, place: Path, wheels: Path) -> None:
    from medtalk_unreal import installing

    lines: list[str] = []

    def tell(line: str) -> None:
        lines.append(line)
        if line.startswith("Step 3"):
            for python in place.glob("env-*/bin/python*"):
                python.unlink()

    task = do(editor, installing.steps(tell))
    assert str(task.error).startswith("The Python that was just made is gone or blocked:")
    assert "virus scanner" in str(task.error) and not list(place.glob("env-*"))


def test_settings_that_cannot_be_written(editor: Any, place: Path, wheels: Path) -> None:
    (saved(editor) / "settings.json").mkdir()
    task, _ = set_up(editor)
    assert "cannot be written" in str(task.error)


def test_what_a_microphone_needs_comes_along(editor: Any, place: Path, wheels: Path) -> None:
    """And into an environment that was made before it was there."""
    medtalk_wheel(wheels, extra="microphone")
    task, lines = set_up(editor)
    python = Path(task.result)
    there = [path.name for path in python.parents[1].rglob("microphone*")]
    assert not task.error and there == []
    assert [line for line in lines if line.startswith("The live preview will not hear a microphone:")]
    make_wheel(wheels, "microphone", "1.0", {"microphone.py": ""})
    task, lines = set_up(editor)
    assert not task.error and Path(task.result) == python, "the same one"
    assert list(python.parents[1].rglob("microphone.py"))
    assert not [line for line in lines if "hear a microphone" in line]


def test_what_a_microphone_needs_comes_from_the_index_if_that_may_be_asked(
    editor: Any, place: Path, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from medtalk_unreal import settings

    medtalk_wheel(wheels, extra="microphone")
    make_wheel(tmp_path / "index" / "microphone", "microphone", "1.0", {"microphone.py": ""})
    settings.save(replace(settings.load(), offline=True))
    with serve(tmp_path / "index") as url:
        monkeypatch.setenv("PIP_INDEX_URL", url)
        python = Path(set_up(editor)[0].result)
        assert not list(python.parents[1].rglob("microphone.py")), "Offline asks no index"
        settings.save(replace(settings.load(), offline=False))
        assert Path(set_up(editor)[0].result) == python and list(python.parents[1].rglob("microphone.py"))
