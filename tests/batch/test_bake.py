"""The command `bake`, with real sounds and processes: what it makes, leaves, says, and survives."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from medtalk import read_rig, write_rig
from tests.helpers.sounds import babble

pytestmark = pytest.mark.process
HEADER = "id,audio,character,emotion,intensity"


@pytest.fixture
def sounds(tmp_path: Path) -> list[Path]:
    """Six short sounds."""
    paths = []
    for number in range(6):
        paths.append(tmp_path / "vo" / f"s{number}.wav")
        paths[-1].parent.mkdir(exist_ok=True)
        soundfile.write(paths[-1], babble(0.6 + 0.1 * number), 16000)
    return paths


@pytest.fixture
def table(sounds: list[Path], tmp_path: Path) -> Path:
    """A manifest of them."""
    path = tmp_path / "lines.csv"
    path.write_text("\n".join([HEADER, *(f"L{n},vo/s{n}.wav,{'Anna' if n % 2 else 'Bo'},sad,1" for n in range(6))]))
    return path


@pytest.fixture
def bake(medtalk: Callable[..., Any], tiny_bundle: Path, table: Path, tmp_path: Path) -> Callable[..., Any]:
    def run(*words: object, source: Path | None = None) -> Any:
        return medtalk("bake", source or table, "-o", tmp_path / "out", "--bundle", tiny_bundle, "--jobs", 2, *words)

    return run


def ledger(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "results.jsonl").read_text("utf-8").splitlines()]


def made(text: str) -> list[int]:
    """The numbers of the summary: made, done before, failed, changed by hand, left."""
    return [int(cell) for cell in text.splitlines()[-1].split()[:5]]


def test_a_manifest_becomes_rigs_and_a_ledger(bake, sounds, table, tmp_path):
    done = bake("--format", "npz", "--format", "csv")
    assert (done.code, done.err) == (0, "") and made(done.out) == [6, 0, 0, 0, 0]
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {
        "results.jsonl", *(f"L{n}.{ending}" for n in range(6) for ending in ("npz", "csv"))
    }  # fmt: skip
    rig = read_rig(out / "L3.npz")
    assert rig.meta["emotion"] == {"sad": 1.0} and rig.seconds == pytest.approx(0.9, abs=0.02)
    records = {record["id"]: record for record in ledger(out)}
    record = records["L3"]
    assert sorted(records) == [f"L{n}" for n in range(6)] and record["state"] == "done"
    assert record["character"] == "Anna" and record["settings"] == {"emotion": "sad"}
    assert record["input"]["bytes"] == sounds[3].stat().st_size and len(record["files"]) == 2
    assert record["seconds"] == pytest.approx(0.9, abs=0.02) and "good" in record["quality"]


def test_only_what_has_changed_is_made_again(bake, sounds, table, tmp_path):
    bake()
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.npz")}
    assert made(bake().out) == [0, 6, 0, 0, 0]
    table.write_text(table.read_text().replace("L1,vo/s1.wav,Anna,sad,1", "L1,vo/s1.wav,Anna,angry,0.5"))
    soundfile.write(sounds[2], babble(1.5), 16000)
    (tmp_path / "out" / "L4.npz").unlink()
    said = bake("--changed")
    assert said.code == 0 and said.out.splitlines() == [
        "L1.npz: emotion: sad -> angry; intensity: default -> 0.5",
        "L2.npz: the sound has changed",
        "L4.npz: L4.npz is gone",
        "3 lines to make, 3 done already",
    ]
    assert made(bake().out) == [3, 3, 0, 0, 0]
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.npz")}
    assert {name for name in after if after[name] != before[name]} == {"L1.npz", "L2.npz", "L4.npz"}
    assert made(bake("--again").out) == [6, 0, 0, 0, 0]


def test_what_was_changed_by_hand_is_left(bake, table, tmp_path):
    bake()
    rig = tmp_path / "out" / "L0.npz"
    rig.write_bytes(b"an edit")
    assert made(bake().out) == [0, 6, 0, 0, 0]
    done = bake("--intensity", 0.5, "--changed")
    assert "L0.npz" not in done.out  # its row has an intensity
    table.write_text(table.read_text().replace("sad", "happy"))
    assert "changed by hand since, so it is left" in bake("--changed").out
    done = bake()
    assert made(done.out) == [5, 0, 0, 1, 0] and rig.read_bytes() == b"an edit"
    assert made(bake("--overwrite-edits").out) == [1, 5, 0, 0, 0] and len(read_rig(rig)) > 10


def test_hand_edits_are_made_again(bake, medtalk, tmp_path):
    bake()
    rig = read_rig(tmp_path / "out" / "L0.npz")
    values = rig.values.copy()
    values[10:20, 3] += 0.25
    write_rig(tmp_path / "edited.npz", replace(rig, values=values))
    (tmp_path / "edits").mkdir()
    kept = tmp_path / "edits" / "L0.edits.json"
    assert medtalk("edits", "capture", tmp_path / "out" / "L0.npz", tmp_path / "edited.npz", "-o", kept).code == 0
    done = bake("--edits", tmp_path / "edits")
    assert (done.code, done.err) == (0, "") and made(done.out)[:2] == [1, 5]
    again = read_rig(tmp_path / "out" / "L0.npz").values
    np.testing.assert_allclose(again[12:18, 3] - rig.values[12:18, 3], 0.25, atol=1e-4)
    assert made(bake("--edits", tmp_path / "edits").out)[:2] == [0, 6]
    done = bake("--edits", tmp_path / "edits", "--seed", 5, "--no-life", "--again")
    assert done.code == 0 and made(done.out)[0] == 6
    done = bake("--changed")
    assert any(line.startswith("L0.npz: edits: ") for line in done.out.splitlines())


def test_bad_rows_fail_alone(bake, table, tmp_path):
    with table.open("a") as stream:
        stream.write(
            "\nB1,vo/none.wav,Bo,sad,1\nB2,vo/s0.wav,Bo,hapy,1\nL0,vo/s1.wav,Bo,sad,1\nB3,lines.csv,Bo,sad,1\n"
        )
    done = bake()
    assert done.code == 1 and made(done.out) == [6, 0, 4, 0, 0]
    assert len(done.err.splitlines()) == 4
    for words in ("none.wav cannot be read", "row 8: ", "would write L0.npz, as lines.csv, row 1 does", "lines.csv"):
        assert words in done.err
    failed = [record for record in ledger(tmp_path / "out") if record["state"] == "failed"]
    assert {record["id"] for record in failed} == {"B1", "B3"} and failed[0]["error"]["code"] == "audio"
    assert made(bake().out) == [0, 6, 4, 0, 0]  # what failed is tried again


def test_rows_for_farms(bake, tmp_path):
    assert made(bake("--rows", "1-2").out) == [2, 0, 0, 0, 0]
    assert made(bake("--rows", "3-6").out) == [4, 0, 0, 0, 0]
    assert {path.name for path in (tmp_path / "out").glob("*.jsonl")} == {"results.1-2.jsonl", "results.3-6.jsonl"}
    assert made(bake().out) == [0, 6, 0, 0, 0]
    for rows in ("0-3", "4-2", "x", "-"):
        done = bake("--rows", rows)
        assert done.code == 1 and "--rows" in done.err
    assert "has 6 rows" in bake("--rows", "7-9").err


def test_characters_and_a_folder(bake, sounds, tmp_path):
    (tmp_path / "cast.json").write_text('{"anna": {"name": "mine", "intensity": 0.5, "seed": 9}}')
    assert bake("--cast", tmp_path / "cast.json").code == 0
    records = {record["id"]: record for record in ledger(tmp_path / "out")}
    assert records["L1"]["settings"]["seed"] == 9 and "seed" not in records["L0"]["settings"]
    for source, target in zip(sounds, ("anna_sad_1", "anna_angry_2", "other"), strict=False):
        (tmp_path / "named").mkdir(exist_ok=True)
        shutil.copy(source, tmp_path / "named" / f"{target}.wav")
    done = bake("--pattern", "{character}_{emotion}_{id}", source=tmp_path / "named")
    assert done.code == 1 and made(done.out) == [2, 0, 1, 0, 0] and "other.wav does not fit" in done.err
    assert read_rig(tmp_path / "out" / "anna_angry_2.npz").meta["emotion"] == {"angry": 1.0}


def test_json_for_machines(bake):
    done = bake("--json")
    records = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 0 and len(records) == 6 and {record["state"] for record in records} == {"done"}
    assert bake("--json").out == ""
    assert [json.loads(line)["why"] for line in bake("--dry-run", "--json", "--seed", 2).out.splitlines()] == [
        "seed: default -> 2"
    ] * 6


def test_wrong_options_are_one_line(bake, tmp_path, sounds):
    for words in (
        ["--jobs", 0], ["--format", "fbx"], ["--timeout", -1], ["--pattern", "{id}"], ["--cast", "none.json"],
        ["--emotion", "hapy"], ["--bundle", tmp_path],
    ):  # fmt: skip
        done = bake(*words)
        assert done.code == 1 and len(done.err.splitlines()) == 1 and not (tmp_path / "out").exists(), words
    assert "--sounds is for a manifest" in bake("--sounds", tmp_path, source=sounds[0].parent).err


# -- what may happen in a night


@pytest.fixture
def begin(table: Path, tiny_bundle: Path, tmp_path: Path):
    """Starts a bake as a process of its own."""
    begun: list[subprocess.Popen[str]] = []

    def start(*words: object) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            "-m",
            "medtalk",
            "bake",
            table,
            "-o",
            tmp_path / "out",
            "--bundle",
            tiny_bundle,
            *words,
        ]
        begun.append(
            subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture
def many(table: Path) -> Path:
    """The manifest with 60 lines."""
    table.write_text("\n".join([HEADER, *(f"L{n},vo/s{n % 6}.wav,Bo,sad,1" for n in range(60))]))
    return table


def wait_for_lines(out: Path, number: int) -> None:
    path, end = out / "results.jsonl", time.monotonic() + 60.0
    while not path.exists() or path.read_bytes().count(b"\n") < number:
        assert time.monotonic() < end, "nothing was done for a minute"
        time.sleep(0.02)


posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@posix
def test_a_bake_that_is_killed_loses_no_line(begin, bake, many, tmp_path):
    process = begin("--jobs", 2)
    wait_for_lines(tmp_path / "out", 5)
    process.kill()
    process.wait()
    done = {record["id"] for record in ledger(tmp_path / "out")}
    assert 5 <= len(done) < 60
    stamps = {name: (tmp_path / "out" / f"{name}.npz").stat().st_mtime_ns for name in done}
    counts = made(bake().out)
    assert counts[:2] == [60 - len(done), len(done)]
    assert stamps == {name: (tmp_path / "out" / f"{name}.npz").stat().st_mtime_ns for name in done}
    assert not list((tmp_path / "out").glob(".medtalk-*"))
    assert all(np.isfinite(read_rig(path).values).all() for path in (tmp_path / "out").glob("*.npz"))


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_what_was_begun(begin, bake, many, tmp_path, number):
    process = begin("--jobs", 2)
    wait_for_lines(tmp_path / "out", 3)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1 and "the lines at work are finished" in err and "Traceback" not in err
    done = ledger(tmp_path / "out")
    assert made(out)[0] == len(done) < 60 and made(out)[4] == 60 - len(done)
    assert {path.stem for path in (tmp_path / "out").glob("*.npz")} == {record["id"] for record in done}
    assert made(bake().out)[:2] == [60 - len(done), len(done)]


@posix
def test_a_worker_that_is_killed_costs_nothing(begin, many, tmp_path):
    process = begin("--jobs", 2)
    wait_for_lines(tmp_path / "out", 3)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    workers = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(int(workers[0]), signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "") and made(out) == [60, 0, 0, 0, 0]
    assert sorted(record["id"] for record in ledger(tmp_path / "out")) == sorted(f"L{n}" for n in range(60))


@posix
def test_two_bakes_on_one_folder(begin, bake, many, tmp_path):
    process = begin("--jobs", 1)
    wait_for_lines(tmp_path / "out", 1)
    done = bake()
    assert done.code == 1 and "Another bake is at work" in done.err and len(done.err.splitlines()) == 1
    assert process.poll() is None


def test_a_full_disk_ends_the_bake(medtalk, tiny_bundle, table, full_disk):
    done = medtalk("bake", table, "-o", full_disk, "--bundle", tiny_bundle, "--jobs", 1, "--format", "csv")
    assert done.code == 1 and "the disk is full" in done.err and len(done.err.splitlines()) <= 2
    assert not list(full_disk.glob(".medtalk-*"))


def test_a_sound_that_changes_meanwhile(tiny_bundle, sounds, tmp_path):
    from medtalk.batch.manifest import read_manifest
    from medtalk.batch.plan import plan
    from medtalk.batch.work import Making
    from medtalk_wire.settings import Settings

    (job, *_), _ = plan(read_manifest(tmp_path / "vo").lines, Settings())
    maker = Making(tmp_path / "out", tiny_bundle).open()
    hear = maker._model.perform

    def perform(sound: Path, *rest: Any, **options: Any) -> Any:
        heard = hear(sound, *rest, **options)
        soundfile.write(sound, babble(1.5), 16000)
        return heard

    maker._model.perform = perform
    record = maker.make(job)
    assert record["state"] == "failed" and "has changed while it was read" in record["error"]["message"]
    assert not (tmp_path / "out").exists()
