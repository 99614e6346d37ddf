"""Pictures, the emotion in the voice and words, through a real sidecar with a bundle of the kind medtalk."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import medtalk
from medtalk.audio import Speech
from medtalk.errors import BackboneError, GuidanceError, MedtalkError
from medtalk.limits import ServiceLimits
from medtalk.perform import Model
from medtalk.rates import RATE
from medtalk.service.jobs import Job
from medtalk.service.server import Server, ServiceSettings
from medtalk.service.worker import Outcome, Worker
from medtalk_wire import Client, RequestError, Settings, Sound, find_connection
from medtalk_wire.protocol import Buffer, Message, pack
from medtalk_wire.request import body_of, buffers_of
from tests.helpers import checkpoints
from tests.helpers.messages import read
from tests.helpers.pictures import bomb, picture
from tests.helpers.sidecars import Raw, Sidecar
from tests.helpers.sounds import babble

# Whisper opens its vocabulary without closing it.
pytestmark = pytest.mark.filterwarnings("ignore:.*multilingual.tiktoken:pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def model(full_bundle: Path, seeing_backbones: dict[str, Path]) -> Model:
    return medtalk.load(full_bundle, backbones=seeing_backbones, offline=True, device="cpu", threads=1)


@pytest.fixture(scope="module")
def line() -> np.ndarray:
    return babble(1.0, seed=51)


@pytest.fixture
def client(seeing: Sidecar) -> Iterator[Client]:
    with Client(seeing.connection) as client:
        yield client


def pcm(samples: np.ndarray) -> Sound:
    return Sound.from_pcm(samples.tobytes(), RATE, samples.shape, "float32", "line")


def error(client: Client, settings: Settings, sound: Sound | None = None) -> RequestError:
    """Why the sidecar refuses a request."""
    with pytest.raises(RequestError) as caught:
        client.wait(client.generate(sound or pcm(babble(0.5)), settings))
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_leads_as_in_the_library(client: Client, model: Model, line: np.ndarray, kind: str) -> None:
    data = picture(kind=kind)
    expected = model.perform(Speech.from_array(line, RATE), "").decode(model.guide(image=data))
    result = client.wait(client.generate(pcm(line), Settings(image=data, image_name="face.img")))
    np.testing.assert_allclose(np.asarray(result.rig), expected.values, atol=1e-6)
    assert result.meta["guidance"] == {"image": "face.img"} and result.meta["emotion"] == {}
    again = client.wait(client.decode(result.heard, Settings(image=data)))
    np.testing.assert_array_equal(np.asarray(again.rig), np.asarray(result.rig))
    assert again.cached and again.meta["guidance"] == {"image": ""}
    other = client.wait(client.decode(result.heard, Settings(image=picture(seed=1))))
    assert np.abs(np.asarray(other.rig) - np.asarray(result.rig)).max() > 1e-6


def test_texts_and_the_voice_lead_as_in_the_library(client: Client, model: Model, line: np.ndarray) -> None:
    assert client.wait(client.hello())["capabilities"]["guidance"] == ["label", "text", "image", "auto"]
    performance = model.perform(Speech.from_array(line, RATE), "")
    text = client.wait(client.generate(pcm(line), Settings(text="in tears")))
    np.testing.assert_allclose(np.asarray(text.rig), performance.decode(model.guide(text="in tears")).values, atol=1e-6)
    auto = client.wait(client.decode(text.heard, Settings(emotion="auto")))
    np.testing.assert_allclose(np.asarray(auto.rig), performance.decode("auto").values, atol=1e-6)
    assert auto.meta["guidance"]["voice"] == "auto"
    assert auto.meta["emotion"] == pytest.approx(dict(performance.voice_emotion), abs=1e-5)


def test_words_without_effect_are_told_once(
    medtalk: Callable[..., Any], seeing: Sidecar, sound: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.wav"
    other.write_bytes(sound.read_bytes())
    for file in (sound, other):
        file.with_suffix(".txt").write_text("What a day.")
    done = medtalk("generate", sound, other, "--transcript", tmp_path, "--server", seeing.file, "-o", tmp_path)
    assert done.code == 0 and len(done.out.splitlines()) == 2
    assert done.err == "medtalk: The transcript has no effect: the bundle full does not use transcripts.\n"


def test_pictures_that_cannot_be_used(client: Client, line: np.ndarray) -> None:
    whole = picture(seed=2)
    for data, said in (
        (bomb(12_000), "face.png has 12000 x 12000 pixels; the limit is 50000000"),
        (bomb(60_000), "face.png cannot be read as a picture .*exceeds limit"),
        (b"GIF89a" + bytes(100), r"face.png cannot be read as a picture \(its kind is not known\)"),
        (whole[:200], "cannot be read as a picture"),
        (picture(400, 10), "one side may be 20 times"),
    ):
        refusal = error(client, Settings(image=data, image_name="face.png"))
        assert refusal.code == "guidance" and refusal.hint and re.search(said, refusal.message), refusal
    assert client.wait(client.generate(pcm(line), Settings(image=whole))).frames == 60


def test_a_changed_byte_is_found_also_of_a_known_picture(seeing: Sidecar, line: np.ndarray) -> None:
    data, sound = picture(seed=3), pcm(line)
    settings = Settings(image=data)
    body = {"sound": sound.fields, **body_of(settings)}
    changed = bytearray(data)
    changed[-20] ^= 1
    raw = Raw(seeing.connection)
    assert sound.buffer
    for sent, code in ((changed, "checksum"), (data, None), (changed, "checksum")):
        image = Buffer("image", "uint8", (len(sent),), bytes(sent))
        last = raw.last(raw.send(Message("generate", body, buffers=[sound.buffer, image])))
        assert last.body.get("code") == code, last.body
    raw.close()


@pytest.mark.skipif(find_spec("mediapipe") is not None, reason="MediaPipe is installed: it takes them")
def test_the_bundle_that_ships_takes_no_pictures_without_mediapipe(sidecar: Sidecar, line: np.ndarray) -> None:
    with Client(sidecar.connection) as client:
        refusal = error(client, Settings(image=picture()))
        assert refusal.code == "unsupported" and "guidance of kind image" in refusal.message  # it is not even sent
    raw, settings = Raw(sidecar.connection), Settings(image=picture())
    sound = pcm(line)
    assert sound.buffer
    body = {"sound": sound.fields, **body_of(settings)}
    answer = raw.ask("generate", body, buffers=[sound.buffer, *buffers_of(settings)])
    assert (answer.type, answer.body["code"]) == ("error", "unsupported")
    assert (
        "does not understand pictures; valid here are label" in answer.body["message"]
        and "--bundle" in answer.body["hint"]
    )
    raw.close()


def test_settings_of_backbones_are_checked_before_anything_starts(
    medtalk: Callable[..., Any], full_bundle: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    for words, said in (
        (["--backbone", "emotion2vec"], "valid is NAME=DIR"),
        (["--backbone", f"emotion2vec={tmp_path / 'gone'}"], "The backbone emotion2vec is not at"),
        (["--bundle", tiny_bundle, "--backbone", f"clip={tmp_path}"], "no backbone called 'clip'"),
    ):
        done = medtalk("serve", "--port", 0, "--connection-file", tmp_path / "c.json", *words)
        assert done.code and said in done.err and len(done.err.splitlines()) == 1, done.err
    assert not (tmp_path / "c.json").exists()


# --- the compute thread alone, to see what is computed


def work(worker: Worker, line: np.ndarray | str, settings: Settings) -> Outcome:
    """What the compute thread makes of a sound, or of one that was heard."""
    if isinstance(line, str):
        request = Message("decode", {"heard": line, **body_of(settings)}, buffers=buffers_of(settings))
    else:
        sound = pcm(line)
        assert sound.buffer
        body = {"sound": sound.fields, **body_of(settings)}
        request = Message("generate", body, buffers=[sound.buffer, *buffers_of(settings)])
    return worker._work(Job(request.id, b"client", read([bytes(frame) for frame in pack(request)]).body))


def curve(outcome: Outcome) -> np.ndarray:
    return np.asarray(next(buffer for buffer in outcome.buffers if buffer.name == "intensity").data)


def test_a_text_or_picture_is_understood_once(model: Model, line: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    understood: list[str] = []
    engine = model.engine

    for kind in ("text", "image"):
        guide = getattr(engine, f"guide_by_{kind}")

        def count(*given: Any, kind: str = kind, guide: Any = guide) -> Any:
            understood.append(kind)
            return guide(*given)

        monkeypatch.setattr(engine, f"guide_by_{kind}", count)
    worker = Worker(model, ServiceLimits(), lambda *_: None)
    heard = work(worker, line, Settings(image=picture(), image_name="a.png")).body["heard"]
    for settings in (Settings(image=picture(), image_name="b.png"), Settings(text="sad"), Settings(text="sad")):
        outcome = work(worker, heard, settings)
    assert understood == ["image", "text"] and outcome.body["meta"]["guidance"] == {"text": "sad"}
    assert work(worker, heard, Settings(image=picture(), image_name="b.png")).body["meta"]["guidance"] == {
        "image": "b.png"
    }


def test_the_limit_of_pixels_is_a_setting(model: Model, line: np.ndarray) -> None:
    from medtalk.limits import MAX_PIXELS

    assert ServiceLimits().max_pixels == MAX_PIXELS
    worker = Worker(model, ServiceLimits(max_pixels=4799), lambda *_: None)
    with pytest.raises(GuidanceError, match="The picture has 60 x 80 pixels; the limit is 4799"):
        work(worker, line, Settings(image=picture(60, 80)))
    assert work(worker, line, Settings(image=picture(60, 79))).body["frames"] == 60


def test_missing_weights_are_told_before_the_sound_is_heard(
    full_bundle: Path, small_backbones: dict[str, Path], empty_caches: Path, line: np.ndarray
) -> None:
    """Of CLIP and of what hears the emotion in the voice; labels do without."""
    only = {"emotion2vec": small_backbones["emotion2vec"]}
    worker = Worker(medtalk.load(full_bundle, backbones=only, offline=True), ServiceLimits(), lambda *_: None)
    for settings in (Settings(image=picture()), Settings(text="sad"), Settings(emotion="auto")):
        with pytest.raises(BackboneError, match=r"offline nothing is downloaded.*medtalk backbones pull"):
            work(worker, line, settings)
    assert len(worker.heard) == 0
    assert work(worker, line, Settings(emotion="sad")).body["frames"] == 60


@pytest.fixture(scope="module")
def hearing(small_backbones: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model that hears words."""
    bundle = checkpoints.make_own(tmp_path_factory.mktemp("own") / "bundle")
    return medtalk.load(bundle, backbones=small_backbones, offline=True, device="cpu", threads=1)


