"""The command line `medtalk-train`: each step of a run, all of them, and what is made of data and bundles."""

from __future__ import annotations

import sys
from typing import NoReturn

from medtalk.errors import MedtalkError
from medtalk.signals import end_by_exception
from medtalk_train.cli import data, experiments, figures, steps, words  # noqa: F401 (they name the commands)
from medtalk_train.cli.options import app


def main() -> NoReturn:
    """Entry point of the console script: a MEDTalk error is one line and exit code 1."""
    end_by_exception()  # Lightning would end a stage with code 0 on SIGTERM
    try:
        app(prog_name="medtalk-train")
    except MedtalkError as error:
        _fail(str(error))
    except ModuleNotFoundError as error:
        if (error.name or "medtalk").startswith("medtalk"):
            raise
        _fail(f"{error.name} is not installed. Training needs the extra train: pip install 'medtalk[train]'")
    sys.exit(0)


def _fail(message: str) -> NoReturn:
    print("medtalk-train:", message, file=sys.stderr)
    sys.exit(1)
