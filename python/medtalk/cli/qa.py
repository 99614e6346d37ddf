"""The command `qa`: whether a take is good, and where to look."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medtalk.cli.options import AsJson, Debug
from medtalk.cli.printing import length, print_table, shown

if TYPE_CHECKING:
    from medtalk.perform import Performance
    from medtalk.quality import Report
    from medtalk.rig import RigSequence

_MOST_LINES = 40


def qa(
    file: Annotated[Path, typer.Argument(metavar="RIG", readable=False, help="Rig file.")],
    audio: Annotated[
        Path | None,
        typer.Option(metavar="SOUND", readable=False, help="The sound of the rig, for pauses and loudness."),
    ] = None,
    transcript: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="What SOUND says, or a .txt file of it: the phones are found in the sound anew, by these words.",
        ),
    ] = None,
    captured: Annotated[
        Path | None,
        typer.Option(
            metavar="RIG", readable=False, help="A captured face of the same clip, to measure errors against."
        ),
    ] = None,
    as_json: AsJson = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="End with exit code 1 if there is anything to look at.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Say whether a take is good, or where to look and why: lips in millimetres on a head, silence, limits, jitter."""
    from medtalk.audio import read_speech
    from medtalk.errors import SettingError
    from medtalk.quality import report
    from medtalk.rig import read_rig

    if transcript is not None and audio is None:
        raise SettingError("--transcript needs --audio.", "Name the sound that says these words.")
    rig = read_rig(file)
    other = None if captured is None else read_rig(captured)
    if audio is None:
        found = report(rig, None, captured=other)
    elif rig.phones and transcript is None:
        found = report(rig, read_speech(audio), captured=other)
    else:
        heard = _heard(audio, transcript)
        found = report(rig, heard.speech, heard.phones, other, heard.words, transcribed=bool(heard.words))
    if as_json:
        print(json.dumps({"file": str(file)} | found.to_dict()))
    else:
        _show(file, rig, found)
    raise typer.Exit(1 if strict and not found.good else 0)


def _heard(audio: Path, transcript: str | None) -> Performance:
    from medtalk.batch.sources import Source
    from medtalk.cli.batch import find_transcripts
    from medtalk.perform import load

    (text,) = find_transcripts([Source(audio, Path())], transcript)
    return load().perform(audio, text)


def _show(file: Path, rig: RigSequence, found: Report) -> None:
    print(f"{shown(str(file))}: {length(rig.seconds)}, {found.summary}")
    for finding in found.findings[:_MOST_LINES]:
        print(f"  {shown(str(finding))}")
    if (more := len(found.findings) - _MOST_LINES) > 0:
        print(f"  and {more} more, which --json lists")
    if not found.good:
        print(f"judged {found.judged}")
    print()
    print_table([{"figure": name, "value": f"{value:.3g}"} for name, value in found.figures.items()])
