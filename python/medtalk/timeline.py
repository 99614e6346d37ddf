"""Moods over time: spans of a sound, each with a guidance of its own, over the take's own emotion.

At every moment one guidance leads: that of the span that began last and has not ended, or, where there is none, the
take's own emotion (the base). Where the lead changes, the one cross-fades into the other, half before that moment and
half after it: over the fade of the span that begins there, or, where none begins, of the one that ends. A fade is never
longer than its span. A span that starts at 0 leads from the first frame on.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from medtalk.errors import GuidanceError, MedtalkError, SettingError
from medtalk.guidance import MOODS, Guidance, Part, PerformanceLike, Voice, check_text, guidance_of
from medtalk.limits import MAX_INTENSITY
from medtalk.rates import FPS
from medtalk_wire.settings import FADE, MAX_FADE, MAX_POINTS, MAX_SPANS, SPAN_FIELDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

_KINDS = ("emotion", "text", "image")
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:\.\d*)?)")


@dataclass(frozen=True)
class Span:
    """A stretch of a sound with a mood of its own. Make them with `spans_of`.

    Attributes:
        start, end: in seconds of the whole sound; an `end` of inf is the end of the sound.
        emotion, text, image: one of the three, as in `medtalk_wire.Settings`; the others are None, "" and b"".
        image_name: what the picture is called in `meta`.
        intensity: multiplies the intensity, 0 to 4: a number, or points (time in s, value) with straight lines between
            them; outside them it is held.
        fade: seconds of its cross-fades.
        where: how messages call it.
    """

    start: float
    end: float = math.inf
    emotion: str | Mapping[str, float] | None = field(default=None, hash=False)
    text: str = ""
    image: bytes | Path = field(default=b"", repr=False)
    image_name: str = ""
    intensity: float | tuple[tuple[float, float], ...] = 1.0
    fade: float = FADE
    where: str = field(default="The span", compare=False)

    def mapping(self) -> dict[str, Any]:
        """The span as `spans_of` takes it, without what is the default; its picture as it is."""
        found: dict[str, Any] = {"start": self.start}
        if self.end < math.inf:
            found["end"] = self.end
        values = {"emotion": self.emotion, "text": self.text, "image": self.image, "image_name": self.image_name}
        found |= {name: value for name, value in values.items() if value}
        if self.intensity != 1.0:
            found["intensity"] = (
                [list(each) for each in self.intensity] if isinstance(self.intensity, tuple) else (self.intensity)
            )
        return found if self.fade == FADE else {**found, "fade": self.fade}

    def meta(self) -> dict[str, Any]:
        """The span in a rig's `meta`: as `mapping`, with the name of a picture in place of its bytes."""
        found = {name: value for name, value in self.mapping().items() if name != "image_name"}
        return {**found, "image": self.image_name or "picture"} if self.image else found

    def level(self, frames: int) -> float | NDArray[np.float32]:
        """What multiplies the intensity: a number, or (T,) at 60 fps."""
        return self.level_at(np.arange(frames) / FPS)

    def level_at(self, times: NDArray[np.float64]) -> float | NDArray[np.float32]:
        """What multiplies the intensity at times (N,) in seconds: a number, or (N,)."""
        if not isinstance(self.intensity, tuple):
            return self.intensity
        at, values = np.array(self.intensity).T
        return np.interp(times, at, values).astype(np.float32)


class _Lead(NamedTuple):
    """From `start` on, by a fade of `fade` seconds around it, the span of a number leads; -1 is the base."""

    start: float
    number: int
    fade: float


