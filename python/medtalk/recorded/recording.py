"""A recorded rig in its files, which lie beside each other and have one name:

line01.rig   what it was made by, as JSON, a fact a line: what a reviewer reads
line01.npz   the curves, a rig file as any other (for Git LFS, if you like)
line01.wav   the sound, if it was kept; line01.smile.png   a picture that the settings name

A `.rig` holds the SHA-256 of its `.npz` and of its sound, so that neither changes unseen.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from medtalk.audio import SOUND_ENDINGS
from medtalk.errors import AudioError, MedtalkError, RigError, SettingError, about
from medtalk.files import check_file, make_folder, output_error, sha256_file, write_atomic
from medtalk.inputs import path_text, read_input
from medtalk.recorded.settings import from_json, to_json
from medtalk.rig import CHANNEL_HASH, RigSequence, read_rig, write_rig
from medtalk.take import checked
from medtalk.version import __version__
from medtalk_wire.settings import Settings

ENDING = ".rig"
FORMAT, VERSION = "medtalk-recorded-rig", 1
_MAX_BYTES = 64 << 20
_PICTURES = (".png", ".jpg", ".jpeg", ".webp")
_LFS = b"version https://git-lfs"
_AGAIN = "Restore it from version control, or record it again."


@dataclass(frozen=True)
class KnownSound:
    """The sound of a recorded rig. place: from the folder of the `.rig`, with "/"; kept: it is its own copy."""

    place: str
    sha256: str
    kept: bool = False


@dataclass(frozen=True)
class Recording:
    """A recorded rig.

    Attributes:
        file: its `.rig`.
        rig: the curves as they were.
        sound: what it was made of.
        settings: what it was made by, as they were given.
        channel: of the sound, None for the mix.
        bundle: name and sha256 of the bundle; `medtalk` is the version, `platform` where it was made.
        quality: the verdict: good, summary, findings, figures.
    """

    file: Path
    rig: RigSequence
    sound: KnownSound
    settings: Settings
    channel: int | None = None
    bundle: Mapping[str, str] = field(default_factory=dict)
    medtalk: str = __version__
    platform: str = ""
    quality: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What it is called: its file without the ending."""
        return self.file.name[: -len(ENDING)]

    def find_sound(self, folder: Path | None = None) -> Path:
        """The file of its sound: where it was, or of that name below `folder` or beside it.

        Raises:
            AudioError: there is none, or it is another sound by now.
        """
        place, beside = PurePosixPath(self.sound.place), self.file.parent
        places = [beside / place, beside / place.name]
        if folder is not None:
            places = [folder / place, folder / place.name, *places]
        there = [path for path in places if os.path.isfile(path)]  # which takes any name
        if not there and folder is not None:
            there = sorted(path for path in folder.rglob("*") if path.name == place.name and path.is_file())
        for path in there:
            if sha256_file(path) == self.sound.sha256:
                return path
        if there:
            raise AudioError(
                f"{path_text(there[0])} is not the sound that was recorded.",
                "Bring it back, or record the rig again (--update).",
                path_text(there[0]),
            )
        where = path_text(places[0])
        raise AudioError(f"The sound {where} is missing.", "Bring it back, or name its folder with --sounds.", where)


@cache
def platform_facts() -> str:
    """What numbers depend on beside the bundle and medtalk's version: kind of machine and libraries.

    Processors with other vector instructions round otherwise; numpy names the newest ones that it found.
    """
    simd = np.show_config(mode="dicts")["SIMD Extensions"]
    vectors = [*simd.get("baseline", []), *simd.get("found", [])][-1:]
    libraries = []
    for library in ("numpy", "onnxruntime"):
        try:
            libraries.append(f"{library} {version(library)}")
        except PackageNotFoundError:
            libraries.append(f"{library} unknown")
    return f"{' '.join([platform.system(), platform.machine(), *vectors])}, {', '.join(libraries)}"


