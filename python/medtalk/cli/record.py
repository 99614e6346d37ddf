"""The command `record`: takes that are kept, for `medtalk verify` to make again."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medtalk.cli.generate import FinishingKind, finished
from medtalk.cli.options import (
    AsJson,
    Backbones,
    Debug,
    Device,
    Force,
    Offline,
    OtherBundle,
    Threads,
    backbone_folders,
    with_settings,
)
from medtalk.cli.printing import clean_up, complain, length, progress, shown
from medtalk.errors import DiskFullError, MedtalkError, OutputError
from medtalk.inputs import path_text
from medtalk.signals import check_stop
from medtalk_wire.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from medtalk.batch.sources import Source
    from medtalk.recorded.making import Maker


@with_settings
def record(
    sounds: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOUND",
            readable=False,
            help="Sounds, or folders: all sounds in and below them, in the same folders of DIR.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR|FILE.rig",
            readable=False,
            help="Folder of recorded rigs, created if missing; or the recorded rig of one sound.",
        ),
    ],
    settings: Settings,
    finishing: Annotated[
        FinishingKind, typer.Option(help="paper: the paper's smoothing only, without blinks, gaze and limits.")
    ] = "full",
    keep_sound: Annotated[
        bool, typer.Option("--keep-sound", help="Keep a copy of each sound beside; else where it lies, and its hash.")
    ] = False,
    channel: Annotated[
        int | None, typer.Option(metavar="N", help="Use channel N of the sounds (0 is the first) instead of the mix.")
    ] = None,
    force: Force = False,
    bundle: OtherBundle = None,
    backbone: Backbones = None,
    offline: Offline = False,
    threads: Threads = 1,
    device: Device = "cpu",
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print only errors.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Keep takes with all that they were made by, so that `medtalk verify` can tell whether an update changes them."""
    from medtalk.batch.sources import find_sources
    from medtalk.cli.batch import find_transcripts
    from medtalk.perform import load
    from medtalk.recorded.making import Maker
    from medtalk.take import checked

    settings = finished(settings, finishing)
    checked(settings)
    sources, passed = find_sources(sounds)
    for line in passed:
        complain(line)
    targets = _targets(sources, output, any(map(Path.is_dir, sounds)))
    texts = find_transcripts(sources, settings.transcript)
    clean_up({target.parent for target in targets})
    maker = Maker(load(bundle, threads=threads, device=device, backbones=backbone_folders(backbone or ()),
                       offline=offline))  # fmt: skip
    failed = False
    with progress(len(sources), quiet or as_json) as show:
        for number, (source, target, text) in enumerate(zip(sources, targets, texts, strict=True)):
            check_stop()
            try:
                result = _record_one(
                    maker, source.file, target, replace(settings, transcript=text), channel, keep_sound, force,
                    partial(show, number, source.file.name),
                )  # fmt: skip
            except MedtalkError as error:
                if debug:
                    raise
                failed = True
                complain(str(error) if error.about == path_text(source.file) else f"{source.file}: {error}")
                if as_json:
                    print(json.dumps({"sound": str(source.file), "error": error.facts()}), flush=True)
                if isinstance(error, DiskFullError):
                    break
                continue
            if as_json:
                print(json.dumps(result), flush=True)
            elif not quiet:
                print(f"{shown(result['file'])}: {length(result['seconds'])}, {result['quality']}", flush=True)
    if failed:
        raise typer.Exit(1)


def _record_one(
    maker: Maker,
    sound: Path,
    target: Path,
    settings: Settings,
    channel: int | None,
    keep_sound: bool,
    force: bool,
    tell: Callable[[float], None],
) -> dict[str, Any]:
    from medtalk.recorded.making import judged
    from medtalk.recorded.recording import write_recording
    from medtalk.watch import telling

    with telling(tell):
        rig = maker(sound, settings, channel)
    check_stop()
    recording = write_recording(
        target, rig, sound, settings, channel=channel, quality=judged(rig, maker.speech), keep_sound=keep_sound,
        force=force,
    )  # fmt: skip
    return {
        "sound": str(sound), "file": str(target), "seconds": rig.seconds, "frames": len(rig), "fps": rig.fps,
        "quality": recording.quality["summary"],
    }  # fmt: skip


def _targets(sources: Sequence[Source], output: Path, into_folder: bool) -> list[Path]:
    """The recorded rig of each sound; OutputError for two of one name."""
    from medtalk.recorded.recording import ENDING

    if output.name.lower().endswith(ENDING) and not output.is_dir():
        if len(sources) > 1 or into_folder:
            raise OutputError(
                f"{len(sources)} sounds cannot go into the one file {output}.", "Give a folder, such as -o rigs/."
            )
        return [output]
    targets = [source.twin(output, ENDING) for source in sources]
    taken: dict[str, Path] = {}
    for source, target in zip(sources, targets, strict=True):
        first = taken.setdefault(unicodedata.normalize("NFC", str(target)).casefold(), source.file)
        if first is not source.file:
            raise OutputError(f"{first} and {source.file} would both become {target}.", "Rename one.")
    return targets
