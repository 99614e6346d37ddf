"""A take: one sound, animated as `Settings` ask. The command line and the sidecar both make it here."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np

from medtalk.errors import GuidanceError, SettingError
from medtalk.finishing import Finishing
from medtalk.guidance import Guidance, check_beside, check_text, guidance_of, is_auto
from medtalk.limits import check_fps, check_range, check_region

if TYPE_CHECKING:
    from medtalk.perform import Performance
    from medtalk.rig import RigSequence
    from medtalk_wire.settings import Settings


def checked(settings: Settings) -> Settings:
    """The settings, with all that can be judged without a model judged: refused before any work is done.

    Texts come without blanks around them, `finishing` as `medtalk.finishing.Finishing`, the curve as float32.

    Raises:
        GuidanceError: an emotion, text or picture that is not valid, or that cannot be mixed.
        SettingError: an intensity, curve, span, frame rate, region or finishing that is not valid.
    """
    if settings.text and settings.image:
        raise GuidanceError("Text and picture are both set.", "Clear one.")
    if settings.emotion is not None:
        if not (settings.text or settings.image):
            guidance_of(settings.emotion)
        elif is_auto(settings.emotion):
            raise GuidanceError("The emotion auto cannot be mixed with a text or picture.", "Leave one of them out.")
        else:
            check_beside(settings.emotion)
    check_range(settings.intensity)
    check_fps(settings.fps)
    check_region(settings.region)
    start, end = settings.span or (0.0, None)
    if not (math.isfinite(start) and start >= 0.0) or (end is not None and not (math.isfinite(end) and end > start)):
        raise SettingError("The span is invalid; valid are [start, end] in seconds, with 0 <= start < end.")
    curve = None if settings.curve is None else check_range(settings.curve, "The intensity curve", np.inf)
    return replace(
        settings,
        text=check_text(settings.text) if settings.text else "",
        language=settings.language.strip(),
        curve=curve,
        finishing=Finishing(**asdict(settings.finishing)),
    )


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
