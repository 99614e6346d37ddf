"""Loc tables as studios write them, and folders whose file names speak."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from medtalk.batch.manifest import COLUMNS, Line, folder_lines, read_manifest
from medtalk.batch.plan import plan
from medtalk.errors import AudioError, GuidanceError, MedtalkError, SettingError
from medtalk_wire.settings import Settings


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
        tmp_path / "a.csv", f"{rows}a.wav;NEIN;yes;7;30;mouth;accents:0,5,drift:0;curve.csv;moods.json;host\n"
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


ODD = (
    5, -1.5, 10**400, True, False, [], [1], ["a"], [[1, 2]], [None], {}, {"a": 1}, {"sad": [1]}, "\ud800", "a\0b",
    "x" * 5000, [{"start": 0, "emotion": 5}], [{"start": 0, "image": 5}], None,
)  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(COLUMNS.values())))
def test_odd_values_of_any_column_harm_no_other_row(tmp_path: Path, name: str) -> None:
    """Each is one that the column may have, or fails its row with one line."""
    header = next(header for header, ours in COLUMNS.items() if ours == name)
    for value in ODD:
        row = {"id": "L2", "audio": "b.wav", header: value}
        text = f'{{"id": "L1", "audio": "a.wav", "language": "de"}}\n{json.dumps(row)}\n'
        jobs, refused = plan(lines(tmp_path / "a.jsonl", text), Settings(), edits=tmp_path)
        assert jobs[0].id == "L1" and len(jobs) + len(refused) == 2
        for each in refused:
            assert "a.jsonl, row 2" in str(each.error) and "\n" not in str(each.error)
        if isinstance(value, bool | list | dict) and name in ("id", "audio", "out", "character", "language"):
            assert f"{name} is {value!r:.40}; valid is a text." in str(refused[0].error)
        if value == "\ud800":
            assert f"{name} holds" in str(refused[0].error)


def test_a_bad_language_moves_no_other_line(tmp_path: Path) -> None:
    """Several languages have folders each; one that cannot be is none."""
    rows = ({"id": n, "audio": "a.wav", "language": word} for n, word in enumerate(("de", "\ud800", 5, ["fr"])))
    jobs, refused = plan(lines(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows))), Settings())
    assert [job.out for job in jobs] == [("0.npz",)] and len(refused) == 3


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


def test_headers_of_audio_tools_and_of_unreal(tmp_path: Path) -> None:
    """A reference is no picture: it is prose more often than not."""
    for header in ("VO File", "VO Filename", "WAV File", "Audio File Name", "Dialogue Wave", "Sound Cue", "Voice File"):
        text = f"Dialogue ID,{header},Speaker,Spoken Dialogue,Voice Actor Direction,Take,Reference\n"
        (tmp_path / "a.csv").write_text(f"{text}L1,a.wav,Anna,Hello.,very tired,3,{'as in act 1 ' * 50}\n")
        found = read_manifest(tmp_path / "a.csv")
        (line,) = found.lines
        assert (line.id, Path(line.sound).name, line.character, line.problem) == ("L1", "a.wav", "Anna", None)
        assert line.settings == {"transcript": "Hello.", "text": "very tired"}
        assert "not used: Take, Reference." in found.notes[0]


def test_a_mark_that_excel_writes_first(tmp_path: Path) -> None:
    (line,) = lines(tmp_path / "a.csv", "sep=;\r\nid;audio;intensity\r\nL1;a.wav;0,5\r\n")
    assert (line.id, line.settings, line.problem) == ("L1", {"intensity": 0.5}, None)


def test_columns_that_mean_the_same(tmp_path: Path) -> None:
    """The name that is ours wins, then the more usual one; the others are told."""
    (tmp_path / "a.csv").write_text("Name,Key,ID,File,Path,seed\nn,k,L1,a.wav,vo,7.0\n")
    found = read_manifest(tmp_path / "a.csv")
    (line,) = found.lines
    assert (line.id, line.sound, line.settings) == ("L1", str(tmp_path / "a.wav"), {"seed": 7})
    assert found.notes == ("a.csv: not used: Name, Key, Path.",)
    with pytest.raises(SettingError, match=r"two columns called audio"):
        lines(tmp_path / "b.csv", "audio,audio,id\na.wav,b.wav,1\n")
    lines(tmp_path / "c.csv", "audio,note,note\na.wav,x,y\n")  # which mean nothing


def test_quotes_that_never_close(tmp_path: Path) -> None:
    """They would swallow all rows behind them."""
    rows = 'id,audio,text\n1,a.wav,"Hi, you"\n2,b.wav,"Oh\n3,c.wav,Yes\n4,d.wav,No\n'
    with pytest.raises(SettingError, match=r"a\.csv, line 3: a quote is opened, and never closed"):
        lines(tmp_path / "a.csv", rows)
    quoted = lines(tmp_path / "b.csv", 'id,audio,text\n1,a.wav,"Hi,\nyou"\n2,b.wav,a 5" disk\n3,c.wav,"so ""5"""\n')
    assert [line.settings["transcript"] for line in quoted] == ["Hi,\nyou", 'a 5" disk', 'so "5"']
    with pytest.raises(SettingError, match=r"c\.csv, line 2: a quote is opened"):
        lines(tmp_path / "c.csv", 'text,audio\n"Oh,a.wav\n"Yes",b.wav\nNo,c.wav\n')


