"""Settings of each line, its files, and why a line is made again."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medtalk.batch.ledger import DONE, FAILED, Ledger, known_files, read_records
from medtalk.batch.manifest import Line
from medtalk.batch.plan import State, fingerprint, plan, read_cast, sparing, state_of
from medtalk.batch.recipe import recipe
from medtalk.errors import GuidanceError, OutputError, SettingError
from medtalk.take import checked
from medtalk_wire.settings import Finishing, Settings


def line(number: int = 1, **fields) -> Line:
    given: dict[str, Any] = {"id": f"L{number}", "sound": "a.wav"} | fields
    return Line(number, f"row {number}", **given)


def test_a_row_wins_over_the_usual() -> None:
    usual = Settings(emotion="happy", intensity=0.5, finishing=Finishing(seed=3))
    jobs, refused = plan([line(settings={"emotion": "sad", "blink": False}), line(2)], usual)
    assert not refused
    assert (jobs[0].settings.emotion, jobs[0].settings.intensity) == ("sad", 0.5)
    assert (jobs[0].settings.finishing.blink, jobs[0].settings.finishing.seed) == (False, 3)
    assert jobs[1].settings.emotion == "happy" and jobs[1].settings.finishing.blink
    assert jobs[0].recipe == {"emotion": "sad", "intensity": 0.5, "blink": False, "seed": 3}


def test_a_row_with_a_label_is_not_mixed_with_the_usual_description() -> None:
    usual = Settings(text="very tired")
    (first, second, third), refused = plan(
        [line(1, settings={"emotion": "sad"}), line(2), line(3, settings={"text": "angry", "emotion": "sad:0.4"})],
        usual,
    )
    assert not refused and first.settings.text == "" and second.settings.text == "very tired"
    assert third.settings.text == "angry" and third.settings.emotion == "sad:0.4"


def test_characters_have_personas() -> None:
    cast = read_cast({"Anna": "host", "Guard": {"emotion": "angry", "intensity": 0.5}}, "cast.json")
    lines = [
        line(1, character="anna"), line(2, character="Guard"), line(3, character="Guard", settings={"emotion": "sad"}),
        line(4, character="Guard", settings={"persona": {"emotion": "fear"}}), line(5, character="Bo"),
    ]  # fmt: skip
    jobs, refused = plan(lines, Settings(), cast=cast)
    assert not refused and (jobs[0].settings.persona or {})["name"] == "host"
    assert [job.settings.emotion for job in jobs[1:]] == ["angry", "sad", "fear", None]
    assert jobs[1].settings.intensity == 0.5
    with pytest.raises(SettingError, match="not a cast"):
        read_cast(["Anna"], "cast.json")


def test_bad_rows_are_refused_and_the_others_go_on() -> None:
    lines = [
        line(1), line(2, settings={"emotion": "hapy"}), line(3, id="L1"), line(4, out="../x"), line(5, out="C:\\x"),
        line(6, settings={"intensity": 9.0}), line(7, id="l1"), line(8, out="act/one.csv"), line(9, id='a/b:"c"'),
        line(10, id="A:01"), line(11, id="../y"), line(12, out="act\\two/"),
        line(13, out="/etc/x"), line(14, out="."),
    ]  # fmt: skip
    jobs, refused = plan(lines, Settings(), [".npz", ".csv"])
    assert [job.out[-1] for job in jobs] == [
        "L1.csv", "act/one.csv", "a_b__c_.csv", "A_01.csv", "_y.csv", "act/two.csv"
    ]  # fmt: skip
    assert jobs[0].out == ("L1.npz", "L1.csv") and jobs[1].out == ("act/one.csv",)
    assert [each.line.number for each in refused] == [2, 3, 4, 5, 6, 7, 13, 14]
    kinds = [type(each.error) for each in refused]
    assert kinds == [GuidanceError, OutputError, OutputError, OutputError, SettingError, *[OutputError] * 3]
    assert all(f"row {each.line.number}" in str(each.error) for each in refused)
    assert "as row 1 does" in str(refused[1].error)


def test_of_other_rows_only_the_names_count() -> None:
    lines = [line(1), line(2, settings={"emotion": "hapy"}), line(3), line(4, id="L1"), line(5, language="de"),
             line(6, language="fr")]  # fmt: skip
    jobs, refused = plan(lines, Settings(), rows=(3, 5))
    assert [job.out for job in jobs] == [("L3.npz",), ("de/L5.npz",)]
    assert [str(each.error).split(" would")[0] for each in refused] == ["row 4"]
    assert [job.number for job in plan(lines, Settings(), rows=(5, None))[0]] == [5, 6]


def test_nothing_that_is_read_is_written(tmp_path: Path) -> None:
    """Also where a link leads there."""
    (tmp_path / "link").symlink_to(tmp_path)
    lines = [line(1, sound=str(tmp_path / "a.wav")), line(2, id="table"), line(3, sound=str(tmp_path / "L1.csv"))]
    jobs, _ = plan(lines, Settings(), [".csv"])
    for folder in (tmp_path, tmp_path / "link"):
        spared, refused = sparing(jobs, folder, [tmp_path / "table.csv", tmp_path / "L3.json"])
        assert [job.id for job in spared] == ["L3"] and [each.line.number for each in refused] == [1, 2]
        assert "table.csv, which is read" in str(refused[1].error)
    assert sparing(jobs, tmp_path / "out", [tmp_path / "table.csv"]) == (jobs, [])


def test_languages_have_folders() -> None:
    lines = [
        line(1, id="L1", language="de-AT"), line(2, id="L1", language="fr"), line(3, id="L3"),
        line(4, language="../up"), line(5, id="L1", language="fr"),
    ]  # fmt: skip
    jobs, refused = plan(lines, Settings())
    assert [job.out for job in jobs] == [("de-AT/L1.npz",), ("fr/L1.npz",), ("L3.npz",), ("_up/L4.npz",)]
    assert "would write fr/L1.npz, as row 2 does" in str(refused[0].error)
    assert [job.out for job in plan(lines[:1], Settings())[0]] == [("L1.npz",)]


def test_why_a_line_is_made_again(tmp_path: Path) -> None:
    sound, rig = tmp_path / "a.wav", tmp_path / "L1.npz"
    sound.write_bytes(b"sound")
    rig.write_bytes(b"rig")
    (job,), _ = plan([line(sound=str(sound), settings={"emotion": "sad"})], Settings())
    record = {
        "out": ["L1.npz"], "state": DONE, "settings": {"emotion": "sad"}, "bundle": "b", "input": fingerprint(sound),
        "files": [{"file": "L1.npz", **fingerprint(rig)}],
    }  # fmt: skip

    def why(other: dict | None = None, bundle: str = "b") -> str:
        return state_of(job, {"L1.npz": record | (other or {})}, tmp_path, bundle).why

    assert why() == ""
    assert state_of(job, {}, tmp_path, "b").why == "not made yet; L1.npz lies there, made by no bake"
    assert state_of(replace(job, out=("L1.csv",)), {"L1.npz": record}, tmp_path, "b").why == "not made yet, only L1.npz"
    assert why({"settings": {"emotion": "happy", "seed": 2}}) == "emotion: happy -> sad; seed: 2 -> default"
    assert why(bundle="c") == "another bundle"
    assert "failed before: oh" in why({"state": FAILED, "error": {"message": "oh"}})
    sound.touch()  # another time, the same sound
    assert why() == ""
    sound.write_bytes(b"other")
    assert why() == "the sound has changed"
    sound.write_bytes(b"sound")
    rig.write_bytes(b"RIG")
    assert state_of(job, {"L1.npz": record}, tmp_path, "b") == State("", ("L1.npz",))
    begun = record | {"state": FAILED, "error": {"code": "begun", "message": "oh"}}
    assert state_of(job, {"L1.npz": begun}, tmp_path, "b") == State("failed before: oh")
    rig.unlink()
    assert why() == "L1.npz is gone"


def test_a_recipe_knows_a_picture_by_its_bytes(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n one")
    first = recipe(checked(Settings(image=picture)))
    picture.write_bytes(b"\x89PNG\r\n\x1a\n two")
    assert first != recipe(checked(Settings(image=picture))) and first["image"].startswith("a.png ")
    assert recipe(checked(Settings())) == {}


def test_a_name_that_is_too_long_fails_no_other_line(tmp_path: Path) -> None:
    lines = [line(1, id="x" * 300), line(2), line(3, settings={"image": Path("prose " * 60)})]
    jobs, _ = plan(lines, Settings(), edits=tmp_path)
    assert [job.number for job in jobs] == [1, 2, 3]  # a picture is only read when its line is made
    record = {"out": list(jobs[0].out), "state": FAILED, "error": {"message": "The name is too long."}}
    assert "The name is too long" in state_of(jobs[0], {jobs[0].out[0]: record}, tmp_path, "b").why


def test_a_ledger_that_was_cut(tmp_path: Path) -> None:
    record = {"out": ["a.npz"], "state": DONE, "time": "2026-01-01"}
    with Ledger(tmp_path) as ledger:
        ledger.write(record)
        ledger.write(record | {"out": ["b.npz"]})
    whole = ledger.path.read_bytes()
    ledger.path.write_bytes(whole[:-7])
    with Ledger(tmp_path) as ledger:
        ledger.write(record | {"out": ["c.npz"]})
        ledger.write(record | {"out": ["a.npz"], "time": "2026-01-02"})
    with Ledger(tmp_path, (3, 9)) as chunk:
        chunk.write(record | {"out": ["d.npz"]})
    records, (note,) = read_records(tmp_path)
    assert sorted(records) == ["a.npz", "c.npz", "d.npz"] and records["a.npz"]["time"] == "2026-01-02"
    assert "1 line cannot be read" in note and chunk.path.name == "results.3-9.jsonl"


def record(out: str, **others) -> dict:
    return {"out": [out], "state": DONE, "files": [{"file": out, "bytes": 1, "changed": 1, "sha256": "x"}]} | others


def test_no_clock_says_which_record_is_the_last(tmp_path: Path) -> None:
    """Of several ledgers the later bake's counts, whatever the clocks said; in one the later line does."""
    with Ledger(tmp_path, (1, 5)) as ledger:
        ledger.write(record("a.npz", time="2099-01-01", seconds=1))
    with Ledger(tmp_path) as ledger:
        ledger.write(record("a.npz", time="2001-01-01", seconds=2))
    assert read_records(tmp_path)[0]["a.npz"]["seconds"] == 2
    with Ledger(tmp_path, (1, 5)) as ledger:
        ledger.write(record("a.npz", time="1999-01-01", seconds=3))
        ledger.write(record("a.npz", time="1998-01-01", seconds=4))
    (last, *_), _ = read_records(tmp_path)[0].values(), None
    assert (last["seconds"], last["bake"]) == (4, 3)