@dataclass(frozen=True, eq=False)
class Timeline(Guidance):
    """Guidances over time.

    Attributes:
        base: leads where no span does.
        spans: each with what it is guided by. Of two that start together the later one in the tuple leads.
    """

    base: Guidance
    spans: tuple[tuple[Span, Guidance], ...]

    @classmethod
    def of(cls, base: Guidance, spans: Sequence[Span], guide: Callable[[Span], Guidance]) -> Timeline:
        """The timeline of checked spans; `guide` makes the guidance of one. Errors say which span is meant."""
        if isinstance(base, cls):
            raise GuidanceError("The emotion is a timeline already.", "Put all spans into one.")
        made = []
        for span in spans:
            with within(span.where):
                made.append((span, guide(span)))
        return cls(base, tuple(made))

    def heard_in(self, performance: PerformanceLike) -> Timeline:
        spans = tuple((span, guidance.heard_in(performance)) for span, guidance in self.spans)
        return Timeline(self.base.heard_in(performance), spans)

    def parts(self, performance: PerformanceLike) -> tuple[Part, ...]:
        found = []
        for number, share in self._shares(performance):
            guidance = self.base if number < 0 else self.spans[number][1]
            level = 1.0 if number < 0 else self.spans[number][0].level(len(performance))
            found += [
                part._replace(weight=part.weight * share, strength=part.strength * level)
                for part in guidance.parts(performance)
            ]
        return tuple(found)

    def weights_of(self, performance: PerformanceLike) -> dict[str, float]:
        """Means over time."""
        total: dict[str, float] = {}
        for share, weights in self.moods(performance):
            for mood, weight in weights.items():
                total[mood] = total.get(mood, 0.0) + weight * float(np.mean(share, dtype=np.float64))
        return {mood: total[mood] for mood in MOODS if mood in total}

    def moods(self, performance: PerformanceLike) -> tuple[tuple[NDArray[np.float32], dict[str, float]], ...]:
        found: dict[tuple[tuple[str, float], ...], NDArray[np.float32]] = {}
        for number, share in self._shares(performance):
            guidance = self.base if number < 0 else self.spans[number][1]
            weights = tuple(guidance.weights_of(performance).items())
            found[weights] = found[weights] + share if weights in found else share
        return tuple((share, dict(weights)) for weights, share in found.items())

    def meta(self) -> dict[str, Any]:
        """As of its base, with `timeline`: all spans as `spans_of` takes them. `voice` is what their auto heard."""
        found = self.base.meta()
        notes = [found.pop("note", ""), *(guidance.meta().get("note", "") for _, guidance in self.spans)]
        found["timeline"] = [span.meta() for span, _ in self.spans]
        felt = next((each.felt for _, each in self.spans if isinstance(each, Voice) and each.felt), None)
        if felt is not None and not isinstance(self.base, Voice):
            found["voice"] = felt.meta()
        return {**found, "note": " ".join(dict.fromkeys(filter(None, notes)))}

    def shares_at(
        self, times: NDArray[np.float64]
    ) -> list[tuple[Guidance, NDArray[np.float32], float | NDArray[np.float32]]]:
        """Who leads at some times (N,) in seconds, one after the other: guidances, each with its share, which sum to 1
        at each time, and what multiplies the intensity."""
        shares: dict[int, NDArray[np.float32]] = {}
        left = np.ones(len(times), np.float32)
        last = float(times.max(initial=0.0)) + 1e-6
        for lead in reversed(self._leads):
            if lead.start - lead.fade / 2.0 > last:  # what is to come
                continue
            rise = _rise(times - lead.start, lead.fade if lead.start > 0.0 else 0.0)
            shares[lead.number] = shares.get(lead.number, np.float32(0.0)) + rise * left
            left *= 1.0 - rise
            if not left.any():
                break
        found = []
        for number, share in sorted(shares.items()):
            if share.any():
                span, guidance = self.spans[number] if number >= 0 else (None, self.base)
                found.append((guidance, share, 1.0 if span is None else span.level_at(times)))
        return found

    @cached_property
    def _leads(self) -> list[_Lead]:
        """Found once: a stream asks several times a step."""
        return _leads([span for span, _ in self.spans])

    def _shares(self, performance: PerformanceLike) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """The spans that show, by number (-1 is the base), each with its weights (T,), which sum to 1 at each frame."""
        frames = len(performance)
        for span, _ in self.spans:
            if span.start >= frames / FPS:
                raise SettingError(
                    f"{span.where} starts at {span.start:g} s, but the sound ends at {frames / FPS:.3f} s.",
                    "Leave it out, or move it.",
                )
        shares: dict[int, NDArray[np.float32]] = {}
        left = np.ones(frames, np.float32)  # what later leads leave
        end = frames  # the first frame of which they leave nothing
        for lead in reversed(self._leads):
            first = max(math.ceil((lead.start - lead.fade / 2.0) * FPS - 1e-9), 0) if lead.start > 0.0 else 0
            if first >= end:
                continue
            rise = _rise(np.arange(first, end) / FPS - lead.start, lead.fade if lead.start > 0.0 else 0.0)
            share = shares.setdefault(lead.number, np.zeros(frames, np.float32))
            share[first:end] += rise * left[first:end]
            left[first:end] *= 1.0 - rise
            end = first + int(np.argmax(rise >= 1.0)) if rise[-1] >= 1.0 else end
        yield from sorted(shares.items())