def test_words_that_are_not_told_are_heard(hearing: Model, line: np.ndarray) -> None:
    worker = Worker(hearing, ServiceLimits(), lambda *_: None)
    speech = Speech.from_array(line, RATE)
    heard, told = hearing.perform(speech), hearing.perform(speech, "we say it")
    assert heard.transcript not in ("", "we say it") and not np.array_equal(heard.intensity, told.intensity)
    first, again = (work(worker, line, Settings()) for _ in range(2))
    assert first.body["meta"]["transcript"] == again.body["meta"]["transcript"] == heard.transcript
    assert (first.body["cached"], again.body["cached"]) == (False, True)
    np.testing.assert_array_equal(curve(first), heard.intensity)
    # The same sound with words that are told, whatever was asked before.
    given = work(worker, line, Settings(transcript="we say it"))
    np.testing.assert_array_equal(curve(given), told.intensity)
    np.testing.assert_array_equal(curve(work(worker, line, Settings())), heard.intensity)
    # A sound that was heard keeps the words that it was heard with; told ones take their place.
    np.testing.assert_array_equal(curve(work(worker, first.body["heard"], Settings())), heard.intensity)
    later = work(worker, first.body["heard"], Settings(transcript="we say it"))
    np.testing.assert_array_equal(curve(later), told.intensity)
    # "" says that they are unknown.
    unknown = hearing.perform(speech, "").intensity
    for settings in (Settings(), Settings(transcript="")):
        np.testing.assert_array_equal(curve(work(worker, given.body["heard"], settings)), unknown)
    for sound in (line, first.body["heard"]):
        np.testing.assert_array_equal(curve(work(worker, sound, Settings(transcript=""))), unknown)


