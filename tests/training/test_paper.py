"""Training on pretrained backbones and recorded faces, end to end on small random ones: it runs, the losses fall, a cut
run goes on, nothing is computed twice, the ablations of Table 3 act, and the bundle speaks."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import medtalk
from medtalk.bundle import load_bundle
from medtalk.errors import TrainingError
from medtalk.guidance import LABELS
from medtalk_train import cli
from medtalk_train.captured.batches import AlignedTakes, Passages, Recorded, UnlikeTakes, WholeTakes
from medtalk_train.captured.cache import Cache
from medtalk_train.captured.frozen import Frozen
from medtalk_train.captured.ground import CapturedGround
from medtalk_train.measure.evaluate import evaluate
from medtalk_train.recipe import Recipe, load_recipe
from medtalk_train.run import Run, place
from medtalk_train.settings import Ablation, DataOptions, PretrainedOptions
from medtalk_train.stages.batches import BY_IMAGE, BY_LABEL, BY_TEXT, Draw, Exchange, Steps
from medtalk_train.stages.ground import Held, HeldTake
from medtalk_train.stages.stages import ContentMapping, CrossReconstruction, GuidanceStage, IntensityModelling
from medtalk_train.synthetic.batches import Grids
from tests.helpers import checkpoints
from tests.training import contract, datasets
from tests.training.test_stages import write_corpus

# whisper leaves the file of its vocabulary open
pytestmark = pytest.mark.filterwarnings("ignore:.*multilingual.tiktoken:pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that commands are run in, with `backbones` and `takes`; whatever reaches for the network fails."""
    from medtalk.backbones.emotion2vec import import_funasr

    folder = tmp_path_factory.mktemp("paper")
    import_funasr()  # quietly
    (folder / "backbones").mkdir()
    torch.manual_seed(5)
    checkpoints.make_wav2vec2(folder / "backbones" / "wav2vec2")
    checkpoints.make_emotion2vec(folder / "backbones" / "emotion2vec")
    checkpoints.make_roberta(folder / "backbones" / "roberta")
    checkpoints.make_clip(folder / "backbones" / "clip")
    checkpoints.make_whisper(folder / "backbones" / "whisper.pt")
    takes = datasets.emoface(folder / "takes")
    said = "".join(f"{e}_{s}_000,we say it\n" for e in ("angry", "happ") for s in ("aa", "bb"))
    (takes / "transcripts.csv").write_text(f"clip,transcript\n{said}", "utf-8")
    (takes / "descriptions.csv").write_text("clip,description\nangry_aa_000,cross and loud\n", "utf-8")
    for k, speaker in enumerate(("aa", "bb", "cc")):
        datasets.picture(takes / "peaks" / f"angry_{speaker}_000.png", (200, 60 * k, 0))

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("training reached for the network")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("getaddrinfo", "create_connection"):
            patch.setattr(socket, name, refuse)
        patch.setattr(socket.socket, "connect", refuse)
        patch.chdir(folder)
        patch.delenv("MEDTALK_REFERENCE", raising=False)
        yield folder


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_recipe("paper_tiny")


def command(*words: object) -> int:
    before = sys.argv
    sys.argv = ["medtalk-train", *map(str, words)]
    try:
        with pytest.raises(SystemExit) as stopped:
            cli.main()
    finally:
        sys.argv = before
    return int(stopped.value.code or 0)


@pytest.fixture(scope="module")
def trained(home: Path, recipe: Recipe) -> Run:
    """A whole run by the command `all`, which was cut in stage 2 and then given again."""
    words = ("all", "--recipe", "paper_tiny", "--work", "run", "--quiet")
    calls, losses = [0], ContentMapping.losses

    def cut(self: ContentMapping, batch: tuple) -> dict[str, torch.Tensor]:
        calls[0] += self.training  # and not of what is held back
        if calls[0] == 25:
            signal.raise_signal(signal.SIGTERM)
        return losses(self, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ContentMapping, "losses", cut)
        assert command(*words) == 128 + signal.SIGTERM, "Lightning would end with 0"
        assert not (home / "run" / "stage2" / "model.safetensors").exists()
        calls[0] = 100
        assert command(*words) == 0
    assert calls[0] == 110, "two of three epochs of ten steps were done"
    return Run(recipe, home / "run", progress=False)


