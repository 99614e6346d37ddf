"""`medtalk study`: the page is blind and whole, its key fits, and what is wrong is one line."""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from medtalk.rig import RigSequence, Timed, write_rig

CONDITIONS = ("Zebra", "Quokka", "Xerus")


@pytest.fixture
def folders(tmp_path: Path, sound: Path) -> list[str]:
    """The words NAME=FOLDER of three conditions of three clips, whose sounds lie beside the first."""
    for i, condition in enumerate(CONDITIONS):
        folder = tmp_path / f"of_{condition}"
        folder.mkdir()
        for clip in ("furious1", "gloomy2", "merry3"):
            values = np.full((120, 174), 0.1 * i, np.float32)
            phones = (Timed("p", 0.5, 0.7),)
            meta = {"source": {"name": f"{clip}.wav"}, "model": condition}
            write_rig(folder / f"{clip}.npz", RigSequence(values, 60, meta, (), phones))
            if i == 0:
                shutil.copy(sound, folder / f"{clip}.wav")
    return [f"{condition}={tmp_path / f'of_{condition}'}" for condition in CONDITIONS]


def blobs(text: str) -> dict[str, bytes]:
    """What lies on a page, unpacked, by its id."""
    found = re.findall(r'data-blob="\w+" data-key="(\w+)">([^<]+)<', text)
    return {key: gzip.decompress(base64.b64decode(data)) for key, data in found}


def test_a_page_and_its_key(medtalk, folders, tmp_path):
    done = medtalk("study", "page", *folders, "-o", tmp_path / "study.html", "--checks", "2")
    assert (done.code, done.err) == (0, "")
    size = (tmp_path / "study.html").stat().st_size / 1e6
    assert done.out.splitlines() == [
        f"{tmp_path / 'study.html'}: 3 clips by 3 conditions, 9 votes of each participant, {size:.1f} MB; this is what "
        "participants get",
        f"{tmp_path / 'study.key.json'}: the key; keep it to yourself, the report needs it",
    ]
    key = json.loads((tmp_path / "study.key.json").read_text())
    text = (tmp_path / "study.html").read_text("utf-8")
    assert set(blobs(text)) == set(key["clips"]) | set(key["takes"])
    assert "default-src 'none'" in text and "connect-src" not in text
    assert not re.findall(r"https?://[^\"'\s]+", text)


@pytest.mark.parametrize("questions", ["rating", "choice"])
def test_nothing_on_the_page_tells_a_condition(medtalk, folders, tmp_path, questions):
    orders = []
    for i in range(12):
        page = tmp_path / f"{i}.html"
        assert medtalk("study", "page", *folders, "-o", page, "--questions", questions).code == 0
        key = json.loads((tmp_path / f"{i}.key.json").read_text())
        text = page.read_text("utf-8")
        inside = text.encode() + b"".join(blobs(text).values())
        for word in (*CONDITIONS, "furious", "gloomy", "merry", ".npz", "voice.wav", str(tmp_path)):
            assert word.lower().encode() not in inside.lower(), word
        shown = [take for take in blobs(text) if take in key["takes"]]
        assert shown == sorted(shown), "the order is that of random ids"
        about = json.loads(re.findall(r"data-study>(.*?)</script>", text)[0])
        assert all(each["takes"] == sorted(each["takes"]) for each in about["clips"])
        orders.append(tuple(key["takes"][take][1] for take in shown))
    assert len(set(orders)) > 6, "and another one each time"


def test_clips_that_are_not_everywhere_are_told(medtalk, folders, tmp_path):
    (tmp_path / "of_Quokka" / "gloomy2.npz").unlink()
    (tmp_path / "of_Quokka" / "notes.txt").write_text("not a take")
    shutil.copy(tmp_path / "of_Xerus" / "merry3.npz", tmp_path / "of_Xerus" / "sleepy4.npz")
    done = medtalk("study", "page", *folders, "-o", tmp_path / "study.html")
    assert done.code == 0 and "2 clips by 3 conditions" in done.out
    assert done.err.splitlines() == [
        "medtalk: Zebra lacks a clip that others have, which is left out: sleepy4.",
        "medtalk: Quokka lacks clips that others have, which are left out: gloomy2, sleepy4.",
    ]


def test_what_could_be_guessed_is_told(medtalk, folders, tmp_path):
    values = np.zeros((90, 174), np.float32)
    write_rig(tmp_path / "of_Xerus" / "merry3.npz", RigSequence(values, 30, head=np.zeros((90, 3), np.float32)))
    done = medtalk("study", "page", *folders, "-o", tmp_path / "study.html")
    assert done.code == 0
    assert done.err.splitlines() == [
        "medtalk: The frame rates of merry3 differ, which may give conditions away: Zebra 60, Quokka 60, Xerus 30 per "
        "second.",
        "medtalk: In merry3 only some turn the head, which gives them away: Xerus.",
        "medtalk: merry3 lasts 2.00 s, but some of its takes do not: Xerus 3.00.",
    ]


def test_sounds_of_a_folder_and_some_clips_for_each(medtalk, folders, sound, tmp_path):
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    for path in (tmp_path / "of_Zebra").glob("*.wav"):
        path.rename(sounds / path.name)
    page = tmp_path / "study.html"
    done = medtalk("study", "page", *folders, "-o", page)
    assert done.code == 1 and "The clip furious1 has no sound beside any of its takes." in done.err
    key = tmp_path / "elsewhere.json"
    done = medtalk("study", "page", *folders, "-o", page, "--audio", sounds, "--clips", 2, "--key", key)
    assert done.code == 0 and "6 votes of each participant" in done.out and key.exists()
    assert json.loads(key.read_text())["each"] == 2


