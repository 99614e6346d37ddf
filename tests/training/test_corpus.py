"""The corpus generator, against the real engines (Debian packages: see training/CORPUS.md)."""

import json
import subprocess

import numpy as np
import pytest
import soxr

from medtalk.errors import TrainingError
from medtalk.features.phones import N_PHONES, PHONE_INDEX, PHONES
from medtalk_train.synthetic.corpus import espeak, festival, flite, generate, phones, plan, text
from medtalk_train.synthetic.corpus.read import Corpus

pytestmark = pytest.mark.speech_engines
HOURS = 0.011  # about a dozen utterances
VOWELS = {PHONE_INDEX[name] for name in ["aa", "ae", "ah", "ao", "eh", "er", "ih", "iy", "oh", "uh", "uw", "yr"]}
SENTENCE = "Nobody knows why Peter kept that beautiful paper cup."


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("corpus")
    generate.generate(place, HOURS, seed=5, progress=False)
    return place


def names(spans):
    return [PHONES[index] for _, _, index in spans]


def check_spans(spans, seconds):
    assert spans[0][0] == 0.0 and spans[-1][1] == pytest.approx(seconds, abs=2e-4)
    for (start, end, index), (following, _, _) in zip(spans, [*spans[1:], (spans[-1][1], 0, 0)], strict=True):
        assert end > start and end == pytest.approx(following, abs=2e-5)
        assert 0 <= index < N_PHONES


def vowel_lag_ms(samples, spans):
    """The lag at which the mask of the vowels fits the log energy best; positive: the sound is later."""
    step = 80
    count = len(samples) // step
    energy = np.log(np.square(samples[: count * step]).reshape(count, step).mean(1) + 1e-6)
    energy = np.convolve(energy, np.ones(5) / 5, "same")
    times = (np.arange(count) + 0.5) * step / 16000
    vowel, speech = np.zeros(count), np.zeros(count, bool)
    for start, end, index in spans:
        inside = (times >= start) & (times < end)
        vowel[inside], speech[inside] = index in VOWELS, index != 0
    places = np.flatnonzero(speech)
    places = places[(places > 25) & (places < count - 25)]
    fits = [np.corrcoef(vowel[places], energy[places + lag])[0, 1] for lag in range(-20, 21)]
    return (int(np.argmax(fits)) - 20) * 5.0


def test_corpus_is_whole(folder):
    corpus = Corpus(folder)
    assert 8 <= len(corpus) <= 24
    assert {item.engine for item in corpus.items} == {"espeak", "flite", "festival"}
    place = 0
    for at, item in enumerate(corpus.items):
        assert item.start == place
        place += item.samples
        assert generate.SHORTEST <= item.seconds <= generate.LONGEST
        check_spans(item.phones, item.seconds)
        sound = corpus.audio(at)
        assert sound.shape == (item.samples,) and sound.dtype == np.float32
        spoken = np.concatenate([sound[int(a * 16000) : int(b * 16000)] for a, b, c in item.phones if c])
        level = 20 * np.log10(np.sqrt(np.mean(np.square(spoken))))
        assert level == pytest.approx(-23, abs=0.3) or np.abs(sound).max() > 0.97
    assert place * 2 == (folder / "audio.i16").stat().st_size
    assert place / 16000 >= HOURS * 3600
    assert len(corpus.split("train")) + len(corpus.split("held")) == len(corpus)


def test_resumes_after_a_cut_and_is_reproducible(folder, tmp_path):
    generate.generate(tmp_path, HOURS / 2, seed=5, progress=False, jobs=2)
    index, audio = tmp_path / "index.jsonl", tmp_path / "audio.i16"
    half = index.read_bytes()
    assert len(half) < (folder / "index.jsonl").stat().st_size
    index.write_bytes(half[:-40])  # a torn line
    with audio.open("ab") as file:
        file.write(b"\x01\x02\x03")  # sound without a line
    assert len(Corpus(tmp_path)) == half.count(b"\n") - 1
    generate.generate(tmp_path, HOURS, seed=5, progress=False, jobs=1)
    assert index.read_bytes() == (folder / "index.jsonl").read_bytes()
    assert audio.read_bytes() == (folder / "audio.i16").read_bytes()


