"""Bundles of the kind baseline: the methods of Table 1 in every command, and what is refused in one line."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

import medtalk
from medtalk import read_rig
from medtalk.bundle import METHODS, load_bundle, write_bundle
from medtalk.errors import BackboneError, BundleError, GuidanceError, SettingError
from medtalk.finishing import Finishing
from medtalk.model.baselines.method import PLAIN
from medtalk.model.ear import Ear, EarConfig
from medtalk.perform import Performance
from medtalk.rig.channels import CHANNEL_NAMES
from medtalk_train.baselines import BASELINES
from medtalk_train.baselines.export import export
from medtalk_train.baselines.learning import Learned
from medtalk_train.recipe import load_recipe
from medtalk_train.run import Run
from tests.helpers.sounds import babble
from tests.training.test_stages import write_corpus

# All that our own additions would change is left out, so that what remains is the method's.
RAW = PLAIN
pytestmark = pytest.mark.torch


@pytest.fixture(scope="session")
def baselines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small bundle of each method, of random weights, exported from a run with a small ear. Not to be changed."""
    folder = tmp_path_factory.mktemp("baselines")
    write_corpus(folder / "corpus")
    torch.manual_seed(4)
    ear = Ear(EarConfig(width=32, heads=2, layers=2, hidden=24, features=15))
    (folder / "backbone").mkdir()
    torch.save({"config": ear.config.to_dict(), "ear": ear.state_dict()}, folder / "backbone" / "backbone.pt")
    run = Run(load_recipe("tiny"), folder, progress=False)
    for name, method in BASELINES.items():
        sizes = method.kind(15 + 1 + 35, 16 + 35, width=32, hidden=32)
        network = method(sizes).eval()
        network.spread.fill_(0.1)
        for parameter in network.parameters():
            if not parameter.abs().sum():
                torch.nn.init.normal_(parameter, std=0.1)
        export(Learned(network, 7, 1.5, 0.01), run, folder / name, {"MLE": 0.02})
    return {name: folder / name for name in METHODS}


@pytest.fixture
def spoiled(baselines: dict[str, Path], tmp_path: Path) -> Callable[..., Path]:
    """A bundle of EmoFace with other fields in its manifest."""

    def spoil(**fields: Any) -> Path:
        folder = Path(shutil.copytree(baselines["emoface"], tmp_path / "spoiled"))
        manifest = json.loads((folder / "bundle.json").read_text("utf-8"))
        (folder / "bundle.json").write_text(json.dumps({**manifest, **fields}), "utf-8")
        return folder

    return spoil


def heard(folder: Path, seconds: float = 1.5) -> Performance:
    return medtalk.load(folder, device="cpu").perform(medtalk.Speech.from_array(babble(seconds), 16000))


@pytest.mark.parametrize("name", METHODS)
def test_a_method_generates(name: str, baselines: dict[str, Path], medtalk: Callable[..., Any], tmp_path: Path) -> None:
    sound = tmp_path / "voice.wav"
    soundfile.write(sound, babble(2.5), 16000)
    for out in ("a.npz", "b.npz"):
        done = medtalk(
            "generate", sound, "--bundle", baselines[name], "--emotion", "angry", "--seed", 3, "-o", tmp_path / out
        )
        assert (done.code, done.err) == (0, ""), done.err
    rig, again = read_rig(tmp_path / "a.npz"), read_rig(tmp_path / "b.npz")
    assert rig.values.shape == (150, 174) and np.array_equal(rig.values, again.values)
    assert rig.meta["bundle"]["name"] == f"tiny-{name}" and rig.meta["emotion"] == {"angry": 1.0}
    assert medtalk("preview", tmp_path / "a.npz", "-o", tmp_path / "page.html").code == 0
    assert medtalk("sheet", tmp_path / "a.npz", "-o", tmp_path / "sheet.png", "--size", 32, "--columns", 2).code == 0
    shown = medtalk("bundle", "info", baselines[name])
    assert shown.code == 0 and "baseline" in shown.out and name in shown.out
    facts = json.loads(medtalk("bundle", "info", baselines[name], "--json").out)
    assert facts["guidance"] == ["label"] and facts["trained"] == {"steps": 7, "seconds": 1.5, "validation": 0.01}
    card = (baselines[name] / "README.md").read_text("utf-8")
    assert "MLE | 0.02" in card and "0.0 h" not in card and "1.0 h of tone" in card


@pytest.mark.process
@pytest.mark.parametrize("name", METHODS)
def test_a_method_bakes(name: str, baselines: dict[str, Path], medtalk: Callable[..., Any], tmp_path: Path) -> None:
    for number in range(2):
        soundfile.write(tmp_path / f"s{number}.wav", babble(0.8, seed=number), 16000)
    (tmp_path / "lines.csv").write_text("id,audio,emotion\nL0,s0.wav,happy\nL1,s1.wav,sad\n")
    words = ("bake", tmp_path / "lines.csv", "-o", tmp_path / "out", "--bundle", baselines[name], "--jobs", 1)
    assert medtalk(*words).code == 0
    assert read_rig(tmp_path / "out" / "L1.npz").meta["emotion"] == {"sad": 1.0}
    assert "2 done already" in medtalk(*words, "--dry-run").out


