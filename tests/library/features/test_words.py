"""Hashed words: stable ids, any language, no vocabulary."""

from __future__ import annotations

import numpy as np
import pytest

from medtalk.features.words import BUCKETS, MAX_WORDS, NO_WORDS, PIECES, places, split, tokenise


def test_ids_never_change() -> None:
    """Bundles hold vectors by these ids: another hash would silently scramble their words."""
    assert tokenise("Hello").tolist() == [[2765, 3136, 1583, 3117, 3862, 1309, 0, 0]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I'm NOT happy...", ["i'm", "not", "happy", "..."]),
        ("don\u2019t shout!", ["don't", "shout", "!"]),
        ("我们走", ["我", "们", "走"]),
        ("ＦＵＬＬ width?", ["full", "width", "?"]),
        ("'quoted', (really)", ["quoted", "really"]),
        ("Grüße, señor_x 42", ["grüsse", "señor", "x", "42"]),
    ],
)
def test_split(text: str, words: list[str]) -> None:
    assert split(text) == words


@pytest.mark.parametrize("text", ["", "  \n", "-- ,;", "☃"])
def test_no_word_is_the_token_for_no_words(text: str) -> None:
    np.testing.assert_array_equal(tokenise(text), NO_WORDS)


def test_shape_and_range() -> None:
    found = tokenise("incomprehensibilities are a word " * 300)
    assert found.shape == (MAX_WORDS, PIECES) and found.dtype == np.int64
    assert found.min() >= 0 and found.max() < BUCKETS
    assert (found[:, 0] >= 2).all(), "no word looks like padding or like the token for no words"


def test_related_words_share_pieces() -> None:
    shared = set(tokenise("terrified")[0]) & set(tokenise("terrifying")[0]) - {0}
    assert len(shared) >= 3
    assert not set(tokenise("terrified")[0]) & set(tokenise("happy")[0]) - {0}


def test_no_words_cannot_be_changed() -> None:
    with pytest.raises(ValueError):
        NO_WORDS[0, 0] = 5


@pytest.mark.parametrize(
    "text", ["Hello, “world”! It’s…", "e\u0301tude ﬁne ßtraße", "北京abc ... 한국", "Å ﷺ x", "\u1112\u1161\u11ab so"]
)
def test_places_are_where_the_words_came_from(text: str) -> None:
    found = places(text)
    assert len(found) == len(split(text))
    assert all(0 <= a < b <= len(text) for a, b in found) and sorted(found) == found


def test_places_of_plain_words() -> None:
    text = "So — a ﬁne ﬁsh!"
    assert [text[a:b] for a, b in places(text)] == ["So", "a", "ﬁne", "ﬁsh", "!"]
