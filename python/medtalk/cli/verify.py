"""The command `verify`: whether recorded rigs are made again as they were."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medtalk.cli.options import (
    AsJson,
    Backbones,
    Debug,
    Device,
    Force,
    Keys,
    Offline,
    OtherBundle,
    Threads,
    backbone_folders,
    with_settings,
)
from medtalk.cli.printing import complain, progress, shown
from medtalk.errors import MedtalkError, SettingError
from medtalk.signals import check_stop
from medtalk_wire.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medtalk.recorded.comparison import Tolerance
    from medtalk.recorded.verify import Make, Verdict, Workshop
    from medtalk.rig import RigSequence

_MOST_ORPHANS = 5


@with_settings
def verify(
    rigs: Annotated[
        list[Path],
        typer.Argument(metavar="DIR|FILE.rig", readable=False, help="Recorded rigs, or folders of them."),
    ],
    settings: Settings,
    asked: set[str],
    sounds: Annotated[
        Path | None,
        typer.Option(metavar="DIR", readable=False, help="Folder of the sounds, where they do not lie as they did."),
    ] = None,
    tolerance: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[AREA:]NUMBER",
            help="How far a control may be off, .01 if left out; brow:0.05 for an area, head:1 in degrees; may be "
            "repeated.",
        ),
    ] = None,
    exact: Annotated[
        bool,
        typer.Option("--exact", help="Ask for the same bytes, where bundle, version and platform are as recorded."),
    ] = False,
    update: Annotated[
        bool, typer.Option("--update", help="Record those again that have changed. Look at them first.")
    ] = False,
    from_unreal: Annotated[
        Path | None,
        typer.Option(
            metavar="EXPORT",
            readable=False,
            help="Compare with what Unreal exported (.npz .csv .curves.csv .expressions.csv), a file or a folder with "
            "one of each name; nothing is generated.",
        ),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE.xml", readable=False, help="Write JUnit XML for a CI server.")
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.html",
            readable=False,
            help="Write a page; what has changed with the heads beside each other, in the folder FILE-heads.",
        ),
    ] = None,
    jobs: Annotated[int | None, typer.Option("--jobs", metavar="N", help="Processes; one if left out.")] = None,
    force: Force = False,
    bundle: OtherBundle = None,
    backbone: Backbones = None,
    offline: Offline = False,
    threads: Threads = None,
    device: Device = "cpu",
    server: Annotated[
        str | None,
        typer.Option(
            metavar="[ADDRESS]", help="Let `medtalk serve` make them: HOST:PORT, a connection file, or the running one."
        ),
    ] = None,
    keys: Keys = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print only what has changed.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Make recorded rigs again and say what moved. Any setting may be another one, to see what it would change."""
    from medtalk.batch.sources import Source
    from medtalk.cli.batch import find_transcripts
    from medtalk.files import check_file
    from medtalk.recorded.comparison import read_tolerance
    from medtalk.recorded.recording import find_recordings
    from medtalk.recorded.report import details, headline, summary
    from medtalk.recorded.verify import MOST_HEADS, Terms, Workshop, export_names, without_rigs
    from medtalk.recorded.verify import verify as verify_one

    local = {"--bundle": bundle, "--threads": threads, "--backbone": backbone, "--offline": offline,
             "--device": device != "cpu", "--jobs": jobs}  # fmt: skip
    _check(settings, asked, from_unreal, update, exact, server, keys, local)
    limits = read_tolerance(tolerance or ())
    files, orphans = find_recordings(rigs)
    for path, ending in ((junit, ".xml"), (html, ".html")):
        if path is not None:
            check_file(path, force=force, endings=(ending,), inputs=files)
    texts = {}
    if "transcript" in asked:
        sources = [Source(file, Path(file.name)) for file in files]
        texts = dict(zip(files, find_transcripts(sources, settings.transcript), strict=True))
    elsewhere = _elsewhere(server, keys) if server is not None else "a GPU" * (device != "cpu")
    terms = Terms(limits, sounds, settings, asked, texts, exact, update, force, elsewhere)
    if from_unreal is not None:
        found = _exported(files, from_unreal, limits, sounds)
    elif server is not None:
        found = (verify_one(file, _sidecar(server, keys), terms) for file in files)
    else:
        folders = backbone_folders(backbone or ())
        found = _made(files, Workshop(terms, bundle, device, folders, offline, threads or 1), jobs or 1)
    verdicts: list[Verdict] = []
    names = {file.stem.casefold() for file in files}
    with progress(len(files), quiet or as_json) as show:
        show(0, "", 0.0)
        for verdict in found:
            check_stop()
            if debug and verdict.error is not None:
                raise verdict.error
            show(len(verdicts), verdict.file.name, 1.0)
            if as_json:
                print(json.dumps(verdict.to_dict(), ensure_ascii=False), flush=True)
            elif not (quiet and verdict.good):
                print(shown(f"{verdict.file}: {headline(verdict)}"), flush=True)
                for line in details(verdict):
                    print(shown(f"  {line}"))
            if verdict.recording is not None:
                names.update(export_names(verdict.recording))
            verdicts.append(verdict if html is not None else replace(verdict, rig=None, recording=None))
            if html is not None and len(verdicts) % MOST_HEADS == 0:
                verdicts = without_rigs(verdicts)
    order = {file: number for number, file in enumerate(files)}
    verdicts.sort(key=lambda each: order[each.file])
    _say_orphans(orphans, from_unreal, names)
    if junit is not None:
        from medtalk.recorded.report import write_junit

        write_junit(junit, verdicts, force=force)
    if html is not None:
        from medtalk.recorded.page import write_report

        write_report(html, verdicts, force=force)
    if not as_json:
        print(summary(verdicts))
    raise typer.Exit(0 if all(verdict.good for verdict in verdicts) else 1)


