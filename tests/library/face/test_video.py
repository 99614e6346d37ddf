"""Videos, read back by the library that players are made of."""

import sys
from fractions import Fraction

import numpy as np
import pytest
import soundfile

from medtalk.errors import AudioError, MissingExtraError, OutputError, SettingError
from medtalk.face.draw import camera
from medtalk.face.film import Film
from medtalk.face.video import check_target, read_sound, write_animation, write_video
from medtalk.rig import RigSequence, indices
from tests.helpers.sounds import babble

pytestmark = pytest.mark.slow

SIZE = 64


def _rig(seconds: float, fps: float = 60.0) -> RigSequence:
    """A jaw that opens in steps."""
    values = np.zeros((round(seconds * fps), 174), np.float32)
    values[:, indices("C_jaw.Y")] = (np.arange(len(values)) * 4 // len(values) / 4.0)[:, None]
    return RigSequence(values, fps)


@pytest.fixture
def film(head):
    def make(*seconds: float, fps: float = 30.0, **more: int) -> Film:
        takes = [(f"take {each}", _rig(each)) for each in seconds]
        return Film(head, takes, camera(head), fps, **{"size": SIZE} | more)

    return make


def _read(path):
    """Of a video: times and pictures, and the rate and samples (n, channels) of its sound; 0 if it has none."""
    import av

    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        base = frames[0].time_base or Fraction(0)
        shown = [((frame.pts or 0) * base, frame.to_ndarray(format="rgb24")) for frame in frames]
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return shown, 0, np.zeros((0, 0))
        heard = list(container.decode(audio=0))
        assert heard[0].pts == 0
        return shown, heard[0].sample_rate, np.concatenate([frame.to_ndarray().T for frame in heard])


@pytest.mark.parametrize("fps", [30.0, 24.0, 29.97, 60.0])
def test_every_picture_at_its_time(film, tmp_path, fps):
    shown, _, _ = _read(write_video(tmp_path / "take.mp4", film(1.5, fps=fps)))
    rate = {29.97: Fraction(30000, 1001)}.get(fps, Fraction(fps))
    assert [time for time, _ in shown] == [number / rate for number in range(round(1.5 * fps))]
    assert {picture.shape for _, picture in shown} == {(SIZE, SIZE, 3)}


def test_pictures_are_those_of_the_take(head, film, tmp_path):
    made = film(1.0)
    shown, _, _ = _read(write_video(tmp_path / "take.mp4", made))
    drawn = list(made.pictures())
    for number, (_, picture) in enumerate(shown):
        errors = [np.abs(picture.astype(int) - each).mean() for each in drawn]
        assert errors[number] < 4.0 and errors[number] < min(errors) + 0.5


@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (44100, 2), (22050, 1), (96000, 2), (48000, 6)])
def test_the_sound_is_in_time(film, tmp_path, rate, channels):
    """It begins with the first picture and is shifted by not one sample, whatever its rate."""
    voice = babble(2.0, rate)
    soundfile.write(tmp_path / "voice.wav", np.repeat(voice[:, None], channels, axis=1), rate)
    sound = read_sound(tmp_path / "voice.wav")
    _, heard_rate, heard = _read(write_video(tmp_path / "take.mp4", film(2.0), sound))
    assert heard_rate == min(rate, 48000) and heard.shape[1] == (2 if channels == 2 else 1)
    assert len(heard) / heard_rate == pytest.approx(2.0, abs=2048 / heard_rate)
    expected = voice if rate == heard_rate else voice[::2]
    count = min(len(heard), len(expected))
    both = np.fft.rfft(heard[:count, 0], 2 * count) * np.conj(np.fft.rfft(expected[:count], 2 * count))
    assert np.argmax(np.fft.irfft(both)) in (0, 1, 2 * count - 1)
    assert np.corrcoef(heard[:count, 0], expected[:count])[0, 1] > 0.9


def test_picture_and_sound_go_on_to_their_own_ends(film, sound, tmp_path):
    shown, rate, heard = _read(write_video(tmp_path / "short.mp4", film(1.0), read_sound(sound)))
    assert len(shown) == 30 and len(heard) / rate == pytest.approx(2.0, abs=0.1)
    shown, rate, heard = _read(write_video(tmp_path / "long.mp4", film(3.0), read_sound(sound)))
    assert len(shown) == 90 and len(heard) / rate == pytest.approx(2.0, abs=0.1)


def test_a_part_of_a_sound(sound):
    whole, _ = soundfile.read(sound, dtype="float32")
    part = read_sound(sound).part(0.25).part(0.25, 1.0)
    assert part.seconds == 0.75
    assert np.array_equal(np.concatenate(list(part.blocks()))[:, 0], whole[8000:20000])
    assert read_sound(sound).part(1.5, 9.0).seconds == 0.5
    with pytest.raises(SettingError, match="lasts 2 s"):
        read_sound(sound).part(7.0, 9.0)


