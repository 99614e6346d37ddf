"""Checks a data set file by file, before hours are spent on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from medtalk.audio import frame_count, read_speech
from medtalk.errors import MedtalkError
from medtalk.guidance import LABELS
from medtalk.rates import FPS, RATE
from medtalk.rig import RigSequence
from medtalk.rig.channels import CHANNEL_NAMES, MAXIMUM, MINIMUM
from medtalk_train.captured.takes import READERS, FaceTake, Folder, Problem, layout
from medtalk_train.captured.takes.faults import Look, of_areas, of_names, of_rest, of_take, of_timing, undetermined
from medtalk_train.captured.takes.serves import Verdict, verdicts
from medtalk_train.captured.takes.take import clause, counted, open_rig, speakers_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

SLACK = 15
"""Frames by which a rig may be longer or shorter than its sound (0.25 s): recorders do not stop at once."""
SILENCE = 1e-3
"""A sound whose loudest sample is below this (-60 dB) has no voice in it."""
BEYOND = 0.5
"""How far past the board's limits a channel may go: solvers overshoot a little."""
_USUAL_FPS = (24.0, 25.0, 30.0, 50.0, 90.0, 100.0, 120.0)


@dataclass(frozen=True)
class Report:
    """What `check` found.

    Attributes:
        kind: the layout.
        takes: the whole ones.
        seconds: of them together.
        problems: what must be mended, file by file.
        notes: what is worth knowing, though it is no fault.
        stages: what the whole takes can serve.
    """

    kind: str
    takes: list[FaceTake]
    seconds: float
    problems: list[Problem]
    notes: list[str]
    stages: list[Verdict]

    def lines(self) -> list[str]:
        """A line for each problem, note and stage, then two that sum up."""
        whole = "no whole takes"
        if self.takes:
            emotions = Counter(LABELS[take.label] for take in self.takes)
            labels = ", ".join(f"{label} {count}" for label, count in emotions.items())
            whole = f"{counted(len(self.takes), 'whole take')} of {speakers_of(self.takes)}"
            whole += f", {self.seconds:.1f} s ({labels})"
        return [
            *(f"{problem.file}: {problem.what}" for problem in self.problems),
            *(f"note: {note}" for note in self.notes),
            *map(str, self.stages),
            f"{self.kind}: {whole}",
            counted(len(self.problems), "problem") if self.problems else "nothing is wrong",
        ]

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "takes": len(self.takes),
            "seconds": round(self.seconds, 3),
            "speakers": dict(Counter(take.speaker for take in self.takes)),
            "emotions": dict(Counter(LABELS[take.label] for take in self.takes)),
            "strengths": dict(Counter(take.strength for take in self.takes if take.strength)),
            "problems": [{"file": str(problem.file), "what": problem.what} for problem in self.problems],
            "notes": self.notes,
            "stages": [verdict.to_dict() for verdict in self.stages],
        }


def check(path: str | Path, kind: str = "", seen: Callable[[], object] = lambda: None) -> Report:
    """Read every file of a data set; `seen` is called after each take.

    Raises TrainingError for a folder that is no data set.
    """
    folder = Folder(path)
    found = layout(folder, kind)
    takes: list[FaceTake] = READERS[found].read(folder, parallel=True)  # a guess, to say if it may help
    names = {take.name for take in takes} | {Path(take.name).name for take in takes}
    for clip in [*folder.descriptions, *folder.transcripts]:
        if clip not in names:
            if clip in folder.texts:
                folder.wrong(folder.texts[clip], "describes no take")
            else:
                folder.wrong(folder.path, f"its tables name {clip[:60]!r}, but no take is called that")
    whole, looks, seconds, sounds, faces = [], [], 0.0, {}, {}
    for take in takes:
        before = len(folder.problems)
        samples = _check_sound(folder, take, found)
        frames = None if samples is None else frame_count(len(samples))
        values = _check_rig(folder, take, found, frames)
        _check_picture(folder, take)
        look = None if values is None else Look.at(take, values, samples)
        if before == len(folder.problems) and look is not None:
            for what in of_take(look):
                folder.wrong(take.rig.file, what)
            heard, shown = None if take.sound is None else take.sound.key(), take.rig.key()
            if heard is not None and (heard, take.label) in sounds:
                folder.wrong(take.file, f"has the same sound and emotion as {sounds[heard, take.label]}")
            elif shown in faces and before == len(folder.problems):
                folder.wrong(take.rig.file, f"has the same content as the rig of {faces[shown]}")
            if before == len(folder.problems):
                whole.append(take)
                looks.append(look)
                seconds += (look.frames if frames is None else frames) / FPS
            sounds.setdefault((heard, take.label), take.name)
            faces.setdefault(shown, take.name)
        seen()
    notes = _check_together(folder, looks, found) if looks else []
    if not takes and not folder.problems:
        folder.wrong(folder.path, "holds no takes")
    return Report(found, whole, seconds, folder.problems, notes, verdicts(looks, bool(folder.problems)))


