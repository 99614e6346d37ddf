"""Installs the Unreal plugin in a project, and removes it.

`install_plugin` writes `<Project>/Plugins/MEDTalk` as a whole: the plugin's files, and the two packages that its client
needs (pyzmq and msgpack) as Unreal's own Python looks for them, so that nothing is downloaded when the editor starts.
Their versions and hashes are in `MEDTalk.uplugin` alone. `Content/Python/medtalk_install.json` in the installed
plugin records what was written and the Python that is to run the sidecar.

Everything is made and deleted in a work folder `.medtalk-plugin-...` outside of `Plugins`, where Unreal does not look,
and moved in and out in one step. What a killed process leaves of it, the next run clears.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files as package_files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from medtalk.cli import sidecar_wheels
from medtalk.errors import InstallError, MissingExtraError, OutputError, SettingError
from medtalk.files import check_folder, sha256_file
from medtalk.version import __version__

# What each platform is called: on our command line, in Unreal's folders and descriptors, by pip.
PLATFORMS = {"win64": "Win64", "linux": "Linux", "mac": "Mac"}
_PIP_PLATFORMS = {"win64": "win_amd64", "linux": "manylinux_2_28_x86_64", "mac": "macosx_11_0_arm64"}
_THIS_PLATFORM = {"win32": "win64", "linux": "linux", "darwin": "mac"}
_PYTHON = "3.11"  # Unreal's own, 5.4 to 5.8
_OLDEST_UNREAL, _LATEST_UNREAL = (5, 4), (5, 8)
ALL = "all"  # in place of all `PLATFORMS`

DESCRIPTOR = "MEDTalk.uplugin"
RECORD = "Content/Python/medtalk_install.json"
_OTHER_WAYS = "give the packages with --wheels FOLDER, or leave them to Unreal with --no-wheels."
_VALID = ", ".join((*PLATFORMS, ALL))
# What Python, file browsers and Unreal put beside files; nobody misses it.
_LITTER = {"__pycache__", ".DS_Store", "Thumbs.db", "desktop.ini", "Intermediate", "Saved"}
# Work folders; those inside `Plugins` are of an earlier MEDTalk, whole plugins among them.
_WORK, _WORK_IN_PLUGINS = (re.compile(rf"\.medtalk-{word}[0-9a-f]{{12}}") for word in ("plugin-", ""))


@dataclass(frozen=True)
class Requirement:
    """A package that the plugin needs on one platform: a line `NAME==VERSION --hash=sha256:...` of the descriptor.

    `hashes` are those of the wheels that will do, the best first.
    """

    line: str
    pin: str  # NAME==VERSION
    hashes: tuple[str, ...]


@dataclass(frozen=True)
class Installed:
    """The result of `install_plugin`: the folder, and the platforms (`PLATFORMS`) whose packages came along."""

    folder: Path
    updated: bool
    newer: str  # version of MEDTalk that was there, if it is newer than this one
    platforms: tuple[str, ...]
    sidecar: bool  # whether the wheels of the sidecar came along too
    python: str
    notes: tuple[str, ...]  # what the user should know, a line each


def plugin_source() -> Path:
    """The plugin's folder in this installation of MEDTalk."""
    try:
        folder = Path(str(package_files("medtalk_plugin"))) / "MEDTalk"
    except ModuleNotFoundError:
        folder = None
    if folder is None or not (folder / DESCRIPTOR).is_file():
        raise InstallError(
            "This installation of MEDTalk came without the Unreal plugin.", "Install it again: pip install ."
        )
    return folder


def this_platform() -> str:
    """The platform of this machine, one of `PLATFORMS`."""
    try:
        return _THIS_PLATFORM[sys.platform]
    except KeyError:
        raise InstallError(
            f"Unreal Editor does not run on {sys.platform}.", f"Choose with --platform: {_VALID}."
        ) from None


def requirements(platform: str) -> tuple[Requirement, ...]:
    """The packages that the plugin needs on `platform` (one of `PLATFORMS`), pinned."""
    entries = _read_json(plugin_source() / DESCRIPTOR)["PythonRequirements"]
    lines = [line for entry in entries if entry["Platform"] == PLATFORMS[platform] for line in entry["Requirements"]]
    return tuple(_requirement(line) for line in lines)


