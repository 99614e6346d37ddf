"""Rigs of our own: NAME.npz, as `medtalk generate` or an editor writes it, beside NAME.wav.

Emotion, transcript and speaker are in the rig's meta; a speaker that it does not name is the folder's.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from medtalk.errors import MedtalkError
from medtalk.guidance import LABELS, emotion_weights
from medtalk.rig import read_rig
from medtalk_train.captured.takes.take import FaceTake, Folder, clause


def fits(folder: Folder) -> bool:
    """Whether the folder is laid out this way."""
    return any(file.suffix.lower() == ".npz" for file in folder.files)


def read(folder: Folder, parallel: bool = False) -> list[FaceTake]:
    """The takes; what is wrong goes into `folder.problems`."""
    rigs: dict[str, list[Path]] = defaultdict(list)
    for file in folder.files:
        if file.suffix.lower() == ".npz":
            rigs[file.stem].append(file)
    out, used = [], set()
    for sound in folder.sounds:
        used.add(sound.stem)
        rig = folder.pair(sound, rigs, sound.stem)
        if rig is None:
            continue
        try:
            meta = read_rig(rig).meta
        except MedtalkError as error:
            folder.wrong(rig, clause(error, rig))
            continue
        label = _label(meta.get("emotion"))
        if label is None:
            emotion = str(meta.get("emotion"))[:40]
            folder.wrong(rig, f"has the emotion {emotion} in its meta; valid are a label or weights of labels")
            continue
        known: dict[str, str] = {"speaker": str(meta.get("speaker") or sound.parent.name)}
        if isinstance(meta.get("transcript"), str) and meta["transcript"]:
            known["transcript"] = meta["transcript"]
        if parallel:
            known["group"] = "_".join(part for part in sound.stem.split("_") if part.lower() not in LABELS)
        out.append(folder.take(sound, rig, label, **known))
    for stem in sorted(set(rigs) - used):
        folder.wrong(rigs[stem][0], "has no sound of the same name")
    return out


def _label(emotion: object) -> int | None:
    """The strongest emotion of a rig's meta."""
    if not emotion:  # of a rig that a text or picture guided
        return None
    try:
        weights = emotion_weights(emotion)  # type: ignore[arg-type]
    except MedtalkError:
        return None
    return LABELS.index(max(weights, key=lambda label: weights[label]))
