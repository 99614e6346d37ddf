"""Recorded rigs in a test suite: `pytest --medtalk-rigs DIR` makes each of them again, a test each.

pytest loads this module in every run of every project beside medtalk, so nothing else is imported before it is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from medtalk.recorded.verify import Verifier


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("medtalk", "recorded rigs of MEDTalk")
    group.addoption(
        "--medtalk-rigs", metavar="DIR", action="append", default=[],
        help="Make the recorded rigs in DIR again, a test each, which fails where one has changed; may be repeated.",
    )  # fmt: skip
    group.addoption(
        "--medtalk-tolerance", metavar="[AREA:]NUMBER", action="append", default=[],
        help="How far a control may be off, .01 if left out; brow:0.05 for an area; may be repeated.",
    )  # fmt: skip
    group.addoption("--medtalk-bundle", metavar="DIR", help="Another bundle than the one that ships.")
    group.addoption("--medtalk-sounds", metavar="DIR", help="Folder of the sounds, where they do not lie as they did.")


def pytest_configure(config: pytest.Config) -> None:
    if places := config.getoption("--medtalk-rigs"):
        config.pluginmanager.register(_Rigs(config, places), "medtalk-rigs")


class _Rigs:
    """Collects the recorded rigs of some folders, and makes them with one model."""

    def __init__(self, config: pytest.Config, places: list[str]) -> None:
        from medtalk.errors import MedtalkError
        from medtalk.recorded.comparison import read_tolerance
        from medtalk.recorded.recording import find_recordings
        from medtalk.recorded.verify import Terms, Workshop

        given = config.invocation_params.dir
        here = [given / place if (given / place).exists() else config.rootpath / place for place in places]
        try:
            found, _ = find_recordings(here)
            tolerance = read_tolerance(config.getoption("--medtalk-tolerance") or ())
        except MedtalkError as error:
            raise pytest.UsageError(str(error)) from None
        self.files = {file.resolve() for file in found}
        bundle, sounds = config.getoption("--medtalk-bundle"), config.getoption("--medtalk-sounds")
        terms = Terms(tolerance, None if sounds is None else given / sounds)
        self._shop = Workshop(terms, None if bundle is None else given / bundle)
        self._verifier: Verifier | None = None
        self._odd: list[Path] = []  # pytest takes what comes after a [ for a parameter, in arguments
        named = [(given / arg.partition("::")[0]).resolve() for arg in config.args]
        if not self.files.intersection(named) and not any("::" in arg for arg in config.args):  # else tests are chosen
            config.args += [str(file) for file in sorted(self.files) if "[" not in str(file)]
            self._odd = [file for file in sorted(self.files) if "[" in str(file)]

    @property
    def verifier(self) -> Verifier:
        """Opened for the first test."""
        if self._verifier is None:
            self._verifier = self._shop.open()
        return self._verifier

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        if file_path.resolve() not in self.files:
            return None
        return _RigFile.from_parent(parent, path=file_path, rigs=self)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        there = {item.path for item in items}
        for file in self._odd:
            if file not in there:
                items += _RigFile.from_parent(session, path=file, rigs=self).collect()


class _RigFile(pytest.File):
    def __init__(self, *, rigs: _Rigs, **more: Any) -> None:
        super().__init__(**more)
        self.rigs = rigs

    def collect(self) -> Iterator[pytest.Item]:
        yield _RigItem.from_parent(self, name=self.path.stem, rigs=self.rigs)


class _Changed(Exception):
    """A recorded rig that is not as it was; the message says all that a reader needs."""


class _RigItem(pytest.Item):
    def __init__(self, *, rigs: _Rigs, **more: Any) -> None:
        super().__init__(**more)
        self.rigs = rigs

    def runtest(self) -> None:
        from medtalk.recorded.report import details, headline

        verdict = self.rigs.verifier.make(self.path)
        if not verdict.good:
            raise _Changed("\n".join([headline(verdict), *(f"  {line}" for line in details(verdict))]))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from medtalk.errors import MedtalkError

        if isinstance(excinfo.value, _Changed | MedtalkError):
            return f"{self.path.name}: {excinfo.value}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.path, None, f"recorded rig {self.name}"
