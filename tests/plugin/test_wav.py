"""One channel of a stereo sound."""

from __future__ import annotations

import io
import itertools
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.helpers.sounds import babble


def stereo(subtype: str = "PCM_16", form: str = "WAV", frames: int = 801) -> tuple[bytes, np.ndarray]:
    """A WAV file of two channels that differ, and its samples as they are read back."""
    left = np.linspace(-0.5, 0.5, frames)
    buffer = io.BytesIO()
    soundfile.write(buffer, np.stack([left, 0.25 * left[::-1]], 1), 16000, subtype=subtype, format=form)
    return buffer.getvalue(), soundfile.read(io.BytesIO(buffer.getvalue()), always_2d=True)[0]


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_a_channel_is_that_one_to_the_bit(unreal: Any, subtype: str) -> None:
    from medtalk_unreal.wav import one_channel

    for form, number in itertools.product(("WAV", "WAVEX"), (0, 1)):
        data, samples = stereo(subtype, form)
        single = one_channel(data, number)
        found, rate = soundfile.read(io.BytesIO(single), always_2d=True)
        assert rate == 16000 and found.shape == (801, 1)
        np.testing.assert_array_equal(found[:, 0], samples[:, number])
        assert one_channel(single, 0) == single
        assert struct.unpack_from("<I", single, 4)[0] == len(single) - 8


def test_a_file_that_is_cut_off_gives_whole_frames(unreal: Any) -> None:
    from medtalk_unreal.wav import one_channel

    data, samples = stereo()
    found, _ = soundfile.read(io.BytesIO(one_channel(data[:-3], 1)))
    np.testing.assert_array_equal(found, samples[:-1, 1])


def test_bytes_that_are_no_wav_file(unreal: Any) -> None:
    from medtalk_unreal.wav import one_channel

    for data in (b"", b"RIFF", b"ID3" + bytes(100), b"RIFF\0\0\0\0WAVEfmt ", b"RIFF\4\0\0\0WAVE"):
        with pytest.raises(ValueError, match="no WAV file"):
            one_channel(data, 0)


def test_a_channel_that_is_not_there(unreal: Any) -> None:
    from medtalk_unreal.wav import one_channel

    with pytest.raises(ValueError, match="2 channels has none with the number 2"):
        one_channel(stereo()[0], 2)


def test_mono_has_no_left_channel(editor: Any, tmp_path: Path) -> None:
    from medtalk_unreal import generate, settings, sound
    from medtalk_unreal.errors import PluginError
    from medtalk_unreal.request import Request

    path = tmp_path / "line.wav"
    soundfile.write(path, babble(1.0), 16000)
    asset = editor.add_sound(path).get_path_name()
    editor.select_actors(actor := editor.add_metahuman())
    request = Request(sounds=(asset,), actor=actor.get_path_name(), sound_channel="left")
    with pytest.raises(PluginError) as caught:
        generate.check(request, settings.load())
    assert str(caught.value) == "The sound line is mono: it has no left channel. Set Stereo Channel to Both, mixed."
    data, _ = sound.read(asset)
    assert sound.only(data, "line", "mix") is data
    with pytest.raises(PluginError, match="The sound line has no right channel"):
        sound.only(data, "line", "right")  # it became mono after it was looked at


def test_the_channel_of_a_sound_is_what_is_sent(editor: Any, tmp_path: Path) -> None:
    from medtalk_unreal import generate, settings, sound
    from medtalk_unreal.request import Request

    path = tmp_path / "line.wav"
    data, samples = stereo(frames=16000)
    path.write_bytes(data)
    asset = editor.add_sound(path).get_path_name()
    request = Request(sounds=(asset,), actor=editor.add_metahuman().get_path_name(), sound_channel="right")
    (facts,) = generate.check(request, settings.load()).sounds
    sent = sound.only(sound.read(asset)[0], facts.name, request.sound_channel)
    np.testing.assert_array_equal(soundfile.read(io.BytesIO(sent))[0], samples[:, 1])
