"""The tab of Test Connection: its steps, and the button that mends what they miss."""

from __future__ import annotations

from typing import Any

import unreal

from medtalk_unreal import details, dialogs, installing, reports, ticks
from medtalk_unreal.sidecar import the_sidecar

TITLE = "MEDTalk Connection"
WORKS = "The connection works."
_row = details.rows()


@unreal.uclass()
class MEDTalkConnectionForm(unreal.Object):
    """The lines of a test, or of a set-up."""

    report = unreal.uproperty(str, meta=_row("Connection", "Steps", "Also in the Output Log.", MultiLine="true"))

    @unreal.ufunction(
        meta=_row("Connection", "Set Up", "Make the Python that MEDTalk runs in. It needs no terminal.",
                  CallInEditor="true")
    )  # fmt: skip
    def set_up(self):
        dialogs.guarded(lambda: set_up(self))

    @unreal.ufunction(
        meta=_row("Connection", "Cancel Set Up", "Stop. Nothing is left of what was begun.", CallInEditor="true")
    )
    def cancel(self):
        installing.cancel()


def test() -> None:
    """Begin the test in a tab of its own."""
    tell = reports.open_report(MEDTalkConnectionForm, TITLE)
    ticks.begin(the_sidecar.test(tell), reports.telling(tell, WORKS))


def set_up(form: Any = None) -> None:
    """Begin the set-up, and the test after it, in the tab of a test or in a new one.

    Raises `PluginError` if it is on its way already.
    """
    installing.check_idle()
    tell = reports.into(form) if form is not None else reports.open_report(MEDTalkConnectionForm, TITLE)
    installing.start(tell, reports.telling(tell, WORKS))