def ground(run: Run) -> CapturedGround:
    assert isinstance(run.ground, CapturedGround)
    return run.ground


def guided(run: Run) -> Draw:
    draw = run.ground.guided()
    assert draw is not None
    return draw


def held_back(run: Run, stage: int) -> object:
    draw = run.ground.validation(stage)
    assert draw is not None
    return draw(np.random.default_rng(0))


def history(run: Run, stage: int) -> dict[str, list[float]]:
    return json.loads((run.work / f"stage{stage}" / "losses.json").read_text())


def test_the_ground_keeps_its_contract(trained: Run, recipe: Recipe, tmp_path: Path) -> None:
    contract.check(trained, Run(recipe, trained.work, progress=False), Run(recipe, tmp_path, progress=False))
    assert trained.ground.guided() is not None and trained.ground.pictures()


@pytest.mark.parametrize("stage", [1, 2, 3, 4])
def test_the_losses_reach_what_a_stage_trains(trained: Run, stage: int) -> None:
    contract.check_gradients(trained, stage)


def test_losses_fall(trained: Run) -> None:
    first = history(trained, 1)
    assert first["self"][1] < 0.7 * first["self"][0] and len(first["cycle"]) == 6
    for stage, names in ((2, ("loss", "similarity")), (3, ("loss", "similarity")), (4, ("loss", "similarity"))):
        for name in names:
            losses = history(trained, stage)[name]
            assert losses[-1] < 0.9 * losses[0], (stage, name, losses)


def test_only_the_stages_own_parts_learn(trained: Run) -> None:
    states = [load_file(trained.work / f"stage{k}" / "model.safetensors") for k in (1, 2, 3, 4)]
    changed = [
        {name.split(".")[0] for name in after if not torch.equal(before[name], after[name])}
        for before, after in pairwise(states)
    ]
    assert changed[0] == {"audio_content_map"}
    assert changed[1] == {"fusion_predictor", "emotion_embedding", "semantic_emotion_map"}
    assert changed[2] == {"clip_text_map", "clip_image_map", "semantic_emotion_map"}


def test_the_bundle_speaks(trained: Run, home: Path) -> None:
    bundle = load_bundle(trained.work / "bundle")
    manifest = bundle.manifest
    assert (manifest["kind"], manifest["text_mode"], manifest["untrained"]) == ("medtalk", "words", [])
    assert set(manifest["backbones"]) == {"emotion2vec", "roberta", "whisper", "clip"}
    assert {"MLE", "MEE", "EIE", "FRD"} <= set(manifest["metrics"])
    assert str(home) not in (bundle.folder / "bundle.json").read_text(), "whose disk it was is nobody's concern"
    card = (bundle.folder / "README.md").read_text()
    assert "Stage 1 learned self-reconstruction and the cycle from 8 takes of 2 speakers" in card
    assert "from the 8 of them that say the same in several emotions" in card
    # how well held-back faces are rebuilt, and what it means where that is little: no run of seconds reaches the bar
    rebuilt = {name: value for name, value in manifest["metrics"].items() if " rebuilt, " in name}
    figures, areas = ("R2", "pose error"), ("mouth", "emotion", "upper face", "whole face")
    assert set(rebuilt) == {f"{figure} rebuilt, {area}" for figure in figures for area in areas}
    assert rebuilt == pytest.approx(trained.rebuilt(trained.model(1)), abs=1e-6), "D is frozen after stage 1"
    assert min(rebuilt[f"R2 rebuilt, {area}"] for area in areas) < 0.8
    assert "The decoder cannot rebuild the recorded faces that were held back" in card
    assert "| R2 rebuilt, mouth |" in card and "| pose error rebuilt, mouth |" in card
    folders = {part: home / "backbones" / name for part, name in bundle.backbones.items()}
    model = medtalk.load(bundle.folder, backbones=folders, offline=True, device="cpu")
    sound = home / "takes" / "angry_aa_001.wav"
    told, untold = model.perform(sound, "we say it"), model.perform(sound, "")
    assert np.abs(told.intensity - untold.intensity).max() > 1e-4, "the words are heard"
    for guide in (
        "angry",
        model.guide(text="cross and loud"),
        model.guide(image=home / "takes/peaks/angry_aa_000.png"),
    ):
        assert told.decode(guide).values.shape == (60, 174)


