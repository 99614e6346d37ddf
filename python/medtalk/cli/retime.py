"""The command `retime`: a take, or its hand edits, onto another recording of its line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medtalk.cli.options import Debug, Force, OtherBundle, Threads
from medtalk.cli.printing import complain, count, length, shown
from medtalk.errors import SettingError


def retime(
    rig: Annotated[
        Path,
        typer.Argument(metavar="RIG|EDITS", readable=False, help="The take, or its hand edits (NAME.edits.json)."),
    ],
    to: Annotated[Path, typer.Option("--to", metavar="SOUND", readable=False, help="The new recording.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", readable=False, help="The file to write.")],
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="SOUND", readable=False, help="The take's own sound; that beside it if left out."
        ),
    ] = None,
    force: Force = False,
    bundle: OtherBundle = None,
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Bring a take, with its hand edits, or the edits alone, onto a re-recorded or cut sound of the same line."""
    from medtalk.edits import ENDING
    from medtalk.face.beside import own_sound
    from medtalk.perform import load
    from medtalk.quality import report
    from medtalk.retime import SURELY
    from medtalk.retime import retime as bring
    from medtalk.rig import check_output, read_rig, write_rig

    if rig.name.lower().endswith(ENDING):
        _edits(rig, source, to, output, force, bundle, threads)
        return
    check_output(output, force=force)
    take = read_rig(rig)
    own = source or own_sound(rig, take)
    if own is None:
        raise SettingError(f"The sound of {rig} is not beside it.", "Give it with --from.")
    model = load(bundle, threads=threads)
    old, new = (model.perform(sound, take.meta.get("transcript", "")) for sound in (own, to))
    done = bring(take, old, new)
    made_of = take.meta.get("source")
    made_of = made_of if isinstance(made_of, dict) else {}
    if made_of.get("sha256", old.speech.sha256) != old.speech.sha256:
        complain(f"{rig} was not made of {own}, but of {made_of.get('name', 'another sound')}. Look at the take.")
    retimed = done.meta["retimed"]
    done = done.with_meta(retimed={"from": own.name, "to": to.name, **retimed})
    write_rig(output, done, force=force)
    print(shown(f"{output}: {length(done.seconds)}, {report(done, new.speech, new.phones).summary}"))
    if (share := retimed["heard in both"]) < SURELY:
        _doubt(share, own, to)


def _edits(
    edits: Path, source: Path | None, to: Path, output: Path, force: bool, bundle: Path | None, threads: int | None
) -> None:
    """Bring hand edits onto another recording, for `bake --edits`."""
    from medtalk.edits import ENDING, read_edits, write_edits
    from medtalk.files import check_file
    from medtalk.perform import load
    from medtalk.retime import SURELY, retime_edits

    check_file(output, force=force, endings=(ENDING,), inputs=(edits,))
    found = read_edits(edits)
    if source is None:
        raise SettingError(f"{edits} does not say which sound it belongs to.", "Give it with --from.")
    model = load(bundle, threads=threads)
    old, new = (model.perform(sound, "") for sound in (source, to))
    done, share = retime_edits(found, old, new)
    write_edits(output, done, force=force)
    lost = len(found.stretches) - len(done.stretches)
    gone = f"; {lost} of moments that it lacks left out" * bool(lost)
    print(shown(f"{output}: {count(len(done.stretches), 'change')} on {count(len(done.channels), 'control')}{gone}"))
    if share < SURELY:
        _doubt(share, source, to)


def _doubt(share: float, own: Path, to: Path) -> None:
    complain(f"Only {100 * share:.0f} % of the speech in {to.name} is heard in {own.name}. Look at the take.")