def install_plugin(
    project: str | Path,
    platforms: Collection[str] | None = None,
    *,
    wheels: str | Path | None = None,
    sidecar: bool = False,
) -> Installed:
    """Install the plugin in the project `project` (a .uproject file), whole or not at all.

    `platforms` are those whose packages come along (`PLATFORMS`, or `ALL`; empty: none, and Unreal downloads them
    itself). None is this machine's and, in an update, those that came along before. pip downloads the packages, unless
    `wheels` is a folder that has them. With `sidecar` the wheels come along with which the editor makes the sidecar's
    Python by itself (also in an update where they came along before), in the plugin's folder `Wheels`. A plugin that
    was installed before is replaced as a whole. Raises `InstallError` for a project, a plugin in it or packages that
    cannot be used, `OutputError` for what cannot be written.
    """
    project = Path(project)
    descriptor = _read_project(project)
    plugins = _plugins_folder(project)
    target = plugins / "MEDTalk"
    _clear_leftovers(target)
    before = _read_record(target)
    if before is not None:
        _check_untouched(target, before)
    if platforms is None:
        platforms = {this_platform(), *(before["platforms"] if before else ())}
    if unknown := set(platforms) - {*PLATFORMS, ALL}:
        raise SettingError(f"Unknown platform {min(unknown)!r}; valid are {_VALID}.")
    chosen = tuple(platform for platform in PLATFORMS if platform in platforms or ALL in platforms)
    new = not plugins.exists()
    work = _work_folder(plugins)
    check_folder(work.with_name(plugins.name))
    if not new:
        check_folder(target)
    sidecar = sidecar or (before is not None and before.get("sidecar") is True)
    record = {
        "medtalk": __version__,
        "python": sys.executable,
        "platforms": list(chosen),
        "sidecar": sidecar,
        "made_plugins": new or (before is not None and before["made_plugins"]),
    }
    stage = work / plugins.name / target.name
    try:
        stage.mkdir(parents=True)
        if sidecar:
            place = Path(wheels) if wheels is not None else None
            sidecar_wheels.collect(chosen or (this_platform(),), _PYTHON, stage / "Wheels", place)
        _fill(stage, {platform: _wheels(platform, work / "wheels" / platform, wheels) for platform in chosen}, record)
        if before is not None:
            _make_writable(target)
            os.rename(target, work / _BEFORE)
        if new:  # with the plugin in it, so that no empty folder is left at any moment
            os.rename(stage.parent, plugins)
        else:
            os.rename(stage, target)
    except OSError as error:
        raise _not_written(error, target, before is not None) from error
    finally:
        with suppress(OSError):  # the next run clears it
            _settle(work, target)
    was = str(before.get("medtalk", "")) if before else ""
    newer = was if _release(was) > _release(__version__) else ""
    return Installed(target, before is not None, newer, chosen, sidecar, sys.executable, tuple(_notes(descriptor)))


def read_record(project: str | Path) -> dict[str, Any] | None:
    """The record of `install_plugin` about a project (a .uproject file); None if the plugin is not installed.

    "medtalk" is its version, "python" what runs its sidecar. Raises `InstallError` if it is not a project, and for a
    plugin from elsewhere.
    """
    _read_project(Path(project))
    return _read_record(_plugins_folder(Path(project)) / "MEDTalk")