def test_another_seed_is_another_corpus_and_never_mixed(folder):
    assert plan.plan_chunk(5, 0) == plan.plan_chunk(5, 0) != plan.plan_chunk(6, 0)
    with pytest.raises(TrainingError, match="seed 5, not 6"):
        generate.generate(folder, HOURS, seed=6, progress=False)


def test_held_out_voices_of_other_languages_by_themselves(tmp_path):
    generate.generate(tmp_path, 0.003, seed=5, progress=False, only=plan.held_foreign)
    corpus = Corpus(tmp_path)
    assert corpus.items and all(item.split == "held" and item.language != "en" for item in corpus.items)
    assert sum(map(len, corpus.by_language("held").values())) == len(corpus)


@pytest.mark.parametrize("language", ["ru", "hi", "ja", "ar"])
def test_languages_of_other_scripts_are_read_with_their_own_phones(language):
    lags = []
    for sentence in text.OWN[language][:4]:
        samples, rate, spans = espeak.speak(sentence, language)
        check_spans(spans, len(samples) / rate)
        lags.append(vowel_lag_ms(soxr.resample(samples, rate, 16000), spans))
        assert sum(name != "sil" for name in names(spans)) > 10
    assert abs(np.median(lags)) <= 20
    lines = [line for chunk in range(60) for line in plan.plan_chunk(1, chunk) if line.engine == "espeak"]
    assert {line.language for line in lines if line.voice.split("+")[0] == language} == {language}
    assert {line.split for line in lines if line.language == language} == {"train", "held"}


def test_plan_mixes_engines_and_holds_out_whole_voices():
    lines = [line for chunk in range(60) for line in plan.plan_chunk(1, chunk)]
    assert [line.id for line in lines] == list(range(60 * plan.CHUNK))
    for engine, share in plan.ENGINES.items():
        assert np.mean([line.engine == engine for line in lines]) == pytest.approx(share, abs=0.06)
    assert {line.split for line in lines if line.voice in ("awb", "ked_diphone", "pc_diphone", "czech_machac")} == {
        "held"
    }
    assert {line.split for line in lines if line.voice in ("slt", "rms", "kal_diphone", "czech_dita", "en-us")} == {
        "train"
    }
    assert 0.02 < np.mean([line.split == "held" for line in lines]) < 0.2
    affect = {word for words in text._WORDS.values() for word in words.split("|")}
    hits = [any(word in line.text for word in affect) for line in lines if line.language == "en"]
    assert np.mean(hits) > 0.3


@pytest.mark.parametrize("voice", flite.VOICES)
def test_flite_times_fit_the_sound(voice):
    samples, spans = generate.say(SENTENCE, "flite", voice)
    check_spans(spans, len(samples) / 16000)
    assert abs(vowel_lag_ms(samples, spans)) <= 20
    assert names(spans)[0] == names(spans)[-1] == "sil"


@pytest.mark.parametrize("voice", ["cmu_us_slt_arctic_hts", "kal_diphone", "czech_dita", "lp_diphone",
                                   "hy_fi_mv_diphone", "upc_ca_ona_hts"])  # fmt: skip
def test_festival_times_fit_the_sound(voice):
    samples, spans = generate.say(SENTENCE, "festival", voice)
    check_spans(spans, len(samples) / 16000)
    assert abs(vowel_lag_ms(samples, spans)) <= 20


def test_every_planned_festival_voice_speaks():
    for voice in festival.VOICES:
        samples, rate, spans = festival.speak("We keep the home fire.", voice)
        assert rate >= 16000 and len(spans) > 6 and np.abs(samples).max() > 0.01


@pytest.mark.parametrize("voice", ["en-us", "en", "de+f3", "fr", "sv", "tr+m2"])
def test_espeak_times_fit_the_sound(voice):
    samples, spans = generate.say(SENTENCE, "espeak", voice)
    check_spans(spans, len(samples) / 16000)
    assert abs(vowel_lag_ms(samples, spans)) <= 20


def test_espeak_speaks_mandarin_from_pinyin():
    _, spans = generate.say("ni3 hao3 wo3 men5 xue2 xi2 lü4 se4.", "espeak", "cmn-latn-pinyin")
    assert {"n", "h", "w", "m", "sh", "s", "l", "yr"} <= set(names(spans))


