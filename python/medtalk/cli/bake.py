"""The command `bake`: the lines of a manifest or folder to rigs, by many processes, over night."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from medtalk.cli.options import (
    AsJson,
    Backbones,
    Debug,
    Device,
    Force,
    Offline,
    OtherBundle,
    backbone_folders,
    with_settings,
    words_of,
)
from medtalk.cli.pace import pace
from medtalk.cli.printing import complain, count, length, print_table, shown
from medtalk.errors import SettingError
from medtalk_wire.settings import Settings

if TYPE_CHECKING:
    from medtalk.batch.bake import Counts, Engine
    from medtalk.batch.manifest import Manifest
    from medtalk.batch.plan import Job, Refused, State

Formats = Annotated[
    list[str] | None,
    typer.Option("--format", metavar="ENDING", help="Format of the rigs; may be repeated; npz if left out."),
]
Sounds = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        readable=False,
        help="Folder that the manifest's sounds are below; its own folder if left out.",
    ),
]
Pattern = Annotated[
    str,
    typer.Option(metavar="NAMES", help="What the names of a folder's sounds say, such as {character}_{emotion}_{id}."),
]
Cast = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.json", readable=False, help='Persona by character: {"Anna": "host", "Guard": "guard.json"}.'
    ),
]
EditsFolder = Annotated[
    Path | None,
    typer.Option(
        "--edits", metavar="DIR", readable=False, help="Folder of hand edits (NAME.edits.json), made on each new rig."
    ),
]
_MOST_SHOWN, _MOST_NAMED = 20, 5


@with_settings
def bake(
    context: typer.Context,
    source: Annotated[
        Path,
        typer.Argument(
            metavar="MANIFEST|FOLDER",
            readable=False,
            help="A loc table (.csv .tsv .jsonl; columns id, audio, text, character, emotion, ... and any setting), or "
            "a folder of sounds.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", readable=False, help="Folder of the rigs and the ledger.")
    ],
    settings: Settings,
    formats: Formats = None,
    sounds: Sounds = None,
    pattern: Pattern = "",
    cast: Cast = None,
    edits: EditsFolder = None,
    edit_mode: Annotated[
        Literal["offset", "replace"],
        typer.Option(help="offset: hand edits are added to the new rig; replace: the edited values stay."),
    ] = "offset",
    jobs: Annotated[
        int | None, typer.Option("--jobs", metavar="N", help="Processes; one a core if left out, or one for a GPU.")
    ] = None,
    rows: Annotated[
        str | None, typer.Option(metavar="A-B", help="Only these rows, from 1, for farms; each chunk has a ledger.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    changed: Annotated[
        bool, typer.Option("--changed", help="Say why each line would be made, and do nothing.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Make every line again.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite-edits", help="Make lines again whose files were changed by hand.")
    ] = False,
    engine: Annotated[
        Literal["processes", "ray"], typer.Option(help="What does the work: processes here, or a Ray cluster.")
    ] = "processes",
    address: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Of the Ray cluster, such as auto or ray://HOST:10001; one here if left out."
        ),
    ] = None,
    openjd: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", readable=False, help="Write an Open Job Description template for a farm, and do nothing."
        ),
    ] = None,
    chunk: Annotated[int, typer.Option(metavar="N", help="Rows in a task of --openjd.")] = 100,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long one line may take; 0 for as long as it takes.")
    ] = 900.0,
    channel: Annotated[int | None, typer.Option(metavar="N", help="Use channel N of the sounds (0 is the first).")] = (
        None
    ),
    quality: Annotated[bool, typer.Option("--qa/--no-qa", help="Judge each take, and keep the verdict.")] = True,
    force: Force = False,
    bundle: OtherBundle = None,
    backbone: Backbones = None,
    offline: Offline = False,
    device: Device = "auto",
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print only errors.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Bake many lines: again only what has changed, with a ledger of what was done. Ctrl-C finishes lines at work."""
    from medtalk.batch.bake import Counts, due
    from medtalk.batch.bake import bake as run
    from medtalk.batch.ledger import Ledger, read_records
    from medtalk.batch.plan import sparing
    from medtalk.batch.pool import Pool
    from medtalk.batch.work import Making, processes
    from medtalk.bundle import load_bundle
    from medtalk.files import make_folder

    chunk_rows = _rows(rows)
    if jobs is not None and jobs < 1:
        raise SettingError(f"--jobs is {jobs}; it must be at least 1.")
    if address is not None and engine != "ray":
        raise SettingError("--address is of --engine ray.", "Leave it out, or choose that engine.")
    if timeout < 0.0:
        raise SettingError(f"--timeout is {timeout:g}; it must be 0 or more.")
    if openjd is not None:
        unfit = {"--dry-run": dry_run, "--changed": changed, "--engine ray": engine == "ray", "--rows": rows}
        if given := [name for name, is_given in unfit.items() if is_given]:
            raise SettingError(f"{given[0]} does not go with --openjd, whose tasks bake.", "Leave one of them out.")
    made_by: dict[str, Any] = {} if channel is None else {"channel": channel}
    if edits is not None and edit_mode != "offset":
        made_by["edit_mode"] = edit_mode
    manifest, todo, refused = planned(source, settings, formats, sounds, pattern, cast, edits, made_by, chunk_rows)
    for note in manifest.notes:
        complain(note)
    if chunk_rows is not None and chunk_rows[0] > len(manifest.lines):
        raise SettingError(f"--rows begins at {chunk_rows[0]}; {source.name} has {count(len(manifest.lines), 'row')}.")
    todo, lost = sparing(todo, output, [*manifest.inputs, *([cast] if cast else [])])
    refused += lost
    if openjd is not None:
        from medtalk.batch.openjd import template, write_template

        content = template(
            source.absolute(), output.absolute(), words_of(context, _OF_THE_TEMPLATE), len(manifest.lines), chunk
        )
        make_folder(openjd)
        print(write_template(openjd, content))
        return
    loaded = load_bundle(bundle)
    if dry_run or changed:
        records, notes = read_records(output) if output.is_dir() else ({}, [])
        for note in notes:
            complain(note)
        _announce(due(todo, records, output, loaded.sha256, again), refused, changed, as_json)
        raise typer.Exit(1 if refused else 0)
    folders = backbone_folders(backbone or ())
    making = Making(output, bundle, device, folders, offline, channel, quality, force, edit_mode)
    make_folder(output)
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger(output, chunk_rows))
        for note in ledger.notes:
            complain(note)
        states = due(todo, ledger.records, output, loaded.sha256, again)
        if engine == "ray":
            from medtalk.batch.ray_engine import RayEngine

            workers: Engine = RayEngine(making, jobs, address, timeout or None, debug)
        else:
            workers = Pool(making.open, jobs or processes(loaded, device), timeout or None)
        counts = Counts()
        undone = {job.number for job, _ in states}
        if again:
            stack.callback(_go_on, undone, chunk_rows)
        stack.enter_context(_interruptible(workers))
        refresh = stack.enter_context(pace(counts, quiet, as_json))

        def told(record: Mapping[str, Any]) -> None:
            undone.discard(record["row"])
            _tell(record, as_json)
            refresh()

        left = [] if overwrite else [(job, state) for job, state in states if state.why and state.edited]
        undone -= {job.number for job, _ in left}
        run(states, workers, ledger, counts, overwrite, told)
    _summary(counts, refused, left, quiet, as_json)
    raise typer.Exit(1 if refused or left or counts.failed or counts.todo else 0)


