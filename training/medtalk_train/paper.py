"""The paper's way (Sec. 4.1): recorded faces in place of the teacher's, pretrained backbones in place of our own."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Mapping
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
from medtalk_train.captured.batches import Aligned, Passages, Recorded, Row, WholeTakes
from medtalk_train.captured.cache import Cache
from medtalk_train.captured.frozen import Frozen
from medtalk_train.captured.takes import Take, hold_back, read_takes
from medtalk_train.captured.takes.check import SLACK
from medtalk_train.recipe import PretrainedOptions
from medtalk_train.run import CLIPS, COMPLETE, Run
from medtalk_train.wording import plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.bundle import Bundle
    from medtalk_train.stages.fit import Draw

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
"""What a stage learns of a take: another description is no reason to train stages 1 to 3 again."""
RIGS = "rig-1"
"""Where the cache keeps faces: another number where they are read in another way."""


class PaperRun(Run):
    """A run on the data and the backbones that the recipe names; see `Run`.

    `corpus` is only made where it is part of the data, or where no take says the same in several emotions: stage 1 then
    learns from the teacher's faces.
    """

    @property
    def options(self) -> PretrainedOptions:
        assert self.recipe.pretrained is not None
        return self.recipe.pretrained

    @cached_property
    def cache(self) -> Cache:
        return Cache(Path(self.options.cache) if self.options.cache else self.work / "features")

    @cached_property
    def frozen(self) -> Frozen:
        return Frozen(self.options, self.cache, "cuda" if self.accelerator == "gpu" else "cpu")

    @cached_property
    def takes(self) -> list[tuple[Take, bool]]:
        """Every take of the data, its name led by the number of its set, and whether it is held back."""
        sets = []
        for entry in self.recipe.data:
            folder = Path(entry.folder) if entry.folder else self._need(self.corpus_folder, "corpus")
            sets.append(read_takes(folder, entry.kind, entry.parallel))
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

    # what stages 1 to 4 stand on

    def corpus(self) -> None:
        """The synthetic corpus, if it is needed."""
        part_of_data = any(entry.kind == "synthetic" and not entry.folder for entry in self.recipe.data)
        if part_of_data or ((self.work / "features" / COMPLETE).exists() and not self.aligned):
            super().corpus()

    def voices(self) -> None:
        """None: recorded faces have voices of their own."""

    people = voices

    def backbone(self) -> None:
        """Find the pretrained backbones, and fetch what is not on this machine; but first look at the data."""
        log.info("%d takes, %d of them held back", len(self.takes), sum(held for _, held in self.takes))
        for part, identity in self.frozen.locate().items():
            log.info("%s: %s (%s)", part, self.frozen.name(part), identity)

    def features(self) -> None:
        """What the frozen backbones make of the takes, `features/`."""
        from rich.progress import track

        self.backbone()
        folder = self.work / "features"
        folder.mkdir(exist_ok=True)
        (folder / COMPLETE).unlink(missing_ok=True)
        about: dict[str, Any] = {"backbones": self.frozen.locate()}
        about["no_words"] = self.frozen.words("")
        about["described"] = [[self.frozen.description(text) for text in texts] for texts in self._described()]
        rows = [self._row(take, held) for take, held in track(self.takes, "features", disable=not self.progress)]
        widths = {"content": rows[0].content, "emotion": rows[0].emotion, "text": about["no_words"]}
        if self.options.clip:
            widths["guidance"] = about["described"][0][0]
        about["widths"] = {name: self.cache.open(file).shape[-1] for name, file in widths.items()}
        about["takes"] = [row._asdict() for row in rows]
        write_atomic(folder / TAKES, lambda to: to.write_text(json.dumps(about, indent=1), "utf-8"))
        (folder / COMPLETE).touch()
        for name in ("_recorded", "aligned", "held_back", "_about", "frozen"):  # which holds gigabytes
            self.__dict__.pop(name, None)
        log.info("%d features computed, %d were there", self.cache.computed, self.cache.reused)
        self.corpus()

    def _row(self, take: Take, held: bool) -> Row:
        frozen = self.frozen
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
        return [_plain(label, np.random.default_rng((self.recipe.seed, label))) for label in range(len(LABELS))]

    @cached_property
    def _about(self) -> Mapping[str, Any]:
        self._need(self.work / "features" / COMPLETE, "features")
        return json.loads((self.work / "features" / TAKES).read_text("utf-8"))

    def recorded(self, *stages: int) -> Recorded:
        """The takes to learn from, in some stages or in any."""
        if stages not in self._recorded:
            about = self._about
            rows = [Row(**row) for row in about["takes"]]
            rows = [row for row in rows if not row.held and set(row.stages) & set(stages or row.stages)]
            self._recorded[stages] = Recorded(self.cache, rows, about["no_words"], about["described"])
        return self._recorded[stages]

    @cached_property
    def _recorded(self) -> dict[tuple[int, ...], Recorded]:
        return {}

    @cached_property
    def aligned(self) -> bool:
        """Whether stage 1 has takes that say the same in several emotions, frame by frame."""
        rows = [row for row in self.recorded().rows if 1 in row.stages]
        return bool(rows) and bool(self.recorded(1).grids)

    @cached_property
    def held_back(self) -> list[Row]:
        """The takes that are not."""
        return [row for row in (Row(**row) for row in self._about["takes"]) if row.held]

    @property
    def hears_words(self) -> bool:
        """Whether the intensity has met words; a bundle whose has not needs neither Whisper nor RoBERTa."""
        told = any(row.transcript for row in self.recorded(3).rows)
        return self.recipe.ablation.intensity and self._dropout() < 1.0 and told

    @property
    def config(self) -> ModelConfig:
        return self.recipe.paper_config(**self._about["widths"])

    # what the four stages learn from

    def grids(self) -> Draw:
        options = self.recipe.stage1
        if self.aligned:
            log.info("stage1 learns from the takes that say the same in several emotions")
            return Aligned(self.recorded(1), options.batch, options.frames)
        log.info("stage1 learns from the teacher's faces: no takes say the same in several emotions, frame by frame")
        return super().grids()

    def windows(self) -> Draw:
        options = self.recipe.stage2
        return Passages(self.recorded(2), options.batch, options.frames)

    def sentences(self) -> Draw:
        options = self.recipe.stage3
        return WholeTakes(self.recorded(3), options.batch, self._longest(3), self._dropout())

    def guided(self) -> Draw:
        options = self.recipe.stage4
        return WholeTakes(self.recorded(4), options.batch, self._longest(4), self._dropout(), True, options.label_share)

    def _longest(self, stage: int) -> int:
        """Frames of the longest take that stage 3 or 4 learns from."""
        longest = 4 * getattr(self.recipe, f"stage{stage}").frames
        rows = self.recorded(stage).rows
        if over := sum(row.frames > longest for row in rows):
            which = f"{over} of {len(rows)} takes of stage {stage} are longer than {longest / FPS:.1f} s"
            if over == len(rows):
                raise TrainingError(f"{which}.", f"Cut them, or raise stage{stage}.frames.")
            log.warning("%s and left out", which)
        return longest

    def stage4(self) -> None:
        """P_text, P_image if there are pictures, and E_fuse with them; nothing without a CLIP."""
        if self.options.clip:
            super().stage4()
        else:
            log.info("stage4 learns nothing: the recipe names no CLIP")
            self._stage(4, None)

    def pictures(self) -> bool:
        return self.recorded(4).pictures

    def spread(self, stage: int) -> NDArray:
        return super().spread(1) if stage == 1 and not self.aligned else self.recorded(stage).spread

    def still(self) -> NDArray[np.bool_]:
        still = self.recorded().still
        return still if self.aligned else still & super().still()

    def ground(self, stage: int) -> str:
        self._need(self.work / "features" / COMPLETE, "features")
        if stage == 1 and not self.aligned:
            return super().ground(1)
        takes = [row for row in self._about["takes"] if stage in row["stages"] and not row["held"]]
        rows = [[row[name] for name in LEARNED[stage]] for row in takes]
        common = [self._about[name] for name in ("no_words", "described")[: max(0, stage - 2)]]
        return hashlib.sha256(json.dumps([rows, common]).encode()).hexdigest()

    # what comes out

    def export(self, metrics: Mapping[str, float] | None = None) -> Bundle:
        from medtalk_train.captured.export import export_paper

        model = self.model(4)
        self._rest(model)
        learned, frozen = self.recorded(), self.frozen
        rows = learned.rows
        guides = ["clip_text_map", "clip_image_map"]
        trained = [] if not self.options.clip else guides if self.pictures() else guides[:1]
        emotions = Counter(LABELS[row.label] for row in rows)
        kinds = ", ".join(entry.kind or Path(entry.folder).name for entry in self.recipe.data)
        aligned = "these" if self.aligned else "the synthetic corpus' faces"
        untold = sum(not row.description for row in rows if 4 in row.stages)
        backbones = {part: frozen.name(part) for part in self._about["backbones"] if part != "wav2vec2"}
        meta = {
            "name": self.recipe.name,
            "training_data": f"{kinds}: {len(rows)} takes, {learned.frames / 3600:.1f} minutes of "
            f"{len({row.speaker for row in rows})} speakers ({', '.join(f'{k} {n}' for k, n in emotions.items())})",
            "metrics": metrics or {},
            "untrained": [part for part in guides if part not in trained],
            "notes": [
                f"Made by `medtalk-train all --recipe RECIPE --work RUN`, seed {self.recipe.seed}. Stage 1 learned "
                f"from {aligned}; {len(self.held_back)} takes were held back for the figures.",
                *([f"{untold} takes had no description: plain ones by label stood in."] if trained and untold else []),
                *([self.recipe.notes.strip()] if self.recipe.notes else []),
            ],
        }
        return export_paper(
            model, frozen.source("wav2vec2"), self.options.layer, backbones, self.work / "bundle", meta,
            None if self.hears_words else self.cache.open(self._about["no_words"]),
        )  # fmt: skip

    def evaluate(self, bundle: Bundle, speech: Path | None = None, clips: int = CLIPS) -> dict[str, float]:
        from medtalk_train.measure.evaluate import evaluate_takes

        if not self.held_back:
            log.warning("no take is held back, so there is nothing to judge the bundle on")
            return {}
        by_name = {take.name: take for take, _ in self.takes}
        # spread over all: names in their order would give the first sets and emotions alone
        takes = (
            (by_name[row.name].sound.read(), row.transcript, row.label, self.cache.open(row.rig))
            for row in self.held_back[:: -(-len(self.held_back) // clips)]
        )
        folders = {part: self.frozen.source(part).path for part in bundle.backbones if part in self._about["backbones"]}
        return evaluate_takes(
            bundle, takes, {part: path for part, path in folders.items() if path}, self.options.offline, speech
        )


def _plain(label: int, rng: np.random.Generator) -> list[str]:
    """Descriptions of an emotion at its usual strength."""
    out: dict[str, None] = {}
    while len(out) < DESCRIBED:
        drawn = plain.draw(label, rng)
        if 0.9 < drawn.strength < 1.2:
            out[drawn.text] = None
    return list(out)
