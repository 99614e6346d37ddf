"""EmoFace's layout, the paper's data (Sec. 4.1): EMO_speaker_take.wav and a text file of 174 columns at 60 fps."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from medtalk.guidance import LABELS
from medtalk_train.captured.takes.take import FaceTake, Folder, label_of


def fits(folder: Folder) -> bool:
    """Whether the folder is laid out this way."""
    texts = {file.stem for file in folder.files if file.suffix.lower() == ".txt"}
    return any(sound.stem in texts or label_of(sound.stem.split("_")[0]) is not None for sound in folder.sounds)


def read(folder: Folder, parallel: bool = False) -> list[FaceTake]:
    """The takes; what is wrong goes into `folder.problems`. Sound and text may lie in different folders."""
    rigs: dict[str, list[Path]] = defaultdict(list)
    for file in folder.files:
        if file.suffix.lower() == ".txt":
            rigs[file.stem].append(file)
    out, used = [], set()
    for sound in folder.sounds:
        emotion, _, rest = sound.stem.partition("_")
        speaker, _, _ = rest.partition("_")
        label = label_of(emotion)
        if label is None:
            folder.wrong(sound, f"starts with {emotion[:20]!r}, which is none of {', '.join(LABELS)}")
        rig = folder.pair(sound, rigs, sound.stem)
        used.add(sound.stem)
        if label is not None and rig is not None:
            out.append(folder.take(sound, rig, label, speaker=speaker, group=rest if parallel else ""))
    for stem in sorted(set(rigs) - used):
        if label_of(stem.split("_")[0]) is not None:  # others are notes
            folder.wrong(rigs[stem][0], "has no sound of its name")
    return out
