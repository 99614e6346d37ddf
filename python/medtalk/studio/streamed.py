"""What was streamed live, as far as it is kept: the last minutes of its sound and of its frames."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from medtalk.model.intensity import intensity as intensity_of
from medtalk.rates import FPS
from medtalk.rig import RigSequence
from medtalk.sound import to_pcm16
from medtalk.studio.session import Take

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from medtalk.live import Frames

KEPT = 600
"""Seconds of a stream that are kept."""
TRIM = 60
"""Seconds that are forgotten at a time; so much more than `KEPT` is kept at most."""


class Streamed:
    """The sound of a stream, `rate` samples a second, as 16-bit samples, and its frames."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._sound: list[NDArray[np.int16]] = []
        self._frames: list[NDArray[np.float32]] = []
        self._turns: list[NDArray[np.float32]] = []
        self._heard = self._seen = 0  # samples and frames that are kept

    def hear(self, samples: NDArray[np.float32]) -> None:
        """Samples that were pushed, (n,)."""
        self._sound.append(to_pcm16(samples))
        self._heard += len(samples)

    def see(self, frames: Frames) -> None:
        """Frames that were given."""
        self._frames.append(frames.values)
        if frames.head is not None:
            self._turns.append(frames.head)
        self._seen += len(frames)
        most = KEPT + TRIM
        if self._seen > most * FPS and self._heard > most * self._rate:
            self._sound = [np.concatenate(self._sound)[TRIM * self._rate :].copy()]
            self._frames = [np.concatenate(self._frames)[TRIM * FPS :].copy()]
            if self._turns:
                self._turns = [np.concatenate(self._turns)[TRIM * FPS :].copy()]
            self._heard -= TRIM * self._rate
            self._seen -= TRIM * FPS

    def take(self, meta: Mapping[str, Any], name: str) -> Take | None:
        """The frames as a take of the sound called `name`; None if there are none."""
        if not self._seen:
            return None
        source = {"name": name, "seconds": self._heard / self._rate, "rate": self._rate}
        turn = np.concatenate(self._turns) if self._turns else None
        rig = RigSequence(np.concatenate(self._frames), float(FPS), {**meta, "source": source}, head=turn)
        return Take(rig, np.asarray(intensity_of(rig.values), np.float32))

    def sound(self) -> bytes:
        """The sound as a WAV file."""
        import soundfile

        target = BytesIO()
        soundfile.write(target, np.concatenate(self._sound), self._rate, "PCM_16", format="WAV")
        return target.getvalue()
