"""The page of a study: it shows takes without names, in a random order for each participant, and collects votes.

Nothing on it tells a condition. Takes have random ids, stand in the order of these, and carry curves alone; the order
and the sides are drawn in the browser from the participant's id.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from medtalk.audio import read_bytes, read_speech
from medtalk.errors import StudyError
from medtalk.face import page
from medtalk.face.beside import length_note, starts_at
from medtalk.face.packed import pack_sound, pack_take
from medtalk.rig import RigSequence
from medtalk.study.clips import Clip
from medtalk.study.key import Key
from medtalk.study.questions import QUESTIONS, SCALE
from medtalk.watch import checkpoint

TITLE = "How do these faces speak?"
CONSENT = (
    "I take part of my own free will and may stop at any time by closing this page: then nothing of mine is used. "
    "My answers are kept under a code, without my name, and are used for research."
)
MAX_BYTES = 200_000_000
"""Of a page: what browsers open without trouble."""
_MOST_TEXT = 2000


def study_page(key: Key, clips: Sequence[Clip], title: str = TITLE, consent: str = CONSENT) -> str:
    """The HTML of the page of a study.

    Raises StudyError for a text of over 2000 characters and for a page of over 200 MB, and AudioError for a sound that
    cannot be read.
    """
    for name, text in (("title", title), ("consent", consent)):
        if not text.strip() or len(text) > _MOST_TEXT:
            said = f"has {len(text)} characters" if text.strip() else "is blank"
            raise StudyError(f"The {name} {said}; valid are 1 to {_MOST_TEXT} characters.")
    about = {
        "id": key.study,
        "kind": key.kind,
        "title": title,
        "consent": consent,
        "questions": [{"name": each.name, "title": each.title, "text": getattr(each, key.kind)} for each in QUESTIONS],
        "scale": list(SCALE.items()),
        "clips": [{"id": clip, "takes": key.of(clip)} for clip in sorted(key.clips)],
        "each": key.each,
        "checks": key.checks,
    }
    by_name = {clip.name: clip for clip in clips}
    data = [page.record("study", about)]
    for ident in sorted(key.clips):
        checkpoint()
        clip = by_name[key.clips[ident]]
        # bytes, and not the path: a blob of a file tells its name
        data.append(page.blob("sound", pack_sound(read_bytes(clip.sound), "sound"), ident))
    for take, (ident, condition) in sorted(key.takes.items()):
        checkpoint()
        data.append(page.blob("take", _bare(by_name[key.clips[ident]].takes[condition][1]), take))
    if (size := sum(map(len, data))) > MAX_BYTES:
        raise StudyError(
            f"The page would be {size / 1e6:.0f} MB large; the limit is {MAX_BYTES / 1e6:.0f} MB.",
            "Use fewer or shorter clips, or sounds as OGG.",
        )
    code = f"{page.face_script()}\n{_web('order.js')}\n{_web('study.js')}"
    return page.assemble(title, f"{page.style()}\n{_web('study.css')}", code, data)


def differences(clips: Sequence[Clip]) -> list[str]:
    """Lines about what could give conditions away, apart from their faces, and about lengths that differ.

    Raises StudyError for a take of only a part of its sound, and AudioError for a sound that cannot be read.
    """
    notes = []
    for clip in clips:
        rigs = {name: take for name, (_, take) in clip.takes.items()}
        if len({take.fps for take in rigs.values()}) > 1:
            told = ", ".join(f"{name} {take.fps:g}" for name, take in rigs.items())
            notes.append(f"The frame rates of {clip.name} differ, which may give conditions away: {told} per second.")
        turning = [name for name, take in rigs.items() if take.head is not None]
        if turning and len(turning) < len(rigs):
            notes.append(f"In {clip.name} only some turn the head, which gives them away: {', '.join(turning)}.")
        speech = read_speech(clip.sound)
        for name, (path, take) in clip.takes.items():
            if start := starts_at(take, speech.seconds):
                raise StudyError(
                    f"{path} of {name} begins at {start:g} s of {clip.sound.name}.",
                    "Give takes of whole sounds, or cut the sounds: the page starts both together.",
                )
        odd = [f"{name} {take.seconds:.2f}" for name, take in rigs.items() if length_note(take, speech.seconds)]
        if odd:
            notes.append(f"{clip.name} lasts {speech.seconds:.2f} s, but some of its takes do not: {', '.join(odd)}.")
    return notes


def _bare(rig: RigSequence) -> bytes:
    """A take with its curves alone: words, phones, meta and names would tell who made it."""
    return pack_take(RigSequence(rig.values, rig.fps, head=rig.head), "")


def _web(name: str) -> str:
    return files("medtalk.study").joinpath("web", name).read_text("utf-8")
