"""Menus and tool bar buttons, and what they do."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import unreal

from medtalk_unreal import bake, compat, forms, generate, installing, readback, ticks
from medtalk_unreal.dialogs import TITLE, guarded, say
from medtalk_unreal.edits import check_editable
from medtalk_unreal.errors import PluginError
from medtalk_unreal.sidecar import the_sidecar

OWNER = "MEDTalk"
CONNECTED = "The connection works."


class Entry(NamedTuple):
    """An entry of a menu or tool bar; `action` is a key of `ACTIONS`."""

    menu: str
    section: str
    action: str
    label: str
    tip: str


SOUND_MENU = "ContentBrowser.AssetContextMenu.SoundWave"
TOOLS_MENU = "LevelEditor.MainMenu.Tools"
SEQUENCER_BAR = "Sequencer.MainToolBar"
ENTRIES = (
    Entry(SOUND_MENU, "GetAssetActions", "generate", "Generate Face Animation (MEDTalk)...",
          "Create face board keys that make a MetaHuman speak the selected sounds."),
    Entry(TOOLS_MENU, OWNER, "generate", "Generate Face Animation...",
          "Create face board keys that make a MetaHuman speak the selected sounds."),
    Entry(TOOLS_MENU, OWNER, "cancel", "Cancel Generation", "Stop. Takes that are already written stay."),
    Entry(TOOLS_MENU, OWNER, "bake", "Bake to Anim Sequence",
          "Record the face of the MetaHuman in the open sequence as an AnimSequence beside it."),
    Entry(TOOLS_MENU, OWNER, "export", "Export Recorded Rig",
          "Write the takes of the open sequence, with what you changed in them, as .npz and .wav files."),
    Entry(TOOLS_MENU, OWNER, "test", "Test Connection", "Check step by step that nothing is missing."),
    Entry(TOOLS_MENU, OWNER, "set_up", "Set Up", "Make the Python that MEDTalk runs in. It needs no terminal."),
    Entry(TOOLS_MENU, OWNER, "start", "Start Sidecar", "Load the model now instead of at the first take."),
    Entry(TOOLS_MENU, OWNER, "stop", "Stop Sidecar", "Free the memory that the model takes."),
    Entry(TOOLS_MENU, OWNER, "selftest", "Self-Test",
          "Test everything that the plugin needs from this editor in a scratch sequence, and write a report."),
    Entry(TOOLS_MENU, OWNER, "settings", "Settings...", "Where the sidecar's Python is, and more."),
    Entry(SEQUENCER_BAR, OWNER, "generate", "Generate Face", "Generate face animation from sounds with MEDTalk."),
)  # fmt: skip
MENUS = tuple(dict.fromkeys(entry.menu for entry in ENTRIES))
"""The menus and tool bars that we extend."""


def install() -> None:
    """Put the entries into the editor; those that were there are replaced."""
    menus = unreal.ToolMenus.get()
    menus.unregister_owner_by_name(OWNER)
    sections = set()
    for entry in ENTRIES:
        menu = menus.extend_menu(entry.menu)
        if entry.section == OWNER and entry.menu not in sections:
            menu.add_section(OWNER, TITLE)
            sections.add(entry.menu)
        menu.add_menu_entry(entry.section, _tool_menu_entry(entry))
    menus.refresh_all_widgets()


def remove() -> None:
    """Take the entries away."""
    menus = unreal.ToolMenus.get()
    menus.unregister_owner_by_name(OWNER)
    menus.refresh_all_widgets()


def run(action: str) -> None:
    """Run the action of an entry."""
    guarded(ACTIONS[action])


def _tool_menu_entry(entry: Entry) -> unreal.ToolMenuEntry:
    kind = unreal.MultiBlockType.TOOL_BAR_BUTTON if entry.menu == SEQUENCER_BAR else unreal.MultiBlockType.MENU_ENTRY
    item = unreal.ToolMenuEntry(name=f"{OWNER}.{entry.action}", owner=unreal.ToolMenuOwner(OWNER), type=kind)
    item.set_label(entry.label)
    item.set_tool_tip(entry.tip)
    command = f"from medtalk_unreal import menus; menus.run({entry.action!r})"
    item.set_string_command(unreal.ToolMenuStringCommandType.PYTHON, "", command)
    return item


def _generate() -> None:
    waves = unreal.EditorUtilityLibrary.get_selected_assets_of_class(unreal.SoundWave)
    forms.open_generate([wave.get_path_name() for wave in waves])


def _bake() -> None:
    path = _open_sequence()
    report = bake.bake_sequence(path, None, *bake.beside(path))
    say("\n".join(report.lines()))


def _export() -> None:
    path = _open_sequence()
    place = readback.default_folder(path)
    files = readback.export_recorded_rig(path, None, place)
    say(f"{len(files) // 2} takes were written to {place}.")


def _open_sequence() -> str:
    """The package of the sequence that is edited in Sequencer."""
    check_editable()
    sequence = unreal.LevelSequenceEditorBlueprintLibrary.get_focused_level_sequence()
    if sequence is None:
        raise PluginError("No sequence is open.", "Open the Level Sequence in Sequencer.")
    return compat.package(sequence.get_path_name())


def _in_background(steps: Callable[[Callable[[str], None]], ticks.Steps], done: str = "") -> None:
    """Do steps in the tick, where no dialog may be opened: a tab and the log report them and their end."""
    tell = forms.open_report()
    ticks.begin(steps(tell), _reporting(tell, done))


def _reporting(tell: Callable[[str], None], done: str) -> Callable[[ticks.Task], None]:
    """What tells of the end of a task."""

    def ended(task: ticks.Task) -> None:
        if task.error is not None:
            tell(str(task.error))
            unreal.log_error(f"MEDTalk: {task.error}")
        else:
            tell(task.result if isinstance(task.result, str) else done)

    return ended


def _check_idle() -> None:
    if generate.running():
        raise PluginError("A face animation is being generated.", "Cancel it first.")


def _settings() -> None:
    if forms.open_settings() and the_sidecar.is_there and generate.running() is None:
        _in_background(the_sidecar.restart)


def _set_up() -> None:
    installing.start(tell := forms.open_report(), _reporting(tell, CONNECTED))


def _stop() -> None:
    _check_idle()
    _in_background(lambda _: the_sidecar.stop())


def _selftest() -> None:
    from medtalk_unreal import selftest

    _check_idle()
    check_editable()
    _in_background(lambda tell: selftest.steps(MENUS, tell))


ACTIONS: dict[str, Callable[[], None]] = {
    "generate": _generate,
    "cancel": generate.cancel,
    "bake": _bake,
    "export": _export,
    "test": lambda: _in_background(the_sidecar.test, CONNECTED),
    "set_up": _set_up,
    "start": lambda: _in_background(the_sidecar.connect, "The sidecar is running."),
    "stop": _stop,
    "selftest": _selftest,
    "settings": _settings,
}
assert {entry.action for entry in ENTRIES} == set(ACTIONS)