def _check(
    settings: Settings,
    asked: set[str],
    from_unreal: Path | None,
    update: bool,
    exact: bool,
    server: str | None,
    keys: Path | None,
    local: dict[str, Any],
) -> None:
    """SettingError for options that leave each other without an effect."""
    from medtalk.take import checked

    named = [option for option, value in local.items() if value is not None and value is not False]
    names = [f"--{'intensity-curve' if name == 'curve' else name.replace('_', '-')}" for name in sorted(asked)]
    if from_unreal is not None:
        others = [*names, *named, *(["--server"] if server is not None else []), *(["--keys"] if keys else []),
                  *(["--update"] if update else []), *(["--exact"] if exact else [])]  # fmt: skip
        if others:
            raise SettingError(f"{' and '.join(others)} cannot be used with --from-unreal.", "Leave it out.")
    if server is not None and named:
        raise SettingError(
            f"{' and '.join(named)} cannot be used with --server.",
            "Leave it out; give options of the model to `medtalk serve`.",
        )
    if server is None and keys is not None:
        raise SettingError("--keys needs --server.", "Leave it out.")
    jobs = local["--jobs"]
    if jobs is not None and jobs < 1:
        raise SettingError(f"--jobs is {jobs}; it must be at least 1.")
    if update and asked:
        raise SettingError(
            f"--update keeps the settings that were recorded; {names[0]} is another one.",
            "Leave it out, or record anew: medtalk record.",
        )
    if exact and asked:
        raise SettingError(f"--exact compares bytes, which {names[0]} changes.", "Leave one of them out.")
    checked(settings)


def _exported(files: list[Path], exports: Path, limits: Tolerance, sounds: Path | None) -> Iterator[Verdict]:
    from medtalk.recorded.verify import verify_export

    if not exports.exists():
        raise SettingError(f"{exports} does not exist.", "Give what Unreal exported: a file, or a folder.")
    owners: dict[Path, Path] = {}
    return (verify_export(file, exports, limits, sounds, owners) for file in files)


def _made(files: list[Path], shop: Workshop, jobs: int) -> Iterator[Verdict]:
    """The verdicts on recorded rigs, in any order, by this process or by several."""
    from medtalk.batch.pool import Died, Pool
    from medtalk.recorded.verify import FAILED, Verdict

    if jobs == 1 or len(files) == 1:
        yield from map(shop.open().make, files)
        return
    pool: Pool[Path] = Pool(shop.open, min(jobs, len(files)))
    for file, made in pool.run(files):
        yield Verdict(file, FAILED, error=MedtalkError(made.reason)) if isinstance(made, Died) else made


def _elsewhere(server: str, keys: Path | None) -> str:
    """ "another machine" where a sidecar is on one, else ""."""
    from medtalk.cli import remote

    return "another machine" * (not remote.find(server, keys).token)


def _sidecar(server: str, keys: Path | None) -> Make:
    from medtalk.cli.rigs import SidecarRigs
    from medtalk.take import checked

    def make(sound: Path, settings: Settings, channel: int | None) -> RigSequence:
        with SidecarRigs(server, keys, checked(settings), channel) as rigs:
            return rigs.make(sound, settings.transcript, lambda done: None)

    return make


def _say_orphans(orphans: list[Path], from_unreal: Path | None, names: set[str]) -> None:
    """names: of exports that belong to a recorded rig."""
    from medtalk.recorded.verify import export_name

    if orphans:
        complain(f"Belonging to no recorded rig: {_some(orphans)}.")
    if from_unreal is not None and from_unreal.is_dir():
        others = [
            path for path in sorted(from_unreal.rglob("*")) if export_name(path) and export_name(path) not in names
        ]
        if others:
            complain(f"Exports without a recorded rig: {_some(others)}.")


def _some(paths: list[Path]) -> str:
    more = f" and {len(paths) - _MOST_ORPHANS} more" if len(paths) > _MOST_ORPHANS else ""
    return f"{', '.join(map(str, paths[:_MOST_ORPHANS]))}{more}"
