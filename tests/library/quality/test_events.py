"""The events against small cases worked out by hand, and against the tool that the project judges with."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from medtalk.quality import events
from medtalk.quality.articulation import articulation
from medtalk.quality.events import Events, count, frame_phones, runs
from medtalk.rig.formats import write_rig
from medtalk.rig.sequence import RigSequence
from tests.training.mouths import PHONES, taught


def curve(frames: int, **peaks: float) -> np.ndarray:
    """(frames,) 0 but in the given runs: f10_12=0.8 is .8 in frames 10 to 12."""
    out = np.zeros(frames)
    for name, value in peaks.items():
        first, last = name[1:].split("_")
        out[int(first) : int(last) + 1] = value
    return out


def labels(frames: int, **phones: str) -> np.ndarray:
    out = np.full(frames, "aa", dtype=object)
    for name, phone in phones.items():
        first, last = name[1:].split("_")
        out[int(first) : int(last) + 1] = phone
    return out


def test_runs() -> None:
    assert runs(np.array([1, 1, 0, 0, 1, 0, 1], bool)) == [(0, 2), (4, 5), (6, 7)]
    assert runs(np.zeros(3, bool)) == [] and runs(np.ones(2, bool)) == [(0, 2)]


def test_an_event_is_found_within_two_frames() -> None:
    said = labels(40, f20_22="p")
    for first, found in ((15, 0), (16, 0), (17, 1), (24, 1), (25, 0)):
        here = count([(curve(40, **{f"f{first}_{first + 1}": 0.9}), said)], "pbm", 0.5)
        assert (here.spoken, here.shown, here.found) == (1, 1, found), first


def test_an_event_is_true_within_three_frames() -> None:
    said = labels(40, f20_22="p")
    for first, true in ((14, 0), (15, 0), (16, 1), (25, 1), (26, 0)):
        here = count([(curve(40, **{f"f{first}_{first + 1}": 0.9}), said)], "pbm", 0.5)
        assert here.true == true, first


def test_two_spoken_one_found_one_false() -> None:
    """p in frames 10-13 is shown at 12-14, m at 30-33 is not, frames 50-52 are false, one frame at 56 is no event."""
    said = labels(60, f10_13="p", f30_33="m")
    shown = curve(60, f12_14=0.9, f30_33=0.4, f50_52=0.7, f56_56=0.9)
    found = count([(shown, said)], "pbm", 0.5)
    # the peak of the p is frame 12, the middle of the phone 11.5
    assert found == Events(threshold=0.5, spoken=2, found=1, shown=2, true=1, lag=0.5)
    assert (found.recall, found.precision, found.false) == (0.5, 0.5, 1) and found.f1 == pytest.approx(0.5)
    lower = count([(shown, said)], "pbm", 0.3)
    assert (lower.found, lower.shown, lower.true) == (2, 3, 2) and lower.f1 == pytest.approx(0.8)
    assert events.best([(shown, said)], "pbm").threshold == pytest.approx(0.05)


def test_nothing_spoken_and_nothing_shown() -> None:
    quiet = count([(curve(20), labels(20, f5_8="b"))], "pbm", 0.5)
    assert (quiet.recall, quiet.precision, quiet.f1, quiet.lag) == (0.0, 0.0, 0.0, 0.0)
    loud = count([(curve(20, f5_8=1.0), labels(20))], "pbm", 0.5)
    assert (loud.recall, loud.precision, loud.f1, loud.false) == (0.0, 0.0, 0.0, 1)
    assert count([(curve(3, f0_2=1.0), labels(3, f0_2="m"))], "pbm", 0.5).f1 == pytest.approx(1.0), "shorter than 7"


def test_clips_are_not_joined() -> None:
    end, start = curve(10, f8_9=0.9), curve(10, f0_1=0.9)
    said = labels(10)
    assert count([(end, said), (start, said)], "pbm", 0.5).shown == 2


def test_frame_phones() -> None:
    names = frame_phones([(-0.2, 0.1, "sil"), (0.1, 0.2, "AH1".lower()), (0.2, 0.3, "spn"), (0.3, 0.4, "m")], 30)
    assert names.tolist() == ["sil"] * 6 + ["ah"] * 6 + ["sil"] * 6 + ["m"] * 6 + ["sil"] * 6


def tool(shared: Path):
    spec = importlib.util.spec_from_file_location("lip_events", shared.parent / "tools" / "lip_events.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_same_numbers_as_the_tool(shared: Path, tmp_path: Path) -> None:
    """On lips that are late, noisy, half open and half false."""
    rng = np.random.default_rng(3)
    clips = {}
    for name, late, gain in (("one", 0, 1.0), ("two", 4, 0.6), ("three", -2, 1.3)):
        rig = np.roll(taught(), late, axis=0) * gain + rng.normal(0, 0.05, taught().shape)
        rig += 0.6 * np.roll(taught(), 40, axis=0)
        clips[name] = np.clip(rig, 0, 1).astype(np.float32)
        write_rig(tmp_path / f"{name}.csv", RigSequence(clips[name], 60.0))
    phones = {name: [[a, b, p] for a, b, p in PHONES] for name in clips}
    (tmp_path / "phones.json").write_text(json.dumps(phones))
    theirs = tool(shared).score(tmp_path, phones)
    table = articulation((rig, PHONES) for rig in clips.values())
    ours = table.to_dict()
    for kind, key in (("closure", "close"), ("bite", "bite"), ("rounding", "round")):
        names = ("recall", "precision", "F1", "false/min", "lag, frames", "best F1", "best at")
        expected = [theirs[key][k] for k in ("recall", "precision", "f1", "false_per_minute", "lag_frames")]
        expected += [theirs[key]["best_f1"], theirs[key]["best_at"]]
        assert [ours[f"{kind} {name}"] for name in names] == pytest.approx(expected)
    assert ours["open vowels shut"] == pytest.approx(theirs["open_vowel_shut"])
    assert ours["rest jaw p95"] == pytest.approx(theirs["rest_jaw_p95"], abs=1e-6)
    assert {name: ours[f"AUC {name}"] for name in theirs["auc"]} == pytest.approx(theirs["auc"], abs=1e-6)
