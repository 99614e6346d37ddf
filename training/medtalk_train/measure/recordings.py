"""Recordings of real speech with phone times, and their transcripts where there are any."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medtalk.audio import Speech, read_speech
from medtalk.errors import TrainingError
from medtalk.features.prosody import effort, prosody
from medtalk.quality.events import PAUSES, Phone
from medtalk_train.synthetic.corpus.phones import Pieces, Span, from_radio, timeline
from medtalk_train.synthetic.teacher.lips import lip_curves

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENDINGS = (".flac", ".wav", ".ogg")
REFERENCE = "MEDTALK_REFERENCE"
"""Environment variable: a folder of reference data, with recordings in `speech_dev` and poses in `poses`."""


@dataclass(frozen=True)
class Recording:
    """A recording, its phones, and its text or None."""

    name: str
    speech: Speech
    phones: tuple[Phone, ...]
    text: str | None = None

    def taught(self, frames: int) -> NDArray:
        """(frames, 174) what our teacher of lips makes of the true phone times: the best that rules can do."""
        return lips_of(self.phones, self.speech, frames)


def reference(part: str, folder: Path | None = None) -> Path | None:
    """A part of the folder of reference data, given or from the environment; None if neither names one.

    Raises:
        TrainingError: there is no such part.
    """
    place = folder or (Path(named) if (named := os.environ.get(REFERENCE)) else None)
    if place is None:
        return None
    if not (place / part).is_dir():
        how = "Check --reference." if folder else f"Set {REFERENCE} to a folder that has it, or unset it."
        raise TrainingError(f"The folder {place / part} does not exist.", how)
    return place / part


def read_recordings(folder: str | Path, transcripts: str | Path | Mapping[str, str] | None = None) -> list[Recording]:
    """The recordings of a folder with `phones.json`: {name: [[start s, end s, phone in ARPAbet], ...]}.

    Args:
        folder: holds NAME.flac, .wav or .ogg for each name.
        transcripts: {name: text}, or a JSON file of it; without it FOLDER/transcripts.json or FOLDER/NAME.txt is read
            where it exists.

    Raises:
        TrainingError: `phones.json`, a recording or the file of transcripts is missing or damaged.
    """
    folder = Path(folder)
    path = folder / "phones.json"
    if not path.is_file():
        raise TrainingError(f"There is no {path}.", "Give a folder of recordings with phone times.")
    if not isinstance(transcripts, Mapping):
        beside = folder / "transcripts.json"
        place = Path(transcripts) if transcripts is not None else beside if beside.is_file() else None
        transcripts = {} if place is None else {str(name): str(text) for name, text in _read(place).items()}
    out = []
    for name, phones in _read(path).items():
        sound = next((p for ending in ENDINGS if (p := folder / f"{name}{ending}").is_file()), None)
        if sound is None:
            raise TrainingError(f"{path} names {name}, but there is no such recording beside it.")
        text, beside = transcripts.get(name), folder / f"{name}.txt"
        if text is None and beside.is_file():
            text = beside.read_text("utf-8").strip()
        try:
            spans = tuple((float(start), float(end), str(phone)) for start, end, phone in phones)
        except (TypeError, ValueError) as error:
            raise TrainingError(f"The phones of {name} in {path} are damaged: {error}.") from error
        out.append(Recording(name, read_speech(sound), spans, text or None))
    return out


def lips_of(phones: tuple[Phone, ...], speech: Speech | float, frames: int) -> NDArray:
    """(frames, 174) the average speaker's lips for phones in ARPAbet, by the teacher.

    `speech` is the sound, whose effort moves them, or the seconds of one in plain effort.
    """
    if isinstance(speech, Speech):
        gain = effort(prosody(speech.samples))[:frames]
        gain = np.pad(gain, (0, frames - len(gain)), "edge")
        return lip_curves(spans_of(phones, speech.seconds), frames, effort=gain)
    return lip_curves(spans_of(phones, speech), frames)


def spans_of(phones: tuple[Phone, ...], seconds: float) -> list[Span]:
    """Phones in ARPAbet as (start s, end s, class), contiguous over so many seconds."""
    return timeline(phones, seconds, _pieces)


def _pieces(name: str) -> Pieces:
    return from_radio("pau" if name in PAUSES else name.rstrip("012"))


def _read(path: Path) -> dict:
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise TrainingError(f"There is no {path}.") from None
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} is not JSON: {error}.") from error
    if not isinstance(found, dict):
        raise TrainingError(f"{path} must be a JSON object by name of recording.")
    return found