def test_the_bundle_gives_what_was_trained(trained: Run, home: Path) -> None:
    """The engine's intensity is that of the stage's network over the cached features."""
    bundle = load_bundle(trained.work / "bundle")
    folders = {part: home / "backbones" / name for part, name in bundle.backbones.items()}
    judged = medtalk.load(bundle.folder, backbones=folders, offline=True, device="cpu")
    engine = judged.engine
    k, row = next(
        (k, row) for k, row in enumerate(ground(trained).data.recorded().rows) if row.transcript == "we say it"
    )
    take = next(take for take, _ in ground(trained).takes if take.name == row.name)
    assert take.sound is not None
    found = engine.intensity(engine.hear(take.sound.read()).emotion_features, row.transcript)
    model = trained.model(4)
    features, words = (
        ground(trained).data.recorded().whole("emotion", k),
        ground(trained).cache.open(row.words).astype(np.float32),
    )
    with torch.inference_mode():
        expected = model.fusion_predictor(torch.from_numpy(features)[None], torch.from_numpy(words)[None])[0]
    np.testing.assert_allclose(found, expected.numpy(), atol=5e-3)  # the cache keeps 16 bits
    # a take of its own making is without error, but only in its own emotion
    heard, vector = engine.hear(take.sound.read()), engine.label_vectors()[LABELS.index("happy"), 0]
    face = engine.decode(heard.content, np.tile(vector, (len(heard.content), 1)), found)
    lips = judged.perform(medtalk.Speech.from_array(take.sound.read(), 16000), row.transcript).closures
    assert lips is not None
    face = lips.over(face)
    errors = []
    for label in ("happy", "angry"):
        takes = [HeldTake(take.sound.read(), row.transcript, LABELS.index(label), face)]
        errors.append(evaluate(bundle, Held(takes=takes, backbones=folders, offline=True)))
    assert max(abs(errors[0][name]) for name in ("MLE", "MEE", "EIE", "FRD absolute")) < 1e-5
    assert min(errors[1]["MEE"], errors[1]["EIE"]) > 1e-3 and errors[0]["MLE still mouth, median"] > 1e-3
    # what no face moves has no weight
    weights, still = load_file(bundle.folder / "weights.safetensors"), torch.from_numpy(ground(trained).still())
    moves = weights["model.decoder.fc2.weight"].abs().sum(1) > 0
    assert still.any() and bool((moves == ~still).all())


def test_features_are_computed_once(trained: Run, recipe: Recipe, home: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    shutil.copytree(trained.work / "features", work / "features")
    before = (work / "features" / "takes.json").read_bytes()

    def again(recipe: Recipe = recipe) -> Cache:
        run = Run(recipe, work, progress=False)
        run.step("features")
        return ground(run).cache

    assert again().computed == 0
    assert (work / "features" / "takes.json").read_bytes() == before
    # a cut, a torn and a spoiled file are made again, and nothing else
    files = sorted((work / "features").glob("wav2vec2*/*.npy"))
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:-100])
    files[2].write_bytes(files[2].read_bytes().replace(b"\x00", b"\x01", 1))
    assert again().computed == 3
    # another sound: its content, emotion and transcript, and its rig and words are as they were
    data = tmp_path / "takes"
    shutil.copytree(home / "takes", data)
    datasets.soundfile.write(data / "happ_cc_001.wav", datasets.babble(1.0, seed=99), 16000)
    changed = dataclasses.replace(recipe, data=(DataOptions(folder=str(data)),))
    assert again(changed).computed == 3
    assert (work / "features" / "takes.json").read_bytes() != before
    # another layer is another feature
    assert recipe.pretrained is not None
    deeper = dataclasses.replace(recipe, pretrained=dataclasses.replace(recipe.pretrained, layer=1))
    assert again(deeper).computed == len(files)