def test_what_is_wrong_is_one_line_and_nothing_is_written(medtalk, folders, tmp_path):
    one, other, _ = folders
    page = tmp_path / "study.html"
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "merry3.npz").write_bytes(b"no archive")
    part = tmp_path / "part"
    part.mkdir()
    meta = {"source": {"name": "merry3.wav", "seconds": 2.0}, "span": [0.5, 1.5]}
    write_rig(part / "merry3.npz", RigSequence(np.zeros((60, 174)), 60, meta))
    taken = tmp_path / "taken.key.json"
    taken.write_text("{}")
    for words, said in [
        ([one], "A study needs at least two conditions."),
        ([one, "Quokka"], "'Quokka' is no condition."),
        ([one, one], "Two conditions are called 'Zebra'."),
        ([one, f"Other={tmp_path / 'of_Zebra'}"], "Zebra and Other have the same folder"),
        ([one, f"No={tmp_path / 'no'}"], f"The folder {tmp_path / 'no'} of No does not exist."),
        ([one, f"No={tmp_path / 'empty'}"], "has no takes"),
        ([one, f"Bad={tmp_path / 'bad'}"], "merry3.npz"),
        ([one, f"Part={part}"], "begins at 0.5 s of merry3.wav"),
        ([one, f"{'x' * 80}={tmp_path / 'of_Quokka'}"], "is no name of a condition"),
        ([one, other, "--clips", "0"], "0 clips for each participant; valid are 1 to 3"),
        ([one, other, "--clips", "4"], "4 clips for each participant; valid are 1 to 3"),
        ([one, other, "--checks", "11"], "11 attention checks; valid are 0 to 10"),
        ([one, other, "--consent", " "], "The consent is blank; valid are 1 to 2000 characters"),
        ([one, other, "--audio", tmp_path / "empty"], "has no sound of the clip furious1"),
        ([one, other, "--key", taken], "already exists"),
        ([one, other, "--key", tmp_path / "key.txt"], "does not have a valid ending"),
    ]:
        done = medtalk("study", "page", *words, "-o", page)
        assert done.code == 1 and said in done.err and len(done.err.splitlines()) == 1, done.err
    assert medtalk("study", "page", one, other, "-o", page, "--questions", "songs").code == 2
    assert not page.exists() and not (tmp_path / "study.key.json").exists() and taken.read_text() == "{}"


def test_a_full_disk_leaves_no_key(medtalk, folders, full_disk):
    done = medtalk("study", "page", *folders, "-o", full_disk / "study.html")
    assert done.code == 1 and "the disk is full" in done.err and list(full_disk.iterdir()) == []


def test_a_report(medtalk, folders, tmp_path):
    assert medtalk("study", "page", *folders, "-o", tmp_path / "study.html").code == 0
    key = tmp_path / "study.key.json"
    made = json.loads(key.read_text())
    points = {"Zebra": 2, "Quokka": 3, "Xerus": 4}
    names = ("lip_sync", "emotion_acc", "vividness")
    files = []
    for i in range(7):
        votes = [
            {"clip": clip, "takes": [take], "answers": {name: points[of] + (i % 2) for name in names}}
            for take, (clip, of) in made["takes"].items()
        ]
        votes = votes[:3] if i == 6 else votes
        files.append(tmp_path / f"{i}.json")
        files[-1].write_text(
            json.dumps(
                {"medtalk_votes": 1, "study": made["study"], "kind": "rating", "participant": f"p{i}", "votes": votes}
            )
        )
    done = medtalk("study", "report", key, *files)
    assert (done.code, done.err) == (0, "")
    assert "6 participants, 3 clips, 54 votes on 3 conditions." in done.out
    assert "| Zebra | 2.500 ± 0.575 | 2.500 ± 0.575 | 2.500 ± 0.575 |" in done.out
    assert "p6 stopped early, after 3 of 9 votes, and is left out as withdrawn." in done.out
    page = medtalk("study", "report", key, *files, "-o", tmp_path / "report.md")
    assert (tmp_path / "report.md").read_text() == done.out
    assert page.out == f"{tmp_path / 'report.md'}: 6 participants, 54 votes\n"
    assert "p6 stopped early" in page.err and "6 participants are too few" in page.err
    assert medtalk("study", "report", key, *files, "-o", tmp_path / "report.json").code == 0
    facts = json.loads((tmp_path / "report.json").read_text())
    assert facts["means"]["vividness"]["Xerus"]["value"] == 4.5
    assert [each["better"]["value"] for each in facts["differences"][:3]] == [-1.0, -2.0, -1.0]
    again = medtalk("study", "report", key, files[0], files[0])
    assert "p0 voted twice" in again.out and "One participant is too few to show any difference" in again.out
    for words, said in [
        ([key, key], "is no file of votes"),
        ([files[0], files[1]], "is no key of a study"),
        ([key, tmp_path / "no.json"], "no.json does not exist"),
        ([key, files[6]], "No votes are left to report."),
        ([key, files[0], "-o", files[0]], "is read by this command"),
        ([key, files[0], "-o", tmp_path / "report.txt"], "does not have a valid ending"),
    ]:
        done = medtalk("study", "report", *words)
        assert done.code == 1 and said in done.err and len(done.err.splitlines()) == 1, done.err
