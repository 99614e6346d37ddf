"""Loc tables as studios write them, and folders whose file names speak."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medtalk.batch.manifest import Line, folder_lines, read_manifest
from medtalk.errors import GuidanceError, MedtalkError, SettingError


def lines(path: Path, text: str | bytes, **options) -> tuple[Line, ...]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_manifest(path, **options).lines


def test_a_table_as_excel_saves_it(tmp_path: Path) -> None:
    """A mark of the byte order, semicolons, decimal commas, headers in any case and with blanks."""
    header = "\ufeffLine ID;Character;Audio File;Text;Emotion;Mood Intensity;Locale"
    text = f"{header}\r\nL1;Anna;a.wav;Hi; happy ;0,8;de-DE\r\n"
    (line,) = lines(tmp_path / "lines.csv", text)
    assert (line.number, line.id, line.character, line.problem) == (1, "L1", "Anna", None)
    assert line.sound == str(tmp_path / "a.wav") and line.where == "lines.csv, row 1 (L1)"
    assert line.settings == {"emotion": "happy", "intensity": 0.8, "transcript": "Hi"}  # words need no language
    (line,) = lines(tmp_path / "u.txt", text.replace(";", "\t").replace("Hi", "").encode("utf-16"))
    assert line.settings == {"emotion": "happy", "intensity": 0.8, "language": "de"}


def test_text_is_what_is_said_and_description_is_a_mood(tmp_path: Path) -> None:
    (line,) = lines(tmp_path / "a.csv", 'audio,text,description\na.wav,"Yes, I do.",quietly angry\n')
    assert line.settings == {"transcript": "Yes, I do.", "text": "quietly angry"}


def test_any_setting_is_a_column(tmp_path: Path) -> None:
    (tmp_path / "curve.csv").write_text("0,1\n1,2\n")
    (tmp_path / "moods.json").write_text('[{"start": 0, "emotion": "sad"}]')
    rows = "audio;blink;head;seed;fps;region;amounts;curve;timeline;persona\n"
    (line,) = lines(
        tmp_path / "a.csv", f"{rows}a.wav;no;yes;7;30;mouth;accents:0.5,drift:0;curve.csv;moods.json;host\n"
    )
    given = dict(line.settings)
    assert line.problem is None and given.pop("curve").shape == (2, 2) and given.pop("persona")["name"] == "host"
    assert [span.emotion for span in given.pop("timeline")] == ["sad"]
    assert given == {
        "blink": False, "head": True, "seed": 7, "fps": 30.0, "region": "mouth",
        "amounts": {"accents": 0.5, "drift": 0.0},
    }  # fmt: skip


def test_json_lines(tmp_path: Path) -> None:
    row = {"id": 12, "audio": "a.wav", "emotion": {"sad": 0.7, "angry": 0.3}, "blink": False, "intensity": 1.5}
    spans = {"audio": "b.wav", "timeline": [{"start": 1.0, "text": "relieved"}]}
    first, second, third, fourth = lines(
        tmp_path / "a.jsonl", f"{json.dumps(row)}\n\n{json.dumps(spans)}\n[1]\n{{broken\n"
    )
    assert first.id == "12" and first.settings == {key: row[key] for key in ("emotion", "blink", "intensity")}
    assert second.settings["timeline"][0].text == "relieved"
    assert "not a JSON object" in str(third.problem) and "not JSON" in str(fourth.problem)


def test_a_bad_row_fails_alone(tmp_path: Path) -> None:
    rows = ["a.wav,1,yes,", ",1,yes,", "c.wav,much,yes,", "d.wav,1,perhaps,", "e.wav,1,no,none.csv", "f.wav,1,no,,x"]
    text = "\n".join(["audio,intensity,blink,timeline", *rows])
    good, *bad = lines(tmp_path / "a.csv", text)
    assert good.problem is None
    said = [str(line.problem) for line in bad]
    for line, words in zip(
        said,
        ["has no sound", "'much', which is not a number", "valid are yes and no", "none.csv", "5 cells"],
        strict=True,
    ):
        assert words in line and "\n" not in line
    assert all(f"a.csv, row {number}" in line for number, line in enumerate(said, start=2))


def test_paths_of_another_system(tmp_path: Path) -> None:
    (tmp_path / "vo" / "anna").mkdir(parents=True)
    (tmp_path / "vo" / "anna" / "a.wav").write_bytes(b"")
    (line,) = lines(tmp_path / "a.csv", "audio,out\nanna\\a.wav,act1\\a\n", sounds=tmp_path / "vo")
    assert Path(line.sound).is_file() and line.out == "act1\\a"


def test_columns_that_are_not_used_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("audio,emotoin,Comment\na.wav,sad,loud\n")
    (note,) = read_manifest(tmp_path / "a.csv").notes
    assert "not used: emotoin, Comment" in note and "Is emotoin meant to be emotion?" in note


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "id,emotion\n1,sad\n", "has no column of sounds. It has id, emotion"),
        ("a.csv", "id,audio\n", "has no rows"),
        ("a.csv", "", "has no rows"),
        ("a.csv", b"audio\n\xff\xff\xff\n", "not UTF-8"),
        ("a.xlsx", "PK", "is not a manifest"),
    ],
)
def test_what_is_no_manifest(tmp_path: Path, name: str, text: str | bytes, words: str) -> None:
    with pytest.raises(SettingError, match=words):
        lines(tmp_path / name, text)


def test_a_hundred_thousand_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,audio,emotion\n" + "".join(f"L{n},{n}.wav,sad\n" for n in range(100_000)))
    found = read_manifest(path).lines
    assert len(found) == 100_000 and found[-1].id == "L99999" and found[-1].problem is None


def test_a_folder_whose_names_speak(tmp_path: Path) -> None:
    for name in ("anna_sad_001.wav", "act 2/bo_happy_002.wav", "readme_wav.wav"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    found = {line.out: line for line in folder_lines(tmp_path, "{character}_{emotion}_{id}").lines}
    assert found["anna_sad_001"].settings == {"emotion": "sad"} and found["anna_sad_001"].character == "anna"
    assert found["act 2/bo_happy_002"].id == "002"
    assert "does not fit" in str(found["readme_wav"].problem)
    assert [line.problem for line in folder_lines(tmp_path).lines] == [None] * 3
    for pattern in ("{who}_{id}", "{id}_{id}", "plain"):
        with pytest.raises(SettingError, match=r"pattern"):
            folder_lines(tmp_path, pattern)


def test_personas_are_checked(tmp_path: Path) -> None:
    (line,) = lines(tmp_path / "a.csv", "audio,persona\na.wav,nobody\n")
    assert isinstance(line.problem, MedtalkError) and "nobody" in str(line.problem)
    assert not isinstance(line.problem, GuidanceError)
