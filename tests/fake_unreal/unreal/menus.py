"""Menus, tool bars and what is selected in the content browser."""

from __future__ import annotations

from typing import Any

from .assets import data_of
from .bind import nullable
from .enums import MultiBlockType, ToolMenuStringCommandType
from .objects import BlueprintFunctionLibrary, Object
from .state import EDITOR
from .values import Name, StructBase, Text

# Menus that the editor has before any plugin starts.
MENUS = (
    "LevelEditor.MainMenu.Tools",
    "LevelEditor.MainMenu.Window",
    "LevelEditor.ActorContextMenu",
    "ContentBrowser.AssetContextMenu",
    "ContentBrowser.AssetContextMenu.SoundWave",
    "ContentBrowser.AssetContextMenu.LevelSequence",
)


class ToolMenuOwner(StructBase):
    def __init__(self, name: Any = "None") -> None:
        super().__init__(name)
        self._values["_name"] = Name._taken(name)


class ToolMenuInsert(StructBase):
    pass


class ToolMenuEntryScriptDataAdvanced(StructBase):
    pass


class ToolMenuEntryScriptData(StructBase):
    pass


class ToolMenuEntry(StructBase):
    """An entry that runs a command. Its type has to be said: the default is none."""

    def set_label(self, label: Any) -> None:
        self._values["_label"] = label

    def get_label(self) -> Any:
        return self._values.get("_label", Text(""))

    def set_tool_tip(self, tool_tip: Any) -> None:
        self._values["_tip"] = tool_tip

    def get_tool_tip(self) -> Any:
        return self._values.get("_tip", Text(""))

    def set_icon(self, style_set_name: Any, style_name: Any, small_style_name: Any) -> None:
        self._values["_icon"] = (style_set_name, style_name, small_style_name)

    def set_string_command(self, type: Any, custom_type: Any, string: str) -> None:
        self._values["_command"] = (type, string)


class ToolMenuContext(StructBase):
    """What a menu was opened on."""

    @nullable("class_")
    def find_by_class(self, class_: Any) -> Any:
        for one in self._values.get("_objects", ()):
            if isinstance(one, class_._python):
                return one
        return None


class ContentBrowserAssetContextMenuContext(Object):
    """The assets that a content browser menu was opened on."""

    _properties = "selected_assets"

    def _get_selected_assets(self) -> Any:
        return [data_of(asset) for asset in EDITOR.selected_assets]

    def load_selected_objects_if_needed(self) -> Any:
        return EDITOR.selected_assets

    def get_selected_objects(self) -> Any:
        return EDITOR.selected_assets


class ToolMenuEntryScript(Object):
    """An entry of a Python class: its look and its action are methods."""

    _lasting = True
    _properties = "data"

    def init_entry(self, owner_name: Any, menu: Any, section: Any, name: Any, label: Any, tool_tip: Any) -> None:
        said = self._values.setdefault("data", ToolMenuEntryScriptData())
        said._values.update(
            owner_name=owner_name, menu=menu, section=section, name=name, label=label, tool_tip=tool_tip
        )

    def register_menu_entry(self) -> None:
        said = self._values["data"]._values
        EDITOR.single(ToolMenus)._menu(said["menu"])._put(said["section"], said["name"], said["owner_name"], self)

    def unregister_menu_entry(self) -> None:
        for menu in EDITOR.single(ToolMenus)._menus.values():
            menu._entries = [one for one in menu._entries if one["what"] != self]

    def execute(self, context: Any) -> None:
        pass

    def can_execute(self, context: Any) -> bool:
        return True

    def is_visible(self, context: Any) -> bool:
        return True

    def get_label(self, context: Any) -> Any:
        return self._values["data"]._values["label"]

    def get_tool_tip(self, context: Any) -> Any:
        return self._values["data"]._values["tool_tip"]


class ToolMenuBase(Object):
    pass


class ToolMenu(ToolMenuBase):
    """A menu: sections in order, entries by name in them."""

    _lasting = True
    _properties = "menu_name"

    def _set_up(self) -> None:
        self._sections: list[str] = []
        self._labels: dict[str, str] = {}
        self._entries: list[dict[str, Any]] = []
        self._registered = True

    def _put(self, section: Any, name: Any, owner: Any, what: Any) -> None:
        if str(section).lower() not in (one.lower() for one in self._sections):
            self._sections.append(str(section))
        self._entries = [one for one in self._entries if one["name"] != name]
        self._entries.append({"section": str(section), "name": name, "owner": owner, "what": what})

    def add_section(self, section_name: Any, label: Any, insert_name: Any, insert_type: Any, alignment: Any) -> None:
        if str(section_name).lower() not in (one.lower() for one in self._sections):
            self._sections.append(str(section_name))
        self._labels[str(section_name).lower()] = str(label)

    def add_menu_entry(self, section_name: Any, args: Any) -> None:
        said = args._values
        if said["type"] is MultiBlockType.NONE:
            EDITOR.log.add("Warning", f"The menu entry {said['name']} has no type and is not shown")
            return
        owner = said["owner"]._values.get("_name", Name())
        self._put(section_name, said["name"], owner, args)

    def add_menu_entry_object(self, object: Any) -> None:
        said = object._values["data"]._values
        self._put(said["section"], said["name"], said["owner_name"], object)

    def add_sub_menu(self, owner: Any, section_name: Any, name: Any, label: Any, tool_tip: Any) -> Any:
        made = EDITOR.single(ToolMenus)._menu(Name(f"{self._name}.{name}"))
        self._put(section_name, name, owner, made)
        return made


