"""Lines made several at a time, as a GPU gets them, are those that are made one by one."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from medtalk.batch.manifest import read_manifest
from medtalk.batch.plan import Job, plan
from medtalk.batch.work import Making, processes
from medtalk.bundle import load_bundle
from medtalk.errors import AudioError
from medtalk_wire.settings import Settings
from tests.helpers.sounds import babble

SAME = ("out", "id", "settings", "bundle", "state", "input", "seconds", "frames", "quality", "emotion")


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    rows = ["id,audio,text,language,emotion,timeline"]
    for number, (text, language) in enumerate(
        (("", "de"), ("Yes, I do.", ""), ("", "de"), ("", "fr"), ("[sad] No.", ""))
    ):
        soundfile.write(tmp_path / f"{number}.wav", babble(0.5 + 0.2 * number), 16000)
        rows.append(f'L{number},{number}.wav,"{text}",{language},angry,')
    (tmp_path / "a.csv").write_text("\n".join(rows))
    found, refused = plan(read_manifest(tmp_path / "a.csv").lines, Settings())
    assert not refused
    return [replace(job, out=(Path(job.out[0]).name,)) for job in found]


def test_several_at_a_time_are_as_one_by_one(jobs: list[Job], tiny_bundle: Path, tmp_path: Path) -> None:
    alone, together = (Making(tmp_path / name, tiny_bundle, device="cpu").open() for name in ("alone", "together"))
    one_by_one, at_once = [alone.make(job) for job in jobs], list(together.make_all(jobs))
    for one, other in zip(one_by_one, at_once, strict=True):
        assert {name: one[name] for name in SAME} == {name: other[name] for name in SAME}
        assert [file["sha256"] for file in one["files"]] == [file["sha256"] for file in other["files"]]
    assert [one["state"] for one in one_by_one] == ["done"] * 5 and alone.batch == 1


def test_a_job_is_done_wherever_the_process_is(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine of a cluster has another working folder."""
    monkeypatch.chdir(tmp_path)
    for folder in ("vo", "edits", "elsewhere", "out"):
        Path(folder).mkdir()
    shutil.copytree(tiny_bundle, "bundle")
    soundfile.write("vo/a.wav", babble(0.5), 16000)
    edits = {"format": "medtalk-edits", "version": 1, "base": {}, "edits": []}
    Path("edits/L1.edits.json").write_text(json.dumps(edits))
    Path("lines.csv").write_text("id,audio,timeline\nL1,vo/a.wav,moods.json\n")
    Path("moods.json").write_text('[{"start": 0, "image": "a.png"}]')
    usual = Settings(image=Path("a.png"))
    (job,), _ = plan(read_manifest("lines.csv").lines, usual, edits=Path("edits"))
    making = Making(Path("out"), Path("bundle"), "cpu", {"whisper": Path("w")})
    (span,) = tuple(job.settings.timeline or ())
    places = (job.sound, job.edits, job.settings.image, span.image, making.bundle, making.backbones["whisper"])
    assert all(str(place).startswith(str(tmp_path)) for place in places)
    Path("lines.csv").write_text("id,audio\nL1,vo/a.wav\n")
    (job,), _ = plan(read_manifest("lines.csv").lines, Settings())
    making = Making(Path("out"), Path("bundle"), "cpu")
    monkeypatch.chdir("elsewhere")
    record = making.open().make(job)
    assert (record["state"], record["sound"]) == ("done", str(tmp_path / "vo" / "a.wav"))
    assert (tmp_path / "out" / "L1.npz").is_file()


def test_a_gpu_has_one_process(tiny_bundle: Path) -> None:
    """Each would have a context of its own there, and a batch."""
    import torch

    bundle = load_bundle(tiny_bundle)
    cores = processes(bundle, "cpu")
    assert processes(bundle, "cuda") == processes(bundle, "cuda:1") == 1
    assert processes(bundle, "auto") == (1 if torch.cuda.is_available() else cores)
    assert cores == processes(load_bundle(), "auto") == len(os.sched_getaffinity(0))


def test_a_bad_sound_among_several(jobs: list[Job], tiny_bundle: Path, tmp_path: Path) -> None:
    """It is raised, so that each is made alone; a line whose rig cannot be made fails among the others."""
    maker = Making(tmp_path / "out", tiny_bundle, device="cpu").open()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "L1.npz").mkdir()
    records = list(maker.make_all(jobs))
    assert [record["state"] for record in records] == ["done", "failed", "done", "done", "done"]
    assert "is a folder" in records[1]["error"]["message"]
    Path(jobs[0].sound).write_bytes(b"none")
    with pytest.raises(AudioError):
        list(maker.make_all(jobs))
    assert maker.make(jobs[0])["state"] == "failed"