def test_another_backbone_is_told_by_its_files(recipe: Recipe, home: Path, tmp_path: Path) -> None:
    assert recipe.pretrained is not None
    options = dataclasses.replace(recipe.pretrained, roberta=str(tmp_path / "copy"))
    shutil.copytree(home / "backbones" / "roberta", tmp_path / "copy")
    known, copied = (Frozen(o, Cache(tmp_path)).locate() for o in (recipe.pretrained, options))
    assert known == copied, "wherever it lies"
    with (tmp_path / "copy" / "vocab.txt").open("a") as file:
        file.write("more\n")
    changed = Frozen(options, Cache(tmp_path)).locate()
    assert {part for part in known if known[part] != changed[part]} == {"roberta"}


def test_what_is_done_is_not_done_again(trained: Run, recipe: Recipe) -> None:
    path = trained.work / "stage3" / "model.safetensors"
    before = path.stat().st_mtime_ns
    Run(recipe, trained.work, progress=False).step("stage3")
    assert path.stat().st_mtime_ns == before
    with pytest.raises(TrainingError, match="Run medtalk-train features first"):
        Run(recipe, trained.work.parent / "empty", progress=False).step("stage2")


def test_aligned_takes_make_a_grid(trained: Run) -> None:
    draw = ground(trained).grids()
    assert isinstance(draw, AlignedTakes)
    grid = draw(np.random.default_rng(1))
    assert grid.shape == (2, 2, 2, 32, 174)
    from medtalk.rig.channels import indices

    jaw, brow = indices("C_jaw.Y").tolist(), indices("[LR]_brow_down").tolist()
    torch.testing.assert_close(grid[0][..., jaw], grid[1][..., jaw])  # one content, two emotions
    assert not torch.equal(grid[0][..., brow], grid[1][..., brow])
    assert not torch.equal(grid[:, 0][..., jaw], grid[:, 1][..., jaw])
    assert torch.isfinite(ground(trained).sentences()(np.random.default_rng(0)).rig).all()


def test_without_aligned_takes_the_teacher_helps(trained: Run, recipe: Recipe, tmp_path: Path) -> None:
    """RAVDESS and rigs of our own beside the corpus: nothing says the same in two emotions, frame by frame."""
    write_corpus(tmp_path / "corpus")
    data = (
        DataOptions(str(datasets.ravdess(tmp_path / "actors", emotions=(3, 5)))),
        DataOptions(str(datasets.rigs(tmp_path / "rigs")), stages=(4,)),
        DataOptions(kind="synthetic"),
    )
    run = Run(dataclasses.replace(recipe, data=data, held=("s0", "01")), tmp_path, progress=False)
    for step in ("corpus", "backbone", "features"):
        run.step(step)
    assert isinstance(ground(run).grids(), Grids)
    assert {row.speaker for row in ground(run).data.held_back} == {"1/s0", "0/01"}
    # but what is captured is in every batch, and judged by itself where it is held back
    pairs = ground(run).pairs()
    assert isinstance(pairs, UnlikeTakes) and ground(run).apart()
    assert {row.speaker for row in pairs.takes.rows} == {"0/02", "2/v"}
    assert {name: len(rigs) for name, rigs in ground(run).recorded().items()} == {"actors": 2, "rigs": 1}
    exchange = held_back(run, 1)
    assert isinstance(exchange, Exchange) and exchange.grid is not None and exchange.pairs.shape == (2, 2, 32, 174)
    assert {row.transcript for row in ground(run).data.recorded().rows if row.speaker == "0/02"} == {
        "Dogs are sitting by the door."
    }
    assert ground(run).windows()(np.random.default_rng(0))[0].shape == (4, 32, checkpoints.WIDTH)
    assert not ground(run).pictures() and run.ground.key(1) != run.ground.key(2)
    assert "1/s1" in {row.speaker for row in ground(run).data.recorded(4).rows} - {
        row.speaker for row in ground(run).data.recorded(2).rows
    }
    assert ground(run).still().any()


