from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import whisper
from whisper.tokenizer import LANGUAGES

from medtalk.backbones.pretrained import Pretrained
from medtalk.backbones.whisper import Transcriber, Transcript
from medtalk.errors import BackboneError, SettingError

# Whisper opens its vocabulary without closing it.
pytestmark = pytest.mark.filterwarnings("ignore:.*multilingual.tiktoken:pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def model(folders: Path) -> Transcriber:
    return Transcriber(Pretrained("tiny", folders / "whisper.pt", offline=True))


def test_words_are_the_librarys(
    model: Transcriber, folders: Path, voice: np.ndarray, network: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.devnull)  # no program ffmpeg
    state, drawn = torch.random.get_rng_state(), np.random.get_state()[1].tolist()  # pyright: ignore
    heard = model.transcribe(voice, times=True)
    assert isinstance(heard, Transcript) and heard.words and heard.text and heard.language in LANGUAGES
    assert (torch.random.get_rng_state() == state).all() and np.random.get_state()[1].tolist() == drawn  # pyright: ignore
    assert model.transcribe(voice, heard.language, times=True) == heard
    assert model.transcribe(voice) == Transcript(heard.text, heard.language, ())
    own: Any = whisper.load_model(str(folders / "whisper.pt"), device="cpu").transcribe(
        np.array(voice), temperature=0.0, fp16=False, word_timestamps=True, condition_on_previous_text=False
    )
    assert (heard.text, heard.language) == (own["text"].strip(), own["language"])
    times = [(word["start"], word["end"]) for segment in own["segments"] for word in segment["words"]]
    assert [(word.start, word.end) for word in heard.words] == times
    assert all(type(word.start) is float and word.text == word.text.strip() for word in heard.words)
    assert network == []


@pytest.mark.parametrize("language", ["zh", "Chinese", " ZH "])
def test_a_language_by_code_or_name(model: Transcriber, voice: np.ndarray, language: str) -> None:
    assert model.transcribe(voice[:3200], language).language == "zh"


def test_an_unknown_language(model: Transcriber, voice: np.ndarray) -> None:
    with pytest.raises(SettingError, match="'klingon'; valid are en, zh"):
        model.transcribe(voice, "klingon")


def test_a_name_in_the_cache_is_used_offline(
    folders: Path, voice: np.ndarray, tmp_path: Path, network: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    source = Pretrained("tiny", offline=True)
    with pytest.raises(BackboneError, match="medtalk backbones pull tiny"):
        Transcriber(source)
    # The heads that are known for the real "tiny" are of 4 layers of 6; this one has them.
    (tmp_path / "whisper").mkdir()
    checkpoint = torch.load(folders / "whisper.pt", weights_only=True)
    dims = {**checkpoint["dims"], "n_text_layer": 4, "n_text_head": 6, "n_text_state": 12, "n_audio_state": 12}
    small = whisper.Whisper(whisper.ModelDimensions(**dims))
    torch.save({"dims": dims, "model_state_dict": small.state_dict()}, tmp_path / "whisper" / "tiny.pt")
    Transcriber(source).transcribe(voice[:3200], "en", times=True)
    assert network == []


def test_an_unknown_name() -> None:
    with pytest.raises(SettingError, match=r"valid are tiny\.en, tiny, base\.en"):
        Transcriber(Pretrained("colossal"))


class Payload:
    """Unpickled, it makes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_a_file_with_code_in_it_is_refused(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    torch.save({"dims": Payload(mark)}, tmp_path / "evil.pt")
    with pytest.raises(BackboneError, match="something other than weights"):
        Transcriber(Pretrained("base", tmp_path / "evil.pt"))
    assert not mark.exists()
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(BackboneError, match="it has no 'dims'"):
        Transcriber(Pretrained("base", tmp_path / "other.pt"))
