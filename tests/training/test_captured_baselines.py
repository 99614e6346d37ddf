"""The methods of Table 1 on captured faces: they hear small pretrained backbones, and their bundles name these."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import medtalk
from medtalk.bundle import load_bundle
from medtalk.errors import BackboneError, BundleError
from medtalk_train.baselines.data import Aligned, exchanges, sentences, watched
from medtalk_train.baselines.export import export
from medtalk_train.baselines.learning import Budget, learn
from medtalk_train.captured.batches import Content
from medtalk_train.captured.ground import CapturedGround
from medtalk_train.recipe import load_recipe
from medtalk_train.run import Run
from tests.helpers import checkpoints
from tests.helpers.sounds import babble
from tests.training import datasets

# whisper leaves the file of its vocabulary open
pytestmark = pytest.mark.filterwarnings("ignore:.*multilingual.tiktoken:pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The recipe `paper_tiny` with its features done, on the takes of six speakers."""
    from medtalk.backbones.emotion2vec import import_funasr

    folder = tmp_path_factory.mktemp("captured")
    import_funasr()  # quietly
    (folder / "backbones").mkdir()
    torch.manual_seed(5)
    checkpoints.make_wav2vec2(folder / "backbones" / "wav2vec2")
    checkpoints.make_emotion2vec(folder / "backbones" / "emotion2vec")
    checkpoints.make_roberta(folder / "backbones" / "roberta")
    checkpoints.make_clip(folder / "backbones" / "clip")
    checkpoints.make_whisper(folder / "backbones" / "whisper.pt")
    takes = datasets.emoface(folder / "takes", [f"s{number}" for number in range(6)])
    said = "".join(f"{e}_s{s}_{t:03d},we say it\n" for e in ("angry", "happ") for s in range(6) for t in range(2))
    (takes / "transcripts.csv").write_text(f"clip,transcript\n{said}", "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MEDTALK_REFERENCE", raising=False)
        found = Run(load_recipe("paper_tiny"), folder / "run", progress=False)
        found.step("features")
        yield found


def ground(run: Run) -> CapturedGround:
    assert isinstance(run.ground, CapturedGround)
    return run.ground


def test_a_tenth_of_the_takes_stops_the_training(run: Run) -> None:
    learned = {row.name for row in sentences(run.ground).takes.rows}  # pyright: ignore[reportFunctionMemberAccess]
    known = {row.name for row in ground(run).data.recorded(3).rows}
    assert learned < known and len(learned) >= 0.7 * len(known)
    held = {row.name for row in ground(run).data.held_back}
    assert held and not held & known
    faces = [row for row in ground(run).data.recorded(3).rows if row.name not in learned]
    lengths = {row.frames for row in faces}
    assert all(int(length) in lengths for batch in watched(run.ground) for length in batch.lengths)


def test_an_exchange_has_captured_faces_of_either_emotion(run: Run) -> None:
    draw = exchanges(run.ground, 2, 30)
    assert draw is not None
    batch = draw(np.random.default_rng(1))
    assert batch.own.shape == batch.crossed.shape and batch.own.shape[:2] == (2, 2) and batch.own.shape[2] <= 30
    rows, cache = ground(run).data.recorded(3).rows, ground(run).cache
    faces = {(row.name.split("/")[1], row.label): cache.open(row.rig).astype(np.float32) for row in rows}

    def where(passage: torch.Tensor) -> tuple[str, int]:
        for (name, label), face in faces.items():
            for first in range(len(face) - len(passage) + 1):
                if np.array_equal(face[first : first + len(passage)], passage.numpy()):
                    return name, label
        raise AssertionError("no take has this face")

    for b in range(2):
        for k in range(2):
            own, crossed = where(batch.own[k, b]), where(batch.crossed[k, b])
            assert own[1] == int(batch.label[k, b].argmax()) and crossed[1] == int(batch.label[1 - k, b].argmax())
            assert own[0].split("_")[1:] == crossed[0].split("_")[1:], "one sentence of one speaker in two emotions"


def test_a_warped_take_is_read_where_it_was_said(run: Run) -> None:
    """Sound and face of the other emotion stand at the frames that the warp has for those of the sentence."""
    takes = ground(run).data.recorded(3)
    contents = []
    for content in takes.aligned[0]:
        places = (np.arange(content.frames, dtype=np.int32) // 2).astype(np.int32)
        contents.append(Content(content.frames, content.takes, {label: places for label in content.takes}))
    frames = min(content.frames for content in contents)
    batch = Aligned(takes, [(contents[0], contents[1])], 1, frames)(np.random.default_rng(3))
    for values in (batch.own, batch.crossed, batch.content, batch.emotion):
        assert values.shape[2] == frames
        for k in range(2):
            steps = values[k, 0].diff(dim=0).abs().amax(1)
            assert min((steps[::2] > 0).sum(), (steps[1::2] > 0).sum()) == 0, "each frame comes twice"


@pytest.mark.parametrize("name", ["emotalk", "diffposetalk"])
def test_a_method_learns_and_its_bundle_speaks(
    name: str, run: Run, tmp_path: Path, medtalk: Callable[..., Any]
) -> None:
    import soundfile

    learned = learn(name, run, tmp_path / name, Budget(steps=2))
    bundle = export(learned, run, tmp_path / "bundle", {})
    hears = name == "emotalk"
    assert bundle.backbones == ({"emotion2vec": "emotion2vec"} if hears else {}) and bundle.kind == "baseline"
    assert "takes of" in bundle.manifest["training_data"] and "ear" not in bundle.manifest["sizes"]
    soundfile.write(tmp_path / "voice.wav", babble(1.0), 16000)
    words = ["--backbone", f"emotion2vec={Path('backbones') / 'emotion2vec'}"] if hears else []
    done = medtalk("generate", tmp_path / "voice.wav", "--bundle", bundle.folder, "--emotion", "angry", "--offline",
                   *words, "-o", tmp_path / "rig.npz")  # fmt: skip
    assert (done.code, done.err) == (0, "")
    row = ground(run).data.held_back[0]
    take = next(take for take, _ in ground(run).takes if take.name == row.name)
    speech = _speech(take.sound.read() if take.sound else np.zeros(0))
    model = _load(bundle.folder, {"emotion2vec": Path("backbones") / "emotion2vec"} if hears else {})
    content = model.perform(speech).content
    width = learned.network.sizes.content
    trained = ground(run).cache.open(row.content).astype(np.float32)
    np.testing.assert_allclose(content[:, :width], trained, atol=5e-2, err_msg="it hears what it learned from")
    if hears:
        with pytest.raises(BackboneError):
            _load(bundle.folder, {"emotion2vec": Path("nowhere")}).perform(speech)
        manifest = (bundle.folder / "bundle.json").read_text().replace('"emotion2vec": "emotion2vec"', "")
        lacking = Path(shutil.copytree(bundle.folder, tmp_path / "lacking"))
        (lacking / "bundle.json").write_text(manifest)
        with pytest.raises(BundleError, match="does not name its backbone emotion2vec"):
            _load(lacking, {})


def _load(folder: Path, backbones: dict[str, Path]) -> Any:
    return medtalk.load(load_bundle(folder).folder, device="cpu", backbones=backbones, offline=True)


def _speech(samples: np.ndarray) -> Any:
    return medtalk.Speech.from_array(samples, 16000)
