"""What stage 1 learns from where no captured takes are frame-aligned: they shape the decoder all the same."""

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from medtalk.errors import TrainingError
from medtalk.guidance import LABELS
from medtalk.rig.channels import S_EMO, S_LIP, indices
from medtalk_train.captured import takes as readers
from medtalk_train.captured.aligned import ALIGNED_ENOUGH
from medtalk_train.captured.batches import AlignedTakes, ByTurns, Recorded, Row, UnlikeTakes
from medtalk_train.captured.cache import Cache
from medtalk_train.captured.faces import ALIGNED, RENDERED, TEACHER, WARPED, choose
from medtalk_train.captured.ground import CapturedGround
from medtalk_train.captured.split import split
from medtalk_train.recipe import Recipe, load_recipe
from medtalk_train.run import Run
from medtalk_train.settings import Ablation, DataOptions, PretrainedOptions
from medtalk_train.stages.batches import BY_LABEL, Exchange
from medtalk_train.stages.rebuilt import ENOUGH, POSE, PREFIX
from medtalk_train.stages.stages import CrossReconstruction, IntensityModelling
from medtalk_train.synthetic.batches import Grids
from tests.helpers import checkpoints
from tests.training import datasets
from tests.training.test_stages import write_corpus

AREAS = ("mouth", "emotion", "upper face", "whole face")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Backbones, a corpus, and captured takes of which none says the same as another."""
    from medtalk.backbones.emotion2vec import import_funasr

    folder = tmp_path_factory.mktemp("exchange")
    import_funasr()  # quietly
    torch.manual_seed(5)
    checkpoints.make_wav2vec2(folder / "wav2vec2")
    checkpoints.make_emotion2vec(folder / "emotion2vec")
    checkpoints.make_roberta(folder / "roberta")
    checkpoints.make_clip(folder / "clip")
    datasets.unaligned(folder / "takes")
    write_corpus(folder / "corpus")
    return folder


@pytest.fixture(scope="module")
def recipe(home: Path) -> Recipe:
    parts = {part: str(home / part) for part in ("wav2vec2", "emotion2vec", "roberta", "clip")}
    options = dataclasses.replace(PretrainedOptions(whisper="", offline=True, cache=str(home / "cache")), **parts)
    tiny = load_recipe("paper_tiny")
    first = dataclasses.replace(
        tiny.stage1, epochs=3, overlap_epochs=3, cycle_epochs=3, steps=30, batch=8, rate=3e-3, hours=0.01
    )
    model = {"latent": 48, "hidden": 64, "label_hidden": 32}
    return dataclasses.replace(
        tiny, pretrained=options, data=(DataOptions(str(home / "takes")),), stage1=first, model=model
    )


def prepared(recipe: Recipe, home: Path, work: Path) -> Run:
    """A run with its features."""
    run = Run(recipe, work, progress=False)
    if not (work / "corpus").exists():
        (work / "corpus").symlink_to(home / "corpus")
    run.step("features")
    return run


def ground(run: Run) -> CapturedGround:
    assert isinstance(run.ground, CapturedGround)
    return run.ground


@pytest.fixture(scope="module")
def trained(recipe: Recipe, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Through stage 1."""
    run = prepared(recipe, home, tmp_path_factory.mktemp("trained"))
    run.step("stage1")
    return run


