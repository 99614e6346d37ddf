"""Assets: paths, loading, saving, the asset tools and the registry."""

from __future__ import annotations

from typing import Any

from .bind import api, nullable
from .objects import BlueprintFunctionLibrary, EditorSubsystem, Interface, Object
from .state import EDITOR
from .structs import SoftObjectPath, TopLevelAssetPath, parse_guid
from .values import Name, StructBase


def package_of(path: str) -> str:
    """`/Game/A/B` of `/Game/A/B`, `/Game/A/B.B`, `Class'/Game/A/B.B'`."""
    if path.endswith("'"):
        path = path[:-1].partition("'")[2]
    folder, _, name = path.partition(":")[0].rpartition("/")
    return f"{folder}/{name.partition('.')[0]}"


def find(path: str) -> Any:
    """The asset at a path, or None."""
    return EDITOR.assets.get(package_of(path).lower())


def register(asset: Any, package: str) -> Any:
    """Puts an asset where it belongs."""
    asset._package = package
    asset._name = package.rpartition("/")[2]
    EDITOR.assets[package.lower()] = asset
    folder = package.rpartition("/")[0]
    while folder:
        EDITOR.folders.add(folder)
        folder = folder.rpartition("/")[0]
    return asset


def destroy(asset: Any, why: str) -> None:
    """The asset and what lies in it is gone; whoever still holds it crashes the editor."""
    if EDITOR.sequence == asset:
        EDITOR.sequence = EDITOR.focused = None
    EDITOR.assets.pop(asset._package.lower(), None)
    EDITOR.state.forget_steps(asset)
    asset._kill(why)


def data_of(asset: Any) -> Any:
    """The registry's view of an asset, which needs no loading."""
    said = AssetData()
    said._values.update(
        package_name=Name(asset._package),
        package_path=Name(asset._package.rpartition("/")[0]),
        asset_name=Name(asset._name),
        asset_class=Name(type(asset).__name__),
        asset_class_path=TopLevelAssetPath(type(asset).static_class()._path()),
    )
    return said


class AssetData(StructBase):
    """An asset by name."""

    def is_valid(self) -> bool:
        return find(str(self._values["package_name"])) is not None

    def is_asset_loaded(self) -> bool:
        return self.is_valid()

    def get_asset(self) -> Any:
        return find(str(self._values["package_name"]))

    def get_class(self) -> Any:
        asset = find(str(self._values["package_name"]))
        return type(asset).static_class() if asset is not None else None

    def get_full_name(self) -> str:
        return f"{self._values['asset_class']} {self._values['package_name']}.{self._values['asset_name']}"

    def to_soft_object_path(self) -> Any:
        return SoftObjectPath(f"{self._values['package_name']}.{self._values['asset_name']}")


class Factory(Object):
    """Makes new assets of one class."""

    def _make(self, kind: type) -> Any:
        return kind()


class AssetImportTask(Object):
    _properties = "*"

    def get_objects(self) -> Any:
        return [asset for path in self._values.get("imported_object_paths", []) if (asset := find(path)) is not None]


class AssetImportData(Object):
    """Where an asset was imported from."""

    def get_first_filename(self) -> str:
        names = self.extract_filenames()
        return names[0] if len(names) else ""

    def extract_filenames(self) -> Any:
        return list(self.__dict__.get("_filenames", []))


def _found(path: str) -> Any:
    """As the library finds assets: not while the level is played."""
    if EDITOR.playing:
        EDITOR.log.add("Error", "The Editor is currently in a play mode.")
        return None
    return find(path)


