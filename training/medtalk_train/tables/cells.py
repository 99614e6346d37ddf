"""A cell of a table: one method with one seed, trained under the budget, measured, and kept in a folder of its own.

WORK/cells/METHOD-SEED holds what a cut training goes on from, `bundle/`, and at last `metrics.json`, or `failure.json`
with the reason. What a cell depends on is kept beside it, so that a change trains it again and nothing else does.
"""

from __future__ import annotations

import ast
import hashlib
import json
import logging
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from medtalk.bundle import MANIFEST, Bundle, load_bundle
from medtalk.engine import open_engine
from medtalk.errors import BundleError, MedtalkError, TrainingError
from medtalk.files import sha256_file, write_atomic
from medtalk.perform import Model
from medtalk_train.baselines import BASELINES
from medtalk_train.baselines.export import export
from medtalk_train.baselines.learning import LOSSES, Budget, learn
from medtalk_train.measure.compare import Clip, clips_of, compare, size
from medtalk_train.measure.recordings import Recording, read_recordings
from medtalk_train.recipe import Recipe, changed
from medtalk_train.run import BUNDLE, Run, place
from medtalk_train.settings import Ablation
from medtalk_train.stages.ground import CLIPS
from medtalk_train.stages.resume import KEY, is_done
from medtalk_train.synthetic.ground import Sources
from medtalk_train.tables import ours

if TYPE_CHECKING:
    from medtalk_train.stages.ground import Held

log = logging.getLogger(__name__)

MEDTALK = "medtalk"
METHODS = (MEDTALK, *BASELINES)
"""What Table 1 compares."""
ABLATIONS = tuple(Ablation.__dataclass_fields__)
"""What Table 3 leaves out, one at a time."""
TRAINING, LEARNED, METRICS = "training", "learned.json", "metrics.json"
FAILURE, TRACE = "failure.json", "failure.txt"
MEASURES = 1
"""Another number where figures are measured in another way: then all cells are measured anew, and none is trained."""


@dataclass(frozen=True)
class Cell:
    """A method, or MEDTalk without a part of it or with other settings (`recipe.changed`), and a seed."""

    method: str
    seed: int
    without: str = ""
    change: str = ""

    @property
    def row(self) -> str:
        """The line of the table that it belongs to."""
        return f"without {self.without}" if self.without else self.change or self.method

    @property
    def name(self) -> str:
        """Of its folder."""
        row = f"changed_{_short(self.change)}" if self.change else self.row.replace(" ", "_")
        return f"{row}-{self.seed}"


@dataclass(frozen=True)
class Contest:
    """What all cells have in common.

    Attributes:
        recipe: of the data, and of the networks and stages of MEDTalk.
        work: folder of the cells.
        prepared: folder of the run whose corpus, features and backbone they learn from; nothing is written there.
        sources: what that run takes from elsewhere.
        budget: of each cell.
        clips: how many of those held back they are measured on.
        speech: recordings with phone times; None measures no events.
    """

    recipe: Recipe
    work: Path
    prepared: Path
    sources: Sources
    budget: Budget
    clips: int = CLIPS
    speech: Path | None = None

    def run(self, cell: Cell, progress: bool = False) -> Run:
        """The run of a cell, in its folder."""
        ablation = replace(Ablation(), **{cell.without: False}) if cell.without else self.recipe.ablation
        # one device: it is the pace of each method that the budget compares
        recipe = replace(changed(self.recipe, cell.change), seed=cell.seed, ablation=ablation, devices=1)
        return Run(recipe, self.folder(cell), progress, self.sources, self.preparation(cell))

    def preparation(self, cell: Cell) -> Path:
        """The folder of the run that a cell stands on: `prepared`, or one beside the cells with an ear of its own.

        It has one if the change is of the ear, or leaves out voices or people. All else in it are links.
        """
        recipe = changed(self.recipe, cell.change)
        lacking = {name for name in ("voices", "people") if float(getattr(recipe, name).get("hours", 1.0)) == 0.0}
        if self.recipe.pretrained is not None or (recipe.backbone == self.recipe.backbone and not lacking):
            return self.prepared
        folder = self.work / "ears" / _short(cell.change)
        folder.mkdir(parents=True, exist_ok=True)
        for name in {"corpus", "voices", "people", "features", "wording"} - lacking:
            if (self.prepared / name).exists() and not (folder / name).exists():
                (folder / name).symlink_to((self.prepared / name).resolve(), target_is_directory=True)
        Run(replace(recipe, devices=1), folder, False, self.sources).step("backbone")
        return folder

    def folder(self, cell: Cell) -> Path:
        return self.work / "cells" / cell.name

    @cached_property
    def recordings(self) -> list[Recording]:
        return [] if self.speech is None else read_recordings(self.speech)

    def held(self, bundle: Bundle) -> Held:
        """What the ground holds back, for a bundle that hears by its backbones."""
        run = Run(self.recipe, self.work, False, self.sources, self.prepared)
        found = run.ground.held(bundle, self.clips)
        if found is None:
            raise TrainingError("No take is held back, so there is nothing to compare on.", "Add speakers.")
        return found


