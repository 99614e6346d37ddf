"""The command `video`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medtalk.cli.options import Debug, Force, Mouth, Yaw
from medtalk.cli.printing import clean_up, complain, count, length, progress, shown
from medtalk.errors import SettingError


def video(
    rigs: Annotated[list[Path], typer.Argument(metavar="RIG", readable=False, help="Rig files, side by side.")],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            readable=False,
            help="Video (.mp4), or animated picture without sound (.webp, .gif).",
        ),
    ],
    audio: Annotated[
        Path | None,
        typer.Option(metavar="SOUND", readable=False, help="Its sound; if left out, the one that lies beside the rig."),
    ] = None,
    fps: Annotated[float, typer.Option(help="Pictures a second, 1 to 240.")] = 30.0,
    size: Annotated[int, typer.Option(metavar="PIXELS", help="Width and height of each face, 32 to 2048.")] = 480,
    span: Annotated[str | None, typer.Option(metavar="FROM,TO", help="Seconds to show; all if left out.")] = None,
    mouth: Mouth = False,
    yaw: Yaw = 0.0,
    force: Force = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print only errors.")] = False,
    debug: Debug = False,
) -> None:
    """Draw a video of one or several takes, with their sound."""
    from medtalk.face.beside import length_note, own_sound, starts_at
    from medtalk.face.draw import camera
    from medtalk.face.film import Film
    from medtalk.face.sheet import names_of
    from medtalk.face.video import VIDEOS, check_target, read_sound, write_animation, write_video
    from medtalk.files import check_file
    from medtalk.rig import read_rig
    from medtalk.rig.head import load_head
    from medtalk.watch import telling

    check_target(output)
    check_file(output, force=force, inputs=[*rigs, audio])
    clean_up([output.parent])
    heard = output.suffix.lower() in VIDEOS
    if audio is not None and not heard:
        raise SettingError(f"{output} is a picture and has no sound.", "Leave out --audio, or write an .mp4.")
    takes = [(name, read_rig(path)) for name, path in zip(names_of(rigs), rigs, strict=True)]
    start, end = _span(span)
    beside = (own_sound(path, rig) for path, (_, rig) in zip(rigs, takes, strict=True))
    source = audio or next(filter(None, beside), None)
    check_file(output, force=force, inputs=[source])
    sound = read_sound(source) if heard and source else None
    if sound is not None:
        sound = sound.part(starts_at(takes[0][1], sound.seconds))
        for note in sorted({length_note(rig, sound.seconds) for _, rig in takes} - {""}):
            complain(note)
    if span is not None:
        takes = [(name, rig.slice(start, end)) for name, rig in takes]
        sound = sound and sound.part(start, end)
    head = load_head()
    film = Film(head, takes, camera(head, "mouth" if mouth else "face").turned(yaw), fps, size)
    with progress(1, quiet) as show, telling(lambda done: show(0, output.name, done)):
        if heard:
            write_video(output, film, sound, force=force)
        else:
            write_animation(output, film, force=force)
    if heard and sound is None:
        complain(f"{output} has no sound: none lies beside the rig. Give it with --audio.")
    if not quiet:
        speaks = f", with the sound of {shown(str(source))}" if sound else ""
        print(f"{shown(str(output))}: {length(film.seconds)}, {count(len(film), 'picture')} at {fps:g} fps{speaks}")


def _span(text: str | None) -> tuple[float, float | None]:
    if text is None:
        return 0.0, None
    try:
        start, end = map(float, text.split(","))
    except ValueError:
        start, end = 0.0, -1.0
    if not 0.0 <= start < end:
        raise SettingError(f"--span is {text[:40]!r}; valid are two times in seconds, such as 0.5,2.")
    return start, end
