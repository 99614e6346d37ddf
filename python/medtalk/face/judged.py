"""What `medtalk.quality` finds, as the page shows it: marks along the time, and a summary."""

from __future__ import annotations

from medtalk.audio import Speech
from medtalk.face.packed import Fact, Mark
from medtalk.quality import report
from medtalk.rig import RigSequence

_KINDS = {"missing closure": "missing", "missing bite": "missing", "false contact": "false"}


def judge(rig: RigSequence, speech: Speech | None = None) -> tuple[list[Mark], list[Fact]]:
    """The marks and the summary of a take, for `pack_take`; speech is its sound, if it is known."""
    found = report(rig, speech)
    places = [each for each in found.findings if each.start > 0.0 or each.end < rig.seconds]
    whole = [each for each in found.findings if each not in places]
    marks = [Mark(each.start, each.end, _KINDS.get(each.kind, each.kind), each.message) for each in places]
    facts = [Fact("quality", found.summary, "good" if found.good else "look")]
    figures = found.figures
    if "contact recall" in figures:
        facts.append(Fact("p b m", f"{figures['contact recall']:.0%} meet"))
        facts.append(Fact("false", f"{figures.get('false contacts/min', 0.0):.1f} contacts a minute"))
    if "teeth on lip recall" in figures:
        facts.append(Fact("f v", f"{figures['teeth on lip recall']:.0%} show teeth on the lip"))
    return marks, [*facts, *(Fact(each.kind, each.message, "look") for each in whole)]
