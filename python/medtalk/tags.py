"""Tags in a transcript: `[angry] leave me [sad] alone [/]` names the mood of the words behind it.

A tag names any emotion as `--emotion` does (`[happy:0.7]`) and holds until the next one; `[/]` ends it. Its span begins
where the first word behind it is spoken. Tags are not spoken; `[[` and `]]` are brackets.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from medtalk.errors import GuidanceError
from medtalk.guidance import guidance_of
from medtalk.timeline import Span, within

if TYPE_CHECKING:
    from medtalk.rig import Timed

_BRACKETS = "Write [[ for a bracket that is no tag."
_MARK = re.compile(r"\[\[|\]\]|\[([^\[\]]*)\]|\[")
_END = "/"


class Tag(NamedTuple):
    """A tag of a transcript.

    Attributes:
        emotion: that it names; "" ends the one before.
        place: where it stands in the text without tags.
        where: how messages call it.
    """

    emotion: str
    place: int
    where: str


def read_tags(transcript: str) -> tuple[str, tuple[Tag, ...]]:
    """A transcript without its tags, and the tags.

    Raises:
        GuidanceError: a tag that is not closed, that names no emotion, or that no word follows.
    """
    text, tags, at = "", [], 0
    for mark in _MARK.finditer(transcript):
        text, at = _joined(text, transcript[at : mark.start()]), mark.end()
        if mark[0] in ("[[", "]]"):
            text += mark[0][0]
            continue
        where = f"The tag {mark[0][:40]} at character {mark.start() + 1} of the transcript"
        if mark[1] is None:
            begun = transcript[mark.start() : mark.start() + 20].strip()
            raise GuidanceError(
                f"The tag {begun!r} at character {mark.start() + 1} of the transcript is not closed.",
                f"Write it like [angry]. {_BRACKETS}",
            )
        word = mark[1].strip()
        if word != _END:
            try:
                with within(where):
                    guidance_of(word)
            except GuidanceError as error:
                if "Unknown emotion" in error.message or "unknown emotion" in error.message:
                    error.hint = f"If it is not a mood, write [[{word[:40]}]]. {_near(error.hint)}".strip()
                raise
        tags.append(Tag("" if word == _END else word, len(text), where))
    text = _joined(text, transcript[at:])
    for tag, end in zip(tags, [*(tag.place for tag in tags), len(text)][1:], strict=True):
        if tag.emotion and not any(map(str.isalnum, text[tag.place : end])):
            raise GuidanceError(f"{tag.where} has no word behind it.", "Put it before the words that it is for.")
    return text, tuple(tags)


def spoken(transcript: str | None) -> str | None:
    """A transcript without its tags; None stays None."""
    return None if transcript is None else read_tags(transcript)[0]


def tagged_spans(tags: Sequence[Tag], words: Sequence[Timed], places: Sequence[tuple[int, int]]) -> tuple[Span, ...]:
    """The spans of a transcript's tags.

    Args:
        tags: of `read_tags`.
        words: that were found in the sound, in order.
        places: of each of them, its characters in the text without tags, first and end.

    Raises:
        GuidanceError: none of the words behind a tag was found.
    """
    limits = [*(tag.place for tag in tags), math.inf][1:]
    own = [
        [word for word, (place, _) in zip(words, places, strict=True) if tag.place <= place < limit]
        for tag, limit in zip(tags, limits, strict=True)
    ]
    spans = []
    for number, (tag, found) in enumerate(zip(tags, own, strict=True)):
        if not tag.emotion:
            continue
        if not found:
            raise GuidanceError(
                f"{tag.where}: none of the words behind it was found in the sound, so it has no time.",
                "Check the words, or give the times with --timeline.",
            )
        end = math.inf
        if number + 1 < len(tags):  # a mood ends where the next begins, or where its last word does
            following = own[number + 1]
            end = following[0].start if tags[number + 1].emotion and following else found[-1].end
        spans.append(Span(found[0].start, end, tag.emotion, where=tag.where))
    return tuple(spans)


def _near(hint: str) -> str:
    """Of a hint on an unknown emotion what helps in a tag, which holds no description."""
    return hint if hint.startswith("Did you mean") else ""


def _joined(text: str, more: str) -> str:
    """Two pieces of a text between which a tag may have stood, without the blank that was around it."""
    if more[:1] in tuple(",.;:!?"):
        return text.rstrip() + more
    return text + (more.lstrip() if text[-1:].isspace() else more)
