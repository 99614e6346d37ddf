"""A microphone by PortAudio, from a device of ALSA (tests/helpers/booth.py): what comes, and what befalls it."""

from __future__ import annotations

import ctypes.util
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from medtalk import microphone
from medtalk.errors import AudioError, MissingExtraError
from medtalk.microphone import Microphone, devices, find_device
from tests.helpers.booth import LOUD, RATE, TONE, Booth


def listened(mic: Microphone, seconds: float) -> tuple[np.ndarray, float, float]:
    """What comes in at least so many seconds, how many of them were lost, and how many there were."""
    parts, lost, begun = [np.zeros(0, np.float32)], 0.0, time.perf_counter()
    while (took := time.perf_counter() - begun) < seconds:
        heard = mic.read(0.04)
        parts.append(heard.samples)
        lost += heard.lost
    return np.concatenate(parts), lost, took


def stumbled(mic: Microphone) -> float:
    """Seconds of time for which there is no sound yet, nor is it known to be lost. The machine may stand still between
    the last `read` and now, so the smallest of some is taken."""
    found = []
    for _ in range(5):
        mic.read(0.02)
        found.append(abs(time.perf_counter() - mic.start - mic._given / mic.rate))
    return min(found)


def pitch(samples: np.ndarray, rate: int) -> float:
    return float(np.abs(np.fft.rfft(np.nan_to_num(samples))).argmax() * rate / len(samples))


def until(mic: Microphone, condition: Callable[[], bool], seconds: float = 20.0) -> float:
    """Listen until something holds; how many seconds were lost meanwhile."""
    end, lost = time.perf_counter() + seconds, 0.0
    while not condition() and time.perf_counter() < end:
        lost += mic.read(0.02).lost
    assert condition()
    return lost


def test_devices_are_listed_and_found(booth: Booth) -> None:
    found = {each.name: each for each in devices()}
    assert {"booth", "boom"} <= set(found)
    assert found["booth"].interface == "ALSA" and found["booth"].rate == RATE and found["booth"].channels > 0
    assert found["booth"].facts() == {
        "number": found["booth"].number, "name": "booth", "interface": "ALSA", "channels": found["booth"].channels,
        "rate": RATE, "usual": found["booth"].usual,
    }  # fmt: skip
    number = found["booth"].number
    assert [find_device(wanted).number for wanted in ("booth", " BOOTH ", "oot", str(number))] == [number] * 4
    assert find_device(None) == next((each for each in devices() if each.usual), devices()[0])


def test_a_device_that_is_not_there_is_told_with_those_that_are(booth: Booth) -> None:
    for wanted, what in {
        "piano": "No microphone called 'piano'",
        "boo": "2 microphones called 'boo'",
        "": "No",
    }.items():
        with pytest.raises(AudioError) as refused:
            Microphone(wanted, print)
        assert what in str(refused.value) and f"{find_device('booth').number} booth" in refused.value.hint
    with pytest.raises(AudioError, match="has no channel 1000"):
        Microphone("booth", print, channel=1000)


