"""A take: a sound, the face that goes with it and what is known of both; what every reader of a data set makes."""

from __future__ import annotations

import csv
import hashlib
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from medtalk.audio import read_speech
from medtalk.errors import GuidanceError, MedtalkError, RigError, TrainingError
from medtalk.files import sha256_file
from medtalk.guidance import LABELS, label_name
from medtalk.inputs import read_input
from medtalk.rates import FPS
from medtalk.rig import from_arkit, read_rig
from medtalk.rig.formats import rig_ending
from medtalk.rig.livelink import parse_livelink
from medtalk.rig.tables import lines_of
from medtalk_train.captured.takes import coefficients
from medtalk_train.wording import plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.rig import RigSequence

SOUNDS = (".wav", ".flac", ".ogg")
PICTURES = (".png", ".jpg", ".jpeg", ".webp")
DESCRIPTIONS, TRANSCRIPTS, PEAKS = "descriptions.csv", "transcripts.csv", "peaks"
"""What may lie in the folder of any data set: what a face shows and what is said, by take, and a picture of each."""
NORMAL, STRONG = "normal", "strong"
"""How strongly an actor was asked to play; RAVDESS has the two."""
_STRONGLY = 1.3  # how strong a face words must ask for to be those of a strong take: "very" and beyond
_MOST_TEXT = 1 << 16  # bytes of a file with one description


class LazyArray(NamedTuple):
    """An array that is read when it is needed: the file, a hash of its content, and the reading itself."""

    file: Path
    key: Callable[[], str]
    read: Callable[[], NDArray[np.float32]]


@dataclass(frozen=True)
class FaceTake:
    """One recording.

    Attributes:
        name: the path of its sound in the data set, without the ending; of its rig, where there is no sound.
        sound: (n,) at 16 kHz; None for a face that was rendered without any, which serves stage 1 alone.
        rig: (T, 174) at 60 fps.
        label: emotion, a place in `medtalk.guidance.LABELS`.
        speaker: whoever speaks; "" if nobody knows.
        transcript: what is said; None if it is not known.
        held: whether it is kept out of training; None leaves that to the recipe.
        group: takes of one group say the same in other emotions, frame by frame (Sec. 3.2); "" for none.
        description: what the face shows, in words; "" if nobody wrote it down.
        picture: of the face at its strongest.
        strength: `NORMAL` or `STRONG`, as the actor was asked to play; "" if nobody knows.
    """

    name: str
    sound: LazyArray | None
    rig: LazyArray
    label: int
    speaker: str = ""
    transcript: str | None = None
    held: bool | None = None
    group: str = ""
    description: str = ""
    picture: Path | None = None
    strength: str = ""

    @property
    def file(self) -> Path:
        """What stands for the take in a message: its sound, or its rig where it has none."""
        return self.rig.file if self.sound is None else self.sound.file


class Problem(NamedTuple):
    """A problem of a file of a data set, in one line."""

    file: Path
    what: str


