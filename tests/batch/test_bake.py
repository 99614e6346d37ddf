"""The command `bake`, with real sounds and processes: what it makes, leaves, and says."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from medtalk import read_rig, write_rig
from tests.batch.conftest import Production, made
from tests.helpers.sounds import babble

pytestmark = pytest.mark.process
BOTH = ("--format", "npz", "--format", "csv")


def test_a_manifest_becomes_rigs_and_a_ledger(baked: Production) -> None:
    assert {path.name for path in baked.out.iterdir()} == {
        "results.jsonl", ".results.lock", *(f"L{n}.{ending}" for n in range(4) for ending in ("npz", "csv"))
    }  # fmt: skip
    rig = read_rig(baked.out / "L3.npz")
    assert rig.meta["emotion"] == {"sad": 1.0} and rig.seconds == pytest.approx(0.8, abs=0.02)
    records = {record["id"]: record for record in baked.ledger()}
    record = records["L3"]
    assert sorted(records) == [f"L{n}" for n in range(4)] and record["state"] == "done" and record["bake"] == 1
    assert record["character"] == "Anna" and record["settings"] == {"emotion": "sad"}
    assert record["input"]["bytes"] == baked.sound(3).stat().st_size and len(record["files"]) == 2
    assert record["seconds"] == pytest.approx(0.8, abs=0.02) and "good" in record["quality"]


def test_only_what_has_changed_is_made_again(production: Production) -> None:
    before = production.stamps()
    assert made(production.bake(*BOTH).out) == [0, 4, 0, 0, 0]
    text = production.table.read_text()
    production.table.write_text(text.replace("L1,vo/s1.wav,Anna,sad,1", "L1,vo/s1.wav,Anna,angry,0.5"))
    soundfile.write(production.sound(2), babble(0.4), 16000)
    (production.out / "L3.npz").unlink()
    said = production.bake(*BOTH, "--changed")
    assert said.code == 0 and said.out.splitlines() == [
        "L1.npz: emotion: sad -> angry; intensity: default -> 0.5",
        "L2.npz: the sound has changed",
        "L3.npz: L3.npz is gone",
        "3 lines to make, 1 done already",
    ]
    assert made(production.bake(*BOTH).out) == [3, 1, 0, 0, 0]
    after = production.stamps()
    assert {name for name in after if after[name] != before[name]} == {"L1", "L2", "L3"}
    assert made(production.bake(*BOTH).out) == [0, 4, 0, 0, 0]
    assert "4 lines to make" in production.bake("--again", "--dry-run").out
    assert "4 lines to make" in production.bake("--channel", 0, "--dry-run").out


def test_what_was_changed_by_hand_is_left(production: Production) -> None:
    rig = production.out / "L0.npz"
    rig.write_bytes(b"an edit")
    assert made(production.bake(*BOTH).out) == [0, 4, 0, 0, 0]
    text = production.table.read_text()
    production.table.write_text(text.replace("L0,vo/s0.wav,Bo,sad", "L0,vo/s0.wav,Bo,happy"))
    assert "changed by hand since, so it is left" in production.bake(*BOTH, "--changed").out
    left = production.bake(*BOTH)
    assert (left.code, made(left.out)) == (1, [0, 3, 0, 1, 0]) and rig.read_bytes() == b"an edit"
    assert left.err.startswith("medtalk: L0.npz: emotion: sad -> happy; changed by hand") and left.err.count("\n") == 1
    record, _ = [json.loads(line) for line in production.bake(*BOTH, "--json").out.splitlines()]
    assert (record["state"], record["id"], record["edited"]) == ("left", "L0", ["L0.npz"])
    soundfile.write(production.sound(0), np.zeros(0), 16000)
    assert made(production.bake(*BOTH, "--overwrite-edits").out) == [0, 3, 1, 0, 0] and rig.read_bytes() == b"an edit"
    soundfile.write(production.sound(0), babble(0.5), 16000)
    assert made(production.bake(*BOTH, "--overwrite-edits").out) == [1, 3, 0, 0, 0] and len(read_rig(rig)) > 10


def test_a_line_that_failed_keeps_its_old_files_safe(production: Production) -> None:
    """Its rig is edited after a bake that could not make it anew: the next bake that could must not."""
    soundfile.write(production.sound(0), np.zeros(0), 16000)
    assert made(production.bake().out) == [0, 3, 1, 0, 0]
    (production.out / "L0.npz").write_bytes(b"an edit")
    soundfile.write(production.sound(0), babble(0.5), 16000)
    assert made(production.bake().out) == [0, 3, 0, 1, 0] and (production.out / "L0.npz").read_bytes() == b"an edit"


def test_another_format_is_made_beside(production: Production) -> None:
    assert made(production.bake("--rows", 1, "--format", "csv", "--seed", 3).out)[0] == 1
    assert production.bake(*BOTH, "--changed").out.splitlines() == [
        "L0.npz: L0.csv was not made with it", "1 line to make, 3 done already"
    ]  # fmt: skip
    assert made(production.bake(*BOTH, "--rows", 1).out) == [1, 0, 0, 0, 0]
    assert made(production.bake(*BOTH).out) == [0, 4, 0, 0, 0]


def test_formats_may_change_and_their_order(production: Production) -> None:
    """The edit is of the second file of the line."""
    edit = production.out / "L0.csv"
    edit.write_bytes(b"an edit")
    assert made(production.bake("--format", "csv", "--format", "npz").out) == [0, 4, 0, 0, 0]
    done = production.bake("--format", "csv", "--seed", 2, "--rows", "1-2")
    assert (done.code, made(done.out)) == (1, [1, 0, 0, 1, 0]) and edit.read_bytes() == b"an edit"
    assert production.bake("--format", "json", "--changed").out.startswith("L0.json: not made yet, only L0.csv\n")


def test_what_is_read_or_was_made_by_no_bake_is_left(raw: Production) -> None:
    raw.write(2)
    with raw.table.open("a") as stream:
        stream.write("lines,vo/s0.wav,Bo,sad,1\n")
    table, other = raw.table.read_bytes(), raw.folder / "L1.csv"
    other.write_text("of somebody")
    here = ("-o", raw.folder, "--format", "csv")
    done = raw.bake(*here)
    assert (done.code, made(done.out)) == (1, [1, 0, 2, 0, 0]) and "lines.csv, which is read" in done.err
    assert "L1.csv was made by no bake that the ledger knows, so it is left" in done.err
    assert "L1.csv: failed before: " in raw.bake(*here, "--changed").out
    assert (made(raw.bake(*here).out), other.read_text()) == ([0, 1, 2, 0, 0], "of somebody")
    assert made(raw.bake(*here, "--overwrite-edits").out) == [1, 1, 1, 0, 0] and other.read_text() != "of somebody"
    (raw.folder / "results.jsonl").unlink()
    other.write_text("an edit")
    assert made(raw.bake(*here).out) == [1, 0, 2, 0, 0], "the same bytes are taken for what they are"
    assert (other.read_text(), raw.table.read_bytes()) == ("an edit", table)


def test_hand_edits_are_made_again(production: Production) -> None:
    before = read_rig(production.out / "L0.npz")
    values = before.values.copy()
    values[10:20, 3] += 0.25
    edited, edits = production.folder / "edited.npz", production.folder / "edits"
    write_rig(edited, replace(before, values=values))
    edits.mkdir()
    capture = ("edits", "capture", production.out / "L0.npz", edited, "-o", edits / "L0.edits.json")
    assert production.medtalk is not None and production.medtalk(*capture).code == 0
    done = production.bake("--edits", edits)
    assert (done.code, done.err) == (0, "") and made(done.out)[:2] == [1, 3]
    again = read_rig(production.out / "L0.npz").values
    np.testing.assert_allclose(again[12:18, 3] - before.values[12:18, 3], 0.25, atol=1e-4)
    assert made(production.bake("--edits", edits).out)[:2] == [0, 4]
    baked = read_rig(production.out / "L0.npz")
    more = baked.values.copy()
    more[:, 9] = 0.5
    write_rig(edited, replace(baked, values=more))
    done = production.medtalk(*capture)
    assert done.code == 0 and "2 controls" in done.out, "the first edit stays in the file"
    assert made(production.bake("--edits", edits).out)[:2] == [1, 3]
    both = read_rig(production.out / "L0.npz").values
    np.testing.assert_allclose(both[:, [3, 9]], more[:, [3, 9]], atol=1e-3)
    assert "4 lines to make" in production.bake("--edits", edits, "--edit-mode", "replace", "--dry-run").out
    assert production.bake("--changed").out.startswith("L0.npz: edits: ")
    rig = (production.out / "L0.npz").read_bytes()
    wrong = production.bake("--edits", production.folder / "edit")
    assert wrong.code == 1 and "edit does not exist. Check --edits.\n" in wrong.err
    (edits / "L0.edits.json").rename(edits / "LO.edits.json")
    for words in (["--edits", edits], []):
        left = production.bake(*words)
        assert left.code == 1 and made(left.out) == [0, 3, 0, 1, 0] and "L0.npz: edits: " in left.err
        assert ("hand edits of no line that can be done: LO.edits.json." in left.err) == bool(words)
    assert (production.out / "L0.npz").read_bytes() == rig
    assert made(production.bake("--overwrite-edits").out) == [1, 3, 0, 0, 0]


def test_bad_rows_fail_alone(production: Production) -> None:
    with production.table.open("a") as stream:
        stream.write("B1,vo/none.wav,Bo,sad,1\nB2,vo/s0.wav,Bo,hapy,1\nL0,vo/s1.wav,Bo,sad,1\nB3,lines.csv,Bo,sad,1\n")
        stream.write("B4,vo/s0.wav,Bo,sad:x,1\nB5,vo/s0.wav,Bo,sad,1;5\nB6,vo/s0.wav,Bo,sad,1\n")
    done = production.bake()
    assert done.code == 1 and made(done.out) == [1, 4, 6, 0, 0]
    assert len(done.err.splitlines()) == 6
    for words in (
        "none.wav cannot be read", "row 6 (B2): ", "would write L0.npz, as lines.csv, row 1 (L0) does", "lines.csv",
        "row 9 (B4): ", "'1;5', which is not a number",
    ):  # fmt: skip
        assert words in done.err
    failed = [record for record in production.ledger() if record["state"] == "failed"]
    assert {record["id"] for record in failed} == {"B1", "B3"} and failed[0]["error"]["code"] == "audio"
    assert made(production.bake().out) == [0, 5, 6, 0, 0]  # what failed is tried again


def test_rows_for_farms(raw: Production) -> None:
    raw.write()
    assert made(raw.bake("--rows", "1-2").out) == [2, 0, 0, 0, 0]
    assert made(raw.bake("--rows", "3-").out) == [2, 0, 0, 0, 0]
    assert {path.name for path in raw.out.glob("*.jsonl")} == {"results.1-2.jsonl", "results.3-end.jsonl"}
    assert made(raw.bake().out) == [0, 4, 0, 0, 0]
    assert made(raw.bake("--rows", "4-99").out) == [0, 1, 0, 0, 0]
    for rows in ("0-3", "4-2", "x", "-", "3-0", "1-2-3", "²"):
        done = raw.bake("--rows", rows)
        assert done.code == 1 and "--rows" in done.err
    assert "has 4 rows" in raw.bake("--rows", "7-9").err


def test_characters_and_a_folder(raw: Production) -> None:
    raw.write()
    cast = raw.folder / "cast.json"
    (raw.folder / "quiet.json").write_text('{"intensity": 0.4}')
    cast.write_text('{"anna": {"name": "mine", "intensity": 0.5, "seed": 9}, "Bo": "quiet.json"}')
    done = raw.bake("--cast", cast)
    assert (done.code, done.err) == (0, "")
    records = {record["id"]: record for record in raw.ledger()}
    assert records["L1"]["settings"]["seed"] == 9 and "seed" not in records["L0"]["settings"]
    cast.write_text('{"Ana": "host"}')
    said = raw.bake("--cast", cast, "--dry-run").err
    assert said == "medtalk: The cast has characters that no line has: Ana. Is Ana meant to be Anna?\n"
    named = raw.folder / "named"
    named.mkdir()
    for number, name in enumerate(("anna_sad_1", "anna_angry_2", "other")):
        shutil.copy(raw.sound(number), named / f"{name}.wav")
    done = raw.bake("--pattern", "{character}_{emotion}_{id}", source=named)
    assert done.code == 1 and made(done.out) == [2, 0, 1, 0, 0] and "other.wav does not fit" in done.err
    assert read_rig(raw.out / "anna_angry_2.npz").meta["emotion"] == {"angry": 1.0}


def test_json_for_machines(production: Production) -> None:
    with production.table.open("a") as stream:
        stream.write("L9,vo/s0.wav,Bo,sad,1\nB1,vo/s0.wav,Bo,hapy,1\n")
    done = production.bake("--json")
    record, refused, last = [json.loads(line) for line in done.out.splitlines()]
    assert (done.code, done.err) == (1, "") and (record["id"], record["state"]) == ("L9", "done")
    assert (refused["id"], refused["state"], refused["error"]["code"]) == ("B1", "failed", "guidance")
    summary = last["summary"]
    assert (summary["made"], summary["done_before"], summary["failed"]) == (1, 4, 1) and summary["sound_seconds"] > 0.4
    dry = [json.loads(line) for line in production.bake("--dry-run", "--json", "--seed", 2).out.splitlines()]
    assert [each.get("why") for each in dry] == ["seed: default -> 2"] * 5 + [None] * 2
    assert dry[-1] == {"summary": {"to_make": 5, "done_before": 0, "failed": 1}}


def test_wrong_options_are_one_line(raw: Production, tiny_bundle) -> None:
    raw.write()
    for words in (
        ["--jobs", 0], ["--format", "fbx"], ["--timeout", -1], ["--pattern", "{id}"], ["--cast", "none.json"],
        ["--emotion", "hapy"], ["--bundle", raw.folder], ["--sounds", raw.folder / "none"],
    ):  # fmt: skip
        done = raw.bake(*words)
        assert done.code == 1 and len(done.err.splitlines()) == 1 and not raw.out.exists(), words
    assert "--sounds is for a manifest" in raw.bake("--sounds", raw.folder, source=raw.sound(0).parent).err


def test_a_log_tells_how_far_it_is(production: Production, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line now and then where no terminal is; not if it is to be quiet."""
    monkeypatch.setattr("medtalk.cli.pace.LOG_SECONDS", 0.0)
    done = production.bake("--seed", 2, "--rows", "1-2")
    first, second = done.err.splitlines()
    assert first.startswith("medtalk: 1 of 2 lines, ") and "lines/h, " in first and first.endswith(" left.")
    assert second.startswith("medtalk: 2 of 2 lines, ")
    assert production.bake("--seed", 3, "--rows", 1, "--quiet")[1:] == ("", "")
    lines = production.bake("--seed", 4, "--rows", "1-2", "--json").out.splitlines()
    first, second = [json.loads(line)["progress"] for line in lines if line.startswith('{"progress')]
    assert (first["done"], first["of"], second["done"], second["seconds_left"]) == (1, 2, 2, 0.0)
    assert first["lines_per_hour"] > 0.0


@pytest.mark.skipif(os.name != "posix", reason="a terminal of POSIX")
def test_a_terminal_shows_a_bar(production: Production) -> None:
    import pty

    ours, theirs = pty.openpty()
    process = production.begin("--seed", 2, "--rows", "1-2", stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:  # Linux' way to say that the other end is closed
        pass
    os.close(ours)
    assert process.wait(timeout=60) == 0 and b"lines/h" in shown and b"2/2" in shown
