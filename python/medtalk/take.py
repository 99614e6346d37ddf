"""A take: one sound, animated as `Settings` ask. The command line and the sidecar both make it here."""

from __future__ import annotations

import math
from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from medtalk.errors import GuidanceError, SettingError, require
from medtalk.finishing import Finishing
from medtalk.guidance import Guidance, check_beside, check_text, guidance_of, is_auto
from medtalk.limits import check_range, check_region
from medtalk.timeline import spans_of
from medtalk_wire import settings as wire
from medtalk_wire.settings import Settings, knobs

if TYPE_CHECKING:
    from medtalk.perform import Performance
    from medtalk.rig import RigSequence


def checked(settings: Settings) -> Settings:
    """The settings, with all that can be judged without a model judged: refused before any work is done.

    Texts come without blanks around them, `finishing` as `medtalk.finishing.Finishing`, the curve as float32, the
    timeline as `medtalk.timeline.Span`s.

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
    if settings.text and settings.image:
        raise GuidanceError("Text and picture are both set.", "Clear one.")
    if settings.emotion is not None:
        if not (settings.text or settings.image):
            guidance_of(settings.emotion)
        elif is_auto(settings.emotion):
            raise GuidanceError("The emotion auto cannot be mixed with a text or picture.", "Leave one of them out.")
        else:
            check_beside(settings.emotion)
    check_region(settings.region)
    if not _is_span(settings.span):
        raise SettingError("The span is invalid; valid are [start, end] in seconds, with 0 <= start < end.")
    curve = None if settings.curve is None else check_range(settings.curve, "The intensity curve", np.inf)
    if curve is not None and curve.ndim != 1:
        raise SettingError(f"The intensity curve has shape {curve.shape}; valid is (T,), one value a frame.")
    return replace(
        settings,
        text=check_text(settings.text) if settings.text else "",
        language=settings.language.strip(),
        curve=curve,
        finishing=Finishing(**vars(settings.finishing)),
        timeline=None if settings.timeline is None else spans_of(settings.timeline),
    )


def hears_voice(settings: Settings) -> bool:
    """Whether the emotion of the voice is asked for, in the whole take or in a span of checked settings."""
    return is_auto(settings.emotion) or any(is_auto(span.emotion) for span in settings.timeline or ())


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
        SettingError: an intensity curve that does not fit the sound; and what `Performance.decode` raises.
    """
    assert isinstance(settings.finishing, Finishing), "of checked settings"
    rig = performance.decode(guidance, settings.intensity, settings.finishing, settings.region)
    if settings.fps != rig.fps:
        rig = rig.resample(settings.fps)
    if settings.span is not None and tuple(settings.span) != (0.0, None):
        rig = rig.slice(*settings.span).with_meta(span=settings.span)
    return rig


def informed(performance: Performance, settings: Settings) -> Performance:
    """The performance with the words and the intensity curve that the settings give."""
    if settings.transcript is not None:
        performance = performance.with_transcript(settings.transcript)
    if settings.curve is None:
        return performance
    if len(settings.curve) != len(performance):
        raise SettingError(
            f"The intensity curve has {len(settings.curve)} values; this sound has {len(performance)} frames.",
            "Give one value for each 60 fps frame of the whole sound.",
        )
    return performance.with_intensity(settings.curve)
