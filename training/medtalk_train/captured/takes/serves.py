"""Which stages of the training a data set can serve, and with what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from medtalk.guidance import LABELS
from medtalk.rates import FPS
from medtalk.rig.channels import AREAS, S_UP
from medtalk_train.captured.aligned import Content, contents, enough, grids, within
from medtalk_train.captured.takes.faults import AREA_MOVES, TINY, mouth_moves
from medtalk_train.captured.takes.take import counted, speakers_of
from medtalk_train.captured.warp import Spoken, sentences

if TYPE_CHECKING:
    from medtalk_train.captured.takes.faults import Look


_STAGES = ("1, self and cycle", "1, overlap", "2", "3", "4")
_FAILED, _STAND_IN = "; takes with problems are not counted", ": the teacher's faces can stand in for that"


class Verdict(NamedTuple):
    """Whether a data set serves a stage, and why (not), in a line."""

    stage: str
    serves: bool
    why: str

    def __str__(self) -> str:
        return f"stage {self.stage}: {'yes' if self.serves else 'no'}, {self.why}"

    def to_dict(self) -> dict[str, Any]:
        return {"stage": self.stage, "serves": self.serves, "why": self.why}


def verdicts(looks: Sequence[Look], failed: bool = False) -> list[Verdict]:
    """The verdicts of whole takes, in the order of the stages; rigs that hardly move teach nothing.

    The takes must have been read with `parallel`. `failed` says that others may be missing, as there are problems.
    """
    moving = [look for look in looks if look.swing.max() >= TINY]
    heard = [look for look in moving if look.take.sound is not None]
    speaking = [look for look in heard if mouth_moves(look)]
    labels = sorted({LABELS[look.take.label] for look in heard})
    if not moving:
        return [Verdict(stage, False, "there is no take without problems") for stage in _STAGES]
    found = (_faces(moving), _aligned(moving, failed), _content(heard, speaking), _emotion(heard, labels),
             _guided(heard, labels))  # fmt: skip
    return [Verdict(stage, *each) for stage, each in zip(_STAGES, found, strict=True)]


def _faces(moving: Sequence[Look]) -> tuple[bool, str]:
    return True, f"{counted(len(moving), 'take')} with a face that moves, {_seconds(moving)}"


def _aligned(moving: Sequence[Look], failed: bool) -> tuple[bool, str]:
    """The exchange that overlaps (Eq. 3) needs two sentences, each frame by frame in the same two emotions.

    Takes of one and the same sound are aligned as they are, and so are rendered faces; those whose names agree are so
    under `parallel` alone.
    """
    rendered = all(look.take.sound is None for look in moving)
    found = contents(_row(look, rendered) for look in moving)
    aligned, together = grids(found), [content for _, content in found if len(content.takes) > 1]
    if aligned and (rendered or enough(aligned, len(moving))):
        most = max(len(content.takes) for content in together)
        return True, f"{_sentences(len(together))} there in up to {most} emotions, frame by frame"
    if aligned:
        why = f"only {len(within(aligned))} of {len(moving)} takes are aligned, and a quarter is needed"
    elif len(together) == 1:
        why = "only 1 sentence is there in two emotions frame by frame, and two are needed"
    elif together:
        why = "no two sentences are there in the same two emotions frame by frame"
    elif apart := _of_several_lengths(moving, rendered):
        why = f"{_sentences(apart)} there in two emotions, but not equally long"
    else:
        why = "no sentence is there in two emotions frame by frame"
    return False, why + (_remedy(moving) or (_FAILED if failed else _STAND_IN))


def _remedy(moving: Sequence[Look]) -> str:
    """The option by which a recipe gets grids from takes that are not aligned as they are; "" if none does."""
    by_name = grids(contents(_row(look, True) for look in moving))
    if by_name and enough(by_name, len(moving)):
        takes = len(within(by_name))
        return f"; {takes} takes agree in name and length: `parallel: true` if they also agree frame by frame"
    said = sentences([
        Spoken(str(k), look.take.speaker, look.take.label, look.take.transcript or "", False, sound, look.frames)
        for k, look in enumerate(moving) if (sound := look.take.sound) is not None
    ])  # fmt: skip
    of_words = [(group[0].speaker, Content(0, {take.label: int(take.name) for take in group}, {})) for group in said]
    return f"; {_sentences(len(said))} there by the words: `warp: true` aligns them" if grids(of_words) else ""


def _row(look: Look, by_name: bool) -> tuple[str, str, int, int]:
    """Speaker, group, frames and label of a take, as `contents` wants them."""
    take = look.take
    group = take.group if by_name else ""
    return take.speaker, group or ("" if take.sound is None else take.sound.key()), look.frames, take.label


def _of_several_lengths(looks: Sequence[Look], by_name: bool) -> int:
    """How many sentences are there in several emotions, if their lengths do not count."""
    rows = [_row(look, by_name) for look in looks]
    return sum(len(content.takes) > 1 for _, content in contents((who, what, 0, label) for who, what, _, label in rows))


def _sentences(count: int) -> str:
    return "1 sentence is" if count == 1 else f"{count} sentences are"


def _content(heard: Sequence[Look], speaking: Sequence[Look]) -> tuple[bool, str]:
    if not heard:
        return False, "no take has a sound"
    if not speaking:
        return False, "no take has a mouth that moves"
    takes, speakers = counted(len(speaking), "take"), speakers_of(look.take for look in speaking)
    return True, f"{takes} of {speakers} with a mouth that moves, {_seconds(speaking)}"


def _seconds(looks: Sequence[Look]) -> str:
    return f"{sum(look.frames for look in looks) / FPS:.1f} s"


def _emotion(heard: Sequence[Look], labels: Sequence[str]) -> tuple[bool, str]:
    if not heard:
        return False, "no take has a sound"
    if max(float(look.swing[S_UP].max()) for look in heard) < AREA_MOVES and not any(
        float(look.swing[AREAS["mouth"]].max()) >= TINY for look in heard
    ):
        return False, "brows, eyes and mouth stand still in all takes"
    if len(labels) < 2:
        return False, f"all takes have one emotion, {labels[0]}: there are no two labels to tell apart"
    words = sum(look.take.transcript is not None for look in heard)
    missing = [label for label in LABELS if label not in labels]
    lacks = f"; none of {', '.join(missing)}" if missing else ""
    takes = counted(len(heard), "take")
    return True, f"{len(labels)} of {len(LABELS)} emotions, {words} of {takes} with a transcript{lacks}"


def _guided(heard: Sequence[Look], labels: Sequence[str]) -> tuple[bool, str]:
    if not heard:
        return False, "no take has a sound"
    described = sum(bool(look.take.description) for look in heard)
    pictures = sum(look.take.picture is not None for look in heard)
    if not described and len(labels) < 2:
        return False, "no take is described, and all have one emotion"
    plain = "" if described == len(heard) else " (plain ones by label stand in for the rest)"
    takes, nothing = counted(len(heard), "take"), "" if pictures else ": P_image learns nothing"
    return True, f"{described} of {takes} with a description{plain}, {pictures} with a picture{nothing}"
