"""A plugin of pytest for these tests, which chooses those that run: it marks each with what it needs, leaves out what
needs something missing, and sees what needs more than its marks say. It is the same for workers of pytest-xdist."""

from __future__ import annotations

import itertools
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.booth import missing as missing_microphone
from tests.helpers.browser import missing as missing_browser
from tests.helpers.needs import loads_torch, needs

_LEFT_OUT = pytest.StashKey[list[str]]()
_MISSING = pytest.StashKey[str]()
_started: list[str] = []
"""What the running test has started as a process."""


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_LEFT_OUT] = []
    sys.addaudithook(_see)


def _see(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"):
        program = str(arguments[0]) if arguments else event
        if Path(program).name not in ("uname", "ldconfig"):  # by the standard library, once
            _started.append(program)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Without the tests that need torch, do not even import their modules: that alone would load it."""
    module = collection_path.match("test_*.py") and "not torch" in config.option.markexpr
    return True if module and _loads_torch(collection_path) else None


def _loads_torch(module: Path) -> bool:
    """Whether a module of tests does; all of training is about torch."""
    return module.parent.name == "training" or loads_torch(module)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Mark every test with what it needs; of those that -m then chooses, leave out what needs something missing."""
    for item in items:
        for mark in _marks(item):
            item.add_marker(mark)
    if hasattr(config, "workerinput"):
        _long_ones_first(items)
    yield
    _leave_out(config, items, "speech_engines", _missing_engine)
    _leave_out(config, items, "reference", _missing_reference)
    _leave_out(config, items, "browser", missing_browser)
    _leave_out(config, items, "microphone", missing_microphone)


_LONGEST = 20
_COST = {"browser": 4.0, "process": 2.0, "torch": 1.0, "unreal": 0.3}
"""Seconds that a test with such a mark takes, roughly."""


def _long_ones_first(items: list[pytest.Item]) -> None:
    """Where several processes take files in turn, those that take long come first: then none is left alone with one."""
    cost: dict[Path, float] = defaultdict(float)
    for item in items:
        cost[item.path] += max((_COST[mark] for mark in _COST if item.get_closest_marker(mark)), default=0.05)
    items.sort(key=lambda item: (-cost[item.path], item.path))


def _marks(item: pytest.Item) -> set[str]:
    assert isinstance(item, pytest.Function)
    fixtures = [each.func for found in item._fixtureinfo.name2fixturedefs.values() for each in found]
    marks = needs([item.function, *fixtures])
    marks |= {"torch"} if _loads_torch(item.path) else set()
    marks |= {"process"} if item.get_closest_marker("speech_engines") else set()
    marks |= {"microphone"} if "booth" in item.fixturenames else set()
    marks |= {"unreal"} if "unreal" in item.fixturenames else set()
    return marks | ({"reference"} if "shared" in item.fixturenames else set())


def _leave_out(config: pytest.Config, items: list[pytest.Item], mark: str, missing: Callable[[], str]) -> None:
    """Leave out the tests with this mark where something is missing; CI, which asks for all tests, fails there."""
    marked = [item for item in items if item.get_closest_marker(mark)]
    if not marked or not (line := missing()):
        return
    if os.environ.get("MEDTALK_EVERY_TEST"):
        if not hasattr(config, "workerinput"):
            raise pytest.UsageError(f"CI leaves no test out. {line}")
        for item in marked:  # a worker that fails while it collects is taken for one that broke down
            item.stash[_MISSING] = f"CI leaves no test out. {line}"
        return
    items[:] = [item for item in items if item not in marked]
    config.hook.pytest_deselected(items=marked)
    files = ", ".join(sorted({item.path.name for item in marked}))
    config.stash[_LEFT_OUT].append(f"{len(marked)} tests of {files} were left out. {line}")


def pytest_runtest_logstart() -> None:
    _started.clear()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if line := item.stash.get(_MISSING, ""):
        pytest.fail(line, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Where tests are chosen by what they need, one that needs more than its marks say fails."""
    result = yield
    if "not torch" in item.config.option.markexpr and "torch" in sys.modules:
        pytest.exit(f"{item.nodeid} loads torch and is not marked `torch`.", 1)
    if _started and "not process" in item.config.option.markexpr:
        pytest.fail(f"It starts a process and is not marked `process`: {_started[0]}")
    return result


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist tells what it has left out: all of them collect the same, and none has a terminal."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["left_out"] = session.config.stash[_LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker has ended."""
    told = node.config.stash[_LEFT_OUT]
    told += [line for line in getattr(node, "workeroutput", {}).get("left_out", ()) if line not in told]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash[_LEFT_OUT]:
        terminalreporter.write_line(line, yellow=True)
    if config.option.durations:
        took: dict[str, float] = defaultdict(float)
        for report in itertools.chain.from_iterable(terminalreporter.stats.values()):
            if isinstance(report, pytest.TestReport):
                took[report.nodeid.partition("::")[0]] += report.duration
        longest = sorted(took, key=lambda file: -took[file])[:_LONGEST]
        terminalreporter.write_line(
            "files that took longest: " + ", ".join(f"{each} {took[each]:.0f} s" for each in longest)
        )


def _missing_engine() -> str:
    """What is missing of the speech engines of the training corpus and their texts, in a line; "" for nothing."""
    from medtalk.errors import TrainingError
    from medtalk_train.synthetic.corpus import espeak, festival, flite, text

    try:
        espeak.check()
        flite.check()
        festival.check()
        for language in text.SOURCES:
            text.sentences(language)
    except TrainingError as error:
        return f"{error} All that they need: sudo apt-get install -y $(cat .ci/debian_packages.txt)"
    return ""


def _missing_reference() -> str:
    """Why there is no reference data, in a line; "" where there is some."""
    named = os.environ.get("MEDTALK_REFERENCE", "")
    if named and Path(named).is_dir():
        return ""
    wrong = f"MEDTALK_REFERENCE is {named}, which is no folder." if named else "MEDTALK_REFERENCE is not set."
    return f"{wrong} It names the folder of reference data: see CONTRIBUTING.md."
