"""One change of the project: one undo step, whole or not at all.

A long change shows a progress window with Cancel. A short one shows none: changes are made in the tick, where Unreal
allows such a window but calls it wrong use.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import unreal

from medtalk_unreal import compat
from medtalk_unreal.errors import CancelledError, PluginError

LONG = 100_000
"""From so many values on a change is long: ten seconds of a face, of which a sixth become keys."""
_PATIENCE = 0.5  # seconds before a progress window appears
_PATH = re.compile(r"(/[\w+-]+)+")  # also what Unreal allows beyond it is better left out of paths
_NOT_IN_NAMES = re.compile(r"\W+")
_SOURCE = "MEDTalk.source"  # the tag on every asset that is made here: what it was made of
_TAKE = "MEDTalk.take."  # and, with the name of a take behind it, what led that
_TAKE_META = ("medtalk", "bundle", "emotion", "guidance", "strength", "intensity", "transcript", "region")


class Edit:
    """A change in `edit`: steps of the progress window, new assets, and the start of the undo step."""

    def __init__(self, title: str, steps: int, window: bool) -> None:
        self._title, self._steps, self._window = title, steps, window
        self._stack = ExitStack()
        self._slow: unreal.ScopedSlowTask
        self._new_assets: list[str] = []
        self._begun = False
        self._view = compat.View.now()

    def step(self, text: str, work: float = 1.0) -> None:
        """Go on with the progress. Raises `CancelledError` if the user has pressed Cancel."""
        self.pause()
        self._slow.enter_progress_frame(work, text)

    def pause(self) -> None:
        """Raise `CancelledError` if the user has pressed Cancel."""
        if self._slow.should_cancel():
            raise CancelledError(f"{self._title}: cancelled.", "" if self._new_assets else "Nothing was changed.")

    def make_asset(self, path: str, kind: type, factory: unreal.Factory, source: str) -> Any:
        """A new asset, marked as made of `source`. If the change fails it stays as it was made, for the next attempt.

        Raises `PluginError` where Unreal makes none.
        """
        folder, _, name = path.rpartition("/")
        if compat.load(path) is not None:
            raise PluginError(f"{path} is already in the project.")
        asset = unreal.AssetToolsHelpers.get_asset_tools().create_asset(name, folder, kind, factory)
        if asset is None:
            raise PluginError(f"Unreal could not create the asset {path}.", "Choose another folder.")
        self._new_assets.append(path)
        unreal.EditorAssetLibrary.set_metadata_tag(asset, _SOURCE, source)
        return asset

    def begin(self, *objects: unreal.Object) -> None:
        """From here on everything belongs to the undo step; `objects` will be changed."""
        self._stack.enter_context(unreal.ScopedEditorTransaction(self._title))
        self._begun = True
        for one in objects:
            one.modify()

    def _open(self) -> None:
        self._slow = self._stack.enter_context(unreal.ScopedSlowTask(self._steps, self._title))
        if self._window:
            self._slow.make_dialog_delayed(_PATIENCE, True)

    def _take_back(self) -> str:
        """Undo the step, which is over, and show again what was open; what the user should know of what stays.

        A step is never empty: `begin` marks its objects. New assets stay: Unreal deletes one only by closing the
        editors of all assets, and forgets all undo steps if it is part of one.
        """
        if self._begun:
            compat.undo()
        self._view.again()
        if not self._new_assets:
            return ""
        return f"The new {', '.join(self._new_assets)} stays, without the take; the next attempt writes there."


@contextmanager
def edit(title: str, steps: int, window: bool = True) -> Iterator[Edit]:
    """A change of the project; whatever is raised inside takes all of it back. window: whether progress is shown."""
    change = Edit(title, steps, window)
    try:
        with change._stack:
            change._open()
            yield change
    except PluginError as error:
        stays = change._take_back()
        if not stays:
            raise
        raise type(error)(error.message, f"{error.hint} {stays}", error.about) from error
    except Exception:
        if stays := change._take_back():
            unreal.log_warning(f"MEDTalk: {stays}")
        raise


def is_long(values: int) -> bool:
    """Whether a change of so many values takes so long that it shows its progress."""
    return values > LONG


def check_editable() -> None:
    """Raise `PluginError` while the level is played: nothing can be loaded or changed then."""
    if compat.playing():
        raise PluginError("The editor is playing the level.", "Stop it, then try again.")


def asset_path(folder: str, name: str = "") -> str:
    """`folder`, or the path of an asset called like `name` in it, without what Unreal forbids in names.

    Raises `PluginError` for an invalid folder.
    """
    plain = folder.rstrip("/")
    if not _PATH.fullmatch(plain):
        raise PluginError(f"{folder!r:.100} is not a project folder.", "Folders look like /Game/Cinematics/Faces.")
    return f"{plain}/{asset_name(name)}" if name else plain


def asset_name(name: str) -> str:
    """A name without what Unreal forbids in those of assets."""
    return _NOT_IN_NAMES.sub("_", name) or "Take"


def source_of(asset: unreal.Object) -> str:
    """The source of an asset that was made here; "" for any other."""
    return str(unreal.EditorAssetLibrary.get_metadata_tag(asset, _SOURCE))


def describe(asset: unreal.Object, take: str, meta: Mapping[str, Any]) -> None:
    """Store with an asset how a take in it was made: the model, and the mood with the name of a picture or the text."""
    facts = {name: meta[name] for name in _TAKE_META if name in meta}
    if facts:
        unreal.EditorAssetLibrary.set_metadata_tag(asset, f"{_TAKE}{take}", json.dumps(facts))


def described(asset: unreal.Object, take: str) -> dict[str, Any]:
    """The facts that `describe` stored; empty for none."""
    try:
        facts = json.loads(str(unreal.EditorAssetLibrary.get_metadata_tag(asset, f"{_TAKE}{take}")) or "{}")
    except ValueError:
        facts = None
    return facts if isinstance(facts, dict) else {}


def place(path: str, source: str, replace: bool) -> str:
    """`path`, or with the first number behind it that is free; to `replace`, where an asset was made of `source`."""
    number, free = 1, path
    while (asset := compat.load(free)) is not None and not (replace and source_of(asset) == source):
        number += 1
        free = f"{path}_{number}"
    return free