@pytest.mark.parametrize("name", METHODS)
def test_labels_guide_and_their_rigs_mix(name: str, baselines: dict[str, Path]) -> None:
    performance = heard(baselines[name])
    happy, sad = (performance.decode(label, finishing=RAW).values for label in ("happy", "sad"))
    assert np.abs(happy - sad).max() > 1e-3
    mixed = performance.decode("happy:0.75,sad:0.25", finishing=RAW).values
    np.testing.assert_allclose(mixed, 0.75 * happy + 0.25 * sad, atol=1e-5)
    assert performance.posteriors is None and performance.closures is None and (performance.intensity == 1).all()


def test_an_intensity_scales_what_the_label_changes(baselines: dict[str, Path]) -> None:
    performance = heard(baselines["emoface"])
    neutral, angry = (performance.decode(label, finishing=RAW).values for label in ("neutral", "angry"))
    for intensity, expected in ((0.0, neutral), (1.0, angry), (0.5, 0.5 * (neutral + angry))):
        found = performance.decode("angry", intensity, finishing=RAW).values
        np.testing.assert_allclose(found, expected, atol=1e-6)
    ramp = np.linspace(0.0, 2.0, len(performance), dtype=np.float32)
    found = performance.with_intensity(ramp).decode("angry", finishing=RAW).values
    np.testing.assert_allclose(found, neutral + ramp[:, None] * (angry - neutral), atol=1e-6)
    np.testing.assert_allclose(performance.decode("neutral", 0.3, finishing=RAW).values, neutral, atol=1e-6)


def test_the_takes_seed_is_the_chance_of_a_method_that_has_any(baselines: dict[str, Path]) -> None:
    for name, folder in baselines.items():
        performance = heard(folder, 0.5)
        one, two = (performance.decode("sad", finishing=dataclasses.replace(RAW, seed=seed)).values for seed in (1, 2))
        assert np.array_equal(one, two) == (name != "diffposetalk"), name


def test_each_names_what_its_paper_does_afterwards(baselines: dict[str, Path]) -> None:
    """EmoFace's blinks and gaze are this repository's, and they move the eyes."""
    done = {name: method.finishing for name, method in BASELINES.items()}
    assert done["emoface"].blink and done["emoface"].gaze and not done["emoface"].life and not done["emoface"].smooth
    assert done["emotalk"].smooth and not done["emotalk"].blink
    assert done["faceformer"] == done["diffposetalk"] == PLAIN
    performance = heard(baselines["emoface"], 12.0)
    bare, live = (performance.decode("happy", finishing=steps).values for steps in (PLAIN, done["emoface"]))
    moved = np.abs(live - bare).max(axis=0) > 1e-3
    names = {CHANNEL_NAMES[channel].removeprefix("CTRL_")[2:5] for channel in np.flatnonzero(moved)}
    assert names == {"eye"}, [CHANNEL_NAMES[channel] for channel in np.flatnonzero(moved)]


def test_a_timeline_guides(baselines: dict[str, Path]) -> None:
    performance = heard(baselines["faceformer"])
    spans = [{"start": 0.6, "end": 1.2, "emotion": "angry"}]
    changed = performance.decode("happy", finishing=RAW, timeline=spans).values
    plain = performance.decode("happy", finishing=RAW).values
    assert np.array_equal(changed[:20], plain[:20]) and np.abs(changed[45:60] - plain[45:60]).max() > 1e-3


def test_what_was_heard_is_kept(baselines: dict[str, Path], medtalk: Callable[..., Any], tmp_path: Path) -> None:
    sound = tmp_path / "voice.wav"
    soundfile.write(sound, babble(1.0), 16000)
    words = ("--bundle", baselines["diffposetalk"], "--emotion", "sad")
    assert medtalk("generate", sound, *words, "--keep-heard", "-o", tmp_path / "a.npz").code == 0
    assert medtalk("decode", tmp_path / "a.npz", *words, "-o", tmp_path / "b.npz").code == 0
    np.testing.assert_array_equal(read_rig(tmp_path / "a.npz").values, read_rig(tmp_path / "b.npz").values)


