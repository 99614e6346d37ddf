"""`medtalk-train capture` with MediaPipe's real network on films of the head: what was put in comes out, and what
cannot be captured is told in a line."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from medtalk.guidance import LABELS
from medtalk.rates import FPS
from medtalk.rig import ARKIT_NAMES, read_rig, to_arkit
from medtalk_train import cli
from medtalk_train.captured import peak
from medtalk_train.captured.capture import Capturing, Track, about, jobs_of, rig_of
from medtalk_train.captured.takes import read_takes
from medtalk_train.captured.takes.check import check
from medtalk_train.captured.video import frames_of, open_landmarker, pixels_of
from tests.helpers.sounds import babble
from tests.training import films

PUT = ("JawOpen", "MouthSmile", "MouthFrown", "MouthPucker", "BrowInnerUp", "BrowDown", "EyeBlink")
SECONDS, CLICK = 7.0, 3.0


def bump(times: np.ndarray, at: float, wide: float) -> np.ndarray:
    """From 0 to 1 and back within `wide` seconds, highest at `at`."""
    return np.where(np.abs(times - at) < wide / 2, np.cos(np.pi * (times - at) / wide) ** 2, 0.0)


def bumps(times: np.ndarray, highs: dict[float, float], wide: float) -> np.ndarray:
    """Several, by when they are highest."""
    return np.sum([high * bump(times, at, wide) for at, high in highs.items()], axis=0)


def curves(times: np.ndarray) -> dict[str, np.ndarray]:
    """Of each of `PUT`: the mouth does one thing after another, brows and lids go their own way meanwhile.

    The brows are down while the jaw is not far open: of a face with both MediaPipe sees no frown.
    """
    return {
        "JawOpen": bumps(times, {0.6: 0.7, 1.0: 0.4, 3.6: 0.9, 5.3: 0.5}, 0.5),
        "MouthSmile": 0.9 * bump(times, 1.9, 1.2) + 0.5 * bump(times, 5.4, 0.9),
        "MouthFrown": 0.9 * bump(times, 6.3, 1.1),
        "MouthPucker": 0.8 * bump(times, 4.4, 1.0),
        "BrowInnerUp": 0.9 * bump(times, 1.3, 1.6) + 0.6 * bump(times, 4.9, 1.0),
        "BrowDown": 0.9 * bump(times, 2.8, 1.1) + 0.7 * bump(times, 6.2, 1.0),
        "EyeBlink": bumps(times, dict.fromkeys((0.9, 3.6, 4.6, 5.7), 1.0), 0.35),
    }


def uneven(seconds: float = SECONDS) -> np.ndarray:
    """Times of frames as a webcam gives them: 25 a second, some dropped and all a little early or late."""
    rng = np.random.default_rng(4)
    times = np.arange(round(seconds * 25)) / 25.0
    times = times + rng.uniform(0.0, 0.012, len(times))
    kept = rng.random(len(times)) > 0.15
    kept[[0, -1]] = True
    return times[kept] - times[0]


@pytest.fixture(scope="session")
def model(shared: Path) -> Path:
    return shared / "face" / "face_landmarker.task"


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven seconds of a happy actor 07, as RAVDESS names it, at uneven times."""
    times = uneven()
    sound = babble(SECONDS, films.RATE)
    at = round(CLICK * films.RATE)
    sound[at : at + 480] = 0.9  # a click by which its place is known
    path = tmp_path_factory.mktemp("film") / "01-01-03-02-02-01-07.mp4"
    return films.write_film(path, films.pictures(films.weights_of(len(times), **curves(times))), times, sound)


