"""The report: good takes are good, and every fault is found where it was put."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from medtalk.audio import Speech
from medtalk.quality import Finding, Report, report
from medtalk.rig.channels import indices
from medtalk.rig.sequence import RigSequence, Timed
from tests.library.quality.faces import BITE, JAW, PHONES, SEAL, SECONDS, changed, shifted, speaking


def kinds(found: Report) -> set[str]:
    return {finding.kind for finding in found.findings}


def sound(seconds: float = SECONDS) -> Speech:
    """Noise in the first seconds of speech, then nothing."""
    samples = np.zeros(round(seconds * 16000), np.float32)
    spoken = samples[8000:53600]
    spoken += np.random.default_rng(0).normal(0, 0.1, len(spoken))
    return Speech.from_array(samples, 16000)


def test_a_good_take_is_good() -> None:
    found = report(speaking(), sound())
    assert found.good and found.summary == "good, by the rig's own phones" and found.findings == ()
    assert found.figures["frames too many"] == 0.0 and found.figures["blinks/min"] == pytest.approx(15.0)
    assert found.figures["lip motion in silence"] < 0.1
    assert all(np.isfinite(value) for value in found.figures.values())


def test_a_missing_closure_says_which_word() -> None:
    found = report(speaking(("p",)))
    first, second = (finding for finding in found.findings if finding.kind == "missing closure")
    assert str(first).startswith('00:01.85 p of "people": the lips stay ') and str(first).endswith(" mm apart")
    assert second.start == pytest.approx(3.05)
    assert found.summary == "look here: missing closure × 2"


def test_false_contacts_are_found_at_their_times() -> None:
    found = report(changed(changed(speaking(), 1.17, 1.23, SEAL, 1.0), 2.35, 2.42, SEAL, 1.0))
    false = [finding for finding in found.findings if finding.kind == "false contact"]
    assert [finding.start for finding in false] == pytest.approx([1.17, 2.35], abs=0.02)
    assert [finding.message for finding in false] == [
        'lips shut without p b m in "back"', 'lips shut without p b m in "people"',
    ]  # fmt: skip


def test_a_missing_bite() -> None:
    found = report(changed(speaking(), 0.0, SECONDS, BITE, 0.0))
    assert kinds(found) == {"missing bite"}
    assert [finding.start for finding in found.findings] == [p.start for p in PHONES if p.text in "fv"]
    assert "the lower lip stays" in found.findings[0].message


@pytest.mark.parametrize(("frames", "kind"), [(9, "lips late"), (-9, "lips early")])
def test_late_and_early_lips(frames: int, kind: str) -> None:
    found = report(shifted(speaking(), frames))
    assert kind in kinds(found) and abs(found.figures["lip lag, ms"] - 1000 * frames / 60) < 40.0


def test_a_still_face() -> None:
    found = report(RigSequence(np.zeros((1200, 174)), phones=PHONES))
    assert {"still lips", "no blinks"} <= kinds(found)
    assert {finding.end for finding in found.findings if finding.kind == "still lips"} == {20.0}


def test_motion_in_a_pause_is_found_there() -> None:
    rig = speaking()
    values = rig.values.copy()
    values[225:235, JAW[0]] += 0.2
    found = report(RigSequence(values, phones=PHONES), sound())
    (moving,) = [finding for finding in found.findings if finding.kind == "motion in silence"]
    assert 3.35 < moving.start < 3.75 < 3.9 < moving.end <= SECONDS and "mm/s" in moving.message


def test_trembling_and_limits() -> None:
    rig = speaking()
    noisy = rig.values + np.random.default_rng(1).normal(0, 0.05, rig.values.shape).astype(np.float32)
    assert "jitter" in kinds(report(RigSequence(noisy)))
    stuck = report(changed(rig, 0.0, 3.0, indices("L_brow_down"), 1.0))
    (finding,) = stuck.findings
    assert finding.kind == "at a limit" and "CTRL_L_brow_down-translateY 75%" in finding.message
    assert stuck.limits["CTRL_L_brow_down-translateY"] == pytest.approx(0.75)


def test_a_sound_of_another_length() -> None:
    found = report(speaking(), sound(5.0))
    (finding,) = [finding for finding in found.findings if finding.kind == "length"]
    assert finding.message == "the rig has 60 frames fewer than its sound has (-1.00 s)"
    assert report(speaking().resample(30.0), sound()).figures["frames too many"] == 0.0


def test_a_sound_has_as_many_frames_as_the_networks_make_of_it() -> None:
    """4.01 s are 240.6 frames, of which 240 are whole."""
    assert report(speaking(), sound(4.01)).figures["frames too many"] == 0.0
    assert report(speaking().slice(0.0, SECONDS - 1 / 60), sound(4.01)).figures["frames too many"] == -1.0


def test_the_longest_stare_is_found_where_it_is() -> None:
    """A blink after 5 s, and none in the 19 s that follow; 14 s are no fault."""
    values = np.zeros((60 * 24, 174), np.float32)
    values[300:309, indices("?_eye_blink")] = 1.0
    found = report(RigSequence(values))
    (stare,) = [finding for finding in found.findings if finding.kind == "no blinks"]
    assert stare.start == pytest.approx(5.15, abs=0.05) and stare.end == 24.0 and stare.message == "no blink for 19 s"
    assert found.figures["longest without a blink, s"] == pytest.approx(18.85, abs=0.05)
    values[900:909, indices("?_eye_blink")] = 1.0
    assert "no blinks" not in kinds(report(RigSequence(values)))


def test_good_says_by_which_phones() -> None:
    def said(*options: object, **more: object) -> str:
        return report(*options, **more).summary  # type: ignore[arg-type]

    rig, bare = speaking(), RigSequence(speaking().values)
    assert said(rig, sound(), PHONES) == said(bare, None, PHONES) == "good, by phones that the model heard"
    assert said(bare, sound(), PHONES, transcribed=True) == "good, by its transcript"
    assert said(bare, sound()) == said(rig, phones=()) == "good, without phones"
    assert said(rig.with_meta(region="upper")) == "good, without phones", "its lips are not judged"


def test_a_head_that_turns_is_measured() -> None:
    rig = speaking()
    turn = np.linspace(0.0, 1.0, len(rig))[:, None] * (0.0, -9.0, 3.0)
    found = report(replace(rig, head=turn), sound()).figures
    assert found["head range, deg"] == pytest.approx(9.0)
    steady = np.hypot(9.0, 3.0) * 60.0 / (len(rig) - 1)
    assert found["head peak speed, deg/s"] == pytest.approx(steady, rel=1e-3)
    assert found["head speed in speech, deg/s"] == pytest.approx(steady, rel=1e-3)
    assert not any("head" in name for name in report(rig, sound()).figures)


def test_without_phones_and_sound_the_rest_is_measured() -> None:
    bare = RigSequence(speaking().values)
    found = report(bare)
    assert found.good and {"jitter", "blinks/min", "asymmetry, mm", "at a limit"} <= set(found.figures)
    assert not {"contact recall", "lip motion in silence", "loudness r"} & set(found.figures)
    assert "lip motion in silence" in report(bare, sound()).figures, "a sound has pauses"


@pytest.mark.parametrize(
    ("region", "kinds_left"),
    [
        ("full", {"no blinks", "still lips", "missing bite"}),
        ("upper", {"no blinks"}),
        ("mouth", {"still lips", "missing bite"}),
    ],
)
def test_what_was_asked_to_rest_may_rest(region: str, kinds_left: set[str]) -> None:
    still = RigSequence(np.zeros((1200, 174)), phones=PHONES, meta={"region": region})
    assert kinds(report(still)) == kinds_left
    assert ("contact recall" in report(still).figures) == (region != "upper")


def test_phones_that_are_given_take_the_place_of_the_rigs() -> None:
    elsewhere = [Timed(p.text.upper(), p.start + 0.3, p.end + 0.3) for p in PHONES]
    assert report(speaking(), phones=elsewhere).figures["lip lag, ms"] < -200.0
    assert "contact recall" not in report(speaking(), phones=()).figures


def test_a_captured_take_adds_errors() -> None:
    figures = report(shifted(speaking(), 3), captured=speaking()).figures
    assert 0.0 < figures["LVE, mm"] < figures["LVE, mm, still face"] * 2 and figures["MTM, ms"] > 0.0


@pytest.mark.parametrize(("region", "names"), [("full", 3), ("mouth", 2), ("upper", 0)])
def test_worse_than_a_still_face(region: str, names: int) -> None:
    """A fifth of a second late, so that the lips are far from the captured ones at every moment."""
    late = shifted(speaking(), 12).with_meta(region=region)
    found = report(late, captured=speaking())
    worse = [finding for finding in found.findings if finding.kind == "worse than a still face"]
    assert found.figures["LVE, mm"] > found.figures["LVE, mm, still face"]
    assert len(worse) == (names > 0)
    for finding in worse:
        both = "LVE {LVE, mm:.3g} mm (still {LVE, mm, still face:.3g})".format_map(found.figures)
        assert (finding.start, finding.end) == (0.0, SECONDS) and both in finding.message
        assert finding.message.count("still ") == names + 1
    assert report(speaking(), captured=speaking()).good


def test_json_says_it_all() -> None:
    found = report(speaking(("p",)))
    data = json.loads(json.dumps(found.to_dict()))
    assert (
        data["phones"] == "rig"
        and data["good"] is False
        and data["summary"] == found.summary
        and data["figures"] == found.figures
    )
    assert data["findings"][0] == {
        "start": found.findings[0].start, "end": found.findings[0].end, "kind": "missing closure",
        "message": found.findings[0].message,
    }  # fmt: skip


@pytest.mark.parametrize(("seconds", "text"), [(0.0, "00:00.00"), (59.999, "01:00.00"), (3725.126, "62:05.13")])
def test_times_are_minutes_and_seconds(seconds: float, text: str) -> None:
    assert str(Finding(seconds, seconds, "x", "why")) == f"{text} why"
