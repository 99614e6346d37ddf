"""Whether a process lives."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from medtalk_wire.process import is_alive


def test_a_process_and_its_end() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert is_alive(os.getpid()) and is_alive(process.pid)
    process.communicate(b"\n")
    assert not is_alive(process.pid) and not is_alive(2**40)


@pytest.mark.skipif(os.name != "posix", reason="other systems leave no zombies")
def test_who_has_ended_and_is_not_buried_does_not_live() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    os.kill(process.pid, 0)  # the system still knows the number
    assert not is_alive(process.pid)
    process.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="where threads have numbers of their own")
def test_a_thread_is_no_process() -> None:
    number: list[int] = []
    begun, end = threading.Event(), threading.Event()

    def run() -> None:
        number.append(threading.get_native_id())
        begun.set()
        end.wait()

    thread = threading.Thread(target=run)
    thread.start()
    begun.wait()
    assert number[0] != os.getpid() and not is_alive(number[0])
    end.set()
    thread.join()
