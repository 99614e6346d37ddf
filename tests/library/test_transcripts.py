"""What a transcript makes of a real recording: lips and times where it fits, nothing and a note where it does not."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import medtalk
from medtalk.audio import Speech
from medtalk.finishing import Finishing
from medtalk.perform import Model, Performance
from medtalk.rates import RATE
from medtalk.rig import RigSequence, read_rig, write_rig
from medtalk.rig.channels import CHANNEL_HASH, S_LIP
from medtalk_wire import Client, Settings, Sound
from tests.helpers.sidecars import Sidecar

STILL = Finishing(blink=False, gaze=False, life=False)
GERMAN = "Guten Morgen, meine Damen und Herren, heute sprechen wir über das Wetter in Bayern."
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def model() -> Model:
    return medtalk.load(threads=1)


@pytest.fixture(scope="module")
def texts(speech_data: Path) -> dict[str, str]:
    return json.loads((speech_data / "transcripts.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def untold(model: Model, speech_data: Path) -> Performance:
    """The recording jfk, 11 s, without its words."""
    return model.perform(speech_data / "jfk.flac")


@pytest.fixture(scope="module")
def told(untold: Performance, texts: dict[str, str]) -> Performance:
    return untold.with_transcript(texts["jfk"])


def lips(performance: Performance) -> np.ndarray:
    """The rig's lips, with an intensity that does not follow the words."""
    return performance.with_intensity(1.0).decode("neutral", finishing=STILL).values[:, S_LIP]


def unchanged(one: Performance, other: Performance) -> bool:
    assert one.closures is not None and other.closures is not None
    names = ("seal", "press", "bite")
    same = all(np.array_equal(getattr(one.closures, name), getattr(other.closures, name)) for name in names)
    same &= np.array_equal(one.content, other.content) and one.phones == other.phones
    return same and np.array_equal(lips(one), lips(other))


def test_the_right_text_guides_the_lips(untold: Performance, told: Performance, speech_data: Path) -> None:
    assert (untold.words, untold.note) == ((), "") and len(untold.phones) > 40
    assert told.note == "" and len(told.words) >= 20 and len(told.phones) >= 60
    assert not unchanged(told, untold) and np.abs(lips(told) - lips(untold)).max() > 0.2
    # the closures are nearer to where p b m really are
    known = json.loads((speech_data / "phones.json").read_text("utf-8"))["jfk"]
    times = np.arange(len(told)) / 60
    shut = np.zeros(len(told), bool)
    for start, end, phone in known:
        shut |= (times >= start) & (times < end) & (phone in ("p", "b", "m"))
    before, after = (each.closures.seal > 0.5 for each in (untold, told))  # type: ignore[union-attr]
    assert (after == shut).mean() >= (before == shut).mean()


def test_words_and_phones_have_plausible_times(told: Performance, speech_data: Path) -> None:
    for timed in (told.words, told.phones):
        assert all(0 <= each.start < each.end <= told.seconds for each in timed)
        assert all(a.end <= b.start + 1e-6 for a, b in itertools.pairwise(timed))
    # each beside a phone of its kind as the recording has them
    known = json.loads((speech_data / "phones.json").read_text("utf-8"))["jfk"]
    near = [any(phone == each.text and abs(start - each.start) < 0.1 for start, _, phone in known)
            for each in told.phones]  # fmt: skip
    assert np.mean(near) > 0.6
    assert told.words[0].text == "And" and abs(told.words[0].start - 0.29) < 0.15
    assert told.words[-1].text == "country" and 9.5 < told.words[-1].start < 10.3


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("sonnet", "does not match the sound"),
        (GERMAN, "is not English"),
        ("?!… *** %%", "The transcript"),
        ("x" * 100_000, "The transcript"),
        ("lorem ipsum dolor sit amet " * 3704, "The transcript"),
    ],
    ids=["wrong", "german", "symbols", "a long word", "a long text"],
)
def test_a_text_that_does_not_fit_changes_no_lips(
    untold: Performance, texts: dict[str, str], text: str, note: str
) -> None:
    other = untold.with_transcript(texts.get(text, text))
    assert other.words == () and unchanged(other, untold) and other.content is untold.heard.content
    assert note in other.note and len(other.note) < 200 and "\n" not in other.note
    # with an intensity that follows the words, too, neutral lips stay where they are
    rig, same = (each.decode("neutral", finishing=STILL).values[:, S_LIP] for each in (untold, other))
    np.testing.assert_allclose(rig, same, atol=0.02)


def test_half_a_text_guides_its_half(untold: Performance, texts: dict[str, str]) -> None:
    half = untold.with_transcript(" ".join(texts["jfk"].split()[:8]))
    assert half.closures is not None and untold.closures is not None and len(half.words) >= 6
    end = round(half.words[-1].end * 60) + 30
    assert end < 400 and "matches" in half.note
    assert np.array_equal(half.closures.seal[end:], untold.closures.seal[end:])
    assert np.abs(lips(half) - lips(untold))[:end].max() > 0.2


