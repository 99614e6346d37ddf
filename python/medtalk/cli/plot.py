"""The command `plot`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medtalk.cli.options import Debug
from medtalk.cli.printing import shown


def plot(
    rig: Annotated[Path, typer.Argument(metavar="RIG", readable=False, help="Rig file with the 174 channels.")],
    sound: Annotated[Path, typer.Argument(metavar="SOUND", readable=False, help="The sound it belongs to.")],
    picture: Annotated[Path, typer.Argument(metavar="PICTURE.png", readable=False, help="PNG to write.")],
    debug: Debug = False,
) -> None:
    """Draw the main curves of a rig under its sound."""
    from medtalk.audio import read_speech
    from medtalk.plot import draw
    from medtalk.rig import read_rig

    draw(read_rig(rig), read_speech(sound), picture)
    print(f"{shown(str(picture))}: the main curves of {shown(str(rig))} under {shown(str(sound))}")
