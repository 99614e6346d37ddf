"""A SoundWave of the project as the bytes of a WAV file."""

from __future__ import annotations

import secrets
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import unreal

from medtalk_unreal import compat, wav
from medtalk_unreal.errors import PluginError
from medtalk_unreal.settings import folder

MIN_SECONDS = 0.1
MAX_CHANNELS = 2
_AGREES = 0.01  # seconds by which the import file may differ from the asset
_MAX_BYTES = 1 << 30
_FIRST_CHUNKS = 64  # the sound's data come after a few others; a file of thousands is not a sound


@dataclass(frozen=True)
class SoundFacts:
    """The facts of a SoundWave. `path` is the asset's, `spoken` its spoken text, as far as it is known; `channels` are
    1 or 2."""

    path: str
    name: str
    seconds: float
    spoken: str
    channels: int = 1


def look(path: str, max_seconds: float) -> SoundFacts:
    """The facts of the SoundWave at `path`; `PluginError` if it is none that a face can speak."""
    wave = _load(path)
    name, seconds = wave.get_name(), float(wave.get_editor_property("duration"))
    channels = int(wave.get_editor_property("num_channels"))
    if seconds < MIN_SECONDS:
        raise PluginError(
            f"The sound {name} lasts {seconds:.3g} s; at least {MIN_SECONDS:g} s are needed.", "Choose a longer sound."
        )
    if seconds > max_seconds:
        raise PluginError(
            f"The sound {name} lasts {seconds:.0f} s; at most {max_seconds:g} s are written into a sequence.",
            "Import it in parts, or raise Longest Sound in the MEDTalk settings.",
        )
    if channels > MAX_CHANNELS:
        raise PluginError(
            f"The sound {name} has {channels} channels; speech is mono or stereo.",
            "Import the channel with the voice as a sound of its own.",
        )
    return SoundFacts(path, name, seconds, str(wave.get_editor_property("spoken_text")), channels)


def in_folder(folder: str) -> list[str]:
    """The path names of the SoundWaves in a folder of the project and below, in order. None is loaded."""
    registry = unreal.AssetRegistryHelpers.get_asset_registry()
    found = registry.get_assets_by_path(folder, True) or []
    return sorted(
        f"{data.package_name}.{data.asset_name}"
        for data in found
        if str(data.asset_class_path.asset_name) == unreal.SoundWave.__name__
    )


def import_file(file: Path, folder: str, name: str) -> str:
    """Import a sound file into a folder of the project, and save it; the path name. Raises `PluginError`."""
    task = unreal.AssetImportTask()
    task.set_editor_properties(
        {
            "filename": file.as_posix(), "destination_path": folder, "destination_name": name, "automated": True,
            "save": True, "replace_existing": False,
        }
    )  # fmt: skip
    unreal.AssetToolsHelpers.get_asset_tools().import_asset_tasks([task])
    if compat.load(f"{folder}/{name}") is None:
        raise PluginError(f"Unreal cannot import the sound {file}.", "Look at the lines before this one in the log.")
    return f"{folder}/{name}.{name}"


def check_channel(facts: SoundFacts, channel: str) -> None:
    """Raise `PluginError` for a sound that does not have the channel: "mix", "left" or "right"."""
    if channel != "mix" and facts.channels < MAX_CHANNELS:
        raise PluginError(
            f"The sound {facts.name} is mono: it has no {channel} channel.", "Set Stereo Channel to Both, mixed."
        )


def only(data: bytes, name: str, channel: str) -> bytes:
    """The bytes of a WAV file with the one channel of those of a sound that is to be heard; all of them for "mix"."""
    if channel == "mix":
        return data
    try:
        return wav.one_channel(data, ("left", "right").index(channel))
    except ValueError as error:
        raise PluginError(
            f"The sound {name} has no {channel} channel.", "Set Stereo Channel to Both, mixed."
        ) from error


def read(path: str) -> tuple[bytes, list[str]]:
    """The bytes of a WAV file of the SoundWave at `path`, and what the user should know of it.

    They are those of an export: what is heard in Unreal. The file that the sound was imported from may have another
    recording in it by now, so it is read only where Unreal cannot export.
    """
    wave = _load(path)
    notes = []
    if len(wave.get_editor_property("transformations")):
        notes.append(f"The waveform edits of {wave.get_name()} are ignored: the face speaks the sound as imported.")
    try:
        return _export(wave), notes
    except PluginError:
        source = _import_file(wave)
        if source is None:
            raise
    notes.append(
        f"Unreal cannot export {wave.get_name()}: the face speaks the file that it was imported from, {source}."
    )
    try:
        return source.read_bytes(), notes
    except OSError as error:
        raise PluginError(
            f"The file {source} of the sound {wave.get_name()} cannot be read: {error.strerror}."
        ) from error


def _load(path: str) -> unreal.SoundWave:
    return compat.load_as(unreal.SoundWave, path, "sound", "Select the SoundWave itself.")


def _import_file(wave: unreal.SoundWave) -> Path | None:
    """The WAV file that the asset was made from, where it can still be the same sound."""
    data = wave.get_editor_property("asset_import_data")
    name = data.get_first_filename() if data else ""
    path = Path(name)
    if not name or not path.is_absolute() or path.suffix.lower() != ".wav":
        return None
    try:
        if path.stat().st_size > _MAX_BYTES:
            return None
        with open(path, "rb") as file:
            facts = _wav_facts(file, path.stat().st_size)
    except OSError:
        return None
    seconds, channels = wave.get_editor_property("duration"), wave.get_editor_property("num_channels")
    agrees = facts and abs(facts[0] - seconds) <= _AGREES and facts[1] == channels
    return path if agrees else None


def _wav_facts(file: BinaryIO, size: int) -> tuple[float, int] | None:
    """Seconds and channels of a WAV file; None if it is none. Python's own `wave` refuses float and 24-bit ones."""
    if struct.unpack("<4s4x4s", file.read(12).ljust(12, b"\0")) != (b"RIFF", b"WAVE"):
        return None
    channels = byte_rate = 0
    for _ in range(_FIRST_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            return None
        name, length = struct.unpack("<4sI", header)
        if name == b"data":
            length = min(length, size - file.tell())
            return (length / byte_rate, channels) if byte_rate else None
        if name == b"fmt " and length >= 16:
            _, channels, _, byte_rate = struct.unpack("<HHII", file.read(12))
            length -= 12
        file.seek(length + length % 2, 1)
    return None


def _export(wave: unreal.SoundWave) -> bytes:
    """The sound as the editor exports it."""
    path = folder() / f"export-{secrets.token_hex(8)}.wav"
    name = wave.get_name()
    task = unreal.AssetExportTask()
    task.set_editor_property("object", wave)
    task.set_editor_property("exporter", unreal.SoundExporterWAV())
    task.set_editor_property("filename", path.as_posix())
    task.set_editor_property("automated", True)
    task.set_editor_property("prompt", False)
    task.set_editor_property("replace_identical", True)
    try:
        done = unreal.Exporter.run_asset_export_task(task)
        data = path.read_bytes() if done and path.is_file() else b""
    except OSError as error:
        raise PluginError(f"The exported sound {name} cannot be read: {error.strerror}.") from error
    finally:
        path.unlink(missing_ok=True)
    if not data:
        why = "; ".join(map(str, task.get_editor_property("errors")))
        raise PluginError(
            f"The sound {name} cannot be exported{': ' + why if why else ''}.", "Import it again from its WAV file."
        )
    return data
