"""A bundle of the kind medtalk through the library and the command line: the authors' outputs, and no network."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from safetensors.numpy import load_file, save

import medtalk
from medtalk.bundle import Bundle, load_bundle, write_bundle
from medtalk.cli.ready_made import read_features
from medtalk.engine import open_engine
from medtalk.errors import BackboneError, BundleError, CancelledError, GuidanceError, SettingError
from medtalk.finishing import PAPER, Finishing
from medtalk.official import import_official
from medtalk.perform import Model, Performance
from medtalk.watch import Watch
from tests.helpers import checkpoints
from tests.helpers.sidecars import Sidecar

RAW = Finishing(smooth=False, blink=False, gaze=False, limits=False, life=False)
TOLERANCE = 1e-4
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def parity(shared: Path) -> Path:
    return shared / "parity"


@pytest.fixture(scope="module")
def released(parity: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle made from the reference's small weights."""
    folder = tmp_path_factory.mktemp("released") / "bundle"
    import_official(
        parity / "audio_semantic.pth",
        folder,
        clip=parity / "clip_emotion.pth",
        wav2vec2=parity / "wav2vec2",
        roberta=parity / "roberta",
        offline=True,
    )
    return folder


@pytest.fixture(scope="module")
def truth(parity: Path) -> dict[str, Any]:
    with np.load(parity / "label_io.npz") as label, np.load(parity / "clip_io.npz") as clip:
        arrays = {**label, **clip}
    return {**arrays, **json.loads((parity / "meta.json").read_text("utf-8"))}


@pytest.fixture
def released_performance(released: Path, truth: dict[str, Any]) -> Performance:
    speech = medtalk.Speech.from_array(truth["audio"], 16000)
    return medtalk.load(released, offline=True).perform(speech, emotion2vec=truth["emotion2vec"])


def test_labels_are_the_releases(
    released_performance: Performance, parity: Path, truth: dict[str, Any], network: list[str]
) -> None:
    raw = released_performance.decode(truth["emotion"], finishing=RAW).values
    np.testing.assert_allclose(raw, truth["label_raw"], atol=TOLERANCE)
    smoothed = released_performance.decode(truth["emotion"], finishing=PAPER).values
    np.testing.assert_allclose(smoothed, np.loadtxt(parity / "label_expected.csv", delimiter=","), atol=TOLERANCE)
    assert network == []


@pytest.mark.parametrize("kind", ["text", "image"])
def test_texts_and_pictures_are_the_releases(
    released_performance: Performance, truth: dict[str, Any], kind: str
) -> None:
    told: Any = {"text": "whatever it said", "image": "face.png"}
    features = truth[f"clip_{kind}_features"][0]
    guide = released_performance.model.guide(**{kind: told[kind]}, features=features)
    rig = released_performance.decode(guide, finishing=RAW)
    np.testing.assert_allclose(rig.values, truth[f"{kind}_raw"], atol=TOLERANCE)
    assert rig.meta["guidance"] == {kind: told[kind]} and rig.meta["emotion"] == {}


@pytest.mark.parametrize(("option", "expected"), [("--emotion", "label"), ("--text", "text"), ("--image", "image")])
def test_the_command_gives_the_releases_too(
    medtalk: Run, released: Path, truth: dict[str, Any], tmp_path: Path, network: list[str], option: str, expected: str
) -> None:
    soundfile.write(tmp_path / "line.wav", truth["audio"], 16000, subtype="FLOAT")
    features = {"emotion2vec": truth["emotion2vec"]}
    features |= {f"clip_{kind}": truth[f"clip_{kind}_features"] for kind in ("text", "image")}
    np.savez(tmp_path / "line.npz", **features)
    done = medtalk("generate", tmp_path / "line.wav", "--bundle", released, "--features", tmp_path / "line.npz",
                   "--offline", option, truth["emotion"], "-o", tmp_path / "rig.npz",
                   "--no-smooth", "--no-blink", "--no-gaze", "--no-limits", "--no-life", "--json")  # fmt: skip
    assert (done.code, done.err) == (0, "")
    from medtalk import read_rig  # type: ignore[attr-defined]  # the fixture hides the module

    np.testing.assert_allclose(read_rig(tmp_path / "rig.npz").values, truth[f"{expected}_raw"], atol=TOLERANCE)
    told = json.loads(done.out)
    assert told.get("guidance", told.get("emotion")) in ({expected: "angry"}, {"angry": 1.0})
    assert network == []


