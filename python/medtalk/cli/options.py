"""Options that several commands have, and those that a command makes of the settings of a take."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import typer

from medtalk.errors import BackboneError, SettingError
from medtalk_wire.settings import DEFAULT, Finishing, Knob, Settings, knobs

_wishes = {"debug": False, "json_errors": False}


def wish(name: str) -> Callable[[bool], bool]:
    """The callback of an option by which the user wishes for `debug` or `json_errors`."""

    def remember(value: bool) -> bool:
        _wishes[name] = value
        return value

    return remember


def forget_wishes() -> None:
    """Begin anew, for the next command line of this process: most commands lack `--json`, so none would unset it."""
    _wishes.update(dict.fromkeys(_wishes, False))


def debugging() -> bool:
    """Whether the user asked for tracebacks."""
    return _wishes["debug"]


def json_errors() -> bool:
    """Whether the program that runs the command asked for errors as JSON."""
    return _wishes["json_errors"]


Debug = Annotated[bool, typer.Option("--debug", help="Show the Python traceback of an error.", callback=wish("debug"))]
JsonErrors = Annotated[
    bool, typer.Option("--json", help="Report a failure as a line of JSON on stderr.", callback=wish("json_errors"))
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Backbones = Annotated[
    list[str] | None,
    typer.Option(
        "--backbone", metavar="NAME=DIR",
        help="Folder with the weights of a backbone, as `medtalk backbones list` calls it (emotion2vec, ...), or the "
        "file of whisper or face_landmarker; may be repeated.",
    ),
]  # fmt: skip
Force = Annotated[bool, typer.Option("--force", help="Replace files that are read-only.")]
OtherBundle = Annotated[
    Path | None, typer.Option(readable=False, help="Folder of a bundle other than the one that ships.")
]
Device = Annotated[str, typer.Option(metavar="auto|cpu|cuda[:N]", help="Where to compute.")]
Threads = Annotated[int | None, typer.Option(metavar="N", help="Cores to use; all if left out.")]
Limits = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="Change a limit, such as max_seconds=600; may be repeated."),
]
Offline = Annotated[bool, typer.Option("--offline", help="Never download backbones.")]

ServerAddress = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="ADDRESS",
        help="HOST:PORT or connection file of the sidecar; if left out, the one that is running.",
    ),
]
Keys = Annotated[
    Path | None, typer.Option(readable=False, metavar="DIR", help="Keys for a sidecar on another machine.")
]
Mouth = Annotated[bool, typer.Option("--mouth", help="Show the mouth instead of the whole face.")]
Yaw = Annotated[
    float, typer.Option(metavar="DEGREES", help="Look from the side; above 0 shows the left cheek. -180 to 180.")
]


def backbone_folders(entries: Iterable[str]) -> dict[str, Path]:
    """The folders of `--backbone NAME=DIR`, by name."""
    folders = {}
    for entry in entries:
        name, equals, folder = entry.partition("=")
        if not (name and equals and folder):
            raise BackboneError(f"--backbone is {entry[:60]!r}; valid is NAME=DIR.", "Write emotion2vec=FOLDER.")
        folders[name] = Path(folder)
    return folders


NOT_OPTIONS = {
    "image_name": "the name of the file that --image gives",
    "span": "the rig of a whole file is wanted; a program may ask for less",
    "smoothing": "--finishing paper sets it",
    "closures": "--finishing paper sets it",
}
"""Settings without an option, and why."""


def with_settings(
    command: Callable[..., None], leave: Collection[str] = (), changes: Mapping[str, Any] = MappingProxyType({})
) -> Callable[..., None]:
    """`command` with options for the fields of `Settings`, but those in `leave`, in place of its parameter `settings`.

    An option has the name, the default and the help of its field, unless `changes` has others for its field;
    those of `finishing` stand beside the others. A parameter `asked` of the command gets the names of the settings that
    the user gave, also where that is the default; a parameter `context` gets typer's.
    """
    options = [
        _option(knob._replace(**changes.get(knob.name, {})))
        for knob in knobs(Settings)
        if knob.name not in {*NOT_OPTIONS, *leave}
    ]
    steps = [_option(knob) for knob in knobs(Finishing) if knob.name not in NOT_OPTIONS]
    own = inspect.signature(command, eval_str=True).parameters
    told = "asked" in own
    shown = [
        part
        for each in own.values()
        if each.name not in ("asked", "context")
        for part in ([*options, *steps] if each.name == "settings" else [each])
    ]

    def run(context: typer.Context, **values: Any) -> None:
        sources = {each.name: context.get_parameter_source(each.name) for each in (*options, *steps)}
        asked = {name for name, source in sources.items() if source is not None and source.name != "DEFAULT"}
        if values["persona"] is not None:
            from medtalk.persona import read_persona, without

            values["persona"] = without(read_persona(values["persona"]), asked)
        values["amounts"] = _amounts(values["amounts"])
        if told:
            values["asked"] = asked  # which are laid over others, so that each may have an effect
        else:
            _check_used(values)
        if "context" in own:
            values["context"] = context
        finishing = Finishing(**{each.name: values.pop(each.name) for each in steps})
        command(settings=_settings({each.name: values.pop(each.name) for each in options}, finishing), **values)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    run.__signature__ = inspect.Signature([context, *(part.replace(kind=part.KEYWORD_ONLY) for part in shown)])  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in (context, *shown)}
    return run


def words_of(context: typer.Context, leave: Iterable[str] = ()) -> list[str]:
    """The options that the user gave, as words for a command line elsewhere: paths are absolute.

    Arguments are left out, and the parameters whose names are in `leave`.
    """
    words: list[str] = []
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        if option.name in leave or option.param_type_name != "option" or source is None or source.name == "DEFAULT":
            continue
        value, name = context.params[option.name or ""], max(option.opts, key=len)
        if isinstance(value, bool):
            words.append(name if value else max(option.secondary_opts, key=len))
            continue
        for each in value if isinstance(value, list | tuple) else [value]:
            words += [name, _absolute(each, str(getattr(option, "metavar", "") or ""))]
    return words


def _absolute(value: Any, metavar: str) -> str:
    """An option's value; absolute where it is a path, as the metavar of one that may be a path says."""
    if isinstance(value, Path):
        return str(value.absolute())
    name, sign, place = value.partition("=") if metavar == "NAME=DIR" else ("", "", value)
    if ("FILE" in metavar or "DIR" in metavar) and os.path.exists(place):
        return f"{name}{sign}{os.path.abspath(place)}"
    return str(value)


