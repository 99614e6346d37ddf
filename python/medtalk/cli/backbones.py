"""The commands `backbones list` and `backbones pull`: pretrained backbones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from medtalk.cli.options import AsJson, Debug
from medtalk.cli.printing import print_table
from medtalk.errors import SettingError

app = typer.Typer(help="Pretrained backbones.", no_args_is_help=True, rich_markup_mode=None)

NeedsOf = Annotated[
    Path | None, typer.Option("--bundle", metavar="DIR", readable=False, help="Those that the bundle in DIR uses.")
]


@app.command("list")
def backbones_list(bundle: NeedsOf = None, as_json: AsJson = False, debug: Debug = False) -> None:
    """Tell which pretrained backbones are on this machine, and what they are for."""
    from medtalk.backbones.catalogue import KNOWN, needed, size

    rows = []
    for backbone in KNOWN if bundle is None else needed(bundle):
        place = backbone.location()
        rows.append(
            {
                "part": backbone.part,
                "name": backbone.name,
                "MB": None if place is None else round(size(place) / 1e6, 1),
                "licence": backbone.licence or "see its page",
                "use": backbone.use,
                "place": None if place is None else str(place),
            }
        )
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    if rows:
        print_table([{name: "-" if value is None else value for name, value in row.items()} for row in rows])
    else:
        print("The bundle uses none.")


@app.command("pull")
def backbones_pull(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Parts, as `medtalk backbones list` tells.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    bundle: NeedsOf = None,
    debug: Debug = False,
) -> None:
    """Fetch pretrained backbones into the usual caches of their libraries, which show how far they are."""
    from medtalk.backbones.catalogue import KNOWN, known, needed, size

    if bool(names) + every + (bundle is not None) != 1:
        raise SettingError(
            "Nothing to fetch, or too much.", "Give names of `medtalk backbones list`, --bundle DIR, or --all."
        )
    models = KNOWN if every else [known(name) for name in names or ()]
    if bundle is not None:
        models = needed(bundle)
    if not models:
        print("The bundle uses none.")
    for backbone in models:
        place = backbone.fetch()
        print(f"{backbone.part}: {place}, {size(place) / 1e6:.1f} MB", flush=True)
