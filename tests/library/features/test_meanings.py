"""Words by meaning: which rows of the table a word looks up."""

from __future__ import annotations

import numpy as np
import pytest

from medtalk.features.meanings import PARTS, Meanings
from medtalk.features.words import split, tokenise

WORDS = ("sad", "traurig", "lotto", "gewinn", "\u60b2\u3057\u3044", "\u60b2", "\ud654\ub0ac\ub2e4", "angry", "cat")


@pytest.fixture(scope="module")
def meanings() -> Meanings:
    return Meanings(WORDS)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("sad", [("sad",)]),
        ("SAD!", [("sad",), ()]),
        ("traurigsten", [("traurig",)]),
        ("Lottogewinn", [("lotto", "gewinn")]),
        ("catastrophe", [()]),  # too little of it
        ("sa xyz", [(), ()]),
        ("\u60b2\u3057\u3044", [("\u60b2\u3057\u3044",)] * 3),
        ("\u60b2\u3044", [("\u60b2",), ()]),
        ("angry \ud654\ub0ac\ub2e4", [("angry",)] + [("\ud654\ub0ac\ub2e4",)] * 3),
        ("", [()]),
    ],
)
def test_rows(meanings: Meanings, text: str, rows: list[tuple[str, ...]]) -> None:
    found = meanings.rows(split(text))
    wanted = [[WORDS.index(word) + 1 for word in row] + [0] * (PARTS - len(row)) for row in rows]
    assert found.dtype == np.int64 and found.tolist() == wanted


@pytest.mark.parametrize("text", ["", "sad, not angry", "\u60b2\u3057\u3044 sad", "sad " * 3000])
def test_tokens_are_those_of_the_letters_with_the_rows(meanings: Meanings, text: str) -> None:
    found = meanings.tokenise(text)
    np.testing.assert_array_equal(found[:, :-PARTS], tokenise(text))
    np.testing.assert_array_equal(found[:, -PARTS:], meanings.rows(split(text)[: len(found)]))


def test_what_the_table_has(meanings: Meanings) -> None:
    assert "sad" in meanings and "saddest" not in meanings