def test_batches(trained: Run) -> None:
    batches = [guided(trained)(np.random.default_rng(k)) for k in range(30)]
    for batch in batches:
        assert batch.mask.sum(1).tolist() == batch.lengths.tolist()
        assert batch.words.shape[:2] == batch.absent.shape and batch.words.shape[2] == checkpoints.WIDTH
        assert not batch.absent[:, 0].any() and batch.description.shape[1] == batch.picture.shape[1] == 512
        assert bool((batch.picture[batch.guide == BY_IMAGE].abs().sum(1) > 0).all())
    assert {int(x) for batch in batches for x in batch.guide} == {BY_LABEL, BY_TEXT, BY_IMAGE}
    empty = ground(trained).cache.open(ground(trained).data.recorded().no_words)
    assert len(empty) == 2, "unknown words are the empty sentence: [CLS] [SEP]"
    known = [row for row in ground(trained).data.recorded().rows if row.transcript == "we say it"]
    told = Recorded(ground(trained).cache, known, ground(trained).data.recorded().no_words)
    counts = {
        int(n) for k in range(10) for n in (~WholeTakes(told, 2, 600, 0.5)(np.random.default_rng(k)).absent).sum(1)
    }
    assert counts == {2, 5}, "words are withheld now and then"
    assert {LABELS[int(label)] for batch in batches for label in batch.label} == {"angry", "happy"}


def test_sound_and_face_of_a_batch_belong_together(trained: Run) -> None:
    """Each take's face stands for its features here, so both must be drawn from the same frames."""
    rows = [row._replace(content=row.rig, emotion=row.rig) for row in ground(trained).data.recorded().rows]
    takes = Recorded(ground(trained).cache, rows, ground(trained).data.recorded().no_words)
    for seed in range(3):
        content, _, rig = Passages(takes, 4, 60)(np.random.default_rng(seed))
        torch.testing.assert_close(content, rig)
        clips = WholeTakes(takes, 4, 600, 0.5)(np.random.default_rng(seed))
        torch.testing.assert_close(clips.content, clips.rig)
        torch.testing.assert_close(clips.emotion_features, clips.rig)


def test_what_guides_a_clip(trained: Run, recipe: Recipe) -> None:
    """A clip that a picture guides is deaf to its description and its label, and so on."""
    stage = GuidanceStage(
        trained.model(4), recipe.stage4, guided(trained), 1, recipe.ablation, np.ones(174, np.float32), pictures=True
    )
    drawn = guided(trained)(np.random.default_rng(0))

    def loss(guide: int, **change: torch.Tensor) -> float:
        return stage.losses(drawn._replace(guide=torch.full_like(drawn.guide, guide), **change))["loss"].item()

    others = {
        "label": (drawn.label + 1) % len(LABELS),
        "description": drawn.description + 1.0,
        "picture": drawn.picture + 1.0,
    }
    for guide, name in ((BY_LABEL, "label"), (BY_TEXT, "description"), (BY_IMAGE, "picture")):
        moved = {other for other, value in others.items() if loss(guide, **{other: value}) != loss(guide)}
        assert moved == {name}


def test_padding_changes_nothing(trained: Run) -> None:
    from medtalk_train.stages.stages import predicted

    model = trained.model(3)
    batch = next(
        b
        for k in range(20)
        if len(set((b := ground(trained).sentences()(np.random.default_rng(k))).lengths.tolist())) > 1
    )
    with torch.inference_mode():
        together = predicted(model, batch)
        for b, length in enumerate(batch.lengths.tolist()):
            words = batch.words[b : b + 1, ~batch.absent[b]]
            alone = model.fusion_predictor(batch.emotion_features[b : b + 1, :length], words)
            torch.testing.assert_close(together[b : b + 1, :length], alone, atol=1e-5, rtol=0)


ABLATIONS = ["overlap", "cycle", "disentangle", "intensity", "text"]


