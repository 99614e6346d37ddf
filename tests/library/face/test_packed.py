"""Blobs for pages: small, exact enough, and sounds that browsers play."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

import numpy as np
import pytest
import soundfile

from medtalk.face.packed import TOLERANCE, Mark, pack, pack_sound, pack_take
from medtalk.rig import RigSequence, Timed
from medtalk.rig.channels import MAXIMUM, MINIMUM
from tests.helpers.sounds import babble


def unpacked(blob: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    data = gzip.decompress(blob)
    start = 4 + int.from_bytes(data[:4], "little")
    header = json.loads(data[4:start])
    arrays = {}
    for name, place in header.pop("arrays").items():
        assert (start + place["offset"]) % 4 == 0
        kind = np.dtype(place["dtype"])
        flat = np.frombuffer(data, kind, int(np.prod(place["shape"])), start + place["offset"])
        arrays[name] = flat.reshape(place["shape"])
    return header, arrays


def wav(samples: np.ndarray, rate: int = 16000, **how: Any) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, **{"format": "WAV", **how})
    return file.getvalue()


def file_of(blob: bytes) -> tuple[str, bytes]:
    header, arrays = unpacked(blob)
    return header["type"], arrays["file"].tobytes()


def test_a_blob_holds_what_was_packed():
    arrays = {"a": np.arange(7, dtype=np.uint8), "b": np.linspace(0, 1, 6, dtype=np.float32).reshape(2, 3)}
    header, back = unpacked(pack({"name": "</script>"}, arrays))
    assert header == {"name": "</script>"}
    assert all(np.array_equal(back[name], array) for name, array in arrays.items())
    assert pack({}, arrays) == pack({}, arrays)


@pytest.mark.parametrize("scale", [1.0, 0.2, 0.003])
def test_a_take_keeps_its_values_within_the_tolerance(scale):
    values = np.random.default_rng(1).uniform(MINIMUM, MAXIMUM, (40, 174)).astype(np.float32) * scale
    values[:, 5] = 0.0
    values[:, 6] = 0.7
    header, arrays = unpacked(pack_take(RigSequence(values, 30), "x"))
    wide = np.cumsum(arrays["shorts"], axis=1, dtype=np.uint16)
    counts = np.concatenate([np.cumsum(arrays["bytes"], axis=1, dtype=np.uint8), wide])
    back = np.zeros_like(values)
    back[:, arrays["channels"]] = (arrays["low"][:, None] + arrays["step"][:, None] * counts).T
    assert 5 not in arrays["channels"] and (header["fps"], header["frames"]) == (30, 40)
    assert np.abs(back - values).max() < min(TOLERANCE, 0.005 * scale)


def test_the_turn_of_the_head_is_three_channels_more():
    head = np.linspace((-40.0, 0.0, 1.0), (30.0, 0.0, 2.0), 40)
    _, arrays = unpacked(pack_take(RigSequence(np.zeros((40, 174)), head=head), "x"))
    assert sorted(arrays["channels"].tolist()) == [174, 176]
    counts = np.concatenate(
        [np.cumsum(arrays["bytes"], axis=1, dtype=np.uint8), np.cumsum(arrays["shorts"], axis=1, dtype=np.uint16)]
    )
    back = arrays["low"][:, None] + arrays["step"][:, None] * counts
    for channel, row in zip(arrays["channels"].tolist(), back, strict=True):
        assert np.abs(row - head[:, channel - 174]).max() < TOLERANCE


def test_a_take_at_rest_and_of_one_frame():
    header, arrays = unpacked(pack_take(RigSequence(np.zeros((1, 174))), "rest", marks=[Mark(0.0, 0.1, "false", "x")]))
    assert arrays["channels"].size == 0 and arrays["intensity"].tolist() == [0]
    assert header["marks"] == [[0.0, 0.1, "false", "x"]] and header["strength"] == 1.0


def test_the_intensity_is_that_of_the_rig_or_the_one_that_is_given():
    rig = RigSequence(np.linspace(0.0, 1.0, 50)[:, None] * np.ones(174), 60, {}, (Timed("a", 0, 1),))
    for given, expected in ((None, np.linspace(0.0, 1.4, 50)), (np.full(50, 0.4), np.full(50, 0.4))):
        header, arrays = unpacked(pack_take(rig, "x", intensity=given))
        assert np.allclose(arrays["intensity"] * header["strength"], expected, atol=0.005)


def test_sounds_that_browsers_play_stay_as_they_are(speech_data):
    for data, kind in (
        (wav(babble(1.0)), "audio/wav"),
        (wav(babble(1.0), subtype="FLOAT"), "audio/wav"),
        ((speech_data / "jfk.flac").read_bytes(), "audio/flac"),
        (wav(babble(1.0), format="OGG", subtype="VORBIS"), "audio/ogg"),
    ):
        assert file_of(pack_sound(data)) == (kind, data)


def test_a_long_wav_and_what_browsers_do_not_play_are_encoded():
    second = wav(babble(1.0))
    stereo = np.column_stack([babble(30.0, 48000), np.zeros(30 * 48000)])
    for data, rate, channels, seconds in (
        (wav(stereo, 48000), 48000, 2, 30.0),
        (wav(babble(1.0), subtype="DOUBLE"), 16000, 1, 1.0),
        (second[:4] + b"\xff\xff\xff\xff" + second[8:], 16000, 1, 1.0),
        (wav(np.tile(babble(3.0, 192000)[:, None], 4), 192000), 16000, 1, 3.0),
    ):
        blob = pack_sound(data)
        kind, encoded = file_of(blob)
        about = soundfile.info(io.BytesIO(encoded))
        assert (kind, about.samplerate, about.channels, about.subtype) == ("audio/ogg", rate, channels, "VORBIS")
        assert about.duration == pytest.approx(seconds, abs=1e-4) == unpacked(blob)[0]["seconds"]
        assert len(encoded) < len(data) / 3


def test_the_waveform_is_that_of_the_sound():
    samples = np.zeros(32000)
    samples[16000:24000] = 0.5 * np.sin(np.arange(8000))
    header, arrays = unpacked(pack_sound(wav(samples), "line"))
    assert (header["name"], header["seconds"], len(arrays["high"])) == ("line", 2.0, 400)
    assert (
        arrays["high"][:200].max() == 0 and arrays["high"][210:290].min() > 110 and arrays["low"][210:290].max() < -110
    )
