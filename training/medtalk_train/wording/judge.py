"""How well descriptions are understood: on held-out sentences by hand and by the grammar, denials, scales."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from medtalk.features.words import split
from medtalk.guidance import LABELS
from medtalk_train.wording.grammar import Grammar
from medtalk_train.wording.held_out import DESCRIBED, JUDGED, LATER, NEGATED, SCALES
from medtalk_train.wording.lexicon import ENTRIES

Encode = Callable[[str], tuple[NDArray[np.float32], float]]
"""A text to weights (7,) and strength."""

LOW, HIGH = 0.75, 1.35
"""Below is a low strength, from here on a high one."""


def judge(encode: Encode, grammar: Grammar | None = None, count: int = 2000) -> dict[str, float]:
    """All figures; shares are in 0..1.

    Args:
        encode: the encoder.
        grammar: if given, one that draws what was held out from training; so many of its sentences are judged.
    """
    out = {**described(encode), **judged(encode), **negated(encode), **scales(encode)}
    if grammar is not None:
        out |= drawn(encode, grammar, count)
    return out


def described(encode: Encode) -> dict[str, float]:
    """The sentences by hand: strongest label right, of all, by label, of those without a lexicon phrase, of `LATER`."""
    answers = [encode(each.text) for each in DESCRIBED]
    found = [LABELS[int(np.argmax(weights))] for weights, _ in answers]
    # either of two may lead where a reader finds both
    right = np.array([got in (each.label, each.also) for got, each in zip(found, DESCRIBED, strict=True)])
    novel = np.array([not known(each.text) for each in DESCRIBED])
    out = {"described": float(right.mean()), "described_novel": float(right[novel].mean())}
    later = [LABELS[int(np.argmax(encode(each.text)[0]))] == each.label for each in LATER]
    out["described_later"] = float(np.mean(later))
    out["described_novel_count"] = float(novel.sum())
    for label in LABELS:
        out[f"described_{label}"] = float(right[[each.label == label for each in DESCRIBED]].mean())
    both = [(weights, each) for (weights, _), each in zip(answers, DESCRIBED, strict=True) if each.also]
    out["described_second_felt"] = float(
        np.mean([min(weights[LABELS.index(name)] for name in (each.label, each.also)) > 0.15 for weights, each in both])
    )
    order = {"low": 0, "mid": 1, "high": 2}
    clear = [(got[1], order[each.strength]) for got, each in zip(answers, DESCRIBED, strict=True) if each.strength]
    strengths, truth = np.array(clear).T
    out["strength_class"] = float(((strengths >= LOW).astype(int) + (strengths >= HIGH) == truth).mean())
    out["strength_spearman"] = spearman(strengths, truth)
    out["strength_low_below_high"] = float((strengths[truth == 0][:, None] < strengths[truth == 2][None]).mean())
    return out


def judged(encode: Encode) -> dict[str, float]:
    """Strongest label right in each language, in the sentences written first and in those written last."""
    out: dict[str, list[bool]] = {}
    for each in JUDGED:
        found = LABELS[int(np.argmax(encode(each.text)[0]))]
        name = "second" if each.later else "first"
        out.setdefault(f"{name}_{each.language}", []).append(found in (each.label, each.also))
    return {name: float(np.mean(right)) for name, right in out.items()}


def negated(encode: Encode) -> dict[str, float]:
    """The pairs: the label recovered when said, not the strongest when denied, and both."""
    plain, denied = [], []
    for pair in NEGATED:
        plain.append(LABELS[int(np.argmax(encode(pair.plain)[0]))] == pair.label)
        denied.append(LABELS[int(np.argmax(encode(pair.denied)[0]))] != pair.label)
    return {
        "negation_said": float(np.mean(plain)),
        "negation_denied": float(np.mean(denied)),
        "negation_both": float(np.mean(np.logical_and(plain, denied))),
    }


def scales(encode: Encode) -> dict[str, float]:
    """The scales: the share of pairs of texts in the right order, and the mean rank correlation."""
    right, correlations = [], []
    for scale in SCALES:
        strengths = np.array([encode(text)[1] for text in scale])
        right += [strengths[i] < strengths[j] for i in range(len(strengths)) for j in range(i + 1, len(strengths))]
        correlations.append(spearman(strengths, np.arange(len(strengths))))
    return {"scales_pairs": float(np.mean(right)), "scales_spearman": float(np.mean(correlations))}


def drawn(encode: Encode, grammar: Grammar, count: int, name: str = "grammar") -> dict[str, float]:
    """Sentences of a grammar: strongest label right, and the rank correlation of the strength."""
    rng = np.random.default_rng(12)
    right, strengths, truth = [], [], []
    for example in (grammar.draw(rng) for _ in range(count)):
        weights, strength = encode(example.text)
        # of an even mixture either may lead
        right.append(example.weights[int(np.argmax(weights))] > max(example.weights) - 0.05)
        strengths.append(strength)
        truth.append(example.strength)
    correlation = spearman(np.array(strengths), np.array(truth))
    return {f"{name}_label": float(np.mean(right)), f"{name}_strength_spearman": correlation}


def known(text: str) -> bool:
    """Whether a lexicon phrase of three words or more occurs in the text, whoever it is about."""
    return _PHRASES.search(_anybody(text)) is not None


def spearman(x: NDArray, y: NDArray) -> float:
    """Rank correlation, ties averaged; 0 where one of them does not vary."""
    ranks = [_ranks(values) for values in (x, y)]
    if min(rank.std() for rank in ranks) == 0:
        return 0.0
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _ranks(values: NDArray) -> NDArray[np.float64]:
    values = np.asarray(values)
    return np.array([(values < value).sum() + ((values == value).sum() - 1) / 2 for value in values])


def _anybody(text: str) -> str:
    text = " ".join(split(text))
    return re.sub(r"\b(he|she|they|him|her|them|his|their|my|your|himself|herself|themselves)\b", "his", text)


def _phrases(texts: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(rf"\b{re.escape(text)}\b" for text in sorted(texts, key=len, reverse=True)))


_PHRASES = _phrases([_anybody(entry.text) for entry in ENTRIES if len(split(entry.text)) >= 3])
