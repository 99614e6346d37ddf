"""Commands: look at and complete recorded data."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from medtalk_train.cli.options import Quiet, app
from medtalk_train.recipe import KINDS


@app.command(help="Check a data set file by file; exit code 1 if anything is wrong.")
def check(
    data: Annotated[Path, typer.Argument(help="Folder of the data set.")],
    kind: Annotated[str, typer.Option(help=f"{', '.join(KINDS)}; detected by the layout if left out.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    quiet: Quiet = False,
) -> None:
    from rich.progress import Progress

    from medtalk_train.captured.takes.check import check as look

    with Progress(transient=True, disable=quiet or as_json or not sys.stderr.isatty()) as progress:
        task = progress.add_task("takes", total=None)
        report = look(data, kind, lambda: progress.advance(task))
    if as_json:
        print(json.dumps(report.to_dict(), indent=1, ensure_ascii=False))
    else:
        for line in report.lines()[: len(report.problems) if quiet else None]:
            print(line)
    if report.problems:
        raise typer.Exit(1)


@app.command(help="Make rigs of the faces in videos, with MediaPipe, and write their sound beside them.")
def capture(
    video: Annotated[Path, typer.Argument(help="A video, or a folder of them.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for NAME.npz and NAME.wav: a data set to train on.")],
    model: Annotated[
        Path | None,
        typer.Option(help="MediaPipe's face_landmarker.task; without it, that of `medtalk backbones pull`."),
    ] = None,
    emotion: Annotated[
        str, typer.Option(help="Of all videos, where RAVDESS's names, or EMOTION_NAME, do not say.")
    ] = "",
    speaker: Annotated[str, typer.Option(help="Who is seen in all videos, where their names do not say.")] = "",
    neutral: Annotated[
        str,
        typer.Option(
            help="The face at rest, to be taken out: auto (of the actor's neutral videos, else of the video itself), "
            "none, the seconds at the start of each video in which it rests, or a video of it."
        ),
    ] = "auto",
    face: Annotated[str, typer.Option(help="Where there are several: largest, left or right, as in the picture.")] = "",
    again: Annotated[bool, typer.Option("--again", help="Replace rigs that already exist.")] = False,
    quiet: Quiet = False,
) -> None:
    from rich.progress import Progress

    from medtalk.errors import MedtalkError
    from medtalk.files import make_folder
    from medtalk_train.captured.capture import Capturing, capture_all, jobs_of
    from medtalk_train.captured.video import open_landmarker

    jobs, left_out = jobs_of(video, out)
    failed = 0
    with Progress(transient=True, disable=quiet or not sys.stderr.isatty()) as progress:
        task = progress.add_task("frames", total=None)
        how = Capturing(open_landmarker(model), face, neutral, emotion, speaker, lambda: progress.advance(task))
        make_folder(out)  # before a minute is spent on what could not be kept
        for job, made in capture_all(jobs, how, again):
            if isinstance(made, MedtalkError):
                failed += 1
                print("medtalk-train:", made, file=sys.stderr)
            elif made is not None and not quiet:
                print(f"{job.rig}: {made.seconds:.2f} s of {job.video}")
    if left_out and not quiet:
        print(f"left out, as they are there with their sound: {left_out} videos without any")
    if failed:
        if len(jobs) > 1:
            print(f"medtalk-train: {failed} of {len(jobs)} videos failed.", file=sys.stderr)
        raise typer.Exit(1)


@app.command(help="The frame of a video, or of each in a folder, in which the face shows most, as a PNG (section 3.4).")
def peak(
    video: Annotated[Path, typer.Argument(help="A video, or a folder of them.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the pictures: `peaks` in that of the data.")],
    rig: Annotated[
        Path | None, typer.Option(help="The video's rig, or a folder with rigs of the videos' names.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="MediaPipe's face_landmarker.task, where there are no rigs.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Replace pictures that already exist.")] = False,
    quiet: Quiet = False,
) -> None:
    from medtalk_train.captured.peak import peak as find
    from medtalk_train.captured.peak import rig_of, videos_of

    out.mkdir(parents=True, exist_ok=True)
    for path in videos_of(video):
        picture = out / f"{path.stem}.png"
        if again or not picture.exists():
            second = find(path, picture, None if rig is None else rig_of(path, rig), model)
            if not quiet:
                print(f"{picture}: {second:.2f} s of {path}")


@app.command(help="A table of descriptions of a data set's takes, to be filled by hand or by a command (section 3.4).")
def describe(
    data: Annotated[Path, typer.Argument(help="Folder of the data set.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The table; descriptions.csv in DATA if left out.")
    ] = None,
    command: Annotated[
        str, typer.Option(help="Describes a take, such as 'mytool {image}'; also {sound}, {emotion}. No shell runs it.")
    ] = "",
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that the command may take per take.")] = 120.0,
    quiet: Quiet = False,
) -> None:
    from rich.progress import Progress

    from medtalk_train.captured.describe import describe as write

    table = out or data / "descriptions.csv"
    with Progress(transient=True, disable=quiet or not sys.stderr.isatty()) as progress:
        task = progress.add_task("takes", total=None)
        takes, described = write(data, table, command, timeout, lambda: progress.advance(task))
    if not quiet:
        print(f"{table}: {takes} takes, {described} described")
