"""A microphone, by PortAudio (the library sounddevice, extra `live`).

A device is as unreliable as its cable: it goes and comes back, at another rate if it likes, and a busy machine takes
its sound late or not at all. The clock decides what is true: for each second there is a second of sound. What did not
come counts as lost, and what comes twice late is left out, so that the face is never behind the voice for long.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from threading import Condition
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from medtalk.errors import AudioError, MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import NDArray

USUAL_RATE = 48_000
_RATES = (8_000, 192_000)  # that a device may have
_AGAIN_SECONDS = 1.0
_GONE_SECONDS = 1.0
"""A device from which nothing comes for so long is gone; PortAudio does not always say so."""
_STOOD_STILL_SECONDS = 0.5
"""Who has not looked for so long cannot know whether something came: the whole machine may have stood still."""
_LATE_SECONDS = 0.25
"""Sound that is later than this counts as lost. Below it, it may still come: a machine stumbles now and then."""
_MOST_SECONDS = 2.0
"""Of sound that waits to be read; and how much a device may give in a second before it is taken to be broken."""
_DRIFT = 1e-3
"""How fast the clock of a device may differ from the computer's; real ones are within 1e-4."""


@dataclass(frozen=True)
class Device:
    """A microphone of this machine: number and name, either of which chooses it, the system's interface to it, how many
    channels it has, its usual rate in samples a second, and whether it is the one that the system uses."""

    number: int
    name: str
    interface: str
    channels: int
    rate: int
    usual: bool

    def facts(self) -> dict[str, Any]:
        return asdict(self)


class Heard(NamedTuple):
    """What came since the last time: `lost` seconds that are missing, then `samples` (n,) float32 of full scale 1."""

    samples: NDArray[np.float32]
    lost: float = 0.0


def devices() -> list[Device]:
    """The microphones of this machine; MissingExtraError where sounddevice or PortAudio is missing."""
    sounddevice = _library()
    interfaces = sounddevice.query_hostapis()
    usual = {interface["default_input_device"] for interface in interfaces[:1]}
    return [
        Device(each["index"], each["name"], interfaces[each["hostapi"]]["name"], each["max_input_channels"],
               round(each["default_samplerate"]), each["index"] in usual)
        for each in sounddevice.query_devices()
        if each["max_input_channels"] > 0
    ]  # fmt: skip


def version() -> str:
    """PortAudio's version in words; MissingExtraError where it is missing."""
    return str(_library().get_portaudio_version()[1]).partition(",")[0]


def find_device(wanted: str | None) -> Device:
    """The microphone of that number or name (or a part of one that no other has), or the one that the system uses.

    Raises AudioError, with the list of those that there are, where there is no such one.
    """
    found = devices()
    if wanted is None:
        matching = [each for each in found if each.usual] or found[:1]
    else:
        low = wanted.strip().lower()
        matching = [each for each in found if low in (str(each.number), each.name.lower())]
        matching = matching or [each for each in found if low and low in each.name.lower()]
        # The same device behind several interfaces (Windows has four) is one to its user: the first is the system's.
        if len({each.name for each in matching}) == 1:
            matching = matching[:1]
    if len(matching) == 1:
        return matching[0]
    if not found:
        raise AudioError("This machine has no microphone.", "Plug one in, and look with `medtalk live --devices`.")
    names = "; ".join(f"{each.number} {each.name}" for each in found)
    what = "No microphone" if not matching else f"{len(matching)} microphones"
    raise AudioError(f"{what} called {str(wanted)[:60]!r}.", f"Valid are the number or name of one of: {names}")


