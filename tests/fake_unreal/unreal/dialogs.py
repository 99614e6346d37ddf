"""Modal dialogs, which tests answer in advance, and tabs that stay open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .enums import AppMsgType, AppReturnType
from .objects import BlueprintFunctionLibrary, EditorSubsystem
from .state import EDITOR


class Dialogs:
    """What was shown, and what the user will answer.

    messages: (title, text) of each message box. answers: what the next ones get; the default where none is left.
    forms: a function for each details view to come: it gets the object, fills it, and returns True for OK.
    """

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []
        self.answers: list[Any] = []
        self.forms: list[Callable[[Any], bool]] = []
        self.shown: list[str] = []  # titles of the details views

    def form(self, title: str, thing: Any) -> bool:
        self.shown.append(title)
        if not self.forms:
            return False
        fill = self.forms.pop(0)
        return bool(fill(thing))


class EditorDialog(BlueprintFunctionLibrary):
    """Modal: never from a tick. Unattended they answer at once with the default."""

    @staticmethod
    def show_message(title: Any, message: Any, message_type: Any, default_value: Any, message_category: Any) -> Any:
        if EDITOR.unattended or EDITOR.unattended_script:
            EDITOR.log.add("Warning", f"{title}: {message}")
            return default_value
        EDITOR.modal(f"the message '{title}'")
        EDITOR.dialogs.messages.append((str(title), str(message)))
        if EDITOR.dialogs.answers:
            return EDITOR.dialogs.answers.pop(0)
        return AppReturnType.OK if message_type is AppMsgType.OK else default_value

    @staticmethod
    def show_object_details_view(title: Any, out_object: Any, options: Any) -> bool:
        if EDITOR.unattended or EDITOR.unattended_script:
            return False
        EDITOR.modal(f"the details view '{title}'")
        return EDITOR.dialogs.form(str(title), out_object)

    @staticmethod
    def show_objects_details_view(title: Any, out_objects: Any, options: Any) -> bool:
        if EDITOR.unattended or EDITOR.unattended_script:
            return False
        EDITOR.modal(f"the details view '{title}'")
        return EDITOR.dialogs.form(str(title), out_objects)


class AssetEditorSubsystem(EditorSubsystem):
    """Editors of assets; for an object of a Python class a tab with its details."""

    def open_editor_for_assets(self, assets: Any, opened_method: Any) -> bool:
        if EDITOR.unattended or EDITOR.commandlet or not EDITOR.tabs_work:
            return False
        for one in assets._items:
            if one not in EDITOR.open_tabs:
                EDITOR.open_tabs.append(one)
        return True

    def close_all_editors_for_asset(self, asset: Any) -> int:
        if asset not in EDITOR.open_tabs:
            return 0
        EDITOR.open_tabs.remove(asset)
        return 1