def write_recording(
    file: Path,
    rig: RigSequence,
    sound: Path,
    settings: Settings,
    *,
    channel: int | None = None,
    quality: Mapping[str, Any] | None = None,
    keep_sound: bool = False,
    force: bool = False,
) -> Recording:
    """Write a recorded rig, with its folder; what was there of that name is replaced. The `.rig` comes last.

    Args:
        file: NAME.rig.
        rig: the take.
        sound: what it was made of; `keep_sound` copies it beside.
        settings: what it was made by, before `take.checked`.
        channel: of the sound.
        quality: of the take.
        force: replace files that are read-only.

    Raises:
        OutputError: a file cannot be written.
    """
    file = _checked_name(file)
    make_folder(file.parent)
    stem = file.name[: -len(ENDING)]
    check_file(file, force=force)
    curves = file.with_name(f"{stem}.npz")
    write_rig(curves, rig, force=force)
    known = _known_sound(file, sound, keep_sound, force)
    pictures: dict[str, str] = {}

    def keep(picture: bytes | Path, name: str) -> str:
        data = picture if isinstance(picture, bytes) else picture.read_bytes()
        wanted = (picture.name if isinstance(picture, Path) else Path(name).name) or "picture"
        wanted = wanted.removeprefix(f"{stem}.")  # of one that is recorded again
        target, number = f"{stem}.{wanted}", 1
        while pictures.get(target, sha256_of(data)) != sha256_of(data):
            number += 1
            target = f"{stem}.{number}.{wanted}"
        if target not in pictures:
            pictures[target] = sha256_of(data)
            write_atomic(file.with_name(target), lambda place: place.write_bytes(data), force=force)
        return target

    bundle = dict(rig.meta.get("bundle", {}))
    facts: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "medtalk": str(rig.meta.get("medtalk", __version__)),
        "bundle": bundle,
        "platform": platform_facts(),
        "channels": CHANNEL_HASH,
        "rig": {"file": curves.name, "sha256": sha256_file(curves), "frames": len(rig), "fps": rig.fps},
        "sound": {"file": known.place, "sha256": known.sha256, "kept": known.kept},
    }
    if channel is not None:
        facts["channel"] = channel
    try:
        facts["settings"] = to_json(settings, keep)
    except OSError as error:  # a picture that is gone
        raise output_error(file, error) from error
    facts["quality"] = dict(quality or {})
    text = "\n".join(_lines(facts, "")) + "\n"
    write_atomic(file, lambda place: place.write_text(text, "utf-8", newline="\n"), force=force)
    return Recording(file, rig, known, settings, channel, bundle, facts["medtalk"], facts["platform"], facts["quality"])


def sha256_of(data: bytes) -> str:
    """SHA-256 of bytes, as 64 hexadecimal digits."""
    import hashlib

    return hashlib.sha256(data).hexdigest()


def read_recording(file: str | Path) -> Recording:
    """A recorded rig from its files; its sound is not looked for.

    Raises:
        RigError: what is wrong with one of the files, and what to do.
    """
    path = Path(file)
    shown = path_text(path)
    with about(shown):
        facts = _facts(path, shown)
        if facts.get("channels") != CHANNEL_HASH:
            raise RigError(f"{shown} was recorded for another list of channels.", "Record it again.")
        try:
            rig, sound, quality = facts["rig"], facts["sound"], dict(facts.get("quality", {}))
            curves, expected = _beside(path, rig["file"], shown), str(rig["sha256"])
            known = KnownSound(str(sound["file"]), str(sound["sha256"]), bool(sound.get("kept", False)))
            bundle, found = dict(facts["bundle"]), facts["settings"]
            if not isinstance(found, dict):
                raise TypeError("the settings are no object")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RigError(f"{shown} is not complete ({type(error).__name__}: {error}).", _AGAIN) from None
        channel = facts.get("channel")
        if channel is not None and (isinstance(channel, bool) or not isinstance(channel, int)):
            raise RigError(f'{shown}: "channel" must be a whole number.', _AGAIN)
        _check_curves(curves, expected)
        try:
            settings = from_json(found, path.parent)
            checked(settings)
        except MedtalkError as error:
            raise RigError(f"{shown}: {error.message}", error.hint) from None
        return Recording(
            path, read_rig(curves), known, settings, channel, bundle, str(facts.get("medtalk", "")),
            str(facts.get("platform", "")), quality,
        )  # fmt: skip