def _go_on(undone: set[int], rows: tuple[int, int | None] | None) -> None:
    """How a bake of --again that was interrupted goes on: no ledger says which lines it was to make."""
    if undone:
        complain(f"To go on rather than begin anew, give --again --rows {min(undone)}-{(rows and rows[1]) or ''}.")


def _tell(record: Mapping[str, Any], as_json: bool) -> None:
    """What a person, or a machine, learns of a line when it is done."""
    if as_json:
        print(json.dumps(record, ensure_ascii=False), flush=True)
        return
    for line in record.get("conflicts", ()):
        complain(f"{record['out'][0]}: {line}.")
    if record["state"] == "failed":
        complain(f"{record['out'][0]}: {record['error']['message']} {record['error']['hint']}")


def planned(
    source: Path,
    settings: Settings,
    formats: list[str] | None,
    sounds: Path | None,
    pattern: str,
    cast: Path | None,
    edits: Path | None = None,
    made_by: Mapping[str, Any] | None = None,
    rows: tuple[int, int | None] | None = None,
) -> tuple[Manifest, list[Job], list[Refused]]:
    """The manifest of a command's options, its jobs (those of `rows`), and the lines that cannot be done."""
    from medtalk.batch.plan import plan
    from medtalk.take import checked

    if edits is not None and not edits.is_dir():
        raise SettingError(f"The folder of hand edits {edits} does not exist.", "Check --edits.")
    usual = checked(settings)
    manifest, people = _manifest(source, sounds, pattern), _cast(cast)
    jobs, refused = plan(manifest.lines, usual, _formats(formats), people, edits, made_by, rows)
    notes = _unmet(people, manifest) + (_unmade(edits, jobs) if edits is not None and rows is None else ())
    return replace(manifest, notes=manifest.notes + notes), jobs, refused