@pytest.mark.parametrize("name", ABLATIONS)
def test_ablations(trained: Run, recipe: Recipe, name: str) -> None:
    off = Ablation(**{name: False})
    run = Run(dataclasses.replace(recipe, ablation=off), trained.work, progress=False)
    assert run.options(2) != trained.options(2), "a run of it starts the stages anew"
    model, common = trained.model(3), (1, off, np.ones(174, np.float32))
    first = CrossReconstruction(model, recipe.stage1, ground(run).grids(), *common)
    assert ("overlap" in first.phases, "cycle" in first.phases) == (off.overlap, off.cycle)
    second = ContentMapping(model, recipe.stage2, ground(run).windows(), *common)
    assert ("similarity" in second.losses(ground(run).windows()(np.random.default_rng(0)))) == off.disentangle
    assert any(p.requires_grad for p in model.decoder.parameters()) != off.disentangle
    batch = ground(run).sentences()(np.random.default_rng(0))
    third = IntensityModelling(model, recipe.stage3, ground(run).sentences(), *common)
    losses = third.losses(batch)
    assert ("intensity" in losses) == off.intensity and ("similarity" in losses) == off.disentangle
    assert any(p.requires_grad for p in model.fusion_predictor.parameters()) == off.intensity
    assert bool((third.intensity(batch) == 1).all()) != off.intensity
    if not off.text:
        for seed in range(10):
            batch = ground(run).sentences()(np.random.default_rng(seed))
            assert bool((~batch.absent).sum(1).eq(2).all()), "every clip has the empty sentence"
    fourth = GuidanceStage(model, recipe.stage4, guided(run), *common, pictures=ground(run).pictures())
    losses = fourth.losses(guided(run)(np.random.default_rng(0)))
    assert ("similarity" in losses) == off.disentangle
    losses["loss"].backward()
    assert all(p.grad is not None for p in model.clip_text_map.parameters())


def test_without_text_nobody_transcribes(trained: Run, recipe: Recipe, tmp_path: Path) -> None:
    assert recipe.pretrained is not None
    options = dataclasses.replace(recipe.pretrained, cache=str(trained.work / "features"))
    run = Run(dataclasses.replace(recipe, ablation=Ablation(text=False), pretrained=options), tmp_path, progress=False)
    run.step("features")
    assert {row.transcript for row in ground(run).data.recorded().rows} == {""}
    assert "we say it" in {row.transcript for row in ground(trained).data.recorded().rows}
    # and the bundle hears no words, which its networks have never met
    shutil.copytree(trained.work / "stage4", tmp_path / "stage4")
    bundle = run.export()
    assert bundle.manifest["text_mode"] == "constant" and set(bundle.backbones) == {"emotion2vec", "clip"}
    engine = medtalk.load(bundle.folder, offline=True, device="cpu").engine
    features = ground(trained).data.recorded().whole("emotion", 0)
    empty = torch.from_numpy(ground(trained).cache.open(ground(trained).data.recorded().no_words).astype(np.float32))
    with torch.inference_mode():
        expected = trained.model(4).fusion_predictor(torch.from_numpy(features)[None], empty[None])[0]
    np.testing.assert_allclose(engine.intensity(features, "we say it"), expected.numpy(), atol=1e-5)


def test_long_takes_are_left_out_aloud(trained: Run, recipe: Recipe, caplog: pytest.LogCaptureFixture) -> None:
    short = {f"stage{k}": dataclasses.replace(getattr(recipe, f"stage{k}"), frames=13) for k in (3, 4)}
    run = Run(dataclasses.replace(recipe, **short), trained.work, progress=False)
    draw = ground(run).sentences()
    assert "of stage 3 are longer than 0.9 s and left out" in caplog.text
    assert all(int(draw(np.random.default_rng(k)).lengths.max()) == 48 for k in range(5))
    shorter = dataclasses.replace(recipe, stage4=dataclasses.replace(recipe.stage4, frames=10))
    with pytest.raises(TrainingError, match=r"of stage 4 are longer than 0.7 s. .*raise stage4.frames"):
        Run(shorter, trained.work, progress=False).ground.guided()


