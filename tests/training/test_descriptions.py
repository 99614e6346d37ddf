"""Descriptions for the compact text encoder: the English, the lexicon, the grammar, what is held out, the training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import medtalk
from medtalk.errors import BundleError, TrainingError
from medtalk.features.words import split, tokenise
from medtalk.guidance import LABELS, Description
from medtalk.model.text_encoder import TextEncoderConfig
from medtalk_train.cli import app
from medtalk_train.settings import WordingOptions
from medtalk_train.synthetic.export import add_text
from medtalk_train.wording import english
from medtalk_train.wording.dataset import FORBIDDEN, batches, draw, tokens, weaken
from medtalk_train.wording.frames import SUBJECTS
from medtalk_train.wording.grammar import STRONGEST, WEAKEST, Grammar, denial
from medtalk_train.wording.held_out import DESCRIBED, NEGATED, SCALES
from medtalk_train.wording.judge import judge, known, spearman
from medtalk_train.wording.lexicon import ENTRIES, one_hot
from medtalk_train.wording.train import encoder, graph_bytes, train

TINY = WordingOptions(epochs=2, texts=3000, batch=64, rate=1e-2)


@pytest.mark.parametrize(
    ("base", "third", "gerund"),
    [
        ("glare at them", "glares at them", "glaring at them"),
        ("cry", "cries", "crying"),
        ("smile", "smiles", "smiling"),
        ("run away", "runs away", "running away"),
        ("lie", "lies", "lying"),
        ("have fun", "has fun", "having fun"),
        ("clench his fists", "clenches his fists", "clenching his fists"),
        ("see red", "sees red", "seeing red"),
        ("not expect it", "does not expect it", "not expecting it"),
        ("enjoy it", "enjoys it", "enjoying it"),
        ("scream", "screams", "screaming"),
    ],
)
def test_verbs_are_inflected(base: str, third: str, gerund: str) -> None:
    assert english.third(base) == third
    assert english.gerund(base) == gerund


def test_adverbs_comparatives_and_articles() -> None:
    assert [english.adverb(word) for word in ("angry", "sad", "gentle", "ecstatic", "terrible")] == [
        "angrily", "sadly", "gently", "ecstatically", "terribly",
    ]  # fmt: skip
    assert [english.comparative(word) for word in ("happy", "sad", "afraid", "disgusted")] == [
        "happier", "sadder", "more afraid", "more disgusted",
    ]  # fmt: skip
    assert english.articles("a angry man, a happy one, a unicorn") == "an angry man, a happy one, a unicorn"


def test_subjects_agree_with_verbs_and_pronouns() -> None:
    said = {person.name: person.fit("[be] on his own, [look] at him") for person in SUBJECTS}
    assert said["she"] == "is on her own, looks at her"
    assert said["I"] == "am on my own, look at me"
    assert said["they"] == "are on their own, look at them"


def test_lexicon_is_rich_in_every_emotion() -> None:
    for label in LABELS:
        entries = [entry for entry in ENTRIES if entry.label == label]
        assert len(entries) >= 300
        strengths = {entry.strength for entry in entries}
        assert len(strengths) >= (2 if label == "neutral" else 3)
    assert len({(entry.label, entry.kind, entry.text) for entry in ENTRIES}) == len(ENTRIES)
    assert all(WEAKEST <= entry.strength <= STRONGEST for entry in ENTRIES)


def test_drawn_descriptions_are_whole() -> None:
    grammar, rng = Grammar(), np.random.default_rng(0)
    drawn = [grammar.draw(rng) for _ in range(3000)]
    for each in drawn:
        assert not set("{}[]") & set(each.text), each.text
        assert abs(sum(each.weights) - 1.0) < 1e-6 and min(each.weights) >= 0.0
        assert WEAKEST <= each.strength <= STRONGEST
    shares = np.mean([each.weights for each in drawn], 0)
    assert shares.min() > 0.08  # every emotion is met often
    assert len({each.text for each in drawn}) > 2800


def test_the_same_seed_draws_the_same() -> None:
    one, two = (draw(Grammar(), 50, np.random.default_rng(3)) for _ in range(2))
    assert one == two


def test_degrees_order_the_strength() -> None:
    grammar, rng = Grammar(whole=True), np.random.default_rng(1)
    felt: dict[str, list[float]] = {"slightly": [], "very": [], "extremely": []}
    for _ in range(4000):
        text, entry, strength = grammar.clause("adj", "angry", rng, frame="{X}", graded=True)
        if (word := text.split()[0]) in felt:
            felt[word].append(strength / entry.strength)
    means = [float(np.mean(values)) for values in felt.values()]
    assert means[0] < 0.6 < 1.0 < means[1] < means[2]


def test_denials_do_not_name_what_they_deny() -> None:
    for label in LABELS:
        for group in ("plain", "firm", "past", "partly"):
            left = denial(one_hot(label), "adj", group)
            assert abs(sum(left) - 1.0) < 1e-6
            assert LABELS[int(np.argmax(left))] != label


def test_held_out_frames_and_pairs_are_never_drawn() -> None:
    grammar, other = Grammar(7), Grammar(7, held_out=True)
    held = {frame for frames in _used(other) for frame in frames}
    seen = {frame for frames in _used(grammar) for frame in frames}
    assert held and seen and not held & seen
    rng = np.random.default_rng(2)
    for _ in range(500):
        entry = grammar.entry("adj", "happy", rng)
        word, _ = grammar.degree(entry, (("very", 1.3), ("so", 1.3), ("slightly", 0.5)), rng)
        assert not grammar._pair_held(entry, word) or not word


def _used(grammar: Grammar) -> list[list[str]]:
    rng = np.random.default_rng(4)
    for _ in range(2000):
        grammar.draw(rng)
    key = grammar.held_out
    return [
        [frame if isinstance(frame, str) else frame[0] for frame in frames]
        for (name, held), frames in grammar._frames.items()
        # beside a held-out frame the rest of a sentence may be met
        if held == key and (not key or held) and name != "plain"
    ]


def test_left_out_words_are_never_drawn() -> None:
    shown, hidden = Grammar(without=0.3), Grammar(without=0.3, only_without=True)
    pools = [{entry.text for pool in grammar._pools.values() for entry in pool} for grammar in (shown, hidden)]
    assert not pools[0] & pools[1] and len(pools[1]) > 500
    rng = np.random.default_rng(0)
    assert all(hidden.draw(rng).text for _ in range(200))


def test_sentences_by_hand_are_enough_and_balanced() -> None:
    assert len(DESCRIBED) >= 300 and len(NEGATED) >= 60 and len(SCALES) >= 20
    counts = [sum(each.label == label for each in DESCRIBED) for label in LABELS]
    assert min(counts) >= 40
    assert len({each.text.lower() for each in DESCRIBED}) == len(DESCRIBED)
    # most of them share no longer phrase with the lexicon
    assert sum(known(each.text) for each in DESCRIBED) < 0.2 * len(DESCRIBED)


def test_sentences_by_hand_are_not_trained_on() -> None:
    words = [tuple(split(each.text)) for each in DESCRIBED]
    assert {each for each in words if len(each) > 1} <= FORBIDDEN
    drawn = draw(Grammar(), 3000, np.random.default_rng(0))
    assert not FORBIDDEN & {tuple(each) for each, _, _ in drawn}


def test_tokens_are_those_of_the_bundle() -> None:
    rng, grammar = np.random.default_rng(0), Grammar()
    for text in [*(grammar.draw(rng).text for _ in range(100)), ""]:
        np.testing.assert_array_equal(tokens(split(text)), tokenise(text))


def test_batches_have_texts_of_one_length_and_no_padding() -> None:
    rng = np.random.default_rng(0)
    drawn = draw(Grammar(), 500, rng, phrases=True)
    made = list(batches(drawn, [tokens(words) for words, _, _ in drawn], 32, rng))
    assert sum(len(batch.strength) for batch in made) == 500
    for batch in made:
        assert (batch.tokens[..., 0] > 0).all() and batch.tokens.shape[2] == 8
        assert batch.weights.shape == (len(batch.strength), 7)
        weak = weaken(batch.tokens, 0.5, np.random.default_rng(1))
        assert ((weak == 0) | (weak == batch.tokens)).all()


def test_spearman() -> None:
    assert spearman(np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 21.0])) == pytest.approx(1.0)
    assert spearman(np.array([3.0, 2.0, 1.0]), np.array([1.0, 2.0, 3.0])) == pytest.approx(-1.0)
    assert spearman(np.array([1.0, 1.0, 1.0]), np.array([1.0, 2.0, 3.0])) == 0.0


def test_a_tiny_training_learns_and_repeats() -> None:
    torch.set_num_threads(1)
    config = TextEncoderConfig(width=24, hidden=16, dropout=0.0)
    model, again = train(TINY, config=config), train(TINY, config=config)
    for one, two in zip(model.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)
    figures = judge(encoder(graph_bytes(model)), Grammar(held_out=True), 200)
    assert figures["described"] > 0.2  # chance is a seventh
    assert all(np.isfinite(value) for value in figures.values())


def text(*words: object) -> str:
    """What `medtalk-train text` prints."""
    return CliRunner().invoke(app, ["text", *map(str, words)], catch_exceptions=False).output


def test_the_command_writes_weights_graph_and_figures_and_puts_them_into_a_bundle(
    tmp_path: Path, own_bundle: Path
) -> None:
    words = ("-o", tmp_path / "text", "--seed", 2, "--epochs", 1, "--texts", 300, "--without", 0.2)
    assert "described" in text(*words, "--bundle", own_bundle)
    model = medtalk.load(own_bundle)
    assert model.bundle.guidance == ("label", "text") and isinstance(model.guide(text="furious"), Description)
    card = (own_bundle / "README.md").read_text("utf-8")
    assert text(*words, "--bundle", own_bundle) == "", "nothing is trained again"
    assert (own_bundle / "README.md").read_text("utf-8") == card and card.count("## Descriptions") == 1
    with pytest.raises(TrainingError, match="holds no trained text encoder"):
        add_text(model.bundle, tmp_path)
    report = json.loads((tmp_path / "text" / "metrics.json").read_text("utf-8"))
    assert (tmp_path / "text" / "text.safetensors").stat().st_size < 4e6
    assert (tmp_path / "text" / "text.onnx").stat().st_size < 4e6
    assert {"described", "negation_both", "scales_pairs", "unseen_words_label", "second_de"} <= set(report["metrics"])
    assert report["options"]["seed"] == 2


def test_a_bundle_that_cannot_take_it_is_told_before_the_training(tmp_path: Path, own_bundle: Path) -> None:
    (own_bundle / "weights.safetensors").unlink()
    with pytest.raises(BundleError, match=r"came without weights\.safetensors"):
        text("-o", tmp_path / "text", "--bundle", own_bundle)
    assert not (tmp_path / "text").exists()
