"""The command `keys new`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medtalk.cli.options import Debug

app = typer.Typer(help="Keys for a sidecar that other machines can reach.", no_args_is_help=True, rich_markup_mode=None)


@app.command("new")
def keys_new(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", readable=False, help="Folder for the keys; created if missing.")
    ],
    client: Annotated[str, typer.Option(metavar="NAME", help="Name of the client that the keys are for.")] = "client",
    debug: Debug = False,
) -> None:
    """Make keys for a sidecar and a client.

    The sidecar's are made once. The client gets the folder DIR/NAME.
    """
    from medtalk.service.keys import new_keys

    for path in new_keys(folder, client):
        print(path)
