"""`medtalk qa`: what it prints, its JSON, its exit code, and where the phones come from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medtalk.rig import RigSequence, read_rig, write_rig
from tests.library.quality.faces import SEAL, changed, shifted, speaking


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write_rig(tmp_path / "good.npz", speaking())


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """Two p that do not close, and a vowel that does."""
    return write_rig(tmp_path / "bad.npz", changed(speaking(("p",)), 1.17, 1.23, SEAL, 1.0))


@pytest.fixture
def take(medtalk: Callable[..., Any], sample: Path, tmp_path: Path) -> Path:
    """The sample as the bundle that ships animates it."""
    out = tmp_path / "take.npz"
    assert medtalk("generate", sample, "-q", "-o", out).code == 0
    return out


def test_a_good_take(medtalk: Callable[..., Any], good: Path) -> None:
    done = medtalk("qa", good, "--strict")
    assert (done.code, done.err) == (0, "")
    first, blank, heading, *rows = done.out.splitlines()
    assert first == f"{good}: 4.0 s, good, by the rig's own phones" and not blank
    assert heading.split() == ["figure", "value"]
    assert ["contact", "recall", "1"] in [row.split() for row in rows] and len(rows) > 15


def test_findings_have_a_time_and_a_reason(medtalk: Callable[..., Any], bad: Path) -> None:
    done = medtalk("qa", bad)
    assert done.code == 0, "only --strict fails"
    lines = done.out.splitlines()
    assert lines[0].startswith(f"{bad}: 4.0 s, look here: missing closure × 2")
    assert '  00:01.17 lips shut without p b m in "back"' in lines
    assert any(line.startswith('  00:01.85 p of "people": the lips stay ') for line in lines)
    assert "judged by the rig's own phones" in lines
    assert medtalk("qa", bad, "--strict").code == 1


def test_the_sample_is_as_long_as_generate_says(medtalk: Callable[..., Any], sample: Path, tmp_path: Path) -> None:
    out = tmp_path / "take.npz"
    assert medtalk("generate", sample, "-o", out).out.startswith(f"{out}: 4.9 s, 291 frames at ")
    done = medtalk("qa", out, "--audio", sample)
    assert done.out.startswith(f"{out}: 4.9 s, good, by the rig's own phones\n")
    assert "frames too many 0" in " ".join(done.out.split()) and "loudness r" not in done.out
    assert f"{tmp_path / 'take.csv'}: 4.9 s, 291 frames at " in medtalk("convert", out, tmp_path / "take.csv").out
    one = write_rig(tmp_path / "one.npz", RigSequence(read_rig(out).values[:1]))
    assert "0.0 s, 1 frame at 60 fps" in medtalk("convert", one, tmp_path / "one.csv").out


def test_json(medtalk: Callable[..., Any], bad: Path) -> None:
    done = medtalk("qa", bad, "--json", "--strict")
    data = json.loads(done.out)
    assert done.code == 1 and data["file"] == str(bad) and data["good"] is False
    assert {finding["kind"] for finding in data["findings"]} >= {"missing closure", "false contact"}
    assert data["figures"]["contact recall"] == pytest.approx(0.6) and data["phones"] == "rig"


def test_long_lists_are_cut(medtalk: Callable[..., Any], tmp_path: Path) -> None:
    """Twenty times a take with three faults."""
    long = RigSequence.concatenate([changed(speaking(("p",)), 1.17, 1.23, SEAL, 1.0)] * 20)
    out = medtalk("qa", write_rig(tmp_path / "long.npz", long)).out
    assert sum(line.startswith("  0") for line in out.splitlines()) == 40
    assert "more, which --json lists" in out


def test_phones_are_the_rigs_or_heard_or_found(medtalk: Callable[..., Any], take: Path, sample: Path) -> None:
    def source(*options: object) -> str:
        return json.loads(medtalk("qa", *options, "--json").out)["phones"]

    assert source(take) == source(take, "--audio", sample) == "rig"
    bare = write_rig(take.with_name("bare.csv"), read_rig(take))
    assert source(bare) == "none"
    assert source(bare, "--audio", sample) == "heard"
    words = "I can't believe it! You came back, and I have never been so happy in my whole life."
    assert source(bare, "--audio", sample, "--transcript", words) == "transcript"
    script = take.with_name("words.txt")
    script.write_text(words)
    assert source(take, "--audio", sample, "--transcript", script) == "transcript"


def test_a_rig_without_phones_and_sound(medtalk: Callable[..., Any], good: Path) -> None:
    done = medtalk("qa", write_rig(good.with_suffix(".csv"), read_rig(good)))
    assert done.code == 0 and "good, without phones\n" in done.out and "contact recall" not in done.out
    assert "jitter" in done.out


def test_a_captured_take(medtalk: Callable[..., Any], good: Path, tmp_path: Path) -> None:
    captured = write_rig(tmp_path / "captured.csv", shifted(speaking(), 3))
    figures = json.loads(medtalk("qa", good, "--captured", captured, "--json").out)["figures"]
    assert figures["MTM, ms"] > 0.0 and figures["LVE, mm"] > 0.0 and "MLE, still face" in figures


def test_what_is_worse_than_a_still_face_is_found(medtalk: Callable[..., Any], good: Path, tmp_path: Path) -> None:
    captured = write_rig(tmp_path / "captured.csv", shifted(speaking(), 12))
    done = medtalk("qa", good, "--captured", captured, "--strict")
    assert done.code == 1 and f"{good}: 4.0 s, look here: worse than a still face\n" in done.out


def test_what_does_not_fit_is_a_line(medtalk: Callable[..., Any], good: Path, tmp_path: Path, sample: Path) -> None:
    short = write_rig(tmp_path / "short.npz", speaking().slice(0.0, 2.0))
    for options, reason in (
        ((good, "--transcript", "a word"), "--transcript needs --audio"),
        ((good, "--captured", short), "same clip"),
        ((tmp_path / "none.npz",), "does not exist"),
        ((good, "--audio", tmp_path / "none.wav"), "does not exist"),
        ((good, "--audio", sample, "--transcript", "none.txt"), "does not exist"),
        ((sample,), "does not have the ending of a rig file"),
    ):
        done = medtalk("qa", *options)
        assert (done.code, done.out) == (1, "") and reason in done.err and done.err.count("\n") == 1, options
