"""English words as phone classes."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from medtalk.features.phones import PHONES
from medtalk.features.pronunciation import MAX_PRONUNCIATIONS, english, pronounce


def said(text: str) -> list[str]:
    """The likeliest pronunciation of each word."""
    return [" ".join(PHONES[p] for p in word.pronunciations[0]) for word in pronounce(text)]


@pytest.mark.parametrize(
    "text, phones",
    [
        ("church", ["t sh er t sh"]),
        ("a boy", ["ah", "b ao ih"]),
        ("Mary's dogs", ["m eh r iy z", "d aa g z"]),
        ("it’s well-known", ["ih t s", "w eh l", "n oh uh n"]),
        ("Mr. Smith", ["m ih s t er", "s m ih th"]),
        ("'tis talkin'", ["t ih z", "t ao k ih n"]),
        ("the USA & U.S.A.", ["dh ah", "y uw eh s eh ih", "ah n d", "y uw eh s eh ih"]),
        ("café", ["k ah f eh ih"]),
        ("42", ["f ao r t iy t uw"]),
        ("3rd", ["th er d"]),
        ("50%", ["f ih f t iy p er s eh n t"]),
        ("$1", ["w ah n d aa l er"]),
        ("2.5", ["t uw p ao ih n t f aa ih v"]),
        ("in 1998", ["ih n", "n aa ih n t iy n n aa ih n t iy eh ih t"]),
    ],
)
def test_words_numbers_and_abbreviations_are_read(text: str, phones: list[str]) -> None:
    assert said(text) == phones


def test_spans_are_places_in_the_text() -> None:
    text = "“Well,” she said — ‘don’t’; 1,500 men & I."
    words = pronounce(text)
    assert [w.text for w in words] == ["Well", "she", "said", "don’t", "1,500", "men", "&", "I"]
    assert all(text[w.start : w.end] == w.text for w in words)


def test_a_word_has_its_several_pronunciations() -> None:
    ways = pronounce("read")[0].pronunciations
    assert {tuple(PHONES[p] for p in way) for way in ways} >= {("r", "iy", "d"), ("r", "eh", "d")}
    british = {" ".join(PHONES[p] for p in way) for way in pronounce("hard")[0].pronunciations}
    assert {"h aa r d", "h aa d"} <= british
    assert all(len(w.pronunciations) <= MAX_PRONUNCIATIONS for w in pronounce("and that was what the girl had said"))


def test_unknown_words_are_sounded_by_their_letters() -> None:
    (word,) = pronounce("flimmerbop")
    assert not word.known and [PHONES[p] for p in word.pronunciations[0]][:3] == ["f", "l", "ih"]


def test_what_is_no_word_gives_nothing() -> None:
    assert pronounce("") == [] and pronounce("?!… — ** ((()))") == []
    assert [w.pronunciations for w in pronounce("北京 Москва")] == [(), ()]
    assert pronounce("x" * 5000)[0].pronunciations == () and pronounce("7" * 5000)[0].pronunciations == ()
    assert all(w.pronunciations == () for w in pronounce("²³ ①"))


def test_another_language_is_noticed() -> None:
    assert english(pronounce("She had your dark suit in greasy wash water all year."))
    assert english(pronounce("Flimmerbop!"))
    assert not english(pronounce("Heute morgen bin ich sehr früh aufgestanden, weil ich in die Stadt fahren wollte."))
    assert not english(pronounce("Сегодня утром я встал очень рано и пошёл на рынок."))


def test_a_long_text_takes_bounded_time() -> None:
    start = time.process_time()
    pronounce("The quick brown fox jumps over 13 lazy dogs, " * 2300)  # 100,000 characters
    pronounce(" ".join(f"w{'aeiou'[n % 5]}r{'bdfgklmn'[n % 8]}o{n}x" for n in range(9000)))
    assert time.process_time() - start < 8.0


def test_import_is_light() -> None:
    code = "import sys, medtalk.features.alignment; print('torch' in sys.modules, 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split()[0] == "False"


def test_a_word_that_is_silent_by_itself_has_no_pronunciation() -> None:
    word, after = pronounce("gh so")
    assert word.pronunciations == () and after.pronunciations
