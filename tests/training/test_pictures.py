"""Tools of Sec. 3.4: the frame of a video that shows most, and the table of descriptions."""

from __future__ import annotations

import csv
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from medtalk.rig import RigSequence, indices, write_rig
from medtalk_train import cli
from medtalk_train.captured.takes import read_takes
from tests.training import datasets

FRAMES, FPS = 30, 25


def write_video(path: Path) -> None:
    """Frame k is grey, k * 8 of 255."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(FPS), options={"qscale": "1"})
        stream.width, stream.height = 64, 48
        for k in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 8 * k, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def rig_with_peak(path: Path, frame: int, frames: int = 72) -> Path:
    """A rig at 60 fps that shows most at one frame."""
    values = np.zeros((frames, 174), np.float32)
    values[:, indices("[LR]_brow_down")] = (1.0 - np.abs(np.arange(frames) - frame) / frames)[:, None]
    values[:, indices("C_jaw.Y")] = 1.0  # speech is no expression
    values[frames - 12 : frames - 6, indices("[LR]_eye_blink")] = 1.0  # nor is a blink
    return write_rig(path, RigSequence(values))


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["medtalk-train", *map(str, words)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return int(stopped.value.code or 0)


def grey(path: Path) -> float:
    return float(np.asarray(Image.open(path), np.float64).mean())


def test_the_frame_that_shows_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_video(tmp_path / "talk.mp4")
    rig = rig_with_peak(tmp_path / "talk.npz", 36)  # 0.6 s: frame 15
    assert run(monkeypatch, "peak", tmp_path / "talk.mp4", "-o", tmp_path / "peaks", "--rig", rig) == 0
    assert grey(tmp_path / "peaks" / "talk.png") == pytest.approx(15 * 8, abs=4)


def test_a_folder_of_videos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """RAVDESS: videos by modality 01, rigs beside sounds of modality 03; what is there stays."""
    data = datasets.ravdess(tmp_path / "data", actors=(1,), emotions=(3, 5))
    for emotion in ("03", "05"):
        write_video(tmp_path / "videos" / f"02-01-{emotion}-01-02-01-01.mp4")
    words = ("peak", tmp_path / "videos", "-o", data / "peaks", "--rig", data)
    # the app's own name, .csv, is a rig's ending too
    assert run(monkeypatch, *words) == 0
    assert capsys.readouterr().out.count(" s of ") == 2
    assert all(take.picture is not None for take in read_takes(data))
    assert run(monkeypatch, *words) == 0
    assert capsys.readouterr().out == "", "nothing is made twice"


def test_videos_of_one_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second one's picture would be taken for made."""
    for folder in ("s1", "s2"):
        write_video(tmp_path / "videos" / folder / "take1.mp4")
    rig = rig_with_peak(tmp_path / "take1.npz", 3)
    assert run(monkeypatch, "peak", tmp_path / "videos", "-o", tmp_path / "peaks", "--rig", rig) == 1
    assert "holds 2 videos called take1" in capsys.readouterr().err
    assert run(monkeypatch, "peak", tmp_path / "videos" / "s1", "-o", tmp_path / "peaks" / "s1", "--rig", rig) == 0


def test_what_cannot_be_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_video(tmp_path / "talk.mp4")
    (tmp_path / "junk.mp4").write_bytes(b"junk" * 100)
    rig = rig_with_peak(tmp_path / "talk.npz", 3)
    model = tmp_path / "face_landmarker.task"
    monkeypatch.setitem(sys.modules, "mediapipe", None)  # not installed
    for words, said in {
        (tmp_path / "talk.mp4",): "nothing to judge the strongest expression by. Give --rig",
        (tmp_path / "junk.mp4", "--rig", rig): "junk.mp4 cannot be read as a video",
        (tmp_path / "talk.mp4", "--rig", tmp_path / "none"): "holds 0 rigs called talk",
        (tmp_path / "talk.mp4", "--model", model): "needs mediapipe, which is not installed. Run pip install 'medtalk[",
        (tmp_path / "none",): "There is no video",
    }.items():
        assert run(monkeypatch, "peak", *words, "-o", tmp_path / "peaks") == 1
        error = capsys.readouterr().err
        assert said in error and error.count("\n") == 1, error
    assert not list((tmp_path / "peaks").iterdir()), "nothing half-written"
    assert run(monkeypatch, "peak", tmp_path / "talk.mp4", "--rig", rig, "-o", tmp_path / "junk.mp4") == 1
    error = capsys.readouterr().err
    assert error.startswith("medtalk-train: Cannot write") and error.count("\n") == 1, error


