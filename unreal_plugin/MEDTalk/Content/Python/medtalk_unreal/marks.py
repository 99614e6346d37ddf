"""Moods over time: the marked frames of a sequence whose labels are moods.

A mood lasts from its marked frame to the next one, and a label of "/" goes back to the mood of the form, as in the tags
of a transcript. Before the first marked frame the mood of the form leads.
"""

from __future__ import annotations

from fractions import Fraction

import unreal

from medtalk_unreal import compat
from medtalk_unreal.errors import PluginError
from medtalk_unreal.settings import PluginSettings
from medtalk_wire.settings import AUTO

BACK = "/"
_SETTING = "Moods at Marked Frames"


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
        _check(label, f"The marked frame at {_frame(sequence, start_frame, at)} of {sequence.get_name()}", settings)
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


def _check(label: str, what: str, settings: PluginSettings) -> None:
    """Raise `PluginError` for a label that is not a mood, or several with weights."""
    if label == BACK or (label.lower() == AUTO and AUTO in settings.guidance):
        return
    valid = f"Valid are {', '.join(settings.labels)}, several with weights as in happy:0.7,sad:0.3, and / to end one."
    for part in label.split(","):
        mood, colon, weight = (each.strip() for each in part.partition(":"))
        if mood.lower() not in map(str.lower, settings.labels):
            raise PluginError(f"{what} has the label {label[:60]!r}, which is no mood.", valid)
        try:
            right = not colon or float(weight) >= 0.0
        except ValueError:
            right = False
        if not right:
            raise PluginError(f"{what} has the label {label[:60]!r}, whose weight is no number of 0 or more.", valid)
