"""Moods over time: spans that a row of the form names, or the marked frames of a sequence whose labels are moods.

A mood at a marked frame lasts to the next one, and a label of "/" goes back to the mood of the form, as in the tags of
a transcript. Before the first marked frame, and where no span is, the mood of the form leads.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

import unreal

from medtalk_unreal import compat
from medtalk_unreal.errors import PluginError
from medtalk_unreal.settings import PluginSettings
from medtalk_wire.settings import AUTO, MAX_SPANS

BACK = "/"
_SETTING, _ROW = "Moods at Marked Frames", "Moods Over Time"
_SECONDS = r"(\d{1,6}(?:\.\d*)?|\.\d+)"
_SPAN = re.compile(rf"{_SECONDS}\s*-\s*{_SECONDS}?\s*([^\d\s.].*)", re.ASCII | re.DOTALL)


def written(text: str, seconds: float, settings: PluginSettings) -> list[dict[str, float | str]]:
    """The spans (docs/protocol.md, Timeline) of a text such as "0-2 angry, 2-5 happy:0.7+sad:0.3, 5- sad": seconds of
    the whole sound, of which the longest lasts `seconds`.

    Raises `PluginError` for what is no span, and moods that are none of the sidecar.
    """
    spans: list[dict[str, float | str]] = []
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > MAX_SPANS:
        raise PluginError(f"{_ROW} has {len(parts)} moods; at most {MAX_SPANS} are allowed.")
    for part in parts:
        what, found = f"{_ROW}: {part[:60]!r}", _SPAN.fullmatch(part)
        if found is None:
            raise PluginError(f"{what} is no mood over time.", "Write seconds and moods as in 0-2 angry, 2- happy:0.5.")
        label = ",".join(mood.strip() for mood in found[3].split("+"))
        if wrong := _wrong(label, settings):
            label, valid = found[3][:60], _valid(settings, "+")
            raise PluginError(f"{what} has the label {label!r}, {wrong}.", f"Valid are {valid}.")
        start, end = float(found[1]), float(found[2] or math.inf)
        if end <= start:
            raise PluginError(f"{what} ends before it has begun.", "Write the earlier second first.")
        if start >= seconds:
            raise PluginError(f"{what} begins behind the end of the sound, at {seconds:.3g} s.", "Begin earlier.")
        if any(start == other["start"] for other in spans):
            raise PluginError(f"{_ROW}: two moods begin at {start:g} s.", "Join them by +, as in happy:0.7+sad:0.3.")
        spans.append({"start": start, "emotion": label, **({"end": end} if found[2] else {})})
    return spans


def timeline(
    sequence: unreal.LevelSequence | None, start_frame: int, seconds: float, settings: PluginSettings
) -> list[dict[str, float | str]]:
    """The spans (docs/protocol.md, Timeline) of a sound of `seconds` that begins at a display frame.

    Raises `PluginError` for no sequence, none with marked frames, and labels that are no moods of the sidecar.
    """
    if sequence is None:
        raise PluginError(
            f"{_SETTING} needs a Level Sequence that is there.", "Choose the one with the marked frames, or clear it."
        )
    marks = sorted(_marks(sequence, start_frame))
    if not marks:
        raise PluginError(
            f"The sequence {sequence.get_name()} has no marked frames.",
            f"Mark frames and label them with moods, such as angry or happy:0.5, or clear {_SETTING}.",
        )
    for at, label in marks:
        if label != BACK and (wrong := _wrong(label, settings)):
            raise PluginError(
                f"The marked frame at {_frame(sequence, start_frame, at)} of {sequence.get_name()} has the label "
                f"{label[:60]!r}, {wrong}.",
                f"Valid are {_valid(settings, ',')}, and {BACK} to end one.",
            )
    spans: list[dict[str, float | str]] = []
    ends: list[Fraction | None] = [at for at, _ in marks[1:]]
    for (start, label), end in zip(marks, [*ends, None], strict=True):
        if label == BACK or start >= seconds or (end is not None and end <= max(start, 0)):
            continue
        span: dict[str, float | str] = {"start": float(max(start, Fraction(0))), "emotion": label}
        if end is not None and end < seconds:
            span["end"] = float(end)
        spans.append(span)
    return spans


def _marks(sequence: unreal.LevelSequence, start_frame: int) -> list[tuple[Fraction, str]]:
    """The marked frames: seconds after a display frame, and the label without blanks."""
    resolution = compat.rate(sequence.get_tick_resolution())
    first = round(start_frame * resolution / compat.rate(sequence.get_display_rate()))  # as of the keys of a take
    return [(Fraction(tick - first) / resolution, label.strip()) for tick, label in compat.marked_frames(sequence)]


def _frame(sequence: unreal.LevelSequence, start_frame: int, at: Fraction) -> int:
    """The display frame at seconds after another one."""
    return start_frame + round(at * compat.rate(sequence.get_display_rate()))


def _wrong(label: str, settings: PluginSettings) -> str:
    """What is wrong with a label that is not a mood, or several with weights; "" for one that is."""
    if label.lower() == AUTO and AUTO in settings.guidance:
        return ""
    for part in label.split(","):
        mood, colon, weight = (each.strip() for each in part.partition(":"))
        if mood.lower() not in map(str.lower, settings.labels):
            return "which is no mood"
        try:
            right = not colon or 0.0 <= float(weight) < math.inf
        except ValueError:
            right = False
        if not right:
            return "whose weight is no number of 0 or more"
    return ""


def _valid(settings: PluginSettings, joint: str) -> str:
    return f"{', '.join(settings.labels)}, several with weights as in happy:0.7{joint}sad:0.3"
