"""Details views of our own classes: their rows, their values, and the tabs they are shown in.

A details view shows the properties of a Python class in reverse. DisplayPriority puts them in order, over all
categories together: a category stands where its first row does, and buttons stand above the rows of theirs. So rows
are numbered through, in the order in which a class declares them.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import unreal

_WIDTH, _HEIGHT = 560, 640
_TRANSIENT = "/Engine/Transient."  # where an object without an outer is

_wanted: bool | None = None  # while a dialog shows a form, as where there are no tabs: whether to begin after it
_open: dict[str, str] = {}  # class of a form -> path name of the one that was opened last


def rows() -> Callable[..., dict[str, str]]:
    """A function that gives the metadata of one row after another of a class."""
    numbers = count(10, 10)

    def row(category: str, title: str, tip: str, **more: str) -> dict[str, str]:
        place = {"Category": category, "DisplayName": title, "DisplayPriority": str(next(numbers))}
        return {**place, "ToolTip": tip, **more}

    return row


def make(kind: type, title: str) -> Any:
    """A form of a class. The tab shows the name of the object, which is made of the title: names have no spaces."""
    name = title.replace(" ", "-")
    # An object of the same name would be replaced, and its tab may still be open.
    taken = (f"{name}-{number}" if number > 1 else name for number in count(1))
    return unreal.new_object(
        kind, name=next(one for one in taken if unreal.find_object(None, _TRANSIENT + one) is None)
    )


def open_tab(form: Any) -> bool:
    """Show a form in a tab, in place of the one of its class that was opened before; False where there are no tabs."""
    tabs = unreal.get_editor_subsystem(unreal.AssetEditorSubsystem)
    before = opened(type(form))
    if tabs is not None and before is not None:
        tabs.close_all_editors_for_asset(before)
    done = tabs is not None and tabs.open_editor_for_assets([form])
    _open[type(form).__name__] = form.get_path_name() if done else ""
    return done


def opened(kind: type) -> Any:
    """The form of a class that was opened last, or None if its tab was closed since. Not kept: it is looked up anew."""
    path = _open.get(kind.__name__)
    return unreal.find_object(None, path) if path else None


def ask(form: Any, title: str) -> bool:
    """Show a form as a dialog; whether the user chose OK."""
    options = unreal.EditorDialogLibraryObjectDetailsViewOptions(False, True, True, _WIDTH, _HEIGHT, 0.6)
    return unreal.EditorDialog.show_object_details_view(title, form, options)


def present(form: Any, title: str, begin: Callable[[Any], None]) -> None:
    """Show a form: in a tab, or where there are none in a dialog, after which `begin` is called if that is wanted."""
    global _wanted
    if open_tab(form):
        return
    _wanted = False
    try:
        wanted = ask(form, title) or _wanted
    finally:
        _wanted = None
    if wanted:
        begin(form)


def later(wanted: bool) -> bool:
    """Whether a dialog shows the form: nothing of ours ticks behind it. Then it notes what to do when that closes."""
    global _wanted
    if _wanted is not None:
        _wanted = wanted
    return _wanted is not None


def get(form: Any, name: str) -> Any:
    """A value of a form."""
    return form.get_editor_property(name)


def path(form: Any, name: str, field: str) -> str:
    """A path of a picker: those inside the project are given relative to it, others perhaps to the editor's program."""
    text = getattr(get(form, name), field).strip()
    if not text or Path(text).is_absolute():
        return text
    full = unreal.Paths.convert_relative_path_to_full
    places = [Path(full(unreal.Paths.project_dir())) / text, Path(full(text))]
    return next((place for place in places if place.exists()), places[0]).as_posix()


def key(table: dict[str, str], value: str) -> str:
    """What a combo box shows for a value."""
    return next(name for name, entry in table.items() if entry == value)
