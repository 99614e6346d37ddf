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
from medtalk_board.moods import MIXED, MIXED_SYNONYMS
from medtalk_train.wording.held_out import DESCRIBED, LATER, NEGATED
from medtalk_wire import Client, Settings, Sound
from tests.helpers.descriptions import DIRECTIONS, FOREIGN, NONSENSE
from tests.helpers.sidecars import Sidecar

Run = Callable[..., Any]
UNDERSTOOD = (
    "English, German, French, Spanish, Italian, Portuguese, Dutch, Polish, Russian, Chinese, Japanese and Korean"
)
FINNISH = f"The description seems to be Finnish; understood are {UNDERSTOOD}. It is treated as neutral."
NONE = 'Nothing in "flibber flabber" names a feeling that MEDTalk knows. It is treated as neutral.'
GUESS = "No word in the description names a feeling: sad is a guess."
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


def test_most_nonsense_is_neutral_and_no_guess_is_silent(model: Model, vocabulary: Vocabulary) -> None:
    moods = [understood(model, text) for text in NONSENSE]
    neutral = [max(mood.weights, key=mood.weights.__getitem__) == "neutral" for mood in moods]
    told = [bool(mood.note) for mood in moods]
    assert sum(neutral) >= 0.65 * len(NONSENSE)
    assert sum(calm or said for calm, said in zip(neutral, told, strict=True)) >= 0.8 * len(NONSENSE)
    assert sum(not vocabulary.read(text).text for text in NONSENSE) >= 0.25 * len(NONSENSE)


def test_languages_that_it_has_learned_are_read(vocabulary: Vocabulary) -> None:
    texts = [text for language, texts in FOREIGN.items() if language in UNDERSTOOD for text in texts]
    doubted = [text for text in texts if (reading := vocabulary.read(text)).text != text or reading.note]
    assert len(texts) >= 40 and doubted == []


def test_other_languages_are_found_and_most_are_named(vocabulary: Vocabulary) -> None:
    found = {
        (language, text): vocabulary.read(text)
        for language, texts in FOREIGN.items()
        if language not in UNDERSTOOD
        for text in texts
    }
    neutral = [not reading.text for reading in found.values()]
    named = [f"seems to be {language};" in reading.note for (language, _), reading in found.items()]
    assert sum(neutral) >= 0.95 * len(found) and sum(named) >= 0.9 * len(found)


def test_no_word_of_another_language_is_a_word_that_the_encoder_knows() -> None:
    words = json.loads(load_bundle().file(TEXT_WORDS).read_text("utf-8"))
    english = [word for group in ("feelings", "others", "plain") for word in words[group]]
    shared = set("air an at bang content go hi i in is met no on wake".split())
    assert {word for word in english if foreign([word])[1]} <= shared


@pytest.mark.parametrize(
    ("texts", "language"),
    [(["он", "сердится"], "Russian"), (["він", "злий", "сердится"], "Ukrainian"), (["怒", "っ", "て"], "Japanese"),
     (["怒"], "Chinese"), (["triste"], ""), (["angry"], "")],
)  # fmt: skip
def test_what_speaks_for_a_language(texts: list[str], language: str) -> None:
    assert foreign(texts) == (language, 0 if texts == ["angry"] else len(texts))


# --- what becomes of a description


@pytest.mark.parametrize(("text", "note"), [("surullinen ja väsynyt", FINNISH), ("flibber flabber", NONE)])
def test_what_is_not_understood_is_neutral(model: Model, text: str, note: str) -> None:
    assert understood(model, text) == Description(text, {"neutral": 1.0}, 1.0, note)