class EditorAssetLibrary(BlueprintFunctionLibrary):
    """Assets by path. Paths are checked as the real library does: they start with a slash."""

    @staticmethod
    def load_asset(asset_path: str) -> Any:
        return _found(asset_path)

    @staticmethod
    def load_blueprint_class(asset_path: str) -> Any:
        found = _found(asset_path)
        if found is None or "_class" not in found.__dict__:
            EDITOR.log.add("Error", f"LoadBlueprintClass failed: {asset_path} is no Blueprint")
            return None
        return found._class

    @staticmethod
    def does_asset_exist(asset_path: str) -> bool:
        return _found(asset_path) is not None

    @staticmethod
    def find_asset_data(asset_path: str) -> Any:
        asset = find(asset_path)
        return data_of(asset) if asset is not None else AssetData()

    @staticmethod
    def list_assets(directory_path: str, recursive: bool, include_folder: bool) -> Any:
        start = directory_path.rstrip("/").lower() + "/"
        found = [asset for path, asset in EDITOR.assets.items() if path.startswith(start)]
        return [a._path() for a in found if recursive or "/" not in a._package[len(start) :]]

    @staticmethod
    def save_asset(asset_to_save: str, only_if_is_dirty: bool) -> bool:
        asset = find(asset_to_save)
        return asset is not None and _save(asset)

    @staticmethod
    def save_loaded_asset(asset_to_save: Any, only_if_is_dirty: bool) -> bool:
        return _save(asset_to_save)

    @staticmethod
    def delete_asset(asset_path_to_delete: str) -> bool:
        """A forced one, for which the editors of all assets close. (code: ObjectTools.cpp, ForceDeleteObjects)"""
        asset = _found(asset_path_to_delete)
        if asset is not None:
            EDITOR.open_tabs.clear()
            EDITOR.sequence = EDITOR.focused = None
            destroy(asset, "the asset was deleted")
        return asset is not None

    @staticmethod
    def delete_loaded_asset(asset_to_delete: Any) -> bool:
        destroy(asset_to_delete, "the asset was deleted")
        return True

    @staticmethod
    def rename_asset(source_asset_path: str, destination_asset_path: str) -> bool:
        asset, to = find(source_asset_path), package_of(destination_asset_path)
        if asset is None or find(to) is not None:
            return False
        del EDITOR.assets[asset._package.lower()]
        register(asset, to)
        return True

    @staticmethod
    def make_directory(directory_path: str) -> bool:
        EDITOR.folders.add(directory_path.rstrip("/"))
        return True

    @staticmethod
    def does_directory_exist(directory_path: str) -> bool:
        return directory_path.rstrip("/") in EDITOR.folders

    @staticmethod
    def delete_directory(directory_path: str) -> bool:
        for asset in [a for p, a in EDITOR.assets.items() if p.startswith(directory_path.rstrip("/").lower() + "/")]:
            destroy(asset, "its folder was deleted")
        EDITOR.folders.discard(directory_path.rstrip("/"))
        return True

    @staticmethod
    def checkout_loaded_asset(asset_to_checkout: Any) -> bool:
        return asset_to_checkout is not None

    @staticmethod
    def set_metadata_tag(object: Any, tag: Any, value: str) -> None:
        object._touch()
        object.__dict__.setdefault("_tags", {})[str(tag).lower()] = value

    @staticmethod
    def get_metadata_tag(object: Any, tag: Any) -> str:
        return object.__dict__.get("_tags", {}).get(str(tag).lower(), "")

    @staticmethod
    def remove_metadata_tag(object: Any, tag: Any) -> None:
        object._touch()
        object.__dict__.get("_tags", {}).pop(str(tag).lower(), None)

    @staticmethod
    def get_path_name_for_loaded_asset(loaded_asset: Any) -> str:
        return loaded_asset._path()


def _save(asset: Any) -> bool:
    if asset._package in EDITOR.read_only:
        EDITOR.log.add("Warning", f"The asset {asset._package} could not be saved: the file is read-only")
        return False
    EDITOR.saved[asset._package] += 1
    return True


class EditorAssetSubsystem(EditorSubsystem):
    """The same library as a subsystem."""

    def load_asset(self, asset_path: str) -> Any:
        return find(asset_path)

    def does_asset_exist(self, asset_path: str) -> bool:
        return find(asset_path) is not None

    def save_loaded_asset(self, asset_to_save: Any, only_if_is_dirty: bool) -> bool:
        return _save(asset_to_save)


class AssetTools(Interface):
    """Makes, imports, renames assets."""

    _lasting = True

    @nullable("factory")
    def create_asset(
        self, asset_name: str, package_path: str, asset_class: Any, factory: Any, calling_context: Any
    ) -> Any:
        package = f"{package_path.rstrip('/')}/{asset_name}"
        if not package.startswith("/") or find(package) is not None or not asset_name:
            EDITOR.log.add("Warning", f"CreateAsset failed: {package} is taken or no valid name")
            return None
        made = factory._make(asset_class._python) if factory is not None else asset_class._python()
        return register(made.__dict__["_self"], package) if made is not None else None

    def create_unique_asset_name(self, base_package_name: str, suffix: str) -> Any:
        name, number = base_package_name + suffix, 0
        while find(name) is not None:
            number += 1
            name = f"{base_package_name}{suffix}{number}"
        return name, name.rpartition("/")[2]

    def duplicate_asset(self, asset_name: str, package_path: str, original_object: Any) -> Any:
        package = f"{package_path.rstrip('/')}/{asset_name}"
        if find(package) is not None:
            return None
        return register(original_object._duplicate().__dict__["_self"], package)

    def import_asset_tasks(self, import_tasks: Any) -> None:
        for task in import_tasks:
            EDITOR.importer(task)


