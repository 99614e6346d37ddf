"""Generates the natural part of the corpus: Kokoro's voices and mixes of them, in five languages.

Utterance ``n`` of seed ``s`` depends on ``s`` and ``n`` alone. Half of the speakers are voices as they are, half the
mean of two: a new speaker nearly every time. Voices are held out whole: no mix that training hears has a part of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np

from medtalk.errors import TrainingError
from medtalk_train.synthetic.corpus import text
from medtalk_train.synthetic.corpus.kokoro import Kokoro
from medtalk_train.synthetic.corpus.phones import NotSpoken
from medtalk_train.synthetic.corpus.plan import Choice, Line, pick, words
from medtalk_train.synthetic.corpus.write import Refused, Result, fill, make

LANGUAGES = {"en-us": 0.50, "en-gb": 0.20, "es": 0.08, "fr": 0.08, "it": 0.07, "pt": 0.07}
VOICES = {
    "en-us": "af_alloy af_aoede af_bella af_heart af_jessica af_kore af_nicole af_nova af_river af_sarah af_sky am_adam"
    " am_echo am_eric am_fenrir am_liam am_michael am_onyx am_puck am_santa".split(),
    "en-gb": "bf_alice bf_emma bf_isabella bf_lily bm_daniel bm_fable bm_george bm_lewis".split(),
    "es": "ef_dora em_alex em_santa".split(),
    "fr": ["ff_siwis"],
    "it": "if_sara im_nicola".split(),
    "pt": "pf_dora pm_alex pm_santa".split(),
}
# Whole voices that training never hears, at least one of every language. French has one voice: training hears French
# from mixes of the others.
HELD = set("af_kore am_liam am_santa bf_lily bm_fable em_santa ff_siwis im_nicola pm_santa".split())
HELD_SHARE = {"en-us": 0.12, "en-gb": 0.12}  # of the utterances
_HELD_FOREIGN = 0.3
_WHOLE = 0.5  # share of voices that are no mix
_SPEED = (0.75, 1.3)


def plan(seed: int, index: int) -> Line:
    """Utterance ``index`` of the corpus of ``seed``."""
    rng = np.random.default_rng([seed, 2, index])
    spoken = pick(rng, LANGUAGES)
    family = spoken.split("-")[0]
    split = "held" if rng.random() < HELD_SHARE.get(spoken, _HELD_FOREIGN) else "train"
    language, sentence = words(rng, [] if family == "en" else [(family, 1.0)])
    speed = float(np.exp(rng.uniform(*np.log(_SPEED))))
    lead, tail = rng.uniform(0.0, 0.2, 2)
    voice = _speaker(rng, spoken, split)
    return Line(index, "kokoro", voice, language, split, sentence, {"speed": speed}, float(lead), float(tail))


def _speaker(rng: np.random.Generator, spoken: str, split: str) -> str:
    """A voice of the language, or a mix of two of any language, all of one split."""
    own = [name for name in VOICES[spoken] if (name in HELD) == (split == "held")]
    if own and rng.random() < _WHOLE:
        return own[rng.integers(len(own))]
    others = [name for names in VOICES.values() for name in names if (name in HELD) == (split == "held")]
    first = own[rng.integers(len(own))] if own else others[rng.integers(len(others))]
    others.remove(first)
    return f"{first}+{others[rng.integers(len(others))]}"


def generate_voices(
    folder: Path | str,
    hours: float,
    kokoro: Path | str,
    seed: int = 1,
    progress: bool = True,
    threads: int = 1,
    only: Choice | None = None,
) -> dict:
    """Writes a corpus of at least ``hours`` of Kokoro's speech into ``folder``, or goes on with one that is there.

    ``kokoro`` is the folder of the model (see `Kokoro`), ``threads`` how many it may use; ``only`` chooses utterances
    of the plan, such as `plan.held_foreign`. Gives the statistics that also lie in ``corpus.json``. Raises
    TrainingError for missing parts, or a folder that holds a corpus of another seed; OutputError where it cannot be
    written.
    """
    if not hours > 0:
        raise TrainingError(f"A corpus needs more than 0 hours, not {hours}.")
    for language in ("en", "es", "it", "pt"):
        text.sentences(language)
    engine = Kokoro(kokoro, threads)
    return fill(folder, seed, partial(_results, engine, seed, only), hours, progress)


def _results(engine: Kokoro, seed: int, only: Choice | None, first: int) -> Iterator[Result]:
    for index in count(first):
        line = plan(seed, index)
        if only is not None and not only(line):
            continue
        try:
            yield make(line, *engine.speak(line.text, line.voice, _accent(line), line.settings["speed"]))
        except NotSpoken as error:
            yield Refused(line.id, error.reason, str(error))


def _accent(line: Line) -> str:
    """The language as Kokoro reads it: English by the accent of the speaker's first voice."""
    if line.language != "en":
        return line.language
    return "en-gb" if line.voice.startswith("b") else "en-us"
