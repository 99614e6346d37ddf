"""A live face: samples in, frames out, in steps of a fixed length, so that it matters nowhere how the sound is cut."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from medtalk.dynamics import MOUTH_DELAY, PAUSING, PLAIN
from medtalk.engine.compact import CompactEngine
from medtalk.engine.live_ear import HOP, open_live_ear
from medtalk.errors import BundleError, GuidanceError, SettingError, require
from medtalk.features.listening import FPS as STATES
from medtalk.features.listening import at_places
from medtalk.finishing import Finishing, presence
from medtalk.finishing.closures import Closures
from medtalk.guidance import LABELS, Guidance, Part
from medtalk.kinds import drift
from medtalk.limits import LIVE_LOOK_AHEAD, LIVE_RATES, LIVE_STEP, MAX_INTENSITY, check_range, check_region
from medtalk.live.intake import Intake
from medtalk.live.lips import RunningLips
from medtalk.live.mood import Face, RunningMood, check_live
from medtalk.live.plain import PlainFinishing
from medtalk.live.voice import RunningVoice
from medtalk.rates import FPS, RATE
from medtalk.rig.channels import N_CHANNELS, in_region
from medtalk.timeline import Span, Timeline, spans_of
from medtalk.version import __version__

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from medtalk.bundle import Bundle

BACK = 60
"""Frames before the new ones that decisions look back on: the longest closure, and the gate around speech."""
_CONTEXT = 12  # frames to either side that ACM sees in the bundle that ships; others see fewer
_MIDDLE = 61  # rows, in the middle of which CMF is asked: it is told where in a clip a frame is
_DELAY = round(MOUTH_DELAY * FPS)
_KIND_STREAM = 20  # as of a performance
_MOST_FADE = 60.0  # seconds
_MOST_LOST = 600.0  # seconds


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
        look_ahead, step: seconds, as they are used (of a step 10 ms are the least part).
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
        self.look_ahead = _within(look_ahead, LIVE_LOOK_AHEAD, "look_ahead", "seconds")
        self._hops = max(round(_within(step, LIVE_STEP, "step", "seconds") * RATE / HOP), 1)
        self.step = self._hops * HOP / RATE
        if isinstance(rate, bool) or not isinstance(rate, Real) or rate != int(rate):
            raise SettingError(f"rate is {rate}; valid are whole samples a second.")
        self.rate = int(_within(rate, LIVE_RATES, "rate", "samples a second"))
        self.finishing, self.region = finishing, region
        self._engine, self._bundle, self._name = engine, bundle, name
        self._guide, self._kinds = guide, dict(kinds or {})
        self._vectors = kind_vectors
        self._check(guidance)
        self._mood = RunningMood(guidance, _intensity(intensity), kind_vectors)
        self._intake = Intake(self.rate, name)
        self._pending = np.zeros(0, np.float32)  # 16 kHz, less than a step
        self._heard = 0  # samples at 16 kHz that were taken
        self._ended = False
        self._given = 0  # frames
        self._ear = open_live_ear(engine, self.look_ahead)
        self._states = 0  # number of the first state that is kept
        self._features = np.zeros((0, 0), np.float32)
        self._posteriors = np.zeros((0, 0), np.float32)
        self._voice = RunningVoice()
        self._lips = RunningLips()
        self._felt = np.full(_DELAY, PAUSING / PLAIN, np.float32)  # strength that is to come
        self._finish = PlainFinishing(finishing)

    @property
    def delay(self) -> float:
        """Seconds of sound after a sample until the frame that shows it is given, at most."""
        return self.look_ahead + self.step + self._intake.delay

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
        """What was wrong with the sound: `not_numbers` (samples that were heard as silence), `lost` (calls of `skip`)."""
        return dict(self._intake.faults)

    def push(self, samples: ArrayLike) -> Frames:
        """Hear the next samples, and give the frames that are ready, which may be none.

        Args:
            samples: (n,) or (n, channels), of which the mean is heard; floats of full scale 1 or integers, any n.

        Raises:
            AudioError: what cannot be such samples. Nothing of them is heard then.
            SettingError: the stream has ended.
        """
        self._check_open()
        data = self._intake.check(samples)
        # A program that speaks may push a minute at once: as much as that is never held a second time.
        found = [self._take(self._intake.mono(data[at : at + self.rate])) for at in range(0, len(data), self.rate)]
        return self._joined(found)

    def skip(self, seconds: float) -> Frames:
        """So much sound was lost: it is heard as silence, so that times stay true. Gives frames as `push` does."""
        self._check_open()
        count = round(_within(seconds, (0.0, _MOST_LOST), "What was lost", "seconds") * self.rate)
        self._intake.faults["lost"] += 1
        blocks = (min(self.rate, count - at) for at in range(0, count, self.rate))
        return self._joined([self._take(np.zeros(block, np.float32)) for block in blocks])

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
            within: seconds over which the one cross-fades into the other.

        Raises:
            GuidanceError, SettingError: of `Model.live`; nothing changes then.
        """
        fade = round(_within(within, (0.0, _MOST_FADE), "within", "seconds") * FPS)
        guidance = None
        if emotion is not None or text is not None or image is not None:
            guidance = self._guide(emotion, text=text, image=image)
        if timeline is not None:
            base = self._mood.guidance if guidance is None else guidance
            base = base.base if isinstance(base, Timeline) else base
            guidance = Timeline.of(base, spans_of(timeline), self._of_span)
        if guidance is not None:
            self._check(guidance)
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

    def _check(self, guidance: Guidance) -> None:
        check_live(guidance)
        members = (
            (guidance.base, *(each for _, each in guidance.spans)) if isinstance(guidance, Timeline) else (guidance,)
        )
        for member in members:
            if any(part.engine is not None for part in member.parts(_NoFrames(self._vectors))):
                raise GuidanceError("The guidance was made by another model.", "Make it with this stream's own.")

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

    def _take(self, mono: NDArray[np.float32], last: bool = False) -> Frames:
        """Every whole step of what is there."""
        self._pending = np.concatenate([self._pending, self._intake.take(mono, last)])
        size, found, at = self._hops * HOP, [], 0
        while len(self._pending) - at >= size:
            found.append(self._advance(self._pending[at : at + size]))
            at += size
        self._pending = self._pending[at:]
        return self._joined(found)

    def _advance(self, samples: NDArray[np.float32], total: int | None = None) -> Frames:
        """The work of one step."""
        self._heard += len(samples)
        self._hear(samples)
        ready = math.floor((self._heard / RATE - self.look_ahead) * FPS + 1e-6) + 1
        until = min(max(ready, self._given), self._heard * FPS // RATE if total is None else total)
        if until <= self._given:
            return self._joined([])
        new = until - self._given
        low = max(self._given - BACK, 0)
        known = (self._states + len(self._posteriors) - 1) * FPS // STATES + 1
        frames = np.arange(low, max(known, until))
        before = self._given - low
        places = frames * (STATES / FPS) - self._states
        posteriors = at_places(self._posteriors, places)
        voice = self._voice.now()
        rows = np.clip(frames - voice.first, 0, len(voice.prosody) - 1)
        activity = voice.activity[rows] * presence.activity(posteriors)
        gate = presence.gate(activity)
        lips, lips_ahead = self._lips.next(posteriors * gate[:, None], before, new)

        ahead = min(self._finish.ahead, len(frames) - before - new)
        around = slice(max(before - _CONTEXT, 0), None)
        sound = np.concatenate([at_places(self._features, places[around]), voice.effort[rows[around], None]], axis=1)
        content = self._engine.content(sound, posteriors[around])[before - around.start :][: new + ahead]
        now = slice(before, before + new)
        soon = slice(before, before + new + ahead)
        heard = np.concatenate([voice.prosody[rows[now]], posteriors[now]], axis=1)
        intensity = gate[now] * self._predicted(heard) + (1.0 - gate[now]) * np.float32(PAUSING)
        felt = np.concatenate([self._felt, intensity / np.float32(PLAIN)])  # as it is shown, late by the mouth's delay
        self._felt = felt[new:]
        felt = np.concatenate([felt[: new + ahead], np.repeat(felt[-1:], max(new + ahead - len(felt), 0))])
        raw, strong, shaking = self._decode(content, felt, 1.0 - gate[soon], frames[soon])
        values, turn = self._finish.next(
            raw[:new],
            raw[new:],
            activity=activity[now],
            effort=voice.effort[rows[now]],
            accents=(),
            lips=lips,
            lips_ahead=_first(lips_ahead, ahead),
            mood=self._mood.moods(frames[now]),
            strength=strong[:new],
            shaking=shaking[:new],
        )
        measured = min(until, self._voice.known)
        learned = slice(self._voice.learned - low, measured - low)
        self._voice.learn(activity[learned])
        first, self._given = self._given, until
        return Frames(first, in_region(values, self.region), turn if self.head else None)

    def _hear(self, samples: NDArray[np.float32]) -> None:
        heard = self._ear.hear(samples)
        kept = heard.first - self._states
        spare = max(kept + len(heard.features) - 2 * BACK, 0)
        if self._features.size == 0:
            self._features = np.zeros((0, heard.features.shape[1]), np.float32)
            self._posteriors = np.zeros((0, heard.posteriors.shape[1]), np.float32)
        self._features = np.concatenate([self._features[:kept], heard.features])[spare:]
        self._posteriors = np.concatenate([self._posteriors[:kept], heard.posteriors])[spare:]
        self._states += spare
        self._voice.hear(samples)

    def _predicted(self, heard: NDArray[np.float32]) -> NDArray[np.float32]:
        """CMF's intensity (N,) of emotion features (N, 51) without words, as of the middle of a clip."""
        out = np.empty(len(heard), np.float32)
        for at in range(0, len(heard), 9):
            part = heard[at : at + 9]
            first = (_MIDDLE - len(part)) // 2
            rows = np.zeros((_MIDDLE, heard.shape[1]), np.float32)
            rows[first : first + len(part)] = part
            found = self._engine.intensity(rows, "")
            out[at : at + 9] = found[first : first + len(part)]
        return out

    def _decode(
        self, content: NDArray, felt: NDArray, quiet: NDArray, frames: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """The raw rig (N, 174) of frames, how strongly it is felt (N,) and how much it shakes (N,)."""
        raw = np.zeros((len(content), N_CHANNELS), np.float32)
        strong, shaking = np.zeros(len(content), np.float32), np.zeros(len(content), np.float32)
        scale = self._mood.scale(frames)
        for face in self._mood.faces(frames):
            if not face.weight.any():
                continue
            weight = face.weight.astype(np.float32)
            own = (felt * scale * face.strength).astype(np.float32)
            vectors = self._kinds_of(face, frames)
            shown = self._engine.decode(content, vectors, own)
            at = np.flatnonzero(quiet)
            if len(at):  # where nobody speaks the mouth keeps its mood, and articulates nothing
                calm = self._engine.decode(content[at], vectors[at], 0.0 * own[at])
                shown[np.ix_(at, presence.ARTICULATION)] -= quiet[at, None] * calm[:, presence.ARTICULATION]
            raw += weight[:, None] * shown
            strong += weight * own
            shaking += weight * np.float32(face.part.dynamics.shake)
        return raw, strong, shaking

    def _kinds_of(self, face: Face, frames: NDArray[np.int64]) -> NDArray[np.float32]:
        """The emotion vectors (N, 256) of a face at some frames."""
        part = face.part
        if not self.finishing.life:
            return np.repeat(part.vectors.mean(axis=0)[None], len(frames), axis=0)
        part: Part = part._replace(kind=self._kinds.get(part.label, part.kind))
        own = LABELS.index(part.label) if part.label else len(LABELS)
        rng = np.random.default_rng([self.finishing.seed, _KIND_STREAM, own])
        shares = drift(len(frames), len(part.vectors), rng, part.leader, part.far, int(frames[0]))
        return shares @ part.vectors


class _NoFrames:
    """What a guidance is asked for its parts with, where no frame is meant."""

    def __init__(self, kind_vectors: NDArray) -> None:
        self.kind_vectors = kind_vectors
        self.felt: Any = None

    def __len__(self) -> int:
        return 0


def _first(lips: Closures, count: int) -> Closures:
    return Closures(lips.seal[:count].copy(), lips.press[:count].copy(), lips.bite[:count].copy())


def _intensity(value: object) -> float:
    require(value, Real, "intensity", f"a number from 0 to {MAX_INTENSITY:g}")
    return float(check_range(value, "intensity", MAX_INTENSITY))  # pyright: ignore[reportArgumentType]


def _within(value: object, limits: tuple[float, float], what: str, unit: str) -> float:
    """A number within limits; `SettingError` otherwise."""
    require(value, Real, what, f"{limits[0]:g} to {limits[1]:g} {unit}")
    number = float(value)  # pyright: ignore[reportArgumentType]
    if isinstance(value, bool) or not limits[0] <= number <= limits[1]:
        raise SettingError(f"{what} is {number:g}; valid are {limits[0]:g} to {limits[1]:g} {unit}.")
    return number
