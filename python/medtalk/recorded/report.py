"""What came out of verifying recorded rigs: as lines of text, and as JUnit XML for a CI server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from medtalk.files import write_atomic
from medtalk.inputs import path_text
from medtalk.quality import Finding
from medtalk.recorded.comparison import TURN, Comparison, Moved
from medtalk.recorded.verify import CHANGED, FAILED, SAME, UPDATED, Verdict, totals

_MOST_MOVED, _MOST_EVENTS = 5, 10
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def headline(verdict: Verdict) -> str:
    """What became of a recorded rig, in a line, with what moved most and when."""
    if verdict.error is not None:
        return f"cannot be verified: {verdict.error}"
    comparison = verdict.comparison
    assert comparison is not None
    allowed = f" ({verdict.loosened})" * bool(verdict.loosened)
    if verdict.state == SAME:
        if comparison.identical or not comparison.moved:
            return "the same"
        return f"the same within the tolerance{allowed}; {_farthest(comparison.moved[0])}"
    what = [*comparison.reasons]
    if over := comparison.over:
        what.append(f"{_farthest(over[0])}; {len(over)} control{'s' * (len(over) > 1)} over the tolerance{allowed}")
    if comparison.events:
        what.append(f"{len(comparison.events)} event{'s' * (len(comparison.events) > 1)} of the lips")
    said = "; ".join(what) or "the sound is another one"
    return f"recorded again: {said}" if verdict.state == UPDATED else f"changed: {said}"


def details(verdict: Verdict) -> Iterator[str]:
    """What a changed one is to be looked at for, a line each: what an animator sees, then controls and figures."""
    comparison = verdict.comparison
    if comparison is not None and verdict.state != SAME:
        yield from map(str, comparison.events[:_MOST_EVENTS])
        if (more := len(comparison.events) - _MOST_EVENTS) > 0:
            yield f"and {more} more event{'s' * (more > 1)}"
        yield from seen(comparison)
        yield from map(moved_line, comparison.over[:_MOST_MOVED])
        if (more := len(comparison.over) - _MOST_MOVED) > 0:
            yield f"and {more} more control{'s' * (more > 1)}"
        if errors := errors_line(comparison):
            yield errors
    yield from quality_lines(verdict)
    yield from verdict.notes


def seen(comparison: Comparison) -> Iterator[str]:
    """How far the head moved, where and when, and the largest difference of each area."""
    if (place := comparison.place) is not None:
        yield f"on the head: {_number(place.mm)} mm near the {place.near} at {clock(place.seconds)}"
    if areas := _areas_line(comparison):
        yield areas


def _areas_line(comparison: Comparison) -> str:
    """The largest difference of each area, the farthest first; the turn of the head comes last. "" for none."""
    spread = sorted(comparison.areas.items(), key=lambda each: (each[0] == TURN, -each[1][0]))
    parts = [f"{area} {_number(largest)}{'°' * (area == TURN)}" for area, (largest, _, _) in spread if largest]
    return f"by area: {', '.join(parts)}" if parts else ""


def errors_line(comparison: Comparison) -> str:
    """The errors beside the recorded rig, and the jitter; "" where there are none."""
    if not (figures := dict(comparison.figures)):
        return ""
    before, after = figures.pop("jitter recorded"), figures.pop("jitter")
    errors = ((*name.partition(", "), value) for name, value in figures.items())
    parts = [f"{name} {_number(value)}{f' {unit}' * bool(unit)}" for name, _, unit, value in errors]
    return f"{', '.join(parts)}; jitter {_number(before)} before, {_number(after)} now"


def quality_lines(verdict: Verdict) -> Iterator[str]:
    """Where the verdict on the take is another one than when it was recorded."""
    now, before = verdict.quality.get("summary"), verdict.before.get("summary")
    if now and before and now != before:
        yield f"quality: {now}; when it was recorded: {before}"


def moved_line(each: Moved) -> str:
    """A control that moved: how far, when, and on the mean."""
    unit = "°" * (each.area == TURN)
    return (
        f"{each.name}: {_number(each.largest)}{unit} at {clock(each.seconds)}, RMS {_number(each.rms)}, mean "
        f"{_number(each.mean)}; {each.tolerance:g}{unit} allowed"
    )


def clock(seconds: float) -> str:
    """A time as findings have it: minutes:seconds with hundredths."""
    return str(Finding(seconds, seconds, "", "")).strip()


def summary(verdicts: Sequence[Verdict]) -> str:
    """All of them in a line."""
    counts = totals(verdicts)
    words = {SAME: "the same", CHANGED: "changed", FAILED: "cannot be verified", UPDATED: "recorded again"}
    parts = [f"{count} {words[state]}" for state, count in counts.items() if count]
    return f"{len(verdicts)} recorded rig{'s' * (len(verdicts) != 1)}: {', '.join(parts)}"


def write_junit(path: Path, verdicts: Sequence[Verdict], *, force: bool = False) -> Path:
    """Write JUnit XML, a test case for each recorded rig: a change is a failure, one that cannot be made an error."""
    counts = totals(verdicts)
    suite = ElementTree.Element(
        "testsuite",
        name="medtalk verify",
        tests=str(len(verdicts)),
        failures=str(counts[CHANGED]),
        errors=str(counts[FAILED]),
        skipped="0",
        time=f"{sum(verdict.seconds for verdict in verdicts):.3f}",
        timestamp=datetime.now(UTC).isoformat(timespec="seconds").partition("+")[0],
    )
    for verdict in verdicts:
        folder = path_text(verdict.file.parent).replace("\\", "/").strip("./").replace("/", ".") or "rigs"
        case = ElementTree.SubElement(
            suite, "testcase", classname=_xml(folder), name=_xml(verdict.file.stem), time=f"{verdict.seconds:.3f}"
        )
        text = "\n".join(details(verdict))
        if verdict.state == SAME and verdict.loosened:
            text = "\n".join(filter(None, [headline(verdict), text]))
        if verdict.state in (CHANGED, FAILED):
            kind = "failure" if verdict.state == CHANGED else "error"
            inner = ElementTree.SubElement(case, kind, message=_xml(headline(verdict)), type=verdict.state)
            inner.text = _xml(text or headline(verdict))
        elif text:
            ElementTree.SubElement(case, "system-out").text = _xml(text)
    whole = ElementTree.Element("testsuites")
    whole.append(suite)
    ElementTree.indent(whole)
    data = ElementTree.tostring(whole, "utf-8", xml_declaration=True) + b"\n"
    return write_atomic(path, lambda place: place.write_bytes(data), force=force)


def _farthest(each: Moved) -> str:
    unit = "°" * (each.area == TURN)
    return f"{each.name} moved most, {_number(each.largest)}{unit} at {clock(each.seconds)}"


def _number(value: float) -> str:
    return f"{value:.2g}" if abs(value) < 1.0 else f"{value:.3g}"


def _xml(text: str) -> str:
    """Text without the signs that XML cannot hold."""
    return _NOT_XML.sub("?", text.encode("utf-8", "replace").decode())
