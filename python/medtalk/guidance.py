"""The guidance of a take: moods and their mixtures (Sec. 3.3), a description or picture (Sec. 3.4), a voice.

A guidance says what to decode a performance by: emotion vectors, and how much of each. The rigs that they give are
mixed, not the vectors: half of happy then shows half of the smile, whatever the decoder makes of a vector between two.
Weights may change over time, so that a guidance may be another at every frame.
"""

from __future__ import annotations

import difflib
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from medtalk.dynamics import Dynamics
from medtalk.errors import GuidanceError, require
from medtalk.inputs import path_text, read_input
from medtalk.moods import RECIPES
from medtalk_board.moods import FAR, KINDS, LABELS, MIXED_SYNONYMS, MOODS, NEUTRAL, SYNONYMS
from medtalk_wire.settings import AUTO, MAX_PICTURE_BYTES, MAX_TEXT

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Part(NamedTuple):
    """One face of a mixture.

    Attributes:
        vectors: emotion vectors of its kinds, (K, 256).
        weight: how much of the rig that it gives is shown: a number, or one a frame, (T,).
        strength: multiplies the intensity: a number, or one a frame, (T,).
        engine: whose vectors they are, where no other engine can use them; else None.
        dynamics: how its strength answers the voice.
        label: whose face it is, "" where there is none.
        kind: the kind that leads, of `KINDS[label]`; "" lets chance choose.
    """

    vectors: NDArray
    weight: float | NDArray = 1.0
    strength: float | NDArray = 1.0
    engine: object = None
    dynamics: Dynamics = Dynamics()
    label: str = ""
    kind: str = ""

    @property
    def leader(self) -> int | None:
        """The place of the kind that leads; None where chance chooses, or its model has other kinds."""
        return self._place(self.kind)

    @property
    def far(self) -> int | None:
        """The place of the kind that does not lead by chance; None as above."""
        return self._place(FAR.get(self.label, ""))

    def _place(self, kind: str) -> int | None:
        names = KINDS.get(self.label, ())
        return names.index(kind) if kind in names and len(names) == len(self.vectors) else None


@dataclass(frozen=True)
class Felt:
    """The emotion that is heard in a voice.

    Attributes:
        weights: of the labels, summing to 1.
        heard_by: the name of the bundle or backbone that heard it.
        arousal: 0 as in plain speech, 1 as in anger, -1 as in sadness; None where nothing judges it.
        words: whether the words of the transcript had a say.
        silent: whether nobody speaks, so that nothing was judged.
    """

    weights: Mapping[str, float] = field(hash=False)
    heard_by: str = ""
    arousal: float | None = None
    words: bool = False
    silent: bool = False

    @property
    def sure(self) -> bool:
        """Whether one label stands out."""
        return not self.silent and max(self.weights.values()) >= _SURE

    @property
    def shown(self) -> Mapping[str, float]:
        """The weights that the face has: neutral where a bundle of ours, which knows its limits, is not sure."""
        if self.arousal is None:
            return self.weights
        if not self.sure:
            return {NEUTRAL: 1.0}
        clear = {label: weight for label, weight in self.weights.items() if weight >= _SUSPECTED}
        return {label: weight / sum(clear.values()) for label, weight in clear.items()}

    @property
    def strength(self) -> float:
        """What multiplies the intensity: 1 in plain speech, 1.3 in anger, 0.75 in sadness."""
        return 1.0 if self.arousal is None else 2.0 ** (0.4 * min(max(self.arousal, -1.25), 1.25))

    def with_words(self, said: Mapping[str, float]) -> Felt:
        """The same with what the words say, weights of the labels: the two agree and are surer, or disagree and are
        not. Words that name no feeling change nothing, and no words count for more than half."""
        share = _WORDS * (1.0 - said.get(NEUTRAL, 0.0))
        both = {
            label: self.weights.get(label, 0.0) * (share * said.get(label, 0.0) + (1.0 - share) / len(LABELS))
            for label in LABELS
        }
        total = sum(both.values())
        return replace(self, weights={label: weight / total for label, weight in both.items()}, words=True)

    def meta(self) -> dict[str, Any]:
        """Its entries in a rig's `meta`, under `guidance`."""
        found: dict[str, Any] = {"sure": self.sure, "heard_by": self.heard_by, "heard": dict(self.weights)}
        if self.arousal is not None:
            found |= {"arousal": self.arousal, "words": self.words}
        return {**found, "silent": True} if self.silent else found


