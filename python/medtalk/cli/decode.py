"""The command `decode`: a rig in another emotion from a kept take, without its sound."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from medtalk.cli.generate import FinishingKind, finished, line_of, result_of
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
from medtalk.cli.printing import clean_up, complain
from medtalk.errors import SettingError
from medtalk_wire.settings import Settings


@with_settings
def decode(
    source: Annotated[
        Path, typer.Argument(metavar="TAKE.npz", readable=False, help="A take that was made with --keep-heard.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            readable=False,
            help="Rig file to write, with an ending as for `medtalk generate`.",
        ),
    ],
    settings: Settings,
    finishing: Annotated[
        FinishingKind, typer.Option(help="paper: the paper's smoothing only, without blinks, gaze and limits.")
    ] = "full",
    force: Force = False,
    bundle: OtherBundle = None,
    backbone: Backbones = None,
    offline: Offline = False,
    threads: Threads = None,
    device: Device = "auto",
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print only errors.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Animate a face anew from what was heard: a take in another emotion, without its sound."""
    from medtalk.batch.sources import Source
    from medtalk.cli.batch import find_transcripts
    from medtalk.files import check_file
    from medtalk.perform import load
    from medtalk.rig import check_output, write_rig
    from medtalk.saved import load_performance
    from medtalk.take import checked, guided, informed, take

    settings = checked(finished(settings, finishing))
    if settings.language:
        raise SettingError("--language is for transcription, which needs the sound.", "Leave it out.")
    check_output(output, force=force)
    check_file(output, force=force, inputs=[source])
    text = find_transcripts([Source(source, Path(source.name))], settings.transcript)[0]
    clean_up([output.parent])
    started = time.perf_counter()
    model = load(bundle, threads=threads, device=device, backbones=backbone_folders(backbone or ()), offline=offline)
    performance = load_performance(source, model)
    settings = replace(settings, transcript=text)
    rig = take(informed(performance, settings), guided(model, settings), settings)
    write_rig(output, rig, force=force)
    result = {"take": str(source), **result_of(output, rig, started)}
    if note := result.get("note"):
        complain(note)
    if as_json:
        print(json.dumps(result), flush=True)
    elif not quiet:
        print(line_of(result), flush=True)
