"""The commands `edits capture` and `edits apply`: what somebody changed on a rig, kept and done again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from medtalk.cli.options import AsJson, Debug, Force
from medtalk.cli.printing import complain, count, shown

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Keep hand edits of a rig, and do them again.")


@app.command()
def capture(
    base: Annotated[Path, typer.Argument(metavar="RIG", readable=False, help="The rig as it was made.")],
    edited: Annotated[Path, typer.Argument(metavar="EDITED", readable=False, help="The rig as it is now.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", readable=False, help="A file NAME.edits.json.")
    ],
    force: Force = False,
    debug: Debug = False,
) -> None:
    """Keep what was changed on a rig. Edits of FILE that the rig was baked with stay in it, and come first."""
    from medtalk.edits import ENDING, read_edits, write_edits
    from medtalk.edits import capture as find
    from medtalk.files import check_file
    from medtalk.rig import read_rig

    check_file(output, force=force, endings=(ENDING,), inputs=(base, edited))
    earlier = read_edits(output) if output.is_file() else None
    found = find(read_rig(base), read_rig(edited), earlier)
    write_edits(output, found, force=force)
    print(shown(f"{output}: {count(len(found.stretches), 'change')} on {count(len(found.channels), 'control')}"))


@app.command()
def apply(
    rig: Annotated[Path, typer.Argument(metavar="RIG", readable=False, help="A rig of the same line.")],
    edits: Annotated[Path, typer.Argument(metavar="EDITS", readable=False, help="A file of `edits capture`.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="RIG", readable=False, help="The rig to write.")],
    mode: Annotated[
        Literal["offset", "replace"],
        typer.Option(help="offset: the difference is added; replace: the edited values stay."),
    ] = "offset",
    force: Force = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Do the changes of a rig again on another one of the same line. Conflicts are listed, with exit code 1."""
    from dataclasses import asdict

    from medtalk.edits import apply as make
    from medtalk.edits import read_edits
    from medtalk.rig import check_output, read_rig, write_rig

    check_output(output, force=force)
    found = read_edits(edits)
    done = make(read_rig(rig), found, mode)
    write_rig(output, done.rig, force=force)
    if as_json:
        conflicts = [asdict(each) for each in done.conflicts]
        print(json.dumps({"file": str(output), "changes": len(found.stretches), "conflicts": conflicts}))
    else:
        print(shown(f"{output}: {count(len(found.stretches), 'change')} on {count(len(found.channels), 'control')}"))
        for each in done.conflicts:
            complain(f"{each}.")
    raise typer.Exit(1 if done.conflicts else 0)
