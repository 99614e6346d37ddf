"""What ends a program from outside: signals, as many as the platform has."""

from __future__ import annotations

import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from medtalk.signals import STOPPING, stopping

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
PROGRAM = """
import signal, sys, time
from medtalk.signals import on_stop
on_stop(lambda number, _: sys.exit(f"stopped by {signal.Signals(number).name}"))
print("ready", flush=True)
signal.raise_signal(signal.SIGHUP)
print("still here", flush=True)
signal.raise_signal(signal.SIGTERM)
"""


STOPPED = """
import signal, sys
from medtalk.signals import Stopping
stopping = Stopping()
if "early" in sys.argv:
    signal.raise_signal(signal.SIGTERM)
stopping.by(lambda: print("stopped", flush=True))
print("serving", flush=True)
if "late" in sys.argv:
    signal.raise_signal(signal.SIGINT)
"""


def test_those_of_this_platform() -> None:
    assert signal.SIGINT in STOPPING and signal.SIGTERM in STOPPING
    assert (getattr(signal, "SIGHUP", None) in STOPPING) == (sys.platform != "win32")


def test_those_of_windows() -> None:
    windows = SimpleNamespace(SIGINT=signal.SIGINT, SIGTERM=signal.SIGTERM, SIGBREAK=21, SIGABRT=signal.SIGABRT)
    assert stopping(windows) == (signal.SIGINT, signal.SIGTERM, 21)


@posix
@pytest.mark.parametrize(("words", "out", "last"), [([], "ready\n", "SIGHUP"),
                                                    (["nohup"], "ready\nstill here\n", "SIGTERM")])  # fmt: skip
def test_nohup_is_heeded(words: list[str], out: str, last: str) -> None:
    done = subprocess.run([*words, sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, out) and done.stderr.endswith(f"stopped by {last}\n")


@pytest.mark.parametrize(("when", "out"), [("early", ["stopped", "serving"]), ("late", ["serving", "stopped"])])
def test_a_server_is_stopped_also_if_it_still_loads(when: str, out: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", STOPPED, when], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, out)