def test_closures_of_espeak_stops_belong_to_the_stop():
    """The silence before the burst of p t k lies within the stop, though espeak-ng reports the burst."""
    samples, rate, spans = espeak.speak("A happy puppy kept a paper cup.", "en-us")
    stops = [(start, end) for start, end, index in spans if PHONES[index] in ("p", "k")]
    assert len(stops) >= 8
    peak = np.abs(samples).max()
    closed = []
    for start, end in stops[1:]:
        part = np.abs(samples[int(start * rate) : int(end * rate)])
        closed.append(np.mean(part < 0.006 * peak) * (end - start))
    assert np.median(closed) > 0.03  # s
    vowels = [(start, end) for start, end, index in spans if index in VOWELS]
    assert all(np.mean(np.abs(samples[int(a * rate) : int(b * rate)]) < 0.002 * peak) < 0.4 for a, b in vowels)


def test_phone_maps_are_complete():
    for phone_set, table in phones.FESTIVAL_SETS.items():
        for label in table:
            pieces = phones.from_festival(label, phone_set)
            assert sum(share for _, share in pieces) == pytest.approx(1.0)
            assert all(name in PHONE_INDEX for name, _ in pieces)
    covered = {name for table in phones.FESTIVAL_SETS.values() for label in table.values() for name in label.split()}
    assert covered == set(PHONES)


def test_affricates_diphthongs_and_marks():
    assert phones.from_radio("ch") == (("t", 0.45), ("sh", 0.55))
    assert phones.from_radio("ay")[0] == ("aa", 0.58)
    assert [name for name, _ in phones.from_ipa("aɪ", "de")] == ["aa", "ih"]
    assert [name for name, _ in phones.from_ipa("dʒː", "it")] == ["d", "zh"]
    assert phones.from_ipa("ˈyː", "de") == phones.from_ipa("ø", "fr") == (("yr", 1.0),)
    assert phones.from_ipa("ɑ̃", "fr") == (("aa", 1.0),)
    assert [name for name, _ in phones.from_ipa("əl", "en")] == ["ah", "l"]
    assert [name for name, _ in phones.from_ipa("tɕh", "cmn-latn-pinyin")] == ["t", "sh"]
    assert phones.from_ipa("a", "en") == (("ae", 1.0),) and phones.from_ipa("a", "es") == (("aa", 1.0),)
    assert phones.from_ipa("ç", "de") == (("sh", 1.0),)
    assert phones.from_ipa("y", "ru") == (("ih", 1.0),) and phones.from_ipa("ɯᵝ", "ja") == (("uh", 1.0),)
    assert [name for name, _ in phones.from_ipa("ɟʰ", "hi")] == ["d", "zh"]
    assert phones.from_ipa("ʕ", "ar") == (("h", 1.0),) and phones.from_ipa("ʲ", "ja") == (("y", 1.0),)
    assert phones.from_ipa("(en)", "de") == phones.from_ipa("", "de") == (("sil", 1.0),)
    assert [name for name, _ in phones.from_festival("dZ", "italian")] == ["d", "zh"]
    assert phones.from_festival("a1", "italian") == phones.from_festival("a:", "czech") == (("aa", 1.0),)


@pytest.mark.parametrize(
    "look_up",
    [lambda: phones.from_radio("qq"), lambda: phones.from_ipa("ꙮ"), lambda: phones.from_festival("%", "czech")],
)
def test_unknown_phones_raise(look_up):
    with pytest.raises(phones.UnknownPhone):
        look_up()


def test_unknown_phone_is_refused_and_counted(monkeypatch, tmp_path, caplog):
    monkeypatch.delitem(phones._RADIO, "n")
    phones._from_table.cache_clear()
    try:
        summary = generate.generate(tmp_path, 0.004, seed=2, progress=False)
    finally:
        phones._from_table.cache_clear()
    assert summary["refused_in_last_run"]["unknown phone"] > 0
    assert "phone 'n'" in caplog.text


def test_timeline_fills_gaps_and_refuses_late_phones():
    spans = phones.timeline(
        [(0.1, 0.2, "p"), (0.2, 0.2, "s"), (0.3, 0.5, "ay"), (0.5, 0.9, "pau")], 0.6, phones.from_radio
    )
    assert names(spans) == ["sil", "p", "sil", "aa", "ih", "sil"]
    check_spans(spans, 0.6)
    with pytest.raises(phones.NotSpoken, match="longer than the sound"):
        phones.timeline([(0.1, 0.2, "p"), (0.7, 0.8, "s")], 0.6, phones.from_radio)