class PerformanceLike(Protocol):
    """The part of a performance that a guidance may use."""

    def __len__(self) -> int:
        """T, the number of frames."""
        ...

    @property
    def kind_vectors(self) -> NDArray:
        """Emotion vectors of the K kinds of face of each label, (7, K, 256)."""
        ...

    @property
    def felt(self) -> Felt:
        """The emotion that is heard in the voice."""
        ...


class Guidance(ABC):
    """The source of a take's emotion. Make one with `guidance_of` or `Model.guide`."""

    def heard_in(self, performance: PerformanceLike) -> Guidance:
        """The same after hearing the voice of a performance, where it follows the voice."""
        return self

    @abstractmethod
    def parts(self, performance: PerformanceLike) -> tuple[Part, ...]:
        """The faces to decode; their weights sum to 1."""

    @abstractmethod
    def weights_of(self, performance: PerformanceLike) -> dict[str, float]:
        """Weights of the moods, as far as there are such, in the order of `MOODS`."""

    def moods(self, performance: PerformanceLike) -> tuple[tuple[float | NDArray, dict[str, float]], ...]:
        """`weights_of` over time: shares that sum to 1, each a number or one a frame (T,), with the weights there."""
        return ((1.0, self.weights_of(performance)),)

    def meta(self) -> dict[str, Any]:
        """Its entries in a rig's `meta`, beside the weights: `guidance`, `strength`, `note`."""
        return {}


@dataclass(frozen=True)
class Labels(Guidance):
    """A mixture of labels and other moods.

    Attributes:
        weights: of the moods, summing to 1 (`emotion_weights`).
    """

    weights: Mapping[str, float] = field(hash=False)

    def parts(self, performance: PerformanceLike) -> tuple[Part, ...]:
        return _faces(self.weights, performance)

    def weights_of(self, performance: PerformanceLike) -> dict[str, float]:
        return dict(self.weights)


@dataclass(frozen=True)
class Voice(Guidance):
    """The emotion that is heard in the voice.

    Attributes:
        felt: what was heard, for `meta`; None before (`heard_in`).
    """

    felt: Felt | None = None

    def heard_in(self, performance: PerformanceLike) -> Voice:
        return Voice(performance.felt)

    def parts(self, performance: PerformanceLike) -> tuple[Part, ...]:
        felt = performance.felt
        clear = {label: weight for label, weight in felt.shown.items() if weight >= _CLEAR}
        total = sum(clear.values())
        return _faces({label: weight / total for label, weight in clear.items()}, performance, felt.strength)

    def weights_of(self, performance: PerformanceLike) -> dict[str, float]:
        return dict(performance.felt.shown)

    def meta(self) -> dict[str, Any]:
        return {"guidance": {"voice": AUTO, **(self.felt.meta() if self.felt else {})}}


@dataclass(frozen=True)
class Description(Guidance):
    """A description in words, as understood by labels (Sec. 3.4, text guidance).

    Attributes:
        text: the description.
        weights: of the labels, summing to 1, in the order of `LABELS`; of another mood where the text is its name.
        strength: multiplies the intensity; 1 is plain.
        note: one line on what was not understood, and what stands for it; "" for none.
        guess: whether no word of the text names a feeling.
    """

    text: str
    weights: Mapping[str, float] = field(hash=False)
    strength: float
    note: str = ""
    guess: bool = False

    @classmethod
    def of(
        cls, text: str, weights: Sequence[float], strength: float, note: str = "", guess: bool = False
    ) -> Description:
        """A text encoder's answer, without labels that it only half suspects."""
        clear = {label: float(weight) for label, weight in zip(LABELS, weights, strict=True) if weight >= _SUSPECTED}
        total = sum(clear.values())
        return cls(text, {label: weight / total for label, weight in clear.items()}, float(strength), note, guess)

    def parts(self, performance: PerformanceLike) -> tuple[Part, ...]:
        return _faces(self.weights, performance, self.strength)

    def weights_of(self, performance: PerformanceLike) -> dict[str, float]:
        return dict(self.weights)

    def meta(self) -> dict[str, Any]:
        return {"guidance": {"text": self.text}, "strength": self.strength, "note": self.note}