def test_a_stage_starts_anew_for_what_it_learns_from(trained: Run, recipe: Recipe, tmp_path: Path) -> None:
    """A description is of stage 4 alone."""
    data = tmp_path / "takes"
    shutil.copytree("takes", data)
    assert recipe.pretrained is not None
    options = dataclasses.replace(recipe.pretrained, cache=str(trained.work / "features"))
    other = dataclasses.replace(recipe, data=(DataOptions(str(data)),), pretrained=options)

    def grounds(work: str) -> list[str]:
        run = Run(other, tmp_path / work, progress=False)
        run.step("features")
        return [run.ground.key(stage) for stage in (1, 2, 3, 4)]

    before = [trained.ground.key(stage) for stage in (1, 2, 3, 4)]
    assert grounds("one") == before
    name = next(row.name for row in ground(trained).data.recorded().rows).removeprefix("0/")
    (data / "descriptions.csv").write_text(f"clip,description\n{name},so do they\n", "utf-8")
    assert [new == old for new, old in zip(grounds("two"), before, strict=True)] == [True, True, True, False]
    (data / "transcripts.csv").write_text(f"clip,transcript\n{name},so do they\n", "utf-8")
    assert [new == old for new, old in zip(grounds("three"), before, strict=True)] == [True, True, False, False]


def test_what_is_wrong_with_the_data_is_told_before_backbones_are_fetched(recipe: Recipe, tmp_path: Path) -> None:
    nowhere = dataclasses.replace(recipe, pretrained=PretrainedOptions(offline=True))
    for changes, said in (
        ({"data": (DataOptions(str(tmp_path / "none")),)}, "There is no folder"),
        ({"data": (DataOptions(kind="synthetic"),)}, "Run medtalk-train corpus first"),
        ({"held": ("aa", "bb", "cc")}, "Every take of stage 2 is held back"),
    ):
        with pytest.raises(TrainingError, match=said):
            Run(dataclasses.replace(nowhere, **changes), tmp_path, progress=False).step("backbone")


def test_without_intensity_the_bundle_has_a_constant_one(trained: Run, recipe: Recipe) -> None:
    run = Run(dataclasses.replace(recipe, ablation=Ablation(intensity=False)), trained.work, progress=False)
    model = run.finished()
    with torch.inference_mode():
        felt = model.fusion_predictor(torch.randn(1, 9, checkpoints.WIDTH), torch.randn(1, 3, checkpoints.WIDTH))
    assert bool((felt == 1.0).all())
    assert ground(trained).hears_words and not ground(run).hears_words, "words do not matter to it"


def test_without_clip_there_is_no_stage_4(trained: Run, recipe: Recipe, tmp_path: Path) -> None:
    assert recipe.pretrained is not None
    options = dataclasses.replace(recipe.pretrained, clip="", whisper="", cache=str(trained.work / "features"))
    short = {f"stage{k}": dataclasses.replace(getattr(recipe, f"stage{k}"), epochs=1, steps=1) for k in (1, 2, 3)}
    run = Run(dataclasses.replace(recipe, pretrained=options, **short), tmp_path, progress=False)
    threads = set(threading.enumerate())
    for step in ("features", "stage1", "stage2", "stage3", "stage4"):
        run.step(step)
    assert set(threading.enumerate()) <= threads, "no loader or logger lives on"
    assert ground(run).cache.computed == 0, "another run's features serve"
    bundle = run.export()
    assert bundle.manifest["untrained"] == ["clip_text_map", "clip_image_map"]
    assert set(bundle.backbones) == {"emotion2vec", "roberta"}
    assert not {"text", "image"} & set(bundle.guidance)


def test_processes_share_the_batches() -> None:
    def drawn(rank: int, world: int) -> list[float]:
        steps = Steps(lambda rng: float(rng.random()), 3, (1, 2, 3), rank, world)
        return [steps[k] for k in range(3)]

    together = drawn(0, 2) + drawn(1, 2)
    assert len(set(together)) == 6
    alone = Steps(lambda rng: float(rng.random()), 6, (1, 2, 3))
    assert sorted(together) == sorted(alone[k] for k in range(6))