def remove_plugin(project: str | Path) -> Path:
    """Remove the plugin from the project `project` (a .uproject file). Returns the folder that is gone.

    What a killed installation left goes too. Raises `InstallError` where there is nothing of either, where the folder
    is not what `install_plugin` wrote, and where it cannot be removed; then it stays as it was.
    """
    project = Path(project)
    _read_project(project)
    plugins = _plugins_folder(project)
    target = plugins / "MEDTalk"
    cleared = _clear_leftovers(target)
    record = _read_record(target)
    if record is None:
        if cleared:
            return target
        raise InstallError(f"MEDTalk is not installed in this project: {target} does not exist.")
    _check_untouched(target, record)
    work = _work_folder(plugins)
    check_folder(work.with_name(plugins.name))
    # In one step, so that no half of a plugin is left for Unreal to find; with a `Plugins` that is ours alone.
    alone = record["made_plugins"] and _listed(plugins) == [target]
    try:
        _make_writable(target)
        work.mkdir()
        os.rename(plugins if alone and not plugins.is_symlink() else target, work / _GONE)
    except OSError as error:
        with suppress(OSError):
            work.rmdir()
        raise _not_written(error, target, True) from error
    try:
        _settle(work, target)
    except OSError as error:
        raise InstallError(
            f"MEDTalk was removed from the project, but {work} is left: {error.strerror or error}.",
            "Delete it by hand.",
        ) from error
    return target


# --- the work folder

_BEFORE, _GONE = "before", "gone"  # in it: a plugin that may go back, one that may not


def _plugins_folder(project: Path) -> Path:
    """The project's `Plugins`, there or not; in other letters if it is there so, which Unreal takes on Linux too."""
    named = [path for path in _listed(project.parent) if path.name.lower() == "plugins"]
    return next((path for path in named if path.name == "Plugins"), named[0] if named else project.parent / "Plugins")


def _work_places(plugins: Path) -> list[Path]:
    """Folders that may hold work folders: that of `Plugins`, and where that is a link, beside what it links to."""
    places = (os.path.realpath(plugins.parent), os.path.dirname(os.path.realpath(plugins)))
    return [Path(place) for place in dict.fromkeys(places)]


def _work_folder(plugins: Path) -> Path:
    """A new name, on the disk of `Plugins` if there is such a place: nothing is moved to another disk in one step."""
    device = (plugins if plugins.exists() else plugins.parent).stat().st_dev
    places = _work_places(plugins)
    fitting = (place for place in places if place.stat().st_dev == device and os.access(place, os.W_OK | os.X_OK))
    return next(fitting, places[0]) / f".medtalk-plugin-{secrets.token_hex(6)}"


def _clear_leftovers(target: Path) -> bool:
    """Clear what killed installations left; whether there was anything."""
    plugins = target.parent
    inside = [path for path in _listed(plugins) if _WORK_IN_PLUGINS.fullmatch(path.name)]
    beside = [path for place in _work_places(plugins) for path in _listed(place) if _WORK.fullmatch(path.name)]
    folders = [path for path in (*beside, *inside) if path.is_dir() and not path.is_symlink()]
    for folder in folders:
        try:
            _settle(folder, target)
        except OSError as error:
            raise InstallError(
                f"A killed installation left {folder}, which cannot be deleted: {error.strerror or error}.",
                "If the project is open in Unreal Editor, close it first; or delete the folder by hand.",
            ) from error
    if inside and not plugins.is_symlink():
        with suppress(OSError):  # others are in it
            plugins.rmdir()
    return bool(folders)


def _settle(work: Path, target: Path) -> None:
    """Delete a work folder, however far its process came. A plugin goes back if no other has taken its place."""
    before = work / _BEFORE
    if before.is_dir():
        if target.parent.is_dir() and not os.path.lexists(target):
            os.rename(before, target)
        else:
            os.rename(before, work / _GONE)  # half of it deleted, it must never go back
    if work.is_dir():
        _make_writable(work)
        shutil.rmtree(work)


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


# --- the project and the plugin in it