def _rise(times: NDArray[np.float64], fade: float) -> NDArray[np.float32]:
    """From 0 to 1 over `fade` seconds around time 0, smoothly; at once for a fade of 0."""
    if fade <= 0.0:
        return (times >= -1e-9).astype(np.float32)
    done = np.clip(times / fade + 0.5, 0.0, 1.0)
    return (done * done * (3.0 - 2.0 * done)).astype(np.float32)


def _leads(spans: Sequence[Span]) -> list[_Lead]:
    """Who leads from when on, in the order of time. The base leads before the first span."""
    leads = [_Lead(0.0, -1, 0.0)]
    for moment in sorted({time for span in spans for time in (span.start, span.end) if time < math.inf}):
        now = [number for number, span in enumerate(spans) if span.start <= moment < span.end]
        number = max(now, key=lambda each: (spans[each].start, each), default=-1)
        if number != (before := leads[-1].number):
            begins = number >= 0 and spans[number].start == moment
            own = spans[number if begins else before]
            leads.append(_Lead(moment, number, min(own.fade, own.end - own.start)))
    return leads


def spans_of(timeline: Sequence[Any], name: str = "The timeline") -> tuple[Span, ...]:
    """Checked spans of mappings with some of the names in `SPAN_FIELDS`.

    Args:
        timeline: the mappings, or spans that were checked before. Times are seconds of the whole sound, or texts such
            as "1:02.5"; an `end` of None is the end of the sound.
        name: what messages call the whole.

    Raises:
        GuidanceError, SettingError: what is wrong, where, and what is valid.
    """
    if isinstance(timeline, str | bytes | Mapping) or not isinstance(timeline, Sequence):
        raise SettingError(f"{name} is of type {type(timeline).__name__}; valid is a list of spans.")
    if len(timeline) > MAX_SPANS:
        raise SettingError(f"{name} has {len(timeline)} spans; at most {MAX_SPANS} are read.", "Split the sound.")
    spans = tuple(
        each if isinstance(each, Span) else span_of(each, f"{name}, span {number}")
        for number, each in enumerate(timeline, start=1)
    )
    points = sum(len(span.intensity) for span in spans if isinstance(span.intensity, tuple))
    if points > MAX_POINTS:
        raise SettingError(f"The intensities of {name} have {points} points; at most {MAX_POINTS} are read.")
    starts: dict[float, Span] = {}
    for span in spans:
        first = starts.setdefault(span.start, span)
        if first is not span:
            raise SettingError(
                f"{span.where} starts at {span.start:g} s, as does {_small(first.where)}.",
                "Of two spans the one that starts later leads: move one of them.",
            )
    return spans


