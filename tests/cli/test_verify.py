"""`medtalk verify`: recorded rigs made again, with the same result or with what moved; and this repository's own."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile

from medtalk.perform import load
from medtalk.recorded.comparison import Tolerance, compare
from medtalk.recorded.making import Maker
from medtalk.recorded.recording import read_recording
from medtalk.rig import RigSequence, write_rig
from tests.helpers.sidecars import Sidecar

OURS = Path(__file__).parents[1] / "rigs"
"""The recorded rigs of this repository: of the sounds that it ships, and of its tests."""


@pytest.fixture
def rigs(tmp_path: Path, sound: Path, medtalk: Callable[..., Any]) -> Path:
    """A folder with two recorded rigs, `line` and `other`, of one sound that lies beside it."""
    folder = tmp_path / "rigs"
    assert medtalk("record", sound, "-o", folder / "line.rig", "--emotion", "happy", "-q").code == 0
    assert medtalk("record", sound, "-o", folder / "other.rig", "--fps", "30", "-q").code == 0
    return folder


@pytest.fixture
def sidecar(tmp_path: Path) -> Iterator[Sidecar]:
    sidecar = Sidecar(tmp_path, "--offline", "--device", "cpu").wait_until_ready()
    yield sidecar
    sidecar.close()


def spoil(file: Path, amount: float = 0.1) -> None:
    """Record the rig of a file otherwise: as if an update had moved the jaw by so much in its tenth frame."""
    from medtalk.recorded.recording import write_recording
    from medtalk.rig import indices

    found = read_recording(file)
    values = found.rig.values.copy()
    values[10, indices("C_jaw.Y")] += amount
    rig = RigSequence(values, found.rig.fps, found.rig.meta, found.rig.words, found.rig.phones, found.rig.head)
    write_recording(file, rig, found.find_sound(), found.settings, quality=found.quality)


def test_our_own_by_the_engine(medtalk: Callable[..., Any]) -> None:
    """Where this fails, something has changed the animation. Look at it (--html), then: medtalk verify --update."""
    done = medtalk("verify", OURS)
    assert done.code == 0, done.out + done.err
    assert done.out.endswith("3 recorded rigs: 3 the same\n") and done.err == ""


def test_our_own_by_the_sidecar(medtalk: Callable[..., Any], sidecar: Sidecar) -> None:
    done = medtalk("verify", OURS, "--server", sidecar.file)
    assert done.code == 0, done.out + done.err
    assert done.out.endswith("3 recorded rigs: 3 the same\n")


@pytest.mark.parametrize("seed", [0, 1])
def test_our_own_where_numbers_are_rounded_otherwise(tmp_path: Path, seed: int) -> None:
    """Noise 100 dB under full scale stands for another processor, on which the same must come out."""
    maker = Maker(load(threads=1, device="cpu"))
    for file in sorted(OURS.glob("*.rig")):
        recording = read_recording(file)
        samples, rate = soundfile.read(recording.find_sound())
        noisy = samples + 1e-5 * np.random.default_rng(seed).standard_normal(samples.shape)
        soundfile.write(tmp_path / "noisy.wav", noisy, rate, "DOUBLE")
        found = compare(recording.rig, maker(tmp_path / "noisy.wav", recording.settings), Tolerance(across="noisy"))
        assert found.moved and found.same, (file.name, found.over[:3], found.events, found.reasons)


def test_another_kind_of_machine_may_round_otherwise(medtalk: Callable[..., Any], rigs: Path, tmp_path: Path) -> None:
    file = rigs / "line.rig"
    spoil(file, 0.04)
    assert medtalk("verify", file).code == 1
    text = file.read_text("utf-8")
    file.write_text(text.replace("onnxruntime ", "onnxruntime 9."), "utf-8")
    assert medtalk("verify", file).code == 1, "an update of a library does not loosen its own test"
    file.write_text(text.replace('"platform": "', '"platform": "Odd '), "utf-8")
    done = medtalk("verify", file, "--junit", tmp_path / "junit.xml")
    why = "0.05 within 2 frames and 0.5° of the head allowed: recorded on Odd "
    assert done.code == 0 and f"line.rig: the same within the tolerance ({why}" in done.out
    assert why in (tmp_path / "junit.xml").read_text("utf-8")
    assert medtalk("verify", file, "--tolerance", "0.01").code == 1, "a number that is asked for counts everywhere"
    spoil(file, 0.2)
    file.write_text(file.read_text("utf-8").replace('"platform": "', '"platform": "Odd '), "utf-8")
    done = medtalk("verify", file)
    assert done.code == 1 and "0.05 allowed" in done.out and why in done.out


def test_our_own_are_small_and_whole() -> None:
    files = sorted(OURS.rglob("*"))
    assert sum(file.stat().st_size for file in files) < 300_000
    assert {read_recording(file).find_sound().name for file in OURS.glob("*.rig")} == {
        "sample.wav", "emodb_angry.ogg", "emodb_sad.ogg"
    }  # fmt: skip


def test_on_one_machine_the_bytes_are_the_same(medtalk: Callable[..., Any], rigs: Path, tmp_path: Path) -> None:
    done = medtalk("verify", rigs, "--exact")
    assert (done.code, done.err) == (0, "") and done.out.count(": the same\n") == 2
    spoil(rigs / "line.rig", 1e-5)
    done = medtalk("verify", rigs)
    assert (
        done.code == 0 and "line.rig: the same within the tolerance; C_jaw.Y moved most, 1e-05 at 00:00.17" in done.out
    )
    done = medtalk("verify", rigs, "--exact")
    assert done.code == 1 and "line.rig: changed: the bytes differ" in done.out
    text = (rigs / "line.rig").read_text("utf-8")
    (rigs / "line.rig").write_text(text.replace("onnxruntime ", "onnxruntime 9."), "utf-8")
    done = medtalk("verify", rigs, "--exact")
    assert done.code == 0 and "not compared byte by byte: it was recorded on " in done.out


def test_a_change_is_told_and_fails(medtalk: Callable[..., Any], rigs: Path, tmp_path: Path) -> None:
    spoil(rigs / "line.rig")
    report, junit = tmp_path / "report.html", tmp_path / "junit.xml"
    done = medtalk("verify", rigs, "--html", report, "--junit", junit)
    assert done.code == 1
    assert "line.rig: changed: C_jaw.Y moved most, 0.1 at 00:00.17; 1 control over the tolerance\n" in done.out
    assert done.out.endswith("2 recorded rigs: 1 the same, 1 changed\n")
    suite = ElementTree.parse(junit).getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert [case.get("name") for case in suite] == ["line", "other"]
    assert "001-line.html" in report.read_text("utf-8") and len(list((tmp_path / "report-heads").iterdir())) == 1
    assert medtalk("verify", rigs, "--tolerance", "0.2").code == 0
    assert medtalk("verify", rigs, "--tolerance", "jaw:0.2", "-q").out == "2 recorded rigs: 2 the same\n"


def test_update_records_what_has_changed(medtalk: Callable[..., Any], rigs: Path) -> None:
    spoil(rigs / "line.rig")
    other = (rigs / "other.rig").stat().st_mtime_ns
    (rigs / "line.rig").chmod(stat.S_IREAD)
    done = medtalk("verify", rigs, "--update")
    assert done.code == 1 and "line.rig is read-only" in done.out
    done = medtalk("verify", rigs, "--update", "--force")
    assert done.code == 0 and "line.rig: recorded again: C_jaw.Y moved most" in done.out
    assert (rigs / "other.rig").stat().st_mtime_ns == other, "the rest is left as it is"
    assert medtalk("verify", rigs, "--exact").code == 0


def test_other_settings_show_what_they_would_change(medtalk: Callable[..., Any], rigs: Path, tmp_path: Path) -> None:
    done = medtalk("verify", rigs, "--intensity", "0.5", "--json")
    line, _ = map(json.loads, done.out.splitlines())
    assert done.code == 1 and line["state"] == "changed" and line["comparison"]["areas"]["mouth"]["largest"] > 0.02
    before = (rigs / "line.rig").read_bytes()
    done = medtalk("verify", rigs / "other.rig", "--fps", "60")
    assert done.code == 1 and "changed: the frame rate is 60 instead of 30" in done.out
    assert medtalk("verify", rigs, "--intensity", "1", "--seed", "0").code == 0, "as they were recorded"
    words = tmp_path / "words"
    words.mkdir()
    for name in ("line", "other"):
        (words / f"{name}.txt").write_text("Nobody said it.")
    assert medtalk("verify", rigs, "--transcript", words, "-q").out.count("recorded rigs:") == 1
    assert (rigs / "line.rig").read_bytes() == before


def test_another_bundle_is_named(medtalk: Callable[..., Any], rigs: Path, tiny_bundle: Path) -> None:
    done = medtalk("verify", rigs, "--bundle", tiny_bundle, "--exact")
    assert done.code == 1 and done.out.count("  another bundle: ") == 2 and "instead of compact (" in done.out
    assert done.out.count("not compared byte by byte: the bundle or the version is another one") == 2


def test_what_cannot_be_verified_costs_the_others_nothing(
    medtalk: Callable[..., Any], rigs: Path, sound: Path, tmp_path: Path
) -> None:
    shutil.copy(rigs / "line.rig", rigs / "cut.rig")
    (rigs / "cut.rig").write_bytes((rigs / "cut.rig").read_bytes()[:99])
    shutil.copy(rigs / "line.npz", rigs / "orphan.npz")
    done = medtalk("verify", rigs, "--junit", tmp_path / "junit.xml")
    assert done.code == 1 and "cut.rig: cannot be verified: " in done.out
    assert done.out.endswith("3 recorded rigs: 2 the same, 1 cannot be verified\n")
    assert done.err == f"medtalk: Belonging to no recorded rig: {rigs / 'orphan.npz'}.\n"
    assert ElementTree.parse(tmp_path / "junit.xml").getroot()[0].get("errors") == "1"
    (rigs / "cut.rig").unlink()
    (tmp_path / "sounds").mkdir()
    moved = sound.rename(tmp_path / "sounds" / "voice.wav")
    done = medtalk("verify", rigs)
    assert done.code == 1 and done.out.count("voice.wav is missing. Bring it back, or name its folder") == 2
    assert medtalk("verify", rigs, "--sounds", tmp_path / "sounds").code == 0
    data = bytearray(moved.read_bytes())
    data[-1] ^= 1
    sound.write_bytes(bytes(data))
    done = medtalk("verify", rigs)
    assert done.code == 1 and done.out.count("voice.wav is not the sound that was recorded.") == 2
    done = medtalk("verify", rigs, "--update")
    assert done.code == 0 and medtalk("verify", rigs).code == 0, "the new sound is the recorded one now"


@pytest.mark.process
def test_several_processes(medtalk: Callable[..., Any], rigs: Path) -> None:
    spoil(rigs / "other.rig")
    done = medtalk("verify", rigs, "--jobs", "2")
    assert done.code == 1 and done.out.endswith("2 recorded rigs: 1 the same, 1 changed\n")


def test_exports_of_unreal(medtalk: Callable[..., Any], rigs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    found = read_recording(rigs / "line.rig").rig
    write_rig(folder / "Line.npz", RigSequence(found.values, 60.0, {"source": "unreal", "board": "mh4", "missing": []}))
    write_rig(folder / "other.curves.csv", read_recording(rigs / "other.rig").rig)
    write_rig(folder / "third.csv", found)
    (tmp_path / "voice.wav").unlink()
    done = medtalk("verify", rigs, "--from-unreal", folder)
    assert done.code == 0 and done.out.count(": the same") == 2, done.out
    assert done.err == f"medtalk: Exports without a recorded rig: {folder / 'third.csv'}.\n"
    done = medtalk("verify", rigs / "line.rig", "--from-unreal", folder / "other.curves.csv")
    assert done.code == 1 and "moved most" in done.out
    shutil.copytree(rigs, tmp_path / "more")
    done = medtalk("verify", rigs / "line.rig", tmp_path / "more" / "line.rig", "--from-unreal", folder)
    both = f"{folder / 'Line.npz'} may be the export of {rigs / 'line.rig'} or of {tmp_path / 'more' / 'line.rig'}."
    assert done.code == 1 and both in done.out and "1 the same, 1 cannot be verified" in done.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["empty"], "empty holds no recorded rig (NAME.rig). Record one: medtalk record SOUND -o empty"),
        (["voice.wav"], "voice.wav is not a recorded rig. Give a folder, or NAME.rig."),
        (["rigs", "--intensity", "9"], "intensity is 9"),
        (["rigs", "--tolerance", "elbow:1"], "The tolerance is 'elbow:1'"),
        (["rigs", "--update", "--intensity", "0.5"], "--update keeps the settings that were recorded; --intensity"),
        (["rigs", "--exact", "--seed", "1"], "--exact compares bytes, which --seed changes"),
        (["rigs", "--from-unreal", "x", "--seed", "1", "--update"], "--seed and --update cannot be used with --from"),
        (["rigs", "--from-unreal", "x"], "x does not exist. Give what Unreal exported"),
        (["rigs", "--server", "localhost:1", "--threads", "2", "--jobs", "2"], "--threads and --jobs cannot be used"),
        (["rigs", "--keys", "k"], "--keys needs --server"),
        (["rigs", "--jobs", "0"], "--jobs is 0; it must be at least 1."),
        (["rigs", "--junit", "out.html"], "out.html does not have a valid ending"),
        (["rigs", "--transcript", "said"], "One transcript cannot fit several sounds."),
    ],
)
def test_what_is_refused_before_any_work(
    medtalk: Callable[..., Any],
    tmp_path: Path,
    sound: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "rigs").mkdir()
    (tmp_path / "rigs" / "a.rig").write_text("")
    (tmp_path / "rigs" / "b.rig").write_text("")
    done = medtalk("verify", *words)
    assert done.code == 1 and said in done.err and done.err.count("\n") == 1 and done.out == ""
