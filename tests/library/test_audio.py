from __future__ import annotations

import io
import os
import re
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from medtalk.audio import Speech, frame_count, read_speech
from medtalk.errors import AudioError, LimitError
from medtalk.limits import AudioLimits
from medtalk.rates import RATE
from tests.helpers.sounds import babble


def tone(seconds: float = 1.0, rate: int = RATE, hertz: float = 300.0) -> np.ndarray:
    """(n,) float64 sine of amplitude 0.5."""
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def encoded(samples: np.ndarray, rate: int = RATE, kind: str = "WAV", subtype: str | None = None) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate, subtype=subtype, format=kind)
    return stream.getvalue()


def refusal(data: bytes, kind: type[AudioError] = AudioError, **options) -> str:
    with pytest.raises(kind) as caught:
        read_speech(data, **options)
    line = str(caught.value)
    assert "\n" not in line and len(line) < 250
    return line


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [
        *(("WAV", subtype) for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")),
        *(("FLAC", subtype) for subtype in ("PCM_S8", "PCM_16", "PCM_24")),
        *(("OGG", subtype) for subtype in ("VORBIS", "OPUS")),
        *(("WAVEX", "PCM_16"), ("RF64", "PCM_16")),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_valid_kind_gives_the_same_sound(kind: str, subtype: str, channels: int) -> None:
    samples = np.repeat(tone(rate=48000)[:, None], channels, axis=1)
    speech = read_speech(encoded(samples, 48000, kind, subtype))
    assert speech.samples.dtype == np.float32 and not speech.samples.flags.writeable
    assert (speech.source_rate, speech.source_channels) == (48000, channels)
    assert abs(len(speech.samples) - RATE) <= (0 if kind != "OGG" else 10)
    middle = slice(2000, 14000)
    error = np.abs(speech.samples[middle] - tone()[middle]).max()
    assert error < {"PCM_U8": 0.01, "PCM_S8": 0.01, "VORBIS": 0.05, "OPUS": 0.05}.get(subtype, 1e-3)


@pytest.mark.parametrize("rate", [4000, 8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000, 384000])
def test_length_and_time_after_resampling(rate: int) -> None:
    count = round(1.2345 * rate)
    samples = np.zeros(count)
    samples[round(0.75 * rate)] = 1.0
    speech = Speech.from_array(samples, rate)
    assert len(speech.samples) == round(count * RATE / rate)
    assert abs(int(np.abs(speech.samples).argmax()) - 0.75 * RATE) <= RATE / rate + 1


def test_a_long_sound_in_blocks_equals_one_resampled_at_once() -> None:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 400_001).astype(np.float32)
    speech = Speech.from_array(samples, 44100)
    assert np.allclose(
        speech.samples, soxr.resample(samples, 44100, RATE, quality="HQ")[: len(speech.samples)], atol=1e-6
    )


def test_frames_are_counted_in_exact_integers() -> None:
    assert [frame_count(n) for n in (0, 266, 267, 16000, 176000)] == [0, 0, 1, 60, 660]
    assert frame_count(10**15 * 16000 - 1) == 10**15 * 60 - 1  # a float would round up
    assert Speech.from_array(np.zeros(16000 * 2 + 200), RATE).frames == 120


def test_channels_are_mixed_or_picked() -> None:
    both = np.stack([tone(), np.zeros(RATE)], axis=1)
    data = encoded(both, subtype="FLOAT")
    assert np.allclose(read_speech(data).samples, tone() / 2, atol=1e-6)
    assert np.allclose(read_speech(data, channel=0).samples, tone(), atol=1e-6)
    assert not read_speech(data, channel=1).samples.any()
    assert "channels 0 to 1" in refusal(data, channel=2)
    assert "only channel 0" in refusal(encoded(tone()), channel=-1)


def test_a_path_gives_what_its_bytes_give(tmp_path: Path) -> None:
    path = tmp_path / "voice.wav"
    path.write_bytes(encoded(tone()))
    speech, same = read_speech(path), read_speech(path.read_bytes())
    assert speech.name == "voice.wav" and speech.seconds == 1.0
    assert speech.sha256 == same.sha256 == read_speech(str(path)).sha256
    assert speech.sha256 != read_speech(encoded(tone(hertz=301))).sha256


def test_silence_is_a_sound() -> None:
    assert not read_speech(encoded(np.zeros(RATE))).samples.any()


def test_the_name_does_not_decide_the_kind(tmp_path: Path) -> None:
    path = tmp_path / "voice.ogg"
    path.write_bytes(encoded(tone(), kind="FLAC"))
    assert read_speech(path).seconds == 1.0


def test_arrays() -> None:
    integers = Speech.from_array((tone() * 32767).astype(np.int16), RATE)
    assert np.allclose(integers.samples, tone(), atol=1e-4)
    unsigned = Speech.from_array(np.full(RATE, 128, np.uint8), RATE)
    assert not unsigned.samples.any()
    samples = tone().astype(np.float32)
    speech = Speech.from_array(samples, RATE, name="mine")
    samples[:] = 0.0
    assert speech.samples.any() and speech.name == "mine"
    for bad in (np.zeros((2, 2, 2)), np.array(["a"]), np.zeros(RATE, complex), np.zeros(0), np.zeros((RATE, 0))):
        with pytest.raises(AudioError):
            Speech.from_array(bad, RATE)
    for value in (np.nan, np.inf, 1e300, 32767.0):
        with pytest.raises(AudioError, match=r"not numbers|full scale"):
            Speech.from_array(np.full(RATE, value), RATE)
    for rate in (0, -1, 3999, 10**9):
        with pytest.raises(LimitError):
            Speech.from_array(np.zeros(RATE), rate)


# What is refused, and the words that say why.


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty.wav").touch()
    (tmp_path / "file").write_bytes(b"x")
    for path, words in [
        (tmp_path / "none.wav", "does not exist"),
        (tmp_path, "is a folder"),
        (tmp_path / "pipe", "device or pipe"),
        (Path("/dev/zero"), "device or pipe"),
        (tmp_path / "empty.wav", "is empty"),
        (tmp_path / "file" / "a.wav", "Not a directory"),
        ("a\0b.wav", "cannot be read"),
        (tmp_path / ("x" * 300), "cannot be read"),
    ]:
        with pytest.raises(AudioError, match=words):
            read_speech(path)


def test_other_formats_are_named() -> None:
    assert "is text" in refusal(b"hello, this is no sound\n" * 100)
    assert "is text" in refusal("Grüße ".encode() * 200)
    for kind in ("W64", "AU"):
        line = refusal(encoded(tone(), kind=kind))
        assert "no sound format" in line and "WAV (PCM or float), FLAC and OGG" in line
    assert "MP3" in refusal(b"ID3\x04\0\0\0\0\0\0" + bytes(1000))
    assert "no sound format" in refusal(bytes(1000))
    assert "empty" in refusal(b"")
    assert "cut" in refusal(b"RIFF")


@pytest.mark.parametrize(
    ("subtype", "words"),
    [("IMA_ADPCM", "IMA ADPCM"), ("MS_ADPCM", "MS ADPCM"), ("ULAW", "mu-law"), ("ALAW", "A-law"), ("GSM610", "GSM")],
)
def test_compressed_wav_is_refused(subtype: str, words: str) -> None:
    line = refusal(encoded(tone(rate=8000), 8000, subtype=subtype))
    assert "compressed WAV" in line and words in line


@pytest.mark.parametrize("kind", ["WAV", "WAVEX", "RF64", "FLAC", "OGG"])
def test_a_cut_file_is_refused_wherever_it_is_cut(kind: str) -> None:
    data = encoded(tone(3.0) + 0.1 * np.random.default_rng(0).standard_normal(3 * RATE), kind=kind)
    for keep in (0.999, 0.9, 0.5, 0.1, 0.01):
        refusal(data[: int(len(data) * keep)])
    for end in (1, 3, 4, 8, 11, 12, 20, 30, 44, 60, len(data) - 1):
        refusal(data[:end])
    assert read_speech(data).seconds == pytest.approx(3.0, abs=0.01)


@pytest.fixture(scope="module", params=["VORBIS", "OPUS"])
def ogg(request: pytest.FixtureRequest) -> bytes:
    """20 s, so that there are pages whose loss the decoder makes up for."""
    return encoded(babble(20.0), kind="OGG", subtype=request.param)


def pages(data: bytes) -> list[bytes]:
    starts = [found.start() for found in re.finditer(b"OggS", data)]
    return [data[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]


def test_an_ogg_with_a_changed_byte_never_passes_for_another_sound(ogg: bytes) -> None:
    sound = read_speech(ogg).samples
    rng = np.random.default_rng(5)
    places = [*(len(ogg) * part // 100 for part in range(100)), *rng.integers(0, len(ogg), 60).tolist(), len(ogg) - 1]
    for place in places:
        data = bytearray(ogg)
        data[place] ^= int(rng.integers(1, 256))
        try:
            assert np.array_equal(read_speech(bytes(data)).samples, sound)
        except AudioError as error:
            assert "\n" not in str(error)


def test_ogg_pages_that_are_missing_swapped_or_doubled(ogg: bytes) -> None:
    whole = pages(ogg)
    assert len(whole) > 10 and b"".join(whole) == ogg
    for k in range(len(whole)):
        refusal(b"".join(whole[:k] + whole[k + 1 :]))
        refusal(ogg[: len(b"".join(whole[:k])) + 28])
        if k + 1 < len(whole):
            refusal(b"".join([*whole[:k], whole[k + 1], whole[k], *whole[k + 2 :]]))
            refusal(b"".join(whole[: k + 1] + whole[k:]))


def test_an_ogg_of_several_sounds_is_not_read_in_part(ogg: bytes) -> None:
    assert "several sounds" in refusal(ogg + encoded(tone(), kind="OGG"))
    tagged = ogg + b"TAG" + bytes(125)  # an ID3 tag, as some programs leave one
    assert np.array_equal(read_speech(tagged).samples, read_speech(ogg).samples)


def test_a_cut_wav_says_how_much_is_there() -> None:
    line = refusal(encoded(tone(2.0))[: 44 + RATE])
    assert "promises 2.00 s and 0.50 s" in line


def test_a_header_that_promises_too_much_is_refused_before_decoding() -> None:
    data = bytearray(encoded(tone()))
    struct.pack_into("<I", data, data.index(b"data") + 4, 0x40000000)
    assert "is cut" in refusal(bytes(data))


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFF000])
def test_a_wav_written_into_a_pipe_is_read(length: int) -> None:
    data = bytearray(encoded(tone()))
    struct.pack_into("<I", data, 4, length)
    struct.pack_into("<I", data, data.index(b"data") + 4, length)
    assert read_speech(bytes(data)).seconds == 1.0


def test_a_flac_that_does_not_tell_its_length_is_refused() -> None:
    data = bytearray(encoded(tone(3.0), kind="FLAC"))
    data[21] &= 0xF0  # the 36 bits of the number of samples, in the first block of meta data
    data[22:26] = bytes(4)
    assert "does not state its length" in refusal(bytes(data))


def test_chunks_before_the_samples_are_passed_over() -> None:
    data = encoded(tone())
    at = data.index(b"data")
    extra = b"LIST" + struct.pack("<I", 5) + b"abcde\0" + b"bext" + struct.pack("<I", 602) + bytes(602)
    assert read_speech(data[:at] + extra + data[at:]).seconds == 1.0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_numbers(value: float) -> None:
    samples = tone()
    samples[-1] = value
    assert "not numbers" in refusal(encoded(samples, subtype="FLOAT"))


def test_floats_of_integer_size() -> None:
    assert "full scale is 1" in refusal(encoded(tone() * 32767, subtype="FLOAT"))
    assert read_speech(encoded(tone() * 4, subtype="FLOAT")).samples.max() > 1.9  # hot, but a sound


def test_limits() -> None:
    assert "no samples" in refusal(encoded(np.zeros(0)))
    assert "0.050 s" in refusal(encoded(tone(0.05)), LimitError)
    read_speech(encoded(tone(0.1)))
    assert "limit is 2 s" in refusal(encoded(tone(2.1)), LimitError, limits=AudioLimits(max_seconds=2))
    assert "9 channels" in refusal(encoded(np.zeros((RATE, 9))), LimitError)
    for rate in (1, 3999, 400_000, 2_000_000_000):
        assert f"{rate} samples a second" in refusal(encoded(np.zeros(4000), rate), LimitError)
    data = encoded(tone())
    assert "bytes" in refusal(data, LimitError, limits=AudioLimits(max_bytes=len(data) - 1))
    for kind in ("FLAC", "OGG"):
        refusal(encoded(tone(2.1), kind=kind), LimitError, limits=AudioLimits(max_seconds=2))


def test_limits_are_told_as_numbers_beyond_them() -> None:
    assert "lasts 0.099 s; at least 0.1 s" in refusal(encoded(tone(0.1, 44100)[:-1], 44100), LimitError)
    line = refusal(encoded(np.zeros(2 * RATE + 1)), LimitError, limits=AudioLimits(max_seconds=2))
    assert "lasts 2.1 s; the limit is 2 s" in line
    assert "promises 2.00 s and 1.99 s" in refusal(encoded(tone(2.0))[:-2])


def test_a_silent_sound_or_channel_has_a_note(tmp_path: Path) -> None:
    voice = babble(1.0)
    left = np.stack([voice, np.zeros_like(voice)], axis=1)
    path = tmp_path / "left.wav"
    soundfile.write(path, left, RATE)
    assert read_speech(path).note == read_speech(path, channel=0).note == Speech.from_array(voice, RATE).note == ""
    assert read_speech(path, channel=1).note == "Channel 1 of left.wav is silent, channel 0 is not: the face rests."
    assert read_speech(encoded(np.zeros((RATE, 2)))).note == "The sound is silent: the face rests."
    assert Speech.from_array(1e-4 * voice, RATE).note == "array is silent: the face rests."
    opposite = Speech.from_array(np.stack([voice, -voice], axis=1), RATE, "x.wav")
    assert opposite.note == "The channels of x.wav cancel each other out: use one of them, such as channel 0."
    assert Speech.from_array(np.stack([voice, -voice], axis=1), RATE, "x.wav", channel=1).note == ""
    alike = np.stack([voice, babble(1.0, seed=4), np.zeros_like(voice)], axis=1)
    assert Speech.from_array(alike, RATE).note == Speech.from_array(np.stack([voice] * 8, axis=1), RATE).note == ""


def test_two_hours_are_refused_without_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object, **__: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(soundfile.SoundFile, "read", explode)
    path = tmp_path / "long.wav"
    header = bytearray(encoded(np.zeros(0)))
    size = 2 * 3600 * RATE * 2
    struct.pack_into("<I", header, header.index(b"data") + 4, size)
    with open(path, "wb") as file:
        file.write(header)
        file.truncate(len(header) + size)  # sparse: takes no room on the disk
    with pytest.raises(LimitError, match=r"7200\.0 s"):
        read_speech(path)


def test_damaged_headers_never_do_worse_than_an_audio_error() -> None:
    rng = np.random.default_rng(3)
    for kind in ("WAV", "FLAC", "OGG"):
        whole = encoded(tone(0.3), kind=kind)
        for _ in range(150):
            data = bytearray(whole)
            for at in rng.integers(0, 80, 3):
                data[at] = rng.integers(256)
            try:
                speech = read_speech(bytes(data))
            except AudioError:
                continue
            assert np.isfinite(speech.samples).all()


def test_reference_recordings(speech_data: Path) -> None:
    speech = read_speech(speech_data / "jfk.flac")
    assert (speech.frames, speech.source_rate, speech.source_channels) == (660, 16000, 1)
    assert read_speech(speech_data / "sonnet.flac").frames == 1647