class ToolMenus(Object):
    """All menus by name."""

    _lasting = True

    def _set_up(self) -> None:
        self._menus: dict[str, Any] = {}
        self._refreshed = 0
        for name in MENUS:
            self._menu(Name(name))

    def _menu(self, name: Any) -> Any:
        key = str(name).lower()
        if key not in self._menus:
            made = ToolMenu(self, str(name)).__dict__["_self"]
            made._values["menu_name"] = Name(str(name))
            self._menus[key] = made
        return self._menus[key]

    @staticmethod
    def get() -> Any:
        return EDITOR.single(ToolMenus)

    def find_menu(self, name: Any) -> Any:
        return self._menus.get(str(name).lower())

    def extend_menu(self, name: Any) -> Any:
        return self._menu(name)

    def register_menu(self, name: Any, parent: Any, type: Any, warn_if_already_registered: bool) -> Any:
        if str(name).lower() in self._menus and warn_if_already_registered:
            EDITOR.log.add("Warning", f"Menu '{name}' is already registered")
        return self._menu(name)

    def is_menu_registered(self, name: Any) -> bool:
        return str(name).lower() in self._menus

    def refresh_all_widgets(self) -> None:
        self._refreshed += 1

    def refresh_menu_widget(self, name: Any) -> bool:
        return str(name).lower() in self._menus

    def remove_entry(self, menu_name: Any, section: Any, name: Any) -> None:
        menu = self._menus.get(str(menu_name).lower())
        if menu is not None:
            menu._entries = [one for one in menu._entries if one["name"] != name]

    def remove_section(self, menu_name: Any, section: Any) -> None:
        menu = self._menus.get(str(menu_name).lower())
        if menu is not None:
            menu._sections = [one for one in menu._sections if one.lower() != str(section).lower()]
            menu._entries = [one for one in menu._entries if one["section"].lower() != str(section).lower()]

    def unregister_owner_by_name(self, owner_name: Any) -> None:
        for menu in self._menus.values():
            menu._entries = [one for one in menu._entries if one["owner"] != owner_name]

    @staticmethod
    def add_menu_entry_object(menu_entry_object: Any) -> bool:
        menu_entry_object.register_menu_entry()
        return True

    @staticmethod
    def find_context(context: Any, class_: Any) -> Any:
        return context.find_by_class(class_)


def entries(menu: str) -> dict[str, Any]:
    """The entries of a menu by name: a ToolMenuEntry or a ToolMenuEntryScript."""
    found = EDITOR.single(ToolMenus)._menus.get(menu.lower())
    return {} if found is None else {str(one["name"]): one["what"] for one in found._entries}


def all_entries() -> list[str]:
    """Every entry, as `menu/entry`."""
    return [f"{menu._name}/{one['name']}" for menu in EDITOR.single(ToolMenus)._menus.values() for one in menu._entries]


def context() -> Any:
    """The context of a menu that is opened now."""
    made = ToolMenuContext()
    made._values["_objects"] = [ContentBrowserAssetContextMenuContext().__dict__["_self"]]
    return made


def command_of(entry: Any) -> str:
    """The Python command of an entry."""
    kind, text = entry._values["_command"]
    if kind is not ToolMenuStringCommandType.PYTHON:
        raise AssertionError(f"an entry with a command of kind {kind}")
    return text


class EditorUtilityLibrary(BlueprintFunctionLibrary):
    @staticmethod
    def get_selected_assets() -> Any:
        return EDITOR.selected_assets

    @staticmethod
    def get_selected_assets_of_class(asset_class: Any) -> Any:
        return [one for one in EDITOR.selected_assets if isinstance(one, asset_class._python)]

    @staticmethod
    def get_selected_asset_data() -> Any:
        return [data_of(one) for one in EDITOR.selected_assets]

    @staticmethod
    def get_current_content_browser_path() -> Any:
        return EDITOR.browser_path
