"""`medtalk studio` as a process: the line that it prints, Ctrl-C, a signal while it hears."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from urllib.error import HTTPError
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile

from tests.helpers.studios import PATIENCE


@contextmanager
def started(*words: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A studio, and its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "medtalk", "studio", "--no-open", "--threads", "1", *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("medtalk studio: http://127.0.0.1:"), line or process.communicate()[1]
        yield process, line.split()[-1]
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


@pytest.mark.skipif(os.name == "nt", reason="Windows has another Ctrl-C")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_without_a_word(sample: Path, number: signal.Signals) -> None:
    with started(sample) as (process, address):
        with urllib.request.urlopen(address) as page:
            assert b"MEDTalk studio" in page.read()
        with pytest.raises(HTTPError, match="403"):
            urllib.request.urlopen(address.rsplit("/", 2)[0] + "/")
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.skipif(os.name == "nt", reason="Windows has another Ctrl-C")
def test_ctrl_c_while_it_hears(tmp_path: Path) -> None:
    long = tmp_path / "long.flac"
    soundfile.write(long, 0.1 * np.random.default_rng(0).standard_normal(16000 * 600).astype(np.float32), 16000)
    with started(long) as (process, address):
        with urllib.request.urlopen(address + "start") as answer:
            sound = answer.read().split(b'"sound":{"id":"')[1][:64].decode()
        origin = "http://" + urlsplit(address).netloc
        asked = urllib.request.Request(address + "take?tab=a", f'{{"sound": "{sound}"}}'.encode(), {"Origin": origin})

        def ask() -> None:
            with pytest.raises(OSError):
                urllib.request.urlopen(asked)

        asking = Thread(target=ask)
        asking.start()
        while b'"phase":""' in urllib.request.urlopen(address + "progress?tab=a").read():
            pass
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        asking.join(PATIENCE)
    assert (process.returncode, out, err) == (0, "", "")
