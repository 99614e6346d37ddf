"""Settings of each line, its files, and why a line is made again."""

from __future__ import annotations

from pathlib import Path

import pytest

from medtalk.batch.ledger import DONE, FAILED, Ledger, read_records
from medtalk.batch.manifest import Line
from medtalk.batch.plan import State, fingerprint, plan, read_cast, state_of
from medtalk.batch.recipe import recipe
from medtalk.errors import GuidanceError, MedtalkError, OutputError, SettingError
from medtalk.take import checked
from medtalk_wire.settings import Finishing, Settings


def line(number: int = 1, **fields) -> Line:
    return Line(number, f"row {number}", **({"id": f"L{number}", "sound": "a.wav"} | fields))


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
    assert not refused and jobs[0].settings.persona["name"] == "host"
    assert [job.settings.emotion for job in jobs[1:]] == ["angry", "sad", "fear", None]
    assert jobs[1].settings.intensity == 0.5
    with pytest.raises(SettingError, match="not a cast"):
        read_cast(["Anna"], "cast.json")


def test_bad_rows_are_refused_and_the_others_go_on() -> None:
    lines = [
        line(1), line(2, settings={"emotion": "hapy"}), line(3, id="L1"), line(4, out="../x"), line(5, out="C:\\x"),
        line(6, settings={"intensity": 9.0}), line(7, id="l1"), line(8, out="act/one.csv"), line(9, id='a/b:"c"'),
    ]  # fmt: skip
    jobs, refused = plan(lines, Settings(), [".npz", ".csv"])
    assert [job.out for job in jobs] == [("L1.npz", "L1.csv"), ("act/one.csv",), ("a_b__c_.npz", "a_b__c_.csv")]
    assert [each.line.number for each in refused] == [2, 3, 4, 5, 6, 7]
    kinds = [type(each.error) for each in refused]
    assert kinds == [GuidanceError, OutputError, OutputError, OutputError, SettingError, OutputError]
    assert all(f"row {each.line.number}" in str(each.error) for each in refused)
    assert "as row 1 does" in str(refused[1].error)


def test_languages_have_folders() -> None:
    lines = [line(1, id="L1", language="de"), line(2, id="L1", language="fr"), line(3, id="L3")]
    jobs, refused = plan(lines, Settings())
    assert not refused and [job.out for job in jobs] == [("de/L1.npz",), ("fr/L1.npz",), ("L3.npz",)]
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
        return state_of(job, record | (other or {}), tmp_path, bundle).why

    assert why() == ""
    assert state_of(job, None, tmp_path, "b").why == "not made yet"
    assert why({"settings": {"emotion": "happy", "seed": 2}}) == "emotion: happy -> sad; seed: 2 -> default"
    assert why(bundle="c") == "another bundle"
    assert "failed before: oh" in why({"state": FAILED, "error": {"message": "oh"}})
    sound.touch()  # another time, the same sound
    assert why() == ""
    sound.write_bytes(b"other")
    assert why() == "the sound has changed"
    sound.write_bytes(b"sound")
    rig.write_bytes(b"RIG")
    assert state_of(job, record, tmp_path, "b") == State("", ("L1.npz",))
    rig.unlink()
    assert why() == "L1.npz is gone"


def test_a_recipe_knows_a_picture_by_its_bytes(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n one")
    first = recipe(checked(Settings(image=picture)))
    picture.write_bytes(b"\x89PNG\r\n\x1a\n two")
    assert first != recipe(checked(Settings(image=picture))) and first["image"].startswith("a.png ")
    assert recipe(checked(Settings())) == {}


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


def test_two_bakes_on_one_folder(tmp_path: Path) -> None:
    with Ledger(tmp_path), pytest.raises(OutputError, match="Another bake is at work"), Ledger(tmp_path):
        pass
    with Ledger(tmp_path), Ledger(tmp_path, (1, 2)):
        pass
    assert issubclass(OutputError, MedtalkError)
