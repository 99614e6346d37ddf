"""The words that sentences of the grammar are made of, for a bundle to tell what it has not understood."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from medtalk.features.vocabulary import stem
from medtalk.features.words import split
from medtalk.guidance import LABELS, NEUTRAL, SYNONYMS
from medtalk_train.wording import frames
from medtalk_train.wording.lexicon import ENTRIES, SEEN, rows
from medtalk_train.wording.phrases import CODES, NAMES, Book, book

GRAMMAR = frozenset(
    """
    a an the and or but nor so yet if than that this these those there here then i me my mine myself you your yours
    yourself he him his himself she her hers herself it its itself we us our ours ourselves they them their theirs
    themselves who whom whose which what when where why how am is are was were be been being isn't aren't wasn't
    weren't have has had having haven't hasn't hadn't do does did doing done don't doesn't didn't will would shall
    should can could may might must won't wouldn't can't cannot couldn't shouldn't mustn't i'm i've i'll i'd he's
    he'll he'd she's she'll she'd it's it'll we're we've we'll you're you've you'll they're they've they'll that's
    there's what's who's let's of in on at by for from to with without into onto out up down over under off about
    after before as while until because though although through during between among against toward towards behind
    beyond beside near not no never none nothing nobody nowhere neither either both all any some every each other
    another someone somebody anyone anybody everyone everybody something anything everything one two three four five
    six seven eight nine ten very too just only even still again ever already also almost quite rather more most
    less least much many few little bit lot own same such now soon get gets got getting make makes made making go
    goes going went gone come comes came coming take takes took taken taking put puts say says said saying tell
    tells told telling talk talks talking speak speaks speaking look looks looked looking see sees saw seen seem
    seems seemed want wants wanted try tries trying tried keep keeps kept turn turns turned man men woman women boy
    girl person people child kid kids mr mrs
""".split()
)
"""Words that hold sentences together, or may stand in any; none names a feeling alone."""


def vocabulary() -> dict[str, Any]:
    """What `medtalk.features.vocabulary.Vocabulary` is made of."""
    plain = GRAMMAR | _words(_texts([_PLAIN, [subject.name for subject in frames.SUBJECTS]]))
    feelings, others = {*LABELS, *SYNONYMS}, _words(_texts(_DEGREES))
    for entry in ENTRIES:
        words = _words([entry.text]) - GRAMMAR
        others |= words
        # a word of everyday names a feeling only as an adjective or noun of its own: "cross"
        own = entry.kind in ("adj", "noun") or (entry.kind in _NAMING and not words & plain)
        if len(words) == 1 and own and not (entry.kind == "thing" and entry.label == NEUTRAL):
            feelings |= words
    for line in rows(SEEN):
        feelings |= _words(line.split(": ")[1].split(", ")) - GRAMMAR
    # of the scenes, what is no form of a word that says more
    stems = {stem(word) for word in feelings | others}
    scenes = {word for word in _words(book("en").words()) if stem(word) not in stems}
    return {
        "feelings": sorted(feelings),
        "others": sorted(others - feelings - plain),
        "plain": sorted((plain | scenes) - feelings),
        "languages": {name: _of(book(code)) for code, name in zip(CODES, NAMES, strict=True)},
    }


def _of(phrases: Book) -> dict[str, str]:
    """The words of a language by kind."""
    plain = _words(re.sub(r"\{\w\}", " ", frame) for group in phrases.frames.values() for frame in group)
    plain |= _words(word for word, _ in phrases.degrees)
    feelings: set[str] = set()
    for (_, kind), entries in phrases.entries.items():
        if kind in ("adj", "noun"):
            feelings |= {word for text, _ in entries if len(words := split(text)) == 1 for word in words}
    others = _words(phrases.words()) - plain - feelings
    groups = {"feelings": feelings, "others": others, "plain": plain - feelings}
    return {kind: " ".join(sorted(words)) for kind, words in groups.items()}


_NAMING = ("verb", "cue", "say", "like", "thing")
_PLAIN = (
    frames.FRAMES, frames.DENIALS, frames.AFFIRMED, frames.CONTRASTS, frames.MIXTURES, frames.HIDDEN, frames.CONFLICTS,
    frames.NOTHING, frames.PLAIN, frames.THINGS, frames.PLACES, frames.ORDINARY,
)  # fmt: skip
_DEGREES = (frames.DEGREES, frames.ADDED_DEGREES, frames.VERB_DEGREES, frames.NOUN_DEGREES, frames.NOTES)


def _texts(held: Any) -> Iterable[str]:
    """All texts in nested tuples, lists and dicts."""
    if isinstance(held, str):
        yield re.sub(r"\{\w+\}", " ", held)
    elif isinstance(held, (dict, tuple, list)):
        for each in held.values() if isinstance(held, dict) else held:
            yield from _texts(each)


def _words(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in split(text) if word[0].isalpha()}