class AssetToolsHelpers(Object):
    @staticmethod
    def get_asset_tools() -> Any:
        return EDITOR.single(AssetTools)


class AssetRegistry(Interface):
    """What assets there are."""

    _lasting = True

    def is_loading_assets(self) -> bool:
        return EDITOR.loading_assets

    def wait_for_completion(self) -> None:
        EDITOR.loading_assets = False

    def get_assets(self, filter: Any, skip_ar_filtered_assets: bool) -> Any:
        wanted = filter._values
        return [data_of(a) for a in _indexed() if _passes(a, wanted)]

    def get_assets_by_class(self, class_path_name: Any, search_sub_classes: bool) -> Any:
        name = str(class_path_name._values["asset_name"])
        return [data_of(a) for a in _indexed() if name in _class_names(a, search_sub_classes)]

    def get_assets_by_path(self, package_path: Any, recursive: bool, include_only_on_disk_assets: bool) -> Any:
        found = [a for a in _indexed() if _in_folder(a, str(package_path), recursive)]
        return [data_of(a) for a in found]

    def get_all_assets(self, include_only_on_disk_assets: bool) -> Any:
        return [data_of(a) for a in _indexed()]

    def get_asset_by_object_path(self, object_path: Any, include_only_on_disk_assets: bool) -> Any:
        asset = find(str(object_path))
        return data_of(asset) if asset is not None else AssetData()


def _indexed() -> list[Any]:
    return [] if EDITOR.loading_assets else list(EDITOR.assets.values())


def _class_names(asset: Any, bases: bool) -> list[str]:
    return [kind.__name__ for kind in (type(asset).__mro__ if bases else type(asset).__mro__[:1])]


def _in_folder(asset: Any, folder: str, recursive: bool) -> bool:
    at, wanted = asset._package.rpartition("/")[0].lower(), folder.rstrip("/").lower()
    return at == wanted or (recursive and at.startswith(wanted + "/"))


def _passes(asset: Any, wanted: dict[str, Any]) -> bool:
    classes = [str(path._values["asset_name"]) for path in wanted["class_paths"]]
    folders = [str(path) for path in wanted["package_paths"]]
    names = [str(name).lower() for name in wanted["package_names"]]
    return (
        (not classes or any(name in classes for name in _class_names(asset, wanted["recursive_classes"])))
        and (not folders or any(_in_folder(asset, folder, wanted["recursive_paths"]) for folder in folders))
        and (not names or asset._package.lower() in names)
    )


class AssetRegistryHelpers(Object):
    @staticmethod
    def get_asset_registry() -> Any:
        return EDITOR.single(AssetRegistry)

    @staticmethod
    def create_asset_data(asset: Any, allow_blueprint_class: bool) -> Any:
        return data_of(asset)

    @staticmethod
    def get_asset(asset_data: Any) -> Any:
        return find(str(asset_data._values["package_name"]))


class GuidLibrary(BlueprintFunctionLibrary):
    @staticmethod
    def parse_string_to_guid(guid_string: str) -> Any:
        digits = guid_string.strip("{}").replace("-", "")
        try:
            return parse_guid(digits.zfill(32)), len(digits) == 32
        except ValueError:
            return parse_guid("0" * 32), False


def _as(asset: Any, kind: Any) -> Any:
    return asset if isinstance(asset, kind if isinstance(kind, type) else kind._python) else None


@api
def load_asset(name: str, type: Any, follow_redirectors: bool) -> Any:
    return _as(find(name), type)


@api
def find_asset(name: str, type: Any, follow_redirectors: bool) -> Any:
    return _as(find(name), type)


@api
def load_object(outer: Any, name: str, type: Any, follow_redirectors: bool) -> Any:
    return _as(EDITOR.find_object(name), type)


@api
def find_object(outer: Any, name: str, type: Any, follow_redirectors: bool) -> Any:
    return _as(EDITOR.find_object(name), type)