def test_devices(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert place("auto", 0) == ("cpu", 1) and place("cpu", 2) == ("cpu", 2)
    with pytest.raises(TrainingError, match="There are 0 GPUs"):  # at once, not after the hours of the features
        Run(dataclasses.replace(recipe, device="gpu"), tmp_path)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert place("auto", 0) == ("gpu", 4) and place("auto", 2) == ("gpu", 2) and place("cpu", 0) == ("cpu", 1)
    with pytest.raises(TrainingError, match=r"There are 4 GPUs.*asks for 5.*Lower devices"):
        place("auto", 5)


def test_the_command_evaluate(trained: Run, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("evaluate", "run/bundle", "--recipe", "paper_tiny", "--work", "run", "-o", "again.json") == 0
    again = json.loads((home / "again.json").read_text())
    report = json.loads((home / "run" / "report.json").read_text())
    assert again == pytest.approx(report)
    assert {"MLE", "MEE", "EIE", "FRD", "MLE / still mouth", "jaw p95, nobody speaks"} <= set(report)
    assert {"R2 rebuilt, mouth", "MLE still mouth, mean, by picture", "takes, by picture"} <= set(report)
    assert report["takes"] == 4.0 and report["takes, by picture"] == 1.0 and "takes, by text" not in report
    assert not any("F1" in name for name in report), "no recordings were given"
    assert "MLE" in capsys.readouterr().out


def test_the_takes_that_a_bundle_is_judged_on(trained: Run) -> None:
    """As many as asked for, spread over all emotions, but one of each kind of guidance."""
    bundle = load_bundle(trained.work / "bundle")

    def judged(clips: int) -> list[str]:
        held = trained.ground.held(bundle, clips)
        assert held is not None and held.takes is not None and held.offline
        return [LABELS[take.label] for take in held.takes]

    assert judged(84) == ["angry", "angry", "happy", "happy"]
    assert judged(2) == ["angry", "happy"] and len(judged(1)) == 2, "a take with a picture, and one without"


def test_a_backbone_that_is_nowhere(recipe: Recipe, home: Path, tmp_path: Path) -> None:
    assert recipe.pretrained is not None
    options = dataclasses.replace(recipe.pretrained, roberta="nobody/none")
    with pytest.raises(medtalk.MedtalkError, match=r"nobody/none are not on this machine.*medtalk backbones pull"):
        Run(dataclasses.replace(recipe, pretrained=options), tmp_path, progress=False).step("backbone")


def test_a_rig_of_another_length_is_refused(recipe: Recipe, home: Path, trained: Run, tmp_path: Path) -> None:
    data = tmp_path / "takes"
    shutil.copytree(home / "takes", data)
    rig = data / "angry_aa_001.txt"
    rig.write_text("\n".join(rig.read_text().splitlines()[:30]))
    assert recipe.pretrained is not None
    options = dataclasses.replace(recipe.pretrained, cache=str(trained.work / "features"))
    run = Run(
        dataclasses.replace(recipe, data=(DataOptions(str(data)),), pretrained=options), tmp_path / "w", progress=False
    )
    with pytest.raises(TrainingError, match=r"angry_aa_001.txt has 30 frames, its sound 60"):
        run.step("features")
    assert not os.path.exists(tmp_path / "w" / "features" / "complete")


def test_table_1(trained: Run, home: Path) -> None:
    """MEDTalk with its four stages, and a baseline, on the data and the features of a run."""
    words = ["--recipe", "paper_tiny", "--prepared", "run", "--work", "cells", "--budget", "24steps", "--seeds", "1"]
    assert command("table1", *words, "--methods", "medtalk,emotalk", "-o", "results.md", "-q") == 0
    found = json.loads((home / "results" / "results.json").read_text())["table1"]
    assert [cell["steps"] for cell in found["cells"]] == [28, 24], "fourteen epochs of two steps each, and 24"
    assert all(len(cell["clips"]["MLE"]) == 4 for cell in found["cells"]) and found["about"]["ground"] == "captured"
    rows = {row["name"]: row["figures"] for row in found["rows"]}
    assert rows["truth"]["MLE"][0] == 0.0 < rows["medtalk"]["MLE"][0]
    page = (home / "results.md").read_text("utf-8")
    assert "The truth is captured" in page and "synthetic" not in page.lower()
