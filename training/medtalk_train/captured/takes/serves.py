"""Which stages of the training a data set can serve, and with what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

from medtalk.guidance import LABELS
from medtalk.rates import FPS
from medtalk.rig.channels import AREAS, S_UP
from medtalk_train.captured.takes.faults import AREA_MOVES, TINY, mouth_moves

if TYPE_CHECKING:
    from medtalk_train.captured.takes.faults import Look


class Verdict(NamedTuple):
    """Whether a data set serves a stage, and why (not), in a line."""

    stage: str
    serves: bool
    why: str

    def __str__(self) -> str:
        return f"stage {self.stage}: {'yes' if self.serves else 'no'}, {self.why}"

    def to_dict(self) -> dict[str, Any]:
        return {"stage": self.stage, "serves": self.serves, "why": self.why}


def verdicts(looks: Sequence[Look]) -> list[Verdict]:
    """The verdicts of whole takes, in the order of the stages; rigs that hardly move teach nothing."""
    moving = [look for look in looks if look.swing.max() >= TINY]
    heard = [look for look in moving if look.take.sound is not None]
    speaking = [look for look in heard if mouth_moves(look)]
    labels = sorted({LABELS[look.take.label] for look in heard})
    return [
        Verdict("1, self and cycle", *_faces(moving)),
        Verdict("1, overlap", *_aligned(moving)),
        Verdict("2", *_content(heard, speaking)),
        Verdict("3", *_emotion(heard, labels)),
        Verdict("4", *_guided(heard, labels)),
    ]


def _faces(moving: Sequence[Look]) -> tuple[bool, str]:
    seconds = sum(look.frames for look in moving) / FPS
    return bool(moving), f"{len(moving)} takes with a face that moves, {seconds:.1f} s"


def _aligned(moving: Sequence[Look]) -> tuple[bool, str]:
    """The exchange that overlaps (Eq. 3) needs two sentences, each frame by frame in the same two emotions."""
    contents: dict[tuple[str, str, int], set[int]] = defaultdict(set)
    for look in moving:
        take = look.take
        if group := take.group or ("" if take.sound is None else take.sound.key()):
            contents[take.speaker, group, look.frames].add(take.label)
    aligned = [labels for labels in contents.values() if len(labels) > 1]
    if any(len(one & other) > 1 for one, other in combinations(aligned, 2)):
        return True, f"{len(aligned)} sentences are there in up to {max(map(len, aligned))} emotions, frame by frame"
    lengths: dict[tuple[str, str], set[int]] = defaultdict(set)
    for (speaker, group, _), labels in contents.items():
        lengths[speaker, group] |= labels
    if aligned:
        why = f"only {len(aligned)} sentence is there in two emotions frame by frame, and two are needed"
    elif apart := sum(len(labels) > 1 for labels in lengths.values()):
        why = f"{_sentences(apart)} there in two emotions, but not equally long"
    else:
        why = "no sentence is there in two emotions frame by frame"
    said: dict[tuple[str, str], set[int]] = defaultdict(set)
    for look in moving:
        if look.take.transcript and look.take.sound is not None:
            said[look.take.speaker, look.take.transcript.casefold()].add(look.take.label)
    if spoken := sum(len(labels) > 1 for labels in said.values()):
        return False, f"{why}; {_sentences(spoken)} there by the words: `warp: true` aligns them"
    return False, f"{why}: the teacher's faces can stand in for that"


def _sentences(count: int) -> str:
    return "1 sentence is" if count == 1 else f"{count} sentences are"


def _content(heard: Sequence[Look], speaking: Sequence[Look]) -> tuple[bool, str]:
    if not heard:
        return False, "no take has a sound"
    if not speaking:
        return False, "the mouth moves in no take"
    seconds = sum(look.frames for look in speaking) / FPS
    speakers = len({look.take.speaker for look in speaking})
    return True, f"{len(speaking)} takes of {speakers} speakers with a mouth that moves, {seconds:.1f} s"


def _emotion(heard: Sequence[Look], labels: Sequence[str]) -> tuple[bool, str]:
    if not heard:
        return False, "no take has a sound"
    if max(float(look.swing[S_UP].max()) for look in heard) < AREA_MOVES and not any(
        float(look.swing[AREAS["mouth"]].max()) >= TINY for look in heard
    ):
        return False, "brows, eyes and mouth stand still in all takes"
    if len(labels) < 2:
        return False, f"all takes are of one emotion, {labels[0]}: labels cannot be told apart"
    words = sum(look.take.transcript is not None for look in heard)
    missing = [label for label in LABELS if label not in labels]
    lacks = f"; no take is {', '.join(missing)}" if missing else ""
    return True, f"{len(labels)} of {len(LABELS)} emotions, {words} of {len(heard)} takes with a transcript{lacks}"


def _guided(heard: Sequence[Look], labels: Sequence[str]) -> tuple[bool, str]:
    if not heard:
        return False, "no take has a sound"
    described = sum(bool(look.take.description) for look in heard)
    pictures = sum(look.take.picture is not None for look in heard)
    if not described and len(labels) < 2:
        return False, "no take is described, and all are of one emotion"
    plain = "" if described == len(heard) else " (plain ones by label stand in for the rest)"
    return True, f"{described} of {len(heard)} takes with a description{plain}, {pictures} with a picture" + (
        "" if pictures else ": P_image learns nothing"
    )
