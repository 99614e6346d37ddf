"""A microphone without a sound card: a device of ALSA's own, read by PortAudio like any other.

ALSA's file plugin takes the samples of a capture from a file. Here that is a terminal, which gives them when they are
spoken, and an error when the other side of it has gone, as a cable does that is pulled out.
"""

from __future__ import annotations

import ctypes.util
import os
import threading
import time
from pathlib import Path
from typing import Self

import numpy as np

RATE = 44_100
"""The usual rate of a device of which ALSA knows nothing."""
TONE, LOUD = 440.0, 0.25
_PIECE = 380  # samples; PortAudio reads 95 together, and a piece that is no multiple of them would be filled up

_CONFIGURATION = """
</usr/share/alsa/alsa.conf>
pcm.booth {{
  type file
  slave.pcm {{ type null }}
  file /dev/null
  infile "{microphone}"
  format raw
  hint {{ show on description "Booth" }}
}}
pcm.boom {{ type null hint {{ show on description "Boom" }} }}
"""


def missing() -> str:
    """What is missing for it, in a line; "" for nothing."""
    if not ctypes.util.find_library("portaudio") or not Path("/usr/share/alsa/alsa.conf").exists():
        return "PortAudio is missing: sudo apt-get install -y libportaudio2"
    return ""


class Booth:
    """The device `booth`, with a tone in it, for a `with` block; `environment` lets other programs see it.

    plugged: whether it is there at first.
    """

    def __init__(self, folder: Path) -> None:
        self._microphone = folder / "microphone"
        configuration = folder / "asoundrc"
        configuration.write_text(_CONFIGURATION.format(microphone=self._microphone))
        self.environment = {"ALSA_CONFIG_PATH": str(configuration)}
        self.silent = False
        self._speaking = threading.Event()
        self._thread: threading.Thread | None = None
        self._ends: tuple[int, ...] = ()

    def __enter__(self) -> Self:
        self._before = os.environ.get("ALSA_CONFIG_PATH")
        os.environ.update(self.environment)
        self.plug()
        self._look()
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()
        os.environ.pop("ALSA_CONFIG_PATH")
        if self._before is not None:
            os.environ["ALSA_CONFIG_PATH"] = self._before
        self._look()

    @staticmethod
    def _look() -> None:
        """Let PortAudio look for devices again: it does so once, when it is imported."""
        import sounddevice

        sounddevice._terminate()
        sounddevice._initialize()

    def plug(self) -> None:
        """Plug it in, and speak."""
        import tty

        own, other = os.openpty()
        tty.setraw(other)
        self._microphone.unlink(missing_ok=True)
        self._microphone.symlink_to(os.ttyname(other))
        self._ends = own, other
        self._speaking.set()
        self._thread = threading.Thread(target=self._speak, args=(own,), daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        """Pull it out."""
        if self._thread is None:
            return
        self._speaking.clear()
        self._thread.join()
        self._thread = None
        for end in self._ends:
            os.close(end)

    def _speak(self, end: int) -> None:
        os.set_blocking(end, False)
        place, start = 0, time.monotonic()
        while self._speaking.is_set():
            times = np.arange(place, place + _PIECE) / RATE
            place += _PIECE
            try:
                if not self.silent:
                    os.write(end, (LOUD * np.sin(2.0 * np.pi * TONE * times)).astype("<f4").tobytes())
            except BlockingIOError:  # nobody listens
                pass
            time.sleep(max(start + place / RATE - time.monotonic(), 0.0))
