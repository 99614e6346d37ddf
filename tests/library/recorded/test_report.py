"""What came out, as text, as JUnit XML and as a page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from medtalk.errors import AudioError
from medtalk.recorded.comparison import compare
from medtalk.recorded.page import write_report
from medtalk.recorded.recording import write_recording
from medtalk.recorded.report import clock, details, headline, summary, write_junit
from medtalk.recorded.verify import CHANGED, FAILED, MOST_HEADS, SAME, UPDATED, Verdict, farthest, without_rigs
from medtalk_wire.settings import Settings
from tests.library.quality.faces import JAW, changed, speaking

GOOD, BAD = speaking(), changed(speaking(("b",)), 1.0, 1.1, JAW, 0.9)


@pytest.fixture
def verdicts(tmp_path: Path, sound: Path) -> list[Verdict]:
    """One that is the same, one that has changed, one that failed."""
    recording = write_recording(tmp_path / "rigs" / "a<b>&.rig", GOOD, sound, Settings())
    good, bad = {"summary": "good"}, {"summary": "look here: missing closure"}
    return [
        Verdict(Path("rigs/one.rig"), SAME, compare(GOOD, GOOD), seconds=0.5),
        Verdict(recording.file, CHANGED, compare(GOOD, BAD), recording, BAD, sound, bad, good, ("another bundle",)),
        Verdict(Path("rigs/three\x01.rig"), FAILED, error=AudioError("The sound three.wav is missing.", "Look.")),
    ]


def test_lines(verdicts: list[Verdict]) -> None:
    same, change, failed = map(headline, verdicts)
    assert same == "the same" and list(details(verdicts[0])) == []
    assert re.fullmatch(
        r"changed: \S+ moved most, [\d.]+ at 00:0\d\.\d\d; \d controls over the tolerance; \d events? of the lips",
        change,
    )
    assert failed == "cannot be verified: The sound three.wav is missing. Look."
    lines = list(details(verdicts[1]))
    assert re.match(r'00:00\.95 b of "back": the lips stay', lines[0])
    lines = lines[len(verdicts[1].comparison.events) :]  # pyright: ignore[reportOptionalMemberAccess]
    assert re.fullmatch(r"on the head: [\d.]+ mm near the lower lip at 00:01\.\d\d", lines[0])
    assert lines[1].startswith("by area: mouth ")
    assert re.fullmatch(r"C_jaw\.Y: 0\.\d+ at 00:01\.\d\d, RMS 0\.\d+, mean 0\.\d+; 0\.01 allowed", lines[6])
    assert lines[7] == "and 2 more controls"
    assert re.search(r"^MLE [\d.]+, .*LVE [\d.]+ mm, .*; jitter [\d.]+ before, [\d.]+ now$", lines[-3])
    assert lines[-2:] == ["quality: look here: missing closure; when it was recorded: good", "another bundle"]
    assert summary(verdicts) == "3 recorded rigs: 1 the same, 1 changed, 1 cannot be verified"
    assert summary(verdicts[:1]) == "1 recorded rig: 1 the same"
    assert clock(61.5) == "01:01.50"


def test_the_worst_come_first(verdicts: list[Verdict]) -> None:
    little = Verdict(Path("b.rig"), CHANGED, compare(GOOD, changed(GOOD, 1, 2, JAW, 0.4)))
    assert [each.state for each in farthest([*verdicts, little])] == [FAILED, CHANGED, CHANGED, SAME]
    assert farthest([little, *verdicts])[1] is verdicts[1]


def test_junit(verdicts: list[Verdict], tmp_path: Path) -> None:
    root = ElementTree.parse(write_junit(tmp_path / "out.xml", verdicts)).getroot()
    (suite,) = root
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "3", "failures": "1", "errors": "1", "skipped": "0"} and suite.get("time") == "0.500"
    names = [case.get("name") for case in suite]
    assert names == ["one", "a<b>&", "three?"] and suite[0].get("classname") == "rigs"
    assert len(suite[0]) == 0, "a case that passed"
    (failure,) = suite[1]
    assert failure.tag == "failure" and "moved most" in str(failure.get("message")) and "C_jaw.Y" in str(failure.text)
    (error,) = suite[2]
    assert error.tag == "error" and "is missing" in str(error.get("message"))


def test_junit_as_jenkins_checks_it(verdicts: list[Verdict], tmp_path: Path) -> None:
    """By its plugin xUnit's junit-10.xsd, which knows no other attributes."""
    root = ElementTree.parse(write_junit(tmp_path / "out.xml", verdicts)).getroot()
    assert root.tag == "testsuites" and not root.attrib
    (suite,) = root
    assert set(suite.attrib) == {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.attrib["timestamp"])
    for case in suite:
        assert case.tag == "testcase" and set(case.attrib) == {"classname", "name", "time"}
        assert {inner.tag for inner in case} <= {"failure", "error", "system-out"}
        assert all(set(inner.attrib) <= {"message", "type"} for inner in case)


