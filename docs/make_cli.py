"""Write docs/cli.md: every command of `medtalk` with its options, as `--help` has them.

python -m docs.make_cli
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from medtalk.cli.app import app

PAGE = Path(__file__).parent / "cli.md"
HEAD = """# Commands

<!-- Written by `make docs` from the program's own help: do not edit. -->

Examples are in the [guide](guide.md). `python -m medtalk` is the same as `medtalk`.
"""
_ONE_LINE = 10_000  # characters, so that no usage line is wrapped


def page() -> str:
    """The whole page."""
    command = typer.main.get_command(app)
    context = command.context_class(command, info_name="medtalk", terminal_width=_ONE_LINE)
    return HEAD + "".join(_sections(context))


def _sections(context: Any) -> Iterator[str]:
    """A section for a command, then one for each command in it."""
    command = context.command
    usage = command.get_usage(context).removeprefix("Usage: ")
    yield f"\n## {context.command_path}\n\n{_paragraph(command.help)}\n\n```\n{usage}\n```\n"
    rows = [row for parameter in command.get_params(context) for row in _row(parameter, context)]
    if rows:
        yield "\n".join(["", "| argument or option | what it does |", "|---|---|", *rows, ""])
    for name, inner in getattr(command, "commands", {}).items():
        if not inner.hidden:
            yield from _sections(command.context_class(inner, info_name=name, parent=context))


def _row(parameter: Any, context: Any) -> Iterator[str]:
    """The row of an argument or option, of --help none."""
    names, text = parameter.get_help_record(context) or ("--help", "")
    if parameter.param_type_name == "argument":
        names = names.partition(" <")[0]  # its type, which the text tells better
    if not names.endswith("--help"):
        yield f"| `{_cell(names)}` | {_cell(text)} |"


def _paragraph(text: str | None) -> str:
    return " ".join((text or "").split())


def _cell(text: str) -> str:
    return _paragraph(text).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