def _read_project(project: Path) -> dict[str, Any]:
    """The content of the .uproject file, checked."""
    if project.suffix.lower() != ".uproject":
        inside = sorted(project.glob("*.uproject")) if os.path.isdir(project) else []
        hint = f"Give {inside[0]}." if inside else "Give the project's file, such as Game/Game.uproject."
        raise InstallError(f"{project} is not a .uproject file.", hint)
    if not os.path.isfile(project):  # which a name that is too long is not, either
        raise InstallError(f"There is no project {project}.", "Give the path of its .uproject file.")
    try:
        descriptor = _read_json(project)
    except OSError as error:
        raise InstallError(f"Cannot read {project}: {error.strerror or error}.") from error
    except ValueError:
        descriptor = None
    if not isinstance(descriptor, dict) or "FileVersion" not in descriptor:
        raise InstallError(f"{project} is not a project of Unreal Engine: it cannot be parsed.")
    engine = _engine(descriptor)
    if engine and engine < _OLDEST_UNREAL:
        raise InstallError(
            f"{project} is for Unreal Engine {engine[0]}.{engine[1]}; the plugin needs 5.4 or later.",
            "Open it in a later engine first.",
        )
    return descriptor


def _engine(descriptor: dict[str, Any]) -> tuple[int, int] | None:
    """The version of the engine that the project names; None where it names one that was built from source."""
    named = re.match(r"(\d{1,9})\.(\d{1,9})", str(descriptor.get("EngineAssociation", "")))
    return (int(named[1]), int(named[2])) if named else None


def _notes(descriptor: dict[str, Any]) -> Iterator[str]:
    """Notes on the project for the user."""
    entries = descriptor.get("Plugins")
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and entry.get("Name") == "MEDTalk" and not entry.get("Enabled", True):
            yield "The plugin is disabled in the project: in Unreal Editor, Edit > Plugins, tick MEDTalk."
            break
    engine = _engine(descriptor)
    if engine and engine > _LATEST_UNREAL:
        yield (
            f"The project is for Unreal Engine {engine[0]}.{engine[1]}, the plugin is made for 5.4 to 5.8: "
            "run its Self-Test before the first take."
        )


def _release(version: str) -> tuple[int, ...]:
    """The numbers of a version up to the first letter, to compare."""
    return tuple(map(int, re.findall(r"\d+", re.split(r"[^\d.]", version)[0])))