def test_files_belong_to_the_last_record_that_speaks_of_them(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        ledger.write(record("a.npz"))
        ledger.write(record("b.npz"))
        ledger.write({"out": ["a.npz"], "state": FAILED})  # nothing was written
        ledger.write({"out": ["b.npz"], "state": FAILED, "files": []})  # something may have been
        ledger.write({"out": ["d.npz", "d.csv"], "state": DONE, "files": [{"file": "d.npz"}, {"file": "d.csv"}]})
        ledger.write({"out": ["d.csv"], "state": FAILED})
    records, _ = read_records(tmp_path)
    assert known_files(["d.csv", "d.npz", "e.npz"], records) == {name: {"file": name} for name in ("d.csv", "d.npz")}
    assert (records["d.csv"]["state"], records["d.npz"]["state"]) == (FAILED, DONE)
    assert [entry["file"] for entry in records["a.npz"]["files"]] == ["a.npz"] and not records["b.npz"]["files"]


def test_what_is_no_record(tmp_path: Path) -> None:
    wrong = [
        "[]", "1", "{}", '{"out": [], "state": "done"}', '{"out": [1], "state": "done"}',
        '{"out": ["a"], "state": "x"}', '{"out": ["a"], "state": "failed", "error": "oh"}',
        '{"out": ["a"], "state": "done", "files": [1]}',
        '{"out": ["a"], "state": "done", "input": null}', "[" * 100_000, '{"out": ["a"], "st',
    ]  # fmt: skip
    (tmp_path / "results.jsonl").write_text("\n".join(wrong))
    (tmp_path / "results_old.jsonl").write_text('{"out": ["a"], "state": "done"}\n')
    records, (note,) = read_records(tmp_path)
    assert not records and f"{len(wrong)} lines cannot be read" in note


def test_two_bakes_on_one_folder(tmp_path: Path) -> None:
    """No row is in the hands of two."""
    script = f"""if True:
        from pathlib import Path
        from medtalk.batch.ledger import Ledger
        from medtalk.errors import OutputError
        for chunk in (None, (1, 2), (2, None), (3, 4), (7, 9), (5, 5)):
            try:
                with Ledger(Path({str(tmp_path)!r}), chunk):
                    print("+", end="")
            except OutputError as error:
                assert "Another bake is at work" in str(error)
                print("-", end="")
    """
    said = []
    for chunk in (None, (1, 2), (4, 7), (5, None)):
        with Ledger(tmp_path, chunk):
            said.append(
                subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
            )
    assert said == ["------", "---+++", "-+----", "-+-+--"]