def table(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8", newline="") as lines:
        return {row["clip"]: row["description"] for row in csv.DictReader(lines)}


def test_descriptions_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = datasets.emoface(tmp_path / "data", speakers=("aa",))
    assert run(monkeypatch, "describe", data) == 0
    file = data / "descriptions.csv"
    assert table(file) == dict.fromkeys(("angry_aa_000", "angry_aa_001", "happ_aa_000", "happ_aa_001"), "")
    file.write_text(file.read_text("utf-8").replace("angry_aa_001,", 'angry_aa_001,"cross, eyes narrow"'), "utf-8")
    assert run(monkeypatch, "describe", data) == 0
    assert table(file)["angry_aa_001"] == "cross, eyes narrow", "what was written by hand stays"
    assert {take.description for take in read_takes(data)} == {"", "cross, eyes narrow"}


def test_what_was_written_is_never_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table may name takes by the last part of their names, as training reads it, or wrongly."""
    data = datasets.ravdess(tmp_path / "data", actors=(1,), emotions=(3, 5))
    file, names = data / "descriptions.csv", [take.name for take in read_takes(data)]
    file.write_text(f"clip,description\n{Path(names[0]).name},a smile\nslip,a frown\n", "utf-8")
    for _ in range(2):
        assert run(monkeypatch, "describe", data) == 0
        assert table(file) == {names[0]: "a smile", names[1]: "", "slip": "a frown"}


def test_descriptions_by_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = datasets.emoface(tmp_path / "data", speakers=("aa",))
    tool = tmp_path / "tool.py"
    tool.write_text(
        "import sys, pathlib\n"
        "image, emotion = sys.argv[1:]\n"
        "if 'happ_aa_000' in image and not pathlib.Path(sys.argv[0]).with_name('better').exists():\n"
        "    sys.exit('no idea')\n"
        "with open(pathlib.Path(sys.argv[0]).with_name('asked'), 'a') as file: print(image, file=file)\n"
        "print(f'a face,\\n  {emotion} $HOME')\n"
    )
    command = f"{sys.executable} {tool} {{image}} {{emotion}}"
    assert run(monkeypatch, "describe", data, "--command", command) == 1
    assert (
        "4 takes have no picture, the first is angry_aa_000. Make them with medtalk-train peak"
        in capsys.readouterr().err
    )
    for name in table_names(data):
        datasets.picture(data / "peaks" / f"{name}.png", (1, 2, 3))
    assert run(monkeypatch, "describe", data, "--command", command) == 1
    assert "failed on happ_aa_000 with 1: no idea" in capsys.readouterr().err
    assert [text for text in table(data / "descriptions.csv").values() if text] == ["a face, angry $HOME"] * 2
    (tmp_path / "better").touch()
    assert run(monkeypatch, "describe", data, "--command", command) == 0
    assert set(table(data / "descriptions.csv").values()) == {"a face, angry $HOME", "a face, happy $HOME"}
    asked = (tmp_path / "asked").read_text().splitlines()
    assert len(asked) == len(set(asked)) == 4, "each is asked once, in spite of the cut"


def table_names(data: Path) -> list[str]:
    return [take.name for take in read_takes(data)]


def test_a_command_that_hangs_or_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = datasets.emoface(tmp_path / "data", speakers=("aa",))
    for command, said in {
        "sleep 60": "sleep took more than 0.2 s over angry_aa_000",
        "nobody-has-this-tool {emotion}": "nobody-has-this-tool cannot be run: No such file",
        "true": "true printed nothing for angry_aa_000",
    }.items():
        assert run(monkeypatch, "describe", data, "--command", command, "--timeout", 0.2) == 1
        error = capsys.readouterr().err
        assert said in error and error.count("\n") == 1, error
