"""Tables 1 and 3 on a toy run: cells that resume, fail alone and are kept, and a page that says what the cells say."""

from __future__ import annotations

import dataclasses
import itertools
import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
import yaml
from safetensors.torch import load, load_file

from medtalk.bundle import load_bundle
from medtalk.engine import open_engine
from medtalk.errors import TrainingError
from medtalk.perform import Model
from medtalk.quality.baselines import paper_metrics
from medtalk.rig.channels import S_UP
from medtalk_train import cli
from medtalk_train.baselines.learning import Budget
from medtalk_train.measure.compare import Clip, clips_of, compare_rigs, components, lines, networks
from medtalk_train.recipe import SHIPPED, Recipe, load_recipe
from medtalk_train.run import Run
from medtalk_train.settings import Ablation
from medtalk_train.stages import pace
from medtalk_train.stages.ground import Held, HeldTake
from medtalk_train.synthetic.ground import Sources
from medtalk_train.tables import ours
from medtalk_train.tables.budget import read_budget, written
from medtalk_train.tables.cells import Cell, Contest, code_of, result
from medtalk_train.tables.contest import side_by_side, train
from medtalk_train.tables.page import HEAD, unfinished, with_section
from medtalk_train.tables.statistics import difference, spread
from tests.helpers.sounds import babble
from tests.training.mouths import PHONES
from tests.training.test_stages import write_corpus

CLIPS = 7


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_recipe("tiny")