def test_captured_faces_that_the_teacher_never_makes_come_out_of_the_decoder(
    trained: Run,
    recipe: Recipe,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And with the teacher's faces alone, as it was before, they do not, which the log says."""
    strange = torch.from_numpy(indices("C_jaw.X", *datasets.PUFF).copy())
    assert bool(ground(trained).teacher.still()[strange].all()), "no face of the teacher moves them"
    assert not ground(trained).still()[strange].any(), "and no bundle forgets them"
    faces = [face for rigs in ground(trained).recorded().values() for face in rigs]
    truth = torch.from_numpy(np.concatenate(faces))

    def shown(run: Run) -> float:
        model = run.model(1)
        with torch.inference_mode():
            error = (model.reconstruct(truth, truth) - truth)[:, strange].square().sum()
        return 1.0 - float(error / (truth - truth.mean(0))[:, strange].square().sum())

    figures = trained.rebuilt(trained.model(1))
    assert set(figures) == {f"{start}{area}" for start in (PREFIX, POSE) for area in AREAS}
    assert min(figures[f"{PREFIX}{area}"] for area in AREAS) > ENOUGH and shown(trained) > ENOUGH, figures
    monkeypatch.setattr(CapturedGround, "pairs", lambda _: None)
    monkeypatch.setattr(CapturedGround, "apart", lambda _: False)
    monkeypatch.setattr(CapturedGround, "validation", lambda *_: None)
    old = prepared(recipe, home, tmp_path)
    with caplog.at_level(logging.WARNING):
        old.step("stage1")
    assert shown(old) < 0.0 < ENOUGH < shown(trained)
    assert old.rebuilt(old.model(1))[f"{PREFIX}whole face"] < 0.5
    assert "The decoder cannot rebuild the recorded faces that were held back (R2 " in caplog.text
    assert "stages: [1, ...]" in caplog.text


def test_the_spaces_are_still_disentangled(trained: Run) -> None:
    """What the teacher's grids are there for: lips of one face under the emotion of another, with a known result."""
    model = trained.model(1)
    grid = ground(trained).teacher.grids()(np.random.default_rng(99))
    with torch.inference_mode():
        found = model.reconstruct(grid[0, 0], grid[1, 1])
    lip, emotion = S_LIP.tolist(), S_EMO.tolist()
    for channels, right, wrong in ((lip, grid[0, 1], grid[0, 0]), (emotion, grid[0, 1], grid[1, 1])):
        errors = [float((found - truth)[..., channels].square().mean()) for truth in (right, wrong)]
        assert errors[0] < 0.6 * errors[1], errors


def test_every_phase_keeps_what_it_does_not_see(trained: Run) -> None:
    losses = json.loads((trained.work / "stage1" / "losses.json").read_text())
    known = {name: [x is not None for x in values] for name, values in losses.items()}
    assert known["self"] == [True] * 9 and known["overlap"] == [False] * 3 + [True] * 6
    assert known["cycle"] == [False] * 6 + [True] * 3
    for name in ("self", "overlap", "cycle"):
        assert known[f"val {name}"] == known[name], "beside what is held back"
    assert losses["self"][-1] < 0.3 * losses["self"][0]


def test_the_log_says_what_is_learned_from_what(trained: Run, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        draw = ground(trained).grids()
    assert isinstance(draw, Grids)
    assert "self-reconstruction and the cycle from 12 takes of 2 speakers (0.2 minutes)" in caplog.text
    assert (
        "It learned the overlap exchange from the teacher's faces; only 0 of 12 takes are frame-aligned" in caplog.text
    )


def test_pairs_are_unlike(trained: Run) -> None:
    draw = ground(trained).pairs()
    assert isinstance(draw, UnlikeTakes)
    cache = ground(trained).cache
    faces = [np.asarray(cache.open(row.rig)) for row in draw.takes.rows]
    seen: set[int] = set()
    for seed in range(6):
        pairs = draw(np.random.default_rng(seed)).numpy()
        assert pairs.shape == (2, 8, 32, 174)
        of = [[next(k for k, face in enumerate(faces) if (face == frames[0]).all(1).any()) for frames in side]
              for side in pairs]  # fmt: skip
        assert all(draw.takes.rows[a].label != draw.takes.rows[b].label for a, b in zip(*of, strict=True))
        seen |= {*of[0], *of[1]}
    assert len(seen) == 12, "every take is met"


def test_only_what_a_phase_needs_is_drawn(trained: Run) -> None:
    stage = trained.learner(1, trained.model(1))
    assert isinstance(stage, CrossReconstruction)
    drawn = stage.draw(np.random.default_rng(0))
    assert isinstance(drawn, Exchange) and drawn.grid is None, "self needs no grid"
    stage.phases = ["overlap"]
    assert stage.draw(np.random.default_rng(0)).grid.shape[:2] == (2, 2)


def test_without_overlap_and_grids_nothing_of_the_teacher_is_needed(recipe: Recipe, home: Path, tmp_path: Path) -> None:
    """The ablation of Table 3: Eq. 2 and 4 on captures alone."""
    short = dataclasses.replace(recipe.stage1, epochs=1, cycle_epochs=1, steps=3)
    run = Run(dataclasses.replace(recipe, ablation=Ablation(overlap=False), stage1=short), tmp_path, progress=False)
    run.step("features")
    run.step("stage1")
    assert not (tmp_path / "corpus").exists() and not ground(run).taught
    losses = json.loads((tmp_path / "stage1" / "losses.json").read_text())
    assert {"self", "cycle", "val self", "val cycle"} <= set(losses) and "overlap" not in losses
    assert not ground(run).still()[indices("C_jaw.X")].any()


def row(name: str, label: int, group: str, frames: int = 30, sound: str = "sound", speaker: str = "0/a") -> Row:
    return Row(name, speaker, label, False, [1], group, frames, sound, "", "rig.npy", "", "", "", "")


def recorded(*rows: Row) -> Recorded:
    return Recorded(Cache(Path()), rows)


def test_which_faces_the_overlap_learns_from() -> None:
    aligned = [row(f"{g}{k}", k, f"g{g}") for g in range(2) for k in range(2)]
    others = [row(f"x{k}", k % 3, f"x{k}", frames=31 + k) for k in range(12)]
    made = recorded(*(row(f"r{g}{k}", k, f"r{g}", sound="", speaker="") for g in range(2) for k in range(2)))
    assert ALIGNED_ENOUGH == 0.25 and len(aligned) / len([*aligned, *others]) == 0.25
    enough, too_few = recorded(*aligned, *others), recorded(*aligned, *others, row("x", 0, "x"))
    for captured, rendered, overlap, count in (
        (enough, made, ALIGNED, 4),
        (too_few, made, RENDERED, 4),
        (too_few, None, TEACHER, 0),
        (None, made, ALIGNED, 4),
    ):
        faces = choose(captured, rendered, [])
        assert (
            faces.overlap == overlap and faces.takes is (captured or rendered) and faces.apart == (captured is not None)
        )
        assert faces.aligned == 4 and len({t for grid in faces.grids for c in grid for t in c.takes.values()}) == count
    assert not choose(recorded(*aligned), None, []).apart, "every take is in a grid"
    nothing = choose(None, None, [])
    assert nothing.takes is None and nothing.overlap == TEACHER and nothing.pairs(1, 8) is None


def test_all_takes_enter_beside_the_grids_that_they_make(recipe: Recipe, home: Path, tmp_path: Path) -> None:
    """Aligned takes of one folder, unaligned ones of another: the latter are no longer forgotten."""
    datasets.emoface(tmp_path / "aligned")
    data = (*recipe.data, DataOptions(str(tmp_path / "aligned")))
    run = prepared(dataclasses.replace(recipe, data=data), home, tmp_path / "run")
    assert ground(run).data.faces.overlap == ALIGNED and ground(run).apart() and not ground(run).taught
    assert isinstance(ground(run).grids(), AlignedTakes)
    pairs = ground(run).pairs()
    assert isinstance(pairs, UnlikeTakes) and len(pairs.takes.rows) == 12 + 8
    held = run.ground.validation(1)
    assert held is not None and held(np.random.default_rng(0)).grid is not None
    assert [entry["name"] for entry in ground(run).data.about["sets"]] == ["takes", "aligned"]
    assert set(ground(run).recorded()) == {"takes", "aligned"}


def test_rendered_faces_serve_stage_1_alone(
    recipe: Recipe, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    takes = datasets.rendered(tmp_path / "rendered", contents=12)
    reader = SimpleNamespace(fits=lambda _: False, read=lambda *_: takes)
    monkeypatch.setitem(readers.READERS, "rendered", reader)
    rendered = DataOptions(str(tmp_path / "rendered"), "rendered")
    run = prepared(dataclasses.replace(recipe, data=(*recipe.data, rendered)), home, tmp_path / "run")
    data = ground(run).data
    assert data.faces.overlap == RENDERED and not ground(run).taught and ground(run).apart()
    assert all(row.captured for stage in (2, 3, 4) for row in data.recorded(stage).rows)
    assert data.faces.takes is not None and len(data.faces.takes.rows) == 12
    assert set(ground(run).recorded()) == {"takes"}, "they are no measure of captures"
    contents = {row.group: row.held for row in map(lambda row: Row(**row), data.about["takes"]) if not row.captured}
    assert sum(contents.values()) == len({r.group for r in data.held_back if not r.captured}) in (1, 2, 3)
    assert run.ground.held(SimpleNamespace(backbones={}), 84) is not None  # type: ignore[arg-type]
    for changes, said in (
        ({"data": (rendered,)}, "No take for stage 2 has a sound"),
        ({"data": (rendered, DataOptions(recipe.data[0].folder)), "held": ("aa", "bb", "cc")}, "Every take of stage 2"),
    ):
        with pytest.raises(TrainingError, match=said):
            Run(dataclasses.replace(recipe, **changes), tmp_path / "w", progress=False).step("backbone")


def test_takes_of_one_sentence_are_warped_where_asked(recipe: Recipe, home: Path, tmp_path: Path) -> None:
    data = datasets.unaligned(tmp_path / "takes")
    said = [f"{emotion}_{speaker}_{take:03d},{datasets.SENTENCES[take]}\n" for emotion in LABELS[:3]
            for speaker in ("aa", "bb", "cc") for take in range(2)]  # fmt: skip
    (data / "transcripts.csv").write_text("clip,transcript\n" + "".join(said), "utf-8")
    plain = dataclasses.replace(recipe, data=(DataOptions(str(data)),))
    asked = dataclasses.replace(recipe, data=(DataOptions(str(data), warp=True),))
    runs = [prepared(each, home, tmp_path / name) for each, name in ((plain, "plain"), (asked, "asked"))]
    assert [ground(run).data.faces.overlap for run in runs] == [TEACHER, WARPED]
    warped = runs[1].ground
    assert isinstance(warped, CapturedGround) and not warped.taught and not warped.apart()
    assert len(warped.data.faces.grids) == 2 and "aligned by their sound" in warped.data.faces.summary()[1]
    assert warped.grids()(np.random.default_rng(0)).shape == (2, 2, 8, 32, 174)
    assert runs[0].ground.key(1) != warped.key(1) and runs[0].ground.key(2) == warped.key(2)
    without = prepared(dataclasses.replace(asked, ablation=Ablation(text=False)), home, tmp_path / "without")
    assert ground(without).data.faces.overlap == WARPED, "the ablation of the text changes nothing in stage 1"


def test_blinks_count_where_the_recipe_says_so(trained: Run, recipe: Recipe) -> None:
    counted = dataclasses.replace(recipe, stage3=dataclasses.replace(recipe.stage3, blinks=True))
    asked = Run(counted, trained.work, progress=False)
    found = [run.learner(3, run.model(1)) for run in (trained, asked)]
    assert [stage.blinks for stage in found if isinstance(stage, IntensityModelling)] == [False, True]
    assert trained.options(3) != asked.options(3), "stage 3 starts anew"
    synthetic = Run(load_recipe("tiny"), trained.work, progress=False)
    assert "blinks" not in synthetic.options(3)["stage"], "a run on the teacher's faces does not"


def test_labels_of_stage_4_are_those_of_stage_3(recipe: Recipe, home: Path, tmp_path: Path) -> None:
    """Faces of other data under the labels would lead E_fuse away from what they mean."""
    folder = datasets.ravdess(tmp_path / "actors", actors=(1, 2), emotions=(3, 5))
    data = (DataOptions(recipe.data[0].folder, stages=(1, 2, 3)), DataOptions(str(folder), stages=(4,)))
    fourth = dataclasses.replace(recipe.stage4, label_share=0.5)
    run = prepared(dataclasses.replace(recipe, data=data, stage4=fourth), home, tmp_path / "run")
    draw = run.ground.guided()
    assert isinstance(draw, ByTurns)
    faces = {stage: [np.asarray(ground(run).cache.open(row.rig)) for row in ground(run).data.recorded(stage).rows]
             for stage in (3, 4)}  # fmt: skip
    count = {3: 0, 4: 0}
    for seed in range(40):
        batch = draw(np.random.default_rng(seed))
        stage = 3 if bool((batch.guide == BY_LABEL).all()) else 4
        assert stage == 3 or not (batch.guide == BY_LABEL).any()
        count[stage] += 1
        for rig, length in zip(batch.rig.numpy(), batch.lengths.tolist(), strict=True):
            assert any(len(face) >= length and np.allclose(face[:length], rig[:length]) for face in faces[stage])
    assert 10 < count[3] < 30
    held = run.ground.validation(4)
    assert held is not None and held(np.random.default_rng(0)).description.shape[1] == 512
    none = dataclasses.replace(recipe, data=data, stage4=dataclasses.replace(fourth, label_share=0.0))
    other = prepared(none, home, tmp_path / "none")
    assert not isinstance(other.ground.guided(), ByTurns)
    assert other.ground.key(4) != run.ground.key(4) and other.ground.key(3) == run.ground.key(3)


def test_two_speakers_of_one_name_are_two(recipe: Recipe, home: Path, tmp_path: Path) -> None:
    again = DataOptions(str(datasets.unaligned(tmp_path / "again", speakers=("aa", "dd"))))
    both = dataclasses.replace(recipe, data=(*recipe.data, again))
    with pytest.raises(TrainingError, match=r"'aa': number 0 and 1\..*0/aa or 1/aa under held"):
        Run(dataclasses.replace(both, held=("aa",)), tmp_path / "w", progress=False).step("backbone")
    with pytest.raises(TrainingError, match=r"No speaker of the data is called '2/aa'\..*0/aa, 0/bb, 0/cc, 1/aa, 1/dd"):
        Run(dataclasses.replace(both, held=("2/aa",)), tmp_path / "w", progress=False).step("backbone")
    found = Run(dataclasses.replace(both, held=("1/aa", "bb")), tmp_path / "w", progress=False)
    held = {take.speaker for take, held in ground(found).takes if held}
    assert held == {"1/aa", "0/bb"}
    assert {take.speaker for take, held in ground(found).takes if not held} == {"0/aa", "0/cc", "1/dd"}
    # the draw is that of the names, as it was before the numbers
    sets = [readers.read_takes(entry.folder) for entry in both.data]
    for led, plain in zip(split(sets), readers.hold_back(sets), strict=True):
        assert [kept for _, kept in led] == [kept for _, kept in plain]
    # nor does a grid join them: one sound under two speakers
    rows = [row("0/a", 0, "g", speaker="0/aa"), row("1/a", 1, "g", speaker="1/aa"),
            row("0/b", 0, "h", speaker="0/aa"), row("1/b", 1, "h", speaker="1/aa")]  # fmt: skip
    assert not recorded(*rows).aligned
