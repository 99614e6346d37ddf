"""A live face: samples in, frames out, in steps of a fixed length, so that it matters nowhere how the sound is cut."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from medtalk.engine.compact import CompactEngine
from medtalk.engine.live_ear import HOP
from medtalk.errors import BundleError, SettingError, require
from medtalk.features.cues import APART, Accent, accents
from medtalk.features.listening import FPS as STATES
from medtalk.features.prosody import PROSODY
from medtalk.finishing import Finishing, presence
from medtalk.finishing.live import LiveFinishing
from medtalk.guidance import Guidance
from medtalk.limits import (
    LIVE_LOOK_AHEAD,
    LIVE_LOST,
    LIVE_RATES,
    LIVE_STEP,
    MAX_INTENSITY,
    check_range,
    check_region,
    check_within,
)
from medtalk.live.decoding import Decoding
from medtalk.live.intake import Intake
from medtalk.live.lips import RunningLips
from medtalk.live.mood import RunningMood, check_live
from medtalk.live.states import BACK, States
from medtalk.live.voice import RunningVoice, Voice
from medtalk.rates import FPS, RATE
from medtalk.rig.channels import N_CHANNELS, in_region
from medtalk.timeline import Span, Timeline, spans_of
from medtalk.version import __version__

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from medtalk.bundle import Bundle

_LATEST = FPS // 2  # frames: an accent that is found later is no accent any more
_PITCH = PROSODY.index("pitch_relative")
_MOST_FADE = 60.0  # seconds


class Frames(NamedTuple):
    """Frames of a live face, 60 a second.

    Attributes:
        first: the number of the first; frame k is at k / 60 s.
        values: (N, 174) float32.
        head: how the head turns, (N, 3) degrees as `RigSequence.head`; None where it stays still.
    """

    first: int
    values: NDArray[np.float32]
    head: NDArray[np.float32] | None

    def __len__(self) -> int:
        """N, the number of frames."""
        return len(self.values)

    @property
    def times(self) -> NDArray[np.float64]:
        """(N,) seconds from the first sample."""
        return np.arange(self.first, self.first + len(self.values)) / FPS


class Live:
    """A face that follows a sound as it comes. Make one with `Model.live`. Not to be used by two threads at once.

    Attributes:
        rate: samples a second that `push` takes.
        look_ahead, step: seconds, as they are used: a step is a whole multiple of 20 ms, and a frame waits for as many
            frames as fit into the look-ahead whole.
        finishing, region: as of `Performance.decode`.
    """

    def __init__(
        self,
        engine: object,
        bundle: Bundle,
        kind_vectors: NDArray[np.float32],
        guide: Callable[..., Guidance],
        guidance: Guidance,
        *,
        intensity: float = 1.0,
        look_ahead: float = 0.08,
        step: float = 0.04,
        rate: int = RATE,
        finishing: Finishing = Finishing(),
        region: str = "full",
        kinds: Mapping[str, str] | None = None,
        name: str = "live",
    ) -> None:
        """`guide` makes guidances as `Model.guide` does; the rest is as of `Model.live`."""
        if not isinstance(engine, CompactEngine):
            raise BundleError(
                f"The bundle {bundle.name} is of the kind {bundle.kind}, which cannot be played live.",
                "Use one of the kind compact, such as the one that ships.",
            )
        require(finishing, Finishing, "finishing", "a Finishing")
        check_region(region)
        require(name, str, "name", "a text")
        self.look_ahead = check_within(look_ahead, LIVE_LOOK_AHEAD, "look_ahead", "seconds")
        self._hops = 2 * max(round(check_within(step, LIVE_STEP, "step", "seconds") * STATES), 1)
        self.step = self._hops * HOP / RATE
        self.rate = int(check_within(rate, LIVE_RATES, "rate", "samples a second"))
        if self.rate != rate:
            raise SettingError(f"rate is {rate}; valid are whole samples a second.")
        self.finishing, self.region = finishing, region
        self._engine, self._bundle, self._name = engine, bundle, name
        self._guide = guide
        self._vectors = kind_vectors
        check_live(guidance, kind_vectors)
        self._mood = RunningMood(guidance, _intensity(intensity), kind_vectors)
        self._intake = Intake(self.rate, name)
        self._pending = np.zeros(0, np.float32)  # 16 kHz, less than a step
        self._heard = 0  # samples at 16 kHz that were taken
        self._ended = False
        self._given = 0  # frames
        self._speaking = False
        self._states = States(engine, self.look_ahead, self.step)
        self._voice = RunningVoice()
        self._lips = RunningLips(self.look_ahead)
        self._accents: list[Accent] = []  # that may still be felt
        self._decoding = Decoding(engine, self._mood, finishing, kinds or {})
        weights = self._mood.moods(np.zeros(1, np.int64))
        # In whole frames the latency is 120 ms at most, with the usual settings and the work of a step. Lips that wait
        # for all of the look-ahead are a little better: on five recordings (99 s) closure F1 .918 and not .909, AUC
        # .928 and not .922, jitter .079 and not .086.
        self._ahead = math.floor(self.look_ahead * FPS + 1e-6)
        self._finish = LiveFinishing(finishing, max(weights, key=lambda label: weights[label]), self._ahead)

    @property
    def delay(self) -> float:
        """Seconds of sound after the time of a frame until it is given, at most."""
        return self._ahead / FPS + self.step + self._intake.delay

    @property
    def seconds(self) -> float:
        """Sound heard."""
        return self._intake.heard / self.rate

    @property
    def frames(self) -> int:
        """Frames given."""
        return self._given

    @property
    def head(self) -> bool:
        """Whether frames come with a turn of the head."""
        return self.region == "full" and self.finishing.head and self.finishing.amounts.get("head", 1.0) > 0.0

    @property
    def faults(self) -> dict[str, int]:
        """What was wrong with the sound: `not_numbers` (samples heard as silence), `lost` (calls of `skip`)."""
        return dict(self._intake.faults)

    @property
    def speaking(self) -> bool:
        """Whether somebody spoke at the last frame."""
        return self._speaking

    def push(self, samples: ArrayLike, hurry: bool = False) -> Frames:
        """Hear the next samples, and give the frames that are ready, which may be none.

        Args:
            samples: (n,) or (n, channels), of which the mean is heard; floats of full scale 1 or integers, any n.
            hurry: hear all whole steps that are there at once, up to a second of them, for who has fallen behind: it
                takes a fraction of the time. The frames are not quite the same then.

        Raises:
            AudioError: what cannot be such samples. Nothing of them is heard then.
            SettingError: the stream has ended.
        """
        self._check_open()
        data = self._intake.check(samples)
        # A program that speaks may push a minute at once: as much as that is never held a second time.
        seconds = (data[at : at + self.rate] for at in range(0, len(data), self.rate))
        return self._joined([self._take(self._intake.mono(block), hurry) for block in seconds])

    def skip(self, seconds: float) -> Frames:
        """So much sound was lost: it is heard as silence, in a hurry, so that times stay true.

        Gives frames as `push` does. `SettingError` for less than nothing or more than ten minutes.
        """
        self._check_open()
        count = round(check_within(seconds, (0.0, LIVE_LOST), "What was lost", "seconds") * self.rate)
        self._intake.faults["lost"] += 1
        blocks = (min(self.rate, count - at) for at in range(0, count, self.rate))
        return self._joined([self._take(np.zeros(block, np.float32), hurry=True) for block in blocks])

    def guide(
        self,
        emotion: Any = None,
        *,
        text: str | None = None,
        image: Any = None,
        intensity: float | None = None,
        timeline: Sequence[Any] | None = None,
        within: float = 0.3,
    ) -> None:
        """Guide the face otherwise from the next frame on.

        Args:
            emotion, text, image: a new guidance as of `Model.live`, in place of the one before and its timeline.
            intensity: a new one, 0 to 4; None leaves it.
            timeline: moods over time in seconds of the stream, over the new guidance, or over the one there is.
            within: seconds over which the one cross-fades into the other; 0 is a cut, and the face jumps.

        Raises:
            GuidanceError, SettingError: of `Model.live`, or the stream has ended; nothing changes then.
        """
        self._check_open()
        fade = round(check_within(within, (0.0, _MOST_FADE), "within", "seconds") * FPS)
        guidance = None
        if emotion is not None or text is not None or image is not None:
            guidance = self._guide(emotion, text=text, image=image)
        if timeline is not None:
            base = self._mood.guidance if guidance is None else guidance
            base = base.base if isinstance(base, Timeline) else base
            guidance = Timeline.of(base, spans_of(timeline), self._of_span)
        if guidance is not None:
            check_live(guidance, self._vectors)
        level = None if intensity is None else _intensity(intensity)
        if guidance is not None or level is not None:
            self._mood.change(guidance, level, self._given, fade)

    def finish(self) -> Frames:
        """End the stream: the frames up to the end of its sound. Nothing can be pushed after that."""
        self._check_open()
        total = self._intake.samples * FPS // RATE
        found = [self._take(np.zeros(0, np.float32), last=True)]
        self._ended = True
        if len(self._pending):
            missing = self._hops * HOP - len(self._pending)
            found.append(self._advance(np.concatenate([self._pending, np.zeros(missing, np.float32)]), total))
        while self._given < total:  # what comes after the end is silence
            found.append(self._advance(np.zeros(self._hops * HOP, np.float32), total))
        return self._joined(found)

    def facts(self) -> dict[str, Any]:
        """The `meta` of a rig that is made of the frames."""
        return {
            "medtalk": __version__,
            "bundle": {"name": self._bundle.name, "sha256": self._bundle.sha256},
            "source": {"name": self._name, "seconds": self.seconds, "rate": self.rate},
            "transcript": "",
            **self._mood.meta(),
            "finishing": asdict(self.finishing),
            "region": self.region,
            "live": {"look_ahead": self.look_ahead, "step": self.step, "faults": self.faults},
        }

    def _check_open(self) -> None:
        if self._ended:
            raise SettingError("The live stream has ended.", "Make another one with Model.live.")

    def _of_span(self, span: Span) -> Guidance:
        return self._guide(span.emotion, text=span.text or None, image=span.image or None, name=span.image_name or None)

    def _joined(self, found: Sequence[Frames]) -> Frames:
        count = sum(len(each) for each in found)
        values = np.concatenate([np.zeros((0, N_CHANNELS), np.float32), *(each.values for each in found)])
        head = None
        if self.head:
            turns = [each.head for each in found if each.head is not None]
            head = np.concatenate([np.zeros((0, 3), np.float32), *turns])
        return Frames(self._given - count, values, head)

    def _take(self, mono: NDArray[np.float32], hurry: bool = False, last: bool = False) -> Frames:
        """Every whole step of what is there."""
        self._pending = np.concatenate([self._pending, self._intake.take(mono, last)])
        step = self._hops * HOP
        size = max(min(len(self._pending), RATE) // step, 1) * step if hurry else step
        found, at = [], 0
        while (left := len(self._pending) - at) >= step:
            piece = min(left // step * step, size)
            found.append(self._advance(self._pending[at : at + piece], hurry=hurry))
            at += piece
        self._pending = self._pending[at:]
        return self._joined(found)

    def _advance(self, samples: NDArray[np.float32], total: int | None = None, hurry: bool = False) -> Frames:
        """The work of one step, or of several in a hurry."""
        self._heard += len(samples)
        self._states.hear(samples, hurry)
        self._voice.hear(samples)
        ready = self._heard * FPS // RATE - self._ahead + 1
        until = min(max(ready, self._given), self._heard * FPS // RATE if total is None else total)
        if until <= self._given or not self._voice.known:
            return self._joined([])
        new = until - self._given
        low = max(self._given - BACK, 0)
        frames = np.arange(low, max(self._states.known, until))
        before = self._given - low
        features, posteriors = self._states.at(frames)
        voice = self._voice.now()
        rows = np.clip(frames - voice.first, 0, len(voice.prosody) - 1)
        activity = voice.activity[rows] * presence.activity(posteriors)
        gate = presence.gate(activity)
        sure = max(self._states.sure - low, before + new)
        lips = self._lips.next((posteriors * gate[:, None])[:sure], before, new)

        ahead = min(self._finish.ahead, len(frames) - before - new)
        sound = np.concatenate([features, voice.effort[rows, None]], axis=1)
        content = self._decoding.content(sound, posteriors, before, new, ahead, hurry)
        now, soon = slice(before, before + new), slice(before, before + new + ahead)
        prosody, effort, spoken = voice.prosody[rows[now]], voice.effort[rows[now]], activity[now]
        intensity = self._decoding.intensity(np.concatenate([prosody, posteriors[now]], axis=1), gate[now], spoken)
        accents = self._accented(voice, activity[: max(self._voice.known - low, 0)], low)
        columns = np.stack([intensity, effort, prosody[:, _PITCH], spoken]).astype(np.float32)
        raw, strong, shaking = self._decoding.decode(content, columns, accents, 1.0 - gate[soon], frames[soon])
        scaled = self._mood.scale(frames[now]).any()
        values, turn = self._finish.next(
            raw[:new],
            raw[new:],
            activity=spoken,
            effort=effort,
            accents=accents,
            lips=lips,
            mood=self._mood.moods(frames[now]) if scaled else None,
            strength=strong[:new],
            shaking=shaking[:new],
        )
        measured = min(until, self._voice.known)
        learned = slice(self._voice.learned - low, measured - low)
        self._voice.learn(activity[learned], voice)
        self._speaking = bool(gate[before + new - 1] > 0.5)
        first, self._given = self._given, until
        return Frames(first, in_region(values, self.region), turn if self.head else None)

    def _accented(self, voice: Voice, activity: NDArray[np.float32], low: int) -> list[Accent]:
        """The accents that are found now, of which the last dip in loudness is heard; `activity` begins at `low`."""
        spoken = voice.activity.copy()
        spoken[max(low - voice.first, 0) :] = activity[max(voice.first - low, 0) :]
        last = self._accents[-1].time + APART if self._accents else -1.0
        since = max(math.floor(last * FPS) + 1, self._given - _LATEST) - voice.first
        found = []
        for accent in accents(voice.prosody, spoken, max(since, 0), ended=False):
            moved = accent._replace(time=accent.time + voice.first / FPS)
            if moved.time > last:
                found.append(moved)
                last = moved.time + APART
        self._accents = [*self._accents, *found][-1:]
        return found


def _intensity(value: object) -> float:
    require(value, Real, "intensity", f"a number from 0 to {MAX_INTENSITY:g}")
    return float(check_range(value, "intensity", MAX_INTENSITY))  # pyright: ignore[reportArgumentType]
