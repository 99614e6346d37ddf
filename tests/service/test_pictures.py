"""Pictures, the emotion in the voice and words, through a real sidecar with a bundle of the kind medtalk."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import medtalk
from medtalk.audio import RATE, Speech
from medtalk.errors import BackboneError
from medtalk.performance import Model
from medtalk.service import worker
from medtalk.service.server import Server, ServiceSettings
from medtalk_wire import Client, RequestError, Settings, Sound
from medtalk_wire.protocol import Buffer, Message
from tests import checkpoints
from tests.service.sidecars import Raw, Sidecar
from tests.sounds import babble


def picture(width: int = 60, height: int = 80, seed: int = 0, kind: str = "PNG") -> bytes:
    """The bytes of a picture of noise."""
    from PIL import Image

    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def options(bundle: Path, **backbones: Path) -> list[object]:
    """The words of `medtalk serve` for a bundle and its backbones, without a network."""
    given = [word for name, place in backbones.items() for word in ("--backbone", f"{name}={place}")]
    return ["--bundle", bundle, "--offline", "--device", "cpu", *given]


@pytest.fixture(scope="module")
def plus(tmp_path_factory: pytest.TempPathFactory, small_backbones: dict[str, Path]) -> Path:
    """A small emotion2vec_plus."""
    folder = tmp_path_factory.mktemp("plus") / "emotion2vec_plus"
    return checkpoints.make_emotion2vec(folder, labels=checkpoints.VOICE_LABELS)


@pytest.fixture(scope="module")
def weights(small_backbones: dict[str, Path], plus: Path) -> dict[str, Path]:
    """Where the networks are that `full_bundle` and the emotion auto need."""
    needed = {name: small_backbones[name] for name in ("emotion2vec", "clip")}
    return {**needed, "emotion2vec_plus": plus}


@pytest.fixture(scope="module")
def seeing(
    full_bundle: Path, weights: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sidecar]:
    """A sidecar that takes pictures."""
    sidecar = Sidecar(tmp_path_factory.mktemp("seeing"), *options(full_bundle, **weights)).wait_until_ready()
    yield sidecar
    assert sidecar.process.poll() is None, "a test has killed the shared sidecar"
    sidecar.close()


@pytest.fixture(scope="module")
def model(full_bundle: Path, weights: dict[str, Path]) -> Model:
    return medtalk.load(full_bundle, backbones=weights, offline=True, device="cpu", threads=1)


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
    assert auto.meta["guidance"] == {"voice": "auto"}
    assert auto.meta["emotion"] == pytest.approx(dict(performance.voice_emotion), abs=1e-5)


def test_pictures_that_cannot_be_used(client: Client, line: np.ndarray) -> None:
    bomb = picture()
    # The header alone tells of 60,000 x 60,000 pixels; its sum is right.
    header = b"IHDR" + (60_000).to_bytes(4, "big") * 2 + bomb[24:29]
    import zlib

    bomb = bomb[:12] + header + zlib.crc32(header).to_bytes(4, "big") + bomb[33:]
    whole = picture(seed=2)
    for data, code, said in (
        (bomb, "guidance", r"face.png has 60000 x 60000 pixels; the limit is 50000000"),
        (b"GIF89a" + bytes(100), "guidance", "face.png is not a whole picture"),
        (whole[:200], "guidance", "not a whole picture"),
        (picture(400, 10), "guidance", "one side may be 20 times"),
    ):
        refusal = error(client, Settings(image=data, image_name="face.png"))
        assert refusal.code == code and refusal.hint and __import__("re").search(said, refusal.message), refusal
    assert client.wait(client.generate(pcm(line), Settings(image=whole))).frames == 60


def test_a_changed_byte_is_found_also_of_a_known_picture(seeing: Sidecar, line: np.ndarray) -> None:
    data, sound = picture(seed=3), pcm(line)
    settings = Settings(image=data)
    body = {"sound": sound.fields, **settings.fields()}
    changed = bytearray(data)
    changed[-20] ^= 1
    raw = Raw(seeing.connection)
    assert sound.buffer
    for sent, code in ((changed, "checksum"), (data, None), (changed, "checksum")):
        image = Buffer("image", "uint8", (len(sent),), bytes(sent))
        last = raw.last(raw.send(Message("generate", body, buffers=[sound.buffer, image])))
        assert last.body.get("code") == code, last.body
    raw.close()


def test_limits_of_pictures_are_settings(start: Callable[..., Sidecar], full_bundle: Path, weights: Any) -> None:
    small = start(*options(full_bundle, **weights), "--limit", "max_image_bytes=20000", "--limit", "max_pixels=4799")
    with Client(small.connection) as client:
        assert client.wait(client.hello())["limits"]["max_image_bytes"] == 20000
        refusal = error(client, Settings(image=picture(100, 100), image_name="big.png"))
        assert refusal.code == "limit" and "this sidecar takes 20000 at most" in refusal.message  # it is not even sent
        refusal = error(client, Settings(image=picture(60, 80)))
        assert refusal.code == "guidance" and "60 x 80 pixels; the limit is 4799" in refusal.message
        assert client.wait(client.generate(pcm(babble(0.5)), Settings(image=picture(60, 79)))).frames == 30


def test_the_bundle_that_ships_takes_no_pictures(sidecar: Sidecar, line: np.ndarray) -> None:
    with Client(sidecar.connection) as client:
        refusal = error(client, Settings(image=picture()))
        assert refusal.code == "unsupported" and "takes no image" in refusal.message  # it is not even sent
    raw, settings = Raw(sidecar.connection), Settings(image=picture())
    sound = pcm(line)
    assert sound.buffer
    body = {"sound": sound.fields, **settings.fields()}
    answer = raw.ask("generate", body, buffers=[sound.buffer, *settings.buffers()])
    assert (answer.type, answer.body["code"]) == ("error", "unsupported")
    assert "takes no pictures; valid here are label" in answer.body["message"] and "--bundle" in answer.body["hint"]
    raw.close()


def test_missing_weights_are_told_with_what_to_do(
    start: Callable[..., Sidecar], full_bundle: Path, small_backbones: dict[str, Path], tmp_path: Path
) -> None:
    """Of CLIP and the voice's emotion when they are asked for; the labels do without."""
    nowhere = {name: str(tmp_path) for name in ("HF_HUB_CACHE", "HF_HOME", "MODELSCOPE_CACHE", "XDG_CACHE_HOME")}
    only = start(*options(full_bundle, emotion2vec=small_backbones["emotion2vec"]), environment=nowhere)
    with Client(only.connection) as client:
        for settings in (Settings(image=picture()), Settings(text="sad"), Settings(emotion="auto")):
            refusal = error(client, settings)
            assert refusal.code == "backbone" and "offline nothing is fetched" in refusal.message
            assert "medtalk models pull" in refusal.hint
        assert client.wait(client.generate(pcm(babble(0.5)), Settings(emotion="sad"))).frames == 30


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


# --- in this process, to see what is computed


@pytest.fixture
def hearing(small_backbones: dict[str, Path], tmp_path: Path) -> Iterator[worker.Worker]:
    """The compute thread of a sidecar whose bundle hears words."""
    bundle = checkpoints.make_own(tmp_path / "own")
    server = Server(
        ServiceSettings(
            port=0, bundle=bundle, threads=1, device="cpu", connection_file=tmp_path / "c.json",
            backbones=small_backbones, offline=True,
        )
    )  # fmt: skip
    yield server._worker
    server.close()


def work(worker: worker.Worker, *frames: Any) -> Any:
    from medtalk.service.jobs import Job
    from tests.service.messages import read

    job = Job("a", b"c", read(list(frames)).body)
    return worker._work(job)


def heard(worker: worker.Worker, samples: np.ndarray, **settings: Any) -> Any:
    """What becomes of a sound."""
    sound = pcm(samples)
    assert sound.buffer
    from medtalk_wire.protocol import pack

    wire = Settings(**settings)
    buffers = [sound.buffer, *wire.buffers()]
    return work(worker, *pack(Message("generate", {"sound": sound.fields, **wire.fields()}, buffers=buffers)))
