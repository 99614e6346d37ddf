"""The command `convert`: a rig file to another format or frame rate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medtalk.cli.options import Debug, Force
from medtalk.cli.printing import clean_up, count, length, shown


def convert(
    source: Annotated[Path, typer.Argument(metavar="A", readable=False, help="Rig file to read.")],
    target: Annotated[
        Path, typer.Argument(metavar="B", readable=False, help="Rig file to write; its ending is the format.")
    ],
    fps: Annotated[float | None, typer.Option(help="Frames a second to resample to, 1 to 240.")] = None,
    source_fps: Annotated[
        float | None, typer.Option(help="Frames a second of A if its format stores none (.txt); 60 if left out.")
    ] = None,
    force: Force = False,
    debug: Debug = False,
) -> None:
    """Turn a rig file into another format or frame rate."""
    from medtalk.limits import check_fps
    from medtalk.rig import check_output, read_rig, write_rig

    if fps is not None:
        check_fps(fps, "--fps")
    check_output(target, force=force)
    clean_up([target.parent])
    if source_fps is not None:
        check_fps(source_fps, "--source-fps")
    rig = read_rig(source, source_fps)
    rig = rig if fps is None else rig.resample(fps)
    write_rig(target, rig, force=force)
    print(f"{shown(str(target))}: {length(rig.seconds)}, {count(len(rig), 'frame')} at {rig.fps:g} fps")
