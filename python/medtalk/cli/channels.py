"""The command `channels`."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer

from medtalk.cli.options import AsJson, Debug
from medtalk.cli.printing import print_table

Board = Literal["mh3", "mh4", "expressions", "arkit", "head"]


def channels(
    board: Annotated[
        Board,
        typer.Option(
            help="The names to print beside the channels'; head: what draws each on our own head, and how well."
        ),
    ] = "mh3",
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Print the 174 channels and what each is called on a face board."""
    from medtalk.rig.boards import board_rows

    rows = board_rows(board)
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    print_table(rows)