def _unmet(people: Mapping[str, Any], manifest: Manifest) -> tuple[str, ...]:
    """A note on the names of a cast that no line has."""
    from difflib import get_close_matches

    there = {line.character.casefold(): line.character for line in manifest.lines}
    unmet = [name for name in people if name.casefold() not in there]
    if not unmet:
        return ()
    near = get_close_matches(unmet[0].casefold(), there, 1)
    meant = f" Is {unmet[0]} meant to be {there[near[0]]}?" if near else ""
    return (f"The cast has characters that no line has: {_named(unmet)}.{meant}",)


def _unmade(edits: Path, jobs: Iterable[Job]) -> tuple[str, ...]:
    """A note on the files of hand edits that no line is called like."""
    import os

    from medtalk.edits import ENDING

    used = {os.path.abspath(job.edits) for job in jobs if job.edits}
    unused = [path for path in sorted(edits.rglob(f"*{ENDING}")) if os.path.abspath(path) not in used]
    names = [path.relative_to(edits).as_posix() for path in unused]
    return (f"{edits}: hand edits of no line that can be done: {_named(names)}.",) if names else ()


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _manifest(source: Path, sounds: Path | None, pattern: str) -> Manifest:
    from medtalk.batch.manifest import folder_lines, read_manifest

    if source.is_dir():
        if sounds is not None:
            raise SettingError("--sounds is for a manifest, but a folder is given.", "Leave it out.")
        return folder_lines(source, pattern)
    if pattern:
        raise SettingError("--pattern is for a folder, but a manifest is given.", "Leave it out.")
    return read_manifest(source, sounds)


def _formats(formats: list[str] | None) -> list[str]:
    from medtalk.rig import RIG_ENDINGS

    endings = ["." + each.lower().removeprefix(".") for each in formats or ["npz"]]
    if wrong := [each for each in endings if each not in RIG_ENDINGS]:
        raise SettingError(f"Unknown format {wrong[0][1:]!r}; valid are {', '.join(e[1:] for e in RIG_ENDINGS)}.")
    return list(dict.fromkeys(endings))


def _cast(path: Path | None) -> dict[str, Any]:
    from medtalk.batch.plan import read_cast
    from medtalk.inputs import read_input

    if path is None:
        return {}
    try:
        content = json.loads(read_input(path, "cast", SettingError, 1 << 20).decode("utf-8-sig"))
    except ValueError as error:
        raise SettingError(f"{path} is not JSON: {error}.", 'Write {"Anna": "host"}.') from None
    return read_cast(content, str(path), path.parent)


