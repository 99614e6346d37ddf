"""The Unreal plugin into a project and out again.

`install_plugin` writes `<Project>/Plugins/MEDTalk` as a whole: the plugin's files, and the two packages that its client
needs (pyzmq and msgpack) as Unreal's own Python looks for them, so that nothing is downloaded when the editor starts.
Versions and hashes of these are told once, in `MEDTalk.uplugin`. `Content/Python/medtalk_install.json` in the installed
plugin records what was written and the Python that is to run the sidecar.
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
from dataclasses import dataclass
from importlib.resources import files as package_files
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import medtalk
from medtalk.errors import InstallError, MissingExtraError, OutputError, SettingError
from medtalk.files import check_folder, sha256_file, write_folder_atomic

# What each platform is called: on our command line, in Unreal's folders and descriptors, by pip.
PLATFORMS = {"win64": "Win64", "linux": "Linux", "mac": "Mac"}
_PIP_PLATFORMS = {"win64": "win_amd64", "linux": "manylinux_2_28_x86_64", "mac": "macosx_11_0_arm64"}
_THIS_PLATFORM = {"win32": "win64", "linux": "linux", "darwin": "mac"}
_PYTHON = "3.11"  # Unreal's own, 5.4 to 5.8
_OLDEST_UNREAL = (5, 4)

DESCRIPTOR = "MEDTalk.uplugin"
RECORD = "Content/Python/medtalk_install.json"
_OTHER_WAYS = "give the packages with --wheels FOLDER, or leave them to Unreal with --no-wheels."
# What Python and file browsers put beside files; nobody misses it.
_LITTER = {"__pycache__", ".DS_Store", "Thumbs.db", "desktop.ini"}


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
    """What `install_plugin` did: where, and for which platforms (`PLATFORMS`) the packages came along."""

    folder: Path
    updated: bool
    platforms: tuple[str, ...]
    python: str
    switched_off: bool  # by the project itself


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
            f"Unreal Editor does not run on {sys.platform}.", f"Say for which --platform: {', '.join(PLATFORMS)}."
        ) from None


def requirements(platform: str) -> tuple[Requirement, ...]:
    """The packages that the plugin needs on `platform` (one of `PLATFORMS`), pinned."""
    entries = _read_json(plugin_source() / DESCRIPTOR)["PythonRequirements"]
    lines = [line for entry in entries if entry["Platform"] == PLATFORMS[platform] for line in entry["Requirements"]]
    return tuple(_requirement(line) for line in lines)


def install_plugin(
    project: str | Path, platforms: Collection[str] | None = None, *, wheels: str | Path | None = None
) -> Installed:
    """Put the plugin into the project `project` (a .uproject file), all of it or nothing.

    `platforms` are those whose packages come along (`PLATFORMS`; empty: none, and Unreal fetches them itself). None is
    this machine's and, in an update, those that came along before. pip downloads the packages, unless `wheels` is a
    folder that has them. A plugin that was installed before is replaced as a whole. Raises `InstallError` for a
    project, a plugin in it or packages that cannot be used, `OutputError` for what cannot be written.
    """
    project = Path(project)
    descriptor = _read_project(project)
    target = project.parent / "Plugins" / "MEDTalk"
    before = _read_record(target)
    if before is not None:
        _check_untouched(target, before)
    if platforms is None:
        platforms = {this_platform(), *(before["platforms"] if before else ())}
    if unknown := set(platforms) - set(PLATFORMS):
        raise SettingError(f"Unknown platform {min(unknown)!r}; valid are {', '.join(PLATFORMS)}.")
    chosen = tuple(platform for platform in PLATFORMS if platform in platforms)
    plugins = target.parent
    made = not plugins.exists()
    check_folder(plugins if made else target)
    with TemporaryDirectory(prefix="medtalk-") as workshop:
        found = {platform: _wheels(platform, Path(workshop) / platform, wheels) for platform in chosen}
        record = {
            "medtalk": medtalk.__version__,
            "python": sys.executable,
            "platforms": list(chosen),
            "made_plugins": made or (before is not None and before["made_plugins"]),
        }
        try:
            plugins.mkdir(exist_ok=True)
            if before is not None:
                _make_writable(target)
            write_folder_atomic(target, lambda folder: _fill(folder, found, record))
        except BaseException as error:
            if made and plugins.is_dir():
                plugins.rmdir()
            if isinstance(error, (OSError, OutputError)):
                raise _not_written(error, target, before is not None) from error
            raise
    return Installed(target, before is not None, chosen, sys.executable, _switched_off(descriptor))


def remove_plugin(project: str | Path) -> Path:
    """Take the plugin out of the project `project` (a .uproject file). Returns the folder that is gone.

    Raises `InstallError` where there is none, where the folder is not what `install_plugin` wrote, and where it cannot
    be removed; then it stays as it was.
    """
    project = Path(project)
    _read_project(project)
    target = project.parent / "Plugins" / "MEDTalk"
    record = _read_record(target)
    if record is None:
        raise InstallError(f"MEDTalk is not installed in this project: {target} does not exist.")
    _check_untouched(target, record)
    # In one step, so that no half of a plugin is left for Unreal to find.
    gone = target.with_name(f".medtalk-{secrets.token_hex(6)}")
    try:
        _make_writable(target)
        os.rename(target, gone)
    except OSError as error:
        raise _not_written(error, target, True) from error
    try:
        shutil.rmtree(gone)
        if record["made_plugins"] and not any(target.parent.iterdir()):
            target.parent.rmdir()
    except OSError as error:
        raise InstallError(
            f"MEDTalk is out of the project, but {gone} is left: {error.strerror or error}.", "Delete it by hand."
        ) from error
    return target


def _read_project(project: Path) -> dict[str, Any]:
    """What the .uproject file says, checked."""
    if project.suffix.lower() != ".uproject":
        inside = sorted(project.glob("*.uproject")) if project.is_dir() else []
        hint = f"Give {inside[0]}." if inside else "Give the project's file, as Game/Game.uproject."
        raise InstallError(f"{project} is not a .uproject file.", hint)
    if not project.is_file():
        raise InstallError(f"There is no project {project}.", "Give the path of its .uproject file.")
    try:
        descriptor = _read_json(project)
    except OSError as error:
        raise InstallError(f"Cannot read {project}: {error.strerror or error}.") from error
    except ValueError:
        descriptor = None
    if not isinstance(descriptor, dict) or "FileVersion" not in descriptor:
        raise InstallError(f"{project} is not a project of Unreal Engine: it does not read as one.")
    engine = re.match(r"(\d+)\.(\d+)", str(descriptor.get("EngineAssociation", "")))
    if engine and tuple(map(int, engine.groups())) < _OLDEST_UNREAL:
        raise InstallError(
            f"{project} is of Unreal Engine {engine[0]}; the plugin needs 5.4 or later.",
            "Open it in a later engine first.",
        )
    return descriptor


def _switched_off(descriptor: dict[str, Any]) -> bool:
    """Whether the project says that it does not want the plugin."""
    entries = descriptor.get("Plugins")
    return isinstance(entries, list) and any(
        isinstance(entry, dict) and entry.get("Name") == "MEDTalk" and not entry.get("Enabled", True)
        for entry in entries
    )


def _read_json(path: Path) -> Any:
    """Unreal writes descriptors in UTF-8 or UTF-16, with and without a byte order mark."""
    data = path.read_bytes()
    return json.loads(data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"))


def _read_record(target: Path) -> dict[str, Any] | None:
    """What `install_plugin` wrote about the plugin at `target`; None if nothing is there."""
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
        f"{target} is there, but `medtalk plugin install` did not make it.", "Move or delete it by hand first."
    )


def _check_untouched(target: Path, record: dict[str, Any]) -> None:
    """Raise `InstallError` if the plugin holds anything that would be lost with it."""

    def ours(name: str) -> bool:
        file = target / name
        return name == RECORD or (not file.is_symlink() and record["files"].get(name) == _digest(file))

    if own := [name for name in _files(target) if not ours(name)]:
        more = f" and {len(own) - 1} more" if len(own) > 1 else ""
        raise InstallError(
            f"{target} holds what MEDTalk did not put there, or what was changed since: {own[0]}{more}.",
            "Move it elsewhere, or delete the folder by hand.",
        )


def _wheels(platform: str, workshop: Path, wheels: str | Path | None) -> list[Path]:
    """The wheel of each package that the plugin needs on `platform`: of the folder `wheels`, or downloaded."""
    needed = requirements(platform)
    if wheels is None:
        folder = workshop
        folder.mkdir()
        _download(platform, needed, folder)
    elif not (folder := Path(wheels)).is_dir():
        raise InstallError(f"There is no folder {folder} of wheels.")
    there = {sha256_file(file): file for file in sorted(folder.glob("*.whl"))}
    found = []
    for requirement in needed:
        usable = [there[digest] for digest in requirement.hashes if digest in there]
        if not usable:
            raise InstallError(
                f"{folder} has no wheel of {requirement.pin} for {PLATFORMS[platform]}, or one of another content.",
                f"Get it with: pip download -d {folder} {' '.join(_pip_options(platform))} {requirement.pin}",
            )
        found.append(usable[0])
    return found


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
        said = done.stderr.splitlines() or [f"exit code {done.returncode}"]
        errors = [line.removeprefix("ERROR: ") for line in said if line.startswith("ERROR: ")]
        names = " and ".join(requirement.pin for requirement in needed)
        raise InstallError(
            f"pip could not get {names} for {PLATFORMS[platform]}: {(errors or said[-1:])[0].rstrip('. ')}.",
            f"Look at the network, or {_OTHER_WAYS}",
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
    """Write the plugin into the empty `folder`."""
    source = plugin_source()
    for name in _files(source):
        if name != DESCRIPTOR:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, folder / name)
    for platform, found in wheels.items():
        for wheel in found:
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(folder / "Content" / "Python" / PLATFORMS[platform] / "Lib" / "site-packages")
    # What came along is not to be downloaded at the editor's start. The descriptor is written last: without it,
    # what a killed process leaves behind is no plugin for Unreal.
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
    """Version control makes files read-only, and Windows deletes no such file."""
    for path in folder.rglob("*"):
        if not os.access(path, os.W_OK):
            path.chmod(path.stat().st_mode | stat.S_IWUSR)


def _not_written(error: OSError | OutputError, target: Path, there: bool) -> OutputError:
    if isinstance(error, OSError):
        error = OutputError(f"Cannot write {target}: {error.strerror or error}.")
    close = "If the project is open in Unreal Editor, close it first." if there else ""
    return OutputError(error.message, f"{error.hint} {close}".strip())