def test_a_sound_that_only_ffmpeg_knows(film, sound, tmp_path):
    write_video(tmp_path / "first.mp4", film(2.0), read_sound(sound))
    again = read_sound(tmp_path / "first.mp4")
    assert (again.rate, again.channels) == (16000, 1) and again.seconds == pytest.approx(2.0, abs=0.1)
    _, rate, heard = _read(write_video(tmp_path / "second.mp4", film(2.0), again))
    assert len(heard) / rate == pytest.approx(2.0, abs=0.2) and np.abs(heard).max() > 0.05


def test_a_sound_that_is_none(tmp_path):
    (tmp_path / "voice.wav").write_bytes(b"RIFF nothing")
    with pytest.raises(AudioError):
        read_sound(tmp_path / "voice.wav")


def test_takes_side_by_side_have_names_and_wait_for_the_longest(film):
    made = film(1.0, 0.5)
    pictures = list(made.pictures())
    assert len(made) == len(pictures) == 30 and made.seconds == 1.0
    assert {picture.shape for picture in pictures} == {(SIZE, 2 * SIZE, 3)}
    assert np.array_equal(pictures[-1][:, SIZE:], pictures[-2][:, SIZE:])
    assert not np.array_equal(pictures[-1][:, :SIZE], pictures[0][:, :SIZE])
    alone = list(film(0.5).pictures())
    assert np.array_equal(alone[0][:-24], pictures[0][:-24, SIZE:])
    assert (pictures[0][-24:, SIZE:] > 220).sum() > (alone[0][-24:] > 220).sum() + 100


@pytest.mark.parametrize("kind", ["webp", "gif"])
def test_an_animated_picture(film, tmp_path, kind):
    from PIL import Image, ImageSequence

    made = film(1.0, fps=12.0)
    with Image.open(write_animation(tmp_path / f"take.{kind}", made)) as read:
        assert read.format == kind.upper() and read.info["loop"] == 0 and read.size == (SIZE, SIZE)
        durations = []
        for frame in ImageSequence.Iterator(read):
            frame.load()
            durations.append(frame.info["duration"])
        assert sum(durations) == 1000  # pictures that are the same may be one
        read.seek(0)
        assert np.abs(np.asarray(read.convert("RGB")).astype(int) - next(made.pictures())).mean() < 6.0


def test_films_that_cannot_be(film, head):
    for wrong, message in (
        ({"size": 65}, "must be even"), ({"size": 4096}, "valid are 32 to 2048"), ({"fps": 0.5}, "valid are 1 to 240"),
        ({"fps": float("nan")}, "valid are 1 to 240"),
    ):  # fmt: skip
        with pytest.raises(SettingError, match=message):
            film(1.0, **wrong)
    with pytest.raises(SettingError, match="valid are 1 to 8"):
        film(*[1.0] * 9)


def test_an_animated_picture_that_is_too_long(film, tmp_path):
    with pytest.raises(SettingError, match=r"--span.*\.mp4"):
        write_animation(tmp_path / "take.webp", film(400.0, size=512))
    assert list(tmp_path.iterdir()) == []


def test_names_of_videos(tmp_path):
    for name in ("take.avi", "take", "take.png"):
        with pytest.raises(SettingError, match=r"valid endings are \.mp4 \.webp \.gif"):
            check_target(tmp_path / name)


def test_a_film_that_is_not_taken_to_its_end_leaves_no_threads(film):
    import threading

    pictures = film(30.0).pictures()
    next(pictures)
    assert any(thread.name.startswith("medtalk-draw") for thread in threading.enumerate())
    pictures.close()
    assert not any(thread.name.startswith("medtalk-draw") for thread in threading.enumerate())


def test_what_fails_half_way_leaves_nothing(film, tmp_path, monkeypatch):
    (tmp_path / "take.mp4").write_bytes(b"of yesterday")
    made = film(1.0)
    drawn = made._picture

    def fail(number):
        if number == 20:
            raise OSError(28, "No space left on device")
        return drawn(number)

    monkeypatch.setattr(made, "_picture", fail)
    with pytest.raises(OutputError, match="the disk is full"):
        write_video(tmp_path / "take.mp4", made)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"of yesterday"]


@pytest.mark.parametrize(("missing", "name"), [("av", "take.mp4"), ("PIL", "take.webp")])
def test_without_the_extra(tmp_path, monkeypatch, missing, name):
    for module in [each for each in sys.modules if each.split(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'medtalk\[report\]'"):
        check_target(tmp_path / name)