def _check_together(folder: Folder, looks: list[Look], kind: str) -> list[str]:
    """What only many takes together show: problems, and the notes that are returned."""
    common, odd, unsure = of_timing(looks)
    if common.late:
        folder.wrong(folder.path, f"its rigs as a whole are {common}")
    for look, found in odd:
        folder.wrong(look.take.rig.file, f"is {found}")
    for file, what in of_names(looks, kind):
        folder.wrong(file, what)
    notes = []
    heard = sum(look.take.sound is not None for look in looks)
    if unsure and common.frames is None:
        notes.append(undetermined(unsure, heard))
    if heard < len(looks):
        notes.append(f"{counted(len(looks) - heard, 'take')} without sound: for stage 1 alone")
    if len({look.take.speaker for look in looks}) == 1:
        who = looks[0].take.speaker
        only = f"there is only one speaker, {who}" if who else "no speaker is named"
        notes.append(f"{only}: single takes are held out, so no figure is about unseen people")
    return [*notes, *of_rest(looks), *of_areas(looks)]


def _check_sound(folder: Folder, take: FaceTake, kind: str) -> NDArray[np.float32] | None:
    """A take's sound at 16 kHz, or None if there is none or it cannot be read."""
    if take.sound is None:
        return None
    file = take.sound.file
    try:
        if kind == "synthetic":
            samples = take.sound.read()
        else:
            speech = read_speech(file)
            samples = speech.samples
            if speech.source_rate < RATE:
                folder.wrong(file, f"has {speech.source_rate} samples a second; at least {RATE} are needed")
    except MedtalkError as error:
        folder.wrong(file, clause(error, file))
        return None
    if np.abs(samples).max(initial=0.0) < SILENCE:
        folder.wrong(file, "is silent")
    return samples


def _check_rig(folder: Folder, take: FaceTake, kind: str, frames: int | None) -> NDArray[np.float32] | None:
    """A take's rig at 60 fps (T, 174), or None if it cannot be read."""
    file = take.rig.file
    try:
        rig = RigSequence(take.rig.read()) if kind == "synthetic" else open_rig(file)
        values, fps = rig.values, rig.fps
    except MedtalkError as error:
        folder.wrong(file, clause(error, file))
        return None
    if frames is not None and abs(len(values) * FPS / fps - frames) > SLACK:
        folder.wrong(file, _length(len(values), fps, frames))
    beyond = np.maximum(values - MAXIMUM, MINIMUM - values).max(axis=0)
    if beyond.max() > BEYOND:
        worst = int(beyond.argmax())
        low, high = values[:, worst].min(), values[:, worst].max()
        folder.wrong(
            file,
            f"{CHANNEL_NAMES[worst]} goes from {low:.3g} to {high:.3g}; "
            f"the board allows {MINIMUM[worst]:g} to {MAXIMUM[worst]:g}",
        )
    return rig.resample(FPS).values


def _check_picture(folder: Folder, take: FaceTake) -> None:
    if take.picture is not None:
        try:
            with Image.open(take.picture) as picture:
                picture.load()
        except (OSError, SyntaxError, ValueError):  # PIL's, for one that is cut or something else
            folder.wrong(take.picture, "is not a complete picture")


def _length(rows: int, fps: float, frames: int) -> str:
    """The problem of a rig whose length is not its sound's."""
    lasts = f"lasts {rows / fps:.2f} s at {fps:g} fps, its sound {frames / FPS:.2f} s"
    real = rows / max(frames, 1) * FPS
    near = min(_USUAL_FPS, key=lambda rate: abs(rate - real))
    return f"{lasts}; it seems to have {near:g} frames a second" if abs(near - real) * frames / FPS <= SLACK else lasts
