"""The ear: Whisper's log-mel, its layers, windows over any length."""

import numpy as np
import pytest
import torch
import whisper
from whisper.model import AudioEncoder

from medtalk.audio import frame_count
from medtalk.features import listening
from medtalk.features.whisper_mel import filterbank, log_mel
from medtalk.model.ear import Ear, EarConfig, WhisperLayers, sinusoids
from medtalk.rates import RATE
from tests.helpers.sounds import babble

SMALL = EarConfig(width=32, heads=2, layers=3, hidden=24, features=5)


@pytest.mark.parametrize("seconds", [0.1, 1.0, 7.31, 60.0])
def test_log_mel_equals_whispers(seconds: float) -> None:
    samples = babble(seconds)
    np.testing.assert_allclose(log_mel(samples), whisper.log_mel_spectrogram(samples.copy()).numpy().T, atol=1e-4)


def test_filters_equal_whispers() -> None:
    np.testing.assert_allclose(filterbank(), whisper.audio.mel_filters("cpu", 80).numpy().T, atol=1e-7)


def test_clips_of_no_length_and_silence() -> None:
    assert log_mel(np.zeros(0, np.float32)).shape == (0, 80)
    assert log_mel(np.zeros(160, np.float32)).shape == (1, 80)
    assert np.isfinite(log_mel(np.zeros(4000, np.float32))).all()


def test_layers_equal_openais() -> None:
    """The states of the last two layers that are kept, of openai-whisper's own encoder with the same weights."""
    torch.manual_seed(3)
    theirs = AudioEncoder(80, 1500, SMALL.width, SMALL.heads, 4).eval()
    ours = WhisperLayers(SMALL).eval()
    wanted = {name: tensor for name, tensor in theirs.state_dict().items() if name in ours.state_dict()}
    ours.load_state_dict(wanted)
    seen: list[torch.Tensor] = []

    def keep(_module: torch.nn.Module, _inputs: object, output: torch.Tensor) -> None:
        seen.append(output)

    for block in theirs.blocks:
        block.register_forward_hook(keep)
    mel = torch.from_numpy(log_mel(babble(30.0)))[None]
    with torch.no_grad():
        theirs(mel.transpose(1, 2))
        found = ours(mel)
    torch.testing.assert_close(found, torch.cat(seen[1:3], dim=-1), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(sinusoids(1500, 32), theirs.positional_embedding, atol=1e-6, rtol=0)


@pytest.mark.parametrize("total", [1, 599, 600, 601, 1000, 1001, 1400, 30_001])
def test_windows_keep_every_state_once_and_with_its_surroundings(total: int) -> None:
    spans = list(listening.spans(total))
    assert [end for *_, end in spans][:-1] == [start for _, _, start, _ in spans][1:]
    assert spans[0][2] == 0 and spans[-1][3] == total
    for first, last, start, end in spans:
        assert 0 <= first <= start < end <= last <= total and last - first <= listening.WINDOW
        assert start - first >= listening.SIDE or first == 0
        assert last - end >= listening.SIDE or last == total


@pytest.mark.parametrize("samples", [1600, 16_001, 5 * RATE, 31 * RATE + 7])
def test_frames_lie_at_their_times(samples: int) -> None:
    """An ear that hears only when each state is: state k of a clip is at k / 50 s, frame t at t / 60 s."""
    heard_at = 0

    def run(mel: np.ndarray) -> tuple[np.ndarray, ...]:
        nonlocal heard_at
        first = heard_at
        heard_at += listening.WINDOW - 2 * listening.SIDE
        return ((np.arange(len(mel) // 2, dtype=np.float32) + first - listening.EDGE)[:, None] / listening.FPS,)

    (found,) = listening.listen(babble(samples / RATE), run)
    assert found.shape == (frame_count(samples), 1)
    np.testing.assert_allclose(found[:, 0], np.arange(len(found)) / 60, atol=1e-4)


def test_a_microphones_gain_makes_no_difference() -> None:
    samples = babble(3.0)
    ear = Ear(SMALL).eval()

    def heard(clip: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return listening.listen(clip, lambda mel: (ear(torch.from_numpy(mel)[None])[1][0].numpy(),))[0]

    np.testing.assert_allclose(heard(samples), heard(samples * np.float32(0.05)), atol=1e-3)
    assert listening.gain(np.full(RATE, 1e-7, np.float32)) <= 101.0  # silence stays silence
