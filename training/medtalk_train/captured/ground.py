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
from medtalk_train.captured.batches import ByTurns, Passages, Recorded, Row, WholeTakes
from medtalk_train.captured.cache import Cache
from medtalk_train.captured.data import TAKES, CapturedData
from medtalk_train.captured.faces import TEACHER, WARPED
from medtalk_train.captured.frozen import Frozen
from medtalk_train.captured.held import held_takes, sample
from medtalk_train.captured.provenance import provenance
from medtalk_train.captured.split import set_of, split
from medtalk_train.captured.takes import FaceTake, Folder, layout, read_takes
from medtalk_train.captured.takes.check import SLACK
from medtalk_train.captured.warp import LONGEST, Spoken, warped
from medtalk_train.recipe import Recipe
from medtalk_train.settings import PretrainedOptions
from medtalk_train.stages.batches import Exchanges
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
        teacher: gives stage 1 its overlap where too few takes say the same in several emotions, and makes the synthetic
            corpus for it, or where that is part of the data.
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
        """Every take of the data, its name, group and speaker led by the number of its set, and whether it is held
        back."""
        sets = [read_takes(self._folder(number), entry.kind, entry.parallel, entry.calibrate)
                for number, entry in enumerate(self.recipe.data)]  # fmt: skip
        found = split(sets, self.recipe.held)
        for stage in (2, 3, 4) if self.options.clip else (2, 3):
            learned = [t for takes, entry in zip(found, self.recipe.data, strict=True) if stage in entry.stages
                       for t in takes if t[0].sound is not None]  # fmt: skip
            if not learned:
                raise TrainingError(
                    f"No take for stage {stage} has a sound.",
                    "Takes without one, as rendered faces are, serve stage 1 alone: name other data too.",
                )
            if all(held for _, held in learned):
                raise TrainingError(f"Every take of stage {stage} is held back.", "Hold fewer speakers back.")
        return [take for takes in found for take in takes]

    def _folder(self, number: int) -> Path:
        """Of a data set."""
        entry = self.recipe.data[number]
        return Path(entry.folder) if entry.folder else need(self.teacher.corpus_folder, "corpus")

    def _sets(self) -> list[dict[str, str]]:
        """Name and kind of each data set; two folders of one name have their numbers too."""
        kinds = [layout(Folder(self._folder(number)), entry.kind) for number, entry in enumerate(self.recipe.data)]
        names = [Path(entry.folder).resolve().name if entry.folder else kind
                 for entry, kind in zip(self.recipe.data, kinds, strict=True)]  # fmt: skip
        count = Counter(names)
        return [{"name": name if count[name] == 1 else f"{name} {number}", "kind": kind}
                for number, (name, kind) in enumerate(zip(names, kinds, strict=True))]  # fmt: skip

    def check(self) -> None:
        """Nothing: `backbone` finds the backbones before anything long is done."""

    # what prepares it

    def corpus(self) -> None:
        """The synthetic corpus, if it is needed."""
        part_of_data = any(entry.kind == "synthetic" and not entry.folder for entry in self.recipe.data)
        if part_of_data or ((self.work / "features" / COMPLETE).exists() and self.taught):
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
        heard = next(row for row in rows if row.captured)
        widths = {"content": heard.content, "emotion": heard.emotion, "text": about["no_words"]}
        if self.options.clip:
            widths["guidance"] = about["described"][0][0]
        about["widths"] = {name: self.cache.open(file).shape[-1] for name, file in widths.items()}
        about["takes"] = [row._asdict() for row in rows]
        about["sets"] = self._sets()
        about["warped"] = self._warped(frozen, rows)
        write_atomic(folder / TAKES, lambda to: to.write_text(json.dumps(about, indent=1), "utf-8"))
        (folder / COMPLETE).touch()
        self.data = CapturedData(self.cache, self.work)
        log.info("%d features computed, %d taken from the cache", self.cache.computed, self.cache.reused)
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
        rig = self.cache.file(RIGS, take.rig.key(), take.rig.read)
        shown = len(self.cache.open(rig))
        if take.sound is None:
            nothing = dict.fromkeys(("content", "emotion", "transcript", "words", "description", "picture"), "")
            return Row(name=take.name, speaker=take.speaker, label=take.label, held=held, stages=[1], group=take.group,
                       frames=shown, rig=rig, **nothing)  # fmt: skip
        content, emotion = frozen.content(take.sound), frozen.emotion(take.sound)
        heard = len(self.cache.open(content))
        if abs(heard - shown) > SLACK:
            raise TrainingError(
                f"{take.rig.file} has {shown} frames, its sound {heard}.",
                f"At most {SLACK} may differ; run medtalk-train check on the folder.",
            )
        transcript = self._said(frozen, take) if self.recipe.ablation.text else ""
        guide = bool(self.options.clip)
        return Row(
            name=take.name,
            speaker=take.speaker,
            label=take.label,
            held=held,
            stages=list(self.recipe.data[set_of(take.name)].stages),
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

    def _said(self, frozen: Frozen, take: FaceTake) -> str:
        """What is said in a take, "" if nobody knows."""
        if take.transcript is not None or take.sound is None:
            return take.transcript or ""
        return frozen.transcript(take.sound) if self.options.whisper else ""

    def _warped(self, frozen: Frozen, rows: list[Row]) -> list[dict[str, Any]]:
        """The sentences of the sets that ask for it, aligned by their sound."""
        spoken = []
        for (take, held), row in zip(self.takes, rows, strict=True):
            entry = self.recipe.data[set_of(take.name)]
            if entry.warp and 1 in entry.stages and take.sound is not None:
                # the ablation of the text leaves the alignment as it is
                said = self._said(frozen, take)
                spoken.append(Spoken(take.name, take.speaker, take.label, said, held, take.sound, row.frames))
        if long := sum(take.frames > LONGEST * FPS for take in spoken):
            log.warning("%d takes are longer than %.0f s and not warped", long, LONGEST)
        return warped(spoken, self.cache)

    def _described(self) -> list[list[str]]:
        """Plain descriptions of each label: a recorded face cannot be made stronger to fit "very angry"."""
        if not self.options.clip:
            return []
        seed = self.recipe.seed
        return [plain.descriptions(k, DESCRIBED, np.random.default_rng((seed, k))) for k in range(len(LABELS))]

    # what the stages learn from

    @property
    def taught(self) -> bool:
        """Whether the overlap of stage 1 learns from the teacher's faces, and with it whatever else no data serve."""
        ablation, faces = self.recipe.ablation, self.data.faces
        return faces.overlap == TEACHER and ablation.disentangle and (ablation.overlap or faces.takes is None)

    def grids(self) -> Draw:
        options, faces = self.recipe.stage1, self.data.faces
        for line in faces.summary():
            log.info("%s", line)
        return faces.aligned_takes(options.batch, options.frames) or self.teacher.grids()

    def pairs(self) -> Draw | None:
        return self.data.faces.pairs(self.recipe.stage1.batch, self.recipe.stage1.frames)

    def apart(self) -> bool:
        return self.data.faces.apart

    def windows(self) -> Draw:
        options = self.recipe.stage2
        return Passages(self.data.recorded(2), options.batch, options.frames)

    def sentences(self) -> Draw:
        return self._sentences(self.data.recorded(3), self._longest(3, self.recipe.stage3.frames))

    def _sentences(self, takes: Recorded, longest: int) -> WholeTakes:
        return WholeTakes(takes, self.recipe.stage3.batch, longest, self.recipe.transcript_dropout)

    def guided(self) -> Draw | None:
        if not self.options.clip:
            log.info("stage4 learns nothing: the recipe names no CLIP")
            return None
        longest = self._longest(4, self.recipe.stage4.frames)
        return self._guided(self.data.recorded(4), self.data.recorded(3), longest)

    def _guided(self, takes: Recorded, labelled: Recorded | None, longest: int) -> Draw:
        """Takes of stage 4 by what guides them and, as far as the recipe asks, those of stage 3 by their labels: faces
        of other data under these would lead E_fuse away from what stage 3 has learned."""
        recipe, options = self.recipe, self.recipe.stage4
        guided = WholeTakes(takes, options.batch, longest, recipe.transcript_dropout, guided=True)
        if labelled is None or not options.label_share:
            return guided
        by_label = replace(guided, takes=labelled, longest=4 * recipe.stage3.frames, by_label=True)
        return ByTurns(by_label, guided, options.label_share)

    def validation(self, stage: int) -> Draw | None:
        recipe, data = self.recipe, self.data
        if stage == 1:
            return self._held_faces()
        if (takes := data.held(stage)) is None:
            return None
        if stage == 2:
            return Passages(takes, recipe.stage2.batch, recipe.stage2.frames)
        if stage == 3:
            return self._sentences(takes, 4 * recipe.stage3.frames)
        return self._guided(takes, data.held(3), 4 * recipe.stage4.frames) if self.options.clip else None

    def _held_faces(self) -> Draw | None:
        """The exchanges of stage 1 on takes that are held back, as far as there are such."""
        options, learned, held = self.recipe.stage1, self.data.faces, self.data.held_faces
        grids = held.aligned_takes(options.batch, options.frames)
        if grids is None and self.taught:
            grids = self.teacher.validation(1)
        if learned.takes is None:
            return grids
        if held.takes is None or len(held.takes.rows) < 2:  # a take has no other to exchange with
            return None
        pairs = held.pairs(options.batch, options.frames)
        return None if pairs is None else Exchanges(pairs, grids if self.recipe.ablation.overlap else None)

    def recorded(self) -> Mapping[str, list[NDArray[np.float32]]]:
        """Captured faces alone: what the teacher or a renderer made is no measure of them."""
        out: dict[str, list[NDArray[np.float32]]] = {}
        for row in self.data.held_back:
            about = self.data.about["sets"][set_of(row.name)]
            if row.captured and about["kind"] != "synthetic":
                out.setdefault(about["name"], []).append(self.cache.open(row.rig))
        if not out:
            log.warning("no captured take is held back, so how well the decoder rebuilds them is not measured")
        return out

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
        if stage != 1:
            return self.data.recorded(stage).spread
        faces = self.data.faces
        spreads = [takes.spread for takes in {id(takes): takes for takes in (faces.takes, faces.of) if takes}.values()]
        return np.maximum.reduce([*spreads, *([self.teacher.spread(1)] if self.taught else [])])

    def still(self) -> NDArray[np.bool_]:
        still = self.data.recorded().still
        return still & self.teacher.still() if self.taught else still

    def key(self, stage: int) -> str:
        about, faces = self.data.about, self.data.faces
        if stage == 1 and faces.takes is None:
            return self.teacher.key(1)
        rows = [self._learned(stage)]
        if stage == 1:
            rows += [[faces.overlap], about["warped"] if faces.overlap == WARPED else []]
            rows += [[self.teacher.key(1)] if self.taught else []]
        if stage == 4 and self.recipe.stage4.label_share:
            rows.append(self._learned(3))
        common = [about[name] for name in ("no_words", "described")[: max(0, stage - 2)]]
        return hashlib.sha256(json.dumps([rows, common]).encode()).hexdigest()

    def _learned(self, stage: int) -> list[list[Any]]:
        """What a stage learns from each take."""
        takes = [row for row in self.data.about["takes"] if stage in row["stages"] and not row["held"]]
        return [[row[name] for name in LEARNED[stage]] for row in takes]

    # what comes out

    @property
    def hears_words(self) -> bool:
        """Whether the intensity has met words; a bundle whose has not needs neither Whisper nor RoBERTa."""
        transcribed = any(row.transcript for row in self.data.recorded(3).rows)
        return self.recipe.ablation.intensity and self.recipe.transcript_dropout < 1.0 and transcribed

    def export(self, model: MEDTalk, metrics: Mapping[str, float], folder: Path) -> Bundle:
        from medtalk_train.captured.export import export_paper

        frozen, about = self._frozen(), self.data.about
        backbones = {part: frozen.name(part) for part in about["backbones"] if part != "wav2vec2"}
        no_words = None if self.hears_words else self.cache.open(about["no_words"])
        meta = provenance(self.recipe, self.data, metrics)
        return export_paper(model, frozen.source("wav2vec2"), self.options.layer, backbones, folder, meta, no_words)

    def held(self, bundle: Bundle, clips: int) -> Held | None:
        rows = sample([row for row in self.data.held_back if row.captured], clips)
        if not rows:
            return None
        frozen = self._frozen()
        places = {part: frozen.source(part).path for part in bundle.backbones if part in self.data.about["backbones"]}
        folders = {part: path for part, path in places.items() if path}
        takes = held_takes(rows, [take for take, _ in self.takes], self.data, self.cache)
        return Held(takes=takes, backbones=folders, offline=self.options.offline)