def _read_json(path: Path) -> Any:
    """Unreal writes descriptors in UTF-8 or UTF-16, with and without a byte order mark."""
    data = path.read_bytes()
    return json.loads(data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"))


def _read_record(target: Path) -> dict[str, Any] | None:
    """The record of `install_plugin` about the plugin at `target`; None if there is none."""
    if not os.path.lexists(target):
        return None
    try:
        record = {} if target.is_symlink() else _read_json(target / RECORD)
        known = set(record["platforms"]) <= set(PLATFORMS)
        if known and isinstance(record["made_plugins"], bool) and isinstance(record["files"], dict):
            return record
    except (OSError, ValueError, TypeError, KeyError):
        pass
    raise InstallError(
        f"{target} exists, but was not made by `medtalk plugin install`.", "Move or delete it by hand first."
    )


def _check_untouched(target: Path, record: dict[str, Any]) -> None:
    """Raise `InstallError` if the plugin holds anything that would be lost with it."""

    def ours(name: str) -> bool:
        file = target / name
        return name == RECORD or (not file.is_symlink() and record["files"].get(name) == _digest(file))

    if own := [name for name in _files(target) if not ours(name)]:
        more = f" and {len(own) - 1} more" if len(own) > 1 else ""
        raise InstallError(
            f"{target} holds files that MEDTalk did not put there, or that have changed since: {own[0]}{more}.",
            "Move it elsewhere, or delete the folder by hand.",
        )


def _wheels(platform: str, workshop: Path, wheels: str | Path | None) -> list[Path]:
    """The wheel of each package that the plugin needs on `platform`: of the folder `wheels`, or downloaded."""
    needed = requirements(platform)
    if wheels is None:
        folder = workshop
        folder.mkdir(parents=True)
        _download(platform, needed, folder)
    elif not os.path.isdir(folder := Path(wheels)):
        raise InstallError(f"There is no folder {folder} of wheels.")
    there = {sha256_file(file): file for file in sorted(folder.glob("*.whl"))}
    wheel_files = []
    for requirement in needed:
        usable = [there[digest] for digest in requirement.hashes if digest in there]
        if not usable:
            raise InstallError(
                f"{folder} has no wheel of {requirement.pin} for {PLATFORMS[platform]}, or only one with other "
                "contents.",
                f"Get it with: pip download -d {folder} {' '.join(_pip_options(platform))} {requirement.pin}",
            )
        wheel_files.append(usable[0])
    return wheel_files


def _download(platform: str, needed: Iterable[Requirement], folder: Path) -> None:
    """Let pip put the wheels into `folder`. It gets the hashes too: of several builds it takes one that is known."""
    if find_spec("pip") is None:
        raise MissingExtraError(
            f"This Python has no pip: {sys.executable}.",
            f"Add it (python -m ensurepip), or {_OTHER_WAYS}",
        )
    lines = folder / "requirements.txt"
    lines.write_text("\n".join(requirement.line for requirement in needed), "utf-8")
    words = ["download", "--quiet", "--no-input", "--disable-pip-version-check", "--dest", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words, *_pip_options(platform), "-r", str(lines)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8", errors="replace",
    )  # fmt: skip
    if done.returncode:
        output = done.stderr.splitlines() or [f"exit code {done.returncode}"]
        errors = [line.removeprefix("ERROR: ") for line in output if line.startswith("ERROR: ")]
        names = " and ".join(requirement.pin for requirement in needed)
        raise InstallError(
            f"pip could not get {names} for {PLATFORMS[platform]}: {(errors or output[-1:])[0].rstrip('. ')}.",
            f"Check the network, or {_OTHER_WAYS}",
        )


def _pip_options(platform: str) -> list[str]:
    return [
        "--only-binary=:all:", "--no-deps", "--implementation=cp", f"--python-version={_PYTHON}",
        f"--platform={_PIP_PLATFORMS[platform]}",
    ]  # fmt: skip


def _requirement(line: str) -> Requirement:
    pin, *hashes = line.split()
    return Requirement(line, pin, tuple(word.removeprefix("--hash=sha256:") for word in hashes))


def _fill(folder: Path, wheels: dict[str, list[Path]], record: dict[str, Any]) -> None:
    """Write the plugin into `folder`, which holds no more than its wheels."""
    source = plugin_source()
    for name in _files(source):
        if name != DESCRIPTOR:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, folder / name)
    for platform, files in wheels.items():
        for wheel in files:
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(folder / "Content" / "Python" / PLATFORMS[platform] / "Lib" / "site-packages")
    # What came along is not to be downloaded at the editor's start.
    descriptor = _read_json(source / DESCRIPTOR)
    there = {PLATFORMS[platform] for platform in wheels}
    missing = [entry for entry in descriptor.pop("PythonRequirements") if entry["Platform"] not in there]
    if missing:
        descriptor["PythonRequirements"] = missing
    text = json.dumps(descriptor, indent="\t") + "\n"
    digests = {name: _digest(folder / name) for name in _files(folder)}
    digests[DESCRIPTOR] = hashlib.sha256(text.encode()).hexdigest()
    (folder / RECORD).write_text(json.dumps({**record, "files": digests}, indent=1) + "\n", "utf-8", newline="\n")
    (folder / DESCRIPTOR).write_text(text, "utf-8", newline="\n")
    for name in _files(folder):
        with open(folder / name, "rb+") as file:
            os.fsync(file.fileno())  # a full network disk may only say so here


def _files(folder: Path) -> Iterator[str]:
    """The files in `folder` and below, by their names relative to it with "/", without litter."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if not _LITTER & set(inside.parts) and (path.is_symlink() or not path.is_dir()):
            yield inside.as_posix()


def _digest(file: Path) -> str:
    """SHA-256 with line breaks of one kind: version control may exchange them on other machines."""
    return hashlib.sha256(file.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def _make_writable(folder: Path) -> None:
    """Version control makes files read-only, and Windows does not delete those."""
    for path in folder.rglob("*"):
        if not os.access(path, os.W_OK):
            path.chmod(path.stat().st_mode | stat.S_IWUSR)


def _not_written(error: OSError, target: Path, there: bool) -> OutputError:
    close = "If the project is open in Unreal Editor, close it first." if there else ""
    return OutputError(f"Cannot write {target}: {error.strerror or error}.", close)