# --- small random weights, with the backbones' own libraries


@pytest.fixture(scope="session")
def backbones(small_backbones: dict[str, Path]) -> dict[str, Path]:
    """Small `emotion2vec` and `clip`."""
    return {part: small_backbones[part] for part in ("emotion2vec", "clip")}


@pytest.fixture(scope="module")
def model(full_bundle: Path, backbones: dict[str, Path]) -> Model:
    return medtalk.load(full_bundle, backbones=backbones, offline=True, device="cpu")


@pytest.fixture
def performance(model: Model, sound: Path) -> Performance:
    return model.perform(sound)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (80, 60, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "face.png")
    return tmp_path / "face.png"


def test_a_sound_is_heard_by_the_backbones(performance: Performance, backbones: dict[str, Path]) -> None:
    from medtalk.backbones.emotion2vec import Emotion2vec
    from medtalk.backbones.pretrained import Pretrained

    assert performance.content.shape == (120, 256) and performance.posteriors is None
    expected = Emotion2vec(Pretrained("e", backbones["emotion2vec"])).features(performance.speech.samples)
    np.testing.assert_allclose(performance.heard.emotion_features, expected, atol=1e-5)
    again = performance.model.perform(performance.speech, emotion2vec=expected)
    np.testing.assert_allclose(again.intensity, performance.intensity, atol=1e-5)
    faces = [performance.decode(label, finishing=RAW).values for label in ("angry", "happy")]
    assert np.isfinite(faces).all() and np.abs(faces[0] - faces[1]).max() > 1e-4
    assert performance.decode("sad").values.shape == (120, 174)


def test_work_can_be_stopped_within_the_networks(model: Model, sound: Path) -> None:
    watch = Watch()
    model.perform(sound)  # all is loaded

    def cancel(*_: object) -> None:
        watch.cancel()

    hook = model.engine._wav2vec2._model.feature_projection.register_forward_hook(cancel)  # type: ignore[attr-defined]
    try:
        with watch, pytest.raises(CancelledError):
            model.perform(sound)
    finally:
        hook.remove()
    assert watch.fraction() < 0.3 and watch.phase == "listen"


@pytest.mark.parametrize("samples", [1600, 4801, 31999])
def test_frames_are_the_whole_sixtieths_of_a_second(model: Model, samples: int) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, samples).astype(np.float32)
    assert len(model.perform(medtalk.Speech.from_array(noise, 16000)).decode()) == samples * 60 // 16000


def test_a_text_and_a_picture_lead(performance: Performance, picture: Path, network: list[str]) -> None:
    model = performance.model
    guides = [model.guide(text="furious"), model.guide(text="in tears"), model.guide(image=picture),
              model.guide(image=picture.read_bytes())]  # fmt: skip
    faces = [performance.decode(guide, finishing=RAW).values for guide in guides]
    assert np.array_equal(faces[2], faces[3])
    assert np.abs(faces[0] - faces[1]).max() > 1e-6 and np.abs(faces[0] - faces[2]).max() > 1e-6
    rig = performance.decode(guides[2], 0.5, region="mouth")
    assert rig.meta["guidance"] == {"image": "face.png"} and rig.meta["intensity"] == 0.5
    assert network == []


def test_an_edited_intensity_leads_texts_too(performance: Performance) -> None:
    guide = performance.model.guide(text="furious")
    still = [performance.with_intensity(0.0).decode(each, finishing=RAW).values for each in (guide, "sad")]
    still += [performance.decode(each, 0.0, RAW).values for each in (guide, "sad")]
    assert np.array_equal(still[0], still[2]) and np.array_equal(still[1], still[3])
    assert performance.heard.guided is not None
    assert performance.nbytes > performance.content.nbytes + performance.heard.guided.content.nbytes
    with pytest.raises(ValueError, match="read-only"):
        performance.heard.guided.content[0] = 0.0