def test_a_page_with_heads(verdicts: list[Verdict], tmp_path: Path) -> None:
    text = write_report(tmp_path / "out.html", verdicts).read_text("utf-8")
    assert "<h1>3 recorded rigs: 1 the same, 1 changed, 1 cannot be verified</h1>" in text
    assert "a&lt;b&gt;&amp;.rig</a>" in text and "<b>" not in text and "<script" not in text
    (link,) = re.findall(r'<a href="([^"]+)"', text)
    heads = (tmp_path / link).read_text("utf-8")
    assert link == "out-heads/001-a_b__.html"
    assert heads.count('data-blob="take"') == 2 and heads.count('data-blob="sound"') == 1
    assert text.index("three") < text.index("a&lt;b"), "what cannot be verified comes first"


def test_only_what_is_shown_stays_in_memory(verdicts: list[Verdict]) -> None:
    from dataclasses import replace

    same = replace(verdicts[1], state=SAME)
    little = [replace(verdicts[1], comparison=compare(GOOD, changed(GOOD, 1, 2, JAW, 0.4))) for _ in range(MOST_HEADS)]
    kept = without_rigs([same, *little, verdicts[1]])
    assert kept[0].rig is None and kept[-1] is verdicts[1] and kept[0].comparison is same.comparison
    assert sum(each.rig is not None for each in kept) == MOST_HEADS


def test_pages_of_others_stay(verdicts: list[Verdict], tmp_path: Path) -> None:
    heads = tmp_path / "out-heads"
    heads.mkdir()
    (heads / "001-notes.html").write_text("mine")
    write_report(tmp_path / "out.html", verdicts)
    assert sorted(path.name for path in heads.iterdir()) == ["001-a_b__.html", "001-notes.html"]
    write_report(tmp_path / "out.html", verdicts[:1])
    assert [path.name for path in heads.iterdir()] == ["001-notes.html"]


def test_no_heads_where_nothing_has_changed(verdicts: list[Verdict], tmp_path: Path) -> None:
    write_report(tmp_path / "out.html", verdicts[:1])
    assert not (tmp_path / "out-heads").exists()


def test_what_was_recorded_again(verdicts: list[Verdict]) -> None:
    from dataclasses import replace

    assert headline(replace(verdicts[1], state=UPDATED)).startswith("recorded again: ")
    assert headline(replace(verdicts[0], state=UPDATED)) == "recorded again: the sound is another one"


def test_json(verdicts: list[Verdict]) -> None:
    import json

    found: list[dict[str, Any]] = [json.loads(json.dumps(each.to_dict())) for each in verdicts]
    assert [each["state"] for each in found] == [SAME, CHANGED, FAILED]
    assert found[1]["comparison"]["moved"] and found[2]["error"]["code"] == "audio"
