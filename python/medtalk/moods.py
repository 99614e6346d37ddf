"""What each mood is: of which labels and kinds of face it is mixed, and how its strength behaves.

A label is its own face. The five moods beside the labels are mixtures of kinds of face that the labels have, so that
they need no network of their own. A bundle with one kind a label mixes the labels alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from medtalk.dynamics import Dynamics
from medtalk_board.moods import KINDS, LABELS, MOODS


class Face(NamedTuple):
    """A label's face in a mood: how much of it shows when the mood is plain, and the kind that leads, "" for any."""

    label: str
    amount: float = 1.0
    kind: str = ""


@dataclass(frozen=True)
class Mood:
    """A mood.

    Attributes:
        faces: what is mixed. Rigs are mixed, and a face of twice the strength is twice the face.
        dynamics: how the strength answers the voice.
    """

    faces: tuple[Face, ...]
    dynamics: Dynamics

    @property
    def strength(self) -> float:
        """The strength of all its faces together, each with its share of the mixture."""
        return sum(face.amount for face in self.faces)


def _label(label: str, dynamics: Dynamics) -> Mood:
    return Mood((Face(label),), dynamics)


RECIPES: Mapping[str, Mood] = MappingProxyType(
    {
        # loudness makes it, and it comes fast and goes slowly
        "angry": _label("angry", Dynamics(level=1.2, loud=1.4, accent=0.30, onset=0.15, offset=1.0, pause=0.92)),
        "disgust": _label("disgust", Dynamics(level=1.3, loud=0.9, accent=0.20, onset=0.25, offset=0.8, pause=0.88)),
        # pitch more than loudness; never still
        "fear": _label(
            "fear",
            Dynamics(level=1.45, loud=0.4, pitch=0.15, accent=0.15, onset=0.12, offset=0.9, pause=0.88, shake=0.09),
        ),
        # bounces with the accents
        "happy": _label(
            "happy", Dynamics(level=1.15, loud=1.1, pitch=0.10, accent=0.40, onset=0.20, offset=0.6, pause=0.88)
        ),
        "neutral": _label("neutral", Dynamics(loud=1, accent=0.20)),
        # the quieter the sadder; slow, and as strong in silence
        "sad": _label("sad", Dynamics(level=1.4, loud=-0.35, pitch=-0.10, onset=0.30, offset=1.4, pause=0.90)),
        # a start that fades to a residue
        "surprised": _label(
            "surprised",
            Dynamics(level=1.35, loud=0.9, accent=0.35, burst=0.75, fades=0.9, onset=0.16, offset=0.5, pause=0.78),
        ),
        "confident": Mood(
            (Face("happy", 0.8, "proud"), Face("angry", 0.2, "cold")),
            Dynamics(level=1.15, loud=0.6, accent=0.20, onset=0.25, offset=1.2, pause=0.88),
        ),
        "excited": Mood(
            (Face("happy", 0.7, "amused"), Face("surprised", 0.6, "amazed")),
            Dynamics(loud=1.2, pitch=0.20, accent=0.45, burst=0.25, fades=1.2, onset=0.12, offset=0.5, pause=0.90),
        ),
        "bored": Mood(
            (Face("sad", 0.55, "weary"), Face("disgust", 0.25, "disdainful")),
            Dynamics(level=1.35, loud=-0.2, accent=-0.10, onset=0.30, offset=1.4, pause=0.92),
        ),
        "playful": Mood(
            (Face("happy", 0.8, "amused"), Face("surprised", 0.3, "puzzled")),
            Dynamics(loud=0.9, pitch=0.15, accent=0.50, onset=0.15, offset=0.5, pause=0.88),
        ),
        "confused": Mood(
            (Face("surprised", 0.95, "puzzled"), Face("angry", 0.3, "cold")),
            Dynamics(level=1.4, loud=0.3, pitch=0.10, burst=0.25, fades=1.5, onset=0.25, offset=1.0, pause=0.88),
        ),
    }
)
"""The twelve moods by name; the amounts and dynamics are ours, judged on the head."""


def in_labels(weights: Mapping[str, float]) -> dict[str, float]:
    """Weights of the labels, in the order of `LABELS`, that weights of moods come to."""
    out: dict[str, float] = dict.fromkeys(LABELS, 0.0)
    for name, weight in weights.items():
        for face in RECIPES[name].faces:
            out[face.label] += weight * face.amount / RECIPES[name].strength
    return {label: weight for label, weight in out.items() if weight}


assert set(RECIPES) == set(MOODS)
assert all(face.kind in ("", *KINDS[face.label]) for mood in RECIPES.values() for face in mood.faces)
assert all(face.label in LABELS for mood in RECIPES.values() for face in mood.faces)
