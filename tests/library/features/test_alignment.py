"""A text and a sound side by side: on posteriors made from known phones."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from medtalk.features.alignment import Alignment, align, decode, token_times
from medtalk.features.phones import N_PHONES, PHONE_INDEX, VOWELS
from medtalk.features.pronunciation import pronounce
from medtalk.features.words import tokenise
from medtalk.rates import FPS

TEXT = (
    "And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country. "
    "Pity the world, or else this glutton be, to eat the world's due, by the grave and thee."
)
OTHER = (
    "The committee will publish a careful report about winter weather before breakfast, and everybody voted for a "
    "bigger bus to move five brown boxes from Memphis to Pittsburgh."
)
FRENCH = "Hier matin, nous sommes allés au marché du village avec ma grand-mère pour acheter des fruits."
Span = tuple[int, int, int]


def spoken(text: str, seed: int = 0) -> tuple[NDArray[np.float32], list[Span], list[tuple[int, int]]]:
    """Posteriors (T, 35) as a fair ear would have them, the true phones (first, end, class), the true words."""
    rng = np.random.default_rng(seed)
    spans: list[Span] = [(0, 20, 0)]
    words: list[tuple[int, int]] = []
    at = 20
    for number, word in enumerate(pronounce(text)):
        first = at
        for phone in word.pronunciations[0]:
            size = int(rng.integers(4, 10)) if phone >= PHONE_INDEX[VOWELS[0]] else int(rng.integers(3, 6))
            spans.append((at, at + size, phone))
            at += size
        words.append((first, at))
        if number % 6 == 5:
            spans.append((at, at + 25, 0))
            at += 25
    spans.append((at, at + 20, 0))
    logits = rng.normal(0.0, 2.6, (at + 20, N_PHONES))
    for first, end, phone in spans:
        if rng.random() < 0.06:  # misheard
            phone = int(rng.integers(N_PHONES))
        logits[first:end, phone] += 5.0
    logits[1:-1] = 0.25 * logits[:-2] + 0.5 * logits[1:-1] + 0.25 * logits[2:]
    weights = np.exp(logits)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32), spans, words


def truth(spans: list[Span]) -> NDArray[np.int64]:
    return np.concatenate([np.full(end - first, phone) for first, end, phone in spans])


def found(alignment: Alignment) -> int:
    return sum(word.fits for word in alignment.words)


def test_words_and_phones_are_found_and_the_posteriors_sharpened() -> None:
    heard, spans, words = spoken(TEXT)
    result = align(heard, TEXT)
    assert result.note == "" and found(result) >= len(words) - 2
    errors = [
        abs(edge - true)
        for word, pair in zip(result.words, words, strict=True)
        if word.fits
        for edge, true in zip((word.start * FPS, word.end * FPS), pair, strict=True)
    ]
    assert np.median(errors) <= 1 and np.percentile(errors, 90) <= 5
    before, after = ((p.argmax(1) == truth(spans)).mean() for p in (heard, result.posteriors))
    assert after > before + 0.1 and after > 0.85
    assert np.allclose(result.posteriors.sum(1), 1.0, atol=1e-4) and result.posteriors.dtype == np.float32


def test_phones_are_contiguous_and_words_in_order() -> None:
    heard, _, _ = spoken(TEXT)
    result = align(heard, TEXT)
    assert result.phones[0].start == 0 and result.phones[-1].end == len(heard) / FPS
    assert all(a.end == b.start for a, b in itertools.pairwise(result.phones))
    timed = result.timed_words
    assert all(a.end <= b.start for a, b in itertools.pairwise(timed)) and all(w.start < w.end for w in timed)
    assert all(p.text != "sil" for p in result.timed_phones)


@pytest.mark.parametrize("text", [OTHER, OTHER * 3, FRENCH, "Hallo, wie geht es dir heute, mein lieber Freund?"])
def test_a_text_that_does_not_fit_changes_nothing_and_is_noted(text: str) -> None:
    heard, _, _ = spoken(TEXT)
    result = align(heard, text)
    assert found(result) == 0 and np.array_equal(result.posteriors, heard)
    assert result.note.count("\n") == 0 and result.note.startswith("The transcript")


@pytest.mark.parametrize("seed", range(3))
def test_half_a_text_sharpens_its_half(seed: int) -> None:
    heard, _, words = spoken(TEXT, seed)
    half = " ".join(TEXT.split()[: len(words) // 2])
    result = align(heard, half)
    end = words[len(words) // 2][1]
    assert found(result) >= 0.8 * len(result.words) and "matches" in result.note
    assert np.array_equal(result.posteriors[end + 30 :], heard[end + 30 :])


def test_a_text_for_more_than_the_sound() -> None:
    heard, _, words = spoken(TEXT)
    result = align(heard, f"{OTHER} {TEXT} {OTHER}")
    before = len(pronounce(OTHER))
    assert [w.fits for w in result.words[before : before + len(words)]].count(True) >= len(words) - 4
    assert sum(w.fits for w in [*result.words[:before], *result.words[before + len(words) :]]) <= 2
    assert "are not in the sound" in result.note


def test_a_wrong_word_in_the_middle_is_left_to_the_sound() -> None:
    heard, _, words = spoken(TEXT)
    told = TEXT.split()
    told[3] = "chimpanzees"
    result = align(heard, " ".join(told))
    assert not result.words[3].fits and result.words[3].start == -1.0
    assert result.words[2].fits and result.words[5].fits and found(result) >= len(words) - 4


def test_the_pronunciation_that_was_spoken_is_chosen() -> None:
    heard, _, _ = spoken(TEXT)
    way = ("r", "eh", "d")  # and not r iy d
    logits = np.full((6 + 6 * len(way), N_PHONES), -4.0)
    for k, name in enumerate(way):
        logits[3 + 6 * k : 9 + 6 * k, PHONE_INDEX[name]] = 4.0
    logits[[0, 1, 2, -1, -2, -3], 0] = 4.0
    weights = np.exp(logits)
    row = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    result = align(np.concatenate([heard, row]), TEXT + " read")
    assert [p.phone for p in result.phones][-4:-1] == [PHONE_INDEX[name] for name in way]


@pytest.mark.parametrize("text", ["", "   ", "?!… ***", "北京是中国的首都", "x" * 100_000, "1" * 100_000])
def test_texts_without_words_leave_everything_to_the_sound(text: str) -> None:
    heard, _, _ = spoken("Hello there, my friend.")
    result = align(heard, text)
    assert found(result) == 0 and np.array_equal(result.posteriors, heard)
    assert bool(result.note) == bool(text.strip())


def test_no_sound_and_silence() -> None:
    assert align(np.zeros((0, N_PHONES), np.float32), TEXT).phones == ()
    still = np.zeros((300, N_PHONES), np.float32)
    still[:, 0] = 1.0
    assert found(align(still, TEXT)) == 0
    assert found(align(still[:1], TEXT)) == 0
    with pytest.raises(ValueError):
        align(np.zeros((5, 7), np.float32), TEXT)


@pytest.mark.slow
def test_ten_minutes_and_a_hundred_thousand_characters_take_bounded_time() -> None:
    heard, _, words = spoken(TEXT)
    times = 36_000 // len(heard)
    start = time.process_time()
    result = align(np.tile(heard, (times, 1)), TEXT * times)
    assert found(result) >= 0.9 * len(words) * times
    long = align(heard, (OTHER + " ") * 250 + TEXT + OTHER * 250)
    assert found(long) >= len(words) - 4
    assert time.process_time() - start < 30.0


def test_decode_ignores_flickers() -> None:
    heard = np.full((30, N_PHONES), 1e-3, np.float32)
    heard[:15, 5] = heard[15:, 7] = 0.9
    heard[7, 5], heard[7, 9] = 0.4, 0.5
    assert decode(heard).tolist() == [5] * 15 + [7] * 15


def test_token_times_follow_the_words() -> None:
    text = "And so, my fellow Americans! Ask not what your country can do for you... ask what?"
    heard, _, words = spoken(text)
    result = align(heard, text)
    times = token_times(text, result, len(heard) / FPS)
    assert times.shape == (len(tokenise(text)), 2)
    assert times[0, 0] == pytest.approx(words[0][0] / FPS, abs=0.05) and times[5].tolist() == times[4].tolist()
    assert (np.diff(times.mean(1)) >= 0).all() and (times >= 0).all()
    assert (token_times(OTHER, align(heard, OTHER), 9.0) == -1).all()
    assert token_times("", align(heard, ""), 9.0).tolist() == [[-1, -1]]


def test_words_that_were_not_found_lie_between_their_neighbours() -> None:
    heard, _, _ = spoken(TEXT)
    told = TEXT.split()
    told[5:7] = ["chimpanzees", "unanimously"]
    result = align(heard, " ".join(told))
    times = token_times(" ".join(told), result, len(heard) / FPS)
    assert not result.words[5].fits and times[5, 0] >= times[4, 1] - 1e-4 and times[6, 1] <= times[7, 0] + 1e-4


@pytest.mark.parametrize("text", ["Yes!", "Help me.", "Give me the map."])
def test_a_cry_of_a_word_or_two_is_found(text: str) -> None:
    heard, _, words = spoken(text, seed=3)
    assert found(align(heard, text)) == len(words)
    assert found(align(heard, "Bavarian chocolate")) == 0
