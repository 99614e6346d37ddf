"""The text and voice of each utterance of a corpus: a function of the seed and its number alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from medtalk_train.synthetic.corpus import text
from medtalk_train.synthetic.corpus.festival import VOICES as FESTIVAL_VOICES

CHUNK = 24  # utterances spoken together: one festival voice each, all engines mixed
ENGINES = {"espeak": 0.45, "flite": 0.30, "festival": 0.25}
AFFECT = 0.36  # share of affect sentences in English text, about a quarter of everything

_ENGLISH = {"en-us": 5, "en": 3, "en-gb-x-rp": 1, "en-gb-scotland": 1, "en-us-nyc": 1, "en-029": 0.5,
            "en-gb-x-gbclan": 0.5, "en-gb-x-gbcwmd": 0.5}  # fmt: skip
_FOREIGN = {"de": 1, "fr": 1, "es": 0.6, "es-419": 0.4, "it": 1, "pt": 0.5, "pt-br": 0.5, "pl": 1, "nl": 0.6, "sv": 1,
            "tr": 1, "ro": 1, "hu": 1, "ru": 1.3, "hi": 1.3, "ja": 1.3, "ar": 1.3, "cmn-latn-pinyin": 2}  # fmt: skip
# Voices that read their own language only: they cannot read Latin letters.
_OWN_SCRIPT = {"cmn", "ru", "hi", "ja", "ar"}
# The variants of espeak-ng that still sound like a person.
_VARIANT_NAMES = """m1 m2 m3 m4 m5 m6 m8 f1 f2 f3 f5 klatt klatt2 klatt3 Alex Alicia Andrea Andy Denis Diogo Gene
Jacky Lee Mario Michael Mike adam anika antonio aunty belinda benjamin boris caleb david edward grandma grandpa john
linda marcelo miguel norbert paul pedro quincy rob robert sandro shelby steph travis victor zac"""
_VARIANTS = _VARIANT_NAMES.split()
_FLITE = {"slt": 1.0, "rms": 1.0, "awb": 0.3, "kal16": 0.8}
_FESTIVAL = {"cmu_us_slt_arctic_hts": 1.2, "kal_diphone": 1.5, "ked_diphone": 0.4, "czech_dita": 1, "czech_krb": 1,
             "czech_machac": 0.3, "czech_ph": 1, "lp_diphone": 1.2, "pc_diphone": 0.3, "suo_fi_lj_diphone": 1.2,
             "hy_fi_mv_diphone": 1.2, "upc_ca_ona_hts": 1.2}  # fmt: skip
assert set(_FESTIVAL) == set(FESTIVAL_VOICES)

# Whole voices that training never hears.
HELD_VOICES = {"awb", "ked_diphone", "czech_machac", "pc_diphone"}
HELD_VARIANTS = ("f4", "m7", "klatt4", "Annie", "max")
HELD_SHARE = 0.12  # of what espeak-ng says: enough of every language to judge by
HELD_LANGUAGES = {"nl"}


@dataclass(frozen=True)
class Line:
    """One utterance to be spoken.

    ``language`` is that of the text; the voice may read it by the rules of another. ``settings`` go to the engine,
    ``lead`` and ``tail`` are seconds of silence put around what it says.
    """

    id: int
    engine: str
    voice: str
    language: str
    split: str
    text: str
    settings: Mapping[str, float]
    lead: float = 0.0
    tail: float = 0.0


Choice = Callable[[Line], bool]
"""Says whether an utterance of a plan is to be spoken; a function of a module, for the sake of other processes."""


def held_foreign(line: Line) -> bool:
    """Chooses held-out voices in other languages than English, to judge every language by."""
    return line.split == "held" and line.language != "en"


def pick(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    """A name at random, by the weights."""
    names = list(weights)
    shares = np.array([weights[name] for name in names], float)
    return names[int(rng.choice(len(names), p=shares / shares.sum()))]


def words(rng: np.random.Generator, languages: Sequence[tuple[str, float]]) -> tuple[str, str]:
    """(language, sentence): the first language whose share comes up, English otherwise, a part of it with affect."""
    for language, share in languages:
        if rng.random() < share:
            return language, text.draw(language, rng)
    return "en", text.affect_sentence(rng) if rng.random() < AFFECT else text.draw("en", rng)


def plan_chunk(seed: int, number: int) -> list[Line]:
    """The utterances ``number * CHUNK`` to ``(number + 1) * CHUNK - 1`` of the corpus of ``seed``."""
    rng = np.random.default_rng([seed, number])
    festival_voice = pick(rng, _FESTIVAL)
    first = number * CHUNK
    return [
        _plan(np.random.default_rng([seed, 1, index]), index, festival_voice) for index in range(first, first + CHUNK)
    ]


def _plan(rng: np.random.Generator, index: int, festival_voice: str) -> Line:
    engine = pick(rng, ENGINES)
    if engine == "flite":
        voice = pick(rng, _FLITE)
        language, sentence = words(rng, ())
        settings = {"stretch": rng.uniform(0.85, 1.25)}
        if voice == "kal16":
            settings["int_f0_target_mean"] = rng.uniform(80, 125)
        else:
            settings["f0_shift"] = rng.uniform(0.85, 1.2)
        return Line(index, engine, voice, language, _split(voice), sentence, settings)
    if engine == "festival":
        own = {"cs": ("cs", 0.5), "it": ("it", 0.5), "ca": ("es", 0.5)}.get(FESTIVAL_VOICES[festival_voice].language)
        language, sentence = words(rng, [own] if own else ())
        settings = {"stretch": rng.uniform(0.85, 1.25)}
        return Line(index, engine, festival_voice, language, _split(festival_voice), sentence, settings)
    if rng.random() < HELD_SHARE:
        variant = HELD_VARIANTS[rng.integers(len(HELD_VARIANTS))]
    else:
        variant = _VARIANTS[rng.integers(len(_VARIANTS))] if rng.random() < 0.9 else ""
    if rng.random() < 0.5:
        spoken = pick(rng, _ENGLISH)
        language, sentence = words(rng, ())
    else:
        spoken = pick(rng, _FOREIGN)
        family = spoken.split("-")[0]
        language, sentence = words(rng, [(family, 1.0 if family in _OWN_SCRIPT else 0.75)])
    voice = f"{spoken}+{variant}" if variant else spoken
    held = variant in HELD_VARIANTS or spoken in HELD_LANGUAGES
    settings = {
        "rate": float(rng.integers(120, 216)),
        "pitch": float(rng.integers(15, 86)),
        "pitch_range": float(rng.integers(20, 91)),
    }
    lead, tail = rng.uniform(0.05, 0.35, 2)  # espeak-ng begins at once
    split = "held" if held else "train"
    return Line(index, engine, voice, language, split, sentence, settings, float(lead), float(tail))


def _split(voice: str) -> str:
    return "held" if voice in HELD_VOICES else "train"
