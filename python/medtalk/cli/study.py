"""The commands `study page` and `study report`: asking people which takes are better, and reporting their votes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from medtalk.cli.options import Debug, Force
from medtalk.cli.printing import complain, count, shown

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Ask people, blind, which takes are better.")


@app.command()
def page(
    conditions: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=FOLDER...",
            help="Two or more folders of takes (.npz or .csv), each under its name in the report. Takes of the same "
            "name belong together.",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="PAGE.html", readable=False, help="Page to write.")],
    questions: Annotated[
        Literal["rating", "choice"],
        typer.Option(help="rating: five points for each take; choice: the better one of two, side by side."),
    ] = "rating",
    audio: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", readable=False, help="Their sounds by name; if left out, those that lie beside the takes."
        ),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json",
            readable=False,
            help="Key to write, which says what made each take; if left out, the page's name with .key.json, beside "
            "it.",
        ),
    ] = None,
    clips: Annotated[
        int | None, typer.Option(metavar="N", help="How many clips each participant judges; all if left out.")
    ] = None,
    checks: Annotated[int, typer.Option(metavar="N", help="Attention checks among the trials.")] = 0,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="Heading of the page.")] = None,
    consent: Annotated[str | None, typer.Option(metavar="TEXT", help="What participants agree to.")] = None,
    force: Force = False,
    debug: Debug = False,
) -> None:
    """Make a page on which people judge takes without knowing what made them, and the key to it."""
    from medtalk.errors import StudyError
    from medtalk.files import check_file, write_atomic
    from medtalk.study import find_clips, new_key, study_page, write_key
    from medtalk.study.page import CONSENT, TITLE, differences

    folders: dict[str, Path] = {}
    for entry in conditions:
        name, equals, folder = entry.partition("=")
        if not (name and equals and folder):
            raise StudyError(f"{entry[:60]!r} is no condition.", "Write NAME=FOLDER.")
        if name in folders:
            raise StudyError(f"Two conditions are called {name[:60]!r}.", "Give each a name of its own.")
        folders[name] = Path(folder)
    secret = key or output.with_name(f"{output.name.removesuffix(output.suffix)}.key.json")
    check_file(output, force=force, endings=(".html", ".htm"))
    if secret.exists():
        raise StudyError(
            f"{secret} already exists: without it, the votes of its study say nothing.",
            "Move it away, or give another name with --key.",
        )
    check_file(secret, endings=(".json",))
    found, notes = find_clips(folders, audio)
    made = new_key(questions, list(folders), [clip.name for clip in found], clips, checks)
    for line in [*notes, *differences(found)]:
        complain(line)
    text = study_page(made, found, TITLE if title is None else title, CONSENT if consent is None else consent)
    write_key(secret, made)
    try:
        write_atomic(output, lambda temporary: temporary.write_text(text, "utf-8", newline="\n"), force=force)
    except BaseException:
        secret.unlink(missing_ok=True)  # a key without its page is of no use
        raise
    each = f"{made.trials} votes of each participant"
    what = f"{count(len(found), 'clip')} by {len(folders)} conditions, {each}"
    print(shown(f"{output}: {what}, {output.stat().st_size / 1e6:.1f} MB; this is what participants get"))
    print(shown(f"{secret}: the key; keep it to yourself, the report needs it"))


@app.command()
def report(
    key: Annotated[Path, typer.Argument(metavar="KEY", readable=False, help="The key that `study page` wrote.")],
    votes: Annotated[
        list[Path], typer.Argument(metavar="VOTES...", readable=False, help="Files of votes that participants saved.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", readable=False,
            help="Report to write, .md or .json; printed as Markdown if left out.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 1,
    force: Force = False,
    debug: Debug = False,
) -> None:  # fmt: skip
    """Say what the votes show: means with 95 % intervals, differences between conditions, and tests."""
    from medtalk.files import check_file, write_atomic
    from medtalk.study import read_key, read_votes
    from medtalk.study import report as make

    if output is not None:
        check_file(output, force=force, endings=(".md", ".json"), inputs=[key, *votes])
    known = read_key(key)
    done = make(known, read_votes(votes, known), seed)
    as_json = output is not None and output.name.lower().endswith(".json")
    text = json.dumps(done.to_dict(), indent=1) + "\n" if as_json else done.to_markdown()
    if output is None:
        print("\n".join(map(shown, text.splitlines())))
        return
    write_atomic(output, lambda temporary: temporary.write_text(text, "utf-8", newline="\n"), force=force)
    for line in done.notes:
        complain(line)
    print(shown(f"{output}: {count(done.people, 'participant')}, {count(done.votes, 'vote')}"))
    for line in done.warnings:
        complain(line)