class Folder:
    """The files of a data set's folder, and what was found wrong with them while takes were read from it."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise TrainingError(f"There is no folder {self.path} with data.", "Check the path.")
        self.files = sorted(file for file in self.path.rglob("*") if file.is_file())
        self.problems: list[Problem] = []
        self.texts, self._images = self._beside_rigs()
        self.descriptions = self._texts() | self.table(DESCRIPTIONS, "description")
        self.transcripts = self.table(TRANSCRIPTS, "transcript")

    @property
    def sounds(self) -> list[Path]:
        return [file for file in self.files if file.suffix.lower() in SOUNDS]

    def wrong(self, file: Path, what: str) -> None:
        self.problems.append(Problem(file, what))

    def name(self, file: Path) -> str:
        """The name of a take of this sound."""
        return file.relative_to(self.path).with_suffix("").as_posix()

    def take(self, sound: Path | None, rig: Path, label: int, **known: object) -> FaceTake:
        """A take of a sound and a rig file, with its description, transcript and picture if there are such."""
        lone = rig.relative_to(self.path).parent / (rig_stem(rig) or rig.stem)
        name = self.name(sound) if sound else lone.as_posix()
        words = text_of(self.descriptions, name) or described(label, str(known.get("strength", "")), Path(name).name)
        known.setdefault("transcript", text_of(self.transcripts, name))
        known.setdefault("picture", self.picture(name))
        return FaceTake(
            name,
            LazyArray(sound, cache(partial(sha256_file, sound)), partial(read_sound, sound)) if sound else None,
            LazyArray(rig, cache(partial(sha256_file, rig)), partial(read_face, rig)),
            label,
            description=words,
            **known,  # type: ignore[arg-type]
        )

    def pair(self, sound: Path, rigs: dict[str, list[Path]], key: str) -> Path | None:
        """The rig file of a sound among those of the same key: the one beside it, else the only one."""
        found = rigs.get(key, [])
        beside = [file for file in found if file.parent == sound.parent]
        if len(beside or found) == 1:
            return (beside or found)[0]
        self.wrong(sound, f"has {len(beside or found)} rig files called {key}; there must be exactly one" if found
                   else "has no rig file of the same name")  # fmt: skip
        return None

    def _beside_rigs(self) -> tuple[dict[str, Path], dict[str, Path]]:
        """The descriptions and pictures, by name, that the authors' layout of RAVDESS keeps in `text` and `image`
        beside `audio` and `rig`. They are no rigs, and so no longer among `files`."""
        names = {folder: {file.parent.name for file in self.files if file.parent.parent == folder}
                 for folder in {file.parent.parent for file in self.files}}  # fmt: skip
        places = {folder for folder, inside in names.items() if {"audio", "rig"} <= inside}
        found: dict[str, dict[str, Path]] = {"text": {}, "image": {}}
        left = []
        for file in self.files:
            kept = file.suffix.lower() in {"text": (".txt",), "image": PICTURES}.get(file.parent.name, ())
            if kept and file.parent.parent in places:
                found[file.parent.name][file.stem] = file
            else:
                left.append(file)
        self.files = left
        return found["text"], found["image"]

    def _texts(self) -> dict[str, str]:
        """{clip: description} of the files with one each."""
        out = {}
        for clip, file in self.texts.items():
            try:
                out[clip] = " ".join(
                    read_input(file, "description", TrainingError, _MOST_TEXT).decode("utf-8-sig").split()
                )
            except UnicodeDecodeError:
                self.wrong(file, "is not UTF-8 text")
            except MedtalkError as error:
                self.wrong(file, clause(error, file))
        return out

    def rows(self, file: str, columns: Collection[str]) -> list[dict[str, str]]:
        """The rows of a table with at least these columns in the folder; none if it is not there."""
        path = self.path / file
        if not path.is_file():
            return []
        try:
            with path.open(encoding="utf-8-sig", newline="") as lines:
                rows = list(csv.DictReader(lines))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise TrainingError(f"Cannot read {path}: {error}.") from error
        if rows and not set(columns) <= set(rows[0]):
            raise TrainingError(f"{path} must start with the line {','.join(columns)}.", "See docs/training/paper.md.")
        return [
            {name: (text or "").strip() for name, text in row.items() if name and not isinstance(text, list)}
            for row in rows
        ]

    def table(self, file: str, column: str) -> dict[str, str]:
        """{clip: text} of a table `clip,<column>` in the folder, if it is there."""
        return {row["clip"]: row[column] for row in self.rows(file, ("clip", column)) if row["clip"]}

    def picture(self, name: str) -> Path | None:
        """The picture of a take, if there is one."""
        for ending in PICTURES:
            for path in (self.path / PEAKS / f"{name}{ending}", self.path / PEAKS / f"{Path(name).name}{ending}"):
                if path.is_file():
                    return path
        return self._images.get(Path(name).name)


def text_of(table: Mapping[str, str], name: str) -> str | None:
    """A table's entry for a take, by its name or the last part of it."""
    return table.get(name, table.get(Path(name).name)) or None