def test_guides_that_cannot_be(performance: Performance, full_bundle: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    model = performance.model
    other = medtalk.load(full_bundle, offline=True).guide(text="sad", features=np.zeros(512))
    with pytest.raises(GuidanceError, match="made by another model"):
        performance.decode(other)
    with pytest.raises(GuidanceError, match="one text or picture"):
        model.guide()
    with pytest.raises(GuidanceError, match="The description is empty"):
        model.guide(text=" \n")
    with pytest.raises(GuidanceError, match="does not exist"):
        model.guide(image=tmp_path / "nowhere.png")
    with pytest.raises(SettingError, match=r"of shape \(48,\); valid are numbers \(512\)"):
        model.guide(text="sad", features=np.zeros(48))
    with pytest.raises(SettingError, match="not finite"):
        model.guide(text="sad", features=np.full(512, np.nan))
    with pytest.raises(GuidanceError, match="bundle import-official"):
        medtalk.load(tiny_bundle).guide(text="sad")


def test_a_transcript_is_said_to_have_no_effect(model: Model, sound: Path) -> None:
    plain, told = model.perform(sound), model.perform(sound, "I am so angry")
    assert np.array_equal(plain.intensity, told.intensity)
    assert "no effect" in told.decode().meta["note"] and "note" not in plain.decode().meta
    assert np.array_equal(plain.with_transcript("calm").intensity, plain.intensity)
    assert told.closures is None and told.words == told.phones == ()


def test_without_the_guided_networks(official: Path, backbones: dict[str, Path], sound: Path, tmp_path: Path) -> None:
    bundle = import_official(
        official / "audio_semantic.pth", tmp_path / "b", wav2vec2=official / "wav2vec2", roberta=official / "roberta"
    ).bundle
    emotion2vec = {"emotion2vec": backbones["emotion2vec"]}
    model = medtalk.load(bundle.folder, backbones=emotion2vec, offline=True)
    performance = model.perform(sound)
    assert performance.heard.guided is None and len(performance.decode("fear")) == 120
    with pytest.raises(GuidanceError, match=r"no trained network for texts.*--clip"):
        model.guide(text="sad")
    with pytest.raises(BackboneError, match="no backbone called 'clip'; it has emotion2vec"):
        medtalk.load(bundle.folder, backbones=backbones)


def test_backbones_that_are_missing_or_do_not_fit(
    full_bundle: Path, backbones: dict[str, Path], sound: Path, tmp_path: Path, network: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "cache"))
    model = medtalk.load(full_bundle, offline=True)  # nothing is needed yet
    with pytest.raises(BackboneError, match="iic/emotion2vec_base are not on this machine, and offline"):
        model.perform(sound)
    with pytest.raises(BackboneError, match="There is no folder"):
        medtalk.load(full_bundle, backbones={"emotion2vec": tmp_path / "nowhere"}).perform(sound)
    with pytest.raises(BackboneError, match=r"cannot be used as|has no"):
        medtalk.load(full_bundle, backbones={"emotion2vec": backbones["clip"]}).perform(sound)
    assert network == []
    model = medtalk.load(full_bundle, backbones=backbones, offline=True)
    monkeypatch.setattr(model.engine, "_config", medtalk_config(emotion_features=96))
    with pytest.raises(BackboneError, match="are 48 wide; the bundle full needs 96"):
        model.perform(sound)


