"""A live face at work: from a source of sound to where its frames go, in the time that the clock gives."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from medtalk.cli.printing import complain, say
from medtalk.cli.recording import refuse
from medtalk.cli.steering import END, Steering, complaint, steer
from medtalk.errors import MedtalkError
from medtalk.rates import FPS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.cli.recording import Recorder
    from medtalk.live import Frames, Live
    from medtalk.microphone import Heard
    from medtalk.senders import Outlet

_BEHIND_SECONDS = 0.12
"""Sound that waits for longer than this is heard in one go."""
_LOST_SECONDS = 1.0
"""So much of it is not heard any more, but for the last part: a face that lags is worse than one that rests."""
_KEPT_SECONDS = 0.2
_SKIP_SECONDS = 60.0  # of lost sound that are skipped at a time, between which it is still steered
_MORE_SECONDS = 0.1  # than the stream's own delay that frames may be held back, so that they come evenly
_EASE = 0.1  # seconds a second by which they are held back less again
_END_SECONDS = 0.6  # in which the frames that wait at the end are sent
_HALTED_SECONDS = 2.0
"""So much at once does not come of a slow machine, which hears a second in one go: it slept, or this was suspended."""
_SAID_SECONDS = 10.0  # that must be well before it is said again that this machine is too slow
_SILENT = -120.0  # dBFS of no sound at all


class Source(Protocol):
    """Sound as it comes: a `medtalk.microphone.Microphone`, or `medtalk.cli.played.Played`."""

    @property
    def name(self) -> str: ...
    @property
    def rate(self) -> int: ...
    @property
    def start(self) -> float: ...
    @property
    def ended(self) -> bool: ...
    @property
    def gone(self) -> bool: ...
    def read(self, seconds: float) -> Heard: ...
    def close(self) -> None: ...


@dataclass
class State:
    """How a stream does: `seconds` of sound and `frames` so far; frames `dropped` by any of its outlets because they
    were late; seconds of sound `lost` because the device or this machine failed."""

    seconds: float = 0.0
    frames: int = 0
    dropped: int = 0
    lost: float = 0.0


class Stream:
    """Hears `source` by `live`, and hands frames to outlets and to a recorder, which the caller closes.

    status: seconds from one line of state on stderr to the next; 0 means none. fast: the sound need not be waited for,
    so no clock rules.
    """

    def __init__(
        self,
        live: Live,
        source: Source,
        outlets: Sequence[Outlet],
        recorder: Recorder,
        steering: Steering | None = None,
        status: float = 0.0,
        fast: bool = False,
    ) -> None:
        self.state = State()
        self.latencies: list[float] = []
        """Seconds from the sound of a frame to its sending, of the slowest outlet, since the last status."""
        self._live, self._source, self._outlets, self._recorder = live, source, outlets, recorder
        self._steering, self._status, self._fast = steering, status, fast
        self._stopping = False
        self._pace = live.delay
        self._power, self._count = 0.0, 0  # of the samples since the last status
        self._told = time.perf_counter()
        self._slow = -math.inf  # when it last was too slow

    def stop(self) -> None:
        """End soon; may be called from anywhere."""
        self._stopping = True

    def run(self) -> None:
        """Work until the source ends, `stop` is called or all outlets are closed; the rest of the frames is sent."""
        if self._status:
            self.tell()  # a program that started it learns that it listens
        try:
            while not (self._stopping or self._source.ended or self._all_closed()):
                self._attend()
                if self._stopping:
                    break
                self._hear(self._source.read(self._live.step))
            self._give(self._live.finish())
        finally:
            self._source.close()
            for outlet in self._outlets:
                outlet.close(_END_SECONDS)
            self._count_up()

    def tell(self, done: bool = False) -> None:
        """Print a line of state on stderr, as JSON."""
        self._told = time.perf_counter()
        if not done:  # `run` has counted
            self._count_up()
        level = self._level()
        line: dict[str, Any] = {
            "seconds": round(self.state.seconds, 3),
            "frames": self.state.frames,
            "dropped": self.state.dropped,
            "lost": round(self.state.lost, 3),
            "latency_ms": self.latency_ms(),
            "level_db": round(level, 1),
            "speaking": self._live.speaking,
            "device": "gone" if self._source.gone else "ok",
        }
        if (recorded := self._recorder.seconds) is not None:
            line["recording"] = round(recorded, 3)
        say(json.dumps(line | ({"done": True} if done else {})))

    def latency_ms(self) -> dict[str, float] | None:
        """Of the frames since the last status; None where there are none."""
        if self._fast or not self.latencies:
            return None
        middle, late = np.percentile(self.latencies, [50, 95]) * 1e3
        return {
            "p50": round(float(middle), 1),
            "p95": round(float(late), 1),
            "max": round(max(self.latencies) * 1e3, 1),
        }

    def overall_ms(self) -> tuple[int, int] | None:
        """Of all frames, to the slowest outlet: the middle, and what 95 of 100 do not exceed; None where there are
        none."""
        found = [(of[0], of[1]) for outlet in self._outlets if (of := outlet.overall(0.5, 0.95))]
        return None if self._fast else max(found, key=lambda each: each[1], default=None)

    def _attend(self) -> None:
        """Follow the lines on stdin, and print the status when it is due."""
        self._steer()
        if self._status and time.perf_counter() - self._told >= self._status:
            self.tell()

    def _hear(self, heard: Heard) -> None:
        """Hear what came, in one go where it is late, and without what is too late."""
        samples, lost = heard.samples, heard.lost
        waits = len(samples) / self._live.rate
        if not self._fast and waits > _LOST_SECONDS:
            cut = len(samples) - round(_KEPT_SECONDS * self._live.rate)
            samples, lost = samples[cut:], lost + cut / self._live.rate
            self._say_late(lost, waits + heard.lost)
        while lost:
            part = min(lost, _SKIP_SECONDS)
            self.state.lost += part
            self._keep(np.zeros(round(part * self._live.rate), np.float32))
            self._give(self._live.skip(part))
            lost -= part
            self._attend()
            if self._stopping:  # after a night in which the machine slept, that is not for the end of it
                return
        if len(samples):
            self._keep(samples)
            late = not self._fast and waits > max(_BEHIND_SECONDS, 2.0 * self._live.step)
            self._give(self._live.push(samples, hurry=late))

    def _say_late(self, seconds: float, waited: float) -> None:
        now = time.perf_counter()
        if now - self._slow > _SAID_SECONDS:
            why = "This machine is too slow"
            if waited > _HALTED_SECONDS:
                why = f"The stream was halted for {waited:.1f} s, as when a machine sleeps"
            complain(f"{why}: {seconds:.1f} s of sound are not heard.")
        self._slow = now

    def _keep(self, samples: NDArray[np.float32]) -> None:
        good = np.nan_to_num(samples).astype(np.float64)
        self._power += float(good @ good)
        self._count += len(good)
        self._recorder.hear(samples)

    def _give(self, frames: Frames) -> None:
        """Hand frames to all, each to be sent as long after its sound as the others."""
        self.state.seconds, self.state.frames = self._live.seconds, self._live.frames
        if not len(frames):
            return
        self._recorder.add(frames)
        heard = self._source.start + frames.times
        waited = time.perf_counter() - float(heard[0])
        # The first of those that come together has waited for longest.
        self._pace = min(max(waited, self._pace - _EASE * len(frames) / FPS), self._live.delay + _MORE_SECONDS)
        due = (heard + self._pace).tolist()
        for outlet in self._outlets:
            if not outlet.closed:
                outlet.put(outlet.sender.packets(frames, heard.tolist()), due, heard.tolist())

    def _steer(self) -> None:
        if self._steering is None:
            return
        bound = self._steering.bound
        for line in self._steering.lines():
            try:
                asked = steer(self._live, line, self._recorder if bound else None)
            except MedtalkError as error:
                if bound:
                    refuse(error)
                else:
                    complain(complaint(error))
                continue
            if asked == END:
                self.stop()
                return
            if asked is not None:
                self._recorder.guided(asked)

    def _all_closed(self) -> bool:
        """Whether nobody takes the frames any more."""
        return bool(self._outlets) and all(outlet.closed for outlet in self._outlets)

    def _level(self) -> float:
        """Of the sound since the last status, in dBFS."""
        power = self._power / max(self._count, 1)
        self._power, self._count = 0.0, 0
        return 10.0 * math.log10(power) if power > 10.0 ** (_SILENT / 10.0) else _SILENT

    def _count_up(self) -> None:
        self.state.dropped = sum(outlet.dropped for outlet in self._outlets)
        found = [outlet.latencies() for outlet in self._outlets]
        self.latencies = max(found, key=lambda each: max(each, default=0.0), default=[])
