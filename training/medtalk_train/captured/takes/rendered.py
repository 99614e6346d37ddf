"""Faces that were rendered without a sound, for stage 1 alone (Sec. 4.1): EMOTION/NAME.txt, the authors' `pair_rig`.

The same name in several emotions is the same sentence, frame by frame.
"""

from __future__ import annotations

from pathlib import Path

from medtalk_train.captured.takes.take import FaceTake, Folder, label_of, rig_stem


def fits(folder: Folder) -> bool:
    """Whether the folder is laid out this way: no sound at all, and rigs in folders that are called as emotions are."""
    return not folder.sounds and any(_place(folder, file) is not None for file in folder.files if rig_stem(file))


def read(folder: Folder, parallel: bool = True) -> list[FaceTake]:
    """The takes; what is wrong goes into `folder.problems`. They are always taken for frame-aligned."""
    out = []
    for file in folder.files:
        if not (stem := rig_stem(file)):
            continue
        place = _place(folder, file)
        if place is None:
            folder.wrong(file, "lies in no folder that is called as an emotion is")
            continue
        folders = file.relative_to(folder.path).parts[:-1]
        label = label_of(folders[place])
        assert label is not None
        parts = stem.split("_")
        if len(parts) > 1 and label_of(parts[0]) == label:
            parts = parts[1:]
        speaker = parts[0] if len(parts) > 1 else ""
        group = "/".join([*folders[:place], *folders[place + 1 :], "_".join(parts)])
        out.append(folder.take(None, file, label, speaker=speaker, group=group))
    return out


def _place(folder: Folder, file: Path) -> int | None:
    """Which of the folders that a file lies in is called as an emotion is: the last one."""
    parts = file.relative_to(folder.path).parts[:-1]
    found = [place for place, part in enumerate(parts) if label_of(part) is not None]
    return found[-1] if found else None
