"""Work of minutes on the project, in the editor's ticks: its status, and what it must be able to do."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Protocol

import unreal

from medtalk_unreal import compat, made, ticks
from medtalk_unreal.bake import BakeReport
from medtalk_unreal.take import TakeReport

Report = TakeReport | BakeReport


@dataclass
class Status:
    """A generation's status. `state` is "running", "done", "failed" or "cancelled"; `fraction` is 0 to 1; `text` one
    line for the user; `reports` are of the takes that were written, `failures` lines about sounds that could not be.
    `kept` are the assets that were done already, `edited` those that somebody has changed by hand: both were left.
    """

    state: str = "running"
    phase: str = "waiting"
    fraction: float = 0.0
    text: str = "Waiting."
    reports: list[Report] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    edited: list[str] = field(default_factory=list)

    def leave(self, asset: str, why: str) -> None:
        """Note an asset that was left. why: as `made.Book.left` has it."""
        (self.edited if why == made.EDITED else self.kept).append(asset)
        if why == made.EDITED:
            unreal.log_warning(f"MEDTalk: {asset} was changed by hand, and is left. Drop the hand edits to replace it.")

    def left(self) -> str:
        """What to say of the assets that were left; "" for none."""
        kept = f"; {len(self.kept)} left, which were done before" if self.kept else ""
        return kept + (f"; {len(self.edited)} left, which were changed by hand" if self.edited else "")


class Work(Protocol):
    """Work of minutes on the project, of which there is one at a time. `check` raises `PluginError` where it cannot
    begin; the rest is for `ticks`."""

    status: Status

    def check(self) -> None: ...

    def steps(self) -> Generator[None, None, Status]: ...

    def ended(self, task: ticks.Task) -> None: ...


PLAYING = "Waiting for the end of Play In Editor."


def until_editable(say: Callable[[], None]) -> Generator[None, None, None]:
    """Steps until the project can be changed, at least one: not while it is played (then `say` is called), nor while
    the user drags."""
    yield
    while (playing := compat.playing()) or compat.transacting():
        if playing:
            say()
        yield
