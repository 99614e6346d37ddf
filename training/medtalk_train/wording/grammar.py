"""Sentences from the lexicon, with what they mean: degrees, denials, contrasts, mixtures, disguises, notes, noise.

Every draw is a `Description`: a text, the weights of the seven labels and a strength. A part of the frames and of the
pairs of entry and degree, chosen by the seed, is held out: `Grammar(held_out=True)` draws sentences that stand on one
of those, `Grammar()` never does.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medtalk.guidance import LABELS
from medtalk_train.wording import english
from medtalk_train.wording.english import Subject
from medtalk_train.wording.frames import (
    ADDED_DEGREES,
    AFFIRMED,
    BASIC,
    CONFLICTS,
    CONTRASTS,
    DEGREES,
    DENIALS,
    FRAMES,
    HIDDEN,
    JOINTS,
    KIND_SHARES,
    MIXTURES,
    NOTES,
    NOTHING,
    NOUN_DEGREES,
    ORDINARY,
    PLACES,
    PLAIN,
    PRONOUNS,
    SUBJECTS,
    THINGS,
    VERB_DEGREES,
)
from medtalk_train.wording.lexicon import ENTRIES, Entry, one_hot

WEAKEST, STRONGEST = 0.2, 2.0
_HAPPY, _NEUTRAL, _SAD = (LABELS.index(name) for name in ("happy", "neutral", "sad"))


@dataclass(frozen=True)
class Description:
    """A text and what it means."""

    text: str
    weights: tuple[float, ...]
    """Of the seven labels; they sum to 1."""
    strength: float
    """1 is plainly felt."""


_TENSE = ("calm", "relaxed", "at ease", "composed", "peaceful", "serene", "cool", "at peace", "calmness", "composure")
_STRONG_FRAMES = {
    "overcome by {X}": 1.3, "overwhelmed by {X}": 1.4, "trembling with {X}": 1.3, "full of {X}": 1.15,
    "{S} [be] consumed by {X}": 1.4, "seized by {X}": 1.2,
}  # fmt: skip
_BEFORE_VERBS = (("slightly", 0.5), ("almost", 0.75), ("really", 1.3), ("barely", 0.4))
_BEFORE_CUES = (("a hint of", 0.45), ("the faintest", 0.4), ("just", 0.9), ("slightly", 0.5))
_UNREST = tuple({"fear": 0.5, "angry": 0.3, "surprised": 0.1, "happy": 0.1}.get(name, 0.0) for name in LABELS)


class Grammar:
    """Draws descriptions.

    Args:
        seed: of the split; the same seed holds the same frames and pairs out.
        held_out: draw only what `Grammar(seed)` never draws.
        without: share of the lexicon that is never drawn, for measuring words that were never met; with `only_without`
            nothing else is drawn.
        whole: hold nothing out.
    """

    def __init__(
        self,
        seed: int = 1,
        *,
        held_out: bool = False,
        without: float = 0.0,
        only_without: bool = False,
        whole: bool = False,
    ) -> None:
        self.seed, self.held_out, self.whole = seed, held_out, whole
        self._pools: dict[tuple[str, str], list[Entry]] = {}
        self._basic: dict[str, list[Entry]] = {}
        self._frames: dict[tuple[str, bool], list[str]] = {}
        for entry in ENTRIES:
            # by text, so that a word left out is left out in each of its kinds
            if without and (self._share("entry", entry.text) < without) != only_without:
                continue
            kinds = (entry.kind, "manner") if entry.kind == "adj" and " " not in entry.text else (entry.kind,)
            for kind in kinds:
                self._pools.setdefault((entry.label, kind), []).append(entry)
            if entry.text in BASIC[entry.label]:
                self._basic.setdefault(entry.label, []).append(entry)

    def draw(self, rng: np.random.Generator) -> Description:
        """A random description."""
        maker = Grammar._held if self.held_out else _pick(_MAKERS, rng, _MAKER_SHARES)
        text, weights, strength = maker(self, rng)
        text = english.articles(text)
        if rng.random() < 0.1:
            text = " ".join(english.mistype(word, rng) if rng.random() < 0.25 else word for word in text.split(" "))
        if rng.random() < 0.4:
            text = text[:1].upper() + text[1:]
        ending = rng.random()
        if ending < 0.35 and text[-1:].isalpha():
            text += "." if ending < 0.25 else ("!" if ending < 0.32 else "...")
            if 0.25 <= ending < 0.32 and weights[_NEUTRAL] < 0.5:
                strength *= 1.1
        return Description(text, _tidy(weights), float(np.clip(strength, WEAKEST, STRONGEST)))

    # what is held out

    def _share(self, what: str, text: str) -> float:
        return zlib.crc32(f"{self.seed}:{what}:{text}".encode()) % 1000 / 1000.0

    def _frame_held(self, frame: str) -> bool:
        return not self.whole and frame not in ("{X}", "{G}", "{A} and {B}") and self._share("frame", frame) < 0.13

    def _pair_held(self, entry: Entry, degree: str) -> bool:
        return not self.whole and self._share("pair", f"{entry.text}/{degree}") < 0.1

    def _of(self, name: str, frames: Sequence, held: bool = False) -> list:
        """The frames that may be used; `held` gives those held out."""
        key = (name, held)
        if key not in self._frames:
            self._frames[key] = [
                frame for frame in frames if self._frame_held(frame if isinstance(frame, str) else frame[0]) == held
            ]
        return self._frames[key]

    # parts

    def entry(self, kind: str, label: str, rng: np.random.Generator) -> Entry:
        """A random entry of a kind ("manner": an adjective that takes -ly)."""
        basic = [each for each in self._basic.get(label, ()) if each.kind == kind]
        if basic and rng.random() < 0.12:
            return basic[rng.integers(len(basic))]
        pool = self._pools.get((label, kind)) or self._pools[label, "adj"]
        return pool[rng.integers(len(pool))]

    def subject(self, rng: np.random.Generator) -> Subject:
        """Somebody."""
        if rng.random() < 0.06:
            return Subject(english.made_up(rng).title(), "s", PRONOUNS[("he", "she")[rng.integers(2)]])
        if rng.random() < 0.06:
            person = PRONOUNS[_pick(("he", "she"), rng)]
            return Subject(f"the {ORDINARY[rng.integers(len(ORDINARY))]}", "s", person)
        return _pick(SUBJECTS, rng)

    def degree(self, entry: Entry, words: Sequence[tuple[str, float]], rng: np.random.Generator) -> tuple[str, float]:
        """A word of degree and its factor; one that may stand with the entry."""
        for _ in range(20):
            word, factor = words[int(rng.integers(len(words)))]
            if not self._pair_held(entry, word):
                return word, factor
        return "", 1.0

    def fill(self, frame: str, rng: np.random.Generator, **parts: str) -> str:
        """Puts the parts and random people, things and places into a frame."""
        person = self.subject(rng)
        named = "{S}" in frame
        if not named:  # the frame's own verbs are the third person's
            person = Subject("", "s", PRONOUNS[("he", "she")[rng.integers(2)]])
        ordinary = rng.random() < 0.3
        thing = f"the {_pick(ORDINARY, rng)}" if ordinary else _pick(THINGS, rng)
        text = frame.replace("{T}", thing).replace("{P}", PLACES[rng.integers(len(PLACES))])
        while "{O}" in text:
            text = text.replace("{O}", ORDINARY[rng.integers(len(ORDINARY))], 1)
        while "{W}" in text:
            text = text.replace("{W}", english.made_up(rng), 1)
        for name, part in parts.items():
            text = text.replace(f"{{{name}}}", part)
        return person.fit(text).replace("{S}", person.name)

    def clause(
        self, kind: str, label: str, rng: np.random.Generator, *, frame: str = "", graded: bool | None = None
    ) -> tuple[str, Entry, float]:
        """One entry in one frame with or without a degree: text, entry, strength."""
        entry = self.entry(kind, label, rng)
        frames = self._of(kind, FRAMES[kind])
        frame = frame or frames[rng.integers(len(frames))]
        graded = rng.random() < 0.5 if graded is None else graded
        word, factor = "", 1.0
        parts: dict[str, str] = {}
        text = entry.text
        if kind in ("adj", "be", "manner"):
            text = english.adverb(text) if kind == "manner" else text
            if graded and rng.random() < (1.0 if kind == "adj" else 0.4):
                if rng.random() < 0.12 and kind == "adj":
                    word, factor = self.degree(entry, ADDED_DEGREES, rng)
                    text = f"{text} {word}"
                else:
                    word, factor = self.degree(entry, DEGREES, rng)
                    text = f"{word} {text}"
            if kind == "adj" and rng.random() < 0.07:
                other = self.entry("adj", label, rng)
                text = f"{text}{(' and ', ', ')[rng.integers(2)]}{other.text}"
            parts = {"X": text}
        elif kind == "noun":
            if graded:
                word, factor = self.degree(entry, NOUN_DEGREES, rng)
                text = f"{word} {text}"
            parts = {"X": text}
            factor *= _STRONG_FRAMES.get(frame, 1.0)
        elif kind == "verb":
            tail, head = "", ""
            if graded and rng.random() < 0.6:
                word, factor = self.degree(entry, VERB_DEGREES, rng)
                tail = f" {word}"
            elif graded:
                word, factor = self.degree(entry, _BEFORE_VERBS, rng)
                head = f"{word} "
            other = self.entry("verb", label, rng).text
            parts = {"G": head + english.gerund(text) + tail, "B": text + tail, "H": english.gerund(other)}
            person = self.subject(rng)
            verbs = person.conjugate(text) if person.person == "s" else text
            if "{V}" in frame:
                second = person.conjugate(other) if person.person == "s" else other
                frame = frame.replace("{W2}", second).replace("{V}", head + verbs + tail)
                frame = person.fit(frame).replace("{S}", person.name)
            factor *= {"about to {B}": 0.9}.get(frame, 1.0)
        else:
            if kind == "cue" and graded and rng.random() < 0.35:
                word, factor = self.degree(entry, _BEFORE_CUES, rng)
                text = f"{word} {text}"
            parts = {"X": text, "C": english.bare(text), "Y": self.entry(kind, label, rng).text}
        if entry.weights[_NEUTRAL] > 0.5:
            factor = 1.0  # a very calm face is no stronger than a calm one
        return self.fill(frame, rng, **parts), entry, entry.strength * factor

    # whole descriptions

    def plain(self, rng: np.random.Generator) -> _Made:
        """One clause of one emotion, at times with a director's note."""
        text, entry, strength = self.clause(_kind(rng), _label(rng), rng)
        return self._noted(text, entry.weights, strength, rng)

    def doubled(self, rng: np.random.Generator) -> _Made:
        """Two or three clauses of one emotion; the explicit degrees of both count."""
        label = _label(rng)
        first, entry, strength = self.clause(_kind(rng), label, rng)
        joint = JOINTS[rng.integers(len(JOINTS))]
        kind = "cue" if joint == " with " else ("verb" if joint == " while " else _kind(rng))
        frame = {"cue": "{X}", "verb": "{G}"}[kind] if joint in (" with ", " while ") else ""
        second, other, more = self.clause(kind, label, rng, frame=frame)
        text, total = first + joint + second, [strength, more]
        if rng.random() < 0.15:
            third, _, most = self.clause(_kind(rng), label, rng)
            text, total = f"{text}, {third}", [*total, most]
        weights = tuple((a + b) / 2 for a, b in zip(entry.weights, other.weights, strict=True))
        # the stronger words colour the weaker ones
        return self._noted(text, weights, 0.6 * max(total) + 0.4 * float(np.mean(total)), rng)

    def denied(self, rng: np.random.Generator) -> _Made:
        """A denial: mostly neutral, of gladness also sad."""
        label = _label(rng)
        kind = _pick(("adj", "be", "noun", "verb", "cue"), rng, (0.5, 0.1, 0.2, 0.13, 0.07))
        entry = self.entry(kind, label, rng)
        group = "plain"
        if len(DENIALS[kind]) > 1:
            shares = (0.45, 0.35, 0.08, 0.12) if len(DENIALS[kind]) == 4 else (0.55, 0.45)
            group = _pick(tuple(DENIALS[kind]), rng, shares)
        frames = self._of(f"deny {kind} {group}", DENIALS[kind][group])
        frame = frames[rng.integers(len(frames))]
        return self._denial(frame, kind, group, entry, rng)

    def _denial(self, frame: str, kind: str, group: str, entry: Entry, rng: np.random.Generator) -> _Made:
        label = entry.label
        if label == "neutral" and entry.text not in _TENSE:
            if "{Y}" not in frame:
                return self.plain(rng)
            weights = one_hot("neutral")
        else:
            weights = denial(entry.weights, kind, group)
        other = self.entry(kind, _label(rng), rng)
        if "{Y}" in frame:
            weights = one_hot("neutral")
        text = entry.text
        if group == "plain" and kind in ("adj", "be") and rng.random() < 0.1 and label != "neutral":
            word, factor = self.degree(entry, DEGREES, rng)
            if factor >= 1.15:  # "not very" leaves some
                text, weights = f"{word} {text}", denial(entry.weights, kind, "partly")
        parts = {
            "X": text, "Y": other.text, "N": text, "C": english.bare(text), "B": text, "G": english.gerund(text),
            "V3": english.third(text),
        }  # fmt: skip
        strength = 0.7 if weights[_NEUTRAL] > 0.5 else 0.75
        if group == "firm":
            strength += 0.1
        made = self.fill(frame, rng, **parts)
        if rng.random() < 0.15:  # what is denied once may be denied twice
            again = self.entry("adj", label, rng)
            made += f", {('not', 'never', 'nor')[rng.integers(3)]} {again.text}"
        elif rng.random() < 0.15 and weights[_NEUTRAL] > 0.5:
            calm, _, _ = self.clause(_kind(rng), "neutral", rng, graded=False)
            joint = (", just ", ", ", ", but ", ", only ")[rng.integers(4)]
            return made + joint + calm, one_hot("neutral"), 0.8
        return made, weights, strength

    def nothing(self, rng: np.random.Generator) -> _Made:
        """Several emotions denied at once."""
        a, b, c = (LABELS[i] for i in rng.permutation([i for i in range(7) if i != _NEUTRAL])[:3])
        kind = ("adj", "noun")[rng.integers(2)]
        words = [self.entry(kind, each, rng).text for each in (a, b, c)]
        frames = self._of(f"nothing {kind}", NOTHING[kind])
        frame = frames[rng.integers(len(frames))]
        return self.fill(frame, rng, A=words[0], B=words[1], C=words[2]), one_hot("neutral"), 0.85

    def affirmed(self, rng: np.random.Generator) -> _Made:
        """Words of denial that deny nothing: "couldn't be happier"."""
        kind = _pick(tuple(AFFIRMED), rng, (0.5, 0.25, 0.15, 0.1))
        label = _pick([name for name in LABELS if name != "neutral"], rng)
        entry = self.entry(kind, label, rng)
        frames = self._of(f"affirm {kind}", AFFIRMED[kind])
        frame, factor = frames[rng.integers(len(frames))]
        other = self.entry(kind, label, rng)
        text = self.fill(
            frame, rng, X=entry.text, Y=other.text, N=entry.text, B=entry.text, G=english.gerund(entry.text),
            M=english.comparative(entry.text),
        )  # fmt: skip
        return text, entry.weights, max(entry.strength, 0.8) * factor

    def contrast(self, rng: np.random.Generator) -> _Made:
        """One emotion instead of another."""
        one, two, three = (LABELS[i] for i in rng.permutation(7)[:3])
        frames = self._of("contrast", CONTRASTS)
        frame, share, rest, factor = frames[rng.integers(len(frames))]
        kind = "adj" if rng.random() < 0.85 else "be"
        a, b, c = (self.entry(kind, each, rng) for each in (one, two, three))
        word, graded = self.degree(a, DEGREES, rng) if rng.random() < 0.3 else ("", 1.0)
        text = self.fill(frame, rng, A=f"{word} {a.text}".strip(), B=b.text, C=c.text)
        weights = tuple(share * x + rest * y for x, y in zip(a.weights, b.weights, strict=True))
        if one == "neutral":
            graded = 1.0
        if rng.random() < 0.2:
            tail, _, _ = self.clause(_kind(rng), one, rng, graded=False)
            text += f", {tail}"
        strength = a.strength * graded
        if rest > 0.2:
            strength = 0.85 * strength + 0.15 * b.strength
        return text, weights, strength * factor

    def mixture(self, rng: np.random.Generator) -> _Made:
        """Two emotions at once."""
        labels = [i for i in range(7) if i != _NEUTRAL or rng.random() < 0.3]
        one, two = (LABELS[i] for i in rng.permutation(labels)[:2])
        frames = self._of("mixture", MIXTURES)
        frame, share = frames[rng.integers(len(frames))]
        a, b = (self.entry("adj", each, rng) for each in (one, two))
        if "{a}" in frame:
            a = self.entry("noun", one, rng)
        if "{b}" in frame:
            b = self.entry("noun", two, rng)
        if "{A}" in frame and rng.random() < 0.3:
            text, a, strength = self.clause(_kind(rng), one, rng)
        else:
            word, factor = self.degree(a, DEGREES, rng) if rng.random() < 0.25 and "{A}" in frame else ("", 1.0)
            text, strength = f"{word} {a.text}".strip(), a.strength * (1.0 if one == "neutral" else factor)
        text = self.fill(frame, rng, A=text, a=text, B=b.text, b=b.text)
        weights = tuple(share * x + (1 - share) * y for x, y in zip(a.weights, b.weights, strict=True))
        return self._noted(text, weights, share * strength + (1 - share) * b.strength, rng)

    def hidden(self, rng: np.random.Generator) -> _Made:
        """An emotion that is held back, or two in conflict."""
        label = _pick([name for name in LABELS if name != "neutral"], rng)
        if rng.random() < 0.35:
            other = _pick([name for name in LABELS if name != label], rng)
            a, b = self.entry("verb", label, rng), self.entry("verb", other, rng)
            frames = self._of("conflict", CONFLICTS)
            frame, share = frames[rng.integers(len(frames))]
            x = self.entry("adj", label, rng)
            parts = {"G": english.gerund(a.text), "V": english.third(a.text), "X": x.text}
            text = self.fill(frame, rng, B=b.text, H=english.gerund(b.text), **parts)
            weights = tuple(share * p + (1 - share) * q for p, q in zip(a.weights, b.weights, strict=True))
            return text, weights, 0.9 * a.strength
        kind = _pick(tuple(HIDDEN), rng, (0.4, 0.3, 0.3))
        entry = self.entry(kind, label, rng)
        frames = self._of(f"hidden {kind}", HIDDEN[kind])
        frame, share, factor = frames[rng.integers(len(frames))]
        text = self.fill(frame, rng, N=entry.text, X=entry.text, B=entry.text, G=english.gerund(entry.text))
        weights = tuple(share * x + (1 - share) * y for x, y in zip(entry.weights, one_hot("neutral"), strict=True))
        return text, weights, entry.strength * factor

    def despite(self, rng: np.random.Generator) -> _Made:
        """A feeling that is named wins over a scene that suggests another."""
        one, two = (LABELS[i] for i in rng.permutation(7)[:2])
        text, entry, strength = self.clause(_pick(("adj", "be", "verb"), rng, (0.6, 0.2, 0.2)), one, rng)
        kind = ("event", "scene")[rng.integers(2)]
        other = self.entry(kind, two, rng)
        joint = (" although he has {X}", " even though he has {X}", " despite having {X}") if kind == "event" else (
            " {X}", " while {X}", " although {X}", ", {X}")  # fmt: skip
        text += self.fill(joint[rng.integers(len(joint))], rng, X=other.text)
        return text, tuple(0.85 * x + 0.15 * y for x, y in zip(entry.weights, other.weights, strict=True)), strength

    def unfelt(self, rng: np.random.Generator) -> _Made:
        """Plain sentences and words that mean nothing here: neutral."""
        if rng.random() < 0.1:
            return _unreadable(rng), one_hot("neutral"), 0.9
        frames = self._of("plain", PLAIN)
        text = self.fill(frames[rng.integers(len(frames))], rng)
        if rng.random() < 0.3:
            text += (", ", ". ", " and ")[rng.integers(3)] + self.fill(frames[rng.integers(len(frames))], rng)
        return text, one_hot("neutral"), 0.9

    def _noted(self, text: str, weights: tuple[float, ...], strength: float, rng: np.random.Generator) -> _Made:
        """At times a director's note on the strength, a percentage, or something that is beside the point."""
        factor = 1.0
        chance = rng.random()
        if chance < 0.08:
            note, factor = NOTES[rng.integers(len(NOTES))]
            text = _pick(("{1}: {0}", "{0}, {1}", "{0} ({1})", "{1}, {0}", "{0}. {1}"), rng).format(text, note)
        elif chance < 0.11:
            percent = int(rng.choice((10, 20, 25, 30, 40, 50, 60, 70, 75, 80, 90, 100, 120, 150, 200)))
            text = _pick(("{0} {1}%", "{1}% {0}", "{0} at {1} percent", "{0}, {1}%"), rng).format(text, percent)
            factor = max(percent / 100, 0.2)
        elif chance < 0.18:
            asides = self._of("plain", PLAIN)
            aside = self.fill(asides[rng.integers(len(asides))], rng)
            text = (f"{aside}, {text}", f"{text}, {aside}", f"{aside}. {text}", f"{text}. {aside}")[rng.integers(4)]
        elif chance < 0.25:
            place = self.fill("{P}", rng)
            text = (f"{place}, {text}", f"{text} {place}")[rng.integers(2)]
        return text, weights, strength * (1.0 if weights[_NEUTRAL] > 0.5 else factor)

    def _held(self, rng: np.random.Generator) -> _Made:
        """What stands on a frame or a pair that is held out."""
        chance = rng.random()
        if chance < 0.5:
            kind = _kind(rng)
            frames = self._of(kind, FRAMES[kind], held=True)
            if not frames:
                return self._held(rng)
            text, entry, strength = self.clause(kind, _label(rng), rng, frame=frames[rng.integers(len(frames))])
            return text, entry.weights, strength
        if chance < 0.75:
            for _ in range(200):
                entry = self.entry("adj", _label(rng), rng)
                word, factor = DEGREES[rng.integers(len(DEGREES))]
                if self._pair_held(entry, word):
                    factor = 1.0 if entry.weights[_NEUTRAL] > 0.5 else factor
                    return f"{word} {entry.text}", entry.weights, entry.strength * factor
        while True:
            kind = _pick(("adj", "noun", "verb"), rng)
            group = _pick(tuple(DENIALS[kind]), rng)
            frames = self._of(f"deny {kind} {group}", DENIALS[kind][group], held=True)
            label = _pick([name for name in LABELS if name != "neutral"], rng)
            if frames:
                return self._denial(frames[rng.integers(len(frames))], kind, group, self.entry(kind, label, rng), rng)


