"""The command `retime`: a take onto another recording of its line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medtalk.cli.options import Debug, Force, OtherBundle, Threads
from medtalk.cli.printing import complain, length, shown
from medtalk.errors import SettingError


def retime(
    rig: Annotated[Path, typer.Argument(metavar="RIG", readable=False, help="The take.")],
    to: Annotated[Path, typer.Option("--to", metavar="SOUND", readable=False, help="The new recording.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="RIG", readable=False, help="The rig to write.")],
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
    """Bring a take, with its hand edits, onto a re-recorded or cut sound of the same line, and judge it."""
    from medtalk.face.beside import own_sound
    from medtalk.perform import load
    from medtalk.quality import report
    from medtalk.retime import SURELY
    from medtalk.retime import retime as bring
    from medtalk.rig import check_output, read_rig, write_rig

    check_output(output, force=force)
    take = read_rig(rig)
    own = source or own_sound(rig, take)
    if own is None:
        raise SettingError(f"The sound of {rig} is not beside it.", "Give it with --from.")
    model = load(bundle, threads=threads)
    old, new = (model.perform(sound, take.meta.get("transcript", "")) for sound in (own, to))
    done = bring(take, old, new)
    retimed = done.meta["retimed"]
    done = done.with_meta(retimed={"from": own.name, "to": to.name, **retimed})
    write_rig(output, done, force=force)
    print(shown(f"{output}: {length(done.seconds)}, {report(done, new.speech, new.phones).summary}"))
    if (shared := retimed["heard in both"]) < SURELY:
        complain(f"Only {100 * shared:.0f} % of the speech in {to.name} is heard in {own.name}. Look at the take.")