def _option(knob: Knob) -> inspect.Parameter:
    kind: Any = knob.kind
    default, more, names = knob.default, "", ()
    metavar = knob.metavar
    if knob.name == "transcript":
        metavar = "TEXT|FILE"
        more = " A file may hold them; for several sounds give a folder with a NAME.txt for each."
    if knob.name == "image":
        kind = Path
    elif knob.name == "amounts":
        kind, metavar = str, "PART:AMOUNT[,...]"
    elif knob.name == "curve":
        kind, names = str, ("--intensity-curve",)
    elif knob.choices:
        kind = Literal[knob.choices]
    elif kind is bool:
        dashed = knob.name.replace("_", "-")
        names = (f"--{dashed}/--no-{dashed}",)
    elif kind not in (int, float):
        kind = str
    if default in ("", b"", None, {}):  # what is left out and what is empty are not the same
        kind, default = kind | None, None
    option = typer.Option(*names, help=knob.help + more, metavar=metavar or None, readable=False)
    annotation = Annotated[kind, option]
    return inspect.Parameter(knob.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=annotation)


def _amounts(text: str | None) -> dict[str, float]:
    """The amounts in `PART:AMOUNT[,PART:AMOUNT...]`; which parts there are is checked with the other settings."""
    amounts = {}
    for entry in [] if text is None else text.split(","):
        part, _, number = entry.partition(":")
        if part.strip() in amounts:
            raise SettingError(f"--amounts gives {part.strip()[:40]} twice.", "Give it once.")
        try:
            amounts[part.strip()] = float(number)
        except ValueError:
            what = f"--amounts is {text[:60]!r}" if text else "--amounts is empty"
            raise SettingError(f"{what}; valid are PART:AMOUNT.", "Write accents:0.5,drift:0.") from None
    return amounts


def _check_used(values: dict[str, Any]) -> None:
    """`SettingError` for an option that another one leaves without an effect."""
    from medtalk.finishing import AMOUNTS

    mode = values.get("curve_mode", DEFAULT.curve_mode)
    if mode != DEFAULT.curve_mode and values["curve"] is None:
        raise SettingError(f"--curve-mode {mode} has no curve.", "Give --intensity-curve, or leave it out.")
    steps = {"head": "head", "gaze": "gaze", "blinks": "blink"}
    for part in values["amounts"]:
        step = steps.get(part, "life")
        if part in AMOUNTS and not values[step]:
            raise SettingError(f"--amounts names {part}, but --no-{step} switches it off.", "Leave one of them out.")


def _settings(values: dict[str, Any], finishing: Finishing) -> Settings:
    from medtalk.guidance import check_text

    if values["text"] is not None:
        check_text(values["text"])
    if values["timeline"] is not None:
        from medtalk.marks import read_timeline

        values["timeline"] = read_timeline(values["timeline"])
    if values.get("curve") is not None:
        from medtalk.marks import read_curve

        values["curve"] = read_curve(values["curve"])
    return Settings(**{name: value for name, value in values.items() if value is not None}, finishing=finishing)