def denial(weights: tuple[float, ...], kind: str, group: str) -> tuple[float, ...]:
    """What is left when something is denied: "not angry" is neutral, "not happy" is somewhat sad, "not calm" uneasy."""
    strongest = int(np.argmax(weights))
    out = np.zeros(len(LABELS))
    if strongest == _NEUTRAL:
        return _UNREST
    if strongest == _HAPPY:
        sad = {"plain": 0.5, "firm": 0.75, "past": 0.6, "partly": 0.45}[group]
        if kind in ("verb", "cue"):  # a face without a smile is not yet a sad one
            sad = 0.2
        out[_SAD], out[_NEUTRAL] = sad, 1.0 - sad
    elif strongest == _SAD and group in ("firm", "past"):
        out[_HAPPY], out[_NEUTRAL] = 0.25, 0.75
    else:
        out[_NEUTRAL] = 1.0
    if group == "partly":
        out = 0.7 * out + 0.3 * np.asarray(weights)
    return tuple(out.tolist())


_Made = tuple[str, tuple[float, ...], float]
_MAKERS: tuple[Callable[[Grammar, np.random.Generator], _Made], ...] = (
    Grammar.plain, Grammar.doubled, Grammar.denied, Grammar.nothing, Grammar.affirmed, Grammar.contrast,
    Grammar.mixture, Grammar.hidden, Grammar.despite, Grammar.unfelt,
)  # fmt: skip
_MAKER_SHARES = (0.42, 0.13, 0.12, 0.02, 0.05, 0.08, 0.06, 0.04, 0.02, 0.06)


def _pick(things: Sequence[Any], rng: np.random.Generator, shares: Sequence[float] | None = None) -> Any:
    if shares is None:
        return things[int(rng.integers(len(things)))]
    return things[min(int(np.searchsorted(np.cumsum(shares), rng.random() * sum(shares), "right")), len(things) - 1)]


def _kind(rng: np.random.Generator) -> str:
    return _pick(tuple(KIND_SHARES), rng, tuple(KIND_SHARES.values()))


def _label(rng: np.random.Generator) -> str:
    return LABELS[rng.integers(len(LABELS))]


def _unreadable(rng: np.random.Generator) -> str:
    """Signs of scripts that the lexicon has no word of, or nothing at all."""
    start = (0, 0x430, 0x4E00, 0x3B1, 0x5D0, 0x30A0)[rng.integers(6)]
    if not start:
        return ("", ".", "...", "?", "12", "42 7")[rng.integers(6)]
    words = ["".join(chr(start + int(i)) for i in rng.integers(0, 20, 5)) for _ in range(rng.integers(1, 5))]
    return " ".join(words)


def _tidy(weights: tuple[float, ...]) -> tuple[float, ...]:
    total = sum(weights)
    return tuple(weight / total for weight in weights)
