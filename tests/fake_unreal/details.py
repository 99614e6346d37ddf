"""A details view as the editor draws it, as text: which rows, in which order, and how much of their values one sees.

The rules, and where they are known from (Engine/Source/Editor, 5.4 and 5.8):

* Properties of a Python class are met in reverse (public code that measured it; docs of none).
* OrderPropertiesFromMetadata (PropertyEditorHelpers.cpp): DisplayPriority orders all properties together; one goes
  before the first that has a higher number, so that equal ones stay as they are met, and those without come last.
* A category stands where its first property does; its rows stand together (DetailLayoutBuilderImpl.cpp).
* Buttons (CallInEditor) are one row for each category, in the order of their own DisplayPriority, and custom rows
  stand above the others of the category (ObjectDetails.cpp, AddLayoutToList in DetailCategoryBuilderImpl.cpp).
* An array is folded up: one sees how many elements it has (SPropertyEditorArray.cpp).
* A text is one line, what is longer is cut; with MultiLine it is wrapped (SPropertyEditorText.cpp).
* EditConditionHides takes the row away (EditConditionParser.cpp knows `false` and names of bool properties).
* A tab is called as the object is (FSimpleAssetEditor::GetToolkitName).
"""

from __future__ import annotations

import textwrap
from typing import Any

NAME, VALUE = 24, 44  # characters of the two columns


def draw(form: Any) -> str:
    """The view of an object of a Python class."""
    kind = type(form)
    metas = kind._metas
    lines = [f"[ {form._name} ]"]
    for category in categories(form):
        lines.append(f"v {category}")
        buttons = [item for item in kind._functions.values() if item.meta.get("CallInEditor")]
        buttons = [item.meta for item in buttons if item.meta["Category"] == category]
        if buttons:
            named = [f"[{meta['DisplayName']}]" for meta in sorted(buttons, key=_priority)]
            lines += textwrap.wrap("  ".join(named), NAME + VALUE, initial_indent="  ", subsequent_indent="  ")
        for name in order(form):
            if metas[name]["Category"] == category:
                lines += _row(metas[name]["DisplayName"], _value(form, name), read_only=_is_false(form, metas[name]))
    return "\n".join(lines) + "\n"


def order(form: Any) -> list[str]:
    """The properties one sees, in the order of the view."""
    metas, found = type(form)._metas, []
    for name in reversed(metas):
        priority = _priority(metas[name])
        later = (at for at, other in enumerate(found) if priority < _priority(metas[other]))
        found.insert(next(later, len(found)), name)
    return [name for name in found if not ("EditConditionHides" in metas[name] and _is_false(form, metas[name]))]


def categories(form: Any) -> list[str]:
    """The categories in the order of the view; those that have buttons only come last."""
    metas = type(form)._metas
    buttons = [item.meta for item in type(form)._functions.values() if item.meta.get("CallInEditor")]
    return list(dict.fromkeys(meta["Category"] for meta in (*(metas[name] for name in order(form)), *buttons)))


def _priority(meta: dict[str, str]) -> int:
    text = meta.get("DisplayPriority", "")
    return int(text) if text.lstrip("-").isdigit() else 2**31 - 1


def _is_false(form: Any, meta: dict[str, str]) -> bool:
    condition = meta.get("EditCondition", "")
    return condition == "false" or (condition in type(form)._metas and not getattr(form, condition))


def _row(name: str, value: list[str], read_only: bool) -> list[str]:
    if read_only:
        value = [f"{line:{VALUE}} (grey)".rstrip() if at == 0 else line for at, line in enumerate(value)]
    names = [_cut(name, NAME - 2), *[""] * (len(value) - 1)]
    return [f"  {left:{NAME}}{right}".rstrip() for left, right in zip(names, value, strict=True)]


def _value(form: Any, name: str) -> list[str]:
    """The lines of a value."""
    value, meta = getattr(form, name), type(form)._metas[name]
    kind = type(value).__name__
    if kind == "Array":
        return [f"{len(value)} Array element{'' if len(value) == 1 else 's'}  (+)"]
    if isinstance(value, bool):
        return ["[x]" if value else "[ ]"]
    if isinstance(value, (int, float)):
        return [f"|{value:g}{' ' + meta['Units'] if 'Units' in meta else ''}|"]
    if "GetOptions" in meta:
        return [f"<{_cut(str(value), VALUE - 4)} v>"]
    if kind in ("FilePath", "DirectoryPath"):
        return [f"|{_cut(value.file_path if kind == 'FilePath' else value.path, VALUE - 8)}| (...)"]
    if isinstance(value, str):
        if "MultiLine" not in meta:
            return [f"|{_cut(value, VALUE - 2)}|"]
        wrapped = [part for line in value.split("\n") for part in textwrap.wrap(line, VALUE - 2) or [""]]
        return [f"|{line}" for line in wrapped]
    return [f"<{'None' if value is None else value.get_name()} v>"]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}>"