def span_of(value: Any, where: str) -> Span:
    """The checked span of a mapping; `where` is how messages call it. Raises what `spans_of` does."""
    if not isinstance(value, Mapping):
        raise SettingError(f"{where} is of type {type(value).__name__}; valid is a mapping.", f"Names: {_NAMES}.")
    if unknown := [str(key) for key in value if key not in SPAN_FIELDS]:
        raise SettingError(f"{where} has the unknown name {unknown[0][:40]!r}; valid are {_NAMES}.")
    given = [kind for kind in _KINDS if value.get(kind) not in (None, "", b"")]
    if len(given) != 1:
        what = f"has {' and '.join(given)}" if given else "has no guidance"
        raise GuidanceError(f"{where} {what}; valid is exactly one of {', '.join(_KINDS)}.")
    if value.get("start") is None:
        raise SettingError(f"{where} has no start.", "Give it in seconds.")
    start = seconds_of(value["start"], f"{where}: start")
    end = math.inf if value.get("end") is None else seconds_of(value["end"], f"{where}: end")
    if end <= start:
        raise SettingError(f"{where} ends at {end:g} s, but starts at {start:g} s; valid is an end after the start.")
    fade = value.get("fade")
    fade = FADE if fade is None else _number(fade, f"{where}: fade", MAX_FADE)
    emotion, text, image = (value.get(kind) if kind in given else None for kind in _KINDS)
    with within(where):
        if emotion is not None:
            guidance_of(emotion)
        if text is not None:
            text = check_text(text)
        if image is not None and not isinstance(image, bytes | str | Path):
            raise GuidanceError(f"image is of type {type(image).__name__}; valid is a file.")
    shown = value.get("image_name") or ""
    if not isinstance(shown, str):
        raise SettingError(f"{where}: image_name is not a text.")
    if isinstance(image, str | Path):
        image = Path(image)
        shown = shown or image.name
    intensity = _level(value.get("intensity"), f"{where}: intensity")
    return Span(start, end, emotion, text or "", image or b"", shown, intensity, fade, where)


def seconds_of(value: Any, what: str) -> float:
    """A time in seconds, 0 or more, from a number or a text such as "62.5", "1:02.5" or "0:01:02.5"."""
    if isinstance(value, str):
        text = value.strip()
        if clock := _CLOCK.fullmatch(text):
            hours, minutes, seconds = clock.groups("0")
            return 3600.0 * int(hours) + 60.0 * int(minutes) + float(seconds)
        try:
            value = float(text)
        except ValueError:
            raise SettingError(f"{what} is {text[:40]!r}; valid are seconds, or minutes as in 1:02.5.") from None
    return _number(value, what, math.inf)


def _level(value: Any, what: str) -> float | tuple[tuple[float, float], ...]:
    """An intensity: a number, or points (time, value) in the order of time."""
    if value is None:
        return 1.0
    if isinstance(value, str) or not isinstance(value, Sequence):
        return _number(value, what, MAX_INTENSITY)
    points = []
    for point in value:
        if not isinstance(point, Sequence) or isinstance(point, str) or len(point) != 2:
            raise SettingError(f"{what} is invalid; valid are a number, or a list of points [time, value].")
        points.append((seconds_of(point[0], f"{what}: a time"), _number(point[1], f"{what}: a value", MAX_INTENSITY)))
    if not points or any(after[0] <= before[0] for before, after in itertools.pairwise(points)):
        raise SettingError(f"{what} has points out of order; valid are one or more, each later than the one before.")
    return tuple(points)


def _number(value: Any, what: str, most: float) -> float:
    """A number from 0 to `most`; a text may hold it."""
    if isinstance(value, str):
        with suppress(ValueError):
            value = float(value)
    try:
        number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    except OverflowError:
        number = math.inf
    if not (0.0 <= number <= most and number < math.inf):
        bound = f"numbers from 0 to {most:g}" if most < math.inf else "finite numbers, 0 or more"
        raise SettingError(f"{what} is {str(value)[:40]}; valid are {bound}.")
    return number


@contextmanager
def within(where: str) -> Iterator[None]:
    """Errors of the block begin with `where`."""
    try:
        yield
    except MedtalkError as error:
        error.message = f"{where}: {_small(error.message)}"
        raise


def _small(text: str) -> str:
    """As it stands within a sentence: an article is not written large."""
    return text[0].lower() + text[1:] if text.startswith(("The ", "Unknown ", "An ", "A ")) else text


_NAMES = ", ".join(SPAN_FIELDS)