@pytest.fixture(scope="session")
def still(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Under a second of a face at rest: `neutral_ada_1.mp4`."""
    times = np.arange(20) / 25.0
    path = tmp_path_factory.mktemp("still") / "neutral_ada_1.mp4"
    return films.write_film(path, films.pictures(films.weights_of(20)), times, babble(0.8, films.RATE))


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["medtalk-train", *map(str, words)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return int(stopped.value.code or 0)


def correlation(rig: Path, name: str, wanted: np.ndarray) -> float:
    """Of a shape of both sides, as far as it has them, with what was put in at 60 fps."""
    weights = to_arkit(read_rig(rig))[1]
    places = [k for k, each in enumerate(ARKIT_NAMES) if each in (name, f"{name}Left", f"{name}Right")]
    got = weights[:, places].mean(1)
    count = min(len(got), len(wanted))
    return float(np.corrcoef(got[:count], wanted[:count])[0, 1])


def test_what_was_put_in_comes_out(
    film: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "capture", film, "-o", tmp_path / "rigs", "--model", model) == 0
    rig = tmp_path / "rigs" / f"{film.stem}.npz"
    assert f"{rig}: " in capsys.readouterr().out
    wanted = curves(np.arange(len(read_rig(rig))) / FPS)
    found = {name: correlation(rig, name, wanted[name]) for name in PUT}
    print({name: round(r, 3) for name, r in found.items()})
    assert min(found.values()) >= 0.8, found
    assert found["JawOpen"] > 0.9 and found["EyeBlink"] > 0.9, "what speech and blinks need"
    (take,) = read_takes(tmp_path / "rigs")
    assert (LABELS[take.label], take.speaker, take.strength) == ("happy", "07", "strong")
    assert take.transcript == "Dogs are sitting by the door."
    assert check(tmp_path / "rigs").problems == []


def test_the_picture_of_the_strongest_moment(
    film: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is the smile, not a blink, whose lids are lower than any brow is high."""
    assert run(monkeypatch, "peak", film, "-o", tmp_path / "peaks", "--model", model) == 0
    second = float(re.search(r"([\d.]+) s of", capsys.readouterr().out)[1])  # type: ignore[index]
    assert second == pytest.approx(1.9, abs=0.4)
    assert (tmp_path / "peaks" / f"{film.stem}.png").is_file()


def test_the_sound_lies_under_the_face(
    film: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "capture", film, "-o", tmp_path, "--model", model, "--quiet") == 0
    assert capsys.readouterr().out == ""
    samples, rate = soundfile.read(tmp_path / f"{film.stem}.wav")
    assert rate == films.RATE and np.abs(samples).argmax() / rate == pytest.approx(CLICK, abs=0.03)
    rig = read_rig(tmp_path / f"{film.stem}.npz")
    assert abs(len(samples) / rate - rig.seconds) < 0.02 and rig.seconds == pytest.approx(SECONDS, abs=0.1)
    assert rig.meta["emotion"] == {"happy": 1.0} and rig.meta["source"] == film.name


def test_pictures_that_start_after_the_sound(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rest = next(iter(films.pictures(films.weights_of(1))))
    sound = babble(2.0, films.RATE)
    sound[films.RATE : films.RATE + 240] = 0.9
    for start in (0.4, 0.0):
        video = tmp_path / f"sad_eva_{start:g}.mp4"
        films.write_film(video, [rest] * 40, start + np.arange(40) / 25.0, sound)
        assert run(monkeypatch, "capture", video, "-o", tmp_path, "--model", model) == 0
        samples, rate = soundfile.read(video.with_suffix(".wav"))
        assert np.abs(samples).argmax() / rate == pytest.approx(1.0 - start, abs=0.02)
        assert len(samples) / rate == pytest.approx(1.6, abs=0.02)


@pytest.mark.parametrize("how", ["auto", "none", "0.5", "video"])
def test_the_neutral_pose(how: str, film: Path, still: Path, model: Path, tmp_path: Path, monkeypatch) -> None:
    """MediaPipe sees narrowed eyes in the head at rest: .4, which is its and not the actor's."""
    neutral = still if how == "video" else how
    assert run(monkeypatch, "capture", film, "-o", tmp_path, "--model", model, "--neutral", neutral) == 0
    weights = to_arkit(read_rig(tmp_path / f"{film.stem}.npz"))[1]
    squint = float(np.median(weights[:, ARKIT_NAMES.index("EyeSquintLeft")]))
    assert squint > 0.2 if how == "none" else squint < 0.1
    jaw = weights[:, ARKIT_NAMES.index("JawOpen")]
    assert jaw.max() > 0.6 and jaw.min() < 0.02, "the range stays"


def test_an_actor_s_neutral_videos_serve_the_others(
    film: Path, still: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """In an order in which the neutral one would come last, and again after a cut run."""
    videos = tmp_path / "videos"
    (videos / "Actor_07").mkdir(parents=True)
    shutil.copy(film, videos / "Actor_07" / film.name)
    rest = shutil.copy(still, videos / "Actor_07" / "01-01-01-01-01-01-07.mp4")
    words = ("capture", videos, "-o", tmp_path / "rigs", "--model", model)
    assert run(monkeypatch, *words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" s of ")[2] for line in lines] == [str(rest), str(videos / "Actor_07" / film.name)]
    made = tmp_path / "rigs" / "Actor_07" / f"{film.stem}.npz"
    poses = [
        read_rig(made.with_name(f"{name}.npz")).meta["capture"]["neutral"] for name in (film.stem, Path(rest).stem)
    ]
    assert poses[0] == pytest.approx(poses[1], abs=1e-3), "the pose of the neutral video"
    before = read_rig(made).values
    made.unlink()
    assert run(monkeypatch, *words) == 0
    assert capsys.readouterr().out.count(" s of ") == 1, "what is there is not made again"
    assert read_rig(made).values == pytest.approx(before, abs=1e-3), "as in one run"
    assert {take.speaker for take in read_takes(tmp_path / "rigs")} == {"07"}


def side_by_side(frames: int = 30) -> list[np.ndarray]:
    """Two heads in one picture: the left one smiles, the right one opens its jaw."""
    high = 0.8 * bump(np.arange(frames) / 25.0, 0.6, 0.8)
    left, right = films.weights_of(frames, MouthSmile=high), films.weights_of(frames, JawOpen=high)
    return [np.hstack(pair) for pair in zip(films.pictures(left), films.pictures(right), strict=True)]


def test_two_faces(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    both = side_by_side()
    video = films.write_film(tmp_path / "sad_duo_1.mp4", both, np.arange(len(both)) / 25.0, babble(1.2, films.RATE))
    words = ("capture", video, "-o", tmp_path / "rigs", "--model", model)
    assert run(monkeypatch, *words) == 1
    error = capsys.readouterr().err
    assert (
        "Two faces are seen in" in error and "the second to the" in error and "--face largest, left or right" in error
    )
    assert error.count("\n") == 1 and not list((tmp_path / "rigs").iterdir()), error
    jaws = {}
    for face in ("left", "right"):
        assert run(monkeypatch, *words, "--face", face, "--again") == 0
        weights = to_arkit(read_rig(tmp_path / "rigs" / "sad_duo_1.npz"))[1]
        jaws[face] = weights[:, ARKIT_NAMES.index("JawOpen")].max()
    assert jaws["right"] > 0.4 > 0.1 > jaws["left"], jaws


def bad_videos(folder: Path) -> dict[str, str]:
    """Videos that cannot be captured, and what is said of each."""
    rest = next(iter(films.pictures(films.weights_of(1))))
    grey = np.full_like(rest, 90)
    sound = babble(2.0, films.RATE)
    times = np.arange(50) / 25.0
    films.write_film(folder / "sad_a_noface.mp4", [grey] * 50, times, sound)
    films.write_film(folder / "sad_a_lost.mp4", [rest] * 15 + [grey] * 22 + [rest] * 13, times, sound)
    films.write_film(folder / "sad_a_mute.mp4", [rest] * 50, times, None)
    films.write_film(folder / "sad_a_short.mp4", [rest] * 5, times[:5], sound[: films.RATE // 5])
    films.write_film(folder / "take.mp4", [rest] * 50, times, sound)
    films.write_film(folder / "sad_a_half.mp4", [rest] * 50, times, sound[: films.RATE // 2])
    (folder / "sad_a_junk.mp4").write_bytes(b"junk" * 200)
    cut = (folder / "take.mp4").read_bytes()
    (folder / "sad_a_cut.mp4").write_bytes(cut[: len(cut) // 3])
    soundfile.write(folder / "voice.wav", sound, films.RATE)
    (folder / "voice.wav").rename(folder / "sad_a_voice.mkv")
    return {
        "sad_a_noface.mp4": "No face is seen in",
        "sad_a_lost.mp4": "The face is lost in",
        "sad_a_mute.mp4": "holds no sound",
        "sad_a_short.mp4": "at least 0.5 s are needed",
        "take.mp4": "gives no emotion. Give --emotion",
        "sad_a_half.mp4": "The sound of",
        "sad_a_junk.mp4": "cannot be read as a video",
        "sad_a_cut.mp4": "cannot be read as a video",
        "sad_a_voice.mkv": "holds no pictures, only sound",
    }


def test_a_bad_video_fails_alone(
    still: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = bad_videos(tmp_path / "videos")
    shutil.copy(still, tmp_path / "videos" / "sad_b_good.mp4")
    assert run(monkeypatch, "capture", tmp_path / "videos", "-o", tmp_path / "rigs", "--model", model) == 1
    out, err = capsys.readouterr()
    lines = err.splitlines()
    for name, what in said.items():
        assert any(name in line and what in line for line in lines), (name, what, lines)
    assert len(lines) == len(said) + 1 and lines[-1] == f"medtalk-train: {len(said)} of {len(said) + 1} videos failed."
    assert [file.name for file in sorted((tmp_path / "rigs").iterdir())] == ["sad_b_good.npz", "sad_b_good.wav"]
    assert out.count(" s of ") == 1


def test_a_phone_that_was_held_upright(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The pixels lie on their side, and the file says how they are to be turned."""
    jaw = 0.8 * bump(np.arange(25) / 25.0, 0.5, 0.8)
    upright = list(films.pictures(films.weights_of(25, JawOpen=jaw)))
    for turned in (90, -90, 180):
        lying = [np.rot90(picture, -turned // 90) for picture in upright]
        path = tmp_path / f"happy_eva_{turned % 360}.mp4"
        films.write_film(path, lying, np.arange(25) / 25.0, babble(1.0, films.RATE), turned)
        with frames_of(path) as frames:
            _, frame = next(iter(frames))
            assert np.abs(pixels_of(frame).astype(int) - upright[0]).mean() < 6.0, turned
    assert run(monkeypatch, "capture", tmp_path, "-o", tmp_path / "rigs", "--model", model) == 0
    for rig in (tmp_path / "rigs").glob("*.npz"):
        assert correlation(rig, "JawOpen", 0.8 * bump(np.arange(60) / FPS, 0.5, 0.8)) > 0.9


def test_what_the_command_needs(
    still: Path, model: Path, tmp_path: Path, empty_caches: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    other = tmp_path / "other.task"
    other.write_bytes(b"no network")
    base = ("capture", still, "-o", tmp_path / "rigs")
    for words, said in (
        ((), "face_landmarker.task of MediaPipe is not on this machine"),
        ((), "name it with --model"),
        (("--model", tmp_path / "none.task"), "There is no file"),
        (("--model", other), "other.task is not MediaPipe's face_landmarker.task"),
        (("--model", model, "--face", "tall"), "Unknown face 'tall'; valid are largest, left, right"),
        (("--model", model, "--emotion", "hungry"), "Unknown emotion 'hungry'"),
        (("--model", model, "--neutral", "maybe.mp4"), "There is no video maybe.mp4 of a neutral face"),
        (("--model", model, "--neutral", "-1"), "the seconds must be more than 0"),
    ):
        assert run(monkeypatch, *base, *words) == 1
        error = capsys.readouterr().err
        assert said in error and error.count("\n") == 1, error
    assert run(monkeypatch, "capture", tmp_path / "nothing", "-o", tmp_path / "rigs", "--model", model) == 1
    assert "There is no video" in capsys.readouterr().err
    assert run(monkeypatch, "capture", still, "-o", other / "rigs", "--model", model) == 1
    assert "Cannot write" in capsys.readouterr().err, "the folder is a file"
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    assert run(monkeypatch, *base, "--model", model) == 1
    assert "mediapipe, which is not installed. Run pip install 'medtalk[picture]'." in capsys.readouterr().err
    assert not (tmp_path / "rigs").exists()


def test_a_face_that_comes_after_its_rest(
    still: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--neutral` asks for seconds in which no face is seen yet; the next video is made all the same."""
    rest = next(iter(films.pictures(films.weights_of(1))))
    frames = [np.full_like(rest, 90)] * 8 + [rest] * 22
    videos = tmp_path / "videos"
    films.write_film(videos / "sad_a_late.mp4", frames, np.arange(30) / 25.0, babble(1.2, films.RATE))
    shutil.copy(still, videos / "sad_b_good.mp4")
    words = ("capture", videos, "-o", tmp_path / "rigs", "--model", model, "--neutral", "0.2")
    assert run(monkeypatch, *words) == 1
    lines = capsys.readouterr().err.splitlines()
    assert "No face is seen in the first 0.2 s of" in lines[0] and "the first is seen at 0.3" in lines[0], lines
    assert lines[1:] == ["medtalk-train: 1 of 2 videos failed."]
    assert [file.name for file in sorted((tmp_path / "rigs").iterdir())] == ["sad_b_good.npz", "sad_b_good.wav"]


def test_a_picture_of_each_video_with_a_face(
    still: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first has none, and stops no other; MediaPipe's network is opened once."""
    videos, opened = tmp_path / "videos", []
    grey = np.full((films.SIDE, films.SIDE, 3), 90, np.uint8)
    films.write_film(videos / "a_noface.mp4", [grey] * 20, np.arange(20) / 25.0, None)
    for name in ("b", "c"):
        shutil.copy(still, videos / f"{name}.mp4")
    real = peak.open_landmarker
    monkeypatch.setattr(peak, "open_landmarker", lambda *words: opened.append(words) or real(*words))
    assert run(monkeypatch, "peak", videos, "-o", tmp_path / "peaks", "--model", model) == 1
    out, err = capsys.readouterr()
    assert "No face is seen in" in err.splitlines()[0] and "a_noface.mp4" in err.splitlines()[0]
    assert err.splitlines()[1:] == ["medtalk-train: 1 of 3 videos failed."]
    assert out.count(" s of ") == 2 and len(opened) == 1
    assert [file.name for file in sorted((tmp_path / "peaks").iterdir())] == ["b.png", "c.png"]


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("happy_001", ("happy", "")), ("sad_take", ("sad", "")), ("angry", ("angry", "")),
        ("sad_ada_1", ("sad", "ada")), ("take_ada_1", (None, "")), ("01-01-03-02-02-01-07", ("happy", "07")),
    ],
)  # fmt: skip
def test_what_a_name_tells(name: str, known: tuple[str | None, str], model: Path) -> None:
    found = about(Path(f"{name}.mp4"), Capturing(open_landmarker(model)))
    assert (None if found["label"] is None else LABELS[found["label"]], found["speaker"]) == known


def test_which_videos_there_are(tmp_path: Path) -> None:
    """RAVDESS has each take with sound and again without."""
    for name in ("Actor_01/01-01-05-01-01-01-01.mp4", "Actor_01/02-01-05-01-01-01-01.mp4", "Actor_01/note.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    jobs, left_out = jobs_of(tmp_path, tmp_path / "rigs")
    assert [job.rig for job in jobs] == [tmp_path / "rigs" / "Actor_01" / "01-01-05-01-01-01-01.npz"] and left_out == 1


def test_a_blink_is_no_look_down() -> None:
    shapes = np.zeros((30, 52))
    blink = bump(np.arange(30) / 30.0, 0.5, 0.4)
    for side in ("Left", "Right"):
        shapes[:, ARKIT_NAMES.index(f"EyeBlink{side}")] = blink
        shapes[:, ARKIT_NAMES.index(f"EyeLookDown{side}")] = 0.8 * blink
    weights = to_arkit(rig_of(Track(np.arange(30) / 30.0, shapes, 1.0)))[1]
    assert weights[:, ARKIT_NAMES.index("EyeBlinkLeft")].max() > 0.9
    assert weights[:, ARKIT_NAMES.index("EyeLookDownLeft")].max() < 0.25
