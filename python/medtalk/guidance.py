"""What a user may ask for: emotion labels, their synonyms and mixtures (Sec. 3.3), descriptions in words (Sec. 3.4)."""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medtalk.errors import GuidanceError, require
from medtalk.inputs import read_input
from medtalk.limits import MAX_PICTURE_BYTES, MAX_TEXT

LABELS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprised")
"""The seven emotions; a label's place is its id in the embedding table of every bundle."""

NEUTRAL = "neutral"

AUTO = "auto"
"""In place of labels: those that are heard in the voice."""

SYNONYMS = {
    "anger": "angry",
    "mad": "angry",
    "furious": "angry",
    "rage": "angry",
    "disgusted": "disgust",
    "contempt": "disgust",
    "fearful": "fear",
    "scared": "fear",
    "afraid": "fear",
    "happiness": "happy",
    "joy": "happy",
    "joyful": "happy",
    "calm": "neutral",
    "none": "neutral",
    "sadness": "sad",
    "unhappy": "sad",
    "surprise": "surprised",
    "astonished": "surprised",
}

assert len(set(LABELS)) == 7 and set(SYNONYMS.values()) <= set(LABELS) and not set(SYNONYMS) & set(LABELS)


@dataclass(frozen=True)
class Mood:
    """What a description in words was taken for (Sec. 3.4, text guidance).

    Attributes:
        text: the description.
        weights: of the labels felt in it, summing to 1, in the order of `LABELS`.
        strength: multiplies the intensity; 1 is plainly felt.
        note: one line on what of it was not understood, and what was taken instead; "" for nothing worth saying.
    """

    text: str
    weights: dict[str, float]
    strength: float
    note: str = ""

    @classmethod
    def of(cls, text: str, weights: Sequence[float], strength: float, note: str = "") -> Mood:
        """The mood of a text encoder's answer, without what it only half suspects."""
        felt = {label: float(weight) for label, weight in zip(LABELS, weights, strict=True) if weight >= _FELT}
        total = sum(felt.values())
        return cls(text, {label: weight / total for label, weight in felt.items()}, float(strength), note)

    def __str__(self) -> str:
        felt = sorted(self.weights.items(), key=lambda entry: -entry[1])
        return f"{', '.join(f'{label} {weight:.2f}' for label, weight in felt)}; strength {self.strength:.2f}"


_FELT = 0.05  # a label of less weight is not felt
_SLIP = 0.75  # what is less like any label is no slip of the keyboard, but another feeling


def check_text(text: str) -> str:
    """A description without blanks around it; `GuidanceError` for one that is empty, or endless."""
    require(text, str, "The description", "a text", GuidanceError)
    plain = text.strip()
    if not plain:
        raise GuidanceError("The description is empty.", "Write one as: slightly annoyed, but tries to smile.")
    if len(plain) > MAX_TEXT:
        raise GuidanceError(f"The description has {len(plain)} characters; at most {MAX_TEXT} are read.", "Cut it.")
    return plain


def read_picture(picture: str | Path | bytes) -> tuple[str, bytes]:
    """How to call a picture in a message, and the bytes of its file, which may be no picture.

    `GuidanceError` for a file that is not there or cannot be read, and for too many bytes.
    """
    if isinstance(picture, bytes):
        name, data = "The picture", picture
    else:
        data = read_input(picture, "picture", GuidanceError, MAX_PICTURE_BYTES)
        name = os.fsencode(picture).decode("utf-8", "replace")  # it must fit in a message
        if not data:
            raise GuidanceError(f"The picture {name} is empty.", "Give another one.")
    if len(data) > MAX_PICTURE_BYTES:
        raise GuidanceError(f"{name} has more than {MAX_PICTURE_BYTES >> 20} MiB.", "Make it smaller.")
    return name, data


def is_auto(emotion: object) -> bool:
    """Whether the emotion is to be heard in the voice."""
    return isinstance(emotion, str) and emotion.strip().lower() == AUTO


def label_name(word: str) -> str:
    """The label that a word stands for, whatever its case; `GuidanceError` lists the labels for an unknown one."""
    require(word, str, "The emotion", "a text", GuidanceError)
    asked = word.strip().lower()
    label = SYNONYMS.get(asked, asked)
    if label in LABELS:
        return label
    if asked == AUTO:
        raise GuidanceError("The emotion auto is heard in the voice and stands alone, without a weight.", "Give auto.")
    hint = f'For other feelings give a description in place of an emotion (--text "{" ".join(word.split())[:40]}").'
    if near := difflib.get_close_matches(asked, [*LABELS, *SYNONYMS], n=1, cutoff=_SLIP):
        hint = f"Did you mean {near[0]}?"
    raise GuidanceError(f"Unknown emotion {word.strip()[:40]!r}; valid are {', '.join(LABELS)}.", hint)


def parse_emotion(text: str) -> dict[str, float]:
    """Weights of the labels named in `LABEL[:WEIGHT][,LABEL[:WEIGHT]...]`, such as `happy:0.7,surprised:0.3`.

    A label without a weight counts 1. See `emotion_weights` for what becomes of the sum.
    """
    weights: dict[str, float] = {}
    for part in text.split(","):
        word, colon, number = part.partition(":")
        if not word.strip():
            raise GuidanceError(
                f"Empty emotion in {text[:60]!r}; write LABEL or LABEL:WEIGHT, separated by commas.",
                f"Valid labels are {', '.join(LABELS)}.",
            )
        label = label_name(word)
        if label in weights:
            raise GuidanceError(f"Emotion {label} is given twice in {text[:60]!r}.", "Give it once.")
        try:
            weights[label] = float(number) if colon else 1.0
        except ValueError:
            raise GuidanceError(
                f"The weight {number.strip()[:40]!r} of emotion {label} is not a number.", "Write it as in happy:0.7."
            ) from None
    return emotion_weights(weights)


def emotion_weights(emotion: str | Mapping[str, float]) -> dict[str, float]:
    """Weights that sum to 1, in the order of `LABELS`, from the text form or a mapping from label to weight.

    A sum below 1 is filled up with neutral (`{"happy": 0.3}` is a faint happiness), a sum above 1 is scaled down.
    Raises `GuidanceError` for an unknown label or a weight that is negative, infinite or no number.
    """
    if isinstance(emotion, str):
        return parse_emotion(emotion)
    if not isinstance(emotion, Mapping):
        raise GuidanceError(f"An emotion is a text or a mapping, not {type(emotion).__name__}.", "Write 'happy'.")
    weights: dict[str, float] = {}
    for word, weight in emotion.items():
        if not isinstance(weight, (int, float)) or not math.isfinite(weight) or weight < 0:
            raise GuidanceError(f"The weight {weight} of emotion {str(word)[:40]} must be a finite number, 0 or more.")
        label = label_name(word)
        weights[label] = weights.get(label, 0.0) + float(weight)
    total = sum(weights.values())
    if not math.isfinite(total):
        raise GuidanceError("The emotion weights are too large to add up.", "Weights between 0 and 1 are usual.")
    if total < 1.0:
        weights[NEUTRAL] = weights.get(NEUTRAL, 0.0) + 1.0 - total
    elif total > 1.0:
        weights = {label: weight / total for label, weight in weights.items()}
    return {label: weights[label] for label in LABELS if weights.get(label, 0.0) > 0.0}
