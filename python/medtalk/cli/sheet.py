"""The command `sheet`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medtalk.cli.options import Debug, Force, Mouth, Yaw
from medtalk.cli.printing import clean_up, shown
from medtalk.errors import SettingError

if TYPE_CHECKING:
    from medtalk.face.sheet import Moment
    from medtalk.rig import RigSequence


def sheet(
    rigs: Annotated[list[Path], typer.Argument(metavar="RIG", readable=False, help="Rig files, a row for each.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="PICTURE.png", readable=False, help="PNG to write.")
    ],
    times: Annotated[
        str | None, typer.Option(metavar="S,S,...", help="Seconds to show; if left out, phones that show the most.")
    ] = None,
    phones: Annotated[
        str | None, typer.Option(metavar="P,P,...", help="Phones to show, such as p,f,aa,pause: the longest of each.")
    ] = None,
    columns: Annotated[int, typer.Option(metavar="N", help="How many moments to choose, 1 to 40.")] = 8,
    size: Annotated[int, typer.Option(metavar="PIXELS", help="Width and height of a tile, 32 to 2048.")] = 200,
    mouth: Mouth = False,
    yaw: Yaw = 0.0,
    force: Force = False,
    debug: Debug = False,
) -> None:
    """Draw a contact sheet: faces of one or several takes, at the same moments where they are of one sound."""
    from medtalk.face.draw import camera
    from medtalk.face.sheet import alike, at_phones, at_times, draw_sheet, labelled, moments, names_of, write_sheet
    from medtalk.files import check_file
    from medtalk.rig import read_rig
    from medtalk.rig.head import load_head

    if times is not None and phones is not None:
        raise SettingError("--times and --phones cannot be used together.", "Leave one out.")
    check_file(output, force=force, endings=(".png",), inputs=rigs)
    clean_up([output.parent])
    takes = list(zip(names_of(rigs), map(read_rig, rigs), strict=True))
    each = [rig for _, rig in takes]

    def choose(rig: RigSequence) -> list[Moment]:
        if times is not None:
            return at_times(rig, _numbers(times))
        return moments(rig, columns) if phones is None else at_phones(rig, [name.strip() for name in phones.split(",")])

    shared = times is not None or alike(each)
    if shared:
        # Phones are those of the longest take that knows some; times may lie in any take.
        chosen = choose(max(each, key=lambda rig: (times is None and bool(rig.phones), rig.seconds)))
        rows = [labelled(rig, chosen) for rig in each] if len(each) > 1 else [chosen]
    else:
        rows = [choose(rig) for rig in each]
    head = load_head()
    view = camera(head, "mouth" if mouth else "face").turned(yaw)
    write_sheet(output, draw_sheet(head, takes, rows, view, size), force=force)
    what = f"{len(takes)} takes" if len(takes) > 1 else shown(takes[0][0])
    when = ", ".join(f"{label} {seconds:.2f}".strip() for label, seconds in rows[0])
    print(f"{shown(str(output))}: {what} at {f'{when} s' if shared else 'moments of their own'}")


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise SettingError(f"--times is {text[:40]!r}; valid are seconds with commas, such as 0.5,1.2.") from None