@pytest.mark.parametrize(
    "text",
    ["WTF?!", "???", "😡😡", "4 711", "ΘΥΜΟΣ", "qwerty asdf", "xy " * 999, "yz" * 999],
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


@pytest.mark.parametrize("mood", MIXED)
def test_the_name_of_a_mood_is_that_mood(model: Model, mood: str) -> None:
    name = next(word for word, meant in MIXED_SYNONYMS.items() if meant == mood)
    for text in (mood, f" {mood.title()}.", name):
        assert understood(model, text) == Description(text.strip(), {mood: 1.0}, 1.0)
    assert mood not in understood(model, f"very {mood}").weights


def test_the_name_of_a_mood_in_a_transcript_speaks_for_its_labels(model: Model, sample: Path) -> None:
    assert model.perform(sample, "Confused!").felt.words


# --- other languages


@pytest.mark.parametrize(
    ("label", "texts"),
    [
        ("angry", ("er ist stinksauer", "elle est furieuse", "está muy enfadada", "è furiosa", "ela está furiosa",
                   "hij is woedend", "ona jest wściekła", "она в ярости", "她非常愤怒",
                   "彼は激怒している", "그는 몹시 화가 났다")),
        ("disgust", ("voller Ekel", "dégoûtée", "qué asco", "che schifo", "que nojo", "vol walging", "z obrzydzeniem",
                     "с отвращением", "太恶心了", "気持ち悪い", "역겨운 표정")),
        ("fear", ("sie hat Angst", "il a très peur", "tiene mucho miedo", "ha paura del buio", "está com medo",
                  "hij is bang", "ona się boi", "ей страшно", "她很害怕", "彼女は怯えている", "무서워한다")),
        ("happy", ("überglücklich", "folle de joie", "muy feliz", "è felicissima", "ele está feliz", "heel blij",
                   "bardzo szczęśliwa", "она счастлива", "他很高兴", "とても嬉しい", "정말 행복하다")),
        ("sad", ("sie ist sehr traurig", "il pleure", "está muy triste", "è molto triste", "ela chora",
                 "erg verdrietig", "on płacze", "ему грустно", "她很悲伤", "とても悲しい", "슬픈 얼굴")),
        ("surprised", ("völlig verblüfft", "très étonné", "está sorprendido", "è stupita", "ficou surpreso",
                       "zeer verbaasd", "jest zaskoczony", "он удивлён", "她很惊讶",
                       "びっくりしている", "깜짝 놀랐다")),
        ("neutral", ("ganz ruhig", "calme et neutre", "tranquila y serena", "calmo e neutro", "calma e serena",
                     "rustig en kalm", "spokojny", "спокойно", "她很平静", "落ち着いた声", "차분한 목소리")),
    ],
)  # fmt: skip
def test_eleven_languages_are_understood(model: Model, label: str, texts: tuple[str, ...]) -> None:
    moods = [understood(model, text) for text in texts]
    assert [mood.note for mood in moods] == [""] * len(texts)
    right = [max(mood.weights, key=mood.weights.__getitem__) == label for mood in moods]
    assert sum(right) >= len(texts) - 1, [text for text, good in zip(texts, right, strict=True) if not good]


@pytest.mark.parametrize(
    ("denied", "label"),
    [("nicht wütend, nur traurig", "sad"), ("pas triste, juste en colère", "angry"),
     ("no está triste, está feliz", "happy"),
     ("non è arrabbiata, è spaventata", "fear"), ("ohne jede Angst", "neutral"), ("не злой, а грустный", "sad"),
     ("sans aucune colère", "neutral"), ("niet bang, maar boos", "angry"), ("不生气", "neutral")],
)  # fmt: skip
def test_denials_in_other_languages(model: Model, denied: str, label: str) -> None:
    weights = understood(model, denied).weights
    assert max(weights, key=weights.__getitem__) == label


def test_words_of_degree_order_the_strength_in_other_languages(model: Model) -> None:
    for scale in (
        ("ein bisschen wütend", "wütend", "extrem wütend"), ("un peu triste", "triste", "extrêmement triste"),
        ("un poco asustado", "asustado", "extremadamente asustado"),
        ("немного грустный", "грустный", "невероятно грустный"),
        ("un po' felice", "felice", "estremamente felice"), ("有点生气", "生气", "极其生气"),
    ):  # fmt: skip
        strengths = [understood(model, text).strength for text in scale]
        assert strengths == sorted(strengths), scale


@pytest.mark.parametrize(
    ("text", "language"),
    [("hän on hyvin vihainen", "Finnish"), ("ana huzuni sana", "Swahili"), ("çok kızgın ve üzgün", "Turkish"),
     ("είναι πολύ λυπημένος", "Greek"), ("他 είναι πολύ λυπημένος και κουρασμένος", "Greek"),
     ("він дуже злий", "Ukrainian"),
     ("tužna je i vrlo umorna", "Croatian"), ("он щасливий і веселий, як її брат", "Ukrainian")],
)  # fmt: skip
def test_an_unknown_language_is_said_and_not_guessed(model: Model, text: str, language: str) -> None:
    mood = understood(model, text)
    assert mood.weights == {"neutral": 1.0} and mood.strength == 1.0
    assert (
        mood.note == f"The description seems to be {language}; understood are {UNDERSTOOD}. It is treated as neutral."
    )


def test_languages_and_scripts_may_be_mixed(model: Model) -> None:
    for text in ("traurig и грустный", "very 悲しい", "er ist sad", "wütend / furieux / furious"):
        mood = understood(model, text)
        assert mood.note == "" and max(mood.weights, key=mood.weights.__getitem__) in ("sad", "angry")


def test_a_scene_without_a_word_for_a_feeling_is_read(model: Model) -> None:
    mood = understood(model, "they buried her little brother this morning")
    assert mood.note in ("", GUESS) and max(mood.weights, key=mood.weights.__getitem__) == "sad"
    mood = understood(model, "someone is standing right behind her in the dark cellar")
    assert max(mood.weights, key=mood.weights.__getitem__) == "fear"
    for text in ("install the graphics driver", "download the spreadsheet"):
        weights = understood(model, text).weights
        assert max(weights, key=weights.__getitem__) == "neutral"


# --- where it is told


def test_a_note_on_the_transcript_stays_beside_it(model: Model, speech_data: Path) -> None:
    performance = model.perform(speech_data / "jfk.flac", "Guten Morgen zusammen, meine Damen und Herren")
    note = performance.decode(understood(model, "surullinen ja väsynyt")).meta["note"]
    assert note.startswith("The transcript is not English") and note.endswith(f" {FINNISH}")
    assert "note" not in performance.with_transcript("").decode(understood(model, "sad")).meta


@pytest.mark.parametrize("text", ["surullinen ja väsynyt", "angry qwerty flibber"])
def test_the_command_says_it_here_and_by_the_sidecar(
    medtalk: Run, sidecar: Sidecar, speech_data: Path, tmp_path: Path, text: str
) -> None:
    note, felt = (FINNISH, "neutral 1.00; strength 1.00") if "ja" in text else (PARTLY, "angry 1.00")
    for where in ([], ["--server", sidecar.file]):
        done = medtalk("generate", speech_data / "jfk.flac", *where, "--text", text, "-o", tmp_path / "a.json")
        assert (done.code, done.err) == (0, f"medtalk: {note}\n") and f"understood as {felt}" in done.out
        assert read_rig(tmp_path / "a.json").meta["note"] == note


def test_a_client_of_the_wire_is_told(sidecar: Sidecar, speech_data: Path) -> None:
    sound = Sound.from_bytes((speech_data / "jfk.flac").read_bytes(), name="jfk.flac")
    with Client(sidecar.connection, channel_hash=CHANNEL_HASH) as client:
        for _ in range(2):  # the second time from the cache
            meta = client.wait(client.generate(sound, Settings(text="flibber flabber"))).meta
            assert meta["note"] == NONE and meta["emotion"] == {"neutral": 1.0}


@pytest.mark.parametrize("emotion", ["gloomy", "sarcastic", "disappointed", "slightly annoyed"])
def test_another_feeling_is_pointed_to_descriptions(
    medtalk: Run, sidecar: Sidecar, speech_data: Path, tmp_path: Path, emotion: str
) -> None:
    for where in ([], ["--server", sidecar.file]):
        done = medtalk("generate", speech_data / "jfk.flac", *where, "--emotion", emotion, "-o", tmp_path / "a.csv")
        assert done.code == 1 and done.err.count("\n") == 1
        assert f'give a description in place of an emotion (--text "{emotion}")' in done.err