def test_words_in_a_language(hearing: Model, model: Model, line: np.ndarray) -> None:
    worker = Worker(hearing, ServiceLimits(), lambda *_: None)
    expected = hearing.perform(Speech.from_array(line, RATE), language="de").transcript
    german, any_ = (work(worker, line, Settings(language=language)) for language in ("de", ""))
    assert german.body["meta"]["transcript"] == expected and german.body["heard"] != any_.body["heard"]
    deaf = Worker(model, ServiceLimits(), lambda *_: None)
    assert work(deaf, line, Settings()).body["frames"] == 60  # its cache makes no difference
    for other, language in ((worker, "klingon"), (deaf, "en")):
        with pytest.raises(MedtalkError, match="language") as caught:
            work(other, line, Settings(language=language))
        assert caught.value.code == "setting"


def test_a_language_reaches_a_sidecar_that_hears_words(
    hearing: Model, small_backbones: dict[str, Path], line: np.ndarray, tmp_path: Path
) -> None:
    settings = ServiceSettings(
        bundle=hearing.bundle.folder, threads=1, device="cpu", connection_file=tmp_path / "sidecar.json",
        backbones=small_backbones, offline=True,
    )  # fmt: skip
    with Server(settings) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            with Client(find_connection(str(tmp_path / "sidecar.json"))) as client:
                assert client.wait(client.hello())["capabilities"]["words"] is True
                result = client.wait(client.generate(pcm(line), Settings(language="de")))
        finally:
            server.stop()
            thread.join()
    assert result.meta["transcript"] == hearing.perform(Speech.from_array(line, RATE), language="de").transcript != ""


def test_the_sum_of_a_picture_is_its_name_in_the_cache(model: Model, line: np.ndarray) -> None:
    """Two pictures never lead as one."""
    worker = Worker(model, ServiceLimits(), lambda *_: None)
    rigs = [work(worker, line, Settings(image=picture(seed=seed))).buffers[0].data for seed in (0, 1, 0)]
    assert np.array_equal(rigs[0], rigs[2]) and not np.array_equal(rigs[0], rigs[1])
    assert len({hashlib.sha256(picture(seed=seed)).hexdigest() for seed in (0, 1)}) == 2
