"""Moods over time, curves, tags and kept takes by the commands, here and with a sidecar."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import medtalk as library
from medtalk.cli.generate import line_of
from medtalk.face.sheet import _mood
from medtalk.rig import read_rig
from medtalk.rig.channels import CHANNEL_HASH
from medtalk.service.settings import SETTINGS
from medtalk_wire import Client, RequestError, Settings, Sound
from medtalk_wire.protocol import Message
from medtalk_wire.request import beyond, body_of, buffers_of
from tests.helpers.messages import SAMPLES_BUFFER, described, generate, pcm, read, refused
from tests.helpers.sidecars import Sidecar

Run = Callable[..., Any]

MOODS = "start,end,emotion,text,intensity,fade\n0:01,2.5,happy,,1.3,0.3\n2.5,,,in tears,,\n"
SPANS = [
    {"start": 1.0, "end": 2.5, "emotion": "happy", "intensity": 1.3, "fade": 0.3},
    {"start": 2.5, "text": "in tears"},
]


@pytest.fixture(params=["here", "sidecar"])
def where(request: pytest.FixtureRequest) -> list[object]:
    """Options of a run in this process, or by the sidecar."""
    return [] if request.param == "here" else ["--server", request.getfixturevalue("sidecar").file]


@pytest.fixture(scope="module")
def performance(sample: Path) -> library.Performance:
    return library.load().perform(sample, "")


def test_a_timeline(
    medtalk: Run, where: list[object], performance: library.Performance, sample: Path, tmp_path: Path
) -> None:
    (tmp_path / "moods.csv").write_text(MOODS)
    (tmp_path / "moods.json").write_text(json.dumps({"spans": SPANS}))
    timeline = performance.model.guide("sad", timeline=SPANS)
    for name in ("moods.csv", "moods.json"):
        done = medtalk("generate", sample, *where, "--transcript", "", "--emotion", "sad",
                       "--timeline", tmp_path / name, "-o", tmp_path / "a.npz")  # fmt: skip
        assert (done.code, done.err) == (0, "") and "sad under a timeline of 2 spans" in done.out
        rig = read_rig(tmp_path / "a.npz")
        np.testing.assert_allclose(rig.values, performance.decode(timeline).values, atol=1e-6)
        assert rig.meta["timeline"] == SPANS


def test_lines_say_what_leads_and_what_was_heard() -> None:
    felt = {"sure": False, "heard": {"sad": 0.6, "happy": 0.4}, "arousal": 0.0}
    timeline = {"base": {"neutral": 1.0}, "timeline": [{}], "emotion": {"neutral": 0.5, "sad": 0.5}}
    facts = {"file": "a.npz", "frames": 60, "fps": 60.0, "speed": 9.0}
    for result, said in (
        ({"emotion": {"sad": 1.0}, "persona": "officer"}, "persona officer, sad"),
        (timeline, "neutral under a timeline of 1 span"),
        (timeline | {"voice": felt | {"sure": True}}, "neutral under a timeline of 1 span (auto heard: sad (sure))"),
        (timeline | {"guidance": {"voice": "auto", **felt}}, "heard: not sure (sad?), so neutral with the voice's"),
        ({"guidance": {"voice": "auto", "sure": False, "silent": True}}, "heard: nobody, 9"),
    ):  # fmt: skip
        assert f"60 fps, {said}" in line_of(facts | result)


@pytest.mark.parametrize("mode", ["replace", "multiply"])
def test_an_intensity_curve(
    medtalk: Run, where: list[object], performance: library.Performance, sample: Path, tmp_path: Path, mode: str
) -> None:
    (tmp_path / "c.csv").write_text("time,value\n0,0\n0:02,2\n")
    done = medtalk("generate", sample, *where, "--transcript", "", "--emotion", "happy", "--intensity-curve",
                   tmp_path / "c.csv", "--curve-mode", mode, "-o", tmp_path / "a.npz")  # fmt: skip
    assert (done.code, done.err) == (0, "")
    curve = np.interp(np.arange(len(performance)) / 60, [0, 2], [0, 2]).astype(np.float32)
    expected = performance.decode("happy", curve)
    if mode == "replace":
        expected = performance.with_intensity(curve).decode("happy")
    np.testing.assert_allclose(read_rig(tmp_path / "a.npz").values, expected.values, atol=1e-5)


def test_tags(medtalk: Run, where: list[object], sample: Path, tmp_path: Path) -> None:
    text = sample.with_suffix(".txt").read_text("utf-8").strip()
    (tmp_path / "words.txt").write_text(text.replace("You came", "[happy:0.7] You came"))
    done = medtalk("generate", sample, *where, "--transcript", tmp_path / "words.txt", "-o", tmp_path / "a.npz")
    assert (done.code, done.err) == (0, "")
    rig = read_rig(tmp_path / "a.npz")
    start = next(word.start for word in rig.words if word.text == "You")
    assert rig.meta["timeline"] == [{"start": start, "emotion": "happy:0.7"}] and rig.meta["transcript"] == text


def test_a_kept_take_decodes_without_its_sound(medtalk: Run, sample: Path, tmp_path: Path) -> None:
    words = sample.with_suffix(".txt")
    (tmp_path / "line.wav").write_bytes(sample.read_bytes())
    (tmp_path / "moods.csv").write_text(MOODS)
    (tmp_path / "c.csv").write_text("0,1\n3,2\n")
    done = medtalk("generate", tmp_path / "line.wav", "--transcript", words, "--keep-heard", "-o", tmp_path / "k.npz")
    assert (done.code, done.err) == (0, "")
    options: list[list[object]] = [
        ["--emotion", "angry", "--intensity", "1.4", "--seed", "3", "--fps", "30"],
        ["--timeline", tmp_path / "moods.csv", "--no-blink"],
        ["--text", "in tears", "--region", "upper", "--intensity-curve", tmp_path / "c.csv"],
        ["--transcript", "You [happy] came back", "--finishing", "paper"],
    ]
    made = []
    for number, more in enumerate(options):
        said = more if "--transcript" in more else [*more, "--transcript", words]
        assert medtalk("generate", tmp_path / "line.wav", *said, "-o", tmp_path / f"{number}.npz", "-q").code == 0
        made.append(read_rig(tmp_path / f"{number}.npz"))
    (tmp_path / "line.wav").unlink()
    for more, expected in zip(options, made, strict=True):
        done = medtalk("decode", tmp_path / "k.npz", *more, "-o", tmp_path / "d.npz", "--json")
        assert done.code == 0 and json.loads(done.out)["file"] == str(tmp_path / "d.npz")
        assert bool(done.err) == ("--transcript" in more)  # whose words are few of those that are spoken
        got = read_rig(tmp_path / "d.npz")
        np.testing.assert_array_equal(got.values, expected.values)
        assert (got.meta, got.words) == (expected.meta, expected.words)
    assert "happy" in medtalk("decode", tmp_path / "k.npz", "--emotion", "happy", "-o", tmp_path / "d.csv").out


ERRORS: dict[str, tuple[list[str], str]] = {
    "no timeline": (["--timeline", "none.csv"], "The timeline none.csv does not exist"),
    "unknown mood": (["--timeline", "hungry.csv"], "hungry.csv, row 2: unknown emotion 'hungry'; valid are angry,"),
    "late": (["--timeline", "late.csv"], "late.csv, row 2 starts at 60 s, but the sound ends at 4.850 s"),
    "curve of another length": (["--intensity-curve", "short.csv"], "has 2 values; this sound has 291 frames"),
    "open tag": (["--transcript", "go [angry away"], "at character 4 of the transcript is not closed"),
    "open tag in a file": (["--transcript", "open.txt"], "open.txt: the tag '[angry away' at character 4"),
    "kept in csv": (["--keep-heard", "-o", "a.csv"], "a.csv cannot keep what was heard. Give .npz files"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_one_line_and_nothing_is_written(
    medtalk: Run, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hungry.csv").write_text("start,emotion\n1,hungry\n")
    Path("late.csv").write_text("start,emotion\n1:00,sad\n")
    Path("short.csv").write_text("1\n2\n")
    Path("open.txt").write_text("go [angry away")
    before = set(tmp_path.iterdir())
    options, message = ERRORS[name]
    output = [] if "-o" in options else ["-o", "a.npz"]
    done = medtalk("generate", sample, "--transcript", "", *options, *output)
    assert done.code == 1 and done.err.count("\n") == 1 and message in done.err and not done.out
    assert set(tmp_path.iterdir()) == before


def test_a_performance_without_a_rig(
    medtalk: Run, performance: library.Performance, sample: Path, tmp_path: Path
) -> None:
    library.save_performance(tmp_path / "p.npz", performance)
    for command in (("info",), ("convert", tmp_path / "p.csv")):
        done = medtalk(command[0], tmp_path / "p.npz", *command[1:])
        assert done.code == 1 and "holds a performance, but no rig. Make one with `medtalk decode`." in done.err
    rig = performance.decode("sad", timeline=SPANS)
    library.save_performance(tmp_path / "r.npz", performance, rig)
    facts = json.loads(medtalk("info", tmp_path / "r.npz", "--json").out)
    assert (facts["head_turns"], facts["decodes"], facts["spans"]) == (True, True, 2)
    assert _mood("r", rig) == "sad, 2 spans" and _mood("r", performance.decode("sad")) == "sad"


def test_decode_of_what_holds_no_performance(medtalk: Run, sample: Path, tmp_path: Path) -> None:
    assert medtalk("generate", sample, "--transcript", "", "-o", tmp_path / "a.npz", "-q").code == 0
    for more, message in (
        (["-o", tmp_path / "b.npz"], "a.npz holds no performance. Generate it with --keep-heard."),
        (["-o", tmp_path / "a.npz"], "is read by this command, and would be lost"),
        (["-o", tmp_path / "b.npz", "--language", "en"], "--language is for transcription, which needs the sound"),
    ):
        done = medtalk("decode", tmp_path / "a.npz", *more)
        assert done.code == 1 and message in done.err and done.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


# --- the wire


def test_errors_of_the_sidecar_name_the_span(sidecar: Sidecar, sample: Path) -> None:
    sound = Sound.from_file(sample)
    with Client(sidecar.connection, channel_hash=CHANNEL_HASH) as client:
        for timeline, code, message in (
            ([{"start": 1, "emotion": "hungry"}], "guidance", "The timeline, span 1: unknown emotion"),
            ([{"start": 9, "emotion": "sad"}], "setting", "The timeline, span 1 starts at 9 s"),
            ([{"start": 1, "image": b"x" * 9}], "guidance", "The timeline, span 1: the picture cannot be read"),
        ):
            with pytest.raises(RequestError, match=message) as caught:
                client.wait(client.generate(sound, Settings(timeline=timeline)))
            assert caught.value.code == code


def test_pictures_of_spans_travel_one_after_the_other() -> None:
    timeline = [{"start": 0, "image": b"one", "image_name": "a.png"}, {"start": 1, "emotion": {"sad": np.float32(0.5)}},
                {"start": 2.0, "image": b"three", "intensity": np.array([[2, 1], [3, 0.5]]).tolist()}]  # fmt: skip
    settings = Settings(timeline=timeline)
    body, buffers = body_of(settings), buffers_of(settings)
    assert [buffer.name for buffer in buffers] == ["images"] and buffers[0].data == b"onethree"
    travelling = (described("images", "uint8", 8), b"onethree")
    job = read(generate(SAMPLES_BUFFER, travelling, sound=pcm(), timeline=body["timeline"])).body
    first, second, third = job.settings.timeline
    assert (first.image, first.image_name, second.emotion, third.image) == (b"one", "a.png", {"sad": 0.5}, b"three")
    assert [picture and picture.name for picture in job.asked.pictures] == ["a.png", None, ""]
    shorter = (described("images", "uint8", 7), b"onethre")
    for wrong in (
        (SAMPLES_BUFFER, shorter),
        (SAMPLES_BUFFER,),
        (SAMPLES_BUFFER, (described("images", "int16", 4), b"onethree")),
    ):
        assert refused(generate(*wrong, sound=pcm(), timeline=body["timeline"])).code == "bad_message"
    extra = generate(SAMPLES_BUFFER, travelling, sound=pcm(), timeline=[{"start": 0, "emotion": "sad"}])
    assert refused(extra).code == "bad_message"


def test_errors_of_the_sidecar_name_the_file(medtalk: Run, sidecar: Sidecar, sample: Path, tmp_path: Path) -> None:
    (tmp_path / "beyond.csv").write_text("start,emotion\n1,sad\n9,happy\n")
    done = medtalk("generate", sample, "--server", sidecar.file, "--timeline", tmp_path / "beyond.csv",
                   "-o", tmp_path / "a.npz")  # fmt: skip
    assert done.code == 1 and "beyond.csv, row 3 starts at 9 s" in done.err


@pytest.mark.parametrize("wrong", [[{"start": True}], [{"start": object()}], [3], {"start": 1}, [{"mood": "sad"}]])
def test_a_timeline_that_cannot_be_written(wrong: Any) -> None:
    with pytest.raises(RequestError):
        body_of(Settings(timeline=wrong))


def test_an_older_sidecar_is_not_asked() -> None:
    older = {"settings": [name for name in SETTINGS if name not in ("timeline", "transcript.tags")]}
    newer = {"settings": SETTINGS}
    for settings, message in (
        (Settings(timeline=[{"start": 0, "emotion": "sad"}]), "has no setting timeline"),
        (Settings(transcript="[sad] no"), "reads no tags in a transcript"),
    ):
        request = Message("generate", body_of(settings))
        assert message in str(beyond(request, {}, older)) and beyond(request, {}, newer) is None