def test_a_note_appears_and_disappears(untold: Performance, told: Performance, texts: dict[str, str]) -> None:
    wrong = told.with_transcript(texts["sonnet"])
    assert "does not match" in wrong.decode().meta["note"] and wrong.words == ()
    again = wrong.with_transcript(f"  {texts['jfk']}\n")
    assert again.note == "" and "note" not in again.decode().meta
    assert again.words == told.words and unchanged(again, told)
    np.testing.assert_array_equal(again.intensity, told.intensity)
    none = again.with_transcript("")
    assert none.transcript == none.note == "" and none.words == () and unchanged(none, untold)
    np.testing.assert_array_equal(none.intensity, untold.intensity)


def test_told_at_once_and_told_later_are_the_same(
    model: Model, told: Performance, texts: dict[str, str], speech_data: Path
) -> None:
    once = model.perform(speech_data / "jfk.flac", texts["jfk"])
    assert once.words == told.words and unchanged(once, told)
    np.testing.assert_array_equal(once.intensity, told.intensity)


# --- words and phones in files and through the sidecar


def close(rig: RigSequence, told: Performance) -> None:
    for found, expected in ((rig.words, told.words), (rig.phones, told.phones)):
        assert [each.text for each in found] == [each.text for each in expected]
        times, right = (np.array([each[1:] for each in timed]) for timed in (found, expected))
        np.testing.assert_allclose(times, right, atol=1e-3)


@pytest.mark.parametrize("ending", [".npz", ".json"])
def test_files_keep_words_and_phones(told: Performance, tmp_path: Path, ending: str) -> None:
    rig = told.decode("happy")
    write_rig(tmp_path / f"a{ending}", rig)
    read = read_rig(tmp_path / f"a{ending}")
    close(read, told)
    assert read.meta["transcript"] == told.transcript and "note" not in read.meta


@pytest.mark.parametrize("ending", ["npz", "json"])
def test_the_command_writes_them_here_and_by_the_sidecar(
    medtalk: Run, told: Performance, sidecar: Sidecar, speech_data: Path, tmp_path: Path, ending: str
) -> None:
    for where in ([], ["--server", sidecar.file]):
        done = medtalk("generate", speech_data / "jfk.flac", *where, "--transcript", told.transcript,
                       "-o", tmp_path / f"a.{ending}", "-q")  # fmt: skip
        assert (done.code, done.err) == (0, "")
        close(read_rig(tmp_path / f"a.{ending}"), told)
        done = medtalk("generate", speech_data / "jfk.flac", *where, "--transcript", GERMAN,
                       "-o", tmp_path / f"a.{ending}")  # fmt: skip
        assert done.code == 0 and done.err.count("\n") == 1 and "not English" in done.err
        assert read_rig(tmp_path / f"a.{ending}").words == ()


def test_a_client_of_the_wire_gets_them(sidecar: Sidecar, told: Performance, speech_data: Path) -> None:
    sound = Sound.from_bytes((speech_data / "jfk.flac").read_bytes(), name="jfk.flac")
    with Client(sidecar.connection, channel_hash=CHANNEL_HASH) as client:
        result = client.wait(client.generate(sound, Settings(transcript=told.transcript)))
        assert [text for text, _, _ in result.words] == [word.text for word in told.words]
        assert len(result.phones) == len(told.phones) and "note" not in result.meta
        other = client.wait(client.generate(sound, Settings(transcript=GERMAN)))
        assert len(other.words) == 0 and len(other.phones) > 40 and "not English" in other.meta["note"]


# --- a tenth of a second


@pytest.mark.parametrize("text", [None, "", "a", "hello there, my friend"])
def test_a_tenth_of_a_second(model: Model, text: str | None) -> None:
    noise = np.random.default_rng(0).normal(0.0, 0.1, RATE // 10).astype(np.float32)
    performance = model.perform(Speech.from_array(noise, RATE), text)
    assert len(performance) == 6 and np.isfinite(performance.decode("happy").values).all()
    again = performance.with_transcript("hello").with_transcript(text or "")
    assert np.array_equal(again.decode().values, performance.decode().values)


def test_a_tenth_of_a_second_of_speech_by_the_command(
    medtalk: Run, untold: Performance, sidecar: Sidecar, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "short.wav", untold.speech.samples[RATE // 2 : RATE // 2 + RATE // 10], RATE)
    rigs = []
    for where in ([], ["--server", sidecar.file]):
        done = medtalk("generate", tmp_path / "short.wav", *where, "-o", tmp_path / "short.npz", "-q")
        assert (done.code, done.err) == (0, "medtalk: No speech is heard in short.wav: the face rests.\n")
        rigs.append(read_rig(tmp_path / "short.npz").values)
    assert rigs[0].shape == (6, 174)
    np.testing.assert_allclose(rigs[0], rigs[1], atol=1e-5)