@pytest.mark.parametrize("cell", ["a\\nb.wav", "a\\u0000.wav", "a\\ud800.wav"])
def test_what_no_name_may_hold(tmp_path: Path, cell: str) -> None:
    (line,) = lines(tmp_path / "a.jsonl", f'{{"audio": "{cell}"}}\n')
    assert "audio holds a line break or another sign" in str(line.problem)


def test_signs_that_end_a_line_elsewhere(tmp_path: Path) -> None:
    (line,) = lines(tmp_path / "a.jsonl", '{"audio": "a.wav", "text": "one\u2028two\u0085three"}\n')
    assert line.problem is None and line.settings["transcript"] == "one\u2028two\u0085three"


def test_mixtures_and_numbers_that_are_broken(tmp_path: Path) -> None:
    usual = Settings()
    found = lines(tmp_path / "a.csv", "audio;emotion;intensity;seed\n" + "".join(f"a.wav;{row}\n" for row in (
        "sad:0,x;1;1", "sad:;1;1", "sad:0.5,;1;1", "sad;1.234,5;1", "sad;nan;1", "sad;1e999;1", "sad;1;7.5", "sad;1;-3",
        "sad:0.5,angry:0,5;0,5;7",
    )))  # fmt: skip
    jobs, refused = plan([replace(line, id=str(line.number)) for line in found], usual)
    assert [job.number for job in jobs] == [9] and [each.line.number for each in refused] == list(range(1, 9))
    assert all(f"a.csv, row {each.line.number}" in str(each.error) for each in refused)
    assert jobs[0].settings.emotion == "sad:0.5,angry:0.5"


def test_a_folder_that_is_called_like_a_table(tmp_path: Path) -> None:
    (tmp_path / "lines.csv").mkdir()
    with pytest.raises(AudioError, match="holds no sound"):
        read_manifest(tmp_path / "lines.csv")
    (tmp_path / "lines.csv" / "a.wav").write_bytes(b"")
    assert [line.out for line in read_manifest(tmp_path / "lines.csv").lines] == ["a"]
    with pytest.raises(SettingError, match="does not exist"):
        read_manifest(tmp_path / "lines.csv" / "a.wav", tmp_path / "none")


def test_columns_that_are_not_used_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("audio,emotoin,Comment\na.wav,sad,loud\n")
    (note,) = read_manifest(tmp_path / "a.csv").notes
    assert "not used: emotoin, Comment" in note and "Is emotoin meant to be emotion?" in note


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "id,emotion\n1,sad\n", "has no column of sounds. It has id, emotion"),
        ("a.csv", "id,audio\n", "has no rows"),
        ("a.csv", "audio\n\n,\n", "has no rows"),
        ("a.jsonl", '{"id": 1}\n', "has no column of sounds. It has id"),
        ("a.jsonl", "[]\n", "has no column of sounds. It has none"),
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
