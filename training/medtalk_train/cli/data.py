"""Commands: look at and complete recorded data."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medtalk.errors import MedtalkError
from medtalk_train.cli.options import Quiet, app, counting
from medtalk_train.recipe import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

DataSet = Annotated[Path, typer.Argument(help="Folder of the data set.")]
Videos = Annotated[Path, typer.Argument(metavar="VIDEO", help="A video, or a folder of them.")]


@app.command(help="Check a data set file by file; exit code 1 if anything is wrong.")
def check(
    data: DataSet,
    kind: Annotated[str, typer.Option(help=f"{', '.join(KINDS)}; found by the layout if left out.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    quiet: Quiet = False,
) -> None:
    from medtalk_train.captured.takes.check import check as look

    with counting("takes", quiet or as_json) as seen:
        report = look(data, kind, seen)
    if as_json:
        print(json.dumps(report.to_dict(), indent=1, ensure_ascii=False))
    else:
        for line in report.lines()[: len(report.problems) if quiet else None]:
            print(line)
    if report.problems:
        raise typer.Exit(1)


@app.command(help="Make rigs of the faces in videos, with MediaPipe, and write their sound beside them.")
def capture(
    video: Videos,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for NAME.npz and NAME.wav: a data set to train on.")],
    model: Annotated[
        Path | None,
        typer.Option(help="MediaPipe's face_landmarker.task; without it, that of `medtalk backbones pull`."),
    ] = None,
    emotion: Annotated[
        str,
        typer.Option(
            help="Of all videos. If left out their names give it: RAVDESS's, EMOTION_NAME or EMOTION_SPEAKER_NAME."
        ),
    ] = "",
    speaker: Annotated[
        str,
        typer.Option(help="Of all videos. If left out their names give it: RAVDESS's, or EMOTION_SPEAKER_NAME."),
    ] = "",
    neutral: Annotated[
        str,
        typer.Option(
            help="The face at rest, to be taken out: auto (of the actor's neutral videos, else of the video itself), "
            "none, the seconds at the start of each video in which it rests, or a video of it."
        ),
    ] = "auto",
    face: Annotated[str, typer.Option(help="Which one of several: largest, left or right, as in the picture.")] = "",
    again: Annotated[bool, typer.Option("--again", help="Replace rigs that already exist.")] = False,
    quiet: Quiet = False,
) -> None:
    from medtalk.files import make_folder
    from medtalk_train.captured.capture import Capturing, capture_all, jobs_of
    from medtalk_train.captured.takes.take import counted
    from medtalk_train.captured.video import open_landmarker

    jobs, left_out = jobs_of(video, out)
    with counting("frames", quiet) as seen:
        how = Capturing(open_landmarker(model), face, neutral, emotion, speaker, seen)
        make_folder(out)  # before a minute is spent on what could not be kept
        failed = _told(capture_all(jobs, how, again), quiet)
    if left_out and not quiet:
        print(f"left out: {counted(left_out, 'video')} without sound, of which there is one with sound")
    _end(failed, len(jobs))


@app.command(help="Save the frame of each video in which the face is most expressive, as a PNG (section 3.4).")
def peak(
    video: Videos,
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
    from medtalk_train.captured.peak import peaks, videos_of

    videos = videos_of(video)
    _end(_told(peaks(videos, out, rig, model, again), quiet), len(videos))


@app.command(help="A table of descriptions of a data set's takes, to be filled by hand or by a command (section 3.4).")
def describe(
    data: DataSet,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The table; descriptions.csv in DATA if left out.")
    ] = None,
    command: Annotated[
        str, typer.Option(help="Describes a take, such as 'mytool {image}'; also {sound}, {emotion}. No shell runs it.")
    ] = "",
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that the command may take per take.")] = 120.0,
    quiet: Quiet = False,
) -> None:
    from medtalk_train.captured.describe import describe as write
    from medtalk_train.captured.takes.take import counted

    table = out or data / "descriptions.csv"
    with counting("takes", quiet) as seen:
        takes, described = write(data, table, command, timeout, seen)
    if not quiet:
        print(f"{table}: {counted(takes, 'take')}, {described} described")


def _told(made: Iterable[tuple[Path, Path, float | MedtalkError | None]], quiet: bool) -> int:
    """Print a line for what was made of each video, a file and its seconds, or of its error. How many failed.

    The others go on; None is what was there already.
    """
    failed = 0
    for video, file, result in made:
        if isinstance(result, MedtalkError):
            failed += 1
            print("medtalk-train:", result, file=sys.stderr)
        elif result is not None and not quiet:
            print(f"{file}: {result:.2f} s of {video}")
    return failed


def _end(failed: int, videos: int) -> None:
    """Exit with 1 if any of the videos failed."""
    if failed:
        if videos > 1:
            print(f"medtalk-train: {failed} of {videos} videos failed.", file=sys.stderr)
        raise typer.Exit(1)
