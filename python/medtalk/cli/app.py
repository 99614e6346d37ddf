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
from typing import Annotated, Any, NoReturn

import typer

from medtalk.cli import (
    audit,
    backbones,
    bake,
    bundle,
    channels,
    convert,
    decode,
    doctor,
    edits,
    generate,
    info,
    keys,
    live,
    ping,
    plot,
    plugin,
    preview,
    qa,
    record,
    restyle,
    retime,
    serve,
    sheet,
    stop,
    studio,
    study,
    verify,
    video,
)
from medtalk.cli.options import debugging, forget_wishes, json_errors
from medtalk.cli.printing import complain, say
from medtalk.errors import MedtalkError
from medtalk.signals import stopped_by
from medtalk.version import __version__

_UsageError: Any = typer.BadParameter.__base__  # typer keeps its click to itself
_ADDRESS = re.compile(r"auto|tcp://.+|[^-].*:\d+|[^-].*\.json")
_HOST = re.compile(r"\w[\w.-]*")

app = typer.Typer(
    name="medtalk",
    help="A recording in, an emotional MetaHuman face rig out.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    generate.generate,
    live.live,
    bake.bake,
    audit.audit,
    decode.decode,
    convert.convert,
    retime.retime,
    restyle.restyle,
    info.info,
    channels.channels,
    plot.plot,
    preview.preview,
    sheet.sheet,
    video.video,
    qa.qa,
    record.record,
    verify.verify,
    serve.serve,
    ping.ping,
    stop.stop,
    studio.studio,
    doctor.doctor,
):
    app.command()(command)
for name, group in {
    "bundle": bundle,
    "backbones": backbones,
    "keys": keys,
    "plugin": plugin,
    "edits": edits,
    "study": study,
}.items():
    app.add_typer(group.app, name=name)
app.add_typer(backbones.app, name="models", hidden=True)  # as it was called once


def main() -> NoReturn:
    """Run the command of `sys.argv` and exit: a MEDTalk error is one line, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # not every code page has the signs of every file name
            stream.reconfigure(errors="backslashreplace")
    sys.argv[1:] = _with_server(sys.argv[1:])
    forget_wishes()
    try:
        code = app(prog_name="medtalk", standalone_mode=False)
    except MedtalkError as error:
        _fail(str(error), error)
    except _UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # `medtalk` or `medtalk bundle` alone: its message is the help
            print(error.format_message(), file=sys.stderr)
        else:
            complain(f"{error.format_message()} (--help lists what is valid)")
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
    # A host without a port. A sound with a typo in its name is not a host.
    return bool(_HOST.fullmatch(word)) and not word.lower().endswith(SOUND_ENDINGS) and not Path(word).exists()


def _fail(message: str, error: Exception) -> NoReturn:
    if debugging() or stopped_by() is not None:
        raise error
    if json_errors():
        facts = {"code": "internal", "message": message, "hint": "", "about": ""}
        say(json.dumps({"error": error.facts() if isinstance(error, MedtalkError) else facts}))
    else:
        complain(message)
    sys.exit(1)


def _version(asked: bool) -> None:
    if asked:
        print(f"medtalk {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass
