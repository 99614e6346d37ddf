"""The command line `medtalk`.

Results go to stdout, progress (on a terminal only) and errors to stderr. Exit code 0: all done; 1: something could not
be done, with one line for each reason; 2: the command itself was not understood.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer

import medtalk
from medtalk.errors import MedtalkError, SettingError
from medtalk.generate import generate
from medtalk.options import AsJson, Debug, Force, Offline, check_fps, clean_up, complain, debugging, shown
from medtalk.service import commands
from medtalk.signals import stopped_by

_UsageError: Any = typer.BadParameter.__base__  # typer keeps its click to itself
_ADDRESS = re.compile(r"auto|tcp://.+|[^-].*:\d+|[^-].*\.json")
_HOST = re.compile(r"\w[\w.-]*")

Board = Literal["mh3", "mh4", "expressions", "arkit"]

app = typer.Typer(
    name="medtalk",
    help="A recording in, an emotional MetaHuman face rig out.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
bundle_app = typer.Typer(help="Models on disk.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(bundle_app, name="bundle")
models_app = typer.Typer(help="Pretrained backbones.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(models_app, name="models")

app.add_typer(commands.keys_app, name="keys")
plugin_app = typer.Typer(help="The plugin for Unreal Editor.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(plugin_app, name="plugin")


def main() -> NoReturn:
    """Run the command of `sys.argv` and exit: a MEDTalk error is one line, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # not every code page has the signs of every file name
            stream.reconfigure(errors="backslashreplace")
    sys.argv[1:] = _with_server(sys.argv[1:])
    try:
        code = app(prog_name="medtalk", standalone_mode=False)
    except MedtalkError as error:
        _fail(str(error), error)
    except _UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # `medtalk` or `medtalk bundle` alone: its message is the help
            print(error.format_message(), file=sys.stderr)
        else:
            complain(f"{error.format_message()} (--help tells what there is)")
        sys.exit(2)
    except typer.Abort:
        sys.exit(130)
    except OSError as error:
        _fail(f"cannot write: {error.strerror or error}", error)
    except Exception as error:
        _fail(f"internal error, please report it: {type(error).__name__}: {error} (--debug shows where)", error)
    sys.exit(code if isinstance(code, int) else 0)


def _with_server(words: list[str]) -> list[str]:
    """`words` with `--server=auto` for a `--server` that stands alone.

    typer knows options with a value and options without one, but none whose value may be left out. The next word is
    the address only if it looks like one: in `generate --server line.wav` it is a sound.
    """
    followed = itertools.zip_longest(words, words[1:], fillvalue="")
    return ["--server=auto" if word == "--server" and not _is_address(after) else word for word, after in followed]


def _is_address(word: str) -> bool:
    from medtalk.audio import SOUND_ENDINGS

    if _ADDRESS.fullmatch(word):
        return True
    # A host without a port. A sound with a slip in its name is no host.
    return bool(_HOST.fullmatch(word)) and not word.lower().endswith(SOUND_ENDINGS) and not Path(word).exists()


def _fail(message: str, error: Exception) -> NoReturn:
    if debugging() or stopped_by() is not None:
        raise error
    complain(message)
    sys.exit(1)