def test_no_microphone_at_all(booth: Booth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nothing").write_text("</usr/share/alsa/alsa.conf>\n")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "nothing"))
    booth._look()
    if devices():
        pytest.skip("this machine has a sound card")
    with pytest.raises(AudioError, match=r"has no microphone\. Plug one in"):
        Microphone(None, print)


def test_sound_comes_as_fast_as_time_goes_by(booth: Booth) -> None:
    told: list[str] = []
    mic = Microphone("booth", told.append)
    try:
        assert (mic.name, mic.rate, mic.gone, mic.ended) == ("booth", RATE, False, False)
        samples, lost, _ = listened(mic, 0.8)
        assert len(samples) / RATE + lost == pytest.approx(mic._given / RATE, abs=0.01) and not told
        assert stumbled(mic) < 0.3
        assert len(samples) > 0.5 * RATE  # nearly all of it; a busy machine loses some
        assert abs(pitch(samples[-RATE // 2 :], RATE) - TONE) < 5.0 and np.nanmedian(np.abs(samples)) == pytest.approx(
            LOUD * 0.5**0.5, abs=0.03
        )
    finally:
        mic.close()


def test_a_cable_that_is_pulled_out_and_put_back(booth: Booth, monkeypatch: pytest.MonkeyPatch) -> None:
    """The face goes on meanwhile: there is a second of sound for each second, and it is told once."""
    monkeypatch.setattr(microphone, "_AGAIN_SECONDS", 0.1)
    told: list[str] = []
    mic = Microphone("booth", told.append)
    try:
        listened(mic, 0.2)
        booth.unplug()
        until(mic, lambda: mic.gone)
        samples, lost, took = listened(mic, 0.5)
        assert len(samples) < 0.1 * RATE and 0.2 < lost < took + 0.5
        assert told == ["The microphone booth is gone. The face rests until it is back."]
        booth.plug()
        until(mic, lambda: not mic.gone)
        assert told[1:] == ["The microphone booth is back."]
        samples, _, _ = listened(mic, 0.6)
        assert abs(pitch(samples[-RATE // 4 :], RATE) - TONE) < 5.0
        assert stumbled(mic) < 0.3 and mic.lost > 0.3
    finally:
        mic.close()


def test_a_device_that_falls_silent_costs_time_not_truth(booth: Booth) -> None:
    mic = Microphone("booth", print)
    try:
        listened(mic, 0.2)
        booth.silent = True
        _, lost, took = listened(mic, 0.6)
        assert 0.15 < lost < took and not mic.gone
        booth.silent = False
        samples, lost, _ = listened(mic, 0.4)
        assert len(samples) > 0.2 * RATE
        assert stumbled(mic) < 0.3
    finally:
        mic.close()


def test_a_machine_that_stood_still_does_not_take_its_device_for_gone(booth: Booth) -> None:
    mic = Microphone("booth", print)
    try:
        listened(mic, 0.2)
        booth.silent = True
        listened(mic, 0.1)
        mic._last -= 1.5
        mic._looked -= 1.5
        mic.read(0.0)
        assert not mic.gone
    finally:
        booth.silent = False  # PortAudio cannot let go of a file that gives nothing
        mic.close()


def test_who_does_not_listen_in_time_has_lost_it(booth: Booth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphone, "_MOST_SECONDS", 0.2)
    monkeypatch.setattr(Microphone, "_watch", lambda _: None)
    mic = Microphone("booth", print)
    try:
        listened(mic, 0.2)
        begun = time.perf_counter()
        time.sleep(0.8)
        heard = mic.read(0.04)
        assert len(heard.samples) / RATE < 0.25 and 0.3 < heard.lost < time.perf_counter() - begun + 0.1
        assert mic.lost == pytest.approx(heard.lost, abs=0.01)
    finally:
        mic.close()


def test_a_device_may_come_back_with_another_rate_and_any_numbers(booth: Booth) -> None:
    mic = Microphone("booth", print)
    mic.close()
    mic._waiting.clear()
    came = mic._callback(16_000)
    tone = np.sin(2 * np.pi * TONE * np.arange(16_000) / 16_000).astype(np.float32)
    for block in np.array_split(tone, 100):
        came(block[:, None], len(block), None, None)
    with mic._arrived:
        samples = np.concatenate(mic._waiting)
        mic._waiting.clear()
    assert abs(len(samples) / RATE - 1.0) < 0.05 and abs(pitch(samples, RATE) - TONE) < 5.0
    came = mic._callback(RATE)
    came(np.array([[math.nan], [math.inf], [-3e38], [0.5]], np.float32), 4, None, None)
    with mic._arrived:
        (samples,) = mic._waiting
    assert math.isnan(samples[0]) and samples[1:].tolist() == [1.0, -1.0, 0.5]
    stereo = np.tile(np.array([[0.5, -0.1]], np.float32), (3, 1))
    mic._waiting.clear()
    came(stereo, 3, None, None)
    assert mic._waiting[0] == pytest.approx([0.2] * 3)
    mic._channel = 1
    came(stereo, 3, None, None)
    assert mic._waiting[1] == pytest.approx([-0.1] * 3)


def test_a_device_that_portaudio_has_forgotten_is_gone(booth: Booth, monkeypatch: pytest.MonkeyPatch) -> None:
    """On some systems it knows nothing of the stream any more, and says so by an error."""
    import sounddevice

    def forgotten(_: object) -> bool:
        raise sounddevice.PortAudioError("Invalid stream pointer")

    told: list[str] = []
    mic = Microphone("booth", told.append)
    try:
        monkeypatch.setattr(sounddevice.InputStream, "active", property(forgotten))
        mic.read(0.02)
        assert mic.gone and told == ["The microphone booth is gone. The face rests until it is back."]
    finally:
        mic.close()


def test_a_device_that_cannot_be_opened(booth: Booth) -> None:
    booth.unplug()
    with pytest.raises(AudioError, match=r"The microphone booth cannot be opened \(.+\)\. Close other programs"):
        Microphone("booth", print)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "sounddevice", None)
        with pytest.raises(MissingExtraError, match=r"sounddevice, .*pip install 'medtalk\[live\]'"):
            devices()
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(ctypes.util, "find_library", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"finds no PortAudio.*libportaudio2"):
        devices()
