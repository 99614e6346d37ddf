"""The command `preview`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medtalk.cli.options import Debug, Force
from medtalk.cli.printing import clean_up, complain, length, shown


def preview(
    rigs: Annotated[
        list[Path],
        typer.Argument(metavar="RIG", readable=False, help="Rig files: takes of one sound, to see beside each other."),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="PAGE.html",
            readable=False,
            help="Page to write; if left out, the name of the first rig with .html, beside it.",
        ),
    ] = None,
    audio: Annotated[
        Path | None,
        typer.Option(metavar="SOUND", readable=False, help="Its sound; if left out, the one that lies beside a rig."),
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    force: Force = False,
    debug: Debug = False,
) -> None:
    """Make a page on which the head speaks: takes with their sound, curves, words and phones, in one HTML file."""
    from medtalk.audio import read_speech
    from medtalk.face.beside import length_note, own_sound
    from medtalk.face.judged import judge
    from medtalk.face.packed import pack_sound, pack_take
    from medtalk.face.page import write_page
    from medtalk.face.sheet import names_of
    from medtalk.files import check_file
    from medtalk.rig import read_rig, rig_ending

    ending = rig_ending(rigs[0])
    page = output or rigs[0].with_name(f"{rigs[0].name[: -len(ending)]}.html")
    check_file(page, force=force, endings=(".html", ".htm"), inputs=[*rigs, audio])
    clean_up([page.parent])
    takes = [(name, read_rig(path)) for name, path in zip(names_of(rigs), rigs, strict=True)]
    beside = (own_sound(path, rig) for path, (_, rig) in zip(rigs, takes, strict=True))
    source = audio or next(filter(None, beside), None)
    speech = read_speech(source) if source else None
    if speech is None:
        complain(f"{page} has no sound: none lies beside the rig. Give it with --audio.")
    else:
        for note in sorted({length_note(rig, speech.seconds) for _, rig in takes} - {""}):
            complain(note)
    packed = []
    for name, rig in takes:
        marks, summary = judge(rig, speech)
        packed.append(pack_take(rig, name, marks=marks, summary=summary))
    write_page(page, packed, pack_sound(source) if source else None, ", ".join(name for name, _ in takes), force=force)
    what = f"{len(takes)} takes" if len(takes) > 1 else length(takes[0][1].seconds)
    speaks = f", with the sound of {shown(str(source))}" if source else ""
    print(f"{shown(str(page))}: {what}{speaks}, {page.stat().st_size / 1000:.0f} KB; open it in a browser")
    if open_it:
        import webbrowser

        if not webbrowser.open(page.resolve().as_uri()):
            complain(f"No browser was found to open {page}. Open it by hand.")