def find_recordings(places: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The `.rig` files among files and in and below folders, and files there that belong to none: curves, sounds.

    Raises:
        SettingError: a folder holds no recorded rig, or a file is not one.
    """
    found: dict[Path, None] = {}
    for place in places:
        if place.is_dir():
            inside = sorted(path for path in place.rglob(f"*{ENDING}") if path.is_file() and not _hidden(path, place))
            if not inside:
                raise SettingError(
                    f"{path_text(place)} holds no recorded rig (NAME{ENDING}).",
                    f"Record one: medtalk record SOUND -o {path_text(place)}",
                )
            found |= dict.fromkeys(inside)
        elif place.name.lower().endswith(ENDING):
            found[place] = None
        else:
            what = "is not a recorded rig" if place.exists() else "does not exist"
            raise SettingError(f"{path_text(place)} {what}.", f"Give a folder, or NAME{ENDING}.")
    return list(found), _orphans(found, [place for place in places if place.is_dir()])


def _orphans(recordings: Iterable[Path], folders: Iterable[Path]) -> list[Path]:
    """Curves, sounds and pictures in and below folders that no recorded rig names."""
    named: set[Path] = set()
    for path in recordings:
        try:
            text = path.read_text("utf-8")
            facts = json.loads(text)
            own = [facts["rig"]["file"], facts["sound"]["file"], *_pictures(facts["settings"])]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            own = [path.with_suffix(".npz").name]  # what is wrong with it is said when it is read
        named |= {Path(os.path.normpath(path.parent / str(each))) for each in own}
    endings = (".npz", *SOUND_ENDINGS, *_PICTURES)
    inside = {
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.name.lower().endswith(endings) and path.is_file() and not _hidden(path, folder)
    }
    return sorted(path for path in inside if Path(os.path.normpath(path)) not in named)


def _pictures(settings: Mapping[str, Any]) -> list[str]:
    spans = settings.get("timeline", ())
    return [each["image"] for each in (settings, *spans) if isinstance(each, dict) and each.get("image")]


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _checked_name(file: Path) -> Path:
    if not file.name.lower().endswith(ENDING) or len(file.name) == len(ENDING):
        raise SettingError(f"{path_text(file)} is not a name for a recorded rig.", f"Give NAME{ENDING}, or a folder.")
    return file


def _known_sound(file: Path, sound: Path, keep: bool, force: bool) -> KnownSound:
    if not keep:
        try:
            place = Path(os.path.relpath(sound, file.parent)).as_posix()
        except ValueError:  # another drive of Windows
            place = sound.name
        return KnownSound(place, sha256_file(sound))
    target = file.with_name(f"{file.name[: -len(ENDING)]}{sound.suffix.lower()}")
    if not (target.exists() and os.path.samefile(sound, target)):
        write_atomic(target, lambda place: shutil.copyfile(sound, place), force=force)
    return KnownSound(target.name, sha256_file(target), True)


def _facts(path: Path, shown: str) -> dict[str, Any]:
    data = read_input(path, "recorded rig", RigError, _MAX_BYTES)
    if data.startswith(_LFS):
        raise RigError(f"{shown} is a pointer of Git LFS.", "Fetch the file: git lfs pull.")
    try:
        facts = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise RigError(f"{shown} is damaged ({error}).", _AGAIN) from None
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise RigError(f'{shown} is not a recorded rig: one has "format": "{FORMAT}".')
    if facts.get("version") != VERSION:
        raise RigError(
            f"{shown} is of format version {str(facts.get('version'))[:20]}; this program reads {VERSION}.",
            "Update medtalk.",
        )
    return facts


def _beside(path: Path, name: object, shown: str) -> Path:
    if not isinstance(name, str) or not name or Path(name).name != name or "\\" in name:
        raise RigError(f"{shown}: the curves {str(name)[:60]!r} do not lie beside it.", _AGAIN)
    return path.with_name(name)


def _check_curves(curves: Path, expected: str) -> None:
    shown = path_text(curves)
    if not os.path.isfile(curves):
        raise RigError(f"The curves {shown} are missing.", _AGAIN, shown)
    with open(curves, "rb") as stream:
        if stream.read(len(_LFS)) == _LFS:
            raise RigError(f"{shown} is a pointer of Git LFS.", "Fetch the file: git lfs pull.", shown)
    if sha256_file(curves) != expected:
        raise RigError(f"{shown} is not the file that was recorded.", _AGAIN, shown)


def _lines(value: Any, indent: str) -> list[str]:
    """JSON with an object's names a line each, lists in one: short lines change where a fact does."""
    if not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_number).split("\n")
    out = ["{"]
    for number, (name, each) in enumerate(value.items(), start=1):
        first, *rest = _lines(each, f"{indent}  ")
        comma = "," if number < len(value) else ""
        inner = [f"{json.dumps(name, ensure_ascii=False)}: {first}", *rest]
        inner[-1] += comma
        out += [f"{indent}  {inner[0]}", *inner[1:]]
    return [*out, f"{indent}}}"]


def _number(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not JSON")