def _version(asked: bool) -> None:
    if asked:
        print(f"medtalk {medtalk.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


for command in (generate, commands.serve, commands.ping, commands.stop):
    app.command()(command)


@app.command()
def doctor(as_json: AsJson = False, debug: Debug = False) -> None:
    """Check this installation, and say what to do."""
    from dataclasses import asdict

    from medtalk.doctor import examine

    bad = False
    for finding in examine(Path.cwd()):
        bad |= finding.state == "bad"
        if as_json:
            print(json.dumps(asdict(finding)), flush=True)
        else:
            advice = f" -> {finding.advice}" if finding.advice else ""
            print(f"{finding.state:<7} {finding.part:<25} {finding.what}{advice}", flush=True)
    if bad:
        raise typer.Exit(1)


@app.command()
def channels(
    board: Annotated[Board, typer.Option(help="Names to translate to.")] = "mh3",
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Print the 174 channels and what each is called on a face board."""
    from medtalk.rig.boards import board_rows

    rows = board_rows(board)
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    _print_table(rows)


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="A", readable=False, help="Rig file to read.")],
    target: Annotated[
        Path, typer.Argument(metavar="B", readable=False, help="Rig file to write; its ending is the format.")
    ],
    fps: Annotated[float | None, typer.Option(help="Frames a second to resample to, 1 to 240.")] = None,
    source_fps: Annotated[
        float | None, typer.Option(help="Frames a second of A, where A does not say: .txt, taken for 60.")
    ] = None,
    force: Force = False,
    debug: Debug = False,
) -> None:
    """Turn a rig file into another format or frame rate."""
    from medtalk.rig import check_output, read_rig, write_rig

    if fps is not None:
        check_fps(fps)
    check_output(target, force=force)
    clean_up([target.parent])
    if source_fps is not None:
        check_fps(source_fps)
    rig = read_rig(source, source_fps)
    rig = rig if fps is None else rig.resample(fps)
    write_rig(target, rig, force=force)
    print(f"{shown(str(target))}: {rig.seconds:.1f} s, {len(rig)} frames at {rig.fps:g} fps")


@app.command()
def info(
    file: Annotated[Path, typer.Argument(metavar="FILE", readable=False, help="Rig file or sound.")],
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Tell what is in a rig file or a sound."""
    from medtalk.rig import RIG_ENDINGS

    is_rig = file.name.lower().endswith(tuple(RIG_ENDINGS))
    facts = _rig_facts(file) if is_rig else _sound_facts(file)
    if as_json:
        print(json.dumps(facts))
        return
    for name, value in facts.items():
        print(f"{name:>16}: {_human(value)}")


@bundle_app.command("info")
def bundle_info(
    path: Annotated[Path | None, typer.Argument(metavar="[PATH]", readable=False, help="Folder of a bundle.")] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Verify a bundle and tell what it is."""
    from medtalk.bundle import load_bundle

    bundle = load_bundle(path)
    facts = {
        **bundle.manifest,
        "guidance": list(bundle.guidance),
        "folder": str(bundle.folder),
        "sha256": bundle.sha256,
    }
    if as_json:
        print(json.dumps(facts))
        return
    facts["channels"] = f"{len(bundle.manifest['channels'])} (hash {bundle.manifest['channel_hash'][:12]})"
    facts["files"] = f"{len(bundle.files)}, {bundle.bytes / 1e6:.1f} MB, all verified"
    if absent := sorted(bundle.manifest["files"].keys() - bundle.files):
        facts["files"] += f"; without {', '.join(absent)}, which torch needs (extra full)"
    for name in ("features", "channel_hash"):
        facts.pop(name, None)
    if imported := facts.get("imported"):
        facts["imported"] = {
            part: f"{source['file']}, {source['used']} tensors used, {len(source['unused'])} not"
            for part, source in imported.items()
        }
    for name, value in facts.items():
        print(f"{name:>16}: {_human(value)}")


@bundle_app.command("import-official")
def bundle_import_official(
    label: Annotated[Path, typer.Option(metavar="FILE", readable=False, help="The authors' audio_semantic.pth.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="BUNDLE", help="Folder of the bundle to make.")],
    clip: Annotated[
        Path | None,
        typer.Option(metavar="FILE", readable=False, help="Their clip_emotion.pth, for --text and --image."),
    ] = None,
    wav2vec2: Annotated[
        Path | None,
        typer.Option(metavar="DIR", readable=False, help="Folder with config.json of their wav2vec2; else fetched."),
    ] = None,
    roberta: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", readable=False, help="Folder with config.json and vocab.txt of their RoBERTa; else fetched."
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the bundle.")] = "medtalk",
    offline: Offline = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Make a bundle of the authors' weights.

    It tells which of them it leaves out.
    """
    from medtalk.official import import_official, unused_lines

    done = import_official(label, output, clip=clip, wav2vec2=wav2vec2, roberta=roberta, name=name, offline=offline)
    if as_json:
        print(json.dumps({"folder": str(done.bundle.folder), **done.bundle.manifest["imported"]}))
        return
    for file, unused in done.unused.items():
        print(f"{file}: {done.used[file]} tensors used, {len(unused)} not:")
        for line in unused_lines(unused):
            print(f"    {line}")
    print(f"{done.bundle.folder}: {len(done.bundle.manifest['files'])} files, {done.bundle.bytes / 1e6:.1f} MB")


NeedsOf = Annotated[
    Path | None, typer.Option("--bundle", metavar="DIR", readable=False, help="Those that the bundle in DIR uses.")
]


@models_app.command("list")
def models_list(bundle: NeedsOf = None, as_json: AsJson = False, debug: Debug = False) -> None:
    """Tell which pretrained backbones are on this machine, and what they are for."""
    from medtalk.models import KNOWN, needed, size

    rows = []
    for model in KNOWN if bundle is None else needed(bundle):
        place = model.place()
        rows.append(
            {
                "part": model.part,
                "name": model.name,
                "MB": None if place is None else round(size(place) / 1e6, 1),
                "licence": model.licence or "see its page",
                "use": model.use,
                "place": None if place is None else str(place),
            }
        )
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    if rows:
        _print_table([{name: "-" if value is None else value for name, value in row.items()} for row in rows])
    else:
        print("The bundle uses none.")


@models_app.command("pull")
def models_pull(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Parts, as `medtalk models list` tells.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    bundle: NeedsOf = None,
    debug: Debug = False,
) -> None:
    """Fetch pretrained backbones into the usual caches of their libraries, which show how far they are."""
    from medtalk.models import KNOWN, known, needed, size

    if bool(names) + every + (bundle is not None) != 1:
        raise SettingError(
            "Nothing to fetch, or too much.", "Give names of `medtalk models list`, --bundle DIR, or --all."
        )
    models = KNOWN if every else [known(name) for name in names or ()]
    if bundle is not None:
        models = needed(bundle)
    if not models:
        print("The bundle uses none.")
    for model in models:
        place = model.fetch()
        print(f"{model.part}: {place}, {size(place) / 1e6:.1f} MB", flush=True)


@plugin_app.command("install")
def plugin_install(
    project: Annotated[Path, typer.Argument(metavar="PROJECT.uproject", readable=False, help="Project of Unreal 5.")],
    platform: Annotated[
        list[str] | None,
        typer.Option(
            metavar="win64|linux|mac|all",
            help="Editors that are to work without a download; may be repeated. Left out: this machine's.",
        ),
    ] = None,
    wheels: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", readable=False, help="Take pyzmq and msgpack from here, without network."),
    ] = None,
    no_wheels: Annotated[
        bool, typer.Option("--no-wheels", help="Leave pyzmq and msgpack to Unreal, which downloads them at its start.")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take the plugin out of the project again.")] = False,
    debug: Debug = False,
) -> None:
    """Put the plugin into an Unreal project, or bring the one in it up to date."""
    from medtalk.plugin import PLATFORMS, install_plugin, remove_plugin

    if remove:
        if platform or wheels is not None or no_wheels:
            raise SettingError("--remove takes the whole plugin out.", "Leave the other options out.")
        print(f"{remove_plugin(project)}: removed")
        return
    if no_wheels and (platform or wheels is not None):
        raise SettingError("--no-wheels cannot go with --platform or --wheels.", "Leave one of them out.")
    done = install_plugin(project, () if no_wheels else platform, wheels=wheels)
    update = f"replaced the newer {done.newer}" if done.newer else "brought up to date"
    print(f"{done.folder}: {update if done.updated else 'installed'}, MEDTalk {medtalk.__version__}")
    names = ", ".join(PLATFORMS[name] for name in done.platforms)
    print(f"pyzmq and msgpack: {f'with the plugin, for {names}' if names else 'Unreal downloads them at its start'}")
    print(f"Python of the sidecar: {done.python}")
    for note in done.notes:
        print(note)
    print("Now start Unreal Editor, again if it is open. Then Tools, section MEDTalk: Test Connection.")


def _rig_facts(file: Path) -> dict[str, Any]:
    import numpy as np

    from medtalk.rig import read_rig
    from medtalk.rig.channels import NAMES

    rig = read_rig(file)
    spread = np.ptp(rig.values, axis=0) if len(rig) else np.zeros(len(NAMES))
    most = [NAMES[index] for index in np.argsort(-spread)[:8] if spread[index] > 0.0]
    return {
        "file": str(file),
        "seconds": rig.seconds,
        "frames": len(rig),
        "fps": rig.fps,
        "moving_channels": int((spread > 0.0).sum()),
        "most_moving": most,
        "lowest": float(rig.values.min(initial=0.0)),
        "highest": float(rig.values.max(initial=0.0)),
        "meta": dict(rig.meta),
    }


def _sound_facts(file: Path) -> dict[str, Any]:
    from medtalk.audio import read_speech

    speech = read_speech(file)
    return {
        "file": str(file),
        "seconds": speech.seconds,
        "rig_frames": speech.frames,
        "rate": speech.source_rate,
        "channels": speech.source_channels,
        "peak": float(abs(speech.samples).max()),
        "sha256": speech.sha256,
    }


def _human(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(map(_human, value)) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_human(part)}" if not isinstance(part, dict) else f"{name} ({_human(part)})"
                         for name, part in value.items()) or "-"  # fmt: skip
    return shown(" ".join(str(value).split())) or "-"


def _print_table(rows: list[dict[str, Any]]) -> None:
    cells = [list(rows[0]), *([("-" if cell is None else _human(cell)) for cell in row.values()] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
