"""What a live face did, as a take: the rig, and the sound beside it as NAME.wav.

Both are kept in unnamed files while they grow, so that memory stays small and nothing is left of a run that is killed.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medtalk.audio import read_speech
from medtalk.errors import AudioError, OutputError
from medtalk.files import check_file, output_error, write_atomic
from medtalk.limits import AudioLimits
from medtalk.rates import FPS
from medtalk.rig import RigSequence, check_output, rig_ending, write_rig
from medtalk.rig.channels import N_CHANNELS
from medtalk.rig.sequence import MAX_FRAMES, frozen
from medtalk.sound import to_pcm16

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.live import Frames

_BLOCK = 1 << 20  # samples that are copied at a time


class Tape:
    """Keeps frames and samples at `rate`, to be written to `path` in the end.

    sound: the file that is played, if it is one: where it lies beside the rig, it is the take's sound and stays as it
    is. Any other sound there may be the only recording of a voice: it is replaced with `force` only.
    Raises OutputError or RigError, before anything is heard, where the take could not be written.
    """

    def __init__(self, path: Path, rate: int, sound: Path | None = None, force: bool = False) -> None:
        check_output(path, force=force)
        self.path = path
        self.sound = path.with_name(path.name[: -len(rig_ending(path))] + ".wav")
        self._beside = not (sound is not None and self.sound.exists() and self.sound.samefile(sound))
        if self._beside:
            check_file(self.sound, force=force)
            if self.sound.exists() and not force:
                raise OutputError(
                    f"{self.sound} is there already, and would be lost.", "Give another name, or replace it by --force."
                )
        self._rate, self._force = rate, force
        self._head: bool | None = None
        self.frames = 0
        """Frames that are kept."""
        self.problem = ""
        """Why it keeps no more, if so."""
        self.sounds = True
        """Whether the sound is beside the rig, once that is written."""
        try:
            self._values, self._turns, self._samples = (_unnamed(path) for _ in range(3))
        except OSError as error:
            raise output_error(path, error) from error

    def add(self, frames: Frames) -> None:
        """Keep the next frames."""
        if self.problem or not len(frames):
            return
        if self.frames + len(frames) > MAX_FRAMES:
            self.problem = f"The take is as long as a rig may be, {MAX_FRAMES} frames."
            return
        self._head = frames.head is not None
        self._write(self._values, frames.values)
        if frames.head is not None:
            self._write(self._turns, frames.head)
        self.frames += len(frames)

    def hear(self, samples: NDArray[np.float32]) -> None:
        """Keep the next samples (n,)."""
        if not self.problem:
            self._write(self._samples, to_pcm16(samples))

    def write(self, meta: dict[str, Any]) -> Path:
        """Write the take, with what is known of it.

        Where there is room for the rig only, that is kept, and `problem` says so.
        Raises OutputError if the rig cannot be written, or if nothing was heard.
        """
        frames = _size(self._values) // (4 * N_CHANNELS)  # whole ones, if the disk became full
        if self._head:
            frames = min(frames, _size(self._turns) // (4 * 3))
        if not frames:
            why = self.problem or "Nothing was heard."
            raise OutputError(f"{self.path} is not written. {why}")
        self.frames = frames
        values = _read(self._values, frames * N_CHANNELS).reshape(-1, N_CHANNELS)
        head = _read(self._turns, frames * 3).reshape(-1, 3) if self._head else None
        for file in (self._values, self._turns):  # room on a disk that may be full
            file.truncate(0)
        self._samples.truncate(_size(self._samples) // 2 * 2)
        source = {**meta.get("source", {}), "seconds": frames / FPS}
        try:
            if self._beside:
                write_atomic(self.sound, self._write_sound, force=self._force)
            speech = read_speech(self.sound, limits=AudioLimits(max_seconds=MAX_FRAMES / FPS, min_seconds=1e-3))
            source |= {"sha256": speech.sha256, "channels": 1}
        except OutputError as error:
            self.problem, self.sounds = str(error), False
        except AudioError:
            pass  # too short to be a sound; its name is known at least
        self._samples.truncate(0)
        rig = RigSequence(frozen(values), float(FPS), {**meta, "source": source}, head=head)
        return write_rig(self.path, rig, force=self._force)

    def close(self) -> None:
        """Let go of what it holds."""
        for file in (self._values, self._turns, self._samples):
            with suppress(OSError):  # a disk that fails: what was kept is written, or was refused
                file.close()

    def _write(self, file: Any, data: np.ndarray) -> None:
        rest = memoryview(data.tobytes())
        try:
            while rest:  # a disk that becomes full takes a part
                rest = rest[file.write(rest) :]
        except OSError as error:
            self.problem = f"The recording ends here: {output_error(self.path, error).message}"

    def _write_sound(self, temporary: Path) -> None:
        import soundfile

        self._samples.seek(0)
        try:
            with soundfile.SoundFile(temporary, "w", self._rate, 1, "PCM_16", format="WAV") as file:
                while block := self._samples.read(2 * _BLOCK):
                    file.write(np.frombuffer(block, "<i2"))
        except soundfile.LibsndfileError as error:  # it does not say what the system said
            raise OutputError(f"Cannot write {self.sound}: the disk is full, or fails.", "Free some space.") from error


def _unnamed(path: Path) -> Any:
    """A file on the disk of `path` that has no name. It has no buffer: what a full disk does not take would stay there,
    and fail again wherever the file is read."""
    return tempfile.TemporaryFile(dir=path.absolute().parent, prefix=".medtalk-", buffering=0)


def _size(file: Any) -> int:
    return os.fstat(file.fileno()).st_size


def _read(file: Any, count: int) -> NDArray[np.float32]:
    """The first numbers of a file, (count,), which may be written to, as rigs want it."""
    found = np.empty(count, np.float32)
    rest = found.data.cast("B")
    file.seek(0)
    while rest and (done := file.readinto(rest)):  # the system reads 2 GiB at a time
        rest = rest[done:]
    return found
