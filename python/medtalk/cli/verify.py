"""The command `verify`: whether recorded rigs are made again as they were."""

from __future__ import annotations

import json
from contextlib import ExitStack
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
from medtalk.errors import SettingError
from medtalk.signals import check_stop
from medtalk_wire.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from medtalk.recorded.comparison import Tolerance
    from medtalk.recorded.verify import Make, Verdict
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
            help="Write a page; what has changed with the heads beside each other, in the folder FILE.",
        ),
    ] = None,
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
    from medtalk.files import check_file
    from medtalk.recorded.recording import find_recordings
    from medtalk.recorded.report import details, headline, summary

    _check(settings, asked, from_unreal, update, exact, server,
           {"--bundle": bundle, "--threads": threads, "--backbone": backbone, "--offline": offline,
            "--device": device != "cpu"}, keys)  # fmt: skip
    limits = _tolerance(tolerance)
    files, orphans = find_recordings(rigs)
    for path, ending in ((junit, ".xml"), (html, ".html")):
        if path is not None:
            check_file(path, force=force, endings=(ending,), inputs=files)
    verdicts: list[Verdict] = []
    with ExitStack() as stack:
        judge = _judge(stack, limits, settings, asked, sounds, exact, update, force, from_unreal, bundle, backbone,
                       offline, threads, device, server, keys)  # fmt: skip
        show = stack.enter_context(progress(len(files), quiet or as_json))
        for number, file in enumerate(files):
            check_stop()
            show(number, file.name, 0.0)
            verdict = judge(file)
            if debug and verdict.error is not None:
                raise verdict.error
            verdicts.append(verdict)
            if as_json:
                print(json.dumps(verdict.to_dict(), ensure_ascii=False), flush=True)
            elif not (quiet and verdict.good):
                print(shown(f"{file}: {headline(verdict)}"), flush=True)
                for line in details(verdict):
                    print(shown(f"  {line}"))
            if html is None:  # an hour of rigs need not stay in memory
                verdicts[-1] = replace(verdict, rig=None, recording=None)
    _say_orphans(orphans, from_unreal, files)
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
    local: dict[str, Any],
    keys: Path | None,
) -> None:
    """SettingError for options that leave each other without an effect."""
    from medtalk.take import checked

    named = [option for option, value in local.items() if value is not None and value is not False]
    names = [f"--{name.replace('_', '-')}" for name in sorted(asked)]
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
    if update and asked:
        raise SettingError(
            f"--update keeps the settings that were recorded; {names[0]} is another one.",
            "Leave it out, or record anew: medtalk record.",
        )
    if exact and asked:
        raise SettingError(f"--exact compares bytes, which {names[0]} changes.", "Leave one of them out.")
    checked(settings if "curve_mode" not in asked or settings.curve is not None else replace(settings, curve=None))


def _tolerance(entries: list[str] | None) -> Tolerance:
    from medtalk.recorded.comparison import read_tolerance

    return read_tolerance(entries or ())


def _judge(
    stack: ExitStack, limits: Tolerance, settings: Settings, asked: set[str], sounds: Path | None, exact: bool,
    update: bool, force: bool, from_unreal: Path | None, bundle: Path | None, backbone: list[str] | None,
    offline: bool, threads: int | None, device: str, server: str | None, keys: Path | None,
) -> Callable[[Path], Verdict]:  # fmt: skip
    """What gives the verdict on a recorded rig."""
    from medtalk.recorded.verify import Overrides, verify, verify_export

    if from_unreal is not None:
        if not from_unreal.exists():
            raise SettingError(f"{from_unreal} does not exist.", "Give what Unreal exported: a file, or a folder.")
        return lambda file: verify_export(file, from_unreal, limits, sounds)
    make = _sidecar(server, keys) if server is not None else _engine(bundle, backbone, offline, threads, device)
    overrides = Overrides(settings, asked)
    return lambda file: verify(
        file, make, limits, sounds=sounds, overrides=overrides, exact=exact, update=update, force=force
    )


def _engine(bundle: Path | None, backbone: list[str] | None, offline: bool, threads: int | None, device: str) -> Make:
    from medtalk.perform import load
    from medtalk.recorded.making import Maker

    return Maker(load(bundle, threads=threads or 1, device=device, backbones=backbone_folders(backbone or ()),
                      offline=offline))  # fmt: skip


def _sidecar(server: str, keys: Path | None) -> Make:
    from medtalk.cli.rigs import SidecarRigs
    from medtalk.take import checked

    def make(sound: Path, settings: Settings, channel: int | None) -> RigSequence:
        with SidecarRigs(server, keys, checked(settings), channel) as rigs:
            return rigs.make(sound, settings.transcript, lambda done: None)

    return make


def _say_orphans(orphans: list[Path], from_unreal: Path | None, files: list[Path]) -> None:
    from medtalk.recorded.verify import export_name

    if orphans:
        more = f" and {len(orphans) - _MOST_ORPHANS} more" if len(orphans) > _MOST_ORPHANS else ""
        names = ", ".join(map(str, orphans[:_MOST_ORPHANS]))
        complain(f"Belonging to no recorded rig: {names}{more}.")
    if from_unreal is not None and from_unreal.is_dir():
        known = {file.stem.casefold() for file in files}
        others = sorted(
            str(path) for path in from_unreal.rglob("*") if export_name(path) and export_name(path) not in known
        )
        if others:
            more = f" and {len(others) - _MOST_ORPHANS} more" if len(others) > _MOST_ORPHANS else ""
            complain(f"Exports without a recorded rig: {', '.join(others[:_MOST_ORPHANS])}{more}.")
