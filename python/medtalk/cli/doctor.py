"""The command `doctor`: each thing that MEDTalk needs or can use, whether it is well, and what to do if not."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import Literal

import typer

import medtalk
from medtalk.cli.options import AsJson, Debug
from medtalk.errors import BundleError, InstallError, MedtalkError, MissingExtraError, ServiceError
from medtalk.version import __version__

_CORE = ("numpy", "scipy", "onnxruntime", "soundfile", "soxr", "zmq", "msgpack", "msgspec")
_EXTRA = re.compile(r"""([\w.-]+).*;.*\bextra == ["']([\w-]+)["']""")
_DEVELOPERS = {"dev", "peers"}  # of no use without the repository
_SEARCHED, _LISTED = 2000, 20  # folders, projects


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        part: what was looked at.
        state: "ok"; "absent" for what is not there and need not be; "bad" for what will fail.
        what: what was found, in a line.
        advice: what to do, or "".
    """

    part: str
    state: Literal["ok", "absent", "bad"]
    what: str
    advice: str = ""


def examine(folder: Path) -> Iterator[Finding]:
    """Look at everything in turn; Unreal projects are looked for in and around `folder` and where Unreal puts them."""
    yield Finding("medtalk", "ok", f"{__version__} in {Path(medtalk.__file__).parent}")
    yield Finding("python", "ok", f"{platform.python_version()}, {sys.executable}")
    yield Finding("system", "ok", f"{platform.platform()}, {os.cpu_count()} cores")
    yield _libraries()
    yield _bundle()
    yield from _extras()
    yield from _backbones()
    yield _microphones()
    yield _sidecar()
    yield from _projects(folder)


def _libraries() -> Finding:
    for name in _CORE:
        try:
            import_module(name)
        except Exception as error:  # a broken library may raise anything
            return Finding("libraries", "bad", f"{name}: {error}", "Install medtalk again in a new environment.")
    names = {"zmq": "pyzmq"}
    versions = (f"{name} {metadata.version(names.get(name, name))}" for name in _CORE)
    return Finding("libraries", "ok", ", ".join(versions))


def _bundle() -> Finding:
    from medtalk.bundle import load_bundle

    try:
        bundle = load_bundle()
    except BundleError as error:
        return Finding("bundle", "bad", error.message, error.hint)
    hears = "hears emotions in voices" if bundle.hears_emotion else "hears no emotions in voices"
    what = f"{bundle.name}, {bundle.bytes / 1e6:.1f} MB, all verified, {hears}, in {bundle.folder}"
    return Finding("bundle", "ok", what)


def _extras() -> Iterator[Finding]:
    try:
        required = metadata.requires("medtalk") or []
    except metadata.PackageNotFoundError:
        yield Finding(
            "extras", "bad", "medtalk is not installed; it runs from its source folder.", "pip install . there"
        )
        return
    extras: dict[str, list[str]] = {}
    for line in required:
        if (match := _EXTRA.match(line)) and match[2] not in _DEVELOPERS:
            extras.setdefault(match[2], []).append(match[1])
    for extra, packages in extras.items():
        missing = [package for package in packages if not _installed(package)]
        if not missing:
            yield Finding(f"extra {extra}", "ok", "installed")
        else:
            what = "not installed" if len(missing) == len(packages) else f"lacks {', '.join(missing)}"
            yield Finding(f"extra {extra}", "absent", what, f"If you need it: pip install 'medtalk[{extra}]'")


def _installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _backbones() -> Iterator[Finding]:
    """Those whose libraries are here: of the full model, which must be there to say where they lie, and MediaPipe's."""
    from medtalk.backbones.catalogue import KNOWN, size
    from medtalk.backbones.pretrained import FACE_LANDMARKER

    full, seeing = all(map(_installed, ("torch", "transformers", "funasr"))), _installed("mediapipe")
    for backbone in KNOWN:
        if not (seeing if backbone.part == FACE_LANDMARKER else full):
            continue
        try:
            place = backbone.location()
        except MedtalkError as error:
            yield Finding(f"backbone {backbone.part}", "bad", error.message, error.hint)
            continue
        if place is None:
            advice = f"If you need it, for {backbone.use}: medtalk backbones pull {backbone.part}"
            yield Finding(f"backbone {backbone.part}", "absent", "not on this machine", advice)
        else:
            yield Finding(f"backbone {backbone.part}", "ok", f"{size(place) / 1e6:.0f} MB in {place}")


def _microphones() -> Finding:
    """What `medtalk live --microphone` can listen to."""
    from medtalk.microphone import devices, version

    try:
        found, library = devices(), version()
    except MissingExtraError as error:
        return Finding("microphones", "absent", error.message, f"If you need one, for medtalk live: {error.hint}")
    except Exception as error:  # what the system's sound says is beyond us
        return Finding("microphones", "bad", f"{type(error).__name__}: {error}", "Look at the system's sound settings.")
    if not found:
        return Finding("microphones", "absent", f"{library}, no microphone", "If you need one, plug it in.")
    names = ", ".join(f"{each.number} {each.name}{' (usual)' if each.usual else ''}" for each in found)
    return Finding("microphones", "ok", f"{library}: {names}")


def _sidecar() -> Finding:
    from medtalk.cli import remote

    start = "Unreal starts one by itself; for others: medtalk serve"
    try:
        connection = remote.find(None, None)
    except ServiceError as error:
        return Finding("sidecar", "absent", error.message, start)
    try:
        with remote.connected(connection) as client:
            about = client.wait(client.hello())
    except ServiceError as error:
        return Finding("sidecar", "bad", error.message, error.hint)
    what = f"{connection.address}, medtalk {about['version']}, bundle {about['bundle']['name']} on {about['device']}"
    if about["version"] != __version__:
        return Finding("sidecar", "bad", what, "Its version differs: run medtalk stop, then start it again.")
    return Finding("sidecar", "ok", what)


def _projects(folder: Path) -> Iterator[Finding]:
    from medtalk.cli.unreal_plugin import read_record

    projects = sorted({project.resolve() for place in _places(folder) for project in _uprojects(place)})
    if not projects:
        advice = "For a project elsewhere: medtalk plugin install PROJECT.uproject"
        yield Finding("unreal", "absent", "no Unreal project found in the usual places", advice)
    if len(projects) > _LISTED:
        yield Finding("unreal", "absent", f"{len(projects)} Unreal projects found, of which {_LISTED} are shown")
    for project in projects[:_LISTED]:
        install = f'medtalk plugin install "{project}"'
        try:
            record = read_record(project)
        except InstallError as error:
            yield Finding("unreal", "bad", error.message, error.hint)
            continue
        if record is None:
            yield Finding("unreal", "absent", f"{project}: without the plugin", install)
            continue
        what = f"{project}: plugin {record['medtalk']}, its Python is {record['python']}"
        if record["medtalk"] != __version__:
            yield Finding("unreal", "bad", what, f"Bring it up to date: {install}")
        elif not Path(record["python"]).exists():
            yield Finding("unreal", "bad", what, f"This Python no longer exists: {install}")
        else:
            yield Finding("unreal", "ok", what)


def _places(folder: Path) -> Iterator[Path]:
    """Folders that may hold projects: this one, those around it, and Unreal's usual places."""
    yield from (folder, *list(folder.absolute().parents)[:2])
    try:
        home = Path.home()
    except RuntimeError:  # a user without a home
        return
    for documents in (home / "Documents", home / "OneDrive" / "Documents", home):
        yield documents / "Unreal Projects"


def _uprojects(folder: Path) -> Iterator[Path]:
    """The projects in a folder and in the folders in it."""
    try:
        inside = [entry for entry in os.scandir(folder) if entry.is_dir()][:_SEARCHED]
    except OSError:
        return
    for place in (folder, *(Path(entry.path) for entry in inside if not entry.name.startswith("."))):
        try:
            yield from (path for path in place.iterdir() if path.suffix.lower() == ".uproject" and path.is_file())
        except OSError:
            continue


def doctor(as_json: AsJson = False, debug: Debug = False) -> None:
    """Check this installation, and say what to do."""
    bad = False
    for finding in examine(Path.cwd()):
        bad |= finding.state == "bad"
        if as_json:
            print(json.dumps(asdict(finding)), flush=True)
        else:
            advice = f" -> {finding.advice}" if finding.advice else ""
            print(f"{finding.state:<7} {finding.part:<25} {finding.what}{advice}", flush=True)
    if bad:
        raise typer.Exit(1)