def medtalk_config(**sizes: int) -> Any:
    from dataclasses import replace

    from medtalk.model.config import ModelConfig

    return replace(ModelConfig.paper(checkpoints.WIDTH), **sizes)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (np.zeros((100, 32)), r"of shape \(100, 32\); valid are numbers \(N, 48\)"),
        (np.zeros((1, 100, 48)), r"valid are numbers \(N, 48\)"),
        (np.zeros((0, 48)), r"valid are numbers \(N, 48\)"),
        (np.zeros((80, 48)), r"have 80 frames; a sound of 2.00 s has about 100 at 50 fps, or 120 at 60 fps"),
        (np.full((100, 48), np.inf), "not finite"),
        (np.full((100, 48), "a"), "valid are numbers"),
    ],
)
def test_features_of_something_else(model: Model, sound: Path, features: np.ndarray, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        model.perform(sound, emotion2vec=features)


def test_engines_by_kind(full_bundle: Path, tiny_bundle: Path, sound: Path) -> None:
    bundle = load_bundle(full_bundle)
    with pytest.raises(SettingError, match="runs bundles of the kind compact only"):
        open_engine(bundle, "onnx")
    assert open_engine(bundle, "torch", device="cpu").device == "cpu"
    with pytest.raises(BackboneError, match="no backbone called 'whisper'; it has emotion2vec, clip"):
        open_engine(bundle, backbones={"whisper": "."})
    with pytest.raises(BackboneError, match="no backbone called 'clip'; it has face_landmarker"):
        medtalk.load(tiny_bundle, backbones={"clip": "."})
    with pytest.raises(SettingError, match="accepts no ready-made ones"):
        medtalk.load(tiny_bundle).perform(sound, emotion2vec=np.zeros((100, 48)))


def spoiled(bundle: Bundle, folder: Path, fields: dict[str, Any] | None = None, **tensors: np.ndarray) -> Path:
    """A copy of a bundle with other fields and tensors (`model__decoder` for `model.decoder`)."""
    files: dict[str, Any] = {name: bundle.file(name) for name in bundle.manifest["files"]}
    state = load_file(bundle.file("weights.safetensors"))
    files["weights.safetensors"] = save({**state, **{name.replace("__", "."): t for name, t in tensors.items()}})
    own = {key: value for key, value in bundle.manifest.items() if key != "files"}
    return write_bundle(folder, {**own, **(fields or {})}, files).folder


@pytest.mark.parametrize(
    ("fields", "tensors", "message"),
    [
        ({"sizes": {}}, {}, "sizes and weights of bundle"),
        ({"sizes": {"model": {"depth": 3}}}, {}, "Unknown model sizes: depth"),
        ({"sizes": {"model": {"places": True}}}, {}, "frames know their places"),
        ({"sizes": {"model": {"places": False, "content_context": 2}}}, {}, "frames know their places or neighbours"),
        ({"wav2vec2_layer": 1}, {}, "cannot be used"),
        ({"wav2vec2_layer": 99}, {}, "The layer is 99"),
        ({"wav2vec2_layer": "x"}, {}, "names no layer"),
        ({}, {"model__decoder__fc2__bias": np.zeros(3, np.float32)}, "do not fit"),
        ({}, {"model__spare": np.zeros(3, np.float32)}, r"do not fit: model\.spare"),
        ({}, {"clip__spare": np.zeros(3, np.float32)}, "do not fit"),
        ({}, {"text__constant": np.zeros((3, 7), np.float32)}, r"text\.constant has the shape \(3, 7\)"),
    ],
)
def test_bundles_that_do_not_fit(
    full_bundle: Path, tmp_path: Path, fields: dict[str, Any], tensors: dict[str, np.ndarray], message: str
) -> None:
    folder = spoiled(load_bundle(full_bundle), tmp_path / "b", fields, **tensors)
    with pytest.raises(BundleError, match=message):
        medtalk.load(folder)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"text_mode": "sung"}, "text mode 'sung'; this version knows words, constant"),
        ({"text_mode": None}, "text mode unknown"),
        ({"backbones": {"clip": "x"}}, "does not name its backbone emotion2vec"),
        ({"backbones": {"emotion2vec": 3}}, "does not name its backbones"),
        ({"backbones": {"emotion2vec": "x", "gpt": "x"}}, "names a backbone 'gpt'"),
        ({"backbones": ["emotion2vec"]}, "does not name its backbones"),
    ],
)
def test_manifests_that_do_not_fit(full_bundle: Path, tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(BundleError, match=message):
        spoiled(load_bundle(full_bundle), tmp_path / "b", fields)


# --- the command line


def test_a_run_from_end_to_end(
    medtalk: Run, full_bundle: Path, backbones: dict[str, Path], sound: Path, picture: Path, tmp_path: Path,
    network: list[str],
) -> None:  # fmt: skip
    words = ["generate", sound, "--bundle", full_bundle, "--offline", "-o", tmp_path / "a.csv"]
    words += [word for name, folder in backbones.items() for word in ("--backbone", f"{name}={folder}")]
    rigs = []
    for more, led in ([], "neutral"), (["--text", "so very sad"], "by a text"), (["--image", picture], "by a picture"):
        done = medtalk(*words, *more)
        assert (done.code, done.err) == (0, "") and f"120 frames at 60 fps, {led}, " in done.out
        rigs.append((tmp_path / "a.csv").read_text())
    assert len(set(rigs)) == 3
    noted = medtalk(*words, "--transcript", "what a day")
    assert noted.code == 0
    assert noted.err == "medtalk: The transcript has no effect: the bundle full does not use transcripts.\n"
    assert network == []


def test_a_run_by_the_sidecar_is_the_local_one(
    medtalk: Run, full_bundle: Path, seeing: Sidecar, seeing_backbones: dict[str, Path], sound: Path, picture: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    here = ["--bundle", full_bundle, "--offline", "--device", "cpu"]
    here += [word for name, folder in seeing_backbones.items() for word in ("--backbone", f"{name}={folder}")]
    led = [["--image", picture], ["--emotion", "Auto"], ["--text", "in tears"]]
    for words, guidance in zip(led, ({"image": "face.png"}, {"voice": "auto"}, {"text": "in tears"}), strict=True):
        rigs = []
        for where in (here, ["--server", seeing.file]):
            done = medtalk("generate", sound, *where, *words, "-o", tmp_path / "a.npz", "--json")
            assert (done.code, done.err) == (0, "")
            assert guidance.items() <= json.loads(done.out)["guidance"].items()
            with np.load(tmp_path / "a.npz") as stored:
                rigs.append(next(array for array in stored.values() if array.shape == (120, 174)))
        np.testing.assert_allclose(rigs[0], rigs[1], atol=1e-5)
    picture.write_bytes(b"")
    refused = medtalk("generate", sound, "--server", seeing.file, "--image", picture, "-o", tmp_path / "b.npz")
    assert refused.code == 1 and refused.err.endswith("face.png is empty. Give another one.\n")


def test_features_for_several_sounds(medtalk: Run, full_bundle: Path, sound: Path, tmp_path: Path) -> None:
    rng, folder = np.random.default_rng(0), tmp_path / "features"
    folder.mkdir()
    sounds = [tmp_path / f"line{n}.wav" for n in (1, 2)]
    for path in sounds:
        path.write_bytes(sound.read_bytes())
        np.savez(folder / f"{path.stem}.npz", emotion2vec=rng.normal(size=(100, 48)))
    words = ["generate", *sounds, "--bundle", full_bundle, "--offline", "-o", tmp_path, "--features"]
    assert medtalk(*words, folder).code == 0
    assert (tmp_path / "line1.csv").read_text() != (tmp_path / "line2.csv").read_text()
    one = medtalk(*words, folder / "line1.npz")
    assert one.code == 1 and "cannot fit several" in one.err
    for file in tmp_path.glob("*.csv"):
        file.unlink()
    (folder / "line2.npz").unlink()
    some = medtalk(*words, folder)
    assert some.code == 1 and len(some.err.splitlines()) == 1 and "line2.npz" in some.err
    assert not list(tmp_path.glob("*.csv"))


def test_what_features_leave_to_a_backbone_is_told_once_before_any_work(
    medtalk: Run, full_bundle: Path, backbones: dict[str, Path], sound: Path, tmp_path: Path, empty_caches: Path,
) -> None:  # fmt: skip
    (tmp_path / "second.wav").write_bytes(sound.read_bytes())
    np.savez(tmp_path / "text.npz", clip_text=np.zeros(512))
    words = ["generate", sound, tmp_path / "second.wav", "--bundle", full_bundle, "--offline", "-o", tmp_path]
    words += ["--features", tmp_path / "text.npz"]
    felt = ["--backbone", f"emotion2vec={backbones['emotion2vec']}"]
    picture = tmp_path / "none.png"
    for more, name in ([], "iic/emotion2vec_base are not"), ([*felt, "--image", picture], "ViT-B-32-quickgelu/openai"):
        done = medtalk(*words, *more)
        assert done.code == 1 and len(done.err.splitlines()) == 1 and name in done.err
        assert not list(tmp_path.glob("*.csv"))
    done = medtalk(*words, *felt, "--text", "sad")
    assert (done.code, done.err) == (0, "") and len(list(tmp_path.glob("*.csv"))) == 2


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--text", "a", "--emotion", "sad"], "The emotion leaves no weight for the description or picture"),
        (["--text", "a", "--image", "b.png"], "Text and picture are both set"),
        (["--backbone", "clip"], "valid is NAME=DIR"),
        (["--backbone", "gpt=x"], "no backbone called 'gpt'"),
        (["--text", "sad"], "offline nothing is downloaded"),
        (["--image", "nowhere.png", "--text", ""], "The description is empty"),
        (["--text", ""], "The description is empty"),
        (["--features", "nowhere.npz"], "The file of features nowhere.npz does not exist"),
        (["--server", "--image", "nowhere.png"], "The picture nowhere.png does not exist"),
        (["--server", "--offline", "--device", "cpu"], "--device and --offline cannot be used with --server"),
        (["--server", "--threads", 0], "--threads cannot be used with --server"),
        (["--server", "--backbone", "clip=x"], "--backbone cannot be used with --server"),
        (["--finishing", "paper", "--no-blink"], "is the paper's smoothing and nothing else"),
        (["--device", "cuda:99"], "cuda:99"),
        (["--device", "gpu"], "valid are auto, cpu, cuda and cuda:N"),
        (["--backbone", "whisper=x"], "no backbone called 'whisper'"),
        (["--language", "en"], "The bundle full does not transcribe speech, so it takes no language"),
        (["--language", "en", "--transcript", "a"], "--language is for transcription"),
        ([], "offline nothing is downloaded"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    medtalk: Run, full_bundle: Path, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str],
    message: str,
) -> None:  # fmt: skip
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    bundle = [] if "--server" in more else ["--bundle", full_bundle, "--offline"]
    done = medtalk("generate", sound, *bundle, "-o", tmp_path / "a.csv", *more)
    assert done.code == 1 and done.out == "" and len(done.err.splitlines()) == 1 and message in done.err
    assert not (tmp_path / "a.csv").exists()


def test_the_bundle_that_ships_says_what_pictures_need(medtalk: Run, sound: Path, tmp_path: Path) -> None:
    done = medtalk("generate", sound, "-o", tmp_path / "a.csv", "--image", "face.png", "--offline")
    assert done.code == 1 and len(done.err.splitlines()) == 1 and "--backbone face_landmarker=FILE" in done.err


def test_files_of_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.npz"
    np.savez(file, emotion2vec=np.zeros((1, 9, 4)), clip_text=np.zeros((1, 5)), clip_image=np.zeros(5))
    found = read_features(file)
    assert {name: array.shape for name, array in found.items()} == {
        "emotion2vec": (9, 4), "clip_text": (5,), "clip_image": (5,),
    }  # fmt: skip
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"mel": np.zeros((3, 3))}, "called 'mel'"),
        ({}, "holds no features"),
        ({"clip_text": np.zeros((2, 5))}, "needs numbers along 1 axes"),
        ({"clip_text": np.array(["a"])}, "needs numbers along 1 axes"),
        ({"clip_text": np.array([None])}, "not a complete .npz file"),
    ]
    for arrays, message in wrong:
        np.savez(file, **arrays)
        with pytest.raises(SettingError, match=message):
            read_features(file)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("clip_text", b"no array")
    with pytest.raises(SettingError, match=r"clip_text in .* is \|S8 of shape \(\)"):
        read_features(file)
    for content in (b"", b"\x89PNG", (tmp_path / "a.npz").read_bytes()[:-30]):
        file.write_bytes(content)
        with pytest.raises(SettingError, match=r"not a complete \.npz file"):
            read_features(file)
    np.savez_compressed(file, emotion2vec=np.zeros((2 << 20, 1), np.float32))
    monkeypatch.setattr("medtalk.cli.ready_made.MAX_BYTES", 1 << 20)
    with pytest.raises(SettingError, match="holds 9 MiB; the limit is 1 MiB"):
        read_features(file)
