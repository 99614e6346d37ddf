"""Menus and tool bar buttons, and what they do."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import unreal

from medtalk_unreal import (
    bake,
    bakeform,
    compat,
    connectionform,
    facerig,
    forms,
    generate,
    liveform,
    preview,
    readback,
    reports,
    selection,
    settingsform,
)
from medtalk_unreal import settings as settings_file
from medtalk_unreal.choices import NO_SEQUENCE
from medtalk_unreal.dialogs import TITLE, guarded, say
from medtalk_unreal.edits import check_editable
from medtalk_unreal.errors import PluginError
from medtalk_unreal.filling import selected_faces
from medtalk_unreal.livestream import the_stream
from medtalk_unreal.places import find_sequence
from medtalk_unreal.sidecar import the_sidecar

OWNER = "MEDTalk"


class Entry(NamedTuple):
    """An entry of a menu or tool bar; `action` is a key of `ACTIONS`, `icon` one that all versions have."""

    menu: str
    action: str
    icon: str
    label: str
    tip: str


SOUND_MENU = "ContentBrowser.AssetContextMenu.SoundWave"
SOUND_SUBMENU = f"{SOUND_MENU}.{OWNER}"
TOOLS_MENU = "LevelEditor.MainMenu.Tools"
SEQUENCER_BAR = "Sequencer.MainToolBar"
ENTRIES = (
    Entry(SOUND_SUBMENU, "generate", "Plus", "Generate Face Animation...",
          "Create face board keys that make a MetaHuman speak the selected sounds."),
    Entry(SOUND_SUBMENU, "again", "Refresh", "Generate with Last Settings",
          "The same at once, with the values that the form was used with last."),
    Entry(SOUND_SUBMENU, "sequences", "Layout", "One Level Sequence for Each Sound",
          "At once, with the last values: a new Level Sequence for each selected sound, saved. Leaves finished ones."),
    Entry(SOUND_SUBMENU, "animations", "Duplicate", "One Anim Sequence for Each Sound",
          "The same with an AnimSequence for the face of the MetaHuman selected in the level."),
    Entry(SOUND_SUBMENU, "preview", "Visible", "Preview the Face",
          "Show a head that speaks the selected sound in the browser. Nothing is changed in the project."),
    Entry(TOOLS_MENU, "generate", "Plus", "Generate Face Animation...",
          "Create face board keys that make a MetaHuman speak the selected sounds."),
    Entry(TOOLS_MENU, "cancel", "X", "Cancel Generation", "Stop. Takes that are already written stay."),
    Entry(TOOLS_MENU, "look", "Visible", "Preview the Take",
          "Show the take at the playhead of the open sequence, as it is now, on a head in the browser."),
    Entry(TOOLS_MENU, "live", "Launch", "Live Preview...",
          "Let a MetaHuman speak while somebody speaks into the microphone, by Live Link; and record it."),
    Entry(TOOLS_MENU, "live_stop", "X", "Stop Live Preview", "End it. What is being recorded is kept."),
    Entry(TOOLS_MENU, "bake", "Save", "Bake to Anim Sequence",
          "Record the face of the MetaHuman in the open sequence as an AnimSequence beside it."),
    Entry(TOOLS_MENU, "export", "FolderOpen", "Export Takes",
          "Write the takes of the open sequence, with what you changed in them, as .npz and .wav files."),
    Entry(TOOLS_MENU, "results", "Import", "Bake Folder of Results...",
          "Make a Level Sequence or an AnimSequence of each line that medtalk bake has made."),
    Entry(TOOLS_MENU, "test", "Check", "Test Connection", "Check step by step that nothing is missing."),
    Entry(TOOLS_MENU, "set_up", "Import", "Set Up", "Make the Python that MEDTalk runs in. It needs no terminal."),
    Entry(TOOLS_MENU, "start", "Launch", "Start Sidecar", "Load the model now instead of at the first take."),
    Entry(TOOLS_MENU, "stop", "XCircle", "Stop Sidecar", "Free the memory that the model takes."),
    Entry(TOOLS_MENU, "selftest", "Search", "Self-Test",
          "Test everything that the plugin needs from this editor in a scratch sequence, and write a report."),
    Entry(TOOLS_MENU, "settings", "Settings", "Settings...", "Where the sidecar's Python is, and more."),
    Entry(SEQUENCER_BAR, "sequencer", "Plus", "Generate Face",
          "Generate the face that speaks the selected audio section with MEDTalk."),
)  # fmt: skip
MENUS = (SOUND_MENU, TOOLS_MENU, SEQUENCER_BAR)
"""The menus and tool bars that we extend."""


def install() -> None:
    """Put the entries into the editor; those that were there are replaced."""
    menus = unreal.ToolMenus.get()
    menus.unregister_owner_by_name(OWNER)
    tip = "Face animation from sounds."
    menus.extend_menu(SOUND_MENU).add_sub_menu(OWNER, "GetAssetActions", OWNER, TITLE, tip)
    for menu in (SOUND_SUBMENU, TOOLS_MENU, SEQUENCER_BAR):
        menus.extend_menu(menu).add_section(OWNER, TITLE)
    for entry in ENTRIES:
        menus.extend_menu(entry.menu).add_menu_entry(OWNER, _tool_menu_entry(entry))
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
    item.set_icon("EditorStyle", f"Icons.{entry.icon}")  # the style of the editor itself
    command = f"from medtalk_unreal import menus; menus.run({entry.action!r})"
    item.set_string_command(unreal.ToolMenuStringCommandType.PYTHON, "", command)
    return item


def _selected_sounds() -> list[str]:
    waves = unreal.EditorUtilityLibrary.get_selected_assets_of_class(unreal.SoundWave)
    return [wave.get_path_name() for wave in waves]


def _from_sequencer() -> None:
    """The form for the selected audio section; without one as everywhere, and the reason is its status."""
    try:
        chosen = selection.from_sequencer(settings_file.load())
    except PluginError as error:
        forms.open_generate(_selected_sounds(), str(error))
    else:
        forms.open_generate(chosen.pop("sounds"), **chosen)


def _look() -> None:
    path = _open_sequence()
    files = preview.take_at_playhead(path, _face(path)[0])
    reports.follow(lambda tell: preview.of_files(*files, tell))


def _bake() -> None:
    path = _open_sequence()
    actor, face = _face(path)
    report = bake.bake_sequence(path, actor, *bake.beside(path, face))
    say("\n".join(report.lines()))


def _export() -> None:
    path = _open_sequence()
    actor, face = _face(path)
    place = readback.default_folder(path, face)
    files = readback.export(path, actor, place)
    say(f"{len(files) // 2} takes were written to {place}.")


def _open_sequence() -> str:
    """The package of the sequence that is edited in Sequencer."""
    check_editable()
    sequence = unreal.LevelSequenceEditorBlueprintLibrary.get_focused_level_sequence()
    if sequence is None:
        raise PluginError("No sequence is open.", "Open the Level Sequence in Sequencer.")
    return compat.package(sequence.get_path_name())


def _face(sequence: str) -> tuple[str | None, str]:
    """Of a sequence with several MetaHumans, path and name of the one that is selected in the level; else nobody."""
    names = facerig.names(find_sequence(sequence))
    chosen = [one for one in selected_faces() if one.get_actor_label() in names] if len(names) > 1 else []
    return (chosen[0].get_path_name(), chosen[0].get_actor_label()) if len(chosen) == 1 else (None, "")


def _check_idle() -> None:
    if generate.running():
        raise PluginError("A face animation is being generated.", "Cancel it first.")


def _settings() -> None:
    if settingsform.open_settings() and the_sidecar.is_there and generate.running() is None:
        reports.follow(the_sidecar.restart)


def _stop() -> None:
    _check_idle()
    reports.follow(lambda _: the_sidecar.stop())


def _selftest() -> None:
    from medtalk_unreal import selftest

    _check_idle()
    check_editable()
    reports.follow(lambda tell: selftest.steps(MENUS, tell))


ACTIONS: dict[str, Callable[[], None]] = {
    "generate": lambda: forms.open_generate(_selected_sounds()),
    "again": lambda: forms.again(_selected_sounds()),
    "sequences": lambda: forms.again(_selected_sounds(), sequence="", one_each=True, resume=True),
    "animations": lambda: forms.again(_selected_sounds(), NO_SEQUENCE, resume=True),
    "sequencer": _from_sequencer,
    "preview": lambda: forms.show_preview(forms.filled(_selected_sounds())),
    "look": _look,
    "cancel": generate.cancel,
    "live": liveform.open_live,
    "live_stop": the_stream.stop,
    "bake": _bake,
    "export": _export,
    "results": bakeform.open_bake,
    "test": connectionform.test,
    "set_up": connectionform.set_up,
    "start": lambda: reports.follow(the_sidecar.connect, "The sidecar is running."),
    "stop": _stop,
    "selftest": _selftest,
    "settings": _settings,
}
assert {entry.action for entry in ENTRIES} == set(ACTIONS)
