"""A take: one sound, animated as `Settings` ask. The command line and the sidecar both make it here."""

from __future__ import annotations

import math
from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from medtalk.errors import GuidanceError, SettingError, require
from medtalk.finishing import Finishing
from medtalk.guidance import NEUTRAL, Guidance, check_beside, check_text, guidance_of, is_auto
from medtalk.limits import MAX_INTENSITY, check_range, check_region
from medtalk.persona import dressed
from medtalk.rates import FPS
from medtalk.tags import Tag, read_tags, spoken, tagged_spans
from medtalk.timeline import Timeline, spans_of
from medtalk_wire import settings as wire
from medtalk_wire.settings import Settings, knobs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.perform import Model, Performance
    from medtalk.rig import RigSequence

CURVE_MODES = next(knob.choices for knob in knobs(Settings) if knob.name == "curve_mode")


def checked(settings: Settings) -> Settings:
    """The settings, with all that can be judged without a model judged: refused before any work is done.

    Texts come without blanks around them, `finishing` as `medtalk.finishing.Finishing`, the curve as float32, the
    timeline as `medtalk.timeline.Span`s. What a persona gives is in its place.

    Raises:
        GuidanceError: an emotion, text or picture that is not valid, or that cannot be mixed.
        SettingError: an intensity, curve, span, frame rate, region or finishing that is not valid.
    """
    for knob in knobs(Settings):
        value: Any = getattr(settings, knob.name)
        if knob.kind in (str, float, bool) and not (value is None and knob.optional) and knob.name != "emotion":
            kind = Real if knob.kind is float else knob.kind
            require(value, kind, knob.name, {str: "a text", float: "a number"}.get(knob.kind, "True or False"))
        low, high = knob.limits or (-math.inf, math.inf)
        if knob.limits and value is not None and not low <= value <= high:
            raise SettingError(f"{knob.name} is {value:g}; valid are {low:g} to {high:g}.")
    require(settings.finishing, wire.Finishing, "finishing", "a Finishing")
    settings = dressed(settings)
    if settings.text and settings.image:
        raise GuidanceError("Text and picture are both set.", "Clear one.")
    if settings.emotion is not None:
        if not (settings.text or settings.image):
            guidance_of(settings.emotion)
        elif is_auto(settings.emotion):
            raise GuidanceError("The emotion auto cannot be mixed with a text or picture.", "Leave one of them out.")
        else:
            check_beside(settings.emotion)
    _tags(settings)
    check_region(settings.region)
    if not _is_span(settings.span):
        raise SettingError("The span is invalid; valid are [start, end] in seconds, with 0 <= start < end.")
    return replace(
        settings,
        text=check_text(settings.text) if settings.text else "",
        language=settings.language.strip(),
        curve=_checked_curve(settings),
        finishing=Finishing(**vars(settings.finishing)),
        timeline=None if settings.timeline is None else spans_of(settings.timeline),
    )


def _checked_curve(settings: Settings) -> NDArray[np.float32] | None:
    if settings.curve_mode not in CURVE_MODES:
        raise SettingError(f"curve_mode is {settings.curve_mode[:40]!r}; valid are {', '.join(CURVE_MODES)}.")
    if settings.curve is None:
        return None
    curve = check_range(settings.curve, "The intensity curve", np.inf)
    if curve.ndim == 1:
        check_range(curve, "The intensity curve")
    if not (curve.ndim == 1 or (curve.ndim == 2 and curve.shape[1] == 2 and len(curve))):
        raise SettingError(
            f"The intensity curve has shape {curve.shape}; valid are (T,), one value a frame, and (N, 2), rows of time "
            "and value."
        )
    if curve.ndim == 2 and not (np.diff(curve[:, 0]) > 0.0).all():
        raise SettingError("The times of the intensity curve are not in order.", "Sort its rows by time.")
    if curve.ndim == 2 and (high := curve[curve[:, 1] > MAX_INTENSITY]).size:
        check_range(high[0, 1], f"The intensity curve at {high[0, 0]:g} s")
    return curve


