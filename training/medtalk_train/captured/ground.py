"""The ground of the paper (Sec. 4.1): recorded faces, and pretrained backbones that hear them."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medtalk.errors import TrainingError
from medtalk.files import write_atomic
from medtalk.guidance import LABELS
from medtalk.model.config import ModelConfig
from medtalk.rates import FPS
from medtalk_train.captured.batches import AlignedTakes, Passages, Recorded, Row, WholeTakes
from medtalk_train.captured.cache import Cache
from medtalk_train.captured.frozen import Frozen
from medtalk_train.captured.takes import FaceTake, hold_back, read_takes
from medtalk_train.captured.takes.check import SLACK
from medtalk_train.recipe import PretrainedOptions, Recipe
from medtalk_train.stages.ground import Held
from medtalk_train.stages.resume import COMPLETE, need
from medtalk_train.synthetic.ground import Sources, SyntheticGround
from medtalk_train.wording import plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.bundle import Bundle
    from medtalk.model.medtalk import MEDTalk
    from medtalk_train.stages.batches import Draw

log = logging.getLogger(__name__)

TAKES = "takes.json"
DESCRIBED = 16
"""Descriptions of our own for each label, for takes that nobody has described."""
LEARNED = {
    1: ("speaker", "label", "group", "frames", "rig"),
    2: ("frames", "content", "rig"),
    3: ("frames", "content", "rig", "label", "emotion", "words"),
    4: ("frames", "content", "rig", "label", "emotion", "words", "description", "picture"),
}
"""The parts of a take that a stage learns from: another description does not retrain stages 1 to 3."""
RIGS = "rig-1"
"""Where the cache keeps faces: another number where they are read in another way."""


class CapturedGround:
    """See `Ground`. The data and the backbones are those that the recipe names.

    Attributes:
        teacher: stands in for stage 1 where no take says the same in several emotions, and makes the synthetic corpus
            for it, or where that is part of the data.
        data: what `features` has made of the takes, as far as it has been read.
    """

    def __init__(
        self, recipe: Recipe, work: Path, progress: bool = True, sources: Sources | None = None, device: str = "cpu"
    ) -> None:
        assert recipe.pretrained is not None
        self.recipe, self.work, self.progress, self.device = recipe, work, progress, device
        self.options: PretrainedOptions = recipe.pretrained
        self.teacher = SyntheticGround(recipe, work, progress, sources or Sources())
        self.cache = Cache(Path(self.options.cache) if self.options.cache else work / "features")
        self.data = CapturedData(self.cache, work)

    @property
    def steps(self) -> Mapping[str, Callable[[], None]]:
        return {"corpus": self.corpus, "features": self.features, "backbone": self.backbone}

    @property
    def config(self) -> ModelConfig:
        return self.recipe.paper_config(**self.data.about["widths"])

    @cached_property
    def takes(self) -> list[tuple[FaceTake, bool]]:
        """Every take of the data, its name led by the number of its set, and whether it is held back."""
        sets = []
        for entry in self.recipe.data:
            folder = Path(entry.folder) if entry.folder else need(self.teacher.corpus_folder, "corpus")
            sets.append(read_takes(folder, entry.kind, entry.parallel, entry.calibrate))
        split = hold_back(sets, self.recipe.held)
        for stage in (2, 3, 4) if self.options.clip else (2, 3):
            learned = [t for t, entry in zip(split, self.recipe.data, strict=True) if stage in entry.stages]
            if all(held for takes in learned for _, held in takes):
                raise TrainingError(f"Every take of stage {stage} is held back.", "Hold fewer speakers back.")
        return [
            (replace(take, name=f"{number}/{take.name}", group=f"{number}/{take.group}" if take.group else ""), held)
            for number, takes in enumerate(split)
            for take, held in takes
        ]

    def check(self) -> None:
        """Nothing: `backbone` finds the backbones before anything long is done."""

    # what prepares it

    def corpus(self) -> None:
        """The synthetic corpus, if it is needed."""
        part_of_data = any(entry.kind == "synthetic" and not entry.folder for entry in self.recipe.data)
        if part_of_data or ((self.work / "features" / COMPLETE).exists() and not self.data.aligned):
            self.teacher.corpus()

    def backbone(self) -> None:
        """Find the pretrained backbones, and download what is not on this machine; but first look at the data."""
        self._locate(self._frozen())

    def features(self) -> None:
        """The features of the takes by the frozen backbones, `features/`."""
        from rich.progress import track

        frozen = self._frozen()  # it holds gigabytes, so it lives no longer than this step
        about: dict[str, Any] = {"backbones": self._locate(frozen)}
        folder = self.work / "features"
        folder.mkdir(exist_ok=True)
        (folder / COMPLETE).unlink(missing_ok=True)
        about["no_words"] = frozen.words("")
        about["described"] = [[frozen.description(text) for text in texts] for texts in self._described()]
        takes = track(self.takes, "features", disable=not self.progress)
        rows = [self._row(frozen, take, held) for take, held in takes]
        widths = {"content": rows[0].content, "emotion": rows[0].emotion, "text": about["no_words"]}
        if self.options.clip:
            widths["guidance"] = about["described"][0][0]
        about["widths"] = {name: self.cache.open(file).shape[-1] for name, file in widths.items()}
        about["takes"] = [row._asdict() for row in rows]
        write_atomic(folder / TAKES, lambda to: to.write_text(json.dumps(about, indent=1), "utf-8"))
        (folder / COMPLETE).touch()
        self.data = CapturedData(self.cache, self.work)
        log.info("%d features computed, %d were there", self.cache.computed, self.cache.reused)
        self.corpus()

    def _frozen(self) -> Frozen:
        return Frozen(self.options, self.cache, self.device)

    def _locate(self, frozen: Frozen) -> dict[str, str]:
        log.info("%d takes, %d of them held back", len(self.takes), sum(held for _, held in self.takes))
        found = frozen.locate()
        for part, identity in found.items():
            log.info("%s: %s (%s)", part, frozen.name(part), identity)
        return found

    def _row(self, frozen: Frozen, take: FaceTake, held: bool) -> Row:
        content, emotion = frozen.content(take.sound), frozen.emotion(take.sound)
        rig = self.cache.file(RIGS, take.rig.key(), take.rig.read)
        heard, shown = len(self.cache.open(content)), len(self.cache.open(rig))
        if abs(heard - shown) > SLACK:
            raise TrainingError(
                f"{take.rig.file} has {shown} frames, its sound {heard}.",
                f"At most {SLACK} may differ; run medtalk-train check on the folder.",
            )
        transcript = take.transcript
        if not self.recipe.ablation.text:
            transcript = ""
        elif transcript is None:
            transcript = frozen.transcript(take.sound) if self.options.whisper else ""
        guide = bool(self.options.clip)
        return Row(
            name=take.name,
            speaker=take.speaker,
            label=take.label,
            held=held,
            stages=list(self.recipe.data[int(take.name.partition("/")[0])].stages),
            group=take.group or take.sound.key(),
            frames=min(heard, shown),
            content=content,
            emotion=emotion,
            rig=rig,
            transcript=transcript,
            words=frozen.words(transcript),
            description=frozen.description(take.description) if guide and take.description else "",
            picture=frozen.picture(take.picture) if guide and take.picture else "",
        )

    def _described(self) -> list[list[str]]:
        """Plain descriptions of each label: a recorded face cannot be made stronger to fit "very angry"."""
        if not self.options.clip:
            return []
        seed = self.recipe.seed
        return [plain.descriptions(k, DESCRIBED, np.random.default_rng((seed, k))) for k in range(len(LABELS))]

    # what the stages learn from

    def grids(self) -> Draw:
        options = self.recipe.stage1
        if self.data.aligned:
            log.info("stage1 learns from the takes that say the same in several emotions")
            return AlignedTakes(self.data.recorded(1), options.batch, options.frames)
        log.info("stage1 learns from the teacher's faces: no takes say the same in several emotions, frame by frame")
        return self.teacher.grids()

    def windows(self) -> Draw:
        options = self.recipe.stage2
        return Passages(self.data.recorded(2), options.batch, options.frames)

    def sentences(self) -> Draw:
        options, dropout = self.recipe.stage3, self.recipe.transcript_dropout
        return WholeTakes(self.data.recorded(3), options.batch, self._longest(3, options.frames), dropout)

    def guided(self) -> Draw | None:
        if not self.options.clip:
            log.info("stage4 learns nothing: the recipe names no CLIP")
            return None
        options, dropout = self.recipe.stage4, self.recipe.transcript_dropout
        longest = self._longest(4, options.frames)
        return WholeTakes(self.data.recorded(4), options.batch, longest, dropout, True, options.label_share)

    def _longest(self, stage: int, frames: int) -> int:
        """Frames of the longest take that stage 3 or 4 learns from."""
        longest = 4 * frames
        rows = self.data.recorded(stage).rows
        if over := sum(row.frames > longest for row in rows):
            which = f"{over} of {len(rows)} takes of stage {stage} are longer than {longest / FPS:.1f} s"
            if over == len(rows):
                raise TrainingError(f"{which}.", f"Cut them, or raise stage{stage}.frames.")
            log.warning("%s and left out", which)
        return longest

    def pictures(self) -> bool:
        return self.data.recorded(4).pictures

    def spread(self, stage: int) -> NDArray[np.float32]:
        return self.teacher.spread(1) if stage == 1 and not self.data.aligned else self.data.recorded(stage).spread

    def still(self) -> NDArray[np.bool_]:
        still = self.data.recorded().still
        return still if self.data.aligned else still & self.teacher.still()

    def key(self, stage: int) -> str:
        about = self.data.about
        if stage == 1 and not self.data.aligned:
            return self.teacher.key(1)
        takes = [row for row in about["takes"] if stage in row["stages"] and not row["held"]]
        rows = [[row[name] for name in LEARNED[stage]] for row in takes]
        common = [about[name] for name in ("no_words", "described")[: max(0, stage - 2)]]
        return hashlib.sha256(json.dumps([rows, common]).encode()).hexdigest()

    # what comes out

    @property
    def hears_words(self) -> bool:
        """Whether the intensity has met words; a bundle whose has not needs neither Whisper nor RoBERTa."""
        transcribed = any(row.transcript for row in self.data.recorded(3).rows)
        return self.recipe.ablation.intensity and self.recipe.transcript_dropout < 1.0 and transcribed

    def export(self, model: MEDTalk, metrics: Mapping[str, float], folder: Path) -> Bundle:
        from medtalk_train.captured.export import export_paper

        learned, frozen, about = self.data.recorded(), self._frozen(), self.data.about
        rows = learned.rows
        guides = ["clip_text_map", "clip_image_map"]
        trained = [] if not self.options.clip else guides if self.pictures() else guides[:1]
        emotions = Counter(LABELS[row.label] for row in rows)
        kinds = ", ".join(entry.kind or Path(entry.folder).name for entry in self.recipe.data)
        aligned = "these" if self.data.aligned else "the synthetic corpus' faces"
        undescribed = sum(not row.description for row in rows if 4 in row.stages)
        backbones = {part: frozen.name(part) for part in about["backbones"] if part != "wav2vec2"}
        meta = {
            "name": self.recipe.name,
            "training_data": f"{kinds}: {len(rows)} takes, {learned.frames / 3600:.1f} minutes of "
            f"{len({row.speaker for row in rows})} speakers ({', '.join(f'{k} {n}' for k, n in emotions.items())})",
            "metrics": metrics,
            "untrained": [part for part in guides if part not in trained],
            "notes": [
                f"Made by `medtalk-train all --recipe RECIPE --work RUN`, seed {self.recipe.seed}. Stage 1 learned "
                f"from {aligned}; {len(self.data.held_back)} takes were held back for the figures.",
                *(
                    [f"{undescribed} takes had no description: plain ones by label stood in."]
                    if trained and undescribed
                    else []
                ),
                *([self.recipe.notes.strip()] if self.recipe.notes else []),
            ],
        }
        no_words = None if self.hears_words else self.cache.open(about["no_words"])
        return export_paper(model, frozen.source("wav2vec2"), self.options.layer, backbones, folder, meta, no_words)

    def held(self, bundle: Bundle, clips: int) -> Held | None:
        rows = self.data.held_back
        if not rows:
            return None
        by_name, frozen = {take.name: take for take, _ in self.takes}, self._frozen()
        # spread over all: names in their order would give the first sets and emotions alone
        takes = (
            (by_name[row.name].sound.read(), row.transcript, row.label, self.cache.open(row.rig))
            for row in rows[:: -(-len(rows) // clips)]
        )
        places = {part: frozen.source(part).path for part in bundle.backbones if part in self.data.about["backbones"]}
        folders = {part: path for part, path in places.items() if path}
        return Held(takes=takes, backbones=folders, offline=self.options.offline)


class CapturedData:
    """The features of the takes, each part read when it is first needed."""

    def __init__(self, cache: Cache, work: Path) -> None:
        self._cache, self._folder = cache, work / "features"
        self._recorded: dict[tuple[int, ...], Recorded] = {}

    @cached_property
    def about(self) -> Mapping[str, Any]:
        """`TAKES`."""
        need(self._folder / COMPLETE, "features")
        return json.loads((self._folder / TAKES).read_text("utf-8"))

    def recorded(self, *stages: int) -> Recorded:
        """The takes to learn from, in some stages or in any."""
        if stages not in self._recorded:
            rows = [Row(**row) for row in self.about["takes"]]
            rows = [row for row in rows if not row.held and set(row.stages) & set(stages or row.stages)]
            self._recorded[stages] = Recorded(self._cache, rows, self.about["no_words"], self.about["described"])
        return self._recorded[stages]

    @cached_property
    def aligned(self) -> bool:
        """Whether stage 1 has takes that say the same in several emotions, frame by frame."""
        rows = [row for row in self.recorded().rows if 1 in row.stages]
        return bool(rows) and bool(self.recorded(1).grids)

    @cached_property
    def held_back(self) -> list[Row]:
        """The takes that are not to learn from."""
        return [row for row in (Row(**row) for row in self.about["takes"]) if row.held]
