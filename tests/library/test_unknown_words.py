"""What `--text` says that it has not understood, in the library, the command, and through the sidecar."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import medtalk
from medtalk.bundle import TEXT_WORDS, load_bundle
from medtalk.features.languages import foreign
from medtalk.features.vocabulary import Vocabulary
from medtalk.guidance import Description
from medtalk.perform import Model
from medtalk.rig import read_rig
from medtalk.rig.channels import CHANNEL_HASH
from medtalk_train.wording.held_out import DESCRIBED, LATER, NEGATED
from medtalk_wire import Client, Settings, Sound
from tests.helpers.descriptions import DIRECTIONS, FOREIGN, NONSENSE
from tests.helpers.sidecars import Sidecar

Run = Callable[..., Any]
GERMAN = "The description seems to be German; descriptions are understood in English only. It is treated as neutral."
FOX = 'Nothing in "the quick brown fox" names a feeling that MEDTalk knows. It is treated as neutral.'
PARTLY = 'Not understood in the description: "qwerty", "flibber".'


@pytest.fixture(scope="module")
def model() -> Model:
    return medtalk.load(threads=1)


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary(**json.loads(load_bundle().read(TEXT_WORDS)))


def understood(model: Model, text: str) -> Description:
    mood = model.guide(text=text)
    assert isinstance(mood, Description)
    return mood


# --- how often it is right


def test_descriptions_of_feelings_are_hardly_ever_doubted(vocabulary: Vocabulary) -> None:
    by_hand = [each.text for each in (*DESCRIBED, *LATER)] + [each.plain for each in NEGATED]
    for texts in (DIRECTIONS, by_hand):
        doubted = [text for text in texts if vocabulary.read(text).note]
        assert len(doubted) < 0.02 * len(texts), doubted


def test_most_nonsense_is_found(vocabulary: Vocabulary) -> None:
    missed = [text for text in NONSENSE if not vocabulary.read(text).text]
    assert len(missed) >= 0.65 * len(NONSENSE)


def test_other_languages_are_found_and_most_are_named(vocabulary: Vocabulary) -> None:
    found = {(language, text): vocabulary.read(text) for language, texts in FOREIGN.items() for text in texts}
    neutral = [not reading.text for reading in found.values()]
    named = [f"seems to be {language};" in reading.note for (language, _), reading in found.items()]
    assert sum(neutral) >= 0.95 * len(found) and sum(named) >= 0.9 * len(found)


def test_no_word_of_another_language_is_a_word_that_the_encoder_knows() -> None:
    words = json.loads(load_bundle().file(TEXT_WORDS).read_text("utf-8"))
    assert [word for group in words.values() for word in group if foreign([word])[1]] == []


@pytest.mark.parametrize(
    ("texts", "language"),
    [(["он", "сердится"], "Russian"), (["він", "злий", "сердится"], "Ukrainian"), (["怒", "っ", "て"], "Japanese"),
     (["怒"], "Chinese"), (["triste"], ""), (["angry"], "")],
)  # fmt: skip
def test_what_speaks_for_a_language(texts: list[str], language: str) -> None:
    assert foreign(texts) == (language, 0 if texts == ["angry"] else len(texts))


# --- what becomes of a description


@pytest.mark.parametrize(("text", "note"), [("traurig und müde", GERMAN), ("the quick brown fox", FOX)])
def test_what_is_not_understood_is_neutral(model: Model, text: str, note: str) -> None:
    assert understood(model, text) == Description(text, {"neutral": 1.0}, 1.0, note)


@pytest.mark.parametrize(
    "text",
    ["WTF?!", "???", "😡😡", "4 711", "ΘΥΜΟΣ", "The quick brown fox jumps over the lazy dog", "xy " * 999, "yz" * 999],
)
def test_a_note_is_one_short_line(model: Model, text: str) -> None:
    mood = understood(model, f"{text}\n{text}")
    assert mood.weights == {"neutral": 1.0} and mood.note.endswith("treated as neutral.")
    assert len(mood.note) < 200 and "\n" not in mood.note


def test_beside_a_feeling_only_words_that_are_none_are_told(model: Model) -> None:
    mood = understood(model, "angry qwerty flibber")
    assert mood.note == PARTLY and max(mood.weights, key=mood.weights.__getitem__) == "angry"
    for harmless in ("angry at Boromir, the steward's tall son", "He is sad in Reykjavik", "an old man at the door"):
        assert understood(model, harmless).note == ""


@pytest.mark.parametrize("text", ["terrifies", "Terrifyingly", "sadder", "sobs", "smirked"])
def test_forms_of_known_words_are_understood(model: Model, text: str) -> None:
    mood = understood(model, text)
    assert mood.note == "" and mood.weights.get("neutral", 0.0) < 0.2


@pytest.mark.parametrize(
    ("text", "slip", "right"),
    [("suprised", "suprised", "surprised"), ("very agnry!", "agnry", "angry"), ("hapy but tired", "hapy", "happy"),
     ("Nervuos, not sad", "nervuos", "nervous")],
)  # fmt: skip
def test_slips_of_the_keyboard_are_mended_and_told(model: Model, text: str, slip: str, right: str) -> None:
    mood, meant = understood(model, text), understood(model, text.lower().replace(slip, right))
    assert mood.note == f'"{slip}" is read as "{right}".' and mood.text == text
    assert (mood.weights, mood.strength) == (meant.weights, meant.strength) and meant.note == ""
    assert understood(model, f"angry at {slip.title()}").note == "", "it is a name"


# --- where it is told


def test_a_note_on_the_transcript_stays_beside_it(model: Model, speech_data: Path) -> None:
    performance = model.perform(speech_data / "jfk.flac", "Guten Morgen zusammen, meine Damen und Herren")
    note = performance.decode(understood(model, "traurig und müde")).meta["note"]
    assert note.startswith("The transcript is not English") and note.endswith(f" {GERMAN}")
    assert "note" not in performance.with_transcript("").decode(understood(model, "sad")).meta


@pytest.mark.parametrize("text", ["traurig und müde", "angry qwerty flibber"])
def test_the_command_says_it_here_and_by_the_sidecar(
    medtalk: Run, sidecar: Sidecar, speech_data: Path, tmp_path: Path, text: str
) -> None:
    note, felt = (GERMAN, "neutral 1.00; strength 1.00") if "und" in text else (PARTLY, "angry 1.00")
    for where in ([], ["--server", sidecar.file]):
        done = medtalk("generate", speech_data / "jfk.flac", *where, "--text", text, "-o", tmp_path / "a.json")
        assert (done.code, done.err) == (0, f"medtalk: {note}\n") and f"understood as {felt}" in done.out
        assert read_rig(tmp_path / "a.json").meta["note"] == note


def test_a_client_of_the_wire_is_told(sidecar: Sidecar, speech_data: Path) -> None:
    sound = Sound.from_bytes((speech_data / "jfk.flac").read_bytes(), name="jfk.flac")
    with Client(sidecar.connection, channel_hash=CHANNEL_HASH) as client:
        for _ in range(2):  # the second time from the cache
            meta = client.wait(client.generate(sound, Settings(text="the quick brown fox"))).meta
            assert meta["note"] == FOX and meta["emotion"] == {"neutral": 1.0}


@pytest.mark.parametrize("emotion", ["excited", "sarcastic", "disappointed", "slightly annoyed"])
def test_another_feeling_is_pointed_to_descriptions(
    medtalk: Run, sidecar: Sidecar, speech_data: Path, tmp_path: Path, emotion: str
) -> None:
    for where in ([], ["--server", sidecar.file]):
        done = medtalk("generate", speech_data / "jfk.flac", *where, "--emotion", emotion, "-o", tmp_path / "a.csv")
        assert done.code == 1 and done.err.count("\n") == 1
        assert f'give a description in place of an emotion (--text "{emotion}")' in done.err