@dataclass(frozen=True)
class Picture(Guidance):
    """A picture of a face, as understood by labels.

    Attributes:
        name: of the picture's file.
        weights: of the labels, summing to 1, in the order of `LABELS`.
        strength: multiplies the intensity; 1 is plain.
        explained: how much of the expression the labels make up for, 0..1.
        note: one line on what was not taken from the picture; "" for none.
    """

    name: str
    weights: Mapping[str, float] = field(hash=False)
    strength: float
    explained: float
    note: str = ""

    def parts(self, performance: PerformanceLike) -> tuple[Part, ...]:
        return _faces(self.weights, performance, self.strength)

    def weights_of(self, performance: PerformanceLike) -> dict[str, float]:
        return dict(self.weights)

    def meta(self) -> dict[str, Any]:
        guidance = {"image": self.name, "explained": round(self.explained, 3)}
        return {"guidance": guidance, "strength": self.strength, "note": self.note}


@dataclass(frozen=True, eq=False)
class Embedding(Guidance):
    """A text or picture as CLIP and a trained map see it (Sec. 3.4); it fits its engine only.

    Attributes:
        kind: "text" or "image".
        name: the text, or the name of the picture's file.
        vector: emotion vector, (256,).
        engine: the engine that made it.
    """

    kind: str
    name: str
    vector: NDArray
    engine: object = field(repr=False)

    def parts(self, performance: PerformanceLike) -> tuple[Part, ...]:
        return (Part(self.vector[None], engine=self.engine),)

    def weights_of(self, performance: PerformanceLike) -> dict[str, float]:
        return {}

    def meta(self) -> dict[str, Any]:
        return {"guidance": {self.kind: self.name}}


@dataclass(frozen=True, eq=False)
class Mixture(Guidance):
    """Several guidances at once.

    Attributes:
        members: each with its weight; the weights sum to 1.
    """

    members: tuple[tuple[Guidance, float], ...]

    def heard_in(self, performance: PerformanceLike) -> Mixture:
        return Mixture(tuple((member.heard_in(performance), weight) for member, weight in self.members))

    def parts(self, performance: PerformanceLike) -> tuple[Part, ...]:
        return tuple(
            part._replace(weight=part.weight * weight)
            for member, weight in self.members
            for part in member.parts(performance)
        )

    def weights_of(self, performance: PerformanceLike) -> dict[str, float]:
        total: dict[str, float] = {}
        for member, weight in self.members:
            for label, part in member.weights_of(performance).items():
                total[label] = total.get(label, 0.0) + weight * part
        return {mood: total[mood] for mood in MOODS if mood in total}

    def meta(self) -> dict[str, Any]:
        """As of its only member beside labels, with its `weight`; of several, `guidance` has them as `mixture`."""
        leaders = [(meta, weight) for member, weight in self.flat() if (meta := member.meta())]
        if len(leaders) == 1:
            meta, weight = leaders[0]
            return {**meta, "guidance": {**meta["guidance"], "weight": weight}}
        notes = " ".join(note for meta, _ in leaders if (note := meta.pop("note", "")))
        mixture = [{**meta.pop("guidance"), **meta, "weight": weight} for meta, weight in leaders]
        return {"guidance": {"mixture": mixture}, "note": notes} if mixture else {}

    def flat(self) -> list[tuple[Guidance, float]]:
        """Its members, and in place of a mixture among them the members of that."""
        pairs: list[tuple[Guidance, float]] = []
        for member, weight in self.members:
            inner = member.flat() if isinstance(member, Mixture) else [(member, 1.0)]
            pairs += [(each, weight * share) for each, share in inner]
        return pairs


def _faces(weights: Mapping[str, float], performance: PerformanceLike, strength: float = 1.0) -> tuple[Part, ...]:
    """The faces of moods by their weights; each of a mixed mood has its share of it."""
    vectors, parts = performance.kind_vectors, []
    for name, weight in weights.items():
        mood = RECIPES[name]
        for face in mood.faces:
            share, of = weight * face.amount / mood.strength, vectors[LABELS.index(face.label)]
            parts.append(Part(of, share, strength * mood.strength, None, mood.dynamics, face.label, face.kind))
    return tuple(parts)


