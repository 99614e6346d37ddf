"""EmoFace's layout, the paper's data (Sec. 4.1): EMOTION_SPEAKER_NAME.wav and a text file of 174 columns at 60 fps.

Of EMOTION_NAME.wav nobody knows the speaker.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from medtalk.guidance import LABELS
from medtalk_train.captured.takes.take import FaceTake, Folder, named


def fits(folder: Folder) -> bool:
    """Whether the folder is laid out this way."""
    texts = {file.stem for file in folder.files if file.suffix.lower() == ".txt"}
    return any(sound.stem in texts or named(sound.stem)[0] is not None for sound in folder.sounds)


def read(folder: Folder, parallel: bool = False) -> list[FaceTake]:
    """The takes; what is wrong goes into `folder.problems`. Sound and text may lie in different folders."""
    rigs: dict[str, list[Path]] = defaultdict(list)
    for file in folder.files:
        if file.suffix.lower() == ".txt":
            rigs[file.stem].append(file)
    out, used = [], set()
    for sound in folder.sounds:
        label, speaker, rest = named(sound.stem)
        if label is None:
            emotion = sound.stem.partition("_")[0][:20]
            folder.wrong(sound, f"starts with {emotion!r}, which is not one of {', '.join(LABELS)}")
        rig = folder.pair(sound, rigs, sound.stem)
        used.add(sound.stem)
        if label is not None and rig is not None:
            out.append(folder.take(sound, rig, label, speaker=speaker, group=rest if parallel else ""))
    for stem in sorted(set(rigs) - used):
        if named(stem)[0] is not None:  # others are notes
            folder.wrong(rigs[stem][0], "has no sound of the same name")
    return out