class Judge:
    """Measures bundles on one and the same clips, which it reads once."""

    def __init__(self, contest: Contest) -> None:
        self.contest = contest
        self.clips: list[Clip] = []

    def model(self, bundle: Bundle) -> Model:
        """A bundle in torch, as all are timed, on one core or on the GPU that the recipe has."""
        held = self.contest.held(bundle)
        if not self.clips:
            self.clips = clips_of(held, self.contest.clips)
        device = "cuda" if place(self.contest.recipe.device, 1)[0] == "gpu" else "cpu"
        engine = open_engine(bundle, "torch", 1, device, backbones=held.backbones, offline=held.offline)
        return Model(bundle, engine)

    def figures(self, bundle: Bundle) -> dict[str, Any]:
        """What `metrics.json` says of a bundle."""
        before = torch.get_num_threads()
        try:
            found = compare(self.model(bundle), self.clips, self.contest.recordings)
        finally:
            torch.set_num_threads(before)  # one core is for the measuring, not for the next training
        parameters, megabytes = size(bundle)
        return {
            "figures": {**found.figures, "parameters": float(parameters), "MB": megabytes},
            "clips": dict(found.clips),
        }


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def attempt(contest: Contest, cell: Cell, judge: Judge, progress: bool = False) -> None:
    """Train and measure a cell, as far as that is not done; a failure is kept with its reason and not raised."""
    folder = contest.folder(cell)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        bundle = _train(contest, cell, progress)
        _measure(contest, cell, judge, bundle)
        (folder / FAILURE).unlink(missing_ok=True)
        (folder / TRACE).unlink(missing_ok=True)
    except Exception as error:  # whatever stops one method shall not stop the others
        text = "".join(traceback.format_exception(error))
        write_atomic(folder / TRACE, lambda to: to.write_text(text, "utf-8"))
        fail(contest, cell, reason(error))


def reason(error: BaseException) -> str:
    """One line for the table."""
    if isinstance(error, MedtalkError):
        return str(error)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "It ran out of memory."
    first = (str(error).strip() or "no message").splitlines()[0]
    return f"{type(error).__name__}: {first[:200]}"


def fail(contest: Contest, cell: Cell, why: str) -> None:
    """Keep why a cell failed."""
    log.warning("%s failed: %s", cell.name, why)
    text = json.dumps({"reason": why}, indent=1)
    contest.folder(cell).mkdir(parents=True, exist_ok=True)  # its process may have died before it made one
    write_atomic(contest.folder(cell) / FAILURE, lambda to: to.write_text(text, "utf-8"))


def result(contest: Contest, cell: Cell) -> dict[str, Any]:
    """The cell as `results.json` has it: its metrics, or {"reason": ...}."""
    folder = contest.folder(cell)
    about = {"row": cell.row, "seed": cell.seed}
    for name in (FAILURE, METRICS):
        if found := _kept(folder / name):
            return about | found
    return about | {"reason": "It was not trained."}


def is_measured(contest: Contest, cell: Cell) -> bool:
    """Whether nothing is left to do for a cell."""
    folder = contest.folder(cell)
    if (folder / FAILURE).exists() or not (folder / METRICS).exists() or not (folder / BUNDLE / MANIFEST).exists():
        return False
    kept, key = folder / KEY, _key(contest, contest.run(cell), cell)
    if not kept.exists() or kept.read_text("utf-8") != key:
        return False
    bundle = _whole(folder / BUNDLE)
    return bundle is not None and _kept(folder / METRICS).get("measured") == _measured(contest, bundle)


