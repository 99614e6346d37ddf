"""Faces that were rendered without a sound, for stage 1 alone (Sec. 4.1): EMOTION/NAME.txt, the authors' `pair_rig`.

The same name in several emotions is the same sentence, frame by frame. The emotion may lead it; the speaker is known of
EMOTION/EMOTION_SPEAKER_NAME.txt.
"""

from __future__ import annotations

from pathlib import Path

from medtalk_train.captured.takes.take import FaceTake, Folder, label_of, named, rig_stem


def fits(folder: Folder) -> bool:
    """Whether the folder is laid out this way: no sound at all, and rigs in folders named after emotions."""
    return not folder.sounds and any(_place(folder, file) is not None for file in folder.files if rig_stem(file))


def read(folder: Folder, parallel: bool = True) -> list[FaceTake]:
    """The takes; what is wrong goes into `folder.problems`. They are always taken for frame-aligned."""
    out = []
    for file in folder.files:
        if not (stem := rig_stem(file)):
            continue
        place = _place(folder, file)
        if place is None:
            folder.wrong(file, "is in no folder named after an emotion")
            continue
        folders = file.relative_to(folder.path).parts[:-1]
        label = label_of(folders[place])
        assert label is not None
        led, speaker, rest = named(stem)
        if led != label or not rest:
            speaker, rest = "", stem
        group = "/".join([*folders[:place], *folders[place + 1 :], rest])
        out.append(folder.take(None, file, label, speaker=speaker, group=group))
    return out


def _place(folder: Folder, file: Path) -> int | None:
    """Which of the folders that a file lies in is named after an emotion: the last one."""
    parts = file.relative_to(folder.path).parts[:-1]
    found = [place for place, part in enumerate(parts) if label_of(part) is not None]
    return found[-1] if found else None
