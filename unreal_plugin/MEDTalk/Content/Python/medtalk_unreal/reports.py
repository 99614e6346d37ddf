"""Reports: lines that come one by one in a tab while the editor goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import unreal

from medtalk_unreal import details, ticks

_TITLE = "MEDTalk Report"
_row = details.rows()


@unreal.uclass()
class MEDTalkReportForm(unreal.Object):
    """The lines of a report."""

    # One text, not an array: an array is folded up, and cannot be copied as a whole.
    report = unreal.uproperty(str, meta=_row("Report", "Steps", "Also in the Output Log.", MultiLine="true"))


def open_report(kind: type = MEDTalkReportForm, title: str = _TITLE) -> Callable[[str], None]:
    """Open a tab for lines; the function that adds one, also long after. They are in the log too.

    kind: a class with the property `report`. title: that of the tab.
    """
    form = details.make(kind, title)
    details.open_tab(form)
    return into(form)


def into(form: Any) -> Callable[[str], None]:
    """The function that adds a line to the report in a form."""
    path = form.get_path_name()

    def tell(line: str) -> None:
        unreal.log(f"MEDTalk: {line}")
        report = unreal.find_object(None, path)
        if report is not None:
            before = details.get(report, "report")
            report.set_editor_property("report", f"{before}\n{line}" if before else line)

    return tell


def follow(steps: Callable[[Callable[[str], None]], ticks.Steps], done: str = "") -> None:
    """Do steps in the tick, where no dialog may be opened: a tab and the log report them and their end."""
    tell = open_report()
    ticks.begin(steps(tell), telling(tell, done))


def telling(tell: Callable[[str], None], done: str) -> Callable[[ticks.Task], None]:
    """What tells of the end of a task."""

    def ended(task: ticks.Task) -> None:
        if task.error is not None:
            tell(str(task.error))
            unreal.log_error(f"MEDTalk: {task.error}")
        else:
            tell(task.result if isinstance(task.result, str) else done)

    return ended


def report_is_open() -> bool:
    """Whether there is a tab with lines."""
    return details.opened(MEDTalkReportForm) is not None