def _rows(text: str | None) -> tuple[int, int | None] | None:
    """First and last row, None for an open end: "101-200", "101-" or "101"."""
    if text is None:
        return None
    first, dash, last = (part.strip() for part in text.partition("-"))
    if first.isdecimal() and (last.isdecimal() or not last):
        numbers = int(first), int(last) if last else None if dash else int(first)
        if 1 <= numbers[0] <= (numbers[1] or numbers[0]) and numbers[1] != 0:
            return numbers
    raise SettingError(f"--rows is {text[:40]!r}; valid are A-B and A-, from 1.", "Write --rows 101-200.")


_BY_HAND = "changed by hand since, so it is left (--overwrite-edits)"
_OF_THE_TEMPLATE = ("output", "openjd", "chunk")


@contextmanager
def _interruptible(workers: Engine) -> Iterator[None]:
    """In the block, a first Ctrl-C (or SIGTERM) lets the lines at work be finished; a second one ends at once."""
    from medtalk.signals import end_by_exception, on_stop

    def stop(*_: object) -> None:
        complain("Stopping: the lines at work are finished. Once more ends at once.")
        workers.stop()
        end_by_exception()

    on_stop(stop)
    try:
        yield
    finally:
        end_by_exception()


def _announce(states: list[tuple[Job, State]], refused: list[Refused], each: bool, as_json: bool) -> None:
    """What would be done: in counts, or with a reason for each line."""
    todo = [(job, state) for job, state in states if state.why]
    if as_json:
        for job, state in todo:
            print(json.dumps({"out": list(job.out), "row": job.number, "why": state.why, "edited": list(state.edited)}))
        for one in refused:
            print(_refused(one))
        numbers = {"to_make": len(todo), "done_before": len(states) - len(todo), "failed": len(refused)}
        print(json.dumps({"summary": numbers}))
        return
    for one in refused:
        complain(str(one.error))
    for job, state in todo if each else ():
        by_hand = f"; {_BY_HAND}" if state.edited else ""
        print(shown(f"{job.out[0]}: {state.why}{by_hand}"))
    left = f", {len(refused)} cannot be done" if refused else ""
    print(f"{count(len(todo), 'line')} to make, {len(states) - len(todo)} done already{left}")


def _refused(one: Refused) -> str:
    """A row that cannot be done, for machines."""
    return json.dumps({"row": one.line.number, "id": one.line.id, "state": "failed", "error": one.error.facts()})


def _left(job: Job, state: State) -> str:
    """A line that is left because of its hand edits, for machines."""
    facts = {"out": list(job.out), "row": job.number, "id": job.id, "state": "left", "why": state.why}
    return json.dumps(facts | {"edited": list(state.edited)}, ensure_ascii=False)


def _summary(counts: Counts, refused: list[Refused], left: list[tuple[Job, State]], quiet: bool, as_json: bool) -> None:
    """What became of the lines, and each that cannot be done, or is left because of its hand edits."""
    numbers = {
        "made": counts.made, "done before": counts.kept, "failed": counts.failed + len(refused),
        "changed by hand": counts.edited, "left": counts.todo, "to look at": counts.look,
    }  # fmt: skip
    if as_json:
        for one in refused:
            print(_refused(one))
        for job, state in left:
            print(_left(job, state))
        named = {name.replace(" ", "_"): number for name, number in numbers.items()}
        seconds = {
            "sound_seconds": round(counts.sound_seconds, 3),
            "work_seconds": round(counts.seconds, 3),
            "seconds": round(counts.elapsed, 3),
        }
        print(json.dumps({"summary": named | seconds}))
        return
    for one in refused[:_MOST_SHOWN]:
        complain(str(one.error))
    if (more := len(refused) - _MOST_SHOWN) > 0:
        complain(f"And {more} more rows cannot be done; --dry-run lists them.")
    for job, state in left[:_MOST_SHOWN]:
        complain(f"{job.out[0]}: {state.why}; {_BY_HAND}.")
    if (more := len(left) - _MOST_SHOWN) > 0:
        complain(f"And {more} more lines are left; --changed lists them.")
    if not quiet:
        seconds = counts.sound_seconds
        sound = f"{seconds / 3600.0:.2f} h" if seconds > 360.0 else length(seconds)
        print_table([numbers | {"sound": sound, "lines/h": f"{3600 * counts.rate:.0f}"}])
