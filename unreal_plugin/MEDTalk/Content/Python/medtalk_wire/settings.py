"""The settings of a take: every knob is declared here, once.

The command line makes its options of these fields, the protocol and the sidecar's schema their names and types, and
docs/protocol.md its tables. The help of a field is what users read everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from medtalk_board.channels import REGIONS
from medtalk_board.moods import MOODS

AUTO = "auto"
"""The emotion that stands for the one heard in the voice."""
MAX_INTENSITY = 4.0
"""The strongest multiplier: beyond it the network only guesses."""
MIN_FPS, MAX_FPS = 1.0, 240.0
"""Frames a second of a rig that a user may ask for."""
MAX_TEXT = 10_000
"""Characters of a description."""
MAX_PICTURE_BYTES = 64 << 20
"""Of a picture's file."""
SPAN_FIELDS = ("start", "end", "emotion", "text", "image", "image_name", "intensity", "fade")
"""Names in a span of a timeline."""
FADE, MAX_FADE = 0.5, 60.0
"""Seconds of the cross-fades of a span that names none, and the most that one may name."""
MAX_SPANS, MAX_POINTS = 500, 10_000
"""Spans of a timeline, and points of all their intensities together."""

_Value = TypeVar("_Value")


def knob(
    default: _Value,
    help: str,
    metavar: str = "",
    choices: tuple[str, ...] = (),
    limits: tuple[float, float] | None = None,
) -> _Value:
    """A field of a dataclass of settings: its help, how its value is written, and which values are valid."""
    metadata = {"help": help, "metavar": metavar, "choices": choices, "limits": limits}
    if isinstance(default, Mapping):
        return field(default_factory=lambda: dict(default), hash=False, metadata=metadata)  # type: ignore[return-value]
    return field(default=default, metadata=metadata)  # type: ignore[return-value]


@dataclass(frozen=True)
class Finishing:
    """The steps after the decoder; each can be switched off."""

    smooth: bool = knob(True, "Smooth the curves over time.")
    blink: bool = knob(True, "Add blinks.")
    gaze: bool = knob(True, "Add small eye movements.")
    limits: bool = knob(True, "Keep channels in their ranges, and bend strong emotions before them.")
    seed: int = knob(0, "Seed of blinks, gaze and life; the same seed gives the same movements.", limits=(0, 2**63 - 1))
    smoothing: Mapping[str, int] = knob(
        {}, "Smoothing window in frames for each area of the face (brow, eye, mouth, ...): odd, 1 to 61."
    )
    closures: bool = knob(True, "Keep closed lips closed when smoothing.")
    life: bool = knob(True, "Let the face live: brows on accents, breath, pauses, slow drift.")
    amounts: Mapping[str, float] = knob(
        {},
        "How much of a part of the life there is (accents, squint, breath, pauses, drift, micro, asymmetry, tremor, "
        "head, gaze, blinks): 0 to 2, usually 1.",
        limits=(0.0, 2.0),
    )
    head: bool = knob(True, "Turn the head: nods on accents, sway with the voice, another posture for each phrase.")
    lean: float = knob(
        0.0, "Which side of the face shows more: 1 is the character's left, -1 its right.", limits=(-1.0, 1.0)
    )


@dataclass(frozen=True, eq=False)
class Settings:
    """The settings of a take.

    Beside one another, a description or a picture and labels are a mixture: the description has what the weights of the
    labels leave of 1. `image` travels as the bytes of its file; only a model in the same process takes a path.
    """

    emotion: str | Mapping[str, float] | None = knob(
        None,
        f"{', '.join(MOODS)}, or a mixture such as happy:0.7,surprised:0.3; neutral if left out. auto: the emotion "
        "heard in the voice.",
        "MOOD[:WEIGHT][,...]|auto",
    )
    text: str = knob(
        "",
        "The emotion as a description in one of twelve languages, such as 'slightly annoyed, hides it' or 'traurig'. "
        "Labels with weights beside it make a mixture.",
        "DESCRIPTION",
    )
    image: bytes | Path = knob(
        b"", "The emotion of a picture of a face (PNG, JPEG, WEBP); needs a bundle that understands pictures.", "FILE"
    )
    image_name: str = knob("", "The picture's name, for messages and the rig's metadata.")
    transcript: str | None = knob(
        None,
        'The spoken words. If left out, a bundle that uses words transcribes them; "" means that they are unknown. '
        "Tags such as [angry] and [/] set the mood of the words behind them.",
        "TEXT",
    )
    language: str = knob("", "Language to transcribe, such as en; detected if left out.", "CODE")
    intensity: float = knob(
        1.0, f"Multiplies the intensity heard in the voice, 0 to {MAX_INTENSITY:g}.", limits=(0.0, MAX_INTENSITY)
    )
    timeline: Sequence[Any] | None = knob(
        None,
        "Moods over time: spans with start and end in seconds of the whole sound, an emotion or text, intensity and "
        "fade. Elsewhere the take's own emotion shows.",
        "FILE.json|csv",
    )
    curve: Any = knob(
        None,
        "An intensity curve over the whole sound: one value for each 60 fps frame, or rows of time in seconds and "
        "value, with straight lines between them.",
        "FILE.csv",
    )
    curve_mode: str = knob(
        "replace",
        "What the intensity curve does to the intensity heard in the voice.",
        choices=("replace", "multiply"),
    )
    span: tuple[float, float | None] | None = knob(
        None, "Part of the sound to animate, [start, end] in seconds; end may be nil. The whole sound if left out."
    )
    fps: float = knob(60.0, f"Frames a second of the rig, {MIN_FPS:g} to {MAX_FPS:g}.", limits=(MIN_FPS, MAX_FPS))
    region: str = knob("full", "Part of the face to animate; the other channels are 0.", choices=tuple(REGIONS))
    persona: Mapping[str, Any] | None = knob(
        None,
        "A saved preset: emotion, intensity, seed, lean, amounts, kinds. It gives what is not asked for otherwise.",
        "NAME|FILE.json",
    )
    finishing: Finishing = Finishing()


DEFAULT = Settings()


class Knob(NamedTuple):
    """A field of `Settings` or `Finishing` as a command line, a form or a protocol needs it.

    `kind` is its type without None; `optional` says whether None is valid; `limits` are the lowest and highest value.
    """

    name: str
    kind: Any
    optional: bool
    default: Any
    help: str
    metavar: str
    choices: tuple[str, ...]
    limits: tuple[float, float] | None


@cache
def knobs(owner: type[Settings] | type[Finishing]) -> tuple[Knob, ...]:
    """All knobs of a class of settings, in their order; `Settings.finishing` is none, but has its own."""
    types, usual = get_type_hints(owner), owner()
    found = []
    for each in fields(owner):
        if each.name == "finishing":
            continue
        kinds = [kind for kind in get_args(types[each.name]) or (types[each.name],) if kind is not type(None)]
        kind = types[each.name] if get_origin(types[each.name]) not in (Union, UnionType) else kinds[0]
        optional = kind is not types[each.name] and type(None) in get_args(types[each.name])
        found.append(Knob(each.name, kind, optional, getattr(usual, each.name), **each.metadata))
    return tuple(found)
