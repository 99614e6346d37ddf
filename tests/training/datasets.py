"""Small data sets in each layout that training reads: something like speech, and faces that follow it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from medtalk.audio import frame_count
from medtalk.files import sha256_file
from medtalk.guidance import LABELS
from medtalk.rates import FPS, RATE
from medtalk.rig import RigSequence, indices, write_rig
from medtalk_train.captured.takes import FaceTake, LazyArray
from medtalk_train.captured.takes.take import read_face
from tests.helpers.sounds import babble

SENTENCES = ("we say it", "so do they")
PUFF = ("[LR]_mouth_suckBlow",)


def face(sound: np.ndarray, label: int, seed: int = 0) -> np.ndarray:
    """(T, 174): a jaw that follows the loudness, brows and mouth corners that tell the emotion."""
    frames = frame_count(len(sound))
    edges = np.linspace(0, len(sound), frames + 1).astype(int)
    loud = np.sqrt(np.add.reduceat(np.square(sound), edges[:-1]) / np.diff(edges))
    values = np.zeros((frames, 174), np.float32)
    values[:, indices("C_jaw.Y", "[LR]_mouth_lowerLipDepress")] = np.clip(4.0 * loud, 0.0, 1.0)[:, None]
    moving = 0.5 + 0.3 * np.sin(np.arange(frames) / 7.0 + seed)
    channels = indices("[LR]_brow_down", "[LR]_brow_raiseIn", "[LR]_mouth_cornerPull", "[LR]_eye_squintInner")
    values[:, channels[label :: len(LABELS)]] = moving[:, None]
    values[:, channels[label]] = moving
    return values


def emoface(
    folder: Path, speakers: Sequence[str] = ("aa", "bb", "cc"), emotions: Sequence[str] = ("angry", "happ")
) -> Path:
    """Each speaker says the two `SENTENCES` in each emotion, in one and the same sound: frame-aligned."""
    folder.mkdir(parents=True)
    for number, speaker in enumerate(speakers):
        for take in range(len(SENTENCES)):
            sound = babble(0.8 + 0.2 * take, seed=10 * number + take)
            for emotion in emotions:
                name = f"{emotion}_{speaker}_{take:03d}"
                soundfile.write(folder / f"{name}.wav", sound, RATE)
                label = next(k for k, word in enumerate(LABELS) if word.startswith(emotion[:3]))
                write_rig(folder / f"{name}.txt", RigSequence(face(sound, label, number)))
    return folder


def ravdess(folder: Path, actors: Sequence[int] = (1, 2), emotions: Sequence[int] = (1, 2, 5)) -> Path:
    """Actors in folders of their own, rigs by the Live Link Face app at 30 fps, named after the videos."""
    for actor in actors:
        place = folder / f"Actor_{actor:02d}"
        place.mkdir(parents=True)
        for emotion in emotions:
            rest = f"01-{emotion:02d}-01-02-01-{actor:02d}"
            sound = babble(1.5, 48000, seed=100 * actor + emotion)
            soundfile.write(place / f"03-{rest}.wav", sound, 48000)
            rig = RigSequence(face(babble(1.5, seed=actor), emotion % 7, actor), FPS).resample(30.0)
            written = write_rig(place / f"01-{rest}.arkit.csv", rig)
            written.rename(place / f"01-{rest}.csv")  # as the app calls it
    return folder


def rigs(folder: Path) -> Path:
    """Two rigs as medtalk writes them, beside their sounds."""
    folder.mkdir(parents=True)
    for number, emotion in enumerate(("sad", "surprised")):
        sound = babble(1.0, seed=number + 50)
        soundfile.write(folder / f"line{number}.flac", sound, RATE)
        meta = {"emotion": {emotion: 1.0}, "transcript": SENTENCES[number], "speaker": f"s{number}"}
        write_rig(folder / f"line{number}.npz", RigSequence(face(sound, LABELS.index(emotion)), FPS, meta))
    return folder


def picture(path: Path, colour: tuple[int, int, int]) -> None:
    """A picture of nothing but a colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 64), colour).save(path)


def unaligned(folder: Path, speakers: Sequence[str] = ("aa", "bb", "cc"), takes: int = 2) -> Path:
    """EmoFace's layout as one captures it: every take is a sound of its own. Jaws go sideways and cheeks puff, as the
    teacher's never do."""
    folder.mkdir(parents=True)
    for number, speaker in enumerate(speakers):
        for label, emotion in enumerate(LABELS[:3]):
            for take in range(takes):
                seed = 100 * number + 10 * label + take
                sound = babble(0.7 + 0.2 * take + 0.1 * label, seed=seed)
                name = f"{emotion}_{speaker}_{take:03d}"
                soundfile.write(folder / f"{name}.wav", sound, RATE)
                values, time = face(sound, label, number), np.arange(frame_count(len(sound))) / FPS
                values[:, indices("C_jaw.X")[0]] = 0.6 * np.sin(5 * time + seed)
                values[:, indices(*PUFF)] = 0.5 + 0.4 * np.sin(3 * time - seed)[:, None]
                write_rig(folder / f"{name}.txt", RigSequence(values))
    return folder


def rendered(folder: Path, contents: int = 3) -> list[FaceTake]:
    """Faces without sound, as a reader of the authors' `pair_rig/EMOTION/*.txt` makes them: each content in three
    emotions, frame by frame."""
    takes = []
    for content in range(contents):
        sound = babble(0.8, seed=900 + content)
        for label in range(3):
            path = folder / LABELS[label] / f"{content:03d}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_rig(path, RigSequence(face(sound, label)))
            rig = LazyArray(path, partial(sha256_file, path), partial(read_face, path))
            takes.append(FaceTake(f"{LABELS[label]}/{content:03d}", None, rig, label, group=f"{content:03d}"))
    return takes