def described(label: int, strength: str, key: str) -> str:
    """Words of our own for a strong take ("very angry"), always the same for one `key`; "" for any other.

    A plain take needs none: stage 4 draws one of its emotion whenever it meets it.
    """
    if strength != STRONG:
        return ""
    rng = np.random.default_rng(zlib.crc32(key.encode()))
    while True:
        text, asked = plain.draw(label, rng)
        if asked >= _STRONGLY:
            return text


def read_sound(path: Path) -> NDArray[np.float32]:
    """(n,) at 16 kHz."""
    return read_speech(path).samples


def open_rig(path: Path) -> RigSequence:
    """A rig file of any layout; a .csv may also be a recording of the Live Link Face app, whatever it is called."""
    if path.suffix.lower() == ".csv":
        _, head = next(lines_of(path))
        if "BlendShapeCount" in head.split(","):
            return from_arkit(*parse_livelink(path, lines_of(path), FPS)[:2])
    if path.suffix.lower() == coefficients.ENDING:
        return coefficients.read_coefficients(path)
    return read_rig(path)


def rig_stem(path: Path) -> str | None:
    """The name of a rig file without its ending, which may have two points; None for other files."""
    if path.suffix.lower() == coefficients.ENDING:
        return path.stem
    try:
        return path.name[: -len(rig_ending(path))]
    except RigError:
        return None


def read_face(path: Path) -> NDArray[np.float32]:
    """(T, 174) at 60 fps."""
    return open_rig(path).resample(FPS).values


def label_of(word: str) -> int | None:
    """The emotion that a word, a synonym or a beginning of three letters or more means."""
    word = word.lower()
    found = [k for k, label in enumerate(LABELS) if len(word) >= 3 and label.startswith(word)]
    if found:
        return found[0]
    try:
        return LABELS.index(label_name(word))
    except GuidanceError:
        return None


def named(stem: str) -> tuple[int | None, str, str]:
    """The label, the speaker and the rest of a name EMOTION_SPEAKER_NAME or EMOTION_NAME, which has no speaker.

    The rest is SPEAKER_NAME or NAME. A name that begins with no emotion has neither label nor speaker, and is the rest.
    """
    emotion, _, rest = stem.partition("_")
    label = label_of(emotion)
    if label is None:
        return None, "", stem
    speaker, more, _ = rest.partition("_")
    return label, speaker if more else "", rest


def counted(number: int, noun: str) -> str:
    """ "1 take", "2 takes" """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def speakers_of(takes: Iterable[FaceTake]) -> str:
    """How many speakers there are, as far as they are known: "2 speakers"."""
    known = {take.speaker for take in takes}
    return counted(len(known), "speaker") if "" not in known else "unknown speakers"


def hold_back(sets: Sequence[Sequence[FaceTake]], speakers: Collection[str] = ()) -> list[list[tuple[FaceTake, bool]]]:
    """Each take of each data set, and whether it is kept out of training: those of the given speakers, else of every
    set a tenth of its speakers by the hash of their names, at least one. Where all takes of a set are one speaker's, a
    tenth of the takes.

    Raises TrainingError for a speaker who is not there.
    """
    known = {take.speaker for takes in sets for take in takes}
    if unknown := sorted(set(speakers) - known):
        raise TrainingError(
            f"No speaker of the data is called {unknown[0]!r}.", f"The speakers are {', '.join(sorted(known)[:12])}."
        )
    if speakers:
        return [[(take, take.speaker in speakers) for take in takes] for takes in sets]
    return [_draw(takes) for takes in sets]


def _draw(takes: Sequence[FaceTake]) -> list[tuple[FaceTake, bool]]:
    open_ = [take for take in takes if take.held is None]
    of = (lambda take: take.speaker) if len({take.speaker for take in open_}) > 1 else (lambda take: take.name)
    order = sorted({of(take) for take in open_}, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    drawn = set(order[: max(1, len(order) // 10)]) if len(order) > 1 else set()
    return [(take, of(take) in drawn if take.held is None else take.held) for take in takes]


def clause(error: MedtalkError, path: Path) -> str:
    """An error over a file as what is wrong with it, without its name."""
    return error.message.removeprefix(str(path)).lstrip(",: ").rstrip(".")