def _kept(path: Path) -> dict[str, Any]:
    """A file of a cell; {} where there is none, or it is damaged: then what it says has to be found anew."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        log.warning("%s is damaged (%s): it is made anew", path, error)
        return {}
    return found if isinstance(found, dict) else {}


def _whole(folder: Path) -> Bundle | None:
    """The bundle of a cell; None where it is damaged: then it is exported anew."""
    try:
        return load_bundle(folder)
    except BundleError as error:
        log.warning("%s is exported anew: %s", folder, error)
        return None


def _train(contest: Contest, cell: Cell, progress: bool) -> Bundle:
    run, folder, budget = contest.run(cell, progress), contest.folder(cell), contest.budget
    done = is_done(folder, _key(contest, run, cell), f"{BUNDLE}/{MANIFEST}")
    if done and _kept(folder / LEARNED) and (bundle := _whole(folder / BUNDLE)) is not None:
        return bundle
    log.info("%s ...", cell.name)
    if cell.method == MEDTALK:
        ours.learn(run, budget)
        steps, seconds = ours.spent_by(run)
        found: dict[str, Any] = {"steps": steps, "seconds": seconds, "curves": ours.curves(run)}
        made = partial(ours.export, run)
    else:
        learned = learn(cell.method, run, folder / TRAINING, budget, cell.seed)
        history = json.loads((folder / TRAINING / LOSSES).read_text("utf-8"))
        curves = {name: (history["seconds"], history[name]) for name in ("loss", "validation")}
        found = {"steps": learned.steps, "seconds": learned.seconds, "best": learned.best, "curves": curves}
        made = partial(export, learned, run, folder / BUNDLE, {})
    found["code"] = code_of(cell)
    write_atomic(folder / LEARNED, lambda to: to.write_text(json.dumps(found), "utf-8"))
    return made()


def _measure(contest: Contest, cell: Cell, judge: Judge, bundle: Bundle) -> None:
    folder, about = contest.folder(cell), _measured(contest, bundle)
    path = folder / METRICS
    if _kept(path).get("measured") == about:
        return
    learned = json.loads((folder / LEARNED).read_text("utf-8"))
    found = judge.figures(bundle) | learned | {"measured": about}
    write_atomic(path, lambda to: to.write_text(json.dumps(found, indent=1), "utf-8"))


def _key(contest: Contest, run: Run, cell: Cell) -> str:
    """What the training of a cell depends on, as text."""
    recipe = run.recipe.to_dict()
    own = ("stage1", "stage4", "ablation") if cell.method == MEDTALK else ()
    budget = contest.budget
    key = {
        "method": cell.method,
        "seed": cell.seed,
        "recipe": {name: recipe[name] for name in ("features", "model", "stage2", "stage3", *own)},
        "data": [run.ground.key(stage) for stage in (1, 2, 3, 4)],
        "budget": {"seconds": str(budget.seconds), "steps": budget.steps, "patience": budget.patience},
    }
    return json.dumps(key, indent=1, sort_keys=True)


def budget_of(folder: Path) -> Budget | None:
    """The budget of the cell in a folder, as it keeps it; None where it keeps none."""
    kept = _kept(folder / KEY).get("budget")
    return Budget(float(kept["seconds"]), kept["steps"], kept["patience"]) if kept else None


def _measured(contest: Contest, bundle: Bundle) -> dict[str, Any]:
    """What the figures of a cell depend on."""
    phones = None if contest.speech is None else contest.speech / "phones.json"
    return {
        "bundle": bundle.sha256,
        "clips": contest.clips,
        "speech": sha256_file(phones) if phones is not None and phones.is_file() else "",
        "measures": MEASURES,
    }


def code_of(cell: Cell) -> str:
    """A hash of the code that a method is made of, without its comments and docstrings.

    A cell that was trained by other code is kept, since a training is long, and the page says so.
    """
    import medtalk.model
    import medtalk_train.baselines
    import medtalk_train.stages

    stages, model = (Path(package.__file__ or "").parent for package in (medtalk_train.stages, medtalk.model))
    baselines = Path(medtalk_train.baselines.__file__ or "").parent
    if cell.method == MEDTALK:
        return _hash_of([*stages.glob("*.py"), *model.glob("*.py")])
    networks, learning = (cell.method, "method", "transformer"), (cell.method, "learning", "data", "losses")
    return _hash_of([
        *(model / "baselines" / f"{name}.py" for name in networks), *(baselines / f"{name}.py" for name in learning),
    ])  # fmt: skip


def _hash_of(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list):
                node.body = [line for line in body if not _is_text(line)]  # type: ignore[attr-defined]
        digest.update(ast.dump(tree).encode())
    return digest.hexdigest()[:16]


def _is_text(line: ast.AST) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str)


def by_row(results: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """The results of each line of a table, in their order."""
    out: dict[str, list[Mapping[str, Any]]] = {}
    for each in results:
        out.setdefault(str(each["row"]), []).append(each)
    return out