_SUSPECTED = 0.05  # a text encoder is sure of nothing; less of a label shows as if the text had named it
_SURE = 0.75  # the weights of our own bundles are probabilities: three of four are right
_WORDS = 0.5  # people also say such words calmly, or in irony
_CLEAR = 0.01  # what is heard of every label in every voice, each of which would cost a decoding
_SLIP = 0.75  # what is less like any label is not a slip of the keyboard, but another feeling


def guidance_of(emotion: str | Mapping[Any, float] | Guidance) -> Guidance:
    """The guidance that a value stands for: a label, a mixture as text or mapping, "auto", or a guidance.

    A mapping may have guidances beside labels: `{model.guide(text="in tears"): 0.7, "happy": 0.3}`.

    Raises:
        GuidanceError: an unknown label, or a weight that is not valid.
    """
    if isinstance(emotion, Guidance):
        return emotion
    if is_auto(emotion):
        return Voice()
    if isinstance(emotion, Mapping) and (guidances := [key for key in emotion if isinstance(key, Guidance)]):
        labels = {key: weight for key, weight in emotion.items() if not isinstance(key, Guidance)}
        weights = [_weight(str(key), emotion[key]) for key in guidances]
        of_labels = labels_of(labels)
        total = sum(weights) + sum(of_labels.values())
        if not math.isfinite(total):
            raise GuidanceError("The emotion weights are too large to add up.", "Weights between 0 and 1 are usual.")
        if total < 1.0:
            of_labels[NEUTRAL] = of_labels.get(NEUTRAL, 0.0) + 1.0 - total
            total = 1.0
        share = sum(of_labels.values())
        members = [(member, weight / total) for member, weight in zip(guidances, weights, strict=True) if weight]
        if share:
            members.append((Labels({label: weight / share for label, weight in of_labels.items()}), share / total))
        return Mixture(tuple(members))
    return Labels(emotion_weights(emotion))


def beside(guidance: Guidance, labels: str | Mapping[str, float]) -> Guidance:
    """A guidance mixed with labels: it has what their weights leave of 1.

    Raises:
        GuidanceError: labels that are not valid, or that leave nothing.
    """
    weights = check_beside(labels)
    return guidance_of({guidance: 1.0 - sum(weights.values()), **weights}) if weights else guidance


def check_beside(labels: str | Mapping[str, float]) -> dict[str, float]:
    """The weights of labels that go beside a description or picture; `GuidanceError` if they leave nothing of 1."""
    weights = labels_of(labels)
    if sum(weights.values()) >= 1.0:
        raise GuidanceError(
            "The emotion leaves no weight for the description or picture beside it.",
            "Give weights below 1, such as happy:0.3, or leave one of them out.",
        )
    return weights


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
    """The name of a picture for messages, and the bytes of its file, which need not be a picture.

    `GuidanceError` for a file that does not exist, cannot be read or is too large.
    """
    if isinstance(picture, bytes):
        name, data = "The picture", picture
    else:
        data = read_input(picture, "picture", GuidanceError, MAX_PICTURE_BYTES)
        name = path_text(picture)
        if not data:
            raise GuidanceError(f"The picture {name} is empty.", "Give another one.")
    if len(data) > MAX_PICTURE_BYTES:
        raise GuidanceError(f"{name} has more than {MAX_PICTURE_BYTES >> 20} MiB.", "Make it smaller.")
    return name, data


def check_kinds(kinds: Mapping[Any, Any]) -> dict[str, str]:
    """The kind that leads in a label, by label; `GuidanceError` for a label or kind that does not exist."""
    require(kinds, Mapping, "kinds", "a map from label to kind")
    found = {}
    for word, kind in kinds.items():
        label = label_name(word)
        if kind not in KINDS[label]:
            raise GuidanceError(f"Unknown kind {str(kind)[:40]!r} of {label}; valid are {', '.join(KINDS[label])}.")
        found[label] = kind
    return found


def is_auto(emotion: object) -> bool:
    """Whether the emotion comes from the voice."""
    return isinstance(emotion, str) and emotion.strip().lower() == AUTO


