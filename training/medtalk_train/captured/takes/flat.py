"""Any folder with a table `labels.csv`: NAME.wav beside a rig NAME.csv, .txt, .npz or .npy, and a row for each.

The table's columns are clip and emotion and, where they are known, speaker, transcript and strength (normal or strong).
Spaces at the ends of a cell are not kept. A take without a speaker is of the subfolder that it lies in.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from medtalk.guidance import LABELS
from medtalk_train.captured.takes.take import NORMAL, SOUNDS, STRONG, FaceTake, Folder, label_of, rig_stem

TABLE = "labels.csv"


def fits(folder: Folder) -> bool:
    """Whether the folder is laid out this way."""
    return (folder.path / TABLE).is_file()


def read(folder: Folder, parallel: bool = False) -> list[FaceTake]:
    """The takes; what is wrong goes into `folder.problems`."""
    table = folder.path / TABLE
    rows: dict[str, dict[str, str]] = {}
    for row in folder.rows(TABLE, ("clip", "emotion")):
        if row["clip"] in rows:
            folder.wrong(table, f"has two rows for {row['clip'][:60]!r}")
        elif row["clip"]:
            rows[row["clip"]] = row
    rigs: dict[str, list[Path]] = defaultdict(list)
    for file in folder.files:
        if file.suffix.lower() not in SOUNDS and (stem := rig_stem(file)):
            rigs[stem].append(file)
    out, used = [], set()
    for sound in folder.sounds:
        name = folder.name(sound)
        clip = name if name in rows else sound.stem
        if clip not in rows and clip != clip.strip():
            folder.wrong(sound, f"has a space at an end of its name, which {TABLE} does not keep: rename it")
            used |= {name.strip(), clip.strip()}
            continue
        used.add(clip)
        if clip not in rows:
            folder.wrong(sound, f"has no row in {TABLE}")
            continue
        row = rows[clip]
        label, strength = label_of(row["emotion"]), row.get("strength", "").lower()
        if label is None:
            folder.wrong(
                table, f"gives {clip[:60]!r} the emotion {row['emotion'][:20]!r}; valid are {', '.join(LABELS)}"
            )
        if strength not in ("", NORMAL, STRONG):
            folder.wrong(table, f"gives {clip[:60]!r} the strength {strength[:20]!r}; valid are {NORMAL} and {STRONG}")
        rig = folder.pair(sound, rigs, sound.stem)
        if label is None or rig is None:
            continue
        at_root = sound.parent == folder.path
        known: dict[str, str] = {"speaker": row.get("speaker", "") or ("" if at_root else sound.parent.name)}
        known["strength"] = strength
        if row.get("transcript"):
            known["transcript"] = row["transcript"]
        if parallel:
            known["group"] = "_".join(part for part in sound.stem.split("_") if label_of(part) != label)
        out.append(folder.take(sound, rig, label, **known))
    for clip in sorted(rows.keys() - used):
        lone = rigs.get(Path(clip).name)
        folder.wrong(
            lone[0] if lone else table,
            "has no sound of the same name" if lone else f"names {clip[:60]!r}, which is not there",
        )
    return out