def _curve_over(curve: NDArray[np.float32], performance: Performance) -> NDArray[np.float32]:
    """An intensity curve as one value a frame (T,); SettingError where it does not fit the sound."""
    frames = len(performance)
    if curve.ndim == 2:
        if (last := float(curve[-1, 0])) > performance.seconds + 1.0 / FPS:
            raise SettingError(
                f"The intensity curve has a point at {last:g} s; this sound lasts {performance.seconds:.3f} s.",
                "Times are seconds of the whole sound.",
            )
        return np.interp(np.arange(frames) / FPS, curve[:, 0], curve[:, 1]).astype(np.float32)
    if len(curve) != frames:
        raise SettingError(
            f"The intensity curve has {len(curve)} values; this sound has {frames} frames.",
            "Give one value for each 60 fps frame of the whole sound, or rows of time and value.",
        )
    return curve


def hears_voice(settings: Settings) -> bool:
    """Whether the emotion of the voice is asked for, in the whole take or in a span of checked settings."""
    named = [settings.emotion, *(span.emotion for span in settings.timeline or ())]
    return any(map(is_auto, (*named, *(tag.emotion for tag in _tags(settings)))))


def _tags(settings: Settings) -> tuple[Tag, ...]:
    return read_tags(settings.transcript)[1] if settings.transcript else ()


def _is_span(span: Any) -> bool:
    if span is None:
        return True
    if not isinstance(span, list | tuple) or len(span) != 2:
        return False
    start, end = span
    numbers = [start] if end is None else [start, end]
    if not all(isinstance(each, int | float) and math.isfinite(each) for each in numbers):
        return False
    return start >= 0.0 and (end is None or end > start)


def take(performance: Performance, guidance: Guidance, settings: Settings) -> RigSequence:
    """The rig of a performance as checked settings ask.

    Raises:
        SettingError: an intensity curve that does not fit the sound.
        GuidanceError: a tag of the transcript whose words were not found in the sound.
        And what `Performance.decode` raises.
    """
    assert isinstance(settings.finishing, Finishing), "of checked settings"
    if (tags := _tags(settings)) and performance.activity.any():
        inner = guidance if isinstance(guidance, Timeline) else Timeline(guidance, ())
        spans = tagged_spans(tags, performance.words, performance.places)
        guidance = Timeline(
            inner.base, (*inner.spans, *((span, guidance_of(span.emotion or NEUTRAL)) for span in spans))
        )
    intensity: float | NDArray = settings.intensity
    if settings.curve is not None and settings.curve_mode == "multiply":
        intensity = np.minimum(intensity * _curve_over(settings.curve, performance), MAX_INTENSITY)
    rig = performance.decode(
        guidance, intensity, settings.finishing, settings.region, (settings.persona or {}).get("kinds")
    )
    if settings.persona is not None and (name := settings.persona.get("name")):
        rig = rig.with_meta(persona=name)
    if settings.fps != rig.fps:
        rig = rig.resample(settings.fps)
    if settings.span is not None and tuple(settings.span) != (0.0, None):
        rig = rig.slice(*settings.span).with_meta(span=settings.span)
    return rig


def guided(model: Model, settings: Settings, features: NDArray | None = None) -> Guidance:
    """The guidance that checked settings ask for; `features` are CLIP's of their text or picture."""
    emotion = settings.emotion
    if emotion is None and not (settings.text or settings.image):
        emotion = "neutral"
    return model.guide(
        emotion, text=settings.text or None, image=settings.image or None, features=features, timeline=settings.timeline
    )


def informed(performance: Performance, settings: Settings) -> Performance:
    """The performance with the words and the intensity that the settings give; a curve that multiplies is `take`'s."""
    if settings.transcript is not None:
        performance = performance.with_transcript(spoken(settings.transcript) or "")
    if settings.curve is None or settings.curve_mode == "multiply":
        return performance
    return performance.with_intensity(_curve_over(settings.curve, performance))
