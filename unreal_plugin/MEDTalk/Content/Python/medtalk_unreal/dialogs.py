"""Message boxes, and the guard around every click. Only a click opens one: never the tick."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import unreal

from medtalk_unreal import ticks
from medtalk_unreal.errors import CancelledError, PluginError

TITLE = "MEDTalk"


def guarded(action: Callable[[], Any]) -> None:
    """Call what a click asks for; what goes wrong is shown as one line, and logged."""
    try:
        action()
    except CancelledError:
        pass
    except PluginError as error:
        complain(error)
    except Exception as error:
        complain(ticks.fault(error))


def complain(error: PluginError) -> None:
    """Show and log an error."""
    unreal.log_error(f"MEDTalk: {error}")
    _show(str(error), unreal.AppMsgCategory.ERROR)


def say(text: str) -> None:
    """Show and log what was done."""
    unreal.log(f"MEDTalk: {text}")
    _show(text, unreal.AppMsgCategory.SUCCESS)


def _show(text: str, category: unreal.AppMsgCategory) -> None:
    unreal.EditorDialog.show_message(TITLE, text, unreal.AppMsgType.OK, unreal.AppReturnType.OK, category)
