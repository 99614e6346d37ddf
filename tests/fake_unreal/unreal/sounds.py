"""Sounds: assets with samples, and the export task that writes them as WAV."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

from .assets import AssetImportData, Factory, find, register
from .objects import Object
from .state import EDITOR

# What Unreal puts behind a channel's file name when it exports a surround sound, in its order of channels.
_SPEAKERS = ("_fl", "_fr", "_fc", "_lf", "_sl", "_sr", "_bl", "_br")


class SoundBase(Object):
    pass


class WaveformTransformationBase(Object):
    """An edit of a sound's wave inside Unreal; exports do not have it."""


class SoundCue(SoundBase):
    pass


class SoundWave(SoundBase):
    """16-bit samples, interleaved (`_pcm`), as Unreal keeps them after an import."""

    _properties = (
        "asset_import_data duration imported_sample_rate sample_rate num_channels total_samples looping subtitles"
        " spoken_text transformations comment"
    )

    def _set_up(self) -> None:
        self._fill(b"", 48000, 1)

    def _fill(self, pcm: bytes, rate: int, channels: int, filename: str = "") -> Any:
        self._pcm = pcm
        frames = len(pcm) // (2 * channels)
        source = AssetImportData(self)
        source.__dict__["_filenames"] = [filename] if filename else []
        self._values.update(
            asset_import_data=source.__dict__["_self"],
            duration=frames / rate,
            imported_sample_rate=rate,
            sample_rate=rate,
            num_channels=channels,
            total_samples=frames / 1000,
        )
        return self


class SoundFactory(Factory):
    _properties = "*"


class Exporter(Object):
    """Runs export tasks. A task whose exporter cannot write the object fails, and says so in the log."""

    def _write(self, thing: Any, filename: Path) -> bool:
        return False

    @staticmethod
    def run_asset_export_task(task: Any) -> bool:
        return _run(task)

    @staticmethod
    def run_asset_export_tasks(export_tasks: Any) -> bool:
        return all([_run(task) for task in export_tasks])


def _run(task: Any) -> bool:
    said = task._values
    thing, filename, exporter = said.get("object"), said.get("filename", ""), said.get("exporter")
    if thing is None or not filename:
        return False
    if not said.get("automated", False):
        EDITOR.modal("the export dialog of a task that is not automated")
    exporter = exporter or SoundExporterWAV()
    path = Path(filename)
    if path.exists() and not said.get("replace_identical", False):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    done = exporter._write(thing, path)
    if not done:
        EDITOR.log.add("Warning", f"No exporter for {thing._name} as {path.suffix}")
    return done


class AssetExportTask(Object):
    _properties = "*"


class SoundExporterWAV(Exporter):
    """Mono and stereo."""

    def _write(self, thing: Any, filename: Path) -> bool:
        if not isinstance(thing, SoundWave) or thing._values["num_channels"] > 2 or not thing._pcm:
            return False
        _write_wav(filename, thing._pcm, thing._values["imported_sample_rate"], thing._values["num_channels"])
        return True


class SoundSurroundExporterWAV(Exporter):
    """More than two channels: a file for each, with the speaker behind the name."""

    def _write(self, thing: Any, filename: Path) -> bool:
        channels = thing._values["num_channels"] if isinstance(thing, SoundWave) else 0
        if channels <= 2 or not thing._pcm:
            return False
        rate = thing._values["imported_sample_rate"]
        for index in range(channels):
            one = b"".join(
                thing._pcm[at + 2 * index : at + 2 * index + 2] for at in range(0, len(thing._pcm), 2 * channels)
            )
            speaker = _SPEAKERS[index] if index < len(_SPEAKERS) else f"_{index}"
            _write_wav(filename.with_stem(filename.stem + speaker), one, rate, 1)
        return True


def _write_wav(path: Path, pcm: bytes, rate: int, channels: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm)


def import_sound(task: Any) -> None:
    """What an import task does with a WAV: a SoundWave in its folder."""
    said = task._values
    source = Path(said.get("filename", ""))
    name = said.get("destination_name") or source.stem
    package = f"{str(said.get('destination_path', '/Game')).rstrip('/')}/{name}"
    if not source.is_file():
        EDITOR.log.add("Warning", f"Failed to import {source}: no such file")
        return
    if find(package) is not None and not said.get("replace_existing", False):
        return
    with wave.open(str(source)) as file:
        sound = SoundWave()._fill(
            file.readframes(file.getnframes()), file.getframerate(), file.getnchannels(), str(source)
        )
    register(sound.__dict__["_self"], package)
    task._values["imported_object_paths"] = [f"{package}.{name}"]
