"""The command `audit`: what is missing, stale or odd in a production, the worst first."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medtalk.cli.bake import Cast, EditsFolder, Formats, Pattern, Sounds, planned
from medtalk.cli.options import AsJson, Debug, Force, OtherBundle, with_settings
from medtalk.cli.printing import complain, count, print_table, shown
from medtalk_wire.settings import Settings

if TYPE_CHECKING:
    from medtalk.batch.audit import Remark

_MOST_SHOWN = 30


@with_settings
def audit(
    source: Annotated[
        Path, typer.Argument(metavar="MANIFEST|FOLDER", readable=False, help="The one given to `medtalk bake`.")
    ],
    folder: Annotated[Path, typer.Argument(metavar="OUT", readable=False, help="The folder it wrote to.")],
    settings: Settings,
    formats: Formats = None,
    sounds: Sounds = None,
    pattern: Pattern = "",
    cast: Cast = None,
    edits: EditsFolder = None,
    listen: Annotated[
        bool, typer.Option("--listen/--no-listen", help="Read the sounds too: level, clipping, rate, pace.")
    ] = True,
    page: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", readable=False, help="A page of the worst hundred lines on heads."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="End with exit code 1 if there is anything.")] = False,
    force: Force = False,
    bundle: OtherBundle = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Say what is wrong with a production: missing, stale, orphaned, odd sounds, takes to look at."""
    from medtalk.batch.audit import audit as find
    from medtalk.bundle import load_bundle

    manifest, jobs, refused = planned(source, settings, formats, sounds, pattern, cast, edits)
    remarks = find(manifest.lines, jobs, refused, folder, load_bundle(bundle).sha256, listen)
    if page is not None:
        from medtalk.batch.audit_page import write_audit_page

        write_audit_page(page, remarks, jobs, folder, force=force)
    if as_json:
        for remark in remarks:
            print(json.dumps(remark.to_dict(), ensure_ascii=False))
    else:
        _show(remarks, len(jobs) + len(refused))
        for note in manifest.notes:
            complain(note)
    raise typer.Exit(1 if strict and remarks else 0)


def _show(remarks: list[Remark], lines: int) -> None:
    from medtalk.batch.audit import WEIGHTS

    if not remarks:
        print(f"{count(lines, 'line')}: nothing to remark")
        return
    counts = Counter(remark.kind for remark in remarks)
    print(f"{count(lines, 'line')}, {count(len(remarks), 'remark')}")
    print_table([{"kind": kind, "lines": counts[kind], "what": WEIGHTS[kind][1]} for kind in WEIGHTS if counts[kind]])
    print()
    for remark in remarks[:_MOST_SHOWN]:
        print(shown(f"{remark.out or remark.id or 'all'}: {remark.kind}: {remark.why}"))
    if (more := len(remarks) - _MOST_SHOWN) > 0:
        print(f"and {more} more, which --json lists")
