"""RAVDESS's layout with rigs (Sec. 3.4, 4.1): 03-01-05-01-02-01-12.wav and, of the same name, a Live Link Face table.

The seven numbers are modality, channel, emotion, strength, statement, repetition and actor. The rig may carry another
modality's number, as it is made from the video, and be any rig file that medtalk reads, or EmoTalk's coefficients. They
may lie in any folders: the authors' own are audio, rig, image and text, the last with a description for each take.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from medtalk.guidance import LABELS
from medtalk_train.captured.takes.take import NORMAL, SOUNDS, STRONG, FaceTake, Folder, rig_stem

EMOTIONS = ("neutral", "neutral", "happy", "sad", "angry", "fear", "disgust", "surprised")
"""By the third number, from 1; 2 is calm, which the labels of the paper do not have: near enough to neutral."""
STATEMENTS = ("Kids are talking by the door.", "Dogs are sitting by the door.")
MODALITIES = ("03", "01", "02")
"""Sound alone, sound with picture, picture alone."""
STRENGTHS = {"01": NORMAL, "02": STRONG}
"""By the fourth number. Neutral is never strong."""
_NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")


def fits(folder: Folder) -> bool:
    """Whether the folder is laid out this way."""
    return any(_NAME.fullmatch(sound.stem) for sound in folder.sounds)


def read(folder: Folder, parallel: bool = False) -> list[FaceTake]:
    """The takes; what is wrong goes into `folder.problems`."""
    rigs: dict[str, list[Path]] = defaultdict(list)
    for file in folder.files:
        if file.suffix.lower() not in SOUNDS and (stem := rig_stem(file)) and _NAME.fullmatch(stem):
            rigs[stem[3:]].append(file)
    out, used = [], set()
    for sound in folder.sounds:
        match = _NAME.fullmatch(sound.stem)
        if match is None:
            folder.wrong(sound, "does not have a name of RAVDESS, such as 03-01-05-01-02-01-12")
            continue
        _, _, emotion, strength, statement, repetition, actor = match.groups()
        if not 1 <= int(emotion) <= len(EMOTIONS):
            folder.wrong(sound, f"has the emotion {emotion}; valid are 01 to {len(EMOTIONS):02d}")
            continue
        key = sound.stem[3:]
        used.add(key)
        if (rig := folder.pair(sound, rigs, key)) is not None:
            pictures = [folder.picture(f"{modality}-{key}") for modality in MODALITIES]
            known: dict[str, object] = {"speaker": actor, "picture": next(filter(None, pictures), None)}
            known["strength"] = STRENGTHS.get(strength, "")
            if 1 <= int(statement) <= len(STATEMENTS):
                known["transcript"] = STATEMENTS[int(statement) - 1]
            if parallel:
                known["group"] = f"{actor}-{statement}-{repetition}"
            label = LABELS.index(EMOTIONS[int(emotion) - 1])
            out.append(folder.take(sound, rig, label, **known))
    for key in sorted(set(rigs) - used):
        folder.wrong(rigs[key][0], "has no sound of the same name")
    return out


def numbers(name: str) -> tuple[str, ...] | None:
    """The seven numbers of a name, or None for one that is not RAVDESS's."""
    match = _NAME.fullmatch(name)
    return match.groups() if match else None


def same_take(one: str, other: str) -> bool:
    """Whether two files, by their names without endings, are of one take: here whatever their modality."""
    numbered = _NAME.fullmatch(one) and _NAME.fullmatch(other)
    return one[3:] == other[3:] if numbered else one == other