@pytest.fixture(scope="module")
def prepared(recipe: Recipe, whisper_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny run whose preparation is done. Not to be changed."""
    folder = tmp_path_factory.mktemp("prepared")
    write_corpus(folder / "corpus", sentences=28)
    run = Run(recipe, folder, progress=False, sources=Sources(whisper=whisper_base))
    for step in ("features", "backbone"):
        run.step(step)
    return folder


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording with phone times."""
    folder = tmp_path_factory.mktemp("spoken")
    soundfile.write(folder / "said.wav", babble(3.0, seed=4), 16000)
    (folder / "phones.json").write_text(json.dumps({"said": PHONES}))
    return folder


@pytest.fixture(scope="module")
def done(recipe: Recipe, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of cells that are trained: MEDTalk with two seeds, EmoFace with one. Not to be changed."""
    contest = Contest(recipe, tmp_path_factory.mktemp("done"), prepared, Sources(), Budget(steps=36), CLIPS)
    train(contest, [Cell("medtalk", 1), Cell("medtalk", 2), Cell("emoface", 1)])
    return contest.work


@pytest.fixture
def started(done: Path, tmp_path: Path) -> Path:
    """A copy of them, where `table` looks."""
    return Path(shutil.copytree(done, tmp_path / "cells"))


@pytest.fixture
def table(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """Runs a command on the prepared run: exit code, what it said, and the results that it left."""
    monkeypatch.delenv("MEDTALK_REFERENCE", raising=False)

    def run(*words: object, **options: object) -> Any:
        usual = {
            "recipe": "tiny", "prepared": prepared, "work": tmp_path / "cells", "out": tmp_path / "docs" / "results.md",
            "budget": "36steps", "seeds": 1, "clips": CLIPS,
        } | options  # fmt: skip
        (tmp_path / "docs").mkdir(exist_ok=True)
        named = [f"--{name}={value}" for name, value in usual.items() if value is not None]
        monkeypatch.setattr(sys, "argv", ["medtalk-train", *map(str, words), *named])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        said = capsys.readouterr()
        results, page = tmp_path / "docs" / "results" / "results.json", tmp_path / "docs" / "results.md"
        return SimpleNamespace(
            code=int(stopped.value.code or 0),
            out=said.out,
            error=said.err,
            page=page.read_text("utf-8") if page.exists() else "",
            results=json.loads(results.read_text("utf-8")) if page.exists() else {},
            cells=tmp_path / "cells" / "cells",
        )

    return run


def stamps(folder: Path) -> dict[str, int]:
    """When each bundle of the cells was written."""
    return {path.parent.parent.name: path.stat().st_mtime_ns for path in folder.glob("*/bundle/bundle.json")}


# what a table is made of


@pytest.mark.parametrize(
    ("text", "seconds", "steps", "said"),
    [
        ("90s", 90.0, None, "1.5 min"),
        ("30m", 1800.0, None, "30 min"),
        ("2h", 7200.0, None, "2 h"),
        (" .5 H ", 1800.0, None, "30 min"),
        ("7s", 7.0, None, "7 s"),
        ("500 steps", float("inf"), 500, "500 steps"),
    ],
)
def test_budgets(text: str, seconds: float, steps: int | None, said: str) -> None:
    found = read_budget(text)
    assert (found.seconds, found.steps) == (seconds, steps) and written(found) == said


@pytest.mark.parametrize(
    "text", ["", "0", "0s", "0steps", "-3m", "soon", "3", "nan s", "inf h", "721h", "1.5steps", "3d"]
)
def test_budgets_that_are_none(text: str, table: Callable[..., Any], tmp_path: Path) -> None:
    found = table("table1", budget=text)
    assert found.code == 1 and len(found.error.splitlines()) == 1 and "budget" in found.error and "30m" in found.error
    assert not (tmp_path / "cells").exists()


def test_spread_over_seeds() -> None:
    """By hand: 1, 2 and 6 have the mean 3 and the squares 4, 1 and 9, of which the half is 7."""
    assert spread([1.0, 2.0, 6.0]) == (3.0, pytest.approx(7.0**0.5), 3)
    assert spread([0.25]) == (0.25, None, 1)


def test_a_difference_that_is_there_is_significant() -> None:
    rng = np.random.default_rng(2)
    clips = rng.uniform(0.02, 0.2, 60)
    ours_ = [(clips + rng.normal(0, 0.001, 60)).tolist() for _ in range(3)]
    worse = [(clips + 0.01 + rng.normal(0, 0.005, 60)).tolist() for _ in range(2)]
    alike = [(clips + rng.normal(0, 0.005, 60)).tolist() for _ in range(3)]
    found, none = difference(ours_, worse), difference(ours_, alike)
    assert found.significant and found.low < 0.01 < found.high and found.mean == pytest.approx(0.01, abs=0.0015)
    assert found.high - found.low < 0.004, "the clips are paired: their own spread of .05 does not count"
    assert not none.significant and none.low < 0.0 < none.high
    assert difference(ours_, ours_) == (0.0, 0.0, 0.0) and difference(ours_, worse) == found, "the same every time"
    with pytest.raises(ValueError, match="same clips"):
        difference(ours_, [clips[:50].tolist()])


def test_stages_share_the_budget_as_they_share_the_recipes_batches(
    recipe: Recipe, prepared: Path, tmp_path: Path
) -> None:
    def paces(budget: Budget, **ablation: bool) -> Any:
        own = dataclasses.replace(recipe, ablation=Ablation(**ablation))
        return ours.paces(Run(own, tmp_path / "run", False, prepared=prepared), budget)

    whole = paces(Budget(seconds=120.0))
    assert {k: pace.seconds for k, pace in whole.items()} == {1: 10.0, 2: 10.0, 3: 10.0}, "6, 3 and 3 epochs alike"
    assert paces(Budget(seconds=120.0), cycle=False)[1].seconds == 12.0
    assert {k: pace.seconds for k, pace in paces(Budget(seconds=120.0), disentangle=False).items()} == {
        2: 20.0,
        3: 20.0,
    }
    assert {pace.steps for pace in paces(Budget(steps=36)).values()} == {3}
    assert {pace.steps for pace in paces(Budget(steps=2)).values()} == {1}, "no epoch is without a step"


def test_principal_components_of_the_upper_face() -> None:
    rng = np.random.default_rng(3)
    poses = np.zeros((3, 174))
    poses[:, S_UP] = np.linalg.qr(rng.normal(size=(len(S_UP), 3)))[0].T
    one, three = rng.normal(size=(200, 1)) @ poses[:1], rng.normal(size=(200, 3)) @ poses
    assert components([one], [0]) == 1.0 and components([three], [0]) == 3.0
    assert components([one, 2.0 * one, three], [0, 0, 4]) == 2.0, "mean over labels"
    assert components([np.tile(poses[:1], (50, 1))], [1]) == 0.0
    assert components([three, three[:1]], [0, 1]) == 1.5, "one frame does not move"


@pytest.fixture(scope="module")
def clips(prepared: Path) -> list[Clip]:
    return clips_of(Held(corpus=prepared / "corpus"), CLIPS)


def test_figures_are_those_of_the_paper(clips: list[Clip]) -> None:
    """Of the same faces `paper_metrics` says the same; the mean over clips is the figure."""
    rng = np.random.default_rng(5)
    rigs = [(clip.truth + rng.normal(0, 0.05, clip.truth.shape)).astype("f4") for clip in clips]
    found = compare_rigs(rigs, clips)
    wanted = paper_metrics([(rig, clip.truth) for rig, clip in zip(rigs, clips, strict=True)])
    for name in ("MLE", "MEE", "EIE", "FRD", "FRD absolute"):
        assert found.figures[name] == pytest.approx(wanted[name], rel=1e-6) == pytest.approx(np.mean(found.clips[name]))
    assert [clip.label for clip in clips] == list(range(7)), "the labels take turns"
    takes = [HeldTake(*clip, labelled=clip.label != 1) for clip in clips]
    assert [clip.label for clip in clips_of(Held(takes=takes), 3)] == [0, 2, 3], "of label 1 nothing was taught"
    with pytest.raises(TrainingError, match="Nothing is held back"):
        clips_of(Held(takes=[]), 3)


def test_what_stands_beside_the_methods(clips: list[Clip]) -> None:
    found = lines(clips)
    assert found["truth"].figures["MLE"] == found["truth"].figures["EIE"] == 0.0 < found["truth"].figures["jitter"]
    wanted = paper_metrics([(clip.truth, clip.truth) for clip in clips])
    for name in ("mean", "median"):
        assert found[name].figures["MLE"] == pytest.approx(wanted[f"MLE still mouth, {name}"])
        assert found[name].figures["jitter"] == found[name].figures["upper-face components"] == 0.0


def test_the_mouth_hears_the_sound_alone(tiny_bundle: Path, clips: list[Clip]) -> None:
    """No phones of a transcript, and nothing that is decided from phones, is compared; words reach the intensity."""
    bundle = load_bundle(tiny_bundle)
    model = Model(bundle, open_engine(bundle, "torch", 1, "cpu"))
    silent = clips[0]._replace(transcript="")
    said = clips[0]._replace(transcript="buy my people a pub")
    engine, performance = model.engine, model.perform(*_sound(silent))
    felt = model.perform(*_sound(said)).intensity
    assert not np.allclose(felt, performance.intensity)
    vectors = engine.label_vectors()[silent.label].mean(axis=0)
    for clip, intensity in ((silent, performance.intensity), (said, felt)):
        emotion = np.broadcast_to(vectors, (len(performance), len(vectors)))
        np.testing.assert_allclose(
            networks(model, clip), engine.decode(performance.heard.content, emotion, intensity), atol=1e-6
        )


def _sound(clip: Clip) -> tuple[Any, str]:
    from medtalk.audio import Speech

    return Speech.from_array(clip.samples, 16000), clip.transcript


# the page


def test_a_page_keeps_what_is_not_a_commands_own() -> None:
    page = with_section("", "table3", "three")
    assert page == f"{HEAD}\n<!-- table3 -->\nthree\n<!-- /table3 -->\n"
    page = with_section(page.replace("Results", "Our results") + "\nBy hand.\n", "table1", "one")
    assert page.index("one") < page.index("three") < page.index("By hand.") and "# Our results" in page
    again = with_section(page, "table1", r"other \1 | text")
    assert again == page.replace("one", r"other \1 | text", 1).replace(r"other \1 | text", "one", 0)
    assert with_section(again, "table3", "3").count("<!-- table3 -->") == 1


def figures_of(page: str, part: str) -> dict[str, dict[str, str]]:
    """Row -> column -> text, of all tables of a part of the page but the paper's."""
    text = page.partition(f"<!-- {part} -->")[2].partition(f"<!-- /{part} -->")[0].partition("### What the paper")[0]
    out: dict[str, dict[str, str]] = {}
    for block in re.findall(r"(?:^\|.*\n)+", text + "\n", re.M):
        head, _, *rows = ([cell.strip() for cell in line.strip("|\n").split(" | ")] for line in block.splitlines())
        for row in rows:
            out.setdefault(row[0], {}).update(zip(head[1:], row[1:], strict=False))
    return out


def test_table_1(table: Callable[..., Any], started: Path, spoken: Path) -> None:
    """Two methods and two seeds, of which one cell is missing; the page, the terminal and results.json say the same."""
    words = {"methods": "medtalk,emoface", "seeds": 2, "speech": spoken}
    before = stamps(started / "cells")
    found = table("table1", **words)
    assert (found.code, found.error.count("failed")) == (0, 0), found.error
    after = stamps(found.cells)
    assert after.keys() - before.keys() == {"emoface-2"} and before.items() < after.items(), "trained what was missing"
    rows = {row["name"]: row for row in found.results["table1"]["rows"]}
    assert list(rows) == ["medtalk", "emoface", "still face, mean", "still face, median", "truth"]
    cells = found.results["table1"]["cells"]
    assert [(cell["row"], cell["seed"]) for cell in cells] == [
        ("medtalk", 1), ("medtalk", 2), ("emoface", 1), ("emoface", 2),
    ]  # fmt: skip
    assert [cell["steps"] for cell in cells] == [36, 36, 36, 36]
    assert rows["emoface"]["figures"]["converged"] == [0.0, None, 2] and shown_as(found.page, "cells converged") == "0"
    assert (
        "before they had converged**: EmoFace, all 2. " in found.page and "converged" not in rows["medtalk"]["figures"]
    )
    shown = figures_of(found.page, "table1")
    for name, page_name in (("medtalk", "**MEDTalk**"), ("emoface", "EmoFace")):
        own = [cell["figures"] for cell in cells if cell["row"] == name]
        for what, digits in (("MLE", 4), ("MEE", 4), ("EIE", 3), ("closure F1", 2), ("jitter", 3), ("MB", 2)):
            values = [each[what] for each in own]
            mean, sd, seeds = rows[name]["figures"][what]
            assert mean == pytest.approx(np.mean(values)) and sd == pytest.approx(np.std(values, ddof=1)) and seeds == 2
            assert shown[page_name][what] == f"{mean:,.{digits}f} ± {sd:,.{digits}f}"
        assert f"{rows[name]['figures']['MLE'][0]:.4f}" in found.out
    mean, low, high = rows["emoface"]["difference"]["MLE"]
    ours_, theirs = (rows[name]["figures"]["MLE"][0] for name in ("medtalk", "emoface"))
    assert mean == pytest.approx(theirs - ours_) and low < mean < high
    assert f"{mean:+.4f} [{low:+.4f}, {high:+.4f}]" in found.page
    assert rows["truth"]["figures"]["MLE"][0] == 0.0 and rows["truth"]["figures"]["closure F1"][0] > 0.9
    assert rows["medtalk"]["figures"]["against medtalk"][0] == 1.0
    assert rows["emoface"]["figures"]["parameters"][0] > 0 and "the data has no captured face" in found.page
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", found.page)
    assert len(pictures) == 3
    for picture in pictures:
        assert (found.cells.parents[1] / "docs" / picture).read_bytes().startswith(b"\x89PNG")
    others = table("table1", **words | {"clips": 5})
    assert stamps(others.cells) == after, "measured on other clips, and not trained"
    assert len(others.results["table1"]["cells"][0]["clips"]["MLE"]) == 5


def shown_as(page: str, column: str) -> str:
    return figures_of(page, "table1")["EmoFace"][column]


def test_who_ended_early_has_converged(table: Callable[..., Any], started: Path) -> None:
    path = started / "cells" / "emoface-1" / "metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"steps": 20}))
    found = table("table1", methods="medtalk,emoface")
    assert "had converged**" not in found.page and shown_as(found.page, "cells converged") == "1"
    rows = [
        {"name": name, "figures": {"converged": [early, None, 3]}} for name, early in (("emotalk", 2.0), ("x", 3.0))
    ]
    assert "EmoTalk, 1 of 3. Their" in unfinished(rows) and unfinished(rows[1:]) == ""


@pytest.mark.parametrize("damaged", [("metrics.json",), ("learned.json", "bundle/weights.safetensors")])
def test_what_is_damaged_is_made_again(table: Callable[..., Any], started: Path, damaged: tuple[str, ...]) -> None:
    cell = started / "cells" / "emoface-1"
    before = load((cell / "bundle" / "weights.safetensors").read_bytes())
    trained = (cell / "training" / "model.safetensors").stat().st_mtime_ns
    for name in damaged:
        (cell / name).write_bytes(b"{")
    found = table("table1", methods="emoface")
    assert found.code == 0 and found.results["table1"]["cells"][0]["steps"] == 36
    after = load_file(cell / "bundle" / "weights.safetensors")
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert (cell / "training" / "model.safetensors").stat().st_mtime_ns == trained, "and not trained again"


def test_table_3_keeps_table_1_and_shares_its_cell(table: Callable[..., Any], started: Path) -> None:
    first = table("table1", methods="medtalk")
    before = stamps(first.cells)
    found = table("table3", without="disentangle")
    assert found.code == 0, found.error
    assert [row["name"] for row in found.results["table3"]["rows"]][:2] == [
        "medtalk", "without disentangle",
    ]  # fmt: skip
    assert stamps(found.cells)["medtalk-1"] == before["medtalk-1"], "the whole MEDTalk is that of table 1"
    assert found.results["table1"] == first.results["table1"]
    parts = [page.partition("<!-- table1 -->")[2].partition("<!-- /table1 -->")[0] for page in (first.page, found.page)]
    assert parts[0] == parts[1] and "## Table 3" in found.page
    assert not (found.cells / "without_disentangle-1" / "stage1" / "losses.json").exists()
    swapped = table("table1", methods="medtalk")
    assert swapped.results["table3"] == found.results["table3"] and swapped.page.index("Table 1") < swapped.page.index(
        "Table 3"
    )


def test_a_killed_contest_goes_on(
    table: Callable[..., Any], prepared: Path, started: Path, done: Path, tmp_path: Path
) -> None:
    """Killed in the second stage of the second cell: what is left is trained, to the same weights."""
    killed = """
import os, signal, sys
from medtalk_train import cli
from medtalk_train.stages.stages import ContentMapping
calls, losses = [], ContentMapping.losses
def cut(self, batch):
    calls.append(self.training)
    if sum(calls) == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return losses(self, batch)
ContentMapping.losses = cut
cli.main()
"""
    shutil.rmtree(started / "cells" / "medtalk-2")
    words = ["--recipe=tiny", f"--prepared={prepared}", f"--work={started}", "--methods=medtalk", "--seeds=2",
             f"--out={tmp_path / 'results.md'}", "--budget=36steps", f"--clips={CLIPS}", "-q"]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if name != "MEDTALK_REFERENCE"}
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", killed, "table1", *words], capture_output=True, env=environment
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    cells = tmp_path / "cells" / "cells"
    before = stamps(cells)
    assert "medtalk-2" not in before and (cells / "medtalk-2" / "stage2" / "last.ckpt").exists()
    stage1 = (cells / "medtalk-2" / "stage1" / "model.safetensors").stat().st_mtime_ns
    found = table("table1", methods="medtalk", seeds=2)
    assert found.code == 0, found.error
    assert stamps(cells)["medtalk-1"] == before["medtalk-1"]
    assert (cells / "medtalk-2" / "stage1" / "model.safetensors").stat().st_mtime_ns == stage1, "it was done"
    assert [cell["steps"] for cell in found.results["table1"]["cells"]] == [36, 36], "what was cut counts once"
    one, other = (load_file(folder / "cells/medtalk-2/bundle/weights.safetensors") for folder in (started, done))
    assert all(torch.equal(one[name], other[name]) for name in one)


def recipe_file(path: Path, **sections: dict[str, Any]) -> Path:
    """The tiny recipe with other options."""
    values = yaml.safe_load(SHIPPED["tiny"].read_text("utf-8"))
    for name, options in sections.items():
        values[name] |= options
    path.write_text(yaml.safe_dump(values), "utf-8")
    return path


def test_a_cell_that_fails_is_a_line(table: Callable[..., Any], started: Path, tmp_path: Path) -> None:
    """With this rate stage 1 diverges; without disentangling there is no stage 1, and the table goes on."""
    wild = recipe_file(tmp_path / "wild.yaml", stage1={"rate": 1e30})
    found = table("table3", recipe=wild, without="disentangle")
    assert found.code == 1 and found.error.strip().splitlines()[-1].startswith(
        "medtalk-train: 1 of 2 cells failed: medtalk"
    )
    rows = {row["name"]: row for row in found.results["table3"]["rows"]}
    assert list(rows["medtalk"]["failed"]) == ["1"] and "stage 1" in rows["medtalk"]["failed"]["1"]
    assert rows["medtalk"]["figures"] == {} and rows["without disentangle"]["figures"]["MLE"][0] > 0
    line = next(line for line in found.page.splitlines() if line.startswith("| **MEDTalk**, seed 1 |"))
    assert "failed: It diverged in stage 1" in line
    assert "Traceback" in (found.cells / "medtalk-1" / "failure.txt").read_text()


def test_all_cells_fail(table: Callable[..., Any], tmp_path: Path) -> None:
    wild = recipe_file(tmp_path / "wild.yaml", stage1={"rate": 1e30})
    found = table("table1", recipe=wild, methods="medtalk")
    assert found.code == 1 and "Every cell failed; the first: It diverged in stage 1" in found.error and not found.page


def test_a_changed_recipe_trains_what_depends_on_it(table: Callable[..., Any], started: Path, tmp_path: Path) -> None:
    words, before = {"methods": "medtalk,emoface"}, stamps(started / "cells")
    other = recipe_file(tmp_path / "other.yaml", stage1={"lip_gain": 0.1})
    found = table("table1", recipe=other, **words)
    assert found.code == 0, found.error
    after = stamps(found.cells)
    assert after["medtalk-1"] > before["medtalk-1"], "its first stage is another"
    assert after["emoface-1"] == before["emoface-1"], "it has no such stage"
    found = table("table1", recipe=other, methods="emoface", budget="37steps")
    assert stamps(found.cells)["emoface-1"] > before["emoface-1"] and found.results["table1"]["cells"][0]["steps"] == 37


def test_earlier_code_is_told(table: Callable[..., Any], started: Path) -> None:
    learned = started / "cells" / "medtalk-1" / "metrics.json"
    metrics = json.loads(learned.read_text())
    assert metrics["code"] == code_of(Cell("medtalk", 1)) != code_of(Cell("emoface", 1))
    learned.write_text(json.dumps(metrics | {"code": "another"}))
    before = stamps(started / "cells")
    again = table("table1", methods="medtalk")
    assert again.code == 0 and stamps(again.cells) == before
    assert "**MEDTalk**: trained by an earlier version of its code." in again.page


def test_cells_side_by_side(table: Callable[..., Any], done: Path, tmp_path: Path) -> None:
    """In processes of their own they give the weights that one process gives; one that fails is a line there too."""
    wild = recipe_file(tmp_path / "wild.yaml", stage1={"rate": 1e30})
    found = table("table1", recipe=wild, methods="medtalk,emoface", jobs=2)
    assert found.code == 1
    failed = {row["name"]: row["failed"] for row in found.results["table1"]["rows"]}
    assert "stage 1" in failed["medtalk"]["1"] and failed["emoface"] == {}
    one, other = (
        load_file(folder / "cells" / "emoface-1" / "bundle" / "weights.safetensors")
        for folder in (tmp_path / "cells", done)
    )
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_seconds_are_a_budget_too(table: Callable[..., Any]) -> None:
    found = table("table1", methods="medtalk", budget="1.2s")
    assert found.code == 0, found.error
    cell = found.results["table1"]["cells"][0]
    assert cell["seconds"] >= 1.2 and cell["steps"] >= 12
    seconds, losses = cell["curves"]["stage3"]
    assert len(seconds) == len(losses) == 3 and seconds[-1] == pytest.approx(cell["seconds"])


def test_what_an_epoch_takes_too_much_the_next_ones_lack(
    table: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps of 0.7 s in 12 epochs of 1 s: the whole is within two steps of its budget, not each epoch."""
    ticks = itertools.count()
    monkeypatch.setattr(pace, "_now", lambda _: 0.7 * next(ticks))
    cell = table("table1", methods="medtalk", budget="12s").results["table1"]["cells"][0]
    assert cell["seconds"] == pytest.approx(0.7 * cell["steps"]) and 12.0 <= cell["seconds"] < 12.0 + 2 * 0.7
    ends = {name: curve[0][-1] for name, curve in cell["curves"].items()}
    assert ends["stage1"] < 6.0 + 2 * 0.7 and ends["stage2"] < 9.0 + 2 * 0.7, "so is each stage"


def test_a_step_of_a_gpu_ends_when_the_gpu_has_done_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "synchronize", told.append)
    for name, times in (("cuda:0", 2), ("cpu", 0)):
        trainer: Any = SimpleNamespace(strategy=SimpleNamespace(root_device=torch.device(name)))
        watch, stage = pace.Stopwatch(tmp_path / pace.SPENT, pace.Pace()), torch.nn.Module()
        watch.on_train_batch_start(trainer, stage, None, 0)  # pyright: ignore[reportArgumentType]
        watch.on_train_batch_end(trainer, stage, None, None, 0)  # pyright: ignore[reportArgumentType]
        assert told == [torch.device(name)] * times
        told.clear()


# what can be wrong before anything starts


@pytest.mark.parametrize(
    ("words", "options", "said"),
    [
        ("table1", {"methods": "medtalk,gan"}, "There is no method 'gan'"),
        ("table3", {"without": "soul"}, "There is no part 'soul'"),
        ("table1", {"prepared": "nowhere"}, "The folder nowhere does not exist"),
        ("table1", {"out": "page.html"}, "page.html is no Markdown"),
        ("table1", {"data": "takes"}, "--data needs pretrained backbones"),
        ("table1", {"speech": "nowhere"}, "The folder nowhere does not exist"),
        ("table1", {"recipe": "nothing"}, "There is no recipe nothing"),
        ("table1", {"methods": ","}, "There is no method ''"),
        ("table3", {"without": "cycle,"}, "There is no part ''"),
    ],
)
def test_wrong_words(table: Callable[..., Any], tmp_path: Path, words: str, options: dict[str, str], said: str) -> None:
    found = table(words, **options)
    assert found.code == 1 and said in found.error and len(found.error.strip().splitlines()) == 1
    assert not (tmp_path / "cells" / "cells").exists()


@pytest.mark.parametrize(
    ("work", "out", "said"),
    [
        ("file", "results.md", "file"),
        ("file/cells", "results.md", "Cannot"),
        ("cells", "file/results.md", "is not a folder"),
        ("cells", "file/deep/results.md", "is not a folder"),
        ("cells", "closed.md", "is read-only"),
        ("cells", "latin.md", "is not in UTF-8"),
        ("cells", "taken.md", "is not a folder"),
    ],
)
def test_places_that_cannot_be_written(
    table: Callable[..., Any], tmp_path: Path, work: str, out: str, said: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "taken").touch()  # where the pictures of taken.md would go
    (tmp_path / "latin.md").write_bytes("# Größe".encode("latin-1"))
    (tmp_path / "closed.md").touch(mode=0o444)
    found = table("table1", work=tmp_path / work, out=tmp_path / out)
    assert found.code == 1 and said in found.error and len(found.error.strip().splitlines()) == 1
    assert not (tmp_path / "cells").exists(), "before anything is trained"


def test_a_gpu_that_is_not_there(table: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    path = tmp_path / "gpu.yaml"
    path.write_text(SHIPPED["tiny"].read_text("utf-8") + "\ndevice: gpu\n", "utf-8")
    found = table("table1", recipe=path)
    assert found.code == 1 and "There are 0 GPUs here" in found.error and not (tmp_path / "cells").exists()


def test_a_run_that_is_not_prepared(table: Callable[..., Any], prepared: Path, tmp_path: Path) -> None:
    shutil.copytree(prepared / "corpus", tmp_path / "half" / "corpus")
    found = table("table1", prepared=tmp_path / "half")
    assert found.code == 1 and "Run medtalk-train features first" in found.error


def test_results_that_are_damaged_are_told_before_any_training(table: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "docs" / "results").mkdir(parents=True)
    (tmp_path / "docs" / "results" / "results.json").write_text("{")
    found = table("table1", methods="medtalk")
    assert found.code == 1 and "results.json is damaged" in found.error and not (tmp_path / "cells").exists()


def test_without_a_prepared_run_one_is_made(
    table: Callable[..., Any], prepared: Path, whisper_base: Path, tmp_path: Path
) -> None:
    found = table("table1", "-q", methods="medtalk", prepared=None, corpus=prepared / "corpus", whisper=whisper_base)
    assert found.code == 0, found.error
    assert (tmp_path / "cells" / "prepared" / "backbone" / "backbone.pt").exists()
    assert found.out == ""


def test_the_prepared_run_is_left_alone(prepared: Path, done: Path) -> None:
    assert {path.name for path in prepared.iterdir()} == {"corpus", "features", "backbone"}
    newest = max(path.stat().st_mtime_ns for path in prepared.rglob("*"))
    assert newest < min(stamps(done / "cells").values()), "nothing was written since"
    contest = Contest(load_recipe("tiny"), prepared / "x", prepared, Sources(), Budget(steps=1))
    assert contest.folder(Cell("medtalk", 3, "cycle")) == prepared / "x" / "cells" / "without_cycle-3"


def test_a_process_that_is_killed_is_a_line(prepared: Path, recipe: Recipe, tmp_path: Path) -> None:
    """As a system out of memory does it: the process can say nothing."""
    contest = Contest(recipe, tmp_path, prepared, Sources(), Budget(steps=10**6), CLIPS)
    cell = Cell("medtalk", 1)
    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(side_by_side, contest, [cell], 1)
        while not (contest.folder(cell) / "stage1" / "key.json").exists() and not training.done():
            time.sleep(0.05)
        for process in multiprocessing.active_children():
            if process.name == cell.name:
                process.kill()
        training.result(timeout=60)
    assert result(contest, cell)["reason"] == "Its process ended with signal 9; was the memory enough?"


def test_a_process_that_is_killed_before_it_begins_is_a_line(prepared: Path, recipe: Recipe, tmp_path: Path) -> None:
    contest = Contest(recipe, tmp_path, prepared, Sources(), Budget(steps=1), CLIPS)
    cell = Cell("emoface", 1)
    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(side_by_side, contest, [cell], 1)
        while not (found := [each for each in multiprocessing.active_children() if each.name == cell.name]):
            time.sleep(0.005)
        found[0].kill()
        training.result(timeout=60)
    assert "ended with signal 9" in result(contest, cell)["reason"]


def test_options_of_the_recipe(table: Callable[..., Any], started: Path, prepared: Path, whisper_base: Path) -> None:
    """A changed stage learns anew on the same ear; another ear is trained beside the cells."""
    before = (prepared / "backbone" / "backbone.pt").read_bytes()
    found = table("options", "--change", "stage2.loss.closures=0; stage2.effort=false", "--change", "backbone.steps=3",
                  whisper=whisper_base)  # fmt: skip
    assert found.code == 0, found.error
    rows = {row["name"]: row for row in found.results["options"]["rows"]}
    first, second = "stage2.loss.closures=0; stage2.effort=false", "backbone.steps=3"
    assert list(rows)[:3] == ["medtalk", first, second] and f"| `{first}` |" in found.page
    assert rows["medtalk"]["figures"]["MLE"] != rows[first]["figures"]["MLE"] != rows[second]["figures"]["MLE"]
    assert "What the paper has" not in found.page
    ears = list((started / "ears").iterdir())
    assert len(ears) == 1 and (ears[0] / "backbone" / "backbone.pt").read_bytes() != before
    assert (ears[0] / "features").resolve() == (prepared / "features").resolve()
    assert (prepared / "backbone" / "backbone.pt").read_bytes() == before


def test_an_option_that_is_none_is_told(table: Callable[..., Any], tmp_path: Path) -> None:
    found = table("options", "--change", "stage2.los=0")
    assert found.code == 1 and "Unknown setting stage2.los" in found.error
    assert not (tmp_path / "cells").exists()