def test_bad_utterances_are_refused():
    spans = [(0.0, 0.5, 0), (0.5, 0.8, 1), (0.8, 1.0, 24), (1.0, 1.2, 8), (1.2, 1.8, 24), (1.8, 2.0, 0)]
    sound = 0.1 * np.sin(np.arange(32000) * 0.05).astype(np.float32)
    samples, moved = generate.finish(sound, 16000, spans, lead=0.1, tail=0.2)
    check_spans(moved, len(samples) / 16000)
    assert moved[1][0] == pytest.approx(0.6)
    for bad_sound, bad_spans, reason in [
        (sound[:8000], spans, "length"),
        (np.tile(sound, 7), spans, "length"),
        (sound * 0, spans, "silence"),
        (sound, [(0.0, 2.0, 0)], "no phones"),
        (sound, [*spans[:-1], (1.8, 1.7, 0), (1.7, 2.0, 1)], "phones out of order"),
    ]:
        with pytest.raises(phones.NotSpoken) as error:
            generate.finish(bad_sound, 16000, bad_spans)
        assert error.value.reason == reason


def test_missing_engine_names_the_debian_package(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TrainingError, match="apt-get install flite"):
        flite.speak("Hello you there.")
    with pytest.raises(TrainingError, match="apt-get install festival"):
        festival.check()
    monkeypatch.undo()
    monkeypatch.setattr(festival, "VOICE_FOLDER", tmp_path)
    with pytest.raises(TrainingError, match="festvox-czech-dita"):
        festival.check()
    monkeypatch.setattr(text, "FORTUNES", tmp_path)
    text.sentences.cache_clear()
    with pytest.raises(TrainingError, match="fortunes-de"):
        text.sentences("de")


def test_unknown_voices_and_engines_are_one_clear_line():
    for engine, voice in (("flite", "nobody"), ("festival", "nobody"), ("espeak", "xx-nobody"), ("piper", "amy")):
        with pytest.raises(TrainingError, match=r"nobody|piper"):
            generate.say("Hello you there my friend.", engine, voice)
    with pytest.raises(TrainingError, match="could not speak"):
        generate.say("Oh.", "flite", "slt", stretch=0.5)


def test_an_engine_that_hangs_is_cut(monkeypatch):
    def hang(*_, **options):
        raise subprocess.TimeoutExpired("festival", options["timeout"])

    monkeypatch.setattr(subprocess, "run", hang)
    assert isinstance(festival.speak_all([("Hello you there.", 1.0)], "kal_diphone")[0], phones.NotSpoken)
    assert isinstance(espeak.speak_all([("Hello you there.", "en", {})])[0], phones.NotSpoken)
    with pytest.raises(phones.NotSpoken):
        flite.speak("Hello you there.")


def test_clean_sentences():
    fortune = (
        "He said it *twice* to me.  WHAT DO YOU MEAN by it?  Too short.\nA line\nthat goes on to the end.\n"
        "\t\t-- Somebody I know, in a book.\n%\nSee http://a.b/c for more of it now.\nIt has 3 numbers in it.\n"
    )
    assert text.clean_sentences(fortune) == ["He said it twice to me.", "A line that goes on to the end."]
    english = text.sentences("en")
    assert len(english) > 8000 and len(set(english)) == len(english)
    assert all(4 <= len(sentence.split()) <= 16 and sentence.isascii() for sentence in english)


def test_affect_sentences_are_short_and_many():
    rng = np.random.default_rng(0)
    drawn = {text.affect_sentence(rng) for _ in range(500)}
    assert len(drawn) > 350
    assert all(3 < len(sentence.split()) <= 16 and "{" not in sentence for sentence in drawn)


def test_reading_refuses_what_is_no_corpus(tmp_path, folder):
    with pytest.raises(TrainingError, match="holds no corpus"):
        Corpus(tmp_path)
    (tmp_path / "audio.i16").write_bytes(b"")
    (tmp_path / "index.jsonl").write_text('{"id": 0}\n')
    with pytest.raises(TrainingError, match="Line 1"):
        Corpus(tmp_path)
    with pytest.raises(TrainingError, match="valid are train, held"):
        Corpus(folder).split("test")
    row = json.loads((folder / "index.jsonl").read_text().splitlines()[0])
    assert set(row) == {"id", "engine", "voice", "language", "split", "text", "start", "samples", "phones"}
