"""Where `medtalk` and `python -m medtalk` start: with the signals, before anything that takes time to load."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn

from medtalk.signals import STOPPING, end_by_exception, stopped_by


def main() -> NoReturn:
    """Entry point of the console script. Ctrl-C ends it with one line and exit code 130 at any moment."""
    end_by_exception()
    tell_dropped = sys.unraisablehook
    sys.unraisablehook = lambda dropped: None if stopped_by() is not None else tell_dropped(dropped)
    try:
        from medtalk.cli.app import main as command

        command()
    except BaseException:
        number = stopped_by()
        if number is None:
            raise
        # Whatever the exception is: an interrupted import of a library ends as an ImportError.
        if number == signal.SIGINT:
            print("medtalk: interrupted", file=sys.stderr)
        with suppress(OSError, ValueError):  # a terminal that has gone
            sys.stdout.flush()
            sys.stderr.flush()
        # All is undone by now. Python's own end would go through libraries that were interrupted anywhere.
        os._exit(128 + number)
    finally:
        for number in STOPPING:  # nothing is left to undo while Python ends
            signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    main()