def label_name(word: str) -> str:
    """The label that a word stands for, whatever its case; `GuidanceError` lists the labels for any other."""
    label = mood_name(word)
    if label not in LABELS:
        raise GuidanceError(f"The mood {label} is no label; valid are {', '.join(LABELS)}.")
    return label


def mood_name(word: str) -> str:
    """The mood that a word stands for, whatever its case; `GuidanceError` lists the moods for an unknown one."""
    require(word, str, "The emotion", "a text", GuidanceError)
    asked = word.strip().lower()
    mood = {**SYNONYMS, **MIXED_SYNONYMS}.get(asked, asked)
    if mood in MOODS:
        return mood
    if asked == AUTO:
        raise GuidanceError("The emotion auto comes from the voice and stands alone, without a weight.", "Give auto.")
    hint = f'For other feelings give a description in place of an emotion (--text "{" ".join(word.split())[:40]}").'
    if near := difflib.get_close_matches(asked, [*MOODS, *SYNONYMS, *MIXED_SYNONYMS], n=1, cutoff=_SLIP):
        hint = f"Did you mean {near[0]}?"
    raise GuidanceError(f"Unknown emotion {word.strip()[:40]!r}; valid are {', '.join(MOODS)}.", hint)


def _parsed(text: str) -> dict[str, float]:
    """Weights in `LABEL[:WEIGHT][,LABEL[:WEIGHT]...]`; a label without a weight counts 1."""
    weights: dict[str, float] = {}
    for part in text.split(","):
        word, colon, number = part.partition(":")
        if not word.strip():
            raise GuidanceError(
                f"Empty emotion in {text[:60]!r}; write LABEL or LABEL:WEIGHT, separated by commas.",
                f"Valid labels are {', '.join(MOODS)}.",
            )
        label = mood_name(word)
        if label in weights:
            raise GuidanceError(f"Emotion {label} is given twice in {text[:60]!r}.", "Give it once.")
        try:
            weights[label] = float(number) if colon else 1.0
        except ValueError:
            raise GuidanceError(
                f"The weight {number.strip()[:40]!r} of emotion {label} is not a number.", "Write it like happy:0.7."
            ) from None
    return weights


def labels_of(emotion: str | Mapping[str, float]) -> dict[str, float]:
    """Weights by mood, in the order of `MOODS`, from `LABEL[:WEIGHT][,LABEL[:WEIGHT]...]` or a mapping.

    A label without a weight counts 1. Raises `GuidanceError` for an unknown label or a weight that is negative,
    infinite or not a number.
    """
    if isinstance(emotion, str):
        emotion = _parsed(emotion)
    if not isinstance(emotion, Mapping):
        raise GuidanceError(f"An emotion is a text or a mapping, not {type(emotion).__name__}.", "Write 'happy'.")
    weights: dict[str, float] = {}
    for word, weight in emotion.items():
        value = _weight(word, weight)
        label = mood_name(word)
        weights[label] = weights.get(label, 0.0) + value
    if not math.isfinite(sum(weights.values())):
        raise GuidanceError("The emotion weights are too large to add up.", "Weights between 0 and 1 are usual.")
    return {label: weights[label] for label in MOODS if weights.get(label, 0.0) > 0.0}


def _weight(word: object, weight: object) -> float:
    try:
        value = float(weight) if isinstance(weight, Real) and not isinstance(weight, bool) else math.nan
    except OverflowError:
        value = math.inf
    if not math.isfinite(value) or value < 0:
        raise GuidanceError(
            f"The weight {str(weight)[:40]} of emotion {str(word)[:40]} must be a finite number, 0 or more."
        )
    return value


def emotion_weights(emotion: str | Mapping[str, float]) -> dict[str, float]:
    """Weights as of `labels_of` that sum to 1.

    A sum below 1 is filled up with neutral (`{"happy": 0.3}` is a faint happiness), a sum above 1 is scaled down.
    """
    weights = labels_of(emotion)
    total = sum(weights.values())
    if total < 1.0:
        weights[NEUTRAL] = weights.get(NEUTRAL, 0.0) + 1.0 - total
    elif total > 1.0:
        weights = {label: weight / total for label, weight in weights.items()}
    return {label: weights[label] for label in MOODS if weights.get(label, 0.0) > 0.0}