class Microphone:
    """Sound from a device, at a `rate` that stays the same whatever happens to the device.

    start: when the first sample was heard (`time.perf_counter`), as far as is known by now. lost: seconds so far.
    `tell` gets one line when the device goes and one when it is back.
    Raises AudioError for a device that is not there or cannot be opened, and MissingExtraError.
    """

    ended = False
    """A microphone never ends, even while it is gone."""

    def __init__(self, wanted: str | None, tell: Callable[[str], None], channel: int | None = None) -> None:
        self.device = find_device(wanted)
        self._wanted, self._tell, self._channel = wanted, tell, channel
        if channel is not None and not 0 <= channel < self.device.channels:
            raise AudioError(
                f"{self.device.name} has no channel {channel}; it has {self.device.channels}, the first of which is 0."
            )
        self._arrived = Condition()
        self._waiting: deque[NDArray[np.float32]] = deque()
        self._given = self._came = self._pending = 0  # samples
        self._last = self._opened = self._tried = self._looked = time.perf_counter()
        self._stream: Any = None
        self.lost = 0.0
        self.rate = self._usable_rate()
        self._open(self.rate)
        self.start = time.perf_counter()
        self._started = False

    @property
    def name(self) -> str:
        return self.device.name

    @property
    def gone(self) -> bool:
        """Whether the device is away."""
        return self._stream is None

    def read(self, seconds: float) -> Heard:
        """What came, as soon as something has, or after so many seconds; the second may be empty."""
        with self._arrived:
            if not self._waiting:
                self._arrived.wait(seconds)
            parts = list(self._waiting)
            self._waiting.clear()
            self._pending = 0
        self._watch()
        samples = np.concatenate(parts) if parts else np.zeros(0, np.float32)
        return self._on_time(samples)

    def close(self) -> None:
        """Let go of the device."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.abort(ignore_errors=True)
            stream.close(ignore_errors=True)

    def _on_time(self, samples: NDArray[np.float32]) -> Heard:
        """The samples, and what is missing of them by the clock."""
        now = time.perf_counter()
        if not self._started and len(samples):
            self.start, self._started = now - len(samples) / self.rate, True
        if not self._started:
            # Nothing yet: the stream begins with silence after a while, so that the face is there.
            if now - self.start > _LATE_SECONDS:
                self._started = True
            return Heard(samples)
        missing = now - self.start - (self._given + len(samples)) / self.rate
        lost = 0.0
        if missing < -_LATE_SECONDS:
            surplus = min(len(samples), round(-missing * self.rate))
            samples = samples[surplus:]
            self.lost += surplus / self.rate
        elif self.gone:
            lost = max(missing, 0.0)
        elif missing > _LATE_SECONDS:
            # Where nothing came, not all of it: the next block may be on its way.
            lost = missing if len(samples) else missing - _LATE_SECONDS / 2.0
        else:
            # Slowly, as two clocks drift; sooner where a block was early, since the ones before it were late then.
            seconds = len(samples) / self.rate
            self.start += min(max(missing, -0.05 * seconds), _DRIFT * seconds)
        count = round(lost * self.rate)
        self._given += count + len(samples)
        self.lost += lost
        return Heard(samples, count / self.rate)

    def _watch(self) -> None:
        """See whether the device is still there, and try to get it back."""
        now = time.perf_counter()
        if now - self._looked > _STOOD_STILL_SECONDS:
            self._last = now
        self._looked = now
        if self._stream is not None:
            # A device without an end gives what it likes: nobody speaks twice as fast as time goes by.
            running_away = self._came > _MOST_SECONDS * self.rate * max(now - self._opened, 1.0)
            if self._active() and not running_away and now - self._last < _GONE_SECONDS:
                return
            self.close()
            self._tried = now
            self._tell(f"The microphone {self.name} is gone. The face rests until it is back.")
        elif now - self._tried >= _AGAIN_SECONDS:
            self._tried = now
            self._return()

    def _active(self) -> bool:
        """Whether the stream still runs, by PortAudio."""
        try:
            return bool(self._stream.active)
        except _library().PortAudioError:  # some systems have forgotten a device that was pulled out
            return False

    def _return(self) -> None:
        sounddevice = _library()
        try:
            # PortAudio looks for devices only when it starts.
            sounddevice._terminate()
            sounddevice._initialize()
            self.device = find_device(self._wanted if self._wanted is not None else self.device.name)
            self._open(self._usable_rate())
        except (AudioError, sounddevice.PortAudioError):
            return
        self._tell(f"The microphone {self.name} is back.")

    def _usable_rate(self) -> int:
        low, high = _RATES
        return self.device.rate if low <= self.device.rate <= high else USUAL_RATE

    def _open(self, rate: int) -> None:
        """Begin to listen at `rate`, or at a usual one where the device refuses it."""
        sounddevice = _library()
        channels = 1 if self._channel is None else self._channel + 1
        tries = [(rate, channels), (rate, self.device.channels), (USUAL_RATE, self.device.channels)]
        for last, (rate, channels) in enumerate(dict.fromkeys(tries), 1 - len(dict.fromkeys(tries))):
            try:
                stream = sounddevice.InputStream(
                    samplerate=rate, device=self.device.number, channels=channels, dtype="float32", latency="low",
                    callback=self._callback(rate),
                )  # fmt: skip
                stream.start()
            except (sounddevice.PortAudioError, ValueError) as error:
                if last == 0:
                    raise AudioError(
                        f"The microphone {self.name} cannot be opened ({_reason(error)}).",
                        "Close other programs that use it, and allow this one to use microphones.",
                    ) from error
                continue
            self._stream = stream
            return

    def _callback(self, rate: int) -> Callable[..., None]:
        """What PortAudio calls, on a thread of its own, with samples (n, channels) at `rate`."""
        resampler: Any = None
        if rate != self.rate:
            import soxr

            # Of low quality, since the others hold sound back for a tenth of a second.
            resampler = soxr.ResampleStream(rate, self.rate, 1, dtype="float32", quality="LQ")
        self._came, self._opened, self._last = 0, time.perf_counter(), time.perf_counter()
        most = round(_MOST_SECONDS * self.rate)

        def came(block: NDArray[np.float32], count: int, when: Any, status: Any) -> None:
            with np.errstate(all="ignore"):  # a device may give anything; what is no number is heard as silence
                mono = np.clip(block.mean(axis=1) if self._channel is None else block[:, self._channel], -1.0, 1.0)
            if resampler is not None:
                mono = resampler.resample_chunk(np.nan_to_num(mono))
            with self._arrived:
                self._last = time.perf_counter()
                self._came += len(mono)
                self._waiting.append(mono)
                self._pending += len(mono)
                while self._pending > most:
                    self._pending -= len(self._waiting.popleft())
                self._arrived.notify()

        return came


def _library() -> Any:
    try:
        import sounddevice
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "A microphone needs sounddevice, which is not installed.", "Run pip install 'medtalk[live]'."
        ) from error
    except OSError as error:  # its wheels bring PortAudio for Windows and macOS only
        raise MissingExtraError(
            "sounddevice finds no PortAudio on this machine.", "On Debian and Ubuntu: sudo apt install libportaudio2"
        ) from error
    return sounddevice


def _reason(error: Exception) -> str:
    """PortAudio's own words."""
    text = str(error.args[0] if error.args else error)
    return text.removeprefix("Error opening InputStream: ").partition(" [")[0].rstrip(".").lower()
