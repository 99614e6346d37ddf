from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from medtalk.audio import frame_count
from medtalk.backbones import banded, wav2vec2
from medtalk.backbones.chunks import Convolutions, RigTimes, Waveform, add_positions, at_rig_rate, spans
from medtalk.backbones.emotion2vec import Emotion2vec
from medtalk.backbones.pretrained import Pretrained
from medtalk.backbones.wav2vec2 import Wav2Vec2
from medtalk.errors import AudioError
from medtalk.watch import Watch
from tests.helpers.checkpoints import WIDTH
from tests.helpers.sounds import babble


def test_spans_are_all_of_it_and_tell_how_far_they_are() -> None:
    assert list(spans(10, 4)) == [(0, 4), (4, 8), (8, 10)] and list(spans(0, 4)) == []
    with Watch() as watch:
        assert [watch.fraction() for _ in spans(4, 1, (0.0, 1.0))] == [0.0] * 4  # no stage has begun
        from medtalk.watch import stage

        stage("listen", 0.8)
        assert [watch.fraction() for _ in spans(4, 1, (0.5, 1.0))] == pytest.approx([0.4, 0.5, 0.6, 0.7])


@pytest.mark.parametrize("samples", [400, 719, 720, 16000, 16001])
def test_frames_of_convolutions(samples: int) -> None:
    kernels, strides = (10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2)
    stack = Convolutions.of(kernels, strides)
    assert (stack.field, stack.hop) == (400, 320)
    sound = torch.ones(1, 1, samples)
    for kernel, stride in zip(kernels, strides, strict=True):
        sound = torch.nn.functional.conv1d(sound, torch.ones(1, 1, kernel), stride=stride)
    assert stack.frames(samples) == sound.shape[-1]
    assert stack.samples(2, 5) == (640, 4 * 320 + 400)


def test_a_waveform_is_normed_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medtalk.backbones.chunks._BLOCK", 1000)
    samples = babble(0.5) + np.linspace(0, 1, 8000, dtype=np.float32)
    sound = Waveform(samples, 1, 1e-5, torch.device("cpu"))
    expected = torch.nn.functional.layer_norm(torch.tensor(samples), (8000,))
    pieces = torch.cat([sound.piece(a, b) for a, b in spans(len(sound), 777)])
    torch.testing.assert_close(pieces, expected, atol=1e-5, rtol=0)
    assert torch.equal(Waveform(samples, 1, None, torch.device("cpu")).piece(3, 9), torch.tensor(samples[3:9]))
    with pytest.raises(AudioError, match="at least 8001"):
        Waveform(samples, 8001, None, torch.device("cpu"))


@pytest.mark.parametrize("frames", [1, 2, 50, 75])
@pytest.mark.parametrize("count", [1, 2, 60, 90])
def test_the_rigs_frames_lie_evenly_among_a_backbones(frames: int, count: int) -> None:
    features = torch.randn(frames, 3, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.interpolate(features.T[None], count, mode="linear", align_corners=True)[0].T
    times = RigTimes(frames, count)
    for start, end in spans(count, 7):
        low, high = times.needs(start, end)
        torch.testing.assert_close(times.take(features[low:high], low, start, end), expected[start:end])


def test_an_hour_later_frames_are_where_the_release_has_them() -> None:
    features = torch.randn(180_000, 1, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.interpolate(features.T[None], 216_000, mode="linear", align_corners=True)[0].T
    times, start = RigTimes(180_000, 216_000), 215_990
    low, high = times.needs(start, 216_000)
    assert high - low < 12
    torch.testing.assert_close(times.take(features[low:high], low, start, 216_000), expected[start:])
    assert at_rig_rate(torch.zeros(50, 3), 16_000, chunk=7).shape == (60, 3)


@pytest.mark.parametrize("chunk", [1, 2, 5, 100])
def test_positions_are_added_in_place(chunk: int) -> None:
    torch.manual_seed(0)
    conv, norm = torch.nn.Conv1d(4, 4, 3, padding=1), torch.nn.LayerNorm(4)

    class Twice(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return conv(torch.relu(conv(x.transpose(1, 2)))).transpose(1, 2)

    states = torch.randn(23, 4)
    with torch.inference_mode():
        expected = norm(states + Twice()(states[None])[0])
        add_positions(states, Twice(), norm, 2, chunk, (0.0, 1.0))
    torch.testing.assert_close(states, expected)


class Sizes(TorchDispatchMode):
    """Notes the bytes of every tensor that is made inside."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, tuple | list) else (made,):
            if isinstance(tensor, torch.Tensor):
                self.seen.add(tensor.untyped_storage().nbytes())
        return made


@pytest.mark.parametrize("make", [Wav2Vec2, Emotion2vec])
def test_working_memory_is_that_of_a_chunk(
    folders: Path, make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wav2vec2, "_WINDOWS", 4096)
    monkeypatch.setattr(banded, "FARTHEST", 60)
    model = make(Pretrained("b", folders / make.__name__.lower()))

    def largest(seconds: int) -> int:
        samples = babble(seconds)
        states = {4 * WIDTH * count for count in (frame_count(len(samples)), model._stack.frames(len(samples)))}
        with Sizes() as sizes:
            model.features(samples, 32)
        assert states & sizes.seen
        return max(sizes.seen - states)

    assert largest(8) == largest(16)
