"""Recordings with phone times, what is wrong with them in a line, and all that `evaluate` says of a bundle on them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from medtalk.audio import read_speech
from medtalk.bundle import load_bundle
from medtalk.errors import TrainingError
from medtalk.guidance import LABELS
from medtalk_train.measure.bars import BARS
from medtalk_train.measure.evaluate import evaluate
from medtalk_train.measure.recordings import lips_of, read_recordings
from tests.training.test_capture import swing, write_sound


@pytest.fixture
def folder(speech_data: Path, tmp_path: Path) -> Path:
    """The first three seconds of the sonnet's second line, as a recording without a transcript."""
    import soundfile

    out = tmp_path / "speech"
    out.mkdir()
    sound = read_speech(speech_data / "sonnet.flac").samples[2 * 16000 : 6 * 16000]
    soundfile.write(out / "line.wav", sound, 16000)
    phones = json.loads((speech_data / "phones.json").read_text())["sonnet"]
    kept = [[start - 2, min(end - 2, 4.0), phone] for start, end, phone in phones if end > 2 and start < 6]
    (out / "phones.json").write_text(json.dumps({"line": kept}))
    return out


def test_what_lies_in_the_repository(speech_data: Path) -> None:
    jfk, sonnet = read_recordings(speech_data)
    assert jfk.text is not None and jfk.text.startswith("And so, my fellow Americans") and jfk.speech.seconds == 11.0
    assert sum(phone in ("p", "b", "m") for _, _, phone in (*jfk.phones, *sonnet.phones)) == 21
    assert sum(path.stat().st_size for path in speech_data.iterdir()) < 1.2e6
    card = (speech_data / "README.md").read_text("utf-8")
    assert all(f"`{name}.flac`" in card for name in ("jfk", "sonnet")) and "public domain" in card
    taught = sonnet.taught(1647)
    assert taught.shape == (1647, 174) and np.array_equal(taught, lips_of(sonnet.phones, sonnet.speech, 1647))


def test_transcripts(folder: Path) -> None:
    def text(**where: Path | dict[str, str]) -> str | None:
        return read_recordings(folder, **where)[0].text

    assert text() is None and text(transcripts={"other": "x"}) is None
    (folder / "line.txt").write_text("from fairest\n", "utf-8")
    assert text() == "from fairest"
    (folder / "transcripts.json").write_text('{"line": "creatures"}')
    assert text() == "creatures"
    (folder.parent / "mine.json").write_text('{"line": "we desire"}')
    assert text(transcripts=folder.parent / "mine.json") == "we desire"
    with pytest.raises(TrainingError, match=r"There is no .*none\.json"):
        text(transcripts=folder / "none.json")
    (folder / "transcripts.json").write_text("[1]")
    with pytest.raises(TrainingError, match="object by name"):
        text()


def test_damaged_folders(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"There is no .*phones\.json"):
        read_recordings(tmp_path / "nowhere")
    for content, message in (
        ("{", "is not JSON"),
        ('{"line": [[0, "x"]]}', "phones of line .* are damaged"),
        ('{"gone": []}', "names gone, but there is no such recording"),
    ):
        (folder / "phones.json").write_text(content)
        with pytest.raises(TrainingError, match=message):
            read_recordings(folder)


def test_all_that_is_said_of_a_bundle(folder: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    captures = tmp_path / "faces"
    captures.mkdir()
    write_sound(captures / "one.wav")
    values = swing(60, 0.4, fps=30)[:, None]
    np.savez(captures / "one.npz", values=values, names=np.array(["mouth_stretch_c"]), fps=30)
    bundle = load_bundle(tiny_bundle)
    figures = evaluate(bundle, speech=folder, captures=captures)
    assert all(np.isfinite(value) for value in figures.values())
    needed = {bar.name for what in ("mouth", "emotion", "noise", "rest") for bar in BARS[what]}
    assert needed <= set(figures) and {"faces JawOpen r", "faces JawOpen amplitude"} <= set(figures)
    assert {f"bite F1, {label}" for label in LABELS if label != "neutral"} <= set(figures)
    assert not any("with transcript" in name for name in figures), "there is none"
    told = evaluate(bundle, speech=folder, transcripts={"line": "from fairest creatures we desire"})
    assert {bar.name for bar in BARS["transcript"]} <= set(told)
    shutil.rmtree(captures)
    with pytest.raises(TrainingError, match="holds no captures"):
        evaluate(bundle, captures=[captures])
    with pytest.raises(TrainingError, match="nothing to evaluate on"):
        evaluate(bundle)