def test_what_it_does_not_understand_is_one_line(
    baselines: dict[str, Path], medtalk: Callable[..., Any], sound: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "face.png"
    picture.write_bytes(b"\x89PNG")
    out = tmp_path / "rig.npz"
    for words, said in (
        (("--text", "furious"), "is a baseline (emotalk), which knows labels and no descriptions. Name an emotion"),
        (("--image", picture), "is a baseline (emotalk), which knows labels and no pictures"),
        (("--language", "en"), "A baseline does not transcribe speech"),
        (("--backbone", f"clip={tmp_path}"), "has no backbone called 'clip'; it has none"),
    ):  # fmt: skip
        done = medtalk("generate", sound, "--bundle", baselines["emotalk"], *words, "-o", out)
        assert done.code != 0 and done.err.count("\n") == 1 and said in done.err, done.err
        assert not out.exists()
    performance = heard(baselines["emotalk"], 0.5)
    with pytest.raises(GuidanceError, match="knows labels and no descriptions"):
        performance.model.guide(text="furious")
    with pytest.raises(SettingError, match="no ready-made features"):
        performance.model.perform(performance.speech, emotion2vec=np.zeros((25, 8)))
    told = performance.with_transcript("hello there").decode("sad", finishing=Finishing())
    assert "does not use transcripts" in told.meta["note"]


def test_damage_is_one_line(
    spoiled: Callable[..., Path], baselines: dict[str, Path], medtalk: Callable[..., Any], sound: Path, tmp_path: Path
) -> None:
    sizes = load_bundle(baselines["emoface"]).manifest["sizes"]
    for fields, said in (
        ({"method": "codetalker"}, "holds the method 'codetalker'; this version runs faceformer, emotalk, emoface"),
        ({"method": "emotalk"}, "cannot be used: Unknown size 'longest' of a baseline"),
        ({"sizes": {}}, "cannot be used: It has no sizes"),
        ({"sizes": {**sizes, "network": {**sizes["network"], "width": 64}}}, "sizes and weights of a baseline do not"),
        ({"sizes": {**sizes, "network": {"content": "x"}}}, "cannot be used"),
        ({"sizes": {**sizes, "ear": {**sizes["ear"], "hidden": 16}}}, "Its ear does not fit"),
        ({"sizes": {**sizes, "ear": 3}}, "Its ear does not fit"),
        ({"features": {}}, "was trained with different features"),
        ({"backbones": {"clip": "x"}}, "names a backbone 'clip'; valid are emotion2vec"),
        ({"text_mode": ["words"]}, "has the text mode"),
    ):  # fmt: skip
        folder = spoiled(**fields)
        done = medtalk("generate", sound, "--bundle", folder, "-o", tmp_path / "rig.npz")
        assert done.code != 0 and done.err.count("\n") == 1 and said in done.err, (fields, done.err)
        shutil.rmtree(folder)
    weights = spoiled() / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    done = medtalk("generate", sound, "--bundle", weights.parent, "-o", tmp_path / "rig.npz")
    assert done.code != 0 and "weights.safetensors" in done.err and done.err.count("\n") == 1
    fields = {**load_bundle(baselines["emoface"]).manifest, "name": "cut"}
    cut = write_bundle(tmp_path / "cut", fields, {"weights.safetensors": b"no tensors"})
    with pytest.raises(BundleError, match="Cannot read weights"):
        medtalk_load(cut.folder)


def medtalk_load(folder: Path) -> Any:
    return medtalk.load(folder, device="cpu")


def test_an_ear_of_another_width_is_refused(baselines: dict[str, Path], tmp_path: Path) -> None:
    from safetensors.torch import load_file, save

    bundle = load_bundle(baselines["faceformer"])
    method = BASELINES["faceformer"]
    network = method(method.kind(99, 51, width=32, hidden=32))
    state = {name: tensor for name, tensor in load_file(bundle.file("weights.safetensors")).items() if "ear." in name}
    state |= {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    fields = {**bundle.manifest, "sizes": {**bundle.manifest["sizes"], "network": network.sizes.to_dict()}}
    other = write_bundle(tmp_path / "other", fields, {"weights.safetensors": save(state)})
    with pytest.raises(BundleError, match=r"do not fit: 99 and 51 features, and 51 and 51"):
        medtalk_load(other.folder)


def test_a_light_installation_says_what_is_missing(baselines: dict[str, Path], sound: Path) -> None:
    code = "import sys; sys.modules['torch'] = None; from medtalk.cli.app import main; main()"
    words = [sys.executable, "-c", code, "generate", sound, "-o", sound.with_suffix(".npz"), "--bundle"]
    done = subprocess.run(list(map(str, [*words, baselines["emoface"]])), capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert "needs torch, which is not installed. Run pip install 'medtalk[full]'" in done.stderr
    assert not sound.with_suffix(".npz").exists()


def test_a_saved_take_of_other_features_is_refused(baselines: dict[str, Path]) -> None:
    engine = heard(baselines["emoface"], 0.5).model.engine
    with pytest.raises(BundleError, match="hears 51 features, not 256"):
        engine.decode(np.zeros((3, 256), np.float32), np.eye(7, dtype=np.float32)[[0, 0, 0]], np.ones(3, np.float32))
    with pytest.raises(BackboneError, match="it has none"):
        medtalk.load(baselines["emoface"], backbones={"emotion2vec": "x"})
    with pytest.raises(SettingError, match="The engine onnx runs bundles of the kind compact only"):
        medtalk.load(baselines["emoface"], engine="onnx")
